/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the verifier says to arithmetic, branches, loops, subprograms and the shape of programs. */
#include "tests/lib/recorded.h"

static const struct recorded_case cases[] = {
#define CASE RECORDED_CASE
#include "tests/unit/verifier_cases.h"
#undef CASE
};

static const struct recorded_line expected[] = {
#include "tests/unit/verifier_expected.h"
};

int main(void)
{
	return recorded_main("verifier", cases, ARRAY_SIZE(cases), expected, ARRAY_SIZE(expected));
}
