/* RETVAL_RANGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("cgroup_skb/egress")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	return 1;
#else
	return 5;
#endif
}
