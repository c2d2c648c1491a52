/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What helpers ask of the world (Linux: the helpers of kernel/trace/bpf_trace.c and
 * kernel/bpf/helpers.c that look into kernel objects). A run without a task is the calling
 * thread's own: programs that are test-run in this process.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "object/caller.h"
#include "object/task.h"
#include "object/watch.h"
#include "world/fill.h"

static struct wobj *current_obj(struct world *w, const struct bpf_run *run)
{
	if (run->task && !run->task->tid) /* an idle task: DIFF(sample-place) */
		return NULL;
	return run->task ? world_task_obj(w, container_of(run->task, struct task, bpf)) :
			   world_tid_obj(w, (pid_t)(u32)caller_pid_tgid());
}

/* The task that @addr is the task_struct of. NULL: none, or it is gone. */
static struct wobj *task_at(struct world *w, u64 addr)
{
	struct wobj *o = world_at(w, addr);

	return o && o->addr == addr && o->type->id == WT_task_struct && o->priv &&
			       o->state != WOBJ_FREE ?
		       o :
		       NULL;
}

/* A pointer at @addr, as a program would read it. */
static int read_ptr(struct world *w, struct bpf_run *run, u64 addr, u64 *v)
{
	return w->sys->read_world(w->sys, run, v, addr, sizeof(*v));
}

/* ---- bpf_d_path() ---- */

static long d_path(struct world *w, struct bpf_run *run, u64 path, char *buf, u32 size)
{
	struct world_type *t = layout_type(w, "path");
	const struct world_place *at = t ? layout_name(w, t, "dentry") : NULL;
	struct wobj *o, *task = current_obj(w, run);
	char text[4096 + 16], root[4096];
	const char *s;
	size_t n;
	u64 dentry;

	if (!size)
		return 0;
	if (!at || read_ptr(w, run, path + at->off, &dentry))
		return -EFAULT;
	o = world_at(w, dentry);
	if (!o || o->type->id != WT_dentry || !o->priv)
		return -EFAULT;
	s = place_path(w, o->priv);
	if (!s)
		return -EFAULT;
	/* As the task sees it, if its root is not ours. */
	if (task && *s == '/' && proc_link(w, wtask(task), "root", root, sizeof(root)) > 1) {
		n = strlen(root);
		if (!strncmp(s, root, n) && (s[n] == '/' || !s[n]))
			s = s[n] ? s + n : "/";
	}
	snprintf(text, sizeof(text), "%s%s", s, dentry_unlinked(w, o) ? " (deleted)" : "");
	n = strlen(text) + 1;
	if (n > size)
		return -ENAMETOOLONG;
	memcpy(buf, text, n);
	return (long)n;
}

/* ---- bpf_get_ns_current_pid_tgid() ---- */

static long ns_pids(struct world *w, const struct bpf_run *run, u64 dev, u64 ino,
		    struct bpf_pidns_info *out)
{
	struct wobj *o = current_obj(w, run);
	char text[4096];
	const char *key[2] = { "NSpid", "NStgid" };
	u32 nr[2];
	struct stat st;
	int dir;

	if (!o || (u32)dev != dev)
		return -EINVAL;
	dir = proc_dir(w, wtask(o));
	if (dir < 0 || fstatat(dir, "ns/pid", &st, 0) ||
	    kernel_dev(major(st.st_dev), minor(st.st_dev)) != dev || st.st_ino != ino)
		return -EINVAL;
	if (proc_held(w, wtask(o), PROC_STATUS, text, sizeof(text)) < 0)
		return -EINVAL;
	for (u32 i = 0; i < 2; i++) { /* the last number is the innermost namespace's */
		const char *s = proc_key(text, key[i]), *end = s ? strchr(s, '\n') : NULL;

		if (!end)
			return -EINVAL;
		while (end > s && end[-1] >= '0' && end[-1] <= '9')
			end--;
		nr[i] = (u32)strtoul(end, NULL, 10);
	}
	out->pid = nr[0];
	out->tgid = nr[1];
	return 0;
}

/* ---- signals and memory ---- */

#define PF_EXITING 0x4
#define PF_KTHREAD 0x200000

static long send_signal(const struct bpf_run *run, u32 sig, bool thread)
{
	pid_t tgid = getpid(), tid = (pid_t)syscall(SYS_gettid);

	if (run->task)
		return run->task->ops->send_signal(run->task, sig, thread);
	if (sig > 64)
		return -EINVAL;
	if ((thread ? syscall(SYS_tgkill, tgid, tid, sig) : kill(tgid, (int)sig)) < 0)
		return -errno;
	return 0;
}

/* DIFF(signal-value) */
static long signal_task(struct world *w, u64 task, u32 sig, bool process, u64 value)
{
	siginfo_t info = { .si_signo = (int)sig, .si_code = SI_QUEUE };
	struct wobj *o = task_at(w, task);
	u64 tgid = o ? world_get(w, o, WF_task_struct_tgid) : 0;
	long ret;

	if (tgid <= 1 || wtask(o)->gone ||
	    world_get(w, o, WF_task_struct_flags) & (PF_KTHREAD | PF_EXITING))
		return -EPERM;
	if (sig > 64)
		return -EINVAL;
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	ret = process ? syscall(SYS_rt_sigqueueinfo, tgid, sig, &info) :
			syscall(SYS_rt_tgsigqueueinfo, tgid, wtask(o)->tid, sig, &info);
	return ret < 0 ? -errno : 0;
}

static long copy_from_task(struct world *w, void *dst, u32 size, u64 src, u64 task)
{
	struct wobj *o = task_at(w, task);
	struct iovec l = { dst, size }, r = { (void *)(uintptr_t)src, size };

	if (!size)
		return 0;
	if (!o || process_vm_readv(wtask(o)->tid, &l, 1, &r, 1, 0) != (ssize_t)size)
		return -EFAULT;
	return 0;
}

/* ---- control groups ---- */

static u64 cgroup_id(struct world *w, struct bpf_run *run, int level)
{
	struct wobj *o;

	if (run->task && run->task->ops->cgroup_id)
		return run->task->ops->cgroup_id(run->task, level);
	o = current_obj(w, run);
	return o ? world_cgroup_id(w, wtask(o), level) : 0;
}

/* ---- sockets ---- */

static u64 sock_cast(struct world *w, struct bpf_run *run, u64 sk, const char *want, bool v6)
{
	struct wobj *o;
	bool outside = sk - (u64)(uintptr_t)w->sys->arena >= ARENA_LEASE_SIZE;

	if (outside && want && !strcmp(want, "sock")) /* which all are, a test run's, too */
		return world_shown_sock(w, run, current_obj(w, run), (const void *)(uintptr_t)sk);
	if (outside)
		sk = world_sock_of(w, run, current_obj(w, run), (const void *)(uintptr_t)sk);
	o = world_at(w, sk);
	if (!o || o->addr != sk || (want && strcmp(want, "sock") && strcmp(o->type->name, want)))
		return 0;
	if (v6 && world_get(w, o, WF_sock_skc_family) != 10 /* AF_INET6 */)
		return 0;
	return sk;
}

static u64 sock_cookie(struct world *w, u64 sk)
{
	struct wobj *o = world_at(w, sk);

	return o && o->addr == sk ? world_get(w, o, WF_sock_skc_cookie) : 0;
}

/* For maps of sockets; see sock_map_sk_is_suitable(). */
static u64 sock_hold(struct world *w, u64 sk)
{
	struct wobj *o = world_at(w, sk);
	u64 cookie = sock_cookie(w, sk), state, family, protocol;
	struct wsock *s;
	int fd;

	if (!cookie || !o->priv)
		return (u64)-EOPNOTSUPP;
	s = o->priv;
	family = world_get(w, o, WF_sock_skc_family);
	protocol = world_get(w, o, WF_sock_sk_protocol);
	state = world_get(w, o, WF_sock_skc_state);
	if (family == AF_UNIX ? s->type == SOCK_STREAM && state != TCP_ESTABLISHED :
	    family != AF_INET && family != AF_INET6 ? true :
	    protocol == IPPROTO_TCP ? state != TCP_ESTABLISHED && state != TCP_LISTEN :
				      protocol != IPPROTO_UDP || !world_get(w, o, WF_sock_skc_num))
		return (u64)-EOPNOTSUPP;
	fd = sock_open(w, &s->at);
	if (fd >= 0) {
		watch_socket(w->sys, fd, cookie);
		close(fd);
	}
	return cookie;
}

static u64 sock_of_file(struct world *w, u64 file)
{
	struct wobj *o = world_at(w, file);
	struct wplace *at = o ? o->priv : NULL;

	return at && o->addr == file && o->type->id == WT_file && S_ISSOCK(at->mode) ?
		       socket_of(w, at) :
		       0;
}

/* ---- tasks by number ---- */

static u64 task_of(struct world *w, struct bpf_run *run, pid_t pid, bool as_current)
{
	struct wobj *o;

	if (as_current)
		return world_task_by_vpid(w, current_obj(w, run), pid);
	o = world_tid_obj(w, pid);
	return o ? o->addr : 0;
}

static u64 call(struct world *w, struct bpf_run *run, enum world_op op, const u64 *a)
{
	struct wobj *o;

	switch (op) {
	case WORLD_CLONE_REDIRECT: /* sys->netdev_call's */
	case WORLD_FLOW_DISSECT:
	case WORLD_ROUTE_REALM:
	case WORLD_SKB_CGROUP:
		break;
	case WORLD_CURRENT_TASK:
		o = current_obj(w, run);
		return o ? o->addr : 0;
	case WORLD_TASK_REGS:
		o = task_at(w, a[0]);
		return o ? world_regs_of(w, o) : 0;
	case WORLD_CGROUP_ID:
		return cgroup_id(w, run, (int)a[0]);
	case WORLD_D_PATH:
		return (u64)d_path(w, run, a[0], (char *)(uintptr_t)a[1], (u32)a[2]);
	case WORLD_NS_PIDS:
		return (u64)ns_pids(w, run, a[0], a[1], (void *)(uintptr_t)a[2]);
	case WORLD_SEND_SIGNAL:
		return (u64)send_signal(run, (u32)a[0], a[1]);
	case WORLD_SIGNAL_TASK:
		return (u64)signal_task(w, a[0], (u32)a[1], a[2], a[3]);
	case WORLD_COPY_FROM_TASK:
		return (u64)copy_from_task(w, (void *)(uintptr_t)a[0], (u32)a[1], a[2], a[3]);
	case WORLD_SOCK_CAST:
		return sock_cast(w, run, a[0], (const char *)(uintptr_t)a[1], a[2]);
	case WORLD_SOCK_HOLD:
		return sock_hold(w, a[0]);
	case WORLD_SOCK_DESTROY:
		return (u64)(s64)world_sock_destroy(w, a[0]);
	case WORLD_SOCK_COOKIE:
		return sock_cookie(w, a[0]);
	case WORLD_SOCK_OPTION:
		return (u64)world_sock_option(w, run, a[0], (int)a[1],
					      (const void *)(uintptr_t)a[2]);
	case WORLD_SOCK_BIND:
		return (u64)world_sock_bind(w, run, (void *)(uintptr_t)a[0],
					    (const void *)(uintptr_t)a[1], (u32)a[2]);
	case WORLD_SOCK_OF_FILE:
		return sock_of_file(w, a[0]);
	case WORLD_STORAGE_OWNER:
		return (u64)(long)world_owner_of(w, (u32)a[0], a[1], (u64 *)(uintptr_t)a[2]);
	case WORLD_FIB_LOOKUP:
		return (u64)world_fib_lookup(NULL, (void *)(uintptr_t)a[0], (u32)a[1], a[2],
					     (u32)a[3]);
	case WORLD_NEXT_HOP:
		return (u64)(s64)world_next_hop(NULL, (void *)(uintptr_t)a[0],
						(const void *)(uintptr_t)a[1], (u32)a[2]);
	case WORLD_TUNNEL_SOURCE:
		return (u64)(s64)world_tunnel_source(NULL, (void *)(uintptr_t)a[2],
						     (const void *)(uintptr_t)a[1], 0);
	case WORLD_DEVICE_MTU:
		return (u64)world_device_mtu((u32)a[0]);
	case WORLD_SK_LOOKUP:
		return world_sk_lookup(w, (u32)a[0], (const void *)(uintptr_t)a[1], (u32)a[2],
				       run->cpu);
	case WORLD_SK_HELD:
		return world_sk_held(w, a[0], run->cpu);
	case WORLD_SK_BY_COOKIE:
		return world_sk_by_cookie(w, a[0], run->cpu);
	case WORLD_MADE_UP:
		o = world_made_up(w, (const char *)(uintptr_t)a[0], a[1]);
		return o ? o->addr : 0;
	case WORLD_PUT:
		return (u64)(s64)world_put(w, a[0], (const char *)(uintptr_t)a[1],
					   (const void *)(uintptr_t)a[2], (u32)a[3]);
	case WORLD_FIELD:
		return world_get_field(w, run, a[0], (const char *)(uintptr_t)a[1]);
	case WORLD_ALIVE:
		o = world_at(w, a[0]);
		return o && o->addr == a[0] && o->state != WOBJ_FREE &&
		       (o->type->id != WT_task_struct || (o->priv && !wtask(o)->gone));
	case WORLD_TASK_OF:
		return task_of(w, run, (pid_t)a[0], a[1]);
	case WORLD_UNDER_CGROUP:
		o = task_at(w, a[0]);
		return o && world_cgroup_ancestor(w, world_task_cgroup(w, wtask(o)),
						  world_cgroup_level(w, a[1])) == a[1];
	case WORLD_CGROUP1:
		o = task_at(w, a[0]);
		return o ? world_task_cgroup1(w, wtask(o), (u32)a[1]) : 0;
	case WORLD_CGROUP_OF:
		return world_cgroup_of(w, a[0]);
	case WORLD_CGROUP_ANCESTOR:
		return world_cgroup_ancestor(w, a[0], (int)a[1]);
	case WORLD_EXE_FILE:
		o = task_at(w, a[0]);
		return o ? world_link_file(w, wtask(o), "exe") : 0;
	case WORLD_AREA:
		o = task_at(w, a[0]);
		return o && !wtask(o)->gone ? world_area(w, o, a[1], a[2]) : 0;
	case WORLD_NEXT_TASK:
		o = task_at(w, a[0]);
		return o || !a[0] ? world_next_task(w, run, o, a[1]) : 0;
	case WORLD_CGROUP_PARENT:
		return world_cgroup_ancestor(w, a[0], world_cgroup_level(w, a[0]) - 1);
	case WORLD_NEXT_CGROUP:
		return world_next_cgroup(w, a[0], a[1], a[2]);
	case WORLD_CGROUP_TASK:
		o = task_at(w, a[1]);
		return o || !a[1] ? world_cgroup_task(w, a[0], o, a[2]) : 0;
	case WORLD_KERN_CTX:
		return world_kern_ctx(w, run, current_obj(w, run), (const void *)(uintptr_t)a[0]);
	case WORLD_XATTR:
		return (u64)world_xattr(w, run, a[0], (const char *)(uintptr_t)a[1],
					(void *)(uintptr_t)a[2], (u32)a[3], a[4]);
	case WORLD_SET_XATTR:
		return (u64)world_set_xattr(w, run, a[0], (const char *)(uintptr_t)a[1],
					    (const void *)(uintptr_t)a[2], (u32)a[3], a[4]);
	case WORLD_VERITY:
		return (u64)world_verity(w, a[0], (void *)(uintptr_t)a[1], (u32)a[2]);
	case WORLD_FILE_READ:
		return (u64)world_file_read(w, a[0], (void *)(uintptr_t)a[1], a[2], a[3], a[4]);
	case WORLD_FILE_HASH:
		return (u64)world_file_hash(w, run, a[0], (void *)(uintptr_t)a[1], (u32)a[2]);
	case WORLD_SHOW:
		return (u64)world_show(w, run, (char *)(uintptr_t)a[0], (u32)a[1],
				       (const void *)(uintptr_t)a[2], a[3],
				       (world_reader_t)(uintptr_t)a[4]);
	}
	return (u64)-EINVAL;
}

u64 world_call(struct skep_system *sys, struct bpf_run *run, enum world_op op, const u64 *args)
{
	struct world *w;
	u64 ret;

	relock_take(&sys->world_lock);
	w = world_of(sys);
	if (w)
		world_enter(w, run);
	ret = w ? call(w, run, op, args) : (u64)-EFAULT;
	relock_give(&sys->world_lock);
	return ret;
}

u64 world_value(struct skep_system *sys, u64 object, const char *field)
{
	u64 args[] = { object, (u64)(uintptr_t)field };
	struct bpf_run run = { .arena = sys->arena, .platform = sys->platform };

	return world_call(sys, &run, WORLD_FIELD, args);
}
