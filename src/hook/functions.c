/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The rows of tables/functions.def as data. */
#include "hook/functions.h"

#include "hook/points.h"

#define NR_STRINGS(...) (sizeof((const char *const[]){ NULL, ##__VA_ARGS__ }) / sizeof(char *) - 1)

/* .args is written flat: type, name, type, name. */
#pragma GCC diagnostic ignored "-Wmissing-braces"
static const struct function_info rows[FUNC_NAMED] = {
#define FUNCTION(id, name_, since_, until_, flags_, when_, ret_, ...)                              \
	[FUNC_##id] = { .name = #name_,                                                            \
			.since = since_,                                                           \
			.until = until_,                                                           \
			.flags = flags_,                                                           \
			.when = when_,                                                             \
			.ret = ret_,                                                               \
			.nr_args = NR_STRINGS(__VA_ARGS__) / 2,                                    \
			.args = { __VA_ARGS__ } },
#include "tables/functions.def"
#undef FUNCTION
};

const struct function_info *function_info(u32 row)
{
	return row < FUNC_NAMED ? &rows[row] : NULL;
}
