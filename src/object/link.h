/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Links: a program attached to something, kept by descriptors (Linux: struct
 * bpf_link and bpf_link_ops).
 */
#ifndef SKEP_OBJECT_LINK_H
#define SKEP_OBJECT_LINK_H

#include "object/object.h"

struct hook;
struct link_object;

struct bpf_link_ops {
	/* Takes the program off its hook; the link stays. Called at most once. */
	void (*release)(struct link_object *link);
	/* BPF_LINK_DETACH; NULL: -EOPNOTSUPP. */
	int (*detach)(struct link_object *link);
	/* BPF_LINK_UPDATE; @new comes with a reference that is taken over on success. NULL: -EINVAL. */
	int (*update_prog)(struct link_object *link, struct prog_object *new_prog,
			   struct prog_object *old_prog);
	/* Fills the type's part of @info; user buffers named in it are written with user_write(). */
	int (*fill_info)(const struct link_object *link, struct bpf_link_info *info);
};

struct link_object {
	struct object obj;
	u32 type; /* enum bpf_link_type */
	u32 attach_type;
	const struct bpf_link_ops *ops;
	struct prog_object *prog;
	struct hook *hook; /* NULL: detached */
	u64 cookie;
	u32 target_obj_id, target_btf_id; /* tracing */
};

/* Takes over a reference of @prog, only on success. NULL: out of memory. */
struct link_object *link_object_new(struct skep_system *sys, u32 type, u32 attach_type,
				    const struct bpf_link_ops *ops, struct prog_object *prog);

#endif
