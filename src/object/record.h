/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The special fields of a struct that programs allocate, as the runtime reads them:
 * what to let go of before the memory goes (Linux: struct btf_record). Records lie in
 * the arena and live as long as the BTF object that they were made from; maps and
 * programs that use them hold that.
 */
#ifndef SKEP_OBJECT_RECORD_H
#define SKEP_OBJECT_RECORD_H

#include "object/map.h"

struct object_btf;
struct map_object;

struct bpf_record_field {
	u16 kind;   /* enum bpf_special_field */
	bool world; /* kptrs: to a world object, which nobody has to give back */
	u32 offset;
	u32 node_offset; /* roots: of the node in what they hold */
};

struct bpf_record {
	u32 size;		    /* of the struct */
	s32 refcount_off, lock_off; /* -1: none */
	u32 nr;
	struct bpf_record_field fields[BPF_MAP_FIELDS_MAX];
};

/* The record of struct @id; NULL in *out when it has no special field. 0 or -errno. */
int record_of_type(struct object_btf *btf, u32 id, const struct bpf_record **out);
/* Of the value of a map that has been given its fields: NULL when it holds no objects. */
int record_of_map(struct map_object *m, const struct bpf_record **out);
void btf_records_free(struct object_btf *btf);

#endif
