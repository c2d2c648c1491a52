/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached to an infrared receiver (Linux: raw->progs of drivers/media/rc/bpf-lirc.c). The
 * programs run one after the other, under the lock that attaching takes, too.
 */
#ifndef SKEP_HOOK_LIRC_H
#define SKEP_HOOK_LIRC_H

#include "object/sock.h"
#include "object/system.h"

#define LIRC_PROGS_MAX 64 /* Linux: BPF_MAX_PROGS */

struct lirc_progs {
	pthread_mutex_t lock;
	struct prog_object *v[LIRC_PROGS_MAX]; /* a reference of each */
	u32 n;
	void (*attached)(struct lirc_progs *p); /* the lock is not held */
};

void lirc_progs_init(struct lirc_progs *p);
void lirc_progs_free(struct lirc_progs *p);
/*
 * What descriptor @fd of the caller's is attached to; @write: to be changed. NULL with *err: -EBADF, -EINVAL: it
 * is no receiver's, -EPERM: open for reading only.
 */
struct lirc_progs *lirc_progs_of_fd(struct skep_system *sys, int fd, bool write, int *err);
/* 0; -E2BIG, -EEXIST, -ENOENT. */
int lirc_progs_attach(struct lirc_progs *p, struct prog_object *prog);
int lirc_progs_detach(struct lirc_progs *p, struct prog_object *prog);
/* Puts at most @max ids to @ids, in their order: how many there are. */
u32 lirc_progs_ids(struct lirc_progs *p, u32 *ids, u32 max);
/* Runs all on @sample; behind each @report gets what it has decoded. */
void lirc_progs_run(struct lirc_progs *p, struct skep_system *sys, u32 sample,
		    void (*report)(void *arg, const struct bpf_lirc_event *e), void *arg);

#endif
