/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* CO-RE relocation of instructions: see core_relo.c. */
#ifndef SKEP_BTF_CORE_RELO_H
#define SKEP_BTF_CORE_RELO_H

#include "base/vec.h"
#include "btf/btf.h"

struct btf_core_cand {
	const struct btf *btf;
	u32 id;
};

/* What the records of one program share. Zero it, set the first members, btf_core_free() it. */
struct btf_core {
	const struct btf *const *kernel; /* the kernel's types, then its modules' */
	u32 nr_kernel;
	void (*line)(void *arg,
		     const char *text); /* of the log, with newline; NULL: none is kept */
	void *arg;
	/* of core_relo.c */
	VEC(struct btf_core_cand) cands;
	VEC(struct btf_core_cand) flavours;
	bool flavours_known;
};

/*
 * Changes the instruction at @insn (of @left up to the program's end) as the @index-th record says, which
 * speaks of types of @local. 0, or -errno with *@why filled where a row says why.
 */
int btf_core_relocate(struct btf_core *core, const struct btf *local,
		      const struct bpf_core_relo *record, u32 index, struct bpf_insn *insn,
		      u32 left, struct btf_refusal *why);
void btf_core_free(struct btf_core *core);

#endif
