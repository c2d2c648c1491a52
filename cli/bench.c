/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep bench: how long the programs of an object take, as native code, interpreted, and in the
 * running kernel where it lets this user load programs; in turns, on the same context and data.
 */
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "prog_run.h"

#define ROUNDS_MAX 1000
#define WINDOW_NS  3e6 /* of one round of one engine */
#define REPEAT_MAX (1u << 24)

enum { NATIVE, INTERPRETER, KERNEL, ENGINES, COUNTER = ENGINES, SIDES };

static const struct {
	const char *name, *jit;
} engines[SIDES] = {
	[NATIVE] = { "native", "on" },
	[INTERPRETER] = { "interpreter", "off" },
	[KERNEL] = { "kernel", NULL },
	[COUNTER] = { "", "count" },
};

struct side {
	struct skep_system *system;
	struct bpf_object *obj;
	int fd;
	bool present, single; /* .single: does not repeat (as Linux says of its type) */
	int err;	      /* of a run */
	unsigned repeat;
	double ns[ROUNDS_MAX];
};

struct bench {
	struct cli *cli;
	struct prog_opts *opts;
	unsigned rounds;
	struct side side[SIDES];
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * ns of one run. The kernel's is what it says itself, in whole ns, since its call does more than
 * run the program; a single run is measured from outside on all sides.
 */
static double measure(struct bench *b, int nr, int type, double *spent)
{
	struct side *s = &b->side[nr];
	unsigned ns = 0, calls = s->single ? s->repeat : 1;
	double start;

	skep_front_use(s->system);
	start = now_ns();
	for (unsigned i = 0; i < calls && !s->err; i++)
		s->err = prog_opts_run(b->opts, s->fd, type, s->single ? 0 : s->repeat, &ns);
	*spent = now_ns() - start;
	return nr == KERNEL && !s->single ? ns : *spent / s->repeat;
}

static void calibrate(struct bench *b, int nr, int type)
{
	struct side *s = &b->side[nr];
	double spent;

	s->repeat = 2;
	measure(b, nr, type, &spent);
	if (s->err == -EINVAL) {
		s->err = 0;
		s->single = true;
	}
	for (s->repeat = 8; s->repeat < REPEAT_MAX && !s->err; s->repeat *= 2) {
		double ns = measure(b, nr, type, &spent);

		if ((nr == KERNEL && !s->single ? ns * s->repeat : spent) > WINDOW_NS)
			break;
	}
}

static cJSON *side_json(const struct bench *b, int nr, double insns)
{
	const struct side *s = &b->side[nr];
	cJSON *j = cJSON_CreateObject();
	double median = s->ns[b->rounds / 2];

	cJSON_AddStringToObject(j, "engine", engines[nr].name);
	cJSON_AddNumberToObject(j, "median_ns", median);
	cJSON_AddNumberToObject(j, "min_ns", s->ns[0]);
	if (insns > 0)
		cJSON_AddNumberToObject(j, "ns_per_instruction", median / insns);
	return j;
}

static void print(const struct bench *b, const cJSON *j)
{
	const struct cli *cli = b->cli;
	const cJSON *e, *per, *insns = cJSON_GetObjectItem(j, "instructions");

	fprintf(cli->out, "%s%s%s (%s)", cli_bold(cli),
		cJSON_GetObjectItem(j, "program")->valuestring, cli_plain(cli),
		cJSON_GetObjectItem(j, "type")->valuestring);
	if (insns)
		fprintf(cli->out, ": %.0f instructions a run", insns->valuedouble);
	fprintf(cli->out, "\n  %-12s %12s %12s %12s\n", "ns", "median", "smallest", "instruction");
	cJSON_ArrayForEach(e, cJSON_GetObjectItem(j, "engines"))
	{
		per = cJSON_GetObjectItem(e, "ns_per_instruction");
		fprintf(cli->out, "  %-12s %12.2f %12.2f",
			cJSON_GetObjectItem(e, "engine")->valuestring,
			cJSON_GetObjectItem(e, "median_ns")->valuedouble,
			cJSON_GetObjectItem(e, "min_ns")->valuedouble);
		if (per)
			fprintf(cli->out, " %12.3f", per->valuedouble);
		fputc('\n', cli->out);
	}
}

/* Opens and loads program @index alone on one side. 0 or an exit status. */
static int load(struct bench *b, int nr, int index, struct bpf_program **out)
{
	struct side *s = &b->side[nr];
	struct bpf_program *prog;
	struct verdict v = { 0 };
	int i = 0, err;

	skep_front_use(s->system);
	s->obj = object_open(b->cli, prog_opts_object(b->opts));
	if (!s->obj)
		return EXIT_REFUSED;
	bpf_object__for_each_program(prog, s->obj)
	{
		bpf_program__set_autoload(prog, i == index);
		if (i++ == index)
			*out = prog;
	}
	b->cli->system = s->system;
	err = object_load(b->cli, s->obj, prog_opts_object(b->opts), 0, &v);
	if (!err)
		s->fd = bpf_program__fd(*out);
	else if (nr == NATIVE && b->cli->json)
		cli_print_json(b->cli, verdict_json(&v));
	else if (nr == NATIVE)
		verdict_print(b->cli, &v);
	verdict_free(&v);
	return err ? EXIT_REFUSED : 0;
}

static int bench_program(struct bench *b, int index, cJSON *list)
{
	struct bpf_program *prog = NULL;
	double insns = 0, spent;
	int status = 0, type;
	cJSON *j, *rows;

	for (int nr = 0; nr < SIDES; nr++) {
		struct side *s = &b->side[nr];
		struct skep_system *system = s->system;
		bool wanted = nr == KERNEL ? s->present : true;

		*s = (struct side){ .system = system, .present = wanted };
		if (!wanted)
			continue;
		status = load(b, nr, index, &prog);
		s->present = !status;
		if (status && nr != KERNEL)
			goto out;
	}
	type = (int)bpf_program__type(prog);
	status = prog_opts_fit(b->cli, b->opts, type);
	for (int nr = 0; nr < ENGINES && !status; nr++) {
		struct side *s = &b->side[nr];

		if (!s->present)
			continue;
		calibrate(b, nr, type);
		if (s->err && nr != KERNEL)
			status = cli_error(b->cli, "%s: program %s cannot be run: %s",
					   prog_opts_object(b->opts), bpf_program__name(prog),
					   strerror(-s->err));
		s->present = !s->err;
	}
	if (status)
		goto out;
	b->side[COUNTER].single = b->side[INTERPRETER].single;
	b->side[COUNTER].repeat = 1;
	measure(b, COUNTER, type, &spent);
	insns = (double)skep_counted_insns(b->side[COUNTER].system);
	for (unsigned r = 0; r < b->rounds; r++)
		for (int nr = 0; nr < ENGINES; nr++)
			if (b->side[nr].present)
				b->side[nr].ns[r] = measure(b, nr, type, &spent);
	j = cJSON_CreateObject();
	cJSON_AddStringToObject(j, "program", bpf_program__name(prog));
	cJSON_AddStringToObject(j, "type", prog_type_name(type));
	if (insns > 0)
		cJSON_AddNumberToObject(j, "instructions", insns);
	rows = cJSON_AddArrayToObject(j, "engines");
	for (int nr = 0; nr < ENGINES; nr++) {
		if (!b->side[nr].present)
			continue;
		qsort(b->side[nr].ns, b->rounds, sizeof(double), by_value);
		cJSON_AddItemToArray(rows, side_json(b, nr, insns));
	}
	if (list) {
		cJSON_AddItemToArray(list, j);
	} else {
		print(b, j);
		cJSON_Delete(j);
	}
out:
	for (int nr = 0; nr < SIDES; nr++) {
		skep_front_use(b->side[nr].system);
		bpf_object__close(b->side[nr].obj);
	}
	return status;
}

static int start(struct bench *b)
{
	struct skep_system_opts opts = b->cli->system_opts;

	opts.test_run = "all";
	for (int nr = 0; nr < SIDES; nr++) {
		if (nr == KERNEL)
			continue;
		opts.jit = engines[nr].jit;
		b->side[nr].system = skep_system_new(&opts);
		if (!b->side[nr].system) {
			cli_error(b->cli, "cannot start: %s", strerror(errno));
			return EXIT_BROKEN;
		}
	}
	skep_front_use(NULL);
	b->side[KERNEL].present =
		libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCKET_FILTER, NULL) == 1;
	if (!b->side[KERNEL].present && !b->cli->json)
		fprintf(stderr,
			"skep: the running kernel does not let this user load eBPF programs: not "
			"measured\n");
	skep_front_use(b->side[NATIVE].system);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	bool *wanted = NULL, kernel;
	int status = b ? 0 : EXIT_BROKEN, n = 0, seen = 0;
	cJSON *list = NULL;
	const char *v;

	if (!b || !(b->opts = prog_opts_new(&cmd_bench, argc))) {
		free(b);
		return EXIT_BROKEN;
	}
	b->cli = cli;
	b->rounds = 9;
	for (int i = 1; i < argc && !status; i++) {
		if ((v = cli_option("--rounds", argc, argv, &i))) {
			b->rounds = (unsigned)strtoul(v, NULL, 0);
			if (!b->rounds || b->rounds > ROUNDS_MAX)
				status = cli_usage(&cmd_bench, "--rounds %s: from 1 to %d", v,
						   ROUNDS_MAX);
		} else {
			status = prog_opts_parse(cli, b->opts, argc, argv, &i);
		}
	}
	if (!status && !prog_opts_object(b->opts))
		status = cli_usage(&cmd_bench, "which object file?");
	if (!status)
		status = start(b);
	kernel = b->side[KERNEL].present;
	if (!status) {
		n = object_choose(b->cli, prog_opts_object(b->opts), prog_opts_prog(b->opts),
				  &wanted);
		status = n < 0 ? EXIT_REFUSED : 0;
	}
	if (!status && cli->json)
		list = cJSON_CreateArray();
	for (int i = 0; i < n && status != EXIT_USAGE; i++) {
		int err;

		if (!wanted[i])
			continue;
		seen++;
		b->side[KERNEL].present = kernel;
		err = bench_program(b, i, list);
		status = err ? err : status;
	}
	if (list)
		cli_print_json(cli, list);
	if (!status && !seen)
		status = cli_error(cli, "%s: no program %s in it", prog_opts_object(b->opts),
				   prog_opts_prog(b->opts) ?: "");
	cli->system = NULL;
	skep_front_use(NULL);
	for (int nr = 0; nr < SIDES; nr++)
		skep_system_free(b->side[nr].system);
	prog_opts_free(b->opts);
	free(wanted);
	free(b);
	return status;
}

const struct command cmd_bench = {
	.name = "bench",
	.synopsis = "bench OBJ [--prog NAME] [--rounds N] [OPTIONS OF prog run]",
	.help = "Measures the programs of the object: ns of a run and of an instruction, as "
		"native\n"
		"code, interpreted, and in the running kernel where this user may load programs;\n"
		"in turns, smallest and median of the rounds. What BPF_PROG_TEST_RUN does around "
		"each\n"
		"run is part of it. Context and data as for `skep prog run`; a packet is made up "
		"for\n"
		"programs that take one.\n"
		"  --prog NAME         only this program\n"
		"  --rounds N          default 9\n",
	.run = run,
};
