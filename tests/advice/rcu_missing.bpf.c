/* IN_RCU */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("tc")
int prog(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
#ifdef ADVICE
	bpf_rcu_read_unlock();
#endif
	return 0;
}
