/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* One program for each map operation that bench/map.c measures: OPS of it in a run. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define OPS 256

char LICENSE[] SEC("license") = "GPL";

#define MAP(name, map_type, n)                                                                     \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__type(key, __u32);                                                                \
		__type(value, __u64);                                                              \
		__uint(max_entries, n);                                                            \
	} name SEC(".maps")

MAP(array, BPF_MAP_TYPE_ARRAY, 1024);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 1024);
MAP(hash_16, BPF_MAP_TYPE_HASH, 16);
MAP(hash_64k, BPF_MAP_TYPE_HASH, 65536);
MAP(hash_1m, BPF_MAP_TYPE_HASH, 1048576);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 1024);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 16384);
/* how cost grows */
MAP(hash_1k, BPF_MAP_TYPE_HASH, 1024);
MAP(hash_16k, BPF_MAP_TYPE_HASH, 16384);
MAP(lru_1k, BPF_MAP_TYPE_LRU_HASH, 1024);
MAP(lru_64k, BPF_MAP_TYPE_LRU_HASH, 65536);
MAP(lru_1m, BPF_MAP_TYPE_LRU_HASH, 1048576);

/* one element, by the size of its key */
#define KEYED(name, ...)                                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__type(key, __VA_ARGS__);                                                          \
		__type(value, __u64);                                                              \
		__uint(max_entries, 16);                                                           \
	} name SEC(".maps")
struct two_words {
	__u64 word[2];
};
KEYED(hash_key_1, __u8);
KEYED(hash_key_2, __u16);
KEYED(hash_key_8, __u64);
KEYED(hash_key_16, struct two_words);

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct locked);
	__uint(max_entries, 1);
} guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct prefix {
	__u32 len;
	__u32 addr;
};

#define TRIE(name, n)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, struct prefix);                                                        \
		__type(value, __u64);                                                              \
		__uint(max_entries, n);                                                            \
	} name SEC(".maps")

TRIE(trie, 16384);
TRIE(small_trie, 16);
TRIE(trie_1k, 1024);
TRIE(trie_16k, 16384);
TRIE(trie_64k, 65536);
TRIE(trie_1m, 1048576);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u64);
	__uint(max_entries, 64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, __u64);
	__uint(max_entries, 16384);
	__uint(map_extra, 3);
} bloom SEC(".maps");

__u32 seed;
__u64 total;
__u32 next; /* key that fill programs insert */

static __always_inline __u32 rnd(__u32 *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 8;
}

#define PROG(name, body)                                                                           \
	SEC("tc")                                                                                 \
	int name(struct __sk_buff *ctx)                                                               \
	{                                                                                          \
		__u32 s = seed, i, k __attribute__((unused));                                                            \
		__u64 sum = 0, v = 1, *p __attribute__((unused));                                                          \
                                                                                                   \
		for (i = 0; i < OPS; i++) {                                                        \
			body                                                                       \
		}                                                                                  \
		seed = s;                                                                          \
		total += sum + v;                                                                  \
		return 0;                                                                   \
	}

#define LOOKUP(name, map, n)                                                                       \
	PROG(name, k = rnd(&s) & ((n)-1); p = bpf_map_lookup_elem(&map, &k); if (p) sum += *p;)
#define UPDATE(name, map, n)                                                                       \
	PROG(name, k = rnd(&s) & ((n)-1); bpf_map_update_elem(&map, &k, &v, BPF_ANY);)
#define CYCLE(name, map, n)                                                                        \
	PROG(name, k = rnd(&s) & ((n)-1); bpf_map_delete_elem(&map, &k);                           \
	     bpf_map_update_elem(&map, &k, &v, BPF_ANY);)
#define FILL(name, map)                                                                            \
	PROG(name, k = next++; bpf_map_update_elem(&map, &k, &v, BPF_ANY);)

PROG(empty, k = rnd(&s); sum += k;)
/* These cost less than a random number does: the keys are the loop's own */
PROG(empty_in_order, k = i; sum += k;)
#define LOOKUP_IN_ORDER(name, map)                                                                 \
	PROG(name, k = i; p = bpf_map_lookup_elem(&map, &k); if (p) sum += *p;)
LOOKUP_IN_ORDER(array_lookup, array)
LOOKUP(array_lookup_random, array, 1024)
UPDATE(array_update, array, 1024)
LOOKUP_IN_ORDER(percpu_array_lookup, percpu_array)
LOOKUP(hash_lookup_16, hash_16, 16)
LOOKUP(hash_lookup_64k, hash_64k, 65536)
LOOKUP(hash_lookup_1m, hash_1m, 1048576)
UPDATE(hash_update_16, hash_16, 16)
UPDATE(hash_update_64k, hash_64k, 65536)
CYCLE(hash_cycle_16, hash_16, 16)
CYCLE(hash_cycle_64k, hash_64k, 65536)
LOOKUP(percpu_hash_lookup, percpu_hash, 1024)
UPDATE(percpu_hash_update, percpu_hash, 1024)
LOOKUP(lru_lookup, lru, 16384)
UPDATE(lru_update, lru, 16384)
PROG(lru_evict, k = next++; bpf_map_update_elem(&lru, &k, &v, BPF_ANY);)
/* Prefixes of 24 bits below 10.0.0.0, and addresses that most of them cover */
#define FILL_TRIE(name, map)                                                                       \
	PROG(name, struct prefix t; k = next++; t.len = 24;                                        \
	     t.addr = 10 | (k >> 8 & 63) << 8 | (k & 255) << 16;                                   \
	     bpf_map_update_elem(&map, &t, &v, BPF_ANY);)
#define TRIE_LOOKUP(name, map, n)                                                                  \
	PROG(name, struct prefix t; k = rnd(&s) & ((n)-1); t.len = 32;                             \
	     t.addr = 10 | (k >> 8 & 63) << 8 | (k & 255) << 16 | (s & 255) << 24;                 \
	     p = bpf_map_lookup_elem(&map, &t); if (p) sum += *p;)
FILL_TRIE(fill_trie, trie)
FILL_TRIE(fill_small_trie, small_trie)
TRIE_LOOKUP(lpm_lookup, trie, 16384)
TRIE_LOOKUP(lpm_lookup_16, small_trie, 16)
/* Prefixes of 24 to 31 bits anywhere, and addresses below them */
#define FILL_ANY(name, map)                                                                        \
	PROG(name, struct prefix t; k = next++; t.len = 24 + (k & 7);                              \
	     t.addr = __builtin_bswap32(k * 2654435761U);                                          \
	     bpf_map_update_elem(&map, &t, &v, BPF_ANY);)
#define ANY_LOOKUP(name, map, n)                                                                   \
	PROG(name, struct prefix t; k = rnd(&s) & ((n)-1); t.len = 32;                             \
	     t.addr = __builtin_bswap32(k * 2654435761U);                                          \
	     p = bpf_map_lookup_elem(&map, &t); if (p) sum += *p;)
#define GROWTH(suffix, n)                                                                          \
	FILL_ANY(fill_trie_##suffix, trie_##suffix)                                                \
	ANY_LOOKUP(trie_lookup_##suffix, trie_##suffix, n)
GROWTH(1k, 1024)
GROWTH(16k, 16384)
GROWTH(64k, 65536)
GROWTH(1m, 1048576)
LOOKUP(hash_lookup_1k, hash_1k, 1024)
LOOKUP(hash_lookup_16k, hash_16k, 16384)
UPDATE(hash_update_1k, hash_1k, 1024)
UPDATE(hash_update_16k, hash_16k, 16384)
UPDATE(hash_update_1m, hash_1m, 1048576)
LOOKUP(lru_lookup_1k, lru_1k, 1024)
LOOKUP(lru_lookup_64k, lru_64k, 65536)
LOOKUP(lru_lookup_1m, lru_1m, 1048576)
UPDATE(lru_update_1k, lru_1k, 1024)
UPDATE(lru_update_64k, lru_64k, 65536)
UPDATE(lru_update_1m, lru_1m, 1048576)
#define KEY_SIZE(bytes, type, key_of_k)                                                            \
	PROG(fill_key_##bytes, k = i & 15; type key = key_of_k;                                    \
	     bpf_map_update_elem(&hash_key_##bytes, &key, &v, BPF_ANY);)                           \
	PROG(hash_key_##bytes##_lookup, k = rnd(&s) & 15; type key = key_of_k;                     \
	     p = bpf_map_lookup_elem(&hash_key_##bytes, &key); if (p) sum += *p;)
KEY_SIZE(1, __u8, k)
KEY_SIZE(2, __u16, k)
KEY_SIZE(8, __u64, k)
KEY_SIZE(16, struct two_words, { { k } })
SEC("tc") int spin_lock(struct __sk_buff *ctx)
{
	__u32 zero = 0, i;
	struct locked *l = bpf_map_lookup_elem(&guarded, &zero);

	for (i = 0; l && i < OPS; i++) {
		bpf_spin_lock(&l->lock);
		l->count++;
		bpf_spin_unlock(&l->lock);
	}
	return 0;
}

PROG(queue_push_pop, bpf_map_push_elem(&queue, &v, BPF_EXIST); bpf_map_pop_elem(&queue, &v);)
PROG(fill_bloom, __u64 b = next++; bpf_map_push_elem(&bloom, &b, BPF_ANY);)
PROG(bloom_peek, __u64 b = rnd(&s) & 32767; k = bpf_map_peek_elem(&bloom, &b); sum += k;)
FILL(fill_16, hash_16)
FILL(fill_64k, hash_64k)
FILL(fill_1m, hash_1m)
FILL(fill_percpu, percpu_hash)
FILL(fill_lru, lru)
FILL(fill_hash_1k, hash_1k)
FILL(fill_hash_16k, hash_16k)
FILL(fill_lru_1k, lru_1k)
FILL(fill_lru_64k, lru_64k)
FILL(fill_lru_1m, lru_1m)
PROG(
	ring_reserve, p = bpf_ringbuf_reserve(&ring, 8, 0); if (p) {
		*p = s;
		bpf_ringbuf_submit(p, BPF_RB_NO_WAKEUP);
	} else sum++;)
PROG(ring_output, k = bpf_ringbuf_output(&ring, &v, 8, BPF_RB_NO_WAKEUP); sum += k;)
