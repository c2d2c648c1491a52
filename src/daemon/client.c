/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The client's side of instances: finds the daemon or starts it, and becomes the command. The
 * process that called skep_exec() is the command's own, so its parent, its terminal, its signals and
 * its exit status are as without us.
 */
#include "daemon/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/network.h"
#include "daemon/wire.h"
#include "event/lirc.h"
#include "event/supervisor.h"

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define DEFAULT_INSTANCE "default"
#define TRIES		 20

struct failure {
	char *text;
	size_t size;
};

static int fail(const struct failure *f, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(const struct failure *f, int err, const char *fmt, ...)
{
	va_list ap;

	if (f->text && f->size) {
		va_start(ap, fmt);
		vsnprintf(f->text, f->size, fmt, ap);
		va_end(ap);
	}
	return err;
}

/* ---- the daemon ---- */

int client_lock(const char *folder, int flags)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | flags)) {
		int err = -errno;

		if (err == -EINTR)
			continue;
		close(fd);
		return err;
	}
	return fd;
}

static int socket_address(const char *folder, struct sockaddr_un *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/socket", folder) >=
	    (int)sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static int connect_to(const char *folder)
{
	struct sockaddr_un addr;
	int sock = socket_address(folder, &addr);

	if (sock < 0)
		return sock == -1 ? -errno : sock;
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(sock);
		return err;
	}
	return sock;
}

/* Each request says what its instance is to be; what the first client's environment said is not for others. */
static void forget_options(void)
{
	char name[64];
	size_t len;

	for (char **e = environ; *e;) {
		len = strcspn(*e, "=");
		if (strncmp(*e, "SKEP_", 5) || len >= sizeof(name)) {
			e++;
			continue;
		}
		memcpy(name, *e, len);
		name[len] = 0;
		unsetenv(name); /* the next one is at *e now */
	}
}

static void __attribute__((noreturn))
become_daemon(int listen_fd, const char *folder, btf_to_c_t btf_to_c)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null;

	if (setsid() < 0 || chdir("/"))
		_exit(125);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Nothing of the client's: it would be held open, and found open by a pipe's reader. */
	if (dup2(listen_fd, 3) != 3)
		_exit(125);
	syscall(SYS_close_range, 4, ~0U, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	umask(077);
	forget_options();
	_exit(daemon_main(3, folder, btf_to_c) ? 125 : 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	remove(path);
	return 0;
}

/* What a daemon that was killed has left. */
static void remove_leftovers(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[600];

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "cgroup-", 7) && strncmp(e->d_name, "views-", 6))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
	if (dir)
		closedir(dir);
}

/* The lock is held, and nobody listens. 0 or -errno. */
static int start_daemon(const char *folder, btf_to_c_t btf_to_c)
{
	struct sockaddr_un addr;
	int sock = socket_address(folder, &addr), err = 0;
	mode_t mask;
	pid_t pid;

	if (sock < 0)
		return sock == -1 ? -errno : sock;
	unlink(addr.sun_path);
	remove_leftovers(folder);
	mask = umask(077);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) || listen(sock, 128))
		err = -errno;
	umask(mask);
	if (!err) {
		fflush(NULL);
		/* The daemon is nobody's whom strace -f follows, and no child of who waits for all of his. */
		pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
		if (!pid) {
			pid = fork();
			if (pid)
				_exit(pid < 0 ? 1 : 0);
			become_daemon(sock, folder, btf_to_c);
		}
		if (pid < 0)
			err = -errno;
		else
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
	}
	close(sock);
	return err;
}

/* A connection to the daemon, which is started if @start. fd; -ESRCH: none runs; or -errno. */
static int reach_daemon(bool start, btf_to_c_t btf_to_c, const struct failure *f)
{
	char folder[256];
	int sock, lock, err;

	err = wire_folder(folder, sizeof(folder));
	if (err)
		return fail(f, err, "%s: %s", folder,
			    err == -EPERM ? "belongs to another user" : strerror(-err));
	sock = connect_to(folder);
	if (sock >= 0)
		return sock;
	if (sock == -ENAMETOOLONG)
		return fail(f, sock,
			    "%s/socket: too long for a socket's name, which has 107 bytes: "
			    "set XDG_RUNTIME_DIR to a shorter path",
			    folder);
	if (!start)
		return -ESRCH;
	lock = client_lock(folder, 0);
	if (lock < 0)
		return fail(f, lock, "%s/lock: %s", folder, strerror(-lock));
	sock = connect_to(folder); /* another was faster */
	if (sock < 0) {
		err = start_daemon(folder, btf_to_c);
		sock = err ? err : connect_to(folder);
	}
	close(lock);
	if (sock < 0)
		fail(f, sock, "the daemon cannot be started in %s: %s", folder, strerror(-sock));
	return sock;
}

/* ---- requests ---- */

#define GIVEN(opts, member)                                                                        \
	((opts) && (opts)->sz >= offsetofend(struct skep_system_opts, member) ? (opts)->member :   \
										NULL)

static bool put(char *to, size_t size, const char *value, const char *env)
{
	if (!value)
		value = getenv(env);
	return snprintf(to, size, "%s", value ? value : "") < (int)size;
}

static bool is_traced(void)
{
	char buf[4096], *p;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nTracerPid:");
	return p && atoi(p + 11) > 0;
}

/* "partner" is the side, all others are names. */
static int request_network(struct wire_request *q, const char *net, const struct failure *f)
{
	char list[NETWORK_NAMES], *save, *name;
	size_t used = 0;

	q->net = true;
	if (snprintf(list, sizeof(list), "%s", net) >= (int)sizeof(list))
		return fail(f, -EINVAL, "too many interfaces");
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (!strcmp(name, "partner"))
			q->partner = true;
		else
			used += (size_t)snprintf(q->names + used, sizeof(q->names) - used, "%s%s",
						 used ? "," : "", name);
	}
	return 0;
}

/*
 * What the receivers' pulses come from: LIRC_DEVICES descriptors at most. A FIFO is opened for writing, too: so it
 * stays open when a writer goes.
 */
static int open_sources(struct wire_request *q, const char *const *paths, int *fds,
			const struct failure *f)
{
	struct stat st;
	int fd;

	for (; *paths; paths++) {
		const char *path = **paths ? *paths : "/dev/null";

		if (q->nr_lirc == LIRC_DEVICES)
			return fail(f, -E2BIG, "more than %d receivers", LIRC_DEVICES);
		fd = stat(path, &st) ? -1 :
				       open(path, (S_ISFIFO(st.st_mode) ? O_RDWR : O_RDONLY) |
							  O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return fail(f, -errno, "%s: %s", path, strerror(errno));
		fds[q->nr_lirc++] = fd;
		if (S_ISDIR(st.st_mode))
			return fail(f, -EISDIR, "%s: %s", path, strerror(EISDIR));
	}
	return 0;
}

static int make_request(struct wire_request *q, const struct skep_exec_opts *o,
			const struct failure *f)
{
	const struct skep_system_opts *s = o->system;
	char real[1024];
	bool fits;
	int err;

	q->version = wire_version();
	q->op = WIRE_EXEC;
	q->root = o->root;
	q->confined = o->confined;
	q->untraced = o->untraced || is_traced();
	q->traced = o->traced;
	q->named = o->instance || getenv("SKEP_INSTANCE");
	err = o->net ? request_network(q, o->net, f) : 0;
	if (err)
		return err;
	fits = put(q->instance, sizeof(q->instance), o->instance, "SKEP_INSTANCE") &&
	       put(q->kernel, sizeof(q->kernel), GIVEN(s, kernel), "SKEP_KERNEL") &&
	       put(q->caps, sizeof(q->caps), GIVEN(s, caps), "SKEP_CAPS") &&
	       put(q->jit, sizeof(q->jit), GIVEN(s, jit), "SKEP_JIT") &&
	       put(q->verdict, sizeof(q->verdict), GIVEN(s, verdict), "SKEP_VERDICT") &&
	       put(q->unprivileged, sizeof(q->unprivileged), GIVEN(s, unprivileged_bpf_disabled),
		   "SKEP_UNPRIVILEGED_BPF_DISABLED") &&
	       put(q->btf, sizeof(q->btf), GIVEN(s, btf), "SKEP_BTF");
	if (!*q->instance)
		snprintf(q->instance, sizeof(q->instance), DEFAULT_INSTANCE);
	for (const char *p = q->instance; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			    *p))
			return fail(f, -EINVAL,
				    "%s: names of instances are of letters, digits and -_.",
				    q->instance);
	if (*q->btf && *q->btf != '/' && strcmp(q->btf, "builtin")) { /* the daemon is elsewhere */
		if (!getcwd(real, sizeof(real)) ||
		    snprintf(q->btf, sizeof(q->btf), "%s/%s", real,
			     GIVEN(s, btf) ? GIVEN(s, btf) : getenv("SKEP_BTF")) >=
			    (int)sizeof(q->btf))
			fits = false;
	}
	return fits ? 0 : fail(f, -EINVAL, "a name is too long");
}

static int answer_error(const struct wire_answer *a, const struct failure *f)
{
	return fail(f, a->err ? a->err : -EPROTO, "%s",
		    *a->text ? a->text : "the daemon has refused");
}

/* Nothing came, or something that this build does not know. */
static int no_answer(int err, const struct failure *f)
{
	if (err == -EPROTO)
		return fail(f, err, OTHER_BUILD);
	return fail(f, err, "the daemon does not answer: %s", strerror(-err));
}

/* ---- becoming the command ---- */

static int install(struct sock_filter *insns, u32 n)
{
	struct sock_fprog prog = { .len = (u16)n, .filter = insns };
	unsigned long flags =
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	bool again = true;
	long fd;

	for (;;) {
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
		if (fd >= 0)
			return (int)fd;
		if (errno == EINVAL && flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
			flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* before 5.19 */
		} else if (errno == EACCES && again) {
			/* Without privilege only so that no set-user-ID program can be fooled. */
			again = false;
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
				return -errno;
		} else {
			return -errno;
		}
	}
}

/*
 * A domain of Landlock's in which everything may be done, but not to processes outside of it: their memory
 * (/proc/PID/mem), descriptors and maps. Where Linux lacks it (before 5.19) we go on without.
 */
static void leave_others_alone(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_REFER };
	struct landlock_path_beneath_attr all = { .allowed_access = LANDLOCK_ACCESS_FS_REFER };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (rules < 0)
		return;
	all.parent_fd = open("/", O_PATH | O_CLOEXEC);
	if (all.parent_fd >= 0 &&
	    !syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &all, 0) &&
	    syscall(SYS_landlock_restrict_self, rules, 0) && errno == EPERM &&
	    !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		syscall(SYS_landlock_restrict_self, rules, 0);
	if (all.parent_fd >= 0)
		close(all.parent_fd);
	close(rules);
}

/* The kernel's answer: syscall() of a program linked with us may be answered by src/front. */
static long raw_call(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

/*
 * Whether a filter outside of ours gives bpf() or perf_event_open() an error, which outranks a
 * notification: asked by a child whose listener is closed, so that what is notified is ENOSYS.
 */
static bool answered_outside(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		fd = install(insns, ARRAY_SIZE(insns));
		if (fd < 0)
			_exit(2);
		close(fd);
		fd = raw_call(SYS_bpf, -1, 0, 0, 0) == -ENOSYS &&
		     raw_call(SYS_perf_event_open, 0, -1, -1, -1) == -ENOSYS;
		_exit(fd ? 0 : 1);
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* @err of an answer that never came: the daemon was on its way out. */
static bool try_again(int err)
{
	return err == -ECONNRESET || err == -EPIPE;
}

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* In a user namespace everything is permitted, but execve() would leave it behind: ambient, it stays. */
static void keep_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return;
	for (int i = 0; i < 2; i++)
		data[i].inheritable = data[i].permitted;
	if (syscall(SYS_capset, &header, data))
		return;
	for (unsigned long cap = 0; cap < 64; cap++)
		if (data[cap / 32].permitted >> (cap % 32) & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

/* Into the namespaces that follow on @sock. */
static int enter_network(int sock, const struct wire_answer *a, const struct failure *f)
{
	int fds[2] = { -1, -1 }, err = 0;
	u32 n = 2;
	char c;

	if (network_recv(sock, &c, sizeof(c), fds, &n) <= 0 || n != a->nr_net) {
		err = -EPROTO;
	} else {
		if (n == 2 && !same_file(fds[0], "/proc/self/ns/user")) {
			if (setns(fds[0], CLONE_NEWUSER))
				err = -errno;
			else
				keep_capabilities();
		}
		if (!err && !same_file(fds[n - 1], "/proc/self/ns/net") &&
		    setns(fds[n - 1], CLONE_NEWNET))
			err = -errno;
	}
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return err ? fail(f, err, "the instance's network cannot be entered: %s", strerror(-err)) :
		     0;
}

/* Until the command can be executed; @fds go with the request. 0 or -errno. */
static int join(struct wire_request *q, struct wire_answer *a, const int *fds, btf_to_c_t btf_to_c,
		const struct failure *f)
{
	int sock, listener, err = -ECONNRESET;

	for (int i = 0; i < TRIES && try_again(err); i++) {
		if (i)
			usleep(20000);
		sock = reach_daemon(true, btf_to_c, f);
		if (sock < 0)
			return sock;
		err = network_send(sock, q, sizeof(*q), fds, 1 + q->nr_lirc);
		if (!err)
			err = wire_recv(sock, a, sizeof(*a), NULL);
		if (err)
			close(sock);
	}
	if (err)
		return no_answer(err, f);
	setenv("SKEP_INSTANCE", a->instance, 1);
	if ((a->op == WIRE_FILTER || a->op == WIRE_INSIDE) && a->nr_net) {
		err = enter_network(sock, a, f);
		if (err) {
			close(sock);
			return err;
		}
	}
	if (a->op != WIRE_FILTER) {
		close(sock);
		return a->op == WIRE_INSIDE ? 0 : answer_error(a, f);
	}
	prctl(PR_SET_PTRACER, a->tracer, 0, 0, 0);
	if (q->confined)
		leave_others_alone();
	/* From here on until GO only calls that the filter leaves alone. */
	listener = install(a->insns, a->nr_insns);
	if (listener < 0) {
		close(sock);
		return fail(f, listener, "seccomp: %s", strerror(-listener));
	}
	q->op = WIRE_HERE;
	err = wire_send(sock, q, sizeof(*q), listener);
	close(listener);
	if (!err)
		err = wire_recv(sock, a, sizeof(*a), NULL);
	close(sock);
	if (err)
		return fail(f, err, "the daemon has ended: %s", strerror(-err));
	return a->op == WIRE_GO ? 0 : answer_error(a, f);
}

/* A file without a format is a shell script, say execvp() and every shell. */
static void execute_script(const char *path, char *const argv[])
{
	size_t n = 0;
	char **script;

	while (argv[n])
		n++;
	script = mem_alloc((n + 2) * sizeof(*script));
	if (!script)
		return;
	script[0] = (char *)"sh";
	script[1] = (char *)path;
	for (size_t i = 1; i <= n; i++)
		script[i + 1] = argv[i];
	execve("/bin/sh", script, environ);
	mem_free(script);
}

int skep_exec(const char *file, char *const argv[], const struct skep_exec_opts *opts, char *error,
	      size_t error_size)
{
	struct skep_exec_opts o = { 0 };
	struct failure f = { error, error_size };
	struct wire_request *q;
	struct wire_answer *a;
	int fds[1 + LIRC_DEVICES] = { STDERR_FILENO };
	char path[4096];
	int err;

	if (!file || !argv || !argv[0])
		return -EINVAL;
	if (opts)
		memcpy(&o, opts, min(opts->sz, sizeof(o)));
	err = command_path(file, path, sizeof(path));
	if (err)
		return fail(&f, err, "%s: %s", file, err == -ENOENT ? "not found" : strerror(-err));
	q = mem_zalloc(sizeof(*q));
	a = mem_zalloc(sizeof(*a));
	err = q && a ? make_request(q, &o, &f) : -ENOMEM;
	if (!err && o.lirc)
		err = open_sources(q, o.lirc, fds + 1, &f);
	if (!err) {
		q->trapped = answered_outside();
		if (q->confined && q->untraced)
			err = fail(&f, -EPERM,
				   "what is confined must be watched, and cannot be while %s",
				   o.untraced ? "that is not wanted" : "a debugger has it");
		else if (q->trapped && q->untraced)
			err = fail(
				&f, -EPERM,
				"a filter outside of skep answers bpf(2): then the command must be "
				"traced, and cannot be while %s",
				o.untraced ? "that is not wanted" : "a debugger has it");
		else
			err = join(q, a, fds, o.btf_to_c, &f);
	}
	for (u32 i = 0; q && i < q->nr_lirc; i++)
		close(fds[1 + i]);
	mem_free(q);
	mem_free(a);
	if (err)
		return err;
	execve(path, argv, environ);
	err = -errno;
	if (err == -ENOEXEC)
		execute_script(path, argv);
	return fail(&f, err, "%s: %s", path, strerror(-err));
}

/* ---- what there is ---- */

int skep_instances(void (*fn)(void *arg, const struct skep_instance_entry *entry), void *arg,
		   char *error, size_t error_size)
{
	struct failure f = { error, error_size };
	struct wire_request *q = mem_zalloc(sizeof(*q));
	struct wire_answer *a = mem_zalloc(sizeof(*a));
	int sock = -1, err = -ENOMEM;

	if (!q || !a)
		goto out;
	sock = reach_daemon(false, NULL, &f);
	err = sock == -ESRCH ? 0 : sock; /* no daemon, no instance */
	if (sock < 0)
		goto out;
	q->version = wire_version();
	q->op = WIRE_PS;
	err = wire_send(sock, q, sizeof(*q), -1);
	while (!err && !(err = wire_recv(sock, a, sizeof(*a), NULL)) && a->op == WIRE_ENTRY) {
		a->entry.sz = sizeof(a->entry);
		a->entry.instance = a->instance;
		a->entry.command = a->command;
		fn(arg, &a->entry);
	}
	if (try_again(err))
		err = 0; /* it has just ended */
	else if (err)
		err = no_answer(err, &f);
	else if (a->op == WIRE_REFUSED)
		err = answer_error(a, &f);
out:
	if (sock >= 0)
		close(sock);
	mem_free(q);
	mem_free(a);
	return err;
}

int skep_instance_stop(const char *name, char *error, size_t error_size)
{
	struct failure f = { error, error_size };
	struct wire_request *q = mem_zalloc(sizeof(*q));
	struct wire_answer *a = mem_zalloc(sizeof(*a));
	int sock = -1, err = -ENOMEM;

	if (!q || !a)
		goto out;
	sock = reach_daemon(false, NULL, &f);
	if (sock == -ESRCH) {
		err = name ? fail(&f, -ENOENT, "there is no instance %s", name) : 0;
		goto out;
	}
	err = sock < 0 ? sock : 0;
	if (err)
		goto out;
	q->version = wire_version();
	q->op = name ? WIRE_STOP : WIRE_STOP_ALL;
	snprintf(q->instance, sizeof(q->instance), "%s", name ? name : "");
	err = wire_send(sock, q, sizeof(*q), -1);
	if (!err)
		err = wire_recv(sock, a, sizeof(*a), NULL);
	if (try_again(err) || (err == -EPROTO && !name))
		err = 0;
	else if (err)
		err = no_answer(err, &f);
	else if (a->op == WIRE_REFUSED)
		err = answer_error(a, &f);
out:
	if (sock >= 0)
		close(sock);
	mem_free(q);
	mem_free(a);
	return err;
}
