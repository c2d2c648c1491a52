/* CFG_UNREACHABLE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 0;"
		     "exit;"
#ifndef ADVICE
		     "r0 = 1;"
		     "exit;"
#endif
	);
}
