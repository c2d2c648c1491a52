/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One call of a helper, as element 0 of map "call" says: its operands, then what it returned and
 * wrote. helper_differential_test asks skep and the running kernel the same.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "helper_each.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call);
} call SEC(".maps");

#define MAP(name, kind, n)                                                                         \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, n);                                                            \
		__type(key, u32);                                                                  \
		__type(value, u64);                                                                \
	} name SEC(".maps")

MAP(array, BPF_MAP_TYPE_ARRAY, 4);
MAP(hash, BPF_MAP_TYPE_HASH, 4);
MAP(percpu, BPF_MAP_TYPE_PERCPU_ARRAY, 4);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 4);

#define QUEUE(name, kind)                                                                          \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, 3);                                                            \
		__uint(value_size, 8);                                                             \
	} name SEC(".maps")

QUEUE(queue, BPF_MAP_TYPE_QUEUE);
QUEUE(stack, BPF_MAP_TYPE_STACK);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 8 * 20);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__uint(value_size, 4);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} of_task SEC(".maps");

#define CALL()                                                                                     \
	u32 zero = 0;                                                                              \
	struct call *c = bpf_map_lookup_elem(&call, &zero);                                        \
	u32 len __attribute__((unused));                                                           \
                                                                                                   \
	if (!c)                                                                                    \
		return 0;                                                                          \
	len = c->len & 127;                                                                        \
	(void)len

/* A map that the verifier cannot know. */
static __always_inline void *either(bool second, void *one, void *two)
{
	void *map = one;

	if (second)
		map = two;
	__asm__ volatile("" : "+r"(map));
	return map;
}

static long seen(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	struct call *c = *(struct call **)arg;

	c->x = vma->vm_start;
	c->y = vma->vm_end;
	return 1;
}

static __always_inline void on_maps(struct call *c)
{
	u32 key = c->a & 7;
	u64 *v, value = c->d;

	switch (c->which) {
	case EACH_LOOKUP:
		v = c->b & 1 ? bpf_map_lookup_elem(&hash, &key) : bpf_map_lookup_elem(&array, &key);
		c->ret = !!v;
		c->x = v ? *v : 0;
		break;
	case EACH_UPDATE:
		c->ret = bpf_map_update_elem(either(c->b & 1, &array, &hash), &key, &value, c->c);
		break;
	case EACH_DELETE:
		c->ret = bpf_map_delete_elem(either(c->b & 1, &array, &hash), &key);
		break;
	case EACH_PUSH:
		c->ret = bpf_map_push_elem(either(c->b & 1, &queue, &stack), &value, c->c);
		break;
	case EACH_POP:
		c->ret = bpf_map_pop_elem(either(c->b & 1, &queue, &stack), &value);
		c->x = value;
		break;
	case EACH_PEEK:
		c->ret = bpf_map_peek_elem(either(c->b & 1, &queue, &stack), &value);
		c->x = value;
		break;
	case EACH_PERCPU:
		v = c->b & 1 ? bpf_map_lookup_percpu_elem(&percpu, &key, c->c) :
			       bpf_map_lookup_percpu_elem(&percpu_hash, &key, c->c);
		c->ret = !!v;
		c->x = v ? *v : 0;
		break;
	}
}

static __always_inline void on_text(struct call *c, u32 len)
{
	switch (c->which) {
	case EACH_READ:
		c->ret = bpf_probe_read(c->out, len, (void *)c->a);
		break;
	case EACH_READ_STR:
		c->ret = bpf_probe_read_str(c->out, len, (void *)c->a);
		break;
	case EACH_READ_USER:
		c->ret = bpf_probe_read_user(c->out, len, (void *)c->a);
		break;
	case EACH_READ_USER_STR:
		c->ret = bpf_probe_read_user_str(c->out, len, (void *)c->a);
		break;
	case EACH_READ_KERNEL:
		c->ret = bpf_probe_read_kernel(c->out, len, (void *)c->a);
		break;
	case EACH_READ_KERNEL_STR:
		c->ret = bpf_probe_read_kernel_str(c->out, len, (void *)c->a);
		break;
	case EACH_COMM:
		if (len)
			c->ret = bpf_get_current_comm(c->out, len);
		break;
	}
}

static __always_inline void on_task(struct call *c)
{
	switch (c->which) {
	case EACH_PID_TGID:
		c->ret = bpf_get_current_pid_tgid();
		break;
	case EACH_UID_GID:
		c->ret = bpf_get_current_uid_gid();
		break;
	case EACH_NS_PID:
		c->ret = bpf_get_ns_current_pid_tgid(c->a, c->b, (void *)c->out,
						     sizeof(struct bpf_pidns_info));
		break;
	case EACH_NS_PID_SIZE:
		c->ret = bpf_get_ns_current_pid_tgid(c->a, c->b, (void *)c->out, 16);
		break;
	case EACH_CPU:
		c->ret = bpf_get_smp_processor_id();
		break;
	case EACH_NUMA:
		c->ret = bpf_get_numa_node_id();
		break;
	case EACH_SIGNAL:
		c->ret = bpf_send_signal(c->a);
		break;
	case EACH_SIGNAL_THREAD:
		c->ret = bpf_send_signal_thread(c->a);
		break;
	case EACH_UNDER_CGROUP:
		c->ret = bpf_current_task_under_cgroup(&cgroups, c->a);
		break;
	case EACH_FIND_VMA:
		c->ret = bpf_find_vma(bpf_get_current_task_btf(), c->a, seen, &c, c->b);
		break;
	case EACH_TASK_STORAGE:
		c->ret = !!bpf_task_storage_get(&of_task, bpf_get_current_task_btf(), 0, c->a);
		break;
	case EACH_TASK_STORAGE_DELETE:
		c->ret = bpf_task_storage_delete(&of_task, bpf_get_current_task_btf());
		break;
	case EACH_CURRENT:
		c->ret = bpf_get_current_task() == (u64)(long)bpf_get_current_task_btf();
		break;
	case EACH_BRANCHES:
		c->ret = bpf_get_branch_snapshot(c->out, 96, c->a);
		break;
	}
}

static __always_inline void on_clock(struct call *c)
{
	switch (c->which) {
	case EACH_KTIME:
		c->ret = bpf_ktime_get_ns();
		break;
	case EACH_BOOT:
		c->ret = bpf_ktime_get_boot_ns();
		break;
	case EACH_TAI:
		c->ret = bpf_ktime_get_tai_ns();
		break;
	case EACH_JIFFIES:
		c->ret = bpf_jiffies64();
		break;
	}
}

static __always_inline void on_ring(struct call *c, u32 len)
{
	struct bpf_dynptr d;
	void *p;

	switch (c->which) {
	case EACH_RING_OUTPUT:
		c->ret = bpf_ringbuf_output(&ring, c->buf, len, c->a);
		break;
	case EACH_RING_QUERY:
		c->ret = bpf_ringbuf_query(&ring, c->a);
		break;
	case EACH_RING_RESERVE:
		p = bpf_ringbuf_reserve(&ring, 24, c->a);
		c->ret = !!p;
		if (p && c->b & 1)
			bpf_ringbuf_submit(p, c->c & 3);
		else if (p)
			bpf_ringbuf_discard(p, c->c & 3);
		break;
	case EACH_RING_DYNPTR:
		c->ret = bpf_ringbuf_reserve_dynptr(&ring, c->a, c->c, &d);
		c->x = bpf_dynptr_write(&d, c->d, c->buf, len, 0);
		if (c->b & 1)
			bpf_ringbuf_submit_dynptr(&d, 0);
		else
			bpf_ringbuf_discard_dynptr(&d, 0);
		break;
	case EACH_DYNPTR:
		c->ret = bpf_dynptr_from_mem(c->buf, len, c->a, &d);
		c->x = bpf_dynptr_read(c->out, c->d & 63, &d, c->b, c->c);
		c->y = bpf_dynptr_write(&d, c->b, c->out, c->d & 63, c->c);
		p = bpf_dynptr_data(&d, c->b, 8);
		c->z = p ? *(u64 *)p : 1;
		break;
	}
}

static __always_inline void on_stack(void *ctx, struct call *c, u32 len)
{
	switch (c->which) {
	case EACH_STACKID:
		c->ret = bpf_get_stackid(ctx, &stacks, c->a);
		break;
	case EACH_STACK:
		c->ret = bpf_get_stack(ctx, c->scratch, len, c->a);
		break;
	case EACH_TASK_STACK:
		c->ret = bpf_get_task_stack(bpf_get_current_task_btf(), c->scratch, len, c->a);
		break;
	case EACH_COOKIE:
		c->ret = bpf_get_attach_cookie(ctx);
		break;
	}
}

SEC("raw_tp/task_rename")
int each_tp(struct bpf_raw_tracepoint_args *ctx)
{
	CALL();
	on_maps(c);
	on_text(c, len);
	on_task(c);
	on_clock(c);
	on_ring(c, len);
	on_stack(ctx, c, len);
	return 0;
}

SEC("syscall")
int each_call(void *ctx)
{
	CALL();
	switch (c->which) {
	case EACH_COPY:
		c->ret = bpf_copy_from_user(c->out, len, (void *)c->a);
		break;
	case EACH_COPY_TASK:
		c->ret = bpf_copy_from_user_task(c->out, len, (void *)c->a,
						 bpf_get_current_task_btf(), c->b);
		break;
	case EACH_BTF_FIND:
		c->buf[31] = 0;
		c->ret = bpf_btf_find_by_name_kind((void *)c->buf, (c->c & 15) + 1, c->a, c->b);
		break;
	case EACH_CLOSE:
		c->ret = bpf_sys_close(c->a);
		break;
	}
	return 0;
}

static long sum(struct bpf_map *map, u32 *key, u64 *value, struct call **of)
{
	struct call *c = *of;

	c->x += *value + *key;
	return ++c->y == c->b;
}

#define FOUND(sk)                                                                                  \
	if (sk) {                                                                                  \
		c->ret = 1;                                                                        \
		c->x = (sk)->src_port | (u64)(sk)->state << 32 | (u64)(sk)->family << 48;          \
		bpf_sk_release(sk);                                                                \
	}

/* What is known of a connection. */
static __noinline int figures(struct __sk_buff *ctx, struct call *c)
{
	struct bpf_sock_tuple *tuple = (void *)c->buf;
	struct bpf_sock *sk = bpf_sk_lookup_tcp(ctx, tuple, 12, -1, 0);
	struct bpf_tcp_sock *tp;

	if (!sk)
		return 0;
	tp = bpf_tcp_sock(sk);
	if (tp) {
		u32 *out = (u32 *)c->out;

		out[0] = tp->snd_cwnd;
		out[1] = tp->srtt_us >> 3;
		out[2] = tp->mss_cache;
		out[3] = tp->segs_in;
		out[4] = tp->segs_out;
		out[5] = tp->data_segs_in;
		out[6] = tp->data_segs_out;
		out[7] = tp->snd_ssthresh;
		out[8] = tp->total_retrans;
		out[9] = tp->packets_out;
		c->x = tp->bytes_received;
		c->y = tp->bytes_acked;
		c->z = tp->rtt_min;
		c->ret = 5;
	}
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int each_tc(struct __sk_buff *ctx)
{
	struct bpf_sock_tuple *tuple;
	struct bpf_fib_lookup *fib;
	struct bpf_sock *sk = NULL, *skc;
	CALL();

	tuple = (void *)c->buf;
	fib = (void *)c->buf;
	switch (c->which) {
	case EACH_FOR_EACH_ARRAY:
		c->ret = bpf_for_each_map_elem(&array, sum, &c, c->a);
		break;
	case EACH_FOR_EACH_HASH:
		c->ret = bpf_for_each_map_elem(&hash, sum, &c, c->a);
		break;
	case EACH_FIB:
		c->ret = bpf_fib_lookup(ctx, fib, sizeof(*fib), c->a);
		break;
	case EACH_FIB_SIZE:
		c->ret = bpf_fib_lookup(ctx, fib, sizeof(*fib) - 1, c->a);
		break;
	case EACH_MTU:
		c->y = c->b;
		c->z = c->d;
		c->ret = bpf_check_mtu(ctx, c->a, (u32 *)&c->y, (s32)c->d, c->c);
		break;
	case EACH_CLASSID:
		c->ret = bpf_get_cgroup_classid(ctx);
		break;
	case EACH_UNDER:
		c->ret = bpf_skb_under_cgroup(ctx, &cgroups, c->a);
		break;
	case EACH_CGROUP_ID:
		c->ret = bpf_skb_cgroup_id(ctx);
		break;
	case EACH_ANCESTOR_ID:
		c->ret = bpf_skb_ancestor_cgroup_id(ctx, c->a);
		break;
	case EACH_COARSE:
		c->ret = bpf_ktime_get_coarse_ns();
		break;
	case EACH_FIGURES:
		figures(ctx, c);
		return 0;
	case EACH_REALM:
		c->ret = bpf_get_route_realm(ctx);
		break;
	case EACH_NETNS:
		c->ret = bpf_get_netns_cookie(ctx) == bpf_get_netns_cookie(NULL);
		break;
	case EACH_LOOKUP_TCP:
		sk = bpf_sk_lookup_tcp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_LOOKUP_UDP:
		sk = bpf_sk_lookup_udp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_SKC_LOOKUP:
		skc = bpf_skc_lookup_tcp(ctx, tuple,
					 c->a & 1 ? 12 :
					 c->a & 2 ? 36 :
						    24,
					 c->b, c->c);
		if (!skc)
			return 0;
		c->ret = 2; /* not the same code as below, which looks at another type */
		c->x = (u64)skc->state << 32 | skc->src_port;
		bpf_sk_release(skc);
		return 0;
	}
	FOUND(sk);
	return 0;
}

SEC("xdp")
int each_xdp(struct xdp_md *ctx)
{
	struct bpf_sock_tuple *tuple;
	struct bpf_fib_lookup *fib;
	struct bpf_sock *sk = NULL, *skc;
	CALL();

	tuple = (void *)c->buf;
	fib = (void *)c->buf;
	switch (c->which) {
	case EACH_FIB:
		c->ret = bpf_fib_lookup(ctx, fib, sizeof(*fib), c->a);
		break;
	case EACH_MTU:
		c->y = c->b;
		c->ret = bpf_check_mtu(ctx, c->a, (u32 *)&c->y, (s32)c->d, c->c);
		break;
	case EACH_LOOKUP_TCP:
		sk = bpf_sk_lookup_tcp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_LOOKUP_UDP:
		sk = bpf_sk_lookup_udp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_SKC_LOOKUP:
		skc = bpf_skc_lookup_tcp(ctx, tuple,
					 c->a & 1 ? 12 :
					 c->a & 2 ? 36 :
						    24,
					 c->b, c->c);
		if (!skc)
			return 0;
		c->ret = 2; /* not the same code as below, which looks at another type */
		c->x = (u64)skc->state << 32 | skc->src_port;
		bpf_sk_release(skc);
		return 0;
	case EACH_REDIRECT:
		c->ret = bpf_redirect(c->a, c->b);
		break;
	}
	FOUND(sk);
	return XDP_PASS;
}

SEC("cgroup_skb/egress")
int each_cg(struct __sk_buff *ctx)
{
	struct bpf_sock *own = ctx->sk, *sk = NULL, *skc;
	struct bpf_sock_tuple *tuple;
	CALL();

	tuple = (void *)c->buf;
	switch (c->which) {
	case EACH_LOOKUP_TCP:
		sk = bpf_sk_lookup_tcp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_LOOKUP_UDP:
		sk = bpf_sk_lookup_udp(ctx, tuple, c->a & 1 ? 12 : c->a & 2 ? 36 : 24, c->b, c->c);
		break;
	case EACH_SKC_LOOKUP:
		skc = bpf_skc_lookup_tcp(ctx, tuple,
					 c->a & 1 ? 12 :
					 c->a & 2 ? 36 :
						    24,
					 c->b, c->c);
		if (!skc)
			return 0;
		c->ret = 2; /* not the same code as below, which looks at another type */
		c->x = (u64)skc->state << 32 | skc->src_port;
		bpf_sk_release(skc);
		return 0;
	case EACH_LOOKED_UP_CGROUP:
		sk = bpf_sk_lookup_tcp(ctx, tuple, 12, -1, 0);
		if (sk) {
			c->ret = 5;
			c->x = bpf_sk_cgroup_id(sk);
			c->y = bpf_sk_ancestor_cgroup_id(sk, 0);
			c->z = bpf_sk_ancestor_cgroup_id(sk, c->a);
			bpf_sk_release(sk);
		}
		return 0;
	case EACH_CGROUP_ID:
		c->ret = bpf_skb_cgroup_id(ctx);
		break;
	case EACH_SK_CGROUP_ID:
		c->ret = own ? bpf_sk_cgroup_id(own) : 1;
		break;
	case EACH_SK_ANCESTOR_ID:
		c->ret = own ? bpf_sk_ancestor_cgroup_id(own, c->a) : 1;
		break;
	}
	FOUND(sk);
	return 1;
}

char _license[] SEC("license") = "GPL";
