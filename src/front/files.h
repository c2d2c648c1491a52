/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Files in which the kernel shows what eBPF's clients look for, as the system would show them:
 * its types, tracepoints (tracefs), functions (kallsyms), event sources (sysfs), sysctls.
 */
#ifndef SKEP_FRONT_FILES_H
#define SKEP_FRONT_FILES_H

#include "skep/skep.h"

/* Whether @path belongs to what we answer for; asks no system. NULL is fine. */
bool file_is_ours(const char *path);
/* Whether its contents change while the system lives. */
bool file_changes(const char *path);
/* A descriptor to read such a file by, or -1 and errno: ENOENT for what the system does not have. */
int file_open(struct skep_system *sys, const char *path);
/* A descriptor to write such a file by: or -1 and errno, mostly EACCES. */
int file_open_to_write(struct skep_system *sys, const char *path);
/* As access(2) of an ordinary user: 0, or -1 and errno. */
int file_access(struct skep_system *sys, const char *path, int mode);
/*
 * Calls @fn for what is in folder @path, some names perhaps more than once. 0, or -ENOTDIR when it is
 * no folder that can be listed.
 */
int file_list(struct skep_system *sys, const char *path,
	      void (*fn)(void *arg, const char *name, bool folder), void *arg);
/* The text of /proc/PID/fdinfo/N where N stands for @o: a descriptor, or -errno. */
struct object;
int file_open_fdinfo(const struct object *o);

#endif
