/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Speed of running programs: the kernels of kernels.h by skep's JIT and interpreter,
 * by the running kernel (test_run with repeat, where permitted) and as native code of
 * gcc and clang at -O2, measured in turns. Prints ns per run (smallest of the rounds,
 * and the median where it differs) and ratios; lower is better.
 *
 *   exec [--rounds N] [NAME...]      O: where the built objects are (build)
 *
 * The programs are given to skep's engines as libbpf relocated them, past the
 * verifier: this measures code generation alone.
 */
#include "base/uapi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "exec/exec.h"
#include "isa/insn.h"
#include "jit/jit.h"
#include "object/arena.h"
#include "object/platform.h"
#include "skep/skep.h"

#define ROUNDS_MAX 64
#define SUBS_MAX   16
#define PACKET	   1024

enum engine { JIT, INTERP, KERNEL, GCC, CLANG, ENGINES };
static const char *const engine_names[ENGINES] = { "jit", "interp", "kernel", "gcc", "clang" };

struct native_ctx {
	u32 data, data_end;
};

struct kernel {
	char name[64];
	struct bpf_insn *insns;
	u32 len;
	struct bpf_prog prog;
	u32 start[SUBS_MAX], stack[SUBS_MAX];
	int fd; /* in the running kernel, or -1 */
	int (*native[2])(struct native_ctx *ctx);
	double ns[ENGINES][ROUNDS_MAX];
	u32 result[ENGINES];
	u64 repeat[ENGINES];
};

static struct kernel kernels[64];
static u32 nr_kernels;
static u8 *packet;
static struct native_ctx *ctx;
static struct arena *arena;

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* libbpf's instructions just before they go to the kernel: relocated, subprograms appended. */
static int prepare_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct kernel *k = &kernels[nr_kernels++];

	snprintf(k->name, sizeof(k->name), "%s", bpf_program__name(prog) + strlen("prog_"));
	k->len = (u32)bpf_program__insn_cnt(prog);
	k->insns = calloc(k->len, sizeof(*k->insns));
	memcpy(k->insns, bpf_program__insns(prog), k->len * sizeof(*k->insns));
	return 0;
}

/* The engines' form of calls, for programs whose only calls are those of subprograms. */
static void fix_up(struct kernel *k)
{
	u32 i, s, target, nr = 1;
	bool sorted = false;

	for (i = 0; i < k->len; i++) {
		if (k->insns[i].code != (BPF_JMP | BPF_CALL))
			continue;
		target = i + 1 + k->insns[i].imm;
		for (s = 1; s < nr && k->start[s] != target; s++)
			;
		if (s == nr)
			k->start[nr++] = target;
	}
	while (!sorted) {
		sorted = true;
		for (s = 1; s + 1 < nr; s++) {
			if (k->start[s] > k->start[s + 1]) {
				target = k->start[s];
				k->start[s] = k->start[s + 1];
				k->start[s + 1] = target;
				sorted = false;
			}
		}
	}
	for (i = 0; i < k->len; i++)
		for (s = 1; s < nr; s++)
			if (k->insns[i].code == (BPF_JMP | BPF_CALL) &&
			    k->start[s] == i + 1 + k->insns[i].imm)
				k->insns[i].off = (s16)s;
	for (s = 0; s < nr; s++) {
		u32 end = s + 1 < nr ? k->start[s + 1] : k->len;

		for (i = k->start[s]; i < end; i++)
			if (k->insns[i].dst_reg == 10 || k->insns[i].src_reg == 10)
				k->stack[s] = max(k->stack[s],
						  k->insns[i].off < 0 ? -k->insns[i].off : 256);
		k->stack[s] = round_up(k->stack[s], 8);
		if (k->stack[s] > 128) /* offsets from copies of the frame pointer */
			k->stack[s] = max(k->stack[s], 512u);
	}
	k->prog.insns = k->insns;
	k->prog.len = k->len;
	k->prog.nr_subprogs = nr;
	k->prog.subprog_start = k->start;
	k->prog.subprog_stack = k->stack;
	k->prog.arena = arena;
	if (jit_place(arena, &k->prog, NULL, jit_cpu_has_bmi2(), NULL) ||
	    interp_prepare(arena, &k->prog)) {
		fprintf(stderr, "%s: not compiled\n", k->name);
		exit(1);
	}
}

/*
 * Runs it @repeat times; *spent gets the ns. The kernel's own measure is taken for it
 * (whole ns per run), since a test_run call of XDP patches code for milliseconds.
 */
static u32 run(struct kernel *k, enum engine e, u64 repeat, double *spent)
{
	u64 start = now();
	struct bpf_run r = { .arena = arena,
			     .platform = platform_process(),
			     .interpret = e == INTERP };
	u32 v = 0;
	u64 i;

	if (e == KERNEL) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = PACKET,
			    .repeat = (int)repeat);

		bpf_prog_test_run_opts(k->fd, &opts);
		*spent = (double)opts.duration * (double)repeat;
		return opts.retval;
	}
	for (i = 0; i < repeat; i++) {
		if (e == GCC || e == CLANG)
			v = (u32)k->native[e - GCC](ctx);
		else
			v = (u32)bpf_prog_run(&k->prog, ctx, &r);
		__asm__ volatile("" ::: "memory");
	}
	*spent = (double)(now() - start);
	return v;
}

/* Instructions of one run, as the interpreter counts them. */
static double count_insns(const struct kernel *k)
{
	struct bpf_run r = { .arena = arena, .platform = platform_process(), .interpret = 1 };
	struct bpf_prog counted = k->prog;

	counted.ops = malloc(interp_ops_size(&k->prog));
	if (!counted.ops)
		exit(1);
	interp_decode(&counted, counted.ops);
	interp_count(&counted, counted.ops);
	bpf_prog_run(&counted, ctx, &r);
	free(counted.ops);
	return (double)r.insns;
}

static bool present(const struct kernel *k, enum engine e)
{
	return e == KERNEL ? k->fd >= 0 : e < GCC || k->native[e - GCC];
}

static void measure(struct kernel *k, u32 rounds, double window)
{
	double spent;
	u32 e, r;

	for (e = 0; e < ENGINES; e++) {
		if (!present(k, e))
			continue;
		k->result[e] = run(k, e, 10, &spent);
		for (k->repeat[e] = 16; k->repeat[e] < 1 << 24; k->repeat[e] *= 2) {
			run(k, e, k->repeat[e], &spent);
			if (spent > window * 1e9)
				break;
		}
	}
	for (r = 0; r < rounds; r++) {
		for (e = 0; e < ENGINES; e++) {
			if (!present(k, e))
				continue;
			run(k, e, k->repeat[e], &spent);
			k->ns[e][r] = spent / (double)k->repeat[e];
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	const char *dir = getenv("O") ? getenv("O") : "build";
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = prepare_load);
	double log_sum[ENGINES] = { 0 }, log_interp = 0, log_insn = 0, base[ENGINES] = { 0 };
	u32 rounds = 9, i, e, names = 0, counted = 0, bad = 0;
	struct bpf_object *obj;
	struct bpf_program *p;
	char path[512];

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
			rounds = min_t(u32, atoi(argv[++i]), ROUNDS_MAX);
		else
			argv[++names] = argv[i];
	}
	if (arena_new(&arena, 2))
		return 1;
	packet = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		      -1, 0);
	ctx = (void *)(packet + 4096);
	srand(1);
	for (i = 0; i < PACKET; i++)
		packet[i] = (u8)(rand() >> 7);
	memcpy(packet + 12, "\x08\x00\x45\x00", 4);
	packet[23] = 6;
	ctx->data = (u32)(uintptr_t)packet;
	ctx->data_end = ctx->data + PACKET;

	skep_front_use(NULL); /* libbpf's calls go to the running kernel */
	libbpf_set_print(NULL);
	libbpf_register_prog_handler("bench", BPF_PROG_TYPE_XDP, 0, &handler);
	snprintf(path, sizeof(path), "%s/bpf/kernels.bpf.o", dir);
	obj = bpf_object__open(path);
	if (!obj) {
		fprintf(stderr, "%s: not there; make bench builds it\n", path);
		return 1;
	}
	bpf_object__for_each_program(p, obj)
	{
		bpf_program__set_type(p, BPF_PROG_TYPE_XDP);
	}
	if (bpf_object__load(obj))
		printf("(the running kernel does not load the programs: no comparison with it)\n");
	for (i = 0; i < nr_kernels; i++) {
		struct kernel *k = &kernels[i];

		fix_up(k);
		snprintf(path, sizeof(path), "prog_%.63s", k->name);
		p = bpf_object__find_program_by_name(obj, path);
		k->fd = p ? bpf_program__fd(p) : -1;
	}
	for (e = GCC; e <= CLANG; e++) {
		void *so;

		snprintf(path, sizeof(path), "%s%s/bench/kernels.%s.so", *dir == '/' ? "" : "./",
			 dir, engine_names[e]);
		so = dlopen(path, RTLD_NOW);
		for (i = 0; so && i < nr_kernels; i++) {
			snprintf(path, sizeof(path), "prog_%.63s", kernels[i].name);
			*(void **)&kernels[i].native[e - GCC] = dlsym(so, path);
		}
	}
	printf("%-16s %10s %10s %10s %10s %10s   %7s %7s %7s\n", "ns per run", "jit", "interp",
	       "kernel", "gcc", "clang", "/kernel", "/gcc", "/clang");
	for (i = 0; i < nr_kernels; i++) {
		struct kernel *k = &kernels[i];
		double best[ENGINES];
		bool wanted = !names;

		for (u32 n = 1; n <= names; n++)
			wanted |= !strcmp(argv[n], k->name) || !strcmp(k->name, "empty");
		if (!wanted)
			continue;
		measure(k, rounds, 0.004);
		printf("%-16s", k->name);
		for (e = 0; e < ENGINES; e++) {
			qsort(k->ns[e], rounds, sizeof(double), by_value);
			best[e] = k->ns[e][0];
			if (!strcmp(k->name, "empty"))
				base[e] = best[e];
			if (present(k, e))
				printf(" %10.2f", best[e]);
			else
				printf(" %10s", "-");
			if (present(k, e) && k->result[e] != k->result[JIT])
				bad++;
		}
		printf("  ");
		for (e = KERNEL; e < ENGINES; e++) {
			/* the cost of test_run around each run is not the kernel's JIT's */
			double own = best[JIT] - (e == KERNEL ? base[JIT] : 0);
			double other = best[e] - (e == KERNEL ? base[e] : 0);

			if (!present(k, e) || !strcmp(k->name, "empty")) {
				printf(" %7s", "");
				continue;
			}
			printf(" %7.2f", own / other);
			log_sum[e] += log(own / other);
		}
		if (strcmp(k->name, "empty")) {
			log_interp += log(best[INTERP] / best[JIT]);
			log_insn += log(best[INTERP] / count_insns(k));
			counted++;
		}
		printf("   median %.2f, %u insns, %llu bytes; interpreter %.2f an insn\n",
		       k->ns[JIT][rounds / 2], k->len, (unsigned long long)k->prog.code_size,
		       best[INTERP] / count_insns(k));
	}
	if (counted) {
		printf("geometric mean of jit against");
		for (e = KERNEL; e < ENGINES; e++)
			printf(" %s %.3f,", engine_names[e], exp(log_sum[e] / counted));
		printf(" interp/jit %.1f\ninterpreter: %.2f ns an instruction, geometric mean\n",
		       exp(log_interp / counted), exp(log_insn / counted));
	}
	if (bad)
		printf("%u results differ between engines\n", bad);
	return bad != 0;
}
