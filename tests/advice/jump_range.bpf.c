/* CFG_JUMP_RANGE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 0;"
#ifdef ADVICE
		     "goto +0;"
#else
		     "goto +7;"
#endif
		     "exit;");
}
