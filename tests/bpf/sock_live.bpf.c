// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * What programs do to the socket of a connect(), for tests/script/sock_live: bpf_bind() and bpf_setsockopt().
 * The port that is connected to says what.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define FIRST	   17440 /* port */
#define CASES	   24
#define RESULTS	   4
#define AF_INET	   2
#define AF_INET6   10
#define SOL_SOCKET 1
#define SOL_IP	   0
#define SOL_IPV6   41
#define SOL_TCP	   6
#define HERE(n)	   bpf_htonl(0x7f000000 + (n))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CASES *RESULTS);
	__type(key, __u32);
	__type(value, __s32);
} results SEC(".maps");

/* How often a socket has been seen. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u32);
} seen SEC(".maps");

struct address {
	__u16 family, port;
	__u32 ip4; /* of IPv6: the flow */
	__u32 ip6[4];
	__u32 scope;
};

static void result(__u32 i, __u32 n, long v)
{
	__u32 at = i * RESULTS + n;
	__s32 r = (__s32)v;

	bpf_map_update_elem(&results, &at, &r, 0);
}

static void bind4(struct bpf_sock_addr *ctx, __u32 i, __u32 n, __u32 ip, __u16 port)
{
	struct address a = { AF_INET, bpf_htons(port), ip };

	result(i, n, bpf_bind(ctx, (struct sockaddr *)&a, 16));
}

static const struct {
	__s32 level, name, value;
} options[] = {
	{ SOL_SOCKET, 2 /* SO_REUSEADDR */, 5 },
	{ SOL_SOCKET, 7 /* SO_SNDBUF */, 6000 },
	{ SOL_SOCKET, 8 /* SO_RCVBUF */, 1 },
	{ SOL_SOCKET, 9 /* SO_KEEPALIVE */, 7 },
	{ SOL_SOCKET, 12 /* SO_PRIORITY */, 3 },
	{ SOL_SOCKET, 18 /* SO_RCVLOWAT */, -1 },
	{ SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, 1 },
	{ SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, -1 },
	{ SOL_SOCKET, 74 /* SO_TXREHASH */, 2 },
	{ SOL_SOCKET, 13 /* SO_LINGER */, 1 },
	{ SOL_IP, 1 /* IP_TOS */, 0x13 },
	{ SOL_IP, 2 /* IP_TTL */, 13 },
	{ SOL_IPV6, 67 /* IPV6_TCLASS */, 4 },
	{ SOL_TCP, 1 /* TCP_NODELAY */, 9 },
	{ SOL_TCP, 2 /* TCP_MAXSEG */, 1000 },
	{ SOL_TCP, 2 /* TCP_MAXSEG */, 5 },
	{ SOL_TCP, 4 /* TCP_KEEPIDLE */, 0 },
	{ SOL_TCP, 5 /* TCP_KEEPINTVL */, 11 },
	{ SOL_TCP, 7 /* TCP_SYNCNT */, 200 },
	{ SOL_TCP, 18 /* TCP_USER_TIMEOUT */, -1 },
	{ SOL_TCP, 1005 /* TCP_BPF_SOCK_OPS_CB_FLAGS */, 1 << 20 },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

struct outcome {
	__s32 level, name, set, got, value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, struct outcome);
} outcomes SEC(".maps");

static bool same(const char *a, const char *b, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static void set_options(struct bpf_sock_addr *ctx)
{
	char reno[] = "reno", nosuch[] = "nosuch", cdg[] = "cdg", name[16], shorter[4];

	for (__u32 i = 0; i < OPTIONS; i++) {
		struct outcome o = { options[i].level, options[i].name };
		__s32 v = options[i].value;
		__u32 key = i;

		o.set = bpf_setsockopt(ctx, o.level, o.name, &v, sizeof(v));
		o.got = bpf_getsockopt(ctx, o.level, o.name, &o.value, sizeof(o.value));
		bpf_map_update_elem(&outcomes, &key, &o, 0);
	}
	result(20, 0, bpf_setsockopt(ctx, SOL_TCP, 13, nosuch, sizeof(nosuch)));
	result(20, 1, bpf_setsockopt(ctx, SOL_TCP, 13, cdg, sizeof(cdg)));
	result(20, 2, bpf_setsockopt(ctx, SOL_TCP, 13, reno, sizeof(reno)));
	result(20, 3, bpf_setsockopt(ctx, SOL_TCP, 13, reno, 1));
	bpf_getsockopt(ctx, SOL_TCP, 13, name, sizeof(name));
	result(21, 0, same(name, "reno\0", 6));
	bpf_getsockopt(ctx, SOL_TCP, 13, shorter, sizeof(shorter));
	result(21, 1, same(shorter, "ren", 4));
	result(21, 2, bpf_getsockopt(ctx, SOL_TCP, 13, shorter, 1));
	result(21, 3, bpf_setsockopt(ctx, SOL_SOCKET, 4, name, 2));
}

SEC("cgroup/sock_create")
int on_create(struct bpf_sock *ctx)
{
	__u32 *n = bpf_sk_storage_get(&seen, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (n)
		*n += 16;
	return 1;
}

static void see(struct bpf_sock_addr *ctx, __u32 i)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 *n = sk ? bpf_sk_storage_get(&seen, sk, 0, 0) : NULL;

	if (n)
		result(i, 0, ++*n);
	else
		result(i, 1, -1);
	result(i, 2, bpf_get_socket_cookie(ctx) != 0);
	if (n && *n == 18) {
		result(i, 1, bpf_sk_storage_delete(&seen, sk));
		result(i, 3, bpf_sk_storage_delete(&seen, sk));
	}
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	__u32 i = bpf_ntohs((__u16)ctx->user_port) - FIRST;
	struct address a = { 99 };
	struct bpf_sock *sk = ctx->sk;

	if (i >= CASES)
		return 1;
	ctx->user_port = bpf_htons(FIRST);
	switch (i) {
	case 1: /* another address */
	case 7:
	case 11: /* and no */
		bind4(ctx, i, 0, HERE(2), 0);
		if (sk) {
			result(i, 1, sk->src_ip4 == HERE(2));
			result(i, 2, !!sk->src_port); /* of TCP: not yet */
		}
		return i != 11;
	case 2:
		bind4(ctx, i, 0, HERE(3), FIRST + 20);
		if (sk)
			result(i, 1, sk->src_port == FIRST + 20);
		break;
	case 3: /* a port that is in use */
		bind4(ctx, i, 0, HERE(2), FIRST + 21);
		break;
	case 4: /* nobody's address */
		bind4(ctx, i, 0, bpf_htonl(0xc6336401), 0);
		break;
	case 5: /* twice */
		bind4(ctx, i, 0, HERE(2), 0);
		bind4(ctx, i, 1, HERE(3), 0);
		bind4(ctx, i, 2, HERE(3), FIRST + 22);
		bind4(ctx, i, 3, HERE(4), 0);
		break;
	case 6: /* one that is bound by now */
		bind4(ctx, i, 0, HERE(2), 0);
		break;
	case 8: /* a port that is not for everybody */
		bind4(ctx, i, 0, HERE(2), 81);
		break;
	case 9:
		result(i, 0, bpf_bind(ctx, (struct sockaddr *)&a, sizeof(a)));
		a.family = AF_INET;
		result(i, 1, bpf_bind(ctx, (struct sockaddr *)&a, 8));
		result(i, 2, bpf_bind(ctx, (struct sockaddr *)&a, 1));
		break;
	case 10:
		set_options(ctx);
		break;
	case 16:
	case 17:
		see(ctx, i);
		break;
	}
	return 1;
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	__u32 i = bpf_ntohs((__u16)ctx->user_port) - FIRST;
	struct address a = { AF_INET6, 0 };
	struct bpf_sock *sk = ctx->sk;
	__s32 v = 8;

	if (i < 12 || i >= CASES)
		return 1;
	ctx->user_port = bpf_htons(FIRST);
	switch (i) {
	case 12:
		a.port = bpf_htons(FIRST + 23);
		a.ip6[3] = bpf_htonl(1);
		result(i, 0, bpf_bind(ctx, (struct sockaddr *)&a, sizeof(a)));
		result(i, 1, bpf_bind(ctx, (struct sockaddr *)&a, sizeof(a)));
		result(i, 2, bpf_bind(ctx, (struct sockaddr *)&a, 23));
		if (sk)
			result(i, 3, sk->src_port == FIRST + 23);
		break;
	case 13: /* an IPv4 address of an IPv6 socket */
		bind4(ctx, i, 0, HERE(2), 0);
		break;
	case 14:
		result(i, 0, bpf_setsockopt(ctx, SOL_IPV6, 67, &v, sizeof(v)));
		result(i, 1, bpf_setsockopt(ctx, SOL_IP, 1, &v, sizeof(v)));
		v = 256;
		result(i, 2, bpf_setsockopt(ctx, SOL_IPV6, 67, &v, sizeof(v)));
		break;
	}
	return 1;
}
