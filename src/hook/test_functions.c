/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The functions that the kernel calls itself when programs on functions are test-run (Linux:
 * bpf_fentry_test1() ... and bpf_prog_test_run_tracing() in net/bpf/test_run.c): with arguments of
 * its own, and whatever is attached to them runs, not only the program that the run was asked of.
 */
#include <asm/ptrace.h>
#include <errno.h>
#include <string.h>

#include "hook/functions.h"
#include "hook/internal.h"
#include "hook/points.h"

#define KERNEL_CS   0x10
#define KERNEL_DS   0x18
#define STRUCT_NAME "bpf_fentry_test_t" /* its only member is a word that programs can read */

struct testing {
	struct skep_system *sys;
	u64 word; /* the struct behind pointers that are no numbers; 0: the kernel in force has none */
	u64 value;
	struct hook_sessions sessions;
	struct bpf_task *task; /* on whose behalf; NULL: the calling thread */
	bool failed;	       /* a function gave something else than it does by itself */
};

static struct hook *active(const struct testing *t, enum hook_kind kind, u32 row)
{
	struct hook *h = hook_at(t->sys, kind, row);

	return h && hook_active(h) ? h : NULL;
}

static s32 run_at(struct testing *t, struct hook *h, void *ctx)
{
	struct bpf_run run = { .func_ip = h->func_ip, .sessions = &t->sessions, .task = t->task };

	return hook_run(h, ctx, &run);
}

/* The trampoline's frame: the number of arguments, they, the result. */
static s32 run_trampoline(struct testing *t, enum hook_kind kind, u32 row, const u64 *args, s64 ret)
{
	u32 n = function_info(row)->nr_args;
	u64 frame[1 + FUNCTION_ARGS_MAX + 1] = { n };
	struct hook *h = active(t, kind, row);

	if (!h)
		return 0;
	memcpy(&frame[1], args, n * sizeof(*args));
	frame[1 + n] = (u64)ret;
	return run_at(t, h, &frame[1]);
}

static void run_kprobe(struct testing *t, enum hook_kind kind, u32 row, const u64 *args, s64 ret)
{
	struct hook *h = active(t, kind, row);
	struct pt_regs regs = { .cs = KERNEL_CS, .ss = KERNEL_DS, .orig_rax = (unsigned long)-1 };
	unsigned long *const to[FUNCTION_ARGS_MAX] = { &regs.rdi, &regs.rsi, &regs.rdx,
						       &regs.rcx, &regs.r8,  &regs.r9 };

	if (!h)
		return;
	if (kind == HOOK_KRETPROBE) {
		regs.rip = function_ip(t->sys, FUNC_ROWS);
		regs.rax = (unsigned long)ret;
	} else {
		regs.rip = h->func_ip + (visible(t->sys->profile, KVER(6, 2)) ? 5 : 1);
		for (u32 i = 0; i < function_info(row)->nr_args && to[i]; i++)
			*to[i] = args[i];
	}
	run_at(t, h, &regs);
}

/* What is behind a pointer: for programs, and for the function itself. */
static void set_word(struct testing *t, u64 value)
{
	u64 args[] = { t->word, (u64)(uintptr_t) "a", (u64)(uintptr_t)&value, sizeof(value) };
	struct bpf_run run = { .arena = t->sys->arena, .platform = t->sys->platform };

	t->value = value;
	if (t->word)
		t->sys->platform->world(&run, WORLD_PUT, args);
}

static s64 call(struct testing *t, u32 row, const u64 *a)
{
	s64 sum = 0;

	switch (row) {
	case FUNC_bpf_fentry_test1:
		return (s64)a[0] + 1;
	case FUNC_bpf_fentry_test8:
	case FUNC_bpf_fentry_test9:
		return (s64)t->value;
	case FUNC_bpf_modify_return_test:
	case FUNC_bpf_modify_return_test2:
		set_word(t, t->value + 1);
		sum = (s64)t->value - (s64)a[1];
	}
	for (u32 i = 0; i < function_info(row)->nr_args; i++)
		sum += (s64)a[i];
	return sum;
}

/* Calls function @row as an instrumented kernel does; its result, which is @want if nobody changed it. */
static s64 enter(struct testing *t, u32 row, const u64 *args, s64 want)
{
	s64 ret;

	if (!function_visible(t->sys->profile, function_info(row)))
		return want;
	run_kprobe(t, HOOK_KPROBE, row, args, 0);
	run_trampoline(t, HOOK_FENTRY, row, args, 0);
	ret = run_trampoline(t, HOOK_FMOD_RET, row, args, 0);
	if (!ret)
		ret = call(t, row, args);
	run_trampoline(t, HOOK_FEXIT, row, args, ret);
	run_kprobe(t, HOOK_KRETPROBE, row, args, ret);
	t->failed |= ret != want;
	return ret;
}

#define ENTER(row, want, ...)                                                                      \
	enter(t, FUNC_##row, (const u64[FUNCTION_ARGS_MAX]){ __VA_ARGS__ }, want)

static int enter_all(struct testing *t)
{
	ENTER(bpf_fentry_test1, 2, 1);
	ENTER(bpf_fentry_test2, 5, 2, 3);
	ENTER(bpf_fentry_test3, 15, 4, 5, 6);
	ENTER(bpf_fentry_test4, 34, 7, 8, 9, 10);
	ENTER(bpf_fentry_test5, 65, 11, 12, 13, 14, 15);
	ENTER(bpf_fentry_test6, 111, 16, 17, 18, 19, 20, 21);
	ENTER(bpf_fentry_test7, 0, 0);
	ENTER(bpf_fentry_test8, 0, t->word);
	ENTER(bpf_fentry_test9, 0, t->word);
	ENTER(bpf_fentry_test10, 0, 0);
	return t->failed ? -EFAULT : 0;
}

/* How many times a function was executed, above the sum of what they returned. */
static u32 modify_all(struct testing *t)
{
	u16 effects = 0, ret;

	set_word(t, 2);
	ret = (u16)ENTER(bpf_modify_return_test, 4, 1, t->word);
	effects += t->value != 2;
	if (visible(t->sys->profile, function_info(FUNC_bpf_modify_return_test2)->since)) {
		set_word(t, 2);
		ret = (u16)(ret + ENTER(bpf_modify_return_test2, 29, 1, t->word, 3, 4, 5, 6, 7));
		effects += t->value != 2;
	}
	return (u32)effects << 16 | ret;
}

void hook_call_function(struct skep_system *sys, u32 row, const u64 *args, struct bpf_task *task)
{
	struct testing t = { .sys = sys, .task = task };

	if (function_visible(sys->profile, function_info(row))) {
		run_kprobe(&t, HOOK_KPROBE, row, args, 0);
		run_trampoline(&t, HOOK_FENTRY, row, args, 0);
		run_trampoline(&t, HOOK_FEXIT, row, args, 0);
		run_kprobe(&t, HOOK_KRETPROBE, row, args, 0);
	}
	hook_sessions_free(&t.sessions);
}

int hook_test_functions(struct skep_system *sys, u32 attach_type, u32 *retval)
{
	u64 args[] = { (u64)(uintptr_t)STRUCT_NAME, 0 };
	struct bpf_run run = { .arena = sys->arena, .platform = sys->platform };
	struct testing t = { .sys = sys };
	int err = -EFAULT;

	t.word = sys->platform->world(&run, WORLD_MADE_UP, args);
	if ((s64)t.word < 0)
		t.word = 0;
	set_word(&t, 0);
	*retval = 0;
	switch (attach_type) {
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_TRACE_FSESSION:
	case BPF_TRACE_FENTRY_MULTI:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		err = enter_all(&t);
		break;
	case BPF_MODIFY_RETURN:
		*retval = modify_all(&t);
		err = 0;
		break;
	}
	hook_sessions_free(&t.sessions);
	return err;
}
