/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the storages have in common: values of things that have an identity of two words
 * (a task, an inode, a cgroup ...), as many as come. They are a hash table behind the map
 * that clients see, whose key (a descriptor) is not the table's.
 *
 *   struct bpf_map      what bpf(2) and programs know
 *   + STORAGE_EMPTY     an empty value, to make others from
 *   behind it           struct bpf_htab, a map of its own with keys of two words
 */
#ifndef SKEP_MAP_STORAGE_H
#define SKEP_MAP_STORAGE_H

#include "map/htab.h"

#define STORAGE_EMPTY 4096
#define STORAGE_KEY   16

extern const struct bpf_map_ops htab_map_ops, htab_percpu_map_ops;

/* The layout for values of @value_size bytes; @percpu: one for each CPU. 0 or -errno. */
int storage_layout(const struct bpf_map_params *p, bool percpu, struct bpf_map_layout *layout);
int storage_init(struct bpf_map *map, bool percpu, const struct skep_platform *platform);
/* The table, which knows the fields of the values from here on. */
struct bpf_map *storage_table(struct bpf_map *map);
/* The value of @owner that a run on its CPU sees; @create: made (from @value; NULL: zeros). NULL. */
void *storage_get(struct bpf_map *map, const u64 *owner, const void *value, bool create,
		  struct bpf_run *run);
long storage_for_each(struct bpf_map *map,
		      long (*fn)(struct bpf_map *map, const void *key, void *value, void *arg),
		      void *arg, struct bpf_run *run);
const char *storage_check(struct bpf_map *map);

#endif
