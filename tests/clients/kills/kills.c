/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * kills COUNT SEED: in an instance, makes processes that use bpf(2) and its like in all ways at once, and kills
 * COUNT of them at random moments, some of them stopped. Another process goes on meanwhile and must never see
 * a wrong answer. At the end no object may be left. See tests/script/kills.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 4

static uint64_t state;

static uint32_t rnd(uint32_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33) % below;
}

static long call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map_new(uint32_t type, uint32_t key, uint32_t value, uint32_t max)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key, .value_size = value, .max_entries = max
	};

	return (int)call(BPF_MAP_CREATE, &attr);
}

static long element(int cmd, int map, uint32_t key, uint64_t *value)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	return call(cmd, &attr);
}

static int prog_new(uint32_t type)
{
	struct bpf_insn insns[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = type, .insn_cnt = 2 };

	attr.insns = (uintptr_t)insns;
	attr.license = (uintptr_t) "GPL";
	return (int)call(BPF_PROG_LOAD, &attr);
}

static int attach(const char *name)
{
	union bpf_attr attr = { 0 };

	attr.raw_tracepoint.name = (uintptr_t)name;
	attr.raw_tracepoint.prog_fd = (uint32_t)prog_new(BPF_PROG_TYPE_RAW_TRACEPOINT);
	return (int)call(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

static void pin(int fd)
{
	union bpf_attr attr = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/sys/fs/bpf/kills-%d", getpid());
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = (uint32_t)fd;
	call(BPF_OBJ_PIN, &attr);
	call(BPF_OBJ_GET, &attr);
	unlink(path);
}

static void unpin(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/fs/bpf/kills-%d", pid);
	unlink(path);
}

static void look(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void ring(void)
{
	int map = map_new(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096), ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	struct pollfd p = { .fd = map, .events = POLLIN };

	mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	epoll_ctl(ep, EPOLL_CTL_ADD, map, &e);
	if (rnd(2))
		poll(&p, 1, 5);
	else
		epoll_wait(ep, &e, 1, 5);
}

static void perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_BPF_OUTPUT,
					.sample_type = PERF_SAMPLE_RAW,
					.wakeup_events = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static void do_something(void);

static void *thread(void *arg)
{
	do_something();
	return NULL;
}

static void do_something(void)
{
	uint64_t value = 1;
	pthread_t t;
	pid_t pid;
	int fd;

	switch (rnd(11)) {
	case 0:
	case 1:
		fd = map_new(rnd(2) ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_LRU_HASH, 4, 8, 64);
		for (uint32_t i = 0; i < 20; i++)
			element(BPF_MAP_UPDATE_ELEM, fd, i, &value);
		break;
	case 2:
		prog_new(BPF_PROG_TYPE_SOCKET_FILTER);
		break;
	case 3:
		close(attach(rnd(2) ? "sys_enter" : "sched_process_exec"));
		break;
	case 4:
		attach("sys_exit");
		break;
	case 5:
		pin(map_new(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
		break;
	case 6:
		look(rnd(2) ? "/sys/kernel/tracing/available_events" : "/proc/kallsyms");
		break;
	case 7:
		ring();
		break;
	case 8:
		perf();
		break;
	case 9:
		pid = rnd(2) ? fork() : vfork();
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		if (rnd(2))
			waitpid(pid, NULL, 0);
		break;
	case 10:
		pthread_create(&t, NULL, thread, NULL);
		break;
	}
}

/* Goes on while others are killed. */
static int steady(const int *stop)
{
	int map = map_new(BPF_MAP_TYPE_HASH, 4, 8, 1024);
	uint64_t n = 0, value;

	if (map < 0 || attach("sched_process_fork") < 0)
		return 2;
	for (; !*(volatile const int *)stop; n++) {
		value = n;
		if (element(BPF_MAP_UPDATE_ELEM, map, (uint32_t)n % 1024, &value) ||
		    element(BPF_MAP_LOOKUP_ELEM, map, (uint32_t)n % 1024, &value) || value != n)
			return 3;
	}
	return n ? 0 : 4;
}

static int left(int cmd)
{
	union bpf_attr attr = { 0 };
	int n = 0;

	while (!call(cmd, &attr)) {
		attr.start_id = attr.next_id;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100, maps = 0, progs = 0, links = 0, status;
	int *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t going, pids[AT_ONCE] = { 0 };

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	signal(SIGCHLD, SIG_DFL);
	going = fork();
	if (!going)
		_exit(steady(stop));
	for (int i = 0; i < count; i++) {
		pid_t *p = &pids[i % AT_ONCE];

		if (*p) {
			kill(-*p, SIGKILL);
			kill(*p, SIGKILL);
			if (waitpid(*p, &status, 0) != *p || WTERMSIG(status) != SIGKILL) {
				printf("%d: not killed, but 0x%x\n", i, status);
				return 1;
			}
			unpin(*p);
		}
		rnd(2);
		*p = fork();
		if (!*p) {
			setpgid(0, 0);
			for (;;)
				do_something();
		}
		usleep(rnd(4000));
		if (!rnd(8))
			kill(pids[rnd(AT_ONCE)] ?: *p, SIGSTOP);
		if (!rnd(16) && pids[0])
			kill(pids[0], SIGCONT);
	}
	for (int i = 0; i < AT_ONCE; i++)
		if (pids[i]) {
			kill(-pids[i], SIGKILL);
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
			unpin(pids[i]);
		}
	*stop = 1;
	if (waitpid(going, &status, 0) != going || status) {
		printf("who was to go on has ended with 0x%x\n", status);
		return 1;
	}
	for (int i = 0; i < 200; i++) {
		maps = left(BPF_MAP_GET_NEXT_ID);
		progs = left(BPF_PROG_GET_NEXT_ID);
		links = left(BPF_LINK_GET_NEXT_ID);
		if (!maps && !progs && !links)
			break;
		usleep(20000);
	}
	printf("%d killed, left: %d maps, %d programs, %d links\n", count, maps, progs, links);
	return maps || progs || links;
}
