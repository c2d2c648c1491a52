/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Verdict mode: what skep lacks is judged as Linux judges it, and cannot be run, attached or
 * filled. Which rows are absent is asked of the tables, so that the test stays true
 * when one of them is implemented.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "object/map.h"
#include "object/system.h"
#include "object/vocabulary.h"
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

static bool takes_numbers(const struct bpf_func_proto *fn)
{
	for (u32 i = 1; i < ARRAY_SIZE(fn->arg_type); i++)
		if (fn->arg_type[i] && fn->arg_type[i] != ARG_ANYTHING)
			return false;
	return true;
}

/* A helper of a context and numbers that traffic control may call and skep lacks; 0: none is left. */
static u32 absent_helper(void)
{
	for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++) {
		const struct bpf_func_proto *fn = bpf_helper_proto(id);

		if (fn && fn->name && !fn->func && id != BPF_FUNC_tail_call &&
		    fn->arg_type[0] == ARG_PTR_TO_CTX && takes_numbers(fn) &&
		    bpf_helper_allowed(id, BPF_PROG_TYPE_SCHED_CLS, PROFILE(KVER(6, 18))) &&
		    bpf_prog_helper_proto(bpf_prog_type_ops_of(BPF_PROG_TYPE_SCHED_CLS),
					  &(struct bpf_prog){ .type = BPF_PROG_TYPE_SCHED_CLS }, id,
					  PROFILE(KVER(6, 18))) == fn)
			return id;
	}
	return 0;
}

static void absent_helpers(void **state)
{
	u32 id = absent_helper();
	struct bpf_insn wrong[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0), /* no context */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, (s32)id),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const struct bpf_insn *insns = wrong + 1;
	const u32 n = ARRAY_SIZE(wrong) - 1;
	struct skep_system *sys = new_system("0");
	struct skep_refusal why = { .sz = sizeof(why) };
	union bpf_attr attr = { 0 };
	char packet[64] = "";
	int fd;

	if (!id) {
		print_message("# skip: no such helper is absent any more\n");
		skep_system_free(sys);
		skip();
	}
	assert_int_equal(load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, insns, n), -EINVAL);
	skep_system_free(sys);

	sys = new_system("1");
	fd = load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, insns, n);
	assert_true(fd >= 0);
	assert_int_equal(load(sys, BPF_PROG_TYPE_SCHED_CLS, 0, wrong, n + 1), -EACCES);
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

/* What the newest releases have and skep lacks is refused in both modes: their checks are not known. */
static void absent_maps(void **state)
{
	u32 absent = 0;

	for (u32 type = 1; type < 64; type++) {
		const struct vocabulary_row *row = vocabulary_by_value(VOCABULARY_MAP, type);
		union bpf_attr attr = {
			.map_type = type, .key_size = 4, .value_size = 8, .max_entries = 1
		};

		if (!row || row->state != FEATURE_ABSENT)
			continue;
		for (int verdict = 0; verdict < 2; verdict++) {
			struct skep_system *sys = skep_system_new(
				&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							    .verdict = verdict ? "1" : "0" });

			assert_non_null(sys);
			assert_int_equal(skep_bpf(sys, BPF_MAP_CREATE, &attr, sizeof(attr)),
					 -EINVAL);
			skep_system_free(sys);
		}
		absent++;
	}
	if (!absent)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_helpers),
		cmocka_unit_test(all_prog_types),
		cmocka_unit_test(absent_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
