/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Verdict mode: what skep lacks is judged as Linux judges it, and cannot be run, attached or
 * filled.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "object/system.h"
#include "skep/skep.h"

#define INSN(op, dst, src, o, i)                                                                   \
	((struct bpf_insn){                                                                        \
		.code = (op), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i) })

static int load(struct skep_system *sys, u32 type, u32 attach, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (u64)insns,
		.insn_cnt = n,
		.license = (u64) "GPL",
		.expected_attach_type = attach,
	};

	return skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static struct skep_system *new_system(const char *verdict)
{
	struct skep_system *sys = skep_system_new(&(struct skep_system_opts){
		.sz = sizeof(struct skep_system_opts), .kernel = "6.18", .verdict = verdict });

	assert_non_null(sys);
	return sys;
}

/*
 * Two headers that the stack holds as zeros, and a packet's socket: what the cookies of the host's
 * TCP would be made of, which nobody but it knows.
 */
static void absent_helpers(void **state)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 1, offsetof(struct __sk_buff, sk), 0),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 11, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -16, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -24, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -24),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 20),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, 20),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tcp_check_syncookie),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const u32 n = ARRAY_SIZE(insns);
	struct bpf_insn wrong[ARRAY_SIZE(insns)];
	struct skep_system *sys = new_system("0");
	struct skep_refusal why = { .sz = sizeof(why) };
	union bpf_attr attr = { 0 };
	char packet[64] = "";
	int fd;

	assert_null(bpf_helper_proto(BPF_FUNC_tcp_check_syncookie)->func);
	memcpy(wrong, insns, sizeof(insns));
	wrong[0] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0); /* no socket */
	assert_int_equal(load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, insns, n), -EINVAL);
	skep_system_free(sys);

	sys = new_system("1");
	fd = load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, insns, n);
	assert_true(fd >= 0);
	assert_int_equal(load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, wrong, n), -EACCES);
	attr.test.prog_fd = (u32)fd;
	attr.test.data_in = (u64)packet;
	attr.test.data_size_in = sizeof(packet);
	assert_int_equal(skep_bpf(sys, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), -ENOTSUPP);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (u32)fd;
	attr.link_create.target_ifindex = 1;
	attr.link_create.attach_type = BPF_TCX_INGRESS;
	assert_int_equal(skep_bpf(sys, BPF_LINK_CREATE, &attr, sizeof(attr)), -EOPNOTSUPP);
	skep_last_refusal(sys, &why);
	assert_string_equal(why.id, "JUDGED_PROG");
	close(fd);
	skep_system_free(sys);
}

/* Every type has rules, and loads where the profile has it: with the attach types of its tests. */
static void all_prog_types(void **state)
{
	static const struct {
		u32 type, attach;
		s32 result; /* what the program returns */
	} types[] = {
		{ BPF_PROG_TYPE_SOCK_OPS, 0, 1 },
		{ BPF_PROG_TYPE_SK_SKB, 0, 7 },
		{ BPF_PROG_TYPE_CGROUP_DEVICE, 0, 1 },
		{ BPF_PROG_TYPE_SK_MSG, 0, 7 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 1 },
		{ BPF_PROG_TYPE_LWT_SEG6LOCAL, 0, 7 },
		{ BPF_PROG_TYPE_LIRC_MODE2, 0, 7 },
		{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, 7 },
		{ BPF_PROG_TYPE_FLOW_DISSECTOR, 0, 7 },
		{ BPF_PROG_TYPE_CGROUP_SYSCTL, 0, 1 },
		{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, 1 },
		{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 1 },
		{ BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, 1 },
	};
	struct skep_system *sys = new_system("1");

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct bpf_insn insns[] = {
			INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, types[i].result),
			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		};
		int fd = load(sys, types[i].type, types[i].attach, insns, 2);

		if (fd < 0)
			fail_msg("type %u: %d", types[i].type, fd);
		close(fd);
		insns[0].imm = 9;
		fd = load(sys, types[i].type, types[i].attach, insns, 2);
		assert_int_equal(fd < 0, types[i].result == 1);
		close(fd);
	}
	assert_int_equal(load(sys, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_SETSOCKOPT, NULL, 1),
			 -EINVAL);
	for (u32 type = 1; type <= BPF_PROG_TYPE_NETFILTER; type++)
		assert_non_null(bpf_prog_type_judge_of(type));
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_helpers),
		cmocka_unit_test(all_prog_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
