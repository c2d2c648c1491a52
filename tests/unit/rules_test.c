/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tables against kernels: which program type may call which helper, and which
 * accesses of its context are allowed. tests/data/rules-*.txt hold what Linux 6.1,
 * 6.12 and 6.18 said to some fifteen thousand tiny programs each; where this machine runs
 * one of these releases and permits bpf(2), it is asked again.
 *
 * Lines: "H type attach: id id ..." helpers allowed; "C type attach r4: off off ..."
 * offsets at which a load (r) or store (w) of 4 bytes is allowed, of those divisible by
 * the size; "# ..." types that could not be probed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <cmocka.h>

#include "object/vocabulary.h"
#include "tests/lib/kernel.h"

#define CTX_SPAN 208 /* offsets asked about: more than any of the structs */

/* What the tables say may differ from a kernel by its configuration. */
static bool depends_on_config(u32 helper)
{
	switch (helper) {
	case BPF_FUNC_probe_write_user: /* lockdown */
	case BPF_FUNC_override_return:	/* CONFIG_BPF_KPROBE_OVERRIDE */
		return true;
	}
	return false;
}

static bool table_allows_helper(u32 type, u32 attach, u32 id, kver profile)
{
	const struct bpf_prog_type_ops *ops = bpf_prog_type_judge_of(type);
	struct bpf_prog prog = { .type = type, .expected_attach_type = attach };

	if (!ops)
		return bpf_helper_allowed(id, type, PROFILE(profile));
	return bpf_prog_helper_proto(ops, &prog, id, PROFILE(profile)) != NULL;
}

static bool table_allows_access(u32 type, u32 attach, int off, int size, enum bpf_access_type t,
				kver profile)
{
	const struct bpf_prog_type_ops *ops = bpf_prog_type_judge_of(type);
	struct bpf_prog prog = { .type = type, .expected_attach_type = attach };
	struct bpf_insn_access_aux info = {
		.profile = profile,
		.bpf_capable = true,
		.reg_type = SCALAR_VALUE,
	};

	if (ops->is_valid_access)
		return ops->is_valid_access(off, size, t, &prog, &info);
	return ctx_access_by_table(ops, profile, off, size, t, &info);
}

/* The numbers after the colon as a set; returns where they began. */
static const char *read_set(const char *line, u8 *set, u32 n)
{
	const char *p = strchr(line, ':');
	char *end;

	assert_non_null(p);
	memset(set, 0, n);
	for (p++; *p && *p != '\n'; p = end) {
		unsigned long v = strtoul(p, &end, 10);

		if (end == p)
			break;
		assert_true(v < n);
		set[v] = 1;
	}
	return strchr(line, ':');
}

static u32 compare_helpers(const char *line, kver profile, u8 seen[__BPF_FUNC_MAX_ID], u32 *checks)
{
	u32 type, attach, wrong = 0;

	assert_int_equal(sscanf(line, "H %u %u:", &type, &attach), 2);
	read_set(line, seen, __BPF_FUNC_MAX_ID);
	for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++) {
		bool table = table_allows_helper(type, attach, id, profile);

		if (depends_on_config(id))
			continue;
		++*checks;
		/* Without rules by attach type the table holds what any of them allows. */
		if (table == seen[id] || (table && !bpf_prog_type_judge_of(type)))
			continue;
		print_error("%s: helper %s: table %s, kernel %d.%d %s (attach type %u)\n",
			    vocabulary_by_value(VOCABULARY_PROG, type)->name,
			    bpf_helper_proto(id)->name, table ? "yes" : "no", KVER_MAJOR(profile),
			    KVER_MINOR(profile), seen[id] ? "yes" : "no", attach);
		wrong++;
	}
	return wrong;
}

static u32 compare_accesses(const char *line, kver profile, u32 *checks)
{
	u32 type, attach, size, wrong = 0;
	u8 seen[CTX_SPAN];
	char way;

	assert_int_equal(sscanf(line, "C %u %u %c%u:", &type, &attach, &way, &size), 4);
	if (!bpf_prog_type_judge_of(type))
		return 0;
	read_set(line, seen, CTX_SPAN);
	for (u32 off = 0; off < CTX_SPAN; off += size) {
		bool table = table_allows_access(type, attach, off, size,
						 way == 'r' ? BPF_READ : BPF_WRITE, profile);

		++*checks;
		if (table == seen[off])
			continue;
		print_error(
			"%s: %s of %u bytes at %u: table %s, kernel %d.%d %s (attach type %u)\n",
			vocabulary_by_value(VOCABULARY_PROG, type)->name,
			way == 'r' ? "load" : "store", size, off, table ? "yes" : "no",
			KVER_MAJOR(profile), KVER_MINOR(profile), seen[off] ? "yes" : "no", attach);
		wrong++;
	}
	return wrong;
}

static void compare(FILE *f, kver profile)
{
	u32 wrong = 0, checks = 0;
	u8 seen[__BPF_FUNC_MAX_ID];
	char *line = NULL;
	size_t room = 0;

	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		if (*line == 'H')
			wrong += compare_helpers(line, profile, seen, &checks);
		else if (*line == 'C')
			wrong += compare_accesses(line, profile, &checks);
	}
	free(line);
	fclose(f);
	print_message("# %u questions\n", checks);
	assert_true(checks > 10000); /* of each kernel */
	assert_int_equal(wrong, 0);
}

static void as_recorded_6_1(void **state)
{
	compare(fopen("tests/data/rules-6.1.txt", "r"), KVER(6, 1));
}

static void as_recorded_6_12(void **state)
{
	compare(fopen("tests/data/rules-6.12.txt", "r"), KVER(6, 12));
}

static void as_recorded_6_18(void **state)
{
	compare(fopen("tests/data/rules-6.18.txt", "r"), KVER(6, 18));
}

/* ---- this machine's kernel ---- */

static char log_text[1 << 16];

/* Loads on the running kernel: 0 or errno, the log in log_text. */
static int live_load(u32 type, u32 attach, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (u64)insns,
		.insn_cnt = n,
		.license = (u64) "GPL",
		.log_level = 1,
		.log_size = sizeof(log_text),
		.log_buf = (u64)log_text,
		.expected_attach_type = attach,
		.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0,
	};
	int fd;

	log_text[0] = 0;
	fd = kernel_bpf_raw(BPF_PROG_LOAD, &attr, 128);
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static const struct {
	u32 type, attach;
} live_types[] = {
	{ BPF_PROG_TYPE_SOCKET_FILTER, 0 },
	{ BPF_PROG_TYPE_SCHED_CLS, 0 },
	{ BPF_PROG_TYPE_SCHED_ACT, 0 },
	{ BPF_PROG_TYPE_XDP, 0 },
	{ BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP },
	{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS },
	{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
	{ BPF_PROG_TYPE_LWT_XMIT, 0 },
	{ BPF_PROG_TYPE_PERF_EVENT, 0 },
};

static const struct bpf_insn exit_insn = { .code = BPF_JMP | BPF_EXIT };
static const struct bpf_insn zero_insn = { .code = BPF_ALU64 | BPF_MOV | BPF_K };

static void ask_about_helpers(FILE *f, u32 type, u32 attach)
{
	fprintf(f, "H %u %u:", type, attach);
	for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++) {
		struct bpf_insn insns[] = { { .code = BPF_JMP | BPF_CALL, .imm = (s32)id },
					    exit_insn };

		live_load(type, attach, insns, 2);
		if (!strstr(log_text, "unknown func") && !strstr(log_text, "cannot use helper") &&
		    !strstr(log_text, "invalid func"))
			fprintf(f, " %u", id);
	}
	fprintf(f, "\n");
}

static void ask_about_context(FILE *f, u32 type, u32 attach, bool write, u32 size)
{
	u8 code = size == 1 ? BPF_B : size == 2 ? BPF_H : size == 4 ? BPF_W : BPF_DW;

	fprintf(f, "C %u %u %c%u:", type, attach, write ? 'w' : 'r', size);
	for (u32 off = 0; off < CTX_SPAN; off += size) {
		struct bpf_insn load = { .code = BPF_LDX | BPF_MEM | code,
					 .dst_reg = 2,
					 .src_reg = 1,
					 .off = (s16)off };
		struct bpf_insn store = { .code = BPF_STX | BPF_MEM | code,
					  .dst_reg = 1,
					  .src_reg = 0,
					  .off = (s16)off };
		struct bpf_insn insns[] = { zero_insn, write ? store : load, exit_insn };

		live_load(type, attach, insns, 3);
		if (!strstr(log_text, "invalid bpf_context access"))
			fprintf(f, " %u", off);
	}
	fprintf(f, "\n");
}

static void as_this_kernel(void **state)
{
	struct bpf_insn insns[] = { zero_insn, exit_insn };
	struct utsname uts;
	kver live = 0;
	FILE *f;

	uname(&uts);
	if (kver_parse(uts.release, &live) ||
	    (live != KVER(6, 1) && live != KVER(6, 12) && live != KVER(6, 18))) {
		print_message("# skip: no tables were measured on Linux %s\n", uts.release);
		skip();
	}
	if (live_load(BPF_PROG_TYPE_XDP, 0, insns, 2) ||
	    live_load(BPF_PROG_TYPE_PERF_EVENT, 0, insns, 2)) {
		print_message("# skip: bpf(2) is not permitted here\n");
		skip();
	}
	f = tmpfile();
	assert_non_null(f);
	for (u32 i = 0; i < ARRAY_SIZE(live_types); i++) {
		u32 type = live_types[i].type, attach = live_types[i].attach;

		ask_about_helpers(f, type, attach);
		for (u32 size = 1; size <= 8; size *= 2)
			for (int write = 0; write <= 1; write++)
				ask_about_context(f, type, attach, write, size);
	}
	rewind(f);
	u32 wrong = 0, checks = 0;
	u8 seen[__BPF_FUNC_MAX_ID];
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, f) > 0)
		wrong += *line == 'H' ? compare_helpers(line, live, seen, &checks) :
					compare_accesses(line, live, &checks);
	free(line);
	fclose(f);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_recorded_6_1),
		cmocka_unit_test(as_recorded_6_12),
		cmocka_unit_test(as_recorded_6_18),
		cmocka_unit_test(as_this_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
