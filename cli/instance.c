/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The way into an instance for commands that look at what it has: this program starts again as one
 * of its commands, where bpf(2) is the instance's.
 */
#include "instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct looking {
	const char *name;
	bool there;	  /* an instance of that name */
	char inside[256]; /* the one that this process is in */
	unsigned others;
};

static void look(void *arg, const struct skep_instance_entry *e)
{
	struct looking *l = arg;

	if (e->pid == getpid())
		snprintf(l->inside, sizeof(l->inside), "%s", e->instance);
	if (e->pid)
		return;
	if (!strcmp(e->instance, l->name))
		l->there = true;
	else
		l->others++;
}

int cli_enter_instance(struct cli *cli, const char *name, int argc, char **argv, const char **where)
{
	struct skep_exec_opts opts = { .sz = sizeof(opts), .untraced = true };
	struct looking l = { .name = name ?: getenv("SKEP_INSTANCE") ?: "default" };
	static char here[300];
	char error[640] = "", **again;
	int n = 0, err;

	if (cli->engine == ENGINE_KERNEL) {
		*where = "the kernel";
		if (!skep_instances(look, &l, error, sizeof(error)) && *l.inside) {
			snprintf(here, sizeof(here), "instance %s", l.inside);
			*where = here;
		}
		return CLI_HERE;
	}
	err = skep_instances(look, &l, error, sizeof(error));
	if (err)
		return cli_error(cli, "%s", *error ? error : strerror(-err));
	if (*l.inside && (!name || !strcmp(name, l.inside))) {
		cli->engine = ENGINE_KERNEL; /* which for us is the instance */
		skep_front_use(NULL);
		snprintf(here, sizeof(here), "instance %s", l.inside);
		*where = here;
		return CLI_HERE;
	}
	if (!l.there && l.others)
		return cli_error(cli,
				 "there is no instance %s; skep ps lists those that are running",
				 l.name);
	if (!l.there)
		return cli_error(cli,
				 "no instance is running: skep exec COMMAND starts one, --engine "
				 "kernel asks the kernel");
	again = calloc((size_t)argc + 5, sizeof(*again));
	if (!again)
		return cli_error(cli, "%s", strerror(ENOMEM));
	again[n++] = "skep";
	again[n++] = "--engine=kernel";
	if (cli->json)
		again[n++] = "--json";
	for (int i = 0; i < argc; i++)
		again[n++] = argv[i];
	opts.instance = l.name;
	err = skep_exec("/proc/self/exe", again, &opts, error, sizeof(error));
	free(again);
	cli_error(cli, "%s", *error ? error : strerror(-err));
	return EXIT_BROKEN;
}
