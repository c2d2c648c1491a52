/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The same random calls of bpf(2) on skep and on the running kernel: same results,
 * same errno, same contents. Where Linux leaves something open (the order of a hash,
 * ids), only what it promises is compared.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;
static u32 nr_cpus;

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 144);
}

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

static int create(int side, u32 type, u32 key, u32 value, u32 entries, u32 flags, int inner)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	attr.inner_map_fd = (u32)inner;
	return call(side, BPF_MAP_CREATE, &attr);
}

static int elem(int side, int cmd, int fd, const void *key, void *value, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)key;
	attr.value = (u64)value; /* next_key lies in the same place */
	attr.flags = flags;
	return call(side, cmd, &attr);
}

static u32 id_of(int side, int fd)
{
	struct bpf_map_info info; /* a program's id is in the same place */
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (u32)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (u64)&info;
	assert_int_equal(call(side, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	return info.id;
}

static int load_prog(int side, u32 type)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (u64)insns;
	attr.insn_cnt = 2;
	attr.license = (u64) "GPL";
	fd = call(side, BPF_PROG_LOAD, &attr);
	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	struct utsname u;

	uname(&u);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = u.release });
	if (!sys) /* a kernel newer than the newest profile */
		sys = skep_system_new(NULL);
	nr_cpus = 0;
	if (sys) {
		FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
		u32 a = 0, b = 0;

		if (f && fscanf(f, "%u-%u", &a, &b) >= 1)
			nr_cpus = max(a, b) + 1;
		if (f)
			fclose(f);
	}
	return sys && nr_cpus ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static bool kernel_permits(void)
{
	int fd = create(KERNEL, BPF_MAP_TYPE_HASH, 4, 4, 1, 0, 0);

	if (fd < 0)
		return false;
	close(fd);
	fd = create(KERNEL, BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, 0, 0);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!kernel_permits())                                                             \
			skip();                                                                    \
	} while (0)

/* ---- what can be created ---- */

static const u32 value_types[] = { BPF_MAP_TYPE_HASH,	     BPF_MAP_TYPE_ARRAY,
				   BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
				   BPF_MAP_TYPE_LRU_HASH,    BPF_MAP_TYPE_LRU_PERCPU_HASH };

static bool keyless(u32 type)
{
	return type == BPF_MAP_TYPE_QUEUE || type == BPF_MAP_TYPE_STACK ||
	       type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static void test_create(void **state)
{
	static const u32 types[] = {
		BPF_MAP_TYPE_HASH,	    BPF_MAP_TYPE_ARRAY,
		BPF_MAP_TYPE_PROG_ARRAY,    BPF_MAP_TYPE_PERF_EVENT_ARRAY,
		BPF_MAP_TYPE_PERCPU_HASH,   BPF_MAP_TYPE_PERCPU_ARRAY,
		BPF_MAP_TYPE_LRU_HASH,	    BPF_MAP_TYPE_LRU_PERCPU_HASH,
		BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS,
		BPF_MAP_TYPE_RINGBUF,	    BPF_MAP_TYPE_STACK_TRACE,
	};
	static const u32 keys[] = { 0, 1, 4, 8, 40, 512, 513, 1 << 22, 0x7fffffff, 0xffffffff };
	static const u32 values[] = { 0,     1,	    4,	     8,		 100,	     32768,
				      32769, 65536, 1 << 22, 0x7fffffff, 0x80000000, 0xffffffff };
	static const u32 entries[] = { 0,    1,	    2,	      3,	  100,	     4096,
				       8192, 12288, 1u << 28, 0x80000001, 0xffffffff };
	u32 made = 0, refused = 0;
	int inner[2];

	NEED_KERNEL();
	srandom(1);
	for (int side = 0; side < 2; side++)
		inner[side] = create(side, BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, 0);
	for (u32 i = 0; i < 6000; i++) {
		u32 type = types[rnd(ARRAY_SIZE(types))];
		/* mostly one thing wrong at a time */
		u32 key = rnd(4) ? (type == BPF_MAP_TYPE_RINGBUF ? 0 : 4) :
				   keys[rnd(ARRAY_SIZE(keys))];
		u32 value = rnd(4) ? (type == BPF_MAP_TYPE_RINGBUF ? 0 : 4) :
				     values[rnd(ARRAY_SIZE(values))];
		u32 n = rnd(4) ? 4096 : entries[rnd(ARRAY_SIZE(entries))];
		u32 flags = rnd(3) ? 0 : 1u << rnd(16);
		int use_inner = (int)rnd(3), fd[2];

		if (keyless(type) && rnd(4))
			key = 0;
		if (type == BPF_MAP_TYPE_LPM_TRIE && rnd(4))
			key = 5 + rnd(260), flags |= BPF_F_NO_PREALLOC;
		if (flags == BPF_F_NUMA_NODE) /* not about maps */
			flags = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
		/* what memory there is is not the question */
		if ((u64)round_up((u64)key + value, 8) * n > 64 << 20 && n < 1u << 28)
			continue;
		if (type == BPF_MAP_TYPE_STACK_TRACE && rnd(2))
			value = 8 * rnd(140), flags = rnd(4) ? flags : BPF_F_STACK_BUILD_ID;
		if (n >= 1u << 28 && type != BPF_MAP_TYPE_HASH &&
		    type != BPF_MAP_TYPE_PERCPU_HASH && type != BPF_MAP_TYPE_LRU_HASH &&
		    type != BPF_MAP_TYPE_LRU_PERCPU_HASH)
			continue;
		for (int side = 0; side < 2; side++)
			fd[side] = create(side, type, key, value, n, flags,
					  use_inner ? inner[side] : -1);
		if ((fd[0] < 0 || fd[1] < 0) && fd[0] != fd[1])
			fail_msg("create type %u key %u value %u entries %u flags %#x: skep %d, "
				 "kernel %d",
				 type, key, value, n, flags, fd[0], fd[1]);
		if (fd[0] < 0) {
			refused++;
			continue;
		}
		made++;
		close(fd[0]);
		close(fd[1]);
	}
	close(inner[0]);
	close(inner[1]);
	assert_true(made > 500 && refused > 500);
}

/* ---- maps of values ---- */

struct pair {
	u32 type, key_size, value_size, entries, domain;
	int fd[2];
};

static bool is_array(const struct pair *p)
{
	return p->type == BPF_MAP_TYPE_ARRAY || p->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_percpu(const struct pair *p)
{
	return p->type == BPF_MAP_TYPE_PERCPU_ARRAY || p->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       p->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static u32 bytes_of_value(const struct pair *p)
{
	return is_percpu(p) ? round_up(p->value_size, 8) * nr_cpus : p->value_size;
}

static void make_key(const struct pair *p, u8 *key)
{
	u32 k = rnd(p->domain);

	memset(key, 0x5a, p->key_size);
	memcpy(key, &k, min_t(u32, p->key_size, 4));
	if (p->key_size == 1)
		key[0] = (u8)k;
}

static const char *name_of(int cmd)
{
	return cmd == BPF_MAP_LOOKUP_ELEM  ? "lookup" :
	       cmd == BPF_MAP_UPDATE_ELEM  ? "update" :
	       cmd == BPF_MAP_DELETE_ELEM  ? "delete" :
	       cmd == BPF_MAP_GET_NEXT_KEY ? "next" :
					     "lookup and delete";
}

#define MAX_VALUE (8192 * 8)
static u8 value_buf[2][MAX_VALUE];

static int order_key_size;
static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, (size_t)order_key_size);
}

/* All keys of one side, sorted; the count. */
static u32 all_keys(const struct pair *p, int side, u8 *out, u32 room)
{
	u8 key[64];
	u32 n = 0;

	while (n < room && !elem(side, BPF_MAP_GET_NEXT_KEY, p->fd[side], n ? key : NULL,
				 out + (u64)n * p->key_size, 0)) {
		memcpy(key, out + (u64)n * p->key_size, p->key_size);
		n++;
	}
	order_key_size = (int)p->key_size;
	qsort(out, n, p->key_size, compare_keys);
	return n;
}

static void compare_contents(const struct pair *p)
{
	u32 room = p->entries + 8, n[2], size = bytes_of_value(p);
	u8 *keys[2];

	for (int side = 0; side < 2; side++) {
		keys[side] = calloc(room, p->key_size);
		n[side] = all_keys(p, side, keys[side], room);
	}
	if (n[0] != n[1] || memcmp(keys[0], keys[1], (size_t)n[0] * p->key_size))
		fail_msg("type %u: keys differ: %u and %u of them", p->type, n[0], n[1]);
	for (u32 i = 0; i < n[0]; i++) {
		for (int side = 0; side < 2; side++) {
			memset(value_buf[side], 0xee, size);
			assert_int_equal(elem(side, BPF_MAP_LOOKUP_ELEM, p->fd[side],
					      keys[side] + (u64)i * p->key_size, value_buf[side],
					      0),
					 0);
		}
		assert_memory_equal(value_buf[0], value_buf[1], size);
	}
	free(keys[0]);
	free(keys[1]);
}

static void play(struct pair *p, u32 steps)
{
	static const u64 flags[] = { 0, 0,	     0,
				     0, BPF_NOEXIST, BPF_EXIST,
				     3, BPF_F_LOCK,  BPF_F_LOCK | BPF_NOEXIST,
				     8, 1ULL << 40 };
	static const int cmds[] = { BPF_MAP_UPDATE_ELEM,	   BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_UPDATE_ELEM,	   BPF_MAP_LOOKUP_ELEM,
				    BPF_MAP_DELETE_ELEM,	   BPF_MAP_GET_NEXT_KEY,
				    BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	u32 size = bytes_of_value(p);

	for (u32 i = 0; i < steps; i++) {
		int cmd = cmds[rnd(ARRAY_SIZE(cmds))], ret[2];
		u64 f = flags[rnd(ARRAY_SIZE(flags))];
		u8 key[64], next[2][64];

		if (cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY)
			f = 0; /* an unused field */
		make_key(p, key);
		for (u32 j = 0; j < size; j++)
			value_buf[0][j] = value_buf[1][j] = (u8)rnd(256);
		for (int side = 0; side < 2; side++) {
			void *third = cmd == BPF_MAP_GET_NEXT_KEY ? next[side] : value_buf[side];

			if (cmd == BPF_MAP_DELETE_ELEM)
				third = NULL;
			ret[side] = elem(side, cmd, p->fd[side], key, third, f);
		}
		/* whether a key has a successor in a hash depends on the order */
		if (cmd == BPF_MAP_GET_NEXT_KEY && !is_array(p)) {
			for (int side = 0; side < 2; side++)
				ret[side] = elem(side, cmd, p->fd[side], NULL, next[side], 0);
		} else if (cmd == BPF_MAP_GET_NEXT_KEY && !ret[0] && !ret[1]) {
			assert_memory_equal(next[0], next[1], p->key_size);
		}
		if (ret[0] != ret[1])
			fail_msg("type %u key %u value %u entries %u, step %u: %s, flags %#llx: "
				 "skep %d, kernel %d",
				 p->type, p->key_size, p->value_size, p->entries, i, name_of(cmd),
				 (unsigned long long)f, ret[0], ret[1]);
		if (memcmp(value_buf[0], value_buf[1], size))
			fail_msg("type %u key %u value %u, step %u: %s: values differ", p->type,
				 p->key_size, p->value_size, i, name_of(cmd));
	}
	compare_contents(p);
}

static void test_values(void **state)
{
	static const u32 key_sizes[] = { 1, 2, 4, 5, 8, 12, 16, 20, 40 };
	static const u32 value_sizes[] = { 1, 3, 4, 8, 12, 16, 63, 64, 500 };
	static const u32 sizes[] = { 1, 2, 7, 16, 50, 200 };

	NEED_KERNEL();
	srandom(2);
	for (u32 i = 0; i < 150; i++) {
		struct pair p = { .type = value_types[i % ARRAY_SIZE(value_types)] };
		bool lru =
			p.type == BPF_MAP_TYPE_LRU_HASH || p.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
		u32 flags = 0;

		p.key_size = is_array(&p) ? 4 : key_sizes[rnd(ARRAY_SIZE(key_sizes))];
		p.value_size = value_sizes[rnd(ARRAY_SIZE(value_sizes))];
		p.entries = sizes[rnd(ARRAY_SIZE(sizes))];
		p.domain = p.entries + p.entries / 2 + 1;
		if (p.key_size == 1)
			p.domain = min_t(u32, p.domain, 250);
		if (lru) { /* far from full: what is evicted when is Linux's own affair */
			p.domain = 60;
			p.entries = 2000;
		} else if (!is_array(&p) && rnd(2)) {
			flags = BPF_F_NO_PREALLOC;
		}
		for (int side = 0; side < 2; side++) {
			p.fd[side] =
				create(side, p.type, p.key_size, p.value_size, p.entries, flags, 0);
			assert_true(p.fd[side] >= 0);
		}
		play(&p, 600);
		close(p.fd[0]);
		close(p.fd[1]);
	}
}

/* LRU at its limit: both hold what they say, and keep what is used. */
static void test_lru_pressure(void **state)
{
	int fd[2];

	NEED_KERNEL();
	for (int side = 0; side < 2; side++) {
		fd[side] = create(side, BPF_MAP_TYPE_LRU_HASH, 4, 4, 3000, 0, 0);
		assert_true(fd[side] >= 0);
		for (u32 k = 0; k < 20000; k++) {
			assert_int_equal(elem(side, BPF_MAP_UPDATE_ELEM, fd[side], &k, &k, 0), 0);
			u32 v = 0;
			assert_int_equal(elem(side, BPF_MAP_LOOKUP_ELEM, fd[side], &k, &v, 0), 0);
			assert_int_equal(v, k);
		}
		u32 n = 0, key, next;
		while (!elem(side, BPF_MAP_GET_NEXT_KEY, fd[side], n ? &key : NULL, &next, 0)) {
			key = next;
			n++;
		}
		assert_true(n <= 3000 && n > 2000);
		close(fd[side]);
	}
}

/* ---- longest prefix match: the order of the keys is Linux's, too ---- */

static void test_lpm(void **state)
{
	static const u32 data_sizes[] = { 1, 2, 4, 5, 8, 12, 16, 20 };
	static const u64 flags[] = { 0, 0, 0, 1, 2, 3, 4 };

	NEED_KERNEL();
	srandom(5);
	for (u32 round = 0; round < 24; round++) {
		u32 size = data_sizes[round % ARRAY_SIZE(data_sizes)], bits = size * 8;
		u32 entries = round % 3 ? 500 : 12;
		int fd[2];

		for (int side = 0; side < 2; side++) {
			fd[side] = create(side, BPF_MAP_TYPE_LPM_TRIE, 4 + size, 8, entries,
					  BPF_F_NO_PREALLOC, 0);
			assert_true(fd[side] >= 0);
		}
		for (u32 i = 0; i < 1500; i++) {
			struct {
				u32 prefixlen;
				u8 data[20];
			} key = { 0 }, next[2];
			u32 op = rnd(8), cmd;
			u64 value[2], f = flags[rnd(ARRAY_SIZE(flags))];
			int ret[2];

			key.prefixlen = rnd(20) ? rnd(bits + 1) : bits + rnd(3);
			for (u32 j = 0; j < size; j++) /* few values, so that prefixes nest */
				key.data[j] =
					(u8)(rnd(2) * 0x80 + rnd(2) * 3 + (j ? 0 : rnd(2) * 0x40));
			cmd = op < 3  ? BPF_MAP_UPDATE_ELEM :
			      op < 5  ? BPF_MAP_LOOKUP_ELEM :
			      op == 5 ? BPF_MAP_DELETE_ELEM :
					BPF_MAP_GET_NEXT_KEY;
			value[0] = value[1] = (u64)random();
			memset(next, 0, sizeof(next));
			if (cmd != BPF_MAP_UPDATE_ELEM)
				f = 0;
			for (int side = 0; side < 2; side++)
				ret[side] = elem(side, (int)cmd, fd[side], &key,
						 cmd == BPF_MAP_GET_NEXT_KEY ? (void *)&next[side] :
						 cmd == BPF_MAP_DELETE_ELEM  ? NULL :
									       &value[side],
						 f);
			if (ret[0] != ret[1])
				fail_msg("lpm of %u bytes, step %u: %s of a prefix of %u, flags "
					 "%llu: "
					 "skep %d, kernel %d",
					 size, i, name_of((int)cmd), key.prefixlen,
					 (unsigned long long)f, ret[0], ret[1]);
			assert_int_equal(value[0], value[1]);
			assert_memory_equal(&next[0], &next[1], sizeof(next[0]));
		}
		close(fd[0]);
		close(fd[1]);
	}
}

/* ---- queue, stack, bloom filter ---- */

static void test_keyless(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK,
				     BPF_MAP_TYPE_BLOOM_FILTER };
	static const u64 flags[] = { 0, 0, 0, 1, 2, 2, 3, 4, 1ULL << 33 };
	static const int cmds[] = { BPF_MAP_UPDATE_ELEM, BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_LOOKUP_ELEM, BPF_MAP_LOOKUP_AND_DELETE_ELEM,
				    BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY };

	NEED_KERNEL();
	srandom(6);
	for (u32 round = 0; round < 30; round++) {
		u32 type = types[round % 3], size = 1 + rnd(40), entries = 1 + rnd(20);
		bool bloom = type == BPF_MAP_TYPE_BLOOM_FILTER;
		int fd[2];

		for (int side = 0; side < 2; side++) {
			fd[side] = create(side, type, 0, size, entries, 0, 0);
			assert_true(fd[side] >= 0);
		}
		for (u32 i = 0; i < 500; i++) {
			int cmd = cmds[rnd(ARRAY_SIZE(cmds))], ret[2];
			u64 f = flags[rnd(ARRAY_SIZE(flags))];
			u8 value[2][40];

			if (cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY)
				f = 0;
			if (bloom && cmd == BPF_MAP_LOOKUP_ELEM)
				continue; /* false positives are each one's own */
			for (u32 j = 0; j < size; j++)
				value[0][j] = value[1][j] = (u8)rnd(256);
			for (int side = 0; side < 2; side++)
				ret[side] =
					elem(side, cmd, fd[side], NULL,
					     cmd == BPF_MAP_DELETE_ELEM ? NULL : value[side], f);
			if (ret[0] != ret[1])
				fail_msg("type %u step %u: %s, flags %llu: skep %d, kernel %d",
					 type, i, name_of(cmd), (unsigned long long)f, ret[0],
					 ret[1]);
			assert_memory_equal(value[0], value[1], size);
			if (bloom && cmd == BPF_MAP_UPDATE_ELEM && !ret[0])
				for (int side = 0; side < 2; side++)
					assert_int_equal(elem(side, BPF_MAP_LOOKUP_ELEM, fd[side],
							      NULL, value[side], 0),
							 0);
		}
		close(fd[0]);
		close(fd[1]);
	}
}

/* ---- maps of objects ---- */

#define CHOICES 6

static void play_objects(u32 type, const int (*choice)[CHOICES], u32 nr, u32 entries, int *inner)
{
	u32 ids[2][CHOICES];
	int map[2];

	for (int side = 0; side < 2; side++) {
		map[side] = create(side, type, 4, 4, entries, 0, inner ? inner[side] : 0);
		assert_true(map[side] >= 0);
		for (u32 i = 0; i < nr; i++)
			ids[side][i] = choice[side][i] > 0 ? id_of(side, choice[side][i]) : 0;
	}
	for (u32 i = 0; i < (inner ? 120 : 1500); i++) { /* inner maps cost a grace period */
		u32 k = rnd(entries + 2), which = rnd(nr), op = rnd(5), got[2] = { 0, 0 };
		static const u64 flags[] = { 0, 0, 0, 0, 1, 2, 3, 4, 9 };
		u64 f = flags[rnd(ARRAY_SIZE(flags))];
		int ret[2];

		for (int side = 0; side < 2; side++) {
			if (op < 2)
				ret[side] = elem(side, BPF_MAP_UPDATE_ELEM, map[side], &k,
						 &(int){ choice[side][which] }, f);
			else if (op == 2)
				ret[side] = elem(side, BPF_MAP_DELETE_ELEM, map[side], &k, NULL, 0);
			else if (op == 3)
				ret[side] = elem(side, BPF_MAP_LOOKUP_ELEM, map[side], &k,
						 &got[side], 0);
			else
				ret[side] = elem(side, BPF_MAP_GET_NEXT_KEY, map[side], NULL,
						 &got[side], 0);
		}
		if (ret[0] != ret[1])
			fail_msg("type %u step %u op %u element %u key %u flags %llu: skep %d, "
				 "kernel %d",
				 type, i, op, which, k, (unsigned long long)f, ret[0], ret[1]);
		if (op == 3 && !ret[0]) { /* ids differ; whose they are does not */
			u32 a = 0, b = 0;

			while (a < nr && (!ids[0][a] || ids[0][a] != got[0]))
				a++;
			while (b < nr && (!ids[1][b] || ids[1][b] != got[1]))
				b++;
			assert_true(a < nr);
			assert_int_equal(a, b);
		}
	}
	close(map[0]);
	close(map[1]);
}

static void test_prog_array(void **state)
{
	int choice[2][CHOICES];

	NEED_KERNEL();
	srandom(3);
	for (int side = 0; side < 2; side++) {
		choice[side][0] = load_prog(side, BPF_PROG_TYPE_SOCKET_FILTER);
		choice[side][1] = load_prog(side, BPF_PROG_TYPE_SOCKET_FILTER);
		choice[side][2] = load_prog(side, BPF_PROG_TYPE_XDP);
		choice[side][3] = create(side, BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, 0);
		choice[side][4] = -1;
	}
	play_objects(BPF_MAP_TYPE_PROG_ARRAY, choice, 5, 5, NULL);
	for (int side = 0; side < 2; side++)
		for (u32 i = 0; i < 4; i++)
			close(choice[side][i]);
}

static void test_map_in_map(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };
	static const u32 inner_types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH,
					   BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_HASH };
	int choice[2][CHOICES];

	NEED_KERNEL();
	srandom(4);
	for (u32 t = 0; t < 2; t++) {
		for (u32 i = 0; i < ARRAY_SIZE(inner_types); i++) {
			u32 inner = inner_types[i];
			int templates[2];

			for (int side = 0; side < 2; side++) {
				choice[side][0] = create(side, inner, 4, 8, 4, 0, 0);
				choice[side][1] = create(side, inner, 4, 8, 4, 0, 0);
				choice[side][2] = create(side, inner, 4, 8, 5, 0, 0); /* size */
				choice[side][3] = create(side, inner, 4, 4, 4, 0, 0); /* value */
				choice[side][4] = load_prog(side, BPF_PROG_TYPE_XDP);
				choice[side][5] = -1;
				templates[side] = choice[side][0];
			}
			play_objects(types[t], choice, 6, 4, templates);
			for (int side = 0; side < 2; side++)
				for (u32 j = 0; j < 5; j++)
					close(choice[side][j]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),	     cmocka_unit_test(test_values),
		cmocka_unit_test(test_lru_pressure), cmocka_unit_test(test_prog_array),
		cmocka_unit_test(test_lpm),	     cmocka_unit_test(test_keyless),
		cmocka_unit_test(test_map_in_map),
	};

	return cmocka_run_group_tests_name("map_kernel", tests, setup, teardown);
}
