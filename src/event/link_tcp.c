/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TCP connections of an instance on its wire, see link_tcp.h (Linux: net/ipv4/tcp_input.c, tcp_output.c,
 * tcp_minisocks.c, as far as programs are called there).
 *
 * A connection is followed from its SYN on, if a program listened then. The supervisor notes sockets that connect
 * or listen by their cookies; a SYN that the stack sends, and one that comes for a listener, finds its note by asking the
 * kernel whose it is. What is known of connections is in link_tcp_seen.c.
 */
#include "event/link_tcp_seen.h"
#include "event/link_trace.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "event/supervisor.h"
#include "hook/cgroup.h"
#include "object/csum.h"

enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WINDOW, OPT_SACK_OK, OPT_SACK, OPT_TIMES = 8 };

#define TIMES_LEN 12 /* of the option of time stamps, aligned as it always is */

bool link_tcp_active(const struct links *l)
{
	return l->sys->cgroup_tree && l->diag >= 0 &&
	       (cgroup_in_use(l->sys, BPF_CGROUP_SOCK_OPS) || link_trace_again_active(l));
}

/* ---- segments ---- */

static bool segment_of(struct sk_buff *skb, bool ingress, struct tcp_seg *s)
{
	const u8 *end = skb->data_end;
	struct ip_view ip;
	u16 ports[2];

	memset(s, 0, sizeof(*s));
	if (skb->vlan_present || skb->data_len)
		return false;
	s->skb = skb;
	s->net = skb->head + skb->network_header;
	if (s->net > end || !ip_parse(skb->protocol, s->net, (u32)(end - s->net), &ip) ||
	    ip.fragment || ip.protocol != IPPROTO_TCP || ip.l4 + 20 > ip.len)
		return false;
	s->tcp = s->net + ip.l4;
	s->hdr = (s->tcp[12] >> 4) * 4u;
	if (s->hdr < 20 || ip.l4 + s->hdr > ip.len)
		return false;
	s->len = ip.len - ip.l4 - s->hdr;
	s->family = ip.family;
	memcpy(s->local, ingress ? ip.dst : ip.src, sizeof(s->local));
	memcpy(s->remote, ingress ? ip.src : ip.dst, sizeof(s->remote));
	memcpy(ports, s->tcp, sizeof(ports));
	s->lport = ports[ingress];
	s->rport = ports[!ingress];
	memcpy(&s->seq, s->tcp + 4, 4);
	memcpy(&s->ack, s->tcp + 8, 4);
	memcpy(&s->window, s->tcp + 14, 2);
	s->seq = ntohl(s->seq);
	s->ack = ntohl(s->ack);
	s->window = ntohs(s->window);
	s->flags = s->tcp[13];
	return true;
}

struct tcp_options {
	u16 mss; /* 0: none */
	u8 *mss_at;
	s32 scale; /* -1: none */
	bool times, sack_ok, unknown;
};

/* As tcp_parse_options() of net/ipv4/tcp_input.c; what it knows is not unknown. */
static void read_options(u8 *tcp, u32 hdr, struct tcp_options *o)
{
	static const u8 known[] = { OPT_MSS,   OPT_WINDOW, OPT_SACK_OK, OPT_SACK,
				    OPT_TIMES, 19,	   29,		34 };

	*o = (struct tcp_options){ .scale = -1 };
	for (u8 *at = tcp + 20, *end = tcp + hdr; at < end && *at != OPT_END;) {
		bool is_known = false;

		if (*at == OPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return;
		for (u32 i = 0; i < sizeof(known); i++)
			is_known |= *at == known[i];
		/* Fast Open's and SMC's experiments. */
		if (*at == 254 && at[1] >= 4 && at[2] == 0xf9 && at[3] == 0x89)
			is_known = true;
		o->unknown |= !is_known;
		if (*at == OPT_MSS && at[1] == 4) {
			o->mss = (u16)(at[2] << 8 | at[3]);
			o->mss_at = at + 2;
		} else if (*at == OPT_WINDOW && at[1] == 3) {
			o->scale = at[2] > 14 ? 14 : at[2];
		} else if (*at == OPT_TIMES && at[1] == 10) {
			o->times = true;
		} else if (*at == OPT_SACK_OK) {
			o->sack_ok = true;
		}
		at += at[1];
	}
}

/* Lets the stack send segments that have @room for options of programs. By how much its MSS is smaller. */
static u16 lower_mss(struct tcp_seg *s, u32 mtu, u32 room)
{
	u32 headers = s->family == PF_IPV6 ? 60 : 40, most;
	struct tcp_options o;
	u16 to, was, word, *sum, lower;

	read_options(s->tcp, s->hdr, &o);
	most = min_t(u32, o.mss ? o.mss : 536, mtu - headers) - room;
	if (!room || !o.mss_at || o.mss <= most)
		return 0;
	lower = (u16)room;
	memcpy(&was, o.mss_at, 2);
	to = htons((u16)most);
	memcpy(o.mss_at, &to, 2);
	/* The checksum's words begin at even offsets. */
	sum = &word;
	memcpy(sum, s->tcp + 16, 2);
	if ((o.mss_at - s->tcp) & 1) {
		was = (u16)(was >> 8 | was << 8);
		to = (u16)(to >> 8 | to << 8);
	}
	csum_replace2((rt_u16 *)sum, was, to);
	memcpy(s->tcp + 16, sum, 2);
	return lower;
}

/* ---- from the wire ---- */

static void keep_syn(struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	c->syn_mac = ETH_HLEN;
	c->syn_ip = (u8)min_t(u32, (u32)(s->tcp - s->net), 60);
	c->syn_tcp = (u8)s->hdr;
	memcpy(c->syn, s->net - ETH_HLEN, ETH_HLEN);
	memcpy(c->syn + ETH_HLEN, s->net, c->syn_ip);
	memcpy(c->syn + ETH_HLEN + c->syn_ip, s->tcp, s->hdr);
}

/* What the peer says with its SYN; ours has said that it can do the same, or it does not matter. */
static void learn_peer(struct tcp_sock_seen *c, const struct tcp_seg *s, struct tcp_options *o)
{
	read_options(s->tcp, s->hdr, o);
	c->peer_mss = o->mss ? o->mss : 536;
	c->snd_scale = o->scale >= 0 ? (u8)o->scale : 0;
	c->header = (u16)(20 + (o->times ? TIMES_LEN : 0));
	c->rcv_nxt = s->seq + 1;
	c->snd_wnd = s->window;
}

static void syn_in(struct link_way *w, struct link_tcp *t, struct port *p, struct tcp_seg *s)
{
	struct tcp_sock_seen *c = tcp_seen_find(t, s), *listener;
	struct inet_diag_msg m;
	struct tcp_options o;

	if (c && c->state == BPF_TCP_NEW_SYN_RECV && c->rcv_nxt == s->seq + 1)
		goto known;
	if (!tcp_seen_ask(w->l, s, &m) || m.idiag_state != BPF_TCP_LISTEN)
		return;
	listener = tcp_seen_of(w->l, t, &m);
	if (!listener)
		return;
	pthread_mutex_lock(&t->lock);
	if (c)
		tcp_seen_drop(t, c);
	if (t->n >= TCP_SEEN_MAX)
		tcp_seen_make_room(t, listener);
	c = tcp_seen_add(t, 0);
	if (c) {
		tcp_seen_put_ends(t, c, s);
		c->cb_flags = listener->cb_flags;
		c->save_syn = listener->save_syn;
		c->uid = listener->uid;
		c->n = listener->n;
		memcpy(c->ids, listener->ids, sizeof(c->ids));
	}
	pthread_mutex_unlock(&t->lock);
	if (!c)
		return;
	c->save_syn = max_t(u8, c->save_syn, tcp_sock_saves_syn(listener));
	c->state = BPF_TCP_NEW_SYN_RECV;
	learn_peer(c, s, &o);
	keep_syn(c, s);
known:
	/* What is wanted of later segments is not known yet: the most that they can have. */
	if (c->cb_flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)
		c->lowered = lower_mss(s, link_mtu(w->l, p), TCP_OPTIONS_MAX - (c->header - 20u));
}

/* Something new is acknowledged; @first: the SYN. */
static void acked(struct link_way *w, struct port *p, struct tcp_sock_seen *c,
		  const struct tcp_seg *s, bool first)
{
	u32 was_una = c->snd_una, us, n;

	c->snd_una = s->ack;
	n = tcp_sent_acked(c, s->ack, c->header > 20, &us);
	if (first) {
		n = 1;
		us = c->sent_ns ? max_t(u32, (u32)((monotonic_ns() - c->sent_ns) / 1000), 1) : 0;
		c->syn_us = us;
	}
	c->retransmits = c->backoff = 0;
	if (us && tcp_rtt_due(c, first || !c->rtt_seq) && c->cb_flags & BPF_SOCK_OPS_RTT_CB_FLAG)
		tcp_sock_rtt(w, c, us, n, was_una, link_mtu(w->l, p));
}

static void synack_in(struct link_way *w, struct port *p, struct tcp_sock_seen *c,
		      struct tcp_seg *s)
{
	struct tcp_options o;

	if (s->flags & TCP_RST || s->ack != c->snd_nxt || !(s->flags & TCP_ACK)) {
		if (s->flags & TCP_RST)
			c->state = BPF_TCP_CLOSE;
		return;
	}
	if (!(s->flags & TCP_SYN))
		return;
	learn_peer(c, s, &o);
	c->saw_unknown = o.unknown;
	if (o.scale < 0)
		c->rcv_scale = 0;
	acked(w, p, c, s, true);
	tcp_sock_established(w, c, s, link_mtu(w->l, p));
	c->state = BPF_TCP_ESTABLISHED;
	c->prediction = o.scale < 0;
	if (c->cb_flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)
		c->lowered = lower_mss(s, link_mtu(w->l, p), tcp_sock_room(w, c));
}

/* The socket of a request is there, or as good as. */
static void stands(struct link_way *w, struct link_tcp *t, struct port *p, struct tcp_sock_seen *c,
		   struct tcp_seg *s, const struct inet_diag_msg *m)
{
	if (!c->cookie) {
		pthread_mutex_lock(&t->lock);
		tcp_seen_put_cookie(t, c, tcp_seen_cookie(m));
		pthread_mutex_unlock(&t->lock);
	}
	c->snd_wnd = (u32)s->window << c->snd_scale;
	c->state = BPF_TCP_SYN_RECV;
	if (c->syn_cookie) /* nobody has kept when it was sent */
		c->sent_ns = 0;
	acked(w, p, c, s, true);
	tcp_sock_established(w, c, s, link_mtu(w->l, p));
	c->state = BPF_TCP_ESTABLISHED;
	c->prediction = true;
	c->rcv_nxt += s->len + !!(s->flags & TCP_FIN);
	if (s->flags & TCP_FIN)
		c->state = BPF_TCP_CLOSE_WAIT;
}

/* The third segment. A SYN cookie leaves no trace of a request: the socket comes to be when the stack has it. */
static void third_in(struct link_way *w, struct link_tcp *t, struct port *p,
		     struct tcp_sock_seen *c, struct tcp_seg *s)
{
	struct inet_diag_msg m;

	if (s->flags & TCP_RST) {
		c->state = BPF_TCP_CLOSE;
		return;
	}
	if (!(s->flags & TCP_ACK) || s->flags & TCP_SYN || s->ack != c->snd_nxt ||
	    s->seq != c->rcv_nxt || !tcp_seen_ask(w->l, s, &m))
		return;
	if (m.idiag_state != BPF_TCP_LISTEN) {
		stands(w, t, p, c, s, &m);
		return;
	}
	t->third = *s;
	t->from = BPF_TCP_NEW_SYN_RECV;
	store_release(&t->changed, c);
}

/* As tcp_rcv_established(): what is as expected, is not looked at. */
static bool is_predicted(const struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	if (!c->prediction || c->state != BPF_TCP_ESTABLISHED || (s->flags & ~TCP_PSH) != TCP_ACK ||
	    s->hdr != c->header || s->seq != c->rcv_nxt || before(c->snd_nxt, s->ack) ||
	    (u32)s->window << c->snd_scale != c->snd_wnd)
		return false;
	return s->hdr == 20 || (s->tcp[20] == OPT_NOP && s->tcp[21] == OPT_NOP &&
				s->tcp[22] == OPT_TIMES && s->tcp[23] == 10);
}

static void see_options(struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	struct tcp_options o;

	/* Linux does not look for others where none or the usual ones are, and remembers those before. */
	if (s->hdr == 20 || (s->hdr == 20 + TIMES_LEN && c->header == s->hdr &&
			     s->tcp[20] == OPT_NOP && s->tcp[22] == OPT_TIMES))
		return;
	read_options(s->tcp, s->hdr, &o);
	c->saw_unknown = o.unknown;
}

static void fin_in(struct tcp_sock_seen *c)
{
	c->state = c->state == BPF_TCP_ESTABLISHED ? BPF_TCP_CLOSE_WAIT :
		   c->state == BPF_TCP_FIN_WAIT1   ? BPF_TCP_CLOSING :
						     c->state;
	c->fin_in = true;
}

static void segment_in(struct link_way *w, struct port *p, struct tcp_sock_seen *c,
		       struct tcp_seg *s)
{
	bool predicted = is_predicted(c, s);
	u32 end = s->seq + s->len + !!(s->flags & TCP_FIN);

	if (s->flags & (TCP_RST | TCP_SYN) || !(s->flags & TCP_ACK)) {
		if (s->flags & TCP_RST)
			c->state = BPF_TCP_CLOSE;
		return;
	}
	if (before(end, c->rcv_nxt))
		return; /* it has come before */
	if (!predicted) {
		see_options(c, s);
		if (c->cb_flags & BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG ||
		    (c->saw_unknown && c->cb_flags & BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG))
			tcp_sock_parse(w, c, s);
		c->prediction = true;
		c->snd_wnd = (u32)s->window << c->snd_scale;
	}
	if (before(c->snd_una, s->ack) && !before(c->snd_nxt, s->ack))
		acked(w, p, c, s, false);
	if (s->ack == c->snd_nxt)
		c->state = c->state == BPF_TCP_FIN_WAIT1 ? BPF_TCP_FIN_WAIT2 :
			   c->state == BPF_TCP_CLOSING	 ? BPF_TCP_TIME_WAIT :
			   c->state == BPF_TCP_LAST_ACK	 ? BPF_TCP_CLOSE :
							   c->state;
	if (s->seq == c->rcv_nxt) {
		c->rcv_nxt = end;
		if (s->flags & TCP_FIN)
			fin_in(c);
	}
}

/* The connection of a segment that passes, if it is one that is followed. */
static struct tcp_sock_seen *seen_now(struct link_tcp *t, const struct tcp_seg *s)
{
	struct tcp_sock_seen *c;

	pthread_mutex_lock(&t->lock);
	c = tcp_seen_find(t, s);
	if (c)
		c->used = monotonic_ns();
	pthread_mutex_unlock(&t->lock);
	return c;
}

void link_tcp_in(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	struct tcp_sock_seen *c;
	struct link_tcp *t;
	struct tcp_seg s;

	if (!link_tcp_active(w->l) || !segment_of(skb, true, &s) || !(t = tcp_seen_table(w->l)))
		return;
	pthread_mutex_lock(&t->turn);
	c = seen_now(t, &s);
	if ((s.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		syn_in(w, t, p, &s);
	else if (c && c->state == BPF_TCP_SYN_SENT)
		synack_in(w, p, c, &s);
	else if (c && c->state == BPF_TCP_NEW_SYN_RECV)
		third_in(w, t, p, c, &s);
	else if (c && c->state != BPF_TCP_CLOSE && c->state != BPF_TCP_TIME_WAIT) {
		u8 from = c->state;

		segment_in(w, p, c, &s);
		if (c->state != from) {
			tcp_sock_remember(w, c);
			t->from = from;
			store_release(&t->changed, c);
		}
	}
	pthread_mutex_unlock(&t->turn);
}

void link_tcp_behind(struct link_way *w, struct port *p)
{
	struct link_tcp *t = load_acquire(&w->l->tcp);
	struct tcp_sock_seen *c;
	struct inet_diag_msg m;
	u8 from, to;

	if (!t || !load_acquire(&t->changed))
		return;
	if (w->queued)
		leg_flush(&p->inner);
	pthread_mutex_lock(&t->turn);
	c = t->changed;
	from = t->from;
	t->changed = NULL;
	to = c ? c->state : 0;
	if (c && from == BPF_TCP_NEW_SYN_RECV) {
		if (tcp_seen_ask(w->l, &t->third, &m) && m.idiag_state != BPF_TCP_LISTEN)
			stands(w, t, p, c, &t->third, &m);
		c = NULL;
	}
	/* One that is closed already has ended with FIN_WAIT2, unless it still has a FIN to answer. */
	if (c && !tcp_sock_state(w, c, from, to == BPF_TCP_TIME_WAIT ? BPF_TCP_CLOSE : to, false) &&
	    to == BPF_TCP_FIN_WAIT2 && !c->fin_in)
		tcp_sock_state(w, c, to, BPF_TCP_CLOSE, false);
	pthread_mutex_unlock(&t->turn);
}

/* ---- from the stack ---- */

static void sent_again(struct link_way *w, struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	tcp_sock_again(w, c, s);
	link_trace_again(w, s, c->state);
}

/* The first windows are as small as a program wants: tcp_select_initial_window(). */
static void narrow(const struct tcp_sock_seen *c, struct tcp_seg *s, u32 mtu, u32 scale)
{
	u64 most = (u64)c->rwnd * (mtu - (s->family == PF_IPV6 ? 60 : 40)) >> scale;
	u16 was = htons(s->window), to, sum;

	if (!c->rwnd || s->window <= most)
		return;
	to = htons((u16)most);
	memcpy(&sum, s->tcp + 16, 2);
	csum_replace2((rt_u16 *)&sum, was, to);
	memcpy(s->tcp + 16, &sum, 2);
	memcpy(s->tcp + 14, &to, 2);
}

static void syn_out(struct link_way *w, struct link_tcp *t, struct tcp_sock_seen *c,
		    struct tcp_seg *s, u32 mtu)
{
	struct inet_diag_msg m;
	struct tcp_options o;
	bool again = false;

	if (!c || c->state != BPF_TCP_SYN_SENT || c->iss != s->seq) {
		struct tcp_sock_seen *now;

		if (!tcp_seen_ask(w->l, s, &m) || m.idiag_state == BPF_TCP_LISTEN)
			return;
		now = tcp_seen_of(w->l, t, &m);
		if (!now)
			return;
		pthread_mutex_lock(&t->lock);
		if (c && c != now)
			tcp_seen_drop(t, c);
		c = now;
		tcp_seen_put_ends(t, c, s);
		pthread_mutex_unlock(&t->lock);
		c->active = true;
		c->state = BPF_TCP_SYN_SENT;
		read_options(s->tcp, s->hdr, &o);
		c->syn_times = o.times;
		c->iss = c->snd_una = s->seq;
		c->snd_nxt = s->seq;
		c->header = 20;
		c->sent_ns = monotonic_ns();
		c->rcv_scale = o.scale > 0 ? (u8)o.scale : 0;
		c->syns = 0;
		c->nr_sent = c->retransmits = c->backoff = 0;
		c->rtt_seq = c->rto = 0;
		memset(&c->figures, 0, sizeof(c->figures));
	} else {
		c->sent_ns = 0;
		again = true;
		/* Whether it is too late is asked from the second time-out on. */
		if (c->syns++)
			tcp_sock_query(w, c, BPF_SOCK_OPS_TIMEOUT_INIT, false);
		tcp_sock_timed_out(w, c);
	}
	narrow(c, s, mtu, 0);
	tcp_sock_write(w, c, s, false, mtu);
	c->snd_nxt = s->seq + 1;
	if (again)
		sent_again(w, c, s);
	tcp_sock_remember(w, c);
}

/* What the kernel remembers of @mss in a SYN cookie: net/ipv4/syncookies.c, net/ipv6/syncookies.c. */
static u32 cookie_mss(const struct tcp_sock_seen *c, u32 mss)
{
	static const u16 tables[2][4] = { { 536, 1300, 1440, 1460 }, { 1220, 1420, 1440, 8940 } };
	const u16 *table = tables[c->family == PF_IPV6];
	u32 i = 3;

	while (i && mss < table[i])
		i--;
	return table[i];
}

static void synack_out(struct link_way *w, struct link_tcp *t, struct tcp_sock_seen *c,
		       struct tcp_seg *s, u32 mtu)
{
	struct inet_diag_msg m;
	struct tcp_options o;

	read_options(s->tcp, s->hdr, &o);
	if (!o.times)
		c->header = 20;
	if (o.scale < 0)
		c->snd_scale = 0;
	c->sent_ns = c->iss == s->seq ? 0 : monotonic_ns();
	c->iss = c->snd_una = s->seq;
	c->snd_nxt = s->seq + 1;
	if (!c->cookie && tcp_seen_ask(w->l, s, &m)) {
		c->syn_cookie = m.idiag_state == BPF_TCP_LISTEN;
		pthread_mutex_lock(&t->lock);
		if (!c->syn_cookie)
			tcp_seen_put_cookie(t, c, tcp_seen_cookie(&m));
		pthread_mutex_unlock(&t->lock);
	}
	if (c->syn_cookie)
		c->lowered = (u16)(cookie_mss(c, c->peer_mss) -
				   cookie_mss(c, (u32)c->peer_mss - c->lowered));
	if (c->sent_ns && !c->syn_cookie) {
		s32 rwnd = tcp_sock_query(w, c, BPF_SOCK_OPS_RWND_INIT, true);

		c->rwnd = rwnd > 0 ? (u32)rwnd : 0;
		tcp_sock_query(w, c, BPF_SOCK_OPS_TIMEOUT_INIT, true);
	}
	narrow(c, s, mtu, 0);
	tcp_sock_write(w, c, s, true, mtu);
	tcp_sock_query(w, c, BPF_SOCK_OPS_NEEDS_ECN, true);
}

static void segment_out(struct link_way *w, struct tcp_sock_seen *c, struct tcp_seg *s, u32 mtu)
{
	u32 end = s->seq + s->len + !!(s->flags & TCP_FIN);
	u8 from = c->state;
	bool again;

	if (s->flags & TCP_RST)
		c->state = BPF_TCP_CLOSE;
	else if (s->flags & TCP_FIN)
		c->state = c->state == BPF_TCP_ESTABLISHED ? BPF_TCP_FIN_WAIT1 :
			   c->state == BPF_TCP_CLOSE_WAIT  ? BPF_TCP_LAST_ACK :
							     c->state;
	if (c->state != from)
		tcp_sock_state(w, c, from, c->state, s->flags & TCP_FIN);
	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_ACK && before(c->rcv_nxt, s->ack))
		c->rcv_nxt = s->ack;
	if (c->active && c->snd_nxt == c->iss + 1 && end == s->seq)
		narrow(c, s, mtu, c->rcv_scale);
	again = tcp_sent_note(c, s, end);
	if (again)
		tcp_sock_timed_out(w, c);
	tcp_sock_write(w, c, s, false, mtu);
	if (again)
		sent_again(w, c, s);
	if (before(c->snd_nxt, end))
		c->snd_nxt = end;
	if (end != s->seq)
		tcp_sock_remember(w, c);
	if (c->state == BPF_TCP_FIN_WAIT2 && c->fin_in) { /* that was the answer */
		tcp_sock_state(w, c, BPF_TCP_FIN_WAIT2, BPF_TCP_CLOSE, false);
		c->state = BPF_TCP_TIME_WAIT;
	}
}

void link_tcp_out(struct link_way *w, struct port *p, struct sk_buff *skb)
{
	struct tcp_sock_seen *c;
	struct link_tcp *t;
	struct tcp_seg s;
	u32 mtu;

	if (!link_tcp_active(w->l) || !segment_of(skb, false, &s) || !(t = tcp_seen_table(w->l)))
		return;
	mtu = link_mtu(w->l, p);
	pthread_mutex_lock(&t->turn);
	c = seen_now(t, &s);
	if ((s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		syn_out(w, t, c, &s, mtu);
	else if (c && s.flags & TCP_SYN && c->state == BPF_TCP_NEW_SYN_RECV)
		synack_out(w, t, c, &s, mtu);
	else if (c && !(s.flags & TCP_SYN) && c->state != BPF_TCP_CLOSE &&
		 c->state != BPF_TCP_NEW_SYN_RECV && c->state != BPF_TCP_TIME_WAIT)
		segment_out(w, c, &s, mtu);
	pthread_mutex_unlock(&t->turn);
}
