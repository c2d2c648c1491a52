/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One BPF_PROG_TEST_RUN. src/command checks what Linux's bpf_prog_test_run() checks
 * (ctx_in and ctx_out with and without their sizes), finds the program and calls its
 * ops->test_run (NULL: -ENOTSUPP), which does all the rest: it reads data_in and ctx_in by
 * user_read() and writes data_out, ctx_out, their sizes, retval and duration
 * by user_write(), in Linux's order, so that errors come in that order, too.
 */
#ifndef SKEP_OBJECT_TEST_RUN_H
#define SKEP_OBJECT_TEST_RUN_H

#include "base/types.h"
#include "base/uapi.h"
#include "object/compare.h"
#include "object/run.h"

struct prog_object;
struct skep_system;

struct test_run {
	const union bpf_attr *attr; /* our copy, zero beyond what the caller gave */
	u64 uattr;		    /* the caller's attribute, for results */
	/* the body sets it: context and packet in one piece, for JIT_COMPARE; .at NULL: no comparison */
	struct compare_block block;
	/* Around each repetition; NULL: nothing to do. */
	void (*before)(void *ctx);
	void (*after)(void *ctx, u32 retval);
	/* results, for callers inside skep, too */
	u32 retval;
	u32 duration; /* ns per run, rounded as Linux does */
};

/*
 * Runs @prog on @ctx attr->test.repeat times (at least once) in a slot, as Linux's
 * bpf_test_run(): sets t->retval and t->duration. The context is not restored
 * between repetitions (nor is it in Linux). 0 or -errno.
 */
int test_run_repeat(struct skep_system *sys, struct prog_object *prog, void *ctx,
		    struct test_run *t, struct bpf_run *run);

/* Bodies of ops->test_run. */
int xdp_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
/* SOCKET_FILTER, SCHED_CLS, SCHED_ACT, CGROUP_SKB, LWT_*. */
int skb_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int raw_tp_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int tracing_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int syscall_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int flow_dissector_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int sk_lookup_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int netfilter_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);

/*
 * Types that Linux gives no test run: with SKEP_TEST_RUN=all only (sys->test_run_all). ctx_in
 * and ctx_out are the uapi context, in which pointers are 0: skep makes what they point to of
 * the other fields. data_in is what the context's data pointers span, and comes back as data_out.
 */
int flat_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int typed_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int sock_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int sysctl_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
int lirc_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t);

#endif
