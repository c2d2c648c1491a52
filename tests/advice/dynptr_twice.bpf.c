/* DYNPTR_UNACQUIRED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

RINGBUF(events);

SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr record;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record);
	bpf_ringbuf_submit_dynptr(&record, 0);
#ifndef ADVICE
	bpf_ringbuf_submit_dynptr(&record, 0);
#endif
	return 0;
}
