/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Structures of functions that programs implement: the rows, and who has registered what. */
#include "object/struct_ops.h"

#include <errno.h>
#include <string.h>

#include "btf/btf.h"
#include "object/system.h"

static const struct struct_ops_row rows[] = {
#define STRUCT_OPS(name, since, state, replaces) { #name, since, STATE_IS_##state, replaces },
#define STATE_IS_DONE				 false
#define STATE_IS_PARTIAL			 false
#define STATE_IS_ABSENT				 true
#define STRUCT_OPS_COPY(...)
#define STRUCT_OPS_NEED(...)
#define STRUCT_OPS_REFUSE(...)
#define STRUCT_OPS_SLEEP(...)
#define STRUCT_OPS_WRITE(...)
#include "tables/struct_ops.def"
#undef STRUCT_OPS
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
};

const struct struct_ops_row *struct_ops_find(const char *name, kver profile)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(name, rows[i].name))
			return visible(profile, rows[i].since) ? &rows[i] : NULL;
	return NULL;
}

enum struct_ops_id struct_ops_number(const struct struct_ops_row *row)
{
	return (enum struct_ops_id)(row - rows);
}

bool struct_ops_replaces(enum struct_ops_id id)
{
	return rows[id].replaces;
}

bool struct_ops_member_ok(enum struct_ops_id id, const char *member, kver profile)
{
#define STRUCT_OPS(...)
#define STRUCT_OPS_SLEEP(...)
#define STRUCT_OPS_REFUSE(name, member_, until)                                                    \
	if (id == STRUCT_OPS_##name && !strcmp(member, #member_) &&                                \
	    !((until) && visible(profile, until)))                                                 \
		return false;
#include "tables/struct_ops.def"
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
	return true;
}

bool struct_ops_member_sleeps(enum struct_ops_id id, const char *member)
{
	bool some = false;

#define STRUCT_OPS_REFUSE(...)
#define STRUCT_OPS_SLEEP(name, member_)                                                            \
	if (id == STRUCT_OPS_##name) {                                                             \
		if (!strcmp(member, #member_))                                                     \
			return true;                                                               \
		some = true;                                                                       \
	}
#include "tables/struct_ops.def"
#undef STRUCT_OPS
#undef STRUCT_OPS_COPY
#undef STRUCT_OPS_NEED
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
#undef STRUCT_OPS_WRITE
	return !some;
}

void struct_ops_put_progs(struct map_object *m)
{
	struct bpf_struct_ops_map *s = to_struct_ops(m->map);

	for (u32 i = 0; i < s->nr_members; i++) {
		struct object *o = object_of(m->obj.sys, s->progs[i]);

		store_release(&s->progs[i], NULL);
		object_put(o);
	}
}

int struct_ops_member(struct skep_system *sys, const struct bpf_struct_ops_map *s, const char *name)
{
	const struct object_btf *b = system_vmlinux(sys);
	const struct btf_type *t;
	s32 id;

	id = b ? btf_find_by_name_kind(b->btf, rows[s->id].name, BTF_KIND_STRUCT) : -ENOENT;
	if (id < 0)
		return -ENOENT;
	t = btf_type_get(b->btf, (u32)id);
	for (u32 i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf_str(b->btf, btf_members(t)[i].name_off) ?: "", name))
			return (int)i;
	return -ENOENT;
}

struct map_object *struct_ops_find_tcp(struct skep_system *sys, const char *name)
{
	const struct object_btf *b = system_vmlinux(sys);
	const struct object_table *t = &sys->tables[OBJECT_MAP];

	for (size_t i = 0; b && i < t->by_id.n; i++) {
		struct map_object *m = (struct map_object *)t->by_id.v[i];
		const struct bpf_struct_ops_map *s;
		const struct btf_type *type;
		int member;

		if (m->map->map_type != BPF_MAP_TYPE_STRUCT_OPS)
			continue;
		s = to_struct_ops(m->map);
		if (s->id != STRUCT_OPS_tcp_congestion_ops || !struct_ops_registered(s))
			continue;
		member = struct_ops_member(sys, s, "name");
		type = btf_type_get(b->btf, (u32)btf_find_by_name_kind(b->btf, "tcp_congestion_ops",
								       BTF_KIND_STRUCT));
		if (member < 0)
			continue;
		if (!strcmp((const char *)s->value + s->data_off +
				    btf_member_bit_offset(type, &btf_members(type)[member]) / 8,
			    name))
			return m;
	}
	return NULL;
}
