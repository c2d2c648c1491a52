/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tokens: what the owner of a BPF file system let the user namespace do in which it is mounted
 * (Linux: struct bpf_token of include/linux/bpf.h).
 */
#ifndef SKEP_OBJECT_TOKEN_H
#define SKEP_OBJECT_TOKEN_H

#include <stdio.h>

#include "object/object.h"

/* A bit for each number of enum bpf_cmd, bpf_map_type, bpf_prog_type, bpf_attach_type. */
enum delegated {
	DELEGATE_CMDS,
	DELEGATE_MAPS,
	DELEGATE_PROGS,
	DELEGATE_ATTACHS,
	DELEGATES,
};
struct delegation {
	u64 mask[DELEGATES];
};

struct token_object {
	struct object obj;
	u64 userns; /* caller_userns() of the namespace whose capabilities count */
	struct delegation allowed;
};

/* Descriptor of a new token, asked for with @attr, or -errno. */
int token_new_fd(struct skep_system *sys, u64 userns, const struct delegation *allowed,
		 const union bpf_attr *attr);
/* The token behind the caller's @fd; NULL with -EBADF or -EINVAL. object_put() it. */
struct token_object *token_get_fd(struct skep_system *sys, int fd, int *err);
/* Whether it does, and no security module refuses (it is asked about commands). */
bool token_allows(const struct token_object *t, enum delegated what, u64 number);
/* What the caller may do by @t (NULL: system_caps()), as BPF_CAP_*. */
u32 token_caps(struct skep_system *sys, const struct token_object *t);
/* "allowed_cmds:\tany" and so on. */
void token_show(FILE *to, const struct token_object *t);

/* ---- the file system's options ---- */

/* Index of "delegate_cmds" and its like, or -1. */
int delegate_option(const char *name);
/* Adds "map_create:0x4" to @mask. 0, -EINVAL or -ERANGE. */
int delegate_parse(const struct skep_system *sys, enum delegated what, const char *text, u64 *mask);
/* ",delegate_cmds=map_create" for /proc/mounts; "" where nothing is delegated. */
void delegate_show(FILE *to, const struct skep_system *sys, const struct delegation *d);

#endif
