/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instruction arrays: places in one program, as it was given, as it is after the verifier, as native
 * code (Linux: kernel/bpf/bpf_insn_array.c).
 */
#ifndef SKEP_OBJECT_MAP_INSN_ARRAY_H
#define SKEP_OBJECT_MAP_INSN_ARRAY_H

#include "object/map.h"

#define INSN_DELETED ((u32)-1) /* .xlated_off of an instruction that is no more */

struct bpf_insn_array {
	struct bpf_map map;
	u32 used;	/* by a program: there can be one */
	u64 idle_since; /* arena epoch: runs of the last program have ended when it is quiescent */
	struct bpf_insn_array_value values[];
	/* then what programs load, see insn_array_targets() */
};

/*
 * By element: the number of the instruction in the fixed-up program, which both engines understand, or
 * INSN_DELETED. No address, so that code may be made anew.
 */
static inline u64 *insn_array_targets(const struct bpf_insn_array *a)
{
	return (u64 *)&a->values[a->map.max_entries];
}

/* Bytes behind a pointer to a value, as programs see it: of these arrays, all targets. */
static inline u32 map_mem_size(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_INSN_ARRAY ? map->max_entries * (u32)sizeof(u64) :
							  map->value_size;
}

static inline struct bpf_insn_array *insn_array(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_INSN_ARRAY ? (struct bpf_insn_array *)map : NULL;
}

#endif
