/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Allocation of the control side (never the runtime, which has no malloc). All
 * of it goes through here so that tests can make the n-th allocation fail.
 */
#ifndef SKEP_BASE_MEM_H
#define SKEP_BASE_MEM_H

#include "base/types.h"

void *mem_alloc(size_t size);		 /* NULL when out of memory */
void *mem_zalloc(size_t size);		 /* zeroed */
void *mem_calloc(size_t n, size_t size); /* zeroed; NULL on overflow too */
void *mem_realloc(void *p, size_t size); /* @p stays valid on NULL */
void *mem_realloc_array(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *p); /* NULL is fine */

/*
 * Test hook: the @n-th allocation from now (1 = the next) and, with @sticky, all
 * later ones return NULL. 0 switches it off. The counter is the one piece of
 * process-wide state of the library: it exists for fault injection only.
 */
void mem_fail_at(u64 n, bool sticky);
/* Allocations made since the last mem_fail_at() call. */
u64 mem_count(void);

#endif
