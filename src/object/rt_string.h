/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Copying in the runtime: inline code for the few bytes of keys and values, where a
 * call would cost more than the copy. Whole words are read and written as such.
 */
#ifndef SKEP_OBJECT_RT_STRING_H
#define SKEP_OBJECT_RT_STRING_H

#include "base/types.h"

/* A word at any address, aliasing anything. */
typedef u64 __attribute__((may_alias, aligned(1))) rt_u64;
typedef u32 __attribute__((may_alias, aligned(1))) rt_u32;
typedef u16 __attribute__((may_alias, aligned(1))) rt_u16;

/* What the compiler calls when the runtime stands alone (tools/check-runtime.sh). */
void *rt_memcpy(void *dst, const void *src, size_t n);
void *rt_memmove(void *dst, const void *src, size_t n);
void *rt_memset(void *dst, int c, size_t n);
int rt_memcmp(const void *a, const void *b, size_t n);

static inline void rt_copy(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if (n > 256) {
		__builtin_memcpy(d, s, n);
		return;
	}
	for (; n >= 8; n -= 8, d += 8, s += 8)
		*(rt_u64 *)d = *(const rt_u64 *)s;
	if (n & 4) {
		*(rt_u32 *)d = *(const rt_u32 *)s;
		d += 4, s += 4;
	}
	if (n & 2) {
		*(rt_u16 *)d = *(const rt_u16 *)s;
		d += 2, s += 2;
	}
	if (n & 1)
		*d = *s;
}

static inline void rt_zero(void *dst, size_t n)
{
	u8 *d = dst;

	if (n > 256) {
		__builtin_memset(d, 0, n);
		return;
	}
	for (; n >= 8; n -= 8, d += 8)
		*(rt_u64 *)d = 0;
	for (; n; n--)
		*d++ = 0;
}

static inline bool rt_equal(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n >= 8; n -= 8, p += 8, q += 8)
		if (*(const rt_u64 *)p != *(const rt_u64 *)q)
			return false;
	if (n & 4) {
		if (*(const rt_u32 *)p != *(const rt_u32 *)q)
			return false;
		p += 4, q += 4;
	}
	if (n & 2) {
		if (*(const rt_u16 *)p != *(const rt_u16 *)q)
			return false;
		p += 2, q += 2;
	}
	return !(n & 1) || *p == *q;
}

#endif
