/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The table of connections that are followed on an instance's wire, see link_tcp_seen.h (Linux: the established
 * hash of net/ipv4/inet_hashtables.c, with requests in it as there).
 */
#include "event/link_tcp_seen.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "event/supervisor.h"

/* ---- the table ---- */

struct link_tcp *tcp_seen_table(struct links *l)
{
	struct link_tcp *t = load_acquire(&l->tcp), *none = NULL;

	if (t)
		return t;
	t = mem_zalloc(sizeof(*t));
	if (!t)
		return NULL;
	pthread_mutex_init(&t->turn, NULL);
	pthread_mutex_init(&t->lock, NULL);
	if (__atomic_compare_exchange_n(&l->tcp, &none, t, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return t;
	mem_free(t);
	return none;
}

static struct tcp_sock_seen **cookie_bucket(struct link_tcp *t, u64 cookie)
{
	return &t->by_cookie[cookie * 0x9e3779b97f4a7c15ULL >> 54];
}

static struct tcp_sock_seen **ends_bucket(struct link_tcp *t, const u32 *local, u16 lport,
					  const u32 *remote, u16 rport)
{
	u32 h = (u32)lport << 16 | rport;

	for (u32 i = 0; i < 4; i++)
		h = (h ^ remote[i] ^ local[i] * 31) * 0x9e3779b1u;
	return &t->by_ends[(h ^ h >> 15) % TCP_BUCKETS];
}

static struct tcp_sock_seen *find_cookie(struct link_tcp *t, u64 cookie)
{
	struct tcp_sock_seen *c = cookie ? *cookie_bucket(t, cookie) : NULL;

	while (c && c->cookie != cookie)
		c = c->next_cookie;
	return c;
}

struct tcp_sock_seen *tcp_seen_find(struct link_tcp *t, const struct tcp_seg *s)
{
	struct tcp_sock_seen *c = *ends_bucket(t, s->local, s->lport, s->remote, s->rport);

	while (c && (c->lport != s->lport || c->rport != s->rport || c->family != s->family ||
		     memcmp(c->local, s->local, 16) || memcmp(c->remote, s->remote, 16)))
		c = c->next_ends;
	return c;
}

static void take_out_ends(struct link_tcp *t, struct tcp_sock_seen *c)
{
	struct tcp_sock_seen **at;

	if (!c->has_ends)
		return;
	at = ends_bucket(t, c->local, c->lport, c->remote, c->rport);
	while (*at != c)
		at = &(*at)->next_ends;
	*at = c->next_ends;
	c->has_ends = false;
}

void tcp_seen_put_cookie(struct link_tcp *t, struct tcp_sock_seen *c, u64 cookie)
{
	struct tcp_sock_seen **at;

	c->cookie = cookie;
	if (!cookie)
		return;
	at = cookie_bucket(t, cookie);
	c->next_cookie = *at;
	*at = c;
}

void tcp_seen_drop(struct link_tcp *t, struct tcp_sock_seen *c)
{
	struct tcp_sock_seen **at;

	take_out_ends(t, c);
	if (c->cookie) {
		for (at = cookie_bucket(t, c->cookie); *at != c; at = &(*at)->next_cookie)
			;
		*at = c->next_cookie;
	}
	if (t->changed == c)
		t->changed = NULL;
	t->n--;
	mem_free(c->later);
	mem_free(c);
}

void tcp_seen_make_room(struct link_tcp *t, const struct tcp_sock_seen *but)
{
	u64 now = monotonic_ns(), age = 0;

	for (u32 b = 0; b < TCP_BUCKETS; b++)
		for (struct tcp_sock_seen *c = t->by_cookie[b]; c; c = c->next_cookie)
			age = max_t(u64, age, now - c->used);
	for (u32 b = 0; b < TCP_BUCKETS; b++)
		for (struct tcp_sock_seen *c = t->by_cookie[b], *next; c; c = next) {
			next = c->next_cookie;
			if (c != but && (now - c->used >= age / 2 || c->state == BPF_TCP_CLOSE))
				tcp_seen_drop(t, c);
		}
	for (u32 b = 0; b < TCP_BUCKETS; b++) /* requests that nothing came of */
		for (struct tcp_sock_seen *c = t->by_ends[b], *next; c; c = next) {
			next = c->next_ends;
			if (c != but && !c->cookie)
				tcp_seen_drop(t, c);
		}
}

struct tcp_sock_seen *tcp_seen_add(struct link_tcp *t, u64 cookie)
{
	struct tcp_sock_seen *c = mem_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	t->n++;
	c->fd = -1;
	c->used = monotonic_ns();
	tcp_seen_put_cookie(t, c, cookie);
	return c;
}

void tcp_seen_put_ends(struct link_tcp *t, struct tcp_sock_seen *c, const struct tcp_seg *s)
{
	struct tcp_sock_seen **at;

	take_out_ends(t, c);
	c->family = s->family;
	memcpy(c->local, s->local, 16);
	memcpy(c->remote, s->remote, 16);
	c->lport = s->lport;
	c->rport = s->rport;
	at = ends_bucket(t, c->local, c->lport, c->remote, c->rport);
	c->next_ends = *at;
	*at = c;
	c->has_ends = true;
}

void link_tcp_free(struct links *l)
{
	struct link_tcp *t = l->tcp;

	if (!t)
		return;
	for (u32 b = 0; b < TCP_BUCKETS; b++) {
		while (t->by_ends[b] && !t->by_ends[b]->cookie)
			tcp_seen_drop(t, t->by_ends[b]);
		while (t->by_cookie[b])
			tcp_seen_drop(t, t->by_cookie[b]);
	}
	for (u32 b = 0; b < TCP_BUCKETS; b++)
		while (t->by_ends[b])
			tcp_seen_drop(t, t->by_ends[b]);
	pthread_mutex_destroy(&t->turn);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
	l->tcp = NULL;
}

/* ---- for the supervisor ---- */

void link_tcp_note(struct links *l, const struct tcp_note *note)
{
	struct link_tcp *t = l ? tcp_seen_table(l) : NULL;
	struct tcp_sock_seen *c;

	if (!t || !note->cookie)
		return;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, note->cookie);
	if (!c && t->n < 2 * TCP_SEEN_MAX) /* the links' threads make room */
		c = tcp_seen_add(t, note->cookie);
	if (c) {
		c->used = monotonic_ns();
		c->cb_flags = note->cb_flags;
		c->save_syn = note->save_syn;
		c->rwnd = note->rwnd;
		c->told = 0;
		c->pid = note->pid;
		c->fd = note->fd;
		c->uid = note->uid;
		c->n = min_t(u32, note->n, TCP_LEVELS);
		memcpy(c->ids, note->ids, c->n * sizeof(*c->ids));
	}
	pthread_mutex_unlock(&t->lock);
}

bool link_tcp_flags(struct links *l, u64 cookie, u8 *flags)
{
	struct link_tcp *t = l ? load_acquire(&l->tcp) : NULL;
	struct tcp_sock_seen *c;
	bool known;

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	known = c && c->has_ends;
	if (known)
		*flags = c->cb_flags;
	pthread_mutex_unlock(&t->lock);
	return known;
}

void link_tcp_set_flags(struct links *l, u64 cookie, u8 flags)
{
	struct link_tcp *t = l ? load_acquire(&l->tcp) : NULL;
	struct tcp_sock_seen *c;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	if (c)
		c->cb_flags = flags;
	pthread_mutex_unlock(&t->lock);
}

bool link_tcp_told(struct links *l, u64 cookie, enum tcp_told what)
{
	struct link_tcp *t = l ? load_acquire(&l->tcp) : NULL;
	struct tcp_sock_seen *c;
	bool told;

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	told = c && c->told & what;
	pthread_mutex_unlock(&t->lock);
	return told;
}

bool link_tcp_follows(struct links *l, u64 cookie, u8 from, u8 to, u8 real)
{
	struct link_tcp *t = l ? load_acquire(&l->tcp) : NULL;
	struct tcp_sock_seen *c;
	bool follows = false;

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	if (c && c->has_ends && c->told & TCP_TOLD_ESTABLISHED) {
		/* It has timed out; it is closed when the other end has nothing to say but that it closes, too. */
		follows = c->told & TCP_TOLD_CLOSE || to != BPF_TCP_CLOSE || c->fin_in ||
			  (real != BPF_TCP_CLOSE &&
			   (real != BPF_TCP_FIN_WAIT2 || from != BPF_TCP_FIN_WAIT2));
		if (!follows)
			c->told |= TCP_TOLD_CLOSE;
	}
	pthread_mutex_unlock(&t->lock);
	return follows;
}

struct bpf_rt_sock *link_tcp_later(struct links *l, u64 cookie, pid_t pid, int fd, u32 inode)
{
	struct link_tcp *t = l ? load_acquire(&l->tcp) : NULL;
	struct bpf_rt_sock *later = NULL;
	struct tcp_sock_seen *c;

	if (!t)
		return NULL;
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	if (c) {
		later = c->later;
		c->later = NULL;
		c->pid = pid;
		c->fd = fd;
		c->inode = inode;
	}
	pthread_mutex_unlock(&t->lock);
	return later;
}

void link_tcp_put_flags(struct links *l, struct tcp_sock_seen *c, u8 flags)
{
	pthread_mutex_lock(&l->tcp->lock);
	c->cb_flags = flags;
	pthread_mutex_unlock(&l->tcp->lock);
}

void link_tcp_tell(struct links *l, struct tcp_sock_seen *c, enum tcp_told what)
{
	pthread_mutex_lock(&l->tcp->lock);
	c->told |= (u8)what;
	pthread_mutex_unlock(&l->tcp->lock);
}

void link_tcp_keep(struct links *l, struct tcp_sock_seen *c, struct bpf_rt_sock *later,
		   const struct bpf_rt_sock *after)
{
	pthread_mutex_lock(&l->tcp->lock);
	if (!c->later) {
		c->later = later;
		later = NULL;
	}
	if (c->later)
		c->later[1] = *after;
	pthread_mutex_unlock(&l->tcp->lock);
	mem_free(later);
}

/* ---- whose it is ---- */

bool tcp_seen_ask(struct links *l, const struct tcp_seg *s, struct inet_diag_msg *m)
{
	return !link_ask_socket(l, s->family, IPPROTO_TCP, s->local, s->lport, s->remote, s->rport,
				m);
}

u64 tcp_seen_cookie(const struct inet_diag_msg *m)
{
	return (u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
}

struct tcp_sock_seen *tcp_seen_of(struct links *l, struct link_tcp *t,
				  const struct inet_diag_msg *m)
{
	u64 cookie = tcp_seen_cookie(m), ids[TCP_LEVELS];
	struct tcp_sock_seen *c;
	u32 n = 0;

	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	pthread_mutex_unlock(&t->lock);
	if (!c) {
		n = link_cgroup_of_socket(l, m->idiag_inode, ids, TCP_LEVELS);
		if (!n)
			return NULL;
	}
	pthread_mutex_lock(&t->lock);
	c = find_cookie(t, cookie);
	if (!c && t->n >= TCP_SEEN_MAX)
		tcp_seen_make_room(t, NULL);
	if (!c)
		c = tcp_seen_add(t, cookie);
	if (c) {
		if (!c->n) {
			c->n = n;
			memcpy(c->ids, ids, n * sizeof(*ids));
		}
		c->inode = m->idiag_inode;
		c->uid = m->idiag_uid;
		c->used = monotonic_ns();
	}
	pthread_mutex_unlock(&t->lock);
	return c;
}
