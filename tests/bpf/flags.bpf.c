/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helper calls with flags, as element 0 of map "call" says: tests/unit/flags_test.c. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flags.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct flag_call);
} call SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} socks SEC(".maps");

static struct flag_step *step(u32 i)
{
	u32 zero = 0;
	struct flag_call *c = bpf_map_lookup_elem(&call, &zero);

	return c && i < FLAG_STEPS ? &c->step[i] : NULL;
}

static __noinline int on_data(struct __sk_buff *ctx, struct flag_step *s)
{
	switch (s->what) {
	case SET_HASH:
		bpf_set_hash(ctx, s->a);
		return 0;
	case HASH:
		s->value = ctx->hash;
		return 0;
	case STORE:
		return bpf_skb_store_bytes(ctx, s->a, &s->c, 8, s->flags);
	case L4_CSUM:
		return bpf_l4_csum_replace(ctx, s->a, s->c, s->d, s->flags);
	case ADJUST_ROOM:
		return bpf_skb_adjust_room(ctx, s->a, s->b, s->flags);
	case CSUM_LEVEL:
		return bpf_csum_level(ctx, s->flags);
	case LOAD_RELATIVE:
		return bpf_skb_load_bytes_relative(ctx, s->a, s->buf, 8, s->b);
	case GSO_SIZE:
		s->value = (u64)ctx->gso_size << 32 | ctx->gso_segs;
		return 0;
	}
	return 0;
}

static __noinline int on_tunnel(struct __sk_buff *ctx, struct flag_step *s)
{
	struct bpf_tunnel_key key = { .tunnel_id = 7, .tunnel_ttl = 3 };
	int err;

	if (s->what == SET_TUNNEL) {
		key.remote_ipv6[3] = 5;
		return bpf_skb_set_tunnel_key(ctx, &key, sizeof(key), s->flags);
	}
	err = bpf_skb_get_tunnel_key(ctx, &key, sizeof(key), s->flags);
	__builtin_memcpy(s->buf, &key, sizeof(key));
	return err;
}

static __noinline int on_type(struct __sk_buff *ctx, struct flag_step *s)
{
	struct btf_ptr p = { .type_id = bpf_core_type_id_kernel(struct list_head) };
	u64 zero[2] = {};

	p.ptr = zero;
	return bpf_snprintf_btf((char *)s->buf, sizeof(s->buf), &p, sizeof(p), s->flags);
}

static __noinline int on_net(struct __sk_buff *ctx, struct flag_step *s)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	u32 len;

	switch (s->what) {
	case SET_TSTAMP:
		len = bpf_skb_set_tstamp(ctx, s->c, s->a);
		s->value = ctx->tstamp_type;
		return (int)len;
	case CHECK_MTU:
		len = s->a;
		return bpf_check_mtu(ctx, 0, &len, s->b, s->flags);
	case LOOKUP_SOCK:
		tuple.ipv4.saddr = tuple.ipv4.daddr = bpf_htonl(0x7f000001);
		tuple.ipv4.sport = bpf_htons(9);
		tuple.ipv4.dport = bpf_htons(s->a);
		sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), s->c, 0);
		if (!sk)
			return 0;
		bpf_sk_release(sk);
		return 1;
	}
	return 0;
}

SEC("tc")
int flag_tc(struct __sk_buff *ctx)
{
	for (u32 i = 0; i < FLAG_STEPS; i++) {
		struct flag_step *s = step(i);

		if (!s)
			break;
		switch (s->what) {
		case SET_TUNNEL:
		case GET_TUNNEL:
			s->ret = on_tunnel(ctx, s);
			break;
		case SHOW_TYPE:
			s->ret = on_type(ctx, s);
			break;
		case SET_TSTAMP:
		case CHECK_MTU:
		case LOOKUP_SOCK:
			s->ret = on_net(ctx, s);
			break;
		default:
			s->ret = on_data(ctx, s);
		}
	}
	return 0;
}

SEC("raw_tp")
int flag_raw(void *ctx)
{
	struct flag_step *s = step(0);
	u64 ips[16];

	if (s)
		s->ret = bpf_get_stack(ctx, ips, sizeof(ips), s->flags);
	return 0;
}

SEC("sk_lookup")
int flag_lookup(struct bpf_sk_lookup *ctx)
{
	for (u32 i = 0; i < 2; i++) {
		struct flag_step *s = step(i);
		struct bpf_sock *sk;
		u32 key;

		if (!s || s->what != ASSIGN)
			break;
		key = s->a;
		sk = bpf_map_lookup_elem(&socks, &key);
		if (!sk)
			break;
		s->ret = bpf_sk_assign(ctx, sk, s->flags);
		bpf_sk_release(sk);
	}
	return SK_PASS;
}

char _license[] SEC("license") = "GPL";
