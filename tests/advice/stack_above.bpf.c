/* STACK_OUT_OF_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 0;"
#ifdef ADVICE
		     "*(u64 *)(r10 - 8) = r0;"
#else
		     "*(u64 *)(r10 + 0) = r0;"
#endif
		     "exit;");
}
