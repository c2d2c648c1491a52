/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep attach: programs on what a running process does. */
#include "supervise.h"

#include <stdlib.h>

static int run(struct cli *cli, int argc, char **argv)
{
	struct supervise_opts o = { .frequency = 99 };
	int status = 0, n = 0;
	char *end;

	o.objects = calloc((size_t)argc + 1, sizeof(*o.objects));
	if (!o.objects)
		return EXIT_BROKEN;
	for (int i = 1; i < argc && !status; i++) {
		status = supervise_option(cli, &cmd_attach, &o, argc, argv, &i);
		if (!status && !o.pid) {
			o.pid = (int)strtol(argv[i], &end, 10);
			if (o.pid <= 0 || *end)
				status = cli_usage(&cmd_attach, "%s is no process id", argv[i]);
		} else if (!status) {
			o.objects[n++] = argv[i];
		}
		status = status == 1 ? 0 : status;
	}
	if (!status && !o.pid)
		status = cli_usage(&cmd_attach, "which process?");
	else if (!status && !n)
		status = cli_usage(&cmd_attach, "which object file?");
	else if (!status && cli->engine == ENGINE_KERNEL)
		status =
			cli_error(cli, "the kernel's engine sees the whole machine, not a process: "
				       "use the object's own loader, as root");
	else if (!status)
		status = supervise(cli, &o);
	supervise_opts_free(&o);
	return status;
}

const struct command cmd_attach = {
	.name = "attach",
	.synopsis = "attach [OPTIONS] PID OBJ…",
	.help = "Attaches the programs of the objects to what process PID, its threads and what "
		"they start\n"
		"from now on do, until they have ended or Ctrl-C ends the watching (the process "
		"goes on).\n"
		"PID must be a process of yours that no debugger has. Results go to standard "
		"output.\n\n" SUPERVISE_HELP "\n"
		"Exit status: 0 done, 1 a program was rejected or cannot be attached, or the "
		"process cannot\n"
		"be watched, 2 wrong usage, 125 skep could not work.\n",
	.run = run,
	.needs_system = true,
};
