/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Running a program by both engines and comparing (jit_mode JIT_COMPARE, the default
 * of debug builds): for test runs. Defined in src/jit/compare.c.
 */
#ifndef SKEP_OBJECT_COMPARE_H
#define SKEP_OBJECT_COMPARE_H

#include "object/run.h"

struct prog_object;
struct skep_system;

/* Memory that the run may change beside the program's maps: context and packet, in one piece. */
struct compare_block {
	void *at;
	u64 len;
};

/*
 * Runs @prog on @ctx by the interpreter, puts memory back, and runs it compiled, with the
 * same times, random numbers and processes. The slot is held. *ret is R0 and memory
 * what the second run left. 0; -ENOMEM; or -EFAULT when the engines disagree: then the
 * first difference is in sys->last (DIAG_EXEC_DISAGREE).
 *
 * Not compared, and run compiled only: programs that write to perf rings, which readers
 * may have seen already; programs with more than COMPARE_MAX bytes of maps. Maps of
 * maps and maps of programs that are tail-called are not put back between the runs. A
 * program that returns or stores the address of its stack differs, and rightly so.
 */
int prog_run_compare(struct skep_system *sys, struct prog_object *prog, void *ctx,
		     struct bpf_run *run, const struct compare_block *block, u64 *ret);

#define COMPARE_MAX (64ULL << 20)

#endif
