/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A program for each message, as short as there is one: tests/data/messages.txt, which the pages of
 * docs/messages show where no source in tests/advice gives the message. The programs are
 * those of the verifier's other tests and of message_cases.h; each must still get its message.
 * `RECORD=1 messages_test` writes the file anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cmocka.h>

#include "isa/disasm.h"
#include "object/diag.h"
#include "object/helper.h"
#include "object/system.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/load.h"

#define NOT_GPL	   0x10000
#define STATE_FREQ 0x20000 /* a state at every prune point */
#define DATA_FILE  "tests/data/messages.txt"

#define TYPE_XDP	    BPF_PROG_TYPE_XDP
#define TYPE_XDP_NOT_GPL    (BPF_PROG_TYPE_XDP | NOT_GPL)
#define TYPE_XDP_STATE_FREQ (BPF_PROG_TYPE_XDP | STATE_FREQ)
#define TYPE_SCHED_CLS	    BPF_PROG_TYPE_SCHED_CLS
#define TYPE_SOCKET_FILTER  BPF_PROG_TYPE_SOCKET_FILTER
#define TYPE_CGROUP_SKB	    BPF_PROG_TYPE_CGROUP_SKB
#define TYPE_RAW_TRACEPOINT BPF_PROG_TYPE_RAW_TRACEPOINT
#define TYPE_TRACEPOINT	    BPF_PROG_TYPE_TRACEPOINT
#define TYPE_KPROBE	    BPF_PROG_TYPE_KPROBE
#define TYPE_SYSCALL	    BPF_PROG_TYPE_SYSCALL
#define TYPE_TRACING	    BPF_PROG_TYPE_TRACING
#define TYPE_LSM	    BPF_PROG_TYPE_LSM
#define TYPE_EXT	    BPF_PROG_TYPE_EXT
#define TYPE_STRUCT_OPS	    BPF_PROG_TYPE_STRUCT_OPS

static const struct test_case {
	const char *name, *type_name;
	unsigned type;
	const struct bpf_insn *insns;
	unsigned len;
} cases[] = {
#define CASE(name, type, ...)                                                                      \
	{ name, #type, TYPE_##type, (const struct bpf_insn[]){ __VA_ARGS__ },                      \
	  sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn) },
#include "tests/unit/message_cases.h"
#include "tests/unit/verifier_cases.h"
#undef VALUE
#undef UNKNOWN
#include "tests/unit/access_cases.h"
#undef CASE
};

static const char *const kernels[] = { "6.18", "6.12", "6.1", "5.4" };

static struct example {
	const struct test_case *program; /* NULL: none */
	const char *kernel;
	bool weak; /* without CAP_PERFMON */
} examples[DIAG_MAX];

#define ROUNDS (ARRAY_SIZE(kernels) + 1) /* each kernel, then the first one without CAP_PERFMON */
static enum diag_id got[ROUNDS][ARRAY_SIZE(cases)];

/* Takes from this thread all capabilities but CAP_BPF and CAP_NET_ADMIN, or gives them back. */
static bool set_weak(bool weak)
{
	static struct __user_cap_data_struct all[2];
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct few[2];

	if (!weak)
		return !syscall(SYS_capset, &head, all);
	if (syscall(SYS_capget, &head, all))
		return false;
	memcpy(few, all, sizeof(few));
	few[0].effective = BIT(CAP_NET_ADMIN);
	few[1].effective = BIT(CAP_BPF - 32);
	return !syscall(SYS_capset, &head, few);
}

static void try_all(size_t round)
{
	bool weak = round == ARRAY_SIZE(kernels);
	const char *kernel = kernels[weak ? 0 : round];
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = kernel, .caps = weak ? "real" : "full", .verdict = "1"
	};
	struct skep_system *sys = skep_system_new(&opts);
	static struct target t;

	assert_non_null(sys);
	assert_int_equal(target_open(&t, sys), 0);
	if (!weak || set_weak(true)) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			const struct test_case *c = &cases[i];
			struct test_prog p = { .name = "prog",
					       .type = c->type & 0xffff,
					       .flags = c->type & STATE_FREQ ?
								BPF_F_TEST_STATE_FREQ :
								0,
					       .not_gpl = c->type & NOT_GPL,
					       .insns = c->insns,
					       .len = c->len };
			struct example *e;
			const char *line;

			sys->last.id = DIAG_NONE;
			target_load(&t, &p, &line);
			got[round][i] = sys->last.id;
			e = &examples[sys->last.id];
			if (sys->last.id == DIAG_NONE ||
			    (e->program &&
			     (e->kernel != kernel || e->weak != weak || e->program->len <= c->len)))
				continue;
			*e = (struct example){ c, kernel, weak };
		}
		if (weak)
			set_weak(false);
	}
	target_close(&t);
	skep_system_free(sys);
}

static const char *helper_name(void *arg, s32 id)
{
	const struct bpf_func_proto *fn = bpf_helper_proto((u32)id);
	static char name[64];

	(void)arg;
	if (!fn || !fn->name)
		return NULL;
	snprintf(name, sizeof(name), "bpf_%s", fn->name);
	return name;
}

static const char *map_name(void *arg, const struct bpf_insn *insn, u64 imm, char *buf, size_t size)
{
	(void)arg;
	(void)imm;
	if (insn->src_reg != BPF_PSEUDO_MAP_FD && insn->src_reg != BPF_PSEUDO_MAP_VALUE)
		return NULL;
	snprintf(buf, size, "map%d%s", insn->imm,
		 insn->src_reg == BPF_PSEUDO_MAP_VALUE ? " value" : "");
	return buf;
}

static void print_example(FILE *f, enum diag_id id, const struct example *e)
{
	const struct disasm_names names = { .helper = helper_name, .imm = map_name };

	fprintf(f, "== %s | %s | %s%s | %s\n", diag_name(id), e->program->type_name, e->kernel,
		e->weak ? " without CAP_PERFMON" : "", e->program->name);
	for (u32 i = 0; i < e->program->len; i++) {
		const struct bpf_insn *insn = &e->program->insns[i];
		bool wide = insn_is_ldimm64(insn) && i + 1 < e->program->len;
		char text[160] = "";

		if (insn_is_ldimm64(insn) && !wide)
			snprintf(text, sizeof(text), "(18) half of a 64-bit constant");
		else
			disasm_insn(text, sizeof(text), insn, &names);
		fprintf(f, "%u: %s", i, text);
		if (!strncmp(diag_name(id), "ISA_", 4)) /* what is wrong may not be in the text */
			fprintf(f, "    code=%#x dst=%u src=%u off=%d imm=%d", insn->code,
				insn->dst_reg, insn->src_reg, insn->off, insn->imm);
		fputc('\n', f);
		i += wide;
	}
}

/* The program of the line "== ID | TYPE | KERNEL | NAME" (cut up), with its message. */
static bool find_example(char *line, enum diag_id *id, struct example *e)
{
	char *type = strstr(line, " | "), *kernel = type ? strstr(type + 3, " | ") : NULL,
	     *name = kernel ? strstr(kernel + 3, " | ") : NULL;
	size_t round = 0;

	if (!name)
		return false;
	*type = *kernel = *name = 0;
	type += 3;
	kernel += 3;
	name += 3;
	e->weak = strstr(kernel, " without") != NULL;
	kernel[strcspn(kernel, " ")] = 0;
	while (round < ARRAY_SIZE(kernels) && strcmp(kernels[round], kernel))
		round++;
	if (round == ARRAY_SIZE(kernels))
		return false;
	e->kernel = kernels[round];
	if (e->weak)
		round = ARRAY_SIZE(kernels);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, name) || strcmp(cases[i].type_name, type))
			continue;
		e->program = &cases[i];
		*id = got[round][i];
		return true;
	}
	return false;
}

static void as_recorded(void **state)
{
	char *want = NULL, *at, *next;
	unsigned wrong = 0, checked = 0;
	size_t room = 0;
	FILE *f;

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++)
		if (round < ARRAY_SIZE(kernels) || !geteuid())
			try_all(round);
	if (getenv("RECORD")) {
		f = fopen(DATA_FILE, "we");
		assert_non_null(f);
		for (u32 id = DIAG_NONE + 1; id < DIAG_MAX; id++)
			if (examples[id].program)
				print_example(f, id, &examples[id]);
		fclose(f);
	}
	f = fopen(DATA_FILE, "re");
	assert_non_null(f);
	assert_true(getdelim(&want, &room, 0, f) > 0);
	fclose(f);
	for (at = want; at && *at; at = next) {
		char *found = NULL, *id_name, head[256];
		struct example e = { 0 };
		enum diag_id id = DIAG_NONE;
		size_t size = 0;

		next = strstr(at + 1, "\n== ");
		if (next)
			*next++ = 0;
		snprintf(head, sizeof(head), "%.*s", (int)strcspn(at, "\n"), at);
		id_name = head + strlen("== ");
		if (!find_example(head, &id, &e)) {
			print_message("%.60s: no such program\n", at);
			wrong++;
			continue;
		}
		if (e.weak && geteuid()) /* who cannot give capabilities away */
			continue;
		f = open_memstream(&found, &size);
		assert_non_null(f);
		print_example(f, id, &e);
		fclose(f);
		if (next && size && found[size - 1] == '\n')
			found[size - 1] = 0;
		checked++;
		if (strcmp(at, found)) {
			print_message("%s: gets %s, or the program changed\n", id_name,
				      diag_name(id));
			wrong++;
		}
		free(found);
	}
	free(want);
	assert_int_equal(wrong, 0);
	assert_true(checked > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_recorded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
