/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instruction arrays (Linux: kernel/bpf/bpf_insn_array.c). bpf(2) says which instructions; when a program with
 * the map is loaded, the verifier and the JIT say where they have gone. Programs read where to jump to (gotox).
 */
#include <linux/errno.h>

#include "object/map_insn_array.h"

#define LINUX_ARRAY_SIZE 312 /* sizeof(struct bpf_insn_array) on x86-64: derived */

static int insn_array_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	u64 entry = sizeof(struct bpf_insn_array_value), size;

	if (!a->max_entries || a->key_size != sizeof(u32) || a->value_size != entry || a->map_flags)
		return -EINVAL;
	size = a->max_entries * (entry + sizeof(u64));
	if (size > UINT32_MAX)
		return -E2BIG;
	layout->reserve = sizeof(struct bpf_insn_array) + size;
	layout->backed = layout->reserve;
	layout->charge = LINUX_ARRAY_SIZE + a->max_entries * (entry + sizeof(u64));
	return 0;
}

static int insn_array_init(struct bpf_map *map, const struct skep_platform *platform)
{
	map->map_flags |= BPF_F_RDONLY_PROG;
	return 0;
}

static void *insn_array_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	u32 index = *(const u32 *)key;

	return index < map->max_entries ? &insn_array(map)->values[index] : NULL;
}

static long insn_array_update_elem(struct bpf_map *map, const void *key, const void *value,
				   u64 flags, struct bpf_run *run)
{
	const struct bpf_insn_array_value *v = value;
	u32 index = *(const u32 *)key;

	if (index >= map->max_entries)
		return -E2BIG;
	if (flags & BPF_NOEXIST)
		return -EEXIST;
	if (v->jitted_off || v->xlated_off)
		return -EINVAL;
	WRITE_ONCE(insn_array(map)->values[index].orig_off, v->orig_off);
	return 0;
}

static long insn_array_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return -EINVAL;
}

static int insn_array_get_next_key(struct bpf_map *map, const void *key, void *next)
{
	u32 index = key ? *(const u32 *)key : map->max_entries;

	if (index < map->max_entries && index + 1 == map->max_entries)
		return -ENOENT;
	*(u32 *)next = index < map->max_entries ? index + 1 : 0;
	return 0;
}

static int insn_array_direct_value_addr(const struct bpf_map *map, u64 *addr, u32 off)
{
	if (off % sizeof(u64) || off / sizeof(u64) >= map->max_entries)
		return -EINVAL;
	*addr = (u64)(uintptr_t)insn_array_targets(insn_array(map)) + off;
	return 0;
}

static u64 insn_array_mem_usage(const struct bpf_map *map)
{
	return LINUX_ARRAY_SIZE +
	       map->max_entries * (sizeof(struct bpf_insn_array_value) + sizeof(u64));
}

const struct bpf_map_ops insn_array_map_ops = {
	.alloc_check = insn_array_alloc_check,
	.init = insn_array_init,
	.lookup_elem = insn_array_lookup_elem,
	.update_elem = insn_array_update_elem,
	.delete_elem = insn_array_delete_elem,
	.get_next_key = insn_array_get_next_key,
	.mem_usage = insn_array_mem_usage,
	.direct_value_addr = insn_array_direct_value_addr,
};
