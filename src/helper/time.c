/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Clocks, chance and CPUs (Linux: kernel/bpf/helpers.c, kernel/bpf/core.c). */
#include "helper/helper.h"
#include "object/random.h"

/* <time.h>'s clock numbers */
enum { MONOTONIC = 1, MONOTONIC_COARSE = 6, BOOTTIME = 7, TAI = 11 };

#define HZ 250

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

/* Counted as Linux does, from 300 s before the 32-bit overflow, at 250 Hz: DIFF(jiffies-hz). */
BPF_HELPER(jiffies64)
{
	return (u32)(-300 * HZ) + run->platform->ktime_ns(MONOTONIC_COARSE) / (1000000000 / HZ);
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

/* CPU slots have no memory of their own to be near to. */
BPF_HELPER(get_numa_node_id)
{
	return 0;
}
