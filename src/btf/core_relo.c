/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE relocation by the kernel, for light skeletons (Linux: bpf_core_apply() of kernel/bpf/btf.c,
 * tools/lib/bpf/relo_core.c): what a program says of a type of its own becomes true of the kernel's.
 *
 * A record names a local type and a path into it ("0:3:1": member 3, its element 1). Each type
 * of the kernel with that name, up to "___", is a candidate; the path is followed in it by the names
 * of its members. All candidates that have it must agree on what is to be written into the
 * instruction; when none has it, the instruction becomes one that no program can execute.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "btf/core_path.h"
#include "btf/core_relo.h"
#include "btf/internal.h"

#define BAD_RELO 195896080 /* 0xbad2310: a helper that will never be */

/* What is to stand in the instruction, by one path. */
struct value {
	u64 val;
	u32 size, type_id; /* of a member that a load or store accesses */
	bool poison;
	bool unsure; /* compilers may differ: the instruction need not have it */
};

struct answer {
	struct value was, now;
	bool bad_size; /* a load or store of the other size would be wrong */
};

/* ---- the log ---- */

static void __attribute__((format(printf, 2, 3))) say(struct core_relo *r, const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	if (!r->core->line)
		return;
	n = snprintf(line, sizeof(line), "prog '': relo #%u: ", r->index);
	va_start(ap, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
	va_end(ap);
	r->core->line(r->core->arg, line);
}

/* ---- values ---- */

/* The smallest aligned integer that holds a bit-field: its offset and size. -E2BIG: none does. */
static int bitfield_unit(struct core_relo *r, u32 bit_off, u32 bits, u32 *off, u32 *size)
{
	if (!*size)
		return -EINVAL;
	*off = bit_off / 8 / *size * *size;
	while (bit_off + bits - *off * 8 > *size * 8) {
		if (*size >= 8) {
			say(r, "relo %d at insn #%u can't be satisfied for bitfield\n",
			    r->record->kind, r->record->insn_off / 8);
			return -E2BIG;
		}
		*size *= 2;
		*off = bit_off / 8 / *size * *size;
	}
	return 0;
}

/* Of an element of an array. */
static int element_value(struct core_relo *r, const struct core_path *p, struct value *v)
{
	u32 id = p->steps[p->n - 1].type_id, size;

	if (r->record->kind != BPF_CORE_FIELD_BYTE_OFFSET &&
	    r->record->kind != BPF_CORE_FIELD_BYTE_SIZE) {
		say(r, "relo %d at insn #%u can't be applied to array access\n", r->record->kind,
		    r->record->insn_off / 8);
		return -EINVAL;
	}
	if (btf_type_size(p->btf, id, &size))
		return -EINVAL;
	if (r->record->kind == BPF_CORE_FIELD_BYTE_SIZE) {
		v->val = size;
		return 0;
	}
	v->val = p->bits / 8;
	v->size = size;
	v->type_id = id;
	return 0;
}

static int field_value(struct core_relo *r, const struct core_path *p, struct value *v)
{
	const struct btf_type *t, *mt;
	u32 bits, size, off, id;
	const struct btf_member *m;
	const struct core_step *last;
	bool bitfield;
	int err;

	if (r->record->kind == BPF_CORE_FIELD_EXISTS) {
		v->val = !!p;
		return 0;
	}
	if (!p) {
		v->poison = true;
		return 0;
	}
	last = &p->steps[p->n - 1];
	if (!last->name)
		return element_value(r, p, v);
	t = btf_type_get(p->btf, last->type_id);
	m = btf_members(t) + last->idx;
	mt = btf_type_skip_modifiers(p->btf, m->type, &id);
	bits = btf_member_bits(t, m);
	bitfield = bits;
	if (!mt || btf_type_size(p->btf, id, &size))
		return -EINVAL;
	off = p->bits / 8;
	if (bitfield) {
		err = bitfield_unit(r, p->bits, bits, &off, &size);
		if (err)
			return err;
		v->unsure = true;
	} else {
		bits = size * 8;
	}
	switch (r->record->kind) {
	case BPF_CORE_FIELD_BYTE_OFFSET:
		v->val = off;
		if (!bitfield) {
			v->size = size;
			v->type_id = id;
		}
		return 0;
	case BPF_CORE_FIELD_BYTE_SIZE:
		v->val = size;
		return 0;
	case BPF_CORE_FIELD_SIGNED:
		v->val = (btf_is_enum(mt) && btf_kflag(mt)) ||
			 (btf_kind(mt) == BTF_KIND_INT &&
			  BTF_INT_ENCODING(btf_int_data(mt)) & BTF_INT_SIGNED);
		v->unsure = false;
		return 0;
	case BPF_CORE_FIELD_LSHIFT_U64:
		v->val = 64 - (p->bits + bits - off * 8);
		return 0;
	default: /* BPF_CORE_FIELD_RSHIFT_U64 */
		v->val = 64 - bits;
		v->unsure = false;
		return 0;
	}
}

static int value_of(struct core_relo *r, const struct core_path *p, struct value *v)
{
	u32 kind = r->record->kind, size;

	memset(v, 0, sizeof(*v));
	if (core_about_field(kind))
		return field_value(r, p, v);
	switch (kind) {
	case BPF_CORE_TYPE_ID_TARGET:
		v->val = p ? p->root : 0;
		v->unsure = true; /* ids change when objects are linked */
		return 0;
	case BPF_CORE_TYPE_EXISTS:
	case BPF_CORE_TYPE_MATCHES:
	case BPF_CORE_ENUMVAL_EXISTS:
		v->val = !!p;
		return 0;
	case BPF_CORE_TYPE_SIZE:
		if (p && btf_type_size(p->btf, p->root, &size))
			return -EINVAL;
		v->val = p ? size : 0;
		return 0;
	default: /* BPF_CORE_ENUMVAL_VALUE */
		v->poison = !p;
		if (p)
			v->val = core_enumerator_value(btf_type_get(p->btf, p->steps[0].type_id),
						       p->steps[0].idx);
		return 0;
	}
}

static bool is_unsigned_int(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_INT && BTF_INT_ENCODING(btf_int_data(t)) != BTF_INT_SIGNED;
}

/* By @to, or when it is NULL as no candidate has the path. */
static int answer_of(struct core_relo *r, const struct core_path *to, struct answer *a)
{
	const struct btf_type *was, *now;
	int err;

	memset(a, 0, sizeof(*a));
	err = value_of(r, &r->from, &a->was);
	if (!err)
		err = value_of(r, to, &a->now);
	if (err || a->now.poison || a->was.size == a->now.size)
		return err;
	/* A pointer, and a number without sign, are read right in another size, too. */
	was = btf_type_get(r->from.btf, a->was.type_id);
	now = btf_type_get(to->btf, a->now.type_id);
	a->bad_size = !(btf_kind(was) == BTF_KIND_PTR && btf_kind(now) == BTF_KIND_PTR) &&
		      !(is_unsigned_int(was) && is_unsigned_int(now));
	return 0;
}

/* ---- candidates ---- */

/* Types whose names have a flavour: they alone are not found by their essential name. */
static int find_flavours(struct btf_core *core)
{
	if (core->flavours_known)
		return 0;
	for (u32 k = 0; k < core->nr_kernel; k++) {
		const struct btf *btf = core->kernel[k];

		for (u32 id = btf_start_id(btf); id < btf_nr_types(btf); id++) {
			const struct btf_type *t = btf_type_get(btf, id);
			const char *name = btf_str(btf, t->name_off);
			struct btf_core_cand c = { .btf = btf, .id = id };

			if (!name || !strstr(name, "___") ||
			    btf_core_name_len(name) == strlen(name))
				continue;
			if (vec_push(&core->flavours, c))
				return -ENOMEM;
		}
	}
	core->flavours_known = true;
	return 0;
}

/* Those of the kernel itself, or if it has none those of all its modules. */
static int find_candidates(struct core_relo *r, const char *name, u32 kind)
{
	struct btf_core *core = r->core;
	char essential[256];
	int err;

	err = find_flavours(core);
	if (err)
		return err;
	core->cands.n = 0;
	snprintf(essential, sizeof(essential), "%.*s", (int)btf_core_name_len(name), name);
	for (u32 k = 0; k < core->nr_kernel && !(k == 1 && core->cands.n); k++) {
		struct btf_core_cand c = { .btf = core->kernel[k] };

		for (s32 id = btf_find_by_name_kind(c.btf, essential, kind); id > 0;
		     id = btf_find_next(c.btf, essential, kind, (u32)id)) {
			c.id = (u32)id;
			if (c.id >= btf_start_id(c.btf) && vec_push(&core->cands, c))
				return -ENOMEM;
		}
		for (size_t i = 0; i < core->flavours.n; i++) {
			const struct btf_core_cand *f = &core->flavours.v[i];

			if (f->btf == c.btf && btf_kind(btf_type_get(f->btf, f->id)) == kind &&
			    core_same_name(name, btf_type_name(f->btf, f->id)) &&
			    vec_push(&core->cands, *f))
				return -ENOMEM;
		}
	}
	return 0;
}

/* What all candidates that have the path agree on. */
static int calculate(struct core_relo *r, struct answer *out, struct btf_refusal *why)
{
	struct answer a;
	bool any = false;
	int err;

	for (size_t i = 0; i < r->core->cands.n; i++) {
		const struct btf_core_cand *c = &r->core->cands.v[i];

		err = core_path_match(r, c->btf, c->id);
		if (err < 0) {
			btf_refuse(why, BTF_DIAG_CORE_MATCH, r->index, (u32)i,
				   core_path_text(r, &r->to), err);
			return err;
		}
		say(r, "%s candidate #%zu %s\n", err ? "matching" : "non-matching", i,
		    core_path_text(r, &r->to));
		if (!err)
			continue;
		err = answer_of(r, &r->to, &a);
		if (err)
			return err;
		if (!any) {
			any = true;
			*out = a;
			r->first = r->to;
		} else if (r->to.bits != r->first.bits) {
			return btf_refuse(why, BTF_DIAG_CORE_AMBIGUOUS, r->index, r->to.bits,
					  r->first.bits);
		} else if (a.now.poison != out->now.poison || a.now.val != out->now.val) {
			return btf_refuse(why, BTF_DIAG_CORE_AMBIGUOUS_VALUE, r->index,
					  a.now.poison ? "failure" : "success", a.now.val,
					  out->now.poison ? "failure" : "success", out->now.val);
		}
	}
	if (any)
		return 0;
	say(r, "no matching targets found\n");
	return answer_of(r, NULL, out);
}

/* ---- the instruction ---- */

static bool is_imm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void poison(struct core_relo *r, struct bpf_insn *insn)
{
	u32 n = is_imm64(insn) ? 2 : 1;

	for (u32 i = 0; i < n; i++) {
		say(r, "substituting insn #%u w/ invalid insn\n", r->record->insn_off / 8 + i);
		insn[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = BAD_RELO };
	}
}

static int patch_imm64(struct core_relo *r, struct bpf_insn *insn, u32 left, const struct answer *a,
		       struct btf_refusal *why)
{
	u64 imm;

	if (left < 2 || !is_imm64(insn) || insn->src_reg || insn->off || insn[1].code ||
	    insn[1].dst_reg || insn[1].src_reg || insn[1].off)
		return btf_refuse(why, BTF_DIAG_CORE_IMM64, r->index, r->record->insn_off / 8);
	if (a->now.poison) {
		poison(r, insn);
		return 0;
	}
	imm = (u32)insn->imm | (u64)insn[1].imm << 32;
	if (!a->was.unsure && imm != a->was.val)
		return btf_refuse(why, BTF_DIAG_CORE_UNEXPECTED, r->index, r->record->insn_off / 8,
				  "LDIMM64", imm, a->was.val, a->now.val);
	insn->imm = (s32)a->now.val;
	insn[1].imm = (s32)(a->now.val >> 32);
	say(r, "patched insn #%u (LDIMM64) imm64 %llu -> %llu\n", r->record->insn_off / 8,
	    (unsigned long long)imm, (unsigned long long)a->now.val);
	return 0;
}

static int patch_memory(struct core_relo *r, struct bpf_insn *insn, const struct answer *a,
			struct btf_refusal *why)
{
	static const u8 sizes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	u32 at = r->record->insn_off / 8, have;

	if (a->now.poison) {
		poison(r, insn);
		return 0;
	}
	if (!a->was.unsure && (u64)(s64)insn->off != a->was.val)
		return btf_refuse(why, BTF_DIAG_CORE_UNEXPECTED, r->index, at, "LDX/ST/STX",
				  (u64)(u32)insn->off, a->was.val, a->now.val);
	if (a->now.val > SHRT_MAX)
		return btf_refuse(why, BTF_DIAG_CORE_RANGE, r->index, at, a->now.val);
	if (a->bad_size) {
		say(r,
		    "insn #%u (LDX/ST/STX) accesses field incorrectly. Make sure you are accessing "
		    "pointers, unsigned integers, or fields of matching type and size.\n",
		    at);
		poison(r, insn);
		return 0;
	}
	say(r, "patched insn #%u (LDX/ST/STX) off %d -> %llu\n", at, insn->off,
	    (unsigned long long)a->now.val);
	insn->off = (s16)a->now.val;
	if (a->was.size == a->now.size)
		return 0;
	have = BPF_SIZE(insn->code) == BPF_DW ? 8 :
	       BPF_SIZE(insn->code) == BPF_W  ? 4 :
	       BPF_SIZE(insn->code) == BPF_H  ? 2 :
						1;
	if (have != a->was.size || a->now.size >= ARRAY_SIZE(sizes) ||
	    (a->now.size & (a->now.size - 1)) || !a->now.size)
		return btf_refuse(why, BTF_DIAG_CORE_SIZE, r->index, at, have, a->was.size,
				  a->now.size);
	insn->code = BPF_MODE(insn->code) | sizes[a->now.size] | BPF_CLASS(insn->code);
	say(r, "patched insn #%u (LDX/ST/STX) mem_sz %u -> %u\n", at, a->was.size, a->now.size);
	return 0;
}

static int patch_imm(struct core_relo *r, struct bpf_insn *insn, const struct answer *a,
		     struct btf_refusal *why)
{
	u32 at = r->record->insn_off / 8;

	if (a->now.poison) {
		poison(r, insn);
		return 0;
	}
	if (!a->was.unsure && (u64)(s64)insn->imm != a->was.val)
		return btf_refuse(why, BTF_DIAG_CORE_UNEXPECTED, r->index, at, "ALU/ALU64",
				  (u64)(u32)insn->imm, a->was.val, a->now.val);
	say(r, "patched insn #%u (ALU/ALU64) imm %llu -> %llu\n", at,
	    (unsigned long long)(s64)insn->imm, (unsigned long long)a->now.val);
	insn->imm = (s32)a->now.val;
	return 0;
}

static int patch(struct core_relo *r, struct bpf_insn *insn, u32 left, const struct answer *a,
		 struct btf_refusal *why)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_SRC(insn->code) == BPF_K)
			return patch_imm(r, insn, a, why);
		break;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return patch_memory(r, insn, a, why);
	case BPF_LD:
		return patch_imm64(r, insn, left, a, why);
	}
	return btf_refuse(why, BTF_DIAG_CORE_INSN, r->index, r->record->insn_off / 8, insn->code);
}

/* ---- a record ---- */

static int relocate(struct core_relo *r, struct bpf_insn *insn, u32 left, struct btf_refusal *why)
{
	const struct bpf_core_relo *record = r->record;
	const struct btf_type *t = btf_type_get(r->local, record->type_id);
	struct answer a = { 0 };
	const char *name;
	char line[320];
	int err;

	if (!t)
		return btf_refuse(why, BTF_DIAG_CORE_TYPE, r->index, record->type_id);
	name = btf_str(r->local, t->name_off) ?: "";
	if (record->kind != BPF_CORE_TYPE_ID_LOCAL) {
		if (!*name)
			return btf_refuse(why, BTF_DIAG_CORE_NO_NAME, record->type_id);
		err = find_candidates(r, name, btf_kind(t));
		if (err)
			return err;
		for (size_t i = 0; r->core->line && i < r->core->cands.n; i++) {
			snprintf(line, sizeof(line),
				 "CO-RE relocating %s %s: found target candidate [%u]\n",
				 btf_kind_name(btf_kind(t)), name, r->core->cands.v[i].id);
			r->core->line(r->core->arg, line);
		}
	}
	err = core_path_parse(r, &r->from);
	if (err) {
		const char *text = btf_str(r->local, record->access_str_off);

		return btf_refuse(why, BTF_DIAG_CORE_PATH, r->index, record->type_id,
				  btf_kind_name(btf_kind(t)), *name ? name : "<anon>",
				  text ?: "<?>", err);
	}
	say(r, "%s\n", core_path_text(r, &r->from));
	if (record->kind == BPF_CORE_TYPE_ID_LOCAL) {
		a.was.val = a.now.val = record->type_id;
		a.was.unsure = true;
	} else {
		err = calculate(r, &a, why);
		if (err)
			return err;
	}
	return patch(r, insn, left, &a, why);
}

int btf_core_relocate(struct btf_core *core, const struct btf *local,
		      const struct bpf_core_relo *record, u32 index, struct bpf_insn *insn,
		      u32 left, struct btf_refusal *why)
{
	struct core_relo *r = mem_zalloc(sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->core = core;
	r->local = local;
	r->record = record;
	r->index = index;
	err = relocate(r, insn, left, why);
	mem_free(r);
	return err;
}

void btf_core_free(struct btf_core *core)
{
	vec_free(&core->cands);
	vec_free(&core->flavours);
}
