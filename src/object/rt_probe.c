/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads through kernel pointers (Linux: BPF_PROBE_MEM with its exception table). Both engines
 * come here: outside the window of world objects there is nothing, which reads as 0.
 */
#include "object/arena.h"
#include "object/rt_heap.h"
#include "object/rt_string.h"
#include "object/run.h"

u64 rt_probe_load(struct bpf_run *run, u64 addr, u32 how)
{
	u64 base = (u64)(uintptr_t)run->arena + ARENA_WORLD, v = 0;
	u32 size = how & PROBE_SIZE;

	if (!run->arena || addr - base > ARENA_HEAP - ARENA_WORLD - size)
		return 0;
	if (addr - base >= ARENA_OBJECTS - ARENA_WORLD) { /* what programs allocated */
		if (!heap_holds(run->arena, addr, size))
			return 0;
		rt_copy(&v, (const void *)(uintptr_t)addr, size);
	} else if (run->platform->read_world(run, &v, addr, size)) {
		return 0;
	}
	if (!(how & PROBE_SIGNED))
		return v;
	return size == 1 ? (u64)(s64)(s8)v : size == 2 ? (u64)(s64)(s16)v : (u64)(s64)(s32)v;
}
