/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hash table from a non-zero 64-bit key to a pointer (open addressing, control
 * side only). Used for inode -> object, type name hash -> id and the like.
 */
#ifndef SKEP_BASE_IDMAP_H
#define SKEP_BASE_IDMAP_H

#include "base/types.h"

struct idmap {
	struct idmap_slot {
		u64 key; /* 0: empty */
		void *value;
	} * slots;
	size_t n, cap; /* cap is 0 or a power of two */
};

int idmap_set(struct idmap *m, u64 key, void *value); /* replaces; 0 or -ENOMEM */
void *idmap_get(const struct idmap *m, u64 key);      /* NULL when absent */
void *idmap_del(struct idmap *m, u64 key);	      /* the old value or NULL */
void idmap_free(struct idmap *m);		      /* not what it points to */

#endif
