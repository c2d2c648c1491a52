/* RETVAL_RANGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("cgroup/sock_create")
int prog(struct bpf_sock *sk)
{
#ifdef ADVICE
	return sk->family & 1;
#else
	return sk->family;
#endif
}
