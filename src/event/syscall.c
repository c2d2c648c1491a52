/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tracepoints of system calls (Linux: kernel/entry/common.c, kernel/trace/trace_syscalls.c): raw
 * ones of every call, the record of every call, the record of the call's own.
 *
 * As in Linux, calls by other entries (i386, x32) have only the general ones.
 */
#include <string.h>
#include <sys/syscall.h>

#include "event/fire.h"

/* Records of these have one layout in all releases; built here because they are many. */
struct raw_enter_record {
	u16 type;
	u8 flags, preempt_count;
	u32 pid;
	s64 id;
	u64 args[6];
};

struct raw_exit_record {
	u16 type;
	u8 flags, preempt_count;
	u32 pid;
	s64 id, ret;
};

struct call_record {
	u16 type;
	u8 flags, preempt_count;
	u32 pid;
	s32 nr;
	u32 pad;
	u64 args[6]; /* or the result */
};

static u32 syscall_wants(struct skep_system *sys, u32 nr)
{
	int row = nr < CALLS_OTHER ? syscall_row(sys, nr) : -1;
	u32 want = 0;

	if (tracepoint_in_use(sys, RAW_TP_sys_enter, TP_sys_enter) ||
	    (row >= 0 && hook_in_use(sys, HOOK_TRACEPOINT, tp_sys_enter((u32)row))))
		want |= WANT_ENTER;
	if (tracepoint_in_use(sys, RAW_TP_sys_exit, TP_sys_exit) ||
	    (row >= 0 && hook_in_use(sys, HOOK_TRACEPOINT, tp_sys_exit((u32)row))))
		want |= WANT_EXIT;
	return want;
}

/* The call's own tracepoints; -1: it has none. */
static int row_of(const struct task *t)
{
	return t->call.compat ? -1 : syscall_row(t->sys, t->call.nr);
}

/* The up to three hooks of an event, in the order in which they came into use. */
struct hooks3 {
	struct hook *v[3];
	u32 n;
};

static void add_hook(struct hooks3 *h, struct hook *hook)
{
	u32 i = h->n;

	if (!hook)
		return;
	for (; i && h->v[i - 1]->since > hook->since; i--)
		h->v[i] = h->v[i - 1];
	h->v[i] = hook;
	h->n++;
}

static void fire_enter(struct hook *h, struct task *t)
{
	const struct task_call *c = &t->call;

	if (h->kind == HOOK_RAW_TP) {
		u64 args[] = { world_user_regs(t), c->nr };

		hook_fire_task(h, args, &t->bpf);
	} else if (h->row == TP_sys_enter) {
		struct raw_enter_record r = { .type = (u16)tracepoint_id(h->row),
					      .pid = t->bpf.tid,
					      .id = (s64)c->nr };

		memcpy(r.args, c->args, sizeof(r.args));
		fire_record(h, &r, t);
	} else {
		struct call_record r = { .type = (u16)tracepoint_id(h->row),
					 .pid = t->bpf.tid,
					 .nr = (s32)c->nr };

		memcpy(r.args, c->args, sizeof(r.args));
		fire_record(h, &r, t);
	}
}

static void syscall_enter(struct task *t)
{
	struct hooks3 h = { .n = 0 };
	int row = row_of(t);

	add_hook(&h, hook_in_use(t->sys, HOOK_RAW_TP, RAW_TP_sys_enter));
	add_hook(&h, hook_in_use(t->sys, HOOK_TRACEPOINT, TP_sys_enter));
	if (row >= 0)
		add_hook(&h, hook_in_use(t->sys, HOOK_TRACEPOINT, tp_sys_enter((u32)row)));
	for (u32 i = 0; i < h.n; i++)
		fire_enter(h.v[i], t);
}

static void fire_exit(struct hook *h, struct task *t, s64 nr)
{
	const struct task_call *c = &t->call;

	if (h->kind == HOOK_RAW_TP) {
		u64 args[] = { world_user_regs(t), (u64)c->ret };

		hook_fire_task(h, args, &t->bpf);
	} else if (h->row == TP_sys_exit) {
		struct raw_exit_record r = { .type = (u16)tracepoint_id(h->row),
					     .pid = t->bpf.tid,
					     .id = nr,
					     .ret = c->ret };

		fire_record(h, &r, t);
	} else {
		struct call_record r = { .type = (u16)tracepoint_id(h->row),
					 .pid = t->bpf.tid,
					 .nr = (s32)nr,
					 .args = { (u64)c->ret } };

		fire_record(h, &r, t);
	}
}

static void syscall_exit(struct task *t)
{
	/* What it restores are the registers of another time, which name no call. */
	bool sigreturn = !t->call.compat && t->call.nr == SYS_rt_sigreturn;
	s64 nr = sigreturn ? -1 : (s64)t->call.nr;
	int row = sigreturn ? -1 : row_of(t);
	struct hooks3 h = { .n = 0 };

	add_hook(&h, hook_in_use(t->sys, HOOK_RAW_TP, RAW_TP_sys_exit));
	add_hook(&h, hook_in_use(t->sys, HOOK_TRACEPOINT, TP_sys_exit));
	if (row >= 0)
		add_hook(&h, hook_in_use(t->sys, HOOK_TRACEPOINT, tp_sys_exit((u32)row)));
	for (u32 i = 0; i < h.n; i++)
		fire_exit(h.v[i], t, nr);
}

const struct process_source syscall_source = {
	.name = "system calls",
	.wants = syscall_wants,
	.enter = syscall_enter,
	.exit = syscall_exit,
};
