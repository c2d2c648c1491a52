/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Iterators over sockets and symbols; what they write is compared with Linux's. tests/unit/iter_socks_test.c */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/* Sockets that are shown, by inode, and their names. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__type(key, u64);
	__type(value, u32);
} shown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 6);
	__type(key, u32);
	__type(value, u64);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 6);
	__type(key, u32);
	__type(value, u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 6);
	__type(key, u32);
	__type(value, u64);
} copies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} storage SEC(".maps");

/* Values that the program that is shown those of storage makes, and takes away. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} made SEC(".maps");

static u64 inode_of(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	u64 ino = 0;

	if (socket)
		bpf_probe_read_kernel(&ino, sizeof(ino),
				      &((struct socket_alloc *)socket)->vfs_inode.i_ino);
	return ino;
}

static u32 *name_of(struct sock *sk)
{
	u64 ino = inode_of(sk);

	return bpf_map_lookup_elem(&shown, &ino);
}

SEC("iter/tcp")
int each_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;
	struct sock *sk;
	u32 *name;

	if (!skc)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp)
		return 0;
	sk = &tp->inet_conn.icsk_inet.sk;
	name = name_of(sk);
	if (!name)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %d %08x:%u %08x:%u %d %u %d %u\n", *name, skc->skc_family,
		       skc->skc_rcv_saddr, skc->skc_num, skc->skc_daddr,
		       bpf_ntohs(skc->skc_dport), skc->skc_state, ctx->uid,
		       tp->inet_conn.icsk_inet.inet_sport == bpf_htons(skc->skc_num),
		       skc->skc_state == 10 ? sk->sk_ack_backlog : tp->snd_cwnd);
	return 0;
}

SEC("iter/udp")
int each_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *up = ctx->udp_sk;
	struct sock *sk;
	u32 *name;

	if (!up)
		return 0;
	sk = &up->inet.sk;
	name = name_of(sk);
	if (!name)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %d %08x:%u %u %d %d %d\n", *name,
		       sk->__sk_common.skc_family, sk->__sk_common.skc_rcv_saddr,
		       sk->__sk_common.skc_num, ctx->uid, sk->__sk_common.skc_state,
		       sk->sk_wmem_alloc.refs.counter, sk->sk_backlog.rmem_alloc.counter);
	if (sk->__sk_common.skc_family == 10)
		BPF_SEQ_PRINTF(ctx->meta->seq, "v6 %d %pI6\n", bpf_skc_to_udp6_sock(up) != 0,
			       &sk->__sk_common.skc_v6_rcv_saddr);
	return 0;
}

SEC("iter/unix")
int each_unix(struct bpf_iter__unix *ctx)
{
	struct unix_sock *u = ctx->unix_sk;
	struct sock *sk = (struct sock *)u;
	u32 *name, len;
	char path[40] = {};

	if (!u)
		return 0;
	name = name_of(sk);
	if (!name)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %d %d %u", *name, sk->sk_type,
		       sk->__sk_common.skc_state, ctx->uid);
	if (u->addr) {
		len = u->addr->len;
		bpf_probe_read_kernel_str(path, sizeof(path), u->addr->name->sun_path);
		BPF_SEQ_PRINTF(ctx->meta->seq, " %u \"%s\" %x", len, path,
			       u->addr->name->sun_path[1]);
	}
	BPF_SEQ_PRINTF(ctx->meta->seq, "\n");
	return 0;
}

SEC("iter/netlink")
int each_netlink(struct bpf_iter__netlink *ctx)
{
	struct netlink_sock *n = ctx->sk;
	unsigned long groups = 0;
	u32 *name;

	if (!n)
		return 0;
	name = name_of(&n->sk);
	if (!name)
		return 0;
	if (n->groups)
		bpf_probe_read_kernel(&groups, sizeof(groups), &n->groups[0]);
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %d %u %lx %d %d\n", *name, n->sk.sk_protocol, n->portid,
		       groups, n->cb_running, n->sk.__sk_common.skc_refcnt.refs.counter);
	return 0;
}

SEC("iter/sockmap")
int each_element(struct bpf_iter__sockmap *ctx)
{
	struct sock *sk = ctx->sk;
	u32 key, *k = ctx->key, *name;

	if (!k) {
		BPF_SEQ_PRINTF(ctx->meta->seq, "end %d %d\n", ctx->map->max_entries, sk != 0);
		return 0;
	}
	key = *k;
	name = sk ? name_of(sk) : 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u = %u\n", key, name ? *name : 0);
	if (sk)
		return bpf_map_update_elem(&copies, &key, sk, 0) != 0;
	bpf_map_delete_elem(&copies, &key);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int each_value(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	u32 *v = ctx->value, *name, *new, *again;

	if (!sk || !v) {
		struct timespec64 time = { .tv_sec = 5, .tv_nsec = 7 };
		struct btf_ptr p = { .ptr = &time,
				     .type_id = bpf_core_type_id_kernel(struct timespec64) };

		BPF_SEQ_PRINTF(ctx->meta->seq, "end\n");
		if (!bpf_seq_printf_btf(ctx->meta->seq, &p, sizeof(p),
					BTF_F_COMPACT | BTF_F_NONAME))
			BPF_SEQ_PRINTF(ctx->meta->seq, "\n");
		return 0;
	}
	name = name_of(sk);
	if (name)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u = %u\n", *name, *v);
	*v += 100;
	name = bpf_sk_storage_get(&made, sk, 0, 0);
	new = bpf_sk_storage_get(&made, sk, v, BPF_SK_STORAGE_GET_F_CREATE);
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %u", !!name, new ? *new : 0);
	if (new)
		*new += 1000;
	again = bpf_sk_storage_get(&made, sk, 0, 0);
	BPF_SEQ_PRINTF(ctx->meta->seq, " %u", again ? *again : 0);
	if (*v > 200) { /* the second time: what the first has left is there */
		BPF_SEQ_PRINTF(ctx->meta->seq, " %d", bpf_sk_storage_delete(&made, sk));
		BPF_SEQ_PRINTF(ctx->meta->seq, " %d", bpf_sk_storage_delete(&made, sk));
	}
	BPF_SEQ_PRINTF(ctx->meta->seq, "\n");
	return 0;
}

SEC("iter/ksym")
int each_symbol(struct bpf_iter__ksym *ctx)
{
	struct kallsym_iter *k = ctx->ksym;

	if (!k)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "%016lx %c %s\n", k->value, k->type, k->name);
	return 0;
}

#define RTF_GATEWAY 2

/* A line of /proc/net/ipv6_route, but for the count of uses, which nobody keeps. */
SEC("iter/ipv6_route") int each_route(struct bpf_iter__ipv6_route *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct fib6_info *rt = ctx->rt;
	struct net_device *dev;
	struct fib6_nh *nh;
	unsigned int flags;

	if (!rt)
		return 0;
	nh = &rt->fib6_nh[0];
	flags = rt->fib6_flags;
	BPF_SEQ_PRINTF(seq, "%pi6 %02x %pi6 %02x ", &rt->fib6_dst.addr, rt->fib6_dst.plen,
		       &rt->fib6_src.addr, rt->fib6_src.plen);
	if (nh->nh_common.nhc_gw_family) {
		flags |= RTF_GATEWAY;
		BPF_SEQ_PRINTF(seq, "%pi6 ", &nh->nh_common.nhc_gw.ipv6);
	} else {
		BPF_SEQ_PRINTF(seq, "00000000000000000000000000000000 ");
	}
	dev = nh->nh_common.nhc_dev;
	if (!rt->nh && dev)
		BPF_SEQ_PRINTF(seq, "%08x %08x %08x %08x %8s\n", rt->fib6_metric,
			       rt->fib6_ref.refs.counter, 0, flags, dev->name);
	return 0;
}

struct bpf_iter__kmem_cache___any {
	struct bpf_iter_meta *meta;
	struct kmem_cache *s;
};

SEC("?iter/kmem_cache") int each_cache(struct bpf_iter__kmem_cache___any *ctx)
{
	struct kmem_cache *s = ctx->s;

	if (s)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%s %u %u\n", s->name, s->size, s->oo.x & 0xffff);
	return 0;
}
