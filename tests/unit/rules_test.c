/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tables against kernels: which program type may call which helper, and which
 * accesses of its context are allowed. tests/data/rules-*.txt hold what Linux 6.1,
 * 6.12 and 6.18 said to some fifteen thousand tiny programs each; where this machine runs
 * one of these releases and permits bpf(2), it is asked again, in every type and at every
 * attach type that it loads without a target. `rules_test --record` prints its answers.
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
		const struct bpf_prog_type_ops *ops = bpf_prog_type_judge_of(type);
		bool table = table_allows_helper(type, attach, id, profile) &&
			     !(ops && ops->target_lacks && ops->target_lacks(NULL, id));

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
	/* Kernel types cannot be asked about without a system: world_prog_test does. */
	if (!bpf_prog_type_judge_of(type) || type == BPF_PROG_TYPE_NETFILTER)
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

struct question {
	u32 type, attach;
};

/* Types that need no target: those without attach types, and every attach type of the others. */
static u32 questions(struct question *out, u32 max)
{
	static const u32 plain[] = {
		BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_KPROBE,
		BPF_PROG_TYPE_SCHED_CLS,     BPF_PROG_TYPE_SCHED_ACT,
		BPF_PROG_TYPE_TRACEPOINT,    BPF_PROG_TYPE_XDP,
		BPF_PROG_TYPE_PERF_EVENT,    BPF_PROG_TYPE_LWT_IN,
		BPF_PROG_TYPE_LWT_OUT,	     BPF_PROG_TYPE_LWT_XMIT,
		BPF_PROG_TYPE_LWT_SEG6LOCAL, BPF_PROG_TYPE_RAW_TRACEPOINT,
		BPF_PROG_TYPE_SYSCALL,	     BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
	};
	static const struct {
		u32 attach;
		const char *progs;
	} rows[] = {
#define ATTACH(value, name, since, progs, state, note) { value, progs },
#include "tables/attach.def"
#undef ATTACH
	};
	char name[64];
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(plain); i++)
		out[n++] = (struct question){ plain[i], 0 };
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vocabulary_row *row;

		snprintf(name, sizeof(name), "BPF_PROG_TYPE_%s", rows[i].progs);
		row = vocabulary_by_name(VOCABULARY_PROG, name);
		if (!row || row->value == BPF_PROG_TYPE_TRACING || row->value == BPF_PROG_TYPE_LSM)
			continue;
		assert_true(n < max);
		out[n++] = (struct question){ (u32)row->value, rows[i].attach };
	}
	return n;
}

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

/* Whether the kernel looks at programs of that type at all. */
static bool can_ask(const struct question *q)
{
	struct bpf_insn one = { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 };
	struct bpf_insn zero[] = { zero_insn, exit_insn }, ones[] = { one, exit_insn };

	return !live_load(q->type, q->attach, zero, 2) || !live_load(q->type, q->attach, ones, 2);
}

/* What a context looks like depends on the attach type in few types. */
static bool context_is_known(const struct question *all, u32 i)
{
	switch (all[i].type) {
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_XDP:
		return false;
	}
	for (u32 k = 0; k < i; k++)
		if (all[k].type == all[i].type)
			return true;
	return false;
}

static u32 ask_everything(FILE *f)
{
	struct question all[96];
	u32 n = questions(all, ARRAY_SIZE(all)), types = 0;

	for (u32 i = 0; i < n; i++) {
		if (!can_ask(&all[i]))
			continue;
		types++;
		ask_about_helpers(f, all[i].type, all[i].attach);
		if (context_is_known(all, i))
			continue;
		for (u32 size = 1; size <= 8; size *= 2)
			for (int write = 0; write <= 1; write++)
				ask_about_context(f, all[i].type, all[i].attach, write, size);
	}
	return types;
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
	assert_true(ask_everything(f) > 30);
	rewind(f);
	compare(f, live);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_recorded_6_1),
		cmocka_unit_test(as_recorded_6_12),
		cmocka_unit_test(as_recorded_6_18),
		cmocka_unit_test(as_this_kernel),
	};

	if (argc > 1 && !strcmp(argv[1], "--record"))
		return ask_everything(stdout) ? 0 : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
