/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Points by name, their hooks, what runs there and for whom, news of attachments, user functions. */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/perf.h"
#include "hook/record.h"
#include "object/task.h"

static int setup(void **state)
{
	*state = system_for("6.12");
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

static struct prog_object *returns(struct skep_system *sys, u32 type, s32 value)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = sys_prog_load(sys, type, insns, 2, NULL, 0), err;
	struct prog_object *p;

	assert_true(fd >= 0);
	p = prog_get_fd(sys, fd, &err);
	assert_non_null(p);
	close(fd);
	return p;
}

static void test_names(void **state)
{
	struct skep_system *sys = *state, *old = system_for("6.1");
	int row, err;

	assert_non_null(old);
	row = hook_point_row(sys, HOOK_TRACEPOINT, "syscalls:sys_enter_execve");
	assert_int_equal(row, tp_sys_enter(SYSCALL_execve));
	assert_int_equal(hook_point_row(sys, HOOK_TRACEPOINT, "syscalls:sys_exit_execve"), row + 1);
	assert_int_equal(hook_point_row(sys, HOOK_TRACEPOINT, "sys_enter_execve"), -ENOENT);
	assert_int_equal(hook_point_row(sys, HOOK_RAW_TP, "sys_enter"), RAW_TP_sys_enter);
	assert_int_equal(hook_point_row(sys, HOOK_KPROBE, "__x64_sys_execve"),
			 FUNC_NAMED + SYSCALL_execve);
	/* What a release does not have is not there. */
	assert_true(hook_point_row(sys, HOOK_KPROBE, "__x64_sys_cachestat") >= 0);
	assert_int_equal(hook_point_row(old, HOOK_KPROBE, "__x64_sys_cachestat"), -ENOENT);
	assert_int_equal(hook_point_row(old, HOOK_TRACEPOINT, "syscalls:sys_exit_cachestat"),
			 -ENOENT);
	assert_null(hook_point_get(old, HOOK_KPROBE, "__x64_sys_cachestat", &err));
	assert_int_equal(err, -ENOENT);
	assert_int_equal(syscall_row(sys, 59), SYSCALL_execve);
	assert_int_equal(syscall_row(old, 451), -1); /* cachestat */
	assert_int_equal(syscall_row(sys, 451), SYSCALL_cachestat);
	assert_int_equal(syscall_row(sys, 100000), -1);
	for (u32 i = 0; i < SYSCALL_ROWS; i++)
		assert_true(syscall_row(sys, syscall_number(i)) == (int)i ||
			    syscall_row(sys, syscall_number(i)) == -1);
	skep_system_free(old);
}

static void test_one_hook_per_row(void **state)
{
	struct skep_system *sys = *state;
	struct hook *a, *b;
	int err;

	assert_null(hook_at(sys, HOOK_KPROBE, FUNC_do_execve));
	a = hook_point_get(sys, HOOK_KPROBE, "do_execve", &err);
	assert_non_null(a);
	assert_ptr_equal(hook_at(sys, HOOK_KPROBE, FUNC_do_execve), a);
	assert_ptr_equal(hook_point_get(sys, HOOK_KPROBE, "do_execve", &err), a);
	assert_int_equal(a->row, FUNC_do_execve);
	b = hook_point_get(sys, HOOK_FENTRY, "do_execve", &err);
	assert_ptr_not_equal(a, b);
	assert_int_equal(a->func_ip, b->func_ip);
	assert_int_equal(a->func_ip, function_ip(sys, FUNC_do_execve));
	assert_int_equal(a->revision, 1);
	assert_int_equal(strcmp(a->name, "do_execve"), 0);
	assert_null(hook_at(sys, HOOK_KPROBE, 1000000));
	assert_null(hook_at(sys, HOOK_XDP, 0));
}

static int count(struct hook *h, void *arg)
{
	++*(u32 *)arg;
	return 0;
}

static void told(void *arg)
{
	++*(u32 *)arg;
}

static void test_news(void **state)
{
	struct skep_system *sys = *state;
	struct prog_object *p = returns(sys, BPF_PROG_TYPE_KPROBE, 0);
	struct hook_prog e = { .prog = p->prog, .owner = p };
	u32 news = 0, n = 0;
	u64 revision;
	struct hook *h;
	int err;

	hooks_notify(sys, told, &news);
	revision = hooks_revision(sys);
	h = hook_point_get(sys, HOOK_KPROBE, "do_execve", &err);
	assert_int_equal(hooks_revision(sys), revision); /* nothing is attached yet */
	hooks_each(sys, HOOK_KPROBE, count, &n);
	assert_int_equal(n, 0);
	assert_int_equal(hook_insert(h, 0, &e), 0);
	assert_int_equal(hooks_revision(sys), revision + 1);
	assert_int_equal(news, 1);
	hooks_each(sys, HOOK_KPROBE, count, &n);
	hooks_each(sys, HOOK_KRETPROBE, count, &n);
	assert_int_equal(n, 1);
	assert_int_equal(hook_remove(h, NULL), 0);
	assert_int_equal(news, 2);
	assert_false(hook_active(h));
	hooks_notify(sys, NULL, NULL);
	object_put(&p->obj);
}

static s32 fire(struct hook *h, u32 tgid)
{
	struct bpf_task task = { .tid = tgid, .tgid = tgid };
	struct bpf_run run = { .task = tgid ? &task : NULL };
	u64 ctx[32] = { 0 };

	return hook_run(h, ctx, &run);
}

static void test_fmod_ret(void **state)
{
	struct skep_system *sys = *state;
	s32 results[] = { 0, -13, -1 };
	struct prog_object *p[3];
	struct hook *h;
	int err;

	h = hook_point_get(sys, HOOK_FMOD_RET, "do_execve", &err);
	assert_int_equal(fire(h, 0), 0);
	for (u32 i = 0; i < 3; i++) {
		struct hook_prog e = { 0 };

		p[i] = returns(sys, BPF_PROG_TYPE_KPROBE, results[i]);
		e.prog = p[i]->prog;
		assert_int_equal(hook_insert(h, i, &e), 0);
	}
	assert_int_equal(fire(h, 0), -13);
	while (hook_active(h))
		hook_remove(h, NULL);
	for (u32 i = 0; i < 3; i++)
		object_put(&p[i]->obj);
}

static void test_for_one_process(void **state)
{
	struct skep_system *sys = *state;
	struct prog_object *p = returns(sys, BPF_PROG_TYPE_KPROBE, 7);
	struct hook_prog e = { .prog = p->prog, .pid = 5 };
	struct hook *h;
	int err;

	h = hook_point_get(sys, HOOK_KPROBE, "do_execve", &err);
	assert_int_equal(hook_insert(h, 0, &e), 0);
	sys->arena->stats = 1; /* runs are counted */
	assert_int_equal(fire(h, 4), 0);
	assert_int_equal(fire(h, 0), 0);
	assert_int_equal(p->prog->run_cnt, 0);
	assert_int_equal(fire(h, 5), 0); /* a kprobe's result is nobody's */
	assert_int_equal(p->prog->run_cnt, 1);
	sys->arena->stats = 0;
	hook_remove(h, NULL);
	object_put(&p->obj);
}

/* Orders as Linux 6.1 and 6.12 were seen to run programs: three of each kind attached as 0, 1, 2. */
static void test_order(void **state)
{
	static const struct {
		enum hook_kind kind;
		u32 type; /* of perf_event_attr */
		u64 config;
		int order[3];
	} cases[] = {
		{ HOOK_KPROBE, PERF_TYPE_KPROBE, 0, { 2, 1, 0 } },
		{ HOOK_KRETPROBE, PERF_TYPE_KPROBE, 1, { 0, 1, 2 } },
		{ HOOK_TRACEPOINT, PERF_TYPE_TRACEPOINT, 0, { 0, 1, 2 } },
		{ HOOK_UPROBE, PERF_TYPE_UPROBE, 0, { 2, 1, 0 } },
		{ HOOK_URETPROBE, PERF_TYPE_UPROBE, 1, { 2, 1, 0 } },
	};
	struct skep_system *sys = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct perf_event_attr a = { .type = cases[i].type,
					     .size = sizeof(a),
					     .config = cases[i].config };
		bool tp = a.type == PERF_TYPE_TRACEPOINT;
		struct prog_object *p[3];
		int fd[3], err;
		struct hook *h;

		a.kprobe_func = (unsigned long)(a.type == PERF_TYPE_UPROBE ? "/proc/self/exe" :
									     "do_execve");
		if (tp) {
			a.config = tracepoint_id(TP_sched_process_exec);
			a.kprobe_func = 0;
		}
		for (int k = 0; k < 3; k++) {
			p[k] = returns(sys, tp ? BPF_PROG_TYPE_TRACEPOINT : BPF_PROG_TYPE_KPROBE,
				       0);
			fd[k] = skep_perf_event_open(sys, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
			assert_true(fd[k] >= 0);
			err = object_new_fd(&p[k]->obj);
			assert_int_equal(
				skep_ioctl(sys, fd[k], PERF_EVENT_IOC_SET_BPF, (void *)(long)err),
				0);
			close(err);
		}
		h = a.type == PERF_TYPE_UPROBE ?
			    hook_uprobe_get(sys, cases[i].kind, "/proc/self/exe", 0, 0, &err) :
			    hook_point_get(sys, cases[i].kind,
					   tp ? "sched:sched_process_exec" : "do_execve", &err);
		assert_int_equal(h->progs->n, 3);
		for (int k = 0; k < 3; k++)
			assert_ptr_equal(h->progs->v[k].owner, p[cases[i].order[k]]);
		for (int k = 0; k < 3; k++) {
			close(fd[k]);
			object_put(&p[k]->obj);
		}
		objects_drain(sys, true);
		assert_false(hook_active(h)); /* closing an event detaches its program */
	}
}

static void test_user_functions(void **state)
{
	char path[] = "/tmp/skep-points-XXXXXX", other[64];
	struct skep_system *sys = *state;
	int fd = mkstemp(path), err;
	struct hook *a;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	close(fd);
	snprintf(other, sizeof(other), "%s.link", path);
	assert_int_equal(link(path, other), 0);
	a = hook_uprobe_get(sys, HOOK_UPROBE, path, 16, 0, &err);
	assert_non_null(a);
	/* The file is what counts, not its name. */
	assert_ptr_equal(hook_uprobe_get(sys, HOOK_UPROBE, other, 16, 0, &err), a);
	assert_ptr_not_equal(hook_uprobe_get(sys, HOOK_UPROBE, path, 17, 0, &err), a);
	assert_ptr_not_equal(hook_uprobe_get(sys, HOOK_URETPROBE, path, 16, 0, &err), a);
	assert_ptr_not_equal(hook_uprobe_get(sys, HOOK_UPROBE, path, 16, 4096, &err), a);
	assert_int_equal(strcmp(a->uprobe->path, path), 0);
	assert_int_equal(a->uprobe->offset, 16);
	assert_null(hook_uprobe_get(sys, HOOK_UPROBE, "/nonexistent/file", 0, 0, &err));
	assert_int_equal(err, -ENOENT);
	assert_null(hook_uprobe_get(sys, HOOK_UPROBE, "/", 0, 0, &err));
	assert_int_equal(err, -EINVAL);
	assert_null(hook_uprobe_get(sys, HOOK_UPROBE, path, 8193, 0, &err));
	assert_int_equal(err, -EINVAL);
	unlink(path);
	unlink(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_hook_per_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_news, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fmod_ret, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_one_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_user_functions, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
