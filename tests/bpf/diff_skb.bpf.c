/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Follows a script of helper calls on packets with struct __sk_buff; see script.h. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "script.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct script);
} scripts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRIPT_STEPS);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

static __u32 length_of_device; /* for bpf_check_mtu() */

static __always_inline __u32 length(const struct step *s)
{
	return ((__u32)s->b & 31) + 1;
}

/* What every type may do. */
static __always_inline void read_step(struct __sk_buff *ctx, const struct step *s, struct result *r)
{
	switch (s->op) {
	case 0:
		r->ret = bpf_skb_load_bytes(ctx, s->a, r->buf, length(s));
		break;
	case 1:
		r->ret = bpf_skb_load_bytes_relative(ctx, s->a, r->buf, length(s), s->c & 3);
		break;
	case 2:
		r->ret = ctx->len;
		r->value = (__u64)ctx->protocol << 32 | ctx->pkt_type;
		break;
	case 3:
		r->ret = ctx->vlan_present;
		r->value = (__u64)ctx->vlan_tci << 32 | ctx->vlan_proto;
		break;
	case 4:
		r->ret = (__u64)ctx->mark << 32 | ctx->priority;
		r->value = (__u64)ctx->ingress_ifindex << 32 | ctx->ifindex;
		break;
	case 5:
		r->ret = (__u64)ctx->cb[0] << 32 | ctx->cb[4];
		r->value = (__u64)ctx->queue_mapping << 32 | ctx->tc_index;
		break;
	case 6:
		ctx->cb[1] = (__u32)s->c;
		ctx->cb[3] = (__u32)s->d;
		break;
	case 7:
		r->ret = (__u64)ctx->gso_segs << 32 | ctx->gso_size;
		r->value = ctx->napi_id;
		break;
	case 8:
		r->ret = bpf_get_socket_cookie(ctx) != 0;
		r->value = bpf_get_socket_uid(ctx);
		break;
	}
}

static __always_inline __u64 sum(const unsigned char *p, const unsigned char *end)
{
	__u64 s = 0;

	for (int i = 0; i < 64; i++) {
		if (p + i + 1 > end)
			break;
		s = s * 31 + p[i];
	}
	return s;
}

static __always_inline void tc_step(struct __sk_buff *ctx, const struct step *s, struct script *sc,
				    struct result *r)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	unsigned char *meta = (void *)(long)ctx->data_meta;

	switch (s->op) {
	case 20:
		r->ret = bpf_skb_store_bytes(ctx, s->a, sc->buf, length(s), s->c & 7);
		break;
	case 21:
		r->ret = bpf_l3_csum_replace(ctx, s->a, s->c, s->d, (__u32)s->b);
		break;
	case 22:
		r->ret = bpf_l4_csum_replace(ctx, s->a, s->c, s->d, (__u32)s->b);
		break;
	case 23:
		r->ret = bpf_skb_vlan_push(ctx, (__u32)s->a, (__u32)s->b);
		break;
	case 24:
		r->ret = bpf_skb_vlan_pop(ctx);
		break;
	case 25:
		r->ret = bpf_skb_change_proto(ctx, (__u32)s->a, s->c & 1);
		break;
	case 26:
		r->ret = bpf_skb_change_type(ctx, (__u32)s->a);
		break;
	case 27:
		r->ret = bpf_skb_adjust_room(ctx, s->a, (__u32)s->b, s->c);
		break;
	case 28:
		r->ret = bpf_skb_change_tail(ctx, (__u32)s->a, s->c & 1);
		break;
	case 29:
		r->ret = bpf_skb_change_head(ctx, (__u32)s->a, s->c & 1);
		break;
	case 30:
		r->ret = bpf_skb_pull_data(ctx, (__u32)s->a);
		break;
	case 31:
		r->ret = bpf_csum_update(ctx, (__u32)s->c);
		break;
	case 32:
		r->ret = bpf_csum_level(ctx, s->c & 7);
		break;
	case 33:
		bpf_set_hash(ctx, (__u32)s->c);
		r->ret = ctx->hash;
		break;
	case 34:
		bpf_set_hash_invalid(ctx);
		r->ret = ctx->hash;
		r->value = bpf_get_hash_recalc(ctx) != 0;
		break;
	case 35:
		r->ret = bpf_skb_ecn_set_ce(ctx);
		break;
	case 36:
		r->ret = bpf_skb_set_tstamp(ctx, s->c, (__u32)s->a);
		r->value = ctx->tstamp;
		break;
	case 37:
		r->value = sum(data, end);
		r->ret = end - data;
		break;
	case 38:
		data += (__u32)s->a & 15;
		if (data + 4 <= end)
			*(__u32 *)data = (__u32)s->c;
		data += (__u32)s->b & 15;
		if (data + 8 <= end)
			*(__u64 *)data = s->d;
		break;
	case 39:
		ctx->mark = (__u32)s->c;
		ctx->priority = (__u32)s->d;
		ctx->tc_index = (__u32)s->c;
		ctx->queue_mapping = (__u32)s->a;
		ctx->tc_classid = (__u32)s->d;
		r->ret = ctx->queue_mapping;
		r->value = (__u64)ctx->tc_index << 32 | ctx->tc_classid;
		break;
	case 40:
		r->ret = bpf_skb_get_tunnel_key(ctx, (void *)r->buf, 44, s->c & 1);
		break;
	case 41:
		r->ret = bpf_redirect((__u32)s->a, s->c & 3);
		break;
	case 42:
		r->ret = bpf_get_route_realm(ctx);
		r->value = ctx->wire_len;
		break;
	case 43:
		ctx->tstamp = s->c;
		r->value = ctx->tstamp;
		r->ret = ctx->tstamp_type;
		break;
	case 44:
		r->ret = data - meta;
		r->value = ctx->hwtstamp;
		break;
	case 45:
		r->ret = bpf_skb_get_tunnel_opt(ctx, (void *)r->buf, 32);
		break;
	case 46:
		r->ret = bpf_skb_get_xfrm_state(ctx, 0, (void *)r->buf, 28, 0);
		break;
	case 47:
		length_of_device = s->d & 1 ? (__u32)s->c & 0x1ffff : 0;
		r->ret = bpf_check_mtu(ctx, s->b & 1, &length_of_device, s->a, s->d >> 1 & 3);
		r->value = length_of_device;
		break;
	case 48:
		r->ret = bpf_redirect_peer((__u32)s->a, s->c & 1);
		break;
	case 49:
		r->ret = bpf_redirect_neigh((__u32)s->a, NULL, 0, s->c & 1);
		break;
	case 50:
		r->ret = bpf_skb_cgroup_id(ctx) == bpf_skb_ancestor_cgroup_id(ctx, s->a & 3);
		r->value = bpf_skb_ancestor_cgroup_id(ctx, s->c & 1 ? 0 : -1);
		break;
	}
}

struct walk {
	struct __sk_buff *ctx;
	struct script *sc;
};

/* A function that follows the script, each step by @__VA_ARGS__ (of ctx, s, sc and r). */
#define FOLLOW(name, ...)                                                                          \
	static long name##_step(__u32 i, struct walk *w)                                           \
	{                                                                                          \
		struct result *r = bpf_map_lookup_elem(&results, &i);                              \
		struct __sk_buff *ctx = w->ctx;                                                    \
		struct script *sc = w->sc;                                                         \
		struct step *s;                                                                    \
                                                                                                   \
		if (!r || i >= sc->n)                                                              \
			return 1;                                                                  \
		s = STEP(sc, i);                                                                   \
		__VA_ARGS__                                                                        \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	static __always_inline int name(struct __sk_buff *ctx)                                     \
	{                                                                                          \
		__u32 zero = 0;                                                                    \
		struct walk w = { ctx, bpf_map_lookup_elem(&scripts, &zero) };                     \
                                                                                                   \
		if (!w.sc)                                                                         \
			return 0;                                                                  \
		bpf_loop(SCRIPT_STEPS, name##_step, &w, 0);                                        \
		return w.sc->ret;                                                                  \
	}

FOLLOW(follow_tc, read_step(ctx, s, r); tc_step(ctx, s, sc, r);)
FOLLOW(follow_filter, read_step(ctx, s, r);)

SEC("tc")
int skb_tc(struct __sk_buff *ctx)
{
	return follow_tc(ctx);
}

SEC("action")
int skb_act(struct __sk_buff *ctx)
{
	return follow_tc(ctx);
}

SEC("socket")
int skb_filter(struct __sk_buff *ctx)
{
	return follow_filter(ctx);
}

SEC("cgroup_skb/ingress")
int skb_cgroup(struct __sk_buff *ctx)
{
	return follow_filter(ctx) & 1;
}

/* What packets on a route may have done to them, on the way in and on the way out. */
static __always_inline void lwt_step(struct __sk_buff *ctx, const struct step *s, struct script *sc,
				     struct result *r, int xmit)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	switch (s->op) {
	case 30:
		r->ret = bpf_skb_pull_data(ctx, (__u32)s->a);
		break;
	case 37:
		r->value = sum(data, end);
		r->ret = end - data;
		break;
	case 39:
		ctx->mark = (__u32)s->c;
		ctx->priority = (__u32)s->d;
		break;
	case 42:
		r->ret = bpf_get_route_realm(ctx);
		break;
	}
	if (!xmit)
		return;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	switch (s->op) {
	case 20:
		r->ret = bpf_skb_store_bytes(ctx, s->a, sc->buf, length(s), s->c & 7);
		break;
	case 21:
		r->ret = bpf_l3_csum_replace(ctx, s->a, s->c, s->d, (__u32)s->b);
		break;
	case 22:
		r->ret = bpf_l4_csum_replace(ctx, s->a, s->c, s->d, (__u32)s->b);
		break;
	case 28:
		r->ret = bpf_skb_change_tail(ctx, (__u32)s->a, s->c & 1);
		break;
	case 29:
		r->ret = bpf_skb_change_head(ctx, (__u32)s->a, s->c & 1);
		break;
	case 31:
		r->ret = bpf_csum_update(ctx, (__u32)s->c);
		break;
	case 32:
		r->ret = bpf_csum_level(ctx, s->c & 7);
		break;
	case 38:
		data += (__u32)s->a & 15;
		if (data + 4 <= end)
			*(__u32 *)data = (__u32)s->c;
		break;
	}
}

static __always_inline void lwt_read_step(struct __sk_buff *ctx, const struct step *s,
					  struct result *r)
{
	if (s->op == 1 || s->op == 8)
		return; /* not for these types */
	read_step(ctx, s, r);
}

FOLLOW(follow_lwt, lwt_read_step(ctx, s, r); lwt_step(ctx, s, sc, r, 0);)
FOLLOW(follow_xmit, lwt_read_step(ctx, s, r); lwt_step(ctx, s, sc, r, 1);)

SEC("lwt_in")
int skb_lwt_in(struct __sk_buff *ctx)
{
	return follow_lwt(ctx);
}

SEC("lwt_out")
int skb_lwt_out(struct __sk_buff *ctx)
{
	return follow_lwt(ctx);
}

SEC("lwt_xmit")
int skb_lwt_xmit(struct __sk_buff *ctx)
{
	return follow_xmit(ctx);
}

/* What a tunnel gets is what comes back; of all sizes that the key has had. */
static __always_inline void tunnel_step(struct __sk_buff *ctx, const struct step *s,
					const struct script *sc, struct result *r)
{
	struct bpf_tunnel_key key = {};
	__u64 flags = s->c & 0xff;

	key.tunnel_id = (__u32)s->d;
	key.tunnel_tos = (__u8)s->a;
	key.tunnel_ttl = (__u8)s->b;
	key.tunnel_ext = (s->a & 15) == 15;
	key.tunnel_label = s->a & 2 ? (__u32)(s->d >> 8) : 0;
	for (int i = 0; i < 4; i++) {
		key.remote_ipv6[i] = (__u32)s->d + i;
		key.local_ipv6[i] = (__u32)(s->d >> 32) - i;
	}
	switch (s->op) {
	case 0:
	case 1:
		r->ret = bpf_skb_set_tunnel_key(ctx, &key, sizeof(key), flags);
		break;
	case 2:
		r->ret = bpf_skb_set_tunnel_key(ctx, &key, 28, flags);
		break;
	case 3:
		r->ret = bpf_skb_set_tunnel_key(ctx, &key, s->a & 1 ? 8 : 22, flags);
		break;
	case 4:
		r->ret = bpf_skb_set_tunnel_opt(ctx, (void *)sc->buf, ((__u32)s->b & 31) + 1);
		break;
	case 5:
		r->ret = bpf_skb_set_tunnel_opt(ctx, (void *)sc->buf, 32);
		break;
	case 6:
	case 7:
		r->ret = bpf_skb_get_tunnel_key(ctx, (void *)r->buf, sizeof(key), flags);
		break;
	case 8:
		r->ret = bpf_skb_get_tunnel_key(ctx, (void *)r->buf, 28, flags);
		break;
	case 9:
		r->ret = bpf_skb_get_tunnel_key(ctx, (void *)r->buf, s->a & 1 ? 8 : 22, flags);
		break;
	case 10:
		r->ret = bpf_skb_get_tunnel_key(ctx, (void *)r->buf, ((__u32)s->b & 31) + 1, flags);
		break;
	case 11:
		r->ret = bpf_skb_get_tunnel_opt(ctx, (void *)r->buf, ((__u32)s->b & 63) + 1);
		break;
	}
}

FOLLOW(follow_tunnel, tunnel_step(ctx, s, sc, r);)

SEC("tc")
int skb_tunnel(struct __sk_buff *ctx)
{
	return follow_tunnel(ctx);
}

char _license[] SEC("license") = "GPL";
