/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Structures of functions that programs implement (Linux: struct bpf_struct_ops_map and
 * struct bpf_struct_ops of kernel/bpf/bpf_struct_ops.c). What can be implemented is in
 * tables/struct_ops.def; the layout comes from the kernel's BTF.
 */
#ifndef SKEP_OBJECT_STRUCT_OPS_H
#define SKEP_OBJECT_STRUCT_OPS_H

#include "object/object.h"

#define STRUCT_OPS_MEMBERS_MAX 64

enum struct_ops_id {
#define STRUCT_OPS(name, ...) STRUCT_OPS_##name,
#define STRUCT_OPS_COPY(...)
#define STRUCT_OPS_NEED(...)
#define STRUCT_OPS_REFUSE(...)
#define STRUCT_OPS_SLEEP(...)
#define STRUCT_OPS_WRITE(...)
#include "tables/struct_ops.def"
#undef STRUCT_OPS
#undef STRUCT_OPS_COPY
#undef STRUCT_OPS_NEED
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
#undef STRUCT_OPS_WRITE
	STRUCT_OPS_NR,
};

struct struct_ops_row {
	const char *name;
	kver since;
	bool absent;
	bool replaces; /* a link can go over to another map */
};

/* Row of the structure, or NULL: the kernel lets nobody implement it. */
const struct struct_ops_row *struct_ops_find(const char *name, kver profile);
enum struct_ops_id struct_ops_number(const struct struct_ops_row *row);
bool struct_ops_replaces(enum struct_ops_id id);
/* Whether a program can be that member; whether such a program may sleep. */
bool struct_ops_member_ok(enum struct_ops_id id, const char *member, kver profile);
bool struct_ops_member_sleeps(enum struct_ops_id id, const char *member);

/* As in the values that bpf(2) shows. */
enum struct_ops_state {
	BPF_STRUCT_OPS_STATE_INIT,
	BPF_STRUCT_OPS_STATE_INUSE,
	BPF_STRUCT_OPS_STATE_TOBEFREE,
	BPF_STRUCT_OPS_STATE_READY,
};

struct bpf_struct_ops_map {
	struct bpf_map map;
	u32 state;    /* enum struct_ops_state */
	u32 id;	      /* enum struct_ops_id */
	u32 data_off; /* of the structure in the value */
	u32 nr_members;
	u32 linked; /* links that have registered it */
	u32 pad;
	const struct bpf_prog *progs[STRUCT_OPS_MEMBERS_MAX]; /* by member; referenced */
	u8 value[];					      /* as bpf(2) shows it */
};

static inline struct bpf_struct_ops_map *to_struct_ops(const struct bpf_map *map)
{
	return (struct bpf_struct_ops_map *)map;
}

/* Whether somebody who looks for an implementation finds it. */
static inline bool struct_ops_registered(const struct bpf_struct_ops_map *s)
{
	return READ_ONCE(s->state) == BPF_STRUCT_OPS_STATE_INUSE || READ_ONCE(s->linked);
}

/*
 * Calls member @member with @n arguments, and gives its result; the slot is held. Without
 * such a program 0. Freestanding.
 */
u64 struct_ops_call(const struct bpf_struct_ops_map *s, u32 member, const u64 *args, u32 n,
		    struct bpf_run *run);

/* Gives the programs back. */
void struct_ops_put_progs(struct map_object *m);
/* Number of member @name of the map's structure, or -ENOENT. */
int struct_ops_member(struct skep_system *sys, const struct bpf_struct_ops_map *s,
		      const char *name);
/* What is registered as congestion control @name; borrowed. sys->lock is held. */
struct map_object *struct_ops_find_tcp(struct skep_system *sys, const char *name);

#endif
