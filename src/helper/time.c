/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Clocks, chance and CPUs (Linux: kernel/bpf/helpers.c, kernel/bpf/core.c). */
#include "helper/helper.h"
#include "object/random.h"

/* <time.h>'s clock numbers */
enum { MONOTONIC = 1, MONOTONIC_COARSE = 6, BOOTTIME = 7, TAI = 11 };

BPF_HELPER(ktime_get_ns)
{
	return run->platform->ktime_ns(MONOTONIC);
}

BPF_HELPER(ktime_get_boot_ns)
{
	return run->platform->ktime_ns(BOOTTIME);
}

BPF_HELPER(ktime_get_coarse_ns)
{
	return run->platform->ktime_ns(MONOTONIC_COARSE);
}

BPF_HELPER(ktime_get_tai_ns)
{
	return run->platform->ktime_ns(TAI);
}

/* Counted as Linux does, from 300 s before the 32-bit overflow: DIFF(jiffies-start). */
BPF_HELPER(jiffies64)
{
	u64 tick = run->arena->tick_ns ? run->arena->tick_ns : 4000000;
	u64 hz = (1000000000 + tick / 2) / tick;

	return (u32)(-300 * hz) + run->platform->ktime_ns(MONOTONIC_COARSE) / tick;
}

BPF_HELPER(get_prandom_u32)
{
	return run_random(run);
}

BPF_HELPER(get_smp_processor_id)
{
	return run->cpu;
}

BPF_HELPER(get_raw_cpu_id)
{
	return run->cpu;
}

BPF_HELPER(get_numa_node_id)
{
	return run->node;
}
