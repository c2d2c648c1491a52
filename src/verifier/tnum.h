/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tristate numbers: each bit is 0, 1 or unknown (Linux: kernel/bpf/tnum.c). A
 * header without branches on types, so that the same source is compiled as C and
 * proved over solver expressions.
 */
#ifndef SKEP_VERIFIER_TNUM_H
#define SKEP_VERIFIER_TNUM_H

#include "base/types.h"

/* value holds the known bits; mask has a 1 for each unknown bit; value & mask == 0. */
struct tnum {
	u64 value, mask;
};

static inline bool tnum_is_const(struct tnum t)
{
	return !t.mask;
}

static inline bool tnum_equals_const(struct tnum t, u64 v)
{
	return !t.mask && t.value == v;
}

#endif
