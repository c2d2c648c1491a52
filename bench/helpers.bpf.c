/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs that do one thing 512 times; bench/helpers measures them here and on the running kernel. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TIMES 512

#define MAP(name, kind, entries, key_type, value_type)                                             \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##kind);                                                 \
		__uint(max_entries, entries);                                                      \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

MAP(array, ARRAY, 64, __u32, __u64);
MAP(percpu, PERCPU_ARRAY, 64, __u32, __u64);
MAP(hash16, HASH, 16, __u32, __u64);
MAP(hash64k, HASH, 65536, __u32, __u64);
MAP(lru, LRU_HASH, 4096, __u32, __u64);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(value, __u64);
} queue SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__type(value, __u64);
} bloom SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} lpm SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

#define BENCH(name, body)                                                                          \
	SEC("xdp") int bench_##name(struct xdp_md *ctx)                                            \
	{                                                                                          \
		__u64 sum = 0, v = 1, *p;                                                          \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (__u32 i = 0; i < TIMES; i++)            \
		{                                                                                  \
			__u32 k __attribute__((unused)) = i & 15;                                  \
                                                                                                   \
			body;                                                                      \
		}                                                                                  \
		(void)v, (void)p;                                                                  \
		return sum & 1;                                                                    \
	}
#define LOOKUP(map)                                                                                \
	p = bpf_map_lookup_elem(&map, &k);                                                         \
	if (p)                                                                                     \
	sum += *p

BENCH(nothing, sum += k; asm volatile("" : "+r"(sum)))
BENCH(array_lookup, LOOKUP(array))
BENCH(array_update, sum += bpf_map_update_elem(&array, &k, &v, 0))
BENCH(percpu_lookup, LOOKUP(percpu))
BENCH(hash16_lookup, LOOKUP(hash16))
BENCH(hash64k_lookup, k = i * 127; LOOKUP(hash64k))
BENCH(hash_update, sum += bpf_map_update_elem(&hash16, &k, &v, 0))
BENCH(hash_insert_delete, k += 1 << 20; sum += bpf_map_update_elem(&hash64k, &k, &v, 0);
      sum += bpf_map_delete_elem(&hash64k, &k))
BENCH(lru_lookup, LOOKUP(lru))
BENCH(lru_update, sum += bpf_map_update_elem(&lru, &k, &v, 0))
BENCH(lpm_lookup, v = 32 | (__u64)(k * 0x01010101) << 32; p = bpf_map_lookup_elem(&lpm, &v);
      if (p) sum += *p)
BENCH(queue_push_pop, sum += bpf_map_push_elem(&queue, &v, 0); sum += bpf_map_pop_elem(&queue, &v))
BENCH(bloom_peek, v = k; sum += bpf_map_peek_elem(&bloom, &v))
BENCH(ringbuf_reserve, p = bpf_ringbuf_reserve(&ring, 8, 0); if (p) {
	*p = i;
	bpf_ringbuf_submit(p, BPF_RB_NO_WAKEUP);
})
BENCH(ringbuf_output, sum += bpf_ringbuf_output(&ring, &v, 8, BPF_RB_NO_WAKEUP))
BENCH(ktime_get_ns, sum += bpf_ktime_get_ns())
BENCH(prandom_u32, sum += bpf_get_prandom_u32())
BENCH(processor_id, sum += bpf_get_smp_processor_id())

static long add(__u32 i, void *sum)
{
	*(__u64 *)sum += i;
	return 0;
}

SEC("xdp") int bench_loop_iteration(struct xdp_md *ctx)
{
	__u64 sum = 0;

	bpf_loop(TIMES, add, &sum, 0);
	return sum & 1;
}

/* 33 of them: counted as such in helpers.c */
SEC("xdp") int bench_tail_call(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
