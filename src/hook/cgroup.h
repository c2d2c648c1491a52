/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached to cgroups (Linux: struct cgroup_bpf, kernel/bpf/cgroup.c). A cgroup is known
 * by the id of its folder in the cgroup2 hierarchy; it gets a record when something is attached
 * to it or asked about it, and so do its ancestors as far as they can be seen.
 *
 * An event source asks cgroup_effective() which programs run for a task and an attach type.
 */
#ifndef SKEP_HOOK_CGROUP_H
#define SKEP_HOOK_CGROUP_H

#include "hook/hook.h"

#define CGROUP_PROGS_MAX 64 /* of one cgroup and attach type; Linux: BPF_CGROUP_MAX_PROGS */

struct cgroup_hooks;

/*
 * The programs that run at @attach_type (BPF_LSM_CGROUP: at the hook with BTF id @btf_id) for a
 * task in the cgroup with id ids[0], whose ancestors are ids[1..n - 1], the nearest first. NULL:
 * none. To be called in a slot (they are retired like those of a hook).
 */
const struct hook_progs *cgroup_effective(const struct skep_system *sys, const u64 *ids, u32 n,
					  u32 attach_type, u32 btf_id);

/* Whether a cgroup has programs at @attach_type. */
bool cgroup_in_use(const struct skep_system *sys, u32 attach_type);
/* ... at security hook @row (LSM_*). */
bool cgroup_lsm_in_use(const struct skep_system *sys, u32 row);

struct cgroup_result {
	bool ran;	 /* there were programs */
	u32 flags;	 /* what they returned beside 0 or 1, all of it, from bit 1 on */
	s32 *ctx_retval; /* the context has the call's result, too: there. Set by the caller */
};
/*
 * Runs them for that task on @ctx (Linux: bpf_prog_run_array_cg()); @run zeroed by the caller but for .task and .event.
 * @retval: what the call would return. Gives what it is to return: -EPERM, or what a program has set, when one says no.
 */
s32 cgroup_run(struct skep_system *sys, const u64 *ids, u32 n, u32 attach_type, void *ctx,
	       struct bpf_run *run, s32 retval, struct cgroup_result *result);

/* The same at security hook @row: 0, or what refuses. */
s32 cgroup_run_lsm(struct skep_system *sys, const u64 *ids, u32 n, u32 row, void *ctx,
		   struct bpf_run *run);

/* ---- for the commands; sys->lock is held ---- */

bool is_cgroup_attach_type(u32 attach_type);
/* The cgroup whose folder our descriptor @fd is: its record, or NULL with -EBADF or -ENOMEM. */
struct cgroup_hooks *cgroup_hooks_get(struct skep_system *sys, int fd, int *err);

struct cgroup_attach {
	struct prog_object *prog;
	struct prog_object *replace; /* BPF_F_REPLACE */
	u32 attach_type;
	u32 flags;
	u32 relative; /* descriptor or id, with BPF_F_BEFORE or BPF_F_AFTER */
	u64 revision; /* expected; 0: any */
};
/* Takes its own reference of the program. 0 or -errno as Linux. */
int cgroup_attach(struct cgroup_hooks *cg, const struct cgroup_attach *a);
/* @prog NULL: whatever single program there is. */
int cgroup_detach(struct cgroup_hooks *cg, struct prog_object *prog, u32 attach_type, u64 revision);
/* A link without descriptor, or NULL with *err; a->flags without BPF_F_ALLOW_MULTI. */
struct link_object *link_attach_cgroup(struct cgroup_hooks *cg, const struct cgroup_attach *a,
				       int *err);

/* What is attached: programs in order, at most @max; how many there are. */
struct cgroup_attached {
	struct prog_object *prog;
	u32 flags; /* of the cgroup at this attach type */
};
u32 cgroup_attached(const struct cgroup_hooks *cg, u32 attach_type, bool effective,
		    struct cgroup_attached *v, u32 max, u32 *flags, u64 *revision);

/* Gives up what is attached to cgroups that were removed. */
void cgroups_sweep(struct skep_system *sys);
void cgroups_stop(struct skep_system *sys);

#endif
