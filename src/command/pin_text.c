/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text of files in the tree of pins: pinned iterators, and the kernel's maps.debug and progs.debug
 * (Linux: kernel/bpf/preload/iterators).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/link.h"
#include "command/map.h"
#include "command/pin.h"
#include "world/world.h"

static FILE *text_new(int *fd)
{
	*fd = memfd_create("bpf_iter", MFD_CLOEXEC);
	return *fd < 0 ? NULL : fdopen(dup(*fd), "w");
}

static int text_done(FILE *f, int fd)
{
	if (f)
		fclose(f);
	if (fd < 0)
		return -ENOMEM;
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Elements, for the types that Linux counts. */
static long long elements(struct skep_system *sys, const struct map_object *m)
{
	u8 key[512], next[512];
	struct bpf_run run = { 0 };
	long long n = 0;

	switch (m->map->map_type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		break;
	default:
		return 0;
	}
	if (m->map->key_size > sizeof(key) || map_is_template(m))
		return 0;
	slot_claim(sys->arena, sys->platform, &run);
	for (const void *at = NULL;
	     n < m->map->max_entries && !m->ops->get_next_key(m->map, at, next); at = key, n++)
		memcpy(key, next, m->map->key_size);
	slot_release(&run);
	return n;
}

static int maps_debug(struct skep_system *sys)
{
	struct object *o;
	u32 id = 0;
	int fd, err;
	FILE *f = text_new(&fd);

	if (f)
		fprintf(f, "  id name             max_entries  cur_entries\n");
	while (f && !object_next_id(sys, OBJECT_MAP, id, &id)) {
		o = object_get_id(sys, id, OBJECT_MAP, &err);
		if (!o)
			continue;
		const struct map_object *m = (const struct map_object *)o;

		fprintf(f, "%4u %-16s  %10u   %10lld\n", id, m->map->name, m->map->max_entries,
			elements(sys, m));
		object_put(o);
	}
	return text_done(f, fd);
}

/* The function's whole name where BTF has it, else what was given at load. */
static const char *prog_name(const struct prog_object *p)
{
	const char *name = p->btf && p->nr_func_info ?
				   btf_type_name(p->btf->btf, p->func_info[0].type_id) :
				   NULL;

	return name && *name ? name : p->prog->name;
}

static int progs_debug(struct skep_system *sys)
{
	struct object *o;
	u32 id = 0;
	int fd, err;
	FILE *f = text_new(&fd);

	if (f)
		fprintf(f, "  id name             attached\n");
	while (f && !object_next_id(sys, OBJECT_PROG, id, &id)) {
		o = object_get_id(sys, id, OBJECT_PROG, &err);
		if (!o)
			continue;
		const struct prog_object *p = (const struct prog_object *)o;
		const char *to =
			p->attach_btf ? btf_type_name(p->attach_btf->btf, p->attach_btf_id) : NULL;

		fprintf(f, "%4u %-16s %s %s\n", id, prog_name(p), to ?: "",
			p->dst_prog ? p->dst_prog->prog->name : "");
		object_put(o);
	}
	return text_done(f, fd);
}

/* ---- a pinned map: its elements by their types ---- */

static bool shows_elements(u32 type)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return true;
	default:
		return false;
	}
}

static void show_value(FILE *f, const struct map_object *m, u32 type_id, const u8 *value,
		       char *text, u32 room)
{
	long n = world_show_value(m->btf->btf, type_id, value, text, room);

	if (n >= 0)
		fputs(text, f);
}

static void show_element(FILE *f, struct map_object *m, const u8 *key, u8 *value, char *text,
			 u32 room)
{
	u32 type = m->map->map_type, stride = bpf_map_value_stride(m->map);
	bool array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;

	if (map_elem_lookup(m, key, value, 0))
		return;
	if (array && (type == BPF_MAP_TYPE_PERCPU_ARRAY || m->btf_key_type_id))
		fprintf(f, "%u: ", *(const u32 *)key);
	if (!array) {
		show_value(f, m, m->btf_key_type_id, key, text, room);
		fputs(": ", f);
	}
	if (map_is_percpu(type)) {
		fputs("{\n", f);
		for (u32 cpu = 0; cpu < m->map->nr_cpus; cpu++) {
			fprintf(f, "\tcpu%u: ", cpu);
			show_value(f, m, m->btf_value_type_id, value + cpu * stride, text, room);
			fputs("\n", f);
		}
		fputs("}\n", f);
	} else {
		show_value(f, m, m->btf_value_type_id, value, text, room);
		fputs("\n", f);
	}
}

static int map_text(struct skep_system *sys, struct map_object *m)
{
	u32 key_room = round_up(m->map->key_size, 8), size = map_user_value_size(m->map, 0);
	u64 room = 256 + 32ULL * (m->map->key_size + m->map->value_size); /* of one value */
	u8 *key, *next, *value;
	bool first = true;
	char *text;
	int fd;
	FILE *f;

	/* DIFF(pin-text): nor the variables of a section, and the storages of cgroups. */
	if (!m->btf || !m->btf_value_type_id || !shows_elements(m->map->map_type) ||
	    btf_kind(btf_type_get(m->btf->btf, m->btf_value_type_id)) == BTF_KIND_DATASEC)
		return -EIO;
	key = mem_alloc(2ULL * key_room + size + room);
	if (!key)
		return -ENOMEM;
	next = key + key_room;
	value = next + key_room;
	text = (char *)value + size;
	f = text_new(&fd);
	if (f)
		fprintf(f, "# WARNING!! The output is for debug purpose only\n"
			   "# WARNING!! The output format will change\n");
	while (f && !map_elem_next_key(m, first ? NULL : key, next)) {
		first = false;
		memcpy(key, next, m->map->key_size);
		show_element(f, m, key, value, text, (u32)room);
	}
	mem_free(key);
	return text_done(f, fd);
}

const struct pin_text_ops pin_texts = {
	.link = iter_pin_text,
	.map = map_text,
	.maps_debug = maps_debug,
	.progs_debug = progs_debug,
};
