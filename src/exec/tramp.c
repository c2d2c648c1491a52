/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of functions of programs to which other programs are attached (Linux:
 * kernel/bpf/trampoline.c, __bpf_prog_enter() and arch_prepare_bpf_trampoline()).
 */
#include "object/tramp.h"

#include "exec/exec.h"
#include "object/arena.h"

/* The function itself, whatever is attached to it. */
static u64 call_function(struct bpf_run *run, const struct bpf_prog *prog, u32 func, const u64 *a)
{
	u64 ret;

	run->prog = prog;
	if ((func || prog->type == BPF_PROG_TYPE_EXT) && prog->subprog_entry && !run->interpret)
		ret = prog->subprog_entry[func](a[0], a[1], a[2], a[3], a[4], run);
	else if (!func && prog->entry && !run->interpret)
		ret = prog->entry((void *)(uintptr_t)a[0], run);
	else
		ret = interp_subprog(run, prog, func, a[0], a[1], a[2], a[3], a[4]);
	run->prog = prog; /* it may have tail-called */
	return ret;
}

/* A function's stand-in takes its arguments, not a context. */
static u64 call_replacement(struct bpf_run *run, const struct bpf_prog *prog, const u64 *a)
{
	return prog->watched ? bpf_tramp_call(run, prog, 0, a) : call_function(run, prog, 0, a);
}

/* An exception ends the stand-in, and not the program that called it. */
static __attribute__((noinline)) u64 call_throwing(struct bpf_run *run, const struct bpf_prog *prog,
						   const u64 *a)
{
	struct bpf_run_frame *outer_frames = run->catch_frames;
	void *outer[5];
	u64 ret;

	for (u32 i = 0; i < 5; i++)
		outer[i] = run->catch[i];
	run->catch_frames = run->frames;
	if (__builtin_setjmp(run->catch))
		ret = run->thrown;
	else
		ret = call_replacement(run, prog, a);
	for (u32 i = 0; i < 5; i++)
		run->catch[i] = outer[i];
	run->frames = run->catch_frames;
	run->catch_frames = outer_frames;
	return ret;
}

/* A tracing program does not run inside itself: that counts as a miss. */
static void run_tracing(const struct bpf_tramp_prog *e, u64 *ctx, const struct bpf_run *outer,
			u64 func_ip, u64 shown, struct bpf_session *sessions, bool returns)
{
	struct bpf_slot *slot = &outer->arena->slots[outer->cpu];
	struct bpf_run run = { .arena = outer->arena,
			       .platform = outer->platform,
			       .cpu = outer->cpu,
			       .interpret = outer->interpret,
			       .attach_cookie = e->cookie,
			       .func_ip = func_ip,
			       .session = e->session ? &sessions[e->session - 1] : NULL,
			       .session_return = returns,
			       .event = outer->event,
			       .watched = outer,
			       .shown = shown,
			       .task = outer->task,
			       .frames = outer->frames };
	u32 depth = slot->nesting;
	bool busy = depth >= BPF_SLOT_NESTING;

	for (u32 i = 0; i < depth && !busy; i++)
		busy = slot->busy[i] == e->prog;
	if (busy) {
		__atomic_fetch_add((u64 *)&e->prog->recursion_misses, 1, __ATOMIC_RELAXED);
		return;
	}
	slot->nesting++;
	slot->busy[depth] = e->prog;
	bpf_prog_run(e->prog, ctx, &run);
	if (unlikely(run.nr_uptrs))
		uptrs_leave(&run);
	slot->busy[depth] = NULL;
	slot->nesting--;
}

/* The function's arguments as those who watch see them; the context's struct, or 0. */
static u64 show_args(const struct bpf_tramp *t, struct bpf_run *run, const u64 *args, u64 *ctx)
{
	u64 of = (u64)(uintptr_t)run->ctx, shown = 0;

	if (t->shows_ctx) {
		shown = run->platform->world(run, WORLD_KERN_CTX, &of);
		if ((s64)shown < 0)
			shown = 0; /* what is read through 0 is 0 */
	}
	for (u32 i = 0; i < t->nr_args; i++)
		ctx[i] = t->shows_ctx && args[i] == of ? shown : args[i];
	return shown;
}

u64 bpf_tramp_call(struct bpf_run *run, const struct bpf_prog *prog, u32 func, const u64 args[5])
{
	const struct bpf_tramp *t = load_acquire(&prog->tramp[func]);
	struct bpf_session sessions[BPF_MAX_TRAMP_COOKIES + 1] = { 0 };
	u64 frame[7] = { 0 }, *ctx = &frame[1], ret, ip, shown;

	if (!t)
		return call_function(run, prog, func, args);
	if (t->replacement.prog) {
		const struct bpf_prog *by = t->replacement.prog;

		ret = by->throws ? call_throwing(run, by, args) : call_replacement(run, by, args);
		run->prog = prog;
		return ret;
	}
	ip = prog->subprog_code ? prog->subprog_code[func] :
				  (u64)&prog->insns[prog->subprog_start[func]];
	frame[0] = t->nr_args;
	shown = t->nr_before ? show_args(t, run, args, ctx) : 0;
	for (u32 i = 0; i < t->nr_before; i++)
		run_tracing(&t->v[i], ctx, run, ip, shown, sessions, false);
	ret = call_function(run, prog, func, args);
	shown = t->nr_before < t->n ? show_args(t, run, args, ctx) : 0; /* as it is now */
	ctx[t->nr_args] = ret;
	for (u32 i = t->nr_before; i < t->n; i++)
		run_tracing(&t->v[i], ctx, run, ip, shown, sessions, true);
	return ret;
}

u64 bpf_tramp_native(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	const u64 args[5] = { r1, r2, r3, r4, r5 };
	RUN_FRAME(frame, run);
	u64 ret = bpf_tramp_call(run, run->prog, run->callee, args);

	run->frames = frame.prev;
	return ret;
}
