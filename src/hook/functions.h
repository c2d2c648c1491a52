/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rows of tables/functions.def, by enum function_row: what each kernel function is called and
 * how it is declared.
 */
#ifndef SKEP_HOOK_FUNCTIONS_H
#define SKEP_HOOK_FUNCTIONS_H

#include "base/version.h"

struct skep_system;

#define FUNCTION_ARGS_MAX 7

enum { FN_DECIDES = 1, FN_TEST = 2 };

struct function_info {
	const char *name;
	kver since, until; /* until 0: still so */
	u32 flags;
	const char *when; /* it is reached, for people; NULL: as the next row, of the same name */
	const char *ret;
	u32 nr_args;
	struct {
		const char *type, *name;
	} args[FUNCTION_ARGS_MAX];
};

/* NULL for __x64_sys_*, whose rows follow: long (const struct pt_regs *regs). */
const struct function_info *function_info(u32 row);

/* Whether @row is fired before the call is executed, so that programs can refuse it. */
static inline bool function_decides(u32 row)
{
	const struct function_info *f = function_info(row);

	return !f || f->flags & FN_DECIDES;
}

static inline bool function_visible(kver profile, const struct function_info *row)
{
	return visible(profile, row->since) && !(row->until && visible(profile, row->until));
}

/* The next name of the blacklist from *@index on, which moves; NULL at the end. */
const char *blacklisted_function(const struct skep_system *sys, u32 *index);
bool function_is_blacklisted(const struct skep_system *sys, const char *name);

#endif
