/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Mounting a BPF file system by the calls of fsopen(2); for fronts, whose callers make them. */
#ifndef SKEP_COMMAND_TOKEN_H
#define SKEP_COMMAND_TOKEN_H

#include "object/system.h"

/* fsopen("bpf") and fspick() of a BPF file system: a descriptor of the caller's, or -errno. */
int bpffs_open(struct skep_system *sys, unsigned flags);
int bpffs_pick(struct skep_system *sys, bool cloexec);
/* Whether the caller's @fd is such a context; the others are the kernel's. */
bool bpffs_is_context(struct skep_system *sys, int fd);
/* fsconfig(2); @key and @value are addresses of the caller's. 0 or -errno. */
int bpffs_config(struct skep_system *sys, int fd, unsigned cmd, u64 key, u64 value, int aux);
/* fsmount(2): a descriptor of ours (O_CLOEXEC) for the root of the new mount, or -errno. */
int bpffs_mount(struct skep_system *sys, int fd, unsigned flags, unsigned attrs);

#endif
