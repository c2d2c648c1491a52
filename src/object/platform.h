/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The platform of the in-process system: what the runtime asks of a process that
 * has libc. Systems are found by the address of a map or run, because the table
 * is one per process (see object/run.h).
 */
#ifndef SKEP_OBJECT_PLATFORM_H
#define SKEP_OBJECT_PLATFORM_H

#include "object/run.h"

struct skep_system;

/* The table of this process. */
const struct skep_platform *platform_process(void);
/* Makes @sys answer for the addresses of its arena; NULL takes it back. */
void platform_register(struct arena *arena, struct skep_system *sys);
/* A number that differs after every fork(), however it was made. */
u32 platform_fork_generation(void);
/* Bytes of this process's memory, never a signal: 0 or -EFAULT. */
int platform_read(void *dst, u64 src, u64 size);
/* Two pieces by one call. */
int platform_read_two(void *dst1, u64 src1, u64 size1, void *dst2, u64 src2, u64 size2);
int platform_write(u64 dst, const void *src, u64 size);

#endif
