/* CFG_LAST_INSN */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 0;"
#ifdef ADVICE
		     "exit;"
#endif
	);
}
