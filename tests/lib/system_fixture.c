/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "system_fixture.h"

#include <string.h>

#define CALL(sys, cmd, attr) skep_bpf(sys, cmd, &(attr), sizeof(attr))

struct skep_system *system_for(const char *kernel)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = kernel, .caps = "full" };

	return skep_system_new(&opts);
}

int sys_map_create(struct skep_system *sys, unsigned type, unsigned key, unsigned value,
		   unsigned entries, unsigned flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	strcpy(attr.map_name, "m");
	return CALL(sys, BPF_MAP_CREATE, attr);
}

static int elem(struct skep_system *sys, int cmd, int fd, const void *key, const void *value,
		unsigned long long flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (unsigned long)key;
	attr.value = (unsigned long)value;
	attr.flags = flags;
	return CALL(sys, cmd, attr);
}

int sys_map_update(struct skep_system *sys, int fd, const void *key, const void *value,
		   unsigned long long flags)
{
	return elem(sys, BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

int sys_map_lookup(struct skep_system *sys, int fd, const void *key, void *value)
{
	return elem(sys, BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

int sys_map_delete(struct skep_system *sys, int fd, const void *key)
{
	return elem(sys, BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

unsigned object_id(struct skep_system *sys, int fd)
{
	struct bpf_map_info info; /* type and id come first in all but BTF's and links' */
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = fd;
	attr.info.info_len = 8;
	attr.info.info = (unsigned long)&info;
	return CALL(sys, BPF_OBJ_GET_INFO_BY_FD, attr) ? 0 : info.id;
}

int fd_of_id(struct skep_system *sys, int cmd, unsigned id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.start_id = id;
	return CALL(sys, cmd, attr);
}

int count_ids(struct skep_system *sys, int cmd)
{
	union bpf_attr attr;
	int n = 0;

	memset(&attr, 0, sizeof(attr));
	while (!CALL(sys, cmd, attr)) {
		attr.start_id = attr.next_id;
		attr.next_id = 0;
		n++;
	}
	return n;
}

int sys_prog_load(struct skep_system *sys, unsigned type, const struct bpf_insn *insns, unsigned n,
		  char *log, unsigned log_size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = n;
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log;
	attr.log_size = log ? log_size : 0;
	attr.log_level = log ? 1 : 0;
	return CALL(sys, BPF_PROG_LOAD, attr);
}
