/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hash tables as map types: hash, per-CPU hash, both with LRU eviction, and hash of
 * maps (Linux: kernel/bpf/hashtab.c). The table itself is in htab.h and htab_store.c.
 *
 * As in Linux a replaced value is a new element, so that a reader sees the old value
 * or the new one, never a mixture; per-CPU values and BPF_F_LOCK are written in place.
 * BPF_F_NO_PREALLOC makes no difference but in what is reported: memory always grows
 * with use, and an update fails with -ENOMEM when there is none.
 * .map_extra, which bpf(2) does not let through for hashes, is the number of buckets of a table
 * that serves another map type (storage.h).
 * DIFF(lru-replace): an update of a key that is there never evicts another.
 */
#include <linux/errno.h>

#include "map/htab.h"
#include "map/map_in_map.h"
#include "map/words.h"
#include "object/arena.h"
#include "object/prog.h"

#define PAGE_SIZE	   4096ULL
#define PCPU_MIN_UNIT_SIZE 32768      /* largest value of a per-CPU map, bytes */
#define KMALLOC_MAX_SIZE   (4U << 20) /* x86-64 */
#define LINUX_ELEM_SIZE	   48	      /* sizeof(struct htab_elem) */
#define LINUX_BUCKET_SIZE  16
#define LINUX_HTAB_SIZE	   832 /* sizeof(struct bpf_htab) on 6.18, x86-64: for memlock */
#define LINUX_LOCKS	   8   /* HASHTAB_MAP_LOCK_COUNT */
#define U32_MAX		   0xffffffffU
#define LRU_SET		   1024 /* elements that share an order of eviction */
#define HTAB_FLAGS                                                                                 \
	(BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | \
	 BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG | BPF_F_ZERO_SEED)

static bool type_is_percpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool type_is_lru(u32 type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static u64 pow2_above(u64 n)
{
	return n <= 1 ? 1 : 1ULL << (64 - __builtin_clzll(n - 1));
}

/* ---- making ---- */

/* Everything about a table's shape, from its attributes. */
struct htab_shape {
	u32 max_entries, nr_buckets, nr_stripes, nr_lists;
	u32 key_off, value_off, elem_size, value_stride;
	u64 stripes, lists, buckets, elems, percpu, cpu_stride, size; /* offsets and sizes, bytes */
};

/* @nr_buckets 0: as many as max_entries asks for. */
static int shape_of(u32 type, u32 key_size, u32 value_size, u32 max_entries, u32 flags, u32 nr_cpus,
		    u64 nr_buckets, struct htab_shape *s)
{
	bool percpu = type_is_percpu(type), lru = type_is_lru(type);
	u64 elems;

	s->max_entries = max_entries;
	if (flags & BPF_F_NO_COMMON_LRU) {
		s->max_entries = (max_entries + nr_cpus - 1) / nr_cpus * nr_cpus;
		if (s->max_entries < max_entries)
			s->max_entries = max_entries / nr_cpus * nr_cpus;
	}
	if (s->max_entries > 1U << 31 || pow2_above(s->max_entries) > U32_MAX / LINUX_BUCKET_SIZE)
		return -E2BIG;

	s->nr_buckets =
		nr_buckets ? (u32)nr_buckets : max_t(u64, pow2_above(s->max_entries) / 4, 1);
	if (lru)
		s->nr_stripes = s->max_entries / LRU_SET;
	else
		s->nr_stripes = max_t(u32, nr_cpus * 16, s->nr_buckets >= 4096 ? 128 : 16);
	s->nr_stripes = min_t(u32, s->nr_stripes, min_t(u32, s->nr_buckets, HTAB_STRIPES_MAX));
	s->nr_stripes = max_t(u32, s->nr_stripes, 1);
	s->nr_stripes = 1U << (31 - __builtin_clz(s->nr_stripes));

	s->key_off = sizeof(struct htab_elem) + (lru ? 8 : 0);
	s->value_off = s->key_off + round_up(key_size, 8);
	s->value_stride = round_up(value_size, 8);
	s->elem_size = s->value_off + (percpu ? 0 : s->value_stride);

	elems = (u64)s->max_entries + s->nr_stripes + 1;
	s->stripes = round_up(sizeof(struct bpf_htab), 64);
	/* An element names its list in a byte. */
	s->nr_lists = flags & BPF_F_NO_COMMON_LRU ? min_t(u32, nr_cpus, 256) : 1;
	s->lists = s->stripes + s->nr_stripes * sizeof(struct htab_stripe);
	s->buckets = s->lists;
	if (flags & BPF_F_NO_COMMON_LRU)
		s->buckets = round_up(s->lists + (u64)s->nr_stripes * s->nr_lists *
							 sizeof(struct htab_lru_list),
				      64);
	s->elems = round_up(s->buckets + s->nr_buckets * sizeof(struct htab_bucket), PAGE_SIZE);
	s->percpu = s->elems + round_up(elems * s->elem_size, PAGE_SIZE);
	s->cpu_stride = percpu ? round_up(elems * s->value_stride, PAGE_SIZE) : 0;
	s->size = s->percpu + s->cpu_stride * nr_cpus;
	return s->size > ARENA_LEASE_SIZE ? -ENOMEM : 0;
}

static u64 htab_usage(u32 type, u32 key_size, u32 value_size, u32 max_entries, u32 flags,
		      u32 nr_cpus, u64 count)
{
	bool percpu = type_is_percpu(type), lru = type_is_lru(type);
	u64 elem, n,
		usage = LINUX_HTAB_SIZE + 4 * (u64)nr_cpus * LINUX_LOCKS +
			LINUX_BUCKET_SIZE * pow2_above(max_entries);

	value_size = round_up(value_size, 8);
	elem = LINUX_ELEM_SIZE + round_up(key_size, 8) + (percpu ? 8 : value_size);
	if (flags & BPF_F_NO_PREALLOC) {
		usage += (elem + 8) * count;
		if (percpu)
			usage += (16 + (u64)value_size * nr_cpus) * count;
		return usage;
	}
	n = max_entries;
	if (!percpu && !lru && type != BPF_MAP_TYPE_HASH_OF_MAPS)
		n += nr_cpus;
	usage += elem * n;
	if (percpu)
		usage += (u64)value_size * nr_cpus * n;
	else if (!lru)
		usage += 8 * (u64)nr_cpus;
	return usage;
}

static int htab_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *attr = p->attr;
	bool percpu = type_is_percpu(attr->map_type), lru = type_is_lru(attr->map_type);
	bool percpu_lru = attr->map_flags & BPF_F_NO_COMMON_LRU;
	struct htab_shape s;
	int err;

	if (attr->map_flags & BPF_F_ZERO_SEED && !p->cap_sys_admin)
		return -EPERM;
	if (attr->map_flags & ~HTAB_FLAGS ||
	    (attr->map_flags & BPF_F_RDONLY_PROG && attr->map_flags & BPF_F_WRONLY_PROG))
		return -EINVAL;
	if (!lru && percpu_lru)
		return -EINVAL;
	if (lru && attr->map_flags & BPF_F_NO_PREALLOC)
		return -ENOTSUPP;
	if (attr->map_flags & BPF_F_NUMA_NODE && (percpu || percpu_lru))
		return -EINVAL;
	if (!attr->max_entries || !attr->key_size || !attr->value_size)
		return -EINVAL;
	if ((u64)attr->key_size + attr->value_size >= KMALLOC_MAX_SIZE - LINUX_ELEM_SIZE)
		return -E2BIG;
	if (percpu && round_up(attr->value_size, 8) > PCPU_MIN_UNIT_SIZE)
		return -E2BIG;

	err = shape_of(attr->map_type, attr->key_size, attr->value_size, attr->max_entries,
		       attr->map_flags, p->nr_cpus, attr->map_extra, &s);
	if (err)
		return err;
	layout->reserve = s.size;
	layout->backed = s.elems;
	layout->client_size = 0;
	layout->charge = htab_usage(attr->map_type, attr->key_size, attr->value_size, s.max_entries,
				    attr->map_flags, p->nr_cpus, 0);
	return 0;
}

static int htab_map_init(struct bpf_map *map, const struct skep_platform *platform)
{
	struct bpf_htab *h = to_htab(map);
	struct htab_shape s;
	int err;

	err = shape_of(map->map_type, map->key_size, map->value_size, map->max_entries,
		       map->map_flags, map->nr_cpus, map->map_extra, &s);
	if (err)
		return err;
	map->max_entries = s.max_entries;
	h->seed[0] = 0x243f6a8885a308d3ULL;
	h->seed[1] = 0x13198a2e03707345ULL;
	if (!(map->map_flags & BPF_F_ZERO_SEED)) {
		h->seed[0] ^= platform->random();
		h->seed[1] ^= platform->random() << 1; /* stays odd */
	}
	h->stripes = (void *)((u8 *)map + s.stripes);
	h->lists = map->map_flags & BPF_F_NO_COMMON_LRU ? (void *)((u8 *)map + s.lists) : NULL;
	h->nr_lists = s.nr_lists;
	h->quota = max_t(u32, s.max_entries / s.nr_lists / s.nr_stripes, 1);
	h->buckets = (void *)((u8 *)map + s.buckets);
	h->elems = (u8 *)map + s.elems;
	h->percpu = s.cpu_stride ? (u8 *)map + s.percpu : NULL;
	h->cpu_stride = s.cpu_stride;
	h->bucket_mask = s.nr_buckets - 1;
	h->stripe_mask = s.nr_stripes - 1;
	h->elem_size = s.elem_size;
	h->key_off = s.key_off;
	h->value_off = s.value_off;
	h->value_stride = s.value_stride;
	h->nr_elems = s.max_entries + s.nr_stripes;
	h->lru = type_is_lru(map->map_type);
	return htab_store_init(h, platform);
}

static u64 htab_map_mem_usage(const struct bpf_map *map)
{
	return htab_usage(map->map_type, map->key_size, map->value_size, map->max_entries,
			  map->map_flags, map->nr_cpus, htab_count(to_htab(map)));
}

/* ---- lookups ---- */

static inline __attribute__((always_inline)) void *
htab_lookup(struct bpf_htab *h, const void *key, u32 size, bool lru, bool percpu, u32 cpu)
{
	u32 n = htab_find(h, key, size, htab_hash(h, key, size));

	if (!n)
		return NULL;
	if (lru) {
		struct htab_elem *e = htab_elem(h, n);

		if (!READ_ONCE(e->ref))
			WRITE_ONCE(e->ref, 1);
	}
	if (percpu)
		return h->percpu + cpu * h->cpu_stride + (u64)n * h->value_stride;
	/* size is a constant in the specialised forms */
	return (u8 *)htab_elem(h, n) + sizeof(struct htab_elem) + (lru ? 8 : 0) + round_up(size, 8);
}

static void *htab_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_lookup(to_htab(map), key, map->key_size, false, false, 0);
}

static void *htab_percpu_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_lookup(to_htab(map), key, map->key_size, false, true, run->cpu);
}

static void *htab_lru_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_lookup(to_htab(map), key, map->key_size, true, false, 0);
}

static void *htab_lru_percpu_map_lookup_elem(struct bpf_map *map, const void *key,
					     struct bpf_run *run)
{
	return htab_lookup(to_htab(map), key, map->key_size, true, true, run->cpu);
}

static void *htab_map_lookup_percpu_elem(struct bpf_map *map, const void *key, u32 cpu)
{
	struct bpf_htab *h = to_htab(map);

	if (cpu >= map->nr_cpus)
		return NULL;
	return htab_lookup(h, key, map->key_size, h->lru, true, cpu);
}

/* Reads as bpf(2) does: all CPUs' values, or that of the CPU in @flags; no trace in the LRU order. */
static void copy_out(struct bpf_htab *h, u32 n, void *value, u64 flags)
{
	const struct bpf_map *map = &h->map;

	if (!h->percpu || flags & BPF_F_CPU) {
		map_value_copy(map, value, htab_value(h, n, h->percpu ? flags >> 32 : 0));
		map_value_hide_special(map, value);
		return;
	}
	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++) {
		u8 *out = (u8 *)value + (u64)h->value_stride * cpu;

		rt_copy(out, htab_value(h, n, cpu), h->value_stride);
		map_value_hide_special(map, out);
	}
}

static int htab_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				struct bpf_run *run)
{
	struct bpf_htab *h = to_htab(map);
	u64 hash = htab_hash(h, key, map->key_size);

	if (flags & BPF_F_LOCK && !map_field(map, BPF_FIELD_SPIN_LOCK))
		return -EINVAL;
	for (;;) {
		u32 seq, n = htab_find(h, key, map->key_size, hash);

		if (!n)
			return -ENOENT;
		seq = load_acquire(&htab_elem(h, n)->seq);
		if (seq & 1 || !rt_equal(htab_key(h, htab_elem(h, n)), key, map->key_size))
			continue;
		if (flags & BPF_F_LOCK && !h->percpu) {
			map_value_copy_locked(map, value, htab_value(h, n, 0), true, run->platform);
			map_value_hide_special(map, value);
			return 0;
		}
		copy_out(h, n, value, flags);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (READ_ONCE(htab_elem(h, n)->seq) == seq)
			return 0;
	}
}

/* ---- updates ---- */

enum value_form {
	VALUE_PLAIN,	 /* one value */
	VALUE_OBJECT,	 /* map of maps: the address, 8 bytes whatever value_size says */
	VALUE_THIS_CPU,	 /* per-CPU type, from a program: the run's CPU */
	VALUE_ONE_CPU,	 /* the same from bpf(2): the CPU that the flags name */
	VALUE_EVERY_CPU, /* from bpf(2): one value for all */
	VALUE_ALL_CPUS,	 /* from bpf(2): a value for each */
};

static void write_percpu(struct bpf_htab *h, u32 n, const void *value, enum value_form form,
			 u32 cpu, bool fresh)
{
	bool one = form == VALUE_THIS_CPU || form == VALUE_ONE_CPU;
	const struct bpf_map *map = &h->map;

	if (one && !fresh) {
		map_value_copy(map, htab_value(h, n, cpu), value);
		return;
	}
	for (u32 i = 0; i < map->nr_cpus; i++) {
		u8 *to = htab_value(h, n, i);
		const u8 *from = (const u8 *)value + (u64)h->value_stride * i;

		if (one && i != cpu)
			map_value_zero(map, to);
		else if (form != VALUE_ALL_CPUS)
			map_value_copy(map, to, value);
		else if (map->nr_fields)
			map_value_copy(map, to, from);
		else /* padding too: Linux gives back what was put there */
			rt_copy(to, from, h->value_stride);
	}
}

static inline __attribute__((always_inline)) void
write_elem(struct bpf_htab *h, u32 n, const void *key, u32 size, u64 hash, const void *value,
	   enum value_form form, u32 cpu, u32 of, const struct skep_platform *platform)
{
	struct htab_elem *e = htab_elem(h, n);

	/* Whoever still looks at the old element may have left something there. */
	if (unlikely(h->map.record))
		htab_drop_objects(h, n, platform);
	htab_write_begin(e);
	e->hash = (u32)hash;
	e->ref = 0;
	e->list = (u8)cpu;
	rt_copy(htab_key(h, e), key, size);
	if (form == VALUE_OBJECT) {
		*(u64 *)htab_value(h, n, 0) = *(const u64 *)value;
	} else if (form == VALUE_PLAIN) {
		map_value_copy(&h->map, htab_value(h, n, 0), value);
		if (unlikely(h->map.nr_fields))
			map_value_hide_special(&h->map, htab_value(h, n, 0));
	} else {
		write_percpu(h, n, value, form, of, true);
	}
	htab_write_end(e);
}

static inline int check_flags(bool exists, u64 flags)
{
	if (exists && flags & BPF_NOEXIST)
		return -EEXIST;
	if (!exists && flags & BPF_EXIST)
		return -ENOENT;
	return 0;
}

/*
 * One update. @replaced: for maps of objects, receives the old value's word. @run is
 * NULL on the control side.
 */
static inline __attribute__((always_inline)) int htab_update(struct bpf_htab *h, const void *key,
							     u32 size, const void *value, u64 flags,
							     enum value_form form,
							     const struct skep_platform *platform,
							     struct bpf_run *run, u64 *replaced)
{
	u64 hash = htab_hash(h, key, size);
	u32 cpu = run ? run->cpu : 0, of = form == VALUE_ONE_CPU ? flags >> 32 : cpu, n;
	struct htab_stripe *s;
	struct htab_place at;
	bool exists;
	int err;

again:
	s = htab_lock(h, (u32)hash, platform, run);
	if (unlikely(!s))
		return -EBUSY;
	exists = htab_locate(h, key, hash, &at);
	err = check_flags(exists, flags);
	if (unlikely(err))
		goto out;
	if (exists && form >= VALUE_THIS_CPU) {
		if (h->lru)
			htab_elem(h, at.n)->ref = 1;
		write_percpu(h, at.n, value, form, of, false);
	} else if (unlikely(exists && flags & BPF_F_LOCK)) {
		map_value_copy_locked(&h->map, htab_value(h, at.n, 0), value, false, platform);
	} else if (exists) {
		if (h->lru)
			htab_prefetch_list(h, s, at.n);
		write_elem(h, s->spare, key, size, hash, value, form, cpu, of, platform);
		if (h->lru)
			htab_elem(h, s->spare)->ref = 1;
		if (replaced)
			*replaced = *(u64 *)htab_value(h, at.n, 0);
		htab_replace(h, s, &at);
		if (unlikely(h->map.record))
			htab_drop_objects(h, at.n, platform);
	} else {
		err = htab_new(h, s, (u8)cpu, platform, &n);
		if (unlikely(err))
			goto out;
		write_elem(h, n, key, size, hash, value, form, cpu, of, platform);
		htab_link(h, s, n, hash);
	}
out:
	htab_unlock(s);
	if (unlikely(err == -EAGAIN)) {
		err = htab_unjam(h, platform, run);
		if (!err)
			goto again;
	}
	return err;
}

static long htab_map_update_elem(struct bpf_map *map, const void *key, const void *value, u64 flags,
				 struct bpf_run *run)
{
	struct bpf_htab *h = to_htab(map);

	if (unlikely((flags & ~(u64)BPF_F_LOCK) > BPF_EXIST))
		return -EINVAL;
	if (unlikely(flags & BPF_F_LOCK)) {
		u32 n;
		int err;

		if (!map_field(map, BPF_FIELD_SPIN_LOCK))
			return -EINVAL;
		/* An element that is there is written in place, under its own lock only. */
		n = htab_find(h, key, map->key_size, htab_hash(h, key, map->key_size));
		err = check_flags(n, flags);
		if (err)
			return err;
		if (n) {
			map_value_copy_locked(map, htab_value(h, n, 0), value, false,
					      run->platform);
			return 0;
		}
	}
	return htab_update(h, key, map->key_size, value, flags, VALUE_PLAIN, run->platform, run,
			   NULL);
}

static long htab_lru_map_update_elem(struct bpf_map *map, const void *key, const void *value,
				     u64 flags, struct bpf_run *run)
{
	if (unlikely(flags > BPF_EXIST))
		return -EINVAL;
	return htab_update(to_htab(map), key, map->key_size, value, flags, VALUE_PLAIN,
			   run->platform, run, NULL);
}

static long htab_percpu_map_update_elem(struct bpf_map *map, const void *key, const void *value,
					u64 flags, struct bpf_run *run)
{
	if (unlikely(flags > BPF_EXIST))
		return -EINVAL;
	return htab_update(to_htab(map), key, map->key_size, value, flags, VALUE_THIS_CPU,
			   run->platform, run, NULL);
}

int htab_percpu_update(struct bpf_map *map, const void *key, const void *value, u64 flags,
		       struct bpf_run *run)
{
	enum value_form form = flags & BPF_F_CPU      ? VALUE_ONE_CPU :
			       flags & BPF_F_ALL_CPUS ? VALUE_EVERY_CPU :
							VALUE_ALL_CPUS;

	return htab_update(to_htab(map), key, map->key_size, value, flags, form, run->platform, run,
			   NULL);
}

static int htab_percpu_map_update_copy(struct bpf_map *map, const void *key, const void *value,
				       u64 flags, struct bpf_run *run)
{
	if (flags & BPF_F_LOCK || (u32)flags > BPF_F_ALL_CPUS)
		return -EINVAL;
	return htab_percpu_update(map, key, value, flags, run);
}

/* ---- deletion ---- */

/* @value: receives what was deleted, as bpf(2) shows it, or NULL. */
static inline __attribute__((always_inline)) int
htab_delete(struct bpf_htab *h, const void *key, u32 size, void *value, u64 flags,
	    const struct skep_platform *platform, const struct bpf_run *run, u64 *removed)
{
	u64 hash = htab_hash(h, key, size);
	struct htab_stripe *s;
	struct htab_place at;
	int err = -ENOENT;

	s = htab_lock(h, (u32)hash, platform, run);
	if (unlikely(!s))
		return -EBUSY;
	if (htab_locate(h, key, hash, &at)) {
		if (value && flags & BPF_F_LOCK && !h->percpu) {
			map_value_copy_locked(&h->map, value, htab_value(h, at.n, 0), true,
					      platform);
			map_value_hide_special(&h->map, value);
		} else if (value) {
			copy_out(h, at.n, value, 0);
		}
		if (removed)
			*removed = *(u64 *)htab_value(h, at.n, 0);
		htab_remove(h, s, &at);
		if (unlikely(h->map.record))
			htab_drop_objects(h, at.n, platform);
		err = 0;
	}
	htab_unlock(s);
	return err;
}

static long htab_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	return htab_delete(to_htab(map), key, map->key_size, NULL, 0, run->platform, run, NULL);
}

static int htab_map_lookup_and_delete(struct bpf_map *map, const void *key, void *value, u64 flags,
				      struct bpf_run *run)
{
	if (flags & BPF_F_LOCK && !map_field(map, BPF_FIELD_SPIN_LOCK))
		return -EINVAL;
	return htab_delete(to_htab(map), key, map->key_size, value, flags, run->platform, run,
			   NULL);
}

/* ---- iteration ---- */

/* The next element after @slot (HTAB_SLOTS and more: in the chain) of bucket @b; 0: none. */
static u32 first_from(const struct bpf_htab *h, const struct htab_bucket *b, u32 slot)
{
	u32 n;

	for (; slot < HTAB_SLOTS; slot++) {
		n = load_acquire(&b->slot[slot]);
		if (n)
			return n;
	}
	n = load_acquire(&b->overflow);
	return n & HTAB_NULLS ? 0 : n;
}

/* Whether the element's key was copied whole while it was linked. */
static bool copy_key(const struct bpf_htab *h, u32 n, void *key)
{
	const struct htab_elem *e = htab_elem(h, n);
	u32 seq = load_acquire(&e->seq);

	rt_copy(key, htab_key(h, e), h->map.key_size);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(seq & 1) && READ_ONCE(e->seq) == seq;
}

static int htab_map_get_next_key(struct bpf_map *map, const void *key, void *next_key)
{
	struct bpf_htab *h = to_htab(map);
	u32 b = 0, n, next;

again:
	b = 0;
	n = 0;
	if (key) {
		u64 hash = htab_hash(h, key, map->key_size);

		n = htab_find(h, key, map->key_size, hash);
		if (n)
			b = (u32)hash & h->bucket_mask;
	}
	if (n) {
		const struct htab_bucket *bucket = &h->buckets[b];
		u32 i;

		for (i = 0; i < HTAB_SLOTS && READ_ONCE(bucket->slot[i]) != n; i++)
			;
		if (i < HTAB_SLOTS) {
			next = first_from(h, bucket, i + 1);
		} else {
			next = load_acquire(&htab_elem(h, n)->next);
			if (next & HTAB_NULLS)
				next = 0;
		}
		if (next) {
			if (!copy_key(h, next, next_key))
				goto again;
			return 0;
		}
		b++;
	}
	for (; b <= h->bucket_mask; b++) {
		next = first_from(h, &h->buckets[b], 0);
		if (next) {
			if (!copy_key(h, next, next_key))
				goto again;
			return 0;
		}
	}
	return -ENOENT;
}

/*
 * A cursor is a bucket and a slot of it; the chain of a bucket goes with its last slot. What is
 * deleted meanwhile moves nothing.
 */
static int htab_map_keys_from(struct bpf_map *map, u32 *cursor, void *keys, u32 room, u32 *n)
{
	struct bpf_htab *h = to_htab(map);
	u32 b = *cursor / HTAB_SLOTS, slot = *cursor % HTAB_SLOTS, had;
	u8 *out = keys;

	for (*n = 0; b <= h->bucket_mask; b++, slot = 0) {
		const struct htab_bucket *bucket = &h->buckets[b];

		for (; slot < HTAB_SLOTS; slot++) {
			u32 e = load_acquire(&bucket->slot[slot]);

			had = *n;
			if (e) {
				if (had == room)
					goto full;
				*n += copy_key(h, e, out + (u64)had * map->key_size);
			}
			if (slot < HTAB_SLOTS - 1)
				continue;
			e = load_acquire(&bucket->overflow);
			for (; e && !(e & HTAB_NULLS); e = load_acquire(&htab_elem(h, e)->next)) {
				if (*n == room) { /* half of it would be lost */
					*n = had;
					if (!had) {
						*cursor = b * HTAB_SLOTS + slot;
						return -ENOSPC;
					}
					goto full;
				}
				*n += copy_key(h, e, out + (u64)*n * map->key_size);
			}
		}
	}
	*cursor = b * HTAB_SLOTS;
	return -ENOENT;
full:
	*cursor = b * HTAB_SLOTS + slot;
	return 0;
}

static long htab_map_for_each(struct bpf_map *map,
			      long (*fn)(struct bpf_map *map, const void *key, void *value,
					 void *arg),
			      void *arg, struct bpf_run *run)
{
	struct bpf_htab *h = to_htab(map);
	long count = 0;

	for (u32 b = 0; b <= h->bucket_mask; b++) {
		const struct htab_bucket *bucket = &h->buckets[b];
		u32 n, next;

		for (u32 i = 0; i < HTAB_SLOTS; i++) {
			n = load_acquire(&bucket->slot[i]);
			if (!n)
				continue;
			count++;
			if (fn(map, htab_key(h, htab_elem(h, n)), htab_value(h, n, run->cpu), arg))
				return count;
		}
		for (n = load_acquire(&bucket->overflow); n && !(n & HTAB_NULLS); n = next) {
			/* the callback may delete the element */
			next = load_acquire(&htab_elem(h, n)->next);
			count++;
			if (fn(map, htab_key(h, htab_elem(h, n)), htab_value(h, n, run->cpu), arg))
				return count;
		}
	}
	return count;
}

/* ---- helper forms: R1..R5, run. One for each common key size. ---- */

#define LOOKUP_HELPER(name, size, lru, percpu)                                                     \
	static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)               \
	{                                                                                          \
		struct bpf_htab *h = (struct bpf_htab *)r1;                                        \
                                                                                                   \
		return (u64)htab_lookup(h, (const void *)r2, size, lru, percpu, run->cpu);         \
	}

LOOKUP_HELPER(lookup_1, 1, false, false)
LOOKUP_HELPER(lookup_2, 2, false, false)
LOOKUP_HELPER(lookup_4, 4, false, false)
LOOKUP_HELPER(lookup_8, 8, false, false)
LOOKUP_HELPER(lookup_16, 16, false, false)
LOOKUP_HELPER(lookup_n, h->map.key_size, false, false)
LOOKUP_HELPER(lookup_lru_4, 4, true, false)
LOOKUP_HELPER(lookup_lru_8, 8, true, false)
LOOKUP_HELPER(lookup_lru_16, 16, true, false)
LOOKUP_HELPER(lookup_lru_n, h->map.key_size, true, false)
LOOKUP_HELPER(lookup_percpu_4, 4, false, true)
LOOKUP_HELPER(lookup_percpu_8, 8, false, true)
LOOKUP_HELPER(lookup_percpu_16, 16, false, true)
LOOKUP_HELPER(lookup_percpu_n, h->map.key_size, false, true)
LOOKUP_HELPER(lookup_lru_percpu_n, h->map.key_size, true, true)

#define UPDATE_HELPER(name, size)                                                                  \
	static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)               \
	{                                                                                          \
		struct bpf_htab *h = (struct bpf_htab *)r1;                                        \
                                                                                                   \
		if (unlikely(r4 > BPF_EXIST))                                                      \
			return (u64)htab_map_update_elem(&h->map, (const void *)r2,                \
							 (const void *)r3, r4, run);               \
		return (u64)(long)htab_update(h, (const void *)r2, size, (const void *)r3, r4,     \
					      VALUE_PLAIN, run->platform, run, NULL);              \
	}

UPDATE_HELPER(update_4, 4)
UPDATE_HELPER(update_8, 8)
UPDATE_HELPER(update_16, 16)

static u64 delete_n(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	struct bpf_htab *h = (struct bpf_htab *)r1;

	return (u64)(long)htab_delete(h, (const void *)r2, h->map.key_size, NULL, 0, run->platform,
				      run, NULL);
}

static bpf_helper_t htab_map_helper(const struct bpf_map *map, u32 func_id)
{
	bool lru = type_is_lru(map->map_type), percpu = type_is_percpu(map->map_type);
	u32 size = map->key_size;

	if (func_id == BPF_FUNC_map_lookup_elem) {
		if (lru && percpu)
			return lookup_lru_percpu_n;
		if (lru)
			return size == 4  ? lookup_lru_4 :
			       size == 8  ? lookup_lru_8 :
			       size == 16 ? lookup_lru_16 :
					    lookup_lru_n;
		if (percpu)
			return size == 4  ? lookup_percpu_4 :
			       size == 8  ? lookup_percpu_8 :
			       size == 16 ? lookup_percpu_16 :
					    lookup_percpu_n;
		return size == 1  ? lookup_1 :
		       size == 2  ? lookup_2 :
		       size == 4  ? lookup_4 :
		       size == 8  ? lookup_8 :
		       size == 16 ? lookup_16 :
				    lookup_n;
	}
	/* A plain hash only: the rules about BPF_F_LOCK differ. */
	if (func_id == BPF_FUNC_map_update_elem && map->map_type == BPF_MAP_TYPE_HASH)
		return size == 4 ? update_4 : size == 8 ? update_8 : size == 16 ? update_16 : NULL;
	if (func_id == BPF_FUNC_map_delete_elem)
		return delete_n;
	return NULL;
}

static const void *htab_map_key_of(const struct bpf_map *map, const void *value, u32 *index)
{
	const struct bpf_htab *h = to_htab(map);

	return (const u8 *)value - (h->value_off - h->key_off);
}

const struct bpf_map_ops htab_map_ops = {
	.alloc_check = htab_map_alloc_check,
	.init = htab_map_init,
	.lookup_elem = htab_map_lookup_elem,
	.update_elem = htab_map_update_elem,
	.delete_elem = htab_map_delete_elem,
	.get_next_key = htab_map_get_next_key,
	.keys_from = htab_map_keys_from,
	.lookup_copy = htab_map_lookup_copy,
	.lookup_and_delete = htab_map_lookup_and_delete,
	.for_each = htab_map_for_each,
	.key_of = htab_map_key_of,
	.helper = htab_map_helper,
	.elem_count = htab_words_count,
	.mem_usage = htab_map_mem_usage,
	.check = htab_check,
};

const struct bpf_map_ops htab_lru_map_ops = {
	.alloc_check = htab_map_alloc_check,
	.init = htab_map_init,
	.lookup_elem = htab_lru_map_lookup_elem,
	.update_elem = htab_lru_map_update_elem,
	.delete_elem = htab_map_delete_elem,
	.get_next_key = htab_map_get_next_key,
	.keys_from = htab_map_keys_from,
	.lookup_copy = htab_map_lookup_copy,
	.lookup_and_delete = htab_map_lookup_and_delete,
	.for_each = htab_map_for_each,
	.key_of = htab_map_key_of,
	.helper = htab_map_helper,
	.elem_count = htab_words_count,
	.mem_usage = htab_map_mem_usage,
	.check = htab_check,
};

const struct bpf_map_ops htab_percpu_map_ops = {
	.alloc_check = htab_map_alloc_check,
	.init = htab_map_init,
	.lookup_elem = htab_percpu_map_lookup_elem,
	.update_elem = htab_percpu_map_update_elem,
	.delete_elem = htab_map_delete_elem,
	.get_next_key = htab_map_get_next_key,
	.keys_from = htab_map_keys_from,
	.lookup_copy = htab_map_lookup_copy,
	.update_copy = htab_percpu_map_update_copy,
	.lookup_and_delete = htab_map_lookup_and_delete,
	.lookup_percpu_elem = htab_map_lookup_percpu_elem,
	.for_each = htab_map_for_each,
	.helper = htab_map_helper,
	.elem_count = htab_words_count,
	.mem_usage = htab_map_mem_usage,
	.check = htab_check,
};

const struct bpf_map_ops htab_lru_percpu_map_ops = {
	.alloc_check = htab_map_alloc_check,
	.init = htab_map_init,
	.lookup_elem = htab_lru_percpu_map_lookup_elem,
	.update_elem = htab_percpu_map_update_elem,
	.delete_elem = htab_map_delete_elem,
	.get_next_key = htab_map_get_next_key,
	.keys_from = htab_map_keys_from,
	.lookup_copy = htab_map_lookup_copy,
	.update_copy = htab_percpu_map_update_copy,
	.lookup_and_delete = htab_map_lookup_and_delete,
	.lookup_percpu_elem = htab_map_lookup_percpu_elem,
	.for_each = htab_map_for_each,
	.helper = htab_map_helper,
	.elem_count = htab_words_count,
	.mem_usage = htab_map_mem_usage,
	.check = htab_check,
};

/* ---- hash of maps: a value is the address of a map ---- */

static int htab_of_maps_map_alloc_check(const struct bpf_map_params *p,
					struct bpf_map_layout *layout)
{
	int err;

	if (p->attr->value_size != sizeof(u32))
		return -EINVAL;
	err = htab_map_alloc_check(p, layout);
	return err ? err : bpf_map_meta_check(p->inner);
}

static void *htab_of_maps_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	void **value = htab_lookup(to_htab(map), key, map->key_size, false, false, 0);

	return value ? READ_ONCE(*value) : NULL;
}

static void *htab_of_maps_map_obj_lookup(struct bpf_map *map, const void *key)
{
	return htab_of_maps_map_lookup_elem(map, key, NULL);
}

static int htab_of_maps_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
				       void **old, const struct skep_platform *platform)
{
	struct bpf_htab *h = to_htab(map);
	u64 value = (u64)obj, replaced = 0;
	int err;

	*old = NULL;
	if (!bpf_map_meta_equal(map, obj))
		return -EINVAL;
	if (flags > BPF_EXIST) /* BPF_F_LOCK, too: there is no lock in these values */
		return -EINVAL;
	err = htab_update(h, key, map->key_size, &value, flags, VALUE_OBJECT, platform, NULL,
			  &replaced);
	if (!err)
		*old = (void *)replaced;
	return err;
}

static int htab_of_maps_map_obj_delete(struct bpf_map *map, const void *key, void **old,
				       const struct skep_platform *platform)
{
	u64 removed = 0;
	int err;

	err = htab_delete(to_htab(map), key, map->key_size, NULL, 0, platform, NULL, &removed);
	*old = (void *)removed;
	return err;
}

static u64 htab_of_maps_lookup_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return (u64)htab_of_maps_map_lookup_elem((struct bpf_map *)r1, (const void *)r2, run);
}

static bpf_helper_t htab_of_maps_map_helper(const struct bpf_map *map, u32 func_id)
{
	return func_id == BPF_FUNC_map_lookup_elem ? htab_of_maps_lookup_helper : NULL;
}

const struct bpf_map_ops htab_of_maps_map_ops = {
	.alloc_check = htab_of_maps_map_alloc_check,
	.init = htab_map_init,
	.lookup_elem = htab_of_maps_map_lookup_elem,
	.get_next_key = htab_map_get_next_key,
	.keys_from = htab_map_keys_from,
	.obj_update = htab_of_maps_map_obj_update,
	.obj_delete = htab_of_maps_map_obj_delete,
	.obj_lookup = htab_of_maps_map_obj_lookup,
	.helper = htab_of_maps_map_helper,
	.elem_count = htab_words_count,
	.mem_usage = htab_map_mem_usage,
	.check = htab_check,
};

/* ---- hashes of words (words.h) ---- */

int htab_words_layout(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	union bpf_attr attr = *p->attr;
	struct bpf_map_params q = *p;

	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.map_flags = 0;
	attr.value_size = sizeof(u64);
	q.attr = &attr;
	return htab_map_alloc_check(&q, layout);
}

int htab_words_init(struct bpf_map *map, const struct skep_platform *platform)
{
	return htab_map_init(map, platform);
}

u64 *htab_words_lookup(struct bpf_map *map, const void *key)
{
	return htab_lookup(to_htab(map), key, map->key_size, false, false, 0);
}

int htab_words_update(struct bpf_map *map, const void *key, u64 word, u64 flags, u64 *old,
		      const struct skep_platform *platform)
{
	*old = 0;
	return htab_update(to_htab(map), key, map->key_size, &word, flags, VALUE_OBJECT, platform,
			   NULL, old);
}

int htab_words_delete(struct bpf_map *map, const void *key, u64 *old,
		      const struct skep_platform *platform)
{
	*old = 0;
	return htab_delete(to_htab(map), key, map->key_size, NULL, 0, platform, NULL, old);
}

int htab_words_next_key(struct bpf_map *map, const void *key, void *next)
{
	return htab_map_get_next_key(map, key, next);
}

u64 htab_words_count(const struct bpf_map *map)
{
	return htab_count(to_htab(map));
}

const char *htab_words_check(struct bpf_map *map)
{
	return htab_check(map);
}
