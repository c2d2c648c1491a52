/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The whole way through skep_bpf(): a program is loaded (verified, compiled), run on
 * a packet, shown and let go, for every profile.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "hook/hook.h"
#include "object/arena.h"
#include "object/packet.h"

#include "../lib/hand_prog.h"

static const char *const kernels[] = { "5.10", "6.1", "6.12", "6.18", "7.2" };

static char log_text[1 << 16];

static int load(struct skep_system *sys, u32 type, const struct bpf_insn *insns, u32 n)
{
	int fd;

	log_text[0] = 0;
	fd = sys_prog_load(sys, type, insns, n, log_text, sizeof(log_text));
	if (fd < 0)
		print_message("# %d: %s\n", fd, log_text);
	return fd;
}

static int run(struct skep_system *sys, int prog, const void *data, u32 size, u32 *retval)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = prog;
	attr.test.data_in = (unsigned long)data;
	attr.test.data_size_in = size;
	attr.test.repeat = 1;
	err = skep_bpf(sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	*retval = attr.test.retval;
	return err;
}

static void info_of(struct skep_system *sys, int fd, void *info, u32 size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = size;
	attr.info.info = (unsigned long)info;
	assert_int_equal(skep_bpf(sys, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
}

static void test_two_insns(void **state)
{
	const struct bpf_insn insns[] = { MOV_K(0, XDP_DROP), EXIT() };
	unsigned char packet[64] = { 0 };
	struct bpf_prog_info info;
	u32 retval;

	for (size_t k = 0; k < ARRAY_SIZE(kernels); k++) {
		struct skep_system *sys = system_for(kernels[k]);
		int fd = load(sys, BPF_PROG_TYPE_XDP, insns, 2);

		assert_true(fd >= 0);
		assert_int_equal(run(sys, fd, packet, sizeof(packet), &retval), 0);
		assert_int_equal(retval, XDP_DROP);
		assert_int_equal(run(sys, fd, packet, 13, &retval), -EINVAL);
		memset(&info, 0, sizeof(info));
		info_of(sys, fd, &info, k ? sizeof(info) : 208);
		assert_int_equal(info.type, BPF_PROG_TYPE_XDP);
		assert_int_equal(info.xlated_prog_len, 16);
		assert_true(info.jited_prog_len > 0);
		assert_true(info.gpl_compatible);
		close(fd);
		assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
		skep_system_free(sys);
	}
	(void)state;
}

static void test_refused(void **state)
{
	const struct bpf_insn no_r0[] = { EXIT() };
	const struct bpf_insn loop[] = { MOV_K(0, 0), JA(-1), EXIT() };
	struct skep_system *sys = *state;
	struct skep_refusal why = { .sz = sizeof(why) };
	u64 before = arena_pages_used(sys->arena);

	assert_int_equal(
		sys_prog_load(sys, BPF_PROG_TYPE_XDP, no_r0, 1, log_text, sizeof(log_text)),
		-EACCES);
	assert_non_null(strstr(log_text, "R0 !read_ok"));
	assert_int_equal(skep_last_refusal(sys, &why), 0);
	assert_int_equal(why.err, EACCES);
	assert_int_equal(why.insn, 0);
	assert_true(sys_prog_load(sys, BPF_PROG_TYPE_XDP, loop, 3, log_text, sizeof(log_text)) < 0);
	assert_int_equal(sys_prog_load(sys, BPF_PROG_TYPE_XDP, no_r0, 0, NULL, 0), -E2BIG);
	assert_int_equal(sys_prog_load(sys, 99, no_r0, 1, NULL, 0), -EINVAL);
	assert_int_equal(sys_prog_load(sys, BPF_PROG_TYPE_XDP, (void *)16, 1, NULL, 0), -EFAULT);
	objects_drain(sys, true);
	assert_null(sys->retired);
	assert_int_equal(arena_pages_used(sys->arena), before);
}

/* Counts packets in a map by a helper call and by direct access. */
static void test_map(void **state)
{
	struct skep_system *sys = *state;
	int map = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 8, 0), fd;
	const struct bpf_insn insns[] = {
		ST(BPF_W, 10, -4, 7),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 2),
		MOV_K(1, 1),
		ATOMIC(BPF_DW, BPF_ADD, 0, 1, 0),
		MOV_K(0, XDP_PASS),
		EXIT(),
	};
	unsigned char packet[64] = { 0 };
	unsigned long value = 40;
	struct bpf_insn dump[16];
	struct bpf_prog_info info;
	u32 retval, key = 7, id, ids[2] = { 0 };

	fd = load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	assert_true(fd >= 0);
	assert_int_equal(run(sys, fd, packet, sizeof(packet), &retval), 0);
	assert_int_equal(sys_map_lookup(sys, map, &key, &value), -ENOENT);
	assert_int_equal(sys_map_update(sys, map, &key, &value, BPF_NOEXIST), 0);
	assert_int_equal(run(sys, fd, packet, sizeof(packet), &retval), 0);
	assert_int_equal(run(sys, fd, packet, sizeof(packet), &retval), 0);
	assert_int_equal(retval, XDP_PASS);
	assert_int_equal(sys_map_lookup(sys, map, &key, &value), 0);
	assert_int_equal(value, 42);
	id = object_id(sys, map);
	memset(&info, 0, sizeof(info));
	memset(dump, 0, sizeof(dump));
	info.nr_map_ids = 2;
	info.map_ids = (unsigned long)ids;
	info.xlated_prog_len = sizeof(dump);
	info.xlated_prog_insns = (unsigned long)dump;
	info_of(sys, fd, &info, sizeof(info));
	assert_int_equal(info.nr_map_ids, 1);
	assert_int_equal(ids[0], id);
	/* No address leaves: the map shows as its id. */
	assert_int_equal(dump[1].src_reg, BPF_PSEUDO_MAP_FD);
	assert_int_equal(dump[1].imm, id);
	/* The program keeps the map. */
	close(map);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 1);
	assert_int_equal(run(sys, fd, packet, sizeof(packet), &retval), 0);
	map = fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, id);
	assert_int_equal(sys_map_lookup(sys, map, &key, &value), 0);
	assert_int_equal(value, 43);
	close(map);
	close(fd);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
}

static void test_tail_call(void **state)
{
	struct skep_system *sys = *state;
	int array = sys_map_create(sys, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0), caller, callee, cls;
	const struct bpf_insn jump[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_FD, 0, array),
		INSN(0, 0, 0, 0, 0),
		MOV_K(3, 1),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		MOV_K(0, XDP_ABORTED),
		EXIT(),
	};
	const struct bpf_insn tx[] = { MOV_K(0, XDP_TX), EXIT() };
	unsigned char packet[64] = { 0 };
	u32 retval, key = 1;

	caller = load(sys, BPF_PROG_TYPE_XDP, jump, ARRAY_SIZE(jump));
	callee = load(sys, BPF_PROG_TYPE_XDP, tx, 2);
	cls = load(sys, BPF_PROG_TYPE_SCHED_CLS, tx, 2);
	assert_true(caller >= 0 && callee >= 0 && cls >= 0);
	assert_int_equal(run(sys, caller, packet, sizeof(packet), &retval), 0);
	assert_int_equal(retval, XDP_ABORTED);
	assert_int_equal(sys_map_update(sys, array, &key, &cls, 0), -EINVAL);
	assert_int_equal(sys_map_update(sys, array, &key, &callee, 0), 0);
	close(callee);
	assert_int_equal(run(sys, caller, packet, sizeof(packet), &retval), 0);
	assert_int_equal(retval, XDP_TX);
	/* The last descriptor of the array goes: its elements, too, though a program has it. */
	close(array);
	assert_int_equal(run(sys, caller, packet, sizeof(packet), &retval), 0);
	assert_int_equal(retval, XDP_ABORTED);
	close(caller);
	close(cls);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
}

/* Values of a read-only map are constants to the verifier; those of an inner map are not. */
static void test_constant_inner_map(void **state)
{
	struct skep_system *sys = *state;
	int inner[2], outer, prog;
	unsigned key = 0;
	unsigned long value;
	unsigned char packet[64] = { 0 };
	union bpf_attr attr;
	u32 retval;

	for (int i = 0; i < 2; i++) {
		value = i ? XDP_TX : XDP_DROP;
		inner[i] = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY_PROG);
		assert_int_equal(sys_map_update(sys, inner[i], &key, &value, 0), 0);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = inner[i];
		assert_int_equal(skep_bpf(sys, BPF_MAP_FREEZE, &attr, sizeof(attr)), 0);
	}
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	attr.inner_map_fd = inner[0];
	outer = skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr));
	assert_true(outer >= 0);
	const struct bpf_insn insns[] = {
		ST(BPF_W, 10, -4, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, outer),
		INSN(0, 0, 0, 0, 0),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 7),
		MOV_X(1, 0),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 2),
		LDX(BPF_DW, 0, 0, 0),
		EXIT(),
		MOV_K(0, XDP_PASS),
		EXIT(),
	};

	prog = load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	assert_true(prog >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sys_map_update(sys, outer, &key, &inner[i], 0), 0);
		assert_int_equal(run(sys, prog, packet, sizeof(packet), &retval), 0);
		assert_int_equal(retval, i ? XDP_TX : XDP_DROP);
		close(inner[i]);
	}
	close(outer), close(prog);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
}

/* ---- a map freed under running programs ---- */

static struct {
	struct skep_system *sys;
	bool stop;
	u64 runs, torn;
} shared;

static void *runner(void *arg)
{
	struct hook *h = hook_find_netdev(shared.sys, HOOK_XDP, 7);
	struct xdp_buff xdp;
	u64 runs = 0, torn = 0;

	memset(&xdp, 0, sizeof(xdp));
	while (!load_acquire(&shared.stop)) {
		struct bpf_run run = { 0 };

		torn += hook_run(h, &xdp, &run) != XDP_PASS;
		runs++;
	}
	__atomic_fetch_add(&shared.runs, runs, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared.torn, torn, __ATOMIC_RELAXED);
	return arg;
}

/*
 * Four threads run a program that looks into the inner map of an array of maps; that
 * is replaced and closed all the time, and its memory given back and used again.
 */
static void test_map_freed_under_programs(void **state)
{
	struct skep_system *sys = *state;
	int inner = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), outer, prog, link;
	unsigned key = 0;
	unsigned long value = 4711;
	union bpf_attr attr;
	pthread_t thread[4];

	assert_int_equal(sys_map_update(sys, inner, &key, &value, 0), 0);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	attr.inner_map_fd = inner;
	outer = skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr));
	assert_true(outer >= 0);
	const struct bpf_insn insns[] = {
		ST(BPF_W, 10, -4, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, outer),
		INSN(0, 0, 0, 0, 0),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 8),
		MOV_X(1, 0),
		MOV_X(2, 10),
		ALU64_K(BPF_ADD, 2, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		JMP_K(BPF_JEQ, 0, 0, 3),
		LDX(BPF_DW, 1, 0, 0),
		JMP_K(BPF_JEQ, 1, 4711, 1),
		JA(2),
		MOV_K(0, XDP_PASS),
		EXIT(),
		MOV_K(0, XDP_ABORTED),
		EXIT(),
	};

	prog = load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns));
	assert_true(prog >= 0);
	assert_int_equal(netdev_hooks_add(sys, 7, "test0"), 0);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = 7;
	attr.link_create.attach_type = BPF_XDP;
	link = skep_bpf(sys, BPF_LINK_CREATE, &attr, sizeof(attr));
	assert_true(link >= 0);
	assert_int_equal(sys_map_update(sys, outer, &key, &inner, 0), 0);
	shared = (__typeof__(shared)){ .sys = sys };
	for (int t = 0; t < 4; t++)
		pthread_create(&thread[t], NULL, runner, NULL);
	for (int i = 0; i < 400; i++) {
		close(inner);
		inner = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
		assert_true(inner >= 0);
		assert_int_equal(sys_map_update(sys, inner, &key, &value, 0), 0);
		assert_int_equal(sys_map_update(sys, outer, &key, &inner, 0), 0);
	}
	store_release(&shared.stop, true);
	for (int t = 0; t < 4; t++)
		pthread_join(thread[t], NULL);
	assert_int_equal(shared.torn, 0);
	assert_true(shared.runs > 0);
	close(inner), close(outer), close(link), close(prog);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	objects_drain(sys, false);
	assert_null(sys->retired);
}

/* With machine code of a program in place: no page is writable and executable at once. */
static void test_no_writable_code(void **state)
{
	const struct bpf_insn insns[] = { MOV_K(0, XDP_DROP), EXIT() };
	struct skep_system *sys = *state;
	int prog = load(sys, BPF_PROG_TYPE_XDP, insns, 2), err;
	struct prog_object *p = prog_get_fd(sys, prog, &err);
	unsigned long start, stop, code;
	char line[512], perms[8];
	bool found = false;
	FILE *f;

	assert_non_null(p);
	assert_true(p->prog->jited);
	code = (unsigned long)p->prog->code;
	f = fopen("/proc/self/maps", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &stop, perms) != 3)
			continue;
		assert_false(perms[1] == 'w' && perms[2] == 'x');
		if (start <= code && code < stop) {
			assert_string_equal(perms, "r-xs");
			found = true;
		}
	}
	fclose(f);
	assert_true(found);
	object_put(&p->obj);
	close(prog);
}

static bool all_traps(const u8 *from, const u8 *to)
{
	for (; from < to; from++)
		if (*from != 0xcc)
			return false;
	return true;
}

/* Traps on both sides of code; it stays while a run that may be inside lasts, then it is traps. */
static void test_code_guarded_and_freed(void **state)
{
	const struct bpf_insn insns[] = { MOV_K(0, XDP_DROP), EXIT() };
	struct skep_system *sys = *state;
	u8 *code[3], *end, before[4096];
	int fd[3], err;
	struct bpf_run run = { 0 };
	u64 size = 0;

	for (int i = 0; i < 3; i++) {
		struct prog_object *p;

		fd[i] = load(sys, BPF_PROG_TYPE_XDP, insns, 2);
		p = prog_get_fd(sys, fd[i], &err);
		assert_true(p->prog->jited);
		code[i] = p->prog->code;
		size = p->prog->code_size;
		end = code[i] + round_up(size, 4096);
		assert_true(all_traps(code[i] + size, end + 4096));
		if (code[i] !=
		    (u8 *)sys->arena + ARENA_CODE) /* else what is there is not executable */
			assert_true(all_traps(code[i] - 4096, code[i]));
		object_put(&p->obj);
	}
	memcpy(before, code[1], size);
	slot_claim(sys->arena, sys->platform, &run);
	close(fd[1]);
	objects_drain(sys, true);
	assert_memory_equal(code[1], before, size);
	slot_release(&run);
	objects_drain(sys, true);
	assert_null(sys->retired);
	assert_true(all_traps(code[1] - 4096, code[1] + 8192));
	assert_false(all_traps(code[0], code[0] + size));
	assert_false(all_traps(code[2], code[2] + size));
	close(fd[0]);
	close(fd[2]);
}

/* A jump past a program's end ends in a trap. */
static void test_guard_traps(void **state)
{
	const struct bpf_insn insns[] = { MOV_K(0, XDP_DROP), EXIT() };
	struct skep_system *sys = *state;
	int fd = load(sys, BPF_PROG_TYPE_XDP, insns, 2), err, status;
	struct prog_object *p = prog_get_fd(sys, fd, &err);
	u8 *guard = (u8 *)p->prog->code + round_up(p->prog->code_size, 4096);
	pid_t child = fork();

	if (!child) {
		struct rlimit none = { 0 };

		setrlimit(RLIMIT_CORE, &none);
		((void (*)(void))guard)();
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTRAP);
	object_put(&p->obj);
	close(fd);
}

/* Every allocation of a load fails once. */
static void test_load_allocation_failures(void **state)
{
	const struct bpf_insn insns[] = {
		MOV_X(6, 1),	     LDX(BPF_W, 2, 6, 0),     LDX(BPF_W, 3, 6, 4),
		MOV_X(4, 2),	     ALU64_K(BPF_ADD, 4, 14), JMP_X(BPF_JGT, 4, 3, 1),
		LDX(BPF_B, 0, 2, 0), MOV_K(0, XDP_PASS),      EXIT(),
	};
	struct skep_system *sys = *state;
	u64 before;
	int fd;

	close(load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns)));
	objects_drain(sys, true);
	before = arena_pages_used(sys->arena);
	for (u64 n = 1;; n++) {
		u64 made;

		mem_fail_at(n, false);
		fd = sys_prog_load(sys, BPF_PROG_TYPE_XDP, insns, ARRAY_SIZE(insns), log_text,
				   sizeof(log_text));
		made = mem_count();
		mem_fail_at(0, false);
		if (fd >= 0)
			close(fd);
		if (made < n) {
			assert_true(fd >= 0);
			break;
		}
		if (fd < 0 && fd != -ENOMEM)
			fail_msg("allocation %llu: %d %s", (unsigned long long)n, fd, log_text);
		assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	}
	objects_drain(sys, true);
	assert_null(sys->retired);
	assert_int_equal(arena_pages_used(sys->arena), before);
}

static int setup(void **state)
{
	*state = system_for("6.18");
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_insns),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_constant_inner_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_map_freed_under_programs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_writable_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_guarded_and_freed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guard_traps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_load_allocation_failures, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
