/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Growable array. VEC(T) declares the type; a zeroed one is empty. Growth
 * doubles; a failed growth leaves the vector as it was.
 */
#ifndef SKEP_BASE_VEC_H
#define SKEP_BASE_VEC_H

#include "base/mem.h"

#define VEC(T)                                                                                     \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n, cap;                                                                     \
	}

int vec_grow_raw(void **v, size_t *cap, size_t want, size_t size); /* 0 or -ENOMEM */

/* Makes room for @want elements in all. 0 or -ENOMEM. */
#define vec_reserve(vec, want)                                                                     \
	((want) <= (vec)->cap ?                                                                    \
		 0 :                                                                               \
		 vec_grow_raw((void **)&(vec)->v, &(vec)->cap, (want), sizeof(*(vec)->v)))
/* Appends a copy of @x. 0 or -ENOMEM. */
#define vec_push(vec, x)                                                                           \
	({                                                                                         \
		int _vec_err = vec_reserve((vec), (vec)->n + 1);                                   \
		if (!_vec_err)                                                                     \
			(vec)->v[(vec)->n++] = (x);                                                \
		_vec_err;                                                                          \
	})
#define vec_pop(vec) ((vec)->v[--(vec)->n])
#define vec_free(vec)                                                                              \
	do {                                                                                       \
		mem_free((vec)->v);                                                                \
		(vec)->v = NULL;                                                                   \
		(vec)->n = (vec)->cap = 0;                                                         \
	} while (0)

#endif
