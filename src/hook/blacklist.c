/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions that nobody may probe (Linux: NOKPROBE_SYMBOL(), kernel/kprobes.c). */
#include <string.h>

#include "hook/functions.h"
#include "object/system.h"

static const struct {
	const char *name;
	kver since;
} rows[] = {
#define NOKPROBE(function, version) { #function, version },
#include "tables/blacklist.def"
#undef NOKPROBE
};

const char *blacklisted_function(const struct skep_system *sys, u32 *index)
{
	while (*index < ARRAY_SIZE(rows)) {
		u32 i = (*index)++;

		if (visible(sys->profile, rows[i].since))
			return rows[i].name;
	}
	return NULL;
}

bool function_is_blacklisted(const struct skep_system *sys, const char *name)
{
	const char *other;
	u32 i = 0;

	while ((other = blacklisted_function(sys, &i)))
		if (!strcmp(name, other))
			return true;
	return false;
}
