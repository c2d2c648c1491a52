/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Layout of an arena map: memory that programs and user space share at one address (Linux:
 * kernel/bpf/arena.c). Programs use the lower half of a user address: page i of the client's
 * file is at user_start + i * 4096 for user space, and at window + the lower half of that for
 * programs. So any pointer of 32 bits, with any offset of an instruction, stays in the map's own
 * segment, guards included; what is no page of the client's there is other memory of nobody.
 * DIFF(arena): what a program stores in a page that is not allocated stays until it is.
 */
#ifndef SKEP_OBJECT_MAP_ARENA_H
#define SKEP_OBJECT_MAP_ARENA_H

#include "object/map.h"

#define ARENA_MAP_PAGE	 4096ULL
#define ARENA_MAP_WINDOW (1ULL << 32)
#define ARENA_MAP_GUARD	 (64ULL << 10) /* more than any offset of an instruction */

struct bpf_arena_map {
	struct bpf_map
		map; /* .lock guards the bits; .client is in the window once there is a user_start */
	u64 user_start, user_end; /* 0: not known before the first mmap() */
	u8 *window;		  /* where lower half 0 is */
	u32 words;		  /* of each of these */
	/*
	 * A bit for each page that is allocated; behind these, as many for pages that were: a
	 * program that still looks at such a page gives it memory, which is not user space's then.
	 */
	u64 used[];
};

#endif
