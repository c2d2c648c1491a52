/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Fixed-width names, bit and atomic shorthands that the whole tree uses, spelled
 * as in Linux (include/linux/{types,kernel,compiler}.h). Freestanding: includes
 * only compiler headers, so that the runtime may use it.
 */
#ifndef SKEP_BASE_TYPES_H
#define SKEP_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_SIZE(a)		      (sizeof(a) / sizeof((a)[0]))
#define BIT(n)			      (1U << (n))
#define BIT_ULL(n)		      (1ULL << (n))
#define likely(x)		      __builtin_expect(!!(x), 1)
#define unlikely(x)		      __builtin_expect(!!(x), 0)
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define sizeof_field(type, member)    sizeof(((type *)0)->member)
#define offsetofend(type, member)     (offsetof(type, member) + sizeof_field(type, member))

/* Arguments are evaluated once; both sides must have one type. */
#define min(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _min_a = (a);                                                        \
		__typeof__(b) _min_b = (b);                                                        \
		_min_a < _min_b ? _min_a : _min_b;                                                 \
	})
#define max(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _max_a = (a);                                                        \
		__typeof__(b) _max_b = (b);                                                        \
		_max_a > _max_b ? _max_a : _max_b;                                                 \
	})
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))

/* n is a power of two. */
#define round_up(x, n)	 ((((x)-1) | ((__typeof__(x))(n)-1)) + 1)
#define round_down(x, n) ((x) & ~((__typeof__(x))(n)-1))
#define is_power_of_2(n) ((n) != 0 && (((n) & ((n)-1)) == 0))

#define READ_ONCE(x)	    (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)    (*(volatile __typeof__(x) *)&(x) = (v))
#define load_acquire(p)	    __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#endif
