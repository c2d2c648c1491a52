/* REG_UNREADABLE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

SEC("socket")
naked int prog(void)
{
	asm volatile(
#ifdef ADVICE
		"r2 = 0;"
#endif
		"r0 = r2;"
		"exit;");
}
