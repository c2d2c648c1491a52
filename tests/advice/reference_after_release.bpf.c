/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

RINGBUF(events);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
#ifdef ADVICE
	*event = skb->len;
	bpf_ringbuf_submit((void *)event, 0);
#else
	bpf_ringbuf_submit((void *)event, 0);
	*event = skb->len;
#endif
	return 0;
}
