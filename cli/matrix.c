/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep verify --kernel all: the verdict of every Linux release on each program. Long-term
 * releases are the columns; below, for every release, since when a program is accepted and why it
 * was not before.
 */
#include "matrix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

/* The last release of a series ends it; libbpf needs bpf(2) of 4.14 at least for what it does. */
static const struct series {
	unsigned major, first, last;
} series[] = { { 4, 14, 20 }, { 5, 0, 19 }, { 6, 0, 18 } };

static const char *const long_term[] = { "4.14", "4.19", "5.4",	 "5.10", "5.15",
					 "6.1",	 "6.6",	 "6.12", "6.18" };
/* Compared with these kernels; the others follow from what the tables say of their release. */
static const char *const measured[] = { "6.1", "6.12", "6.18" };

#define NR(a)	     (sizeof(a) / sizeof((a)[0]))
#define RELEASES_MAX 64

struct release {
	char name[8];
	bool column, measured;
};

static unsigned list_releases(struct release *out)
{
	unsigned n = 0;

	for (size_t s = 0; s < NR(series); s++)
		for (unsigned minor = series[s].first; minor <= series[s].last; minor++) {
			struct release *r = &out[n++];

			memset(r, 0, sizeof(*r));
			snprintf(r->name, sizeof(r->name), "%u.%u", series[s].major, minor);
			for (size_t i = 0; i < NR(long_term); i++)
				r->column |= !strcmp(r->name, long_term[i]);
			for (size_t i = 0; i < NR(measured); i++)
				r->measured |= !strcmp(r->name, measured[i]);
		}
	return n;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* The verdict on program @index of @path as release @kernel gives it. 0 or -1. */
static int judge(struct cli *cli, const char *kernel, const char *path, int index,
		 struct verdict *v)
{
	struct skep_system_opts opts = cli->system_opts;
	struct skep_system *sys, *own = cli->system;
	struct bpf_program *prog;
	struct bpf_object *obj;
	int i = 0;

	opts.kernel = kernel;
	sys = skep_system_new(&opts);
	if (!sys)
		return cli_error(cli, "cannot judge as Linux %s: %s", kernel, strerror(errno)), -1;
	cli->system = sys;
	skep_front_use(sys);
	obj = object_open(cli, path);
	if (obj) {
		bpf_object__for_each_program(prog, obj)
			bpf_program__set_autoload(prog, i++ == index);
		object_load(cli, obj, path, 0, v);
		bpf_object__close(obj);
	}
	cli->system = own;
	skep_front_use(own);
	skep_system_free(sys);
	return obj ? 0 : -1;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->err == b->err && !strcmp(a->reason ?: "", b->reason ?: "");
}

/* Runs of releases with one verdict: "refused 4.14-5.7: unknown func bpf_ringbuf_output#130". */
static void print_runs(const struct cli *cli, const struct release *r, const struct verdict *v,
		       unsigned n)
{
	for (unsigned i = 0, end; i < n; i = end) {
		char range[24];

		for (end = i + 1; end < n && same(&v[end], &v[i]);)
			end++;
		if (end == i + 1)
			snprintf(range, sizeof(range), "%s", r[i].name);
		else if (end == n && !v[i].err)
			snprintf(range, sizeof(range), "%s and later", r[i].name);
		else
			snprintf(range, sizeof(range), "%s to %s", r[i].name, r[end - 1].name);
		if (!v[i].err)
			fprintf(cli->out, "    %-16s accepted\n", range);
		else
			fprintf(cli->out, "    %-16s %s\n", range,
				v[i].reason ?: strerror(v[i].err));
	}
}

static cJSON *program_json(const struct release *r, const struct verdict *v, unsigned n)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < n; i++) {
		cJSON *j = verdict_json(&v[i]);

		cJSON_AddStringToObject(j, "kernel", r[i].name);
		cJSON_AddBoolToObject(j, "measured", r[i].measured);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

int matrix_of_object(struct cli *cli, const char *path, const char *only, cJSON *list, int *seen)
{
	struct release release[RELEASES_MAX];
	unsigned n = list_releases(release);
	int index = 0, status = EXIT_DONE;
	struct bpf_program *prog;
	struct bpf_object *obj;

	obj = object_open(cli, path);
	if (!obj)
		return EXIT_REFUSED;
	if (!list) {
		fprintf(cli->out, "%-36.36s", path);
		for (unsigned i = 0; i < n; i++)
			if (release[i].column)
				fprintf(cli->out, " %s%s", release[i].name,
					release[i].measured ? "*" : "");
		fputc('\n', cli->out);
	}
	bpf_object__for_each_program(prog, obj)
	{
		struct verdict v[RELEASES_MAX];
		char title[64];
		int at = index++;

		if (only && strcmp(only, bpf_program__name(prog)))
			continue;
		(*seen)++;
		memset(v, 0, sizeof(v));
		for (unsigned i = 0; i < n; i++)
			if (judge(cli, release[i].name, path, at, &v[i])) {
				v[i].err = EIO;
				v[i].reason = copy("could not be judged");
			}
		if (v[n - 1].err)
			status = EXIT_REFUSED;
		if (list) {
			cJSON *one = program_json(release, v, n), *item;

			while ((item = cJSON_DetachItemFromArray(one, 0)))
				cJSON_AddItemToArray(list, item);
			cJSON_Delete(one);
		} else {
			snprintf(title, sizeof(title), "  %s (%s)", bpf_program__name(prog),
				 prog_type_name((int)bpf_program__type(prog)));
			fprintf(cli->out, "%s%-36.36s%s", cli_bold(cli), title, cli_plain(cli));
			for (unsigned i = 0; i < n; i++)
				if (release[i].column)
					fprintf(cli->out, " %s%*s%s",
						v[i].err ? cli_red(cli) : cli_green(cli),
						(int)strlen(release[i].name) + release[i].measured,
						v[i].err ? "no" : "yes", cli_plain(cli));
			fputc('\n', cli->out);
			print_runs(cli, release, v, n);
		}
		for (unsigned i = 0; i < n; i++)
			verdict_free(&v[i]);
	}
	bpf_object__close(obj);
	if (!list)
		fputs("  * measured against that kernel; the others follow from what their release "
		      "has.\n"
		      "    Kernel types are the same for all: --btf FILE gives others.\n",
		      cli->out);
	return status;
}
