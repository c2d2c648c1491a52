/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Hashing of keys and values: multiply and fold (as wyhash does), seeded for each map. */
#ifndef SKEP_MAP_HASH_H
#define SKEP_MAP_HASH_H

#include "object/rt_string.h"

static inline u64 hash_mix(u64 a, u64 b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (u64)m ^ (u64)(m >> 64);
}

/* @seed: two words, the second odd. Inlined by size where that is a constant. */
static inline __attribute__((always_inline)) u64 hash_bytes(const u64 *seed, const u8 *p, u32 size)
{
	u64 x;

	if (size == 4)
		return hash_mix(*(const rt_u32 *)p ^ seed[0], seed[1]);
	if (size == 8)
		return hash_mix(*(const rt_u64 *)p ^ seed[0], seed[1]);
	for (x = seed[0] ^ size; size >= 8; size -= 8, p += 8)
		x = hash_mix(x ^ *(const rt_u64 *)p, seed[1]);
	if (size) {
		u64 tail = 0;

		rt_copy(&tail, p, size);
		x = hash_mix(x ^ tail, seed[1]);
	}
	return hash_mix(x, 0x9e3779b97f4a7c15ULL ^ seed[1]);
}

#endif
