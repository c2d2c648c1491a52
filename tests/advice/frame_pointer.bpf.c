/* REG_FP_WRITE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile("r0 = 0;"
#ifdef ADVICE
		     "r1 = r10;"
		     "r1 += -8;"
		     "*(u64 *)(r1 + 0) = r0;"
#else
		     "r10 += -8;"
		     "*(u64 *)(r10 + 0) = r0;"
#endif
		     "exit;");
}
