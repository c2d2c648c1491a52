/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers that mean something of their own in one program type. Each program leaves what they
 * returned in map "results": helper_types_test.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define AF_INET	    2
#define SOL_SOCKET  1
#define SO_RCVBUF   8
#define SO_MARK	    36
#define IPPROTO_TCP 6
#define TCP_MAXSEG  2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __s64);
} results SEC(".maps");

static __always_inline void put(__u32 i, __s64 v)
{
	bpf_map_update_elem(&results, &i, &v, 0);
}

#define SAME_TWICE(call) ((call) == (call) && (call) != 0)

SEC("cgroup/sock_create")
int on_create(struct bpf_sock *ctx)
{
	put(0, SAME_TWICE(bpf_get_socket_cookie(ctx)));
	put(1, bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL));
	return 1;
}

SEC("cgroup/connect4")
int on_connect(struct bpf_sock_addr *ctx)
{
	struct {
		__u16 family, port;
		__u32 addr;
		__u64 zero;
	} to = { AF_INET, 0, 0x0100007f };
	struct bpf_sock_tuple nobody = {};
	struct bpf_sock *sk;
	int v = 77, w = 0;

	put(0, SAME_TWICE(bpf_get_socket_cookie(ctx)));
	put(1, bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL));
	put(2, bpf_bind(ctx, (struct sockaddr *)&to, sizeof(to)));
	to.family = 99;
	put(3, bpf_bind(ctx, (struct sockaddr *)&to, sizeof(to)));
	put(4, bpf_bind(ctx, (struct sockaddr *)&to, 1));
	put(5, bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &v, sizeof(v)));
	put(6, bpf_getsockopt(ctx, SOL_SOCKET, SO_MARK, &w, sizeof(w)));
	put(7, w);
	put(8, bpf_setsockopt(ctx, 99, SO_MARK, &v, sizeof(v)));
	sk = bpf_sk_lookup_tcp(ctx, &nobody, sizeof(nobody.ipv4), -1, 0);
	put(9, !!sk);
	if (sk)
		bpf_sk_release(sk);
	sk = bpf_sk_lookup_udp(ctx, &nobody, sizeof(nobody.ipv4), -1, 0);
	put(10, !!sk);
	if (sk)
		bpf_sk_release(sk);
	sk = bpf_skc_lookup_tcp(ctx, &nobody, sizeof(nobody.ipv4), -1, 0);
	put(11, !!sk);
	if (sk)
		bpf_sk_release(sk);
	return 1;
}

SEC("sockops")
int on_ops(struct bpf_sock_ops *ctx)
{
	int v = 5000, w = 0;

	put(0, SAME_TWICE(bpf_get_socket_cookie(ctx)));
	put(1, bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL));
	put(2, bpf_setsockopt(ctx, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)));
	put(3, bpf_getsockopt(ctx, SOL_SOCKET, SO_RCVBUF, &w, sizeof(w)));
	put(4, w);
	put(5, bpf_getsockopt(ctx, 99, SO_RCVBUF, &w, sizeof(w)));
	put(6, bpf_sock_ops_cb_flags_set(ctx, BPF_SOCK_OPS_RTT_CB_FLAG | 0x10000));
	put(7, ctx->bpf_sock_ops_cb_flags);
	return 1;
}

SEC("cgroup/setsockopt")
int on_option(struct bpf_sockopt *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	int v = 5, w = 0;

	put(0, bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL));
	if (!sk)
		return 1;
	put(1, bpf_setsockopt(sk, SOL_SOCKET, SO_MARK, &v, sizeof(v)));
	put(2, bpf_getsockopt(sk, SOL_SOCKET, SO_MARK, &w, sizeof(w)));
	put(3, w);
	put(4, bpf_getsockopt(sk, SOL_SOCKET, SO_MARK, &w, 1));
	return 1;
}

SEC("sk_msg")
int on_message(struct sk_msg_md *ctx)
{
	put(0, bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL));
	put(1, bpf_msg_apply_bytes(ctx, 7));
	put(2, bpf_msg_cork_bytes(ctx, 9));
	put(3, bpf_get_cgroup_classid((void *)ctx));
	put(4, bpf_msg_push_data(ctx, 3, 5, 0));
	put(5, bpf_msg_pop_data(ctx, 0, 2, 0));
	put(6, ctx->size);
	put(7, bpf_msg_pull_data(ctx, 1, 4, 0));
	put(8, (long)ctx->data_end - (long)ctx->data);
	put(9, bpf_msg_pull_data(ctx, 4, 4, 0));
	return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int on_stream(struct __sk_buff *ctx)
{
	put(0, bpf_skb_pull_data(ctx, 10));
	put(1, bpf_skb_pull_data(ctx, 1000));
	put(2, bpf_skb_change_head(ctx, 4, 0));
	put(3, ctx->len);
	put(4, bpf_skb_change_tail(ctx, 40, 0));
	put(5, ctx->len);
	put(6, bpf_skb_adjust_room(ctx, -8, 0, 0));
	put(7, ctx->len);
	put(8, bpf_skb_adjust_room(ctx, 16, 0, 0));
	put(9, ctx->len);
	put(10, bpf_skb_adjust_room(ctx, 4096, 0, 0));
	put(11, bpf_skb_adjust_room(ctx, 1, 1, 0));
	put(12, bpf_skb_change_head(ctx, 4, 1));
	return SK_PASS;
}

SEC("sk_reuseport")
int on_group(struct sk_reuseport_md *ctx)
{
	__u32 word = 0;

	put(0, bpf_skb_load_bytes(ctx, 2, &word, 4));
	put(1, word);
	put(2, bpf_skb_load_bytes(ctx, 6, &word, 4));
	put(3, word);
	put(4, bpf_skb_load_bytes_relative(ctx, 0, &word, 4, 7));
	put(5, SAME_TWICE(bpf_get_socket_cookie(ctx->sk)));
	return SK_PASS;
}

struct {
	__u64 place, found;
	char text[96], other[96];
} shared;

SEC("raw_tp/task_rename")
int on_write(void *ctx)
{
	__u32 text = 0x65656221;

	put(0, bpf_probe_write_user((void *)shared.place, &text, sizeof(text)));
	put(1, bpf_probe_write_user((void *)4096, &text, sizeof(text)));
	return 0;
}

SEC("syscall")
int on_symbol(void *ctx)
{
	static const char format[] = "%ps|%pS|%pB|%ps";
	__u64 args[4], none;

	put(0, bpf_kallsyms_lookup_name("inet_release", 13, 0, &shared.found));
	put(1, bpf_kallsyms_lookup_name("no_such_name", 13, 0, &none));
	put(2, none);
	put(3, bpf_kallsyms_lookup_name("inet_release", 12, 0, &none));
	put(4, bpf_kallsyms_lookup_name("inet_release", 13, 1, &none));
	args[0] = args[2] = shared.found;
	args[1] = shared.found + 3;
	args[3] = 0x1234;
	put(5, bpf_snprintf(shared.text, sizeof(shared.text), format, args, sizeof(args)));
	/* One that is only in the kernel's types. */
	put(6, bpf_kallsyms_lookup_name("kobject_put", 12, 0, &args[0]));
	args[0] += 5;
	put(7, bpf_snprintf(shared.other, sizeof(shared.other), "%pS", args, 8));
	return 0;
}

char _license[] SEC("license") = "GPL";
