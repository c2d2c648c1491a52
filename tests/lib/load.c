/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See load.h. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isa/insn.h"
#include "tests/lib/kernel.h"
#include "tests/lib/load.h"
#include "skep/skep.h"

int target_bpf(struct target *t, int cmd, union bpf_attr *attr, unsigned size)
{
	return t->sys ? skep_bpf(t->sys, cmd, attr, size) : kernel_bpf_raw(cmd, attr, size);
}

static int map_create(struct target *t, u32 type, u32 key, u32 value, u32 n, u32 flags, int inner)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = n;
	attr.map_flags = flags;
	if (inner >= 0)
		attr.inner_map_fd = inner;
	return target_bpf(t, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int fill_rodata(struct target *t, int fd)
{
	unsigned char value[48] = { 8, 1, 2, 3, 4, 5, 6, 7, 'n', '=', '%', 'd', '\n' };
	union bpf_attr attr;
	u32 key = 0;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	err = target_bpf(t, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
	if (err)
		return err;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	return target_bpf(t, BPF_MAP_FREEZE, &attr, sizeof(attr));
}

int target_open(struct target *t, struct skep_system *sys)
{
	static const struct {
		u32 type, key, value, n, flags;
	} spec[TEST_MAPS] = {
		[M_ARRAY] = { BPF_MAP_TYPE_ARRAY, 4, 48, 4, 0 },
		[M_ARRAY1] = { BPF_MAP_TYPE_ARRAY, 4, 48, 1, 0 },
		[M_HASH] = { BPF_MAP_TYPE_HASH, 8, 64, 4, 0 },
		[M_PROGS] = { BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
		[M_PERF] = { BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
		[M_RING] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
		[M_OUTER] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0 },
		[M_RODATA] = { BPF_MAP_TYPE_ARRAY, 4, 48, 1, BPF_F_RDONLY_PROG },
		[M_WRONLY] = { BPF_MAP_TYPE_ARRAY, 4, 48, 1, BPF_F_WRONLY_PROG },
		[M_PERCPU] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 48, 4, 0 },
		[M_STACKS] = { BPF_MAP_TYPE_STACK_TRACE, 4, 8 * 16, 4, 0 },
		[M_LRU] = { BPF_MAP_TYPE_LRU_HASH, 8, 64, 4, 0 },
	};

	memset(t->map, -1, sizeof(t->map));
	t->sys = sys;
	for (unsigned i = 0; i < TEST_MAPS; i++) {
		t->map[i] = map_create(t, spec[i].type, spec[i].key, spec[i].value, spec[i].n,
				       spec[i].flags, i == M_OUTER ? t->map[M_ARRAY] : -1);
		if (t->map[i] < 0 && !sys)
			return t->map[i];
	}
	return fill_rodata(t, t->map[M_RODATA]);
}

void target_close(struct target *t)
{
	for (unsigned i = 0; i < TEST_MAPS; i++)
		if (t->map[i] >= 0)
			close(t->map[i]);
}

/* The last line before "processed ...", in place. */
static const char *last_line(char *log)
{
	char *end = strstr(log, "processed "), *line;

	if (end) /* some messages of Linux have no newline */
		*end = 0;
	if (log[0] && log[strlen(log) - 1] == '\n')
		log[strlen(log) - 1] = 0;
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

int target_load(struct target *t, const struct test_prog *p, const char **line)
{
	struct bpf_insn *insns = malloc(p->len * sizeof(*insns));
	union bpf_attr attr;
	int fd;

	memcpy(insns, p->insns, p->len * sizeof(*insns));
	for (unsigned i = 0; i < p->len; i++) {
		if (!insn_is_ldimm64(&insns[i]))
			continue;
		if ((insns[i].src_reg == BPF_PSEUDO_MAP_FD ||
		     insns[i].src_reg == BPF_PSEUDO_MAP_VALUE) &&
		    (u32)insns[i].imm < TEST_MAPS)
			insns[i].imm = t->map[insns[i].imm];
		i++;
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = p->type;
	attr.expected_attach_type = p->attach_type;
	attr.prog_flags = p->flags;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = p->len;
	attr.license = (uintptr_t)(p->not_gpl ? "MIT" : "GPL");
	attr.log_buf = (uintptr_t)t->log;
	attr.log_size = sizeof(t->log);
	attr.log_level = 1;
	t->log[0] = 0;
	fd = target_bpf(t, BPF_PROG_LOAD, &attr, sizeof(attr));
	free(insns);
	*line = fd < 0 ? last_line(t->log) : "";
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}
