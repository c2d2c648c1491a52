/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside of the cgroup tree (cgroup_tree.c) and of its files (cgroup_files.c). All under .lock. */
#ifndef SKEP_OBJECT_CGROUP_NODES_H
#define SKEP_OBJECT_CGROUP_NODES_H

#include <stdio.h>

#include "base/idmap.h"
#include "base/mem.h"
#include "base/vec.h"
#include "object/cgroup_tree.h"

struct cgroup_node {
	struct cgroup_node *parent, *children, *next;
	char *name;			/* NULL: the root */
	u64 id, seq;			/* .seq: in the order in which they were made */
	u32 members;			/* threads in it, not below */
	s64 max_depth, max_descendants; /* -1: any */
};

struct cgroup_member {
	u32 tid, tgid;
	struct cgroup_node *node;
};

struct cgroup_tree {
	pthread_mutex_t lock;
	char folder[256]; /* with tree/, and gone/ for folders of what was removed */
	dev_t device;
	struct cgroup_node root;
	u64 seq;	      /* of the newest one */
	struct idmap by_id;   /* id -> struct cgroup_node */
	struct idmap members; /* thread id -> struct cgroup_member */
	u64 *ports;	      /* ids of cgroups by local port; NULL: none is known */
	VEC(char *) mounts;   /* where it is mounted beside CGROUP_MOUNT */
	/* The newest ones, each until somebody asks; .path NULL: none. */
	struct cgroup_change changes[32];
	u32 next_change;
	VEC(int) writers; /* of files that somebody opened to write to; see cgroup_tree_writers() */
};

/* @node NULL: out of all. */
static inline void cgroup_member_move(struct cgroup_member *m, struct cgroup_node *node)
{
	if (m->node)
		m->node->members--;
	m->node = node;
	if (node)
		node->members++;
}

s64 cgroup_descendants(const struct cgroup_node *n);
/* @n NULL: of all. */
u32 cgroup_next_member(const struct cgroup_tree *t, const struct cgroup_node *n, u32 after,
		       bool processes);

/* ---- cgroup_files.c ---- */

/* Of file number @file: its name and mode. NULL: behind the last. */
const char *cgroup_file_name(int file, u32 *mode);
/* The number of the file of @n with that name; -1: none. */
int cgroup_file_named(const struct skep_system *sys, const struct cgroup_node *n, const char *name);
int cgroup_file_show(struct skep_system *sys, const struct cgroup_node *n, int file, FILE *to);
/* @text is NUL-terminated and may be changed. */
int cgroup_file_store(struct skep_system *sys, struct cgroup_node *n, int file, char *text,
		      u32 tgid);

#endif
