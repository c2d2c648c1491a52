/* HELPER_SLEEPS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

#ifdef ADVICE
SEC("uprobe.s")
#else
SEC("uprobe")
#endif
int prog(void *ctx)
{
	u64 value = 0;

	bpf_copy_from_user(&value, sizeof(value), (void *)1);
	return value != 0;
}
