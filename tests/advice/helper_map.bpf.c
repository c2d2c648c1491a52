/* MAP_FUNC */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

MAP(values, ARRAY, u32, 1);
RINGBUF(events);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u64 event = skb->len;

#ifdef ADVICE
	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
#else
	bpf_ringbuf_output(&values, &event, sizeof(event), 0);
#endif
	return 0;
}
