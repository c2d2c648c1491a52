/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program puts a socket into a map (Linux: sock_map_update_elem() of net/core/sock_map.c). Freestanding. */
#ifndef SKEP_OBJECT_SOCK_MAP_H
#define SKEP_OBJECT_SOCK_MAP_H

#include <linux/errno.h>

#include "object/map.h"

/* The socket of @cookie becomes element @key, as far as the programs of it and of the map agree. */
static inline long sock_map_put(struct bpf_map *map, const void *key, u64 cookie, bool tcp,
				u64 flags, struct bpf_run *run)
{
	u64 room[2] = { 0 };
	u64 args[] = {
		(u64)(uintptr_t)map, (u64)(uintptr_t)key, cookie, tcp, (u64)(uintptr_t)room, 0
	};
	long err = (long)run->platform->kernel_call(run, KERNEL_CALL_SOCK_RESERVE, args);
	void *old;

	/* Others: nobody keeps programs of sockets. */
	if (err == -EBUSY || err == -EOPNOTSUPP || err == -ENOMEM)
		return err;
	err = bpf_map_ops_of(map->map_type)
		      ->obj_update(map, key, (void *)(uintptr_t)cookie, flags, &old, run->platform);
	args[5] = (u64)err;
	run->platform->kernel_call(run, KERNEL_CALL_SOCK_LINK, args);
	return err;
}

#endif
