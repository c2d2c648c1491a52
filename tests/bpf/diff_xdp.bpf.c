/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Follows a script of XDP helper calls; see script.h. */
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

static __always_inline void do_step(struct xdp_md *ctx, const struct step *s, struct script *sc,
				    struct result *r)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	unsigned char *meta = (void *)(long)ctx->data_meta;
	__u32 len = ((__u32)s->b & 31) + 1;

	switch (s->op) {
	case 0:
		r->ret = bpf_xdp_adjust_head(ctx, s->a);
		break;
	case 1:
		r->ret = bpf_xdp_adjust_tail(ctx, s->a);
		break;
	case 2:
		r->ret = bpf_xdp_adjust_meta(ctx, s->a);
		break;
	case 3:
		r->ret = bpf_xdp_load_bytes(ctx, s->a, r->buf, len);
		break;
	case 4:
		r->ret = bpf_xdp_store_bytes(ctx, s->a, sc->buf, len);
		break;
	case 5:
		r->ret = bpf_xdp_get_buff_len(ctx);
		break;
	case 6:
		r->value = sum(data, end);
		r->ret = end - data;
		break;
	case 7:
		data += (__u32)s->a & 15;
		if (data + 4 <= end)
			*(__u32 *)data = (__u32)s->c;
		data += (__u32)s->b & 15;
		if (data + 8 <= end)
			*(__u64 *)data = s->d;
		break;
	case 8:
		r->ret = bpf_csum_diff((__be32 *)sc->buf, (__u32)s->a & 60,
				       (__be32 *)sc->buf, (__u32)s->b & 60, (__u32)s->c);
		break;
	case 9:
		r->value = sum(meta, data);
		r->ret = data - meta;
		break;
	case 10:
		if (meta + 4 <= data)
			*(__u32 *)meta = (__u32)s->c;
		break;
	case 11:
		r->ret = ctx->ingress_ifindex;
		r->value = ctx->rx_queue_index;
		break;
	case 12:
		r->ret = bpf_redirect((__u32)s->a, (__u32)s->b & 1);
		break;
	case 13:
		r->ret = bpf_csum_diff((__be32 *)sc->buf, s->c & 1 ? 64 : 0, (__be32 *)(sc->buf + 4),
				       s->d & 1 ? 32 : 0, (__u32)s->c);
		break;
	case 14:
		length_of_device = s->d & 1 ? (__u32)s->c & 0x1ffff : 0;
		r->ret = bpf_check_mtu(ctx, s->b & 1, &length_of_device, s->a, s->d >> 1 & 1);
		r->value = length_of_device;
		break;
	}
}

struct walk {
	struct xdp_md *ctx;
	struct script *sc;
};

static long one_step(__u32 i, struct walk *w)
{
	struct result *r = bpf_map_lookup_elem(&results, &i);

	if (!r || i >= w->sc->n)
		return 1;
	do_step(w->ctx, STEP(w->sc, i), w->sc, r);
	return 0;
}

static __always_inline int follow(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct walk w = { ctx, bpf_map_lookup_elem(&scripts, &zero) };

	if (!w.sc)
		return XDP_ABORTED;
	bpf_loop(SCRIPT_STEPS, one_step, &w, 0);
	return w.sc->ret;
}

SEC("xdp")
int xdp_linear(struct xdp_md *ctx)
{
	return follow(ctx);
}

SEC("xdp.frags")
int xdp_frags(struct xdp_md *ctx)
{
	return follow(ctx);
}

char _license[] SEC("license") = "GPL";
