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

#include "btf/btf.h"
#include "command/link.h"
#include "command/pin.h"

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

const struct pin_text_ops pin_texts = {
	.link = iter_pin_text,
	.maps_debug = maps_debug,
	.progs_debug = progs_debug,
};
