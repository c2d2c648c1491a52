/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Hooks and links: attaching, order, replacing, detaching, and what runs then. */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "exec/exec.h"
#include "hook/hook.h"
#include "tests/lib/kernel.h"

#define DEVICE 7

static int setup(void **state)
{
	struct skep_system *sys = system_for("6.18");

	*state = sys;
	return sys && !netdev_hooks_add(sys, DEVICE, "test0") ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

/* A program that returns @value, made without the verifier. */
static int returns(struct skep_system *sys, u32 type, s32 value)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	u32 start[] = { 0, 2 }, stack[] = { 0 };
	struct prog_object *p = prog_object_new(sys);
	int fd;

	assert_non_null(p);
	p->ops = bpf_prog_type_ops_of(type);
	p->prog->type = type;
	assert_int_equal(prog_object_place(p, insns, 2, NULL, 0, start, stack, 1), 0);
	assert_int_equal(interp_prepare(sys->arena, p->prog), 0);
	assert_int_equal(object_set_address(&p->obj, p->prog), 0);
	assert_int_equal(object_publish(&p->obj), 0);
	p->prog->id = p->obj.id;
	fd = object_new_fd(&p->obj);
	object_put(&p->obj);
	assert_true(fd >= 0);
	return fd;
}

static int link_create(struct skep_system *sys, int prog, u32 attach_type, u32 flags, u32 relative)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = DEVICE;
	attr.link_create.attach_type = attach_type;
	attr.link_create.flags = flags;
	attr.link_create.tcx.relative_fd = relative;
	return skep_bpf(sys, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static int link_update(struct skep_system *sys, int link, int new_prog, int old_prog)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_update.link_fd = link;
	attr.link_update.new_prog_fd = new_prog;
	attr.link_update.flags = old_prog >= 0 ? BPF_F_REPLACE : 0;
	attr.link_update.old_prog_fd = old_prog >= 0 ? old_prog : 0;
	return skep_bpf(sys, BPF_LINK_UPDATE, &attr, sizeof(attr));
}

static s32 fire(struct skep_system *sys, enum hook_kind kind)
{
	struct bpf_run run = { 0 };
	u64 ctx[16] = { 0 };

	objects_drain(sys, false);
	return hook_run(hook_find_netdev(sys, kind, DEVICE), ctx, &run);
}

static void test_xdp(void **state)
{
	struct skep_system *sys = *state;
	int drop = returns(sys, BPF_PROG_TYPE_XDP, XDP_DROP), link, other;
	int tx = returns(sys, BPF_PROG_TYPE_XDP, XDP_TX);
	struct bpf_link_info info;
	union bpf_attr attr;

	assert_int_equal(fire(sys, HOOK_XDP), XDP_PASS);
	link = link_create(sys, drop, BPF_XDP, 0, 0);
	assert_true(link >= 0);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_DROP);
	assert_int_equal(link_create(sys, tx, BPF_XDP, 0, 0), -EBUSY);
	assert_int_equal(link_create(sys, tx, BPF_TCX_INGRESS, 0, 0), -EINVAL);
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = link;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	assert_int_equal(skep_bpf(sys, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	assert_int_equal(info.type, BPF_LINK_TYPE_XDP);
	assert_int_equal(info.xdp.ifindex, DEVICE);
	assert_int_equal(info.prog_id, object_id(sys, drop));
	/* Replacing, with a check of what is there. */
	assert_int_equal(link_update(sys, link, tx, tx), -EPERM);
	assert_int_equal(link_update(sys, link, tx, drop), 0);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_TX);
	/* The link keeps the program. */
	close(tx);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_TX);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 2);
	/* The last descriptor of the link goes: so does the attachment. */
	other = dup(link);
	close(link);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_TX);
	close(other);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_PASS);
	assert_int_equal(count_ids(sys, BPF_LINK_GET_NEXT_ID), 0);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 1);
	/* A detached link is there still, but attached to nothing. */
	link = link_create(sys, drop, BPF_XDP, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.link_detach.link_fd = link;
	assert_int_equal(skep_bpf(sys, BPF_LINK_DETACH, &attr, sizeof(attr)), 0);
	assert_int_equal(fire(sys, HOOK_XDP), XDP_PASS);
	assert_int_equal(link_update(sys, link, drop, -1), -ENOLINK);
	assert_int_equal(count_ids(sys, BPF_LINK_GET_NEXT_ID), 1);
	close(link);
	close(drop);
	assert_int_equal(count_ids(sys, BPF_LINK_GET_NEXT_ID), 0);
}

static void test_xdp_refusals(void **state)
{
	struct skep_system *sys = *state;
	int prog = returns(sys, BPF_PROG_TYPE_XDP, XDP_DROP);
	union bpf_attr attr;

	assert_int_equal(link_create(sys, prog, BPF_XDP, XDP_FLAGS_UPDATE_IF_NOEXIST, 0), -EINVAL);
	assert_int_equal(
		link_create(sys, prog, BPF_XDP, XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE, 0),
		-EINVAL);
	assert_int_equal(link_create(sys, -1, BPF_XDP, 0, 0), -EBADF);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = DEVICE + 1;
	attr.link_create.attach_type = BPF_XDP;
	assert_int_equal(skep_bpf(sys, BPF_LINK_CREATE, &attr, sizeof(attr)), -EINVAL);
	close(prog);
}

static void test_tcx_order(void **state)
{
	struct skep_system *sys = *state;
	int next = returns(sys, BPF_PROG_TYPE_SCHED_CLS, TCX_NEXT);
	int pass = returns(sys, BPF_PROG_TYPE_SCHED_CLS, TCX_PASS);
	int drop = returns(sys, BPF_PROG_TYPE_SCHED_CLS, TCX_DROP);
	int a, b, c;
	u32 ids[4] = { 0 }, links[4] = { 0 };
	union bpf_attr attr;

	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_NEXT);
	a = link_create(sys, next, BPF_TCX_INGRESS, 0, 0);
	assert_true(a >= 0);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_NEXT);
	b = link_create(sys, pass, BPF_TCX_INGRESS, 0, 0);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_PASS);
	assert_int_equal(fire(sys, HOOK_TCX_EGRESS), TCX_NEXT);
	assert_int_equal(link_create(sys, pass, BPF_TCX_INGRESS, 0, 0), -EEXIST);
	/* Relative to a program that is not there; without a direction; in both. */
	assert_int_equal(link_create(sys, drop, BPF_TCX_INGRESS, BPF_F_BEFORE, drop), -ENOENT);
	assert_int_equal(link_create(sys, drop, BPF_TCX_INGRESS, 0, pass), -EINVAL);
	assert_int_equal(link_create(sys, drop, BPF_TCX_INGRESS, BPF_F_BEFORE | BPF_F_AFTER, pass),
			 -ERANGE);
	c = link_create(sys, drop, BPF_TCX_INGRESS, BPF_F_BEFORE, pass);
	assert_true(c >= 0);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_DROP);
	memset(&attr, 0, sizeof(attr));
	attr.query.target_ifindex = DEVICE;
	attr.query.attach_type = BPF_TCX_INGRESS;
	attr.query.prog_ids = (unsigned long)ids;
	attr.query.link_ids = (unsigned long)links;
	attr.query.count = 2;
	assert_int_equal(skep_bpf(sys, BPF_PROG_QUERY, &attr, sizeof(attr)), -ENOSPC);
	assert_int_equal(attr.query.count, 3);
	assert_int_equal(attr.query.revision, 4);
	assert_int_equal(ids[2], 0);
	assert_int_equal(skep_bpf(sys, BPF_PROG_QUERY, &attr, sizeof(attr)), 0);
	assert_int_equal(ids[0], object_id(sys, next));
	assert_int_equal(ids[1], object_id(sys, drop));
	assert_int_equal(ids[2], object_id(sys, pass));
	close(c);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_PASS);
	c = link_create(sys, drop, BPF_TCX_INGRESS, BPF_F_AFTER | BPF_F_LINK, a);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_DROP);
	close(a), close(b), close(c);
	assert_int_equal(fire(sys, HOOK_TCX_INGRESS), TCX_NEXT);
	close(next), close(pass), close(drop);
}

static int raw_tp_open(struct skep_system *sys, int prog, const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = prog;
	attr.raw_tracepoint.name = (unsigned long)name;
	return skep_bpf(sys, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

static u64 runs_of(struct skep_system *sys, int prog)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = prog;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	assert_int_equal(skep_bpf(sys, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	return info.run_cnt;
}

/* ---- writable tracepoints: here and in the running kernel ---- */

static struct skep_system *asked; /* NULL: the kernel */

static int ask(int cmd, union bpf_attr *attr)
{
	return asked ? skep_bpf(asked, (u32)cmd, attr, sizeof(*attr)) :
		       kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

static int load(u32 type, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr attr = { .prog_type = type,
				.insn_cnt = n,
				.insns = (uintptr_t)insns,
				.license = (uintptr_t) "GPL" };

	return ask(BPF_PROG_LOAD, &attr);
}

/* A program that puts @value at @off of the buffer, as @size says; 0: it leaves it alone. */
static int writer(u8 size, s16 off, s32 value)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = value },
		{ .code = BPF_STX | BPF_MEM | size, .dst_reg = 6, .off = off },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct bpf_insn idle[] = { insns[1], insns[3] };

	return value ? load(BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, insns, 4) :
		       load(BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, idle, 2);
}

static int open_at(int prog, const char *name)
{
	union bpf_attr attr = { .raw_tracepoint.name = (uintptr_t)name,
				.raw_tracepoint.prog_fd = (u32)prog };
	int link = ask(BPF_RAW_TRACEPOINT_OPEN, &attr);

	close(prog);
	return link;
}

/* What a test run of @prog gives, and the program's own result. */
static int test_run(int prog, u32 *retval)
{
	char data[64] = "";
	union bpf_attr attr = { .test.prog_fd = (u32)prog,
				.test.data_in = (uintptr_t)data,
				.test.data_size_in = sizeof(data),
				.test.retval = 99 };
	int ret = ask(BPF_PROG_TEST_RUN, &attr);

	*retval = attr.test.retval;
	return ret;
}

#define WRITABLE_ANSWERS 13

static void writable_answers(int answers[WRITABLE_ANSWERS])
{
	const struct bpf_insn zero[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 7 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int filter = load(BPF_PROG_TYPE_SOCKET_FILTER, zero, 2), link, other, *a = answers;
	u32 retval;

	*a++ = open_at(writer(BPF_DW, 0, 42), "bpf_test_finish"); /* 8 bytes of 4 */
	*a++ = open_at(writer(BPF_W, 4, 42), "bpf_test_finish");  /* behind it */
	*a++ = open_at(writer(BPF_W, -4, 42), "bpf_test_finish"); /* before it */
	*a++ = open_at(writer(BPF_W, 0, 42), "sys_enter");	  /* it has none */
	link = open_at(writer(BPF_W, 0, 0), "sys_enter");	  /* not looked at */
	*a++ = link < 0 ? link : close(link);
	link = open_at(writer(BPF_W, 0, 42), "bpf_test_finish");
	*a++ = link < 0 ? link : 0;
	*a++ = test_run(filter, &retval);
	*a++ = (int)retval;
	other = open_at(writer(BPF_B, 0, 5),
			"bpf_test_finish"); /* its lowest byte, behind the first */
	*a++ = other < 0 ? other : 0;
	*a++ = test_run(filter, &retval);
	close(link);
	*a++ = test_run(filter, &retval);
	close(other);
	*a++ = test_run(filter, &retval);
	*a++ = (int)retval;
	close(filter);
	assert_int_equal(a - answers, WRITABLE_ANSWERS);
}

static void test_writable_tracepoint(void **state)
{
	static const int expected[WRITABLE_ANSWERS] = { -EINVAL, -EINVAL, -EBADF, -EINVAL, 0, 0, 42,
							7,	 0,	  5,	  5,	   0, 7 };
	int have[WRITABLE_ANSWERS], kernel[WRITABLE_ANSWERS];

	asked = *state;
	writable_answers(have);
	assert_memory_equal(have, expected, sizeof(have));
	asked = NULL;
	writable_answers(kernel);
	if (kernel[5]) {
		print_message("# the running kernel lets nobody do that\n");
		return;
	}
	assert_memory_equal(have, kernel, sizeof(have));
}

static void test_raw_tracepoint(void **state)
{
	struct skep_system *sys = *state;
	int prog = returns(sys, BPF_PROG_TYPE_RAW_TRACEPOINT, 0), link, stats;
	struct bpf_link_info info;
	u64 args[2] = { 0 };
	char name[6] = "";
	union bpf_attr attr;

	assert_int_equal(raw_tp_open(sys, prog, "no_such_tracepoint"), -ENOENT);
	assert_int_equal(raw_tp_open(sys, prog, NULL), -EFAULT);
	link = raw_tp_open(sys, prog, "bpf_test_finish");
	assert_true(link >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.enable_stats.type = BPF_STATS_RUN_TIME;
	sys->raw_tp(sys, "bpf_test_finish", args, 1);
	assert_int_equal(runs_of(sys, prog), 0);
	stats = skep_bpf(sys, BPF_ENABLE_STATS, &attr, sizeof(attr));
	assert_true(stats >= 0);
	sys->raw_tp(sys, "bpf_test_finish", args, 1);
	sys->raw_tp(sys, "bpf_trace_printk", args, 1);
	assert_int_equal(runs_of(sys, prog), 1);
	close(stats);
	objects_drain(sys, false);
	sys->raw_tp(sys, "bpf_test_finish", args, 1);
	assert_int_equal(runs_of(sys, prog), 1);
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = link;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	info.raw_tracepoint.tp_name = (unsigned long)name;
	info.raw_tracepoint.tp_name_len = sizeof(name);
	assert_int_equal(skep_bpf(sys, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), -ENOSPC);
	assert_string_equal(name, "bpf_t");
	close(link);
	close(prog);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
}

/* Programs come and go while four threads run them. */
static bool stop;

static void *runner(void *sys)
{
	struct hook *h = hook_find_netdev(sys, HOOK_XDP, DEVICE);
	u64 ctx[16] = { 0 }, bad = 0;

	while (!load_acquire(&stop)) {
		struct bpf_run run = { 0 };
		s32 ret = hook_run(h, ctx, &run);

		bad += ret != XDP_DROP && ret != XDP_PASS;
	}
	return (void *)bad;
}

static void test_free_under_runs(void **state)
{
	struct skep_system *sys = *state;
	pthread_t thread[4];
	void *bad;

	stop = false;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, runner, sys);
	for (int i = 0; i < 300; i++) {
		int prog = returns(sys, BPF_PROG_TYPE_XDP, XDP_DROP);
		int link = link_create(sys, prog, BPF_XDP, 0, 0);

		assert_true(link >= 0);
		close(prog);
		close(link);
		objects_drain(sys, false);
	}
	store_release(&stop, true);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	objects_drain(sys, false);
	assert_null(sys->retired);
}

/* A program array that only its own programs keep is emptied. */
static void test_prog_array_cycle(void **state)
{
	struct skep_system *sys = *state;
	int array = sys_map_create(sys, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0), key = 1;
	int prog = returns(sys, BPF_PROG_TYPE_XDP, XDP_PASS);
	unsigned value = 0;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_bind_map.prog_fd = prog;
	attr.prog_bind_map.map_fd = array;
	assert_int_equal(skep_bpf(sys, BPF_PROG_BIND_MAP, &attr, sizeof(attr)), 0);
	assert_int_equal(sys_map_update(sys, array, &key, &prog, 0), 0);
	assert_int_equal(sys_map_lookup(sys, array, &key, &value), 0);
	assert_int_equal(value, object_id(sys, prog));
	close(prog);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 1);
	close(array);
	assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	assert_int_equal(count_ids(sys, BPF_MAP_GET_NEXT_ID), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_xdp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xdp_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcx_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_raw_tracepoint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writable_tracepoint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_under_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prog_array_cycle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
