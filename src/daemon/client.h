/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What clients and the daemon share of its start and end. */
#ifndef SKEP_DAEMON_CLIENT_H
#define SKEP_DAEMON_CLIENT_H

/* Who holds it may make the daemon's socket, or take it away. @flags: LOCK_NB. fd or -errno. */
int client_lock(const char *folder, int flags);
/* Serves until nothing is held any more. 0 or -errno. */
int daemon_main(int listen_fd, const char *folder);

#endif
