/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Map operations called from a program: the same object (map.bpf.c) on skep and, where
 * it permits, on the running kernel, in turns; and the same operation called directly
 * from C. ns per operation, the loop around it included; the smallest of the rounds.
 */
#include "base/uapi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "object/system.h"
#include "skep/skep.h"

#define OPS    256
#define ROUNDS 20 /* short ones: on a busy machine some are not interrupted */

enum { SKEP, KERNEL, SIDES };

static const struct op {
	const char *prog, *title;
	const char *map; /* for the direct call; NULL: none */
	u32 func, n;	 /* helper, number of keys */
	u32 repeat;
	double target; /* ns that we want to stay below; 0: none set */
} ops[] = {
	{ "empty", "the loop alone", NULL, 0, 0, 2000, 0 },
	{ "empty_in_order", "keys in order: the loop alone", NULL, 0, 0, 2000, 0 },
	{ "array_lookup", "array lookup, in order", NULL, 0, 0, 2000, 0.64 },
	{ "array_lookup_random", "array lookup", "array", BPF_FUNC_map_lookup_elem, 1024, 2000, 0 },
	{ "array_update", "array update", "array", BPF_FUNC_map_update_elem, 1024, 1000, 3 },
	{ "percpu_array_lookup", "per-CPU array lookup, in order", "percpu_array",
	  BPF_FUNC_map_lookup_elem, 1024, 2000, 0.8 },
	{ "hash_lookup_16", "hash lookup, 16 entries", "hash_16", BPF_FUNC_map_lookup_elem, 16,
	  1000, 8 },
	{ "hash_key_1_lookup", "- key of 1 byte", NULL, 0, 0, 1000, 8 },
	{ "hash_key_2_lookup", "- of 2 bytes", NULL, 0, 0, 1000, 8 },
	{ "hash_key_8_lookup", "- of 8 bytes", NULL, 0, 0, 1000, 8 },
	{ "hash_key_16_lookup", "- of 16 bytes", NULL, 0, 0, 1000, 0 },
	{ "hash_lookup_64k", "hash lookup, 64 k", "hash_64k", BPF_FUNC_map_lookup_elem, 65536, 1000,
	  15 },
	{ "hash_lookup_1m", "hash lookup, 1 M", "hash_1m", BPF_FUNC_map_lookup_elem, 1048576, 500,
	  60 },
	{ "hash_update_16", "hash update, 16", "hash_16", BPF_FUNC_map_update_elem, 16, 500, 20 },
	{ "hash_update_64k", "hash update, 64 k", "hash_64k", BPF_FUNC_map_update_elem, 65536, 500,
	  0 },
	{ "hash_cycle_16", "hash delete + insert, 16", NULL, 0, 0, 500, 45 },
	{ "hash_cycle_64k", "hash delete + insert, 64 k", NULL, 0, 0, 500, 0 },
	{ "percpu_hash_lookup", "per-CPU hash lookup", "percpu_hash", BPF_FUNC_map_lookup_elem,
	  1024, 1000, 0 },
	{ "percpu_hash_update", "per-CPU hash update", NULL, 0, 0, 500, 0 },
	{ "lru_lookup", "LRU hash lookup, 16 k", "lru", BPF_FUNC_map_lookup_elem, 16384, 1000, 9 },
	{ "lru_update", "LRU hash update, 16 k", NULL, 0, 0, 500, 50 },
	{ "lru_evict", "LRU hash insert that evicts", NULL, 0, 0, 300, 0 },
	{ "lpm_lookup_16", "LPM lookup, 16 prefixes", NULL, 0, 0, 500, 20 },
	{ "lpm_lookup", "LPM lookup, 16 k", NULL, 0, 0, 500, 0 },
	{ "queue_push_pop", "queue push + pop", NULL, 0, 0, 500, 20 },
	{ "bloom_peek", "bloom filter peek, 16 k", NULL, 0, 0, 500, 20 },
	{ "ring_reserve", "ring buffer reserve + submit", NULL, 0, 0, 100, 12 },
	{ "ring_output", "ring buffer output", NULL, 0, 0, 100, 16 },
	{ "spin_lock", "spin lock + unlock", NULL, 0, 0, 500, 15 },
};

static struct skep_system *sys;
static struct bpf_object *object[SIDES];
static u8 *ring_pages[SIDES];

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return level == LIBBPF_WARN && getenv("SKEP_LOG") ? vfprintf(stderr, format, ap) : 0;
}

static void use(int side)
{
	skep_front_use(side == SKEP ? sys : NULL);
}

/* Runs a program @repeat times; ns per operation, or -1. */
static double run(int side, const char *name, u32 repeat)
{
	u8 packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)repeat);
	struct bpf_program *prog = bpf_object__find_program_by_name(object[side], name);
	struct timespec a, b;

	if (!prog)
		return -1;
	use(side);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	/* the reported duration is whole ns of a run of OPS: precise enough */
	return (double)opts.duration / OPS;
}

static void empty_ring(int side)
{
	if (ring_pages[side])
		*(volatile u64 *)ring_pages[side] = *(volatile u64 *)(ring_pages[side] + 4096);
}

static int load(int side)
{
	const char *dir = getenv("O");
	char path[512];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/bpf/map.bpf.o", dir ? dir : "build");
	use(side);
	object[side] = bpf_object__open_file(path, NULL);
	if (!object[side])
		return -1;
	if (bpf_object__load(object[side])) {
		bpf_object__close(object[side]);
		object[side] = NULL;
		return -1;
	}
	fd = bpf_object__find_map_fd_by_name(object[side], "ring");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		u8 *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);

		/* the two position pages side by side */
		munmap(p, 4096);
		mmap(q, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
		mmap(q + 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4096);
		ring_pages[side] = q;
	}
	return 0;
}

static void fill(int side)
{
	static const struct {
		const char *prog;
		u32 n;
	} fills[] = {
		{ "fill_16", 16 },	    { "fill_64k", 65536 },	 { "fill_1m", 1048576 },
		{ "fill_percpu", 1024 },    { "fill_lru", 16384 },	 { "fill_trie", 16384 },
		{ "fill_small_trie", 16 },  { "fill_bloom", 16384 },	 { "fill_hash_1k", 1024 },
		{ "fill_hash_16k", 16384 }, { "fill_lru_1k", 1024 },	 { "fill_lru_64k", 65536 },
		{ "fill_lru_1m", 1048576 }, { "fill_trie_1k", 1024 },	 { "fill_trie_16k", 16384 },
		{ "fill_trie_64k", 65536 }, { "fill_trie_1m", 1048576 }, { "fill_key_1", 16 },
		{ "fill_key_2", 16 },	    { "fill_key_8", 16 },	 { "fill_key_16", 16 }
	};
	struct bpf_map *bss = bpf_object__find_map_by_name(object[side], "map.bss");
	int fd = bss ? bpf_map__fd(bss) : bpf_object__find_map_fd_by_name(object[side], ".bss");
	u8 value[64] = { 0 };
	u32 zero = 0;

	for (u32 i = 0; i < ARRAY_SIZE(fills); i++) {
		use(side);
		bpf_map_update_elem(fd, &zero, value, 0); /* next = 0 */
		run(side, fills[i].prog, (fills[i].n + OPS - 1) / OPS);
	}
}

/* The helper itself, called from C as a program calls it. */
static double direct(const struct op *op)
{
	struct map_object *m;
	struct bpf_run r = { 0 };
	double best = 1e9;
	bpf_helper_t f;
	int err = 0;

	if (!op->map)
		return -1;
	use(SKEP);
	m = (struct map_object *)object_get_fd(
		sys, bpf_object__find_map_fd_by_name(object[SKEP], op->map), OBJECT_MAP, &err);
	if (!m)
		return -1;
	slot_claim(sys->arena, sys->platform, &r);
	f = m->ops->helper ? m->ops->helper(m->map, op->func) : NULL;
	for (u32 round = 0; f && round < ROUNDS; round++) {
		struct timespec a, b;
		u32 s = round, n = 50000;
		u64 v = 1, sum = 0;
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (u32 i = 0; i < n; i++) {
			u32 k;
			u64 p;

			s = s * 1664525 + 1013904223;
			k = s >> 8 & (op->n - 1);
			p = f((u64)m->map, (u64)&k, (u64)&v, 0, 0, &r);
			if (op->func == BPF_FUNC_map_lookup_elem && p)
				sum += *(u64 *)p;
			__asm__ volatile("" ::"r"(sum));
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / n;
		if (ns < best)
			best = ns;
	}
	slot_release(&r);
	object_put(&m->obj);
	return f ? best : -1;
}

/* ---- how cost grows with what is in the map ---- */

static double best_of(int side, const char *prog, u32 repeat, u32 rounds)
{
	double best = -1;

	for (u32 round = 0; object[side] && round < rounds; round++) {
		double ns = run(side, prog, repeat);

		if (ns >= 0 && (best < 0 || ns < best))
			best = ns;
	}
	return best;
}

static void print_growth(void)
{
	static const struct {
		const char *title, *prog[4];
	} rows[] = {
		{ "hash lookup",
		  { "hash_lookup_1k", "hash_lookup_16k", "hash_lookup_64k", "hash_lookup_1m" } },
		{ "hash update",
		  { "hash_update_1k", "hash_update_16k", "hash_update_64k", "hash_update_1m" } },
		{ "LRU hash lookup",
		  { "lru_lookup_1k", "lru_lookup", "lru_lookup_64k", "lru_lookup_1m" } },
		{ "LRU hash update",
		  { "lru_update_1k", "lru_update", "lru_update_64k", "lru_update_1m" } },
		{ "LPM lookup, prefixes anywhere",
		  { "trie_lookup_1k", "trie_lookup_16k", "trie_lookup_64k", "trie_lookup_1m" } },
	};
	static const char *const sizes[] = { "1 k", "16 k", "64 k", "1 M" };

	printf("\n%-32s", "ns per operation, entries:");
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		printf(" %8s %8s", sizes[i], "");
	printf("\n%-32s", "");
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		printf(" %8s %8s", "kernel", "skep");
	printf("\n");
	for (u32 r = 0; r < ARRAY_SIZE(rows); r++) {
		printf("%-32s", rows[r].title);
		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
			for (int side = SIDES - 1; side >= 0; side--)
				printf(" %8.1f",
				       best_of(side, rows[r].prog[i], i < 3 ? 200 : 1000, 12));
		printf("\n");
	}
}

/* ---- several threads on one map ---- */

#define SHORT	    200 /* rounds, each as short as a few hundred us */
#define THREADS_MAX 8

struct team {
	int side;
	const char *prog;
	u32 n, repeat;
	u32 ready[SHORT], disturbed[SHORT]; /* how many have come; lost the CPU meanwhile */
	double ns[SHORT][THREADS_MAX];
};

struct worker {
	pthread_t thread;
	struct team *team;
	u32 nr;
};

/* Each on a CPU of its own, and all begin each round together. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct team *t = w->team;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(w->nr, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	for (u32 round = 0; round < SHORT; round++) {
		struct rusage before, after;
		struct timespec a, b;

		__atomic_fetch_add(&t->ready[round], 1, __ATOMIC_ACQ_REL);
		while (load_acquire(&t->ready[round]) < t->n)
			sched_yield();
		getrusage(RUSAGE_THREAD, &before);
		clock_gettime(CLOCK_MONOTONIC, &a);
		run(t->side, t->prog, t->repeat);
		clock_gettime(CLOCK_MONOTONIC, &b);
		getrusage(RUSAGE_THREAD, &after);
		if (before.ru_nivcsw != after.ru_nivcsw)
			__atomic_fetch_add(&t->disturbed[round], 1, __ATOMIC_RELAXED);
		t->ns[round][w->nr] =
			(double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * Time of a round in which no one lost its CPU: of the slowest of @n threads; the lower quartile, as the
 * machine may be a guest. 0: there was none.
 */
static double team_time(struct team *t, u32 n)
{
	struct worker w[THREADS_MAX];
	double all[SHORT];
	u32 quiet = 0;

	t->n = n;
	memset(t->ready, 0, sizeof(t->ready));
	memset(t->disturbed, 0, sizeof(t->disturbed));
	for (u32 i = 0; i < n; i++) {
		w[i] = (struct worker){ .team = t, .nr = i };
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	for (u32 i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	for (u32 round = 0; round < SHORT; round++) {
		double slowest = 0;

		for (u32 i = 0; i < n; i++)
			slowest = t->ns[round][i] > slowest ? t->ns[round][i] : slowest;
		if (!t->disturbed[round])
			all[quiet++] = slowest;
	}
	qsort(all, quiet, sizeof(all[0]), by_size);
	return quiet ? all[quiet / 4] : 0;
}

/*
 * How many times the operations of one thread @n threads do in the same time; @ns: for an operation of
 * any of them.
 */
static double scaling(int side, const char *prog, u32 repeat, u32 n, double *ns)
{
	static struct team t;
	double one, many;

	t = (struct team){ .side = side, .prog = prog, .repeat = repeat };
	one = team_time(&t, 1);
	many = team_time(&t, n);
	*ns = many / ((double)n * repeat * OPS);
	return many > 0 ? n * one / many : 0;
}

/*
 * Random keys that all threads share: the lines that an operation writes (the bucket, its lock,
 * elements) were with the other CPU in half of all cases, and come from there in 30 to 60 ns each.
 * A table in the caches can thus not scale as one in memory does: hence both.
 */
static void print_scaling(void)
{
	static const struct {
		const char *prog, *title;
		u32 repeat;
	} rows[] = { { "hash_update_64k", "hash update, 64 k", 10 },
		     { "hash_update_1m", "hash update, 1 M", 10 },
		     { "hash_cycle_64k", "hash delete + insert, 64 k", 10 },
		     { "lru_update", "LRU hash update, 16 k", 10 },
		     { "lru_update_1m", "LRU hash update, 1 M", 10 },
		     { "lru_evict", "LRU hash insert that evicts", 10 } };
	u32 n = min_t(u32, (u32)sysconf(_SC_NPROCESSORS_ONLN), THREADS_MAX);

	if (n < 2)
		return;
	printf("\n%-29s %2u %9s %9s %7s %9s %9s %7s\n", "threads, times one's:", n, "kernel",
	       "skep", "target", "kernel ns", "skep ns", "ratio");
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		double times[SIDES] = { 0 }, ns[SIDES] = { 0 };

		for (int side = SIDES - 1; side >= 0; side--) {
			use(side);
			if (object[side])
				times[side] =
					scaling(side, rows[i].prog, rows[i].repeat, n, &ns[side]);
		}
		printf("%-32s %8.2fx %8.2fx %6.2fx %9.2f %9.2f %6.2fx\n", rows[i].title,
		       times[KERNEL], times[SKEP], 0.9 * n, ns[KERNEL], ns[SKEP],
		       ns[KERNEL] > 0 ? ns[SKEP] / ns[KERNEL] : 0);
	}
}

/* ---- memory ---- */

/* What the kernel says that its map takes: "memlock" of the descriptor. */
static u64 charged(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

/* Bytes that a full hash of @n entries takes: of pages here, as Linux counts them there. */
static u64 hash_bytes_of(int side, u32 n)
{
	u64 before = arena_pages_used(sys->arena), bytes = 0;
	int fd;

	use(side);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "memory", 4, 8, n, NULL);
	for (u32 k = 0; fd >= 0 && k < n; k++) {
		u64 v = k;

		if (side == KERNEL) /* all of it is there from the start */
			break;
		if (bpf_map_update_elem(fd, &k, &v, 0))
			return 0;
	}
	if (fd >= 0)
		bytes = side == KERNEL ? charged(fd) : arena_pages_used(sys->arena) - before;
	if (fd >= 0)
		close(fd);
	return bytes;
}

static void print_memory(void)
{
	printf("\n%-32s %9s %9s %7s %9s %7s\n", "bytes per entry", "kernel", "skep", "ratio", "",
	       "target");
	for (u32 n = 1000; n <= 1000000; n *= 10) {
		u64 ours = hash_bytes_of(SKEP, n),
		    theirs = object[KERNEL] ? hash_bytes_of(KERNEL, n) : 0;

		printf("full hash of %-19u", n);
		if (theirs)
			printf(" %9.1f %9.1f %6.2fx %17.2f\n", (double)theirs / n, (double)ours / n,
			       (double)ours / (double)theirs, 1.2);
		else
			printf(" %9s %9.1f\n", "-", (double)ours / n);
	}
}

static void cell(double ns)
{
	if (ns < 0)
		printf(" %9s", "-");
	else
		printf(" %9.2f", ns);
}

static void print_ops(void)
{
	printf("%-32s %9s %9s %7s %9s %7s\n", "ns per operation", "kernel", "skep", "ratio",
	       "direct", "target");
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		double best[SIDES] = { -1, -1 };

		/* One after the other: between the other's rounds a map's lines leave the caches. */
		for (u32 round = 0; round < ROUNDS; round++)
			for (int side = 0; side < SIDES; side++) {
				double ns;

				if (!object[side])
					continue;
				for (u32 warm = 0; warm < 2; warm++) {
					empty_ring(side);
					ns = run(side, ops[i].prog, ops[i].repeat / 5);
				}
				if (ns >= 0 && (best[side] < 0 || ns < best[side]))
					best[side] = ns;
			}
		printf("%-32s", ops[i].title);
		cell(best[KERNEL]);
		cell(best[SKEP]);
		if (best[KERNEL] > 0 && best[SKEP] > 0)
			printf(" %6.2fx", best[SKEP] / best[KERNEL]);
		else
			printf(" %7s", "-");
		cell(direct(&ops[i]));
		if (ops[i].target > 0)
			printf(" %7.2f", ops[i].target);
		printf("\n");
	}
}

/* `map [ops] [growth] [threads] [memory]`: all, or those. */
static bool wanted(int argc, char **argv, const char *what)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], what))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	sys = skep_system_new(NULL);
	if (!sys || load(SKEP)) {
		fprintf(stderr, "map: cannot load map.bpf.o on skep\n");
		return 1;
	}
	if (load(KERNEL))
		printf("(the running kernel does not permit bpf: no comparison)\n");
	for (int side = 0; side < SIDES; side++)
		if (object[side])
			fill(side);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (wanted(argc, argv, "ops"))
		print_ops();
	if (wanted(argc, argv, "growth"))
		print_growth();
	if (wanted(argc, argv, "threads"))
		print_scaling();
	if (wanted(argc, argv, "memory"))
		print_memory();
	for (int side = 0; side < SIDES; side++) {
		use(side);
		bpf_object__close(object[side]);
	}
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}
