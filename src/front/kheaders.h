/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The kernel's headers, from the BTF in force. */
#ifndef SKEP_FRONT_KHEADERS_H
#define SKEP_FRONT_KHEADERS_H

#include <stddef.h>

struct skep_system;
typedef int (*kheaders_add_t)(void *arg, const void *data, size_t size);

/*
 * An archive of headers, as /sys/kernel/kheaders.tar.xz, in pieces to @add (0 or -errno); @options: the kernel's
 * configuration as macros. 0; -ENOENT: this program has no way to write types as C; or -errno.
 */
int kheaders_write(struct skep_system *sys, const char *options, kheaders_add_t add, void *arg);

#endif
