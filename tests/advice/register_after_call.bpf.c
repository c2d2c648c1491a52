/* REG_UNREADABLE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile(
#ifdef ADVICE
		"r6 = r1;"
		"call %[random];"
		"r0 = *(u32 *)(r6 + 0);"
#else
		"call %[random];"
		"r0 = *(u32 *)(r1 + 0);"
#endif
		"exit;"
		:
		: [random] "i"(BPF_FUNC_get_prandom_u32));
}
