/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Second pass over user BTF: what types refer to. Finds cycles, sizes and members
 * that do not fit (Linux: btf_check_all_types(), btf_resolve() and the resolve()
 * and check_member() of each kind, btf_check_type_tags(), kernel/bpf/btf.c).
 *
 * A depth-first walk with an explicit stack of 32 types. A pointer to a struct need
 * not wait for the struct, but a struct must wait for its members: so what ends a
 * chain depends on what it began with (.mode).
 */
#include "btf/internal.h"

enum { NOT_VISITED, VISITED, RESOLVED };

static bool has_size(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_DATASEC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM64:
		return true;
	}
	return false;
}

static bool no_size(const struct btf_type *t)
{
	u32 kind = t ? btf_kind(t) : BTF_KIND_UNKN;

	return kind == BTF_KIND_UNKN || kind == BTF_KIND_FWD || kind == BTF_KIND_FUNC ||
	       kind == BTF_KIND_FUNC_PROTO || kind == BTF_KIND_DECL_TAG;
}

/* May begin a chain of references but not be referred to. */
static bool source_only(const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	return kind == BTF_KIND_VAR || kind == BTF_KIND_DECL_TAG || kind == BTF_KIND_DATASEC;
}

static bool needs_resolve(const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	return btf_is_modifier(t) || btf_is_struct(t) || source_only(t) || kind == BTF_KIND_PTR ||
	       kind == BTF_KIND_ARRAY || kind == BTF_KIND_FUNC;
}

static bool is_sink(const struct btf_check *c, const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	switch (c->mode) {
	case RESOLVE_TBD:
		return !needs_resolve(t);
	case RESOLVE_PTR:
		return !btf_is_modifier(t) && kind != BTF_KIND_PTR;
	case RESOLVE_STRUCT_OR_ARRAY:
		return !btf_is_modifier(t) && kind != BTF_KIND_ARRAY && !btf_is_struct(t);
	}
	return false;
}

/* Types of the base were resolved when it was made. */
static bool is_resolved(const struct btf_check *c, u32 id)
{
	return id < c->btf->start_id || c->visit[id - c->btf->start_id] == RESOLVED;
}

static int push(struct btf_check *c, const struct btf_type *t, u32 id)
{
	struct btf_vertex *v;

	if (c->top == BTF_RESOLVE_DEPTH)
		return -E2BIG;
	if (id < c->btf->start_id || c->visit[id - c->btf->start_id] != NOT_VISITED)
		return -EEXIST;
	c->visit[id - c->btf->start_id] = VISITED;
	v = &c->stack[c->top++];
	v->t = t;
	v->id = id;
	v->next_member = 0;
	if (c->mode == RESOLVE_TBD) {
		if (btf_kind(t) == BTF_KIND_PTR)
			c->mode = RESOLVE_PTR;
		else if (btf_is_struct(t) || btf_kind(t) == BTF_KIND_ARRAY)
			c->mode = RESOLVE_STRUCT_OR_ARRAY;
	}
	return 0;
}

static int pop(struct btf_check *c, u32 id, u32 size)
{
	u32 local = c->stack[--c->top].id - c->btf->start_id;

	c->resolved_size[local] = size;
	c->resolved_id[local] = id;
	c->visit[local] = RESOLVED;
	return 0;
}

/* What a type that had to be resolved came to; without modifiers for a type of the base. */
static u32 resolved_id(const struct btf_check *c, u32 id)
{
	u32 res = 0;

	if (id >= c->btf->start_id)
		return c->resolved_id[id - c->btf->start_id];
	return btf_type_skip_modifiers(c->btf, btf_type_get(c->btf, id)->type, &res) ? res : 0;
}

static u32 array_size(const struct btf_check *c, u32 id)
{
	u32 size = 0;

	if (id >= c->btf->start_id)
		return c->resolved_size[id - c->btf->start_id];
	return btf_type_size(c->btf, id, &size) ? 0 : size;
}

/*
 * The type that gives @*id its size (id updated), or NULL. Of modifiers and
 * variables only what has been resolved is known.
 */
static const struct btf_type *type_id_size(const struct btf_check *c, u32 *id, u32 *size)
{
	const struct btf_type *t = btf_type_get(c->btf, *id);
	u32 n = 0;

	if (no_size(t))
		return NULL;
	if (!has_size(t) && btf_kind(t) != BTF_KIND_ARRAY && btf_kind(t) != BTF_KIND_PTR) {
		*id = resolved_id(c, *id);
		t = btf_type_get(c->btf, *id);
		if (no_size(t))
			return NULL;
	}
	if (has_size(t))
		n = t->size;
	else if (btf_kind(t) == BTF_KIND_ARRAY)
		n = array_size(c, *id);
	else if (btf_kind(t) == BTF_KIND_PTR)
		n = 8;
	else
		return NULL;
	if (size)
		*size = n;
	return t;
}

/* ---- members: does one of that type fit there? ---- */

static int exceeds(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		   u32 bytes, u32 size)
{
	/* in 32 bits, as the kernel */
	if (st->size - bytes < size)
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_SIZE);
	return 0;
}

static int int_bits_fit(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
			u32 off, u32 bits)
{
	u32 copy = bits + off % 8, bytes = off / 8;

	if (copy > 128)
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_U128);
	if (st->size < bytes || st->size - bytes < bits_roundup_bytes(copy))
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_SIZE);
	return 0;
}

/* @off: m->offset taken as bits, which it is without kflag and for a kflag member that is no bit-field. */
static int member_fits(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
		       const struct btf_type *mt, u32 mt_id)
{
	u32 off = m->offset, size = 0, data, misaligned;
	u64 align;

	switch (btf_kind(mt)) {
	case BTF_KIND_INT:
		data = btf_int_data(mt);
		if (UINT32_MAX - off < BTF_INT_OFFSET(data))
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_U32);
		return int_bits_fit(c, st, m, off + BTF_INT_OFFSET(data), BTF_INT_BITS(data));
	case BTF_KIND_FLOAT:
		align = min_t(u64, 8, mt->size) * 8;
		misaligned = off % align;
		if (misaligned)
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_FLOAT_ALIGN);
		if ((u64)off / 8 + mt->size > st->size)
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_SIZE);
		return 0;
	case BTF_KIND_PTR:
		size = 8;
		break;
	case BTF_KIND_ARRAY:
		size = array_size(c, mt_id);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		size = mt->size;
		break;
	default:
		return refuse_basic(c, st, BTF_DIAG_BTF_MEMBER_UNSUPPORTED);
	}
	if (off % 8)
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_ALIGN);
	return exceeds(c, st, m, off / 8, size);
}

static int kflag_int_fits(struct btf_check *c, const struct btf_type *st,
			  const struct btf_member *m, const struct btf_type *mt)
{
	u32 off = BTF_MEMBER_BIT_OFFSET(m->offset), bits = BTF_MEMBER_BITFIELD_SIZE(m->offset);
	u32 type_bits = BTF_INT_BITS(btf_int_data(mt));

	if (!btf_int_is_regular(mt))
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_BASE);
	if (!bits) {
		if (off % 8)
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_INT_OFFSET);
		bits = type_bits;
	} else if (bits > type_bits) {
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_BITFIELD);
	}
	return int_bits_fit(c, st, m, off, bits);
}

static int kflag_enum_fits(struct btf_check *c, const struct btf_type *st,
			   const struct btf_member *m)
{
	u32 off = BTF_MEMBER_BIT_OFFSET(m->offset), bits = BTF_MEMBER_BITFIELD_SIZE(m->offset);

	if (!bits) {
		if (off % 8)
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_ALIGN);
		bits = 32;
	} else if (bits > 32) {
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_BITFIELD);
	}
	if (st->size < bits_roundup_bytes(off + bits))
		return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_SIZE);
	return 0;
}

static int check_member(struct btf_check *c, const struct btf_type *st, const struct btf_member *m,
			const struct btf_type *mt)
{
	struct btf_member resolved = *m;
	u32 id = m->type;

	if (btf_is_modifier(mt)) {
		mt = type_id_size(c, &id, NULL);
		if (!mt)
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER);
		resolved.type = id;
	}
	m = &resolved;
	if (!btf_kflag(st))
		return member_fits(c, st, m, mt, id);
	switch (btf_kind(mt)) {
	case BTF_KIND_INT:
		return kflag_int_fits(c, st, m, mt);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return kflag_enum_fits(c, st, m);
	case BTF_KIND_PTR:
	case BTF_KIND_ARRAY:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_FLOAT:
		if (BTF_MEMBER_BITFIELD_SIZE(m->offset))
			return refuse_member(c, st, m, BTF_DIAG_BTF_MEMBER_BITFIELD);
		return member_fits(c, st, m, mt, id);
	}
	return refuse_basic(c, st, BTF_DIAG_BTF_MEMBER_UNSUPPORTED_KFLAG);
}

/* ---- resolve, by kind: 0 also when something was pushed that must be done first ---- */

static bool must_wait(const struct btf_check *c, const struct btf_type *t, u32 id)
{
	return !is_sink(c, t) && !is_resolved(c, id);
}

/* Whether a chain of references may end in @id although it has no size: void, fwd, prototype. */
static bool ends_sizeless(const struct btf_check *c, u32 *id)
{
	const struct btf_type *t;

	if (is_resolved(c, *id) && needs_resolve(btf_type_get(c->btf, *id)))
		*id = resolved_id(c, *id);
	t = btf_type_get(c->btf, *id);
	return t && (btf_kind(t) == BTF_KIND_UNKN || btf_kind(t) == BTF_KIND_FWD ||
		     btf_kind(t) == BTF_KIND_FUNC_PROTO);
}

/* Modifiers, pointers and variables: one type referred to. */
static int resolve_ref(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *t = v->t, *next;
	u32 id = t->type, kind = btf_kind(t);

	next = btf_type_get(c->btf, id);
	if (!next || source_only(next))
		return refuse_type(c, t, BTF_DIAG_BTF_TYPE_ID);
	if (must_wait(c, next, id))
		return push(c, next, id);
	/*
	 * A modifier that was resolved for a struct may have stopped at a pointer: go on
	 * from there, lest the pointer leads back to this one.
	 */
	if (!btf_is_modifier(t) && btf_is_modifier(next)) {
		u32 last = resolved_id(c, id);
		const struct btf_type *lt = btf_type_get(c->btf, last);

		if (lt && btf_kind(lt) == BTF_KIND_PTR && must_wait(c, lt, last))
			return push(c, lt, last);
	}
	if (!type_id_size(c, &id, NULL) && (kind == BTF_KIND_VAR || !ends_sizeless(c, &id)))
		return refuse_type(c, t, BTF_DIAG_BTF_TYPE_ID);
	return pop(c, id, 0);
}

static int resolve_array(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_array *a = btf_array_of(v->t);
	const struct btf_type *t;
	u32 id = a->index_type, size;

	t = btf_type_get(c->btf, id);
	if (no_size(t) || source_only(t))
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_INDEX);
	if (must_wait(c, t, id))
		return push(c, t, id);
	t = type_id_size(c, &id, NULL);
	if (!t || btf_kind(t) != BTF_KIND_INT || !btf_int_is_regular(t))
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_INDEX);

	id = a->type;
	t = btf_type_get(c->btf, id);
	if (no_size(t) || source_only(t))
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_ELEM);
	if (must_wait(c, t, id))
		return push(c, t, id);
	t = type_id_size(c, &id, &size);
	if (!t)
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_ELEM);
	if (btf_kind(t) == BTF_KIND_INT && !btf_int_is_regular(t))
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_INT);
	if (a->nelems && size > UINT32_MAX / a->nelems)
		return refuse_type(c, v->t, BTF_DIAG_BTF_ARRAY_OVERFLOW);
	return pop(c, id, size * a->nelems);
}

static int resolve_struct(struct btf_check *c, struct btf_vertex *v)
{
	const struct btf_member *m = btf_members(v->t);
	u32 i;
	int err;

	/* A member that had to wait is checked when it has been resolved: hence i - 1. */
	for (i = v->next_member ? v->next_member - 1 : 0; i < btf_vlen(v->t); i++) {
		const struct btf_type *mt = btf_type_get(c->btf, m[i].type);

		if (no_size(mt) || source_only(mt))
			return refuse_member(c, v->t, &m[i], BTF_DIAG_BTF_MEMBER);
		if (must_wait(c, mt, m[i].type)) {
			v->next_member = i + 1;
			return push(c, mt, m[i].type);
		}
		err = check_member(c, v->t, &m[i], mt);
		if (err)
			return err;
	}
	return pop(c, 0, 0);
}

static int resolve_datasec(struct btf_check *c, struct btf_vertex *v)
{
	const struct btf_var_secinfo *var = btf_secinfos(v->t);
	u32 i, id, size;

	c->mode = RESOLVE_TBD;
	for (i = v->next_member; i < btf_vlen(v->t); i++) {
		const struct btf_type *t = btf_type_get(c->btf, var[i].type);

		if (!t || btf_kind(t) != BTF_KIND_VAR)
			return refuse_vsi(c, v->t, &var[i], BTF_DIAG_BTF_VAR_KIND);
		if (must_wait(c, t, var[i].type)) {
			/* its size is not looked at: the kernel goes on with the next one */
			v->next_member = i + 1;
			return push(c, t, var[i].type);
		}
		id = t->type;
		if (!type_id_size(c, &id, &size))
			return refuse_vsi(c, v->t, &var[i], BTF_DIAG_BTF_VAR_TYPE);
		if (var[i].size < size)
			return refuse_vsi(c, v->t, &var[i], BTF_DIAG_BTF_VAR_SIZE);
	}
	return pop(c, 0, 0);
}

static int resolve_func(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *proto = btf_type_get(c->btf, v->t->type);
	u32 i;

	if (!proto || btf_kind(proto) != BTF_KIND_FUNC_PROTO)
		return refuse_type(c, v->t, BTF_DIAG_BTF_TYPE_ID);
	for (i = 0; i < btf_vlen(proto); i++)
		if (!btf_params(proto)[i].name_off && btf_params(proto)[i].type)
			return refuse_type(c, v->t, BTF_DIAG_BTF_ARG, i + 1);
	return pop(c, v->t->type, 0);
}

static int resolve_decl_tag(struct btf_check *c, const struct btf_vertex *v)
{
	const struct btf_type *t = btf_type_get(c->btf, v->t->type);
	s32 component = btf_component(v->t);
	u32 kind = t ? btf_kind(t) : BTF_KIND_UNKN, vlen;

	if (kind != BTF_KIND_FUNC && kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION &&
	    kind != BTF_KIND_VAR && kind != BTF_KIND_TYPEDEF)
		return refuse_type(c, v->t, BTF_DIAG_BTF_TYPE_ID);
	if (must_wait(c, t, v->t->type))
		return push(c, t, v->t->type);
	if (component != -1) {
		if (kind == BTF_KIND_VAR || kind == BTF_KIND_TYPEDEF)
			return refuse_type(c, v->t, BTF_DIAG_BTF_TAG_COMPONENT);
		if (kind == BTF_KIND_FUNC)
			t = btf_type_get(c->btf, t->type);
		vlen = btf_vlen(t);
		if ((u32)component >= vlen)
			return refuse_type(c, v->t, BTF_DIAG_BTF_TAG_COMPONENT);
	}
	return pop(c, v->t->type, 0);
}

static int resolve_one(struct btf_check *c, struct btf_vertex *v)
{
	switch (btf_kind(v->t)) {
	case BTF_KIND_ARRAY:
		return resolve_array(c, v);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return resolve_struct(c, v);
	case BTF_KIND_DATASEC:
		return resolve_datasec(c, v);
	case BTF_KIND_FUNC:
		return resolve_func(c, v);
	case BTF_KIND_DECL_TAG:
		return resolve_decl_tag(c, v);
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		return resolve_ref(c, v);
	}
	return refuse_basic(c, v->t, BTF_DIAG_BTF_RESOLVE_UNSUPPORTED);
}

static bool result_ok(const struct btf_check *c, const struct btf_type *t, u32 id)
{
	u32 rid, size, elem, elem_size;

	if (!is_resolved(c, id))
		return false;
	rid = c->resolved_id[id - c->btf->start_id];
	size = c->resolved_size[id - c->btf->start_id];
	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
		return !rid && !size;
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_FUNC:
		return rid && !size;
	case BTF_KIND_ARRAY:
		elem = btf_array_of(t)->type;
		size -= btf_array_of(t)->nelems *
			(type_id_size(c, &elem, &elem_size) ? elem_size : 0);
		t = btf_type_get(c->btf, elem);
		return !size && !btf_is_modifier(t);
	}
	t = btf_type_get(c->btf, rid);
	return t && !btf_is_modifier(t) && btf_kind(t) != BTF_KIND_VAR &&
	       btf_kind(t) != BTF_KIND_DATASEC;
}

static int resolve(struct btf_check *c, const struct btf_type *t, u32 id)
{
	u32 saved = c->log_id;
	int err;

	c->mode = RESOLVE_TBD;
	err = push(c, t, id);
	while (!err && c->top) {
		struct btf_vertex *v = &c->stack[c->top - 1];

		c->log_id = v->id;
		err = resolve_one(c, v);
	}
	c->log_id = id;
	if (err == -E2BIG)
		err = refuse_type(c, t, BTF_DIAG_BTF_DEPTH, BTF_RESOLVE_DEPTH);
	else if (err == -EEXIST)
		err = refuse_type(c, t, BTF_DIAG_BTF_LOOP);
	if (!err && !result_ok(c, t, id))
		err = refuse_type(c, t, BTF_DIAG_BTF_RESOLVE_STATE);
	c->log_id = saved;
	return err;
}

static int check_proto(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 n = btf_vlen(t), i, id;
	const struct btf_type *at;
	int err;

	if (t->type) {
		id = t->type;
		at = btf_type_get(c->btf, id);
		if (!at || source_only(at))
			return refuse_type(c, t, BTF_DIAG_BTF_RETURN_TYPE);
		if (needs_resolve(at) && !is_resolved(c, id)) {
			err = resolve(c, at, id);
			if (err)
				return err;
		}
		if (!type_id_size(c, &id, NULL))
			return refuse_type(c, t, BTF_DIAG_BTF_RETURN_TYPE);
	}
	if (n && !p[n - 1].type) { /* a vararg */
		if (p[n - 1].name_off)
			return refuse_type(c, t, BTF_DIAG_BTF_ARG, n);
		n--;
	}
	for (i = 0; i < n; i++) {
		id = p[i].type;
		at = btf_type_get(c->btf, id);
		if (!at || source_only(at) || !btf_param_name_ok(c, p[i].name_off))
			return refuse_type(c, t, BTF_DIAG_BTF_ARG, i + 1);
		if (needs_resolve(at) && !is_resolved(c, id)) {
			err = resolve(c, at, id);
			if (err)
				return err;
		}
		if (!type_id_size(c, &id, NULL))
			return refuse_type(c, t, BTF_DIAG_BTF_ARG, i + 1);
	}
	return 0;
}

/* Type tags come before other modifiers, and no chain of modifiers is long. */
static int check_tag_order(struct btf_check *c)
{
	u32 start = c->btf->base ? c->btf->start_id : 1, n = btf_nr_types(c->btf), i;
	u32 good = start - 1;

	for (i = start; i < n; i++) {
		const struct btf_type *t = btf_type_get(c->btf, i);
		bool in_tags = btf_kind(t) == BTF_KIND_TYPE_TAG;
		u32 left = 32, id = i;

		if (!btf_is_modifier(t))
			continue;
		while (btf_is_modifier(t)) {
			if (!left--)
				return refuse_whole(c, BTF_DIAG_BTF_TAG_CHAIN);
			if (btf_kind(t) != BTF_KIND_TYPE_TAG)
				in_tags = false;
			else if (!in_tags)
				return refuse_whole(c, BTF_DIAG_BTF_TAG_ORDER);
			if (id <= good)
				break;
			id = t->type;
			t = btf_type_get(c->btf, id);
			if (!t)
				return -EINVAL;
		}
		good = i;
	}
	return 0;
}

int btf_check_resolve(struct btf_check *c)
{
	struct btf *btf = c->btf;
	u32 i;
	int err;

	c->meta = false;
	c->visit = mem_calloc(btf->n, 1);
	c->resolved_id = mem_calloc(btf->n, sizeof(u32));
	c->resolved_size = mem_calloc(btf->n, sizeof(u32));
	if (!c->visit || !c->resolved_id || !c->resolved_size)
		return -ENOMEM;
	for (i = !btf->base; i < btf->n; i++) {
		u32 id = btf->start_id + i;
		const struct btf_type *t = btf_type_get(btf, id);

		c->log_id = id;
		if (needs_resolve(t) && !is_resolved(c, id)) {
			err = resolve(c, t, id);
			if (err)
				return err;
		}
		if (btf_kind(t) == BTF_KIND_FUNC_PROTO) {
			err = check_proto(c, t);
			if (err)
				return err;
		}
	}
	return check_tag_order(c);
}
