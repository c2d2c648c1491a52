/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hash tables in shared memory: the layout, and the lockless search.
 *
 *   struct bpf_htab       header: what is constant, the pool of never used elements
 *   struct htab_stripe[]  a lock, and what it guards beside buckets
 *   struct htab_bucket[]  one cache line each
 *   elements              number 1 ..; number 0 means none; never returned to the system
 *   values of CPU 0, 1 .. (per-CPU types only)
 *
 * A bucket has eight slots (a byte of the hash and the number of an element each) and,
 * for what does not fit, a chain through the elements. A search compares the eight
 * hash bytes at once, so that it normally touches two cache lines: the bucket's and
 * the element's.
 *
 * Readers take no lock. An element that a reader looks at may be removed and used
 * for another key at any time. So a writer makes an element's .seq odd while it
 * writes key and value, and readers believe a key only if .seq was even and did not
 * change; a reader whose slot changed meanwhile looks again; and a chain ends in
 * HTAB_NULLS | its bucket's number, so that a reader who was led astray notices.
 *
 * Writers hold the lock of the bucket's stripe. What is being moved is noted in the
 * stripe (.new, .old, .from, .away) before; each step is published by one store. Who
 * finds .dirty set has inherited the lock from a process that was killed, and puts
 * the few elements noted there in order: htab_store.c.
 */
#ifndef SKEP_MAP_HTAB_H
#define SKEP_MAP_HTAB_H

#include "map/hash.h"
#include "object/map.h"

#define HTAB_SLOTS	 8
#define HTAB_NULLS	 0x80000000U
#define HTAB_STRIPES_MAX 256

struct htab_bucket {
	u64 tags;     /* byte i: the hash byte of slot i, also of a slot that was emptied */
	u32 overflow; /* first element of the chain, 0: no chain */
	u32 unused;
	u32 slot[HTAB_SLOTS]; /* 0: empty */
} __attribute__((aligned(64)));

struct htab_elem {
	u32 seq;
	u32 next;     /* of a chain or a free list; 0 in a slot */
	u32 hash;     /* low half; its low bits number the bucket */
	u16 taken_by; /* stripe + 1 that took it out of another's free list; 0: never moved */
	u8 ref;	      /* LRU: looked up since it was last considered for eviction */
	u8 list;      /* LRU: number of the stripe's list that it is, or was last, in */
	/* LRU: u32 lru_next, lru_prev (the stripe's list, oldest first); then key and value */
};

struct htab_lru_list { /* oldest first */
	u32 oldest, newest, count;
};

struct htab_stripe {
	u32 lock;		   /* owner's tid */
	u32 dirty;		   /* set while the lock's owner changes things */
	u32 new, old;		   /* elements in motion, see above */
	u32 from;		   /* stripe + 1 out of which .new is being taken */
	u32 away;		   /* element that another stripe is taking */
	u32 spare;		   /* what the next replacement in this stripe uses */
	u32 free;		   /* elements that deletions left, linked by .next */
	u64 fresh;		   /* elements of the pool: first | count << 32 */
	u32 used;		   /* elements in the stripe's buckets */
	struct htab_lru_list list; /* the only one, but with BPF_F_NO_COMMON_LRU */
} __attribute__((aligned(64)));

struct bpf_htab {
	struct bpf_map map;
	/* constant */
	u64 seed[2];
	struct htab_bucket *buckets;
	struct htab_stripe *stripes;
	struct htab_lru_list *lists; /* BPF_F_NO_COMMON_LRU: nr_lists of each stripe; else NULL */
	u32 nr_lists, quota;	     /* how many elements a list may have there */
	u8 *elems;		     /* element 0 */
	u8 *percpu; /* value of element 0 on CPU 0; NULL: values are in the elements */
	u64 cpu_stride;
	u32 bucket_mask, stripe_mask;
	u32 elem_size, key_off, value_off, value_stride;
	u32 nr_elems; /* highest element number; 1 ..stripe_mask + 1 are spares at first */
	u32 lru;
	/* guarded by map.lock */
	u32 pool_next; /* first element that no stripe has had */
	u32 backed;    /* elements below have pages */
	u64 intent;    /* hand-over in progress: first | count << 32 | stripe << 48 */
	/* a hint: some stripe may have free elements that others could take */
	u32 maybe_free __attribute__((aligned(64)));
};

static inline struct bpf_htab *to_htab(const struct bpf_map *map)
{
	return (struct bpf_htab *)map;
}

static inline struct htab_elem *htab_elem(const struct bpf_htab *h, u32 n)
{
	return (struct htab_elem *)(h->elems + (u64)n * h->elem_size);
}

static inline u8 *htab_key(const struct bpf_htab *h, const struct htab_elem *e)
{
	return (u8 *)e + h->key_off;
}

/* The value of element @n that a run on @cpu sees. */
static inline u8 *htab_value(const struct bpf_htab *h, u32 n, u32 cpu)
{
	if (h->percpu)
		return h->percpu + cpu * h->cpu_stride + (u64)n * h->value_stride;
	return (u8 *)htab_elem(h, n) + h->value_off;
}

static inline struct htab_bucket *htab_bucket(const struct bpf_htab *h, u32 hash)
{
	return &h->buckets[hash & h->bucket_mask];
}

/* The line will be written (what Linux's prefetchw() is). */
static inline void prefetch_write(const void *p)
{
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)p));
}

/* ---- searching ---- */

static inline __attribute__((always_inline)) u64 htab_hash(const struct bpf_htab *h, const u8 *key,
							   u32 size)
{
	return hash_bytes(h->seed, key, size);
}

static inline u8 htab_tag(u64 hash)
{
	return hash >> 56;
}

/* High bit of each byte of @tags that equals @tag; a byte above an equal one may be wrongly set. */
static inline u64 htab_tag_match(u64 tags, u8 tag)
{
	u64 x = tags ^ 0x0101010101010101ULL * tag;

	return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

static inline __attribute__((always_inline)) bool
htab_key_equal(const struct bpf_htab *h, const struct htab_elem *e, const void *key, u32 size)
{
	const u8 *k = htab_key(h, e);

	/* One load cannot be torn. */
	if (size == 1)
		return READ_ONCE(*k) == *(const u8 *)key;
	if (size == 2)
		return READ_ONCE(*(const rt_u16 *)k) == *(const rt_u16 *)key;
	if (size == 4)
		return READ_ONCE(*(const rt_u32 *)k) == *(const rt_u32 *)key;
	if (size == 8)
		return READ_ONCE(*(const rt_u64 *)k) == *(const rt_u64 *)key;

	u32 seq = load_acquire(&e->seq);
	bool equal = rt_equal(k, key, size);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return equal && !(seq & 1) && READ_ONCE(e->seq) == seq;
}

u32 htab_find_chained(const struct bpf_htab *h, const struct htab_bucket *b, const void *key);

/* The number of @key's element, or 0. */
static inline __attribute__((always_inline)) u32 htab_find(const struct bpf_htab *h,
							   const void *key, u32 size, u64 hash)
{
	const struct htab_bucket *b = htab_bucket(h, (u32)hash);
	u64 match = htab_tag_match(READ_ONCE(b->tags), htab_tag(hash));

	while (match) {
		u32 i = (u32)__builtin_ctzll(match) / 8, n = load_acquire(&b->slot[i]);

		if (likely(n)) {
			if (likely(htab_key_equal(h, htab_elem(h, n), key, size)))
				return n;
			if (unlikely(READ_ONCE(b->slot[i]) != n))
				continue; /* replaced while we looked */
		}
		match &= match - 1;
	}
	if (likely(!READ_ONCE(b->overflow)))
		return 0;
	return htab_find_chained(h, b, key);
}

/* ---- htab_store.c: all of it with, or about, the stripe's lock ---- */

struct htab_place { /* where an element is linked */
	struct htab_bucket *bucket;
	u32 n;	  /* the element */
	u32 slot; /* HTAB_SLOTS: in the chain, after .prev */
	u32 prev; /* 0: first of the chain */
};

int htab_store_init(struct bpf_htab *h, const struct skep_platform *platform);
/*
 * Takes the lock of the stripe of @hash and puts in order what a killed owner left.
 * @run may be NULL (control side). NULL: this thread holds it already, that is, it
 * was interrupted in the middle of a change (-EBUSY).
 */
struct htab_stripe *htab_lock(struct bpf_htab *h, u32 hash, const struct skep_platform *platform,
			      const struct bpf_run *run);
void htab_unlock(struct htab_stripe *s);
/* LRU: element @n of @s will be moved in its list. */
void htab_prefetch_list(struct bpf_htab *h, struct htab_stripe *s, u32 n);
/* Finds @key under the lock. */
bool htab_locate(const struct bpf_htab *h, const void *key, u64 hash, struct htab_place *at);
/*
 * An unused element, noted in s->new, for LRU list number @list: of the stripe, of the pool, or
 * (LRU: at once by eviction) of other stripes. 0 and -errno: -E2BIG, -ENOMEM, or -EAGAIN when the
 * caller must drop the lock, call htab_unjam() and start again.
 */
int htab_new(struct bpf_htab *h, struct htab_stripe *s, u32 list,
	     const struct skep_platform *platform, u32 *out);
int htab_unjam(struct bpf_htab *h, const struct skep_platform *platform,
	       const struct bpf_run *run); /* 0 or -EBUSY */
/* Links s->new, whose contents are complete, as @hash says. */
void htab_link(struct bpf_htab *h, struct htab_stripe *s, u32 n, u64 hash);
/* Puts the spare, whose contents are complete, in the place of @at; that becomes the spare. */
void htab_replace(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at);
/* Unlinks and frees the element at @at. */
void htab_remove(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at);
/* What the values of element @n hold goes: before it is used for another, and when it is unlinked. */
void htab_drop_objects(struct bpf_htab *h, u32 n, const struct skep_platform *platform);
/* Bracket the writing of an element's contents. */
static inline void htab_write_begin(struct htab_elem *e)
{
	WRITE_ONCE(e->seq, e->seq | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void htab_write_end(struct htab_elem *e)
{
	store_release(&e->seq, e->seq + 1);
}

/* Per-CPU types: values as bpf(2) passes them, in the form that @flags say, which are not checked. */
int htab_percpu_update(struct bpf_map *map, const void *key, const void *value, u64 flags,
		       struct bpf_run *run);
const char *htab_check(struct bpf_map *map);
u64 htab_count(const struct bpf_htab *h);

#endif
