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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "object/system.h"
#include "skep/skep.h"

#define OPS    256
#define ROUNDS 40 /* short ones: on a busy machine some are not interrupted */

enum { SKEP, KERNEL, SIDES };

static const struct op {
	const char *prog, *title;
	const char *map; /* for the direct call; NULL: none */
	u32 func, n;	 /* helper, number of keys */
	u32 repeat;
	double target; /* ns that we want to stay below; 0: none set */
} ops[] = {
	{ "empty", "the loop alone", NULL, 0, 0, 2000, 0 },
	{ "array_lookup", "array lookup", "array", BPF_FUNC_map_lookup_elem, 1024, 2000, 0.64 },
	{ "array_update", "array update", "array", BPF_FUNC_map_update_elem, 1024, 1000, 3 },
	{ "percpu_array_lookup", "per-CPU array lookup", "percpu_array", BPF_FUNC_map_lookup_elem,
	  1024, 2000, 0.8 },
	{ "hash_lookup_16", "hash lookup, 16 entries", "hash_16", BPF_FUNC_map_lookup_elem, 16,
	  1000, 8 },
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
	} fills[] = { { "fill_16", 16 },       { "fill_64k", 65536 }, { "fill_1m", 1048576 },
		      { "fill_percpu", 1024 }, { "fill_lru", 16384 }, { "fill_trie", 16384 },
		      { "fill_bloom", 16384 } };
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

/* ---- several threads on one map ---- */

struct worker {
	pthread_t thread;
	int side;
	const struct op *op;
	double ns;
};

/* By the thread's own time: who else is on the machine does not count, waiting in a spin does. */
static void *work(void *arg)
{
	struct worker *w = arg;
	u32 repeat = w->op->repeat * 20;
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	run(w->side, w->op->prog, repeat);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	w->ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
		((double)repeat * OPS);
	return NULL;
}

/* How many times the operations of one thread @n threads do in the same time; the best of the rounds. */
static double scaling(int side, const struct op *op, u32 n)
{
	struct worker w[8];
	double best = 0;

	n = min_t(u32, n, ARRAY_SIZE(w));
	for (u32 round = 0; round < 3; round++) {
		double one, all = 0;

		w[0] = (struct worker){ .side = side, .op = op };
		work(&w[0]);
		one = w[0].ns;
		for (u32 i = 0; i < n; i++) {
			w[i] = (struct worker){ .side = side, .op = op };
			pthread_create(&w[i].thread, NULL, work, &w[i]);
		}
		for (u32 i = 0; i < n; i++) {
			pthread_join(w[i].thread, NULL);
			all += one / w[i].ns;
		}
		best = all > best ? all : best;
	}
	return best;
}

static void print_scaling(void)
{
	u32 n = min_t(u32, (u32)sysconf(_SC_NPROCESSORS_ONLN), 8);

	if (n < 2)
		return;
	printf("\n%-29s %2u %9s %9s %7s %9s %7s\n", "threads:", n, "kernel", "skep", "", "",
	       "target");
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(ops[i].prog, "hash_update_64k") && strcmp(ops[i].prog, "lru_update") &&
		    strcmp(ops[i].prog, "lru_evict"))
			continue;
		printf("%-32s", ops[i].title);
		for (int side = SIDES - 1; side >= 0; side--) {
			use(side);
			if (object[side])
				printf(" %8.2fx", scaling(side, &ops[i], n));
			else
				printf(" %9s", "-");
		}
		printf(" %17s %6.2fx\n", "", 0.9 * n);
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

int main(void)
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
	printf("%-32s %9s %9s %7s %9s %7s\n", "ns per operation", "kernel", "skep", "ratio",
	       "direct", "target");
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		double best[SIDES] = { -1, -1 };

		for (u32 round = 0; round < ROUNDS; round++)
			for (int side = 0; side < SIDES; side++) {
				double ns;

				if (!object[side])
					continue;
				empty_ring(side);
				ns = run(side, ops[i].prog, ops[i].repeat / 5);
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
	print_scaling();
	print_memory();
	for (int side = 0; side < SIDES; side++) {
		use(side);
		bpf_object__close(object[side]);
	}
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}
