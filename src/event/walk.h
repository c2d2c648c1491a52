/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths as a stopped task means them, walked by us: its root, its folders, its /proc/self (Linux:
 * fs/namei.c). The result is a descriptor by O_PATH: what was decided about is what is used.
 */
#ifndef SKEP_EVENT_WALK_H
#define SKEP_EVENT_WALK_H

#include "world/task.h"

enum {
	WALK_FOLLOW = 1, /* the last link, too */
	WALK_PARENT = 2, /* the folder of the last name, which need not be there */
	WALK_EMPTY = 4,	 /* "" is @dfd itself */
};

struct walked {
	int fd; /* to be closed */
	/* WALK_PARENT: the last name; "" of "/"; "." and ".." as they are. */
	char name[256];
	bool slash; /* ... and that a slash was behind it */
};

/*
 * @dfd: a descriptor of the task's, or AT_FDCWD. @resolve: RESOLVE_* of openat2(). Between
 * decide_as_task() and decide_as_self(). 0 or -errno as the task's own call would give it.
 */
int walk_path(struct task *t, int dfd, const char *path, u32 flags, u64 resolve,
	      struct walked *out);
/* The name in folder @out->fd is a link: on to where it leads, by WALK_PARENT. 0 or -errno. */
int walk_link(struct task *t, struct walked *out, u64 resolve, u32 *links);

#endif
