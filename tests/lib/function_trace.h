/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records what kernel functions the processes under one process pass through, by the
 * programs of tests/functions/probes.py, on whatever system libbpf talks to: the kernel, or skep.
 */
#ifndef FUNCTIONS_TRACE_H
#define FUNCTIONS_TRACE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct trace;

/* For the recorded command: as many variables everywhere. */
extern char *const trace_environment[];

/*
 * Loads and attaches @object, for everybody. @kinds: of "kfxr" which programs,
 * @release: major << 8 | minor; @match: only functions whose name contains it (NULL: all).
 * NULL when nothing could be loaded; *@why says so.
 */
struct trace *trace_open(const char *object, const char *kinds, unsigned release, const char *match,
			 const char **why);
/* From now on only process @root and what it starts, or nobody (-1); forgets what is recorded. */
void trace_root(struct trace *t, pid_t root);
/* Whether programs of @kind run at @function. */
bool trace_attached(const struct trace *t, char kind, const char *function);
/* Takes what has been recorded meanwhile. */
void trace_poll(struct trace *t, int timeout_ms);
/* Writes all of it, process by process, without pids and addresses. */
void trace_print(struct trace *t, FILE *out);
void trace_free(struct trace *t);

#endif
