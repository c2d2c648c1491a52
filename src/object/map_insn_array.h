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
	u32 used; /* by a program: there can be one */
	struct bpf_insn_array_value values[];
};

static inline struct bpf_insn_array *insn_array(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_INSN_ARRAY ? (struct bpf_insn_array *)map : NULL;
}

#endif
