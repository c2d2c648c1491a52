/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Why a program was rejected: what was known at the refusal and where each piece of it
 * came from, along the path that failed. Made by src/verifier/explain.c.
 */
#ifndef SKEP_OBJECT_EXPLAIN_H
#define SKEP_OBJECT_EXPLAIN_H

#include "base/types.h"

#define EXPLAIN_STEPS 24

enum explain_kind {
	EXPLAIN_ORIGIN,	 /* where a value comes from */
	EXPLAIN_CHANGE,	 /* arithmetic */
	EXPLAIN_BOUND,	 /* a comparison taught something */
	EXPLAIN_LOST,	 /* something known before is not any more */
	EXPLAIN_PASSED,	 /* to another function, or back from it */
	EXPLAIN_BRANCH,	 /* which way the path goes */
	EXPLAIN_REFUSED, /* the last step: here it fails */
};

struct explain_step {
	enum explain_kind kind;
	s32 insn;
	u32 line, column; /* 0: no line is known */
	char file[64];
	char source[200]; /* the line without leading blanks; without line info the instruction */
	u32 mark, mark_size; /* characters of .source that the step is about; size 0: unknown */
	char text[256];
};

/* Steps in the order of the path. */
struct explanation {
	char required[200]; /* what would have been accepted, or "" */
	u32 n;
	struct explain_step step[EXPLAIN_STEPS];
};

#endif
