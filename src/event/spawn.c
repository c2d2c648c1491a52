/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The host program's side of supervision: starting a command, adopting a process, waiting
 * for them. The command is the host's own child, so its waitpid(), its terminal and its job
 * control are as without us.
 *
 * Between fork and execve the child waits for the supervisor to have seized it; then it
 * installs the filter, and its execve is the first event.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/supervisor.h"
#include "world/world.h"

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

#define OPTION(opts, member)                                                                       \
	((opts) && (opts)->sz >= offsetofend(struct skep_spawn_opts, member) ? (opts)->member :    \
									       NULL)

/* ---- in the child ---- */

struct launch {
	const char *path;
	char *const *argv, *const *envp;
	const char *directory;
	const int *fds;
	int go[2],
		report[2]; /* pipes: the filter comes by the first, a failure goes by the second */
	pid_t tracer;
	sigset_t mask; /* of the caller */
};

struct launch_failure {
	int err;
	const char *what; /* the parent has the same text at the same place */
};

static void __attribute__((noreturn)) launch_failed(const struct launch *l, const char *what)
{
	struct launch_failure f = { -errno, what };

	(void)!write(l->report[1], &f, sizeof(f));
	_exit(127);
}

static bool read_all(int fd, void *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)buf + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void set_descriptors(const struct launch *l)
{
	int high[3];

	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			launch_failed(l, "a standard descriptor");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			launch_failed(l, "a standard descriptor");
}

/* Handlers are the host's code; from here on a signal does to the child what it does to a new process. */
static void reset_handlers(void)
{
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++)
		if (!sigaction(sig, NULL, &sa) && sa.sa_handler != SIG_IGN &&
		    sa.sa_handler != SIG_DFL) {
			memset(&sa, 0, sizeof(sa));
			sa.sa_handler = SIG_DFL;
			sigaction(sig, &sa, NULL);
		}
}

/* Only async-signal-safe functions: the host may have other threads. */
static void __attribute__((noreturn)) launch(struct launch *l)
{
	struct sock_filter insns[BPF_MAXINSNS];
	struct sock_fprog prog = { .filter = insns };
	u32 n;

	close(l->go[1]);
	close(l->report[0]);
	reset_handlers();
	prctl(PR_SET_PTRACER, l->tracer, 0, 0, 0);
	if (l->fds)
		set_descriptors(l);
	if (l->directory && chdir(l->directory))
		launch_failed(l, l->directory);
	if (!read_all(l->go[0], &n, sizeof(n)))
		_exit(127); /* the host or the supervisor is gone */
	if (n) {
		if (n > BPF_MAXINSNS || !read_all(l->go[0], insns, n * sizeof(*insns)))
			_exit(127);
		prog.len = (u16)n;
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0) {
			if (errno != EACCES)
				launch_failed(l, "seccomp");
			/* Without privilege only so that no set-user-ID program can be fooled by it. */
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
				launch_failed(l, "prctl(PR_SET_NO_NEW_PRIVS)");
			if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
				launch_failed(l, "seccomp");
		}
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &l->mask, NULL, 8);
	execve(l->path, l->argv, l->envp);
	launch_failed(l, l->path);
}

/* ---- in the host ---- */

static int fail(char *error, size_t size, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail(char *error, size_t size, int err, const char *fmt, ...)
{
	va_list ap;

	if (error && size) {
		va_start(ap, fmt);
		vsnprintf(error, size, fmt, ap);
		va_end(ap);
	}
	return -err;
}

int command_path(const char *file, char *path, size_t size)
{
	const char *dirs = getenv("PATH"), *next;
	int err = -ENOENT;
	struct stat st;

	if (!*file)
		return -ENOENT;
	if (strchr(file, '/'))
		return snprintf(path, size, "%s", file) >= (int)size ? -ENAMETOOLONG : 0;
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; dirs; dirs = next) {
		int len = (int)(strchrnul(dirs, ':') - dirs);

		next = dirs[len] ? dirs + len + 1 : NULL;
		if (snprintf(path, size, "%.*s%s%s", len, dirs, len ? "/" : "", file) >= (int)size)
			continue;
		if (stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		if (!faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
			return 0;
		err = -EACCES;
	}
	return err;
}

static void process_put(struct skep_process *p)
{
	if (!p)
		return;
	if (p->event_fd >= 0)
		close(p->event_fd);
	for (size_t i = 0; i < p->notes.n; i++)
		mem_free(p->notes.v[i]);
	vec_free(&p->notes);
	mem_free(p);
}

static struct skep_process *process_new(struct supervisor *sv)
{
	struct skep_process *p = mem_zalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->sv = sv;
	p->message_fd = -1;
	p->stats.sz = sizeof(p->stats);
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->event_fd >= 0)
		p->event_fd = fd_move_up(p->event_fd);
	if (p->event_fd < 0) {
		mem_free(p);
		return NULL;
	}
	pthread_mutex_lock(&sv->host_lock);
	p->next_all = sv->all;
	sv->all = p;
	pthread_mutex_unlock(&sv->host_lock);
	return p;
}

static void process_unlist(struct skep_process *p)
{
	struct supervisor *sv = p->sv;

	if (!sv)
		return;
	pthread_mutex_lock(&sv->host_lock);
	for (struct skep_process **q = &sv->all; *q; q = &(*q)->next_all)
		if (*q == p) {
			*q = p->next_all;
			break;
		}
	pthread_mutex_unlock(&sv->host_lock);
}

struct begin_arg {
	struct skep_process *p;
	struct call_filter filter;
	char *error;
	size_t size;
};

/* A filter is of no use where every call stops twice. */
static bool every_call_twice(const struct supervisor *sv)
{
	for (u32 nr = 0; nr < CALLS_MAX; nr++)
		if (!(sv->wants[nr] & WANT_EXIT))
			return false;
	return true;
}

static int begin(struct supervisor *sv, void *arg)
{
	struct begin_arg *a = arg;
	int err;

	tracer_update_wants(sv);
	if (a->p->spawned && !every_call_twice(sv)) {
		err = filter_build(&a->filter, sv, a->p);
		if (err)
			return err;
		a->p->filtered = true;
	}
	return tree_seize(sv, a->p, a->error, a->size);
}

static int forget_tree(struct supervisor *sv, void *arg)
{
	struct skep_process *p = arg;

	for (struct skep_process **q = &sv->trees; *q; q = &(*q)->next)
		if (*q == p) {
			*q = p->next;
			break;
		}
	return 0;
}

static void start_failed(const struct launch_failure *f, const char *path, char *error, size_t size)
{
	if (f->what == path && f->err == -ENOENT && !access(path, F_OK))
		fail(error, size, 0, "%s: its interpreter is missing", path);
	else
		fail(error, size, 0, "%s: %s", f->what, strerror(-f->err));
}

int skep_spawn(struct skep_system *sys, const char *file, char *const argv[],
	       const struct skep_spawn_opts *opts, struct skep_process **out, char *error,
	       size_t error_size)
{
	struct launch l = { .go = { -1, -1 }, .report = { -1, -1 } };
	struct begin_arg begin_arg = { .error = error, .size = error_size };
	struct launch_failure failure;
	char path[4096], why[256] = "";
	struct skep_process *p = NULL;
	sigset_t all;
	pid_t pid = -1;
	u32 n;
	int err;

	if (!sys || !file || !argv || !out)
		return -EINVAL;
	err = command_path(file, path, sizeof(path));
	if (err)
		return fail(error, error_size, -err, "%s: %s", file,
			    err == -ENOENT ? "not found" : strerror(-err));
	err = supervisor_start(sys);
	if (err)
		return fail(error, error_size, -err, "the supervisor cannot be started: %s",
			    strerror(-err));
	l.path = path;
	l.argv = argv;
	l.envp = OPTION(opts, envp) ? OPTION(opts, envp) : environ;
	l.directory = OPTION(opts, directory);
	l.fds = OPTION(opts, fds);
	l.tracer = sys->supervisor->tid;
	p = process_new(sys->supervisor);
	if (!p || pipe2(l.go, O_CLOEXEC) < 0 || pipe2(l.report, O_CLOEXEC) < 0) {
		err = fail(error, error_size, errno ? errno : ENOMEM, "%s", strerror(errno));
		goto out;
	}
	p->spawned = true;
	sigfillset(&all);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &l.mask, 8);
	pid = fork();
	if (!pid)
		launch(&l);
	err = -errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &l.mask, NULL, 8);
	if (pid < 0) {
		fail(error, error_size, 0, "fork: %s", strerror(-err));
		goto out;
	}
	close(l.go[0]);
	close(l.report[1]);
	l.go[0] = l.report[1] = -1;
	p->pid = pid;
	begin_arg.p = p;
	begin_arg.error = why;
	begin_arg.size = sizeof(why);
	err = supervisor_call(sys->supervisor, begin, &begin_arg);
	if (err) {
		/* It ends by itself when it sees that nobody lets it go on. */
		fail(error, error_size, 0, "%s", *why ? why : "the supervisor has been killed");
		goto out;
	}
	n = begin_arg.filter.n;
	if (write(l.go[1], &n, sizeof(n)) != sizeof(n) ||
	    (n && write(l.go[1], begin_arg.filter.insns, n * sizeof(struct sock_filter)) !=
			  (ssize_t)(n * sizeof(struct sock_filter)))) {
		err = fail(error, error_size, ECHILD, "%s was killed before it began", file);
	} else if (read_all(l.report[0], &failure, sizeof(failure))) {
		err = failure.err;
		start_failed(&failure, path, error, error_size);
	}
out:
	for (int i = 0; i < 2; i++) {
		if (l.go[i] >= 0)
			close(l.go[i]);
		if (l.report[i] >= 0)
			close(l.report[i]);
	}
	filter_free(&begin_arg.filter);
	if (!err) {
		*out = p;
		return 0;
	}
	if (pid > 0) {
		int status;

		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (p)
		skep_process_free(p);
	return err;
}

int skep_attach(struct skep_system *sys, int pid, struct skep_process **out, char *error,
		size_t error_size)
{
	struct begin_arg a = { .size = 256 };
	char why[256] = "";
	int err;

	if (!sys || !out || pid <= 0)
		return -EINVAL;
	if (pid == getpid())
		return fail(error, error_size, EINVAL, "a program cannot watch itself");
	err = supervisor_start(sys);
	if (err)
		return fail(error, error_size, -err, "the supervisor cannot be started: %s",
			    strerror(-err));
	a.p = process_new(sys->supervisor);
	if (!a.p)
		return -ENOMEM;
	a.p->pid = pid;
	a.error = why;
	err = supervisor_call(sys->supervisor, begin, &a);
	if (err) {
		fail(error, error_size, 0, "%s", *why ? why : "the supervisor has been killed");
		skep_process_free(a.p);
		return err;
	}
	*out = a.p;
	return 0;
}

/* ---- for src/daemon ---- */

static int join(struct supervisor *sv, void *arg)
{
	struct begin_arg *a = arg;
	struct task *t;
	int err;

	err = tree_seize(sv, a->p, a->error, a->size);
	t = err ? NULL : task_find(sv->sys, a->p->pid);
	if (t && task_needs_every_call(t))
		tracer_interrupt_quietly(t);
	return err;
}

int process_join(struct skep_system *sys, pid_t pid, const u8 *traced, const bool *plain,
		 bool trapped, struct skep_process **out, char *error, size_t error_size)
{
	struct begin_arg a = { .error = error, .size = error_size };
	int err;

	err = supervisor_start(sys);
	if (err)
		return fail(error, error_size, -err, "the supervisor cannot be started: %s",
			    strerror(-err));
	a.p = process_new(sys->supervisor);
	if (!a.p)
		return fail(error, error_size, ENOMEM, "no memory");
	a.p->pid = pid;
	a.p->spawned = a.p->filtered = true;
	a.p->trapped = trapped;
	memcpy(a.p->traced, traced, sizeof(a.p->traced));
	memcpy(a.p->plain, plain, sizeof(a.p->plain));
	err = supervisor_call(sys->supervisor, join, &a);
	if (err) {
		a.p->filtered = false;
		skep_process_free(a.p);
		return err;
	}
	*out = a.p;
	return 0;
}

struct skep_process *process_late(struct skep_system *sys, pid_t pid, const bool *plain)
{
	struct skep_process *p = process_new(sys->supervisor);

	if (!p)
		return NULL;
	p->pid = pid;
	p->spawned = p->filtered = p->late = true;
	p->first_ended = p->ended = true; /* nobody is watched */
	memcpy(p->plain, plain, sizeof(p->plain));
	return p;
}

static int sync_wants(struct supervisor *sv, void *arg)
{
	tracer_update_wants(sv);
	return 0;
}

int supervisor_sync(struct skep_system *sys)
{
	return sys->supervisor ? supervisor_call(sys->supervisor, sync_wants, NULL) : -ECHILD;
}

int skep_process_pid(const struct skep_process *p)
{
	return p ? p->pid : -EINVAL;
}

int skep_process_fd(const struct skep_process *p)
{
	return p ? p->event_fd : -EINVAL;
}

static bool watched(const struct skep_process *p)
{
	return p->sv && supervisor_alive(p->sv) && p->sv->host == getpid();
}

/* Our child has ended, and its status is known: it is no zombie any more. */
static void reap(struct skep_process *p)
{
	int status;

	if (!p->spawned || p->reaped)
		return;
	if (waitpid(p->pid, &status, WNOHANG) == p->pid || errno == ECHILD)
		p->reaped = true;
}

int skep_process_wait(struct skep_process *p, bool all, int timeout_ms, int *status)
{
	u64 deadline = timeout_ms < 0 ? 0 : monotonic_ns() + (u64)timeout_ms * 1000000;
	bool alive;
	u32 seq;

	if (!p)
		return -EINVAL;
	for (;;) {
		int left = -1;
		u64 now, drained;

		seq = load_acquire(&p->seq);
		alive = watched(p);
		if (load_acquire(&p->first_ended) && (!all || load_acquire(&p->ended))) {
			if (status)
				*status = p->status;
			reap(p);
			if (!load_acquire(&p->ended)) { /* readable only for a moment */
				eventfd_read(p->event_fd, &drained);
				if (load_acquire(&p->ended))
					eventfd_write(p->event_fd, 1);
			}
			return 0;
		}
		if (load_acquire(&p->left))
			return -ECHILD; /* nobody watches it any more */
		if (!alive) {
			/* Linux has killed the tree with its tracer. */
			if (p->spawned && !p->reaped &&
			    waitpid(p->pid, status ? status : &left, 0) == p->pid)
				p->reaped = true;
			return -ECHILD;
		}
		if (timeout_ms >= 0) {
			now = monotonic_ns();
			if (now >= deadline)
				return -EAGAIN;
			left = (int)((deadline - now + 999999) / 1000000);
		}
		word_wait(&p->seq, seq, left);
	}
}

struct signal_arg {
	struct skep_process *p;
	int sig;
};

static int send_to_all(struct supervisor *sv, void *arg)
{
	struct signal_arg *a = arg;

	tree_kill(sv, a->p, a->sig);
	return 0;
}

int skep_process_kill(struct skep_process *p, int sig)
{
	struct signal_arg a = { p, sig };

	if (!p || sig < 0 || sig >= NSIG)
		return -EINVAL;
	if (load_acquire(&p->ended) || load_acquire(&p->left))
		return -ESRCH;
	return p->sv ? supervisor_call(p->sv, send_to_all, &a) : -ECHILD;
}

static int leave(struct supervisor *sv, void *arg)
{
	return tree_leave(sv, arg);
}

int skep_process_detach(struct skep_process *p)
{
	int err;
	u32 seq;

	if (!p)
		return -EINVAL;
	if (!p->sv)
		return -ECHILD;
	if (load_acquire(&p->left) || load_acquire(&p->ended))
		return 0;
	err = supervisor_call(p->sv, leave, p);
	while (!err) {
		seq = load_acquire(&p->seq);
		if (load_acquire(&p->left) || load_acquire(&p->ended))
			return 0;
		if (!watched(p))
			return -ECHILD;
		word_wait(&p->seq, seq, 100);
	}
	return err;
}

int skep_process_stats(const struct skep_process *p, struct skep_process_stats *out)
{
	if (!p || !out || out->sz < sizeof(out->sz))
		return -EINVAL;
	memcpy((char *)out + sizeof(out->sz), (const char *)&p->stats + sizeof(out->sz),
	       min(out->sz, sizeof(p->stats)) - sizeof(out->sz));
	return 0;
}

struct report_arg {
	struct skep_process *p;
	VEC(char *) lines;
};

static void take_line(void *arg, const char *line)
{
	struct report_arg *a = arg;
	char *copy = mem_strdup(line);

	if (copy && vec_push(&a->lines, copy))
		mem_free(copy);
}

static int collect(struct supervisor *sv, void *arg)
{
	struct report_arg *a = arg;
	char line[128];

	for (size_t i = 0; i < a->p->notes.n; i++)
		take_line(a, a->p->notes.v[i]);
	if (a->p->stats.unseen) {
		snprintf(line, sizeof(line),
			 "%llu tasks could not be watched: another tracer has them",
			 (unsigned long long)a->p->stats.unseen);
		take_line(a, line);
	}
	for (const struct process_source *const *s = process_sources; *s; s++)
		if ((*s)->end)
			(*s)->end(sv->sys, take_line, a);
	world_report(sv->sys, take_line, a);
	return 0;
}

void skep_process_report(struct skep_process *p, void (*emit)(void *arg, const char *line),
			 void *arg)
{
	struct report_arg a = { .p = p };

	if (!p || !emit || !p->sv)
		return;
	/* Lines are the loop's; whose thread writes them is the caller's business. */
	if (supervisor_call(p->sv, collect, &a) == -ECHILD && p->sv->host == getpid())
		collect(p->sv, &a);
	for (size_t i = 0; i < a.lines.n; i++) {
		emit(arg, a.lines.v[i]);
		mem_free(a.lines.v[i]);
	}
	vec_free(&a.lines);
}

void skep_process_free(struct skep_process *p)
{
	u32 seq;

	if (!p)
		return;
	if (p->sv && p->pid && watched(p) && !load_acquire(&p->ended) && !load_acquire(&p->left)) {
		if (skep_process_detach(p) == -EBUSY) {
			skep_process_kill(p, SIGKILL);
			for (;;) {
				seq = load_acquire(&p->seq);
				if (load_acquire(&p->ended) || !watched(p))
					break;
				word_wait(&p->seq, seq, 100);
			}
		}
	}
	reap(p);
	if (p->sv && p->sv->host == getpid()) {
		if (supervisor_call(p->sv, forget_tree, p) == -ECHILD)
			forget_tree(p->sv, p);
		process_unlist(p);
	}
	process_put(p);
}
