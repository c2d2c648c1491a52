/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaches a program to a system call's tracepoint while a process that has begun before makes calls of that kind
 * and of others; says how many events there were and how often the process was stopped. See tests/script/late.
 */
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS	  300	/* of the kind that is wanted, by each */
#define OTHERS	  20000 /* of another kind, by each */
#define EACH	  3	/* threads, or children */
#define PROCESSES 16	/* that end during one attachment */

struct shared {
	volatile int attached, ready;
};

static struct shared *shared;

static long call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Counts in @map what comes. */
static int attach(const char *event, int map)
{
	struct bpf_insn insns[] = {
		{ .code = 0x62, .dst_reg = 10, .off = -4 }, /* *(u32 *)(fp - 4) = 0 */
		{ .code = 0xbf, .dst_reg = 2, .src_reg = 10 },
		{ .code = 0x07, .dst_reg = 2, .imm = -4 },
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = 0x85, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = 0x15, .dst_reg = 0, .off = 2 },
		{ .code = 0xb7, .dst_reg = 1, .imm = 1 },
		{ .code = 0xdb, .dst_reg = 0, .src_reg = 1 }, /* atomic add */
		{ .code = 0xb7 },
		{ .code = 0x95 },
	};
	struct perf_event_attr perf = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(perf) };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_TRACEPOINT,
				.insn_cnt = sizeof(insns) / sizeof(insns[0]) };
	char path[128];
	int prog, fd;
	FILE *f;

	attr.insns = (uintptr_t)insns;
	attr.license = (uintptr_t) "GPL";
	prog = (int)call(BPF_PROG_LOAD, &attr);
	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/syscalls/%s/id", event);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lli", (long long *)&perf.config) != 1)
		return -1;
	fclose(f);
	fd = (int)syscall(SYS_perf_event_open, &perf, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (prog < 0 || fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -1;
	return fd;
}

static uint64_t count(int map)
{
	union bpf_attr attr = { 0 };
	uint64_t value = 0;
	uint32_t key = 0;

	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	call(BPF_MAP_LOOKUP_ELEM, &attr);
	return value;
}

static long stops(void)
{
	char line[256];
	FILE *f = fopen("/proc/thread-self/status", "r");
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (f)
		fclose(f);
	return n;
}

static void *calls(void *arg)
{
	long *most = arg, before;

	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (!shared->attached)
		usleep(1000);
	before = stops();
	for (int i = 0; i < OTHERS; i++)
		syscall(SYS_getppid);
	*most = stops() - before;
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_sysinfo, NULL);
	return NULL;
}

/* In a process that began before anything was attached: the most stops of one of its threads. */
static int work(const char *how)
{
	long most[EACH] = { 0 }, max = 0;
	pthread_t t[EACH];

	if (!strcmp(how, "threads")) {
		for (int i = 0; i < EACH; i++)
			pthread_create(&t[i], NULL, calls, &most[i]);
		for (int i = 0; i < EACH; i++)
			pthread_join(t[i], NULL);
	} else if (!strcmp(how, "children")) {
		while (!shared->attached)
			usleep(1000);
		for (int i = 0; i < EACH; i++)
			if (!fork()) {
				calls(&most[0]);
				_exit(most[0] > 250 ? 250 : (int)most[0]);
			}
		for (int i = 0, status; i < EACH; i++)
			most[i] = wait(&status) > 0 ? WEXITSTATUS(status) : 250;
	} else {
		calls(&most[0]);
	}
	for (int i = 0; i < EACH; i++)
		max = most[i] > max ? most[i] : max;
	return max > 250 ? 250 : (int)max;
}

static void *end_soon(void *arg)
{
	usleep((useconds_t)(uintptr_t)arg);
	_exit(0);
}

/*
 * Processes end, by another than their first thread, while something is attached that makes skep
 * call in their names: nobody waits for who has ended. Each event is a call that none before was.
 */
static int ends(void)
{
	static const char *const events[] = {
		"sys_enter_getpgid",
		"sys_enter_sysinfo",
		"sys_enter_times",
		"sys_enter_getuid",
		"sys_enter_getgid",
		"sys_enter_geteuid",
		"sys_enter_getegid",
		"sys_enter_getsid",
		"sys_enter_getresuid",
		"sys_enter_getresgid",
		"sys_enter_getgroups",
		"sys_enter_getpriority",
		"sys_enter_getitimer",
		"sys_enter_getrlimit",
		"sys_enter_getrusage",
		"sys_enter_sched_get_priority_max",
		"sys_enter_sched_getparam",
		"sys_enter_sched_getscheduler",
		"sys_enter_sched_yield",
		"sys_enter_umask",
		"sys_enter_sched_getaffinity",
		"sys_enter_newuname",
		"sys_enter_sync",
		"sys_enter_alarm",
	};
	const int n = sizeof(events) / sizeof(events[0]);
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};
	int map = (int)call(BPF_MAP_CREATE, &attr), ended = 0, status;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < PROCESSES; k++)
			if (!fork()) {
				pthread_t t;

				pthread_create(&t, NULL, end_soon, (void *)(uintptr_t)(k * 250));
				for (;;)
					syscall(SYS_getppid);
			}
		if (attach(events[i], map) < 0) {
			perror(events[i]);
			return 1;
		}
		for (int k = 0; k < PROCESSES; k++)
			ended += wait(&status) > 0 && WIFEXITED(status);
	}
	printf("%d of %d have ended\n", ended, n * PROCESSES);
	return ended != n * PROCESSES;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "alone";
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};
	int map, fd, status, expected = CALLS, other, want_ready;
	pid_t pid;

	if (!strcmp(how, "ends"))
		return ends();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		_exit(work(how));
	if (!strcmp(how, "threads") || !strcmp(how, "children"))
		expected *= EACH;
	want_ready = !strcmp(how, "threads") ? EACH : !strcmp(how, "children") ? 0 : 1;
	while (shared->ready < want_ready)
		usleep(1000);
	map = (int)call(BPF_MAP_CREATE, &attr);
	other = (int)call(BPF_MAP_CREATE, &attr);
	if (!strcmp(how, "again")) { /* what was wanted before and is no more */
		fd = attach("sys_enter_getpgid", other);
		close(fd);
		fd = attach("sys_enter_sysinfo", other);
		close(fd);
	}
	fd = attach("sys_enter_sysinfo", map);
	if (fd < 0) {
		perror("late");
		return 1;
	}
	usleep(50000);
	shared->attached = 1;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	printf("%d events of %d, %d stops at %d other calls\n", (int)count(map), expected,
	       WEXITSTATUS(status), OTHERS);
	return count(map) != (uint64_t)expected || WEXITSTATUS(status) > 200;
}
