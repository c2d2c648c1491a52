/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Between frame.c and select.c. */
#ifndef SKEP_JIT_X86_64_X86_H
#define SKEP_JIT_X86_64_X86_H

#include "base/uapi.h"
#include "jit/x86_64/encode.h"

#define TMP  R11 /* scratch of any selection */
#define TMP2 R9	 /* second scratch: only where jit_sub.needs_temp2 */

/* combine.c: fuse what begins with the load @i; number of instructions, 0: nothing to fuse. */
int x86_wide_load(struct jit *j, u32 i); /* of 8 or 16 bits */
int x86_modify_memory(struct jit *j, u32 i);
/* The same for an address computed just before its only use; @i: a move, addition or shift. */
int x86_address(struct jit *j, u32 i);

/* divide.c: the division or remainder @i. */
void x86_divide(struct jit *j, u32 i);

/* frame.c */
void x86_exit(struct jit *j);
int x86_subprog_call(struct jit *j, const struct bpf_insn *insn);
/* Returns how many instructions it stands for, or -errno. */
int x86_helper_call(struct jit *j, u32 i);
int x86_tail_call(struct jit *j);
/* A load through a kernel pointer. 0 or -errno. */
int x86_probe(struct jit *j, const struct bpf_insn *insn);

#endif
