/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN of programs about sockets: SK_LOOKUP as Linux has it
 * (bpf_prog_test_run_sk_lookup() in net/bpf/test_run.c), and, where Linux has none, those of
 * SK_MSG, SK_REUSEPORT, SOCK_OPS and of control groups. The socket is made of what the context
 * says of it; it is nobody's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "object/sock.h"
#include "object/watch.h"
#include "prog/test_run_io.h"

#define TCP_HEADER 20
#define MSG_ROOM   65536 /* before and behind a message, for bpf_msg_push_data() */

struct sock_run {
	union {
		struct bpf_sock sock;
		struct bpf_rt_sock_addr addr;
		struct bpf_rt_sock_ops ops;
		struct bpf_sockopt opt;
		struct bpf_rt_msg msg;
		struct bpf_rt_reuseport reuse;
	};
	struct bpf_rt_sock sk;
	u8 data[];
};

static void sock_init(struct skep_system *sys, struct bpf_rt_sock *sk)
{
	sk->cookie = sys->platform->random() >> 16 | 1;
	sk->ino = SOCK_INO_MADE_UP | sk->cookie;
	sk->netns_cookie = 1; /* the first network namespace's */
	sk->u.state = BPF_TCP_CLOSE;
	sk->u.rx_queue_mapping = -1;
}

static bool is_zero(const void *p, u32 from, u32 to)
{
	const u8 *bytes = p;

	for (u32 i = from; i < to; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Only a program that is given data gets some. */
static int read_data(struct skep_system *sys, const struct test_run *t, u8 *to)
{
	u32 size = t->attr->test.data_size_in;

	return size && user_read(sys, to, t->attr->test.data_in, size) ? -EFAULT : 0;
}

static int write_data(struct skep_system *sys, const struct test_run *t, const void *from, u32 size)
{
	return test_run_write_data(sys, t, &(struct test_run_part){ from, size }, 1);
}

/* ---- SK_LOOKUP ---- */

static void lookup_before(void *ctx)
{
	((struct bpf_rt_sk_lookup *)ctx)->u.sk = NULL;
}

static int lookup_fill(struct bpf_rt_sk_lookup *run, const struct bpf_sk_lookup *from)
{
	if (from->cookie ||
	    !is_zero(from, offsetofend(struct bpf_sk_lookup, local_port), sizeof(*from)))
		return -EINVAL;
	if (from->local_port > UINT16_MAX)
		return -ERANGE;
	run->u.family = (u16)from->family;
	run->u.protocol = (u16)from->protocol;
	run->u.local_port = (u16)from->local_port;
	run->u.remote_port = from->remote_port;
	switch (run->u.family) {
	case AF_INET:
		run->u.local_ip4 = from->local_ip4;
		run->u.remote_ip4 = from->remote_ip4;
		return 0;
	case AF_INET6:
		memcpy(run->u.local_ip6, from->local_ip6, 16);
		memcpy(run->u.remote_ip6, from->remote_ip6, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

int sk_lookup_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	struct bpf_rt_sk_lookup ctx = { .no_reuseport = false };
	struct bpf_run run = { .event = NULL };
	struct bpf_sk_lookup *user;
	struct bpf_rt_sock *sk;
	void *given;
	int err;

	if (a->test.flags || a->test.cpu || a->test.batch_size || a->test.data_in ||
	    a->test.data_size_in || a->test.data_out || a->test.data_size_out)
		return -EINVAL;
	err = test_run_read_ctx(sys, t, sizeof(*user), &given);
	if (err)
		return err;
	user = given;
	if (!user)
		return -EINVAL;
	err = lookup_fill(&ctx, user);
	if (err)
		goto out;
	t->block = (struct compare_block){ &ctx, sizeof(ctx) };
	t->before = lookup_before;
	err = test_run_repeat(sys, prog, &ctx, t, &run);
	if (err)
		goto out;
	sk = (struct bpf_rt_sock *)(uintptr_t)ctx.u.sk;
	user->cookie = 0;
	if (sk) {
		err = sk->reuseport && !ctx.no_reuseport ? -EOPNOTSUPP : 0;
		user->cookie = sk->cookie;
	}
	if (!err)
		err = write_data(sys, t, NULL, 0);
	if (!err)
		err = test_run_write_ctx(sys, t, user, sizeof(*user));
out:
	mem_free(given);
	return err;
}

/* ---- those that are skep's own ---- */

static void tcp_of_ops(struct bpf_tcp_sock *tcp, const struct bpf_sock_ops *ops)
{
	tcp->snd_cwnd = ops->snd_cwnd;
	tcp->srtt_us = ops->srtt_us;
	tcp->rtt_min = ops->rtt_min;
	tcp->snd_ssthresh = ops->snd_ssthresh;
	tcp->rcv_nxt = ops->rcv_nxt;
	tcp->snd_nxt = ops->snd_nxt;
	tcp->snd_una = ops->snd_una;
	tcp->mss_cache = ops->mss_cache;
	tcp->ecn_flags = ops->ecn_flags;
	tcp->rate_delivered = ops->rate_delivered;
	tcp->rate_interval_us = ops->rate_interval_us;
	tcp->packets_out = ops->packets_out;
	tcp->retrans_out = ops->retrans_out;
	tcp->total_retrans = ops->total_retrans;
	tcp->segs_in = ops->segs_in;
	tcp->data_segs_in = ops->data_segs_in;
	tcp->segs_out = ops->segs_out;
	tcp->data_segs_out = ops->data_segs_out;
	tcp->lost_out = ops->lost_out;
	tcp->sacked_out = ops->sacked_out;
	tcp->bytes_received = ops->bytes_received;
	tcp->bytes_acked = ops->bytes_acked;
}

/* Addresses and ports, which the contexts of several types name alike. Ports: see uapi. */
#define SET_ADDRESSES(sk_, ctx)                                                                    \
	do {                                                                                       \
		(sk_)->family = (ctx)->family;                                                     \
		(sk_)->src_ip4 = (ctx)->local_ip4;                                                 \
		(sk_)->dst_ip4 = (ctx)->remote_ip4;                                                \
		memcpy((sk_)->src_ip6, (ctx)->local_ip6, 16);                                      \
		memcpy((sk_)->dst_ip6, (ctx)->remote_ip6, 16);                                     \
		(sk_)->src_port = (ctx)->local_port;                                               \
		(sk_)->dst_port = (__be16)((ctx)->remote_port >> 16);                              \
		(sk_)->type = SOCK_STREAM;                                                         \
		(sk_)->protocol = IPPROTO_TCP;                                                     \
		(sk_)->state = BPF_TCP_ESTABLISHED;                                                \
	} while (0)

/* One type's run: what the caller's context must leave 0, and what points where. */
struct sock_kind {
	u32 ctx_size;
	u32 pointers[3][2]; /* offset and end of pointers, which are skep's to set */
	/*
	 * Offset of a pointer to a socket, 0: there is none. In ctx_in it is the cookie of a socket of the
	 * machine or 0, in ctx_out the cookie of the one that was chosen or 0.
	 */
	u32 cookie_at;
	/* @size bytes of data lie at @data. Returns the context. */
	void *(*begin)(struct sock_run *r, u8 *data, u32 size);
	/* What goes out as data; NULL: as it came in. */
	void (*end)(const struct sock_run *r, const u8 **data, u32 *size);
};

#define POINTER(type, member)                                                                      \
	{                                                                                          \
		offsetof(type, member), offsetofend(type, member)                                  \
	}

static void *begin_sock(struct sock_run *r, u8 *data, u32 size)
{
	r->sk.u = r->sock;
	return &r->sk.u;
}

static void *begin_addr(struct sock_run *r, u8 *data, u32 size)
{
	u16 family = (u16)r->addr.u.user_family;

	r->sk.u.family = r->addr.u.family;
	r->sk.u.type = r->addr.u.type;
	r->sk.u.protocol = r->addr.u.protocol;
	r->addr.u.sk = &r->sk.u;
	r->addr.fd = -1;
	memcpy(r->addr.uaddr, &family, sizeof(family));
	r->addr.uaddrlen = sizeof(family);
	return &r->addr;
}

static void *begin_ops(struct sock_run *r, u8 *data, u32 size)
{
	struct bpf_sock_ops *u = &r->ops.u;

	SET_ADDRESSES(&r->sk.u, u);
	r->sk.u.state = u->state ? u->state : BPF_TCP_ESTABLISHED;
	r->sk.cb_flags = u->bpf_sock_ops_cb_flags;
	tcp_of_ops(&r->sk.tcp, u);
	u->sk = u->is_fullsock ? &r->sk.u : NULL;
	u->skb_data = data;
	u->skb_data_end = data + size;
	if (size)
		u->skb_len = size;
	/* What is given is a TCP header, with the options that it has so far. */
	r->ops.has_skb = size != 0;
	r->ops.opt_room = TCP_OPTIONS_MAX;
	if (size > TCP_HEADER)
		r->ops.opt_room -= min_t(u32, size - TCP_HEADER, TCP_OPTIONS_MAX);
	return u;
}

static void end_ops(const struct sock_run *r, const u8 **data, u32 *size)
{
	*size = (u32)((u8 *)r->ops.u.skb_data_end - (u8 *)r->ops.u.skb_data);
}

static void *begin_opt(struct sock_run *r, u8 *data, u32 size)
{
	r->sk.u.family = AF_INET;
	r->sk.u.type = SOCK_STREAM;
	r->sk.u.protocol = IPPROTO_TCP;
	r->opt.sk = &r->sk.u;
	r->opt.optval = data;
	r->opt.optval_end = data + size;
	if (!r->opt.optlen)
		r->opt.optlen = (s32)size;
	return &r->opt;
}

static void *begin_msg(struct sock_run *r, u8 *data, u32 size)
{
	SET_ADDRESSES(&r->sk.u, &r->msg.u);
	r->msg.u.sk = &r->sk.u;
	r->msg.u.size = size;
	r->msg.u.data = data;
	r->msg.u.data_end = data + size;
	r->msg.start = data;
	r->msg.buf = data - MSG_ROOM;
	r->msg.end = data + size + MSG_ROOM;
	return &r->msg;
}

static void end_msg(const struct sock_run *r, const u8 **data, u32 *size)
{
	*data = r->msg.start;
	*size = r->msg.u.size;
}

static void *begin_reuse(struct sock_run *r, u8 *data, u32 size)
{
	struct bpf_rt_reuseport *u = &r->reuse;

	r->sk.u.family = u->u.eth_protocol == htons(0x86dd) ? AF_INET6 : AF_INET;
	r->sk.u.type = u->u.ip_protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	r->sk.u.protocol = u->u.ip_protocol;
	r->sk.u.state = u->u.ip_protocol == IPPROTO_TCP ? BPF_TCP_LISTEN : BPF_TCP_CLOSE;
	r->sk.reuseport = 1;
	u->u.sk = &r->sk.u;
	u->u.data = data;
	u->u.data_end = data + size;
	if (!u->u.len)
		u->u.len = size;
	u->head = data;
	u->tail = data + size;
	return u;
}

static const struct sock_kind *kind_of(u32 type)
{
	static const struct sock_kind sock = { .ctx_size = sizeof(struct bpf_sock),
					       .begin = begin_sock };
	static const struct sock_kind addr = {
		.ctx_size = sizeof(struct bpf_sock_addr),
		.pointers = { POINTER(struct bpf_sock_addr, sk) },
		.begin = begin_addr,
	};
	static const struct sock_kind ops = {
		.ctx_size = sizeof(struct bpf_sock_ops),
		.pointers = { POINTER(struct bpf_sock_ops, sk),
			      POINTER(struct bpf_sock_ops, skb_data),
			      POINTER(struct bpf_sock_ops, skb_data_end) },
		.cookie_at = offsetof(struct bpf_sock_ops, sk),
		.begin = begin_ops,
		.end = end_ops,
	};
	static const struct sock_kind opt = {
		.ctx_size = sizeof(struct bpf_sockopt),
		.pointers = { POINTER(struct bpf_sockopt, sk), POINTER(struct bpf_sockopt, optval),
			      POINTER(struct bpf_sockopt, optval_end) },
		.begin = begin_opt,
	};
	static const struct sock_kind msg = {
		.ctx_size = sizeof(struct sk_msg_md),
		.pointers = { POINTER(struct sk_msg_md, data), POINTER(struct sk_msg_md, data_end),
			      POINTER(struct sk_msg_md, sk) },
		.begin = begin_msg,
		.end = end_msg,
	};
	static const struct sock_kind reuse = {
		.ctx_size = sizeof(struct sk_reuseport_md),
		.pointers = { { offsetof(struct sk_reuseport_md, data),
				offsetofend(struct sk_reuseport_md, data_end) },
			      { offsetof(struct sk_reuseport_md, sk),
				offsetofend(struct sk_reuseport_md, migrating_sk) } },
		.cookie_at = offsetof(struct sk_reuseport_md, sk),
		.begin = begin_reuse,
	};

	switch (type) {
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return &sock;
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return &addr;
	case BPF_PROG_TYPE_SOCK_OPS:
		return &ops;
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return &opt;
	case BPF_PROG_TYPE_SK_MSG:
		return &msg;
	case BPF_PROG_TYPE_SK_REUSEPORT:
		return &reuse;
	}
	return NULL;
}

/* Takes the cookie out of @ctx, where a pointer will be. */
static u64 take_cookie(const struct sock_kind *k, void *ctx)
{
	u64 cookie = 0;

	if (ctx && k->cookie_at) {
		memcpy(&cookie, (u8 *)ctx + k->cookie_at, sizeof(cookie));
		memset((u8 *)ctx + k->cookie_at, 0, sizeof(cookie));
	}
	return cookie;
}

/* The socket is the one of the machine that has the cookie, as it is now. 0 or -ENOENT. */
static int name_socket(struct skep_system *sys, struct sock_run *r, u32 type, u64 cookie)
{
	struct bpf_run run = { .arena = sys->arena };
	u32 flags = r->sk.cb_flags;
	struct bpf_rt_sock *sk;

	sk = (void *)(uintptr_t)sys->platform->world(&run, WORLD_SK_BY_COOKIE, &cookie);
	if (!sk)
		return -ENOENT;
	r->sk = *sk;
	r->sk.cb_flags = flags;
	__atomic_sub_fetch(&sk->refs, 1, __ATOMIC_RELEASE);
	if (type == BPF_PROG_TYPE_SK_REUSEPORT)
		r->reuse.grouped = true;
	return 0;
}

static void reuse_before(void *ctx)
{
	((struct bpf_rt_reuseport *)ctx)->selected = 0;
}

static bool has_pointers(const struct sock_kind *k, const void *ctx)
{
	for (u32 i = 0; i < ARRAY_SIZE(k->pointers); i++)
		if (!is_zero(ctx, k->pointers[i][0], k->pointers[i][1]))
			return true;
	return false;
}

/* No addresses of ours go out. */
static void drop_pointers(const struct sock_kind *k, void *ctx)
{
	for (u32 i = 0; i < ARRAY_SIZE(k->pointers); i++)
		memset((u8 *)ctx + k->pointers[i][0], 0, k->pointers[i][1] - k->pointers[i][0]);
}

int sock_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	const struct sock_kind *k = kind_of(prog->prog->type);
	u32 size = a->test.data_size_in, out_size = size, type = prog->prog->type;
	struct bpf_run run = { .event = NULL };
	struct sock_run *r = NULL;
	u64 cookie;
	const u8 *out_data;
	u8 *data;
	void *user, *ctx;
	int err;

	if (!k || a->test.flags || a->test.cpu || a->test.batch_size || size > UINT16_MAX)
		return -EINVAL;
	err = test_run_read_ctx(sys, t, k->ctx_size, &user);
	if (err)
		return err;
	cookie = take_cookie(k, user);
	err = user && has_pointers(k, user) ? -EINVAL : 0;
	if (err)
		goto out;
	err = -ENOMEM;
	r = mem_zalloc(sizeof(*r) + 2 * MSG_ROOM + size);
	if (!r)
		goto out;
	data = r->data + MSG_ROOM;
	err = read_data(sys, t, data);
	if (err)
		goto out;
	if (user)
		memcpy(r, user, k->ctx_size);
	sock_init(sys, &r->sk);
	ctx = k->begin(r, data, size);
	err = cookie ? name_socket(sys, r, type, cookie) : 0;
	if (err)
		goto out;
	if (type == BPF_PROG_TYPE_SK_REUSEPORT)
		t->before = reuse_before;
	t->block = (struct compare_block){ r, sizeof(*r) + 2 * MSG_ROOM + size };
	err = test_run_repeat(sys, prog, ctx, t, &run);
	if (!cookie && type == BPF_PROG_TYPE_SOCK_OPS)
		watch_forget_socket(sys, r->sk.cookie);
	if (err)
		goto out;
	out_data = data;
	if (k->end)
		k->end(r, &out_data, &out_size);
	if (user) {
		memcpy(user, ctx, k->ctx_size);
		drop_pointers(k, user);
		if (type == BPF_PROG_TYPE_SK_REUSEPORT)
			memcpy((u8 *)user + k->cookie_at, &r->reuse.selected, sizeof(u64));
	}
	err = write_data(sys, t, out_data, out_size);
	if (!err)
		err = test_run_write_ctx(sys, t, user, k->ctx_size);
out:
	mem_free(r);
	mem_free(user);
	return err;
}
