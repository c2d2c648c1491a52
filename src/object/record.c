/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records of special fields, made from BTF when they are first needed (Linux:
 * btf_parse_struct_metas(), btf_parse_fields() of kernel/bpf/btf.c).
 */
#include <errno.h>
#include <string.h>

#include "btf/btf.h"
#include "object/record.h"
#include "object/system.h"

#define RECORDS_MAX 1024

/* One segment per BTF object; backed as it fills. */
struct record_table {
	struct bpf_record *v; /* in the arena */
	u32 id[RECORDS_MAX];
	u32 n;
	u64 backed;
};

static int table_room(struct object_btf *b, struct record_table **out)
{
	struct arena *arena = b->obj.sys->arena;
	struct record_table *t = b->records;
	u64 size = RECORDS_MAX * sizeof(struct bpf_record), want;
	int err;

	if (!t) {
		t = mem_zalloc(sizeof(*t));
		if (!t)
			return -ENOMEM;
		t->v = arena_alloc(arena, size, 0, &err);
		if (!t->v) {
			mem_free(t);
			return err;
		}
		b->records = t;
	}
	if (t->n == RECORDS_MAX)
		return -E2BIG;
	want = round_up((t->n + 1) * sizeof(struct bpf_record), 4096UL);
	if (want > t->backed) {
		err = arena_back(arena, (u8 *)t->v + t->backed, want - t->backed);
		if (err)
			return err;
		t->backed = want;
	}
	*out = t;
	return 0;
}

void btf_records_free(struct object_btf *b)
{
	struct record_table *t = b->records;

	if (!t)
		return;
	arena_free(b->obj.sys->arena, t->v, RECORDS_MAX * sizeof(struct bpf_record));
	mem_free(t);
	b->records = NULL;
}

/* Whether a kptr to @name holds something that no program allocated. CPU masks, ciphers and the object of the test functions are. */
static bool is_world(struct skep_system *sys, const char *name)
{
	const struct object_btf *kernel = system_vmlinux(sys);

	return kernel && btf_find_by_name_kind(kernel->btf, name, BTF_KIND_STRUCT) > 0 &&
	       strcmp(name, "bpf_cpumask") && strcmp(name, "bpf_crypto_ctx") &&
	       strcmp(name, "prog_test_ref_kfunc");
}

static void fill_fields(struct object_btf *b, struct bpf_record *r, const struct btf_field *f,
			int n)
{
	r->refcount_off = r->lock_off = -1;
	for (int i = 0; i < n; i++) {
		struct bpf_record_field *to = &r->fields[r->nr++];

		to->kind = (u16)f[i].kind;
		to->offset = f[i].offset;
		to->node_offset = f[i].node_offset;
		if (BIT(f[i].kind) & BTF_FIELDS_KPTR)
			to->world = is_world(b->obj.sys, btf_type_name(b->btf, f[i].btf_id));
		if (f[i].kind == BTF_FIELD_REFCOUNT)
			r->refcount_off = (s32)f[i].offset;
		if (f[i].kind == BTF_FIELD_SPIN_LOCK)
			r->lock_off = (s32)f[i].offset;
	}
}

int record_of_type(struct object_btf *b, u32 id, const struct bpf_record **out)
{
	struct btf_field f[BTF_FIELDS_MAX];
	struct record_table *t = b->records;
	u32 size, at;
	int n, err;

	*out = NULL;
	for (u32 i = 0; t && i < t->n; i++) {
		if (t->id[i] == id && id) {
			*out = &t->v[i];
			return 0;
		}
	}
	if (btf_type_size(b->btf, id, &size))
		return 0;
	n = btf_find_fields(b->btf, id, BTF_FIELDS_ALL, size, f);
	if (n <= 0)
		return 0;
	err = table_room(b, &t);
	if (err)
		return err;
	at = t->n++;
	t->id[at] = id;
	t->v[at] = (struct bpf_record){ .size = size };
	fill_fields(b, &t->v[at], f, n);
	*out = &t->v[at];
	return 0;
}

int record_of_map(struct map_object *m, const struct bpf_record **out)
{
	struct btf_field f[BTF_FIELDS_MAX];
	u32 mask = 0, id = 0, at;
	struct record_table *t;
	int n, err;

	*out = NULL;
	for (u32 i = 0; i < m->map->nr_fields; i++)
		mask |= BIT(m->map->fields[i].kind);
	if (!m->btf ||
	    !(mask & (BTF_FIELDS_KPTR | BIT(BTF_FIELD_LIST_HEAD) | BIT(BTF_FIELD_RB_ROOT) |
		      BIT(BTF_FIELD_TIMER) | BIT(BTF_FIELD_WORKQUEUE) | BIT(BTF_FIELD_TASK_WORK))))
		return 0;
	if (!visible(m->obj.sys->profile, KVER(6, 2)))
		mask |= BTF_FIELDS_OLD_KPTR;
	btf_type_skip_modifiers(m->btf->btf, m->btf_value_type_id, &id);
	n = btf_find_fields(m->btf->btf, id, mask, m->map->value_size, f);
	if (n <= 0)
		return n;
	err = table_room(m->btf, &t);
	if (err)
		return err;
	at = t->n++;
	t->id[at] = 0;
	t->v[at] = (struct bpf_record){ .size = m->map->value_size };
	fill_fields(m->btf, &t->v[at], f, n);
	*out = &t->v[at];
	return 0;
}
