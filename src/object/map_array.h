/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Layout of arrays (array, prog array, array of maps ...), shared by src/map and by
 * the engines, which inline lookups and tail calls (Linux: struct bpf_array).
 */
#ifndef SKEP_OBJECT_MAP_ARRAY_H
#define SKEP_OBJECT_MAP_ARRAY_H

#include "object/map.h"

struct bpf_array {
	struct bpf_map map;
	u32 elem_size; /* distance of elements in bytes */
	u32 reserved;
	/* Per-CPU arrays: distance of the values of CPU n and CPU n + 1; else 0. */
	u64 cpu_stride;
	/*
	 * Element 0; constant for the life of the map. Object arrays hold one u64 for
	 * each element: the address of the struct bpf_prog (bpf_map ...), or 0. Element i
	 * of a per-CPU array is at value + cpu * cpu_stride + i * elem_size.
	 */
	u8 *value;
};

#endif
