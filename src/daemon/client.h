/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What clients and the daemon share of its start and end. */
#ifndef SKEP_DAEMON_CLIENT_H
#define SKEP_DAEMON_CLIENT_H

#include <stddef.h>

/* See struct skep_exec_opts. */
typedef int (*btf_to_c_t)(const void *btf, size_t size,
			  void (*emit)(void *arg, const char *text, size_t len), void *arg);

/* Who holds it may make the daemon's socket, or take it away. @flags: LOCK_NB. fd or -errno. */
int client_lock(const char *folder, int flags);
/* Serves until nothing is held any more. 0 or -errno. */
int daemon_main(int listen_fd, const char *folder, btf_to_c_t btf_to_c);

#endif
