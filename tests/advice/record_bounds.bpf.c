/* MEM_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

RINGBUF(events);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u64 *event = bpf_ringbuf_reserve(&events, 8, 0);

	if (!event)
		return 0;
#ifdef ADVICE
	event[0] = skb->len;
#else
	event[1] = skb->len;
#endif
	bpf_ringbuf_submit(event, 0);
	return 0;
}
