/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs on the events of a command that skep starts, or of a process that runs already. */
#ifndef SKEP_CLI_SUPERVISE_H
#define SKEP_CLI_SUPERVISE_H

#include "attachments.h"

struct supervise_opts {
	const char **objects; /* NULL at the end, as are the next three */
	const char **progs, **set, **events;
	const char *output; /* NULL: standard error (of attach: output); "-": standard output */
	bool keep_going, no_maps, stats;
	unsigned frequency;
	char **command; /* NULL: .pid */
	int pid;
};

/*
 * Takes argv[*i] if it is one of the options that run and attach share. 1: taken, 0: it is
 * not one, else an exit status after saying what is wrong with it.
 */
int supervise_option(struct cli *cli, const struct command *cmd, struct supervise_opts *o, int argc,
		     char **argv, int *i);
/* The help of these options. */
#define SUPERVISE_HELP                                                                             \
	"  --prog NAME        only this program (several times: these)\n"                          \
	"  --set NAME=VALUE   a global variable's value before the load\n"                         \
	"  --event MAP=STRUCT records of this ring buffer or perf event array are such structs\n"  \
	"  --freq HZ          samples a second for perf_event programs (default 99)\n"             \
	"  --keep-going, -k   leave out programs that cannot be loaded or attached\n"              \
	"  --output FILE, -o  what programs say goes to FILE (-: standard output)\n"               \
	"  --no-maps          do not show maps and variables at the end\n"                         \
	"  --stats            at the end, runs and time of each program\n"                         \
	"  --quiet, -q        no column titles, no notes\n"

/* Does it all; an exit status: the command's own. */
int supervise(struct cli *cli, struct supervise_opts *o);
void supervise_opts_free(struct supervise_opts *o);

/* What the user should know: "skep: …" on standard error, or a JSON line of type "note". */
void supervise_note(const struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The beginning of a JSON line: its type and the time. */
cJSON *supervise_json(const char *type);

#endif
