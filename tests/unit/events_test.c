/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What tracepoints report of a command that forks, execs, renames itself, makes threads, sends and
 * gets signals: the same, in the same order for each task, as Linux 6.1 and 6.12 reported
 * (tests/data/trace-*.txt), up to numbers of processes and addresses. RECORD=FILE writes such a
 * file on a kernel that permits it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skep/skep.h"

#define MAX_EVENTS 20000
#define MAX_TASKS  16

struct event {
	uint32_t which, tid;
	char comm[16];
	uint8_t bytes[160];
};

static struct event events[MAX_EVENTS];
static int nr_events;

/* ---- what is traced: this program, called as NAME workload ---- */

static void *thread(void *arg)
{
	return arg;
}

static void on_usr1(int sig)
{
}

static pid_t start(int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	return pid;
}

static int child_exec(void)
{
	char *const argv[] = { "second", "second", NULL };

	execv("/nonexistent/program", argv);
	execv("./skep-events-test", argv);
	return 9;
}

static int child_waits(void)
{
	while (pause())
		;
	return 0;
}

static int workload(void)
{
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };
	pthread_t t;
	int status;
	pid_t pid;

	/* Nothing of libc in between: what it does differs. */
	prctl(PR_SET_NAME, "renamed");
	pid = start(child_exec);
	waitpid(pid, &status, 0);
	pid = start(child_waits);
	syscall(SYS_kill, pid, SIGTERM);
	waitpid(pid, &status, 0);
	pid = start(child_waits);
	syscall(SYS_kill, pid, SIGKILL);
	waitpid(pid, &status, 0);
	sigaction(SIGUSR1, &sa, NULL);
	syscall(SYS_kill, getpid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	syscall(SYS_kill, getpid(), SIGWINCH); /* ignored */
	syscall(SYS_kill, getpid(), 0);
	syscall(SYS_kill, 0x3fffffff, SIGTERM);
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	return 5;
}

/* ---- the report ---- */

static uint32_t tasks[MAX_TASKS]; /* in the order of their births */
static int nr_tasks;

/* Number of the task from 1; 0: none of the command's. */
static int task_number(uint32_t tid)
{
	for (int i = 0; i < nr_tasks; i++)
		if (tasks[i] == tid)
			return i + 1;
	return 0;
}

static uint32_t u32_at(const struct event *e, int off)
{
	uint32_t v;

	memcpy(&v, e->bytes + off, sizeof(v));
	return v;
}

static uint64_t u64_at(const struct event *e, int off)
{
	uint64_t v;

	memcpy(&v, e->bytes + off, sizeof(v));
	return v;
}

/* A string in the record or behind it. */
static const char *str_at(const struct event *e, int off, bool data_loc)
{
	static char text[64];

	if (data_loc)
		off = u32_at(e, off) & 0xffff;
	snprintf(text, sizeof(text), "%.40s", (const char *)e->bytes + (off < 96 ? off : 96));
	return text;
}

static const char *handler(uint64_t address)
{
	return address > 1 ? "function" : address ? "ignore" : "default";
}

/* Numbers of a task where a value is one. */
static long value(uint64_t v)
{
	return task_number((uint32_t)v) ? 1000 + task_number((uint32_t)v) : (long)v;
}

static bool traced_call(uint64_t nr)
{
	switch (nr) {
	case SYS_kill:
	case SYS_tgkill:
	case SYS_execve:
	case SYS_prctl:
	case SYS_rt_sigreturn:
	case SYS_exit_group:
	case (uint64_t)-1:
		return true;
	}
	return false;
}

static uint64_t last_nr[MAX_TASKS + 1]; /* the call that a task is in */

/* One line, or none for calls that libc makes as it likes. @loc: names stand behind the record. */
static void line(FILE *f, const struct event *e, bool loc)
{
	int me = task_number(e->tid);

	/* The command's own end is told to us. */
	if (me == 1 && u32_at(e, e->which == 23 ? 0 : 8) == SIGCHLD &&
	    (e->which == 3 || e->which == 23))
		return;
	switch (e->which) {
	case 0:
		fprintf(f, "exec '%s' pid %ld old %ld", str_at(e, 8, true), value(u32_at(e, 12)),
			value(u32_at(e, 16)));
		break;
	case 1:
		fprintf(f, "fork '%s'", str_at(e, 8, loc));
		fprintf(f, " %ld child '%s' %ld", value(u32_at(e, loc ? 12 : 24)),
			str_at(e, loc ? 16 : 28, loc), value(u32_at(e, loc ? 20 : 44)));
		break;
	case 2:
		fprintf(f, "exit '%s' %ld prio %d", str_at(e, 8, false), value(u32_at(e, 24)),
			(int)u32_at(e, 28) - getpriority(PRIO_PROCESS, 0));
		break;
	case 3:
		fprintf(f, "generate %d errno %d code %d to '%s' %ld group %d result %d",
			(int)u32_at(e, 8), (int)u32_at(e, 12), (int)u32_at(e, 16),
			str_at(e, 20, false), value(u32_at(e, 36)), (int)u32_at(e, 40),
			(int)u32_at(e, 44));
		break;
	case 4:
		fprintf(f, "deliver %d errno %d code %d %s flags %lx", (int)u32_at(e, 8),
			(int)u32_at(e, 12), (int)u32_at(e, 16), handler(u64_at(e, 24)),
			(unsigned long)u64_at(e, 32));
		break;
	case 5:
		fprintf(f, "newtask %ld '%s' flags %lx oom %d", value(u32_at(e, 8)),
			str_at(e, 12, false), (unsigned long)u64_at(e, 32),
			(int)(int16_t)u32_at(e, 40));
		break;
	case 6:
		fprintf(f, "rename %ld '%s'", value(u32_at(e, 8)), str_at(e, 12, false));
		fprintf(f, " to '%s' oom %d", str_at(e, 28, false), (int)(int16_t)u32_at(e, 44));
		break;
	case 7:
		last_nr[me] = u64_at(e, 8);
		if (!traced_call(last_nr[me]))
			return;
		fprintf(f, "enter %ld", (long)u64_at(e, 8));
		if (u64_at(e, 8) == SYS_kill)
			fprintf(f, " %ld %ld", value(u64_at(e, 16)), value(u64_at(e, 24)));
		break;
	case 8:
		if (!traced_call(u64_at(e, 8)))
			return;
		fprintf(f, "exit %ld = %ld", (long)u64_at(e, 8), value(u64_at(e, 16)));
		break;
	case 9:
		fprintf(f, "enter kill %d %ld %ld", (int)u32_at(e, 8), value(u64_at(e, 16)),
			value(u64_at(e, 24)));
		break;
	case 10:
	case 11:
	case 13:
		fprintf(f, "own exit %d = %ld", (int)u32_at(e, 8), (long)u64_at(e, 16));
		break;
	case 12:
		fprintf(f, "own enter %d", (int)u32_at(e, 8));
		break;
	case 20:
		fprintf(f, "raw exec old %ld", value(u64_at(e, 8)));
		break;
	case 21:
		fprintf(f, "raw fork");
		break;
	case 22:
		fprintf(f, "raw exit");
		break;
	case 23:
		fprintf(f, "raw generate %d group %d result %d", (int)u64_at(e, 0),
			(int)u64_at(e, 24), (int)u64_at(e, 32));
		break;
	case 24:
		fprintf(f, "raw deliver %d", (int)u64_at(e, 0));
		break;
	case 25:
		fprintf(f, "raw newtask flags %lx", (unsigned long)u64_at(e, 8));
		break;
	case 26:
		fprintf(f, "raw rename");
		break;
	case 27:
		if (!traced_call(u64_at(e, 8)))
			return;
		fprintf(f, "raw enter %ld", (long)u64_at(e, 8));
		break;
	case 28:
		if (!traced_call(last_nr[me]))
			return;
		fprintf(f, "raw exit call = %ld", value(u64_at(e, 8)));
		break;
	}
	fprintf(f, " [%s]\n", e->comm);
}

/* The command's events, task by task; @pid has been started by us. */
static void report(FILE *f, uint32_t pid, bool loc)
{
	nr_tasks = 0;
	memset(last_nr, 0, sizeof(last_nr));
	tasks[nr_tasks++] = pid;
	for (int i = 0; i < nr_events; i++)
		if (events[i].which == 5 && task_number(events[i].tid) && nr_tasks < MAX_TASKS)
			tasks[nr_tasks++] = u32_at(&events[i], 8);
	for (int t = 0; t < nr_tasks; t++) {
		bool begun = t > 0;

		fprintf(f, "-- task %d\n", t + 1);
		for (int i = 0; i < nr_events; i++) {
			if (events[i].tid != tasks[t])
				continue;
			/* What was before the command's execve is ours. */
			if (events[i].which == 20 || events[i].which == 0)
				begun = true;
			if (begun)
				line(f, &events[i], loc);
		}
	}
}

/* ---- both engines ---- */

/* A file of BPF programs; on other machines it is named by the environment. */
static const char *object_path(const char *name)
{
	static char path[256];
	const char *out = getenv("O");

	if (getenv("EVENTS_OBJECT"))
		return getenv("EVENTS_OBJECT");
	snprintf(path, sizeof(path), "%s/bpf/%s", out ? out : "build", name);
	return path;
}

static int on_event(void *ctx, void *data, size_t size)
{
	if (nr_events < MAX_EVENTS)
		events[nr_events++] = *(struct event *)data;
	return 0;
}

static struct bpf_object *attach_all(const char *path)
{
	struct bpf_object *obj = bpf_object__open(path);
	struct bpf_program *p;

	if (!obj || bpf_object__load(obj))
		return NULL;
	bpf_object__for_each_program(p, obj) if (!bpf_program__attach(p)) return NULL;
	return obj;
}

static void drain(struct bpf_object *obj)
{
	struct ring_buffer *rb;

	rb = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "ring"), on_event, NULL, NULL);
	assert_non_null(rb);
	while (ring_buffer__consume(rb) > 0)
		;
	ring_buffer__free(rb);
}

static char *const workload_argv[] = { "./skep-events-test", "workload", NULL };
static char folder[] = "/tmp/skep-events-XXXXXX"; /* where that is */

static void compare(const char *profile, const char *path)
{
	char name[64], a[512], b[512];
	FILE *f, *want;
	bool differs = false;

	snprintf(name, sizeof(name), "tests/data/trace-%s.txt", profile);
	f = fopen(path, "r");
	want = fopen(name, "r");
	assert_non_null(f);
	assert_non_null(want);
	do { /* past the remark at its head */
		assert_non_null(fgets(b, sizeof(b), want));
	} while (*b == '#');
	for (;;) {
		char *la = fgets(a, sizeof(a), f);

		if (!la && feof(want))
			break;
		if (!la || feof(want) || strcmp(a, b)) {
			differs = true;
			print_message("# skep: %.60s\n# %s: %s", la ? la : "(end)\n", profile,
				      feof(want) ? "(end)\n" : b);
		}
		if (!la && !feof(want) && !fgets(b, sizeof(b), want))
			break;
		if (la && !fgets(b, sizeof(b), want))
			b[0] = 0;
	}
	fclose(f);
	fclose(want);
	assert_false(differs);
}

static void run_skep(const char *profile)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = profile };
	char error[256] = "", out[] = "/tmp/skep-events-XXXXXX";
	struct skep_system *sys = skep_system_new(&opts);
	struct skep_spawn_opts where = { .sz = sizeof(where), .directory = folder };
	struct skep_process *p;
	struct bpf_object *obj;
	int status, err;
	FILE *f;

	assert_non_null(sys);
	skep_front_use(sys);
	nr_events = 0;
	obj = attach_all(object_path("events.bpf.o"));
	assert_non_null(obj);
	err = skep_spawn(sys, workload_argv[0], workload_argv, &where, &p, error, sizeof(error));
	if (err)
		print_message("# %s\n", error);
	assert_int_equal(err, 0);
	assert_int_equal(skep_process_wait(p, true, 30000, &status), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 5);
	drain(obj);
	assert_true(nr_events > 0 && nr_events < MAX_EVENTS);
	f = fdopen(mkstemp(out), "w");
	assert_non_null(f);
	report(f, (uint32_t)skep_process_pid(p), true);
	fclose(f);
	skep_process_free(p);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	compare(profile, out);
	unlink(out);
}

static void test_6_1(void **state)
{
	run_skep("6.1");
}

static void test_6_12(void **state)
{
	run_skep("6.12");
}

/* Every kind of program, attached by libbpf, on a shell and what it starts. */
static void test_counts(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.12" };
	struct skep_spawn_opts where = { .sz = sizeof(where), .directory = folder };
	char *const argv[] = { "sh", "-c", "/bin/true; : >gone; /bin/rm gone; exit 7", NULL };
	struct skep_system *sys = skep_system_new(&opts);
	struct skep_process *p;
	struct bpf_program *prog;
	struct bpf_object *obj;
	uint64_t n[32];
	char error[256];
	int status, map;

	assert_non_null(sys);
	skep_front_use(sys);
	obj = bpf_object__open(object_path("trace.bpf.o"));
	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	bpf_object__for_each_program(prog,
				     obj) if (strcmp(bpf_program__section_name(prog), "uprobe") &&
					      strcmp(bpf_program__section_name(prog), "perf_event"))
		assert_non_null(bpf_program__attach(prog));
	assert_int_equal(skep_spawn(sys, "sh", argv, &where, &p, error, sizeof(error)), 0);
	assert_int_equal(skep_process_wait(p, true, 30000, &status), 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	map = bpf_object__find_map_fd_by_name(obj, "runs");
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(bpf_map_lookup_elem(map, &i, &n[i]), 0);
	/* sh, true and rm, by tracepoints, raw and typed ones, system call and kernel function. */
	assert_int_equal(n[0], 3);
	assert_int_equal(n[1], 3);
	assert_int_equal(n[3], 3);
	assert_int_equal(n[5], 3);
	assert_int_equal(n[6], 3);
	assert_int_equal(n[9], 3);
	assert_int_equal(n[17], 3);
	/* One removal, seen five times. */
	assert_int_equal(n[7], 1);
	assert_int_equal(n[8], 1);
	assert_int_equal(n[10], 1);
	assert_int_equal(n[11], 1);
	assert_int_equal(n[12], 1);
	/* Two children. */
	assert_int_equal(n[13], 2);
	assert_int_equal(n[14], 3);
	assert_int_equal(n[15], 2);
	/* Each of three processes ends in a call without an end; each child begins with an end. */
	assert_int_equal(n[2] - 3 + 2, n[4]);
	skep_process_free(p);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

static int record(const char *path)
{
	struct bpf_object *obj;
	int status;
	FILE *f;
	pid_t pid;

	skep_front_use(NULL);
	obj = attach_all(object_path("events.bpf.o"));
	if (!obj)
		return 1;
	pid = fork();
	if (!pid && !chdir(folder)) {
		execv(workload_argv[0], workload_argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	drain(obj);
	f = fopen(path, "w");
	if (!f)
		return 1;
	report(f, (uint32_t)pid, false);
	fclose(f);
	return 0;
}

/* A copy of this program under the name that is in the recordings. */
static int copy_self(void **state)
{
	char command[128];

	if (!mkdtemp(folder))
		return -1;
	snprintf(command, sizeof(command), "cp /proc/$PPID/exe %s/skep-events-test", folder);
	return system(command);
}

static int remove_copy(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/skep-events-test", folder);
	return unlink(path) || rmdir(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_6_12),
		cmocka_unit_test(test_counts),
	};

	if (argc == 2 && !strcmp(argv[1], "workload"))
		return workload();
	if (argc == 2 && !strcmp(argv[1], "second"))
		return 3;
	if (getenv("RECORD"))
		return copy_self(NULL) || record(getenv("RECORD"));
	return cmocka_run_group_tests(tests, copy_self, remove_copy);
}
