/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tasks and what belongs to one: credentials, memory, signals (Linux: the tasks' side of
 * fs/proc/array.c and base.c, read backwards). What skep's supervision changes (the tracer as
 * parent, the stopped state) is told as if it were not there.
 */
#include "world/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world/fill.h"

#define STATUS_SIZE 4096
#define PAGE_KB	    4

/* ---- which task ---- */

static const enum world_type_id owned[] = { WT_cred,	     WT_mm_struct, WT_signal_struct,
					    WT_files_struct, WT_fdtable,   WT_fs_struct,
					    WT_pid,	     WT_pt_regs };

static void task_release(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);

	if (p->t)
		p->t->kernel_task = 0;
	proc_close(w, p);
	mem_free(p->fds);
	if (w->stopping)
		return;
	while (p->temps) {
		struct wobj *temp = p->temps;

		p->temps = temp->next_temp;
		world_kill(w, temp);
	}
	for (u32 i = 0; i < ARRAY_SIZE(owned); i++)
		for (u32 n = 0; n <= p->execs; n++)
			world_kill(w, world_find(w, owned[i], o->addr, n));
}

static int task_init(struct wobj *o, pid_t tid, pid_t tgid, struct task *t)
{
	struct wtask *p = mem_zalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->tid = tid;
	p->tgid = tgid;
	p->t = t;
	p->dir = -1;
	for (u32 i = 0; i < PROC_HELD; i++)
		p->held[i] = -1;
	p->o = o;
	o->priv = p;
	o->release = task_release;
	return 0;
}

/* Whether the task that @o stands for is still there, as a zombie at least. */
static bool task_alive(struct world *w, struct wobj *o)
{
	char comm[64];

	return proc_held(w, wtask(o), PROC_COMM, comm, sizeof(comm)) > 0;
}

struct wobj *world_task_obj(struct world *w, struct task *t)
{
	struct wobj *o = t->kernel_task ? world_at(w, t->kernel_task) : NULL;
	bool made;

	if (o)
		return o;
	o = world_find(w, WT_task_struct, t->bpf.tid, 0);
	/* Known from before it was supervised, or an older one of that number. */
	if (o && (wtask(o)->t || !task_alive(w, o)))
		world_kill(w, o);
	o = world_obj(w, WT_task_struct, t->bpf.tid, 0, &made);
	if (!o)
		return NULL;
	if (made && task_init(o, (pid_t)t->bpf.tid, (pid_t)t->bpf.tgid, t)) {
		world_kill(w, o);
		return NULL;
	}
	wtask(o)->t = t;
	wtask(o)->tgid = (pid_t)t->bpf.tgid;
	o->filled = 0;
	world_pin(w, o);
	t->kernel_task = o->addr;
	return o;
}

struct wobj *world_tid_obj(struct world *w, pid_t tid)
{
	struct task *t = tid > 0 ? task_find(w->sys, tid) : NULL;
	struct wobj *o;
	bool made;

	if (tid <= 0)
		return NULL;
	if (t)
		return world_task_obj(w, t);
	o = world_find(w, WT_task_struct, (u64)tid, 0);
	if (o && !wtask(o)->gone && task_alive(w, o))
		return o;
	world_kill(w, o);
	o = world_obj(w, WT_task_struct, (u64)tid, 0, &made);
	if (o && (task_init(o, tid, 0, NULL) || !task_alive(w, o))) {
		world_kill(w, o);
		return NULL;
	}
	return o;
}

u64 world_task(struct task *t)
{
	struct world *w;
	struct wobj *o;

	if (likely(t->kernel_task))
		return t->kernel_task;
	{
		WORLD_HOLD(t->sys);

		w = world_of(t->sys);
		o = w ? world_task_obj(w, t) : NULL;
		return o ? o->addr : 0;
	}
}

/* The task_struct that @o (its credentials, its memory …) belongs to; NULL. */
struct wobj *world_owner_obj(struct world *w, struct wobj *o)
{
	struct wobj *owner = world_at(w, o->key[0]);

	return owner && owner->priv && owner->state != WOBJ_FREE ? owner : NULL;
}

struct wtask *world_owner(struct world *w, struct wobj *o)
{
	struct wobj *owner = world_owner_obj(w, o);

	return owner ? wtask(owner) : NULL;
}

/* An object that lives as long as task @owner. */
static u64 part(struct world *w, enum world_type_id type, struct wobj *owner, u64 n)
{
	struct wobj *o = world_obj(w, type, owner->addr, n, NULL);

	if (!o)
		return 0;
	world_pin(w, o);
	return o->addr;
}

struct wobj *world_leader(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);
	struct wobj *leader = o;

	if (p->t)
		leader = world_task_obj(w, p->t->leader);
	else if (p->tgid && p->tgid != p->tid)
		leader = world_tid_obj(w, p->tgid);
	return leader ? leader : o;
}

/* ---- news ---- */

void world_call_done(struct task *t)
{
	WORLD_HOLD(t->sys);
	struct world *w = t->sys->world;
	struct wobj *o = w && t->kernel_task ? world_at(w, t->kernel_task) : NULL, *c;

	if (!o)
		return;
	o->filled &= ~o->type->kept;
	for (u32 i = 0; i < ARRAY_SIZE(owned); i++) {
		c = world_find(w, owned[i], o->addr, 0);
		if (c)
			c->filled &= ~c->type->kept;
	}
}

void world_task_execed(struct task *t)
{
	WORLD_HOLD(t->sys);
	struct world *w = t->sys->world;
	struct wobj *o = w && t->kernel_task ? world_at(w, t->kernel_task) : NULL;

	if (!o)
		return;
	if ((pid_t)t->bpf.tid != wtask(o)->tid) { /* a thread has become the leader */
		proc_close(w, wtask(o));
		world_kill(w, world_find(w, WT_task_struct, t->bpf.tid, 0));
		world_rekey(w, o, t->bpf.tid, 0);
		wtask(o)->tid = (pid_t)t->bpf.tid;
		wtask(o)->tgid = (pid_t)t->bpf.tgid;
	}
	wtask(o)->execs++;
	world_call_done(t);
}

void world_task_gone(struct task *t)
{
	struct world *w = t->sys->world;

	world_owner_task_gone(t->sys, (pid_t)t->bpf.tid);
	relock_take(&t->sys->world_lock);
	if (w && t->kernel_task)
		world_kill(w, world_at(w, t->kernel_task));
	t->kernel_task = 0;
	relock_give(&t->sys->world_lock);
}

/* ---- task_struct ---- */

int fill_task_ids(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);
	char text[STATUS_SIZE];
	const char *tgid;

	if (!p->t && !p->tgid && proc_held(w, p, PROC_STATUS, text, sizeof(text)) > 0) {
		tgid = proc_key(text, "Tgid");
		p->tgid = tgid ? atoi(tgid) : p->tid;
	}
	put(w, o, WF_task_struct_pid, (u32)p->tid);
	put(w, o, WF_task_struct_tgid, (u32)(p->tgid ? p->tgid : p->tid));
	return 0;
}

int fill_task_leader(struct world *w, struct wobj *o)
{
	fill_task_ids(w, o);
	put(w, o, WF_task_struct_group_leader, world_leader(w, o)->addr);
	return 0;
}

int fill_task_comm(struct world *w, struct wobj *o)
{
	char comm[64];
	long n = proc_held(w, wtask(o), PROC_COMM, comm, sizeof(comm));

	if (n < 0)
		return (int)n;
	if (n && comm[n - 1] == '\n')
		comm[n - 1] = 0;
	put_bytes(w, o, WF_task_struct_comm, comm, (u32)strnlen(comm, 15));
	return 0;
}

/* Field @n (as in proc(5), from 3) of the text of a stat file. */
static u64 stat_field(const char *text, u32 n)
{
	const char *s = strrchr(text, ')');

	for (u32 i = 2; s && i < n; i++)
		s = strchr(s + 1, ' ');
	return s ? (u64)strtoll(s + 1, NULL, 10) : 0;
}

static u64 stat_unsigned(const char *text, u32 n)
{
	const char *s = strrchr(text, ')');

	for (u32 i = 2; s && i < n; i++)
		s = strchr(s + 1, ' ');
	return s ? strtoull(s + 1, NULL, 10) : 0;
}

int fill_task_parent(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);
	char text[1024];
	struct wobj *parent;

	if (p->t && p->t->leader->parent) {
		parent = world_task_obj(w, p->t->leader->parent);
	} else {
		long n = proc_held(w, p, PROC_STAT, text, sizeof(text));

		if (n < 0)
			return (int)n;
		parent = world_tid_obj(w, (pid_t)stat_field(text, 4));
		/* One that our namespace does not show: it is its own, as pid 0's. */
		if (!parent)
			parent = world_leader(w, o);
	}
	put(w, o, WF_task_struct_real_parent, parent ? parent->addr : 0);
	put(w, o, WF_task_struct_parent, parent ? parent->addr : 0);
	return 0;
}

static u64 ticks_to_ns(u64 ticks)
{
	return ticks * (1000000000ULL / (u64)sysconf(_SC_CLK_TCK));
}

int fill_task_start(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);
	char text[1024];
	u64 boot;
	long n;

	if (p->t && p->t->start_ns) {
		put(w, o, WF_task_struct_start_time, p->t->start_ns);
		put(w, o, WF_task_struct_start_boottime, p->t->start_boottime_ns);
		return 0;
	}
	n = proc_held(w, p, PROC_STAT, text, sizeof(text));
	if (n < 0)
		return (int)n;
	boot = ticks_to_ns(stat_field(text, 22));
	put(w, o, WF_task_struct_start_time, boot - w->boot_ns);
	put(w, o, WF_task_struct_start_boottime, boot);
	return 0;
}

int fill_task_stat(struct world *w, struct wobj *o)
{
	char text[1024];
	long n = proc_held(w, wtask(o), PROC_STAT, text, sizeof(text));
	u32 policy, rt;
	s64 nice;

	if (n < 0)
		return (int)n;
	nice = (s64)stat_field(text, 19);
	rt = (u32)stat_field(text, 40);
	policy = (u32)stat_field(text, 41);
	/* Linux sets PF_EXITING behind the place where we are told. */
	put(w, o, WF_task_struct_flags,
	    stat_unsigned(text, 9) | (wtask(o)->t && wtask(o)->t->exiting ? 4 : 0));
	put(w, o, WF_task_struct_min_flt, stat_unsigned(text, 10));
	put(w, o, WF_task_struct_maj_flt, stat_unsigned(text, 12));
	put(w, o, WF_task_struct_utime, ticks_to_ns(stat_unsigned(text, 14)));
	put(w, o, WF_task_struct_stime, ticks_to_ns(stat_unsigned(text, 15)));
	put(w, o, WF_task_struct_gtime, ticks_to_ns(stat_unsigned(text, 43)));
	put(w, o, WF_task_struct_prio, stat_field(text, 18) + 100);
	put(w, o, WF_task_struct_static_prio, (u64)(nice + 120));
	/* as normal_prio() of kernel/sched */
	put(w, o, WF_task_struct_normal_prio,
	    policy == 6 ? (u64)-1 :
	    rt		? 99 - rt :
			  (u64)(nice + 120));
	put(w, o, WF_task_struct_exit_signal, stat_field(text, 38));
	put(w, o, WF_task_struct_cpu, stat_field(text, 39));
	put(w, o, WF_task_struct_rt_priority, rt);
	put(w, o, WF_task_struct_policy, policy);
	return 0;
}

int fill_task_state(struct world *w, struct wobj *o)
{
	char text[1024];
	long n = proc_held(w, wtask(o), PROC_STAT, text, sizeof(text));
	const char *s = strrchr(text, ')');
	u64 state = 0, exit_state = 0;

	if (n < 0)
		return (int)n;
	switch (s && s[1] ? s[2] : 'R') {
	case 'S':
		state = 1;
		break;
	case 'D':
		state = 2;
		break;
	case 'T':
		state = 4;
		break;
	case 't': /* by us, at an event: it runs; else it is somebody else's */
		state = wtask(o)->t ? 0 : 8;
		break;
	case 'X':
		exit_state = 16;
		state = 0x80;
		break;
	case 'Z':
		exit_state = 32;
		state = 0x80;
		break;
	case 'I':
		state = 0x402;
		break;
	}
	put(w, o, WF_task_struct_state, state);
	put(w, o, WF_task_struct_exit_state, exit_state);
	return 0;
}

int fill_task_exit_code(struct world *w, struct wobj *o)
{
	struct task *t = wtask(o)->t;
	char text[1024];

	/* Of others it is told to who may trace them, when they are zombies. */
	if (!t && proc_held(w, wtask(o), PROC_STAT, text, sizeof(text)) < 0)
		return -ESRCH;
	put(w, o, WF_task_struct_exit_code,
	    !t	       ? stat_field(text, 52) :
	    t->exiting ? (u64)t->exit_code :
			 0);
	return 0;
}

static u64 number_of(const char *text, const char *key, int base)
{
	const char *s = proc_key(text, key);

	return s ? strtoull(s, NULL, base) : 0;
}

static u64 weight_of(const char *mask)
{
	u64 n = 0;

	for (; mask && *mask && *mask != '\n'; mask++) {
		int digit = *mask >= 'a' ? *mask - 'a' + 10 : *mask - '0';

		if (*mask != ',')
			n += (u64)__builtin_popcount((unsigned)digit);
	}
	return n;
}

int fill_task_switches(struct world *w, struct wobj *o)
{
	char text[STATUS_SIZE];
	long n = proc_held(w, wtask(o), PROC_STATUS, text, sizeof(text));

	if (n < 0)
		return (int)n;
	put(w, o, WF_task_struct_nvcsw, number_of(text, "voluntary_ctxt_switches", 10));
	put(w, o, WF_task_struct_nivcsw, number_of(text, "nonvoluntary_ctxt_switches", 10));
	put(w, o, WF_task_struct_nr_cpus_allowed, weight_of(proc_key(text, "Cpus_allowed")));
	return 0;
}

int fill_task_schedstat(struct world *w, struct wobj *o)
{
	unsigned long long run, delay, count;
	char text[128];
	long n = proc_read(w, wtask(o), "schedstat", text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (sscanf(text, "%llu %llu %llu", &run, &delay, &count) != 3)
		return -ENODATA;
	put(w, o, WF_task_struct_sum_exec_runtime, run);
	put(w, o, WF_task_struct_run_delay, delay);
	put(w, o, WF_task_struct_pcount, count);
	return 0;
}

int fill_task_cred(struct world *w, struct wobj *o)
{
	u64 cred = part(w, WT_cred, o, 0);

	put(w, o, WF_task_struct_real_cred, cred);
	put(w, o, WF_task_struct_cred, cred);
	return 0;
}

/* The process that an address space is named after: it is one object however many live in it. */
static struct wobj *mm_owner(struct world *w, struct wobj *o)
{
	struct wtask *p = wtask(o);
	struct task *t = p->t && p->t->mm ? task_find(w->sys, p->t->mm->tgid) : NULL;

	if (t && t->mm == p->t->mm)
		return world_task_obj(w, t);
	return world_leader(w, o);
}

int fill_task_mm(struct world *w, struct wobj *o)
{
	char text[1024];
	struct wobj *owner;
	u64 mm = 0;
	long n = proc_held(w, wtask(o), PROC_STAT, text, sizeof(text));

	if (n < 0)
		return (int)n;
	/* Kernel threads (PF_KTHREAD) have none, zombies no longer one. */
	owner = mm_owner(w, o);
	if (!(stat_unsigned(text, 9) & 0x200000) && stat_unsigned(text, 23) && owner)
		mm = part(w, WT_mm_struct, owner, wtask(owner)->execs);
	put(w, o, WF_task_struct_mm, mm);
	put(w, o, WF_task_struct_active_mm, mm);
	return 0;
}

int fill_task_parts(struct world *w, struct wobj *o)
{
	struct wobj *leader = world_leader(w, o);

	put(w, o, WF_task_struct_signal, part(w, WT_signal_struct, leader, 0));
	put(w, o, WF_task_struct_files, part(w, WT_files_struct, leader, 0));
	put(w, o, WF_task_struct_fs, part(w, WT_fs_struct, leader, 0));
	put(w, o, WF_task_struct_thread_pid, part(w, WT_pid, o, 0));
	return 0;
}

int fill_task_audit(struct world *w, struct wobj *o)
{
	char text[32];

	if (proc_read(w, wtask(o), "loginuid", text, sizeof(text)) > 0)
		put(w, o, WF_task_struct_loginuid, strtoul(text, NULL, 10));
	if (proc_read(w, wtask(o), "sessionid", text, sizeof(text)) > 0)
		put(w, o, WF_task_struct_sessionid, strtoul(text, NULL, 10));
	return 0;
}

int fill_task_compat(struct world *w, struct wobj *o)
{
	struct task *t = wtask(o)->t;

	if (!t)
		return -ENODATA;
	put(w, o, WF_task_struct_info_status, t->call.active && t->call.compat ? 2 : 0);
	put(w, o, WF_task_struct_ptrace, 0);
	return 0;
}

/* The children of task @o, up to @max. */
static u32 children_of(struct world *w, struct wobj *o, struct wobj **out, u32 max)
{
	char text[16384], *s = text;
	u32 n = 0;

	if (proc_read(w, wtask(o), "children", text, sizeof(text)) < 0)
		return 0;
	while (n < max && *s) {
		pid_t tid = (pid_t)strtol(s, &s, 10);
		struct wobj *child = world_tid_obj(w, tid);

		s += strspn(s, " \n");
		if (child)
			out[n++] = child;
	}
	return n;
}

#define MAX_CHILDREN 1024

int fill_task_children(struct world *w, struct wobj *o)
{
	struct wobj *child[MAX_CHILDREN];
	u32 n = children_of(w, o, child, MAX_CHILDREN);
	u64 head = world_field_addr(w, o, WF_task_struct_children_next);

	put(w, o, WF_task_struct_children_next,
	    n ? world_field_addr(w, child[0], WF_task_struct_sibling_next) : head);
	put(w, o, WF_task_struct_children_prev,
	    n ? world_field_addr(w, child[n - 1], WF_task_struct_sibling_next) : head);
	return 0;
}

int fill_task_sibling(struct world *w, struct wobj *o)
{
	struct wobj *child[MAX_CHILDREN];
	struct wobj *parent = world_at(w, world_get(w, o, WF_task_struct_real_parent));
	u32 n = parent && parent->priv ? children_of(w, parent, child, MAX_CHILDREN) : 0, i = 0;
	u64 head = parent ? world_field_addr(w, parent, WF_task_struct_children_next) : 0;
	u64 self = world_field_addr(w, o, WF_task_struct_sibling_next);

	while (i < n && child[i] != o)
		i++;
	if (i == n) { /* a thread, or one that our view of its parent lacks: alone */
		put(w, o, WF_task_struct_sibling_next, self);
		put(w, o, WF_task_struct_sibling_prev, self);
		return 0;
	}
	put(w, o, WF_task_struct_sibling_next,
	    i + 1 < n ? world_field_addr(w, child[i + 1], WF_task_struct_sibling_next) : head);
	put(w, o, WF_task_struct_sibling_prev,
	    i ? world_field_addr(w, child[i - 1], WF_task_struct_sibling_next) : head);
	return 0;
}

/* ---- cred ---- */

static int four_ids(const char *text, const char *key, u64 *v)
{
	const char *s = proc_key(text, key);
	char *end;

	if (!s)
		return -ENODATA;
	for (u32 i = 0; i < 4; i++, s = end)
		v[i] = strtoul(s, &end, 10);
	return 0;
}

int fill_cred_ids(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[STATUS_SIZE];
	long n = p ? proc_held(w, p, PROC_STATUS, text, sizeof(text)) : -ESRCH;
	u64 uid[4], gid[4];

	if (n < 0)
		return (int)n;
	if (four_ids(text, "Uid", uid) || four_ids(text, "Gid", gid))
		return -ENODATA;
	put(w, o, WF_cred_uid, uid[0]);
	put(w, o, WF_cred_euid, uid[1]);
	put(w, o, WF_cred_suid, uid[2]);
	put(w, o, WF_cred_fsuid, uid[3]);
	put(w, o, WF_cred_gid, gid[0]);
	put(w, o, WF_cred_egid, gid[1]);
	put(w, o, WF_cred_sgid, gid[2]);
	put(w, o, WF_cred_fsgid, gid[3]);
	put(w, o, WF_cred_cap_inheritable, number_of(text, "CapInh", 16));
	put(w, o, WF_cred_cap_permitted, number_of(text, "CapPrm", 16));
	put(w, o, WF_cred_cap_effective, number_of(text, "CapEff", 16));
	put(w, o, WF_cred_cap_bset, number_of(text, "CapBnd", 16));
	put(w, o, WF_cred_cap_ambient, number_of(text, "CapAmb", 16));
	return 0;
}

/* ---- mm_struct ---- */

int fill_mm_stat(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[1024];
	long n = p ? proc_held(w, p, PROC_STAT, text, sizeof(text)) : -ESRCH;

	if (n < 0)
		return (int)n;
	if (!stat_unsigned(text, 23))
		return -ESRCH;
	put(w, o, WF_mm_struct_start_code, stat_unsigned(text, 26));
	put(w, o, WF_mm_struct_end_code, stat_unsigned(text, 27));
	put(w, o, WF_mm_struct_start_stack, stat_unsigned(text, 28));
	put(w, o, WF_mm_struct_start_data, stat_unsigned(text, 45));
	put(w, o, WF_mm_struct_end_data, stat_unsigned(text, 46));
	put(w, o, WF_mm_struct_start_brk, stat_unsigned(text, 47));
	put(w, o, WF_mm_struct_arg_start, stat_unsigned(text, 48));
	put(w, o, WF_mm_struct_arg_end, stat_unsigned(text, 49));
	put(w, o, WF_mm_struct_env_start, stat_unsigned(text, 50));
	put(w, o, WF_mm_struct_env_end, stat_unsigned(text, 51));
	return 0;
}

static u64 pages_of(const char *text, const char *key)
{
	return number_of(text, key, 10) / PAGE_KB;
}

int fill_mm_status(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[STATUS_SIZE];
	long n = p ? proc_held(w, p, PROC_STATUS, text, sizeof(text)) : -ESRCH;

	if (n < 0)
		return (int)n;
	if (!proc_key(text, "VmSize"))
		return -ESRCH;
	put(w, o, WF_mm_struct_total_vm, pages_of(text, "VmSize"));
	put(w, o, WF_mm_struct_hiwater_vm, pages_of(text, "VmPeak"));
	put(w, o, WF_mm_struct_hiwater_rss, pages_of(text, "VmHWM"));
	put(w, o, WF_mm_struct_locked_vm, pages_of(text, "VmLck"));
	put(w, o, WF_mm_struct_data_vm, pages_of(text, "VmData"));
	put(w, o, WF_mm_struct_stack_vm, pages_of(text, "VmStk"));
	put(w, o, WF_mm_struct_exec_vm, pages_of(text, "VmExe") + pages_of(text, "VmLib"));
	put(w, o, WF_mm_struct_rss_file, pages_of(text, "RssFile"));
	put(w, o, WF_mm_struct_rss_anon, pages_of(text, "RssAnon"));
	put(w, o, WF_mm_struct_rss_swap, pages_of(text, "VmSwap"));
	put(w, o, WF_mm_struct_rss_shmem, pages_of(text, "RssShmem"));
	return 0;
}

int fill_mm_exe(struct world *w, struct wobj *o)
{
	struct wobj *owner = world_owner_obj(w, o);

	if (!owner)
		return -ESRCH;
	put(w, o, WF_mm_struct_exe_file, world_link_file(w, wtask(owner), "exe"));
	return 0;
}

int fill_mm_owner(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);

	if (!p)
		return -ESRCH;
	put(w, o, WF_mm_struct_owner, o->key[0]);
	put(w, o, WF_mm_struct_user_ns, world_ns(w, p, "user"));
	return 0;
}

/* ---- signal_struct, pid, tty ---- */

struct live {
	struct task *leader;
	int *n;
};

static int less_exiting(struct task *t, void *arg)
{
	struct live *live = arg;

	*live->n -= t->leader == live->leader && t->exiting;
	return 0;
}

int fill_signal_threads(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[STATUS_SIZE];
	long n = p ? proc_held(w, p, PROC_STATUS, text, sizeof(text)) : -ESRCH;
	int live;

	if (n < 0)
		return (int)n;
	put(w, o, WF_signal_struct_nr_threads, number_of(text, "Threads", 10));
	live = (int)number_of(text, "Threads", 10);
	if (p->t)
		tasks_each(w->sys, less_exiting, &(struct live){ p->t->leader, &live });
	put(w, o, WF_signal_struct_live, (u64)live);
	return 0;
}

/* struct pid of a number: that of its task if there is one. */
static u64 pid_of(struct world *w, pid_t nr)
{
	struct wobj *t = world_tid_obj(w, nr), *o;

	if (t)
		return part(w, WT_pid, t, 0);
	o = nr >= 0 ? world_obj(w, WT_pid, (u64)nr, 1, NULL) : NULL; /* 0: the kernel's own */
	return o ? o->addr : 0;
}

int fill_signal_pids(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[1024];
	long n = p ? proc_held(w, p, PROC_STAT, text, sizeof(text)) : -ESRCH;
	pid_t self, session;
	struct wobj *tty;
	u64 tty_nr;

	if (n < 0)
		return (int)n;
	self = atoi(text);
	session = (pid_t)stat_field(text, 6);
	put(w, o, WF_signal_struct_pid_0, 0); /* PIDTYPE_PID is a task's own */
	put(w, o, WF_signal_struct_pid_1, pid_of(w, self));
	put(w, o, WF_signal_struct_pid_2, pid_of(w, (pid_t)stat_field(text, 5)));
	put(w, o, WF_signal_struct_pid_3, pid_of(w, session));
	put(w, o, WF_signal_struct_leader, session == self);
	tty_nr = stat_unsigned(text, 7);
	tty = tty_nr ? world_obj(w, WT_tty_struct, tty_nr, 0, NULL) : NULL;
	put(w, o, WF_signal_struct_tty, tty ? tty->addr : 0);
	return 0;
}

int fill_signal_oom(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[32];
	long n = p ? proc_read(w, p, "oom_score_adj", text, sizeof(text)) : -ESRCH;

	if (n < 0)
		return (int)n;
	put(w, o, WF_signal_struct_oom_score_adj, (u64)atol(text));
	return 0;
}

static u64 limit_of(char **s)
{
	*s += strspn(*s, " ");
	if (!strncmp(*s, "unlimited", 9)) {
		*s += 9;
		return ~0ULL;
	}
	return strtoull(*s, s, 10);
}

int fill_signal_rlim(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	char text[STATUS_SIZE], *s = text;
	u64 rlim[16][2] = { 0 };
	long n = p ? proc_read(w, p, "limits", text, sizeof(text)) : -ESRCH;

	if (n < 0)
		return (int)n;
	/* A heading, then a line for each in the order of their numbers: 26 columns of name. */
	for (u32 i = 0; i < 16; i++) {
		s = strchr(s, '\n');
		if (!s || strlen(s) < 27)
			return -ENODATA;
		s += 27;
		rlim[i][0] = limit_of(&s);
		rlim[i][1] = limit_of(&s);
	}
	put_bytes(w, o, WF_signal_struct_rlim, rlim, sizeof(rlim));
	return 0;
}

/* Linux sets it when one thread ends all. */
int fill_signal_exit_code(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);

	if (!p || !p->t)
		return -ESRCH;
	put(w, o, WF_signal_struct_group_exit_code, p->t->exiting ? (u64)p->t->exit_code : 0);
	return 0;
}

int fill_tty(struct world *w, struct wobj *o)
{
	u32 dev = (u32)o->key[0], major = dev >> 8 & 0xfff;
	u32 minor = (dev & 0xff) | (dev >> 12 & 0xfff00), index = minor;
	const char *driver = "tty";
	char name[64];

	if (major >= 136 && major < 144) {
		driver = "pts";
		index = (major - 136) * 256 + minor;
	} else if (major == 4 && minor >= 64) {
		driver = "ttyS";
		index = minor - 64;
	} else if (major == 5 && minor == 1) {
		driver = "console";
	} else if (major != 4) {
		return -ENODATA;
	}
	snprintf(name, sizeof(name), major == 5 ? "%s" : "%s%u", driver, index);
	put_bytes(w, o, WF_tty_struct_name, name, (u32)strlen(name));
	put(w, o, WF_tty_struct_index, index);
	return 0;
}

int fill_pid(struct world *w, struct wobj *o)
{
	struct wtask *p = o->key[1] ? NULL : world_owner(w, o);
	u64 nr = p ? (u64)p->tid : o->key[0], ns = p ? world_ns(w, p, "pid") : 0;

	/* Of our namespace: numbers that deeper ones give are not told here. */
	put(w, o, WF_pid_level, 0);
	put(w, o, WF_pid_nr, nr);
	if (ns)
		put(w, o, WF_pid_ns, ns);
	return 0;
}

/* ---- registers ---- */

u64 world_regs_of(struct world *w, struct wobj *task)
{
	return part(w, WT_pt_regs, task, 0);
}

u64 world_user_regs(struct task *t)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *o = w ? world_task_obj(w, t) : NULL;

	return o ? world_regs_of(w, o) : 0;
}

/*
 * Of a task that waits in the kernel and is not ours to stop: what /proc/TID/syscall tells. Registers that a call
 * keeps (bx, bp, r12 ...) are not told; one that runs has none that would stay so.
 */
static int fill_waiting_regs(struct world *w, struct wobj *o, pid_t tid)
{
	u64 a[6], sp, ip;
	char path[48];
	long nr = -1;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	n = fscanf(f, "%ld", &nr);
	if (n == 1)
		n = nr == -1 ? fscanf(f, "%" SCNx64 " %" SCNx64, &sp, &ip) :
			       fscanf(f,
				      "%" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
				      " %" SCNx64 " %" SCNx64 " %" SCNx64,
				      &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &sp, &ip);
	fclose(f);
	if (n != (nr == -1 ? 2 : 8))
		return -ESRCH;
	put(w, o, WF_pt_regs_sp, sp);
	put(w, o, WF_pt_regs_ip, ip);
	put(w, o, WF_pt_regs_orig_ax, (u64)nr);
	if (nr == -1)
		return 0;
	put(w, o, WF_pt_regs_di, a[0]);
	put(w, o, WF_pt_regs_si, a[1]);
	put(w, o, WF_pt_regs_dx, a[2]);
	put(w, o, WF_pt_regs_r10, a[3]);
	put(w, o, WF_pt_regs_r8, a[4]);
	put(w, o, WF_pt_regs_r9, a[5]);
	/* As the instruction leaves them, and Linux's entry. */
	put(w, o, WF_pt_regs_cx, ip);
	put(w, o, WF_pt_regs_ax, (u64)-ENOSYS);
	return 0;
}

int fill_pt_regs(struct world *w, struct wobj *o)
{
	struct wtask *p = world_owner(w, o);
	struct user_regs_struct *r = p && p->t ? task_regs(p->t) : NULL;

	if (!r)
		return p ? fill_waiting_regs(w, o, p->tid) : -ESRCH;
#define REG(name, from) put(w, o, WF_pt_regs_##name, r->from);
	REG(r15, r15)
	REG(r14, r14)
	REG(r13, r13)
	REG(r12, r12)
	REG(bp, rbp)
	REG(bx, rbx)
	REG(r11, r11)
	REG(r10, r10)
	REG(r9, r9)
	REG(r8, r8)
	REG(ax, rax)
	REG(cx, rcx)
	REG(dx, rdx)
	REG(si, rsi)
	REG(di, rdi)
	REG(orig_ax, orig_rax)
	REG(ip, rip)
	REG(cs, cs)
	REG(flags, eflags)
	REG(sp, rsp)
	REG(ss, ss)
#undef REG
	return 0;
}
