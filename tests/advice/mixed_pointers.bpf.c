/* INSN_MIXED_POINTERS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r2 = r10;"
		     "r2 += -8;"
		     "r3 = 0;"
		     "*(u64 *)(r10 - 8) = r3;"
		     "r0 = *(u32 *)(r1 + 0);"
#ifdef ADVICE
		     "if r0 == 0 goto 2f;"
		     "r0 = *(u32 *)(r1 + 0);"
		     "exit;"
		     "2: r0 = *(u32 *)(r2 + 0);"
#else
		     "if r0 == 0 goto 2f;"
		     "r2 = r1;"
		     "2: r0 = *(u32 *)(r2 + 0);"
#endif
		     "exit;");
}
