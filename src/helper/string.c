/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Numbers in strings, and comparison (Linux: kernel/bpf/helpers.c, lib/kstrtox.c). */
#include "helper/helper.h"

#define STRTOX_BASE_MASK 0x1f

static bool is_space(u8 c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0;
}

static u32 digit(u8 c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	c |= 32;
	return c >= 'a' && c <= 'f' ? (u32)(c - 'a' + 10) : 16;
}

/* Characters consumed, or -errno. Only 63 characters behind the sign count, as in Linux. */
static long parse_u64(const u8 *s, u32 len, u64 flags, u64 *res, bool *negative)
{
	u32 base = flags & STRTOX_BASE_MASK, at = 0, end, first;
	bool overflow = false;
	u64 v = 0;

	if (!len || (base != 0 && base != 8 && base != 10 && base != 16) ||
	    flags & ~(u64)STRTOX_BASE_MASK)
		return -EINVAL;
	while (at < len && is_space(s[at]))
		at++;
	*negative = at < len && s[at] == '-';
	at += *negative;
	if (at == len)
		return -EINVAL;
	end = min_t(u32, len, at + 63);
#define AT(i) ((i) < end ? s[i] : 0)
	if (!base) {
		base = 10;
		if (AT(at) == '0')
			base = (AT(at + 1) | 32) == 'x' && digit(AT(at + 2)) < 16 ? 16 : 8;
	}
	if (base == 16 && AT(at) == '0' && (AT(at + 1) | 32) == 'x')
		at += 2;
	for (first = at; digit(AT(at)) < base; at++) {
		u64 d = digit(AT(at));

		overflow |= __builtin_mul_overflow(v, base, &v);
		overflow |= __builtin_add_overflow(v, d, &v);
	}
#undef AT
	if (overflow)
		return -ERANGE;
	if (at == first)
		return -EINVAL;
	*res = v;
	return at;
}

BPF_HELPER(strtoul)
{
	u64 *res = PTR(r4), v;
	bool negative;
	long n;

	*res = 0;
	n = parse_u64(PTR(r1), (u32)r2, r3, &v, &negative);
	if (n < 0)
		return (u64)n;
	if (negative)
		return ERR(EINVAL);
	*res = v;
	return (u64)n;
}

BPF_HELPER(strtol)
{
	u64 *res = PTR(r4), v;
	bool negative;
	long n;

	*res = 0;
	n = parse_u64(PTR(r1), (u32)r2, r3, &v, &negative);
	if (n < 0)
		return (u64)n;
	if (negative ? (s64)(0 - v) > 0 : (s64)v < 0)
		return ERR(ERANGE);
	*res = negative ? 0 - v : v;
	return (u64)n;
}

BPF_HELPER(strncmp)
{
	const u8 *a = PTR(r1), *b = PTR(r3);

	for (u32 i = 0; i < (u32)r2; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? (u64)-1 : 1;
		if (!a[i])
			break;
	}
	return 0;
}
