/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets for other sockets than those that their addresses name (Linux: bpf_sk_lookup_run_v4(), _v6() of
 * include/linux/filter.h, called by inet_lookup_run_sk_lookup(); inet_steal_sock()): SK_LOOKUP programs, and
 * bpf_sk_assign() of traffic control. skep has the frames, not the sockets: it gives a packet the address and port
 * of the socket that was chosen, and what that sends the ones that the packet had. Of TCP's
 * connections it keeps a table. DIFF(sk-lookup-address): what the socket is told of its own address is that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/mem.h"
#include "event/link_ip.h"
#include "event/reuseport.h"
#include "event/supervisor.h"
#include "hook/netns.h"
#include "object/csum.h"
#include "object/sock.h"

#define FLOWS	     4096
#define BUCKETS	     4096
#define NONE	     0xffff
#define NOBODY	     0 /* the port that no socket can have: what comes there is refused */
#define CLOSING_NS   120000000000ULL
#define TRIES	     64
#define UNREACHABLE  3 /* ICMP_DEST_UNREACH */
#define UNREACHABLE6 1

struct flow {
	u32 family, protocol;
	u32 remote[4];
	struct link_steer s;
	u64 used, closed;
	u16 next_in, next_out; /* of the buckets */
};

struct link_flows {
	pthread_mutex_t lock;
	u32 n; /* of .v that are, or were, used */
	u16 in[BUCKETS], out[BUCKETS];
	u16 unused; /* a list by .next_in */
	bool localnet;
	struct flow v[FLOWS];
};

static const struct hook_progs *progs_of(const struct links *l)
{
	return netns_effective(l->sys, l->sys->net_ino, BPF_SK_LOOKUP);
}

bool link_steer_active(const struct links *l)
{
	return progs_of(l) || load_acquire(&l->flows) || reuseport_active(l->sys);
}

/* ---- the table ---- */

static struct link_flows *get(struct links *l)
{
	struct link_flows *f = load_acquire(&l->flows), *none = NULL;

	if (f)
		return f;
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	memset(f->in, 0xff, sizeof(f->in));
	memset(f->out, 0xff, sizeof(f->out));
	f->unused = NONE;
	if (__atomic_compare_exchange_n(&l->flows, &none, f, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return f;
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
	return none;
}

void link_flows_free(struct links *l)
{
	if (!l->flows)
		return;
	pthread_mutex_destroy(&l->flows->lock);
	mem_free(l->flows);
}

static u32 bucket(u32 protocol, const u32 *remote, u16 rport, const u32 *local, u16 lport)
{
	u32 h = protocol ^ ((u32)rport << 16 | lport);

	for (u32 i = 0; i < 4; i++)
		h = (h ^ remote[i] ^ local[i] * 31) * 0x9e3779b1u;
	return (h ^ h >> 15) % BUCKETS;
}

static u16 *in_bucket(struct link_flows *f, const struct flow *e)
{
	return &f->in[bucket(e->protocol, e->remote, e->s.rport, e->s.wire, e->s.wire_port)];
}

static u16 *out_bucket(struct link_flows *f, const struct flow *e)
{
	return &f->out[bucket(e->protocol, e->remote, e->s.as_port, e->s.to, e->s.to_port)];
}

static bool same_end(const u32 *a, u16 a_port, const u32 *b, u16 b_port)
{
	return a_port == b_port && !memcmp(a, b, 16);
}

static struct flow *find_in(struct link_flows *f, const struct flow *k)
{
	for (u16 i = *in_bucket(f, k); i != NONE; i = f->v[i].next_in) {
		struct flow *e = &f->v[i];

		if (e->protocol == k->protocol && e->family == k->family &&
		    same_end(e->remote, e->s.rport, k->remote, k->s.rport) &&
		    same_end(e->s.wire, e->s.wire_port, k->s.wire, k->s.wire_port))
			return e;
	}
	return NULL;
}

static struct flow *find_out(struct link_flows *f, const struct flow *k)
{
	for (u16 i = *out_bucket(f, k); i != NONE; i = f->v[i].next_out) {
		struct flow *e = &f->v[i];

		if (e->protocol == k->protocol && e->family == k->family &&
		    same_end(e->remote, e->s.as_port, k->remote, k->s.as_port) &&
		    same_end(e->s.to, e->s.to_port, k->s.to, k->s.to_port))
			return e;
	}
	return NULL;
}

static void take_out(struct link_flows *f, struct flow *e)
{
	u16 nr = (u16)(e - f->v), *at;

	for (at = in_bucket(f, e); *at != nr; at = &f->v[*at].next_in)
		;
	*at = e->next_in;
	for (at = out_bucket(f, e); *at != nr; at = &f->v[*at].next_out)
		;
	*at = e->next_out;
	e->next_in = f->unused;
	f->unused = nr;
}

/* Room for one more: connections that have ended go, or else the one that was used least recently. */
static struct flow *make_room(struct link_flows *f, u64 now)
{
	struct flow *oldest = NULL;
	u16 nr;

	if (f->unused == NONE && f->n < FLOWS)
		return &f->v[f->n++];
	for (u32 i = 0; f->unused == NONE && i < f->n; i++) {
		struct flow *e = &f->v[i];

		if (e->closed && now - e->closed > CLOSING_NS)
			take_out(f, e);
		else if (!oldest || e->used < oldest->used)
			oldest = e;
	}
	if (f->unused == NONE)
		take_out(f, oldest);
	nr = f->unused;
	f->unused = f->v[nr].next_in;
	return &f->v[nr];
}

/* The state of the instance's socket that has the connection, or is connected; 0: there is none. */
static u32 state_of(struct links *l, const struct flow *k)
{
	struct inet_diag_msg m;

	if (link_ask_socket(l, k->family, k->protocol, k->s.to, k->s.to_port, k->remote,
			    k->s.as_port, &m))
		return 0;
	if (k->protocol == IPPROTO_TCP ? m.idiag_state == BPF_TCP_LISTEN :
					 m.idiag_state != BPF_TCP_ESTABLISHED)
		return 0;
	return m.idiag_state;
}

/* Such a one gets its packets without being looked up. */
static bool established(struct links *l, const struct flow *k)
{
	u32 state = state_of(l, k);

	return state && state != BPF_TCP_TIME_WAIT;
}

/* A connection that has ended can make room for another one of the same two hosts, see tcp_timewait_state_process(). */
static bool yields(struct links *l, const struct flow *e, const struct flow *k)
{
	u32 state = state_of(l, e);

	return !state ||
	       (state == BPF_TCP_TIME_WAIT && !memcmp(e->s.wire, k->s.wire, sizeof(e->s.wire)));
}

/*
 * The other end may talk from one port to two addresses that are one socket's: that tells them apart by
 * another port, then.
 */
static bool put_in(struct links *l, struct link_flows *f, struct flow *k, u64 now)
{
	struct flow *e;
	u16 *at;

	for (u32 try = 0; (e = find_out(f, k)); try++) {
		if (yields(l, e, k)) {
			take_out(f, e);
			break;
		}
		if (try == TRIES)
			return false;
		k->s.as_port = htons((u16)(1024 + (ntohs(k->s.as_port) * 7u + 4099) % 64000));
		k->s.is = true;
	}
	e = make_room(f, now);
	*e = *k;
	e->used = now;
	at = in_bucket(f, e);
	e->next_in = *at;
	*at = (u16)(e - f->v);
	at = out_bucket(f, e);
	e->next_out = *at;
	*at = (u16)(e - f->v);
	return true;
}

/* ---- programs ---- */

static void fill(struct bpf_rt_sk_lookup *c, const struct port *p, const struct flow *k)
{
	c->u.family = k->family;
	c->u.protocol = k->protocol;
	c->u.remote_port = k->s.rport;
	c->u.local_port = ntohs(k->s.wire_port);
	c->u.ingress_ifindex = p->p.ifindex;
	if (k->family == AF_INET) {
		c->u.remote_ip4 = k->remote[0];
		c->u.local_ip4 = k->s.wire[0];
	} else {
		memcpy(c->u.remote_ip6, k->remote, 16);
		memcpy(c->u.local_ip6, k->s.wire, 16);
	}
}

/* All run; the last one's choice holds, a refusal if nobody has chosen. Linux: BPF_PROG_SK_LOOKUP_RUN_ARRAY(). */
static bool run_progs(struct link_way *w, const struct hook_progs *progs, const struct port *p,
		      const struct flow *k, struct sock_target *chosen)
{
	struct bpf_rt_sk_lookup c = { .no_reuseport = false };
	struct bpf_rt_sock shown;
	bool all_pass = true, have = false;

	fill(&c, p, k);
	for (u32 i = 0; i < progs->n; i++) {
		bool pass;

		w->run->prog = progs->v[i].prog;
		w->run->tail_calls = 0;
		c.u.sk = have ? &shown.u : NULL;
		pass = bpf_prog_run(progs->v[i].prog, &c, w->run) & 1;
		if (pass && c.u.sk && c.u.sk != &shown.u) {
			memcpy(&shown, c.u.sk, sizeof(shown));
			*chosen = c.selected;
			have = true;
		}
		all_pass &= pass;
	}
	return all_pass || have;
}

static bool is_unset(const u32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* The socket's address and port for packets to it. False: none of this family reach it. */
static bool address_of(const struct sock_target *sk, struct flow *k)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	k->s.to_port = htons((u16)sk->port);
	if (sk->family == AF_INET) {
		if (k->family != AF_INET)
			return false;
		if (sk->local[0])
			k->s.to[0] = sk->local[0];
		return true;
	}
	if (is_unset(sk->local))
		return true; /* any address: the one that the packet has */
	if (k->family == AF_INET6)
		memcpy(k->s.to, sk->local, 16);
	else if (!memcmp(sk->local, mapped, sizeof(mapped)))
		k->s.to[0] = sk->local[3];
	else
		return false;
	return true;
}

static void refuse(struct flow *k)
{
	k->s.to_port = htons(NOBODY);
	k->s.is = true;
}

/* 127.0.0.1 is reached from elsewhere when the instance's kernel is told so. */
static void let_in(struct links *l, struct link_flows *f, const struct flow *k)
{
	if (k->family != AF_INET || (ntohl(k->s.to[0]) >> 24) != 127 || f->localnet || !l->localnet)
		return;
	f->localnet = true;
	l->localnet(l->localnet_arg);
}

static void choose(struct link_way *w, const struct port *p, struct link_flows *f, struct flow *k,
		   const struct sk_buff *pkt)
{
	const struct hook_progs *progs = progs_of(w->l);
	struct sock_target sk = pkt->assigned;

	if (!sk.port && progs && !run_progs(w, progs, p, k, &sk)) {
		refuse(k);
		return;
	}
	if (!sk.port || sk.protocol != k->protocol)
		return;
	if (!address_of(&sk, k))
		refuse(k);
	k->s.is = !same_end(k->s.to, k->s.to_port, k->s.wire, k->s.wire_port);
	let_in(w->l, f, k);
}

/* ---- packets ---- */

static bool is_syn(const u8 *l4)
{
	return (l4[13] & (TH_SYN | TH_ACK)) == TH_SYN;
}

static void key_of(const u8 *net, const struct ip_view *ip, bool ingress, struct flow *k)
{
	u16 ports[2];

	memset(k, 0, sizeof(*k));
	memcpy(ports, net + ip->l4, sizeof(ports));
	k->family = ip->family == PF_IPV4 ? AF_INET : AF_INET6;
	k->protocol = ip->protocol;
	memcpy(k->remote, ingress ? ip->src : ip->dst, 16);
	memcpy(k->s.wire, ingress ? ip->dst : ip->src, 16);
	memcpy(k->s.to, k->s.wire, 16);
	k->s.rport = k->s.as_port = ports[!ingress];
	k->s.wire_port = k->s.to_port = ports[ingress];
}

static void note_end(struct flow *e, const u8 *l4, u64 now)
{
	if (e->protocol == IPPROTO_TCP && l4[13] & (TH_FIN | TH_RST))
		e->closed = now;
}

/* Which socket, of those that share the port. */
static void choose_of_group(struct link_way *w, const struct port *p, struct flow *k,
			    const struct sk_buff *pkt, const u8 *l4)
{
	struct reuseport_packet r = { .mac = pkt->data - ETH_HLEN,
				      .network = ETH_HLEN,
				      .transport = ETH_HLEN + (u32)(l4 - pkt->data),
				      .len = ETH_HLEN + pkt->len,
				      .ifindex = p->p.ifindex };
	struct reuseport_ends e = { .family = k->family,
				    .protocol = k->protocol,
				    .from_port = k->s.as_port,
				    .to_port = k->s.to_port };
	u32 index;

	r.payload = r.transport +
		    (k->protocol == IPPROTO_TCP ? (l4[12] >> 4) * 4u : sizeof(struct udphdr));
	if (r.payload > r.len || pkt->data - pkt->head < ETH_HLEN)
		return;
	memcpy(e.from, k->remote, sizeof(e.from));
	memcpy(e.to, k->s.to, sizeof(e.to));
	index = reuseport_frame(w->l->sys, &e, &r, w->run);
	if (index == REUSEPORT_REFUSED)
		refuse(k);
	else if (index != REUSEPORT_BY_HASH)
		k->s.stamp = index + 1;
}

static void look_up(struct link_way *w, const struct port *p, struct link_flows *f, struct flow *k,
		    const struct sk_buff *pkt, const u8 *l4)
{
	bool tcp = k->protocol == IPPROTO_TCP, chooses;
	struct flow *e = tcp ? find_in(f, k) : NULL;
	u64 now = monotonic_ns();

	if (e && is_syn(l4) && !established(w->l, e)) {
		take_out(f, e);
		e = NULL;
	}
	if (e) {
		e->used = now;
		note_end(e, l4, now);
		k->s = e->s;
		return;
	}
	chooses = progs_of(w->l) || pkt->assigned.port;
	if (chooses && !established(w->l, k))
		choose(w, p, f, k, pkt);
	if (reuseport_active(w->l->sys) && (!tcp || is_syn(l4)) && k->s.to_port != htons(NOBODY))
		choose_of_group(w, p, k, pkt, l4);
	/* What was refused is answered by the stack, from the port that it was sent to. */
	if ((!tcp || !chooses) && k->s.to_port != htons(NOBODY))
		return;
	k->s.dropped = !put_in(w->l, f, k, now);
}

void link_steer_in(struct link_way *w, const struct port *p, const struct sk_buff *pkt,
		   const struct ip_view *ip, struct link_steer *s)
{
	struct link_flows *f;
	struct flow k;
	u32 least = ip->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) :
		    ip->protocol == IPPROTO_UDP ? sizeof(struct udphdr) :
						  0;

	memset(s, 0, sizeof(*s));
	if (!least || ip->len < ip->l4 + least || (!link_steer_active(w->l) && !pkt->assigned.port))
		return;
	f = get(w->l);
	if (!f) {
		s->dropped = true;
		return;
	}
	key_of(pkt->data, ip, true, &k);
	pthread_mutex_lock(&f->lock);
	look_up(w, p, f, &k, pkt, pkt->data + ip->l4);
	pthread_mutex_unlock(&f->lock);
	*s = k.s;
}

/* The packet that an error is about, as it came: its destination is that of the flow. */
static bool about(struct link_flows *f, const struct sk_buff *pkt, const struct ip_view *ip,
		  struct flow *k)
{
	const u8 *icmp = pkt->data + ip->l4;
	u32 left = ip->len - ip->l4;
	struct ip_view inner = { .family = ip->family };
	u16 ports[2];

	if (ip->family == PF_IPV4 ? ip->protocol != IPPROTO_ICMP || icmp[0] != UNREACHABLE :
				    ip->protocol != IPPROTO_ICMPV6 || icmp[0] != UNREACHABLE6)
		return false;
	inner.l4 = ip->family == PF_IPV4 && left > 8 ? (icmp[8] & 15) * 4u : sizeof(struct ip6_hdr);
	if (left < 8 + inner.l4 + sizeof(ports) || inner.l4 < sizeof(struct iphdr))
		return false;
	if (ip->family == PF_IPV4) {
		inner.protocol = icmp[8 + 9];
		memcpy(inner.src, icmp + 8 + 12, 4);
		memcpy(inner.dst, icmp + 8 + 16, 4);
	} else {
		inner.protocol = icmp[8 + 6];
		memcpy(inner.src, icmp + 8 + 8, 16);
		memcpy(inner.dst, icmp + 8 + 24, 16);
	}
	key_of(icmp + 8, &inner, true, k);
	return find_out(f, k);
}

void link_steer_out(struct link_way *w, const struct sk_buff *pkt, const struct ip_view *ip,
		    struct link_steer *s)
{
	struct link_flows *f = load_acquire(&w->l->flows);
	struct flow k, *e = NULL;

	memset(s, 0, sizeof(*s));
	if (!f || ip->len < ip->l4 + 8)
		return;
	pthread_mutex_lock(&f->lock);
	if (ip->protocol == IPPROTO_TCP && ip->len >= ip->l4 + sizeof(struct tcphdr)) {
		key_of(pkt->data, ip, false, &k);
		e = find_out(f, &k);
		if (e)
			note_end(e, pkt->data + ip->l4, monotonic_ns());
	} else if (about(f, pkt, ip, &k)) {
		e = find_out(f, &k);
	}
	if (e) {
		e->used = monotonic_ns();
		*s = e->s;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- changing a packet ---- */

/* @size bytes at @at become @new; the sums at @a and @b (NULL: none) follow. */
static void change(u8 *at, const void *new, u32 size, u8 *a, u8 *b)
{
	u32 was = csum_partial(at, size, 0), is = csum_partial(new, size, 0);
	u8 *sums[] = { a, b };

	memcpy(at, new, size);
	for (u32 i = 0; i < 2; i++) {
		u16 sum;

		if (!sums[i])
			continue;
		memcpy(&sum, sums[i], 2);
		sum = csum_fold(csum_add(csum_sub((u16)~sum, was), is));
		memcpy(sums[i], &sum, 2);
	}
}

/* One end of a packet: its address, and its port where that is. */
static void change_end(u8 *net, const struct ip_view *ip, bool source, const u32 *address, u16 port,
		       u16 other_port)
{
	bool v4 = ip->family == PF_IPV4, ports = !ip->frag_off;
	u8 *l4 = net + ip->l4, *sum = NULL;

	if (ports && ip->protocol == IPPROTO_TCP)
		sum = l4 + offsetof(struct tcphdr, th_sum);
	else if (ports && ip->protocol == IPPROTO_UDP && (l4[6] | l4[7])) /* 0: it has none */
		sum = l4 + offsetof(struct udphdr, uh_sum);
	change(net + (v4     ? source ? 12 : 16 :
		      source ? 8 :
			       24),
	       address, v4 ? 4 : 16, v4 ? net + offsetof(struct iphdr, check) : NULL, sum);
	if (!ports)
		return;
	change(l4 + (source ? 0 : 2), &port, 2, sum, NULL);
	change(l4 + (source ? 2 : 0), &other_port, 2, sum, NULL);
}

/* An error of the stack's: what it is about is told as it was sent. */
static void change_error(const struct link_steer *s, struct sk_buff *pkt, const struct ip_view *ip)
{
	bool v4 = ip->family == PF_IPV4;
	u8 *icmp = pkt->data + ip->l4, *inner = icmp + 8, *own = pkt->data + (v4 ? 12 : 8);
	struct ip_view in = { .family = ip->family,
			      .l4 = v4 ? (inner[0] & 15) * 4u : sizeof(struct ip6_hdr),
			      .protocol = v4 ? inner[9] : inner[6] };
	u32 room = ip->len - ip->l4 - 8 - in.l4, size = ip->len - ip->l4, sum = 0;
	u16 folded;

	if (!memcmp(own, s->to, v4 ? 4 : 16))
		change(own, s->wire, v4 ? 4 : 16,
		       v4 ? pkt->data + offsetof(struct iphdr, check) : NULL, NULL);
	if (room < (in.protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr)))
		in.protocol = 0; /* its sum is not there any more */
	change_end(inner, &in, false, s->wire, s->wire_port, s->rport);
	memset(icmp + 2, 0, 2);
	if (!v4)
		sum = csum_add(csum_partial(pkt->data + 8, 32, 0),
			       csum_add(htonl(size), htonl(IPPROTO_ICMPV6)));
	folded = csum_fold(csum_partial(icmp, size, sum));
	memcpy(icmp + 2, &folded, 2);
}

void link_steer_apply(const struct link_steer *s, struct sk_buff *pkt, const struct ip_view *ip,
		      bool ingress)
{
	if (!s->is)
		return;
	if (ingress)
		change_end(pkt->data, ip, false, s->to, s->to_port, s->as_port);
	else if (ip->protocol == IPPROTO_TCP)
		change_end(pkt->data, ip, true, s->wire, s->wire_port, s->rport);
	else
		change_error(s, pkt, ip);
}
