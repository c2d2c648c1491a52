/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_perf_event_read() and bpf_perf_event_read_value(), on skep and on the running kernel: errors
 * are the same, clocks advance, a task's faults are counted.
 */
#include "hook/record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/mount.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "../lib/beside.h"

struct call {
	s64 ret;
	u64 flags, value[4];
	u32 which, pad;
};

enum { CLOCK, OUTPUT, OTHER_CPU, MINE, ANOTHERS, EMPTY, FAULTS, OFF, ENTRIES };

static struct beside b[2];
static u32 nr;
static cpu_set_t cpus;
static pid_t child;
static char self[256];

static int setup(void **state)
{
	cpu_set_t first;

	nr = beside_open_both(b, "perf_counter");
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	sched_setaffinity(0, sizeof(first), &first);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	return nr ? 0 : -1;
}

static int teardown(void **state)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	beside_close_both(b);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return 0;
}

static int event_open(const struct beside *s, u64 config, int pid, int cpu, u32 how)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = config,
					.disabled = how & 1,
					.inherit = how >> 1 & 1 };
	int fd;

	skep_front_use(s->sys);
	fd = (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);
	skep_front_use(NULL);
	return fd < 0 ? -errno : fd;
}

static int put(const struct beside *s, u32 index, int fd)
{
	int err;

	skep_front_use(s->sys);
	err = bpf_map_update_elem(bpf_object__find_map_fd_by_name(s->obj, "events"), &index, &fd,
				  0) ?
		      -errno :
		      0;
	skep_front_use(NULL);
	return err;
}

static s64 ask(const struct beside *s, u32 which, u64 flags, u64 value[4])
{
	struct call c = { .which = which, .flags = flags, .value = { 7, 7, 7, 7 }, .ret = 999 };

	beside_run(s, "call", "reads", true, &c);
	memcpy(value, c.value, sizeof(c.value));
	return c.ret;
}

static void sleep_ms(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

static void fill(const struct beside *s, int fds[ENTRIES])
{
	const struct {
		u64 config;
		int pid, cpu;
		u32 how;
	} all[ENTRIES] = {
		[CLOCK] = { PERF_COUNT_SW_CPU_CLOCK, -1, 0, 0 },
		[OUTPUT] = { PERF_COUNT_SW_BPF_OUTPUT, -1, 0, 0 },
		[OTHER_CPU] = { PERF_COUNT_SW_CPU_CLOCK, -1, 1, 0 },
		[MINE] = { PERF_COUNT_SW_TASK_CLOCK, 0, -1, 0 },
		[ANOTHERS] = { PERF_COUNT_SW_TASK_CLOCK, child, -1, 0 },
		[FAULTS] = { PERF_COUNT_SW_PAGE_FAULTS, 0, -1, 0 },
		[OFF] = { PERF_COUNT_SW_CPU_CLOCK, -1, 0, 1 },
	};

	for (u32 i = 0; i < ENTRIES; i++) {
		fds[i] = -1;
		if (i == EMPTY)
			continue;
		fds[i] = event_open(s, all[i].config, all[i].pid, all[i].cpu, all[i].how);
		assert_true(fds[i] >= 0);
		assert_int_equal(put(s, i, fds[i]), 0);
	}
}

static void counted(const struct beside *s)
{
	u64 v[4], w[4];
	int fds[ENTRIES];
	s64 n;

	fill(s, fds);
	/* Clocks of this CPU and of this task. */
	assert_int_equal(ask(s, 1, CLOCK, v), 0);
	sleep_ms(20);
	assert_int_equal(ask(s, 1, CLOCK, w), 0);
	assert_in_range(w[0] - v[0], 19000000, 5000000000);
	assert_in_range(w[1] - v[1], 19000000, 5000000000);
	assert_int_equal(w[1], w[2]);
	assert_int_equal(w[3], 7);
	n = ask(s, 0, CLOCK, v);
	assert_true(n >= (s64)w[0]);
	assert_true(ask(s, 0, BPF_F_CURRENT_CPU, v) >= n);
	assert_int_equal(ask(s, 1, MINE, v), 0);
	for (volatile int i = 0; i < 10000000; i++)
		;
	assert_int_equal(ask(s, 1, MINE, w), 0);
	assert_true(w[0] > v[0]);
	sleep_ms(60);
	assert_int_equal(ask(s, 1, MINE, v), 0);
	assert_true(v[0] - w[0] < 60000000); /* it slept */
	/* Faults, where the machine lets them be counted. */
	n = ask(s, 0, FAULTS, v);
	assert_true(n >= 0);
	for (u32 i = 0; i < 20; i++) {
		char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

		*page = 1;
		munmap(page, 4096);
	}
	assert_in_range(ask(s, 0, FAULTS, v) - n, 20, 5000);
	assert_int_equal(ask(s, 1, OFF, v), 0); /* it counts nothing */
	assert_int_equal(v[0], 0);
	/* A count begins again, its times go on. */
	skep_front_use(s->sys);
	ioctl(fds[CLOCK], PERF_EVENT_IOC_DISABLE, 0);
	ioctl(fds[CLOCK], PERF_EVENT_IOC_RESET, 0);
	ioctl(fds[CLOCK], PERF_EVENT_IOC_ENABLE, 0);
	skep_front_use(NULL);
	assert_int_equal(ask(s, 1, CLOCK, v), 0);
	assert_true(v[0] < 15000000 && v[1] > v[0] + 15000000);
	for (u32 i = 0; i < ENTRIES; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void counters(void **state)
{
	for (u32 i = 0; i < nr; i++)
		counted(&b[i]);
}

static void errors_same(void **state)
{
	static const u64 flags[] = { CLOCK,
				     OUTPUT,
				     OTHER_CPU,
				     MINE,
				     ANOTHERS,
				     EMPTY,
				     OFF,
				     8,
				     77,
				     BPF_F_CURRENT_CPU,
				     BPF_F_INDEX_MASK - 1,
				     1ULL << 32,
				     1ULL << 63 };
	int fds[2][ENTRIES];

	if (nr < 2)
		skip();
	for (u32 i = 0; i < 2; i++)
		fill(&b[i], fds[i]);
	for (u32 which = 0; which < 5; which++)
		for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
			u64 v[4], w[4];
			s64 ours = ask(&b[0], which, flags[i], v);
			s64 theirs = ask(&b[1], which, flags[i], w);

			if (!which && ours > 0 && theirs > 0)
				continue; /* counts */
			if (ours != theirs)
				fail_msg("call %u, flags %#llx: skep %lld, kernel %lld", which,
					 (unsigned long long)flags[i], (long long)ours,
					 (long long)theirs);
			for (u32 k = 0; k < 4; k++)
				if (!v[k] != !w[k])
					fail_msg("call %u, flags %#llx, word %u: skep %llu, kernel "
						 "%llu",
						 which, (unsigned long long)flags[i], k,
						 (unsigned long long)v[k],
						 (unsigned long long)w[k]);
		}
	for (u32 i = 0; i < 2; i++)
		for (u32 k = 0; k < ENTRIES; k++)
			if (fds[i][k] >= 0)
				close(fds[i][k]);
}

/* What counts children, too, cannot be read by a program. */
static void inherited(void **state)
{
	for (u32 i = 0; i < nr; i++) {
		int fd = event_open(&b[i], PERF_COUNT_SW_TASK_CLOCK, 0, -1, 2);

		assert_true(fd >= 0);
		assert_int_equal(put(&b[i], 0, fd), -EOPNOTSUPP);
		close(fd);
	}
}

/* ---- passes of a place ---- */

#define PASSES 50

static void passes(void)
{
	for (u32 i = 0; i < PASSES; i++)
		syscall(SYS_getpgrp);
}

/* Number of tracepoint syscalls:sys_enter_getpgrp; 0: there is none. */
static u64 point(const struct beside *s)
{
	char text[32] = "";
	int p[2], fd;
	pid_t pid;

	if (s->sys)
		return tracepoint_id(
			(u32)hook_point_row(s->sys, HOOK_TRACEPOINT, "syscalls:sys_enter_getpgrp"));
	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) { /* in a mount namespace of its own */
		if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		    !mount("none", "/mnt", "tracefs", 0, NULL)) {
			fd = open("/mnt/events/syscalls/sys_enter_getpgrp/id", O_RDONLY);
			if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
				fd = (int)write(p[1], text, sizeof(text));
		}
		_exit(0);
	}
	close(p[1]);
	if (read(p[0], text, sizeof(text)) < 0)
		text[0] = 0;
	close(p[0]);
	waitpid(pid, NULL, 0);
	return (u64)atoll(text);
}

/* A process passes the place on this CPU. */
static void pass(const struct beside *s)
{
	char *argv[] = { self, (char *)"passes", NULL }, error[256];
	struct skep_process *proc;
	int status = -1;
	pid_t pid;

	if (s->sys) {
		assert_int_equal(skep_spawn(s->sys, self, argv, NULL, &proc, error, sizeof(error)),
				 0);
		assert_int_equal(skep_process_wait(proc, true, 60000, &status), 0);
		skep_process_free(proc);
	} else {
		pid = fork();
		if (!pid) {
			passes();
			_exit(0);
		}
		waitpid(pid, &status, 0);
	}
	assert_int_equal(status, 0);
}

static void control(const struct beside *s, int fd, unsigned long request, const char *prog)
{
	long arg = prog ? bpf_program__fd(bpf_object__find_program_by_name(s->obj, prog)) : 0;

	skep_front_use(s->sys);
	assert_int_equal(ioctl(fd, request, arg), 0);
	skep_front_use(NULL);
}

static int point_open(const struct beside *s, u64 id, int pid, int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = PERF_TYPE_TRACEPOINT, .config = id, .disabled = 1
	};
	int fd;

	skep_front_use(s->sys);
	fd = (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);
	skep_front_use(NULL);
	assert_true(fd >= 0);
	return fd;
}

static void passes_counted(void **state)
{
	for (u32 i = 0; i < nr; i++) {
		u64 id = point(&b[i]), v[4];
		int fd, other, mine;

		if (!id) {
			print_message("# the kernel has no such tracepoint: not compared\n");
			continue;
		}
		fd = point_open(&b[i], id, -1, 0);
		other = point_open(&b[i], id, -1, 1);
		mine = point_open(&b[i], id, 0, -1); /* not the child's */
		assert_int_equal(put(&b[i], 0, fd), 0);
		assert_int_equal(put(&b[i], 1, other), 0);
		assert_int_equal(put(&b[i], 2, mine), 0);
		pass(&b[i]); /* disabled */
		assert_int_equal(ask(&b[i], 1, 0, v), 0);
		assert_int_equal(v[0], 0);
		assert_int_equal(v[1], 0);
		control(&b[i], fd, PERF_EVENT_IOC_ENABLE, NULL);
		control(&b[i], other, PERF_EVENT_IOC_ENABLE, NULL);
		control(&b[i], mine, PERF_EVENT_IOC_ENABLE, NULL);
		pass(&b[i]);
		pass(&b[i]);
		assert_int_equal(ask(&b[i], 1, 0, v), 0);
		assert_int_equal(v[0], 2 * PASSES);
		assert_true(v[1] && v[1] == v[2]);
		assert_int_equal(ask(&b[i], 0, 0, v), 2 * PASSES);
		assert_int_equal(ask(&b[i], 1, 1, v), -EINVAL); /* of another CPU */
		assert_int_equal(ask(&b[i], 1, 2, v), 0);
		assert_int_equal(v[0], 0);
		assert_int_equal(ask(&b[i], 4, 0, v), -EINVAL); /* it takes no output */
		control(&b[i], fd, PERF_EVENT_IOC_RESET, NULL);
		/* What a program says 0 to is not counted, whichever event has put it there. */
		control(&b[i], other, PERF_EVENT_IOC_SET_BPF, "says_1");
		control(&b[i], fd, PERF_EVENT_IOC_DISABLE, NULL);
		pass(&b[i]);
		control(&b[i], fd, PERF_EVENT_IOC_ENABLE, NULL);
		pass(&b[i]);
		assert_int_equal(ask(&b[i], 0, 0, v), PASSES);
		control(&b[i], mine, PERF_EVENT_IOC_SET_BPF, "says_0");
		pass(&b[i]);
		assert_int_equal(ask(&b[i], 0, 0, v), PASSES);
		close(mine);
		close(fd);
		close(other);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters),
		cmocka_unit_test(errors_same),
		cmocka_unit_test(inherited),
		cmocka_unit_test(passes_counted),
	};

	if (argc > 1) {
		passes();
		return 0;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
