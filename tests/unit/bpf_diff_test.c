/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf(2) against bpf(2): the same calls, valid and not, to skep (with the profile of
 * the running kernel) and to the running kernel; results, errno and what was written
 * must be equal. Skipped where the kernel does not let us.
 */
#include "../lib/system_fixture.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../lib/hand_prog.h"
#include "base/version.h"

#define OBJECTS 16
#define VALUE	4096

/* One side: skep (sys) or the kernel (NULL), with its descriptors. */
struct side {
	struct skep_system *sys;
	int fd[OBJECTS];
	unsigned char key[64], value[VALUE];
	unsigned count;
};

static struct side ours, theirs;
static u64 seed;
static char what[256];

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static int call(struct side *s, int cmd, union bpf_attr *attr, unsigned size)
{
	long ret;

	if (s->sys)
		return skep_bpf(s->sys, cmd, attr, size);
	/* Not by libc's syscall(), which tests wrap. */
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((long)SYS_bpf), "D"((long)cmd), "S"(attr), "d"((long)size)
			 : "rcx", "r11", "memory");
	return (int)ret;
}

static int start(void **state)
{
	union bpf_attr attr;
	struct utsname u;
	int fd;

	(void)state;
	memset(&ours, 0, sizeof(ours));
	memset(&theirs, 0, sizeof(theirs));
	for (int i = 0; i < OBJECTS; i++)
		ours.fd[i] = theirs.fd[i] = -1;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_LRU_HASH; /* needs a capability */
	attr.key_size = attr.value_size = attr.max_entries = 4;
	fd = call(&theirs, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return 0;
	close(fd);
	uname(&u);
	ours.sys = system_for(u.release);
	return ours.sys ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < OBJECTS; i++) {
		if (ours.fd[i] >= 0)
			close(ours.fd[i]);
		if (theirs.fd[i] >= 0)
			close(theirs.fd[i]);
	}
	skep_system_free(ours.sys);
	return 0;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!ours.sys) {                                                                   \
			print_message("# the running kernel does not let us use bpf(2)\n");        \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void same(int a, int b)
{
	if (a != b)
		fail_msg("%s: skep %d, kernel %d", what, a, b);
}

/* One of several, weighted to what is valid. */
#define PICK(...)                                                                                  \
	({                                                                                         \
		static const u32 _v[] = { __VA_ARGS__ };                                           \
		_v[rnd(ARRAY_SIZE(_v))];                                                           \
	})

static void random_map(union bpf_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->map_type =
		PICK(BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
		     BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH,
		     BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_RINGBUF,
		     0, 77, BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS);
	attr->key_size = PICK(4, 4, 4, 4, 4, 8, 0, 3, 512, 1 << 20);
	attr->value_size = PICK(4, 4, 8, 8, 3, 0, 40, 4097, 1 << 20, 0xfffffff0);
	attr->max_entries = PICK(1, 4, 4, 8, 100, 4096, 8192, 0, 5000);
	if (attr->map_type == BPF_MAP_TYPE_RINGBUF && rnd(2))
		attr->key_size = attr->value_size = 0;
	if (rnd(3) == 0)
		attr->map_flags = 1U << rnd(20);
	if (rnd(8) == 0)
		attr->map_flags |= 1U << rnd(20);
	attr->map_flags &= ~(u32)BPF_F_TOKEN_FD;
	if (rnd(30) == 0)
		attr->numa_node = rnd(3);
	if (rnd(30) == 0)
		attr->map_extra = 1;
	if (rnd(30) == 0)
		attr->excl_prog_hash_size = PICK(1, 32);
	if (rnd(30) == 0)
		attr->btf_value_type_id = 1;
	if (rnd(30) == 0)
		attr->btf_key_type_id = 1;
	if (rnd(30) == 0)
		attr->btf_fd = 1;
	if (rnd(30) == 0)
		attr->btf_vmlinux_value_type_id = 1;
	if (rnd(20) == 0)
		strcpy(attr->map_name, PICK(0, 1) ? "ok_1" : "not-ok");
}

static void test_map_create(void **state)
{
	(void)state;
	NEED_KERNEL();
	seed = 1;
	for (int i = 0; i < 1500; i++) {
		union bpf_attr attr;
		unsigned size = rnd(10) ? sizeof(attr) : rnd(200);
		int a, b, inner = -1;

		random_map(&attr);
		/* Preallocation of some sizes fails for want of memory on one side only. */
		if ((u64)attr.value_size * attr.max_entries > 1 << 22 && attr.value_size < 1 << 22)
			continue;
		attr.inner_map_fd = rnd(2) ? (u32)-1 : 0;
		if (rnd(2) && ours.fd[0] >= 0)
			inner = 0;
		snprintf(
			what, sizeof(what),
			"map_create %d: type %u key %u value %u entries %u flags %#x numa %u extra "
			"%llu btf %u %u %u name %.16s size %u inner %d",
			i, attr.map_type, attr.key_size, attr.value_size, attr.max_entries,
			attr.map_flags, attr.numa_node, (unsigned long long)attr.map_extra,
			attr.btf_fd, attr.btf_key_type_id, attr.btf_value_type_id, attr.map_name,
			size, inner);
		if (inner >= 0)
			attr.inner_map_fd = ours.fd[0];
		a = call(&ours, BPF_MAP_CREATE, &attr, size);
		if (inner >= 0)
			attr.inner_map_fd = theirs.fd[0];
		b = call(&theirs, BPF_MAP_CREATE, &attr, size);
		same(a < 0 ? a : 0, b < 0 ? b : 0);
		if (a < 0)
			continue;
		/* What they say of the map. */
		for (int side = 0; side < 2; side++) {
			struct bpf_map_info info;
			union bpf_attr get;

			memset(&get, 0, sizeof(get));
			memset(&info, 0, sizeof(info));
			get.info.bpf_fd = side ? b : a;
			get.info.info_len = sizeof(info);
			get.info.info = (unsigned long)&info;
			same(call(side ? &theirs : &ours, BPF_OBJ_GET_INFO_BY_FD, &get,
				  sizeof(get)),
			     0);
			info.id = 0;
			if (!side)
				memcpy(ours.value, &info, sizeof(info));
			for (size_t k = 0; side && k < sizeof(info); k += 4)
				if (memcmp(ours.value + k, (char *)&info + k, 4))
					fail_msg("%s: info[%zu]: skep %u, kernel %u", what, k,
						 *(u32 *)(ours.value + k),
						 *(u32 *)((char *)&info + k));
		}
		if (ours.fd[0] < 0) {
			ours.fd[0] = a;
			theirs.fd[0] = b;
			continue;
		}
		close(a);
		close(b);
	}
}

/* A map of each type, on both sides. */
static void make_maps(void)
{
	static const struct {
		u32 type, key, value, entries, flags;
	} rows[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, BPF_F_MMAPABLE },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 8, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, BPF_F_RDONLY },
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, BPF_F_WRONLY },
	};
	union bpf_attr attr;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&attr, 0, sizeof(attr));
		attr.map_type = rows[i].type;
		attr.key_size = rows[i].key;
		attr.value_size = rows[i].value;
		attr.max_entries = rows[i].entries;
		attr.map_flags = rows[i].flags;
		ours.fd[i] = call(&ours, BPF_MAP_CREATE, &attr, sizeof(attr));
		theirs.fd[i] = call(&theirs, BPF_MAP_CREATE, &attr, sizeof(attr));
		assert_true(ours.fd[i] >= 0 && theirs.fd[i] >= 0);
		/* Numbers that no random field hits. */
		assert_true(dup2(ours.fd[i], 400 + (int)i) >= 0);
		assert_true(dup2(theirs.fd[i], 500 + (int)i) >= 0);
		close(ours.fd[i]);
		close(theirs.fd[i]);
		ours.fd[i] = 400 + (int)i;
		theirs.fd[i] = 500 + (int)i;
	}
}

/* The element commands; the order of a hash's keys is its own business. */
/* Linux's LRU keeps free elements by CPU: which one it evicts depends on where it is asked. */
static void stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void test_elements(void **state)
{
	enum { MAPS = 12 };
	cpu_set_t before;

	(void)state;
	NEED_KERNEL();
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	stay_on_this_cpu();
	make_maps();
	seed = 2;
	for (int i = 0; i < 6000; i++) {
		int cmd = (int)PICK(BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
				    BPF_MAP_LOOKUP_AND_DELETE_ELEM);
		u32 map = rnd(MAPS + 1), key = rnd(10), bad = rnd(40), ret[2];
		u64 flags = PICK(0, 0, 0, 0, 1, 2, 3, 4, 5, 8, 1 << 20);
		unsigned size = rnd(50) ? sizeof(union bpf_attr) : 4 + rnd(36);
		bool hash = map < 2 || map == 4 || map == 6 || map >= 10;
		unsigned char fill = (unsigned char)rnd(256);

		/* Evicting is each side's own choice: keep the LRU below its size. */
		if (map == 6 && key > 5)
			continue;
		snprintf(what, sizeof(what),
			 "element %d: cmd %d map %u key %u flags %llu bad %u size %u", i, cmd, map,
			 key, (unsigned long long)flags, bad, size);
		for (int side = 0; side < 2; side++) {
			struct side *s = side ? &theirs : &ours;
			union bpf_attr attr;

			memset(&attr, 0, sizeof(attr));
			memset(s->value, fill, sizeof(s->value));
			if (map == 7 || map == 8) /* descriptors: none is one */
				memset(s->value, 0xff, 4);
			memcpy(s->key, &key, sizeof(key));
			attr.map_fd = map == MAPS ? (u32)-1 : (u32)s->fd[map];
			attr.key = (unsigned long)s->key;
			attr.value = (unsigned long)s->value;
			if (map == 9 && rnd(2) * 0 == 0)
				attr.key = bad & 1 ? attr.key : 0;
			if (cmd != BPF_MAP_GET_NEXT_KEY && cmd != BPF_MAP_DELETE_ELEM)
				attr.flags = flags;
			if (bad == 0)
				attr.key = 8;
			if (bad == 1)
				attr.value = 8;
			if (bad == 2)
				attr.flags = 1ULL << 40;
			ret[side] = (u32)call(s, cmd, &attr, size);
		}
		/* Which key comes next in a hash, the kernel alone knows. */
		if (cmd == BPF_MAP_GET_NEXT_KEY && hash && bad > 2 && !ret[0] && !ret[1])
			continue;
		if (cmd == BPF_MAP_GET_NEXT_KEY && hash &&
		    (ret[0] == (u32)-ENOENT || ret[1] == (u32)-ENOENT))
			continue;
		same((int)ret[0], (int)ret[1]);
		if (memcmp(ours.value, theirs.value, sizeof(ours.value)))
			fail_msg("%s: values differ", what);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

/* Calls that no side may accept, with fields all over the place. */
static void test_refusals(void **state)
{
	static const int cmds[] = {
		BPF_MAP_FREEZE,		 BPF_PROG_GET_NEXT_ID,
		BPF_MAP_GET_NEXT_ID,	 BPF_PROG_GET_FD_BY_ID,
		BPF_MAP_GET_FD_BY_ID,	 BPF_OBJ_GET_INFO_BY_FD,
		BPF_BTF_GET_FD_BY_ID,	 BPF_MAP_LOOKUP_BATCH,
		BPF_MAP_UPDATE_BATCH,	 BPF_MAP_DELETE_BATCH,
		BPF_LINK_CREATE,	 BPF_LINK_UPDATE,
		BPF_LINK_GET_FD_BY_ID,	 BPF_LINK_GET_NEXT_ID,
		BPF_ENABLE_STATS,	 BPF_LINK_DETACH,
		BPF_PROG_BIND_MAP,	 BPF_BTF_LOAD,
		BPF_PROG_LOAD,		 BPF_PROG_TEST_RUN,
		BPF_RAW_TRACEPOINT_OPEN, BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	};

	(void)state;
	NEED_KERNEL();
	make_maps();
	seed = 3;
	for (int i = 0; i < 8000; i++) {
		int cmd = cmds[rnd(ARRAY_SIZE(cmds))], ret[2], n = (int)rnd(6);
		unsigned size = rnd(5) ? sizeof(union bpf_attr) : rnd(200), at[6], map = rnd(10);
		u32 value[6];
		u64 saved;

		for (int k = 0; k < n; k++) {
			at[k] = 4 * rnd(PICK(8, 8, 20, 42));
			value[k] = PICK(0, 1, 2, 3, 4, 7, 8, 16, 64, 1000, 0x7fffffff, 0xffffffff);
		}
		saved = seed;
		snprintf(what, sizeof(what), "call %d: cmd %d size %u map %u", i, cmd, size, map);
		for (int k = 0; k < n; k++) {
			size_t len = strlen(what);

			snprintf(what + len, sizeof(what) - len, " [%u]=%#x", at[k], value[k]);
		}
		for (int side = 0; side < 2; side++) {
			struct side *s = side ? &theirs : &ours;
			union {
				union bpf_attr attr;
				u32 word[64];
			} u;

			seed = saved;
			memset(&u, 0, sizeof(u));
			for (int k = 0; k < n; k++)
				if (cmd != BPF_PROG_LOAD ||
				    at[k] < 152) /* signatures: another errno */
					u.word[at[k] / 4] = value[k];
			/* Descriptors 0..2 are no objects; sometimes name a map. */
			if (rnd(2)) {
				u32 word =
					cmd >= BPF_MAP_LOOKUP_BATCH && cmd <= BPF_MAP_DELETE_BATCH ?
						9 :
						0;
				u.word[word] = (u32)s->fd[map];
			}
			ret[side] = call(s, cmd, &u.attr, size);
			if (ret[side] > 2 && ret[side] < 400 && cmd != BPF_MAP_UPDATE_BATCH) {
				close(ret[side]);
				ret[side] = 0;
			}
		}
		/* Other objects of the machine: what exists there is nobody's fault here. */
		if (cmd == BPF_PROG_GET_NEXT_ID || cmd == BPF_MAP_GET_NEXT_ID ||
		    cmd == BPF_LINK_GET_NEXT_ID || cmd == BPF_PROG_GET_FD_BY_ID ||
		    cmd == BPF_MAP_GET_FD_BY_ID || cmd == BPF_BTF_GET_FD_BY_ID ||
		    cmd == BPF_LINK_GET_FD_BY_ID)
			if (ret[0] == 0 || ret[1] == 0)
				continue;
		same(ret[0], ret[1]);
	}
}

/* Programs, the same on both sides: one with a map, one with a subprogram, one that returns. */
static void make_programs(void)
{
	const u32 types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
			      BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_RAW_TRACEPOINT };

	make_maps();
	for (int side = 0; side < 2; side++) {
		struct side *s = side ? &theirs : &ours;

		for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
			struct bpf_insn insns[] = {
				INSN(BPF_LD | BPF_IMM | BPF_DW, 6, BPF_PSEUDO_MAP_FD, 0, s->fd[2]),
				INSN(0, 0, 0, 0, 0),
				INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1),
				EXIT(),
				MOV_K(0, 2),
				EXIT(),
			};
			union bpf_attr attr;
			int fd;

			if (types[i] == BPF_PROG_TYPE_RAW_TRACEPOINT)
				insns[2] = MOV_K(1, 2), insns[3] = MOV_K(2, 2);

			memset(&attr, 0, sizeof(attr));
			attr.prog_type = types[i];
			attr.insns = (unsigned long)insns;
			attr.insn_cnt = ARRAY_SIZE(insns);
			attr.license = (unsigned long)(i & 1 ? "GPL" : "Proprietary");
			strcpy(attr.prog_name, "prog");
			fd = call(s, BPF_PROG_LOAD, &attr, sizeof(attr));
			assert_true(fd >= 0);
			s->fd[12 + i] = side ? 512 + (int)i : 412 + (int)i;
			assert_true(dup2(fd, s->fd[12 + i]) >= 0);
			close(fd);
		}
	}
}

static void test_program_info(void **state)
{
	(void)state;
	NEED_KERNEL();
	make_programs();
	seed = 4;
	for (int i = 0; i < 3000; i++) {
		u32 prog = 12 + rnd(4),
		    len = PICK(232, 232, 232, 228, 224, 208, 80, 4, 0, 240, 4096, 4097), ret[2],
		    map_ids[4], func = PICK(0, 0, 8, 7), line = PICK(0, 0, 16, 4),
		    n_func = PICK(0, 0, 3), n_maps = PICK(0, 1, 2, 4), n_tags = PICK(0, 0, 1, 4),
		    tail = rnd(20), n_insns = PICK(0, 0, 8, 48, 1000);
		struct bpf_prog_info info[2];
		struct bpf_insn insns[2][200];
		u8 tags[2][4][8];

		snprintf(what, sizeof(what),
			 "info %d: prog %u len %u func %u line %u nr %u maps %u tags %u tail %u", i,
			 prog, len, func, line, n_func, n_maps, n_tags, tail);
		memset(insns, 0, sizeof(insns));
		memset(tags, 0, sizeof(tags));
		for (int side = 0; side < 2; side++) {
			struct side *s = side ? &theirs : &ours;
			struct bpf_prog_info *p = (void *)s->value;
			union bpf_attr attr;

			memset(s->value, 0, sizeof(s->value));
			memset(&attr, 0, sizeof(attr));
			attr.info.bpf_fd = s->fd[prog];
			attr.info.info_len = len;
			attr.info.info = (unsigned long)s->value;
			p->func_info_rec_size = func;
			p->line_info_rec_size = line;
			p->nr_func_info = n_func;
			p->nr_map_ids = n_maps;
			p->map_ids = (unsigned long)map_ids;
			p->nr_prog_tags = n_tags;
			p->prog_tags = (unsigned long)tags[side];
			p->xlated_prog_len = n_insns;
			p->xlated_prog_insns = (unsigned long)insns[side];
			if (tail == 0 && len > sizeof(*p) && len <= sizeof(s->value))
				s->value[len - 1] = 1;
			ret[side] = (u32)call(s, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
			s->count = attr.info.info_len;
			info[side] = *p;
			/* What cannot be equal. */
			p = &info[side];
			p->id = p->jited_prog_len = p->load_time = p->btf_id = 0;
			p->map_ids = p->prog_tags = p->xlated_prog_insns = 0;
			for (int k = 0; k < 200; k++) /* map ids; call distances */
				insns[side][k].imm = 0;
		}
		same((int)ret[0], (int)ret[1]);
		same((int)ours.count, (int)theirs.count);
		for (size_t k = 0; k < sizeof(info[0]) / 4; k++)
			if (((u32 *)&info[0])[k] != ((u32 *)&info[1])[k])
				fail_msg("%s: info[%zu]: skep %#x, kernel %#x", what, 4 * k,
					 ((u32 *)&info[0])[k], ((u32 *)&info[1])[k]);
		/* Linux hashes the functions of a program of several with the addresses in them. */
		if (prog == 15 && memcmp(tags[0][0], tags[1][0], 8))
			fail_msg("%s: tags differ", what);
		for (u32 k = 0; k < min(n_insns, 48u) / 8; k++)
			if (insns[0][k].code != insns[1][k].code ||
			    insns[0][k].src_reg != insns[1][k].src_reg)
				fail_msg("%s: instruction %u differs", what, k);
	}
}

static void test_test_run(void **state)
{
	static const u32 out_fields[] = { offsetof(union bpf_attr, test.retval),
					  offsetof(union bpf_attr, test.data_size_out),
					  offsetof(union bpf_attr, test.ctx_size_out) };

	(void)state;
	NEED_KERNEL();
	make_programs();
	seed = 5;
	for (int i = 0; i < 6000; i++) {
		u32 prog = 12 + rnd(4), in = PICK(0, 14, 14, 64, 64, 13, 1500, 4000, 5000),
		    out = PICK(0, 0, 64, 10, 2000), ctx_in = PICK(0, 0, 0, 0, 24, 192, 200, 4),
		    ctx_out = PICK(0, 0, 0, 24, 192, 4), flags = PICK(0, 0, 0, 0, 1, 2, 4, 8),
		    null = rnd(12), cpu = PICK(0, 0, 0, 1, 5000), batch = PICK(0, 0, 0, 0, 1),
		    repeat = PICK(0, 1, 3), ret[2];
		union bpf_attr attr[2];

		/* Live frames go through the stack of the running kernel. */
		if (prog == 12 && flags & BPF_F_TEST_XDP_LIVE_FRAMES)
			continue;
		snprintf(what, sizeof(what),
			 "run %d: prog %u in %u out %u ctx %u %u flags %u null %u cpu %u batch %u "
			 "repeat %u",
			 i, prog, in, out, ctx_in, ctx_out, flags, null, cpu, batch, repeat);
		for (int side = 0; side < 2; side++) {
			struct side *s = side ? &theirs : &ours;
			union bpf_attr *a = &attr[side];
			static unsigned char data[8192], ctx[512];

			memset(ctx, 0, sizeof(ctx));
			memset(s->value, 0xaa, sizeof(s->value));
			for (u32 k = 0; k < sizeof(data); k++)
				data[k] = (unsigned char)(k * 7);
			memset(a, 0, sizeof(*a));
			a->test.prog_fd = s->fd[prog];
			a->test.data_size_in = in;
			a->test.data_in = null == 0 ? 0 : null == 1 ? 8 : (unsigned long)data;
			a->test.data_size_out = out;
			a->test.data_out = null == 2 ? 8 : out ? (unsigned long)s->value : 0;
			a->test.ctx_size_in = ctx_in;
			a->test.ctx_in = ctx_in && null != 3 ? (unsigned long)ctx : 0;
			a->test.ctx_size_out = ctx_out;
			a->test.ctx_out = ctx_out && null != 4 ? (unsigned long)s->value + 3000 : 0;
			a->test.flags = flags;
			a->test.cpu = cpu;
			a->test.batch_size = batch;
			a->test.repeat = repeat;
			ret[side] = (u32)call(s, BPF_PROG_TEST_RUN, a, sizeof(*a));
		}
		same((int)ret[0], (int)ret[1]);
		for (size_t k = 0; k < ARRAY_SIZE(out_fields); k++) {
			u32 *a = (u32 *)((char *)&attr[0] + out_fields[k]);
			u32 *b = (u32 *)((char *)&attr[1] + out_fields[k]);

			if (*a != *b)
				fail_msg("%s: field %u: skep %u, kernel %u", what, out_fields[k],
					 *a, *b);
		}
		if (memcmp(ours.value, theirs.value, 3000))
			fail_msg("%s: data differ", what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_map_create, start, end),
		cmocka_unit_test_setup_teardown(test_elements, start, end),
		cmocka_unit_test_setup_teardown(test_refusals, start, end),
		cmocka_unit_test_setup_teardown(test_program_info, start, end),
		cmocka_unit_test_setup_teardown(test_test_run, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
