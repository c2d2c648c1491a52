/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which socket the kernel has for two ends (Linux: net/ipv4/inet_diag.c, NETLINK_SOCK_DIAG). */
#ifndef SKEP_EVENT_INET_DIAG_H
#define SKEP_EVENT_INET_DIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include "base/types.h"

union inet_diag_answer {
	struct nlmsghdr h; /* then struct inet_diag_msg, attributes */
	char bytes[8192];
};

/*
 * Asks by @fd, a socket of NETLINK_SOCK_DIAG that nobody else uses meanwhile, for the socket whose own end is
 * @id's src and whose other end its dst; an interface of 0 is any. @ext: attributes that are wanted. 0 or -ENOENT.
 */
int inet_diag_ask(int fd, u32 family, u32 protocol, const struct inet_diag_sockid *id, u8 ext,
		  union inet_diag_answer *answer);
/* The answer's socket. */
static inline const struct inet_diag_msg *inet_diag_msg_of(const union inet_diag_answer *answer)
{
	return NLMSG_DATA(&answer->h);
}

#endif
