/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Questions about types (Linux: btf_type_by_id(), btf_find_by_name_kind(),
 * btf_type_skip_modifiers(), btf_resolve_size() ... of kernel/bpf/btf.c).
 *
 * Types are looked up by name through a hash index, made at the first question:
 * 2-4 ms for a kernel's 150,000 types, where Linux compares them one by one.
 */
#include "btf/internal.h"

static const struct btf_type btf_void_type;

/* ---- the whole ---- */

const struct btf *btf_base(const struct btf *btf)
{
	return btf->base;
}

u32 btf_nr_types(const struct btf *btf)
{
	return btf->start_id + btf->n;
}

u32 btf_start_id(const struct btf *btf)
{
	return btf->base ? btf->start_id : 1;
}

const void *btf_raw_data(const struct btf *btf, u32 *size)
{
	*size = btf->size;
	return btf->data;
}

bool btf_is_trusted(const struct btf *btf)
{
	return btf->trusted;
}

u32 btf_pointer_size(const struct btf *btf)
{
	return btf->ptr_size;
}

/* ---- types ---- */

const struct btf_type *btf_type_get(const struct btf *btf, u32 id)
{
	if (!id)
		return &btf_void_type;
	while (id < btf->start_id)
		btf = btf->base;
	id -= btf->start_id;
	return id < btf->n ? (const void *)(btf->types + btf->offs.v[id]) : NULL;
}

const char *btf_str(const struct btf *btf, u32 offset)
{
	while (offset < btf->start_str)
		btf = btf->base;
	offset -= btf->start_str;
	return offset < btf->hdr.str_len ? btf->strings + offset : NULL;
}

const char *btf_name_or_anon(const struct btf *btf, u32 offset)
{
	const char *name;

	if (!offset)
		return "(anon)";
	name = btf_str(btf, offset);
	return name ? name : "(invalid-name-offset)";
}

const char *btf_type_name(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_get(btf, id);

	return btf_name_or_anon(btf, t ? t->name_off : 0);
}

const char *btf_kind_name(u32 kind)
{
	static const char *const names[NR_BTF_KINDS] = {
		[BTF_KIND_UNKN] = "UNKNOWN",
#define BTF_KIND(value, name, ...) [value] = #name,
#include "tables/btf_kinds.def"
#undef BTF_KIND
	};

	return kind < NR_BTF_KINDS ? names[kind] : "UNKNOWN";
}

const struct btf_type *btf_type_skip_modifiers(const struct btf *btf, u32 id, u32 *res_id)
{
	const struct btf_type *t = btf_type_get(btf, id);
	u32 left = btf_nr_types(btf);

	/* Trusted BTF could hold a cycle of modifiers: give up after as many steps as types. */
	while (t && btf_is_modifier(t)) {
		if (!left--)
			return NULL;
		id = t->type;
		t = btf_type_get(btf, id);
	}
	if (res_id)
		*res_id = id;
	return t;
}

const struct btf_type *btf_type_resolve_ptr(const struct btf *btf, u32 id, u32 *res_id)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, NULL);

	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return NULL;
	return btf_type_skip_modifiers(btf, t->type, res_id);
}

const struct btf_type *btf_type_resolve_func_ptr(const struct btf *btf, u32 id, u32 *res_id)
{
	const struct btf_type *t = btf_type_resolve_ptr(btf, id, res_id);

	return t && btf_kind(t) == BTF_KIND_FUNC_PROTO ? t : NULL;
}

int btf_resolve_size(const struct btf *btf, u32 id, struct btf_sized *out)
{
	const struct btf_type *array = NULL, *t;
	u32 array_id = 0, nelems = 1, size, i;

	for (i = 0; i < BTF_RESOLVE_DEPTH; i++) {
		t = btf_type_skip_modifiers(btf, id, &id);
		if (!t)
			return -EINVAL;
		switch (btf_kind(t)) {
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_FLOAT:
		case BTF_KIND_ENUM64:
			size = t->size;
			break;
		case BTF_KIND_PTR:
			size = btf->ptr_size;
			break;
		case BTF_KIND_ARRAY:
			if (!array) {
				array = t;
				array_id = id;
			}
			if (__builtin_mul_overflow(nelems, btf_array_of(t)->nelems, &nelems))
				return -EINVAL;
			id = btf_array_of(t)->type;
			continue;
		default:
			return -EINVAL;
		}
		out->elem = t;
		out->elem_id = id;
		out->type = array ? array : t;
		out->id = array ? array_id : id;
		out->nelems = nelems;
		return __builtin_mul_overflow(size, nelems, &out->size) ? -EINVAL : 0;
	}
	return -EINVAL;
}

int btf_type_size(const struct btf *btf, u32 id, u32 *size)
{
	const struct btf_type *t = btf_type_get(btf, id);
	struct btf_sized s;
	int err;

	if (t && btf_kind(t) == BTF_KIND_DATASEC) {
		*size = t->size;
		return 0;
	}
	if (t && btf_kind(t) == BTF_KIND_VAR)
		id = t->type;
	err = btf_resolve_size(btf, id, &s);
	if (!err)
		*size = s.size;
	return err;
}

bool btf_int_is_regular(const struct btf_type *t)
{
	u32 data = btf_int_data(t), bits = BTF_INT_BITS(data);

	return !BTF_INT_OFFSET(data) && !(bits % 8) && is_power_of_2(bits / 8) && bits <= 128;
}

bool btf_is_small_int(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_INT && t->size <= 8;
}

bool btf_same_type(const struct btf *a, u32 a_id, const struct btf *b, u32 b_id)
{
	return a_id == b_id && (a == b || btf_type_get(a, a_id) == btf_type_get(b, b_id));
}

/* ---- by name ---- */

static u32 hash_name(const char *s)
{
	u32 h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (u8)*s) * 16777619u;
	return h ^ h >> 15;
}

static void index_free(struct btf_index *x)
{
	if (!x)
		return;
	mem_free(x->head);
	mem_free(x->next);
	mem_free(x);
}

static struct btf_index *index_new(const struct btf *btf)
{
	struct btf_index *x = mem_zalloc(sizeof(*x));
	u32 buckets = 16, i;

	if (!x)
		return NULL;
	while (buckets < btf->n)
		buckets *= 2;
	x->mask = buckets - 1;
	x->head = mem_calloc(buckets, sizeof(u32));
	x->next = mem_calloc(btf->n + 1, sizeof(u32));
	if (!x->head || !x->next) {
		index_free(x);
		return NULL;
	}
	/* Chains hold number + 1 and, being filled from the end, ascend. */
	for (i = btf->n; i-- > !btf->base;) {
		const struct btf_type *t = (const void *)(btf->types + btf->offs.v[i]);
		const char *name = t->name_off ? btf_str(btf, t->name_off) : NULL;
		u32 *head;

		if (!name || !*name)
			continue;
		head = &x->head[hash_name(name) & x->mask];
		x->next[i] = *head;
		*head = i + 1;
	}
	return x;
}

static struct btf_index *index_of(const struct btf *btf)
{
	struct btf_index *x = load_acquire(&btf->index), *none = NULL;

	if (x)
		return x;
	x = index_new(btf);
	if (x && !__atomic_compare_exchange_n(&((struct btf *)btf)->index, &none, x, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		index_free(x);
		x = none;
	}
	return x;
}

static bool is_named(const struct btf *btf, u32 i, const char *name, u32 kind)
{
	const struct btf_type *t = (const void *)(btf->types + btf->offs.v[i]);
	const char *s;

	if (btf_kind(t) != kind)
		return false;
	s = btf_str(btf, t->name_off);
	return s && !strcmp(s, name);
}

s32 btf_find_next(const struct btf *btf, const char *name, u32 kind, u32 after)
{
	const struct btf_index *x;
	u32 i;
	s32 id;

	if (btf->base && after < btf->start_id - 1) {
		id = btf_find_next(btf->base, name, kind, after);
		if (id > 0)
			return id;
	}
	x = *name ? index_of(btf) : NULL;
	if (x) {
		for (i = x->head[hash_name(name) & x->mask]; i; i = x->next[i - 1])
			if (btf->start_id + i - 1 > after && is_named(btf, i - 1, name, kind))
				return btf->start_id + i - 1;
		return -ENOENT;
	}
	/* No memory for an index (or nothing that it holds): the long way. */
	for (i = after >= btf->start_id ? after - btf->start_id + 1 : !btf->base; i < btf->n; i++)
		if (is_named(btf, i, name, kind))
			return btf->start_id + i;
	return -ENOENT;
}

s32 btf_find_by_name_kind(const struct btf *btf, const char *name, u32 kind)
{
	return btf_find_next(btf, name, kind, 0);
}

/* ---- members ---- */

/* @left: members still to be looked at, lest hostile nesting take for ever. */
static int member_find(const struct btf *btf, u32 id, const char *name, u32 base, u32 depth,
		       u32 *left, struct btf_member_at *out)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, &id), *mt;
	u32 i;

	if (!t || !btf_is_struct(t) || depth == BTF_RESOLVE_DEPTH)
		return -ENOENT;
	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		u32 off = base + btf_member_bit_offset(t, m);
		const char *s = btf_str(btf, m->name_off);

		if (!*left || !--*left)
			return -ENOENT;
		if (s && *s && !strcmp(s, name)) {
			*out =
				(struct btf_member_at){ t,	m, id, off, btf_member_bits(t, m),
							m->type };
			return 0;
		}
		if (s && *s)
			continue;
		mt = btf_type_skip_modifiers(btf, m->type, NULL);
		if (mt && btf_is_struct(mt) &&
		    !member_find(btf, m->type, name, off, depth + 1, left, out))
			return 0;
	}
	return -ENOENT;
}

int btf_member_find(const struct btf *btf, u32 id, const char *name, struct btf_member_at *out)
{
	u32 left = 1U << 20;

	return member_find(btf, id, name, 0, 0, &left, out);
}

int btf_member_at(const struct btf *btf, u32 id, u32 off, struct btf_member_at *out)
{
	u32 base = 0, depth, i;
	bool found = false;

	for (depth = 0; depth < BTF_RESOLVE_DEPTH; depth++) {
		const struct btf_type *t = btf_type_skip_modifiers(btf, id, &id);
		const struct btf_member *hit = NULL;
		struct btf_sized s;

		if (!t || !btf_is_struct(t))
			break;
		for (i = 0; i < btf_vlen(t); i++) {
			const struct btf_member *m = btf_members(t) + i;
			u32 start = base + btf_member_bit_offset(t, m),
			    bits = btf_member_bits(t, m);
			u64 end;

			if (bits)
				end = bits_roundup_bytes(start + bits);
			else if (!btf_resolve_size(btf, m->type, &s))
				end = (u64)start / 8 + s.size;
			else
				continue;
			if (off >= start / 8 && off < end) {
				hit = m;
				break;
			}
		}
		if (!hit)
			break;
		base += btf_member_bit_offset(t, hit);
		*out = (struct btf_member_at){
			t, hit, id, base, btf_member_bits(t, hit), hit->type
		};
		found = true;
		id = hit->type;
	}
	return found ? 0 : -ENOENT;
}

/* ---- enums, functions, sections ---- */

static int enum_value(const struct btf *btf, const struct btf_type *t, const char *name, s64 *value)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;
	u32 i;

	for (i = 0; i < btf_vlen(t); i++) {
		const u32 *e = (const u32 *)(t + 1) + i * (wide ? 3 : 2);
		const char *s = btf_str(btf, e[0]);

		if (!s || strcmp(s, name))
			continue;
		if (wide)
			*value = (s64)((u64)e[2] << 32 | e[1]);
		else
			*value = btf_kflag(t) ? (s64)(s32)e[1] : (s64)e[1];
		return 0;
	}
	return -ENOENT;
}

int btf_enum_value(const struct btf *btf, u32 id, const char *name, s64 *value)
{
	const struct btf_type *t;
	u32 n = btf_nr_types(btf);

	if (id) {
		t = btf_type_skip_modifiers(btf, id, NULL);
		return t && btf_is_enum(t) ? enum_value(btf, t, name, value) : -ENOENT;
	}
	for (id = 1; id < n; id++) {
		t = btf_type_get(btf, id);
		if (btf_is_enum(t) && !enum_value(btf, t, name, value))
			return 0;
	}
	return -ENOENT;
}

const char *btf_enum_name(const struct btf *btf, u32 id, s64 value)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, NULL);
	bool wide;
	u32 i;

	if (!t || !btf_is_enum(t))
		return NULL;
	wide = btf_kind(t) == BTF_KIND_ENUM64;
	for (i = 0; i < btf_vlen(t); i++) {
		const u32 *e = (const u32 *)(t + 1) + i * (wide ? 3 : 2);

		if (wide ? value == (s64)((u64)e[2] << 32 | e[1]) : (u32)value == e[1])
			return btf_str(btf, e[0]);
	}
	return NULL;
}

const struct btf_type *btf_func_proto(const struct btf *btf, u32 id, u32 *proto_id)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, id, &id);

	if (t && (btf_kind(t) == BTF_KIND_FUNC || btf_kind(t) == BTF_KIND_PTR))
		t = btf_type_skip_modifiers(btf, t->type, &id);
	if (!t || btf_kind(t) != BTF_KIND_FUNC_PROTO)
		return NULL;
	if (proto_id)
		*proto_id = id;
	return t;
}

static int datasec_var(const struct btf *btf, const struct btf_type *sec, const char *name,
		       struct btf_var_secinfo *out)
{
	u32 i;

	for (i = 0; i < btf_vlen(sec); i++) {
		const struct btf_type *t = btf_type_get(btf, btf_secinfos(sec)[i].type);
		const char *s = t ? btf_str(btf, t->name_off) : NULL;

		if (s && btf_kind(t) == BTF_KIND_VAR && !strcmp(s, name)) {
			*out = btf_secinfos(sec)[i];
			return 0;
		}
	}
	return -ENOENT;
}

int btf_datasec_var(const struct btf *btf, u32 id, const char *name, struct btf_var_secinfo *out)
{
	u32 from = id ? id : 1, to = id ? id + 1 : btf_nr_types(btf);

	for (id = from; id < to; id++) {
		const struct btf_type *t = btf_type_get(btf, id);

		if (t && btf_kind(t) == BTF_KIND_DATASEC && !datasec_var(btf, t, name, out))
			return 0;
	}
	return -ENOENT;
}

const struct btf_var_secinfo *btf_datasec_at(const struct btf *btf, u32 id, u32 off)
{
	const struct btf_type *t = btf_type_get(btf, id);
	u32 i;

	if (!t || btf_kind(t) != BTF_KIND_DATASEC)
		return NULL;
	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = btf_secinfos(t) + i;

		if (off >= v->offset && off - v->offset < v->size)
			return v;
	}
	return NULL;
}

/* ---- tags ---- */

s32 btf_decl_tag_next(const struct btf *btf, u32 id, s32 component, const char *prefix, u32 after)
{
	u32 n = btf_nr_types(btf), i;
	size_t len = strlen(prefix);

	for (i = after + 1; i < n; i++) {
		const struct btf_type *t = btf_type_get(btf, i);

		if (btf_kind(t) == BTF_KIND_DECL_TAG && t->type == id &&
		    btf_component(t) == component &&
		    !strncmp(btf_name_or_anon(btf, t->name_off), prefix, len))
			return i;
	}
	return -ENOENT;
}

const char *btf_decl_tag_value(const struct btf *btf, u32 id, s32 component, const char *prefix,
			       int *err)
{
	s32 tag = btf_decl_tag_next(btf, id, component, prefix, 0);

	if (tag < 0) {
		*err = tag;
		return NULL;
	}
	if (btf_decl_tag_next(btf, id, component, prefix, tag) > 0) {
		*err = -EEXIST;
		return NULL;
	}
	*err = 0;
	return btf_type_name(btf, tag) + strlen(prefix);
}

bool btf_param_suffix(const struct btf *btf, const struct btf_param *p, const char *suffix)
{
	const char *name = btf_str(btf, p->name_off);
	size_t len = name ? strlen(name) : 0, n = strlen(suffix);

	return len > n && !strcmp(name + len - n, suffix);
}
