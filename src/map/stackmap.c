/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stack traces (Linux: kernel/bpf/stackmap.c). A stack's id is its place in a table of
 * as many buckets as max_entries rounded up to a power of two: the hash of its
 * addresses, Linux's function, so that one stack has the id that it has there.
 *
 * A bucket names an element. Elements are written by their owner alone, then put in a
 * bucket by one store; what was in it is free again. Readers believe what they
 * copied if bucket and .seq did not change meanwhile. An element without an owner is in
 * the bucket that names it, else free; so nothing needs mending when an owner is killed.
 *
 * Pages of elements are backed as they are first used (Linux: all at once).
 */
#include <linux/errno.h>

#include "base/version.h"
#include "object/arena.h"
#include "object/lock.h"
#include "object/map.h"
#include "object/stack.h"

#define PAGE_SIZE	     4096ULL
#define LINUX_STACK_MAP_SIZE 320 /* sizeof(struct bpf_stack_map) on 6.18, x86-64 */
#define LINUX_BUCKET_SIZE    16	 /* sizeof(struct stack_map_bucket) */
#define STACK_FLAGS	     (BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID)
#define BACK_CHUNK	     65536ULL

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

struct stack_elem {
	u32 owner; /* the thread that writes or moves it; see own() */
	u32 seq;   /* grows when it is taken */
	u32 hash;
	u32 nr;
	u8 data[];
};

struct bpf_stack_map {
	struct bpf_map map;
	u32 n_buckets;
	u32 elem_size;
	u64 elems_off;
	u32 backed;    /* elements that have pages; grows under map.lock */
	u32 hint;      /* where a free element may be */
	s32 nr_used;   /* buckets that are not empty; who is killed leaves it too small */
	u32 buckets[]; /* element + 1, 0: empty */
};

static struct bpf_stack_map *to_stack_map(const struct bpf_map *map)
{
	return (struct bpf_stack_map *)map;
}

static struct stack_elem *elem_at(const struct bpf_stack_map *s, u32 i)
{
	return (struct stack_elem *)((u8 *)s + s->elems_off + (u64)i * s->elem_size);
}

static bool has_build_ids(const struct bpf_map *map)
{
	return map->map_flags & BPF_F_STACK_BUILD_ID;
}

static u32 entry_size(const struct bpf_map *map)
{
	return has_build_ids(map) ? sizeof(struct bpf_stack_build_id) : sizeof(u64);
}

static u32 buckets_of(u32 max_entries)
{
	return max_entries == 1 ? 1 : 1U << (32 - __builtin_clz(max_entries - 1));
}

/* Bob Jenkins' lookup3 on words (public domain), as Linux's jhash2() with initval 0. */
static u32 rol(u32 x, u32 n)
{
	return x << n | x >> (32 - n);
}

static u32 hash_words(const u32 *k, u32 len)
{
	u32 a, b, c;

	a = b = c = 0xdeadbeefU + (len << 2);
	for (; len > 3; len -= 3, k += 3) {
		a += k[0];
		b += k[1];
		c += k[2];
		a -= c, a ^= rol(c, 4), c += b;
		b -= a, b ^= rol(a, 6), a += c;
		c -= b, c ^= rol(b, 8), b += a;
		a -= c, a ^= rol(c, 16), c += b;
		b -= a, b ^= rol(a, 19), a += c;
		c -= b, c ^= rol(b, 4), b += a;
	}
	if (!len)
		return c;
	if (len > 2)
		c += k[2];
	if (len > 1)
		b += k[1];
	a += k[0];
	c ^= b, c -= rol(b, 14);
	a ^= c, a -= rol(c, 11);
	b ^= a, b -= rol(a, 25);
	c ^= b, c -= rol(b, 16);
	a ^= c, a -= rol(c, 4);
	b ^= a, b -= rol(a, 14);
	c ^= b, c -= rol(b, 24);
	return c;
}

static u64 stack_usage(u64 max_entries, u64 n_buckets, u64 value_size)
{
	return LINUX_STACK_MAP_SIZE + n_buckets * 8 +
	       max_entries * (LINUX_BUCKET_SIZE + value_size);
}

static u64 elems_offset(u32 n_buckets)
{
	return round_up(sizeof(struct bpf_stack_map) + (u64)n_buckets * sizeof(u32), PAGE_SIZE);
}

static int stack_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	u32 entry = attr->map_flags & BPF_F_STACK_BUILD_ID ? sizeof(struct bpf_stack_build_id) :
							     sizeof(u64);
	u32 n_buckets;
	u64 size;

	if (attr->map_flags & ~STACK_FLAGS)
		return -EINVAL;
	if (!attr->max_entries || attr->key_size != 4 || attr->value_size < 8 ||
	    attr->value_size % 8)
		return -EINVAL;
	if (attr->value_size % entry || attr->value_size / entry > STACK_MAX_DEPTH)
		return -EINVAL;
	if (attr->max_entries > 1U << 31)
		return -E2BIG;
	n_buckets = buckets_of(attr->max_entries);
	size = (u64)attr->max_entries * (sizeof(struct stack_elem) + attr->value_size);
	layout->reserve = round_up(elems_offset(n_buckets) + size, PAGE_SIZE);
	layout->backed = elems_offset(n_buckets);
	layout->client_size = 0;
	layout->charge = stack_usage(attr->max_entries, n_buckets, attr->value_size);
	return 0;
}

static int stack_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_stack_map *s = to_stack_map(map);

	s->n_buckets = buckets_of(map->max_entries);
	s->elem_size = (u32)sizeof(struct stack_elem) + map->value_size;
	s->elems_off = elems_offset(s->n_buckets);
	return 0;
}

/* ---- elements ---- */

/* Gives more elements pages; false when all have them or there is no memory. */
static bool back_more(struct bpf_stack_map *s, const struct skep_platform *platform)
{
	u32 had = READ_ONCE(s->backed), n;
	bool more = true;
	u8 *from;
	u64 len;

	if (had == s->map.max_entries)
		return false;
	lock_take(&s->map.lock, platform);
	if (s->backed == had) {
		n = (u32)min_t(u64, s->map.max_entries - had,
			       max_t(u64, BACK_CHUNK / s->elem_size, 1));
		from = (u8 *)elem_at(s, had);
		len = (u64)n * s->elem_size;
		/* Its first page may be the last one's; backing is idempotent. */
		more = !platform->back(s->map.arena, (void *)((u64)from & ~(PAGE_SIZE - 1)),
				       round_up(((u64)from & (PAGE_SIZE - 1)) + len, PAGE_SIZE));
		if (more)
			store_release(&s->backed, had + n);
	}
	lock_drop(&s->map.lock);
	return more;
}

/* Elements belong to who put his thread id there; what is in a bucket, to nobody. */
static bool own(struct stack_elem *e, u32 tid)
{
	return lock_try(&e->owner, tid);
}

static void disown(struct stack_elem *e)
{
	lock_drop(&e->owner);
}

/* Element @i is in the bucket that its hash says, or free. */
static bool in_bucket(const struct bpf_stack_map *s, u32 i)
{
	return READ_ONCE(s->buckets[READ_ONCE(elem_at(s, i)->hash) & (s->n_buckets - 1)]) == i + 1;
}

static bool own_if_free(struct bpf_stack_map *s, u32 i, u32 tid)
{
	struct stack_elem *e = elem_at(s, i);

	if (in_bucket(s, i) || !own(e, tid))
		return false;
	if (in_bucket(s, i)) {
		disown(e);
		return false;
	}
	WRITE_ONCE(e->seq, e->seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return true;
}

/* An element of the caller's own, numbered from 1; 0: none is left. */
static u32 elem_take(struct bpf_stack_map *s, u32 tid, const struct skep_platform *platform)
{
	u32 n, hint;

	/* A full map is no reason to look at all elements each time. */
	if (READ_ONCE(s->nr_used) >= (s64)s->map.max_entries)
		return 0;
	do {
		n = load_acquire(&s->backed);
		hint = READ_ONCE(s->hint);
		for (u32 i = 0; i < n; i++) {
			u32 at = hint + i < n ? hint + i : hint + i - n;

			if (at < n && own_if_free(s, at, tid)) {
				WRITE_ONCE(s->hint, at + 1);
				return at + 1;
			}
		}
	} while (back_more(s, platform));
	/* Those of the dead. */
	for (u32 i = 0; i < n; i++) {
		u32 *owner = &elem_at(s, i)->owner, holder = READ_ONCE(*owner);

		if (!holder || holder == tid || !platform->recover)
			continue;
		platform->recover(owner, holder);
		if (own_if_free(s, i, tid))
			return i + 1;
	}
	return 0;
}

static void elem_free(struct bpf_stack_map *s, u32 n)
{
	disown(elem_at(s, n - 1));
	WRITE_ONCE(s->hint, n - 1);
}

/*
 * Whether the stack of bucket @id is the @nr entries at @data; *@filled: it has one, and
 * *@same_hash: of hash @hash. @data NULL: only these are asked.
 */
static bool bucket_is(const struct bpf_stack_map *s, u32 id, u32 hash, const void *data, u32 nr,
		      bool *filled, bool *same_hash)
{
	for (;;) {
		u32 n = load_acquire(&s->buckets[id]), seq;
		const struct stack_elem *e;
		bool equal;

		*filled = n;
		*same_hash = false;
		if (!n)
			return false;
		e = elem_at(s, n - 1);
		seq = load_acquire(&e->seq);
		*same_hash = e->hash == hash;
		equal = *same_hash && data && READ_ONCE(e->nr) == nr &&
			rt_equal(e->data, data, nr * entry_size(&s->map));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (READ_ONCE(e->seq) == seq && READ_ONCE(s->buckets[id]) == n)
			return equal;
	}
}

/*
 * Puts element @n (0: none), which the caller owns, in bucket @id; what was there is
 * free, and its number is returned. Who changes a filled bucket owns what is in it.
 */
static u32 bucket_set(struct bpf_stack_map *s, u32 id, u32 n, u32 tid,
		      const struct skep_platform *platform)
{
	for (u32 spins = 1;; spins++) {
		u32 old = load_acquire(&s->buckets[id]), *owner, holder;

		if (!old) {
			if (!n)
				return 0;
			if (__atomic_compare_exchange_n(&s->buckets[id], &old, n, false,
							__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
				__atomic_fetch_add(&s->nr_used, 1, __ATOMIC_RELAXED);
				disown(elem_at(s, n - 1));
				return 0;
			}
			continue;
		}
		owner = &elem_at(s, old - 1)->owner;
		if (lock_try(owner, tid)) {
			if (READ_ONCE(s->buckets[id]) != old) {
				lock_drop(owner);
				continue;
			}
			if (!n)
				__atomic_fetch_sub(&s->nr_used, 1, __ATOMIC_RELAXED);
			store_release(&s->buckets[id], n);
			elem_free(s, old);
			if (n)
				disown(elem_at(s, n - 1));
			return old;
		}
		holder = READ_ONCE(*owner);
		if (spins % 128)
			__builtin_ia32_pause();
		else
			platform->yield();
		if (!(spins & 0x3ff) && holder && platform->recover)
			platform->recover(owner, holder);
	}
}

static long stack_map_stack_id(struct bpf_map *map, const u64 *ips, u32 nr, u64 flags,
			       struct bpf_run *run)
{
	struct bpf_stack_map *s = to_stack_map(map);
	u32 hash = hash_words((const u32 *)ips, nr * 2), id = hash & (s->n_buckets - 1), n;
	u32 tid = READ_ONCE(run->arena->slots[run->cpu].owner);
	bool ids = has_build_ids(map), filled, same_hash, equal;
	struct stack_elem *e;

	equal = bucket_is(s, id, hash, ids ? NULL : ips, nr, &filled, &same_hash);
	if (equal || (same_hash && flags & BPF_F_FAST_STACK_CMP))
		return id;
	if (filled && !ids && !(flags & BPF_F_REUSE_STACKID))
		return -EEXIST;
	n = elem_take(s, tid, run->platform);
	if (!n)
		return -ENOMEM;
	e = elem_at(s, n - 1);
	e->hash = hash;
	e->nr = nr;
	if (ids) {
		struct bpf_stack_build_id *v = (struct bpf_stack_build_id *)e->data;

		for (u32 i = 0; i < nr; i++) {
			rt_zero(&v[i], sizeof(v[i]));
			v[i].ip = ips[i];
		}
		stack_build_ids(run, v, nr, flags & BPF_F_USER_STACK);
		equal = bucket_is(s, id, hash, v, nr, &filled, &same_hash);
		if (equal || (filled && !(flags & BPF_F_REUSE_STACKID))) {
			elem_free(s, n);
			return equal ? (long)id : -EEXIST;
		}
	} else {
		rt_copy(e->data, ips, nr * sizeof(u64));
	}
	bucket_set(s, id, n, tid, run->platform);
	return id;
}

/* ---- bpf(2) ---- */

static int stack_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				 struct bpf_run *run)
{
	struct bpf_stack_map *s = to_stack_map(map);
	u32 id = *(const rt_u32 *)key;

	if (id >= s->n_buckets)
		return -ENOENT;
	for (;;) {
		u32 n = load_acquire(&s->buckets[id]), seq, len;
		const struct stack_elem *e;

		if (!n)
			return -ENOENT;
		e = elem_at(s, n - 1);
		seq = load_acquire(&e->seq);
		len = min_t(u32, READ_ONCE(e->nr) * entry_size(map), map->value_size);
		rt_copy(value, e->data, len);
		rt_zero((u8 *)value + len, map->value_size - len);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (READ_ONCE(e->seq) == seq && READ_ONCE(s->buckets[id]) == n)
			return 0;
	}
}

static long stack_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	struct bpf_stack_map *s = to_stack_map(map);
	u32 id = *(const rt_u32 *)key, tid = READ_ONCE(run->arena->slots[run->cpu].owner);

	if (unlikely(id >= s->n_buckets))
		return -E2BIG;
	return bucket_set(s, id, 0, tid, run->platform) ? 0 : -ENOENT;
}

static int stack_map_lookup_and_delete(struct bpf_map *map, const void *key, void *value, u64 flags,
				       struct bpf_run *run)
{
	int err;

	if (!visible((kver)run->arena->profile, KVER(6, 18)))
		return -ENOTSUPP;
	err = stack_map_lookup_copy(map, key, value, 0, run);
	return err ? err : (int)stack_map_delete_elem(map, key, run);
}

static void *stack_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return NULL; /* no program gets that far */
}

static long stack_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				  u64 flags, struct bpf_run *run)
{
	return -EINVAL;
}

static int stack_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	const struct bpf_stack_map *s = to_stack_map(map);
	u32 id = 0;

	if (key) {
		id = *(const rt_u32 *)key;
		id = id >= s->n_buckets || !READ_ONCE(s->buckets[id]) ? 0 : id + 1;
	}
	while (id < s->n_buckets && !READ_ONCE(s->buckets[id]))
		id++;
	if (id >= s->n_buckets)
		return -ENOENT;
	*(rt_u32 *)next_key = id;
	return 0;
}

static u64 stack_map_mem_usage(const struct bpf_map *map)
{
	return stack_usage(map->max_entries, to_stack_map(map)->n_buckets, map->value_size);
}

static const char *stack_map_check(struct bpf_map *map)
{
	const struct bpf_stack_map *s = to_stack_map(map);

	for (u32 id = 0; id < s->n_buckets; id++) {
		u32 n = s->buckets[id];

		if (!n)
			continue;
		if (n > s->backed)
			return "stack map: a bucket names an element without pages";
		if ((elem_at(s, n - 1)->hash & (s->n_buckets - 1)) != id)
			return "stack map: a stack is in a bucket that is not its own";
		if (elem_at(s, n - 1)->nr * entry_size(map) > map->value_size)
			return "stack map: a stack is too long";
	}
	return NULL;
}

const struct bpf_map_ops stack_trace_map_ops = {
	.alloc_check = stack_map_alloc_check,
	.init = stack_map_init,
	.lookup_elem = stack_map_lookup_elem,
	.update_elem = stack_map_update_elem,
	.delete_elem = stack_map_delete_elem,
	.get_next_key = stack_map_get_next_key,
	.lookup_copy = stack_map_lookup_copy,
	.lookup_and_delete = stack_map_lookup_and_delete,
	.stack_id = stack_map_stack_id,
	.mem_usage = stack_map_mem_usage,
	.check = stack_map_check,
};
