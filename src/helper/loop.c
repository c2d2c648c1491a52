/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_loop() (Linux: kernel/bpf/bpf_iter.c), where the verifier does not inline it: see
 * verifier/sequence.c.
 */
#include "helper/helper.h"
#include "object/fixup.h"

#define MAX_LOOPS (8 * 1024 * 1024)

static u32 loop(struct bpf_run *run, u32 n, u64 func, u64 ctx)
{
	bpf_helper_t fn = bpf_subprog_native(run, func);
	u32 i;

	for (i = 0; fn && i < n; i++)
		if (fn(i, ctx, 0, 0, 0, run))
			return i + 1;
	for (i = 0; !fn && i < n; i++)
		if (bpf_call_subprog(run, func, i, ctx, 0, 0, 0))
			return i + 1;
	return n;
}

BPF_HELPER(loop)
{
	RUN_FRAME(frame, run);
	u64 ret;

	if (r4)
		ret = ERR(EINVAL);
	else if ((u32)r1 > MAX_LOOPS)
		ret = ERR(E2BIG);
	else
		ret = loop(run, (u32)r1, r2, r3);
	run->frames = frame.prev;
	return ret;
}
