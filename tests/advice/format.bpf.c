/* FORMAT */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("tc")
int prog(struct __sk_buff *skb)
{
	char out[32];
	u64 args[] = { skb->len };

#ifdef ADVICE
	static const char format[] = "%llu";
#else
	static const char format[] = "%y";
#endif
	return bpf_snprintf(out, sizeof(out), format, args, sizeof(args));
}
