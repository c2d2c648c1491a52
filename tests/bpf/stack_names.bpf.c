/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Functions that call each other in all ways there are, and the last one has the chain printed (7.0), or
 * takes it as addresses, which every kernel can. tests/unit/stack_names_test.c.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern int bpf_stream_print_stack(int stream_id) __ksym __weak;
extern void bpf_throw(__u64 cookie) __ksym;

char LICENSE[] SEC("license") = "GPL";

struct bpf_map;
struct value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, int);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, int);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} targets SEC(".maps"), throwing SEC(".maps");

const volatile _Bool takes;
__u64 taken[64] SEC(".bss.taken");
int fired, flags, sum;

static __noinline int leaf(int n)
{
	if (!takes)
		return bpf_stream_print_stack(2);
	bpf_get_task_stack(bpf_get_current_task_btf(), taken, sizeof(taken), 0);
	return 0;
}

static __noinline int inner(int n)
{
	int ret = leaf(n + 1);

	return ret - sum;
}

static int step(__u32 i, void *ctx)
{
	sum += inner(i);
	return 1;
}

static __noinline int outer(int n)
{
	/* the flags are not known: nobody unrolls it */
	return bpf_loop(2 + n, step, NULL, flags) + sum;
}

SEC("raw_tp")
int chain(void *ctx)
{
	sum += outer(1);
	return 0;
}

SEC("raw_tp")
int unrolled(void *ctx)
{
	bpf_loop(2, step, NULL, 0);
	return 0;
}

static long element(struct bpf_map *map, int *key, int *value, void *ctx)
{
	sum += inner(*value);
	return 1;
}

SEC("raw_tp")
int each(void *ctx)
{
	int one = 1;

	bpf_map_update_elem(&hash, &one, &one, BPF_ANY);
	bpf_for_each_map_elem(&hash, element, NULL, 0);
	return 0;
}

static long nested(struct bpf_map *map, int *key, int *value, void *ctx)
{
	sum += outer(*value);
	return 1;
}

SEC("raw_tp")
int walk(void *ctx)
{
	bpf_for_each_map_elem(&array, nested, NULL, 0);
	return 0;
}

SEC("raw_tp")
int target(void *ctx)
{
	sum += inner(7);
	return 0;
}

static __noinline int jump(void *ctx)
{
	bpf_tail_call(ctx, &targets, 0);
	return sum;
}

static __noinline int between(void *ctx)
{
	int ret = jump(ctx);

	return ret + sum;
}

static __noinline int hop(void *ctx)
{
	bpf_tail_call(ctx, &throwing, 0);
	return sum;
}

SEC("raw_tp")
int tail(void *ctx)
{
	sum += between(ctx);
	return 0;
}

static int fire(void *map, int *key, struct value *v)
{
	sum += inner(1);
	fired = 1;
	return 0;
}

SEC("tc")
int timer(void *ctx)
{
	struct value *v;
	int zero = 0;

	v = bpf_map_lookup_elem(&timers, &zero);
	if (!v)
		return 1;
	bpf_timer_init(&v->timer, &timers, 1);
	bpf_timer_set_callback(&v->timer, fire);
	return bpf_timer_start(&v->timer, 0, 0);
}

static __noinline int raise(int n)
{
	if (n < 100)
		bpf_throw(n);
	return sum;
}

SEC("tc")
int throw(void *ctx)
{
	sum += raise(flags + 3);
	return 0;
}

/* What is thrown there ends there. */
SEC("tc")
int caught(void *ctx)
{
	int ret = hop(ctx);

	sum += inner(ret);
	return ret;
}
