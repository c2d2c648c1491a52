/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A plugin for the public bpf_conformance runner, a test tool: it runs instruction
 * sequences that name no program type and passed no verifier, which libskep itself
 * never does, by linking the engines directly.
 *
 *   skep-plugin [--program HEX] [MEMORY-HEX] [--interpret] [--elf] [--debug]
 *
 * The program comes as hex bytes from --program or stdin (--elf: an object file in
 * hex, whose .text is taken); memory goes to R1, its length to R2; R0 is printed in
 * hex. A subprogram starts at the target of each local call.
 */
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isa/disasm.h"
#include "tests/lib/hand_prog.h"

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of @text, white space skipped; NULL when it is not hex. */
static u8 *hex_decode(const char *text, u32 *n)
{
	u8 *out = malloc(strlen(text) / 2 + 16);
	int hi = -1, d;

	for (*n = 0; out && *text; text++) {
		if (strchr(" \t\r\n", *text))
			continue;
		d = hex_digit(*text);
		if (d < 0) {
			free(out);
			return NULL;
		}
		if (hi < 0) {
			hi = d;
		} else {
			out[(*n)++] = (u8)(hi << 4 | d);
			hi = -1;
		}
	}
	return out;
}

static char *read_all(FILE *f)
{
	size_t cap = 1 << 16, n = 0, got;
	char *buf = malloc(cap);

	while (buf && (got = fread(buf + n, 1, cap - n - 1, f)) > 0) {
		n += got;
		if (n + 1 == cap)
			buf = realloc(buf, cap *= 2);
	}
	if (buf)
		buf[n] = 0;
	return buf;
}

/* The .text of an object file in memory, or NULL. */
static u8 *elf_text(u8 *image, u32 *n)
{
	Elf *elf = elf_version(EV_CURRENT) ? elf_memory((char *)image, *n) : NULL;
	Elf_Scn *scn = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const Elf64_Shdr *sh = elf64_getshdr(scn);
		const char *name = sh ? elf_strptr(elf, names, sh->sh_name) : NULL;

		if (name && !strcmp(name, ".text") && sh->sh_size) {
			*n = (u32)sh->sh_size;
			return image + sh->sh_offset;
		}
	}
	return NULL;
}

/* ---- the helpers that the runner's tests call ---- */

static u64 gather_bytes(u64 a, u64 b, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	return (a & 0xff) << 32 | (b & 0xff) << 24 | (c & 0xff) << 16 | (d & 0xff) << 8 |
	       (e & 0xff);
}

static u64 memfrob_bytes(u64 p, u64 n, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	while (n--)
		((u8 *)p)[n] ^= 42;
	return p;
}

static u64 trash_registers(u64 a, u64 b, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	__asm__ volatile("mov $-1, %%rax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi;"
			 "mov %%rax, %%rdi; mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10;"
			 "mov %%rax, %%r11" ::
				 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
	return 0;
}

static u64 square_root(u64 x, u64 b, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	u64 r = 0, bit;

	for (bit = 1ULL << 31; bit; bit >>= 1)
		if ((r | bit) * (r | bit) <= x)
			r |= bit;
	return r;
}

static u64 compare_strings(u64 a, u64 b, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	return (u64)(s64)strcmp((char *)a, (char *)b);
}

static u64 first_argument(u64 a, u64 b, u64 c, u64 d, u64 e, struct bpf_run *run)
{
	return a;
}

static const bpf_helper_t helpers[] = { gather_bytes, memfrob_bytes,   trash_registers,
					square_root,  compare_strings, first_argument };

/* The calling convention of tests: R2 holds the length, which a program's entry does not pass. */
struct input {
	u64 memory, size;
};

static int compare_u32(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

/*
 * @p with a prologue that loads R1 and R2 from struct input, subprograms found and
 * calls in the form of object/fixup.h. 0 or -1: not a program.
 */
static int prepare(struct hand_prog *h, struct bpf_insn *p, u32 n)
{
	u32 starts[HAND_MAX_SUBS], nr = 0, i, k, target;

	p[0] = LDX(BPF_DW, 2, 1, 8);
	p[1] = LDX(BPF_DW, 1, 1, 0);
	for (i = 2; i < n; i++) {
		if (insn_is_ldimm64(&p[i])) {
			i++;
			continue;
		}
		if (p[i].code != (BPF_JMP | BPF_CALL))
			continue;
		if (p[i].src_reg == BPF_PSEUDO_CALL) {
			target = i + 1 + p[i].imm;
			if (target >= n)
				return -1;
			for (k = 0; k < nr && starts[k] != target; k++)
				;
			if (k == nr && nr == HAND_MAX_SUBS - 1)
				return -1;
			starts[k] = target;
			nr = max(nr, k + 1);
		} else {
			if ((u32)p[i].imm >= ARRAY_SIZE(helpers))
				return -1;
			p[i].off = (s16)p[i].imm;
			p[i].imm = 0;
		}
	}
	qsort(starts, nr, sizeof(*starts), compare_u32);
	hand_prog_init(h, p, n, 512);
	h->prog.calls = helpers;
	h->prog.nr_calls = ARRAY_SIZE(helpers);
	for (k = 0; k < nr; k++)
		hand_prog_sub(h, starts[k], 512);
	for (i = 2; i < n; i++)
		if (p[i].code == (BPF_JMP | BPF_CALL) && p[i].src_reg == BPF_PSEUDO_CALL)
			for (k = 0; k < nr; k++)
				if (starts[k] == i + 1 + p[i].imm)
					p[i].off = (s16)(k + 1);
	return 0;
}

int main(int argc, char **argv)
{
	const char *program = NULL, *memory = "";
	bool interpret = false, elf = false, debug = false;
	struct insn_problem problem;
	struct bpf_insn *insns;
	struct hand_prog h;
	struct input in;
	u8 *text, *mem;
	u32 n, len, i;
	char line[128];
	int err;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--program") && i + 1 < argc)
			program = argv[++i];
		else if (!strcmp(argv[i], "--interpret"))
			interpret = true;
		else if (!strcmp(argv[i], "--elf"))
			elf = true;
		else if (!strcmp(argv[i], "--debug"))
			debug = true;
		else if (argv[i][0] != '-')
			memory = argv[i];
		else if (strcmp(argv[i], "--jit")) {
			fprintf(stderr,
				"usage: %s [--program HEX] [MEMORY-HEX] [--interpret] [--elf] "
				"[--debug]\n",
				argv[0]);
			return 2;
		}
	}
	if (!program)
		program = read_all(stdin);
	text = program ? hex_decode(program, &n) : NULL;
	if (text && elf)
		text = elf_text(text, &n);
	mem = hex_decode(memory, &len);
	if (!text || !mem || n % sizeof(*insns)) {
		fprintf(stderr, "not a program in hex\n");
		return 1;
	}
	n /= sizeof(*insns);
	insns = calloc(n + 2, sizeof(*insns));
	if (!insns)
		return 1;
	memcpy(insns + 2, text, n * sizeof(*insns));
	for (i = 2; i < n + 2; i++) {
		if (debug) {
			disasm_insn(line, sizeof(line), &insns[i], NULL);
			fprintf(stderr, "%u: %s\n", i - 2, line);
		}
		if (!insn_check_form(insns, n + 2, i, KVER_NEWEST, &problem)) {
			fprintf(stderr, "instruction %u (%02x) does not exist\n", i - 2,
				insns[i].code);
			return 1;
		}
		if (insn_is_ldimm64(&insns[i]))
			i++;
	}
	if (prepare(&h, insns, n + 2)) {
		fprintf(stderr, "a call goes nowhere\n");
		return 1;
	}
	err = interpret ? 0 : hand_prog_jit(&h, true);
	if (err) {
		fprintf(stderr, "not compiled: %s\n", strerror(-err));
		return 1;
	}
	in.memory = len ? (u64)mem : 0;
	in.size = len;
	printf("%llx\n", (unsigned long long)hand_prog_run(&h, &in, interpret, NULL));
	return 0;
}
