/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel releases as one comparable number. A *profile* is the release whose
 * behaviour a system shows; tables give for every row the release that
 * introduced it. visible() is the only place that compares the two. Of some rows a
 * recording of the kernel itself may say more than its release: row_visible().
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

/* Rows that can be probed on a running kernel (bpftool feature probe). */
enum row_kind {
	ROW_PROG,   /* program type .id */
	ROW_MAP,    /* map type .id */
	ROW_HELPER, /* helper .id for program type .prog */
	ROW_MISC,   /* enum row_misc .id */
};

enum row_misc {
	ROW_LARGE_PROGRAMS, /* more than 4096 instructions */
	ROW_BOUNDED_LOOPS,
	ROW_ISA_V2,
	ROW_ISA_V3,
	ROW_ISA_V4,
	ROW_MISC_MAX,
};

struct kernel_row {
	enum row_kind kind;
	u32 id, prog;
	kver since;
};

/*
 * What a recording says: bit set in .seen: it tells of the row; in .has: the kernel has it.
 * Vendors backport: this overrides the release in both directions.
 */
#define PROBED_PROGS   64
#define PROBED_MAPS    64
#define PROBED_HELPERS 256
struct probes {
	struct probed_set {
		u64 progs, maps, misc;
		u64 helpers[PROBED_PROGS][PROBED_HELPERS / 64];
	} seen, has;
};

/* The kernel that a system behaves as. */
struct profile {
	kver release;		     /* what it is, or is nearest to */
	const struct probes *probes; /* NULL: the release as it is */
};
#define PROFILE(since) (&(const struct profile){ .release = (since) })

bool row_visible(const struct profile *profile, struct kernel_row row);
/* The release that has the instruction set of @profile. */
kver profile_isa(const struct profile *profile);

/*
 * Parses "6.1", "v6.12" or "6.1.0-13-amd64" (only major.minor count).
 * Returns 0, or -EINVAL with *out untouched.
 */
int kver_parse(const char *text, kver *out);

#endif
