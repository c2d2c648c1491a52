/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071, RFC 1624). Sums are kept unfolded in 32 bits, as
 * programs see them; which of the two forms of zero a sum has (0 or all ones) is
 * what Linux's x86 code yields: all ones unless everything added was zero.
 */
#ifndef SKEP_OBJECT_CSUM_H
#define SKEP_OBJECT_CSUM_H

#include "object/rt_string.h"

static inline u32 csum_add(u32 a, u32 b)
{
	u32 sum = a + b;

	return sum + (sum < b);
}

static inline u32 csum_sub(u32 a, u32 b)
{
	return csum_add(a, ~b);
}

/* @n bytes from @p, added to @sum. The bytes behind an odd end count as zero. */
static inline u32 csum_partial(const void *p, size_t n, u32 sum)
{
	const u8 *at = p;
	u64 acc = sum, word;

	for (; n >= 8; n -= 8, at += 8) {
		word = *(const rt_u64 *)at;
		acc += word;
		acc += acc < word;
	}
	if (n) {
		word = 0;
		rt_copy(&word, at, n);
		acc += word;
		acc += acc < word;
	}
	return csum_add((u32)(acc >> 32), (u32)acc);
}

static inline u16 csum_fold16(u32 sum)
{
	sum += sum >> 16 | sum << 16;
	return (u16)(sum >> 16);
}

/* The value for a header field. */
static inline u16 csum_fold(u32 sum)
{
	return (u16)~csum_fold16(sum);
}

/* The sum of a block that begins at @offset of what is summed. */
static inline u32 csum_shift(u32 sum, size_t offset)
{
	return offset & 1 ? sum >> 8 | sum << 24 : sum;
}

static inline u16 csum16_add(u16 a, u16 b)
{
	u16 sum = (u16)(a + b);

	return (u16)(sum + (sum < b));
}

static inline void csum_replace2(rt_u16 *field, u16 from, u16 to)
{
	*field = (u16)~csum16_add(csum16_add((u16) ~*field, (u16)~from), to);
}

static inline void csum_replace4(rt_u16 *field, u32 from, u32 to)
{
	*field = csum_fold(csum_add(csum_sub((u32) ~(u32)*field, from), to));
}

static inline void csum_replace_by_diff(rt_u16 *field, u32 diff)
{
	*field = csum_fold(csum_add(diff, (u32) ~(u32)*field));
}

#endif
