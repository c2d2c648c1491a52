/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that run at a function's entry and, if they wish so then, at its return
 * (tests/bpf/sessions.bpf.c): of kernel functions, by those that test runs call, and of this
 * program's own, in a child, where calls nest.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/skep.h"

#define KPROBE_SESSION 56
#define UPROBE_SESSION 57

struct event {
	u64 returns, word, cookie;
};
struct seen { /* the program's .bss */
	u64 n;
	struct event at[64];
};

static struct skep_system *sys;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static struct bpf_object *load_for(const char *program, u32 attach_type, int target,
				   const char *func, int *err)
{
	const char *out = getenv("O");
	struct bpf_program *p;
	struct bpf_object *obj;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/sessions.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
	{
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), program));
		if (!strncmp(bpf_program__name(p), "many", 4))
			bpf_program__set_type(p, BPF_PROG_TYPE_TRACING);
		bpf_program__set_expected_attach_type(p, (enum bpf_attach_type)attach_type);
		if (target && !strcmp(bpf_program__name(p), program))
			assert_int_equal(bpf_program__set_attach_target(p, target, func), 0);
	}
	*err = bpf_object__load(obj);
	return obj;
}

static struct bpf_object *load(const char *program, u32 attach_type, int *err)
{
	return load_for(program, attach_type, 0, NULL, err);
}

static int prog_of(struct bpf_object *obj, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

static int fd_of(struct bpf_object *obj)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, "session"));
}

static struct seen seen_of(struct bpf_object *obj)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(obj, ".bss");
	struct seen s;
	u32 zero = 0;

	assert_int_equal(bpf_map__value_size(bss), sizeof(s));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &zero, &s), 0);
	return s;
}

static int link_create(union bpf_attr *attr)
{
	return (int)skep_bpf(sys, BPF_LINK_CREATE, attr, sizeof(*attr));
}

static void is_event(const struct event *e, u64 returns, u64 word, u64 cookie)
{
	assert_int_equal(e->returns, returns);
	assert_int_equal(e->word, word);
	assert_int_equal(e->cookie, cookie);
}

static const char *const names[] = { "bpf_fentry_test1", "bpf_fentry_test2", "bpf_fentry_test3" };

static void test_functions(void **state)
{
	struct bpf_link_info info = { 0 };
	u32 size = sizeof(info);
	int err, fd, watch;
	struct bpf_object *obj = load("session", KPROBE_SESSION, &err);
	union bpf_attr attr = { 0 };
	struct seen s;

	assert_int_equal(err, 0);
	attr.link_create.prog_fd = (u32)fd_of(obj);
	attr.link_create.attach_type = KPROBE_SESSION;
	attr.link_create.kprobe_multi.syms = (u64)names;
	attr.link_create.kprobe_multi.cnt = 3;
	attr.link_create.kprobe_multi.flags = BPF_F_KPROBE_MULTI_RETURN;
	assert_int_equal(link_create(&attr), -EINVAL);
	attr.link_create.kprobe_multi.flags = 0;
	fd = link_create(&attr);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	assert_int_equal(info.kprobe_multi.count, 3);

	/* What calls them: a test run of any program on functions. */
	watch = bpf_prog_load(
		BPF_PROG_TYPE_TRACING, "watch", "GPL",
		(struct bpf_insn[]){ { .code = BPF_ALU64 | BPF_MOV | BPF_K },
				     { .code = BPF_JMP | BPF_EXIT } },
		2,
		&(struct bpf_prog_load_opts){ .sz = sizeof(struct bpf_prog_load_opts),
					      .expected_attach_type = BPF_TRACE_FENTRY,
					      .attach_btf_id = (u32)libbpf_find_vmlinux_btf_id(
						      "bpf_fentry_test1", BPF_TRACE_FENTRY) });
	assert_true(watch >= 0);
	assert_int_equal(bpf_prog_test_run_opts(watch, NULL), 0);
	s = seen_of(obj);
	assert_int_equal(s.n, 5);
	is_event(&s.at[0], 0, 1, 100); /* odd: that was all */
	is_event(&s.at[1], 0, 2, 200);
	is_event(&s.at[2], 1, 5, 200);
	is_event(&s.at[3], 0, 4, 400);
	is_event(&s.at[4], 1, 15, 400);
	close(fd);
	assert_int_equal(bpf_prog_test_run_opts(watch, NULL), 0);
	assert_int_equal(seen_of(obj).n, 5);
	close(watch);
	bpf_object__close(obj);
}

/* 4 calls 2 calls 0, with 3 calling 1 in between. */
__attribute__((noinline, noclone)) static long nested(long n)
{
	volatile long r = n;

	if (n > 1)
		r += nested(n - 2);
	if (n == 4)
		nested(3);
	return r * 10;
}

static u64 file_offset(const void *at)
{
	unsigned long from, to, off;
	char line[512];
	u64 found = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &off) == 3 && (u64)at >= from &&
		    (u64)at < to)
			found = (u64)at - from + off;
	if (f)
		fclose(f);
	return found;
}

static void test_user_functions(void **state)
{
	static const struct event want[] = {
		{ 0, 4, 400 },	{ 0, 2, 200 }, { 0, 0, 0 },   { 1, 0, 0 },
		{ 1, 20, 200 }, { 0, 3, 300 }, { 0, 1, 100 }, { 1, 240, 400 },
	};
	char *argv[] = { "/proc/self/exe", "child", NULL }, path[512], error[256];
	u64 offset = file_offset(nested);
	struct bpf_object *obj;
	struct skep_process *p;
	union bpf_attr attr = { 0 };
	int err, fd, status;
	struct seen s;
	ssize_t n;

	n = readlink(argv[0], path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = 0;
	argv[0] = path;
	obj = load("session", UPROBE_SESSION, &err);
	assert_int_equal(err, 0);
	attr.link_create.prog_fd = (u32)fd_of(obj);
	attr.link_create.attach_type = UPROBE_SESSION;
	attr.link_create.uprobe_multi.path = (u64)path;
	attr.link_create.uprobe_multi.offsets = (u64)&offset;
	attr.link_create.uprobe_multi.cnt = 1;
	fd = link_create(&attr);
	assert_true(fd >= 0);
	err = skep_spawn(sys, path, argv, NULL, &p, error, sizeof(error));
	if (err == -EPERM || err == -ENOSYS) {
		print_message("%s\n", error);
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(waitpid(skep_process_pid(p), &status, 0), skep_process_pid(p));
	assert_int_equal(status, 0);
	skep_process_free(p);
	s = seen_of(obj);
	assert_int_equal(s.n, sizeof(want) / sizeof(want[0]));
	for (u32 i = 0; i < s.n; i++)
		is_event(&s.at[i], want[i].returns, want[i].word, want[i].cookie);
	close(fd);
	bpf_object__close(obj);
}

/* The file by a descriptor, since 7.2. */
static void test_file_by_descriptor(void **state)
{
	char path[512], shown[512];
	u64 offset = file_offset(nested);
	struct bpf_link_info info = { 0 };
	union bpf_attr attr = { 0 };
	u32 size = sizeof(info);
	struct bpf_object *obj;
	int err, fd, file;
	ssize_t n;

	sys->profile = sys->kernel.release = KVER(7, 2);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = 0;
	file = open(path, O_RDONLY);
	obj = load("session", UPROBE_SESSION, &err);
	assert_int_equal(err, 0);
	attr.link_create.prog_fd = (u32)fd_of(obj);
	attr.link_create.attach_type = UPROBE_SESSION;
	attr.link_create.uprobe_multi.path_fd = (u32)file;
	attr.link_create.uprobe_multi.offsets = (u64)&offset;
	attr.link_create.uprobe_multi.cnt = 1;
	assert_int_equal(link_create(&attr), -EINVAL);
	attr.link_create.uprobe_multi.flags = BPF_F_UPROBE_MULTI_PATH_FD;
	fd = link_create(&attr);
	assert_true(fd >= 0);
	info.uprobe_multi.path = (u64)shown;
	info.uprobe_multi.path_size = sizeof(shown);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	assert_string_equal(shown, path);
	close(fd);
	close(file);
	assert_int_equal(link_create(&attr), -EBADF);
	sys->profile = sys->kernel.release = KVER(6, 18);
	assert_int_equal(link_create(&attr), -EINVAL);
	bpf_object__close(obj);
}

static void test_refused(void **state)
{
	struct bpf_object *obj;
	int err;

	obj = load("no_session", BPF_TRACE_KPROBE_MULTI, &err);
	assert_int_equal(err, -EACCES); /* of sessions alone */
	bpf_object__close(obj);
}

/* ---- functions with trampolines: fsession, since 7.0 ---- */

static int attach_to(int prog)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (u32)prog,
						 .attach_type = BPF_TRACE_FSESSION } };

	return link_create(&attr);
}

static void test_fsession(void **state)
{
	static const char *const others[] = { "both2", "both3", "both4", "both5" };
	struct bpf_object *obj, *more[4], *plain;
	struct bpf_link_info info = { 0 };
	u32 size = sizeof(info);
	int err, fd, links[4], fd_plain;
	struct seen s;

	sys->profile = sys->kernel.release = KVER(7, 0);
	obj = load("both1", BPF_TRACE_FSESSION, &err);
	assert_int_equal(err, 0);
	fd = attach_to(prog_of(obj, "both1"));
	assert_true(fd >= 0);
	assert_int_equal(attach_to(prog_of(obj, "both1")), -EBUSY);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	assert_int_equal(info.type, BPF_LINK_TYPE_TRACING);
	assert_int_equal(info.tracing.attach_type, BPF_TRACE_FSESSION);
	assert_int_equal(bpf_prog_test_run_opts(prog_of(obj, "both1"), NULL), 0);
	s = seen_of(obj);
	assert_int_equal(s.n, 2);
	is_event(&s.at[0], 0, 2, 20);
	is_event(&s.at[1], 1, 5, 20);

	/* Four programs' cookies have room; those of a program without one need none. */
	for (u32 i = 0; i < 4; i++) {
		more[i] = load(others[i], BPF_TRACE_FSESSION, &err);
		assert_int_equal(err, 0);
		links[i] = attach_to(prog_of(more[i], others[i]));
		if (i == 3)
			assert_int_equal(links[i], -E2BIG);
		else
			assert_true(links[i] >= 0);
	}
	plain = load("without_cookie", BPF_TRACE_FSESSION, &err);
	assert_int_equal(err, 0);
	fd_plain = attach_to(prog_of(plain, "without_cookie"));
	assert_true(fd_plain >= 0);
	assert_int_equal(bpf_prog_test_run_opts(prog_of(obj, "both1"), NULL), 0);
	assert_int_equal(seen_of(obj).n, 4);
	s = seen_of(plain);
	assert_int_equal(s.n, 2);
	is_event(&s.at[0], 0, 0, 0);
	is_event(&s.at[1], 1, 5, 0);
	close(fd_plain);
	close(fd);
	for (u32 i = 0; i < 4; i++) {
		if (links[i] >= 0)
			close(links[i]);
		bpf_object__close(more[i]);
	}
	assert_int_equal(bpf_prog_test_run_opts(prog_of(obj, "both1"), NULL), 0);
	assert_int_equal(seen_of(obj).n, 4);
	bpf_object__close(plain);
	bpf_object__close(obj);
	/* As an older kernel says it. */
	sys->profile = sys->kernel.release = KVER(6, 18);
	obj = load("both1", BPF_TRACE_FSESSION, &err);
	assert_int_equal(err, -EINVAL);
	bpf_object__close(obj);
	/* The cookie is of sessions only. */
	sys->profile = sys->kernel.release = KVER(7, 0);
	obj = load("both1", BPF_TRACE_FEXIT, &err);
	assert_int_equal(err, -EACCES);
	bpf_object__close(obj);
	sys->profile = sys->kernel.release = KVER(6, 18);
}

static void test_fsession_of_program(void **state)
{
	u8 packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	const char *out = getenv("O");
	struct bpf_object *target, *obj;
	struct seen s;
	char path[512];
	int err, fd;

	sys->profile = sys->kernel.release = KVER(7, 0);
	snprintf(path, sizeof(path), "%s/bpf/ext.bpf.o", out ? out : "build");
	target = bpf_object__open_file(path, NULL);
	assert_non_null(target);
	assert_int_equal(bpf_object__load(target), 0);
	obj = load_for("both1", BPF_TRACE_FSESSION, prog_of(target, "target"), "inner", &err);
	assert_int_equal(err, 0);
	fd = attach_to(prog_of(obj, "both1"));
	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_test_run_opts(prog_of(target, "target"), &opts), 0);
	s = seen_of(obj);
	assert_int_equal(s.n, 2);
	is_event(&s.at[0], 0, 64, 640);
	is_event(&s.at[1], 1, 64, 640);
	close(fd);
	assert_int_equal(bpf_prog_test_run_opts(prog_of(target, "target"), &opts), 0);
	assert_int_equal(seen_of(obj).n, 2);
	bpf_object__close(obj);
	bpf_object__close(target);
	sys->profile = sys->kernel.release = KVER(6, 18);
}

/* ---- one program at many functions with trampolines, since 7.2 ---- */

static int attach_many(int prog, u32 type, const u32 *ids, const u64 *cookies, u32 n)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (u32)prog, .attach_type = type } };

	attr.link_create.tracing_multi.ids = (u64)ids;
	attr.link_create.tracing_multi.cookies = (u64)cookies;
	attr.link_create.tracing_multi.cnt = n;
	return link_create(&attr);
}

static void test_many(void **state)
{
	static const struct {
		const char *prog;
		u32 type, n;
		struct event events[4];
	} cases[] = {
		{ "many_entries", BPF_TRACE_FENTRY_MULTI, 2, { { 0, 1, 101 }, { 0, 4, 301 } } },
		{ "many_returns", BPF_TRACE_FEXIT_MULTI, 2, { { 1, 2, 101 }, { 1, 15, 301 } } },
		{ "many_both",
		  BPF_TRACE_FSESSION_MULTI,
		  4,
		  { { 0, 1, 101 }, { 1, 2, 101 }, { 0, 4, 301 }, { 1, 15, 301 } } },
	};
	u64 cookies[] = { 100, 300 }, got_cookies[2], addrs[2];
	struct bpf_object *obj;
	struct seen s;
	u32 ids[3], got[2];
	int err, fd, prog;

	ids[0] = (u32)libbpf_find_vmlinux_btf_id("bpf_fentry_test1", BPF_TRACE_FENTRY);
	ids[1] = (u32)libbpf_find_vmlinux_btf_id("bpf_fentry_test3", BPF_TRACE_FENTRY);
	ids[2] = ids[0];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bpf_link_info info = { 0 };
		u32 size = sizeof(info), type = cases[i].type;

		sys->profile = sys->kernel.release = KVER(7, 2);
		obj = load(cases[i].prog, type, &err);
		assert_int_equal(err, 0);
		prog = prog_of(obj, cases[i].prog);
		assert_int_equal(attach_many(prog, type, ids, NULL, 0), -EINVAL);
		assert_int_equal(attach_many(prog, type, NULL, NULL, 1), -EINVAL);
		assert_int_equal(attach_many(prog, type, ids, NULL, 2000000), -E2BIG);
		assert_int_equal(attach_many(prog, type, ids, NULL, 3), -EINVAL); /* one twice */
		assert_int_equal(attach_many(prog, BPF_TRACE_FENTRY, ids, NULL, 1), -EINVAL);
		assert_int_equal(attach_many(prog, type, (const u32[]){ 1 }, NULL, 1), -EINVAL);
		fd = attach_many(prog, type, ids, cookies, 2);
		assert_true(fd >= 0);
		assert_int_equal(attach_many(prog, type, ids, NULL, 1), -EBUSY);
		assert_int_equal(bpf_prog_test_run_opts(prog, NULL), 0);
		s = seen_of(obj);
		assert_int_equal(s.n, cases[i].n);
		for (u32 e = 0; e < s.n; e++)
			is_event(&s.at[e], cases[i].events[e].returns, cases[i].events[e].word,
				 cases[i].events[e].cookie);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
		assert_int_equal(info.type, BPF_LINK_TYPE_TRACING_MULTI);
		assert_int_equal(info.tracing_multi.attach_type, type);
		assert_int_equal(info.tracing_multi.count, 2);
		info.tracing_multi.ids = (u64)got;
		info.tracing_multi.addrs = (u64)addrs;
		info.tracing_multi.cookies = (u64)got_cookies;
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
		assert_memory_equal(got, ids, sizeof(got));
		assert_memory_equal(got_cookies, cookies, sizeof(cookies));
		assert_true(addrs[0] && addrs[0] != addrs[1]);
		close(fd);
		assert_int_equal(bpf_prog_test_run_opts(prog, NULL), 0);
		assert_int_equal(seen_of(obj).n, cases[i].n);
		bpf_object__close(obj);
		sys->profile = sys->kernel.release = KVER(7, 1);
		obj = load(cases[i].prog, type, &err);
		assert_int_equal(err, -EINVAL);
		bpf_object__close(obj);
	}
	sys->profile = sys->kernel.release = KVER(6, 18);
}

/* Sleepable programs at tracepoints, since 7.2: where the event can wait. */
static void test_sleepable_tracepoints(void **state)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						 { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int prog, fd;

	assert_true(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "raw", "GPL", insns, 2, &opts) < 0);
	sys->profile = sys->kernel.release = KVER(7, 2);
	prog = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "raw", "GPL", insns, 2, &opts);
	assert_true(prog >= 0);
	fd = bpf_raw_tracepoint_open("sys_enter", prog);
	assert_true(fd >= 0);
	close(fd);
	assert_true(bpf_raw_tracepoint_open("sched_process_exec", prog) < 0);
	assert_int_equal(errno, EINVAL);
	close(prog);
	sys->profile = sys->kernel.release = KVER(6, 18);
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };

	libbpf_set_print(quiet);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	sys = skep_system_new(&opts);
	skep_front_use(sys);
	return sys ? 0 : -1;
}

static int end(void **state)
{
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions), cmocka_unit_test(test_user_functions),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_file_by_descriptor),
		cmocka_unit_test(test_fsession),  cmocka_unit_test(test_fsession_of_program),
		cmocka_unit_test(test_many),	  cmocka_unit_test(test_sleepable_tracepoints),
	};

	if (argc > 1 && !strcmp(argv[1], "child"))
		return nested(4) != 240;
	return cmocka_run_group_tests_name("sessions", tests, begin, end);
}
