/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Context accesses by table: whether a load or store of the uapi struct is allowed,
 * and its rewriting to the runtime struct. Linux writes both as a switch for each
 * program type (net/core/filter.c: *_is_valid_access(), *_convert_ctx_access()).
 */
#include <errno.h>

#include "isa/insn.h"
#include "prog/ctx.h"

const struct bpf_ctx_field *ctx_field_at(const struct bpf_ctx_field *fields, int off)
{
	for (; fields && fields->name; fields++)
		if (off >= (int)fields->off && off < (int)(fields->off + fields->size))
			return fields;
	return NULL;
}

bool ctx_access_by_table(const struct bpf_prog_type_ops *ops, kver profile, int off, int size,
			 enum bpf_access_type t, struct bpf_insn_access_aux *info)
{
	const struct bpf_ctx_field *f;

	if (off < 0 || size <= 0 || off % size)
		return false;
	f = ctx_field_at(ops->fields, off);
	if (!f || !visible(profile, f->since) || !(f->access & t) || off + size > f->off + f->size)
		return false;
	if (f->reg_type != SCALAR_VALUE) {
		if (size != f->elem || info->is_ldsx || t == BPF_WRITE)
			return false;
		info->reg_type = f->reg_type;
		return true;
	}
	if (f->narrow && t == BPF_READ) {
		info->ctx_field_size = f->elem;
		if (size < f->elem && f->narrow == CTX_NARROW_START)
			return (off - f->off) % f->elem == 0;
		return size <= f->elem || (size & f->sizes);
	}
	return size == f->elem || (size & f->sizes);
}

static u8 size_code(u32 bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

int ctx_convert_by_table(const struct bpf_prog_type_ops *ops, enum bpf_access_type t,
			 const struct bpf_insn *insn, struct bpf_insn_buf *out, u32 *target_size)
{
	struct bpf_insn *to = &out->insns[out->n];
	const struct bpf_ctx_field *f;
	u32 size = code_access_size(insn->code), in;

	*to = *insn;
	if (!ops->fields) {
		*target_size = size;
		out->n++;
		return 0;
	}
	f = ctx_field_at(ops->fields, insn->off);
	if (!f || !f->rt_size)
		return -EINVAL;
	in = (u32)insn->off - f->off;
	if (size == f->elem) {
		to->off = (s16)(f->rt_off + in / f->elem * f->rt_size);
		size = f->rt_size;
	} else {
		to->off = (s16)(f->rt_off + in);
	}
	to->code = BPF_CLASS(insn->code) | BPF_MEM | size_code(size);
	*target_size = size;
	out->n++;
	return 0;
}
