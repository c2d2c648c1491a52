/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a connection has sent and when: round trips, and what is sent again (Linux: tcp_clean_rtx_queue() and
 * tcp_rtt_estimator() of net/ipv4/tcp_input.c, __tcp_retransmit_skb() of tcp_output.c, tcp_write_timeout() of tcp_timer.c).
 *
 * A round trip is measured on the wire: from when a segment passed to when its acknowledgement does.
 */
#include <string.h>

#include "event/link_tcp.h"
#include "event/supervisor.h"

static struct tcp_sent *sent_at(struct tcp_sock_seen *c, u32 i)
{
	return &c->sent[(c->first_sent + i) % TCP_SENT];
}

/* A segment up to @end is there for the first time, or again: whether it is. */
bool tcp_sent_note(struct tcp_sock_seen *c, const struct tcp_seg *s, u32 end)
{
	u64 now = monotonic_ns();
	bool again = before(s->seq, c->snd_nxt) && !before(s->seq, c->snd_una) && end != s->seq;
	struct tcp_sent *e;

	if (end == s->seq)
		return false;
	if (!before(s->seq, c->snd_nxt)) {
		if (c->nr_sent == TCP_SENT) {
			c->first_sent = (c->first_sent + 1) % TCP_SENT;
			c->nr_sent--;
		}
		e = sent_at(c, c->nr_sent++);
		*e = (struct tcp_sent){ .end = end, .ns = now };
		return false;
	}
	for (u32 i = 0; i < c->nr_sent; i++) {
		e = sent_at(c, i);
		if (before(s->seq, e->end) && !before(end, e->end)) {
			e->ns = now;
			e->again = true;
		}
	}
	return again;
}

/* What is acknowledged up to @ack: how many segments, and in *@us since the first of them; 0: that is not known. */
u32 tcp_sent_acked(struct tcp_sock_seen *c, u32 ack, bool times, u32 *us)
{
	u64 first = 0, last = 0, now = monotonic_ns();
	bool again = false;
	u32 n = 0;

	for (; c->nr_sent && !before(ack, sent_at(c, 0)->end); c->nr_sent--, n++) {
		const struct tcp_sent *e = sent_at(c, 0);

		if (!first)
			first = e->ns;
		last = e->ns;
		again |= e->again;
		c->first_sent = (c->first_sent + 1) % TCP_SENT;
	}
	/* Of what was sent twice nobody knows which it is; time stamps tell (RFC 7323). */
	if (again)
		first = times ? last : 0;
	*us = first ? max_t(u32, (u32)((now - first) / 1000), 1) : 0;
	return n;
}

/* Whether programs are told of a measurement now: once for a window. */
bool tcp_rtt_due(struct tcp_sock_seen *c, bool first)
{
	if (!first && !before(c->rtt_seq, c->snd_una))
		return false;
	c->rtt_seq = c->snd_nxt;
	return true;
}
