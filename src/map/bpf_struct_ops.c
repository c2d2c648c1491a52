/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps whose only value is a structure of functions (Linux: kernel/bpf/bpf_struct_ops.c).
 * What needs BTF and descriptors (update, deletion, links) is in src/command/struct_ops.c.
 */
#include <linux/errno.h>

#include "object/struct_ops.h"

static int struct_ops_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;

	if (a->key_size != 4 || a->max_entries != 1 || !a->btf_vmlinux_value_type_id ||
	    a->map_flags & ~(u32)(BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD))
		return -EINVAL;
	*layout = (struct bpf_map_layout){
		.reserve = round_up(sizeof(struct bpf_struct_ops_map) + a->value_size, 4096UL)
	};
	layout->backed = layout->reserve;
	layout->charge = layout->reserve;
	return 0;
}

static int struct_ops_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	if (key && !*(const rt_u32 *)key)
		return -ENOENT;
	*(rt_u32 *)next_key = 0;
	return 0;
}

static u64 struct_ops_map_mem_usage(const struct bpf_map *map)
{
	return map->reserved;
}

u64 struct_ops_call(const struct bpf_struct_ops_map *s, u32 member, const u64 *args, u32 n,
		    struct bpf_run *run)
{
	const struct bpf_prog *prog =
		member < s->nr_members ? load_acquire(&s->progs[member]) : NULL;
	u64 frame[14] = { n }, *ctx = &frame[1];

	if (!prog)
		return 0;
	for (u32 i = 0; i < n && i < 12; i++)
		ctx[i] = args[i];
	return bpf_prog_run(prog, ctx, run);
}

const struct bpf_map_ops struct_ops_map_ops = {
	.alloc_check = struct_ops_map_alloc_check,
	.get_next_key = struct_ops_map_get_next_key,
	.mem_usage = struct_ops_map_mem_usage,
};
