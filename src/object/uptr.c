/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* User pointers, the control side: see uptr.h. */
#include "object/uptr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "btf/btf.h"
#include "object/caller.h"
#include "object/rt_heap.h"
#include "object/system.h"

/* Whether @addr is in a page that the caller could write to. */
static bool is_writable(u64 addr)
{
	unsigned long long start, end;
	char line[512], perms[8];
	bool found = false;
	FILE *f;

	if (caller_path("/proc/self/maps", line, sizeof(line)))
		return false;
	f = fopen(line, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %7s", &start, &end, perms) != 3 || addr >= end)
			continue;
		found = addr >= start && perms[1] == 'w';
		break;
	}
	fclose(f);
	return found;
}

static int pin(struct map_object *m, const struct bpf_map_field *f, u64 *word)
{
	struct skep_system *sys = m->obj.sys;
	const struct btf_type *t = btf_type_get(m->btf->btf, f->btf_id);
	struct bpf_uptr *u;
	u64 addr = *word;
	char path[64];
	u32 words;

	*word = 0;
	if (!addr)
		return 0;
	if (addr + t->size - 1 < addr)
		return -EFAULT;
	if (addr / UPTR_MAX != (addr + t->size - 1) / UPTR_MAX)
		return -EOPNOTSUPP;
	if (!is_writable(addr))
		return -EFAULT;
	words = round_up(t->size, 8) / 8;
	u = heap_alloc(sys->arena, sys->platform, sizeof(*u) + 2 * words * 8, NULL);
	if (!u)
		return -ENOMEM;
	u->addr = addr;
	u->size = t->size;
	u->words = words;
	u->refs = 1;
	u->mem = caller_path("/proc/self/mem", path, sizeof(path)) ? -1 :
								     open(path, O_RDWR | O_CLOEXEC);
	if (u->mem < 0 || pread(u->mem, uptr_copy(u), u->size, (off_t)addr) != (ssize_t)u->size) {
		uptr_put(sys->arena, sys->platform, u);
		return -EFAULT;
	}
	memcpy(uptr_copy(u) + words, uptr_copy(u), u->size);
	*word = (u64)(uintptr_t)uptr_copy(u);
	return 0;
}

int uptrs_pin(struct map_object *m, void *value)
{
	const struct bpf_map *map = m->map;
	int err = 0;

	for (u32 i = 0; i < map->nr_fields; i++) {
		u64 *word = (u64 *)((u8 *)value + map->fields[i].offset);

		if (map->fields[i].kind != BPF_FIELD_UPTR)
			continue;
		if (err)
			*word = 0; /* not looked at */
		else
			err = pin(m, &map->fields[i], word);
	}
	if (err)
		uptrs_unpin(m, value);
	return err;
}

void uptrs_unpin(struct map_object *m, void *value)
{
	for (u32 i = 0; i < m->map->nr_fields; i++) {
		void **at = (void **)((u8 *)value + m->map->fields[i].offset);

		if (m->map->fields[i].kind != BPF_FIELD_UPTR || !*at)
			continue;
		uptr_put(m->map->arena, m->obj.sys->platform, uptr_of(*at));
		*at = NULL;
	}
}
