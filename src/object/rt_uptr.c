/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See uptr.h. Freestanding. */
#include "object/uptr.h"

#include "object/lock.h"
#include "object/rt_heap.h"
#include "object/rt_string.h"

#define CHUNK 64 /* words */

static u64 *agreed(const struct bpf_uptr *u)
{
	return uptr_copy(u) + u->words;
}

void uptr_put(struct arena *arena, const struct skep_platform *platform, struct bpf_uptr *u)
{
	if (__atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (platform->uptr)
		platform->uptr(u, 0, NULL, 0, UPTR_CLOSE);
	heap_free(arena, platform, u);
}

/* The memory of one that has gone is still there while a run is. */
static bool uptr_get(struct bpf_uptr *u)
{
	u32 n = READ_ONCE(u->refs);

	while (n && !__atomic_compare_exchange_n(&u->refs, &n, n + 1, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
		;
	return n;
}

static u32 bytes_of(const struct bpf_uptr *u, u32 word, u32 n)
{
	return min(n * 8, u->size - word * 8);
}

/* What the process has changed; words that programs have changed meanwhile are theirs. */
static void refresh(struct bpf_uptr *u, const struct skep_platform *platform)
{
	u64 now[CHUNK], *copy = uptr_copy(u), *base = agreed(u);

	lock_take(&u->lock, platform);
	for (u32 i = 0; i < u->words; i += CHUNK) {
		u32 n = min_t(u32, CHUNK, u->words - i);

		now[n - 1] = 0;
		/* Gone: it stays as it was, as a pinned page would. */
		if (platform->uptr(u, i * 8, now, bytes_of(u, i, n), UPTR_READ))
			break;
		for (u32 j = 0; j < n; j++) {
			u64 was = base[i + j];

			if (now[j] == was)
				continue;
			__atomic_compare_exchange_n(&copy[i + j], &was, now[j], false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
			base[i + j] = now[j];
		}
	}
	lock_drop(&u->lock);
}

/* What programs have changed. */
static void write_back(struct bpf_uptr *u, const struct skep_platform *platform)
{
	u64 now[CHUNK], *copy = uptr_copy(u), *base = agreed(u);
	u32 n;

	lock_take(&u->lock, platform);
	for (u32 i = 0; i < u->words; i += max(n, 1U)) {
		for (n = 0; n < CHUNK && i + n < u->words; n++) {
			now[n] = READ_ONCE(copy[i + n]);
			if (now[n] == base[i + n])
				break;
			base[i + n] = now[n];
		}
		if (n)
			platform->uptr(u, i * 8, now, bytes_of(u, i, n), UPTR_WRITE);
	}
	lock_drop(&u->lock);
}

bool uptrs_enter(struct bpf_run *run, const struct bpf_map *map, void *value)
{
	struct bpf_slot *s = &run->arena->slots[run->cpu];

	for (u32 i = 0; i < map->nr_fields; i++) {
		const struct bpf_map_field *f = &map->fields[i];
		void *copy;

		if (f->kind != BPF_FIELD_UPTR)
			continue;
		copy = __atomic_load_n((void **)((u8 *)value + f->offset), __ATOMIC_ACQUIRE);
		if (!copy || !uptr_get(uptr_of(copy)))
			continue;
		if (s->nr_uptrs == BPF_SLOT_UPTRS) {
			uptr_put(run->arena, run->platform, uptr_of(copy));
			return false;
		}
		s->uptrs[s->nr_uptrs++] = uptr_of(copy);
		run->nr_uptrs++;
		refresh(uptr_of(copy), run->platform);
	}
	return true;
}

void uptrs_leave(struct bpf_run *run)
{
	struct bpf_slot *s = &run->arena->slots[run->cpu];

	for (; run->nr_uptrs; run->nr_uptrs--) {
		struct bpf_uptr *u = s->uptrs[--s->nr_uptrs];

		write_back(u, run->platform);
		uptr_put(run->arena, run->platform, u);
	}
}

void uptrs_move(const struct bpf_map *map, void *value, void *from,
		const struct skep_platform *platform)
{
	for (u32 i = 0; i < map->nr_fields; i++) {
		u32 off = map->fields[i].offset;
		void **old = (void **)((u8 *)from + off), *had;

		if (map->fields[i].kind != BPF_FIELD_UPTR)
			continue;
		had = __atomic_exchange_n((void **)((u8 *)value + off), *old, __ATOMIC_ACQ_REL);
		*old = NULL;
		if (had)
			uptr_put(map->arena, platform, uptr_of(had));
	}
}
