/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The part of the vocabulary that running programs need: the operations of a map
 * type (Linux: include/linux/bpf_types.h). Freestanding; the rest is vocabulary.c.
 */
#include "object/map.h"

#define OPS_DONE(ops)	 extern const struct bpf_map_ops ops;
#define OPS_PARTIAL(ops) extern const struct bpf_map_ops ops;
#define OPS_ABSENT(ops)
#define MAP(value, name, since, state, ops, note) OPS_##state(ops)
#include "tables/maps.def"
#undef MAP
#undef OPS_DONE
#undef OPS_PARTIAL

#define OPS_DONE(value, ops)                                                                       \
	case value:                                                                                \
		return &ops;
#define OPS_PARTIAL(value, ops) OPS_DONE(value, ops)
#undef OPS_ABSENT
#define OPS_ABSENT(value, ops)

const struct bpf_map_ops *bpf_map_ops_of(u32 map_type)
{
	switch (map_type) {
#define MAP(value, name, since, state, ops, note) OPS_##state(value, ops)
#include "tables/maps.def"
#undef MAP
	}
	return NULL;
}
