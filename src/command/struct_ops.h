/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps of type STRUCT_OPS beyond what their operations do, and their links: see struct_ops.c. */
#ifndef SKEP_COMMAND_STRUCT_OPS_H
#define SKEP_COMMAND_STRUCT_OPS_H

#include "command/command.h"
#include "object/link.h"
#include "object/struct_ops.h"

/* MAP_CREATE: what the value's type says of the map. 0 or -errno. */
int struct_ops_map_start(struct map_object *m, const union bpf_attr *attr);
int struct_ops_map_update(struct map_object *m, const void *key, const void *value, u64 flags);
int struct_ops_map_delete(struct map_object *m, const void *key);
int struct_ops_map_lookup(struct map_object *m, const void *key, void *value);
/* LINK_CREATE with BPF_STRUCT_OPS; LINK_UPDATE of such a link. */
struct link_object *attach_struct_ops(struct call *c, int *err);
bool link_is_struct_ops(const struct link_object *l);
int struct_ops_link_update(struct call *c, struct link_object *link);
/* The system ends: what is registered is given up. sys->lock is held. */
void struct_ops_stop(struct skep_system *sys);

#endif
