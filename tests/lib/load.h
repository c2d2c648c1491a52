/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Loading hand-written programs, by skep or by the running kernel, and what each says. */
#ifndef SKEP_TESTS_LOAD_H
#define SKEP_TESTS_LOAD_H

#include "base/uapi.h"

struct skep_system;

/* The maps that programs of the tests name; see load.c. */
enum test_map {
	M_ARRAY,  /* 4 x 48 bytes */
	M_ARRAY1, /* 1 x 48 */
	M_HASH,	  /* key 8, value 64 */
	M_PROGS,
	M_PERF,
	M_RING,
	M_OUTER,  /* array of maps like M_ARRAY */
	M_RODATA, /* 1 x 48, constant; first byte 8, "n=%d" from byte 8 */
	M_WRONLY,
	M_PERCPU,
	M_STACKS,
	M_LRU,
	TEST_MAPS,
};

/* Who answers bpf(2), and the maps made there. */
struct target {
	struct skep_system *sys; /* NULL: the running kernel */
	int map[TEST_MAPS];	 /* descriptors */
	char log[1 << 16];
};

int target_bpf(struct target *t, int cmd, union bpf_attr *attr, unsigned size);
/* Makes the maps. 0 or -errno. */
int target_open(struct target *t, struct skep_system *sys);
void target_close(struct target *t);

struct test_prog {
	const char *name;
	unsigned type, attach_type;
	unsigned flags;
	bool not_gpl;
	const struct bpf_insn *insns;
	unsigned len;
};

/*
 * Loads it (and gives the descriptor back at once): 0 or -errno. *@line is the last
 * line that the verifier logged before its statistics, "" for an accepted program.
 */
int target_load(struct target *t, const struct test_prog *p, const char **line);

#endif
