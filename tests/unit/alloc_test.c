/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Memory runs out at every point of every command in turn. Each time the command fails with
 * ENOMEM (or does without), nothing is lost of what malloc() gave, and the system has the objects,
 * pages and descriptors that it had; afterwards the command works.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "btf/btf.h"
#include "object/pins.h"
#include "tests/lib/asm.h"

/* ---- commands: 0 or a descriptor, -errno ---- */

static unsigned prog_id, map_id;
static int map, inner, hash, queue, prog, btf, map_in_map;
static u8 buf[1 << 12];

static u32 map_type;
static int create_map(struct skep_system *sys)
{
	/* type, key, value, entries, flags; value 0: -1 stands for a descriptor of .inner_map_fd */
	static const struct {
		u32 type, key, value, entries, flags;
		bool inner, types;
	} shapes[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 64, 8, 0 },
		{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 8, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, true },
		{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 8, 0, true },
		{ BPF_MAP_TYPE_DEVMAP, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_SOCKMAP, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_CPUMAP, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_XSKMAP, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_SOCKHASH, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 8, 0 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 8, 0 },
		{ BPF_MAP_TYPE_STACK, 0, 8, 8, 0 },
		{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 8, 0 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
		{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 8, 0 },
		{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0 },
		{ BPF_MAP_TYPE_TASK_STORAGE, 4, 8, 0, BPF_F_NO_PREALLOC, false, true },
		{ BPF_MAP_TYPE_HASH, 4, 8, 8, 0, false, true },
		{ BPF_MAP_TYPE_ARRAY, 4, 16, 8, BPF_F_MMAPABLE },
	};
	ATTR(.map_name = "made");

	if (map_type >= ARRAY_SIZE(shapes))
		return -ENOENT;
	a.map_type = shapes[map_type].type;
	a.key_size = shapes[map_type].key;
	a.value_size = shapes[map_type].value;
	a.max_entries = shapes[map_type].entries;
	a.map_flags = shapes[map_type].flags;
	if (shapes[map_type].inner)
		a.inner_map_fd = (u32)inner;
	if (shapes[map_type].types) {
		a.btf_fd = (u32)btf;
		a.btf_key_type_id = 1;
		a.btf_value_type_id = 2;
	}
	return call(sys, BPF_MAP_CREATE, &a);
}

/* int; struct s { int a, b; }; int f(int): a function, and types of a map's elements */
#define INFO(kind, vlen) ((u32)(kind) << 24 | (vlen))
static const struct {
	struct btf_header h;
	u32 type[21];
	char str[16];
} types = {
	.h = { .magic = BTF_MAGIC,
	       .version = 1,
	       .hdr_len = sizeof(struct btf_header),
	       .type_len = 21 * 4,
	       .str_off = 21 * 4,
	       .str_len = 16 },
	.type = { 1,
		  INFO(BTF_KIND_INT, 0),
		  4,
		  1 << 24 | 32,
		  5,
		  INFO(BTF_KIND_STRUCT, 2),
		  8,
		  7,
		  1,
		  0,
		  9,
		  1,
		  32,
		  0,
		  INFO(BTF_KIND_FUNC_PROTO, 1),
		  1,
		  7,
		  1,
		  11,
		  INFO(BTF_KIND_FUNC, 0),
		  3 },
	.str = "\0int\0s\0a\0b\0f",
};

static int load_btf(struct skep_system *sys)
{
	static char log[4096];
	ATTR(.btf = PTR(&types), .btf_size = sizeof(types), .btf_log_buf = PTR(log),
	     .btf_log_size = sizeof(log), .btf_log_level = 1);

	return call(sys, BPF_BTF_LOAD, &a);
}

/* Maps, a subprogram, a loop, a callback, spills; records of functions; all of the log. */
static int load_prog(struct skep_system *sys)
{
	struct bpf_insn insns[] = {
		MOVX(9, 1),
		STK(W, 10, -4, 1),
		LDMAP(1, 0),
		MOVX(2, 10),
		ADDK(2, -4),
		CALL(map_lookup_elem),
		JK(JEQ, 0, 0, 6),
		LD(DW, 6, 0, 0),
		ST(DW, 10, -16, 6),
		LD(DW, 7, 10, -16),
		JK(JGT, 7, 40, 1),
		ST(DW, 0, 0, 7),
		ADDK(6, 1),
		MOVK(8, 0),
		ADDK(8, 1),
		JK(JLT, 8, 9, -2),
		MOVX(1, 8),
		CALLSUB(8),
		MOVK(1, 3),
		I(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 8),
		I(0, 0, 0, 0, 0),
		MOVK(3, 0),
		MOVK(4, 0),
		CALL(loop),
		MOVK(0, 0),
		EXIT,
		MOVX(0, 1),
		EXIT,
		MOVX(0, 1),
		ANDK(0, 1),
		EXIT,
	};
	static const struct bpf_func_info funcs[] = { { 0, 4 }, { 27, 4 }, { 29, 4 } };
	static const struct bpf_line_info lines[] = { { 0, 1, 1, 1 << 10 },
						      { 27, 1, 1, 2 << 10 },
						      { 29, 1, 1, 3 << 10 } };
	static char log[1 << 16];
	ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(insns),
	     .insn_cnt = ARRAY_SIZE(insns), .license = PTR("GPL"), .log_buf = PTR(log),
	     .log_size = sizeof(log), .log_level = 2, .prog_btf_fd = (u32)btf,
	     .func_info = PTR(funcs), .func_info_cnt = ARRAY_SIZE(funcs),
	     .func_info_rec_size = sizeof(funcs[0]), .line_info = PTR(lines),
	     .line_info_cnt = ARRAY_SIZE(lines), .line_info_rec_size = sizeof(lines[0]));

	insns[2].imm = map;
	return call(sys, BPF_PROG_LOAD, &a);
}

/* Refused: that is the verdict, or no memory. */
static int load_bad_prog(struct skep_system *sys)
{
	static const struct bpf_insn insns[] = { LD(DW, 0, 10, -8), STK(DW, 10, 8, 0), EXIT };
	ATTR(.prog_type = BPF_PROG_TYPE_XDP, .insns = PTR(insns), .insn_cnt = ARRAY_SIZE(insns),
	     .license = PTR("GPL"));
	int err = call(sys, BPF_PROG_LOAD, &a);

	return err == -EACCES ? 0 : err;
}

/* Two iterators in each other: states that wait, back edges, kernel functions by their names. */
static int load_iterators(struct skep_system *sys)
{
	struct object_btf *kernel = system_vmlinux(sys);
	s32 new, next, destroy;
	struct bpf_insn insns[] = {
		MOVX(1, 10),
		ADDK(1, -8),
		MOVK(2, 0),
		MOVK(3, 5),
		I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0),
		MOVX(1, 10),
		ADDK(1, -8),
		I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0),
		JK(JEQ, 0, 0, 2),
		LD(W, 6, 0, 0),
		JA(-6),
		MOVX(1, 10),
		ADDK(1, -8),
		I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0),
		RET(0),
	};
	ATTR(.prog_type = BPF_PROG_TYPE_SCHED_CLS, .insns = PTR(insns),
	     .insn_cnt = ARRAY_SIZE(insns), .license = PTR("GPL"));

	if (!kernel)
		return -ENOMEM;
	new = btf_find_by_name_kind(kernel->btf, "bpf_iter_num_new", BTF_KIND_FUNC);
	next = btf_find_by_name_kind(kernel->btf, "bpf_iter_num_next", BTF_KIND_FUNC);
	destroy = btf_find_by_name_kind(kernel->btf, "bpf_iter_num_destroy", BTF_KIND_FUNC);
	if (new < 0 || next < 0 || destroy < 0)
		return -ENOTSUP;
	insns[4].imm = new;
	insns[7].imm = next;
	insns[13].imm = destroy;
	return call(sys, BPF_PROG_LOAD, &a);
}

static int update_hash(struct skep_system *sys)
{
	static u32 key = 7;
	ATTR(.map_fd = (u32)hash, .key = PTR(&key), .value = PTR(buf));
	int err = call(sys, BPF_MAP_UPDATE_ELEM, &a);

	a.value = 0;
	return err ? err : call(sys, BPF_MAP_DELETE_ELEM, &a);
}

static int update_inner(struct skep_system *sys)
{
	static u32 key = 1;
	ATTR(.map_fd = (u32)map_in_map, .key = PTR(&key), .value = PTR(&inner));
	int err = call(sys, BPF_MAP_UPDATE_ELEM, &a);

	a.value = 0;
	return err ? err : call(sys, BPF_MAP_DELETE_ELEM, &a);
}

static int look_up(struct skep_system *sys)
{
	static u32 key;
	ATTR(.map_fd = (u32)map, .key = PTR(&key), .value = PTR(buf));

	return call(sys, BPF_MAP_LOOKUP_ELEM, &a);
}

static int next_key(struct skep_system *sys)
{
	ATTR(.map_fd = (u32)map, .key = 0, .value = PTR(buf));

	return call(sys, BPF_MAP_GET_NEXT_KEY, &a);
}

static int push_pop(struct skep_system *sys)
{
	ATTR(.map_fd = (u32)queue, .value = PTR(buf));
	int err = call(sys, BPF_MAP_UPDATE_ELEM, &a);

	return err ? err : call(sys, BPF_MAP_LOOKUP_AND_DELETE_ELEM, &a);
}

static int batches(struct skep_system *sys)
{
	u32 keys[8] = { 0, 1, 2 }, out;
	ATTR(.batch = { .map_fd = (u32)hash, .count = 3, .keys = PTR(keys), .values = PTR(buf) });
	int err = call(sys, BPF_MAP_UPDATE_BATCH, &a);

	if (err)
		return err;
	a.batch.count = 3;
	a.batch.out_batch = PTR(&out);
	err = call(sys, BPF_MAP_LOOKUP_BATCH, &a);
	a.batch.count = 3;
	a.batch.keys = PTR(keys);
	if (!err || err == -ENOENT)
		err = 0;
	return call(sys, BPF_MAP_DELETE_BATCH, &a) ?: err;
}

static int run_prog(struct skep_system *sys)
{
	ATTR(.test = { .prog_fd = (u32)prog,
		       .data_in = PTR(buf),
		       .data_size_in = 64,
		       .data_out = PTR(buf + 1024),
		       .data_size_out = 64,
		       .repeat = 2 });

	return call(sys, BPF_PROG_TEST_RUN, &a);
}

static int info_of(struct skep_system *sys, int fd, u32 size)
{
	ATTR(.info = { .bpf_fd = (u32)fd, .info_len = size, .info = PTR(buf) });

	memset(buf, 0, sizeof(buf));
	return call(sys, BPF_OBJ_GET_INFO_BY_FD, &a);
}

static int infos(struct skep_system *sys)
{
	return info_of(sys, prog, sizeof(struct bpf_prog_info))	      ?:
		       info_of(sys, map, sizeof(struct bpf_map_info)) ?:
		       info_of(sys, btf, sizeof(struct bpf_btf_info));
}

static int by_id(struct skep_system *sys)
{
	ATTR(.prog_id = prog_id);
	int fd = call(sys, BPF_PROG_GET_FD_BY_ID, &a);

	if (fd < 0)
		return fd;
	close(fd);
	a.map_id = map_id;
	return call(sys, BPF_MAP_GET_FD_BY_ID, &a);
}

/* Pins and gets the map. (How memory is, is only asked before the pin is taken away.) */
static int pin(struct skep_system *sys)
{
	static const struct pin_who who = { .override = true };
	ATTR(.pathname = PTR("/sys/fs/bpf/alloc-test"), .bpf_fd = (u32)map);
	int err = call(sys, BPF_OBJ_PIN, &a), fd;

	if (err)
		return err;
	a.bpf_fd = 0;
	fd = call(sys, BPF_OBJ_GET, &a);
	made = mem_count();
	mem_fail_at(0, false);
	err = pins_unlink(sys, &who, "/sys/fs/bpf/alloc-test");
	assert_int_equal(err, 0);
	return fd;
}

static int raw_tracepoint(struct skep_system *sys)
{
	static const struct bpf_insn insns[] = { RET(0) };
	ATTR(.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = PTR(insns),
	     .insn_cnt = ARRAY_SIZE(insns), .license = PTR("GPL"));
	int fd = call(sys, BPF_PROG_LOAD, &a), link;

	if (fd < 0)
		return fd;
	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.name = PTR("sys_enter");
	a.raw_tracepoint.prog_fd = (u32)fd;
	link = call(sys, BPF_RAW_TRACEPOINT_OPEN, &a);
	close(fd);
	return link;
}

static int stats(struct skep_system *sys)
{
	ATTR(.enable_stats = { .type = BPF_STATS_RUN_TIME });

	return call(sys, BPF_ENABLE_STATS, &a);
}

static int bind(struct skep_system *sys)
{
	static const struct bpf_insn insns[] = { RET(0) };
	ATTR(.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = PTR(insns),
	     .insn_cnt = ARRAY_SIZE(insns), .license = PTR("GPL"));
	int fd = call(sys, BPF_PROG_LOAD, &a), err;

	if (fd < 0)
		return fd;
	memset(&a, 0, sizeof(a));
	a.prog_bind_map.prog_fd = (u32)fd;
	a.prog_bind_map.map_fd = (u32)map;
	err = call(sys, BPF_PROG_BIND_MAP, &a);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int element(struct skep_system *sys, int cmd, int fd, const u32 *key)
{
	ATTR(.map_fd = (u32)fd, .key = PTR(key), .value = PTR(buf));

	return call(sys, cmd, &a);
}

/* Maps that grow: where one has no room for more, what is in it stays, and nothing else comes. */
static int grow(struct skep_system *sys, u32 type, u32 key_size, u32 flags)
{
	int fd = sys_map_create(sys, type, key_size, 64, 50000, flags), err = 0;
	u32 key[2] = { 0, 0 }, n;

	if (fd < 0)
		return fd;
	for (n = 0; n < 6000 && !err; n++) {
		key[0] = type == BPF_MAP_TYPE_LPM_TRIE ? 32 : n;
		key[1] = type == BPF_MAP_TYPE_LPM_TRIE ? n : 0;
		memset(buf, (int)n, 64);
		err = element(sys, BPF_MAP_UPDATE_ELEM, fd, key);
	}
	for (u32 i = 0; i < n && err; i++) {
		key[0] = type == BPF_MAP_TYPE_LPM_TRIE ? 32 : i;
		key[1] = type == BPF_MAP_TYPE_LPM_TRIE ? i : 0;
		assert_int_equal(element(sys, BPF_MAP_LOOKUP_ELEM, fd, key),
				 i + 1 < n ? 0 : -ENOENT);
		if (i + 1 < n)
			assert_int_equal(buf[0], (u8)i);
	}
	close(fd);
	return err;
}

static int grow_hash(struct skep_system *sys)
{
	return grow(sys, BPF_MAP_TYPE_HASH, 8, 0);
}

static int grow_percpu(struct skep_system *sys)
{
	return grow(sys, BPF_MAP_TYPE_PERCPU_HASH, 8, 0);
}

static int grow_trie(struct skep_system *sys)
{
	return grow(sys, BPF_MAP_TYPE_LPM_TRIE, 8, BPF_F_NO_PREALLOC);
}

static const struct {
	const char *name;
	int (*run)(struct skep_system *sys);
	bool makes_fd;
} growing[] = { { "grow a hash", grow_hash, false },
		{ "grow a per-CPU hash", grow_percpu, false },
		{ "grow a trie", grow_trie, false } };

static const struct {
	const char *name;
	int (*run)(struct skep_system *sys);
	bool makes_fd;
} commands[] = {
	{ "load BTF", load_btf, true },
	{ "load a program", load_prog, true },
	{ "load a bad program", load_bad_prog, false },
	{ "load iterators", load_iterators, true },
	{ "update a hash", update_hash, false },
	{ "update a map of maps", update_inner, false },
	{ "look up", look_up, false },
	{ "next key", next_key, false },
	{ "push and pop", push_pop, false },
	{ "batches", batches, false },
	{ "run", run_prog, false },
	{ "infos", infos, false },
	{ "by id", by_id, true },
	{ "pin", pin, true },
	{ "raw tracepoint", raw_tracepoint, true },
	{ "statistics", stats, true },
	{ "bind", bind, true },
};

static int inner_of(struct skep_system *sys)
{
	ATTR(.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4,
	     .max_entries = 4, .inner_map_fd = (u32)inner);

	return call(sys, BPF_MAP_CREATE, &a);
}

static int set_up(void **state)
{
	struct skep_system *sys = system_for("6.18");

	if (!sys)
		return -1;
	map = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	inner = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	hash = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 8, 0);
	queue = sys_map_create(sys, BPF_MAP_TYPE_QUEUE, 0, 8, 8, 0);
	map_in_map = inner_of(sys);
	btf = load_btf(sys);
	prog = load_prog(sys);
	prog_id = object_id(sys, prog);
	map_id = object_id(sys, map);
	*state = sys;
	return map < 0 || inner < 0 || hash < 0 || queue < 0 || map_in_map < 0 || btf < 0 ||
	       prog < 0;
}

static int tear_down(void **state)
{
	close(map);
	close(inner);
	close(hash);
	close(queue);
	close(map_in_map);
	close(btf);
	close(prog);
	skep_system_free(*state);
	return 0;
}

static void every_command_may_run_out_of_memory(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		sweep(*state, commands[i].name, commands[i].run, commands[i].makes_fd);
}

static void every_map(struct skep_system *sys)
{
	u32 kinds = 0;

	for (map_type = 0;; map_type++) {
		char name[32];
		int fd = create_map(sys);

		if (fd == -ENOENT)
			break;
		if (fd < 0) /* a kind that is absent */
			continue;
		close(fd);
		snprintf(name, sizeof(name), "map shape %u", map_type);
		sweep(sys, name, create_map, true);
		kinds++;
	}
	assert_true(kinds >= 15);
}

static void every_map_may_run_out_of_memory(void **state)
{
	every_map(*state);
}

static void every_command_may_find_no_page(void **state)
{
	fault = &pages;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		sweep(*state, commands[i].name, commands[i].run, commands[i].makes_fd);
	for (u32 i = 0; i < ARRAY_SIZE(growing); i++)
		sweep(*state, growing[i].name, growing[i].run, growing[i].makes_fd);
	every_map(*state);
	fault = &memory;
}

static void every_command_may_get_no_file(void **state)
{
	fault = &files;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		sweep(*state, commands[i].name, commands[i].run, commands[i].makes_fd);
	every_map(*state);
	fault = &memory;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_may_run_out_of_memory),
		cmocka_unit_test(every_map_may_run_out_of_memory),
		cmocka_unit_test(every_command_may_find_no_page),
		cmocka_unit_test(every_command_may_get_no_file),
	};

	return cmocka_run_group_tests_name("allocation failures", tests, set_up, tear_down);
}
