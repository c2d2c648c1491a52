/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A command whose events are the running kernel's affair: --engine kernel, as root. */
#ifndef SKEP_CLI_KERNEL_RUN_H
#define SKEP_CLI_KERNEL_RUN_H

#include <stdbool.h>

struct kernel_run;

/* Opens trace_pipe where that is permitted. NULL and errno. */
struct kernel_run *kernel_run_new(void);
/* 0, or -errno of the exec. */
int kernel_run_start(struct kernel_run *k, char **command);
int kernel_run_pid(const struct kernel_run *k);
int kernel_run_fd(const struct kernel_run *k);	     /* readable when it has ended */
int kernel_run_trace_fd(const struct kernel_run *k); /* -1: none */
const char *kernel_run_trace(struct kernel_run *k);  /* the next line of trace_pipe; NULL */
bool kernel_run_ended(struct kernel_run *k, int *status);
void kernel_run_free(struct kernel_run *k);

#endif
