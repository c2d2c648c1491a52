/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instruction forms. Against the running kernel, where it permits loading: each of the
 * 256 opcodes with each field set in turn must give the same verdict, the same level-2
 * log (that is the disassembly) and the same tag. Without it: which kernel version
 * knows which form, texts and tags that were recorded.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "isa/disasm.h"
#include "isa/tag.h"
#include "tests/lib/hand_prog.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

static struct skep_system *sys; /* NULL: the running kernel answers */
static char release[16];

static int bpf(struct skep_system *s, int cmd, union bpf_attr *attr)
{
	int ret;

	if (s)
		return skep_bpf(s, cmd, attr, sizeof(*attr));
	ret = kernel_bpf(cmd, attr, sizeof(*attr));
	return ret < 0 ? -errno : ret;
}

static int load(struct skep_system *s, const struct bpf_insn *p, u32 n, char *log, u32 size)
{
	union bpf_attr attr = { 0 };

	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uintptr_t)p;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = size;
	attr.log_level = 2;
	log[0] = 0;
	return bpf(s, BPF_PROG_LOAD, &attr);
}

static bool kernel_permits(void)
{
	struct bpf_insn p[] = { MOV_K(0, 0), EXIT() };
	char log[4096];
	int fd = load(NULL, p, 2, log, sizeof(log));
	struct utsname u;
	int major, minor;

	if (fd < 0 || uname(&u) || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return false;
	close(fd);
	snprintf(release, sizeof(release), "%d.%d", major, minor);
	return true;
}

/*
 * What is left is the lines of instructions and the message: statistics, the liveness
 * table and register states are other tests' subject.
 */
static void cut(char *log)
{
	char *out = log, *line, *end, *at = strstr(log, "processed ");

	if (at)
		*at = 0;
	for (line = log; *line; line = end) {
		end = strchr(line, '\n');
		end = end ? end + 1 : line + strlen(line);
		if (strchr("0123456789", *line) ? !strncmp(line + 1, ": (", 3) :
						  strchr("ibBmuRdafp", *line) != NULL) {
			at = memchr(line, ';', (size_t)(end - line));
			memmove(out, line, (size_t)((at ? at : end) - line));
			out += (at ? at : end) - line;
		}
	}
	*out = 0;
}

static u32 compared, differed;

/* Differences of the verifier that are known; one that has gone must be taken out here. */
static bool is_known(const struct bpf_insn *insn)
{
	if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		return true; /* calls of kernel functions are looked up before they are checked */
	return (insn->code & ~BPF_DW) == (BPF_STX | BPF_ATOMIC) && !insn->dst_reg &&
	       !insn->src_reg &&
	       insn->imm ==
		       1; /* the order of alignment and type in atomics whose address is fetched to */
}

static void compare(const struct bpf_insn *p, u32 n)
{
	static char a[1 << 16], b[1 << 16];
	int ours, theirs;

	ours = load(sys, p, n, a, sizeof(a));
	theirs = load(NULL, p, n, b, sizeof(b));
	cut(a);
	cut(b);
	compared++;
	if (!is_known(&p[3]) &&
	    ((ours < 0 ? ours : 0) != (theirs < 0 ? theirs : 0) || strcmp(a, b))) {
		if (differed++ < 100)
			print_message("code %02x dst %d src %d off %d imm %d\n skep %d: %s\n "
				      "kernel %d: %s\n",
				      p[3].code, p[3].dst_reg, p[3].src_reg, p[3].off, p[3].imm,
				      ours, a, theirs, b);
	}
	if (ours >= 0)
		close(ours);
	if (theirs >= 0)
		close(theirs);
}

static void test_every_field(void **unused)
{
	static const struct {
		u8 dst, src;
		s16 off;
		s32 imm;
	} form[] = {
		{ 0, 0, 0, 0 },	      { 1, 0, 0, 0 },	    { 0, 1, 0, 0 },
		{ 0, 2, 0, 0 },	      { 0, 3, 0, 0 },	    { 0, 0, 1, 0 },
		{ 0, 0, -1, 0 },      { 0, 0, 0, 1 },	    { 2, 3, 0, 0 },
		{ 2, 3, 1, 0 },	      { 2, 3, 8, 0 },	    { 2, 0, 16, 0 },
		{ 2, 3, 32, 0 },      { 2, 3, 0, 16 },	    { 2, 0, 0, 16 },
		{ 2, 0, 0, 32 },      { 2, 0, 0, 64 },	    { 2, 0, 0, -1 },
		{ 10, 2, -8, 0 },     { 10, 0, -8, 5 },	    { 10, 2, -8, 1 },
		{ 10, 2, -8, 0xe1 },  { 10, 2, -8, 0xf1 },  { 10, 2, -8, 0x41 },
		{ 2, 10, -8, 0x100 }, { 10, 2, -8, 0x110 }, { 2, 10, -8, 0 },
		{ 10, 2, -8, 0x42 },  { 2, 3, 0, 1 },	    { 2, 3, 1, 1 },
		{ 2, 3, 1, 0x10000 }, { 12, 2, 0, 0 },	    { 2, 12, 0, 0 },
	};
	u32 code, i;

	if (!kernel_permits()) {
		print_message("the running kernel does not permit loading\n");
		skip();
	}
	sys = system_for(release);
	assert_non_null(sys);
	for (code = 0; code < 256; code++) {
		for (i = 0; i < ARRAY_SIZE(form); i++) {
			struct bpf_insn p[] = {
				MOV_K(0, 0),
				MOV_K(2, 7),
				MOV_K(3, 9),
				INSN(code, form[i].dst, form[i].src, form[i].off, form[i].imm),
				MOV_K(0, 1),
				EXIT(),
			};
			struct bpf_insn stack[] = {
				MOV_K(0, 0), MOV_K(2, 7), ST(BPF_DW, 10, -8, 3),
				p[3],	     MOV_K(0, 1), EXIT(),
			};

			if (form[i].dst == 10 || form[i].src == 10)
				compare(stack, ARRAY_SIZE(stack));
			else
				compare(p, ARRAY_SIZE(p));
		}
	}
	skep_system_free(sys);
	sys = NULL;
	print_message("%u loads compared with %s\n", compared, release);
	assert_int_equal(differed, 0);
}

static void test_tags(void **unused)
{
	static const struct {
		const char *v, *tag;
	} want[] = { { "6.1", "a04f5eef06a7f555" },
		     { "6.12", "a04f5eef06a7f555" },
		     { "6.18", "59f4a931744dcdc6" },
		     { "7.2", "59f4a931744dcdc6" } };
	struct bpf_insn p[] = { MOV_K(0, 0), EXIT() };
	struct bpf_insn a[] = { INSN(0x18, 1, 1, 0, 5), INSN(0, 0, 0, 0, 0), MOV_K(0, 0), EXIT() };
	struct bpf_insn b[] = { INSN(0x18, 1, 1, 0, 9), INSN(0, 0, 0, 0, 0), MOV_K(0, 0), EXIT() };
	u8 tag[8], other[8];
	char text[17];
	u32 i, k;
	kver v;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(kver_parse(want[i].v, &v), 0);
		prog_tag(tag, p, ARRAY_SIZE(p), v);
		for (k = 0; k < 8; k++)
			snprintf(text + 2 * k, 3, "%02x", tag[k]);
		assert_string_equal(text, want[i].tag);
		/* the number of a map's descriptor does not count; a plain constant does */
		prog_tag(tag, a, ARRAY_SIZE(a), v);
		prog_tag(other, b, ARRAY_SIZE(b), v);
		assert_memory_equal(tag, other, 8);
		a[0].src_reg = b[0].src_reg = 0;
		prog_tag(tag, a, ARRAY_SIZE(a), v);
		prog_tag(other, b, ARRAY_SIZE(b), v);
		assert_memory_not_equal(tag, other, 8);
		a[0].src_reg = b[0].src_reg = 1;
	}
}

/* Tags of programs of every length around the hashes' block size, by the running kernel. */
static void test_tags_of_kernel(void **unused)
{
	struct bpf_insn p[40];
	struct bpf_prog_info info;
	union bpf_attr attr;
	char log[1 << 14];
	u8 tag[8];
	kver v;
	u32 n;
	int fd;

	if (!kernel_permits()) {
		print_message("the running kernel does not permit loading\n");
		skip();
	}
	assert_int_equal(kver_parse(release, &v), 0);
	for (n = 2; n <= ARRAY_SIZE(p); n++) {
		for (u32 i = 0; i + 1 < n; i++)
			p[i] = MOV_K(0, i);
		p[n - 1] = EXIT();
		fd = load(NULL, p, n, log, sizeof(log));
		assert_true(fd >= 0);
		memset(&attr, 0, sizeof(attr));
		memset(&info, 0, sizeof(info));
		attr.info.bpf_fd = fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		assert_int_equal(bpf(NULL, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
		prog_tag(tag, p, n, v);
		assert_memory_equal(tag, info.tag, 8);
		close(fd);
	}
}

static void test_versions(void **unused)
{
	static const struct {
		struct bpf_insn insn;
		const char *from;
	} form[] = {
		{ INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 2, 8, 0), "6.6" },
		{ INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 2, 1, 1), "6.9" },
		{ INSN(BPF_ALU64 | BPF_DIV | BPF_X, 1, 2, 1, 0), "6.6" },
		{ INSN(BPF_ALU64 | BPF_END, 1, 0, 0, 32), "6.6" },
		{ INSN(BPF_LDX | BPF_MEMSX | BPF_B, 1, 2, 0, 0), "6.6" },
		{ INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, 0), "6.6" },
		{ INSN(BPF_JMP | BPF_JCOND, 0, 0, 1, 0), "6.9" },
		{ INSN(BPF_STX | BPF_ATOMIC | BPF_B, 1, 2, 0, BPF_LOAD_ACQ), "6.15" },
		{ INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_STORE_REL), "6.15" },
		{ INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_XCHG), "6.1" },
	};
	struct insn_problem problem;
	kver v, from;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(form); i++) {
		assert_int_equal(kver_parse(form[i].from, &from), 0);
		for (v = KVER(6, 1); v <= KVER(6, 18); v++) {
			bool known = insn_check_form(&form[i].insn, 1, 0, v, &problem) &&
				     insn_check_fields(&form[i].insn, v, &problem);

			if (known != (v >= from))
				fail_msg("form %u in %u.%u: %s", i, KVER_MAJOR(v), KVER_MINOR(v),
					 known ? "known" : "unknown");
		}
	}
}

/* tables/isa.def and insn_opcode_known() say the same about each opcode. */
static void test_table(void **unused)
{
	enum { DONE, PARTIAL, ABSENT };
	static const struct {
		u32 code;
		kver since;
	} row[] = {
#define OPCODE(name, code, selector, since, state, note) { code, since },
#include "tables/isa.def"
#undef OPCODE
	};
	u32 code, i;
	kver v;

	for (v = KVER(6, 1); v <= KVER(6, 18); v++) {
		for (code = 0; code < 256; code++) {
			bool listed = false;

			for (i = 0; i < ARRAY_SIZE(row); i++)
				listed |= row[i].code == code && visible(v, row[i].since);
			if (listed != insn_opcode_known((u8)code, v))
				fail_msg("opcode %02x on %u.%u: %s", code, KVER_MAJOR(v),
					 KVER_MINOR(v),
					 listed ? "only in the table" : "not in the table");
		}
	}
}

static const char *name_helper(void *arg, s32 id)
{
	return id == 1 ? "bpf_map_lookup_elem" : NULL;
}

static const char *name_map(void *arg, const struct bpf_insn *insn, u64 imm, char *buf, size_t size)
{
	if (insn->src_reg != BPF_PSEUDO_MAP_FD)
		return NULL;
	snprintf(buf, size, "map[id:%u]", (u32)imm);
	return buf;
}

static void test_texts(void **unused)
{
	static const struct {
		struct bpf_insn insn[2];
		const char *text;
	} want[] = {
		{ { MOV_K(0, 0) }, "(b7) r0 = 0" },
		{ { INSN(BPF_JMP | BPF_CALL, 0, 0, 0, 1) }, "(85) call bpf_map_lookup_elem#1" },
		{ { INSN(BPF_JMP | BPF_CALL, 0, 0, 0, 9999) }, "(85) call unknown#9999" },
		{ { SUBPROG(0, 5) }, "(85) call pc+5" },
		{ { INSN(BPF_JMP | BPF_CALL, 0, 2, 0, 77) }, "(85) call kernel-function#77" },
		{ { LD_IMM64(1, 0x1122334455667788) }, "(18) r1 = 0x1122334455667788" },
		{ { INSN(0x18, 1, 1, 0, 3) }, "(18) r1 = map[id:3]" },
		{ { LDX(BPF_W, 2, 1, 0) }, "(61) r2 = *(u32 *)(r1 +0)" },
		{ { INSN(BPF_LDX | BPF_MEMSX | BPF_H, 2, 1, -2, 0) }, "(89) r2 = *(s16 *)(r1 -2)" },
		{ { JMP_X(BPF_JGT, 2, 3, 5) }, "(2d) if r2 > r3 goto pc+5" },
		{ { INSN(BPF_JMP32 | BPF_JSLE | BPF_K, 2, 0, -3, -1) },
		  "(d6) if w2 s<= 0xffffffff goto pc-3" },
		{ { ATOMIC(BPF_DW, BPF_ADD, 1, 2, 0) }, "(db) lock *(u64 *)(r1 +0) += r2" },
		{ { ATOMIC(BPF_W, BPF_ADD | BPF_FETCH, 1, 2, 4) },
		  "(c3) r2 = atomic_fetch_add((u32 *)(r1 +4), r2)" },
		{ { ATOMIC(BPF_DW, BPF_CMPXCHG, 1, 2, 4) },
		  "(db) r0 = atomic64_cmpxchg((u64 *)(r1 +4), r0, r2)" },
		{ { ATOMIC(BPF_B, BPF_LOAD_ACQ, 1, 2, 4) },
		  "(d3) r1 = load_acquire((u8 *)(r2 +4))" },
		{ { ATOMIC(BPF_H, BPF_STORE_REL, 1, 2, 4) },
		  "(cb) store_release((u16 *)(r1 +4), r2)" },
		{ { INSN(BPF_ALU64 | BPF_MOD | BPF_X, 1, 2, 1, 0) }, "(9f) r1 s%= r2" },
		{ { INSN(BPF_ALU | BPF_MOV | BPF_X, 1, 2, 16, 0) }, "(bc) w1 = (s16)w2" },
		{ { INSN(BPF_ALU64 | BPF_END, 1, 0, 0, 16) }, "(d7) r1 = bswap16 r1" },
		{ { INSN(BPF_JMP | BPF_JCOND, 0, 0, 4, 0) }, "(e5) may_goto pc+4" },
		{ { INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, -9) }, "(06) gotol pc-9" },
		{ { INSN(BPF_LD | BPF_IND | BPF_B, 0, 3, 0, 14) },
		  "(50) r0 = *(u8 *)skb[r3 + 14]" },
		{ { EXIT() }, "(95) exit" },
	};
	struct disasm_names names = { .helper = name_helper, .imm = name_map };
	char text[128];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		disasm_insn(text, sizeof(text), want[i].insn, &names);
		assert_string_equal(text, want[i].text);
	}
	/* cut, never overrun */
	assert_int_equal(disasm_insn(text, 5, want[0].insn, NULL), 11);
	assert_string_equal(text, "(b7)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	       cmocka_unit_test(test_table),
		cmocka_unit_test(test_versions),       cmocka_unit_test(test_tags),
		cmocka_unit_test(test_tags_of_kernel), cmocka_unit_test(test_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
