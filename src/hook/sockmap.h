/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Links of programs to maps of sockets (Linux: struct sockmap_link of net/core/sock_map.c). */
#ifndef SKEP_HOOK_SOCKMAP_H
#define SKEP_HOOK_SOCKMAP_H

#include "hook/hook.h"

/* Takes references of its own; sys->lock is held. NULL with *err. */
struct link_object *link_attach_sockmap(struct map_object *m, struct prog_object *prog,
					u32 attach_type, int *err);

#endif
