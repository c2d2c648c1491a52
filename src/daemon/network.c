/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The daemon's side of an instance's network, see network.h. */
#include "daemon/network.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link.h"
#include "hook/hook.h"

struct network {
	struct skep_system *sys;
	pid_t keeper;
	pthread_mutex_t lock; /* of the conversation with it */
	int sock;
	int user, ns[3];
	struct network_report report;
	u32 registered; /* of the ports */
	struct links *links;
};

static void close_all(const int *fds, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Starts the keeper and takes its report; @fds: the legs. 0 or -errno. */
static int start_keeper(struct network *n, const char *names, int *legs, char *why, size_t size)
{
	struct network_report *r = &n->report;
	int pair[2], fds[NETWORK_FDS];
	u32 count = NETWORK_FDS, at = 0;
	long got;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	n->keeper = fork();
	if (!n->keeper)
		network_keeper(pair[1], names);
	close(pair[1]);
	n->sock = pair[0];
	if (n->keeper < 0)
		return -errno;
	got = network_recv(n->sock, r, sizeof(*r), fds, &count);
	if (got == (long)sizeof(*r) && r->err) {
		snprintf(why, size, "%s", r->why);
		return r->err;
	}
	if (got != (long)sizeof(*r) || r->nr_ports > NETWORK_PORTS ||
	    count != 3 + r->user + 2 * r->nr_ports) {
		close_all(fds, count);
		return -EPROTO;
	}
	if (r->user)
		n->user = fds[at++];
	for (int side = 0; side < 3; side++)
		n->ns[side] = fds[at++];
	memcpy(legs, fds + at, 2 * r->nr_ports * sizeof(int));
	return 0;
}

/* See struct link_opts. */
static int localnet(void *arg)
{
	int fd = network_socket(arg, NETWORK_INSTANCE, NETWORK_LOCALNET, 0, 0);

	return fd == -ENOENT ? 0 : fd < 0 ? fd : -EPROTO;
}

static int start_links(struct network *n, const int *legs)
{
	struct link_port ports[NETWORK_PORTS] = { { { 0 } } };
	struct link_opts o = { .ports = ports,
			       .nr_ports = n->report.nr_ports,
			       .tap = n->report.tap };

	for (u32 i = 0; i < o.nr_ports; i++) {
		const struct network_port *p = &n->report.ports[i];

		snprintf(ports[i].name, sizeof(ports[i].name), "%s", p->name);
		memcpy(ports[i].mac, p->mac, sizeof(p->mac));
		ports[i].ifindex = p->ifindex;
		ports[i].inner = legs[2 * i];
		ports[i].outer = legs[2 * i + 1];
		ports[i].inner_ifindex = p->inner;
		ports[i].outer_ifindex = p->outer;
	}
	o.raw4 = network_socket(n, NETWORK_INSTANCE, AF_INET, SOCK_RAW, IPPROTO_RAW);
	o.raw6 = network_socket(n, NETWORK_INSTANCE, AF_INET6, SOCK_RAW, IPPROTO_RAW);
	o.packet = network_socket(n, NETWORK_INSTANCE, AF_PACKET, SOCK_RAW, 0);
	o.control = network_socket(n, NETWORK_INSTANCE, AF_INET, SOCK_DGRAM, 0);
	o.diag = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	o.route = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	o.route_news = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	o.neigh_news = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	o.world_diag = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	o.localnet = localnet;
	o.localnet_arg = n;
	o.fib = network_socket(n, NETWORK_INSTANCE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	return links_start(n->sys, &o, &n->links);
}

int network_start(struct skep_system *sys, const char *names, struct network **out, char *why,
		  size_t size)
{
	struct network *n = mem_zalloc(sizeof(*n));
	int legs[2 * NETWORK_PORTS], err;
	struct stat st;

	*out = NULL;
	if (!n)
		return -ENOMEM;
	n->sys = sys;
	n->sock = n->user = n->ns[0] = n->ns[1] = n->ns[2] = -1;
	pthread_mutex_init(&n->lock, NULL);
	snprintf(why, size, "no network of its own");
	err = start_keeper(n, names, legs, why, size);
	if (err)
		goto out;
	if (!fstat(n->ns[NETWORK_INSTANCE], &st))
		sys->net_ino = st.st_ino;
	for (; n->registered < n->report.nr_ports && !err; n->registered += !err)
		err = netdev_hooks_add(sys, n->report.ports[n->registered].ifindex,
				       n->report.ports[n->registered].name);
	for (u32 i = 0; n->report.netkit && i < n->registered && !err; i++)
		err = netdev_hooks_netkit(sys, n->report.ports[i].ifindex,
					  n->report.ports[i].partner_ifindex);
	if (err)
		close_all(legs, 2 * n->report.nr_ports);
	else
		err = start_links(n, legs);
	if (err)
		snprintf(why, size, "the network's link cannot be started: %s", strerror(-err));
out:
	if (err)
		network_stop(n);
	else
		*out = n;
	return err;
}

bool network_has(const struct network *n, const char *names)
{
	char list[NETWORK_NAMES], *save, *name;

	snprintf(list, sizeof(list), "%s", names);
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		bool found = (!strcmp(name, "tap") && n->report.tap) ||
			     (!strcmp(name, "netkit") && n->report.netkit);

		for (u32 i = 0; i < n->report.nr_ports && !found; i++)
			found = !strcmp(name, n->report.ports[i].name);
		if (!found)
			return false;
	}
	return true;
}

void network_stop(struct network *n)
{
	if (!n)
		return;
	links_stop(n->links);
	while (n->registered)
		netdev_hooks_del(n->sys, n->report.ports[--n->registered].ifindex);
	close_all((int[]){ n->sock, n->user, n->ns[0], n->ns[1], n->ns[2] }, 5);
	if (n->keeper > 0)
		while (waitpid(n->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	pthread_mutex_destroy(&n->lock);
	mem_free(n);
}

void network_namespaces(const struct network *n, enum network_side side, int fds[2])
{
	fds[0] = n->user;
	fds[1] = n->ns[side];
}

int network_socket(struct network *n, enum network_side side, int domain, int type, int protocol)
{
	struct network_wish w = { side, domain, type, protocol };
	u32 count = 1;
	int fd = -1, err;
	s32 answer = -EPIPE;

	pthread_mutex_lock(&n->lock);
	err = network_send(n->sock, &w, sizeof(w), NULL, 0);
	if (!err &&
	    network_recv(n->sock, &answer, sizeof(answer), &fd, &count) != (long)sizeof(answer))
		answer = -EPIPE;
	pthread_mutex_unlock(&n->lock);
	err = err ?: answer;
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd >= 0 ? fd : -EPIPE;
}
