/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A .bpf.o file as the commands see it: checked, opened by libbpf, loaded one
 * program at a time with its verdict kept.
 */
#ifndef SKEP_CLI_OBJECT_H
#define SKEP_CLI_OBJECT_H

#include <bpf/libbpf.h>

#include "cli.h"
#include "explain.h"

#define VERDICT_LOG_SIZE (16u << 20)

/* What became of one program. Strings are owned; verdict_free() releases them. */
struct verdict {
	char *file, *prog, *section;
	int type;	   /* enum bpf_prog_type */
	int err;	   /* 0: accepted, else positive errno */
	char *reason;	   /* one line */
	char *id;	   /* of the diagnostic, or NULL */
	char *advice;	   /* or NULL */
	int insn;	   /* -1: none */
	char *source;	   /* source line, or NULL */
	char *source_file; /* without folders, or NULL */
	char *source_path; /* as the compiler was given it, or NULL: not known */
	struct why why;	   /* .n 0: no more is known */
	unsigned line, column;
	char *log;	/* the verifier's */
	unsigned insns; /* of the program as loaded */
	double ms;	/* time of the load */
};

void verdict_free(struct verdict *v);
void verdict_print(const struct cli *cli, const struct verdict *v);
cJSON *verdict_json(const struct verdict *v);

/*
 * Checks that @path is a BPF object file and opens it. On failure prints file
 * and reason and returns NULL.
 */
struct bpf_object *object_open(const struct cli *cli, const char *path);

/*
 * Loads @obj (opened, autoload chosen). 0, or -errno with *@v telling about the
 * program that was refused (or about the object). @level: of the verifier's log,
 * kept in v->log; 0 keeps it for refused programs only.
 */
int object_load(const struct cli *cli, struct bpf_object *obj, const char *path, int level,
		struct verdict *v);

/* Short lower-case name of a program type: "xdp", "sched_cls", …. */
const char *prog_type_name(int type);

/* libbpf's messages go to the collector (and to stderr with -vv). */
void libbpf_messages_start(const struct cli *cli);
/* The first of them since then that names a cause; NULL when none does. The caller's. */
char *libbpf_message(void);

/*
 * How many programs object file @path has, and which are called @only (NULL: all): an array to be freed. -1: it
 * cannot be opened, which has been said.
 */
int object_choose(const struct cli *cli, const char *path, const char *only, bool **wanted);

#endif
