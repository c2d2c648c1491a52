/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Random programs that a verifier often accepts: arithmetic, branches, loops, stack, packets, maps, calls. */
#ifndef SKEP_TESTS_PROGEN_H
#define SKEP_TESTS_PROGEN_H

#include "base/types.h"
#include "base/uapi.h"

#define MAX_INSNS   400
#define VALUE_SIZE  32 /* of the array map, which has 4 elements with keys of 4 bytes */
#define PROGEN_MAP  -1 /* .imm of ld_imm64 of that map: the caller puts its descriptor there */
#define PROGEN_RING -2 /* and of a ring buffer of 4096 bytes */

struct gen {
	u64 rng;
	struct bpf_insn insn[MAX_INSNS];
	u32 n;
	u32 type;
	bool scalar[11]; /* surely a number on every path that this generator knows of */
	bool init[11];
	u32 main_len;
	u32 calls[8], call_sub[8], nr_calls;
	u32 flags;
	bool has_packet;
	bool no_run;  /* loops too long to run */
	bool tainted; /* the result may hold an address or something random */
};

/* The program of @seed. Its type is .type, to be loaded with .flags. */
void generate(struct gen *g, u64 seed);
u32 rnd(struct gen *g, u32 n);

#endif
