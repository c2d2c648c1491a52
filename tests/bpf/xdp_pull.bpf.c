/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_xdp_pull_data() and metadata before packets, for tests/unit/xdp_pull_test.c and tests/script/xdp_meta. */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

extern int bpf_xdp_pull_data(struct xdp_md *ctx, __u32 len) __ksym __weak;
extern int bpf_dynptr_from_skb_meta(struct __sk_buff *skb, __u64 flags,
				    struct bpf_dynptr *ptr__uninit) __ksym __weak;
extern __u64 bpf_dynptr_size(const struct bpf_dynptr *ptr) __ksym __weak;
extern bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *ptr) __ksym __weak;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer,
			      __u32 buffer__szk) __ksym __weak;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *ptr, __u32 offset, void *buffer,
				   __u32 buffer__szk) __ksym __weak;

#define STEPS 4

/* What to do one after the other, and what came of it. */
struct pull {
	__u32 do_pull[STEPS];
	__s32 do_head[STEPS], do_tail[STEPS];
	__s32 pulled[STEPS], moved[STEPS], cut[STEPS];
	__u32 linear[STEPS], whole[STEPS], meta[STEPS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pull);
} pull SEC(".maps");

SEC("xdp.frags")
int pull_steps(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pull *p = bpf_map_lookup_elem(&pull, &zero);

	if (!p)
		return XDP_ABORTED;
	for (int i = 0; i < STEPS; i++) {
		p->pulled[i] = bpf_xdp_pull_data(ctx, p->do_pull[i]);
		p->moved[i] = p->do_head[i] ? bpf_xdp_adjust_head(ctx, p->do_head[i]) : 1;
		p->cut[i] = p->do_tail[i] ? bpf_xdp_adjust_tail(ctx, p->do_tail[i]) : 1;
		p->linear[i] = ctx->data_end - ctx->data;
		p->meta[i] = ctx->data - ctx->data_meta;
		p->whole[i] = bpf_xdp_get_buff_len(ctx);
	}
	return XDP_PASS;
}

/* ---- metadata that XDP gives to traffic control ---- */

struct meta {
	__u32 frames, size, direct;
	__s32 made, flags, read, write, write_flags, far;
	__u32 bytes, slice, again, rdonly;
} meta;

SEC("xdp")
int put_meta(struct xdp_md *ctx)
{
	__u32 *m;

	if (bpf_xdp_adjust_meta(ctx, -8))
		return XDP_ABORTED;
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 2) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	m[0] = 0x01020304;
	m[1] = 0x05060708;
	return XDP_PASS;
}

SEC("tc")
int get_meta(struct __sk_buff *skb)
{
	__u32 value = 0x0a0b0c0d, *p;
	__u16 dest = 0;
	struct bpf_dynptr d;
	__u8 proto = 0;

	bpf_skb_load_bytes(skb, 23, &proto, 1);
	bpf_skb_load_bytes(skb, 36, &dest, 2);
	if (skb->protocol != bpf_htons(0x0800) || proto != 17 || dest != bpf_htons(9))
		return -1;
	meta.flags = bpf_dynptr_from_skb_meta(skb, 1, &d);
	meta.made = bpf_dynptr_from_skb_meta(skb, 0, &d);
	meta.size = bpf_dynptr_size(&d);
	meta.rdonly = bpf_dynptr_is_rdonly(&d);
	meta.direct = skb->data - skb->data_meta;
	meta.read = bpf_dynptr_read(&meta.bytes, 4, &d, 2, 0);
	meta.far = bpf_dynptr_read(&meta.again, 4, &d, 5, 0);
	meta.write_flags = bpf_dynptr_write(&d, 4, &value, 4, 1);
	meta.write = bpf_dynptr_write(&d, 4, &value, 4, 0);
	p = bpf_dynptr_slice(&d, 4, NULL, 4);
	meta.slice = p ? *p : 0;
	p = bpf_dynptr_slice_rdwr(&d, 0, NULL, 4);
	if (p)
		*p = 0x55667788;
	bpf_dynptr_read(&meta.again, 4, &d, 0, 0);
	meta.frames++;
	return -1;
}

char _license[] SEC("license") = "GPL";
