/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of programs about sockets, streams and tunnels, each called as element 0 of map
 * "call" says: helper_sock_test.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct call {
	__s64 ret;
	__u64 flags;
	__u32 key, len, which, off;
	__u8 buf[320];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} call SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} group SEC(".maps");

#define CALL()                                                                                     \
	__u32 zero = 0;                                                                            \
	struct call *c = bpf_map_lookup_elem(&call, &zero);                                        \
	__u32 len;                                                                                 \
                                                                                                   \
	if (!c)                                                                                    \
		return 0;                                                                          \
	len = c->len;                                                                              \
	if (len > 256)                                                                             \
	len = 256

SEC("sockops")
int on_sock(struct bpf_sock_ops *ctx)
{
	CALL();
	switch (c->which) {
	case 0:
		c->ret = bpf_sock_map_update(ctx, &socks, &c->key, c->flags);
		break;
	case 1:
		c->ret = bpf_sock_hash_update(ctx, &hash, &c->key, c->flags);
		break;
	case 2:
		if (len)
			c->ret = bpf_load_hdr_opt(ctx, c->buf, len, c->flags);
		break;
	case 3:
		if (len)
			c->ret = bpf_store_hdr_opt(ctx, c->buf, len, c->flags);
		break;
	case 4:
		c->ret = bpf_reserve_hdr_opt(ctx, c->len, c->flags);
		break;
	}
	return 1;
}

SEC("sk_skb/stream_verdict")
int on_stream(struct __sk_buff *ctx)
{
	CALL();
	c->ret = c->which ? bpf_sk_redirect_hash(ctx, &hash, &c->key, c->flags) :
			    bpf_sk_redirect_map(ctx, &socks, c->key, c->flags);
	return c->ret;
}

SEC("sk_msg")
int on_message(struct sk_msg_md *ctx)
{
	CALL();
	c->ret = c->which ? bpf_msg_redirect_hash(ctx, &hash, &c->key, c->flags) :
			    bpf_msg_redirect_map(ctx, &socks, c->key, c->flags);
	return c->ret;
}

SEC("sk_reuseport")
int on_group(struct sk_reuseport_md *ctx)
{
	CALL();
	c->ret = c->which == 0 ? bpf_sk_select_reuseport(ctx, &group, &c->key, c->flags) :
		 c->which == 1 ? bpf_sk_select_reuseport(ctx, &socks, &c->key, c->flags) :
				 bpf_sk_select_reuseport(ctx, &hash, &c->key, c->flags);
	return SK_PASS;
}

SEC("lwt_in")
int on_in(struct __sk_buff *ctx)
{
	CALL();
	if (len)
		c->ret = bpf_lwt_push_encap(ctx, c->which, c->buf, len);
	return 0;
}

SEC("lwt_xmit")
int on_xmit(struct __sk_buff *ctx)
{
	CALL();
	if (len)
		c->ret = bpf_lwt_push_encap(ctx, c->which, c->buf, len);
	return 0;
}

SEC("lwt_seg6local")
int on_segment(struct __sk_buff *ctx)
{
	CALL();
	switch (c->which) {
	case 0:
		if (len)
			c->ret = bpf_lwt_seg6_store_bytes(ctx, c->off, c->buf, len);
		break;
	case 1:
		c->ret = bpf_lwt_seg6_adjust_srh(ctx, c->off, c->len);
		break;
	case 2:
		if (len)
			c->ret = bpf_lwt_seg6_action(ctx, c->off, c->buf, len);
		break;
	case 3: /* room for an option, the option, and whether that is valid */
		c->ret = bpf_lwt_seg6_adjust_srh(ctx, c->off, 8);
		if (!c->ret)
			c->ret = bpf_lwt_seg6_store_bytes(ctx, c->off, c->buf, 8);
		if (!c->ret)
			c->ret = bpf_lwt_seg6_action(ctx, 3 /* END_T */, &zero, 4);
		break;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
