/* ISA_DIV_BY_ZERO */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 1;"
#ifdef ADVICE
		     "r1 = 0;"
		     "r0 /= r1;"
#else
		     "r0 /= 0;"
#endif
		     "exit;");
}
