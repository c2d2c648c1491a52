/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What /proc/PID/fdinfo/N says of a descriptor of ours (Linux: bpf_map_show_fdinfo(),
 * bpf_prog_show_fdinfo(), bpf_link_show_fdinfo(), btf_show_fdinfo()).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "front/files.h"
#include "object/link.h"
#include "object/object.h"
#include "object/system.h"
#include "object/token.h"

#define LINUX_PROG_SIZE 96 /* struct bpf_prog before its instructions, 6.18, x86-64 */
#define PAGE		4096ULL

static bool holds_objects(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
	       type == BPF_MAP_TYPE_CGROUP_ARRAY || type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* Since 6.4 each type knows; before, it was a guess (bpf_map_memory_footprint()). */
static u64 map_memlock(const struct map_object *m)
{
	const struct bpf_map *map = m->map;
	u64 value = map->value_size;

	if (visible(m->obj.sys->profile, KVER(6, 4)))
		return m->ops->mem_usage ? m->ops->mem_usage(map) : m->charge;
	switch (map->map_type) {
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		value = round_up(value, 8) * map->nr_cpus;
		break;
	default:
		if (holds_objects(map->map_type))
			value = 4;
	}
	return round_up(map->max_entries * round_up(map->key_size + value, 8), PAGE);
}

static void map_info(FILE *f, const struct map_object *m)
{
	const struct bpf_map *map = m->map;

	fprintf(f,
		"map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\n"
		"map_flags:\t0x%x\nmap_extra:\t0x%llx\nmemlock:\t%llu\nmap_id:\t%u\nfrozen:\t%u\n",
		(unsigned)map->map_type, map->key_size, map->value_size, map->max_entries,
		map->map_flags, (unsigned long long)map->map_extra,
		(unsigned long long)map_memlock(m), m->obj.id, READ_ONCE(map->frozen));
}

static void print_tag(FILE *f, const struct bpf_prog *prog)
{
	fprintf(f, "prog_tag:\t");
	for (size_t i = 0; i < sizeof(prog->tag); i++)
		fprintf(f, "%02x", prog->tag[i]);
	fputc('\n', f);
}

static void prog_info(FILE *f, const struct prog_object *p)
{
	fprintf(f, "prog_type:\t%u\nprog_jited:\t%u\n", (unsigned)p->prog->type,
		p->prog->entry ? 1 : 0);
	print_tag(f, p->prog);
	fprintf(f,
		"memlock:\t%llu\nprog_id:\t%u\nrun_time_ns:\t%llu\nrun_cnt:\t%llu\n"
		"recursion_misses:\t%llu\nverified_insns:\t%u\n",
		(unsigned long long)round_up(LINUX_PROG_SIZE + 8ULL * p->prog->len, PAGE),
		p->obj.id, (unsigned long long)READ_ONCE(p->prog->run_time_ns),
		(unsigned long long)READ_ONCE(p->prog->run_cnt),
		(unsigned long long)READ_ONCE(p->prog->recursion_misses), p->verified_insns);
}

static void link_info(FILE *f, const struct link_object *l)
{
	fprintf(f, "link_type:\t%u\nlink_id:\t%u\n", (unsigned)l->type, l->obj.id);
	if (l->prog) {
		print_tag(f, l->prog->prog);
		fprintf(f, "prog_id:\t%u\n", l->prog->obj.id);
	}
	if (l->type == BPF_LINK_TYPE_SOCKMAP) {
		struct bpf_link_info info = { 0 };

		l->ops->fill_info(l, &info);
		fprintf(f, "map_id:\t%u\nattach_type:\t%u\n", info.sockmap.map_id,
			info.sockmap.attach_type);
	}
}

int file_open_fdinfo(const struct object *o)
{
	int fd = memfd_create("fdinfo", MFD_CLOEXEC | MFD_ALLOW_SEALING), copy;
	FILE *f;

	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	f = copy < 0 ? NULL : fdopen(copy, "w");
	if (!f) {
		close(copy);
		close(fd);
		return -ENOMEM;
	}
	fprintf(f, "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t%llu\n",
		(unsigned long long)o->inode);
	switch (o->kind) {
	case OBJECT_MAP:
		map_info(f, (const struct map_object *)o);
		break;
	case OBJECT_PROG:
		prog_info(f, (const struct prog_object *)o);
		break;
	case OBJECT_LINK:
		link_info(f, (const struct link_object *)o);
		break;
	case OBJECT_BTF:
		fprintf(f, "btf_id:\t%u\n", o->id);
		break;
	case OBJECT_TOKEN:
		token_show(f, (const struct token_object *)o);
		break;
	case OBJECT_PERF:
	case OBJECT_STATS:
	case OBJECT_FS_CONTEXT:
	case OBJECT_KINDS:
		break;
	}
	fclose(f);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}
