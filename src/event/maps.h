/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Mappings of an address space, as /proc/TID/maps lists them, by address. */
#ifndef SKEP_EVENT_MAPS_H
#define SKEP_EVENT_MAPS_H

#include "base/vec.h"
#include "world/task.h"

enum { VMA_R = 1, VMA_W = 2, VMA_X = 4, VMA_SHARE = 8, VMA_HEAP = 16, VMA_STACK = 32 };

struct mapping {
	u64 start, end;
	u64 offset; /* of .start in the file, bytes */
	u64 dev;    /* major << 32 | minor, as the list has it */
	u64 ino;    /* 0: no file */
	u32 flags;
};

struct maps {
	VEC(struct mapping) map;
};

/* Reads the list of @t's process into @m, which is zeroed or was read before. 0 or -errno. */
int maps_read(struct task *t, struct maps *m);
void maps_free(struct maps *m);
const struct mapping *maps_find(const struct maps *m, u64 addr); /* NULL: none there */
/*
 * Device and inode that such lists give for the file @path, which stat() may number
 * otherwise (overlays, btrfs). @dev, @ino: what stat() said; -ESTALE: it is another file now.
 */
int maps_identity(const char *path, u64 dev, u64 ino, u64 *map_dev, u64 *map_ino);
/* An unused page from which everything in [@from, @to) is within 2 GiB; 0: none. */
u64 maps_room_near(const struct maps *m, u64 from, u64 to);

#endif
