/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Security hooks of calls that the supervisor makes itself, and calls by which a task could get around
 * any hook (Linux: security/security.c). Hooks that need no more than registers and descriptors are
 * asked by function.c.
 *
 * DIFF(lsm-calls): while an LSM program is attached, calls by other entries than x86-64's (i386, x32) and
 * io_uring_setup() give ENOSYS, open_by_handle_at() gives EPERM, seccomp() with a new listener EBUSY.
 */
#include "event/lsm.h"
#include "event/readdress.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/supervisor.h"

/* ---- tasks ---- */

/* What the new task is before it has a number of its own: a copy of the one that makes it. */
static void make_task(struct call_model *m)
{
	struct task *t = m->t;
	u64 args[2], flags = SIGCHLD, new = world_temp(t, "struct task_struct");
	char comm[16];
	s32 ret;

	if (t->call.nr == SYS_clone)
		flags = t->call.args[0];
	else if (t->call.nr == SYS_vfork)
		flags = CLONE_VFORK | CLONE_VM | SIGCHLD;
	else if (t->call.nr == SYS_clone3 && task_read(t, &flags, t->call.args[0], sizeof(flags)))
		return; /* EFAULT */
	t->bpf.ops->comm(&t->bpf, comm, sizeof(comm));
	world_set(t->sys, new, "pid", t->bpf.tid);
	world_set(t->sys, new, "tgid", t->bpf.tgid);
	world_set(t->sys, new, "real_parent", world_task(t->leader));
	world_set(t->sys, new, "parent", world_task(t->leader));
	world_set(t->sys, new, "group_leader", flags & CLONE_THREAD ? world_task(t->leader) : new);
	world_set_bytes(t->sys, new, "comm", comm, sizeof(comm));
	args[0] = new;
	args[1] = flags & ~(u64)0xff /* CSIGNAL */;
	ret = lsm_run(t, LSM_task_alloc, args, 2);
	if (ret)
		lsm_result(m, ret);
}

static void make_bpf(struct call_model *m)
{
	struct task *t = m->t;
	u64 size = (u32)t->call.args[2], attr = world_temp(t, "union bpf_attr"), args[4];
	char copy[256] = { 0 };
	s32 ret;

	if (size > sizeof(copy))
		size = sizeof(copy);
	if (task_read(t, copy, t->call.args[1], size))
		return; /* EFAULT */
	if (!attr)
		attr = world_temp_bytes(t, copy, sizeof(copy));
	else
		world_set_bytes(t->sys, attr, "", copy, sizeof(copy));
	args[0] = (u64)(s64)(int)t->call.args[0];
	args[1] = attr;
	args[2] = size;
	args[3] = 0; /* not the kernel's own call: since 6.16 */
	ret = lsm_run(t, LSM_bpf, args, visible(t->sys->profile, KVER(6, 16)) ? 4 : 3);
	if (ret)
		lsm_result(m, ret);
}

static u64 socket_args(struct call_model *m, int fd, u64 args[5])
{
	args[0] = world_socket(m->t, fd);
	args[1] = as_int(arg0(m));
	args[2] = arg1(m) & 15;
	args[3] = as_int(arg2(m));
	args[4] = 0;
	return args[0];
}

/* The socket is there, and the task has not seen it. */
static void exit_socket(struct call_model *m)
{
	struct task *t = m->t;
	u64 args[5];
	s32 ret;

	if (!call_succeeded(m) || !socket_args(m, (int)m->ret, args))
		return;
	ret = lsm_run(t, LSM_socket_post_create, args, 5);
	if (!ret)
		return;
	tracer_inject(t, SYS_close, (const u64[6]){ (u64)m->ret });
	m->ret = t->call.ret = ret;
}

/* ---- addresses in memory that others can write to ---- */

struct address_work {
	struct decide_work work;
	int sock, found;
	bool bind;
	socklen_t len;
	struct sockaddr_storage addr;
};

static long use_address(struct decide_work *w)
{
	struct address_work *a = container_of(w, struct address_work, work);
	const struct sockaddr *addr = (const void *)&a->addr;

	if ((a->bind ? bind(a->sock, addr, a->len) : connect(a->sock, addr, a->len)))
		return -errno;
	return 0;
}

static void address_used(struct task *t, struct decide_work *w)
{
	struct address_work *a = container_of(w, struct address_work, work);

	close(a->sock);
	if (a->found >= 0)
		close(a->found);
	if (t)
		decide_return(t, w->ret);
	mem_free(a);
}

/* A UNIX socket's name, as the task means it: by the folder (bind) or the socket that we hold. */
static long find_unix(struct call_model *m, struct address_work *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->addr;
	char path[sizeof(un->sun_path) + 1] = "";
	struct walked at;
	long err;
	int n;

	if (un->sun_family != AF_UNIX || a->len <= 2 || !un->sun_path[0])
		return 0;
	memcpy(path, un->sun_path, min_t(size_t, a->len - 2, sizeof(un->sun_path)));
	err = walk_path(m->t, AT_FDCWD, path, a->bind ? WALK_PARENT : WALK_FOLLOW, 0, &at);
	if (err)
		return err;
	a->found = at.fd;
	n = snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d%s%s", at.fd,
		     a->bind ? "/" : "", a->bind ? at.name : "");
	if (n >= (int)sizeof(un->sun_path))
		return -ENAMETOOLONG;
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
	if (a->bind)
		umask(task_umask(m->t));
	return 0;
}

/*
 * DIFF(lsm-connect): where others share the task's memory the supervisor connects and binds, with the
 * address that was asked about; a UNIX socket's peer sees the supervisor's credentials, and its name
 * is one of /proc.
 */
static void make_address(struct call_model *m)
{
	struct task *t = m->t;
	struct address_work *a;
	u64 at;
	long err;

	if (!memo_get(m, MEMO_ADDR, &at) || !at || (s32)arg2(m) <= 0 || t->trace->work ||
	    !decide_may_change(t, arg1(m), (u32)arg2(m)))
		return;
	a = mem_zalloc(sizeof(*a));
	if (!a) {
		lsm_result(m, -ENOMEM);
		return;
	}
	a->found = -1;
	a->bind = t->call.nr == SYS_bind;
	a->len = min_t(u32, (u32)arg2(m), sizeof(a->addr));
	memcpy(&a->addr, (const void *)at, a->len); /* world objects lie at their address */
	if (t->call.moved) { /* a program of the control group has chosen another since */
		a->len = min_t(u32, t->call.moved->size, sizeof(a->addr));
		memcpy(&a->addr, t->call.moved->bytes, a->len);
	}
	a->work.work = use_address;
	a->work.done = address_used;
	a->sock = decide_take_fd(t, (int)arg0(m));
	err = a->sock < 0 ? a->sock : decide_as_task(t);
	if (!err) {
		err = find_unix(m, a);
		decide_as_self(t);
	}
	if (!err)
		err = decide_start(t, &a->work);
	if (!err)
		return;
	if (a->sock >= 0)
		close(a->sock);
	if (a->found >= 0)
		close(a->found);
	mem_free(a);
	lsm_result(m, err);
}

bool lsm_asked_address(struct task *t, void *to, u64 len)
{
	u64 nr = t->call.nr, at;

	if ((nr != SYS_bind && nr != SYS_connect) || !t->call.model ||
	    len > sizeof(struct sockaddr_storage) ||
	    !lsm_active(t->sys, nr == SYS_bind ? LSM_socket_bind : LSM_socket_connect) ||
	    !memo_get(t->call.model, MEMO_ADDR, &at) || !at)
		return false;
	memcpy(to, (const void *)at, len);
	return true;
}

/* When nobody else makes the call in the task's place. */
static void address_enter(struct task *t)
{
	u64 nr = t->call.nr;

	if (t->call.compat || t->call.skip || !t->call.model ||
	    !(nr == SYS_connect ? lsm_active(t->sys, LSM_socket_connect) :
	      nr == SYS_bind	? lsm_active(t->sys, LSM_socket_bind) :
				  false))
		return;
	make_address(t->call.model);
}

/* Behind all others: function.c has it seen that these calls stop. */
const struct process_source lsm_address_source = {
	.name = "addresses",
	.enter = address_enter,
};

/* ---- which calls ---- */

static const struct lsm_call *other_call(u32 nr)
{
	static const struct lsm_call task_call = { { LSM_task_alloc + 1 }, make_task, NULL },
				     bpf_call = { { LSM_bpf + 1 }, make_bpf, NULL },
				     socket_call = { { LSM_socket_post_create + 1 },
						     NULL,
						     exit_socket };

	switch (nr) {
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone:
	case SYS_clone3:
		return &task_call;
	case SYS_bpf:
		return &bpf_call;
	case SYS_socket:
		return &socket_call;
	}
	return NULL;
}

static const struct lsm_call *call_of(u32 nr)
{
	const struct lsm_call *c = lsm_open_call(nr);

	if (!c)
		c = lsm_name_call(nr);
	if (!c)
		c = lsm_exec_call(nr);
	return c ? c : other_call(nr);
}

bool lsm_call_active(const struct skep_system *sys, u32 nr)
{
	const struct lsm_call *c = call_of(nr);

	for (u32 i = 0; c && i < LSM_ASKS_MAX && c->asks[i]; i++)
		if (lsm_active(sys, c->asks[i] - 1U))
			return true;
	return false;
}

void lsm_call_enter(struct call_model *m)
{
	const struct lsm_call *c = call_of((u32)m->t->call.nr);

	if (c && c->make)
		c->make(m);
}

void lsm_call_exit(struct call_model *m)
{
	const struct lsm_call *c = call_of((u32)m->t->call.nr);

	if (c && c->exit && lsm_call_active(m->t->sys, (u32)m->t->call.nr))
		c->exit(m);
}

/* ---- for those who make calls ---- */

void lsm_result(struct call_model *m, long ret)
{
	m->t->call.skip = true;
	m->t->call.ret = ret;
}

struct lsm_state {
	VEC(int) held;
};

int lsm_hold(struct call_model *m, int fd)
{
	if (!m->lsm)
		m->lsm = mem_zalloc(sizeof(*m->lsm));
	return m->lsm ? vec_push(&m->lsm->held, fd) : -ENOMEM;
}

int lsm_held(const struct call_model *m)
{
	return m->lsm && m->lsm->held.n ? m->lsm->held.v[m->lsm->held.n - 1] : -1;
}

int lsm_held_at(const struct call_model *m, u32 i)
{
	return m->lsm && i < m->lsm->held.n ? m->lsm->held.v[i] : -1;
}

void lsm_call_end(struct call_model *m)
{
	if (!m->lsm)
		return;
	for (size_t i = 0; i < m->lsm->held.n; i++)
		close(m->lsm->held.v[i]);
	vec_free(&m->lsm->held);
	mem_free(m->lsm);
	m->lsm = NULL;
}

bool lsm_elsewhere(struct call_model *m, int dfd, u64 string)
{
	struct skep_process *p = m->t->trace->process;

	return load_acquire(&p->elsewhere) && p->elsewhere(m->t, dfd, string);
}

int lsm_string(struct call_model *m, u64 at, char *out, size_t size)
{
	long n;

	decide_pause(m->t);
	n = task_read_str(m->t, out, at, size);
	decide_unpause(m->t);
	if (n < 0)
		return -EFAULT;
	return (size_t)n == size && out[size - 2] ? -ENAMETOOLONG : 0;
}

void lsm_own_path(int fd, char *out, size_t size)
{
	snprintf(out, size, "/proc/self/fd/%d", fd);
}

/* ---- ways around ---- */

static bool any_active(const struct skep_system *sys)
{
	for (u32 row = 0; row < LSM_ROWS; row++)
		if (lsm_active(sys, row))
			return true;
	return false;
}

static u32 lsm_wants(struct skep_system *sys, u32 nr)
{
	if (nr != CALLS_OTHER && nr != SYS_io_uring_setup && nr != SYS_open_by_handle_at &&
	    nr != SYS_seccomp)
		return 0;
	return any_active(sys) ? WANT_ENTER : 0;
}

static void lsm_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	bool other = c->compat || c->nr >= CALLS_OTHER;

	if (c->skip ||
	    (!other && c->nr != SYS_io_uring_setup && c->nr != SYS_open_by_handle_at &&
	     c->nr != SYS_seccomp) ||
	    !any_active(t->sys))
		return;
	if (!other && c->nr == SYS_seccomp) {
		/* Who listens could let calls go on, which outranks our stops. As if there were a listener. */
		if ((u32)c->args[0] == SECCOMP_SET_MODE_FILTER &&
		    (u32)c->args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
			t->call.skip = true;
			t->call.ret = -EBUSY;
		}
		return;
	}
	if (c->compat && (c->nr == 1 || c->nr == 252)) /* exit, exit_group */
		return;
	if (other && !c->compat && !(c->nr & 0x40000000))
		return; /* a number that is not known, or none: of a call that is skipped */
	t->call.skip = true;
	t->call.ret = !other && c->nr == SYS_open_by_handle_at ? -EPERM : -ENOSYS;
}

const struct process_source lsm_source = {
	.name = "security",
	.wants = lsm_wants,
	.enter = lsm_enter,
};
