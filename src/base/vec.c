/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/vec.h"

#include <errno.h>

int vec_grow_raw(void **v, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap ? *cap : 8;
	void *p;

	while (n < want) {
		if (n > SIZE_MAX / 2)
			return -ENOMEM;
		n *= 2;
	}
	p = mem_realloc_array(*v, n, size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = n;
	return 0;
}
