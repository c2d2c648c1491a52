/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Map types that skep does not have: what Linux checks when one is created, so that
 * programs which use them can be judged (struct skep_system, .verdict). There are no
 * elements. A type that gets an implementation leaves this file. In Linux:
 * devmap.c, cpumap.c, reuseport_array.c, local_storage.c,
 * arena.c of kernel/bpf, net/core/sock_map.c, net/xdp/xskmap.c.
 */
#include <linux/errno.h>

#include "object/map.h"

#define ACCESS_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

#define PER_CPU_MAX	 32768	   /* PCPU_MIN_UNIT_SIZE */
#define CGROUP_VALUE_MAX (4 << 20) /* KMALLOC_MAX_SIZE */

/* Every map needs its common part; nothing is counted for elements. */
static int plain(struct bpf_map_layout *layout)
{
	*layout = (struct bpf_map_layout){ .reserve = sizeof(struct bpf_map),
					   .backed = sizeof(struct bpf_map) };
	return 0;
}

static bool access_ok(u32 flags)
{
	return (flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) !=
	       (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);
}

static int cgroup_storage_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	bool percpu = a->map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if (a->key_size != sizeof(struct bpf_cgroup_storage_key) && a->key_size != 8)
		return -EINVAL;
	if (!a->value_size)
		return -EINVAL;
	if (a->value_size > (percpu ? PER_CPU_MAX : CGROUP_VALUE_MAX))
		return -E2BIG;
	if (a->map_flags & ~(u32)(BPF_F_NUMA_NODE | ACCESS_FLAGS) || !access_ok(a->map_flags))
		return -EINVAL;
	if (a->max_entries) /* there is one for each cgroup */
		return -EINVAL;
	return plain(layout);
}

/* Types of kernels newer than those whose sources were at hand. */
static int unknown_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	return -EINVAL;
}

const struct bpf_map_ops cgroup_storage_judge_ops = { .alloc_check = cgroup_storage_check };
const struct bpf_map_ops unknown_judge_ops = { .alloc_check = unknown_check };
