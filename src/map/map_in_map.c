/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inner maps (Linux: kernel/bpf/map_in_map.c, and .map_meta_equal of the types).
 * The template's meta data is in the outer map's .inner.
 */
#include "map/map_in_map.h"

#include <linux/errno.h>

int bpf_map_meta_check(const struct bpf_map *inner)
{
	if (!inner)
		return -EBADF;
	switch (inner->map_type) {
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return -EINVAL; /* one level only */
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_STRUCT_OPS:
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		return -ENOTSUPP;
	}
	return 0;
}

bool bpf_map_meta_equal(const struct bpf_map *outer, const struct bpf_map *inner)
{
	if (outer->inner.map_type != inner->map_type || outer->inner.key_size != inner->key_size ||
	    outer->inner.value_size != inner->value_size ||
	    outer->inner.map_flags != inner->map_flags ||
	    outer->inner.nr_fields != inner->nr_fields)
		return false;
	/* A program has the bounds of an array compiled in, unless the flag says otherwise. */
	return inner->map_type != BPF_MAP_TYPE_ARRAY || inner->map_flags & BPF_F_INNER_MAP ||
	       outer->inner.max_entries == inner->max_entries;
}
