/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A system and short forms of bpf(2) for tests. */
#ifndef TESTS_LIB_SYSTEM_FIXTURE_H
#define TESTS_LIB_SYSTEM_FIXTURE_H

#include "base/uapi.h"
#include "skep/skep.h"

#include "object/system.h"

struct skep_system *system_for(const char *kernel); /* full capabilities, host's BTF */
/* fds or -errno */
int sys_map_create(struct skep_system *sys, unsigned type, unsigned key, unsigned value,
		   unsigned entries, unsigned flags);
int sys_map_update(struct skep_system *sys, int fd, const void *key, const void *value,
		   unsigned long long flags);
int sys_map_lookup(struct skep_system *sys, int fd, const void *key, void *value);
int sys_map_delete(struct skep_system *sys, int fd, const void *key);
unsigned object_id(struct skep_system *sys, int fd); /* 0 on failure */
int fd_of_id(struct skep_system *sys, int cmd, unsigned id);
/* How many objects a *_GET_NEXT_ID command walks over. */
int count_ids(struct skep_system *sys, int cmd);
/* Loads @n instructions, license GPL; the log goes to @log when not NULL. */
int sys_prog_load(struct skep_system *sys, unsigned type, const struct bpf_insn *insns, unsigned n,
		  char *log, unsigned log_size);

#endif
