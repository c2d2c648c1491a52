/* LD_ABS_R6 */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile(
#ifdef ADVICE
		"r6 = r1;"
#else
		"r6 = 0;"
#endif
		"r0 = *(u8 *)skb[0];"
		"exit;");
}
