/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How long a verdict takes: each program of a corpus of objects is loaded on skep and, where it
 * permits, on the running kernel, in turns.
 *
 *   verify [-r ROUNDS] [-m INSNS] [FILE.o | FOLDER]...
 *
 * Without arguments: the objects of the examples and tests and, when VERIFY_CORPUS names a folder,
 * those in it (tools/selftests-verdicts.sh DIR leaves Linux's selftests in DIR/o).
 *
 * What is compared is "verification time" of the log's statistics, which both sides measure from
 * the start of bpf_check() to the end of the fix-ups: neither the machine code of a program without
 * subprograms, nor maps, BTF and the system call are in it. (Of a program with subprograms the kernel
 * compiles within that time; so its figure is a few microseconds for each of them too large. And its
 * time is in whole microseconds, as ours is: hence the limit -m, 1,000 processed instructions.) The time of
 * the whole call, which a user waits for, is dominated by what is not verification.
 *
 * Then the programs of tests/lib/bombs.h, with what their verification takes of memory in skep.
 */
#include "base/uapi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/bombs.h"
#include "tests/lib/peak.h"

#define LOG_SIZE   (1 << 20)
#define ROUNDS_MAX 101
#define PROGS_MAX  20000

enum { SKEP, KERNEL, SIDES };

struct side {
	bool judged, accepted;
	u32 processed;
	u32 us[ROUNDS_MAX], n; /* verification times, sorted when all are there */
};

struct row {
	char *file, *prog;
	struct side side[SIDES];
};

static struct skep_system *sys;
static struct row rows[PROGS_MAX];
static u32 nr_rows, rounds = 5, limit = 1000;
static bool kernel_permits;
static char log_text[LOG_SIZE];

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return level == LIBBPF_WARN && getenv("SKEP_LOG") ? vfprintf(stderr, format, ap) : 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static struct bpf_object *open_object(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	/* nothing is left behind in the file system */
	if (obj)
		bpf_object__for_each_map(map, obj) bpf_map__set_pin_path(map, NULL);
	return obj;
}

/* Adds what log_text says to @s. */
static void read_stats(struct side *s, bool accepted)
{
	const char *time = strstr(log_text, "verification time ");
	const char *insns = strstr(log_text, "\nprocessed ");
	u32 us;

	if (!time || !insns || sscanf(time, "verification time %u usec", &us) != 1 ||
	    sscanf(insns, "\nprocessed %u insns", &s->processed) != 1)
		return;
	s->judged = true;
	s->accepted = accepted;
	if (s->n < ROUNDS_MAX)
		s->us[s->n++] = us;
}

/* Loads the @index-th program of @path alone and adds its time to @s. */
static void load_once(const char *path, u32 index, int which, struct side *s)
{
	struct bpf_object *obj = open_object(path);
	struct bpf_program *prog;
	u32 i = 0;
	int err;

	if (!obj)
		return;
	bpf_object__for_each_program(prog, obj)
	{
		bpf_program__set_autoload(prog, i == index);
		if (i++ == index) {
			bpf_program__set_log_buf(prog, log_text, sizeof(log_text));
			bpf_program__set_log_level(prog, 4);
		}
	}
	*log_text = 0;
	skep_front_use(which == SKEP ? sys : NULL);
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	skep_front_use(NULL);
	read_stats(s, !err);
}

static int ascending(const void *a, const void *b)
{
	return (*(const u32 *)a > *(const u32 *)b) - (*(const u32 *)a < *(const u32 *)b);
}

static u32 median(const struct side *s)
{
	return s->n ? s->us[s->n / 2] : 0;
}

/* The smallest time: what is above it is the machine's other work. */
static u32 least(const struct side *s)
{
	return s->n ? s->us[0] : 0;
}

static void measure(const char *path)
{
	struct bpf_object *obj = open_object(path);
	struct bpf_program *prog;
	u32 n = 0;

	if (!obj)
		return;
	bpf_object__for_each_program(prog, obj) n++;
	for (u32 i = 0; i < n && nr_rows < PROGS_MAX; i++) {
		struct row *r = &rows[nr_rows];
		u32 again;

		memset(r, 0, sizeof(*r));
		load_once(path, i, SKEP, &r->side[SKEP]);
		if (kernel_permits)
			load_once(path, i, KERNEL, &r->side[KERNEL]);
		/* Small programs: once is enough, they are only counted. */
		again = r->side[SKEP].processed > limit || r->side[KERNEL].processed > limit;
		for (u32 k = 1; again && k < rounds; k++)
			for (int side = 0; side < SIDES; side++)
				if (r->side[side].judged)
					load_once(path, i, side, &r->side[side]);
		if (!r->side[SKEP].judged && !r->side[KERNEL].judged)
			continue;
		for (int side = 0; side < SIDES; side++)
			qsort(r->side[side].us, r->side[side].n, sizeof(u32), ascending);
		prog = bpf_object__next_program(obj, NULL);
		for (u32 k = 0; k < i; k++)
			prog = bpf_object__next_program(obj, prog);
		r->file = strdup(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
		r->prog = strdup(bpf_program__name(prog));
		nr_rows++;
	}
	bpf_object__close(obj);
}

/* ---- programs that are made to be hard: time, and memory ---- */

static void load_bomb(const struct bomb *b, int which, struct side *s)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_level = 4, .log_buf = log_text,
		    .log_size = sizeof(log_text));
	int fd;

	*log_text = 0;
	skep_front_use(which == SKEP ? sys : NULL);
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", b->insn, b->n, &opts);
	if (fd >= 0)
		close(fd);
	skep_front_use(NULL);
	read_stats(s, fd >= 0);
}

/* What skep has resident at most, MB, beyond what it has before; in a process of its own. */
static long bomb_mb(const struct bomb *b)
{
	long *mb = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long result = -1;
	pid_t pid;

	if (mb == MAP_FAILED)
		return -1;
	pid = fork();
	if (!pid) {
		struct side unused = { 0 };
		long before;

		sys = skep_system_new(NULL);
		malloc_trim(0); /* what earlier loads gave back counts as not there */
		before = peak_forget();
		load_bomb(b, SKEP, &unused);
		*mb = (peak_kb() - before) / 1024;
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, NULL, 0) == pid)
		result = *mb;
	munmap(mb, 4096);
	return result;
}

static void measure_bombs(void)
{
	printf("%-16s %9s %9s | %9s %9s %7s %7s | %7s\n", "made to be hard", "insns", "processed",
	       "kernel us", "skep us", "ratio", "us/insn", "skep MB");
	for (u32 i = 0; i < ARRAY_SIZE(bombs); i++) {
		struct side side[SIDES] = { 0 };
		struct bomb b = { 0 };

		bombs[i].make(&b);
		for (u32 k = 0; k < 3; k++)
			for (int s = 0; s < SIDES; s++)
				if (s == SKEP || kernel_permits)
					load_bomb(&b, s, &side[s]);
		for (int s = 0; s < SIDES; s++)
			qsort(side[s].us, side[s].n, sizeof(u32), ascending);
		printf("%-16s %9u %9u | %9u %9u ", bombs[i].name, b.n, side[SKEP].processed,
		       least(&side[KERNEL]), least(&side[SKEP]));
		if (side[KERNEL].judged)
			printf("%6.2fx",
			       (double)least(&side[SKEP]) / max(least(&side[KERNEL]), 1U));
		else
			printf("%7s", "-");
		printf(" %7.3f | %7ld\n",
		       (double)least(&side[SKEP]) / max(side[SKEP].processed, 1U), bomb_mb(&b));
		free(b.insn);
	}
	printf("\n");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void measure_folder(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
		if (ends_with(file, ".o"))
			measure(file);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void measure_path(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		measure_folder(path);
	else
		measure(path);
}

/* ---- what was found ---- */

static bool both(const struct row *r)
{
	return r->side[SKEP].judged && r->side[KERNEL].judged &&
	       r->side[SKEP].accepted == r->side[KERNEL].accepted;
}

static bool is_large(const struct row *r)
{
	return r->side[SKEP].processed > limit || r->side[KERNEL].processed > limit;
}

static int by_ratio(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double rx = (double)least(&x->side[SKEP]) / max(least(&x->side[KERNEL]), 1U);
	double ry = (double)least(&y->side[SKEP]) / max(least(&y->side[KERNEL]), 1U);

	return (rx < ry) - (rx > ry);
}

static void print_large(void)
{
	printf("%-34s %-30s %9s %9s | %9s %9s | %9s %9s %7s %7s\n", "above the limit", "program",
	       "processed", "kernel's", "kernel us", "median", "skep us", "median", "ratio",
	       "us/insn");
	for (u32 i = 0; i < nr_rows; i++) {
		const struct row *r = &rows[i];
		const struct side *k = &r->side[KERNEL], *s = &r->side[SKEP];

		if (!is_large(r) || !s->judged)
			continue;
		printf("%-34.34s %-30.30s %9u %9u | %9u %9u | %9u %9u ", r->file, r->prog,
		       s->processed, k->processed, least(k), median(k), least(s), median(s));
		if (both(r))
			printf("%6.2fx", (double)least(s) / max(least(k), 1U));
		else
			printf("%7s", "-");
		printf(" %7.3f\n", (double)least(s) / s->processed);
	}
}

static void print_totals(void)
{
	u64 insns[SIDES] = { 0 }, us[SIDES] = { 0 }, all_insns = 0, all_us = 0;
	u32 n = 0, judged = 0, same_verdict = 0, same_count = 0, compared = 0, slower = 0;
	double log_sum = 0, worst = 0;
	const struct row *worst_row = NULL;

	for (u32 i = 0; i < nr_rows; i++) {
		const struct row *r = &rows[i];
		double ratio;

		if (r->side[SKEP].judged) {
			judged++;
			all_insns += r->side[SKEP].processed;
			all_us += least(&r->side[SKEP]);
		}
		compared += r->side[SKEP].judged && r->side[KERNEL].judged;
		if (!both(r))
			continue;
		same_verdict++;
		same_count += r->side[SKEP].processed == r->side[KERNEL].processed;
		for (int s = 0; s < SIDES; s++) {
			insns[s] += r->side[s].processed;
			us[s] += least(&r->side[s]);
		}
		if (!is_large(r))
			continue;
		ratio = (double)max(least(&r->side[SKEP]), 1U) / max(least(&r->side[KERNEL]), 1U);
		n++;
		log_sum += log(ratio);
		slower += ratio > 1;
		if (ratio > worst) {
			worst = ratio;
			worst_row = r;
		}
	}
	printf("\n%u programs judged by skep, %u by both; %u with the same verdict, %u of them "
	       "with the same "
	       "number of processed instructions\n",
	       judged, compared, same_verdict, same_count);
	if (all_insns)
		printf("skep, all of them: %llu instructions, %.3f us each (wanted: at most "
		       "0.25)\n",
		       (unsigned long long)all_insns, (double)all_us / (double)all_insns);
	if (insns[KERNEL])
		printf("both, same verdict: kernel %llu instructions, %.3f us each; skep %llu, "
		       "%.3f us\n",
		       (unsigned long long)insns[KERNEL],
		       (double)us[KERNEL] / (double)insns[KERNEL], (unsigned long long)insns[SKEP],
		       (double)us[SKEP] / (double)insns[SKEP]);
	if (n)
		printf("above %u processed instructions: %u programs, skep's time to the kernel's: "
		       "geometric mean %.2f, worst %.2f (%s %s); slower: %u (wanted: 0)\n",
		       limit, n, exp(log_sum / n), worst, worst_row ? worst_row->file : "",
		       worst_row ? worst_row->prog : "", slower);
}

static bool kernel_answers(void)
{
	struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
				    { .code = BPF_JMP | BPF_EXIT } };
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", insns, 2, NULL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int main(int argc, char **argv)
{
	const char *out = getenv("O"), *corpus = getenv("VERIFY_CORPUS");
	char folder[4096];
	int opt;

	while ((opt = getopt(argc, argv, "r:m:")) != -1) {
		if (opt == 'r')
			rounds = min((u32)atoi(optarg), (u32)ROUNDS_MAX);
		else if (opt == 'm')
			limit = (u32)atoi(optarg);
		else
			return 2;
	}
	libbpf_set_print(quiet);
	sys = skep_system_new(NULL);
	if (!sys) {
		fprintf(stderr, "verify: no system\n");
		return 1;
	}
	kernel_permits = kernel_answers();
	if (!kernel_permits)
		printf("(the running kernel does not permit bpf: no comparison)\n");
	for (int i = optind; i < argc; i++)
		measure_path(argv[i]);
	if (optind == argc) {
		measure_bombs();
		snprintf(folder, sizeof(folder), "%s/bpf", out ? out : "build");
		measure_folder(folder);
		if (corpus)
			measure_folder(corpus);
	}
	qsort(rows, nr_rows, sizeof(*rows), by_ratio);
	print_large();
	print_totals();
	for (u32 i = 0; i < nr_rows; i++) {
		free(rows[i].file);
		free(rows[i].prog);
	}
	skep_system_free(sys);
	return 0;
}
