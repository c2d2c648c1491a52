/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The vocabularies' rows as the public interface shows them. */
#include <errno.h>

#include "object/system.h"
#include "object/vocabulary.h"
#include "skep/skep.h"

int skep_feature_get(unsigned int index, struct skep_feature *out)
{
	for (u32 v = 0; v < VOCABULARIES; v++) {
		u32 n;
		const struct vocabulary_row *rows = vocabulary_rows(v, &n), *r;

		if (index >= n) {
			index -= n;
			continue;
		}
		r = &rows[index];
		out->vocabulary = vocabulary_title(v);
		out->name = r->name;
		out->value = r->value;
		out->since_major = KVER_MAJOR(r->since);
		out->since_minor = KVER_MINOR(r->since);
		out->state = feature_state_name(r->state);
		out->note = r->note ?: "";
		return 0;
	}
	return -ENOENT;
}

void skep_kernel_release(const struct skep_system *sys, unsigned int *major, unsigned int *minor)
{
	*major = KVER_MAJOR(sys->profile);
	*minor = KVER_MINOR(sys->profile);
}
