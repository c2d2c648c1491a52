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
#include "btf/core_relo.h"
#include "btf/internal.h"

#define PATH_MAX_LEN 64	       /* Linux: BPF_CORE_SPEC_MAX_LEN */
#define MATCH_DEPTH  2	       /* Linux: MAX_TYPES_MATCH_DEPTH */
#define BAD_RELO     195896080 /* 0xbad2310: a helper that will never be */

struct path {
	const struct btf *btf;
	u32 root, bits; /* where it leads to, from the start of the root */
	u32 nr_raw, raw[PATH_MAX_LEN];
	u32 n;
	struct step {
		u32 type_id, idx;
		const char *name; /* of the member; NULL: an element */
	} steps[PATH_MAX_LEN];
};

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

struct relo {
	struct btf_core *core;
	const struct btf *local;
	const struct bpf_core_relo *record;
	u32 index;
	struct path from, to, first;
	char text[256];
};

/* ---- kinds ---- */

static const char *kind_name(u32 kind)
{
	static const char *const names[] = {
		[BPF_CORE_FIELD_BYTE_OFFSET] = "byte_off",
		[BPF_CORE_FIELD_BYTE_SIZE] = "byte_sz",
		[BPF_CORE_FIELD_EXISTS] = "field_exists",
		[BPF_CORE_FIELD_SIGNED] = "signed",
		[BPF_CORE_FIELD_LSHIFT_U64] = "lshift_u64",
		[BPF_CORE_FIELD_RSHIFT_U64] = "rshift_u64",
		[BPF_CORE_TYPE_ID_LOCAL] = "local_type_id",
		[BPF_CORE_TYPE_ID_TARGET] = "target_type_id",
		[BPF_CORE_TYPE_EXISTS] = "type_exists",
		[BPF_CORE_TYPE_SIZE] = "type_size",
		[BPF_CORE_ENUMVAL_EXISTS] = "enumval_exists",
		[BPF_CORE_ENUMVAL_VALUE] = "enumval_value",
		[BPF_CORE_TYPE_MATCHES] = "type_matches",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

static bool about_field(u32 kind)
{
	return kind <= BPF_CORE_FIELD_RSHIFT_U64;
}

static bool about_type(u32 kind)
{
	return (kind >= BPF_CORE_TYPE_ID_LOCAL && kind <= BPF_CORE_TYPE_SIZE) ||
	       kind == BPF_CORE_TYPE_MATCHES;
}

static bool about_enumerator(u32 kind)
{
	return kind == BPF_CORE_ENUMVAL_EXISTS || kind == BPF_CORE_ENUMVAL_VALUE;
}

/* ---- the log ---- */

static void __attribute__((format(printf, 2, 3))) say(struct relo *r, const char *format, ...)
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

static const char *enumerator(const struct btf *btf, const struct btf_type *t, u32 i)
{
	return btf_str(btf, btf_kind(t) == BTF_KIND_ENUM ? btf_enums(t)[i].name_off :
							   btf_enums64(t)[i].name_off);
}

static u64 enumerator_value(const struct btf_type *t, u32 i)
{
	const struct btf_enum64 *wide = btf_enums64(t) + i;

	if (btf_kind(t) == BTF_KIND_ENUM64)
		return (u64)wide->val_hi32 << 32 | wide->val_lo32;
	return (u64)(s64)btf_enums(t)[i].val;
}

static void append(char **at, size_t *room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void append(char **at, size_t *room, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(*at, *room, format, ap);
	va_end(ap);
	n = min(n, (int)*room - 1);
	*at += n;
	*room -= (size_t)n;
}

/* "<byte_off> [7] struct sample.x[1] (0:2:1 @ offset 12)" */
static const char *path_text(struct relo *r, const struct path *p)
{
	const struct btf_type *t = btf_type_get(p->btf, p->root);
	const char *name = btf_str(p->btf, t->name_off);
	size_t room = sizeof(r->text);
	u32 kind = r->record->kind;
	char *at = r->text;

	append(&at, &room, "<%s> [%u] %s %s", kind_name(kind), p->root, btf_kind_name(btf_kind(t)),
	       name && *name ? name : "<anon>");
	if (about_enumerator(kind) && p->nr_raw) {
		bool is_signed = btf_kflag(t);

		t = btf_type_skip_modifiers(p->btf, p->root, NULL);
		append(&at, &room, is_signed ? "::%s = %lld" : "::%s = %llu",
		       enumerator(p->btf, t, p->raw[0]),
		       (unsigned long long)enumerator_value(t, p->raw[0]) &
			       (btf_kind(t) == BTF_KIND_ENUM && !is_signed ? 0xffffffffULL :
									     ~0ULL));
	}
	if (!about_field(kind))
		return r->text;
	for (u32 i = 0; i < p->n; i++) {
		if (p->steps[i].name)
			append(&at, &room, ".%s", p->steps[i].name);
		else if (i || p->steps[i].idx)
			append(&at, &room, "[%u]", p->steps[i].idx);
	}
	append(&at, &room, " (");
	for (u32 i = 0; i < p->nr_raw; i++)
		append(&at, &room, "%s%u", i ? ":" : "", p->raw[i]);
	append(&at, &room, " @ offset %u", p->bits / 8);
	if (p->bits % 8)
		append(&at, &room, ".%u", p->bits % 8);
	append(&at, &room, ")");
	return r->text;
}

/* ---- paths ---- */

static bool is_composite(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION;
}

/* A last member that is an array without elements has any number of them. */
static bool is_flexible(const struct btf *btf, const struct step *member,
			const struct btf_array *array)
{
	return member->name && !array->nelems &&
	       member->idx + 1 == btf_vlen(btf_type_get(btf, member->type_id));
}

static int add_step(struct path *p, u32 type_id, u32 idx, const char *name)
{
	if (p->n == PATH_MAX_LEN)
		return -E2BIG;
	p->steps[p->n++] = (struct step){ .type_id = type_id, .idx = idx, .name = name };
	return 0;
}

static int add_raw(struct path *p, u32 idx)
{
	if (p->nr_raw == PATH_MAX_LEN)
		return -E2BIG;
	p->raw[p->nr_raw++] = idx;
	return 0;
}

static int parse_numbers(struct path *p, const char *text)
{
	unsigned long idx;
	char *end;
	int err;

	if (*text == ':')
		return -EINVAL;
	while (*text) {
		if (*text == ':')
			text++;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		idx = strtoul(text, &end, 10);
		if (idx > INT_MAX)
			return -EINVAL;
		err = add_raw(p, (u32)idx);
		if (err)
			return err;
		text = end;
	}
	return p->nr_raw ? 0 : -EINVAL;
}

/* One more element or member of *@id, which becomes that. */
static int local_step(struct path *p, u32 *id, u32 idx)
{
	const struct btf_type *t = btf_type_skip_modifiers(p->btf, *id, id);
	const struct btf_member *m;
	const char *name;
	u32 size;
	int err;

	if (!t)
		return -EINVAL;
	if (is_composite(t)) {
		if (idx >= btf_vlen(t))
			return -EINVAL;
		m = btf_members(t) + idx;
		p->bits += btf_member_bit_offset(t, m);
		name = btf_str(p->btf, m->name_off);
		err = m->name_off ? name && *name ? add_step(p, *id, idx, name) : -EINVAL : 0;
		*id = m->type;
		return err;
	}
	if (btf_kind(t) != BTF_KIND_ARRAY)
		return -EINVAL;
	if (!btf_type_skip_modifiers(p->btf, btf_array_of(t)->type, id))
		return -EINVAL;
	if (!is_flexible(p->btf, &p->steps[p->n - 1], btf_array_of(t)) &&
	    idx >= btf_array_of(t)->nelems)
		return -EINVAL;
	err = add_step(p, *id, idx, NULL);
	if (!err)
		err = btf_type_size(p->btf, *id, &size);
	if (!err)
		p->bits += idx * size * 8;
	return err;
}

static int parse_path(const struct relo *r, struct path *p)
{
	const char *text = btf_str(r->local, r->record->access_str_off);
	const struct btf_type *t;
	u32 id, size;
	int err;

	memset(p, 0, sizeof(*p));
	p->btf = r->local;
	p->root = r->record->type_id;
	if (!text || !*text)
		return -EINVAL;
	if (about_type(r->record->kind))
		return strcmp(text, "0") ? -EINVAL : 0;
	err = parse_numbers(p, text);
	if (err)
		return err;
	t = btf_type_skip_modifiers(p->btf, p->root, &id);
	if (!t)
		return -EINVAL;
	if (about_enumerator(r->record->kind)) {
		if (!btf_is_enum(t) || p->nr_raw > 1 || p->raw[0] >= btf_vlen(t))
			return -EINVAL;
		return add_step(p, id, p->raw[0], enumerator(p->btf, t, p->raw[0]));
	}
	if (!about_field(r->record->kind))
		return -EINVAL;
	err = add_step(p, id, p->raw[0], NULL);
	if (!err)
		err = btf_type_size(p->btf, id, &size);
	if (err)
		return err;
	p->bits = p->raw[0] * size * 8;
	for (u32 i = 1; i < p->nr_raw && !err; i++)
		err = local_step(p, &id, p->raw[i]);
	return err;
}

/* ---- the same path in a candidate: 1, 0: it has none, or -errno ---- */

static bool same_name(const char *a, const char *b)
{
	size_t n = btf_core_name_len(a);

	return n == btf_core_name_len(b) && !memcmp(a, b, n);
}

/* Whether a member may be read as one of the other type. */
static int fields_agree(const struct btf *a_btf, u32 a_id, const struct btf *b_btf, u32 b_id)
{
	const struct btf_type *a, *b;
	const char *a_name, *b_name;

	for (u32 depth = 0; depth < BTF_RESOLVE_DEPTH; depth++) {
		a = btf_type_skip_modifiers(a_btf, a_id, &a_id);
		b = btf_type_skip_modifiers(b_btf, b_id, &b_id);
		if (!a || !b)
			return -EINVAL;
		if (is_composite(a) && is_composite(b))
			return 1;
		if (btf_kind(a) != btf_kind(b) && !(btf_is_enum(a) && btf_is_enum(b)))
			return 0;
		switch (btf_kind(a)) {
		case BTF_KIND_PTR:
		case BTF_KIND_FLOAT:
			return 1;
		case BTF_KIND_FWD:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			a_name = btf_str(a_btf, a->name_off) ?: "";
			b_name = btf_str(b_btf, b->name_off) ?: "";
			return !*a_name || !*b_name || same_name(a_name, b_name);
		case BTF_KIND_INT:
			return !BTF_INT_OFFSET(btf_int_data(a)) && !BTF_INT_OFFSET(btf_int_data(b));
		case BTF_KIND_ARRAY:
			a_id = btf_array_of(a)->type;
			b_id = btf_array_of(b)->type;
			continue;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

/* Member @want of the local type in *@id and its unnamed members; *@id becomes the member's type. */
static int find_member(const struct relo *r, const struct step *want, struct path *p, u32 *id)
{
	const struct btf_type *local = btf_type_get(r->local, want->type_id), *t;
	u32 own, next;
	int err;

	t = btf_type_skip_modifiers(p->btf, *id, &own);
	if (!t)
		return -EINVAL;
	for (u32 i = 0; is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = btf_str(p->btf, m->name_off);
		u32 bits = btf_member_bit_offset(t, m);

		err = add_raw(p, i);
		if (err)
			return err;
		p->bits += bits;
		next = m->type;
		if (!name || !*name) {
			err = find_member(r, want, p, &next);
			if (err > 0)
				*id = next;
			if (err)
				return err;
		} else if (!strcmp(name, want->name)) {
			err = add_step(p, own, i, name);
			if (!err)
				err = fields_agree(r->local, btf_members(local)[want->idx].type,
						   p->btf, m->type);
			if (err > 0)
				*id = next;
			else if (!err)
				p->n--;
			return err;
		}
		p->bits -= bits;
		p->nr_raw--;
	}
	return 0;
}

/* Element @want->idx of what *@id is: of the array, or (@first) of the objects behind a pointer. */
static int find_element(struct path *p, const struct step *want, bool first, u32 *id)
{
	const struct btf_type *t = btf_type_skip_modifiers(p->btf, *id, id);
	u32 size;
	int err;

	if (!t)
		return -EINVAL;
	if (!first) {
		if (btf_kind(t) != BTF_KIND_ARRAY)
			return 0;
		if (!is_flexible(p->btf, &p->steps[p->n - 1], btf_array_of(t)) &&
		    want->idx >= btf_array_of(t)->nelems)
			return 0;
		if (!btf_type_skip_modifiers(p->btf, btf_array_of(t)->type, id))
			return -EINVAL;
	}
	err = add_raw(p, want->idx);
	if (!err)
		err = add_step(p, *id, want->idx, NULL);
	if (!err)
		err = btf_type_size(p->btf, *id, &size);
	if (err)
		return err;
	p->bits += want->idx * size * 8;
	return 1;
}

static int match_path(struct relo *r, const struct btf *btf, u32 id)
{
	const struct path *from = &r->from;
	struct path *p = &r->to;
	const struct btf_type *t;
	u32 kind = r->record->kind;
	int found = 1;

	memset(p, 0, sizeof(*p));
	p->btf = btf;
	p->root = id;
	if (kind == BPF_CORE_TYPE_MATCHES)
		return btf_core_types_match(from->btf, from->root, btf, id, false, MATCH_DEPTH);
	if (about_type(kind))
		return btf_core_types_compat(from->btf, from->root, btf, id);
	if (about_enumerator(kind)) {
		t = btf_type_skip_modifiers(btf, id, &id);
		for (u32 i = 0; t && btf_is_enum(t) && i < btf_vlen(t); i++) {
			if (!same_name(from->steps[0].name, enumerator(btf, t, i)))
				continue;
			add_step(p, id, i, enumerator(btf, t, i));
			add_raw(p, i);
			return 1;
		}
		return 0;
	}
	for (u32 i = 0; i < from->n && found > 0; i++) {
		if (from->steps[i].name)
			found = find_member(r, &from->steps[i], p, &id);
		else
			found = find_element(p, &from->steps[i], !i, &id);
	}
	return found;
}

/* ---- values ---- */

/* The smallest aligned integer that holds a bit-field: its offset and size. -E2BIG: none does. */
static int bitfield_unit(struct relo *r, u32 bit_off, u32 bits, u32 *off, u32 *size)
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
static int element_value(struct relo *r, const struct path *p, struct value *v)
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

static int field_value(struct relo *r, const struct path *p, struct value *v)
{
	const struct btf_type *t, *mt;
	u32 bits, size, off, id;
	const struct btf_member *m;
	const struct step *last;
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

static int value_of(struct relo *r, const struct path *p, struct value *v)
{
	u32 kind = r->record->kind, size;

	memset(v, 0, sizeof(*v));
	if (about_field(kind))
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
			v->val = enumerator_value(btf_type_get(p->btf, p->steps[0].type_id),
						  p->steps[0].idx);
		return 0;
	}
}

static bool is_unsigned_int(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_INT && BTF_INT_ENCODING(btf_int_data(t)) != BTF_INT_SIGNED;
}

/* By @to, or when it is NULL as no candidate has the path. */
static int answer_of(struct relo *r, const struct path *to, struct answer *a)
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
static int find_candidates(struct relo *r, const char *name, u32 kind)
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
			    same_name(name, btf_type_name(f->btf, f->id)) &&
			    vec_push(&core->cands, *f))
				return -ENOMEM;
		}
	}
	return 0;
}

/* What all candidates that have the path agree on. */
static int calculate(struct relo *r, struct answer *out, struct btf_refusal *why)
{
	struct answer a;
	bool any = false;
	int err;

	for (size_t i = 0; i < r->core->cands.n; i++) {
		const struct btf_core_cand *c = &r->core->cands.v[i];

		err = match_path(r, c->btf, c->id);
		if (err < 0) {
			btf_refuse(why, BTF_DIAG_CORE_MATCH, r->index, (u32)i, path_text(r, &r->to),
				   err);
			return err;
		}
		say(r, "%s candidate #%zu %s\n", err ? "matching" : "non-matching", i,
		    path_text(r, &r->to));
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

static void poison(struct relo *r, struct bpf_insn *insn)
{
	u32 n = is_imm64(insn) ? 2 : 1;

	for (u32 i = 0; i < n; i++) {
		say(r, "substituting insn #%u w/ invalid insn\n", r->record->insn_off / 8 + i);
		insn[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = BAD_RELO };
	}
}

static int patch_imm64(struct relo *r, struct bpf_insn *insn, u32 left, const struct answer *a,
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

static int patch_memory(struct relo *r, struct bpf_insn *insn, const struct answer *a,
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

static int patch_imm(struct relo *r, struct bpf_insn *insn, const struct answer *a,
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

static int patch(struct relo *r, struct bpf_insn *insn, u32 left, const struct answer *a,
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

static int relocate(struct relo *r, struct bpf_insn *insn, u32 left, struct btf_refusal *why)
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
	err = parse_path(r, &r->from);
	if (err) {
		const char *text = btf_str(r->local, record->access_str_off);

		return btf_refuse(why, BTF_DIAG_CORE_PATH, r->index, record->type_id,
				  btf_kind_name(btf_kind(t)), *name ? name : "<anon>",
				  text ?: "<?>", err);
	}
	say(r, "%s\n", path_text(r, &r->from));
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
	struct relo *r = mem_zalloc(sizeof(*r));
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
