/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_setsockopt() and bpf_getsockopt() (Linux: net/core/filter.c, and net/core/sock.c,
 * net/ipv4/tcp.c for what the options mean). Rows are the options that programs may use at all. Where a
 * socket is behind the pointer it is asked itself, with what the kernel lets us do (DIFF(sockopt-real)); a test run's
 * keeps numbers, with Linux's defaults of memory limits.
 */
#include "helper/helper.h"
#include "object/sock.h"

#define AF_INET	    2
#define AF_INET6    10
#define SOCK_RAW    3
#define IPPROTO_TCP 6

#define SOL_IP	   0
#define SOL_SOCKET 1
#define SOL_TCP	   6
#define SOL_IPV6   41

#define SO_REUSEADDR	   2
#define SO_SNDBUF	   7
#define SO_RCVBUF	   8
#define SO_KEEPALIVE	   9
#define SO_PRIORITY	   12
#define SO_REUSEPORT	   15
#define SO_RCVLOWAT	   18
#define SO_BINDTODEVICE	   25
#define SO_MARK		   36
#define SO_MAX_PACING_RATE 47
#define SO_BINDTOIFINDEX   62
#define SO_TXREHASH	   74

#define TCP_CONGESTION 13
#define TCP_SAVED_SYN  28
#define SNDBUF_MIN     4608
#define RCVBUF_MIN     2304
#define BUF_MAX	       212992 /* net.core.wmem_max */

/* How the value that is set becomes the one that is got. */
enum opt_kind { OPT_BOOL, OPT_INT, OPT_SNDBUF, OPT_RCVBUF, OPT_TOS };

static const struct opt_row {
	u8 level, name, kind;
	s32 start, min, max; /* of a socket that nobody has set; bounds of OPT_INT */
} rows[] = {
	{ SOL_SOCKET, SO_REUSEADDR, OPT_BOOL },
	{ SOL_SOCKET, SO_SNDBUF, OPT_SNDBUF, BUF_MAX },
	{ SOL_SOCKET, SO_RCVBUF, OPT_RCVBUF, BUF_MAX },
	{ SOL_SOCKET, SO_KEEPALIVE, OPT_BOOL },
	{ SOL_SOCKET, SO_PRIORITY, OPT_INT, 0, -2147483647 - 1, 2147483647 },
	{ SOL_SOCKET, SO_REUSEPORT, OPT_BOOL },
	{ SOL_SOCKET, SO_RCVLOWAT, OPT_INT, 1, -2147483647 - 1, 2147483647 },
	{ SOL_SOCKET, SO_MARK, OPT_INT, 0, -2147483647 - 1, 2147483647 },
	{ SOL_SOCKET, SO_MAX_PACING_RATE, OPT_INT, -1, -2147483647 - 1, 2147483647 },
	{ SOL_SOCKET, SO_BINDTOIFINDEX, OPT_INT, 0, 0, 2147483647 },
	{ SOL_SOCKET, SO_TXREHASH, OPT_INT, 1, -1, 1 },
	{ SOL_IP, 1 /* IP_TOS */, OPT_TOS },
	{ SOL_IPV6, 67 /* IPV6_TCLASS */, OPT_INT, 0, -1, 255 },
	{ SOL_IPV6, 70 /* IPV6_AUTOFLOWLABEL */, OPT_BOOL },
	{ SOL_TCP, 1 /* TCP_NODELAY */, OPT_BOOL },
	{ SOL_TCP, 2 /* TCP_MAXSEG */, OPT_INT, 536, 88, 32767 },
	{ SOL_TCP, 4 /* TCP_KEEPIDLE */, OPT_INT, 7200, 1, 32767 },
	{ SOL_TCP, 5 /* TCP_KEEPINTVL */, OPT_INT, 75, 1, 32767 },
	{ SOL_TCP, 6 /* TCP_KEEPCNT */, OPT_INT, 9, 1, 127 },
	{ SOL_TCP, 7 /* TCP_SYNCNT */, OPT_INT, 6, 1, 127 },
	{ SOL_TCP, 10 /* TCP_WINDOW_CLAMP */, OPT_INT, 0, 0, 2147483647 },
	{ SOL_TCP, 16 /* TCP_THIN_LINEAR_TIMEOUTS */, OPT_INT, 0, 0, 1 },
	{ SOL_TCP, 18 /* TCP_USER_TIMEOUT */, OPT_INT, 0, 0, 2147483647 },
	{ SOL_TCP, 25 /* TCP_NOTSENT_LOWAT */, OPT_INT, 0, -2147483647 - 1, 2147483647 },
	{ SOL_TCP, 27 /* TCP_SAVE_SYN */, OPT_INT, 0, 0, 2 },
};

bool sk_option(u32 i, u32 *level, u32 *name, bool *doubled)
{
	if (i >= ARRAY_SIZE(rows))
		return false;
	*level = rows[i].level;
	*name = rows[i].name;
	*doubled = rows[i].kind == OPT_SNDBUF || rows[i].kind == OPT_RCVBUF;
	return true;
}

_Static_assert(ARRAY_SIZE(rows) <= SK_OPTS, "options of a socket");

/* Those of BPF alone (TCP_BPF_*); cb_flags can be got, too. */
static s64 set_tcp_bpf(struct bpf_rt_sock *sk, u32 name, s32 v)
{
	switch (name) {
	case TCP_BPF_IW:
		if (v <= 0)
			return -EINVAL;
		sk->tcp.snd_cwnd = (u32)v;
		return 0;
	case TCP_BPF_SNDCWND_CLAMP:
		if (v <= 0)
			return -EINVAL;
		sk->tcp.snd_ssthresh = (u32)v;
		return 0;
	case TCP_BPF_DELACK_MAX: /* in microseconds: at least a tick, at most 200 ms */
	case TCP_BPF_RTO_MIN:
		if (v <= 4000 || v > 200000)
			return -EINVAL;
		*(name == TCP_BPF_RTO_MIN ? &sk->rto_min_us : &sk->delack_max_us) = (u32)v;
		return 0;
	case TCP_BPF_SOCK_OPS_CB_FLAGS:
		if (v & ~BPF_SOCK_OPS_ALL_CB_FLAGS)
			return -EINVAL;
		sk->cb_flags = (u32)v;
		return 0;
	}
	return -EINVAL;
}

static const struct opt_row *find_of(u32 family, u32 type, u32 protocol, u32 level, u32 name)
{
	if ((level == SOL_IP && family != AF_INET && (family != AF_INET6 || type == SOCK_RAW)) ||
	    (level == SOL_IPV6 && family != AF_INET6) ||
	    (level == SOL_TCP && protocol != IPPROTO_TCP))
		return NULL;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].level == level && rows[i].name == name)
			return &rows[i];
	return NULL;
}

static const struct opt_row *find(const struct bpf_rt_sock *sk, u32 level, u32 name)
{
	return find_of(sk->u.family, sk->u.type, sk->u.protocol, level, name);
}

/* What the socket was given is what programs see of it from then on. */
static void note(struct bpf_rt_sock *sk, u32 name, s32 v)
{
	if (name == SO_MARK)
		sk->u.mark = (u32)v;
	else if (name == SO_PRIORITY)
		sk->u.priority = (u32)v;
	else if (name == SO_BINDTOIFINDEX)
		sk->u.bound_dev_if = (u32)v;
	else if (name == SO_REUSEPORT)
		sk->reuseport = !!v;
}

static s64 set_row(struct bpf_rt_sock *sk, const struct opt_row *row, s32 v)
{
	u32 i = (u32)(row - rows);
	s32 *to = &sk->opt[i];

	switch ((enum opt_kind)row->kind) {
	case OPT_BOOL:
		*to = !!v;
		break;
	case OPT_INT:
		if (v < row->min || v > row->max)
			return -EINVAL;
		*to = v;
		break;
	case OPT_SNDBUF: /* doubled for bookkeeping, as socket(7) says */
		v = (s32)min_t(u32, (u32)v, BUF_MAX);
		*to = v * 2 < SNDBUF_MIN ? SNDBUF_MIN : v * 2;
		break;
	case OPT_RCVBUF:
		v = (s32)min_t(u32, (u32)v, BUF_MAX);
		*to = v * 2 < RCVBUF_MIN ? RCVBUF_MIN : v * 2;
		break;
	case OPT_TOS: /* of TCP: congestion bits are not the caller's */
		*to = sk->u.protocol == IPPROTO_TCP ? v & 0xfc : v & 0xff;
		break;
	}
	sk->opt_set |= 1ULL << i;
	if (row->level == SOL_SOCKET)
		note(sk, row->name, *to);
	if (row->level == SOL_SOCKET && row->name == SO_RCVLOWAT)
		*to = *to < 0 ? 2147483647 : *to ? *to : 1;
	return 0;
}

static bool is_cdg(const char *name, u32 len)
{
	return len >= 3 && name[0] == 'c' && name[1] == 'd' && name[2] == 'g' &&
	       (len == 3 || !name[3]);
}

s64 sock_option_check(u32 family, u32 type, u32 protocol, const struct sock_option *o)
{
	if (o->level == SOL_TCP && o->name == TCP_CONGESTION && protocol == IPPROTO_TCP) {
		if (o->len < 2)
			return -EINVAL;
		return o->set && is_cdg(o->value, o->len) ? -ENOTSUPP : 0;
	}
	if (o->level == SOL_SOCKET && o->name == SO_BINDTODEVICE)
		return o->set ? 0 : -EINVAL;
	return o->len == sizeof(s32) && find_of(family, type, protocol, o->level, o->name) ?
		       0 :
		       -EINVAL;
}

static s64 set_congestion(struct bpf_rt_sock *sk, const char *name, u32 len)
{
	static const char known[][8] = { "cubic", "reno", "bbr", "dctcp" };
	char text[16] = "";

	if (len < 2)
		return -EINVAL;
	if (is_cdg(name, len))
		return -ENOTSUPP;
	__builtin_memcpy(text, name, min_t(u32, len, sizeof(text) - 1));
	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (!__builtin_memcmp(text, known[i], sizeof(known[i]))) {
			__builtin_memcpy(sk->congestion, text, sizeof(text));
			return 0;
		}
	return -ENOENT;
}

/* Sets or gets it of the socket itself: @sk, or @world of a kernel type. */
static s64 live_option(struct bpf_run *run, u64 world, const struct bpf_rt_sock *sk,
		       struct sock_option *o)
{
	s64 err = sk ? sock_option_check(sk->u.family, sk->u.type, sk->u.protocol, o) : 0;
	const u64 args[] = { world, sk ? (u64)sk->live - 1 : 0, (u64)(uintptr_t)o };

	return err ?: (s64)run->platform->world(run, WORLD_SOCK_OPTION, args);
}

static u64 set_option(struct bpf_run *run, struct bpf_rt_sock *sk, u32 level, u32 name,
		      const void *value, u32 len)
{
	struct sock_option o = { level, name, (void *)(uintptr_t)value, len, true };
	const struct opt_row *row;
	s64 err;
	s32 v;

	if (!sk || !sock_is_full(sk))
		return ERR(EINVAL);
	if (sk->live && !(level == SOL_TCP && name >= TCP_BPF_IW)) {
		err = live_option(run, 0, sk, &o);
		if (!err && level == SOL_SOCKET && len == sizeof(v)) {
			__builtin_memcpy(&v, value, sizeof(v));
			note(sk, name, v);
		}
		return (u64)err;
	}
	if (level == SOL_TCP && name == TCP_CONGESTION && sk->u.protocol == IPPROTO_TCP)
		return (u64)set_congestion(sk, value, len);
	if (len != sizeof(v))
		return ERR(EINVAL);
	__builtin_memcpy(&v, value, sizeof(v));
	if (level == SOL_TCP && name >= TCP_BPF_IW)
		return sk->u.protocol == IPPROTO_TCP ? (u64)set_tcp_bpf(sk, name, v) : ERR(EINVAL);
	row = find(sk, level, name);
	return row ? (u64)set_row(sk, row, v) : ERR(EINVAL);
}

static s64 get_value(struct bpf_run *run, const struct bpf_rt_sock *sk, u32 level, u32 name,
		     char *to, u32 len)
{
	struct sock_option o = { level, name, to, len, false };
	const struct opt_row *row;
	s32 v;

	if (!sk || !sock_is_full(sk))
		return -EINVAL;
	if (sk->live && !(level == SOL_TCP && name >= TCP_BPF_IW))
		return live_option(run, 0, sk, &o);
	if (level == SOL_TCP && name == TCP_CONGESTION && sk->u.protocol == IPPROTO_TCP) {
		if (len < 2)
			return -EINVAL;
		__builtin_memset(to, 0, len);
		__builtin_memcpy(to, *sk->congestion ? sk->congestion : "cubic\0\0\0\0\0\0\0\0\0\0",
				 min_t(u32, len - 1, sizeof(sk->congestion)));
		return 0;
	}
	if (len != sizeof(v))
		return -EINVAL;
	if (level == SOL_TCP && name == TCP_BPF_SOCK_OPS_CB_FLAGS &&
	    sk->u.protocol == IPPROTO_TCP) {
		v = (s32)sk->cb_flags;
	} else {
		row = find(sk, level, name);
		if (!row)
			return -EINVAL;
		v = sk->opt_set >> (row - rows) & 1 ? sk->opt[row - rows] : row->start;
	}
	__builtin_memcpy(to, &v, sizeof(v));
	return 0;
}

static u64 get_option(struct bpf_run *run, const struct bpf_rt_sock *sk, u32 level, u32 name,
		      char *to, u32 len)
{
	s64 err = get_value(run, sk, level, name, to, len);

	if (err)
		__builtin_memset(to, 0, len);
	return (u64)err;
}

#define CTX_SK(type) ((struct bpf_rt_sock *)((struct type *)PTR(r1))->sk)

BPF_HELPER(sk_setsockopt)
{
	struct sock_option o = { (u32)r2, (u32)r3, PTR(r4), (u32)r5, true };

	if (unlikely(r1 && !run_is_socket(run, r1)))
		return (u64)live_option(run, r1, NULL, &o);
	return set_option(run, PTR(r1), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
}

BPF_HELPER(sk_getsockopt)
{
	struct sock_option o = { (u32)r2, (u32)r3, PTR(r4), (u32)r5, false };
	s64 err;

	if (likely(!r1 || run_is_socket(run, r1)))
		return get_option(run, PTR(r1), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
	err = live_option(run, r1, NULL, &o);
	if (err)
		__builtin_memset(o.value, 0, o.len);
	return (u64)err;
}

BPF_HELPER(setsockopt)
{
	return bpf_sk_setsockopt(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(getsockopt)
{
	return bpf_sk_getsockopt(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(sock_addr_setsockopt)
{
	return set_option(run, CTX_SK(bpf_sock_addr), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
}

BPF_HELPER(sock_addr_getsockopt)
{
	return get_option(run, CTX_SK(bpf_sock_addr), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
}

BPF_HELPER(sock_ops_setsockopt)
{
	return set_option(run, CTX_SK(bpf_sock_ops), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
}

BPF_HELPER(sock_ops_getsockopt)
{
	if ((u32)r2 == SOL_TCP && (u32)r3 >= TCP_BPF_SYN && (u32)r3 <= TCP_BPF_SYN_MAC)
		return (u64)sock_ops_get_syn(PTR(r1), (u32)r3, PTR(r4), (u32)r5);
	return get_option(run, CTX_SK(bpf_sock_ops), (u32)r2, (u32)r3, PTR(r4), (u32)r5);
}
