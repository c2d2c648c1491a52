/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What rows of tables/functions.def say of when a function is reached, and the paths that reach it. */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "event/function.h"
#include "hook/functions.h"

/* What people call a system call: not newstat. */
static const char *call_name(u32 row)
{
	const char *name = syscall_name(row);

	if (!strncmp(name, "new", 3) && strcmp(name, "newfstatat"))
		name += 3;
	return name;
}

static bool names(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || !strchr("_abcdefghijklmnopqrstuvwxyz", at[-1])) &&
		    !strspn(at + n, "_abcdefghijklmnopqrstuvwxyz0123456789"))
			return true;
	return false;
}

static const char *when_of(u32 row)
{
	const char *name = function_info(row)->name;

	while (!function_info(row)->when) {
		row++;
		assert_true(row < FUNC_NAMED);
		assert_string_equal(function_info(row)->name, name);
	}
	return function_info(row)->when;
}

static void test_calls_are_named(void **state)
{
	for (u32 row = 0; row < FUNC_NAMED; row++) {
		u32 reached = 0;

		for (u32 i = 0; i < SYSCALL_ROWS; i++) {
			if (!function_reached(syscall_number(i), row))
				continue;
			reached++;
			if (!names(when_of(row), call_name(i)))
				fail_msg("%s is reached by %s: \"%s\"", function_info(row)->name,
					 call_name(i), when_of(row));
		}
		if (reached == !!(function_info(row)->flags & FN_TEST))
			fail_msg("%s is on no path", function_info(row)->name);
	}
}

/* The list of calls that a text begins with. */
static void test_named_calls_reach(void **state)
{
	for (u32 row = 0; row < FUNC_NAMED; row++) {
		const char *text = when_of(row);
		char word[64];
		int n;

		if (function_info(row)->flags & FN_TEST)
			continue;
		while (sscanf(text, "%63[a-z0-9_]%n", word, &n) == 1) {
			u32 i = 0;

			while (i < SYSCALL_ROWS && strcmp(call_name(i), word))
				i++;
			if (i == SYSCALL_ROWS)
				break;
			if (!function_reached(syscall_number(i), row))
				fail_msg("%s is not reached by %s", function_info(row)->name, word);
			text += n;
			if (strncmp(text, ", ", 2))
				break;
			text += 2;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_are_named),
		cmocka_unit_test(test_named_calls_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
