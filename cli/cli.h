/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the commands of skep share: options, the chosen engine, output. */
#ifndef SKEP_CLI_H
#define SKEP_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "skep/skep.h"

#define SKEP_VERSION "0.1"

/* Exit statuses; else that of a supervised command. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_BROKEN = 125 };

enum engine { ENGINE_SKEP, ENGINE_KERNEL };

struct cli {
	struct skep_system_opts system_opts;
	struct skep_system *system; /* NULL with ENGINE_KERNEL and for commands that need none */
	enum engine engine;
	FILE *out;	  /* where results go: standard output if not said otherwise */
	bool all_kernels; /* --kernel all */
	bool json;
	bool color; /* of .out */
	int verbose;
	bool quiet;
	int die_by; /* at the very end: a signal that ends us as it ended the command */
};

struct command {
	const char *name;
	const char *synopsis;
	const char *help;				    /* ends with a newline */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the command */
	bool needs_system;
	bool judges; /* always in verdict mode: nothing is run */
};

/* btf.c: see struct skep_exec_opts */
int btf_to_c(const void *data, size_t size, void (*emit)(void *arg, const char *text, size_t len),
	     void *arg);

extern const struct command cmd_run, cmd_attach, cmd_list, cmd_explain, cmd_verify, cmd_btf,
	cmd_features, cmd_diff, cmd_bench, cmd_prog, cmd_map, cmd_link, cmd_exec, cmd_ps, cmd_stop;

/* "skep: " and the message on stderr, or {"error": …} with --json. Returns EXIT_REFUSED. */
int cli_error(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Wrong usage of @cmd: says what, and how to see the help. Returns EXIT_USAGE. */
int cli_usage(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * If argv[*i] is @name, with its value behind '=' or in the next argument:
 * returns the value and leaves *i on the last argument taken. Else NULL.
 */
const char *cli_option(const char *name, int argc, char **argv, int *i);
/* For commands that do not always need one: makes cli->system. 0 or an exit status. */
int cli_start_system(struct cli *cli);
/* Prints @json (and frees it) on one line. */
void cli_print_json(const struct cli *cli, cJSON *json);
/* Escape sequences when the output is a terminal, else "". */
const char *cli_bold(const struct cli *cli);
const char *cli_red(const struct cli *cli);
const char *cli_green(const struct cli *cli);
const char *cli_plain(const struct cli *cli);

#endif
