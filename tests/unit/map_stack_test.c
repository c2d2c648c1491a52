/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stack maps, against a model, under threads and kills, and with Linux's ids. */
#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/stack.h"
#include "tests/lib/hand_prog.h"
#include "tests/lib/kernel.h"
#include "tests/lib/map_fixture.h"

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

static long put(struct bpf_map *m, const u64 *ips, u32 nr, u64 flags)
{
	return stack_trace_map_ops.stack_id(m, ips, nr, flags, &fx.run);
}

static void test_create(void **state)
{
	struct map_spec ok = { BPF_MAP_TYPE_STACK_TRACE, 4, 80, 5 }, s;
	int err;

	fixture_start(false);
	map_must(ok);
	s = ok, s.key_size = 8;
	assert_null(map_make(s, &err));
	assert_int_equal(err, -EINVAL);
	s = ok, s.value_size = 12;
	assert_null(map_make(s, &err));
	assert_int_equal(err, -EINVAL);
	s = ok, s.value_size = 128 * 8;
	assert_null(map_make(s, &err));
	assert_int_equal(err, -EINVAL);
	s = ok, s.flags = BPF_F_STACK_BUILD_ID;
	assert_null(map_make(s, &err));
	assert_int_equal(err, -EINVAL);
	s.value_size = 127 * 32;
	map_must(s);
	s = ok, s.flags = BPF_F_NO_PREALLOC;
	assert_null(map_make(s, &err));
	assert_int_equal(err, -EINVAL);
}

/* Ids are places: what is stored under one is found there, and only there. */
static void test_model(void **state)
{
	enum { DEPTH = 4, ENTRIES = 50, BUCKETS = 64 };
	struct {
		u32 nr;
		u64 ips[DEPTH];
	} model[BUCKETS] = { 0 };
	struct bpf_map *m;
	u32 filled = 0;
	u64 got[DEPTH];

	fixture_start(false);
	srandom(7);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_STACK_TRACE, 4, DEPTH * 8, ENTRIES });
	for (u32 i = 0; i < 20000; i++) {
		u64 flags = (rnd(3) ? 0 : BPF_F_REUSE_STACKID) |
			    (rnd(3) ? 0 : BPF_F_FAST_STACK_CMP) | BPF_F_USER_STACK;
		u32 nr = 1 + rnd(DEPTH), key;
		u64 ips[DEPTH] = { 0 };
		long id;

		if (!rnd(5)) {
			key = rnd(BUCKETS + 2);
			assert_int_equal(map_delete(m, &key), key >= BUCKETS ? -E2BIG :
							      model[key].nr  ? 0 :
									       -ENOENT);
			if (key < BUCKETS && model[key].nr) {
				model[key].nr = 0;
				filled--;
			}
			continue;
		}
		for (u32 k = 0; k < nr; k++)
			ips[k] = 0x400000 + rnd(6);
		id = put(m, ips, nr, flags);
		if (id == -EEXIST) {
			assert_false(flags & BPF_F_REUSE_STACKID);
			continue;
		}
		if (id == -ENOMEM) {
			assert_int_equal(filled, ENTRIES);
			continue;
		}
		assert_in_range(id, 0, BUCKETS - 1);
		key = (u32)id;
		if (!model[key].nr)
			filled++;
		else if (!(flags & BPF_F_REUSE_STACKID))
			assert_memory_equal(model[key].ips, ips, sizeof(ips));
		model[key].nr = nr;
		memcpy(model[key].ips, ips, sizeof(ips));
		assert_int_equal(map_lookup(m, &key, got, 0), 0);
		assert_memory_equal(got, ips, sizeof(ips));
	}
	map_ok(m);
	u32 n = 0, key, next, last = 0;

	for (bool first = true; !map_next(m, first ? NULL : &key, &next); first = false, n++) {
		assert_true(first || next > last);
		assert_true(model[next].nr);
		key = last = next;
	}
	assert_int_equal(n, filled);
	key = BUCKETS;
	assert_int_equal(map_lookup(m, &key, got, 0), -ENOENT);
	assert_int_equal(map_update(m, &last, got, 0), -EINVAL);
	fx.arena->profile = KVER(6, 17);
	assert_int_equal(map_take(m, &last, got, 0), -ENOTSUPP);
	fx.arena->profile = KVER(6, 18);
	assert_int_equal(map_take(m, &last, got, 0), 0);
	assert_int_equal(map_take(m, &last, got, 0), -ENOENT);
	map_ok(m);
}

/* No pages, no stack; and what was refused can be had later. */
static void test_no_memory(void **state)
{
	struct bpf_map *m;
	u64 ip = 0x1234;

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_STACK_TRACE, 4, 1016, 1 << 20 });
	fx.fail_back = 1;
	assert_int_equal(put(m, &ip, 1, 0), -ENOMEM);
	fx.fail_back = 0;
	assert_true(put(m, &ip, 1, 0) >= 0);
	map_ok(m);
}

/* Processes are killed anywhere; the others go on, and nothing is lost for long. */
static void test_kill(void **state)
{
	enum { ENTRIES = 8 };
	struct bpf_map *m;
	u32 ok = 0;

	fixture_start(true);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_STACK_TRACE, 4, 16, ENTRIES });
	for (u32 round = 0; round < 60; round++) {
		pid_t pid = fork();

		if (!pid) {
			struct bpf_run run = fixture_run(1);

			srandom(round);
			for (;;) {
				u64 ips[2] = { rnd(64), rnd(3) };
				u32 key = rnd(8);

				stack_trace_map_ops.stack_id(m, ips, 2, BPF_F_REUSE_STACKID, &run);
				if (!rnd(4))
					stack_trace_map_ops.delete_elem(m, &key, &run);
			}
		}
		usleep(500 + rnd(1500));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	fx.run = fixture_run(0);
	for (u32 key = 0; key < ENTRIES; key++)
		map_delete(m, &key);
	for (u32 i = 0; i < 400; i++) {
		u64 ips[2] = { i, 9 };

		ok += put(m, ips, 2, 0) >= 0;
	}
	map_ok(m);
	assert_int_equal(ok, ENTRIES);
}

static int bpf_user_build_id(struct bpf_task *t, u64 ip, u8 id[20], u64 *offset)
{
	if (ip < 0x1000)
		return -ENOENT;
	memset(id, 0xab, 16);
	*offset = ip - 0x1000;
	return 0;
}

static void test_build_ids(void **state)
{
	static const struct bpf_task_ops ops = { .user_build_id = bpf_user_build_id };
	struct bpf_task task = { .ops = &ops };
	struct bpf_stack_build_id v[3];
	u64 ips[2] = { 0x1040, 0x20 };
	struct bpf_map *m;
	u32 key;

	fixture_start(false);
	fx.run.task = &task;
	m = map_must((struct map_spec){ BPF_MAP_TYPE_STACK_TRACE, 4, 96, 4, BPF_F_STACK_BUILD_ID });
	key = (u32)put(m, ips, 2, BPF_F_USER_STACK);
	assert_int_equal(put(m, ips, 2, BPF_F_USER_STACK), key);
	assert_int_equal(map_lookup(m, &key, v, 0), 0);
	assert_int_equal(v[0].status, BPF_STACK_BUILD_ID_VALID);
	assert_int_equal(v[0].offset, 0x40);
	assert_int_equal(v[0].build_id[15], 0xab);
	assert_int_equal(v[0].build_id[16], 0);
	assert_int_equal(v[1].status, BPF_STACK_BUILD_ID_IP);
	assert_int_equal(v[1].ip, 0x20);
	assert_int_equal(v[2].status, BPF_STACK_BUILD_ID_EMPTY);
	assert_int_equal(put(m, ips, 2, 0), -EEXIST); /* the same as addresses */
	map_ok(m);
}

/* ---- Linux gives the same stacks the same ids ---- */

/* With frame pointers under every compiler; the probe is behind the frame's set-up. */
void framed(int depth);
extern const char probed[];
__asm__(".pushsection .text\n"
	"framed: push %rbp\n"
	"	mov %rsp, %rbp\n"
	"probed: nop\n"
	"	sub $1, %edi\n"
	"	js 1f\n"
	"	call framed\n"
	"1:	pop %rbp\n"
	"	ret\n"
	"	.popsection\n");

static u64 file_offset(const void *p)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to, off;
	char line[512];
	u64 found = 0;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &off) == 3 && (u64)p >= from &&
		    (u64)p < to)
			found = (u64)p - from + off;
	fclose(f);
	return found;
}

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

static int kernel_map(u32 type, u32 value_size, u32 entries)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = 4, .value_size = value_size, .max_entries = entries
	};

	return kernel_bpf_raw(BPF_MAP_CREATE, &attr, 72);
}

static void test_kernel_ids(void **state)
{
	enum { DEPTH = 9, ENTRIES = 1000 };
	int type = uprobe_type(), map = kernel_map(BPF_MAP_TYPE_STACK_TRACE, DEPTH * 8, ENTRIES);
	struct perf_event_attr pe = { .size = sizeof(pe) };
	union bpf_attr attr;
	struct bpf_map *m;
	u32 key, next, n = 0;
	int prog, fd;

	if (type < 0 || map < 0)
		skip(); /* the running kernel permits no eBPF, or no uprobes */
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		MOV_K(3, BPF_F_USER_STACK),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_stackid),
		MOV_K(0, 0),
		EXIT(),
	};

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.insns = (u64)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (u64) "GPL";
	prog = kernel_bpf_raw(BPF_PROG_LOAD, &attr, 72);
	assert_true(prog >= 0);
	pe.type = (u32)type;
	pe.config1 = (u64) "/proc/self/exe";
	pe.config2 = file_offset(probed);
	fd = (int)kernel_call(SYS_perf_event_open, (long)&pe, getpid(), -1, -1,
			      PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		skip(); /* perf_event_open() is refused here */
	assert_int_equal(kernel_call(SYS_ioctl, fd, PERF_EVENT_IOC_SET_BPF, prog, 0, 0), 0);
	assert_int_equal(kernel_call(SYS_ioctl, fd, PERF_EVENT_IOC_ENABLE, 0, 0, 0), 0);
	for (int depth = 0; depth < 12; depth++)
		framed(depth);
	close(fd);

	fixture_start(false);
	m = map_must((struct map_spec){ BPF_MAP_TYPE_STACK_TRACE, 4, DEPTH * 8, ENTRIES });
	for (;; n++, key = next) {
		u64 ips[DEPTH] = { 0 };
		u32 nr = 0;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (u32)map;
		attr.key = n ? (u64)&key : 0;
		attr.next_key = (u64)&next;
		if (kernel_bpf_raw(BPF_MAP_GET_NEXT_KEY, &attr, 72))
			break;
		attr.key = (u64)&next;
		attr.value = (u64)ips;
		assert_int_equal(kernel_bpf_raw(BPF_MAP_LOOKUP_ELEM, &attr, 72), 0);
		while (nr < DEPTH && ips[nr])
			nr++;
		assert_int_equal(put(m, ips, nr, 0), next);
	}
	close(map);
	close(prog);
	assert_true(n >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),	  cmocka_unit_test(test_model),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_kill),
		cmocka_unit_test(test_build_ids), cmocka_unit_test(test_kernel_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
