/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CPU slots: who runs programs where, and since which epoch (Linux: migrate_disable()
 * with per-CPU data, and RCU). Freestanding.
 *
 * Why one atomic instruction suffices at claim: the compare-and-swap of .owner is
 * a full barrier. A reader of the slots that still finds it free has unlinked what
 * it retires before, so the run cannot find it. A reader that finds it owned with
 * an older .epoch waits. A run reads the arena's epoch only after the swap, so an
 * epoch as new as the retirement's means that it sees the unlinking, too.
 */
#include "object/arena.h"
#include "object/run.h"

static bool slot_try(struct arena *arena, u32 cpu, u32 tid)
{
	struct bpf_slot *s = &arena->slots[cpu];
	u32 owner = READ_ONCE(s->owner);

	if (owner == tid) { /* a run inside a run of this thread */
		s->nesting++;
		s->runs++;
		return true;
	}
	if (owner || !__atomic_compare_exchange_n(&s->owner, &owner, tid, false, __ATOMIC_SEQ_CST,
						  __ATOMIC_RELAXED))
		return false;
	WRITE_ONCE(s->epoch, load_acquire(&arena->epoch));
	s->nesting = 1;
	s->nr_uptrs = 0; /* of one that was killed */
	s->runs++;
	return true;
}

void slot_claim(struct arena *arena, const struct skep_platform *platform, struct bpf_run *run)
{
	u32 n = arena->nr_slots, tid = platform->tid(), rounds = 0;
	u32 cpu = platform->cpu();

	if (unlikely(cpu >= n))
		cpu %= n;
	while (!slot_try(arena, cpu, tid)) {
		if (++cpu == n)
			cpu = 0;
		if (++rounds % n)
			continue;
		platform->yield();
		if (!(rounds / n % 1024) && platform->recover)
			for (u32 i = 0; i < n; i++) {
				u32 owner = READ_ONCE(arena->slots[i].owner);

				if (owner)
					platform->recover(&arena->slots[i].owner, owner);
			}
	}
	run->pid_tgid = 0;
	run->nr_uptrs = 0;
	run->arena = arena;
	run->platform = platform;
	run->cpu = cpu;
	run->node = arena->slots[cpu].node;
}

void slot_release(struct bpf_run *run)
{
	struct bpf_slot *s = &run->arena->slots[run->cpu];

	if (unlikely(run->nr_uptrs))
		uptrs_leave(run);
	if (--s->nesting == 0)
		store_release(&s->owner, 0);
}

bool arena_quiescent(const struct arena *arena, u64 epoch)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 i = 0; i < arena->nr_slots; i++) {
		const struct bpf_slot *s = &arena->slots[i];

		if (load_acquire(&s->owner) && READ_ONCE(s->epoch) < epoch)
			return false;
	}
	return true;
}
