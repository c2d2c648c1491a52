/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The four functions that compilers call on their own account, for the runtime
 * without libc: tools/check-runtime.sh links memcpy and the others to these. In
 * libskep itself the names stay libc's (which has faster ones).
 */
#include "object/rt_string.h"

void *rt_memcpy(void *dst, const void *src, size_t n)
{
	void *ret = dst;

#ifdef __x86_64__
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n)::"memory");
#else
	u8 *d = dst;
	const u8 *s = src;

	while (n--)
		*d++ = *s++;
#endif
	return ret;
}

void *rt_memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if (d == s || !n)
		return dst;
	if (d < s || d >= s + n)
		return rt_memcpy(dst, src, n);
	while (n--) {
		d[n] = s[n];
		__asm__ volatile("" ::: "memory"); /* or it becomes a call of memmove */
	}
	return dst;
}

void *rt_memset(void *dst, int c, size_t n)
{
	void *ret = dst;

#ifdef __x86_64__
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(c) : "memory");
#else
	u8 *d = dst;

	while (n--) {
		*d++ = (u8)c;
		__asm__ volatile("" ::: "memory");
	}
#endif
	return ret;
}

int rt_memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	return 0;
}
