/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See inet_diag.h. */
#include "event/inet_diag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel wants UDP's ends the other way round, for historical reasons. */
static void swap_ends(struct inet_diag_sockid *id)
{
	const struct inet_diag_sockid was = *id;

	memcpy(id->idiag_src, was.idiag_dst, sizeof(id->idiag_src));
	memcpy(id->idiag_dst, was.idiag_src, sizeof(id->idiag_dst));
	id->idiag_sport = was.idiag_dport;
	id->idiag_dport = was.idiag_sport;
}

int inet_diag_ask(int fd, u32 family, u32 protocol, const struct inet_diag_sockid *id, u8 ext,
		  union inet_diag_answer *answer)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} q = { .h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .sdiag_family = (u8)family,
		       .sdiag_protocol = (u8)protocol,
		       .idiag_states = ~0U,
		       .idiag_ext = ext,
		       .id = *id } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n = -1;

	q.r.id.idiag_cookie[0] = q.r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (protocol == IPPROTO_UDP)
		swap_ends(&q.r.id);
	while (recv(fd, answer, sizeof(*answer), MSG_DONTWAIT) > 0)
		;
	if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) > 0)
		n = recv(fd, answer, sizeof(*answer), 0);
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) &&
			       answer->h.nlmsg_type == SOCK_DIAG_BY_FAMILY ?
		       0 :
		       -ENOENT;
}
