/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reads of addresses that nobody has checked. What is kernel memory on Linux is
 * here: the system's shared memory (world objects, map values) and the stack frames of the
 * running program. Everything else is user memory of the event's task.
 */
#ifndef SKEP_HELPER_PROBE_H
#define SKEP_HELPER_PROBE_H

#include "helper/helper.h"

/* 0, -EFAULT, or -ERANGE for what is user memory; @dst is undefined then. */
int probe_kernel(struct bpf_run *run, void *dst, u64 src, u32 size);
/* At most @size bytes with the NUL that is always there; length with NUL, or an error as above. */
long probe_kernel_str(struct bpf_run *run, char *dst, u64 src, u32 size);
long probe_user_str(struct bpf_run *run, char *dst, u64 src, u32 size);
/* A string of @task, a task_struct; length with the NUL that is always written, or -EFAULT. */
long task_read_string(struct bpf_run *run, char *dst, u32 size, u64 src, u64 task);
bool probe_is_kernel(const struct bpf_run *run, u64 addr);

#endif
