/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The checking interpreter: runs a verified program as it was loaded and asserts, before
 * every instruction, that the values of its live registers lie in a state that the verifier
 * recorded there, and at every access that it stays inside an object. Programs are
 * those of progen.h.
 */
#ifndef SKEP_TESTS_CHECKING_H
#define SKEP_TESTS_CHECKING_H

#include "object/system.h"
#include "progen.h"

struct trace; /* what the verifier knew, instruction by instruction */

struct checking {
	struct skep_system *sys;
	int map, ring; /* descriptors of the programs' maps */
	struct trace *trace;
	u64 steps;	/* instructions run since the start */
	char why[4096]; /* of a violation */
};

/* Makes maps; sets the system's observer. 0 or -errno. */
int checking_start(struct checking *c, const char *kernel);
void checking_stop(struct checking *c);
/*
 * Loads the program, recording: its descriptor or -errno. @exact: paths are pruned only
 * where every value is covered, and values are compared with states; else, as in use, where
 * those that matter are, and only accesses are checked.
 */
int checking_load(struct checking *c, const struct gen *g, bool exact);
/* Runs the program that was loaded last, on input of @seed. 0, or -1: violated, see .why */
int checking_run(struct checking *c, const struct gen *g, u64 seed);

#endif
