/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Live links: the ports of an instance's network and the thread that moves frames between their
 * legs (see link.h). One thread for all of them, so frames that came in some order leave in it.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link_tcp.h"

#define QUIET_MS 100 /* then all that was sent has arrived */

static void flush(struct links *l)
{
	for (u32 i = 0; i < l->nr_ports; i++) {
		leg_flush(&l->ports[i].inner);
		leg_flush(&l->ports[i].outer);
	}
}

static u32 move(struct links *l, struct port *p, bool inbound)
{
	struct leg *from = inbound ? &p->outer : &p->inner;
	struct leg_frame frames[LEG_BURST];
	u32 n = leg_receive(from, frames);

	l->bursts += n != 0;
	if (n && inbound)
		link_inbound(l, p, frames, n);
	else if (n)
		link_outbound(l, p, frames, n);
	/* What was put may lie in the slots that are given back now. */
	if (n)
		flush(l);
	leg_release(from);
	return n;
}

/*
 * Frames that are sent wait on a queue of the CPU that sent them (Linux: netif_rx()). So that those of two
 * CPUs do not overtake each other the thread stays on one as long as there is traffic.
 */
static void stay(struct links *l, bool here)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	if (l->stays == here || cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	if (here && sched_getaffinity(0, sizeof(l->anywhere), &l->anywhere))
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (!sched_setaffinity(0, sizeof(one), here ? &one : &l->anywhere))
		l->stays = here;
}

static void *links_main(void *arg)
{
	struct links *l = arg;
	struct pollfd fds[2 + 2 * 64];
	const u32 nr = 1 + 2 * l->nr_ports;
	u32 moved;
	int got;

	prctl(PR_SET_NAME, "skep-link");
	fds[0] = (struct pollfd){ .fd = l->wake, .events = POLLIN };
	for (u32 i = 0; i < l->nr_ports; i++) {
		fds[1 + 2 * i] = (struct pollfd){ .fd = l->ports[i].inner.fd, .events = POLLIN };
		fds[2 + 2 * i] = (struct pollfd){ .fd = l->ports[i].outer.fd, .events = POLLIN };
	}
	fds[nr] = (struct pollfd){ .fd = l->neigh_news, .events = POLLIN };
	while (!load_acquire(&l->quit)) {
		moved = 0;
		for (u32 i = 0; i < l->nr_ports; i++)
			moved += move(l, &l->ports[i], true) + move(l, &l->ports[i], false);
		if (moved)
			continue;
		got = poll(fds, nr + 1, l->stays ? QUIET_MS : -1);
		if (got < 0 && errno != EINTR)
			break;
		stay(l, got > 0);
		if (got > 0 && fds[nr].revents) {
			l->bursts++;
			link_neigh_hear(l);
			flush(l);
		}
		/* A leg whose device is gone is ready for ever. */
		for (u32 i = 0; i < l->nr_ports; i++)
			for (u32 leg = 1; leg < 3; leg++)
				if (fds[2 * i + leg].revents & (POLLERR | POLLHUP | POLLNVAL) &&
				    !(fds[2 * i + leg].revents & POLLIN))
					leg_settle(leg == 1 ? &l->ports[i].inner :
							      &l->ports[i].outer,
						   &fds[2 * i + leg].fd);
	}
	return NULL;
}

static int open_port(struct links *l, struct port *p, const struct link_port *from, bool tap)
{
	int err;

	p->p = *from;
	p->xdp = hook_find_netdev(l->sys, HOOK_XDP, from->ifindex);
	p->ingress = hook_find_netdev(l->sys, HOOK_TCX_INGRESS, from->ifindex);
	p->egress = hook_find_netdev(l->sys, HOOK_TCX_EGRESS, from->ifindex);
	p->primary = hook_find_netdev(l->sys, HOOK_NETKIT_PRIMARY, from->ifindex);
	p->peer = hook_find_netdev(l->sys, HOOK_NETKIT_PEER, from->ifindex);
	if (!p->xdp || !p->ingress || !p->egress)
		return -ENODEV;
	err = leg_open(&p->inner, from->inner, tap, from->inner_ifindex, false);
	return err ?: leg_open(&p->outer, from->outer, tap, from->outer_ifindex, true);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

int links_start(struct skep_system *sys, const struct link_opts *o, struct links **out)
{
	struct links *l = mem_zalloc(sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (l) {
		l->sys = sys;
		l->raw4 = o->raw4;
		l->raw6 = o->raw6;
		l->packet = o->packet;
		l->control = o->control;
		l->diag = o->diag;
		l->fib = o->fib;
		pthread_mutex_init(&l->fib_lock, NULL);
		l->route = o->route;
		l->route_news = o->route_news;
		l->neigh_news = o->neigh_news;
		pthread_mutex_init(&l->neigh_lock, NULL);
		l->localnet = o->localnet;
		l->localnet_arg = o->localnet_arg;
		l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		pthread_mutex_init(&l->cpus_lock, NULL);
		pthread_mutex_init(&l->frags_lock, NULL);
		pthread_mutex_init(&l->diag_lock, NULL);
		l->ports = mem_calloc(o->nr_ports, sizeof(*l->ports));
		l->room = mem_alloc(sizeof(*l->room));
	}
	if (l && l->ports) {
		l->nr_ports = o->nr_ports;
		for (u32 i = 0; i < o->nr_ports; i++)
			l->ports[i].inner.fd = l->ports[i].outer.fd = -1;
		err = l->wake < 0 ? -errno : l->room ? 0 : -ENOMEM;
		for (u32 i = 0; i < o->nr_ports && !err; i++)
			err = open_port(l, &l->ports[i], &o->ports[i], o->tap);
	}
	for (u32 i = 0; i < o->nr_ports; i++) {
		if (!l || !l->ports || l->ports[i].inner.fd < 0)
			close_fd(o->ports[i].inner);
		if (!l || !l->ports || l->ports[i].outer.fd < 0)
			close_fd(o->ports[i].outer);
	}
	if (!err) {
		l->room->next = NULL;
		sys->links = l;
		l->world_diag = o->world_diag;
		if (o->world_diag > 0)
			store_release(&sys->net_diag, o->world_diag);
		store_release(&sys->netdev_call, link_netdev_call);
		link_neigh_start(l);
		err = -pthread_create(&l->thread, NULL, links_main, l);
		l->started = !err;
	}
	if (err)
		links_stop(l);
	else
		*out = l;
	return err;
}

void links_stop(struct links *l)
{
	if (!l)
		return;
	if (l->started) {
		store_release(&l->quit, true);
		eventfd_write(l->wake, 1);
		pthread_join(l->thread, NULL);
	}
	l->sys->netdev_call = NULL;
	l->sys->links = NULL;
	relock_take(&l->sys->world_lock);
	l->sys->net_diag = 0;
	relock_give(&l->sys->world_lock);
	link_cpus_stop(l);
	for (struct link_room *r = l->room, *next; r; r = next) {
		next = r->next;
		mem_free(r);
	}
	pthread_mutex_destroy(&l->cpus_lock);
	pthread_mutex_destroy(&l->frags_lock);
	pthread_mutex_destroy(&l->diag_lock);
	for (u32 i = 0; i < l->nr_ports; i++) {
		leg_close(&l->ports[i].inner);
		leg_close(&l->ports[i].outer);
	}
	close_fd(l->wake);
	close_fd(l->raw4);
	close_fd(l->raw6);
	close_fd(l->packet);
	close_fd(l->control);
	close_fd(l->diag);
	close_fd(l->fib);
	pthread_mutex_destroy(&l->fib_lock);
	close_fd(l->route);
	close_fd(l->world_diag);
	close_fd(l->route_news);
	close_fd(l->neigh_news);
	link_neighs_free(l);
	pthread_mutex_destroy(&l->neigh_lock);
	link_routes_free(l);
	link_frags_free(l);
	link_flows_free(l);
	link_tcp_free(l);
	link_owners_free(l->owners);
	mem_free(l->ports);
	mem_free(l);
}
