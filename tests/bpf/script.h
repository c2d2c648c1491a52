/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Scripts that the packet programs of the differential test follow: each step is one
 * helper call or packet access with random operands, and leaves what it returned.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#define SCRIPT_STEPS 8
#define SCRIPT_BUF 64

struct step {
	__u32 op;
	__s32 a, b;
	__u32 pad;
	__u64 c, d;
};

struct script {
	__u32 n;
	__u32 ret; /* the program's result */
	struct step steps[SCRIPT_STEPS];
	unsigned char buf[SCRIPT_BUF]; /* for stores */
};

struct result {
	__s64 ret;
	__u64 value;
	unsigned char buf[SCRIPT_BUF]; /* of loads */
};

/* Step @i, bounded so that the verifiers of older kernels see it, too. */
#define STEP(sc, i)                                                                                \
	({                                                                                         \
		__u32 step_nr = (i);                                                               \
		__asm__ volatile("" : "+r"(step_nr));                                              \
		&(sc)->steps[step_nr & (SCRIPT_STEPS - 1)];                                        \
	})

#endif
