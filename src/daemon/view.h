/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a path names for a process of an instance: shared by the calls that look (views.c) and those that change
 * (view_change.c).
 */
#ifndef SKEP_DAEMON_VIEW_H
#define SKEP_DAEMON_VIEW_H

#include <limits.h>

#include "daemon/daemon.h"

enum place_kind {
	ELSEWHERE,
	PIN,
	SHOWN,
	BEHIND,	    /* elsewhere, spelled by way of a folder of ours and ".." */
	DESCRIPTOR, /* /proc/PID/fd/N of ours */
	FDINFO,
	CGROUP,	    /* the tree of cgroups */
	OF_PROCESS, /* /proc/PID/mounts and others, where they tell of what is ours */
	RECEIVER,   /* /dev/lirc0 */
};

struct place {
	enum place_kind kind;
	struct request *r;
	u32 pid, fd;	  /* DESCRIPTOR, FDINFO, OF_PROCESS */
	u32 index;	  /* RECEIVER */
	bool input;	  /* RECEIVER: the input device of its keys */
	const char *name; /* OF_PROCESS */
	bool dot;	  /* spelled with "." at its end */
	char path[PATH_MAX];
};

/* What a path of the request's caller names, into @p; what cannot be told is ELSEWHERE. */
void view_locate(struct request *r, int dirfd, u64 address, struct place *p);
/* Takes out ".", ".." and empty parts of an absolute path. */
void view_tidy(char *path);
/* 0 or -errno; 1: it is elsewhere. */
int view_stat_place(struct place *p, bool follow, struct stat *st);

#endif
