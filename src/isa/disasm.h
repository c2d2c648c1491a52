/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Instructions as text, exactly as the kernel's log and dumps print them. */
#ifndef SKEP_ISA_DISASM_H
#define SKEP_ISA_DISASM_H

#include "isa/insn.h"

/* Where names come from; NULL functions (or a NULL struct) give the kernel's defaults. */
struct disasm_names {
	void *arg;
	/* Name of a helper ("bpf_map_lookup_elem"), NULL: "unknown". */
	const char *(*helper)(void *arg, s32 id);
	/* Name of a kfunc or label of a subprogram call; NULL: default. */
	const char *(*call)(void *arg, const struct bpf_insn *insn);
	/* Text of a 64-bit constant, e.g. "map[id:3]"; NULL: default. May use @buf. */
	const char *(*imm)(void *arg, const struct bpf_insn *insn, u64 imm, char *buf, size_t size);
	bool hide_pointers; /* constants that stand for pointers print as 0x0 */
};

/*
 * Writes "(b7) r0 = 0" without newline, NUL-terminated, cut at @size. A ld_imm64's
 * second half must follow @insn. Returns the length as snprintf does.
 */
int disasm_insn(char *buf, size_t size, const struct bpf_insn *insn,
		const struct disasm_names *names);

#endif
