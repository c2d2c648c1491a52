/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where fields are: types of tables/world.def and any other, by the kernel BTF in force. A
 * path names a member ("f_path.dentry", "numbers[0].nr"), found in unnamed members, too.
 */
#include "world/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object/system.h"

#define PATH_MAX_LEN 96

static const struct {
	const char *name;
	int base;
} type_rows[WT_MAX] = {
#define WT_0		       (-1)
#define WORLD_TYPE(name, base) [WT_##name] = { #name, WT_##base },
#define WORLD_FIELD(type, name, paths, fresh, filler)
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD
};

static const struct {
	const char *paths;
	world_filler_t fill;
	u8 type, fresh;
} field_rows[WF_MAX] = {
#define WORLD_TYPE(name, base)
#define WORLD_FIELD(type, name, paths, fresh, filler)                                              \
	[WF_##type##_##name] = { paths, fill_##filler, WT_##type, fresh },
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD
};

/* ---- paths ---- */

static int find_index(const struct btf *btf, u32 index, struct world_place *at)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, at->btf_id, NULL);
	u32 size;

	if (!t || btf_kind(t) != BTF_KIND_ARRAY || at->bits)
		return -ENOENT;
	at->btf_id = btf_array_of(t)->type;
	if (btf_type_size(btf, at->btf_id, &size))
		return -ENOENT;
	at->off += index * size;
	at->size = (u16)size;
	return 0;
}

static int find_member(const struct btf *btf, const char *name, struct world_place *at)
{
	struct btf_member_at m;
	u32 id, size = 0, bit;

	if (!btf_type_skip_modifiers(btf, at->btf_id, &id) || btf_member_find(btf, id, name, &m))
		return -ENOENT;
	if (btf_type_size(btf, m.type_id, &size))
		size = 0; /* a flexible array */
	bit = m.bit_offset;
	at->off += bit / 8;
	at->bits = (u8)m.bits;
	at->shift = (u8)(bit % 8);
	at->size = (u16)(m.bits ? (bit % 8 + m.bits + 7) / 8 : size);
	at->btf_id = m.type_id;
	return 0;
}

static int find_one(const struct btf *btf, u32 btf_id, const char *path, size_t len,
		    struct world_place *out)
{
	struct world_place at = { .btf_id = btf_id };
	char text[PATH_MAX_LEN], *s = text;
	int err = 0;

	if (len >= sizeof(text))
		return -ENOENT;
	memcpy(text, path, len);
	text[len] = 0;
	while (*s && !err) {
		size_t n = strcspn(s, ".[");
		char sep = s[n];

		s[n] = 0;
		err = find_member(btf, s, &at);
		s += n + (sep != 0);
		while (!err && sep == '[') {
			u32 index = 0;

			for (; *s >= '0' && *s <= '9'; s++)
				index = index * 10 + (u32)(*s - '0');
			s += *s == ']';
			err = find_index(btf, index, &at);
			sep = *s;
			s += sep != 0;
		}
	}
	if (!err)
		*out = at;
	return err;
}

int layout_find(const struct btf *btf, u32 btf_id, const char *path, struct world_place *out)
{
	while (btf_id && *path) {
		size_t n = strcspn(path, "|");

		if (!find_one(btf, btf_id, path, n, out))
			return 0;
		path += n + (path[n] != 0);
	}
	return -ENOENT;
}

static u32 hash_name(const char *s)
{
	u32 h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (u8)*s) * 16777619U;
	return h | 1;
}

static int names_grow(struct world_type *t)
{
	u32 cap = t->cap_names ? 2 * t->cap_names : 16;
	struct world_name *names = mem_calloc(cap, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (u32 i = 0; i < t->cap_names; i++) {
		u32 k = t->names[i].hash & (cap - 1);

		if (!t->names[i].hash)
			continue;
		while (names[k].hash)
			k = (k + 1) & (cap - 1);
		names[k] = t->names[i];
	}
	mem_free(t->names);
	t->names = names;
	t->cap_names = cap;
	return 0;
}

const struct world_place *layout_name(struct world *w, struct world_type *t, const char *path)
{
	u32 h = hash_name(path), k;
	struct world_name *n;

	if (t->nr_names * 2 >= t->cap_names && names_grow(t))
		return NULL;
	for (k = h & (t->cap_names - 1);; k = (k + 1) & (t->cap_names - 1)) {
		n = &t->names[k];
		if (!n->hash)
			break;
		if (n->hash == h && !strcmp(n->name, path))
			return n->at.btf_id ? &n->at : NULL;
	}
	n->name = mem_strdup(path);
	if (!n->name)
		return NULL;
	n->hash = h;
	t->nr_names++;
	if (layout_find(w->btf, t->btf_id, path, &n->at))
		n->at.btf_id = 0; /* remembered: this kernel has none */
	return n->at.btf_id ? &n->at : NULL;
}

/* ---- types ---- */

/* Room for the first elements where the last member is an array without a length. */
static u32 room_behind(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_get(btf, id), *last;
	u32 size;

	if (!t || !btf_vlen(t))
		return 0;
	last = btf_type_skip_modifiers(btf, btf_members(t)[btf_vlen(t) - 1].type, NULL);
	if (!last || btf_kind(last) != BTF_KIND_ARRAY || btf_array_of(last)->nelems)
		return 0;
	if (btf_type_size(btf, btf_array_of(last)->type, &size) || size < 64)
		return 64;
	return min_t(u32, size, 256);
}

static void type_init(struct world *w, struct world_type *t, const char *name, int id)
{
	s32 btf_id = btf_find_by_name_kind(w->btf, name, BTF_KIND_STRUCT);

	t->name = name;
	t->id = id;
	t->btf_id = btf_id > 0 ? (u32)btf_id : 0;
	if (btf_id <= 0 || btf_type_size(w->btf, t->btf_id, &t->size) || !t->size)
		t->size = 64; /* its address is all there is to it */
	else
		t->size += room_behind(w->btf, t->btf_id);
	/* A pointer just behind an object must not be one to the next. */
	t->stride = round_up(t->size + 1, 64);
}

static int compare_fields(const void *a, const void *b)
{
	const struct world_field *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static int group_of(struct world_type *t, u32 row)
{
	for (u32 g = 0; g < t->nr_groups; g++)
		if (t->fill[g] == field_rows[row].fill && t->fresh[g] == field_rows[row].fresh)
			return (int)g;
	if (t->nr_groups == WORLD_GROUPS)
		return -E2BIG;
	t->fill[t->nr_groups] = field_rows[row].fill;
	t->fresh[t->nr_groups] = field_rows[row].fresh;
	if (field_rows[row].fresh == KEPT)
		t->kept |= 1U << t->nr_groups;
	return (int)t->nr_groups++;
}

static bool is_a(int type, int base)
{
	while (type >= 0 && type != base)
		type = type_rows[type].base;
	return type == base;
}

static int type_fields(struct world *w, struct world_type *t)
{
	t->fields = mem_calloc(WF_MAX, sizeof(*t->fields));
	if (!t->fields)
		return -ENOMEM;
	for (u32 row = 0; row < WF_MAX; row++) {
		const struct world_place *at = &w->at[row];
		int g;

		if (!is_a(t->id, field_rows[row].type) || !at->size)
			continue;
		g = group_of(t, row);
		if (g < 0)
			return g;
		t->fields[t->nr_fields++] =
			(struct world_field){ at->off, at->off + at->size, (u8)g };
		t->longest = max_t(u32, t->longest, at->size);
	}
	qsort(t->fields, t->nr_fields, sizeof(*t->fields), compare_fields);
	return 0;
}

int layout_start(struct world *w)
{
	int err = 0;

	for (int i = 0; i < WT_MAX; i++)
		type_init(w, &w->types[i], type_rows[i].name, i);
	/* BTF with little in it may do without the socket's inode. */
	if (!w->types[WT_socket_alloc].btf_id)
		type_init(w, &w->types[WT_socket_alloc], "socket", WT_socket_alloc);
	for (u32 row = 0; row < WF_MAX; row++)
		if (layout_find(w->btf, w->types[field_rows[row].type].btf_id,
				field_rows[row].paths, &w->at[row]))
			w->at[row].size = 0;
	for (int i = 0; i < WT_MAX && !err; i++)
		err = type_fields(w, &w->types[i]);
	return err;
}

struct world_type *layout_type(struct world *w, const char *name)
{
	if (!strncmp(name, "struct ", 7))
		name += 7;
	for (u32 i = 0; i < WT_MAX; i++)
		if (!strcmp(w->types[i].name, name))
			return &w->types[i];
	return layout_plain(w, name);
}

struct world_type *layout_plain(struct world *w, const char *name)
{
	struct world_type *t;

	for (u32 i = 0; i < w->others.n; i++)
		if (!strcmp(w->others.v[i]->name, name))
			return w->others.v[i];
	t = mem_zalloc(sizeof(*t));
	if (!t)
		return NULL;
	name = mem_strdup(name);
	if (!name || vec_push(&w->others, t)) {
		mem_free((void *)name);
		mem_free(t);
		return NULL;
	}
	type_init(w, t, name, -1);
	return t;
}

static void type_free(struct world_type *t)
{
	for (u32 i = 0; i < t->cap_names; i++)
		mem_free(t->names[i].name);
	mem_free(t->names);
	mem_free(t->fields);
}

void layout_stop(struct world *w)
{
	for (u32 i = 0; i < WT_MAX; i++)
		type_free(&w->types[i]);
	for (u32 i = 0; i < w->others.n; i++) {
		type_free(w->others.v[i]);
		mem_free((void *)w->others.v[i]->name);
		mem_free(w->others.v[i]);
	}
	vec_free(&w->others);
}

/* ---- names of members ---- */

void layout_member_name(struct world *w, const struct world_type *t, u32 off, char *buf, u32 size)
{
	u32 id = t->btf_id, bit = off * 8, n = 0;

	*buf = 0;
	for (int depth = 0; depth < 8; depth++) {
		const struct btf_type *s = btf_type_skip_modifiers(w->btf, id, &id);
		const struct btf_member *m, *found = NULL;
		const char *name;
		u32 bytes;

		if (s && btf_kind(s) == BTF_KIND_ARRAY) {
			id = btf_array_of(s)->type;
			if (btf_type_size(w->btf, id, &bytes) || !bytes)
				return;
			n += (u32)snprintf(buf + n, size - n, "[%u]", bit / 8 / bytes);
			n = min(n, size - 1);
			bit %= bytes * 8;
			continue;
		}
		if (!s || !btf_is_struct(s))
			return;
		m = btf_members(s);
		for (u32 i = 0; i < btf_vlen(s) && !found; i++, m++) {
			u32 at = btf_member_bit_offset(s, m), bits = btf_member_bits(s, m);

			if (!bits && !btf_type_size(w->btf, m->type, &bytes))
				bits = bytes * 8;
			if (bit + 7 >= at && bit < at + bits)
				found = m;
		}
		if (!found) { /* padding: of an embedded struct it is the struct's */
			return;
		}
		name = btf_str(w->btf, found->name_off);
		if (name && *name) {
			n += (u32)snprintf(buf + n, size - n, "%s%s", n ? "." : "", name);
			n = min(n, size - 1);
		}
		bit -= min(bit, btf_member_bit_offset(s, found));
		id = found->type;
	}
}
