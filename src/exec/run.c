/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Entering programs: the whole program from a hook, a subprogram from a helper
 * (Linux: bpf_prog_run(), and the function pointers that helpers call back through).
 */
#include "exec/exec.h"
#include "object/arena.h"
#include "object/fixup.h"
#include "object/tramp.h"

#define CLOCK_MONOTONIC 1

/*
 * A program that may throw. Frames of native code and of the interpreter hold nothing that would
 * have to be given back. Only what is thrown from here on ends here: after a tail call from a
 * subprogram the caller goes on.
 */
static __attribute__((noinline)) u64 enter_catching(const struct bpf_prog *prog, const void *ctx,
						    struct bpf_run *run, bool watched)
{
	const u64 args[5] = { (u64)(uintptr_t)ctx };
	struct bpf_run_frame *outer_frames = run->catch_frames;
	void *outer[5];
	u64 ret;

	for (u32 i = 0; i < 5; i++)
		outer[i] = run->catch[i];
	run->catch_frames = run->frames;
	if (__builtin_setjmp(run->catch))
		ret = run->thrown;
	else if (watched)
		ret = bpf_tramp_call(run, prog, 0, args);
	else if (likely(prog->entry && !run->interpret))
		ret = prog->entry(ctx, run);
	else
		ret = interp_run(prog, (void *)(uintptr_t)ctx, run);
	for (u32 i = 0; i < 5; i++)
		run->catch[i] = outer[i];
	run->frames = run->catch_frames;
	run->catch_frames = outer_frames;
	return ret;
}

u64 run_catching(const void *ctx, struct bpf_run *run)
{
	RUN_FRAME(frame, run);
	u64 ret = enter_catching(run->prog, ctx, run, false);

	run->frames = frame.prev;
	return ret;
}

void run_throw(struct bpf_run *run, u64 cookie)
{
	const struct bpf_prog *prog = run->prog;

	run->thrown = cookie;
	run->frames = run->catch_frames; /* the handler stands where what threw began */
	if (prog->exception_subprog)
		run->thrown = bpf_call_subprog(run, prog->exception_subprog, cookie, 0, 0, 0, 0);
	__builtin_longjmp(run->catch, 1);
}

/* Something is attached to the main function, or it may throw. */
static __attribute__((noinline)) u64 enter_special(const struct bpf_prog *prog, void *ctx,
						   struct bpf_run *run)
{
	const u64 args[5] = { (u64)(uintptr_t)ctx };

	if (prog->throws) /* what is attached is looked at inside */
		return enter_catching(prog, ctx, run, prog->watched);
	return bpf_tramp_call(run, prog, 0, args);
}

static inline u64 enter(const struct bpf_prog *prog, void *ctx, struct bpf_run *run)
{
	if (unlikely(prog->throws | prog->watched))
		return enter_special(prog, ctx, run);
	if (likely(prog->entry && !run->interpret))
		return prog->entry(ctx, run);
	return interp_run(prog, ctx, run);
}

/* While somebody wants statistics (BPF_ENABLE_STATS); a tail call counts for the caller. */
static __attribute__((noinline)) u64 enter_counted(struct bpf_prog *prog, void *ctx,
						   struct bpf_run *run)
{
	const struct skep_platform *platform = run->platform;
	u64 start = platform->ktime_ns(CLOCK_MONOTONIC), ret;

	ret = enter(prog, ctx, run);
	__atomic_fetch_add(&prog->run_time_ns, platform->ktime_ns(CLOCK_MONOTONIC) - start,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&prog->run_cnt, 1, __ATOMIC_RELAXED);
	return ret;
}

u64 bpf_prog_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run)
{
	run->prog = prog;
	run->ctx = ctx;
	run->tail_calls = 0;
	if (unlikely(run->arena && READ_ONCE(run->arena->stats)))
		return enter_counted((struct bpf_prog *)prog, ctx, run);
	return enter(prog, ctx, run);
}

bpf_helper_t bpf_subprog_native(struct bpf_run *run, u64 func)
{
	const struct bpf_prog *prog = run->prog;

	if (!prog->subprog_entry || run->interpret || func >= prog->nr_subprogs)
		return NULL;
	return prog->subprog_entry[func];
}

u64 bpf_call_subprog(struct bpf_run *run, u64 func, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	const struct bpf_prog *prog = run->prog;
	u64 r0;

	if (unlikely(func >= prog->nr_subprogs)) {
		run->platform->abort("callback that is no subprogram of the running program");
		return 0;
	}
	if (likely(prog->subprog_entry && !run->interpret))
		r0 = prog->subprog_entry[func](r1, r2, r3, r4, r5, run);
	else
		r0 = interp_subprog(run, prog, (u32)func, r1, r2, r3, r4, r5);
	run->prog = prog;
	return r0;
}
