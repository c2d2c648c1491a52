/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Waits for a ring buffer and a pipe by the ways that its arguments name: see tests/script/waits. */
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int ring, prog, ends[2];
static volatile uint64_t *consumer, *producer;

static long call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static double ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int make(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096 };
	struct bpf_insn insns[] = {
		{ .code = 0x7a, .dst_reg = 10, .off = -8, .imm = 7 }, /* *(u64 *)(fp - 8) = 7 */
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD },
		{ 0 },
		{ .code = 0xbf, .dst_reg = 2, .src_reg = 10 },
		{ .code = 0x07, .dst_reg = 2, .imm = -8 },
		{ .code = 0xb7, .dst_reg = 3, .imm = 8 },
		{ .code = 0xb7, .dst_reg = 4 },
		{ .code = 0x85, .imm = BPF_FUNC_ringbuf_output },
		{ .code = 0xb7 },
		{ .code = 0x95 },
	};

	ring = (int)call(BPF_MAP_CREATE, &attr);
	if (ring < 0)
		return -1;
	insns[1].imm = ring;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (uintptr_t) "GPL";
	prog = (int)call(BPF_PROG_LOAD, &attr);
	consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	producer = mmap(NULL, 4096 + 8192, PROT_READ, MAP_SHARED, ring, 4096);
	return prog < 0 || consumer == MAP_FAILED || producer == MAP_FAILED || pipe(ends);
}

static void output(void)
{
	static char packet[64];
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = (uint32_t)prog;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	call(BPF_PROG_TEST_RUN, &attr);
}

static void *output_later(void *arg)
{
	usleep(150000);
	output();
	return NULL;
}

static void *write_later(void *arg)
{
	usleep(150000);
	return (void *)write(ends[1], "x", 1);
}

static int by_poll(int timeout, int *pipe_ready)
{
	struct pollfd fds[] = { { .fd = ring, .events = POLLIN },
				{ .fd = ends[0], .events = POLLIN },
				{ .fd = -1 } };
	int n = poll(fds, 3, timeout);

	*pipe_ready = fds[1].revents & POLLIN;
	return n > 0 && !*pipe_ready && !(fds[0].revents & POLLIN) ? -1 : n;
}

static int by_select(int timeout, int *pipe_ready)
{
	struct timeval tv = { timeout / 1000, timeout % 1000 * 1000 };
	fd_set in;
	int n;

	FD_ZERO(&in);
	FD_SET(ring, &in);
	FD_SET(ends[0], &in);
	n = select(64, &in, NULL, NULL, timeout < 0 ? NULL : &tv);
	*pipe_ready = n > 0 && FD_ISSET(ends[0], &in);
	return n > 0 && !*pipe_ready && !FD_ISSET(ring, &in) ? -1 : n;
}

static int by_epoll(int timeout, int *pipe_ready)
{
	static int epfd = -1;
	struct epoll_event e = { .events = EPOLLIN }, got = { 0 };
	int n;

	if (epfd < 0) {
		epfd = epoll_create1(0);
		e.data.fd = ring;
		epoll_ctl(epfd, EPOLL_CTL_ADD, ring, &e);
		e.data.fd = ends[0];
		epoll_ctl(epfd, EPOLL_CTL_ADD, ends[0], &e);
		epoll_wait(epfd, &got, 1, 0); /* what is in it already may wake */
	}
	n = epoll_wait(epfd, &got, 1, timeout);
	*pipe_ready = n > 0 && got.data.fd == ends[0];
	return n;
}

static void on_alarm(int sig)
{
}

static int failed;

static void check(const char *what, int got, int expected, double took, double least, double most)
{
	int wrong = got != expected || took < least || took > most;

	printf("%s: %d after %.0f ms%s\n", what, got, took, wrong ? " WRONG" : "");
	failed |= wrong;
}

static void try(int (*wait)(int timeout, int *pipe_ready))
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { 0, 150000 } };
	pthread_t t;
	double from;
	char c;
	int n, pipe_ready;

	*consumer = *producer;
	from = ms();
	n = wait(200, &pipe_ready);
	check("nothing", n, 0, ms() - from, 199, 5000);
	pthread_create(&t, NULL, output_later, NULL);
	from = ms();
	n = wait(-1, &pipe_ready);
	check("a record", n, 1, ms() - from, 100, 5000);
	pthread_join(t, NULL);
	*consumer = *producer;
	pthread_create(&t, NULL, write_later, NULL);
	from = ms();
	n = wait(-1, &pipe_ready);
	check("the pipe", n + !pipe_ready, 1, ms() - from, 100, 5000);
	pthread_join(t, NULL);
	if (read(ends[0], &c, 1) != 1)
		failed = 1;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	from = ms();
	n = wait(-1, &pipe_ready);
	check("a signal", n < 0 ? errno : 0, EINTR, ms() - from, 100, 5000);
}

int main(int argc, char **argv)
{
	if (make()) {
		perror("waits");
		return 1;
	}
	for (int i = 1; i < argc; i++)
		try(!strcmp(argv[i], "poll")   ? by_poll :
		    !strcmp(argv[i], "select") ? by_select :
						 by_epoll);
	return failed;
}
