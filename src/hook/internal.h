/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What hook.c, points.c and uprobe.c share. */
#ifndef SKEP_HOOK_INTERNAL_H
#define SKEP_HOOK_INTERNAL_H

#include "hook/hook.h"

struct hook_points {
	const struct hook_point_table *table;
	struct hook **at; /* table->n; entries are set once and stay until hooks_stop() */
};

struct hook_table {
	struct hook *first;
	struct hook_points points[HOOK_KINDS];
	u64 revision;
	void (*notify)(void *arg);
	void *notify_arg;
};

/* A hook without programs, in the list of all. NULL: out of memory. sys->lock is held. */
struct hook *hook_add(struct skep_system *sys, enum hook_kind kind, u32 ifindex, const char *name);
/* Something was attached or detached. sys->lock is held. */
void hooks_changed(struct skep_system *sys);

/* points.c: registers the tables and frees what they needed. */
int points_start(struct skep_system *sys);
void points_stop(struct skep_system *sys);

/* uprobe.c */
void hook_uprobe_free(struct hook_uprobe *u);

#endif
