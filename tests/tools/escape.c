/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Ways around a security module that lets nobody open *.key, and around the supervisor: each is
 * tried by a hostile process. "escape NAME [COUNT]" exits with 0 when it was refused, with 1 when
 * it got through (it prints what), with 77 when it could not be tried. In the folder are "a.key"
 * (which begins with "secret"), "a.txt" and "plain".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 0, THROUGH = 1, UNTRIED = 77 };

static long count = 2000;
static pid_t victim; /* the supervisor, or the daemon */

static int through(const char *how)
{
	printf("through: %s\n", how);
	return THROUGH;
}

/* Whether @fd, which is closed, shows the secret. */
static int shows(int fd)
{
	char buf[8] = "";
	int yes;

	if (fd < 0)
		return 0;
	yes = read(fd, buf, sizeof(buf)) >= 6 && !memcmp(buf, "secret", 6);
	close(fd);
	return yes;
}

static int result(int fd, const char *how)
{
	return shows(fd) ? through(how) : REFUSED;
}

/* ---- calls ---- */

static int io_uring(void)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &p);

	return fd >= 0 ? through("a ring") : errno == ENOSYS || errno == EPERM ? REFUSED : UNTRIED;
}

static int clone3_(void)
{
	struct clone_args a = { .flags = 0x00800000 /* CLONE_UNTRACED */, .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &a, sizeof(a));
	int status;

	if (!pid)
		_exit(shows(open("a.key", O_RDONLY)) ? 1 : 0);
	if (pid < 0)
		return errno == ENOSYS ? REFUSED : UNTRIED;
	waitpid(pid, &status, 0);
	return status ? through("a task of clone3()") : REFUSED;
}

static int untraced(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (!pid)
		_exit(shows(open("a.key", O_RDONLY)) ? 1 : 0);
	if (pid < 0)
		return REFUSED;
	waitpid(pid, &status, 0);
	return status ? through("an untraced task") : REFUSED;
}

static int i386(void)
{
	/* Below 4 GiB, where the other entry can see it. */
	char *path = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	long fd;

	if (path == MAP_FAILED)
		return UNTRIED;
	strcpy(path, "a.key");
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(5L), "b"(path), "c"(0L), "d"(0L) : "memory");
	return result((int)fd, "open() of i386");
}

static int x32(void)
{
	int fd = syscall(0x40000000 | SYS_open, "a.key", O_RDONLY);

	return result(fd, "open() of x32");
}

static int openat2_(void)
{
	static const unsigned long long resolves[] = { 0, RESOLVE_BENEATH, RESOLVE_IN_ROOT,
						       RESOLVE_NO_SYMLINKS, RESOLVE_CACHED };
	struct open_how how = { .flags = O_RDONLY };

	for (int i = 0; i < 5; i++) {
		how.resolve = resolves[i];
		if (shows(syscall(SYS_openat2, AT_FDCWD, "a.key", &how, sizeof(how))))
			return through("openat2()");
	}
	return REFUSED;
}

static int handle(void)
{
	char room[sizeof(struct file_handle) + 128];
	struct file_handle *h = (void *)room;
	int mount, dir = open(".", O_RDONLY);

	h->handle_bytes = 128;
	if (name_to_handle_at(AT_FDCWD, "a.key", h, &mount, 0))
		return REFUSED;
	return result(open_by_handle_at(dir, h, O_RDONLY), "a file handle");
}

static int reopen(void)
{
	int fd = open("a.key", O_PATH);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (shows(open(path, O_RDONLY)) || shows(openat(fd, "", O_RDONLY)))
		return through("a descriptor by O_PATH");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%d", getpid(), getpid(), fd);
	if (shows(open(path, O_RDONLY)))
		return through("a descriptor by O_PATH");
	return result(open("/proc/self/cwd/a.key", O_RDONLY), "/proc/self/cwd");
}

static int links(void)
{
	if (symlink("a.key", "l1") || symlink("l1", "l2") || link("a.key", "hard.key"))
		return UNTRIED;
	if (shows(open("l2", O_RDONLY)) || shows(open("l2", O_RDWR | O_CREAT, 0600)))
		return through("a link");
	return result(open("hard.key", O_RDONLY), "a hard link");
}

static int fifo_block(void)
{
	/* What is opened is what was asked about, however long it lasts. */
	pid_t pid;
	int fd;

	if (mkfifo("fifo", 0600))
		return UNTRIED;
	pid = fork();
	if (!pid) {
		usleep(50000);
		rename("a.key", "fifo");
		fd = open("fifo", O_WRONLY | O_NONBLOCK);
		_exit(0);
	}
	alarm(2);
	signal(SIGALRM, SIG_DFL);
	if (!fork()) {
		alarm(1);
		fd = open("fifo", O_RDONLY);
		_exit(shows(fd));
	}
	while (wait(&fd) > 0)
		if (WIFEXITED(fd) && WEXITSTATUS(fd))
			return through("a FIFO that was exchanged");
	return REFUSED;
}

/* ---- races ---- */

static volatile int stop;

static void *swap_link(void *arg)
{
	while (!stop) {
		unlink("race.new");
		symlink("a.key", "race.new");
		rename("race.new", "race");
		unlink("race.new");
		symlink("a.txt", "race.new");
		rename("race.new", "race");
	}
	return NULL;
}

static int symlink_race(void)
{
	pid_t pid = fork();
	int got = 0;

	if (!pid)
		swap_link(NULL);
	for (long i = 0; i < count && !got; i++)
		got = shows(open("race", O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return got ? through("a link that was exchanged") : REFUSED;
}

static int symlink_race_threads(void)
{
	pthread_t t;
	int got = 0;

	pthread_create(&t, NULL, swap_link, NULL);
	for (long i = 0; i < count && !got; i++)
		got = shows(open("race", O_RDONLY));
	stop = 1;
	pthread_join(t, NULL);
	return got ? through("a link that a thread exchanged") : REFUSED;
}

static char path[16];

static void *swap_path(void *arg)
{
	while (!stop) {
		memcpy(path, "a.key", 6);
		memcpy(path, "a.txt", 6);
	}
	return NULL;
}

static int path_race(void)
{
	pthread_t t;
	int got = 0;

	pthread_create(&t, NULL, swap_path, NULL);
	for (long i = 0; i < count && !got; i++)
		got = shows(open(path, O_RDONLY));
	stop = 1;
	pthread_join(t, NULL);
	return got ? through("a path that a thread wrote") : REFUSED;
}

static int shared_path_race(void)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int got = 0;

	if (!pid)
		for (;;) {
			memcpy(shared, "a.key", 6);
			memcpy(shared, "a.txt", 6);
		}
	for (long i = 0; i < count && !got; i++)
		got = shows(open(shared, O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return got ? through("a path in shared memory") : REFUSED;
}

static int writev_race(void)
{
	pid_t pid, parent = getpid();
	int got = 0;

	strcpy(path, "a.txt");
	pid = fork();
	if (!pid)
		for (;;) {
			struct iovec to = { path, 6 }, a = { "a.key", 6 }, b = { "a.txt", 6 };

			process_vm_writev(parent, &a, 1, &to, 1, 0);
			process_vm_writev(parent, &b, 1, &to, 1, 0);
		}
	for (long i = 0; i < count && !got; i++)
		got = shows(open(path, O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return got ? through("process_vm_writev()") : REFUSED;
}

/* A thread has a descriptor's number opened in its place. */
static void *look_at_numbers(void *arg)
{
	int *got = arg;

	while (!stop)
		for (int fd = 3; fd < 8; fd++) {
			char buf[6];

			if (pread(fd, buf, 6, 0) == 6 && !memcmp(buf, "secret", 6))
				*got = 1;
		}
	return NULL;
}

static int number_race(void)
{
	pthread_t t, swap;
	int got = 0;

	pthread_create(&t, NULL, look_at_numbers, &got);
	pthread_create(&swap, NULL, swap_link, NULL);
	for (long i = 0; i < count && !got; i++)
		close(open("race", O_RDONLY));
	stop = 1;
	pthread_join(t, NULL);
	pthread_join(swap, NULL);
	return got ? through("a descriptor before it was refused") : REFUSED;
}

/* ---- programs: "prog.key" and "prog" are copies of this one, which says so when it runs ---- */

static void *exec_thread(void *arg)
{
	for (;;) {
		memcpy(path, "prog.key", 9);
		memcpy(path, "prog.ok\0", 9);
	}
	return NULL;
}

static int exec_race(void)
{
	int status, got = 0;

	for (long i = 0; i < count / 20 && !got; i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t t;

			strcpy(path, "prog.ok");
			pthread_create(&t, NULL, exec_thread, NULL);
			execl(path, path, "ran", NULL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		got = WIFEXITED(status) && WEXITSTATUS(status) == 42;
	}
	return got ? through("a program whose name a thread wrote") : REFUSED;
}

static void swap_program(void)
{
	for (;;) {
		unlink("prog.new");
		symlink("prog.key", "prog.new");
		rename("prog.new", "prog");
		unlink("prog.new");
		symlink("prog.ok", "prog.new");
		rename("prog.new", "prog");
	}
}

static int exec_link_race(void)
{
	pid_t swap = fork(), pid;
	int status, got = 0;

	if (!swap)
		swap_program();
	usleep(1000);
	for (long i = 0; i < count / 20 && !got; i++) {
		pid = fork();
		if (!pid) {
			execl("prog", "prog", "ran", NULL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		got = WIFEXITED(status) && WEXITSTATUS(status) == 42;
	}
	kill(swap, SIGKILL);
	waitpid(swap, NULL, 0);
	return got ? through("a program behind a link that was exchanged") : REFUSED;
}

/* ---- the supervisor ---- */

static int signals(void)
{
	int pidfd = syscall(SYS_pidfd_open, victim, 0);
	siginfo_t info = { .si_code = SI_QUEUE };

	if (!victim || kill(getpid(), 0))
		return UNTRIED;
	if (!kill(victim, 0) || !syscall(SYS_tkill, victim, 0) ||
	    !syscall(SYS_tgkill, victim, victim, 0) ||
	    !syscall(SYS_rt_sigqueueinfo, victim, SIGCONT, &info) ||
	    (pidfd >= 0 && !syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0)))
		return through("a signal");
	return kill(-1, 0) ? REFUSED : through("a signal to all");
}

static int traces(void)
{
	char name[64], buf[8];
	struct iovec v = { buf, 8 }, r = { (void *)0x400000, 8 };
	int fd, pidfd;

	if (!victim)
		return UNTRIED;
	if (!ptrace(PTRACE_SEIZE, victim, 0, 0) || !ptrace(PTRACE_ATTACH, victim, 0, 0))
		return through("ptrace()");
	if (process_vm_readv(victim, &v, 1, &r, 1, 0) >= 0)
		return through("process_vm_readv()");
	snprintf(name, sizeof(name), "/proc/%d/mem", victim);
	fd = open(name, O_RDWR);
	if (fd >= 0)
		return through("/proc/PID/mem");
	snprintf(name, sizeof(name), "/proc/%d/fd/0", victim);
	fd = open(name, O_RDONLY);
	if (fd >= 0)
		return through("/proc/PID/fd");
	pidfd = syscall(SYS_pidfd_open, victim, 0);
	if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0)
		return through("pidfd_getfd()");
	return REFUSED;
}

static int limits(void)
{
	struct rlimit r = { 10, 10 };

	if (!victim)
		return UNTRIED;
	return prlimit(victim, RLIMIT_NOFILE, &r, NULL) ? REFUSED : through("prlimit()");
}

static int owner(void)
{
	int p[2], n = victim;

	if (!victim || pipe(p))
		return UNTRIED;
	if (!fcntl(p[0], F_SETOWN, victim) || !ioctl(p[0], 0x8901, &n))
		return through("SIGIO");
	return REFUSED;
}

static int bpf_(void)
{
	char attr[128] = "";

	attr[0] = 1;
	for (int cmd = 0; cmd < 40; cmd++)
		if (syscall(SYS_bpf, cmd, attr, sizeof(attr)) >= 0 || errno != EPERM)
			return through("bpf()");
	return REFUSED;
}

static int namespaces(void)
{
	if (!unshare(CLONE_NEWUSER))
		return through("a user namespace");
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0 ?
		       through("a user namespace") :
		       REFUSED;
}

/* What the tracer makes of bpf(2) under an outer filter, made by anybody. */
static int proxy(void)
{
	char attr[128] = "";
	int perf[32] = { 1 /* SOFTWARE */, 112, 9 /* DUMMY */ };

	attr[0] = 1;
	for (long cmd = 0; cmd < 40; cmd++)
		if (syscall(SYS_ioctl, cmd, 0x5ceb0001, sizeof(attr), 0, 0, attr) >= 0 ||
		    errno != EPERM)
			return through("bpf() by its stand-in");
	if (syscall(SYS_ioctl, perf, 0x5ceb0002, 0, -1, 0, -1) >= 0 || errno != EPERM)
		return through("perf_event_open() by its stand-in");
	return syscall(SYS_ioctl, -1, 0x5ceb0003, 0, 0, 0, 0) >= 0 ?
		       through("a descriptor for another") :
		       REFUSED;
}

static void *wait_here(void *arg)
{
	pause();
	return NULL;
}

/* Others' memory, by their files in /proc, found in each way; then by a process with threads. */
static int others(void)
{
	const char *number = getenv("OTHER");
	pid_t all[] = { victim, number ? atoi(number) : 0 };
	char name[64];
	pthread_t t;
	int dir;

	for (int i = 0; i < 4; i++) {
		pid_t pid = all[i % 2];

		if (pid <= 0)
			return UNTRIED;
		if (i == 2)
			pthread_create(&t, NULL, wait_here, NULL);
		snprintf(name, sizeof(name), "/proc/%d/mem", pid);
		if (open(name, O_RDWR) >= 0)
			return through("/proc/PID/mem");
		snprintf(name, sizeof(name), "/proc/self/../%d/task/%d/mem", pid, pid);
		if (open(name, O_RDWR) >= 0)
			return through("/proc/PID/task/TID/mem");
		snprintf(name, sizeof(name), "/proc/%d/fd/1", pid);
		if (open(name, O_RDWR) >= 0)
			return through("/proc/PID/fd");
		snprintf(name, sizeof(name), "/proc/%d", pid);
		dir = open(name, O_PATH | O_DIRECTORY);
		if (dir < 0)
			continue;
		if (openat(dir, "mem", O_RDWR) >= 0 || openat(dir, "fd/1", O_RDWR) >= 0)
			return through("a folder of /proc");
		snprintf(name, sizeof(name), "/proc/self/fd/%d/mem", dir);
		if (open(name, O_RDWR) >= 0)
			return through("a folder of /proc, by a link");
		if (fchdir(dir))
			continue;
		if (open("mem", O_RDWR) >= 0 || open("./fd/1", O_RDWR) >= 0 ||
		    open("environ", O_RDONLY) >= 0)
			return through("a working folder in /proc");
	}
	return REFUSED;
}

/* Out of the cgroup that programs are attached to. */
static int cgroup(void)
{
	static const char *const names[] = { "/sys/fs/cgroup/cgroup.procs",
					     "/sys/fs/cgroup/cgroup.threads",
					     "/sys/fs/cgroup/sub/cgroup.procs",
					     "/sys/fs/cgroup/sub/cgroup.subtree_control" };

	for (int i = 0; i < 4; i++) {
		int fd = open(names[i], O_RDWR);

		if (fd < 0)
			fd = open(names[i], O_WRONLY);
		if (fd >= 0 && write(fd, "0", 1) == 1)
			return through(names[i]);
	}
	return REFUSED;
}

/* ---- seccomp filters of its own ---- */

/* @action for open(), and for openat() if @both. -1: errno. Else 0, or the listener. */
static int own_filter(unsigned action, int both, unsigned flags)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, both ? SYS_openat : SYS_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Lets every call go on: that outranks a stop for the supervisor. */
static void *let_go(void *arg)
{
	struct seccomp_notif n;
	volatile int *listener = arg;

	for (;;) {
		struct seccomp_notif_resp r = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		memset(&n, 0, sizeof(n));
		if (*listener <= 0 || ioctl(*listener, SECCOMP_IOCTL_NOTIF_RECV, &n)) {
			usleep(1000);
			continue;
		}
		r.id = n.id;
		ioctl(*listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
	}
	return NULL;
}

static int listener(void)
{
	static int fd;
	pthread_t t;

	/* It inherits no filter: it was there before. */
	pthread_create(&t, NULL, let_go, &fd);
	fd = own_filter(SECCOMP_RET_USER_NOTIF, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (fd < 0)
		return errno == EBUSY ? REFUSED : UNTRIED;
	if (shows(syscall(SYS_open, "a.key", O_RDONLY)))
		return through("open() that its own listener let go on");
	return result(openat(AT_FDCWD, "a.key", O_RDONLY),
		      "openat() that its own listener let go on");
}

static void go_on(int sig)
{
}

static int filters(void)
{
	static const unsigned actions[] = {
		SECCOMP_RET_USER_NOTIF,	    SECCOMP_RET_TRAP,  SECCOMP_RET_TRAP | 0x5ceb,
		SECCOMP_RET_ERRNO | EACCES, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE,
		SECCOMP_RET_TRACE | 0x5ceb, SECCOMP_RET_LOG,   SECCOMP_RET_ALLOW,
	};

	for (size_t i = 0; i < 2 * sizeof(actions) / sizeof(actions[0]); i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			signal(SIGSYS, go_on);
			if (own_filter(actions[i / 2], i % 2, 0))
				_exit(UNTRIED);
			/* What is answered at once must not have the next call taken for decided. */
			for (int k = 0; k < 100; k++) {
				int fd = syscall(SYS_open, k % 2 ? "a.txt" : "a.key", O_RDONLY);

				/* An answer of 0 is no descriptor. */
				if (fd > 0 && shows(fd))
					_exit(THROUGH);
				fd = syscall(SYS_openat, AT_FDCWD, "a.key", O_RDONLY);
				if (fd > 0 && shows(fd))
					_exit(THROUGH);
			}
			_exit(REFUSED);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) == UNTRIED)
			return UNTRIED;
		if (WEXITSTATUS(status)) {
			printf("action %x: ", actions[i / 2]);
			return through("a filter of its own");
		}
	}
	return REFUSED;
}

/* The number of the link is in $LINK_FD: who is not a subject passed it on. */
static int detach(void)
{
	const char *number = getenv("LINK_FD");
	int attr[16] = { number ? atoi(number) : 3 };

	if (syscall(SYS_bpf, 34 /* LINK_DETACH */, attr, sizeof(attr)) >= 0)
		return through("LINK_DETACH");
	unlink("/sys/fs/bpf/nokey/nokey");
	return result(open("a.key", O_RDONLY), "a pin that was removed");
}

static int rights(void)
{
	/* Opened by O_PATH there, used here. */
	int pair[2], fd = open("a.key", O_PATH), got;
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = "", name[64];
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &m, 0) != 1 ||
	    recvmsg(pair[1], &m, 0) != 1)
		return UNTRIED;
	memcpy(&got, CMSG_DATA(c), sizeof(got));
	if (shows(dup(got)))
		return through("SCM_RIGHTS");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", got);
	return result(open(name, O_RDONLY), "SCM_RIGHTS");
}

static int mem(void)
{
	/* One's own memory may be written; another's path is of no use: it was copied. */
	int fd = open("/proc/self/mem", O_RDWR);
	pid_t pid;
	int got = 0;

	if (fd < 0)
		return REFUSED;
	strcpy(path, "a.txt");
	pid = fork();
	if (!pid)
		for (;;) {
			(void)!pwrite(fd, "a.key", 6, (off_t)(long)path);
			(void)!pwrite(fd, "a.txt", 6, (off_t)(long)path);
		}
	for (long i = 0; i < count && !got; i++)
		got = shows(open(path, O_RDONLY));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return got ? through("/proc/PID/mem") : REFUSED;
}

static const struct {
	const char *name;
	int (*fn)(void);
} all[] = {
	{ "io_uring", io_uring },
	{ "clone3", clone3_ },
	{ "untraced", untraced },
	{ "i386", i386 },
	{ "x32", x32 },
	{ "openat2", openat2_ },
	{ "handle", handle },
	{ "reopen", reopen },
	{ "links", links },
	{ "rights", rights },
	{ "mem", mem },
	{ "symlink-race", symlink_race },
	{ "symlink-race-threads", symlink_race_threads },
	{ "path-race", path_race },
	{ "shared-path-race", shared_path_race },
	{ "writev-race", writev_race },
	{ "number-race", number_race },
	{ "exec-race", exec_race },
	{ "exec-link-race", exec_link_race },
	{ "signals", signals },
	{ "traces", traces },
	{ "limits", limits },
	{ "owner", owner },
	{ "bpf", bpf_ },
	{ "proxy", proxy },
	{ "others", others },
	{ "cgroup", cgroup },
	{ "listener", listener },
	{ "filters", filters },
	{ "namespaces", namespaces },
	{ "detach", detach },
	{ "fifo", fifo_block },
};

int main(int argc, char **argv)
{
	const char *number = getenv("VICTIM");

	if (argc > 1 && !strcmp(argv[1], "ran")) { /* is this "prog.key"? */
		char exe[4096] = "";

		return readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 && strstr(exe, ".key") ?
			       42 :
			       0;
	}
	if (argc > 2)
		count = atol(argv[2]);
	victim = number ? atoi(number) : 0;
	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(argv[1], all[i].name))
			return all[i].fn();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		puts(all[i].name);
	return 2;
}
