/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * ns for each call of a helper from a program: by skep and by the
 * running kernel, in turns, both through libbpf and BPF_PROG_TEST_RUN. The loop's own
 * cost ("nothing") is included, as it is in the kernel's column.
 *
 *   helpers [NAME...]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep/skep.h"

#define TIMES  512
#define ROUNDS 60 /* short ones: on a busy machine some are not interrupted */

/* ns that we want to stay below; docs/maps.md says what limits those that do not */
static const struct {
	const char *name;
	double ns;
} targets[] = { { "ktime_get_ns", 20 },	   { "prandom_u32", 3 }, { "current_pid_tgid", 2 },
		{ "loop_iteration", 1.5 }, { "tail_call", 2 },	 { "helper_call", 1.3 },
		{ "array_lookup", 0.64 },  { "spin_lock", 15 },	 { "read_user_stack", 5 },
		{ "read_user_heap", 5 } };

struct side {
	struct skep_system *sys; /* NULL: the running kernel */
	struct bpf_object *obj;
	struct bpf_program *prog;
	double best;
};

static int map_fd(struct side *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->obj, name);
}

static int open_side(struct side *s, const char *path, const char *name)
{
	struct bpf_program *p;
	int key = 0, fd;

	skep_front_use(s->sys);
	s->obj = bpf_object__open(path);
	if (!s->obj)
		return -1;
	bpf_object__for_each_program(p, s->obj)
	{
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	}
	if (bpf_object__load(s->obj))
		return -1;
	s->prog = bpf_object__find_program_by_name(s->obj, name);
	fd = bpf_program__fd(s->prog);
	bpf_map_update_elem(map_fd(s, "jumps"), &key, &fd, 0);
	return 0;
}

/* Programs of tracing run once for each call, in this process, and take the time themselves. */
static double run_tracing(struct side *s, const void *memory)
{
	unsigned long long args[1] = { (unsigned long long)memory };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	struct bpf_map *bss = bpf_object__find_map_by_name(s->obj, "helpers.bss");
	unsigned long long took = 0;
	int zero = 0;

	if (bpf_prog_test_run_opts(bpf_program__fd(s->prog), &opts) || !bss ||
	    bpf_map_lookup_elem(bpf_map__fd(bss), &zero, &took))
		return 0;
	return (double)took;
}

static void measure(struct side *s, unsigned times)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 60);
	double ns;

	skep_front_use(s->sys);
	if (bpf_program__type(s->prog) == BPF_PROG_TYPE_RAW_TRACEPOINT) {
		static unsigned long long heap = 1;
		unsigned long long stack = 1;

		opts.duration = (unsigned)run_tracing(
			s, strstr(bpf_program__name(s->prog), "stack") ? &stack : &heap);
	} else if (bpf_prog_test_run_opts(bpf_program__fd(s->prog), &opts)) {
		return;
	}
	ns = (double)opts.duration / times;
	if (!opts.duration)
		return;
	if (!s->best || ns < s->best)
		s->best = ns;
}

static void close_side(struct side *s)
{
	skep_front_use(s->sys);
	bpf_object__close(s->obj);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("O") ? getenv("O") : "build";
	struct skep_system *sys = skep_system_new(NULL);
	struct bpf_object *list;
	struct bpf_program *p;
	char path[512];

	if (!sys)
		return 1;
	libbpf_set_print(NULL);
	snprintf(path, sizeof(path), "%s/bpf/helpers.bpf.o", dir);
	skep_front_use(NULL);
	list = bpf_object__open(path);
	if (!list) {
		fprintf(stderr, "%s: not there; make bench builds it\n", path);
		return 1;
	}
	printf("%-20s %8s %8s %9s %8s\n", "ns per operation", "skep", "kernel", "/kernel",
	       "target");
	bpf_object__for_each_program(p, list)
	{
		struct side side[2] = { { .sys = sys }, { .sys = NULL } };
		const char *name = bpf_program__name(p);
		unsigned times = strcmp(name, "bench_tail_call") ? TIMES : 33;
		int wanted = argc == 1, ok[2], i, r;

		for (i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], name + 6);
		if (!wanted)
			continue;
		for (i = 0; i < 2; i++)
			ok[i] = !open_side(&side[i], path, name);
		for (r = 0; r < ROUNDS; r++)
			for (i = 0; i < 2; i++)
				if (ok[i])
					measure(&side[i], times);
		printf("%-20s", name + 6);
		for (i = 0; i < 2; i++) {
			if (ok[i])
				printf(" %8.2f", side[i].best);
			else
				printf(" %8s", "-");
		}
		if (ok[0] && ok[1] && side[1].best)
			printf(" %9.2f", side[0].best / side[1].best);
		else
			printf(" %9s", "-");
		for (i = 0; i < (int)(sizeof(targets) / sizeof(targets[0])); i++)
			if (!strcmp(targets[i].name, name + 6))
				printf(" %8.2f", targets[i].ns);
		printf("\n");
		for (i = 0; i < 2; i++)
			close_side(&side[i]);
	}
	bpf_object__close(list);
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}
