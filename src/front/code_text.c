/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs as text, for the public interface: instructions, and where their native code is. */
#include <errno.h>
#include <stdio.h>

#include "isa/disasm.h"
#include "object/object.h"
#include "object/vocabulary.h"
#include "skep/skep.h"

static const char *helper_name(void *arg, s32 id)
{
	const struct vocabulary_row *row = vocabulary_by_value(VOCABULARY_HELPER, id);

	(void)arg;
	return row ? row->name : NULL;
}

/* A map's id, as bpftool shows it; other constants as they are. */
static const char *imm_text(void *arg, const struct bpf_insn *insn, u64 imm, char *buf, size_t size)
{
	(void)arg;
	(void)imm;
	if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		snprintf(buf, size, "map[id:%d]", insn->imm);
	else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		snprintf(buf, size, "map[id:%d][0]+%d", insn->imm, insn[1].imm);
	else
		return NULL;
	return buf;
}

int skep_insn_text(const void *insns, unsigned int left, char *buf, size_t size)
{
	static const struct disasm_names names = { .helper = helper_name, .imm = imm_text };
	const struct bpf_insn *insn = insns;
	unsigned int n;

	if (!insns || !left || !buf || !size)
		return -EINVAL;
	n = insn->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;
	if (n > left)
		return -EINVAL;
	disasm_insn(buf, size, insn, &names);
	return (int)n;
}

long skep_prog_native(struct skep_system *sys, int prog_fd, unsigned int insn)
{
	struct prog_object *p;
	int err = 0;
	long at;

	if (!sys)
		return -EINVAL;
	p = prog_get_fd(sys, prog_fd, &err);
	if (!p)
		return err;
	at = !p->native_at ? -ENOENT : insn > p->prog->len ? -EINVAL : (long)p->native_at[insn];
	object_put(&p->obj);
	return at;
}
