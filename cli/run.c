/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep run: programs on what a command does, or on the packets of a capture. */
#include "capture.h"
#include "supervise.h"

#include <stdlib.h>
#include <string.h>

/* Options of captures. 1: taken, 0: it is not one, else an exit status. */
static int capture_option(struct capture_opts *o, int argc, char **argv, int *i)
{
	const char *v;

	if ((v = cli_option("--pcap", argc, argv, i))) {
		o->pcap = v;
	} else if ((v = cli_option("--out", argc, argv, i))) {
		o->out = v;
	} else if ((v = cli_option("--repeat", argc, argv, i))) {
		o->repeat = (unsigned)strtoul(v, NULL, 0);
		if (!o->repeat)
			return cli_usage(&cmd_run, "--repeat %s: a number of rounds", v);
	} else {
		return 0;
	}
	return 1;
}

static int run_capture(struct cli *cli, struct capture_opts *c, const struct supervise_opts *o)
{
	if (o->command)
		return cli_usage(&cmd_run, "either --pcap or a command");
	if (o->objects[1])
		return cli_usage(&cmd_run, "with --pcap, one object at a time");
	if (o->progs && o->progs[1])
		return cli_usage(&cmd_run, "with --pcap, one --prog at a time");
	c->object = o->objects[0];
	c->prog = o->progs ? o->progs[0] : NULL;
	return capture_run(cli, c);
}

static int run_command(struct cli *cli, const struct capture_opts *c, struct supervise_opts *o)
{
	if (c->out || c->repeat)
		return cli_usage(&cmd_run, "--out and --repeat are for captures (--pcap FILE)");
	if (!o->command)
		return cli_usage(&cmd_run, "on what? (-- COMMAND, or --pcap FILE)");
	return supervise(cli, o);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct capture_opts c = { 0 };
	struct supervise_opts o = { .frequency = 99 };
	int status = 0, n = 0;

	o.objects = calloc((size_t)argc + 1, sizeof(*o.objects));
	if (!o.objects)
		return EXIT_BROKEN;
	for (int i = 1; i < argc && !status; i++) {
		if (!strcmp(argv[i], "--")) {
			o.command = i + 1 < argc ? argv + i + 1 : NULL;
			if (!o.command)
				status = cli_usage(&cmd_run, "which command? (behind --)");
			break;
		}
		status = capture_option(&c, argc, argv, &i);
		if (!status)
			status = supervise_option(cli, &cmd_run, &o, argc, argv, &i);
		if (!status)
			o.objects[n++] = argv[i];
		status = status == 1 ? 0 : status;
	}
	if (!status && !n)
		status = cli_usage(&cmd_run, "which object file?");
	if (!status)
		status = c.pcap ? run_capture(cli, &c, &o) : run_command(cli, &c, &o);
	supervise_opts_free(&o);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.synopsis = "run [OPTIONS] OBJ… -- COMMAND [ARGUMENTS]\n"
		    "  skep run OBJ --pcap IN [--out OUT] [--prog NAME] [--repeat N]",
	.help = "Starts COMMAND with the programs of the objects attached to what it and all its "
		"processes\n"
		"do: system calls, tracepoints, kernel functions, user functions. No privilege is "
		"needed.\n"
		"COMMAND has its standard input, output and error to itself; lines of "
		"bpf_printk(), records\n"
		"and, at the end, maps go to standard error or --output FILE (with --json one "
		"JSON object a\n"
		"line).\n\n" SUPERVISE_HELP "\n"
		"With --pcap: runs them on every packet of a capture (pcap or pcapng, Ethernet): "
		"an XDP\n"
		"program first; a socket filter sees a copy of what passes; then a TC program. "
		"Prints the\n"
		"packets per result, lines of bpf_printk(), global variables and maps.\n\n"
		"  --pcap IN          the capture\n"
		"  --out OUT          write packets that pass to OUT, transmitted ones to OUT.tx,\n"
		"                     redirected ones to OUT.redirect, a filter's copies to "
		"OUT.filter\n"
		"  --prog NAME        only this program\n"
		"  --repeat N         go through the capture N times\n\n"
		"Exit status: COMMAND's own (killed by a signal: so is skep). Without it: 1 a "
		"program was\n"
		"rejected or cannot be attached, 2 wrong usage, 125 skep could not work, 126 "
		"COMMAND cannot\n"
		"be executed, 127 there is no COMMAND. Captures: 0 done, 1, 2.\n",
	.run = run,
	.needs_system = true,
};
