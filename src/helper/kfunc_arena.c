/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Pages of arenas (Linux: bpf_arena_alloc_pages() and its neighbours in kernel/bpf/arena.c). A page
 * that user space has touched is not free. Who is killed between two stores leaves pages taken, nothing worse.
 */
#include "helper/helper.h"
#include "object/lock.h"
#include "object/map_arena.h"

#define PAGE	 ARENA_MAP_PAGE
#define LOOK_ALL 4096

static bool is_used(const struct bpf_arena_map *a, u64 page)
{
	return a->used[page / 64] >> page % 64 & 1;
}

static void mark(struct bpf_arena_map *a, u64 first, u64 n, bool used)
{
	for (u64 i = first; i < first + n; i++) {
		u64 bit = 1ULL << i % 64, *was = &a->used[a->words + i / 64];
		u64 *word = &a->used[i / 64];

		WRITE_ONCE(*was, used ? *was & ~bit : *was | bit);
		WRITE_ONCE(*word, used ? *word | bit : *word & ~bit);
	}
}

static u8 *page_at(const struct bpf_arena_map *a, u64 page)
{
	return a->window + (u32)(a->user_start + page * PAGE);
}

/* The first of these pages that user space has touched; -1: none. */
static long touched(const struct bpf_arena_map *a, u64 first, u64 n,
		    const struct skep_platform *platform)
{
	u64 i = first;

	while (i < first + n) {
		long at = platform->pages(page_at(a, i), (first + n - i) * PAGE, PAGES_TOUCHED);

		if (at < 0)
			return -1;
		i += (u64)at;
		if (!(a->used[a->words + i / 64] >> i % 64 & 1))
			return (long)(i - first);
		i++;
	}
	return -1;
}

/* What user space has touched is its own. All of a small arena is looked at, else pages [first, +n). */
static bool take_touched(struct bpf_arena_map *a, u64 first, u64 n,
			 const struct skep_platform *platform)
{
	bool any = false;
	long at;

	if (a->map.max_entries <= LOOK_ALL) {
		first = 0;
		n = a->map.max_entries;
	}
	while (n && (at = touched(a, first, n, platform)) >= 0) {
		first += (u64)at;
		n -= (u64)at;
		any = any || !is_used(a, first);
		mark(a, first++, 1, true);
		n--;
	}
	return any;
}

/* Where @n pages are free: the lowest place, since 6.13 in the smallest range that has them. */
static u64 find(const struct bpf_arena_map *a, u64 n, bool smallest)
{
	u64 best = a->map.max_entries, size = ~0ULL, i = 0, from;

	while (i < a->map.max_entries) {
		if (!(i % 64) && a->used[i / 64] == ~0ULL) {
			i += 64;
			continue;
		}
		for (from = i; i < a->map.max_entries && !is_used(a, i); i++)
			;
		if (i - from >= n && i - from < size) {
			best = from;
			size = i - from;
			if (!smallest)
				break;
		}
		i++;
	}
	return best;
}

static u64 take(struct bpf_arena_map *a, u64 addr, u64 n, bool populate, struct bpf_run *run)
{
	const struct skep_platform *platform = run->platform;
	u64 max = a->map.max_entries, first = 0;
	bool fits;

	if (!n || n > max || !a->user_start)
		return 0;
	if (addr) {
		if (addr % PAGE)
			return 0;
		first = (u32)(addr - a->user_start) / PAGE;
		if (first > max - n)
			return 0;
	}
	lock_take(&a->map.lock, platform);
	if (addr) {
		fits = true;
		for (u64 i = first; i < first + n && fits; i++)
			fits = !is_used(a, i);
		fits = fits && touched(a, first, n, platform) < 0;
	} else {
		take_touched(a, 0, 0, platform);
		do {
			first = find(a, n, run_visible(run, KVER(6, 13)));
			fits = first < max;
		} while (fits && take_touched(a, first, n, platform));
	}
	if (fits) {
		mark(a, first, n, true);
		/* A stray store may have left something there. */
		if (populate && platform->pages(page_at(a, first), n * PAGE, PAGES_POPULATE)) {
			mark(a, first, n, false);
			fits = false;
		}
	}
	lock_drop(&a->map.lock);
	return fits ? a->user_start + first * PAGE : 0;
}

BPF_KFUNC(bpf_arena_alloc_pages)
{
	struct bpf_map *map = PTR(r1);

	if (map->map_type != BPF_MAP_TYPE_ARENA || r5 || !(u32)r3)
		return 0;
	return take((struct bpf_arena_map *)map, r2, (u32)r3, true, run);
}

BPF_KFUNC(bpf_arena_free_pages)
{
	struct bpf_arena_map *a = PTR(r1);
	u64 addr, end;

	if (a->map.map_type != BPF_MAP_TYPE_ARENA || !(u32)r3 || !r2 || !a->user_start)
		return 0;
	addr = (a->user_start & ~0xffffffffULL) + ((u32)r2 & ~(u32)(PAGE - 1));
	end = min(a->user_end, addr + (u64)(u32)r3 * PAGE);
	if (addr < a->user_start || addr >= end)
		return 0;
	lock_take(&a->map.lock, run->platform);
	/* Gone for user space, too, before anybody else can get them. */
	run->platform->pages(a->window + (u32)addr, end - addr, PAGES_REMOVE);
	mark(a, (addr - a->user_start) / PAGE, (end - addr) / PAGE, false);
	lock_drop(&a->map.lock);
	return 0;
}

/* They are given to nobody, and have no memory. */
BPF_KFUNC(bpf_arena_reserve_pages)
{
	struct bpf_arena_map *a = PTR(r1);
	u64 n = (u32)r3, first;

	if (a->map.map_type != BPF_MAP_TYPE_ARENA)
		return INT(-EINVAL);
	if (!n)
		return 0;
	first = (u32)(r2 - a->user_start) / PAGE;
	if (n > a->map.max_entries || first > a->map.max_entries - n)
		return INT(-EINVAL);
	return take(a, a->user_start + first * PAGE, n, false, run) ? 0 : INT(-EBUSY);
}
