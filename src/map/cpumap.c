/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CPUs that XDP programs redirect to (Linux: kernel/bpf/cpumap.c). An element is laid out as
 * struct bpf_cpumap_val: the length of the CPU's queue and the id of the program that runs there.
 */
#include "map/words.h"

#define LINUX_CPU_MAP_SIZE 304	/* sizeof(struct bpf_cpu_map) on 6.18, x86-64 */
#define MAX_CPUS	   8192 /* NR_CPUS of distributions */

static int cpu_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;

	if (!a->max_entries || a->key_size != 4 || (a->value_size != 4 && a->value_size != 8) ||
	    a->map_flags & ~(u32)BPF_F_NUMA_NODE)
		return -EINVAL;
	if (a->max_entries > MAX_CPUS)
		return -E2BIG;
	return words_layout(a, LINUX_CPU_MAP_SIZE, layout);
}

static void *cpu_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u64 *word = word_at(map, key);

	return word && load_acquire(word) ? word : NULL;
}

static int cpu_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
			       struct bpf_run *run)
{
	const u64 *word = word_at(map, key);
	u64 v = word ? load_acquire(word) : 0;

	if (!v)
		return -ENOENT;
	word_copy(map, value, v);
	return 0;
}

static int cpu_map_obj_check(const struct bpf_map *map, const void *key, u64 flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!word_at(map, key))
		return -E2BIG;
	return flags == BPF_NOEXIST ? -EEXIST : 0;
}

static int cpu_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
			      void **old, const struct skep_platform *platform)
{
	*old = (void *)__atomic_exchange_n(word_at(map, key), (u64)obj, __ATOMIC_SEQ_CST);
	return 0;
}

static int cpu_map_obj_delete(struct bpf_map *map, const void *key, void **old,
			      const struct skep_platform *platform)
{
	u64 *word = word_at(map, key);

	*old = NULL;
	if (!word)
		return -EINVAL;
	*old = (void *)__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static u64 cpu_map_mem_usage(const struct bpf_map *map)
{
	return LINUX_CPU_MAP_SIZE + (u64)map->max_entries * 8;
}

const struct bpf_map_ops cpu_map_ops = {
	.alloc_check = cpu_map_alloc_check,
	.lookup_elem = cpu_map_lookup_elem,
	.lookup_copy = cpu_map_lookup_copy,
	.get_next_key = words_next_key,
	.obj_check = cpu_map_obj_check,
	.obj_update = cpu_map_obj_update,
	.obj_delete = cpu_map_obj_delete,
	.mem_usage = cpu_map_mem_usage,
};
