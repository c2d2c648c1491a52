/* MEM_ACCESS_INVALID */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

#ifdef ADVICE
	if (!sk)
		return 0;
#endif
	return sk->family;
}
