/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep prog run, for cli/prog.c. */
#ifndef SKEP_CLI_PROG_RUN_H
#define SKEP_CLI_PROG_RUN_H

#include "cli.h"

/* @argv[0] is "run". An exit status. */
int prog_run(struct cli *cli, const struct command *cmd, int argc, char **argv);

/* The options of it, for other commands that run programs: */
struct prog_opts;
struct prog_opts *prog_opts_new(const struct command *cmd, int argc); /* or NULL */
void prog_opts_free(struct prog_opts *o);
/* The option or object at argv[*i], as cli_option(). 0 or an exit status. */
int prog_opts_parse(const struct cli *cli, struct prog_opts *o, int argc, char **argv, int *i);
const char *prog_opts_object(const struct prog_opts *o); /* or NULL */
const char *prog_opts_prog(const struct prog_opts *o);	 /* or NULL */
/* Context and data for programs of @type, made up where none were given. 0 or an exit status. */
int prog_opts_fit(const struct cli *cli, struct prog_opts *o, int type);
/* Runs program @fd on them. 0 or -errno; *@ns by BPF_PROG_TEST_RUN's own measure. */
int prog_opts_run(const struct prog_opts *o, int fd, int type, unsigned repeat, unsigned *ns);

#define PROG_RUN_HELP                                                                              \
	"run: runs one program once (BPF_PROG_TEST_RUN) on a context and data that you give, of\n" \
	"any type, and prints what it returned, what it changed, and the object's maps.\n"         \
	"  --prog NAME         which program of OBJ, if there are several\n"                       \
	"  --field NAME=VALUE  a field of the context, by its name in the type's uapi struct\n"    \
	"                      (remote_port, user_ip6[1], di …); numbers, or a.b.c.d\n"          \
	"  --ctx FILE          the whole context, as bytes\n"                                      \
	"  --arg N=VALUE       argument N (from 0) of a raw tracepoint, of the function that a\n"  \
	"                      program is about; --arg N.field=VALUE sets a field of the object\n" \
	"                      that argument N points to, which skep makes up\n"                   \
	"  --data FILE         the packet, message, option value …; --hex BYTES: as text\n"      \
	"  --pulses FILE       of an infrared receiver: lines \"pulse 900\" and \"space 400\"\n"   \
	"                      (mode2), or \"+900 -400\", or samples as bytes\n"                   \
	"  --repeat N          times; --cpu N, --live, --batch N: as bpf(2) has them\n"            \
	"  --ctx-out FILE      writes the context, --data-out FILE the data, as bytes\n"           \
	"  --expect VALUE      exit status 1 if the program returns anything else\n"

#endif
