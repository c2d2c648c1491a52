/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions on tasks and control groups (tests/bpf/task_kfunc.bpf.c): natively, interpreted,
 * and on the running kernel where it permits eBPF, which must all see the same.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/skep.h"
#include "tests/lib/own_cgroup.h"

enum { JIT, INTERPRETER, KERNEL, ENGINES };

#define NOTES 32

/* As in the programs. */
struct io {
	s64 out[NOTES];
	u32 n, pid;
	u64 text;
	char copy[4][16];
};

static int begin(void **state);
static struct skep_system *systems[ENGINES]; /* of KERNEL: NULL */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

/* Runs program @name: whether it could be loaded. */
static bool run(int which, const char *name, struct io *io)
{
	const char *out = getenv("O");
	struct bpf_program *p, *wanted = NULL;
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_object *obj;
	char path[1280];
	u32 zero = 0;
	bool ok;
	int map;

	snprintf(path, sizeof(path), "%s/bpf/task_kfunc.bpf.o", out ? out : "build");
	skep_front_use(systems[which]);
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
	{
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
		if (!strcmp(bpf_program__name(p), name))
			wanted = p;
	}
	ok = !bpf_object__load(obj);
	if (ok) {
		map = bpf_object__find_map_fd_by_name(obj, "io");
		io->n = 0;
		assert_int_equal(bpf_map_update_elem(map, &zero, io, 0), 0);
		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(wanted), &opts), 0);
		if (opts.retval)
			fprintf(stderr, "engine %d %s: %u\n", which, name, opts.retval);
		assert_int_equal(opts.retval, 0);
		assert_int_equal(bpf_map_lookup_elem(map, &zero, io), 0);
		assert_in_range(io->n, 1, NOTES);
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
	return ok;
}

/* On all engines; what the first saw is in *@io. */
static void run_all(const char *name, struct io *io)
{
	struct io begin = *io, other;

	if (!run(JIT, name, io))
		fail_msg("%s: not accepted", name);
	other = begin;
	assert_true(run(INTERPRETER, name, &other));
	assert_memory_equal(io, &other, sizeof(other));
	other = begin;
	if (!run(KERNEL, name, &other)) {
		print_message("# not compared with the running kernel\n");
		return;
	}
	for (u32 i = 0; i < io->n; i++)
		if (io->out[i] != other.out[i])
			fail_msg("%s: output %u: %lld, should be %lld", name, i,
				 (long long)io->out[i], (long long)other.out[i]);
	assert_memory_equal(io->copy, other.copy, sizeof(other.copy));
}

static void tasks(void **state)
{
	struct io io = { .pid = (u32)getpid() };

	run_all("tasks", &io);
	assert_int_equal(io.out[0], getpid());
	assert_int_equal(io.out[1], 1);
	assert_int_equal(io.out[2], getpid());
	for (u32 i = 3; i < 6; i++)
		assert_int_equal(io.out[i], -1);
	assert_int_equal(io.out[6], getpid());
	assert_int_equal(io.out[7], -1);
}

static void groups(void **state)
{
	struct io io = { .pid = (u32)getpid() };

	run_all("groups", &io);
	assert_int_equal(io.out[0], 1);
	assert_int_equal(io.out[1], 1); /* everybody is below the root */
	assert_int_equal(io.out[2], 0);
	assert_int_equal(io.out[3], 1);
	for (u32 i = 4; i < 8; i++)
		assert_int_equal(io.out[i], -1);
	assert_int_equal(io.out[9], 1);
	assert_int_equal(io.out[11], -1);
}

static void groups_v1(void **state)
{
	struct io io = { .pid = (u32)getpid() };

	run_all("groups_v1", &io);
	for (u32 i = 0; i < 4; i++) /* -1, and the unified one */
		assert_int_equal(io.out[i], -1);
	for (io.text = 1; io.text < 13; io.text++)
		run_all("groups_v1", &io);
}

static void texts(void **state)
{
	struct io io = { .text = (u64) "a string" };

	memset(io.copy, 'x', sizeof(io.copy));
	run_all("texts", &io);
	assert_int_equal(io.out[0], 9);
	assert_int_equal(io.out[1], 4);
	assert_int_equal(io.out[2], 9);
	assert_int_equal(io.out[3], -22);
	assert_int_equal(io.out[4], -14);
	assert_int_equal(io.out[5], 0);
	assert_memory_equal(io.copy[0], "a string\0xxxxxxx", 16);
	assert_memory_equal(io.copy[1], "a s\0xxxxxxxxxxxx", 16);
	assert_memory_equal(io.copy[2], "a string\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(io.copy[3], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static u32 nr_signals;
static u64 values[2]; /* of SIGUSR1 and SIGUSR2 */

static void take_signal(int sig, siginfo_t *info, void *ctx)
{
	nr_signals++;
	values[sig == SIGUSR2] = (u64)(uintptr_t)info->si_value.sival_ptr;
}

static void signals(void **state)
{
	struct sigaction act = { .sa_sigaction = take_signal, .sa_flags = SA_SIGINFO }, old[2];
	struct io io = { .pid = (u32)getpid() };
	char comm[16];
	bool kthreads;
	FILE *f;
	static const s64 want[] = { 0, 0, 0, -EINVAL, -EINVAL, -EINVAL };

	f = fopen("/proc/2/comm", "re");
	kthreads = f && fgets(comm, sizeof(comm), f) && !strcmp(comm, "kthreadd\n");
	if (f)
		fclose(f);
	sigaction(SIGUSR1, &act, &old[0]);
	sigaction(SIGUSR2, &act, &old[1]);
	for (int i = 0; i < ENGINES; i++) {
		struct io seen = io;

		nr_signals = 0;
		memset(values, 0, sizeof(values));
		if (!run(i, "signals", &seen)) {
			assert_int_equal(i, KERNEL);
			print_message("# not compared with the running kernel\n");
			break;
		}
		assert_int_equal(nr_signals, 2);
		assert_true(values[0] == 0x123456789abcdef0ULL && values[1] == 77);
		for (u32 k = 0; k < ARRAY_SIZE(want); k++)
			if (seen.out[k] != want[k])
				fail_msg("engine %d: output %u is %lld", i, k,
					 (long long)seen.out[k]);
		/* init, and a kernel thread where they are to be seen */
		for (u32 k = 6; k < (kthreads ? 8 : 7); k++)
			assert_true(seen.out[k] == -EPERM || (i == KERNEL && seen.out[k] == 1));
	}
	sigaction(SIGUSR1, &old[0], NULL);
	sigaction(SIGUSR2, &old[1], NULL);
}

static void task_memory(void **state)
{
	struct io io = { .pid = (u32)getpid(), .text = (u64) "a string" };

	memset(io.copy, 'x', sizeof(io.copy));
	run_all("task_memory", &io);
	assert_int_equal(io.out[0], 0);
	assert_int_equal(io.out[1], 9);
	assert_int_equal(io.out[2], 4);
	assert_int_equal(io.out[3], -E2BIG);
	assert_int_equal(io.out[6], -EFAULT);
	assert_int_equal(io.out[7], -EFAULT);
	assert_memory_equal(io.copy[0], "xxxa string\0xxxx", 16);
	assert_memory_equal(io.copy[1], "a string\0yyyyyyy", 16);
	assert_memory_equal(io.copy[2], "a s\0xxxxxxxxxxxx", 16);
	assert_memory_equal(io.copy[3], "yyyyxxxxxxxxxxxx", 16);
}

static void areas(void **state)
{
	struct io io = { .pid = (u32)getpid(), .text = (u64)&begin };
	struct stat st;

	run_all("areas", &io);
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_int_equal(io.out[0], 0);
	assert_in_range(io.text, io.out[1], io.out[2] - 1);
	assert_int_equal(io.out[3], 5); /* VM_READ | VM_EXEC */
	assert_int_equal(io.out[5], st.st_ino);
	assert_int_equal(io.out[6], -EINVAL);
	assert_int_equal(io.out[7], -ENOENT);
	assert_int_equal(io.out[8], -ENOENT);
	assert_int_equal(io.out[9], 0);
	assert_int_equal(io.out[10], io.out[1]);
	assert_int_equal(io.out[11], io.out[2]);
	assert_int_equal(io.out[16], 0);
	assert_int_equal(io.out[17], 1);
	assert_int_equal(io.out[19], 0);
}

static pthread_barrier_t barrier;

static void *thread(void *tid)
{
	*(s64 *)tid = syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void all_tasks(void **state)
{
	struct io io = { .pid = (u32)getpid() };
	s64 tids[2], all;
	pthread_t t[2];

	pthread_barrier_init(&barrier, NULL, 3);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, thread, &tids[i]), 0);
	pthread_barrier_wait(&barrier);
	if (tids[0] > tids[1])
		all = tids[0], tids[0] = tids[1], tids[1] = all;
	all = (getpid() * 3 + tids[0]) * 3 + tids[1];
	io.text = (u64)tids[0];
	run_all("all_tasks", &io);
	pthread_barrier_wait(&barrier);
	for (u32 i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	const s64 want[] = {
		0, 3,	all,	 0, 2, tids[0] * 3 + tids[1], -EINVAL, 0, 0, 0, 1, getpid(), 0,
		3, all, -EINVAL, 0, 0,
	};
	for (u32 i = 0; i < ARRAY_SIZE(want); i++)
		if (io.out[i] != want[i])
			fail_msg("output %u: %lld, should be %lld", i, (long long)io.out[i],
				 (long long)want[i]);
}

/* A tree of control groups of our own: /, /a, /a/x, /a/y, /b; with a process in /a/x. */
static char tree[1024];
static const char *const below[] = { "", "/a", "/a/x", "/a/y", "/b" };

static pid_t member;

static bool tree_make(u64 ids[5])
{
	char path[1280], line[512], type[64];
	FILE *f = fopen("/proc/self/mounts", "re");
	struct stat st;

	*tree = 0;
	while (f && !*tree && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %511s %63s", path, type) == 2 && !strcmp(type, "cgroup2"))
			snprintf(tree, sizeof(tree), "%.900s/skep-kfunc-%d", path, getpid());
	if (f)
		fclose(f);
	if (!*tree)
		return false;
	for (u32 i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s%s", tree, below[i]);
		if (mkdir(path, 0755) || stat(path, &st))
			return false;
		ids[i] = st.st_ino;
	}
	return true;
}

static void tree_remove(void)
{
	if (member > 0) {
		kill(member, SIGKILL);
		waitpid(member, NULL, 0);
	}
	own_cgroup_remove(tree);
}

static void group_tree(void **state)
{
	struct io io = { .pid = (u32)getpid() };
	char path[1280];
	FILE *f = NULL;
	u64 id[5];
	s64 seen;

	if (!tree_make(id)) {
		print_message("# no control groups can be made here\n");
		skip();
	}
	io.text = id[0];
	run_all("group_tree", &io);
	const s64 want[] = {
		0,	    (s64)id[0], (s64)id[1], (s64)id[2], (s64)id[3], (s64)id[4], 0,
		(s64)id[2], (s64)id[3], (s64)id[1], (s64)id[4], (s64)id[0], 0,		(s64)id[0],
	};
	assert_memory_equal(io.out, want, sizeof(want));
	assert_int_equal(io.out[io.n - 1], -EINVAL);
	assert_int_equal(io.out[io.n - 2], -EINVAL);

	member = fork();
	if (!member) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "%s/a/x/cgroup.procs", tree);
	f = fopen(path, "w");
	seen = f ? fprintf(f, "%d", member) : -1;
	if (f)
		seen = fclose(f);
	io.text = id[2];
	run_all("group_members", &io);
	assert_int_equal(seen, 0);
	const s64 members[] = { 0, 1, member, 0, 1, member, 0, 1, member, -EINVAL, 0, 0 };
	assert_memory_equal(io.out, members, sizeof(members));
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };

	libbpf_set_print(quiet);
	opts.jit = "on";
	systems[JIT] = skep_system_new(&opts);
	opts.jit = "off";
	systems[INTERPRETER] = skep_system_new(&opts);
	return systems[JIT] && systems[INTERPRETER] ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(systems[JIT]);
	skep_system_free(systems[INTERPRETER]);
	tree_remove(); /* also after a failure */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks), cmocka_unit_test(groups),    cmocka_unit_test(groups_v1),
		cmocka_unit_test(texts), cmocka_unit_test(signals),   cmocka_unit_test(task_memory),
		cmocka_unit_test(areas), cmocka_unit_test(all_tasks), cmocka_unit_test(group_tree),
	};

	return cmocka_run_group_tests_name("kernel functions on tasks", tests, begin, end);
}
