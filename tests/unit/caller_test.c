/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Another process as the caller: a forked child asks its parent to make calls for it. Memory and
 * descriptors are the child's; the parent has the same addresses with other contents and
 * the same numbers with other files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "tests/lib/system_fixture.h"
#include "object/caller.h"

/* ---- between the two: the child asks, the parent answers; descriptors travel, too ---- */

enum ask { ASK_BPF, ASK_IOCTL, ASK_PERF, ASK_OPEN, ASK_PID, ASK_MODE };

struct question {
	enum ask ask;
	long args[5];
};

static int line[2];
static pid_t child;

static void send_fd(int sock, int fd, const void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { (void *)data, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) != (ssize_t)size)
		abort();
}

static int recv_fd(int sock, void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { data, size };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(sock, &m, 0) != (ssize_t)size)
		abort();
	if (m.msg_controllen)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

struct answer {
	bool number_wanted; /* the descriptor that comes with it is to be answered by its number */
	bool cloexec;
	long result;
};

static int child_read(struct caller *c, void *dst, u64 src, size_t size)
{
	struct iovec l = { dst, size }, r = { (void *)src, size };

	return process_vm_readv((pid_t)c->tid, &l, 1, &r, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static int child_write(struct caller *c, u64 dst, const void *src, size_t size)
{
	struct iovec l = { (void *)src, size }, r = { (void *)dst, size };

	return process_vm_writev((pid_t)c->tid, &l, 1, &r, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static int child_take_fd(struct caller *c, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, c->tid, 0);
	int got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	got = got < 0 ? -errno : got;
	close(pidfd);
	return got;
}

static int child_give_fd(struct caller *c, int fd, bool cloexec)
{
	struct answer a = { .number_wanted = true, .cloexec = cloexec };
	int number;

	send_fd(line[0], fd, &a, sizeof(a));
	recv_fd(line[0], &number, sizeof(number));
	return number;
}

static const struct caller_ops child_ops = { child_read, child_write, child_take_fd,
					     child_give_fd };

/* In the parent: answers until the child has ended. Its exit status. */
static int serve(struct skep_system *sys)
{
	struct caller c = { &child_ops, (u32)child, (u32)child }, *before;
	struct question q;
	struct answer a = { 0 };
	struct stat st;
	int status;

	while (read(line[0], &q, sizeof(q)) == sizeof(q)) {
		before = caller_enter(&c);
		switch (q.ask) {
		case ASK_BPF:
			a.result = skep_bpf(sys, (int)q.args[0], (union bpf_attr *)q.args[1],
					    (unsigned)q.args[2]);
			break;
		case ASK_IOCTL:
			a.result = skep_ioctl(sys, (int)q.args[0], (unsigned long)q.args[1],
					      (void *)q.args[2]);
			break;
		case ASK_PERF:
			a.result = skep_perf_event_open(sys, (void *)q.args[0], (int)q.args[1],
							(int)q.args[2], (int)q.args[3],
							(unsigned long)q.args[4]);
			break;
		case ASK_OPEN: {
			char path[256] = "";

			a.result = user_read_str(sys, path, (u64)q.args[0], sizeof(path));
			if (a.result >= 0)
				a.result = caller_open(path, O_RDONLY);
			if (a.result >= 0) {
				fstat((int)a.result, &st);
				close((int)a.result);
				a.result = (long)st.st_ino;
			}
			break;
		}
		case ASK_PID:
			a.result = (long)sys->platform->pid_tgid();
			break;
		case ASK_MODE:
			a.result = caller_fd_mode((int)q.args[0]);
			break;
		}
		caller_leave(before);
		send_fd(line[0], -1, &a, sizeof(a));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	close(line[0]);
	return status;
}

/* In the child. */
static long ask5(enum ask what, long a, long b, long c, long d, long e)
{
	struct question q = { what, { a, b, c, d, e } };
	struct answer answer;
	int fd;

	send_fd(line[1], -1, &q, sizeof(q));
	for (;;) {
		fd = recv_fd(line[1], &answer, sizeof(answer));
		if (!answer.number_wanted)
			return answer.result;
		fcntl(fd, F_SETFD, answer.cloexec ? FD_CLOEXEC : 0);
		send_fd(line[1], -1, &fd, sizeof(fd));
	}
}

#define ask_bpf(cmd) ask5(ASK_BPF, cmd, (long)attr, sizeof(*attr), 0, 0)
#define check(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "# line %d: %s\n", __LINE__, #x);                          \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static union bpf_attr *attr; /* the same address on both sides; private */

/* Runs @body as a child whose calls the parent answers; it must end with status 0. */
static void with_child(struct skep_system *sys, void (*body)(void))
{
	attr = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, line), 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(line[0]);
		body();
		_exit(0);
	}
	close(line[1]);
	assert_int_equal(serve(sys), 0);
	munmap(attr, 4096);
}

static int make_map(unsigned flags)
{
	memset(attr, 0, sizeof(*attr));
	attr->map_type = BPF_MAP_TYPE_ARRAY;
	attr->key_size = 4;
	attr->value_size = 8;
	attr->max_entries = 4;
	attr->map_flags = flags;
	return (int)ask_bpf(BPF_MAP_CREATE);
}

static void maps_body(void)
{
	static u32 key;
	static u64 value;
	int fd = make_map(0), other;

	check(fd >= 0);
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	key = 1; /* 0 in the parent */
	value = 0x1122334455667788ULL;
	memset(attr, 0, sizeof(*attr));
	attr->map_fd = (u32)fd;
	attr->key = (u64)&key;
	attr->value = (u64)&value;
	check(ask_bpf(BPF_MAP_UPDATE_ELEM) == 0);
	value = 0;
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == 0);
	check(value == 0x1122334455667788ULL);
	key = 0;
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == 0);
	check(value == 0);
	/* The number belongs to this table alone: moved away, the old one is nobody's. */
	other = dup2(fd, 77);
	close(fd);
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == -EBADF);
	attr->map_fd = (u32)other;
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == 0);
	attr->map_fd = (u32)line[1]; /* open, but none of ours */
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == -EINVAL);
	attr->map_fd = (u32)other;
	attr->value = 8; /* unmapped here, as there */
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == -EFAULT);
	check(ask5(ASK_BPF, BPF_MAP_CREATE, 8, sizeof(*attr), 0, 0) == -EFAULT);
}

static void test_maps(void **state)
{
	struct skep_system *sys = system_for("6.18");

	with_child(sys, maps_body);
	/* Its only descriptor went with it. */
	for (int i = 0; i < 100 && count_ids(sys, BPF_MAP_GET_NEXT_ID); i++)
		usleep(10000);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
	skep_system_free(sys);
}

static void modes_body(void)
{
	static u32 key;
	static u64 value;
	int fd = make_map(BPF_F_RDONLY), pipes[2];

	check(fd >= 0);
	check(ask5(ASK_MODE, fd, 0, 0, 0, 0) == O_RDONLY);
	check((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	check(!pipe(pipes));
	check(ask5(ASK_MODE, pipes[1], 0, 0, 0, 0) == O_WRONLY);
	check(ask5(ASK_MODE, line[1], 0, 0, 0, 0) == O_RDWR);
	check(ask5(ASK_MODE, 999, 0, 0, 0, 0) == -EBADF);
	check(ask5(ASK_MODE, -1, 0, 0, 0, 0) == -EBADF);
	memset(attr, 0, sizeof(*attr));
	attr->map_fd = (u32)fd;
	attr->key = (u64)&key;
	attr->value = (u64)&value;
	check(ask_bpf(BPF_MAP_LOOKUP_ELEM) == 0);
	check(ask_bpf(BPF_MAP_UPDATE_ELEM) == -EPERM);
}

static void test_modes(void **state)
{
	struct skep_system *sys = system_for("6.18");

	with_child(sys, modes_body);
	skep_system_free(sys);
}

/* A program of the child's, whose map is named by the child's descriptor; run in its name. */
static void prog_body(void)
{
	static u8 packet[64];
	struct bpf_insn insns[] = {
		{ .code = 0x85, .imm = 14 }, /* call get_current_pid_tgid */
		{ .code = 0x95 },
	};
	static const char license[] = "GPL";
	int fd;

	memset(attr, 0, sizeof(*attr));
	attr->prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr->insns = (u64)insns;
	attr->insn_cnt = 2;
	attr->license = (u64)license;
	fd = (int)ask_bpf(BPF_PROG_LOAD);
	check(fd >= 0);
	memset(attr, 0, sizeof(*attr));
	attr->test.prog_fd = (u32)fd;
	check(ask_bpf(BPF_PROG_TEST_RUN) == 0);
	check(attr->test.retval == (u32)getpid());
	check(ask5(ASK_PID, 0, 0, 0, 0, 0) ==
	      (long)((u64)getpid() << 32 | (u32)syscall(SYS_gettid)));
	(void)packet;
}

static void test_prog(void **state)
{
	struct skep_system *sys = system_for("6.18");

	with_child(sys, prog_body);
	skep_system_free(sys);
}

static void perf_body(void)
{
	static struct perf_event_attr event;
	static u64 id;
	int fd;

	event.size = sizeof(event);
	event.type = PERF_TYPE_SOFTWARE;
	event.config = PERF_COUNT_SW_BPF_OUTPUT;
	event.sample_type = PERF_SAMPLE_RAW;
	fd = (int)ask5(ASK_PERF, (long)&event, -1, 0, -1, 0);
	check(fd >= 0);
	check(fcntl(fd, F_GETFD) == 0);
	check(ask5(ASK_IOCTL, fd, PERF_EVENT_IOC_ID, (long)&id, 0, 0) == 0);
	check(id != 0);
	check(ask5(ASK_IOCTL, line[1], PERF_EVENT_IOC_ID, (long)&id, 0, 0) == -ENOTTY);
	fd = (int)ask5(ASK_PERF, (long)&event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

static void test_perf(void **state)
{
	struct skep_system *sys = system_for("6.18");

	with_child(sys, perf_body);
	skep_system_free(sys);
}

static void paths_body(void)
{
	char dir[] = "/tmp/skep-caller-XXXXXX";
	static char name[64];
	struct stat st;
	int fd;

	check(mkdtemp(dir) && !chdir(dir));
	fd = open("file", O_CREAT | O_RDWR, 0600);
	check(fd >= 0 && !fstat(fd, &st));
	strcpy(name, "file"); /* beneath this process's folder */
	check(ask5(ASK_OPEN, (long)name, 0, 0, 0, 0) == (long)st.st_ino);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	check(ask5(ASK_OPEN, (long)name, 0, 0, 0, 0) == (long)st.st_ino);
	snprintf(name, sizeof(name), "%s/file", dir);
	check(ask5(ASK_OPEN, (long)name, 0, 0, 0, 0) == (long)st.st_ino);
	*name = 0;
	check(ask5(ASK_OPEN, (long)name, 0, 0, 0, 0) == -ENOENT);
	unlink("file");
	check(!chdir("/"));
	rmdir(dir);
}

static void test_paths(void **state)
{
	struct skep_system *sys = system_for("6.18");

	with_child(sys, paths_body);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),  cmocka_unit_test(test_modes),
		cmocka_unit_test(test_prog),  cmocka_unit_test(test_perf),
		cmocka_unit_test(test_paths),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
