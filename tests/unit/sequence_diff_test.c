/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Random sequences of all commands of bpf(2) on maps of all types, programs, BTF and links: every
 * call is made to skep and to the running kernel on what the calls before have left there. Results
 * and what was written must agree; ids are compared by what they name, and what Linux leaves open
 * (the order of a hash, false positives) is not looked at. SKEP_ROUNDS=N makes N sequences,
 * SKEP_SEED=N others.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "btf/btf.h"
#include "skep/skep.h"
#include "tests/lib/int_btf.h"
#include "tests/lib/kernel.h"
#include "tests/lib/own_cgroup.h"
#include "tests/lib/system_fixture.h"

#define SLOTS  48
#define STEPS  2500
#define PINS   4
#define KEYS   10 /* more than there are entries in the maps */
#define BYTES  (64 * 1024)
#define PIN_AT "/sys/fs/bpf/skep-sequence-%d-%u"

enum { SKEP, KERNEL, SIDES };
enum kind { NONE, MAP, PROG, BTF, LINK, STATS, KINDS };

static struct slot {
	enum kind kind;
	u32 type;  /* of map, program or link */
	int shape; /* of a map: index of shapes[] */
	int fd[SIDES];
	u32 id[SIDES];
} slots[SLOTS];

static struct skep_system *sys;
static char cgroup_path[PATH_MAX];
static char what[512];
static u64 state;
static u8 keys[SIDES][BYTES], values[SIDES][BYTES];
static u32 done[64], refused[64];

/* Real things: a cgroup, sockets, a file, this task. */
static int cgroup = -1, tcp = -1, udp = -1, file = -1, task = -1;

static u32 rnd(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 20) % n;
}

#define PICK(...)                                                                                  \
	({                                                                                         \
		const u64 _v[] = { __VA_ARGS__ };                                                  \
		_v[rnd(ARRAY_SIZE(_v))];                                                           \
	})

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

/* ---- maps ---- */

enum key_form { INDEX, NO_KEY, PREFIX, THING, STORAGE };
enum value_form { DATA, FD_OF_MAP, FD_OF_PROG, FD_OF_THING, DEVICE, CPU };

static const struct shape {
	u32 type, key, value, entries, flags;
	enum key_form key_form;
	enum value_form value_form;
	bool btf, inner, unordered;
} shapes[] = {
	{ BPF_MAP_TYPE_HASH, 4, 8, 8, 0, INDEX, DATA, .unordered = true },
	{ BPF_MAP_TYPE_HASH, 12, 20, 8, BPF_F_NO_PREALLOC, INDEX, DATA, .unordered = true },
	{ BPF_MAP_TYPE_HASH, 4, 4, 8, 0, INDEX, DATA, .btf = true, .unordered = true },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, 0, INDEX, DATA },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, BPF_F_MMAPABLE, INDEX, DATA },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, BPF_F_INNER_MAP, INDEX, DATA },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0, INDEX, FD_OF_PROG },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 8, 0, INDEX, FD_OF_THING },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 8, 0, INDEX, DATA, .unordered = true },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 8, 0, INDEX, DATA },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 80, 8, 0, INDEX, DATA },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 8, 0, INDEX, FD_OF_THING },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 500, 0, INDEX, DATA, .unordered = true },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 500, 0, INDEX, DATA, .unordered = true },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 8, BPF_F_NO_PREALLOC, PREFIX, DATA },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, INDEX, FD_OF_MAP, .inner = true },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 8, 0, INDEX, FD_OF_MAP, .inner = true,
	  .unordered = true },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, 8, 0, INDEX, DEVICE },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 8, 0, INDEX, FD_OF_THING },
	{ BPF_MAP_TYPE_CPUMAP, 4, 8, 2, 0, INDEX, CPU },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, 8, 0, INDEX, FD_OF_THING },
	{ BPF_MAP_TYPE_SOCKHASH, 4, 8, 8, 0, INDEX, FD_OF_THING, .unordered = true },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0, STORAGE, DATA, .unordered = true },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 8, 0, INDEX, FD_OF_THING },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0, 0, STORAGE, DATA, .unordered = true },
	{ BPF_MAP_TYPE_QUEUE, 0, 8, 8, 0, NO_KEY, DATA },
	{ BPF_MAP_TYPE_STACK, 0, 8, 8, 0, NO_KEY, DATA },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, THING, DATA, .btf = true },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 8, 0, INDEX, DEVICE, .unordered = true },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, NO_KEY, DATA },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, THING, DATA, .btf = true },
	{ BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, THING, DATA, .btf = true },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 8, 0, NO_KEY, DATA },
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0, NO_KEY, DATA },
	{ BPF_MAP_TYPE_CGRP_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, THING, DATA, .btf = true },
	{ BPF_MAP_TYPE_ARENA, 0, 0, 4, BPF_F_MMAPABLE, NO_KEY, DATA },
	{ BPF_MAP_TYPE_STRUCT_OPS, 4, 0, 1, 0, INDEX, DATA }, /* value: struct_ops_size */
};

/* The type of struct_ops that any kernel has. */
static u32 struct_ops_id, struct_ops_size;

static void find_struct_ops(void)
{
	struct object_btf *kernel = system_vmlinux(sys);
	s32 id = kernel ? btf_find_by_name_kind(kernel->btf, "bpf_struct_ops_tcp_congestion_ops",
						BTF_KIND_STRUCT) :
			  -1;

	if (id <= 0)
		return;
	struct_ops_id = (u32)id;
	struct_ops_size = btf_type_get(kernel->btf, struct_ops_id)->size;
}

static u32 nr_cpus;

static bool is_percpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static u32 value_bytes(const struct shape *s)
{
	if (s->type == BPF_MAP_TYPE_STRUCT_OPS)
		return struct_ops_size;
	return is_percpu(s->type) ? round_up(s->value, 8) * nr_cpus : s->value;
}

/* ---- slots ---- */

static u32 id_of(int side, const struct slot *s, int fd)
{
	u8 info[256] = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (u32)fd, .info = (u64)info } };

	attr.info.info_len = s->kind == BTF ? sizeof(struct bpf_btf_info) : 80;
	if (s->kind == STATS || call(side, BPF_OBJ_GET_INFO_BY_FD, &attr))
		return 0;
	return s->kind == BTF ? ((struct bpf_btf_info *)info)->id : ((u32 *)info)[1];
}

static void drop(struct slot *s)
{
	for (int side = 0; side < SIDES && s->kind != NONE; side++)
		close(s->fd[side]);
	memset(s, 0, sizeof(*s));
}

static void keep(enum kind kind, u32 type, int shape, const int *fd)
{
	struct slot *s = &slots[rnd(SLOTS)];

	drop(s);
	*s = (struct slot){ kind, type, shape, { fd[0], fd[1] } };
	for (int side = 0; side < SIDES; side++)
		s->id[side] = id_of(side, s, fd[side]);
}

/* One of @kind, now and then another; NULL: none there. */
static struct slot *slot_of(enum kind kind)
{
	bool any = !rnd(25);

	for (u32 i = 0, at = rnd(SLOTS); i < SLOTS; i++) {
		struct slot *s = &slots[(at + i) % SLOTS];

		if (s->kind == kind || (any && s->kind != NONE))
			return s;
	}
	return NULL;
}

static int fd_in(const struct slot *s, int side)
{
	return s ? s->fd[side] : -1;
}

/* What both said: 0 or -errno. */
static int agreed(int cmd, const int *ret)
{
	int a = ret[0] > 0 ? 0 : ret[0], b = ret[1] > 0 ? 0 : ret[1];

	if (getenv("SKEP_LOG"))
		fprintf(stderr, "%s: %d %d\n", what, ret[0], ret[1]);
	if (a != b)
		fail_msg("%s: skep %d, kernel %d", what, ret[0], ret[1]);
	(a ? refused : done)[cmd]++;
	return a;
}

#define SAY(...) snprintf(what + strlen(what), sizeof(what) - strlen(what), " " __VA_ARGS__)

static int a_thing(void)
{
	return (int)PICK((u64)cgroup, (u64)tcp, (u64)udp, (u64)file, (u64)task, (u64)-1, 999);
}

/* ---- commands ---- */

static void map_create(int cmd)
{
	int shape = (int)rnd(ARRAY_SIZE(shapes)), ret[SIDES];
	const struct shape *s = &shapes[shape];
	bool operations = s->type == BPF_MAP_TYPE_STRUCT_OPS;
	struct slot *btf = s->btf || operations || !rnd(20) ? slot_of(BTF) : NULL;
	struct slot *inner = s->inner ? slot_of(MAP) : NULL;
	u32 flags = s->flags | (rnd(6) ? 0 : 1U << rnd(19));
	bool odd = !rnd(20), named = rnd(2);
	u32 entries = odd ? s->entries + 1 : s->entries;

	SAY("type %u btf %d inner type %d flags %#x entries %u", s->type, btf ? (int)btf->kind : -1,
	    inner ? (int)inner->type : -1, flags, entries);
	if (flags & (BPF_F_TOKEN_FD | BPF_F_VTYPE_BTF_OBJ_FD | BPF_F_NUMA_NODE))
		return;
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .map_type = s->type,
					.key_size = s->key,
					.value_size = s->value,
					.max_entries = entries,
					.map_flags = flags };

		if (operations) {
			attr.value_size = struct_ops_size;
			attr.btf_vmlinux_value_type_id = struct_ops_id;
		}
		if (btf) {
			attr.btf_fd = (u32)btf->fd[side];
			if (!operations)
				attr.btf_key_type_id = attr.btf_value_type_id = 1;
		}
		if (s->inner)
			attr.inner_map_fd = (u32)fd_in(inner, side);
		if (named)
			strcpy(attr.map_name, "sequence");
		ret[side] = call(side, cmd, &attr);
	}
	if (!agreed(cmd, ret))
		keep(MAP, s->type, shape, ret);
}

static void make_key(const struct shape *s, u8 *key)
{
	static u64 cgroup_id;
	struct stat st;
	u32 k = rnd(KEYS);
	int fd;

	memset(key, 0, 64);
	switch (s->key_form) {
	case NO_KEY:
		return;
	case INDEX:
		memcpy(key, &k, sizeof(k));
		SAY("key %u", k);
		return;
	case PREFIX:
		key[0] = (u8)rnd(35);
		key[4] = (u8)(rnd(2) << 7);
		key[5] = (u8)(rnd(2) << 7);
		SAY("key %u/%u.%u", key[0], key[4], key[5]);
		return;
	case THING:
		fd = a_thing();
		memcpy(key, &fd, sizeof(fd));
		SAY("key fd %d", fd);
		return;
	case STORAGE:
		if (!cgroup_id && cgroup >= 0 && !fstat(cgroup, &st))
			cgroup_id = st.st_ino;
		memcpy(key, &cgroup_id, sizeof(cgroup_id));
		k = rnd(2);
		memcpy(key + 8, &k, sizeof(k));
		return;
	}
}

/* The same value for both sides, where it is one; descriptors of the same thing elsewhere. */
static void make_value(const struct shape *s)
{
	struct slot *o = s->value_form == FD_OF_MAP  ? slot_of(MAP) :
			 s->value_form == FD_OF_PROG ? slot_of(PROG) :
						       NULL;
	u32 size = value_bytes(s), word[2] = { 0, 0 };
	int thing = a_thing();

	for (u32 i = 0; i < size; i++)
		values[0][i] = values[1][i] = (u8)rnd(256);
	if (s->value_form == DATA)
		return;
	switch (s->value_form) {
	case FD_OF_MAP:
	case FD_OF_PROG:
		SAY("value of kind %d type %d", o ? (int)o->kind : -1, o ? (int)o->type : -1);
		break;
	case FD_OF_THING:
		word[0] = (u32)thing;
		SAY("value fd %d", thing);
		break;
	case DEVICE:
		word[0] = (u32)PICK(1, 1, 0, 12345);
		word[1] = (u32)PICK(0, 0, (u64)-1, 5);
		SAY("value %u %d", word[0], (int)word[1]);
		break;
	case CPU:
		word[0] = (u32)PICK(192, 192, 0, 20000);
		word[1] = (u32)PICK(0, 0, (u64)-1);
		SAY("value %u", word[0]);
		break;
	case DATA:
		break;
	}
	for (int side = 0; side < SIDES; side++) {
		if (o || s->value_form == FD_OF_MAP || s->value_form == FD_OF_PROG)
			word[0] = (u32)fd_in(o, side);
		memcpy(values[side], word, min_t(u32, size, sizeof(word)));
	}
}

static bool value_is_id(const struct shape *s)
{
	return s->value_form == FD_OF_MAP || s->value_form == FD_OF_PROG;
}

static void element(int cmd)
{
	struct slot *m = slot_of(MAP);
	const struct shape *s;
	u64 flags = cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY ?
			    0 :
			    PICK(0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 8, 1ULL << 33);
	bool no_key = !rnd(30);
	int ret[SIDES];
	u8 key[64];

	if (!m)
		return;
	s = &shapes[m->kind == MAP ? m->shape : 0];
	SAY("map type %u (kind %d) flags %llu", s->type, m->kind, (unsigned long long)flags);
	make_key(s, key);
	make_value(s);
	if (cmd == BPF_MAP_LOOKUP_ELEM && s->type == BPF_MAP_TYPE_BLOOM_FILTER)
		return; /* each has false positives of its own */
	if (no_key && s->key)
		SAY("no key");
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .map_fd = (u32)m->fd[side], .flags = flags };

		attr.key = s->key && !no_key ? (u64)key : 0;
		attr.value = cmd == BPF_MAP_DELETE_ELEM ? 0 : (u64)values[side];
		ret[side] = call(side, cmd, &attr);
		/* A socket is free for another map when Linux's worker has freed the one it was in. */
		for (u32 i = 0; i < 100 && ret[side] == -EBUSY && side == KERNEL && !ret[SKEP];
		     i++) {
			usleep(5000);
			ret[side] = call(side, cmd, &attr);
		}
	}
	if (cmd == BPF_MAP_GET_NEXT_KEY && s->unordered && !no_key)
		return;
	if (agreed(cmd, ret) || cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_UPDATE_ELEM)
		return;
	if (cmd == BPF_MAP_GET_NEXT_KEY ? s->unordered : value_is_id(s))
		return;
	if (memcmp(values[0], values[1], cmd == BPF_MAP_GET_NEXT_KEY ? s->key : value_bytes(s)))
		fail_msg("%s: what was given differs", what);
}

static void batch(int cmd)
{
	struct slot *m = slot_of(MAP);
	const struct shape *s;
	u64 flags = PICK(0, 0, 0, 0, 1, 2, 4, 16), outer = PICK(0, 0, 0, 0, 0, 1);
	bool read = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	u32 count, got[SIDES], size;
	int ret[SIDES];

	if (!m)
		return;
	s = &shapes[m->kind == MAP ? m->shape : 0];
	size = value_bytes(s);
	/* A hash is read as a whole: which part of it comes first is open. */
	count = read && s->unordered ? (u32)PICK(0, 600, 600) : rnd(13);
	SAY("map type %u (kind %d) flags %llu %llu count %u", s->type, m->kind,
	    (unsigned long long)flags, (unsigned long long)outer, count);
	memset(keys, 0, sizeof(keys));
	memset(values, 0, sizeof(values));
	for (u32 i = 0; i < count && !read; i++) {
		u32 k = rnd(KEYS);

		if (s->key_form == PREFIX)
			k = rnd(33);
		if (s->key_form == THING || s->value_form != DATA)
			k = ~0U, memset(values[0] + i * size, 0xff, size);
		if (s->key >= 4)
			memcpy(keys[0] + i * s->key, &k, sizeof(k));
		if (s->value_form == DATA)
			memset(values[0] + i * size, (int)rnd(256), size);
	}
	if (!read) {
		memcpy(keys[1], keys[0], sizeof(keys[0]));
		memcpy(values[1], values[0], sizeof(values[0]));
	}
	for (int side = 0; side < SIDES; side++) {
		u64 cursor[8] = { 0 };
		union bpf_attr attr = { .batch = { .map_fd = (u32)m->fd[side],
						   .count = count,
						   .keys = (u64)keys[side],
						   .values = (u64)values[side],
						   .elem_flags = flags,
						   .flags = outer } };

		if (read)
			attr.batch.out_batch = (u64)cursor;
		if (cmd == BPF_MAP_DELETE_BATCH)
			attr.batch.values = 0;
		ret[side] = call(side, cmd, &attr);
		got[side] = attr.batch.count;
	}
	agreed(cmd, ret);
	if (got[0] != got[1])
		fail_msg("%s: skep %u, kernel %u elements", what, got[0], got[1]);
	if (!read || s->unordered || value_is_id(s))
		return;
	if (memcmp(keys[0], keys[1], got[0] * s->key) ||
	    memcmp(values[0], values[1], got[0] * size))
		fail_msg("%s: elements differ", what);
}

static void freeze(int cmd)
{
	struct slot *m = rnd(8) ? NULL : slot_of(MAP);
	int ret[SIDES];

	SAY("map type %d", m ? (int)m->type : -1);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .map_fd = (u32)fd_in(m, side) };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static void info(int cmd)
{
	struct slot *o = slot_of(1 + rnd(KINDS - 1));
	u32 size = (u32)PICK(80, 88, 104, 16, 0, 4, 232, 64), given[SIDES];
	u8 info[SIDES][512];
	int ret[SIDES];

	SAY("kind %d type %d size %u", o ? (int)o->kind : -1, o ? (int)o->type : -1, size);
	memset(info, 0, sizeof(info));
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .info = { .bpf_fd = (u32)fd_in(o, side),
						  .info_len = size,
						  .info = (u64)info[side] } };

		ret[side] = call(side, cmd, &attr);
		given[side] = attr.info.info_len;
	}
	if (agreed(cmd, ret))
		return;
	if (given[0] != given[1])
		fail_msg("%s: skep %u, kernel %u bytes", what, given[0], given[1]);
	if (o->kind != MAP)
		return;
	for (int side = 0; side < SIDES; side++) {
		struct bpf_map_info *m = (void *)info[side];

		m->id = m->btf_id = 0;
		m->btf_vmlinux_id = !!m->btf_vmlinux_id;
	}
	if (memcmp(info[0], info[1], size))
		fail_msg("%s: they differ", what);
}

static void by_id(int cmd)
{
	enum kind kind = cmd == BPF_PROG_GET_FD_BY_ID ? PROG :
			 cmd == BPF_MAP_GET_FD_BY_ID  ? MAP :
			 cmd == BPF_BTF_GET_FD_BY_ID  ? BTF :
							LINK;
	struct slot *o = slot_of(kind);
	u32 flags = kind == MAP ? (u32)PICK(0, 0, BPF_F_RDONLY, BPF_F_WRONLY, 1) : 0;
	bool none = !rnd(8);
	int ret[SIDES];

	if (o && o->kind != kind)
		return; /* a number of another's could be anybody's */
	SAY("kind %d flags %#x%s", kind, flags, none ? " none" : "");
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .map_id = o && !none ? o->id[side] : 0x7ffffff0,
					.open_flags = flags };

		ret[side] = call(side, cmd, &attr);
	}
	if (agreed(cmd, ret))
		return;
	if (kind == MAP && rnd(2)) {
		keep(kind, o->type, o->shape, ret);
		return;
	}
	close(ret[0]);
	close(ret[1]);
}

static void next_id(int cmd)
{
	u32 start = (u32)PICK(0x7ffffff0, 0xffffffff, 0x80000000);
	int ret[SIDES];

	SAY("start %#x", start);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .start_id = start };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static const struct {
	u32 type, attach;
} programs[] = { { BPF_PROG_TYPE_SOCKET_FILTER, 0 },
		 { BPF_PROG_TYPE_XDP, 0 },
		 { BPF_PROG_TYPE_SCHED_CLS, 0 },
		 { BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS },
		 { BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS },
		 { BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE },
		 { BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
		 { BPF_PROG_TYPE_SYSCALL, 0 } };

static void prog_load(int cmd)
{
	struct slot *m = rnd(2) ? slot_of(MAP) : NULL;
	u32 p = rnd(ARRAY_SIZE(programs)), attach = rnd(15) ? programs[p].attach : rnd(60);
	u32 flags = programs[p].type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
	int ret[SIDES];

	flags |= rnd(12) ? 0 : 1U << rnd(8);
	SAY("type %u attach %u map type %d (kind %d) flags %#x", programs[p].type, attach,
	    m ? (int)m->type : -1, m ? (int)m->kind : -1, flags);
	for (int side = 0; side < SIDES; side++) {
		struct bpf_insn insns[] = {
			{ .code = 0x18, .dst_reg = 2, .src_reg = 1, .imm = fd_in(m, side) },
			{ 0 },
			{ .code = 0xb7, .imm = 0 },
			{ .code = 0x95 },
		};
		union bpf_attr attr = { .prog_type = programs[p].type,
					.expected_attach_type = attach,
					.prog_flags = flags,
					.insns = (u64)(m ? insns : insns + 2),
					.insn_cnt = m ? 4 : 2,
					.license = (u64) "GPL" };

		ret[side] = call(side, cmd, &attr);
		if (getenv("SKEP_LOG") && ret[side] < 0 && ret[side] != -9) {
			static char log[65536];

			attr.log_buf = (u64)log;
			attr.log_size = sizeof(log);
			attr.log_level = 2;
			call(side, cmd, &attr);
			fprintf(stderr, "%s (%d): %d %s\n", what, side, ret[side], log);
		}
	}
	if (!agreed(cmd, ret))
		keep(PROG, programs[p].type, 0, ret);
}

static void bind_map(int cmd)
{
	struct slot *p = slot_of(PROG), *m = slot_of(MAP);
	int ret[SIDES];

	SAY("prog type %d map type %d", p ? (int)p->type : -1, m ? (int)m->type : -1);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .prog_bind_map = { .prog_fd = (u32)fd_in(p, side),
							   .map_fd = (u32)fd_in(m, side),
							   .flags = 0 } };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static void test_run(int cmd)
{
	struct slot *p = slot_of(PROG);
	u32 retval[SIDES], in = (u32)PICK(64, 64, 64, 0, 10), ctx = (u32)PICK(0, 0, 8);
	int ret[SIDES];

	SAY("prog type %d (kind %d) in %u ctx %u", p ? (int)p->type : -1, p ? (int)p->kind : -1, in,
	    ctx);
	for (int side = 0; side < SIDES; side++) {
		u8 data[64] = { 0 }, context[8] = { 0 };
		union bpf_attr attr = { .test = { .prog_fd = (u32)fd_in(p, side),
						  .data_size_in = in,
						  .data_in = in ? (u64)data : 0,
						  .ctx_size_in = ctx,
						  .ctx_in = ctx ? (u64)context : 0 } };

		ret[side] = call(side, cmd, &attr);
		retval[side] = attr.test.retval;
	}
	if (!agreed(cmd, ret) && retval[0] != retval[1])
		fail_msg("%s: skep %u, kernel %u", what, retval[0], retval[1]);
}

static void attach(int cmd)
{
	struct slot *p = rnd(5) ? slot_of(PROG) : NULL;
	u32 type = (u32)PICK(BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_INGRESS,
			     BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_SOCK_CREATE, BPF_XDP,
			     BPF_TRACE_RAW_TP, BPF_SK_SKB_STREAM_PARSER, 999);
	u32 flags = cmd == BPF_PROG_ATTACH ?
			    (u32)PICK(BPF_F_ALLOW_MULTI, BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE, 0,
				      BPF_F_REPLACE, 1 << 9) :
			    0;
	int target = rnd(12) ? cgroup : a_thing(), ret[SIDES];

	SAY("prog type %d (kind %d) type %u flags %#x target %d", p ? (int)p->type : -1,
	    p ? (int)p->kind : -1, type, flags, target);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .target_fd = (u32)target,
					.attach_bpf_fd = p ? (u32)p->fd[side] : 0,
					.attach_type = type,
					.attach_flags = flags };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static void query(int cmd)
{
	u32 type = (u32)PICK(BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS,
			     BPF_CGROUP_INET_SOCK_CREATE, 999);
	u32 room = (u32)PICK(0, 1, 64), count[SIDES], ids[SIDES][64];
	u32 flags = (u32)PICK(0, 0, BPF_F_QUERY_EFFECTIVE);
	int target = rnd(12) ? cgroup : a_thing(), ret[SIDES];

	if (flags && room) /* what the cgroups above have is not skep's */
		flags = 0;
	SAY("type %u flags %u room %u target %d", type, flags, room, target);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .query = { .target_fd = (u32)target,
						   .attach_type = type,
						   .query_flags = flags,
						   .prog_ids = room ? (u64)ids[side] : 0,
						   .prog_cnt = room } };

		ret[side] = call(side, cmd, &attr);
		count[side] = attr.query.prog_cnt;
		/* A link whose last pin went is taken off by a worker of Linux's. */
		for (u32 i = 0; i < 200 && side == KERNEL && count[KERNEL] > count[SKEP]; i++) {
			usleep(5000);
			attr.query.prog_cnt = room;
			ret[side] = call(side, cmd, &attr);
			count[side] = attr.query.prog_cnt;
		}
	}
	if (!agreed(cmd, ret) && !flags && count[0] != count[1])
		fail_msg("%s: skep %u, kernel %u programs", what, count[0], count[1]);
}

static void link_create(int cmd)
{
	struct slot *p = slot_of(PROG);
	u32 type =
		(u32)PICK(BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS,
			  BPF_CGROUP_INET_SOCK_CREATE, BPF_XDP, BPF_TRACE_ITER, BPF_TCX_INGRESS,
			  BPF_PERF_EVENT, BPF_SK_LOOKUP, BPF_NETFILTER, BPF_SK_MSG_VERDICT, 999);
	u32 flags = rnd(10) ? 0 : 1U << rnd(6);
	int target = rnd(12) ? cgroup : a_thing(), ret[SIDES];

	/* interfaces are not for tests; 0 is none */
	if (type == BPF_XDP || type == BPF_TCX_INGRESS)
		target = 0;
	SAY("prog type %d (kind %d) type %u flags %#x target %d", p ? (int)p->type : -1,
	    p ? (int)p->kind : -1, type, flags, target);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .link_create = { .prog_fd = (u32)fd_in(p, side),
							 .target_fd = (u32)target,
							 .attach_type = type,
							 .flags = flags } };

		ret[side] = call(side, cmd, &attr);
	}
	if (!agreed(cmd, ret))
		keep(LINK, type, 0, ret);
}

static void link_update(int cmd)
{
	struct slot *l = slot_of(LINK), *p = slot_of(PROG), *old = slot_of(PROG);
	u32 flags = (u32)PICK(0, 0, BPF_F_REPLACE, 1);
	int ret[SIDES];

	SAY("link type %d (kind %d) prog type %d flags %u", l ? (int)l->type : -1,
	    l ? (int)l->kind : -1, p ? (int)p->type : -1, flags);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .link_update = { .link_fd = (u32)fd_in(l, side),
							 .new_prog_fd = (u32)fd_in(p, side),
							 .flags = flags } };

		if (flags & BPF_F_REPLACE)
			attr.link_update.old_prog_fd = (u32)fd_in(old, side);
		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

/* Commands that ask for a link alone. */
static void of_link(int cmd)
{
	struct slot *l = slot_of(LINK);
	int ret[SIDES];

	SAY("link type %d (kind %d)", l ? (int)l->type : -1, l ? (int)l->kind : -1);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .link_detach = { .link_fd = (u32)fd_in(l, side) } };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static void raw_tp_open(int cmd)
{
	static const char *const names[] = { "sys_enter", "sys_exit", "no_such_thing" };
	struct slot *p = slot_of(PROG);
	u32 name = rnd(ARRAY_SIZE(names));
	bool unnamed = !rnd(6);
	int ret[SIDES];

	SAY("prog type %d (kind %d) %s", p ? (int)p->type : -1, p ? (int)p->kind : -1,
	    unnamed ? "" : names[name]);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .raw_tracepoint = { .name = unnamed ? 0 : (u64)names[name],
							    .prog_fd = (u32)fd_in(p, side) } };

		ret[side] = call(side, cmd, &attr);
	}
	if (!agreed(cmd, ret))
		keep(LINK, 1000, 0, ret);
}

static void task_fd_query(int cmd)
{
	struct slot *o = slot_of(1 + rnd(KINDS - 1));
	char name[SIDES][32] = { "", "" };
	u32 size = (u32)PICK(0, 32, 4), type[SIDES];
	int ret[SIDES];

	SAY("kind %d type %d size %u", o ? (int)o->kind : -1, o ? (int)o->type : -1, size);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .task_fd_query = { .pid = (u32)getpid(),
							   .fd = (u32)fd_in(o, side),
							   .buf_len = size,
							   .buf = size ? (u64)name[side] : 0 } };

		ret[side] = call(side, cmd, &attr);
		type[side] = attr.task_fd_query.fd_type;
	}
	agreed(cmd, ret);
	if (ret[0] >= 0 && type[0] != type[1])
		fail_msg("%s: skep %u, kernel %u", what, type[0], type[1]);
	assert_string_equal(name[0], name[1]);
}

static void enable_stats(int cmd)
{
	u32 type = (u32)PICK(0, 1, 1000);
	int ret[SIDES];

	SAY("type %u", type);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .enable_stats = { .type = type } };

		ret[side] = call(side, cmd, &attr);
	}
	if (!agreed(cmd, ret))
		keep(STATS, 0, 0, ret);
}

static void btf_load(int cmd)
{
	struct int_btf blob = int_btf;
	bool spoil = !rnd(4);
	u32 at = rnd(INT_BTF_SIZE), bits = rnd(256);
	int ret[SIDES];

	if (spoil)
		((u8 *)&blob)[at] ^= (u8)bits;
	SAY("spoilt %d at %u by %#x", spoil, at, bits);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .btf = (u64)&blob, .btf_size = INT_BTF_SIZE };

		ret[side] = call(side, cmd, &attr);
	}
	if (!agreed(cmd, ret) && !spoil)
		keep(BTF, 0, 0, ret);
	else if (ret[0] >= 0)
		close(ret[0]), close(ret[1]);
}

static void token_create(int cmd)
{
	u32 flags = rnd(2);
	int fd = a_thing(), ret[SIDES];

	SAY("fd %d flags %u", fd, flags);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .token_create = { .flags = flags, .bpffs_fd = (u32)fd } };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static void pin(int cmd)
{
	struct slot *o = slot_of(1 + rnd(KINDS - 1));
	u32 which = rnd(PINS), flags = (u32)PICK(0, 0, 0, BPF_F_RDONLY, BPF_F_WRONLY, 1, 1 << 14);
	char path[64];
	int ret[SIDES];

	if (cmd == BPF_OBJ_PIN)
		flags = flags == 1 ? 1 : 0;
	snprintf(path, sizeof(path), PIN_AT, getpid(), which);
	SAY("kind %d type %d %s flags %u", o ? (int)o->kind : -1, o ? (int)o->type : -1, path,
	    flags);
	for (int side = 0; side < SIDES; side++) {
		union bpf_attr attr = { .pathname = (u64)path, .file_flags = flags };

		if (cmd == BPF_OBJ_PIN)
			attr.bpf_fd = (u32)fd_in(o, side);
		ret[side] = call(side, cmd, &attr);
	}
	if (agreed(cmd, ret) || cmd == BPF_OBJ_PIN)
		return;
	close(ret[0]);
	close(ret[1]);
}

static void unpin(void)
{
	char path[64];

	for (u32 i = 0; i < PINS; i++) {
		snprintf(path, sizeof(path), PIN_AT, getpid(), i);
		kernel_call(SYS_unlink, (long)path, 0, 0, 0, 0);
		skep_front_use(sys);
		unlink(path);
		skep_front_use(NULL);
	}
	usleep(20000); /* workers end links */
}

static void stream_read(int cmd)
{
	struct slot *p = slot_of(PROG);
	u32 stream = rnd(5), size = (u32)PICK(0, 10, 100);
	int ret[SIDES];

	SAY("kind %d stream %u size %u", p ? (int)p->kind : -1, stream, size);
	for (int side = 0; side < SIDES; side++) {
		char text[128];
		union bpf_attr attr = { .prog_stream_read = { .stream_buf = (u64)text,
							      .stream_buf_len = size,
							      .stream_id = stream,
							      .prog_fd = (u32)fd_in(p, side) } };

		ret[side] = call(side, cmd, &attr);
	}
	agreed(cmd, ret);
}

static const struct {
	const char *name;
	int cmd;
	void (*play)(int cmd);
	u32 weight;
} plays[] = {
	{ "MAP_CREATE", BPF_MAP_CREATE, map_create, 12 },
	{ "MAP_LOOKUP_ELEM", BPF_MAP_LOOKUP_ELEM, element, 12 },
	{ "MAP_UPDATE_ELEM", BPF_MAP_UPDATE_ELEM, element, 20 },
	{ "MAP_DELETE_ELEM", BPF_MAP_DELETE_ELEM, element, 8 },
	{ "MAP_GET_NEXT_KEY", BPF_MAP_GET_NEXT_KEY, element, 8 },
	{ "MAP_LOOKUP_AND_DELETE_ELEM", BPF_MAP_LOOKUP_AND_DELETE_ELEM, element, 4 },
	{ "MAP_LOOKUP_BATCH", BPF_MAP_LOOKUP_BATCH, batch, 5 },
	{ "MAP_LOOKUP_AND_DELETE_BATCH", BPF_MAP_LOOKUP_AND_DELETE_BATCH, batch, 2 },
	{ "MAP_UPDATE_BATCH", BPF_MAP_UPDATE_BATCH, batch, 6 },
	{ "MAP_DELETE_BATCH", BPF_MAP_DELETE_BATCH, batch, 3 },
	{ "MAP_FREEZE", BPF_MAP_FREEZE, freeze, 2 },
	{ "OBJ_GET_INFO_BY_FD", BPF_OBJ_GET_INFO_BY_FD, info, 6 },
	{ "PROG_GET_FD_BY_ID", BPF_PROG_GET_FD_BY_ID, by_id, 2 },
	{ "MAP_GET_FD_BY_ID", BPF_MAP_GET_FD_BY_ID, by_id, 3 },
	{ "BTF_GET_FD_BY_ID", BPF_BTF_GET_FD_BY_ID, by_id, 2 },
	{ "LINK_GET_FD_BY_ID", BPF_LINK_GET_FD_BY_ID, by_id, 2 },
	{ "PROG_GET_NEXT_ID", BPF_PROG_GET_NEXT_ID, next_id, 1 },
	{ "MAP_GET_NEXT_ID", BPF_MAP_GET_NEXT_ID, next_id, 1 },
	{ "BTF_GET_NEXT_ID", BPF_BTF_GET_NEXT_ID, next_id, 1 },
	{ "LINK_GET_NEXT_ID", BPF_LINK_GET_NEXT_ID, next_id, 1 },
	{ "PROG_LOAD", BPF_PROG_LOAD, prog_load, 8 },
	{ "PROG_BIND_MAP", BPF_PROG_BIND_MAP, bind_map, 3 },
	{ "PROG_TEST_RUN", BPF_PROG_TEST_RUN, test_run, 5 },
	{ "PROG_ATTACH", BPF_PROG_ATTACH, attach, 4 },
	{ "PROG_DETACH", BPF_PROG_DETACH, attach, 3 },
	{ "PROG_QUERY", BPF_PROG_QUERY, query, 3 },
	{ "LINK_CREATE", BPF_LINK_CREATE, link_create, 5 },
	{ "LINK_UPDATE", BPF_LINK_UPDATE, link_update, 3 },
	{ "LINK_DETACH", BPF_LINK_DETACH, of_link, 2 },
	{ "ITER_CREATE", BPF_ITER_CREATE, of_link, 2 },
	{ "RAW_TRACEPOINT_OPEN", BPF_RAW_TRACEPOINT_OPEN, raw_tp_open, 3 },
	{ "TASK_FD_QUERY", BPF_TASK_FD_QUERY, task_fd_query, 2 },
	{ "ENABLE_STATS", BPF_ENABLE_STATS, enable_stats, 1 },
	{ "BTF_LOAD", BPF_BTF_LOAD, btf_load, 4 },
	{ "TOKEN_CREATE", BPF_TOKEN_CREATE, token_create, 1 },
	{ "OBJ_PIN", BPF_OBJ_PIN, pin, 3 },
	{ "OBJ_GET", BPF_OBJ_GET, pin, 3 },
	{ "PROG_STREAM_READ", BPF_PROG_STREAM_READ_BY_FD, stream_read, 2 },
};

/* At first, what much else needs. */
static void begin(void)
{
	for (u32 i = 0; i < 6; i++) {
		strcpy(what, "first BTF_LOAD:");
		btf_load(BPF_BTF_LOAD);
		strcpy(what, "first PROG_LOAD:");
		prog_load(BPF_PROG_LOAD);
	}
}

static void round_of(u64 seed)
{
	u32 all = 0;

	state = seed * 0x9e3779b97f4a7c15ULL | 1;
	for (u32 i = 0; i < ARRAY_SIZE(plays); i++)
		all += plays[i].weight;
	begin();
	for (u32 step = 0; step < STEPS; step++) {
		u32 at = rnd(all), i = 0;

		for (; at >= plays[i].weight; i++)
			at -= plays[i].weight;
		snprintf(what, sizeof(what), "seed %llu, step %u: %s", (unsigned long long)seed,
			 step, plays[i].name);
		plays[i].play(plays[i].cmd);
		if (!rnd(40))
			drop(&slots[rnd(SLOTS)]);
		if (!rnd(100))
			unpin();
	}
	for (u32 i = 0; i < SLOTS; i++)
		drop(&slots[i]);
	unpin();
}

static void test_sequences(void **unused)
{
	u32 rounds = getenv("SKEP_ROUNDS") ? (u32)atoi(getenv("SKEP_ROUNDS")) : 4;
	u64 seed = getenv("SKEP_SEED") ? strtoull(getenv("SKEP_SEED"), NULL, 0) : 1;
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_LRU_HASH, /* wants a capability */
				.key_size = 4,
				.value_size = 4,
				.max_entries = 4 };
	int fd = kernel_bpf_raw(BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd < 0) {
		print_message("# the running kernel does not let us use bpf(2)\n");
		skip();
	}
	close(fd);
	if (cgroup < 0) {
		print_message("# no cgroup2 hierarchy that we may make cgroups in\n");
		skip();
	}
	for (u32 i = 0; i < rounds; i++)
		round_of(seed + i);
	for (u32 i = 0; i < ARRAY_SIZE(plays); i++) {
		print_message("# %-28s %6u done %6u refused\n", plays[i].name, done[plays[i].cmd],
			      refused[plays[i].cmd]);
		assert_true(done[plays[i].cmd] + refused[plays[i].cmd] > 0);
	}
}

/* Pins that sequences which were killed have left on the kernel. */
static void remove_stale_pins(void)
{
	DIR *d = opendir("/sys/fs/bpf");
	struct dirent *e;
	char path[300];
	unsigned n;
	int pid;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/fs/bpf/%s", e->d_name);
		if (sscanf(path, PIN_AT, &pid, &n) == 2 && kill(pid, 0) && errno == ESRCH)
			unlink(path);
	}
	if (d)
		closedir(d);
}

static int setup(void **unused)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct utsname u;

	remove_stale_pins();
	uname(&u);
	sys = system_for(u.release);
	if (sys)
		find_struct_ops();
	nr_cpus = (u32)sysconf(_SC_NPROCESSORS_CONF);
	own_cgroup(cgroup_path, sizeof(cgroup_path));
	if (*cgroup_path)
		cgroup = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(tcp, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	bind(tcp, (struct sockaddr *)&any, sizeof(any));
	listen(tcp, 1);
	setsockopt(udp, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	bind(udp, (struct sockaddr *)&any, sizeof(any));
	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	task = (int)syscall(SYS_pidfd_open, getpid(), 0);
	return sys ? 0 : -1;
}

/* Also after a failure in the middle of a sequence. */
static int teardown(void **unused)
{
	for (u32 i = 0; i < SLOTS; i++)
		drop(&slots[i]);
	if (sys)
		unpin();
	skep_system_free(sys);
	own_cgroup_remove(cgroup_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
	};

	return cmocka_run_group_tests_name("sequence_diff", tests, setup, teardown);
}
