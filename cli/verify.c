/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep verify: the verdict on each program of an object, one load for each. */
#include "matrix.h"
#include "object.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

struct verify_opts {
	const char *only;
	int log_level;
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
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(prog, i++ == index);
	err = object_load(cli, obj, path, o->log_level, &v);
	if (list) {
		cJSON *j = verdict_json(&v);

		if (o->log_level || err)
			cJSON_AddStringToObject(j, "log", v.log ?: "");
		cJSON_AddItemToArray(list, j);
	} else {
		if (o->log_level && v.log)
			fputs(v.log, stdout);
		verdict_print(cli, &v);
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

static int run(struct cli *cli, int argc, char **argv)
{
	struct verify_opts o = { 0 };
	cJSON *list = NULL;
	int status = EXIT_DONE, files = 0, seen = 0;

	if (cli->json)
		list = cJSON_CreateArray();
	for (int i = 1; i < argc; i++) {
		const char *v;

		if ((v = cli_option("--prog", argc, argv, &i))) {
			o.only = v;
		} else if (!strcmp(argv[i], "--log")) {
			o.log_level = 1;
		} else if (!strncmp(argv[i], "--log=", 6)) {
			o.log_level = atoi(argv[i] + 6);
			if (o.log_level < 1 || o.log_level > 7)
				return cli_usage(&cmd_verify, "--log=%s: a level is 1 to 7",
						 argv[i] + 6);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return cli_usage(&cmd_verify, "no option %s", argv[i]);
		}
	}
	for (int i = 1; i < argc; i++) {
		if (cli_option("--prog", argc, argv, &i) || argv[i][0] == '-')
			continue;
		files++;
		if ((cli->all_kernels ? matrix_of_object(cli, argv[i], o.only, list, &seen) :
					verify_object(cli, argv[i], &o, list, &seen)) != EXIT_DONE)
			status = EXIT_REFUSED;
	}
	if (!files)
		return cli_usage(&cmd_verify, "which object file?");
	if (o.only && !seen && status == EXIT_DONE)
		status = cli_error(cli, "no program named %s in the object", o.only);
	if (list)
		cli_print_json(cli, list);
	return status;
}

const struct command cmd_verify = {
	.name = "verify",
	.synopsis = "verify OBJ… [--prog NAME] [--log[=LEVEL]]",
	.help = "Loads each program of the object by itself and prints the verifier's verdict: for "
		"a\n"
		"rejected program the reason, the source line and what to do about it.\n\n"
		"  --prog NAME        only this program\n"
		"  --log[=LEVEL]      print the verifier's log as the kernel writes it: 1 states "
		"at\n"
		"                     branches, 2 after each instruction, +4 statistics (default "
		"1)\n\n"
		"  --kernel all       what every Linux release says: a matrix of the long-term "
		"ones,\n"
		"                     and since when and why\n\n"
		"Exit status: 0 all accepted, 1 at least one rejected, 2 wrong usage.\n",
	.run = run,
	.needs_system = true,
	.judges = true,
};
