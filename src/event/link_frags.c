/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Fragments of packets, kept until all have come (Linux: net/ipv4/ip_fragment.c, net/ipv6/reassembly.c), for
 * programs that are shown whole packets. The fragments themselves go on afterwards.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "base/mem.h"
#include "event/link_ip.h"
#include "event/supervisor.h"
#include "object/csum.h"

#define DATAGRAMS   64 /* incomplete ones, over all */
#define PATIENCE_NS 30000000000ULL
#define PACKET_MAX  65535

static bool same(const struct link_datagram *d, u32 port, bool ingress, const struct ip_view *ip)
{
	return d->ip.id == ip->id && d->ip.family == ip->family && d->port == port &&
	       d->ingress == ingress && !memcmp(d->ip.src, ip->src, sizeof(ip->src)) &&
	       !memcmp(d->ip.dst, ip->dst, sizeof(ip->dst)) &&
	       (ip->family == PF_IPV6 || d->ip.protocol == ip->protocol);
}

void link_datagram_free(struct link_datagram *d)
{
	for (u32 i = 0; d && i < d->n; i++)
		mem_free(d->v[i].frame);
	mem_free(d);
}

void link_frags_free(struct links *l)
{
	for (struct link_datagram *d = l->frags, *next; d; d = next) {
		next = d->next;
		link_datagram_free(d);
	}
	l->frags = NULL;
}

static void drop(struct link_datagram **at)
{
	struct link_datagram *d = *at;

	*at = d->next;
	link_datagram_free(d);
}

/* Those whose rest does not come, and the oldest one when there are too many. */
static void tidy(struct links *l, u64 now)
{
	struct link_datagram **at = &l->frags, **last = NULL;
	u32 n = 0;

	while (*at) {
		if (now - (*at)->since > PATIENCE_NS) {
			drop(at);
			continue;
		}
		last = at;
		at = &(*at)->next;
		n++;
	}
	if (n >= DATAGRAMS && last) /* new ones are put in front */
		drop(last);
}

/* False: the datagram is none. */
static bool fits(struct link_datagram *d, const struct ip_view *ip, u32 size, bool *again)
{
	u32 end = ip->frag_off + size;

	*again = false;
	if (d->n == ARRAY_SIZE(d->v) || end + ip->l4 > PACKET_MAX || (ip->more && size % 8))
		return false;
	for (u32 i = 0; i < d->n; i++) {
		const struct link_fragment *f = &d->v[i];

		*again |= f->off == ip->frag_off && f->size == size;
		if (!*again && f->off < end && ip->frag_off < f->off + f->size)
			return false;
	}
	if (!ip->more && d->total && d->total != end)
		return false;
	return !d->total || end <= d->total;
}

/* The lock is held. */
static struct link_datagram *add(struct links *l, const struct sk_buff *skb, u32 ifindex,
				 bool ingress, const struct ip_view *ip)
{
	u32 size = ip->len - ip->l4, len = skb->len - skb->data_len;
	struct link_datagram **at = &l->frags, *d;
	struct link_fragment *f;
	bool again;

	while (*at && !same(*at, ifindex, ingress, ip))
		at = &(*at)->next;
	d = *at;
	if (!d) {
		tidy(l, monotonic_ns());
		d = mem_zalloc(sizeof(*d));
		if (!d)
			return NULL;
		d->ip = *ip;
		d->ingress = ingress;
		d->port = ifindex;
		d->since = monotonic_ns();
		d->next = l->frags;
		l->frags = d;
		at = &l->frags;
	}
	if (!fits(d, ip, size, &again)) {
		drop(at);
		return NULL;
	}
	if (again)
		return NULL;
	f = &d->v[d->n];
	*f = (struct link_fragment){ .frame = mem_dup(skb->data, len),
				     .len = len,
				     .off = ip->frag_off,
				     .size = size,
				     .net = (u32)(skb->head + skb->network_header - skb->data) };
	if (!f->frame) {
		drop(at);
		return NULL;
	}
	if (!ip->frag_off) {
		d->ip = *ip;
		d->first = d->n;
	}
	if (!ip->more)
		d->total = ip->frag_off + size;
	d->have += size;
	d->n++;
	if (!d->total || d->have != d->total)
		return NULL;
	*at = d->next;
	return d;
}

struct link_datagram *link_frags_add(struct links *l, const struct sk_buff *skb, u32 ifindex,
				     bool ingress, const struct ip_view *ip)
{
	struct link_datagram *d;

	pthread_mutex_lock(&l->frags_lock);
	d = add(l, skb, ifindex, ingress, ip);
	pthread_mutex_unlock(&l->frags_lock);
	return d;
}

void link_datagram_whole(const struct link_datagram *d, struct sk_buff *skb, u8 *buffer, u64 size)
{
	const struct link_fragment *first = &d->v[d->first];
	u32 head = d->ip.family == PF_IPV6 ? d->ip.frag_hdr : d->ip.l4, len = head + d->total;
	u8 *net;
	u16 v;

	/* The header of the first one, then the rest in its place. */
	frame_to_skb(skb, buffer, size, first->frame, first->net + head, 0, d->port);
	net = skb->data + first->net;
	for (u32 i = 0; i < d->n; i++) {
		const struct link_fragment *f = &d->v[i];

		memcpy(net + head + f->off,
		       f->frame + f->net +
			       (d->ip.family == PF_IPV6 ? d->ip.frag_hdr + 8 : d->ip.l4),
		       f->size);
	}
	skb->data_end = net + len;
	skb->len = skb->wire_len = first->net + len;
	if (d->ip.family == PF_IPV6) {
		v = htons((u16)(len - sizeof(struct ip6_hdr)));
		memcpy(net + offsetof(struct ip6_hdr, ip6_plen), &v, 2);
		net[d->ip.frag_next_at] = (u8)d->ip.protocol;
		return;
	}
	v = htons((u16)len);
	memcpy(net + offsetof(struct iphdr, tot_len), &v, 2);
	memset(net + offsetof(struct iphdr, frag_off), 0, 2);
	memset(net + offsetof(struct iphdr, check), 0, 2);
	v = csum_fold(csum_partial(net, head, 0));
	memcpy(net + offsetof(struct iphdr, check), &v, 2);
}
