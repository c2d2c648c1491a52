/* ARG_RELEASE_OFF */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

RINGBUF(events);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u64 *event = bpf_ringbuf_reserve(&events, 16, 0);

	if (!event)
		return 0;
	*event = skb->len;
#ifdef ADVICE
	bpf_ringbuf_submit(event, 0);
#else
	bpf_ringbuf_submit(event + 1, 0);
#endif
	return 0;
}
