/* STR_UNTERMINATED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
const char expected[5] = "skep";
#else
const char expected[4] = { 's', 'k', 'e', 'p' };
#endif

SEC("tc")
int prog(struct __sk_buff *skb)
{
	char name[8] = "test";

	return bpf_strncmp(name, sizeof(name), expected);
}
