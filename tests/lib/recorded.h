/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Suites of hand-written programs with the verdict, errno and last message that Linux
 * 6.18 gave to each, recorded. skep must say the same; where the running kernel is a
 * 6.18 and permits it, the recording is checked against it. With RECORD=1 in the
 * environment the test writes the recording anew from the running kernel.
 */
#ifndef SKEP_TESTS_RECORDED_H
#define SKEP_TESTS_RECORDED_H

#include "tests/lib/asm.h"
#include "tests/lib/load.h"

#define NOT_GPL	   0x10000
#define STATE_FREQ 0x20000 /* BPF_F_TEST_STATE_FREQ: a state at every prune point */

#define TYPE_XDP	    BPF_PROG_TYPE_XDP
#define TYPE_XDP_NOT_GPL    (BPF_PROG_TYPE_XDP | NOT_GPL)
#define TYPE_XDP_STATE_FREQ (BPF_PROG_TYPE_XDP | STATE_FREQ)
#define TYPE_SCHED_CLS	    BPF_PROG_TYPE_SCHED_CLS
#define TYPE_SOCKET_FILTER  BPF_PROG_TYPE_SOCKET_FILTER
#define TYPE_CGROUP_SKB	    BPF_PROG_TYPE_CGROUP_SKB
#define TYPE_RAW_TRACEPOINT BPF_PROG_TYPE_RAW_TRACEPOINT
#define TYPE_TRACEPOINT	    BPF_PROG_TYPE_TRACEPOINT
#define TYPE_KPROBE	    BPF_PROG_TYPE_KPROBE

struct recorded_case {
	const char *name;
	unsigned type;
	const struct bpf_insn *insns;
	unsigned len;
};

/* An initialiser of struct recorded_case from CASE(name, type, instructions). */
#define RECORDED_CASE(name, type, ...)                                                             \
	{ name, TYPE_##type, (const struct bpf_insn[]){ __VA_ARGS__ },                             \
	  sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn) },

struct recorded_line {
	const char *name;
	int err;
	const char *line;
};

/* The whole main() of such a test. */
int recorded_main(const char *suite, const struct recorded_case *cases, unsigned nr_cases,
		  const struct recorded_line *lines, unsigned nr_lines);

#endif
