/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets and inodes that maps refer to, watched for their end (Linux: sock_map_unhash(),
 * bpf_sk_reuseport_detach(), bpf_sk_storage_free(), bpf_inode_storage_free()).
 */
#ifndef SKEP_OBJECT_WATCH_H
#define SKEP_OBJECT_WATCH_H

#include "object/system.h"

/* Whether elements of such a map go with a socket or an inode. */
bool map_is_watching(u32 map_type);
/* For the first such map, from then on there are watches. 0 or -ENOMEM. */
int watches_start(struct skep_system *sys);
/*
 * Watches what @fd of this process (it may be O_PATH) names: maps have a socket by @cookie (0: not
 * known) or by its inode, an inode by @owner. 0 or -errno; without watches nothing is done.
 */
int watch_socket(struct skep_system *sys, int fd, u64 cookie);
int watch_inode(struct skep_system *sys, int fd, const u64 owner[2]);
/* Takes what is gone out of all maps; of the sockets, some dozens are looked at in a call. */
void watches_sweep(struct skep_system *sys);
/* The socket of @cookie, which nobody watched, is no more: a test run's. */
void watch_forget_socket(struct skep_system *sys, u64 cookie);
/* Storages that it had by a number that was made up, alone. */
void watch_forget_made_up(struct skep_system *sys, u64 cookie);
void watches_stop(struct skep_system *sys);

#endif
