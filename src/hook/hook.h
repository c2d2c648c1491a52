/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hooks: named places where programs are attached and run (Linux: dev->xdp_state,
 * bpf_mprog entries, tracepoint probes).
 *
 * Devices' hooks come and go with netdev_hooks_add(); points (tracepoints, kernel functions)
 * are rows of tables, see points.h. A hook's programs are one array that is replaced as
 * a whole; readers hold a slot, so the old one is freed when no run can see it.
 */
#ifndef SKEP_HOOK_HOOK_H
#define SKEP_HOOK_HOOK_H

#include "base/vec.h"
#include "object/link.h"
#include "object/system.h"

enum hook_kind {
	HOOK_XDP,	  /* ctx struct xdp_buff; at most one program */
	HOOK_TCX_INGRESS, /* ctx struct sk_buff */
	HOOK_TCX_EGRESS,
	HOOK_NETKIT_PRIMARY, /* the same: what a netkit device sends; */
	HOOK_NETKIT_PEER,    /* what its peer sends to it */
	HOOK_RAW_TP,	     /* ctx u64 args[]; results are ignored */
	HOOK_TRACEPOINT, /* ctx: the record, beginning with the common header; results ignored */
	/*
	 * Kernel functions. fentry, fexit, fmod_ret: ctx u64 args[], for the latter two the result
	 * behind them; ctx[-1] is their number, run.func_ip the function's address. fmod_ret: the first
	 * non-zero result is the function's. kprobes: ctx struct pt_regs.
	 */
	HOOK_FENTRY,
	HOOK_FEXIT,
	HOOK_FMOD_RET,
	HOOK_KPROBE,
	HOOK_KRETPROBE,
	/*
	 * Security hooks: ctx u64 args[], behind them the result so far, ctx[-1] as above. The first non-zero
	 * result is the hook's.
	 */
	HOOK_LSM,
	/* User functions: ctx struct pt_regs; the points are files and offsets, see struct hook_uprobe. */
	HOOK_UPROBE,
	HOOK_URETPROBE,
	HOOK_PERF_EVENT, /* samples: ctx struct bpf_perf_event_data_kern */
	HOOK_KINDS,
};

#define HOOK_PROGS_MAX 64 /* Linux: BPF_MPROG_MAX */

struct hook_prog {
	struct bpf_prog *prog; /* in the arena */
	u64 cookie;
	struct link_object *link; /* NULL: attached without a link */
	struct prog_object *owner;
	u32 pid;	 /* only on behalf of this process; 0: of any */
	bool session;	 /* at entry and, if it wishes so then, at return */
	const void *key; /* who attached it: the link, or a perf event */
	s32 priority;	 /* of netfilter's: they are in this order */
	bool defrag;	 /* it wants whole packets */
};

struct hook_progs {
	struct arena_retired retired;
	u32 n;
	struct hook_prog v[];
};

/* Perf events that count how often the place is passed. */
struct hook_counts {
	struct arena_retired retired;
	u32 n;
	struct hook_count {
		struct perf_ring *ring;
		const void *key; /* the event, as in hook_prog */
	} v[];
};

struct hook {
	struct hook *next;
	struct skep_system *sys;
	enum hook_kind kind;
	u32 ifindex;
	u32 nr_args;			/* raw tracepoints */
	bool returns_nothing;		/* HOOK_LSM: all programs run */
	char name[64];			/* of the device or the tracepoint */
	u64 revision;			/* Linux: bpf_mprog revision; starts at 1 */
	u64 since;			/* hooks_revision() when it came into use */
	u32 xdp_flags;			/* XDP_FLAGS_SKB_MODE ... of an attachment by netlink */
	struct hook_progs *progs;	/* NULL: none; read with load_acquire() in a slot */
	struct hook_counts *counts;	/* the same */
	u32 peer_ifindex;		/* HOOK_NETKIT_*: as the peer's namespace numbers it */
	bool no_driver;			/* XDP: the device's driver runs none, generic mode only */
	bool had_qdisc;			/* TCX ingress: traffic control has been there */
	u32 row;			/* points: of their table */
	u64 func_ip;			/* kernel functions: address in the world window */
	struct hook_uprobe *uprobe;	/* HOOK_UPROBE, HOOK_URETPROBE */
	struct hook_sampling *sampling; /* HOOK_PERF_EVENT */
};

int hooks_start(struct skep_system *sys);
void hooks_stop(struct skep_system *sys);

/* Registers XDP and TCX hooks of device @ifindex. 0, -EEXIST or -ENOMEM. */
int netdev_hooks_add(struct skep_system *sys, u32 ifindex, const char *name);
/* It is a netkit device: programs of its kind, too; XDP in generic mode alone. 0, -ENODEV or -ENOMEM. */
int netdev_hooks_netkit(struct skep_system *sys, u32 ifindex, u32 peer_ifindex);
/* Detaches everything from the device and forgets it. */
void netdev_hooks_del(struct skep_system *sys, u32 ifindex);
/* NULL when there is no such device; hooks live until netdev_hooks_del(). */
struct hook *hook_find_netdev(struct skep_system *sys, enum hook_kind kind, u32 ifindex);
struct hook *hook_find_netdev_by_name(struct skep_system *sys, enum hook_kind kind,
				      const char *name);
struct hook *hook_find_raw_tp(struct skep_system *sys, const char *name);

static inline bool hook_active(const struct hook *h)
{
	return load_acquire(&h->progs) != NULL || load_acquire(&h->counts) != NULL;
}

/*
 * Runs the programs of @h on @ctx. @run: zeroed by the caller but for .event and
 * .task. XDP: the program's result, XDP_PASS without one. TCX, netkit: the first result
 * that is not TCX_NEXT (-1), else TCX_NEXT. FMOD_RET: the first that is not 0. Others: 0.
 */
s32 hook_run(struct hook *h, void *ctx, struct bpf_run *run);
/* As hook_run(), in a slot that the caller has claimed for @run (bursts of packets). */
s32 hook_run_claimed(struct hook *h, void *ctx, struct bpf_run *run);

/*
 * Sessions of calls under way: run->sessions at a function's entry, and at its return. Without them
 * programs of sessions are not run.
 */
struct hook_sessions {
	VEC(struct bpf_session) v;
};
void hook_sessions_free(struct hook_sessions *s);
/* As they are in a forked task. 0 or -ENOMEM. */
int hook_sessions_copy(struct hook_sessions *to, const struct hook_sessions *from);

/* Runs what is attached to tracepoint @h, in a slot of its own or inside the caller's. */
void hook_fire(struct hook *h, const u64 *args);
/* The same on behalf of @task. */
void hook_fire_task(struct hook *h, const u64 *args, struct bpf_task *task);

/* What is attached to a tracepoint in both ways, what came first before the other; a slot is claimed for @run. */
void hook_fire_both(struct hook *raw, struct hook *formatted, const u64 *args, u32 n, void *record,
		    struct bpf_run *run);

/*
 * Points: places with names that sources fire, one table for each kind. The rows of a table
 * are fixed when the system starts; a point's hook is made when something is first
 * attached to it, so firing a point that nobody uses is one load.
 */
struct hook_point_table {
	u32 n;
	/* NULL: this profile does not have it */
	const char *(*name)(const struct skep_system *sys, u32 row);
};
int hook_points_add(struct skep_system *sys, enum hook_kind kind,
		    const struct hook_point_table *table); /* 0 or -ENOMEM */
/* For sources: NULL until something has been attached. */
struct hook *hook_at(const struct skep_system *sys, enum hook_kind kind, u32 row);
/* For attaching: by name; makes the hook. NULL with *err -ENOENT or -ENOMEM. */
struct hook *hook_point_get(struct skep_system *sys, enum hook_kind kind, const char *name,
			    int *err);
/* Row of a name in the table of @kind, or -ENOENT. */
int hook_point_row(const struct skep_system *sys, enum hook_kind kind, const char *name);

/* A place in a file of machine code. Two attachments to one place share the hook. */
struct hook_uprobe {
	u64 dev, ino;	    /* identity of the file */
	u64 offset;	    /* in the file, bytes */
	u64 ref_ctr_offset; /* of a semaphore that is counted up while attached; 0: none */
	char *path;
	bool mapped; /* some supervised process has had it in memory: set by the source */
};
/* NULL with *err: -ENOENT, -EACCES (no such file ...), -EINVAL (not a regular file), -ENOMEM. */
struct hook *hook_uprobe_get(struct skep_system *sys, enum hook_kind kind, const char *path,
			     u64 offset, u64 ref_ctr_offset, int *err);
/* Whether there may be uprobes in @path: 0, -EINVAL (no regular file), -ENOENT ... */
int uprobe_check_file(const char *path);
/*
 * A sampling event (cpu-clock, task-clock): period in ns of a task's CPU time; of time when it is a CPU's, that
 * is .pid is 0 and .cpu is one.
 */
struct hook_sampling {
	u64 period_ns;
	u32 pid; /* 0: every supervised process */
	s32 cpu; /* only when the task runs there; -1: anywhere */
};
/* The hook of events with these values; it stays until the system ends. NULL: out of memory. */
struct hook *hook_sampling_get(struct skep_system *sys, const struct hook_sampling *s);
/* Calls @fn for every hook of @kind that has programs. */
int hooks_each(struct skep_system *sys, enum hook_kind kind, int (*fn)(struct hook *h, void *arg),
	       void *arg);

/* Changes with every attachment and detachment; hooks_notify() is told, too. */
u64 hooks_revision(const struct skep_system *sys);
/* As if it had: for what else sources depend on. */
void hooks_touch(struct skep_system *sys);
/* @fn is called (under sys->lock, from any thread) after such a change. NULL: nobody. */
void hooks_notify(struct skep_system *sys, void (*fn)(void *arg), void *arg);

/*
 * Changing what is attached; sys->lock is held by the caller. Position @at of 0..n.
 * None of these touches references.
 */
int hook_insert(struct hook *h, u32 at, const struct hook_prog *entry);
int hook_remove(struct hook *h, const void *key); /* -ENOENT */
int hook_replace(struct hook *h, const void *key, struct prog_object *new_prog);
/* Event @key counts in @ring from now on, or with NULL no more. 0 or -ENOMEM, not for NULL. */
int hook_count(struct hook *h, struct perf_ring *ring, const void *key);

/* Where a program goes among the others: the uapi's flags and reference point. */
struct hook_place {
	u32 flags;    /* BPF_F_BEFORE, BPF_F_AFTER, BPF_F_ID, BPF_F_LINK */
	u32 relative; /* descriptor or id */
	u64 revision; /* expected; 0: any */
};

/*
 * Links; see link.c. Each gives a link without descriptor, or NULL with *err; the
 * link takes a reference of its own on @prog.
 */
struct link_object *link_attach_xdp(struct skep_system *sys, struct prog_object *prog, u32 ifindex,
				    u32 flags, int *err);
/* @attach_type: BPF_TCX_*, BPF_NETKIT_*; -ENXIO: no netkit device. */
struct link_object *link_attach_tcx(struct skep_system *sys, struct prog_object *prog,
				    u32 attach_type, u32 ifindex, const struct hook_place *place,
				    int *err);
/*
 * XDP without a link, as by netlink; sys->lock is held. @prog NULL takes off what is there. @old: what is
 * expected to be there, looked at with XDP_FLAGS_REPLACE. 0 or -errno, then *@why: Linux's
 * sentence, NULL where it has none. Takes its own reference.
 */
int hook_attach_xdp(struct skep_system *sys, struct prog_object *prog, struct prog_object *old,
		    u32 ifindex, u32 flags, const char **why);
/* Whether what is attached is meant for the generic mode. */
bool hook_xdp_generic(const struct hook *h);
/* Without a link (sys->lock is held); @old: with BPF_F_REPLACE. 0 or -errno; own references. */
int hook_attach_tcx(struct skep_system *sys, struct prog_object *prog, struct prog_object *old,
		    u32 attach_type, u32 ifindex, const struct hook_place *place);
/* @prog NULL: the one at the place, the last without one. */
int hook_detach_tcx(struct skep_system *sys, struct prog_object *prog, u32 attach_type, u32 ifindex,
		    const struct hook_place *place);
struct link_object *link_attach_raw_tp(struct skep_system *sys, struct prog_object *prog,
				       const char *name, u64 cookie, int *err);
/* fentry, fexit, fmod_ret (@kind) on the kernel function @name; LSM on the hook @name (without bpf_lsm_). */
struct link_object *link_attach_function(struct skep_system *sys, struct prog_object *prog,
					 enum hook_kind kind, const char *name, u64 cookie,
					 int *err);
/* An fsession program on the kernel function @name: at its entry and at its return. */
struct link_object *link_attach_session(struct skep_system *sys, struct prog_object *prog,
					const char *name, u64 cookie, int *err);
/* A link without program, of @size bytes that begin with it. NULL: out of memory. */
struct link_object *link_object_sized(struct skep_system *sys, size_t size, u32 type,
				      u32 attach_type, const struct bpf_link_ops *ops);
/* EXT, fentry and fexit programs on function @func of @target, which BTF knows as @btf_id. */
struct link_object *link_attach_prog(struct skep_system *sys, struct prog_object *prog,
				     struct prog_object *target, u32 func, u32 btf_id, u64 cookie,
				     int *err);
/* One program on many functions: the hooks, which may be any of their kind; cookies may be NULL. */
struct link_object *link_attach_kprobe_multi(struct skep_system *sys, struct prog_object *prog,
					     struct hook **hooks, const u64 *cookies, u32 n,
					     u32 flags, int *err);
/* The same with trampolines; @ids: the functions in the types that the program was loaded with. */
struct link_object *link_attach_tracing_multi(struct skep_system *sys, struct prog_object *prog,
					      struct hook **hooks, const u32 *ids,
					      const u64 *cookies, u32 n, int *err);
struct link_object *link_attach_uprobe_multi(struct skep_system *sys, struct prog_object *prog,
					     struct hook **hooks, const u64 *cookies, u32 n,
					     u32 flags, u32 pid, int *err);
/*
 * test_functions.c: what is attached to function @row, which no call's path leads to and which does
 * nothing, runs with @args for @task (NULL: the calling thread).
 */
void hook_call_function(struct skep_system *sys, u32 row, const u64 *args, struct bpf_task *task);

/* rstat.c: struct cgroup @cgroup has news on @cpu; programs are asked for all news at and below it. */
void rstat_updated(struct skep_system *sys, struct bpf_run *run, u64 cgroup, u32 cpu);
void rstat_flush(struct skep_system *sys, struct bpf_run *run, u64 cgroup);
void rstat_stop(struct skep_system *sys);

#endif
