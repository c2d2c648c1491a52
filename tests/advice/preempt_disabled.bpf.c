/* IN_PREEMPT */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;

SEC("tc")
int prog(struct __sk_buff *skb)
{
	bpf_preempt_disable();
#ifdef ADVICE
	bpf_preempt_enable();
#endif
	return 0;
}
