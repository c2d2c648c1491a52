/* STR_MAP_WRITABLE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
const char expected[] = "skep";
#else
char expected[] = "skep";
#endif

SEC("tc")
int prog(struct __sk_buff *skb)
{
	char name[8] = "test";

	return bpf_strncmp(name, sizeof(name), expected);
}
