/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Fields of map values and allocated objects that mean something to the kernel:
 * locks, timers, pointers to kernel objects, lists and trees (Linux:
 * btf_parse_fields(), btf_find_field(), btf_parse_struct_metas(), kernel/bpf/btf.c).
 *
 * They are known by the name of their struct, pointers by their type tag. Nothing
 * is looked for behind typedefs, as in Linux.
 *
 * DIFF(btf-kptr-target): whether the kernel has the struct that a kptr names, and a
 * destructor for it, is not asked here.
 * DIFF(btf-unique-nested): "at most one" counts the whole value in every profile.
 */
#include <stdlib.h> /* qsort() */

#include "btf/internal.h"

static const struct field_kind {
	const char *name, *type_name; /* struct; NULL: a pointer */
	u8 size, align;
	bool unique;  /* at most one in a value */
	bool repeats; /* may be in an array */
} kinds[BTF_FIELD_KINDS] = {
	[BTF_FIELD_SPIN_LOCK] = { "bpf_spin_lock", "bpf_spin_lock", 4, 4, true, false },
	[BTF_FIELD_RES_SPIN_LOCK] = { "bpf_res_spin_lock", "bpf_res_spin_lock", 4, 4, true, false },
	[BTF_FIELD_TIMER] = { "bpf_timer", "bpf_timer", 16, 8, true, false },
	[BTF_FIELD_WORKQUEUE] = { "bpf_wq", "bpf_wq", 16, 8, true, false },
	[BTF_FIELD_TASK_WORK] = { "bpf_task_work", "bpf_task_work", 8, 8, true, false },
	[BTF_FIELD_KPTR_UNREF] = { "kptr", NULL, 8, 8, false, true },
	[BTF_FIELD_KPTR_REF] = { "kptr", NULL, 8, 8, false, true },
	[BTF_FIELD_KPTR_PERCPU] = { "percpu_kptr", NULL, 8, 8, false, true },
	[BTF_FIELD_UPTR] = { "uptr", NULL, 8, 8, false, true },
	[BTF_FIELD_LIST_HEAD] = { "bpf_list_head", "bpf_list_head", 16, 8, false, true },
	[BTF_FIELD_LIST_NODE] = { "bpf_list_node", "bpf_list_node", 24, 8, false, false },
	[BTF_FIELD_RB_ROOT] = { "bpf_rb_root", "bpf_rb_root", 16, 8, false, true },
	[BTF_FIELD_RB_NODE] = { "bpf_rb_node", "bpf_rb_node", 32, 8, false, false },
	[BTF_FIELD_REFCOUNT] = { "bpf_refcount", "bpf_refcount", 4, 4, true, false },
};

/* Not in a union. */
static bool is_struct(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_STRUCT;
}

const char *btf_field_kind_name(u32 kind)
{
	return kind < BTF_FIELD_KINDS ? kinds[kind].name : "unknown";
}

struct finder {
	const struct btf *btf;
	u32 mask, seen;
	struct btf_field *out;
	const char *node[BTF_FIELDS_MAX]; /* of heads and roots: name of the node's member */
	int n;
	u32 steps; /* structs within structs can be a tree without end in sight */
};

#define MAX_STEPS (1U << 20)

/* Where a field was found: what its declaration tags are attached to. */
struct site {
	u32 owner_id;  /* struct or variable */
	s32 component; /* member, or -1 */
	u32 off;
	u32 size; /* of the variable; 0: a member, whose size is its type's */
};

static int take(struct finder *f, u32 kind, u32 off, u32 btf_id, u32 node)
{
	if (f->n == BTF_FIELDS_MAX)
		return -E2BIG;
	f->out[f->n++] = (struct btf_field){ kind, off, kinds[kind].size, btf_id, node };
	return 0;
}

/* 1: found, 0: an ordinary pointer, or -EINVAL. */
static int pointer_kind(const struct btf *btf, const struct btf_type *t, bool old, u32 *kind,
			u32 *target)
{
	const struct {
		const char *tag;
		u32 kind;
	} tags[] = {
		{ old ? "kptr" : "kptr_untrusted", BTF_FIELD_KPTR_UNREF },
		{ old ? "kptr_ref" : "kptr", BTF_FIELD_KPTR_REF },
		{ "percpu_kptr", BTF_FIELD_KPTR_PERCPU },
		{ "uptr", BTF_FIELD_UPTR },
	};
	const struct btf_type *next;
	const char *tag;
	u32 i;

	if (btf_kind(t) == BTF_KIND_VOLATILE)
		t = btf_type_get(btf, t->type);
	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return 0;
	t = btf_type_get(btf, t->type);
	if (!t || btf_kind(t) != BTF_KIND_TYPE_TAG)
		return 0;
	next = btf_type_get(btf, t->type);
	if (next && btf_kind(next) == BTF_KIND_TYPE_TAG)
		return -EINVAL;
	tag = btf_name_or_anon(btf, t->name_off);
	for (i = 0; i < ARRAY_SIZE(tags) && strcmp(tags[i].tag, tag); i++)
		;
	if (i == ARRAY_SIZE(tags))
		return -EINVAL;
	t = btf_type_skip_modifiers(btf, t->type, target);
	if (!t || !is_struct(t))
		return -EINVAL;
	*kind = tags[i].kind;
	return 1;
}

/* The struct of the tag "contains:STRUCT:MEMBER"; where its member is comes later. */
static int graph_root(struct finder *f, u32 kind, const struct site *s)
{
	const char *value, *colon;
	char *name;
	int err;
	s32 id;

	value = btf_decl_tag_value(f->btf, s->owner_id, s->component, "contains:", &err);
	colon = value ? strchr(value, ':') : NULL;
	if (!colon)
		return -EINVAL;
	name = mem_dup(value, colon - value + 1);
	if (!name)
		return -ENOMEM;
	name[colon - value] = 0;
	id = btf_find_by_name_kind(f->btf, name, BTF_KIND_STRUCT);
	mem_free(name);
	if (id < 0)
		return id;
	if (!colon[1])
		return -EINVAL;
	if (f->n < BTF_FIELDS_MAX)
		f->node[f->n] = colon + 1;
	return take(f, kind, s->off, id, 0);
}

/* Offset of the node that links objects of struct r->btf_id into the list or tree @r. */
static int find_node(const struct btf *btf, const char *name, struct btf_field *r)
{
	const char *node_type = r->kind == BTF_FIELD_LIST_HEAD ? "bpf_list_node" : "bpf_rb_node";
	const struct btf_type *t = btf_type_get(btf, r->btf_id), *node = NULL;
	u32 i;

	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		u32 off = btf_member_bit_offset(t, m);

		if (strcmp(btf_name_or_anon(btf, m->name_off), name))
			continue;
		if (node)
			return -EINVAL;
		node = btf_type_get(btf, m->type);
		if (!node || !is_struct(node) || off % 64 ||
		    strcmp(btf_name_or_anon(btf, node->name_off), node_type))
			return -EINVAL;
		r->node_offset = off / 8;
	}
	return node ? 0 : -ENOENT;
}

static int find_in_struct(struct finder *f, u32 id, u32 base, u32 level);

/* The fields [from, f->n) again for each further element of an array. */
static int repeat(struct finder *f, int from, u32 nelems, u32 elem_size)
{
	int n = f->n - from, i;
	u32 e;

	if (nelems == 1)
		return 0;
	for (i = from; i < f->n; i++)
		if (!kinds[f->out[i].kind].repeats)
			return -EINVAL;
	for (e = 1; n && e < nelems; e++)
		for (i = from; i < from + n; i++) {
			if (f->n == BTF_FIELDS_MAX)
				return -E2BIG;
			f->out[f->n] = f->out[i];
			f->node[f->n] = f->node[i];
			f->out[f->n++].offset += e * elem_size;
		}
	return 0;
}

static int kind_of(const struct finder *f, const struct btf_type *t)
{
	const char *name = btf_name_or_anon(f->btf, t->name_off);
	u32 k;

	for (k = 0; k < BTF_FIELD_KINDS; k++)
		if ((f->mask & BIT(k)) && kinds[k].type_name && !strcmp(kinds[k].type_name, name))
			return k;
	if ((f->mask & BTF_FIELDS_KPTR) && !is_struct(t))
		return BTF_FIELD_KPTR_REF;
	return -1;
}

static int find_one(struct finder *f, const struct site *s, u32 type_id, u32 level)
{
	const struct btf_type *t = btf_type_get(f->btf, type_id);
	u32 nelems = 1, i, kind, target;
	int from = f->n, found, res;

	for (i = 0; t && btf_kind(t) == BTF_KIND_ARRAY; i++) {
		if (i == BTF_RESOLVE_DEPTH)
			return -E2BIG;
		nelems *= btf_array_of(t)->nelems;
		type_id = btf_array_of(t)->type;
		t = btf_type_get(f->btf, type_id);
	}
	if (!t || !nelems)
		return 0;
	found = kind_of(f, t);
	if (found < 0) {
		if (!is_struct(t) || (s->size && s->size != t->size * nelems))
			return 0;
		if (level + 1 >= BTF_RESOLVE_DEPTH)
			return -E2BIG;
		res = find_in_struct(f, type_id, s->off, level + 1);
		return res || f->n == from ? res : repeat(f, from, nelems, t->size);
	}
	kind = found;
	if (kinds[kind].unique) {
		if (f->seen & BIT(kind))
			return -E2BIG;
		f->seen |= BIT(kind);
	}
	if ((s->size && s->size != kinds[kind].size * nelems) || s->off % kinds[kind].align)
		return 0;
	if (!kinds[kind].type_name) {
		res = pointer_kind(f->btf, t, f->mask & BTF_FIELDS_OLD_KPTR, &kind, &target);
		if (res <= 0 || !(f->mask & BIT(kind)))
			return res < 0 ? res : 0;
		res = take(f, kind, s->off, target, 0);
	} else if (!is_struct(t) || t->size != kinds[kind].size) {
		return 0;
	} else if (kind == BTF_FIELD_LIST_HEAD || kind == BTF_FIELD_RB_ROOT) {
		res = graph_root(f, kind, s);
	} else {
		res = take(f, kind, s->off, 0, 0);
	}
	return res ? res : repeat(f, from, nelems, kinds[kind].size);
}

static int find_in_struct(struct finder *f, u32 id, u32 base, u32 level)
{
	const struct btf_type *t = btf_type_get(f->btf, id);
	u32 i;

	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		u32 off = btf_member_bit_offset(t, m);
		struct site s = { id, (s32)i, base + off / 8, 0 };
		int err;

		if (f->steps++ == MAX_STEPS)
			return -E2BIG;
		/* Linux refuses such a member; bit-fields do not matter here */
		if (off % 8)
			return -EINVAL;
		err = find_one(f, &s, m->type, level);
		if (err)
			return err;
	}
	return 0;
}

static int find_in_datasec(struct finder *f, const struct btf_type *t)
{
	u32 i;

	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = btf_secinfos(t) + i;
		const struct btf_type *var = btf_type_get(f->btf, v->type);
		struct site s = { v->type, -1, v->offset, v->size };
		int err;

		if (!var || btf_kind(var) != BTF_KIND_VAR)
			continue;
		err = find_one(f, &s, var->type, 0);
		if (err)
			return err;
	}
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct btf_field *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int btf_find_fields(const struct btf *btf, u32 id, u32 mask, u32 value_size, struct btf_field *out)
{
	const struct btf_type *t = btf_type_get(btf, id);
	struct finder f = { .btf = btf, .mask = mask, .out = out };
	u32 have = 0, end = 0;
	int err, i;

	if (t && is_struct(t))
		err = find_in_struct(&f, id, 0, 0);
	else if (t && btf_kind(t) == BTF_KIND_DATASEC)
		err = find_in_datasec(&f, t);
	else
		return -EINVAL;
	if (err)
		return err;
	for (i = 0; i < f.n; i++) {
		if ((u64)out[i].offset + out[i].size > value_size)
			return -EFAULT;
		if (out[i].offset < end)
			return -EEXIST;
		end = out[i].offset + out[i].size;
		have |= BIT(out[i].kind);
		if (out[i].kind == BTF_FIELD_LIST_HEAD || out[i].kind == BTF_FIELD_RB_ROOT) {
			err = find_node(btf, f.node[i], &out[i]);
			if (err)
				return err;
		}
	}
	/* Heads and roots are changed under the value's lock. */
	if ((have & (BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_RB_ROOT))) &&
	    !(have & (BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK))))
		return -EINVAL;
	if ((have & BIT(BTF_FIELD_LIST_NODE)) && (have & BIT(BTF_FIELD_RB_NODE)) &&
	    !(have & BIT(BTF_FIELD_REFCOUNT)))
		return -EINVAL;
	qsort(out, f.n, sizeof(*out), by_offset);
	return f.n;
}

/* ---- structs of user BTF that programs may allocate: checked when it is loaded ---- */

#define KVER_STRUCT_METAS KVER(6, 2)
#define KVER_STRUCT_KPTRS KVER(6, 11)
#define OWNERSHIP_DEPTH	  8

static const u32 alloc_mask = BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_RES_SPIN_LOCK) |
			      BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_LIST_NODE) |
			      BIT(BTF_FIELD_RB_ROOT) | BIT(BTF_FIELD_RB_NODE) |
			      BIT(BTF_FIELD_REFCOUNT);

/* Whether @id is the first struct of a special name, or a pointer with a tag that objects can have. */
static bool is_special(const struct btf *btf, u32 id, const s32 *special, bool kptrs)
{
	const struct btf_type *t = btf_type_get(btf, id);
	u32 k, kind, target;

	for (k = 0; k < BTF_FIELD_KINDS; k++)
		if (special[k] == id)
			return true;
	return kptrs && t && pointer_kind(btf, t, false, &kind, &target) == 1 &&
	       kind != BTF_FIELD_UPTR;
}

static bool has_special(const struct btf *btf, const struct btf_type *t, const s32 *special,
			bool kptrs)
{
	u32 i;

	for (i = 0; i < btf_vlen(t); i++)
		if (is_special(btf, btf_members(t)[i].type, special, kptrs))
			return true;
	return false;
}

struct metas {
	struct btf_check *c;
	const struct btf *btf;
	s32 special[BTF_FIELD_KINDS];
	u32 mask;
	bool kptrs;
	u32 *have; /* by id: kinds of fields; 0: not such a struct */
	u8 *depth; /* by id: levels of ownership, once known */
};

#define ROOTS (BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_RB_ROOT))
#define NODES (BIT(BTF_FIELD_LIST_NODE) | BIT(BTF_FIELD_RB_NODE))

/*
 * Objects that own objects are freed recursively. At first a node that was itself a
 * root might own no further roots; later it is a question of depth. 6.12 got that as
 * a correction, 6.18.44 had not.
 */
static bool owns_deeply(kver profile)
{
	return profile == KVER(6, 12) || profile > KVER(6, 18);
}

static int find_metas(struct metas *m)
{
	struct btf_field f[BTF_FIELDS_MAX];
	u32 nr = btf_nr_types(m->btf), id;
	int n, i;

	for (id = btf_start_id(m->btf); id < nr; id++) {
		const struct btf_type *t = btf_type_get(m->btf, id);

		if (!is_struct(t) || !has_special(m->btf, t, m->special, m->kptrs))
			continue;
		m->c->log_id = id;
		n = btf_find_fields(m->btf, id, m->mask, t->size, f);
		if (n <= 0)
			return n ? n : -EFAULT;
		for (i = 0; i < n; i++)
			m->have[id] |= BIT(f[i].kind);
	}
	return 0;
}

/* What the roots of struct @id own must be structs that have been found, too. */
static int check_owned(struct metas *m, u32 id)
{
	struct btf_field f[BTF_FIELDS_MAX];
	int n, i;

	m->c->log_id = id;
	n = btf_find_fields(m->btf, id, m->mask, btf_type_get(m->btf, id)->size, f);
	for (i = 0; i < n; i++) {
		if (!(ROOTS & BIT(f[i].kind)))
			continue;
		if (!m->have[f[i].btf_id])
			return -EFAULT;
		if (!owns_deeply(m->c->profile) && (m->have[id] & NODES) &&
		    (m->have[f[i].btf_id] & ROOTS))
			return -ELOOP;
	}
	return n < 0 ? n : 0;
}

/* Levels at and below @id, at most @left: else -ELOOP, also for a cycle. */
static int owned_depth(struct metas *m, u32 id, int left)
{
	struct btf_field f[BTF_FIELDS_MAX];
	int n, i, below = 0, res;

	if (!left)
		return -ELOOP;
	if (!m->depth[id]) {
		n = btf_find_fields(m->btf, id, m->mask, btf_type_get(m->btf, id)->size, f);
		for (i = 0; i < n; i++) {
			if (!(ROOTS & BIT(f[i].kind)))
				continue;
			res = owned_depth(m, f[i].btf_id, left - 1);
			if (res < 0)
				return res;
			below = max(below, res);
		}
		m->depth[id] = below + 1;
	}
	return m->depth[id] > left ? -ELOOP : m->depth[id];
}

static int check_metas(struct metas *m)
{
	u32 nr = btf_nr_types(m->btf), id;
	int err = find_metas(m);

	for (id = btf_start_id(m->btf); id < nr && !err; id++)
		if (m->have[id])
			err = check_owned(m, id);
	for (id = btf_start_id(m->btf); id < nr && !err && owns_deeply(m->c->profile); id++)
		if (m->have[id])
			err = min(owned_depth(m, id, OWNERSHIP_DEPTH), 0);
	return err;
}

int btf_check_fields(struct btf_check *c)
{
	struct metas m = { .c = c, .btf = c->btf, .mask = alloc_mask };
	u32 n = btf_nr_types(c->btf), i;
	int err = -ENOMEM;

	if (c->profile < KVER_STRUCT_METAS)
		return 0;
	m.kptrs = c->profile >= KVER_STRUCT_KPTRS;
	if (m.kptrs)
		m.mask |= BTF_FIELDS_KPTR & ~BIT(BTF_FIELD_UPTR);
	for (i = 0; i < BTF_FIELD_KINDS; i++)
		m.special[i] =
			m.mask & BIT(i) && kinds[i].type_name ?
				btf_find_by_name_kind(c->btf, kinds[i].type_name, BTF_KIND_STRUCT) :
				-ENOENT;
	m.have = mem_calloc(n, sizeof(*m.have));
	m.depth = mem_calloc(n, 1);
	if (m.have && m.depth)
		err = check_metas(&m);
	mem_free(m.have);
	mem_free(m.depth);
	return err;
}
