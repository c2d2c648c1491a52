/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Random numbers of a run, not for keys: a linear congruential generator whose high bits
 * choose which of the state's bits are given (PCG XSH-RS), begun from the platform's. In the run, so that
 * generated code can do it in place. Freestanding.
 */
#ifndef SKEP_OBJECT_RANDOM_H
#define SKEP_OBJECT_RANDOM_H

#include "object/run.h"

#define RANDOM_MUL 6364136223846793005ULL
#define RANDOM_ADD 1442695041 /* odd */

static inline u32 run_random(struct bpf_run *run)
{
	u64 x = run->random;

	if (unlikely(!x))
		x = run->platform->random() | 1;
	run->random = x * RANDOM_MUL + RANDOM_ADD;
	return (u32)((x ^ x >> 22) >> (22 + (x >> 61)));
}

#endif
