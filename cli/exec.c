/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep exec: a command in an instance, where bpf(2) is skep's. */
#include "cli.h"
#include "pulses.h"
#include "text.h"

#include <errno.h>
#include <string.h>

#define RECEIVERS_MAX 8

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NO_COMMAND = 127 };

static int run(struct cli *cli, int argc, char **argv)
{
	struct skep_exec_opts opts = { .sz = sizeof(opts), .system = &cli->system_opts };
	const char *sources[RECEIVERS_MAX + 1] = { NULL };
	unsigned receivers = 0;
	char error[640] = "";
	const char *v;
	int i = 1, err;

	for (; i < argc && *argv[i] == '-'; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if ((v = cli_option("--instance", argc, argv, &i)))
			opts.instance = v;
		else if (!strcmp(argv[i], "--net"))
			opts.net = "";
		else if (!strncmp(argv[i], "--net=", 6))
			opts.net = argv[i] + 6;
		else if (!strcmp(argv[i], "--lirc") || !strncmp(argv[i], "--lirc=", 7)) {
			if (receivers == RECEIVERS_MAX)
				return cli_usage(&cmd_exec, "more than %d receivers",
						 RECEIVERS_MAX);
			v = argv[i][6] ? argv[i] + 7 : "";
			if (!pulses_check(cli, v))
				return EXIT_REFUSED;
			sources[receivers++] = v;
			opts.lirc = sources;
		} else if (!strcmp(argv[i], "--root"))
			opts.root = true;
		else if (!strcmp(argv[i], "--confined"))
			opts.confined = true;
		else if (!strcmp(argv[i], "--untraced"))
			opts.untraced = true;
		else if (!strcmp(argv[i], "--traced"))
			opts.traced = true;
		else
			return cli_usage(&cmd_exec, "unknown option %s", argv[i]);
	}
	if (i >= argc)
		return cli_usage(&cmd_exec, "which command?");
	opts.btf_to_c = btf_to_c;
	if (cli->engine == ENGINE_KERNEL)
		return cli_usage(&cmd_exec, "the kernel's engine needs no instance");
	err = skep_exec(argv[i], argv + i, &opts, error, sizeof(error));
	cli_error(cli, "%s", *error ? error : strerror(-err));
	switch (-err) {
	case ENOENT:
		return EXIT_NO_COMMAND;
	case EACCES:
	case ENOEXEC:
		return EXIT_CANNOT_EXECUTE;
	}
	return EXIT_BROKEN;
}

const struct command cmd_exec = {
	.name = "exec",
	.synopsis = "exec [--instance NAME] [--net[=NAME…]] [--lirc[=FILE]]… [--root] [--confined] "
		    "[--traced | "
		    "--untraced] "
		    "[--] COMMAND "
		    "[ARGUMENT…]",
	.help = "Runs COMMAND in an instance: a small machine whose eBPF is skep. For it, and all "
		"that it\n"
		"starts, bpf(2), perf_event_open(2), /sys/fs/bpf, /sys/kernel/btf and tracefs are "
		"the\n"
		"instance's, whatever language it is written in. All commands in one instance "
		"share its\n"
		"maps, programs and pins, and each is seen by the programs attached there.\n\n"
		"  --instance NAME       which (default: $SKEP_INSTANCE, else \"default\"); it is "
		"made when\n"
		"                        the first command comes and ends with its last process, "
		"pin and cgroup\n"
		"  --net[=eth0,…]        in a network of the instance's own: interfaces (eth0) "
		"whose "
		"frames\n"
		"                        pass by XDP and TC programs; 10.0.0.2, the other end is "
		"10.0.0.1\n"
		"  --net=partner         at the other end, where servers and traffic for it can "
		"be\n"
		"  --lirc[=FILE]         an infrared receiver /dev/lirc0 (again: lirc1 …), to "
		"which "
		"programs\n"
		"                        attach; pulses come from FILE, as mode2 and ir-ctl print "
		"them or\n"
		"                        /dev/lircN gives them (a FIFO: live), and from who "
		"transmits\n"
		"  --root                COMMAND sees itself as user 0 with all capabilities; it "
		"has no\n"
		"                        more rights than you have\n"
		"  --confined            COMMAND is a subject: it has no eBPF, cannot end or trace "
		"who\n"
		"                        watches it, and has none of the ways around the decisions "
		"of\n"
		"                        programs that are attached in the instance "
		"(docs/trust.md)\n"
		"  --traced              COMMAND is traced from its start, not when something is "
		"attached\n"
		"  --untraced            COMMAND is served, but what it does is not seen by "
		"programs; strace\n"
		"                        and debuggers can be used on it\n\n"
		"COMMAND takes the place of skep: its exit status is its own. 125: skep could not\n"
		"work, 126: COMMAND cannot be executed, 127: there is none.\n",
	.run = run,
};
