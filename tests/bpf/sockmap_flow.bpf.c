// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What the first bytes say is done with the rest: tests/tools/sockmaps.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} to SEC(".maps"); /* without programs: sockets that are sent to */

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} to_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} messages SEC(".maps"), streams SEC(".maps"), parsed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps"); /* runs, sizes, ports */

static void note(__u32 key, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&seen, &key);

	if (v)
		__sync_fetch_and_add(v, n);
}

SEC("sk_msg")
int on_message(struct sk_msg_md *msg)
{
	char *data = msg->data, *end = msg->data_end;
	__u32 key;

	note(0, 1);
	note(1, msg->size);
	note(2, msg->remote_port != 0 && msg->local_port != 0 && msg->family == 2);
	if (data + 3 > end)
		return SK_PASS;
	key = data[1] - '0';
	switch (data[0]) {
	case 'D':
		return SK_DROP;
	case 'R':
		return bpf_msg_redirect_map(msg, &to, key, 0);
	case 'H':
		return bpf_msg_redirect_hash(msg, &to_hash, &key, 0);
	case 'I':
		return bpf_msg_redirect_map(msg, &to, key, BPF_F_INGRESS);
	case 'A':
		bpf_msg_apply_bytes(msg, 4);
		return SK_PASS;
	case 'B': /* four bytes elsewhere, then asked again */
		bpf_msg_apply_bytes(msg, 4);
		return bpf_msg_redirect_map(msg, &to, key, 0);
	case 'C':
		bpf_msg_cork_bytes(msg, 10);
		return SK_PASS;
	case '+':
		if (bpf_msg_push_data(msg, 1, 2, 0) || bpf_msg_pull_data(msg, 0, 3, 0))
			return SK_DROP;
		data = msg->data;
		end = msg->data_end;
		if (data + 3 > end)
			return SK_DROP;
		data[1] = 'x';
		data[2] = 'y';
		return SK_PASS;
	case '-':
		return bpf_msg_pop_data(msg, 1, 2, 0) ? SK_DROP : SK_PASS;
	case 'M':
		data[0] = 'm';
		return SK_PASS;
	}
	return SK_PASS;
}

static int decide(struct __sk_buff *skb, __u32 at)
{
	char *data, *end;
	__u32 key;

	note(3, 1);
	note(4, skb->len);
	bpf_skb_pull_data(skb, at + 3);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + at + 3 > end)
		return SK_PASS;
	key = data[at + 1] - '0';
	switch (data[at]) {
	case 'D':
		return SK_DROP;
	case 'R':
		return bpf_sk_redirect_map(skb, &to, key, 0);
	case 'H':
		return bpf_sk_redirect_hash(skb, &to_hash, &key, 0);
	case 'I':
		return bpf_sk_redirect_map(skb, &to, key, BPF_F_INGRESS);
	case 'M':
		data[at] = 'm';
		return SK_PASS;
	}
	return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int on_stream(struct __sk_buff *skb)
{
	return decide(skb, 0);
}

SEC("sk_skb")
int on_any(struct __sk_buff *skb)
{
	return decide(skb, 0);
}

SEC("sk_skb/stream_verdict")
int to_one(struct __sk_buff *skb)
{
	return bpf_sk_redirect_map(skb, &to, 1, 0);
}

/* A digit says how long a message is. */
SEC("sk_skb/stream_parser")
int parse(struct __sk_buff *skb)
{
	char *data, *end;

	note(5, 1);
	bpf_skb_pull_data(skb, 1);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + 1 > end)
		return 0;
	return data[0] - '0';
}

SEC("sk_skb/stream_verdict")
int on_parsed(struct __sk_buff *skb)
{
	return decide(skb, 1);
}

char _license[] SEC("license") = "GPL";
