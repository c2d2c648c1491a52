/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u64 fail_at, count;
static bool fail_sticky;

static bool fails(void)
{
	u64 n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);

	return unlikely(fail_at) && (n == fail_at || (fail_sticky && n > fail_at));
}

void mem_fail_at(u64 n, bool sticky)
{
	count = 0;
	fail_at = n;
	fail_sticky = sticky;
}

u64 mem_count(void)
{
	return count;
}

void *mem_alloc(size_t size)
{
	return fails() ? NULL : malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
	return mem_calloc(1, size);
}

void *mem_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n ? n : 1, size ? size : 1);
}

void *mem_realloc(void *p, size_t size)
{
	return fails() ? NULL : realloc(p, size ? size : 1);
}

void *mem_realloc_array(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return mem_realloc(p, bytes);
}

void *mem_dup(const void *p, size_t size)
{
	void *q = mem_alloc(size);

	if (q && size)
		memcpy(q, p, size);
	return q;
}

char *mem_strdup(const char *s)
{
	return s ? mem_dup(s, strlen(s) + 1) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	s = mem_alloc((size_t)n + 1);
	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void mem_free(void *p)
{
	free(p);
}
