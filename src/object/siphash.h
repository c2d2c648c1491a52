/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson, Bernstein) of whole words (Linux: lib/siphash.c), and what it hides: the
 * addresses that text shows (lib/vsprintf.c, ptr_to_hashval()). Freestanding.
 */
#ifndef SKEP_OBJECT_SIPHASH_H
#define SKEP_OBJECT_SIPHASH_H

#include "object/arena.h"

static inline u64 sip_rotate(u64 v, u32 by)
{
	return v << by | v >> (64 - by);
}

static inline void sip_rounds(u64 v[4], u32 n)
{
	while (n--) {
		v[0] += v[1], v[1] = sip_rotate(v[1], 13) ^ v[0], v[0] = sip_rotate(v[0], 32);
		v[2] += v[3], v[3] = sip_rotate(v[3], 16) ^ v[2];
		v[0] += v[3], v[3] = sip_rotate(v[3], 21) ^ v[0];
		v[2] += v[1], v[1] = sip_rotate(v[1], 17) ^ v[2], v[2] = sip_rotate(v[2], 32);
	}
}

static inline u64 siphash(const u64 key[2], const u64 *words, u32 n)
{
	u64 v[4] = { key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
		     key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL };
	u64 last = (u64)(n * 8) << 56;

	for (u32 i = 0; i <= n; i++) {
		u64 word = i < n ? words[i] : last;

		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* What "%p" shows for @v: no address but for those that are none (NULL, errors). */
static inline u64 pointer_shown(const struct arena *arena, u64 v)
{
	return !v || v >= (u64)-4095 ? v : (u32)siphash(arena->pointer_secret, &v, 1);
}

#endif
