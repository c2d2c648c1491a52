/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep ps, skep stop: the instances of this user. */
#include "cli.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void print_entry(void *arg, const struct skep_instance_entry *e)
{
	const struct cli *cli = arg;
	cJSON *j;

	if (cli->json) {
		j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "type", e->pid ? "process" : "instance");
		cJSON_AddStringToObject(j, "instance", e->instance);
		if (e->pid) {
			cJSON_AddNumberToObject(j, "pid", e->pid);
			cJSON_AddStringToObject(j, "command", e->command);
		} else {
			cJSON_AddNumberToObject(j, "maps", e->maps);
			cJSON_AddNumberToObject(j, "progs", e->progs);
			cJSON_AddNumberToObject(j, "links", e->links);
		}
		cli_print_json(cli, j);
	} else if (e->pid) {
		fprintf(cli->out, "%8d  ", e->pid);
		text_print_safe(cli->out, e->command, strlen(e->command));
		fputc('\n', cli->out);
	} else {
		fprintf(cli->out, "%s%s%s: %u maps, %u programs, %u links\n", cli_bold(cli),
			e->instance, cli_plain(cli), e->maps, e->progs, e->links);
	}
}

static int run_ps(struct cli *cli, int argc, char **argv)
{
	char error[640] = "";
	int err;

	if (argc > 1)
		return cli_usage(&cmd_ps, "unknown argument %s", argv[1]);
	err = skep_instances(print_entry, cli, error, sizeof(error));
	return err ? cli_error(cli, "%s", *error ? error : strerror(-err)) : EXIT_DONE;
}

const struct command cmd_ps = {
	.name = "ps",
	.synopsis = "ps",
	.help = "Lists your instances: their maps, programs and links, and the processes in "
		"them.\n",
	.run = run_ps,
};

static int run_stop(struct cli *cli, int argc, char **argv)
{
	const char *name = getenv("SKEP_INSTANCE") ?: "default", *v;
	char error[640] = "";
	int err;

	for (int i = 1; i < argc; i++) {
		if ((v = cli_option("--instance", argc, argv, &i)))
			name = v;
		else if (!strcmp(argv[i], "--all"))
			name = NULL;
		else
			return cli_usage(&cmd_stop, "unknown argument %s", argv[i]);
	}
	err = skep_instance_stop(name, error, sizeof(error));
	return err ? cli_error(cli, "%s", *error ? error : strerror(-err)) : EXIT_DONE;
}

const struct command cmd_stop = {
	.name = "stop",
	.synopsis = "stop [--instance NAME | --all]",
	.help = "Ends an instance (default: $SKEP_INSTANCE, else \"default\") with all its "
		"processes, maps, programs "
		"and "
		"pins.\n"
		"Processes get SIGTERM, and SIGKILL if they are still there a second later.\n",
	.run = run_stop,
};
