/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where the verifier's work on one program went, by source line; kept in the system for
 * skep_last_work(). Linux only has the totals (print_verification_stats()).
 */
#ifndef SKEP_OBJECT_WORK_H
#define SKEP_OBJECT_WORK_H

#include "base/types.h"

struct work_line {
	const char *file, *source; /* NULL: no line info; then the row is of one instruction */
	u32 line;
	u32 insn; /* the first one of the line */
	u64 processed, states;
};

/* One block of memory, strings included. */
struct work {
	u64 processed, states;
	u32 nr;
	struct work_line line[]; /* the most instructions first */
};

#endif
