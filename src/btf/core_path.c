/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths into types ("0:3:1": member 3, its element 1), and the same path in another type, by the names of
 * its members (Linux: bpf_core_parse_spec() and bpf_core_spec_match() in tools/lib/bpf/relo_core.c).
 */
#include "btf/core_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define MATCH_DEPTH 2 /* Linux: MAX_TYPES_MATCH_DEPTH */

static const char *enumerator(const struct btf *btf, const struct btf_type *t, u32 i)
{
	return btf_str(btf, btf_kind(t) == BTF_KIND_ENUM ? btf_enums(t)[i].name_off :
							   btf_enums64(t)[i].name_off);
}

/* ---- paths ---- */

static bool is_composite(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION;
}

/* A last member that is an array without elements has any number of them. */
static bool is_flexible(const struct btf *btf, const struct core_step *member,
			const struct btf_array *array)
{
	return member->name && !array->nelems &&
	       member->idx + 1 == btf_vlen(btf_type_get(btf, member->type_id));
}

static int add_step(struct core_path *p, u32 type_id, u32 idx, const char *name)
{
	if (p->n == PATH_MAX_LEN)
		return -E2BIG;
	p->steps[p->n++] = (struct core_step){ .type_id = type_id, .idx = idx, .name = name };
	return 0;
}

static int add_raw(struct core_path *p, u32 idx)
{
	if (p->nr_raw == PATH_MAX_LEN)
		return -E2BIG;
	p->raw[p->nr_raw++] = idx;
	return 0;
}

static int parse_numbers(struct core_path *p, const char *text)
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
static int local_step(struct core_path *p, u32 *id, u32 idx)
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

int core_path_parse(const struct core_relo *r, struct core_path *p)
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
	if (core_about_type(r->record->kind))
		return strcmp(text, "0") ? -EINVAL : 0;
	err = parse_numbers(p, text);
	if (err)
		return err;
	t = btf_type_skip_modifiers(p->btf, p->root, &id);
	if (!t)
		return -EINVAL;
	if (core_about_enumerator(r->record->kind)) {
		if (!btf_is_enum(t) || p->nr_raw > 1 || p->raw[0] >= btf_vlen(t))
			return -EINVAL;
		return add_step(p, id, p->raw[0], enumerator(p->btf, t, p->raw[0]));
	}
	if (!core_about_field(r->record->kind))
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

bool core_same_name(const char *a, const char *b)
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
			return !*a_name || !*b_name || core_same_name(a_name, b_name);
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
static int find_member(const struct core_relo *r, const struct core_step *want, struct core_path *p,
		       u32 *id)
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
static int find_element(struct core_path *p, const struct core_step *want, bool first, u32 *id)
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

int core_path_match(struct core_relo *r, const struct btf *btf, u32 id)
{
	const struct core_path *from = &r->from;
	struct core_path *p = &r->to;
	const struct btf_type *t;
	u32 kind = r->record->kind;
	int found = 1;

	memset(p, 0, sizeof(*p));
	p->btf = btf;
	p->root = id;
	if (kind == BPF_CORE_TYPE_MATCHES)
		return btf_core_types_match(from->btf, from->root, btf, id, false, MATCH_DEPTH);
	if (core_about_type(kind))
		return btf_core_types_compat(from->btf, from->root, btf, id);
	if (core_about_enumerator(kind)) {
		t = btf_type_skip_modifiers(btf, id, &id);
		for (u32 i = 0; t && btf_is_enum(t) && i < btf_vlen(t); i++) {
			if (!core_same_name(from->steps[0].name, enumerator(btf, t, i)))
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

/* ---- as text ---- */

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

u64 core_enumerator_value(const struct btf_type *t, u32 i)
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
const char *core_path_text(struct core_relo *r, const struct core_path *p)
{
	const struct btf_type *t = btf_type_get(p->btf, p->root);
	const char *name = btf_str(p->btf, t->name_off);
	size_t room = sizeof(r->text);
	u32 kind = r->record->kind;
	char *at = r->text;

	append(&at, &room, "<%s> [%u] %s %s", kind_name(kind), p->root, btf_kind_name(btf_kind(t)),
	       name && *name ? name : "<anon>");
	if (core_about_enumerator(kind) && p->nr_raw) {
		bool is_signed = btf_kflag(t);

		t = btf_type_skip_modifiers(p->btf, p->root, NULL);
		append(&at, &room, is_signed ? "::%s = %lld" : "::%s = %llu",
		       enumerator(p->btf, t, p->raw[0]),
		       (unsigned long long)core_enumerator_value(t, p->raw[0]) &
			       (btf_kind(t) == BTF_KIND_ENUM && !is_signed ? 0xffffffffULL :
									     ~0ULL));
	}
	if (!core_about_field(kind))
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
