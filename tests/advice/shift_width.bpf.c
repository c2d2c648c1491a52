/* ISA_INVALID_SHIFT */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 1;"
#ifdef ADVICE
		     "r0 <<= 63;"
#else
		     "r0 <<= 64;"
#endif
		     "exit;");
}
