/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Elements of hash tables: where they come from, how they are linked and evicted,
 * and how a stripe is put in order after its lock's owner was killed. Linux:
 * kernel/bpf/percpu_freelist.c and bpf_lru_list.c do the first part of this.
 *
 * An element is at every moment in exactly one place: linked in a bucket, a stripe's
 * spare, in a stripe's free list or range of fresh ones, or in the pool; but for at
 * most two of each stripe that are in motion, and those its .new and .old name. As
 * max_entries elements exist beside the spares, a map is full when none is free.
 *
 * LRU (differs from Linux, which keeps an active and an inactive list for the whole
 * map): each stripe has one list in the order of insertion. A lookup only sets a
 * flag; eviction takes the oldest without it and gives the others a second chance.
 * Large maps are thus sets of a thousand elements. With BPF_F_NO_COMMON_LRU a stripe has
 * a list for each CPU, which evicts from its own once that has its share. The list's
 * .lru_next is the truth; .lru_prev, .newest and .count are derived and rebuilt after a death.
 */
#include <linux/errno.h>

#include "map/htab.h"
#include "object/arena.h"
#include "object/lock.h"
#include "object/rt_heap.h"

#define RANGE(first, count) ((u64)(first) | (u64)(count) << 32)
#define RANGE_FIRST(r)	    ((u32)(r))
#define RANGE_COUNT(r)	    ((u32)((r) >> 32) & 0xffff)
#define CHUNK_MAX	    32
#define SCAN_MAX	    512 /* elements that one eviction looks at */

/* All stores that a killed process may have been the last to make happen in program order. */
#define STORE(x, v)                                                                                \
	do {                                                                                       \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);                                           \
		__atomic_store_n(&(x), (v), __ATOMIC_RELEASE);                                     \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);                                           \
	} while (0)

static u32 stripe_nr(const struct bpf_htab *h, const struct htab_stripe *s)
{
	return (u32)(s - h->stripes);
}

static u32 nulls(const struct bpf_htab *h, const struct htab_bucket *b)
{
	return HTAB_NULLS | (u32)(b - h->buckets);
}

static u32 *lru_next(struct htab_elem *e)
{
	return (u32 *)(e + 1);
}

static u32 *lru_prev(struct htab_elem *e)
{
	return (u32 *)(e + 1) + 1;
}

/* ---- finding ---- */

u32 htab_find_chained(const struct bpf_htab *h, const struct htab_bucket *b, const void *key)
{
	u32 n, size = h->map.key_size;

again:
	n = load_acquire(&b->overflow);
	if (!n)
		return 0;
	while (n && !(n & HTAB_NULLS)) {
		const struct htab_elem *e = htab_elem(h, n);

		if (htab_key_equal(h, e, key, size))
			return n;
		n = load_acquire(&e->next);
	}
	if (n != nulls(h, b)) /* an element was removed under us, and led elsewhere */
		goto again;
	return 0;
}

bool htab_locate(const struct bpf_htab *h, const void *key, u64 hash, struct htab_place *at)
{
	struct htab_bucket *b = htab_bucket(h, (u32)hash);
	u64 match = htab_tag_match(b->tags, htab_tag(hash));
	u32 size = h->map.key_size;

	at->bucket = b;
	at->prev = 0;
	for (; match; match &= match - 1) {
		at->slot = (u32)__builtin_ctzll(match) / 8;
		at->n = b->slot[at->slot];
		if (at->n && rt_equal(htab_key(h, htab_elem(h, at->n)), key, size))
			return true;
	}
	at->slot = HTAB_SLOTS;
	for (at->n = b->overflow; at->n && !(at->n & HTAB_NULLS);
	     at->n = htab_elem(h, at->n)->next) {
		if (rt_equal(htab_key(h, htab_elem(h, at->n)), key, size))
			return true;
		at->prev = at->n;
	}
	at->n = 0;
	return false;
}

void htab_prefetch_list(struct bpf_htab *h, struct htab_stripe *s, u32 n)
{
	struct htab_elem *e = htab_elem(h, n);

	prefetch_write(htab_elem(h, *lru_next(e)));
	prefetch_write(htab_elem(h, *lru_prev(e)));
	prefetch_write(htab_elem(h, s->list.newest));
}

/* Where element @n is linked, by its own hash. */
static bool locate_elem(const struct bpf_htab *h, u32 n, struct htab_place *at)
{
	struct htab_bucket *b = htab_bucket(h, htab_elem(h, n)->hash);

	at->bucket = b;
	at->n = n;
	at->prev = 0;
	for (at->slot = 0; at->slot < HTAB_SLOTS; at->slot++)
		if (b->slot[at->slot] == n)
			return true;
	for (u32 i = b->overflow; i && !(i & HTAB_NULLS); i = htab_elem(h, i)->next) {
		if (i == n)
			return true;
		at->prev = i;
	}
	return false;
}

/* ---- the LRU list ---- */

static struct htab_lru_list *lru_list(struct bpf_htab *h, struct htab_stripe *s, u32 list)
{
	if (likely(!h->lists))
		return &s->list;
	return &h->lists[(u64)stripe_nr(h, s) * h->nr_lists + list % h->nr_lists];
}

static void lru_add(struct bpf_htab *h, struct htab_stripe *s, u32 n)
{
	struct htab_elem *e = htab_elem(h, n);
	struct htab_lru_list *l = lru_list(h, s, e->list);

	STORE(*lru_next(e), 0);
	STORE(*lru_prev(e), l->newest);
	if (l->newest)
		STORE(*lru_next(htab_elem(h, l->newest)), n);
	else
		STORE(l->oldest, n);
	STORE(l->newest, n);
	STORE(l->count, l->count + 1);
}

static void lru_del(struct bpf_htab *h, struct htab_stripe *s, u32 n)
{
	struct htab_elem *e = htab_elem(h, n);
	struct htab_lru_list *l = lru_list(h, s, e->list);
	u32 next = *lru_next(e), prev = *lru_prev(e);

	if (prev)
		STORE(*lru_next(htab_elem(h, prev)), next);
	else
		STORE(l->oldest, next);
	if (next)
		STORE(*lru_prev(htab_elem(h, next)), prev);
	else
		STORE(l->newest, prev);
	STORE(l->count, l->count - 1);
}

/* What of @moved is in list @l but not linked goes; what is both is noted in @in_list. */
static void lru_repair_list(struct bpf_htab *h, struct htab_lru_list *l, const u32 *moved,
			    bool *in_list)
{
	struct htab_place at;
	u32 prev = 0, count = 0, n = l->oldest;

	while (n) {
		struct htab_elem *e = htab_elem(h, n);
		u32 next = *lru_next(e);

		if ((n == moved[0] || n == moved[1]) && !locate_elem(h, n, &at)) {
			if (prev)
				STORE(*lru_next(htab_elem(h, prev)), next);
			else
				STORE(l->oldest, next);
		} else {
			in_list[0] |= n == moved[0];
			in_list[1] |= n == moved[1];
			STORE(*lru_prev(e), prev);
			prev = n;
			count++;
		}
		n = next;
	}
	STORE(l->newest, prev);
	STORE(l->count, count);
}

/* After a death: what is in a list but not linked goes, what of @moved is linked but in none comes. */
static void lru_repair(struct bpf_htab *h, struct htab_stripe *s, const u32 *moved)
{
	bool in_list[2] = { false, false };
	struct htab_place at;

	for (u32 i = 0; i < h->nr_lists; i++)
		lru_repair_list(h, lru_list(h, s, i), moved, in_list);
	for (u32 i = 0; i < 2; i++)
		if (moved[i] && !in_list[i] && (!i || moved[1] != moved[0]) &&
		    locate_elem(h, moved[i], &at))
			lru_add(h, s, moved[i]);
}

/* ---- locking, and what a death leaves ---- */

static u32 own_tid(const struct skep_platform *platform, const struct bpf_run *run)
{
	u32 tid = run ? READ_ONCE(run->arena->slots[run->cpu].owner) : 0;

	return tid ? tid : platform->tid();
}

static void push_free(struct bpf_htab *h, struct htab_stripe *s, u32 n)
{
	STORE(htab_elem(h, n)->next, s->free);
	STORE(s->free, n);
}

/* Completes a hand-over from the pool whose giver died. map.lock is held. */
static void pool_repair(struct bpf_htab *h)
{
	u64 intent = h->intent;
	u32 first = RANGE_FIRST(intent), count = RANGE_COUNT(intent);

	if (!intent)
		return;
	STORE(h->stripes[intent >> 48].fresh, RANGE(first, count));
	STORE(h->pool_next, first + count);
	STORE(h->intent, 0);
}

static bool in_range(u64 range, u32 n)
{
	return n >= RANGE_FIRST(range) && n - RANGE_FIRST(range) < RANGE_COUNT(range);
}

static void stripe_repair(struct bpf_htab *h, struct htab_stripe *s,
			  const struct skep_platform *platform)
{
	u32 moved[2] = { s->new, s->old }, used = 0;
	struct htab_place at;

	lock_take(&h->map.lock, platform);
	pool_repair(h);
	lock_drop(&h->map.lock);

	/* Somebody died taking .away from us: it is theirs once it is out of our lists. */
	if (s->away) {
		if (s->free == s->away || in_range(s->fresh, s->away))
			STORE(htab_elem(h, s->away)->taken_by, 0);
		STORE(s->away, 0);
	}
	/* We died taking .new from another stripe. */
	if (s->from) {
		struct htab_stripe *t = &h->stripes[s->from - 1];

		lock_take(&t->lock, platform);
		if (t->dirty)
			stripe_repair(h, t, platform); /* t->from is 0: t was only robbed */
		lock_drop(&t->lock);
		if (htab_elem(h, s->new)->taken_by != stripe_nr(h, s) + 1)
			moved[0] = 0;
		STORE(s->from, 0);
	}
	/* A replacement died between its two steps: the spare is linked now, the old one is not. */
	if (locate_elem(h, s->spare, &at) && s->old)
		STORE(s->spare, s->old);
	for (u32 i = 0; i < 2; i++) {
		u32 n = moved[i];

		if (n && n != s->spare && n != s->free && !in_range(s->fresh, n) &&
		    (!i || n != moved[0]) && !locate_elem(h, n, &at))
			push_free(h, s, n);
	}
	if (h->lru)
		lru_repair(h, s, moved);
	for (u32 b = stripe_nr(h, s); b <= h->bucket_mask; b += h->stripe_mask + 1) {
		const struct htab_bucket *bucket = &h->buckets[b];

		for (u32 i = 0; i < HTAB_SLOTS; i++)
			used += !!bucket->slot[i];
		for (u32 n = bucket->overflow; n && !(n & HTAB_NULLS); n = htab_elem(h, n)->next)
			used++;
	}
	STORE(s->used, used);
	STORE(s->new, 0);
	STORE(s->old, 0);
	STORE(s->dirty, 0);
	WRITE_ONCE(h->maybe_free, 1);
}

struct htab_stripe *htab_lock(struct bpf_htab *h, u32 hash, const struct skep_platform *platform,
			      const struct bpf_run *run)
{
	struct htab_stripe *s = &h->stripes[hash & h->stripe_mask];
	u32 tid = own_tid(platform, run);

	/* What is changed is in the cache of who changed it last: fetch all of it at once. */
	prefetch_write(htab_bucket(h, hash));
	if (unlikely(!lock_try(&s->lock, tid))) {
		/*
		 * Ours already: this run interrupted a change of the run below it, or the
		 * lock is a dead namesake's.
		 */
		if (READ_ONCE(s->lock) != tid)
			lock_take(&s->lock, platform);
		else if (run && run->arena->slots[run->cpu].nesting > 1)
			return NULL;
	}
	prefetch_write(htab_elem(h, s->spare));
	if (unlikely(s->dirty))
		stripe_repair(h, s, platform);
	STORE(s->dirty, 1);
	return s;
}

void htab_unlock(struct htab_stripe *s)
{
	STORE(s->new, 0);
	STORE(s->old, 0);
	STORE(s->dirty, 0);
	lock_drop(&s->lock);
}

/* ---- where elements come from ---- */

/* Pages for the elements below @end. map.lock is held. */
static int pool_back(struct bpf_htab *h, u32 end, const struct skep_platform *platform)
{
	u32 total = h->nr_elems + 1, step;
	u64 from, len;
	int err;

	if (end <= h->backed)
		return 0;
	/* Grow by a half, between 64 KiB and 4 MiB. */
	step = h->backed / 2;
	step = max_t(u32, step, 65536 / h->elem_size);
	step = min_t(u32, step, (4U << 20) / h->elem_size);
	end = min_t(u64, total, max_t(u64, end, (u64)h->backed + step));

	from = (u64)h->backed * h->elem_size;
	len = (u64)end * h->elem_size - from;
	err = platform->back(h->map.arena, h->elems + from, len);
	for (u32 cpu = 0; !err && h->percpu && cpu < h->map.nr_cpus; cpu++) {
		err = platform->back(h->map.arena,
				     h->percpu + cpu * h->cpu_stride +
					     (u64)h->backed * h->value_stride,
				     (u64)(end - h->backed) * h->value_stride);
	}
	if (err)
		return -ENOMEM;
	h->map.backed += len;
	if (h->percpu)
		h->map.backed += (u64)(end - h->backed) * h->value_stride * h->map.nr_cpus;
	STORE(h->backed, end);
	return 0;
}

/* A range of the pool for @s. 0, -ENOENT when the pool is empty, -ENOMEM, -EBUSY. */
static int pool_take(struct bpf_htab *h, struct htab_stripe *s,
		     const struct skep_platform *platform)
{
	u32 left, count, tid, per_stripe;
	int err = 0;

	if (READ_ONCE(h->pool_next) > h->nr_elems)
		return -ENOENT;
	tid = READ_ONCE(s->lock); /* that is us */
	if (READ_ONCE(h->map.lock) == tid)
		return -EBUSY; /* interrupted while taking from the pool */
	lock_take(&h->map.lock, platform);
	pool_repair(h);
	left = h->nr_elems + 1 - h->pool_next;
	if (!left) {
		err = -ENOENT;
		goto out;
	}
	per_stripe = left / (2 * (h->stripe_mask + 1));
	count = min_t(u32, max_t(u32, per_stripe, 1), CHUNK_MAX);
	err = pool_back(h, h->pool_next + count, platform);
	if (err)
		goto out;
	STORE(h->intent, RANGE(h->pool_next, count) | (u64)stripe_nr(h, s) << 48);
	STORE(s->fresh, RANGE(h->pool_next, count));
	STORE(h->pool_next, h->pool_next + count);
	STORE(h->intent, 0);
	/* Others may come to want of it: memory may have been short when the hint was cleared. */
	STORE(h->maybe_free, 1);
out:
	lock_drop(&h->map.lock);
	return err;
}

/* A free element of @s's own, noted in s->new; 0: none. */
static u32 take_own(struct bpf_htab *h, struct htab_stripe *s)
{
	u32 n = s->free;

	if (n) {
		STORE(s->new, n);
		STORE(s->free, htab_elem(h, n)->next);
		return n;
	}
	if (!RANGE_COUNT(s->fresh))
		return 0;
	n = RANGE_FIRST(s->fresh);
	STORE(s->new, n);
	STORE(s->fresh, RANGE(n + 1, RANGE_COUNT(s->fresh) - 1));
	return n;
}

void __attribute__((noinline))
htab_drop_objects(struct bpf_htab *h, u32 n, const struct skep_platform *platform)
{
	for (u32 cpu = 0; cpu < (h->percpu ? h->map.nr_cpus : 1); cpu++)
		object_drop_fields(h->map.arena, platform, htab_value(h, n, cpu), h->map.record);
}

static void remove_elem(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at);

/*
 * Unlinks the element of list @l of @s that was not looked up for longest, and frees it: for the
 * caller, who takes it at once, so that nobody is told.
 */
static bool evict(struct bpf_htab *h, struct htab_stripe *s, struct htab_lru_list *l,
		  const struct skep_platform *platform)
{
	struct htab_place at;

	for (u32 i = 0; l->oldest; i++) {
		u32 n = l->oldest;
		struct htab_elem *e = htab_elem(h, n);

		if (e->ref && i < SCAN_MAX) {
			STORE(s->old, n);
			e->ref = 0;
			if (l->newest != n) {
				lru_del(h, s, n);
				lru_add(h, s, n);
			}
			continue;
		}
		if (!locate_elem(h, n, &at))
			return false; /* cannot be */
		remove_elem(h, s, &at);
		if (unlikely(h->map.record))
			htab_drop_objects(h, n, platform);
		return true;
	}
	return false;
}

/* The longest of a stripe's lists. */
static struct htab_lru_list *lru_longest(struct bpf_htab *h, struct htab_stripe *s)
{
	struct htab_lru_list *longest = lru_list(h, s, 0);

	for (u32 i = 1; i < h->nr_lists; i++)
		if (READ_ONCE(lru_list(h, s, i)->count) > READ_ONCE(longest->count))
			longest = lru_list(h, s, i);
	return longest;
}

/* Takes a free element from another stripe into s->new; LRU with @force: evicts there. */
static int take_others(struct bpf_htab *h, struct htab_stripe *s, bool force, u32 *out,
		       const struct skep_platform *platform)
{
	u32 self = stripe_nr(h, s), tid = READ_ONCE(s->lock), err = -ENOENT;

	for (u32 i = 1; i <= h->stripe_mask; i++) {
		struct htab_stripe *t = &h->stripes[(self + i) & h->stripe_mask];
		u32 n;

		if (!READ_ONCE(t->free) && !RANGE_COUNT(READ_ONCE(t->fresh)) &&
		    !(force && READ_ONCE(lru_longest(h, t)->oldest)))
			continue;
		if (!lock_try(&t->lock, tid)) { /* waiting here could be for ever */
			err = -EAGAIN;
			continue;
		}
		if (t->dirty) { /* its owner died: htab_unjam() */
			lock_drop(&t->lock);
			err = -EAGAIN;
			continue;
		}
		STORE(t->dirty, 1);
		if (force && !t->free && !RANGE_COUNT(t->fresh)) {
			evict(h, t, lru_longest(h, t), platform);
			STORE(t->old, 0); /* or its repair would claim what we take */
		}
		n = t->free ? t->free : RANGE_COUNT(t->fresh) ? RANGE_FIRST(t->fresh) : 0;
		if (n) {
			STORE(s->from, stripe_nr(h, t) + 1);
			STORE(t->away, n);
			STORE(s->new, n);
			STORE(htab_elem(h, n)->taken_by, self + 1);
			if (t->free)
				STORE(t->free, htab_elem(h, n)->next);
			else
				STORE(t->fresh, RANGE(n + 1, RANGE_COUNT(t->fresh) - 1));
			STORE(s->from, 0);
			STORE(t->away, 0);
		}
		STORE(t->dirty, 0);
		lock_drop(&t->lock);
		if (n) {
			*out = n;
			return 0;
		}
	}
	return err;
}

int htab_new(struct bpf_htab *h, struct htab_stripe *s, u32 list,
	     const struct skep_platform *platform, u32 *out)
{
	struct htab_lru_list *l = lru_list(h, s, list);
	int err, pool;

	if (unlikely(h->lists) && l->count >= h->quota)
		evict(h, s, l, platform);
	*out = take_own(h, s);
	if (likely(*out))
		return 0;
	pool = pool_take(h, s, platform);
	if (!pool) {
		*out = take_own(h, s);
		return 0;
	}
	if (pool == -EBUSY)
		return pool;
	if (READ_ONCE(h->maybe_free)) {
		/*
		 * A deletion frees first and sets the hint then; we clear it first and look
		 * then. So what we do not see leaves the hint set.
		 */
		WRITE_ONCE(h->maybe_free, 0);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		err = take_others(h, s, false, out, platform);
		if (err != -ENOENT)
			WRITE_ONCE(h->maybe_free, 1);
		if (!err || (err == -EAGAIN && !h->lru))
			return err;
	}
	if (!h->lru)
		return pool == -ENOENT ? -E2BIG : pool;
	if (!l->oldest)
		l = lru_longest(h, s);
	if (evict(h, s, l, platform)) {
		*out = take_own(h, s);
		return 0;
	}
	err = take_others(h, s, true, out, platform);
	return err == -ENOENT ? -ENOMEM : err;
}

int htab_unjam(struct bpf_htab *h, const struct skep_platform *platform, const struct bpf_run *run)
{
	/* Whoever holds or has left a stripe: wait for it once, and repair it. */
	for (u32 i = 0; i <= h->stripe_mask; i++) {
		if (READ_ONCE(h->stripes[i].lock) || READ_ONCE(h->stripes[i].dirty)) {
			struct htab_stripe *s = htab_lock(h, i, platform, run);

			if (!s)
				return -EBUSY;
			htab_unlock(s);
		}
	}
	return 0;
}

/* ---- linking ---- */

static void set_tag(struct htab_bucket *b, u32 slot, u8 tag)
{
	u64 tags = b->tags;

	tags &= ~(0xffULL << slot * 8);
	STORE(b->tags, tags | (u64)tag << slot * 8);
}

void htab_link(struct bpf_htab *h, struct htab_stripe *s, u32 n, u64 hash)
{
	struct htab_bucket *b = htab_bucket(h, (u32)hash);
	struct htab_elem *e = htab_elem(h, n);

	for (u32 i = 0; i < HTAB_SLOTS; i++) {
		if (b->slot[i])
			continue;
		STORE(e->next, 0);
		if ((u8)(b->tags >> i * 8) != htab_tag(hash))
			set_tag(b, i, htab_tag(hash));
		STORE(b->slot[i], n);
		goto linked;
	}
	STORE(e->next, b->overflow ? b->overflow : nulls(h, b));
	STORE(b->overflow, n);
linked:
	STORE(s->used, s->used + 1);
	if (h->lru)
		lru_add(h, s, n);
}

/* Lets the chain or slot at @at lead to @to. */
static void relink(struct bpf_htab *h, const struct htab_place *at, u32 to)
{
	if (at->slot < HTAB_SLOTS)
		STORE(at->bucket->slot[at->slot], to);
	else if (at->prev)
		STORE(htab_elem(h, at->prev)->next, to);
	else
		STORE(at->bucket->overflow, to & HTAB_NULLS ? 0 : to);
}

void htab_replace(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at)
{
	u32 n = s->spare;
	struct htab_elem *e = htab_elem(h, n);

	STORE(s->new, n);
	STORE(s->old, at->n);
	STORE(e->next, at->slot < HTAB_SLOTS ? 0 : htab_elem(h, at->n)->next);
	relink(h, at, n);
	STORE(s->spare, at->n);
	if (h->lru) {
		lru_del(h, s, at->n);
		lru_add(h, s, n);
	}
}

static void remove_elem(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at)
{
	u32 next = at->slot < HTAB_SLOTS ? 0 : htab_elem(h, at->n)->next;

	STORE(s->old, at->n);
	relink(h, at, next);
	if (h->lru)
		lru_del(h, s, at->n);
	STORE(s->used, s->used - 1);
	push_free(h, s, at->n);
}

void htab_remove(struct bpf_htab *h, struct htab_stripe *s, const struct htab_place *at)
{
	bool had = s->free || RANGE_COUNT(s->fresh);

	remove_elem(h, s, at);
	/*
	 * After it, see htab_new(). Who freed the first one has said so; and all CPUs would have to
	 * wait for the line if it were written each time.
	 */
	if (had)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!READ_ONCE(h->maybe_free))
		STORE(h->maybe_free, 1);
}

/* ---- beginning, counting, checking ---- */

int htab_store_init(struct bpf_htab *h, const struct skep_platform *platform)
{
	u32 nr = h->stripe_mask + 1;
	int err;

	h->pool_next = nr + 1;
	h->maybe_free = 1;
	/* A small table has all its pages now; of a large one, its first elements. */
	err = pool_back(h,
			(u64)(h->nr_elems + 1) * h->elem_size <= 65536 ? h->nr_elems + 1 : nr + 1,
			platform);
	for (u32 i = 0; !err && i < nr; i++)
		h->stripes[i].spare = i + 1;
	return err;
}

u64 htab_count(const struct bpf_htab *h)
{
	u64 n = 0;

	for (u32 i = 0; i <= h->stripe_mask; i++)
		n += READ_ONCE(h->stripes[i].used);
	return n;
}

static const char *check_list(const struct bpf_htab *h, u32 n, u32 *steps)
{
	for (; n; n = htab_elem(h, n)->next) {
		struct htab_place at;

		if (n & HTAB_NULLS || n >= h->pool_next || ++*steps > h->nr_elems)
			return "htab: free list leads astray";
		if (locate_elem(h, n, &at))
			return "htab: element is free and linked";
	}
	return NULL;
}

static const char *check_bucket(const struct bpf_htab *h, u32 nr, u32 *linked)
{
	const struct htab_bucket *b = &h->buckets[nr];
	u32 n, chain = 0;

	for (u32 i = 0; i < HTAB_SLOTS + 1; i++) {
		n = i < HTAB_SLOTS ? b->slot[i] : b->overflow;
		while (n && !(n & HTAB_NULLS)) {
			const struct htab_elem *e = htab_elem(h, n);
			struct htab_place at;
			u64 hash;

			if (n >= h->pool_next || ++chain > h->nr_elems)
				return "htab: bucket leads astray";
			if (e->seq & 1)
				return "htab: linked element is half written";
			hash = htab_hash(h, htab_key(h, e), h->map.key_size);
			if (e->hash != (u32)hash || (hash & h->bucket_mask) != nr)
				return "htab: element in the wrong bucket";
			if (!htab_locate(h, htab_key(h, e), hash, &at) || at.n != n)
				return "htab: key is there twice, or cannot be found";
			if (i < HTAB_SLOTS && e->next)
				return "htab: element in a slot has a successor";
			++*linked;
			n = i < HTAB_SLOTS ? 0 : e->next;
		}
		if (i == HTAB_SLOTS && chain && n && n != nulls(h, b))
			return "htab: chain ends in another bucket";
	}
	return NULL;
}

static const char *check_lru(struct bpf_htab *h, struct htab_stripe *s)
{
	struct htab_place at;
	u32 all = 0;

	for (u32 i = 0; i < h->nr_lists; i++) {
		const struct htab_lru_list *l = lru_list(h, s, i);
		u32 prev = 0, count = 0;

		for (u32 n = l->oldest; n; prev = n, n = *lru_next(htab_elem(h, n))) {
			if (n >= h->pool_next || ++count > h->nr_elems)
				return "htab: LRU list leads astray";
			if (*lru_prev(htab_elem(h, n)) != prev)
				return "htab: LRU list differs backwards";
			if (!locate_elem(h, n, &at) ||
			    (htab_elem(h, n)->hash & h->stripe_mask) != stripe_nr(h, s))
				return "htab: LRU list holds an element that is not linked";
			if (lru_list(h, s, htab_elem(h, n)->list) != l)
				return "htab: element in the LRU list of another CPU";
		}
		if (l->newest != prev)
			return "htab: LRU list ends wrongly";
		if (l->count != count)
			return "htab: count of an LRU list is wrong";
		all += count;
	}
	return all == s->used ? NULL : "htab: LRU list is incomplete";
}

/* The caller sees to it that nobody changes the map meanwhile; dead owners are welcome. */
const char *htab_check(struct bpf_map *map)
{
	struct bpf_htab *h = to_htab(map);
	u64 total = 0, linked = 0;
	const char *wrong = NULL;
	u32 steps = 0;

	for (u32 i = 0; !wrong && i <= h->stripe_mask; i++) {
		struct htab_stripe *s = &h->stripes[i];
		struct htab_place at;
		u32 used = 0;

		if (s->dirty || s->lock)
			return "htab: a stripe is locked";
		if (s->new || s->old || s->from || s->away)
			return "htab: a clean stripe has elements in motion";
		for (u32 b = i; !wrong && b <= h->bucket_mask; b += h->stripe_mask + 1)
			wrong = check_bucket(h, b, &used);
		if (wrong)
			break;
		if (used != s->used)
			return "htab: count of a stripe is wrong";
		if (h->lru)
			wrong = check_lru(h, s);
		if (!wrong && (!s->spare || locate_elem(h, s->spare, &at)))
			wrong = "htab: no spare, or a linked one";
		if (!wrong)
			wrong = check_list(h, s->free, &steps);
		linked += used;
		total += used + 1 + RANGE_COUNT(s->fresh);
	}
	if (wrong)
		return wrong;
	total += steps;
	if (h->intent)
		return "htab: pool is in the middle of a hand-over";
	if (total + (h->nr_elems + 1 - h->pool_next) != h->nr_elems)
		return "htab: elements were lost or doubled";
	if (linked > map->max_entries)
		return "htab: more elements than max_entries";
	return NULL;
}
