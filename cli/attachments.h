/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Objects whose programs are loaded and attached to what processes do. */
#ifndef SKEP_CLI_ATTACHMENTS_H
#define SKEP_CLI_ATTACHMENTS_H

#include <stdint.h>

#include <bpf/libbpf.h>

#include "cli.h"

struct attach_opts {
	const char *const *progs;  /* only these; NULL at the end */
	const char *const *set;	   /* NAME=VALUE of global variables; NULL at the end */
	bool *progs_met, *set_met; /* become true for those that an object has */
	bool keep_going;	   /* a program that cannot be loaded or attached is left out */
	unsigned frequency;	   /* samples a second for perf_event programs */
};

struct attachment;

struct attached_object {
	const char *path;
	struct bpf_object *obj;
	struct attachment *first; /* a list, in the order of the programs */
	unsigned attached;
};

struct attachment {
	struct attachment *next;
	struct bpf_program *prog;
	struct bpf_link **links;
	unsigned n;
};

/*
 * Opens and loads @path and sets its variables; nothing is attached yet. 0 or an exit status
 * after saying what failed; *@o is valid in both cases.
 */
int attachments_load(const struct cli *cli, const char *path, const struct attach_opts *opts,
		     struct attached_object *o);
/* Attaches every loaded program. 0 or an exit status. */
int attachments_attach(const struct cli *cli, const struct attach_opts *opts,
		       struct attached_object *o);
void attachments_detach(struct attached_object *o);
/* How often a program has run, and the time it took. 0 or -errno. */
int attachment_runs(const struct attachment *a, uint64_t *count, uint64_t *ns, uint64_t *missed);
void attachments_free(struct attached_object *o);

/* globals.c: gives the variable of NAME=VALUE its value before the load. 0 or an exit status;
 * *@met becomes true when the object has such a variable. */
int global_set(const struct cli *cli, struct bpf_object *obj, const char *assignment, bool *met);

#endif
