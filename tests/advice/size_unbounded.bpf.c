/* SIZE_UNBOUNDED */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u8 buf[64];
	u32 size = skb->len;

	if (!size)
		return 0;
#ifdef ADVICE
	if (size > sizeof(buf))
		return 0;
#endif
	hide(size);
	return bpf_skb_load_bytes(skb, 0, buf, size);
}
