/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps each of whose elements is one word that stands for a thing of the kernel: a device, a
 * CPU, a socket. 0 is no element. A word is replaced by one instruction, so there is no lock
 * and nothing to repair. Arrays here; hashes are tables of htab.h.
 */
#ifndef SKEP_MAP_WORDS_H
#define SKEP_MAP_WORDS_H

#include <linux/errno.h>

#include "object/arena.h"
#include "object/map.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define FD_MAP_FLAGS (BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY)

struct word_array {
	struct bpf_map map;
	u64 word[] __attribute__((aligned(64)));
};

/* The word at @key; NULL: beyond the end. */
static inline u64 *word_at(const struct bpf_map *map, const void *key)
{
	u32 index = *(const rt_u32 *)key;

	return index < map->max_entries ? &((struct word_array *)map)->word[index] : NULL;
}

/* What bpf(2) sees of a word: all of it, or the lower half. */
static inline void word_copy(const struct bpf_map *map, void *value, u64 word)
{
	if (map->value_size == sizeof(u64))
		*(rt_u64 *)value = word;
	else
		*(rt_u32 *)value = (u32)word;
}

/* Linux says @charge plus a pointer for each element. */
static inline int words_layout(const union bpf_attr *attr, u64 charge,
			       struct bpf_map_layout *layout)
{
	u64 size = sizeof(struct word_array) + (u64)attr->max_entries * sizeof(u64);

	*layout = (struct bpf_map_layout){ .reserve = round_up(size, 4096UL),
					   .backed = round_up(size, 4096UL),
					   .charge = charge + (u64)attr->max_entries * 8 };
	return 0;
}

/* Each index is a key, whether something is there or not. */
static inline int words_next_key(struct bpf_map *map, const void *key, void *next)
{
	u32 index = key ? *(const rt_u32 *)key : map->max_entries;

	if (index == map->max_entries - 1)
		return -ENOENT;
	*(rt_u32 *)next = index >= map->max_entries ? 0 : index + 1;
	return 0;
}

/* ---- hashes: hashtab.c ---- */

/* The table's layout for the map that @p asks for, whose own flags are not the table's. */
int htab_words_layout(const struct bpf_map_params *p, struct bpf_map_layout *layout);
int htab_words_init(struct bpf_map *map, const struct skep_platform *platform);
u64 *htab_words_lookup(struct bpf_map *map, const void *key); /* NULL */
int htab_words_update(struct bpf_map *map, const void *key, u64 word, u64 flags, u64 *old,
		      const struct skep_platform *platform);
int htab_words_delete(struct bpf_map *map, const void *key, u64 *old,
		      const struct skep_platform *platform);
int htab_words_next_key(struct bpf_map *map, const void *key, void *next);
u64 htab_words_count(const struct bpf_map *map);
const char *htab_words_check(struct bpf_map *map);

#endif
