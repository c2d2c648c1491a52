/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files about maps share. */
#ifndef SKEP_COMMAND_MAP_H
#define SKEP_COMMAND_MAP_H

#include "command/command.h"

bool map_is_fd_array(u32 type); /* array whose elements are given by descriptor */
bool map_is_map_in_map(u32 type);
bool map_is_percpu(u32 type);
/* Whether the profile's kernel has the type. */
bool map_type_visible(const struct profile *profile, u32 type);
/* Checks key and value against the BTF of the attribute and finds special fields. */
int map_set_btf(struct map_object *m, const struct bpf_map_ops *ops, const union bpf_attr *attr,
		u32 caps);
/* Bytes of a value as bpf(2) passes it. */
/* @flags: of the operation; with BPF_F_CPU or BPF_F_ALL_CPUS a per-CPU map's is one value. */
u32 map_user_value_size(const struct bpf_map *map, u64 flags);
/* What Linux 7.0 asks of flags before the map's type does, and what was asked before then. 0 or -errno. */
int map_check_op_flags(const struct map_object *m, u64 flags, u32 allowed);
/* Whether @p may use @m, a map of programs, or be in it; the first one decides for the rest. */
bool prog_map_fits(struct map_object *m, const struct prog_object *p);
bool prog_map_compatible(struct map_object *m, const struct prog_object *p);

/*
 * User space has, or will have, the arena's pages at @start: programs get them in the window.
 * 0 or -errno. In perf.c, with the other mappings.
 */
struct bpf_arena_map;
int arena_map_place(struct bpf_arena_map *a, u64 start);
void arenas_find(struct skep_system *sys); /* where the caller has mapped those it made */

/* Around every write by bpf(2); false: the map is frozen (-EPERM). */
bool map_write_begin(struct bpf_map *map);
void map_write_end(struct bpf_map *map);
/* Maps of devices, CPUs and sockets (map_thing.c): a value names one. */
bool map_is_of_things(u32 type);
int map_thing_update(struct map_object *m, const void *key, const void *value, u64 flags);
/* Element operations on kernel-side copies of key and value. */
int map_elem_lookup(struct map_object *m, const void *key, void *value, u64 flags);
int map_elem_update(struct map_object *m, const void *key, const void *value, u64 flags);
int map_elem_delete(struct map_object *m, const void *key);
int map_elem_next_key(struct map_object *m, const void *key, void *next);
int map_elem_lookup_and_delete(struct map_object *m, const void *key, void *value, u64 flags);

#endif
