/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that call one helper 512 times; bench/helpers measures them here and on the
 * running kernel. What maps cost is measured by map.bpf.c, but for the least that a lookup can.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TIMES 512

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

struct value {
	struct bpf_spin_lock lock;
	__u32 x;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TIMES);
	__type(key, __u32);
	__type(value, __u64);
} walked SEC(".maps");

/* What a program that has no repeated test runs took, ns. */
__u64 took;

#define BENCH(name, body)                                                                          \
	SEC("xdp") int bench_##name(struct xdp_md *ctx)                                            \
	{                                                                                          \
		__u64 sum = 0;                                                                     \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (__u32 i = 0; i < TIMES; i++)            \
		{                                                                                  \
			__u32 k __attribute__((unused)) = i & 15;                                  \
                                                                                                   \
			body;                                                                      \
		}                                                                                  \
		return sum & 1;                                                                    \
	}
BENCH(nothing, sum += k; asm volatile("" : "+r"(sum)))
BENCH(ktime_get_ns, sum += bpf_ktime_get_ns())
BENCH(prandom_u32, sum += bpf_get_prandom_u32())
BENCH(current_pid_tgid, sum += bpf_get_current_pid_tgid())
BENCH(processor_id, sum += bpf_get_smp_processor_id())
/* hardly more than the call */
BENCH(helper_call, sum += bpf_xdp_get_buff_len(ctx))
BENCH(
	array_lookup, struct value *v = bpf_map_lookup_elem(&values, &k); if (v) sum += v->x)

SEC("xdp") int bench_spin_lock(struct xdp_md *ctx)
{
	__u32 k = 0;
	struct value *v = bpf_map_lookup_elem(&values, &k);

	if (!v)
		return 1;
	_Pragma("clang loop unroll(disable)") for (__u32 i = 0; i < TIMES; i++)
	{
		bpf_spin_lock(&v->lock);
		v->x++;
		bpf_spin_unlock(&v->lock);
	}
	return 0;
}

/* Eight bytes of the process that runs it: ctx->args[0] is where. */
#define READ(name)                                                                                 \
	SEC("raw_tp/sys_enter") int bench_##name(struct bpf_raw_tracepoint_args *ctx)              \
	{                                                                                          \
		const void *at = (const void *)ctx->args[0];                                       \
		__u64 v, sum = 0, start = bpf_ktime_get_ns();                                      \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (__u32 i = 0; i < TIMES; i++)            \
		{                                                                                  \
			bpf_probe_read_user(&v, sizeof(v), at);                                    \
			sum += v;                                                                  \
		}                                                                                  \
		took = bpf_ktime_get_ns() - start;                                                 \
		return sum & 1;                                                                    \
	}
READ(read_user_stack)
READ(read_user_heap)

/* Several sums: one would be measured as the machine's time from a store to the next load of it. */
static long add(__u32 i, void *sums)
{
	((__u64 *)sums)[i & 7] += i;
	return 0;
}

SEC("xdp") int bench_loop_iteration(struct xdp_md *ctx)
{
	__u64 sums[8] = { 0 };

	bpf_loop(TIMES, add, sums, 0);
	return sums[0] & 1;
}

struct bpf_map;

static long add_elem(struct bpf_map *map, __u32 *key, __u64 *value, void *sums)
{
	((__u64 *)sums)[*key & 7] += *value;
	return 0;
}

SEC("xdp") int bench_array_element(struct xdp_md *ctx)
{
	__u64 sums[8] = { 0 };

	bpf_for_each_map_elem(&walked, add_elem, sums, 0);
	return sums[0] & 1;
}

/* 33 of them: counted as such in helpers.c */
SEC("xdp") int bench_tail_call(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
