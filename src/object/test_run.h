/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One BPF_PROG_TEST_RUN. src/command copies user memory in and out; the program
 * type's ops->test_run does the rest. Buffers *_out are made by test_run with
 * mem_alloc() and freed by the command.
 */
#ifndef SKEP_OBJECT_TEST_RUN_H
#define SKEP_OBJECT_TEST_RUN_H

#include "base/types.h"
#include "object/run.h"

struct prog_object;
struct skep_system;

struct test_run {
	const void *data_in; /* NULL when data_size_in is 0 */
	u32 data_size_in;
	const void *ctx_in;
	u32 ctx_size_in;
	u32 repeat, flags, cpu, batch_size;
	u32 data_out_room; /* what the caller can take: decides linear copies only, never truncates here */
	/* results */
	void *data_out;
	u32 data_size_out;
	void *ctx_out;
	u32 ctx_size_out;
	u32 retval;
	u32 duration; /* ns per run, rounded as Linux does */
};

/*
 * Runs @prog on @ctx t->repeat times (at least once) in a slot, as Linux's
 * bpf_test_run(): sets t->retval and t->duration. @before restores the context
 * for each repetition (may be NULL). 0 or -errno (-EINTR when interrupted).
 */
int test_run_repeat(struct skep_system *sys, struct prog_object *prog, void *ctx, struct test_run *t,
		    void (*before)(void *arg), void *arg, struct bpf_run *run);

#endif
