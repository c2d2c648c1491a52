/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep verify: the verdict on each program of an object, one load for each. */
#include "matrix.h"
#include "object.h"
#include "reports.h"
#include "states.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_JUNIT };
static const char *const formats[] = { "text", "json", "sarif", "junit" };
#define NR_FORMATS (sizeof(formats) / sizeof(formats[0]))

struct verify_opts {
	const char *only;
	const char *output; /* NULL: standard output */
	enum format format;
	int log_level;
	bool states; /* where the verifier's work went, too */
};

/* Loads program number @index of @path alone. 0 accepted, 1 rejected, < 0 cannot be opened. */
static int verify_program(const struct cli *cli, const char *path, int index,
			  const struct verify_opts *o, cJSON *list)
{
	struct bpf_object *obj = object_open(cli, path);
	struct bpf_program *prog;
	struct verdict v;
	int i = 0, err;

	if (!obj)
		return -1;
	bpf_object__for_each_program(prog, obj)
	{
		bpf_program__set_autoload(prog, i == index);
		if (i++ == index && o->states)
			skep_want_work(cli->system, bpf_program__name(prog));
	}
	err = object_load(cli, obj, path, o->log_level, &v);
	if (list) {
		cJSON *j = verdict_json(&v);

		if (o->log_level || err)
			cJSON_AddStringToObject(j, "log", v.log ?: "");
		if (o->states)
			cJSON_AddItemToObject(j, "work", states_json(cli) ?: cJSON_CreateNull());
		cJSON_AddItemToArray(list, j);
	} else {
		if (o->log_level && v.log)
			fputs(v.log, cli->out);
		verdict_print(cli, &v);
		if (o->states)
			states_print(cli);
	}
	verdict_free(&v);
	bpf_object__close(obj);
	return err ? 1 : 0;
}

static int verify_object(const struct cli *cli, const char *path, const struct verify_opts *o,
			 cJSON *list, int *seen)
{
	struct bpf_object *obj = object_open(cli, path);
	struct bpf_program *prog;
	int count = 0, rejected = 0;
	bool *wanted;

	if (!obj)
		return EXIT_REFUSED;
	bpf_object__for_each_program(prog, obj) count++;
	wanted = calloc((size_t)count, sizeof(*wanted));
	count = 0;
	bpf_object__for_each_program(prog, obj) wanted[count++] =
		!o->only || !strcmp(o->only, bpf_program__name(prog));
	bpf_object__close(obj);
	for (int i = 0; i < count; i++) {
		if (!wanted[i])
			continue;
		(*seen)++;
		if (verify_program(cli, path, i, o, list))
			rejected++;
	}
	free(wanted);
	return rejected ? EXIT_REFUSED : EXIT_DONE;
}

static void add_unusable(cJSON *list, const char *path)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "file", path);
	cJSON_AddStringToObject(j, "verdict", "error");
	cJSON_AddStringToObject(j, "reason",
				"the file cannot be used: standard error says what is wrong");
	cJSON_AddItemToArray(list, j);
}

/* Options to @o; 0 or an exit status. */
static int parse_options(const struct cli *cli, int argc, char **argv, struct verify_opts *o)
{
	o->format = cli->json ? FORMAT_JSON : FORMAT_TEXT;
	for (int i = 1; i < argc; i++) {
		const char *v;

		if ((v = cli_option("--prog", argc, argv, &i))) {
			o->only = v;
		} else if ((v = cli_option("--output", argc, argv, &i))) {
			o->output = v;
		} else if ((v = cli_option("--format", argc, argv, &i))) {
			size_t f = 0;

			while (f < NR_FORMATS && strcmp(formats[f], v))
				f++;
			if (f == NR_FORMATS)
				return cli_usage(&cmd_verify,
						 "--format %s: text, json, sarif or junit", v);
			o->format = (enum format)f;
		} else if (!strcmp(argv[i], "--states")) {
			o->states = true;
		} else if (!strcmp(argv[i], "--log")) {
			o->log_level = 1;
		} else if (!strncmp(argv[i], "--log=", 6)) {
			o->log_level = atoi(argv[i] + 6);
			if (o->log_level < 1 || o->log_level > 7)
				return cli_usage(&cmd_verify, "--log=%s: a level is 1 to 7",
						 argv[i] + 6);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return cli_usage(&cmd_verify, "no option %s", argv[i]);
		}
	}
	if (o->states && (!cli->system || cli->all_kernels))
		return cli_usage(&cmd_verify,
				 "--states is for one release, by skep's own verifier");
	if (o->states && o->format > FORMAT_JSON)
		return cli_usage(&cmd_verify, "--states goes with the formats text and json");
	return 0;
}

/* Whether argv[*i] is an object file; options are passed over with their values. */
static bool is_object(int argc, char **argv, int *i)
{
	static const char *const with_value[] = { "--prog", "--output", "--format" };

	for (size_t k = 0; k < sizeof(with_value) / sizeof(with_value[0]); k++)
		if (cli_option(with_value[k], argc, argv, i))
			return false;
	return argv[*i][0] != '-';
}

static int verify_all(struct cli *cli, int argc, char **argv, const struct verify_opts *o,
		      cJSON *list)
{
	int status = EXIT_DONE, files = 0, seen = 0;

	for (int i = 1; i < argc; i++) {
		int entries = cJSON_GetArraySize(list), before = seen, err;

		if (!is_object(argc, argv, &i))
			continue;
		files++;
		err = cli->all_kernels ? matrix_of_object(cli, argv[i], o->only, list, &seen) :
					 verify_object(cli, argv[i], o, list, &seen);
		if (err == EXIT_DONE)
			continue;
		status = EXIT_REFUSED;
		/* A report that does not mention the file would look as if all were well. */
		if (o->format > FORMAT_JSON && seen == before &&
		    cJSON_GetArraySize(list) == entries)
			add_unusable(list, argv[i]);
	}
	if (!files)
		return cli_usage(&cmd_verify, "which object file?");
	if (o->only && !seen && status == EXIT_DONE)
		status = cli_error(cli, "no program named %s in the object", o->only);
	return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct verify_opts o = { 0 };
	cJSON *list = NULL;
	int status;

	status = parse_options(cli, argc, argv, &o);
	if (status)
		return status;
	if (o.output) {
		cli->out = fopen(o.output, "we");
		if (!cli->out) {
			cli->out = stdout;
			return cli_error(cli, "%s: %s", o.output, strerror(errno));
		}
		cli->color = false;
	}
	cli->json = o.format == FORMAT_JSON;
	if (cli->system && !cli->all_kernels)
		skep_want_explanations(cli->system, true);
	if (o.format != FORMAT_TEXT)
		list = cJSON_CreateArray();
	status = verify_all(cli, argc, argv, &o, list);
	if (status != EXIT_USAGE)
		switch (o.format) {
		case FORMAT_TEXT:
			break;
		case FORMAT_JSON:
			cli_print_json(cli, list);
			list = NULL;
			break;
		case FORMAT_SARIF:
			report_sarif(cli, list);
			break;
		case FORMAT_JUNIT:
			report_junit(cli, list);
			break;
		}
	cJSON_Delete(list);
	if (o.output) {
		bool failed = ferror(cli->out);

		failed |= fclose(cli->out) != 0;
		cli->out = stdout;
		if (failed) {
			cli_error(cli, "%s: cannot write the report", o.output);
			status = EXIT_BROKEN;
		}
	}
	return status;
}

const struct command cmd_verify = {
	.name = "verify",
	.synopsis = "verify OBJ… [--prog NAME] [--log[=LEVEL]] [--states] [--format FORMAT] "
		    "[--output FILE]",
	.help = "Loads each program of the object by itself and prints the verifier's verdict: for "
		"a\n"
		"rejected program the reason, line by line how it came to it, and what to do\n"
		"about it.\n\n"
		"  --prog NAME        only this program\n"
		"  --log[=LEVEL]      print the verifier's log as the kernel writes it: 1 states "
		"at\n"
		"                     branches, 2 after each instruction, +4 statistics (default "
		"1)\n"
		"  --states           the source lines that the verifier spent its work on: "
		"instructions\n"
		"                     processed and states kept\n"
		"  --format FORMAT    text (default), json (as --json), sarif (2.1.0) or junit\n"
		"  --output FILE      write there instead of to standard output\n"
		"  --kernel FILE      what the kernel says on which FILE was recorded: bpftool "
		"feature probe\n"
		"  --kernel all       what every Linux release says: a matrix of the long-term "
		"ones,\n"
		"                     and since when and why\n\n"
		"Exit status: 0 all accepted, 1 at least one rejected, 2 wrong usage.\n",
	.run = run,
	.needs_system = true,
	.judges = true,
};
