/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel releases as one comparable number. A *profile* is the release whose
 * behaviour a system shows; tables give for every row the release that
 * introduced it. visible() is the only place that compares the two.
 */
#ifndef SKEP_BASE_VERSION_H
#define SKEP_BASE_VERSION_H

#include "base/types.h"

typedef u16 kver; /* major << 8 | minor; 0: never (no release has it) */

#define KVER(major, minor) ((kver)(((major) << 8) | (minor)))
#define KVER_MAJOR(v)	   ((v) >> 8)
#define KVER_MINOR(v)	   ((v)&0xff)
#define KVER_NEWEST	   KVER(7, 2)

/* Whether a row that first appeared in @since exists for @profile. */
static inline bool visible(kver profile, kver since)
{
	return since && since <= profile;
}

/*
 * Parses "6.1", "v6.12" or "6.1.0-13-amd64" (only major.minor count).
 * Returns 0, or -EINVAL with *out untouched.
 */
int kver_parse(const char *text, kver *out);

#endif
