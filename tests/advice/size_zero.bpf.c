/* SIZE_ZERO */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u8 buf[64];
	u64 size = skb->len;

	hide(size);
	if (size > sizeof(buf))
		return 0;
#ifdef ADVICE
	if (size == 0)
		return 0;
#endif
	return bpf_skb_load_bytes(skb, 0, buf, size);
}
