/* CTX_ACCESS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	u8 byte = 0;

	bpf_skb_load_bytes(skb, 0, &byte, 1);
	return byte;
#else
	return skb->data;
#endif
}
