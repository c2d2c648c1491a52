/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How many processes were moved into each cgroup and below, counted per CPU and summed up when
 * somebody asks for his priority (tests/script/rstat).
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

extern void css_rstat_updated(struct cgroup_subsys_state *css, int cpu) __ksym;
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, u64);
} moved SEC(".maps");

struct total {
	u64 sum, pending, asked;
	int level;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, struct total);
} totals SEC(".maps");

int asked, misordered, deepest = 100;

SEC("fentry/cgroup_attach_task")
int BPF_PROG(attached, struct cgroup *dst_cgrp, struct task_struct *leader, bool threadgroup)
{
	u64 id = dst_cgrp->kn->id, one = 1, *n;

	if (leader->tgid != leader->pid || !threadgroup)
		return 0;
	n = bpf_map_lookup_elem(&moved, &id);
	if (n)
		++*n;
	else
		bpf_map_update_elem(&moved, &id, &one, BPF_ANY);
	css_rstat_updated(&dst_cgrp->self, bpf_get_smp_processor_id());
	return 0;
}

static struct total *total_of(struct cgroup *cgrp)
{
	u64 id = cgrp->kn->id;
	struct total new = { .level = cgrp->level };

	bpf_map_update_elem(&totals, &id, &new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&totals, &id);
}

SEC("fentry/bpf_rstat_flush")
int BPF_PROG(flushed, struct cgroup *cgrp, struct cgroup *parent, int cpu)
{
	u64 id = cgrp->kn->id, delta, *n;
	struct total *t = total_of(cgrp), *up;

	asked++;
	if (!t)
		return 0;
	t->asked++;
	n = bpf_map_lookup_percpu_elem(&moved, &id, cpu);
	delta = t->pending;
	t->pending = 0;
	if (n) {
		delta += *n;
		*n = 0;
	}
	t->sum += delta;
	if (cgrp->level > deepest) /* a child after its parent */
		misordered++;
	deepest = cgrp->level ?: 100;
	if (!parent)
		return 0;
	up = total_of(parent);
	if (up)
		up->pending += delta;
	return 0;
}

SEC("fentry.s/__x64_sys_getpriority")
int BPF_PROG(ask)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *root;

	bpf_rcu_read_lock();
	root = bpf_cgroup_ancestor(task->cgroups->dfl_cgrp, 0);
	bpf_rcu_read_unlock();
	if (!root)
		return 0;
	css_rstat_flush(&root->self);
	bpf_cgroup_release(root);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
