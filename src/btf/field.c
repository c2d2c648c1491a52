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
	int n;
};

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
static int pointer_kind(const struct btf *btf, const struct btf_type *t, u32 *kind, u32 *target)
{
	static const struct {
		const char *tag;
		u32 kind;
	} tags[] = {
		{ "kptr_untrusted", BTF_FIELD_KPTR_UNREF },
		{ "kptr", BTF_FIELD_KPTR_REF },
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

/* The node's struct and its offset there, from the tag "contains:STRUCT:MEMBER". */
static int graph_root(struct finder *f, u32 kind, const struct site *s)
{
	const char *node_type = kind == BTF_FIELD_LIST_HEAD ? "bpf_list_node" : "bpf_rb_node";
	const char *value, *colon;
	const struct btf_type *t, *node = NULL;
	char *name;
	u32 off = 0, i;
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
	t = btf_type_get(f->btf, id);
	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;

		if (strcmp(btf_name_or_anon(f->btf, m->name_off), colon + 1))
			continue;
		if (node)
			return -EINVAL;
		node = btf_type_get(f->btf, m->type);
		off = btf_member_bit_offset(t, m);
		if (!node || !is_struct(node) || off % 64 ||
		    strcmp(btf_name_or_anon(f->btf, node->name_off), node_type))
			return -EINVAL;
	}
	if (!node)
		return -ENOENT;
	return take(f, kind, s->off, id, off / 8);
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
		res = pointer_kind(f->btf, t, &kind, &target);
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
	struct finder f = { btf, mask, 0, out, 0 };
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

/* Whether @id is the first struct of a special name, or a pointer with a tag. */
static bool is_special(const struct btf *btf, u32 id, const s32 *special, bool kptrs)
{
	const struct btf_type *t = btf_type_get(btf, id);
	u32 k, kind, target;

	for (k = 0; k < BTF_FIELD_KINDS; k++)
		if (special[k] == id)
			return true;
	return kptrs && t && pointer_kind(btf, t, &kind, &target) == 1;
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

struct ownership {
	const struct btf *btf;
	const s32 *special;
	u32 mask;
	bool kptrs;
};

/* Levels of objects that own objects below @id: more than OWNERSHIP_DEPTH, or a cycle, is -ELOOP. */
static int ownership_depth(const struct ownership *o, u32 id, u32 left)
{
	struct btf_field f[BTF_FIELDS_MAX];
	const struct btf_type *t = btf_type_get(o->btf, id);
	int n, i, err;

	if (!left)
		return -ELOOP;
	n = btf_find_fields(o->btf, id, o->mask, t->size, f);
	if (n <= 0)
		return n ? n : -EFAULT;
	for (i = 0; i < n; i++) {
		bool root = f[i].kind == BTF_FIELD_LIST_HEAD || f[i].kind == BTF_FIELD_RB_ROOT;

		if (!root)
			continue;
		t = btf_type_get(o->btf, f[i].btf_id);
		if (!has_special(o->btf, t, o->special, o->kptrs))
			return -EFAULT;
		err = ownership_depth(o, f[i].btf_id, left - 1);
		if (err)
			return err;
	}
	return 0;
}

int btf_check_fields(struct btf_check *c)
{
	struct ownership o = { .btf = c->btf, .mask = alloc_mask };
	s32 special[BTF_FIELD_KINDS];
	u32 n = btf_nr_types(c->btf), i;
	int err;

	if (c->profile < KVER_STRUCT_METAS)
		return 0;
	o.special = special;
	o.kptrs = c->profile >= KVER_STRUCT_KPTRS;
	if (o.kptrs)
		o.mask |= BTF_FIELDS_KPTR & ~BIT(BTF_FIELD_UPTR);
	for (i = 0; i < BTF_FIELD_KINDS; i++)
		special[i] =
			o.mask & BIT(i) && kinds[i].type_name ?
				btf_find_by_name_kind(c->btf, kinds[i].type_name, BTF_KIND_STRUCT) :
				-ENOENT;
	for (i = btf_start_id(c->btf); i < n; i++) {
		const struct btf_type *t = btf_type_get(c->btf, i);

		if (!is_struct(t) || !has_special(c->btf, t, special, o.kptrs))
			continue;
		c->log_id = i;
		err = ownership_depth(&o, i, OWNERSHIP_DEPTH);
		if (err)
			return err;
	}
	return 0;
}
