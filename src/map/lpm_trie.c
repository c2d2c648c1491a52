/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Longest prefix match (Linux: kernel/bpf/lpm_trie.c): a binary trie whose nodes skip
 * the bits that all below them share. A node is an entry, or an intermediate one with
 * two children.
 *
 * Nodes are numbers in one slab, 0 means none. Writers hold .lock; every change becomes
 * visible by one store of a child or root. Readers take no lock: .version grows when a
 * node is freed, and a reader that sees it change looks again.
 * A writer that is killed leaves .dirty: the next one counts the entries and collects
 * the nodes that the trie does not lead to.
 *
 * A walk bit by bit costs a miss of the cache for each. So where many nodes differ in one byte of
 * the key, its first node has a *table*: for each value of that byte the longest entry
 * that ends in it, and the first node beyond. The tables are an index: what they say is
 * derived from the trie, after each change and before anything is freed; without memory
 * for one a walk takes longer, and after a death they are made anew.
 */
#include <linux/errno.h>

#include "object/arena.h"
#include "object/lock.h"
#include "object/map.h"

#define PAGE_SIZE	 4096ULL
#define KMALLOC_MAX_SIZE (4U << 20)
#define LPM_DATA_MAX	 256
#define LPM_KEY_MIN	 5 /* u32 prefixlen and a byte */
#define LPM_KEY_MAX	 (4 + LPM_DATA_MAX)
#define LPM_DEPTH_MAX	 (LPM_DATA_MAX * 8 + 1)
#define LINUX_NODE_SIZE	 24 /* sizeof(struct lpm_trie_node) on 6.18, x86-64 */
#define LPM_FLAGS                                                                                  \
	(BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG |   \
	 BPF_F_WRONLY_PROG)

struct lpm_key {
	u32 prefixlen;
	u8 data[];
};

struct lpm_node {
	u32 child[2]; /* child[0] is the next node of a free list */
	u16 prefixlen;
	u8 intermediate;
	u8 mark;   /* while the nodes are collected: reached */
	u32 table; /* for byte prefixlen / 8 of what begins as this node up to there; 0: none */
	u8 data[]; /* padded to 8 bytes; then the value */
};

/* For one value of a table's byte; read and written as one word. */
union lpm_entry {
	struct {
		u32 found; /* the longest entry that ends in the byte; 0: none does */
		u32 next;  /* the first node that reaches beyond it, or the next free table */
	};
	rt_u64 word;
};

struct lpm_table {
	union lpm_entry entry[256];
};

/*
 * How many nodes that differ in one byte make a table worth its 2 KiB, and how many of them on one
 * path say that there may be so many. The first few tables may be for less.
 */
#define TABLE_NODES   24
#define TABLE_DEPTH   5
#define FEW_TABLES    16
#define FEW_NODES     6
#define FEW_DEPTH     3
#define FIRST_OF_BYTE 0x80000000U /* with a node's number */

struct lpm_trie {
	struct bpf_map map;
	u8 *nodes;		  /* node 0 */
	struct lpm_table *tables; /* table 0 */
	u32 node_size, data_size, max_prefixlen, nr_nodes, nr_tables;
	u32 root __attribute__((aligned(64)));
	u32 version;
	u32 lock __attribute__((aligned(64))); /* owner's tid; guards what follows */
	u32 dirty;
	u32 n_entries;
	u32 free, fresh; /* first of the free list; first that was never used */
	u32 backed;	 /* nodes below have pages */
	u32 table_free, table_fresh, table_backed; /* the same of tables */
};

#define NODES_OFF round_up(sizeof(struct lpm_trie), PAGE_SIZE)

static struct lpm_trie *to_trie(const struct bpf_map *map)
{
	return (struct lpm_trie *)map;
}

static inline struct lpm_node *node_at(const struct lpm_trie *t, u32 n)
{
	return (struct lpm_node *)(t->nodes + (u64)n * t->node_size);
}

static inline u8 *value_of(const struct lpm_trie *t, struct lpm_node *node)
{
	return node->data + round_up(t->data_size, 8);
}

/* ---- making ---- */

static u64 node_bytes(u32 key_size, u32 value_size)
{
	return sizeof(struct lpm_node) + round_up((u64)key_size - 4, 8) +
	       round_up((u64)value_size, 8);
}

/* Each entry can bring an intermediate node; two more are in a writer's hands. */
static u64 nodes_for(u32 max_entries)
{
	return 2 * (u64)max_entries + 3;
}

static u64 nodes_size(u32 max_entries, u32 key_size, u32 value_size)
{
	u64 size = min(nodes_for(max_entries), (u64)0x7fffffff) * node_bytes(key_size, value_size);

	return round_up(min(size, ARENA_LEASE_SIZE / 64), PAGE_SIZE);
}

/* Number 0 is none. */
static u64 tables_for(u32 max_entries)
{
	u64 size = (nodes_for(max_entries) / TABLE_NODES + FEW_TABLES) * sizeof(struct lpm_table);

	return round_up(min(size, ARENA_LEASE_SIZE / 128), PAGE_SIZE) / sizeof(struct lpm_table);
}

static int trie_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	u64 size;

	if (!attr->max_entries || !(attr->map_flags & BPF_F_NO_PREALLOC) ||
	    attr->map_flags & ~LPM_FLAGS ||
	    (attr->map_flags & BPF_F_RDONLY_PROG && attr->map_flags & BPF_F_WRONLY_PROG) ||
	    attr->key_size < LPM_KEY_MIN || attr->key_size > LPM_KEY_MAX || !attr->value_size ||
	    attr->value_size > KMALLOC_MAX_SIZE - LPM_DATA_MAX - LINUX_NODE_SIZE)
		return -EINVAL;
	/* What fits: Linux takes any max_entries, as nothing is reserved for them. */
	size = nodes_size(attr->max_entries, attr->key_size, attr->value_size);
	layout->reserve =
		NODES_OFF + size + tables_for(attr->max_entries) * sizeof(struct lpm_table);
	layout->backed = NODES_OFF;
	layout->client_size = 0;
	layout->charge = 0;
	return 0;
}

static int trie_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct lpm_trie *t = to_trie(map);
	u64 room;

	t->data_size = map->key_size - 4;
	t->max_prefixlen = t->data_size * 8;
	t->node_size = (u32)node_bytes(map->key_size, map->value_size);
	t->nodes = (u8 *)map + NODES_OFF;
	room = nodes_size(map->max_entries, map->key_size, map->value_size);
	t->tables = (struct lpm_table *)(t->nodes + room);
	t->nr_nodes =
		(u32)min(room / t->node_size, min(nodes_for(map->max_entries), (u64)0x7fffffff));
	t->nr_tables = (u32)tables_for(map->max_entries);
	t->fresh = 1;
	t->table_fresh = 1;
	return 0;
}

static u64 trie_mem_usage(const struct bpf_map *map)
{
	const struct lpm_trie *t = to_trie(map);

	return (u64)(LINUX_NODE_SIZE + t->data_size + map->value_size) * READ_ONCE(t->n_entries);
}

/* ---- prefixes ---- */

static inline u32 bit_of(const u8 *data, u32 index)
{
	return data[index / 8] >> (7 - index % 8) & 1;
}

/*
 * How many leading bits @node and a key share, at most what either has. @size: of the data, a
 * constant in the specialised forms.
 */
static inline __attribute__((always_inline)) u32 match_sized(u32 size, const struct lpm_node *node,
							     const u8 *data, u32 prefixlen)
{
	u32 limit = min(node->prefixlen, prefixlen), bits = 0;
	const u8 *p = node->data;

	for (; size >= 8; size -= 8, p += 8, data += 8) {
		u64 diff = __builtin_bswap64(*(const rt_u64 *)p ^ *(const rt_u64 *)data);

		if (diff)
			return min(limit, bits + (u32)__builtin_clzll(diff));
		bits += 64;
		if (bits >= limit)
			return limit;
	}
	if (size >= 4) {
		u32 diff = __builtin_bswap32(*(const rt_u32 *)p ^ *(const rt_u32 *)data);

		if (diff)
			return min(limit, bits + (u32)__builtin_clz(diff));
		bits += 32;
		size -= 4, p += 4, data += 4;
	}
	for (; size; size--, p++, data++) {
		u32 diff = *p ^ *data;

		if (diff)
			return min(limit, bits + (u32)__builtin_clz(diff) - 24);
		bits += 8;
	}
	return min(limit, bits);
}

static u32 match_len(const struct lpm_trie *t, const struct lpm_node *node, const u8 *data,
		     u32 prefixlen)
{
	return match_sized(t->data_size, node, data, prefixlen);
}

/* Whether @n leading bytes are the same. */
static inline __attribute__((always_inline)) bool same_bytes(u32 size, const struct lpm_node *node,
							     const u8 *data, u32 n)
{
	if (size == 4) /* n < 4 */
		return !((*(const rt_u32 *)node->data ^ *(const rt_u32 *)data) &
			 ((1U << 8 * n) - 1));
	return match_sized(size, node, data, 8 * n) == 8 * n;
}

/* Which byte of the key tells the nodes below @node apart. */
static inline u32 byte_of(const struct lpm_node *node)
{
	return node->prefixlen / 8;
}

/* ---- reading ---- */

/* The node of the longest entry that matches @key, 0: none. */
static inline __attribute__((always_inline)) u32 find(const struct lpm_trie *t,
						      const struct lpm_key *key, u32 size)
{
	u32 version, n, found, steps, prefixlen = READ_ONCE(key->prefixlen);

	if (unlikely(prefixlen > 8 * size))
		return 0;
	do {
		version = load_acquire(&t->version);
		found = 0;
		steps = 0;
		n = load_acquire(&t->root);
		while (n && steps++ <= 8 * size) {
			const struct lpm_node *node = node_at(t, n);
			u32 table = load_acquire(&node->table), at = byte_of(node), bits, len;

			if (table && prefixlen >= 8 * at + 8) {
				union lpm_entry e;

				if (!same_bytes(size, node, key->data, at))
					break;
				e.word = load_acquire(&t->tables[table].entry[key->data[at]].word);
				found = e.found ? e.found : found;
				n = e.next;
				continue;
			}
			len = match_sized(size, node, key->data, prefixlen);
			if (len == 8 * size) {
				found = n;
				break;
			}
			bits = node->prefixlen;
			if (len < bits)
				break;
			found = READ_ONCE(node->intermediate) ? found : n;
			/* by the node's own length, which is known before what was compared */
			n = load_acquire(&node->child[bit_of(key->data, bits)]);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely(READ_ONCE(t->version) != version));
	return found;
}

static void *trie_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	struct lpm_trie *t = to_trie(map);
	u32 n = find(t, key, t->data_size);

	return n ? value_of(t, node_at(t, n)) : NULL;
}

static int trie_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
			    struct bpf_run *run)
{
	struct lpm_trie *t = to_trie(map);
	u32 version, n;

	if (flags & BPF_F_LOCK)
		return -EINVAL;
	do {
		version = load_acquire(&t->version);
		n = find(t, key, t->data_size);
		if (!n)
			return -ENOENT;
		map_value_copy(map, value, value_of(t, node_at(t, n)));
		map_value_hide_special(map, value);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (READ_ONCE(t->version) != version);
	return 0;
}

/*
 * Keys come in postorder: the more specific ones first. *key == NULL or an unknown one:
 * from the start.
 */
static __attribute__((noinline)) u32 next_node(const struct lpm_trie *t, const struct lpm_key *key)
{
	u32 path[LPM_DEPTH_MAX + 1], depth = 0, n, from = load_acquire(&t->root), len = 0;
	u32 next = 0, steps = 0;

	if (!key || key->prefixlen > t->max_prefixlen)
		goto leftmost;
	for (n = from; n && depth < LPM_DEPTH_MAX;) {
		const struct lpm_node *node = node_at(t, n);

		path[depth++] = n;
		len = match_len(t, node, key->data, key->prefixlen);
		if (node->prefixlen != len || node->prefixlen == key->prefixlen)
			break;
		n = load_acquire(&node->child[bit_of(key->data, node->prefixlen)]);
	}
	if (!n || node_at(t, n)->prefixlen != len || node_at(t, n)->intermediate)
		goto leftmost;
	while (depth-- > 1) {
		const struct lpm_node *parent = node_at(t, path[depth - 1]);

		if (load_acquire(&parent->child[0]) == n) {
			from = load_acquire(&parent->child[1]);
			if (from)
				goto leftmost;
		}
		if (!parent->intermediate)
			return path[depth - 1];
		n = path[depth - 1];
	}
	return 0;
leftmost:
	for (n = from; n && steps++ <= LPM_DEPTH_MAX;) {
		const struct lpm_node *node = node_at(t, n);

		if (!node->intermediate)
			next = n;
		n = load_acquire(&node->child[0]);
		if (!n && !node->intermediate)
			n = load_acquire(&node->child[1]);
	}
	return next;
}

static int trie_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	struct lpm_trie *t = to_trie(map);
	u32 version, n;

	do {
		version = load_acquire(&t->version);
		n = next_node(t, key);
		if (n) {
			*(rt_u32 *)next_key = node_at(t, n)->prefixlen;
			rt_copy((u8 *)next_key + 4, node_at(t, n)->data, t->data_size);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (READ_ONCE(t->version) != version);
	return n ? 0 : -ENOENT;
}

/* ---- writing ---- */

/* Readers that stand on the node must notice before its child leads elsewhere. */
static void put_free(struct lpm_trie *t, u32 n)
{
	store_release(&t->version, t->version + 1);
	store_release(&node_at(t, n)->child[0], t->free);
	store_release(&t->free, n);
}

/* ---- tables; all of it under the lock ---- */

static void put_free_table(struct lpm_trie *t, u32 table)
{
	union lpm_entry e = { .next = t->table_free };

	store_release(&t->version, t->version + 1);
	store_release(&t->tables[table].entry[0].word, e.word);
	store_release(&t->table_free, table);
}

/* 0: there is no memory for one. */
static u32 new_table(struct lpm_trie *t, const struct skep_platform *platform)
{
	u32 n = t->table_free;

	if (n) {
		store_release(&t->table_free, t->tables[n].entry[0].next);
		return n;
	}
	n = t->table_fresh;
	if (n >= t->nr_tables)
		return 0;
	if (n >= t->table_backed) {
		u32 had = t->table_backed, step = min_t(u32, max_t(u32, had / 2, 2) & ~1U, 512);
		u64 bytes;

		step = min_t(u32, step, t->nr_tables - had);
		bytes = step * sizeof(struct lpm_table);
		if (platform->back(t->map.arena, &t->tables[had], bytes))
			return 0;
		t->map.backed += bytes;
		t->table_backed = had + step;
	}
	store_release(&t->table_fresh, n + 1);
	return n;
}

/* What @table says of the values @lo to @hi; the way to @n led through nodes up to @found. */
static void fill(struct lpm_trie *t, u32 table, u32 at, u32 n, u32 found, u32 lo, u32 hi)
{
	const struct lpm_node *node = n ? node_at(t, n) : NULL;
	u32 first = hi + 1, last = hi, bits = 8, half;

	if (node) { /* those that it matches */
		bits = min_t(u32, node->prefixlen - 8 * at, 8);
		first = node->data[at] & ~(0xffU >> bits) & 0xff;
		last = first | 0xffU >> bits;
		first = max(first, lo);
		last = min(last, hi);
	}
	for (u32 i = lo; i <= hi; i++) {
		union lpm_entry e = { .found = found };

		if (i >= first && i <= last) {
			if (bits < 8) {
				i = last;
				continue;
			}
			e.next = n;
		}
		if (t->tables[table].entry[i].word != e.word)
			store_release(&t->tables[table].entry[i].word, e.word);
	}
	if (!node || bits == 8 || first > last)
		return;
	found = node->intermediate ? found : n;
	half = (node->data[at] & ~(0xffU >> bits) & 0xff) | 0x80U >> bits;
	if (first < half)
		fill(t, table, at, node->child[0], found, first, min(last, half - 1));
	if (last >= half)
		fill(t, table, at, node->child[1], found, max(first, half), last);
}

/* How many nodes below link @n differ in byte @at alone; not more than @enough are counted. */
static u32 count_in(const struct lpm_trie *t, u32 n, u32 at, u32 enough)
{
	const struct lpm_node *node = node_at(t, n);
	u32 count = 1;

	if (!n || byte_of(node) != at)
		return 0;
	for (u32 i = 0; i < 2 && count < enough; i++)
		count += count_in(t, node->child[i], at, enough - count);
	return count;
}

static bool few_tables(const struct lpm_trie *t)
{
	return t->table_fresh <= FEW_TABLES;
}

/* Gives @n, the first node of its byte, a table if that is worth it. */
static void consider_table(struct lpm_trie *t, const struct skep_platform *platform, u32 n)
{
	struct lpm_node *node = node_at(t, n);
	u32 at = byte_of(node), table, enough = few_tables(t) ? FEW_NODES : TABLE_NODES;

	if (node->table || at >= t->data_size || count_in(t, n, at, enough) < enough)
		return;
	table = new_table(t, platform);
	if (!table)
		return;
	fill(t, table, at, n, 0, 0, 255);
	store_release(&node->table, table);
}

/*
 * After a change at the prefix @data of @len bits: tables on the way to it are brought up to date;
 * there may be one more.
 */
static void index_path(struct lpm_trie *t, const struct skep_platform *platform, const u8 *data,
		       u32 len)
{
	u32 n = t->root, first = 0, in_byte = 0, depth = few_tables(t) ? FEW_DEPTH : TABLE_DEPTH;

	while (n) {
		struct lpm_node *node = node_at(t, n);
		u32 at = byte_of(node);

		if (first && byte_of(node_at(t, first)) == at) {
			in_byte++;
		} else {
			first = n;
			in_byte = 1;
		}
		if (node->table) {
			u32 bits, lo;

			if (8 * at > len || match_len(t, node, data, 8 * at) < 8 * at)
				return;
			bits = min_t(u32, len - 8 * at, 8);
			lo = data[at] & ~(0xffU >> bits) & 0xff; /* not read if bits is 0 */
			fill(t, node->table, at, n, 0, lo, lo | 0xffU >> bits);
			if (bits < 8)
				return;
			n = t->tables[node->table].entry[data[at]].next;
			continue;
		}
		if (in_byte == depth)
			consider_table(t, platform, first);
		if (match_len(t, node, data, len) < node->prefixlen || node->prefixlen >= len)
			return;
		n = node->child[bit_of(data, node->prefixlen)];
	}
}

/* The table of a node that goes, or is no longer first, passes to @heir, or is left over. */
static u32 bequeath(struct lpm_trie *t, struct lpm_node *node, u32 heir)
{
	struct lpm_node *to = node_at(t, heir);
	u32 table = node->table;

	if (!table)
		return 0;
	if (!heir || byte_of(to) != byte_of(node))
		return table;
	store_release(&to->table, table);
	return 0;
}

/* After a death: counts the entries, collects the nodes that are in no place, makes the tables anew. */
static __attribute__((noinline)) void repair(struct lpm_trie *t,
					     const struct skep_platform *platform)
{
	u32 stack[LPM_DEPTH_MAX + 1], depth = 0, count = 0;

	for (u32 n = 1; n < t->fresh; n++) {
		node_at(t, n)->mark = 0;
		store_release(&node_at(t, n)->table, 0);
	}
	if (t->root)
		stack[depth++] = t->root;
	while (depth) {
		struct lpm_node *node = node_at(t, stack[--depth]);

		node->mark = 1;
		count += !node->intermediate;
		for (u32 i = 0; i < 2; i++)
			if (node->child[i])
				stack[depth++] = node->child[i];
	}
	t->free = 0;
	for (u32 n = 1; n < t->fresh; n++)
		if (!node_at(t, n)->mark)
			put_free(t, n);
	t->n_entries = count;

	t->table_free = 0;
	t->table_fresh = 1;
	store_release(&t->version, t->version + 1); /* to who still looks at one */
	if (t->root)
		stack[depth++] = t->root | FIRST_OF_BYTE;
	while (depth) {
		u32 n = stack[--depth];
		struct lpm_node *node = node_at(t, n & ~FIRST_OF_BYTE);

		if (n & FIRST_OF_BYTE)
			consider_table(t, platform, n & ~FIRST_OF_BYTE);
		for (u32 i = 0; i < 2; i++) {
			u32 child = node->child[i];

			if (child)
				stack[depth++] = byte_of(node_at(t, child)) == byte_of(node) ?
							 child :
							 child | FIRST_OF_BYTE;
		}
	}
	WRITE_ONCE(t->dirty, 0);
}

static int lock_trie(struct lpm_trie *t, struct bpf_run *run)
{
	u32 tid = READ_ONCE(run->arena->slots[run->cpu].owner);

	if (unlikely(!lock_try(&t->lock, tid))) {
		if (READ_ONCE(t->lock) != tid)
			lock_take(&t->lock, run->platform);
		else if (run->arena->slots[run->cpu].nesting > 1)
			return -EBUSY; /* this run interrupted another that holds it */
	}
	if (unlikely(t->dirty))
		repair(t, run->platform);
	WRITE_ONCE(t->dirty, 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return 0;
}

static void unlock_trie(struct lpm_trie *t)
{
	store_release(&t->dirty, 0);
	lock_drop(&t->lock);
}

/* A node that nobody can reach; 0: no memory. */
static u32 new_node(struct lpm_trie *t, const struct skep_platform *platform)
{
	u32 n = t->free;

	if (n) {
		store_release(&t->free, node_at(t, n)->child[0]);
	} else {
		n = t->fresh;
		if (n >= t->nr_nodes)
			return 0;
		if (n >= t->backed) {
			u64 step = max_t(u64, t->backed / 2, 65536 / t->node_size);
			u32 end;

			step = max_t(u64, min_t(u64, step, (4U << 20) / t->node_size), 1);
			end = (u32)min_t(u64, t->nr_nodes, n + step);
			if (platform->back(t->map.arena, node_at(t, t->backed),
					   (u64)(end - t->backed) * t->node_size))
				return 0;
			t->map.backed += (u64)(end - t->backed) * t->node_size;
			t->backed = end;
		}
		store_release(&t->fresh, n + 1);
	}
	node_at(t, n)->child[0] = node_at(t, n)->child[1] = 0;
	node_at(t, n)->intermediate = 0;
	node_at(t, n)->table = 0;
	return n;
}

/* Whether a new entry may come. */
static int check_add(struct lpm_trie *t, u64 flags)
{
	if (flags == BPF_EXIST)
		return -ENOENT;
	if (t->n_entries == t->map.max_entries)
		return -ENOSPC;
	t->n_entries++;
	return 0;
}

static long trie_update_elem(struct bpf_map *map, const void *_key, const void *value, u64 flags,
			     struct bpf_run *run)
{
	struct lpm_trie *t = to_trie(map);
	const struct lpm_key *key = _key;
	u32 n, new, im, *slot, len = 0, unused = 0, prefixlen = READ_ONCE(key->prefixlen);
	struct lpm_node *node = NULL, *fresh, *middle;
	const u8 *data;
	int err;

	if (unlikely(flags > BPF_EXIST))
		return -EINVAL;
	if (prefixlen > t->max_prefixlen)
		return -EINVAL;
	err = lock_trie(t, run);
	if (unlikely(err))
		return err;
	new = unused = new_node(t, run->platform);
	if (!new) {
		err = -ENOMEM;
		goto out;
	}
	fresh = node_at(t, new);
	fresh->prefixlen = (u16)prefixlen;
	rt_copy(fresh->data, key->data, t->data_size); /* it may be changing */
	data = fresh->data;
	map_value_copy(map, value_of(t, fresh), value);
	if (map->nr_fields)
		map_value_hide_special(map, value_of(t, fresh));

	for (slot = &t->root; (n = *slot); slot = &node->child[bit_of(data, node->prefixlen)]) {
		node = node_at(t, n);
		len = match_len(t, node, data, prefixlen);
		if (node->prefixlen != len || node->prefixlen == prefixlen ||
		    node->prefixlen == t->max_prefixlen)
			break;
	}
	if (!n) {
		err = check_add(t, flags);
		if (err)
			goto out;
		unused = 0;
		store_release(slot, new);
		goto linked;
	}
	if (node->prefixlen == len) { /* the same prefix: an entry, or a place for one */
		if (node->intermediate)
			err = check_add(t, flags);
		else if (flags == BPF_NOEXIST)
			err = -EEXIST;
		if (err)
			goto out;
		fresh->child[0] = node->child[0];
		fresh->child[1] = node->child[1];
		fresh->table = node->table;
		store_release(slot, new);
		unused = n;
		goto linked;
	}
	err = check_add(t, flags);
	if (err)
		goto out;
	if (len == prefixlen) { /* above the node */
		fresh->child[bit_of(node->data, len)] = n;
		unused = 0;
		bequeath(t, node, new);
		store_release(slot, new);
		goto unfirst;
	}
	im = new_node(t, run->platform);
	if (!im) {
		t->n_entries--;
		err = -ENOMEM;
		goto out;
	}
	middle = node_at(t, im);
	middle->prefixlen = (u16)len;
	middle->intermediate = 1;
	rt_copy(middle->data, node->data, t->data_size);
	middle->child[bit_of(data, len)] = new;
	middle->child[!bit_of(data, len)] = n;
	unused = 0;
	bequeath(t, node, im);
	store_release(slot, im);
unfirst:
	if (node->table && byte_of(node) == byte_of(node_at(t, *slot)))
		store_release(&node->table, 0);
linked:
	index_path(t, run->platform, data, prefixlen);
out:
	if (unused)
		put_free(t, unused);
	unlock_trie(t);
	return err;
}

static long trie_delete_elem(struct bpf_map *map, const void *_key, struct bpf_run *run)
{
	struct lpm_trie *t = to_trie(map);
	const struct lpm_key *key = _key;
	u32 n, parent = 0, *slot, *above, len = 0, prefixlen = READ_ONCE(key->prefixlen);
	u32 heir, tables[2] = { 0, 0 };
	struct lpm_node *node = NULL;
	int err;

	if (prefixlen > t->max_prefixlen)
		return -EINVAL;
	err = lock_trie(t, run);
	if (unlikely(err))
		return err;
	above = slot = &t->root;
	while ((n = *slot)) {
		node = node_at(t, n);
		len = match_len(t, node, key->data, prefixlen);
		if (node->prefixlen != len || node->prefixlen == prefixlen)
			break;
		parent = n;
		above = slot;
		slot = &node->child[bit_of(key->data, node->prefixlen)];
	}
	if (!n || node->prefixlen != prefixlen || node->prefixlen != len || node->intermediate) {
		err = -ENOENT;
		goto out;
	}
	t->n_entries--;
	if (node->child[0] && node->child[1]) {
		store_release(&node->intermediate, 1);
		index_path(t, run->platform, node->data, prefixlen);
		goto out;
	}
	if (parent && node_at(t, parent)->intermediate && !node->child[0] && !node->child[1]) {
		/* the intermediate node above has one child left: that takes its place */
		struct lpm_node *p = node_at(t, parent);

		heir = p->child[p->child[0] == n];
		tables[0] = bequeath(t, p, heir);
		tables[1] = node->table;
		slot = above;
	} else {
		heir = node->child[0] ? node->child[0] : node->child[1];
		tables[0] = bequeath(t, node, heir);
		parent = 0;
	}
	store_release(slot, heir);
	index_path(t, run->platform, node->data, prefixlen);
	for (u32 i = 0; i < 2; i++)
		if (tables[i])
			put_free_table(t, tables[i]);
	if (parent)
		put_free(t, parent);
	put_free(t, n);
out:
	unlock_trie(t);
	return err;
}

/* ---- checking; nobody may be writing ---- */

/* Whether a table says what the trie does. */
static bool table_true(const struct lpm_trie *t, u32 first)
{
	u32 at = byte_of(node_at(t, first));
	const struct lpm_table *table = &t->tables[node_at(t, first)->table];

	for (u32 c = 0; c < 256; c++) {
		u32 n = first, found = 0, next = 0, bits;

		while (n) {
			const struct lpm_node *node = node_at(t, n);

			bits = min_t(u32, node->prefixlen - 8 * at, 8);
			if ((node->data[at] ^ c) >> (8 - bits))
				break;
			if (bits == 8) {
				next = n;
				break;
			}
			if (!node->intermediate)
				found = n;
			n = node->child[c >> (7 - bits) & 1];
		}
		if (table->entry[c].found != found || table->entry[c].next != next)
			return false;
	}
	return true;
}

static const char *trie_check(struct bpf_map *map)
{
	struct lpm_trie *t = to_trie(map);
	u32 stack[LPM_DEPTH_MAX + 1], depth = 0, count = 0, reached = 0, unused = 0, tables = 0;

	if (t->lock || t->dirty)
		return "lpm: locked";
	if (t->root)
		stack[depth++] = t->root;
	while (depth) {
		u32 nr = stack[--depth];
		const struct lpm_node *node = node_at(t, nr);

		if (++reached >= t->fresh)
			return "lpm: trie leads in a circle";
		if (node->table) {
			tables++;
			if (node->table >= t->table_fresh || byte_of(node) >= t->data_size ||
			    !table_true(t, nr))
				return "lpm: table is wrong";
		}
		count += !node->intermediate;
		if (node->intermediate && !(node->child[0] && node->child[1]))
			return "lpm: intermediate node without two children";
		for (u32 i = 0; i < 2; i++) {
			const struct lpm_node *child;

			if (!node->child[i])
				continue;
			if (node->child[i] >= t->fresh || depth == LPM_DEPTH_MAX)
				return "lpm: trie leads astray";
			child = node_at(t, node->child[i]);
			if (child->prefixlen <= node->prefixlen ||
			    match_len(t, child, node->data, node->prefixlen) != node->prefixlen ||
			    bit_of(child->data, node->prefixlen) != i)
				return "lpm: node in the wrong place";
			if (child->table && byte_of(child) == byte_of(node))
				return "lpm: table of a node that is not its byte's first";
			stack[depth++] = node->child[i];
		}
	}
	for (u32 n = t->free; n; n = node_at(t, n)->child[0])
		if (++unused >= t->fresh)
			return "lpm: free list leads in a circle";
	for (u32 n = t->table_free; n; n = t->tables[n].entry[0].next)
		if (++tables >= t->table_fresh)
			return "lpm: list of free tables leads in a circle";
	if (tables + 1 != t->table_fresh)
		return "lpm: tables were lost or doubled";
	if (count != t->n_entries || count > map->max_entries)
		return "lpm: count of entries is wrong";
	return reached + unused + 1 == t->fresh ? NULL : "lpm: nodes were lost or doubled";
}

/* ---- helper forms: one for each common size of addresses ---- */

#define LOOKUP_HELPER(name, size)                                                                  \
	static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)               \
	{                                                                                          \
		struct lpm_trie *t = (struct lpm_trie *)r1;                                        \
		u32 n = find(t, (const struct lpm_key *)r2, size);                                 \
                                                                                                   \
		return n ? (u64)(node_at(t, n)->data + round_up(size, 8)) : 0;                     \
	}

LOOKUP_HELPER(lookup_4, 4)
LOOKUP_HELPER(lookup_16, 16)
LOOKUP_HELPER(lookup_n, t->data_size)

static bpf_helper_t trie_helper(const struct bpf_map *map, u32 func_id)
{
	u32 size = map->key_size - 4;

	if (func_id != BPF_FUNC_map_lookup_elem)
		return NULL;
	return size == 4 ? lookup_4 : size == 16 ? lookup_16 : lookup_n;
}

const struct bpf_map_ops trie_map_ops = {
	.alloc_check = trie_alloc_check,
	.init = trie_init,
	.lookup_elem = trie_lookup_elem,
	.update_elem = trie_update_elem,
	.delete_elem = trie_delete_elem,
	.get_next_key = trie_get_next_key,
	.lookup_copy = trie_lookup_copy,
	.helper = trie_helper,
	.mem_usage = trie_mem_usage,
	.check = trie_check,
};
