/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_loop() (Linux: kernel/bpf/bpf_iter.c), where the verifier does not inline it: see
 * verifier/sequence.c.
 */
#include "helper/helper.h"
#include "object/fixup.h"

#define MAX_LOOPS (8 * 1024 * 1024)

BPF_HELPER(loop)
{
	bpf_helper_t fn = bpf_subprog_native(run, r2);
	u32 n = (u32)r1, i;

	if (r4)
		return ERR(EINVAL);
	if (n > MAX_LOOPS)
		return ERR(E2BIG);
	for (i = 0; fn && i < n; i++)
		if (fn(i, r3, 0, 0, 0, run))
			return i + 1;
	for (i = 0; !fn && i < n; i++)
		if (bpf_call_subprog(run, r2, i, r3, 0, 0, 0))
			return i + 1;
	return n;
}
