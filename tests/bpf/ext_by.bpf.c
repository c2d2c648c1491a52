/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is attached to ext.bpf.c. */
#include "kfunc.h"
#include <bpf/bpf_tracing.h>

struct seen {
	__u64 weigh[4], main, inner[2], args, packet[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

static __always_inline struct seen *get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&seen, &zero);
}

SEC("freplace/leaf") int new_leaf(int a)
{
	return a * 1000;
}

/* Of five kinds of shape: another function, a loop, a callback. */
static int add(__u32 i, long *sum)
{
	*sum += i;
	return 0;
}

static __attribute__((noinline)) int twice(int a)
{
	volatile int r = a;

	return r * 2;
}

SEC("freplace/weigh") int new_weigh(struct __sk_buff *skb, int a, unsigned long b)
{
	long sum = 0;

	bpf_loop(b & 15, add, &sum, 0);
	return twice(a) + (int)sum + (int)skb->len;
}

SEC("freplace/target") int new_target(struct __sk_buff *skb)
{
	return (int)skb->len + 5;
}

SEC("freplace/leaf") int wrong_args(int a, int b)
{
	return a + b;
}

SEC("freplace/weigh") int wrong_kind(int a, int b, unsigned long c)
{
	return a + b;
}

SEC("freplace/leaf") int wrong_size(long a)
{
	return (int)a;
}

SEC("freplace/inner") int wrong_static(unsigned long a, unsigned long b)
{
	return 0;
}

SEC("fentry/weigh") int before_weigh(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->weigh[0] = (int)ctx[1];
	s->weigh[1] = ctx[2];
	return 0;
}

SEC("fexit/weigh") int after_weigh(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->weigh[2] = (int)ctx[3];
	s->args = bpf_get_func_arg_cnt(ctx);
	return 0;
}

SEC("fexit/weigh") int after_weigh_too(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->weigh[3] = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("fexit/target") int after_target(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->main = (int)ctx[1];
	return 0;
}

SEC("fexit/inner") int after_inner(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->inner[0] = ctx[0];
	s->inner[1] = ctx[1];
	return 0;
}

/* The context is the kernel's own packet to those who watch. */
static __always_inline int look_at(struct sk_buff *skb, __u64 *to)
{
	unsigned char byte = 0;

	to[0] = skb->len;
	bpf_probe_read_kernel(&byte, 1, skb->data + 3);
	to[1] = byte;
	return 0;
}

SEC("fentry/weigh") int packet_before(unsigned long long *ctx)
{
	struct seen *s = get();

	return s ? look_at((struct sk_buff *)ctx[0], s->packet) : 0;
}

SEC("fexit/target") int packet_after(unsigned long long *ctx)
{
	struct seen *s = get();

	return s ? look_at((struct sk_buff *)ctx[0], &s->packet[2]) : 0;
}

SEC("fexit/new_target") int after_new_target(unsigned long long *ctx)
{
	struct seen *s = get();

	if (!s)
		return 0;
	s->main = (int)ctx[1];
	return look_at((struct sk_buff *)ctx[0], s->packet);
}

char _license[] SEC("license") = "GPL";
