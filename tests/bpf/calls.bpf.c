/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Functions, callbacks, locks and references as clang makes them: each program right or wrong in one way. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#ifndef __arg_ctx
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#endif
char _license[] SEC("license") = "GPL";

struct value {
	struct bpf_spin_lock lock;
	__u32 count;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} locked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &inner } };

const volatile __u32 feature = 0;
const volatile __u32 limit = 10;
__u64 total = 0;
__u64 samples[8] = {};

struct point {
	__u32 x, y;
};

__noinline int global_scalar(int a, int b)
{
	return a + b;
}
__noinline int global_mem(struct point *p)
{
	return p ? p->x + p->y : 0;
}
__noinline int global_mem_unchecked(struct point *p)
{
	return p->x;
}
__noinline int global_nonnull(struct point *p __arg_nonnull)
{
	return p->x + p->y;
}
__noinline int global_ctx(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data;
}
__noinline int global_ctx_tag(void *ctx __arg_ctx)
{
	return ((struct xdp_md *)ctx)->ingress_ifindex;
}
__noinline int global_void_ptr(void *p)
{
	return p != 0;
}
static __noinline int static_sum(struct point *p)
{
	return p->x + p->y;
}

SEC("?xdp") int call_scalar(struct xdp_md *ctx)
{
	return global_scalar(ctx->ingress_ifindex, 3);
}
SEC("?xdp") int call_mem(struct xdp_md *ctx)
{
	struct point p = { 1, 2 };
	return global_mem(&p);
}
SEC("?xdp") int call_mem_null(struct xdp_md *ctx)
{
	return global_mem(0);
}
SEC("?xdp") int call_mem_unchecked(struct xdp_md *ctx)
{
	struct point p = { 1, 2 };
	return global_mem_unchecked(&p);
}
SEC("?xdp") int call_nonnull(struct xdp_md *ctx)
{
	struct point p = { 1, 2 };
	return global_nonnull(&p);
}
SEC("?xdp") int call_nonnull_null(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	return global_nonnull(bpf_map_lookup_elem(&table, &k));
}
SEC("?xdp") int call_ctx(struct xdp_md *ctx)
{
	return global_ctx(ctx);
}
SEC("?xdp") int call_ctx_wrong(struct xdp_md *ctx)
{
	struct point p = { 1, 2 };
	return global_ctx((void *)&p);
}
SEC("?xdp") int call_ctx_tag(struct xdp_md *ctx)
{
	return global_ctx_tag(ctx);
}
SEC("?xdp") int call_void_ptr(struct xdp_md *ctx)
{
	return global_void_ptr(ctx);
}
SEC("?xdp") int call_mem_map_short(struct xdp_md *ctx)
{
	__u32 k = 0;
	__u64 *v = bpf_map_lookup_elem(&table, &k);
	return v ? global_mem((void *)v + 4) : 0;
}
SEC("?xdp") int call_static(struct xdp_md *ctx)
{
	struct point p = { ctx->ingress_ifindex, 2 };
	return static_sum(&p);
}

static int loop_add(__u32 i, void *arg)
{
	*(__u64 *)arg += i;
	return 0;
}
static int loop_bad_return(__u32 i, void *arg)
{
	return i;
}
static int loop_index(__u32 i, void *arg)
{
	if (i < 8)
		samples[i]++;
	return 0;
}
static int loop_index_bad(__u32 i, void *arg)
{
	samples[i]++;
	return 0;
}
SEC("?xdp") int loop_sum(struct xdp_md *ctx)
{
	__u64 sum = 0;
	bpf_loop(10, loop_add, &sum, 0);
	total = sum;
	return XDP_PASS;
}
SEC("?xdp") int loop_return(struct xdp_md *ctx)
{
	bpf_loop(10, loop_bad_return, 0, 0);
	return XDP_PASS;
}
SEC("?xdp") int loop_array(struct xdp_md *ctx)
{
	bpf_loop(10, loop_index, 0, 0);
	return XDP_PASS;
}
SEC("?xdp") int loop_array_bad(struct xdp_md *ctx)
{
	bpf_loop(10, loop_index_bad, 0, 0);
	return XDP_PASS;
}
SEC("?xdp") int loop_variable(struct xdp_md *ctx)
{
	__u64 sum = 0;
	bpf_loop(ctx->ingress_ifindex, loop_add, &sum, 0);
	return sum;
}
static long each_elem(void *map, __u32 *key, __u64 *value, void *arg)
{
	*(__u64 *)arg += *key + *value;
	return 0;
}
static long each_elem_write(void *map, __u32 *key, __u64 *value, void *arg)
{
	*key = 1;
	return 0;
}
SEC("?xdp") int each(struct xdp_md *ctx)
{
	__u64 sum = 0;
	bpf_for_each_map_elem(&table, each_elem, &sum, 0);
	total = sum;
	return XDP_PASS;
}
SEC("?xdp") int each_write(struct xdp_md *ctx)
{
	bpf_for_each_map_elem(&table, each_elem_write, 0, 0);
	return XDP_PASS;
}
SEC("?xdp") int each_ring(struct xdp_md *ctx)
{
	__u64 sum = 0;
	bpf_for_each_map_elem(&ring, each_elem, &sum, 0);
	return XDP_PASS;
}

SEC("?xdp") int lock_good(struct xdp_md *ctx)
{
	__u32 k = 0;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count++;
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_left(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count++;
	return XDP_PASS;
}
SEC("?xdp") int lock_call(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->bytes = bpf_ktime_get_ns();
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_global_call(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count = global_scalar(k, 1);
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_static_call(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	struct point p = { k, 2 };
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count = static_sum(&p);
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_two(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex, l = 2;
	struct value *v = bpf_map_lookup_elem(&locked, &k), *w = bpf_map_lookup_elem(&locked, &l);
	if (!v || !w)
		return 0;
	bpf_spin_lock(&v->lock);
	bpf_spin_lock(&w->lock);
	bpf_spin_unlock(&w->lock);
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_other(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex, l = 2;
	struct value *v = bpf_map_lookup_elem(&locked, &k), *w = bpf_map_lookup_elem(&locked, &l);
	if (!v || !w)
		return 0;
	bpf_spin_lock(&v->lock);
	bpf_spin_unlock(&w->lock);
	return XDP_PASS;
}
SEC("?xdp") int lock_field(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	*(volatile __u32 *)&v->lock = 1;
	return XDP_PASS;
}
SEC("?xdp") int lock_wrong_place(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_lock((void *)&v->count);
	return XDP_PASS;
}
SEC("?xdp") int unlock_only(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	if (!v)
		return 0;
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}
SEC("?socket") int lock_filter(struct __sk_buff *skb)
{
	__u32 k = skb->len;
	struct value *v = bpf_map_lookup_elem(&locked, &k);
	return v ? v->count : 0;
}

SEC("?xdp") int ring_good(struct xdp_md *ctx)
{
	struct point *p = bpf_ringbuf_reserve(&ring, sizeof(*p), 0);
	if (!p)
		return XDP_PASS;
	p->x = 1;
	p->y = ctx->ingress_ifindex;
	if (p->y > 3)
		bpf_ringbuf_discard(p, 0);
	else
		bpf_ringbuf_submit(p, 0);
	return XDP_PASS;
}
SEC("?xdp") int ring_leak_path(struct xdp_md *ctx)
{
	struct point *p = bpf_ringbuf_reserve(&ring, sizeof(*p), 0);
	if (!p)
		return XDP_PASS;
	p->x = 1;
	if (ctx->ingress_ifindex > 3)
		return XDP_DROP;
	bpf_ringbuf_submit(p, 0);
	return XDP_PASS;
}
SEC("?xdp") int ring_output(struct xdp_md *ctx)
{
	struct point p;
	__builtin_memset(&p, 0, sizeof(p));
	return bpf_ringbuf_output(&ring, &p, sizeof(p), 0);
}
SEC("?xdp") int tail(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 1);
	bpf_tail_call(ctx, &jumps, ctx->ingress_ifindex);
	return XDP_PASS;
}
static __noinline int tail_in_function(struct xdp_md *ctx, __u64 *out)
{
	bpf_tail_call(ctx, &jumps, 0);
	*out = 1;
	return 0;
}
SEC("?xdp") int tail_may_end_function(struct xdp_md *ctx)
{
	__u64 x = 100;
	tail_in_function(ctx, &x);
	return ((volatile __u64 *)samples)[x];
}
SEC("?xdp") int tail_loses_packet(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 x = 0;
	if (data + 4 > end)
		return 0;
	tail_in_function(ctx, &x);
	return data[0];
}
SEC("?xdp") int inner_lookup(struct xdp_md *ctx)
{
	__u32 k = 0;
	void *m = bpf_map_lookup_elem(&outer, &k);
	__u64 *v;
	if (!m)
		return XDP_PASS;
	v = bpf_map_lookup_elem(m, &k);
	if (v)
		__sync_fetch_and_add(v, 1);
	return XDP_PASS;
}
SEC("?xdp") int dead_code(struct xdp_md *ctx)
{
	__u32 k = ctx->ingress_ifindex;
	__u64 *v;
	if (feature) {
		v = bpf_map_lookup_elem(&table, &k);
		if (v)
			return global_scalar(*v, 2);
		return static_sum((void *)&k);
	}
	for (__u32 i = 0; i < limit; i++)
		total += i;
	return XDP_PASS;
}
SEC("?xdp") int index_good(struct xdp_md *ctx)
{
	__u32 i = ctx->ingress_ifindex;
	if (i < 8)
		samples[i]++;
	return XDP_PASS;
}
SEC("?xdp") int index_bad(struct xdp_md *ctx)
{
	__u32 i = ctx->ingress_ifindex;
	if (i <= 8)
		samples[i]++;
	return XDP_PASS;
}
SEC("?xdp") int format(struct xdp_md *ctx)
{
	char out[32];
	__u64 args[] = { 1, 2 };
	static const char fmt[] = "%d %llx";
	bpf_snprintf(out, sizeof(out), fmt, args, sizeof(args));
	bpf_printk("%s", out);
	return XDP_PASS;
}
SEC("?xdp") int format_bad(struct xdp_md *ctx)
{
	char out[32];
	__u64 args[] = { 1, 2 };
	static const char fmt[] = "%d %llx %d";
	bpf_snprintf(out, sizeof(out), fmt, args, sizeof(args));
	return XDP_PASS;
}
SEC("?xdp") int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u8 *l4;
	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if ((void *)(ip + 1) > end || ip->ihl < 5)
		return XDP_PASS;
	l4 = (void *)ip + ip->ihl * 4;
	if (l4 + 4 > (__u8 *)end)
		return XDP_DROP;
	total += l4[3];
	return XDP_PASS;
}
SEC("?tc") int skb_fields(struct __sk_buff *skb)
{
	skb->mark = skb->len + skb->priority;
	skb->cb[1] = skb->protocol;
	if (skb->vlan_present)
		skb->tc_classid = skb->vlan_tci;
	return *(__u8 *)&skb->mark;
}
SEC("?tc") int skb_sk(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	if (!sk)
		return 0;
	return sk->family;
}
SEC("?xdp") int stack_array(struct xdp_md *ctx)
{
	__u32 a[16] = {};
	__u32 i = ctx->ingress_ifindex & 15;
	a[i] = 5;
	return a[(i + 3) & 15];
}
SEC("?xdp") int stack_array_bad(struct xdp_md *ctx)
{
	__u32 a[16] = {};
	__u32 i = ctx->ingress_ifindex & 31;
	a[i] = 5;
	return a[(i + 3) & 15];
}
SEC("?raw_tp/sys_enter") int raw(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1];
}
