/* ARG_NOT_CONST */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

RINGBUF(events);

SEC("socket")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	void *event = bpf_ringbuf_reserve(&events, 64, 0);
#else
	void *event = bpf_ringbuf_reserve(&events, skb->len & 63, 0);
#endif

	if (event)
		bpf_ringbuf_submit(event, 0);
	return 0;
}
