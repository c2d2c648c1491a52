/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of this folder share: the form of a helper. */
#ifndef SKEP_HELPER_HELPER_H
#define SKEP_HELPER_HELPER_H

#include "base/uapi.h"
#include "object/arena.h"
#include "object/prog.h"
#include "object/rt_string.h"
#include "object/run.h"

#include <linux/errno.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

/* Declares and begins the function of one helper. */
#define BPF_HELPER(name)                                                                           \
	BPF_HELPER_DECLARE(bpf_##name);                                                            \
	u64 bpf_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)

/*
 * The same for a kernel function. The fix-ups fill hidden parameters, whatever the
 * program passes there: sizes and records of what is allocated, dropped or linked.
 */
#define BPF_KFUNC(name)                                                                            \
	u64 kfunc_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);             \
	u64 kfunc_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
/* A second name of one that is defined before, tables/kfunc_aliases.def. */
#define BPF_KFUNC_ALIAS(name, as)                                                                  \
	u64 kfunc_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)              \
		__attribute__((alias("kfunc_" #as)));
/* An int as the kernel's C functions return it: the upper half is 0. */
#define INT(v) ((u64)(u32)(v))

/* A register that holds a pointer which the verifier has checked. */
#define PTR(r) ((void *)(uintptr_t)(r))
/* Whether the profile of the run's system is at least @since. */
static inline bool run_visible(const struct bpf_run *run, kver since)
{
	return visible((kver)run->arena->profile, since);
}

/* Whether @p is a kernel object of the world, and not memory of the runtime's. */
static inline bool run_is_world(const struct bpf_run *run, u64 p)
{
	return p - ((u64)(uintptr_t)run->arena + ARENA_WORLD) < ARENA_HEAP - ARENA_WORLD;
}

/*
 * Whether what the verifier calls a socket is a struct bpf_rt_sock: else it is a kernel object of the world, or
 * lies in a map, as what programs find in an XSKMAP.
 */
static inline bool run_is_socket(const struct bpf_run *run, u64 p)
{
	return p - (u64)(uintptr_t)run->arena >= ARENA_LEASE_SIZE;
}

/* An errno as programs see it. */
#define ERR(e) ((u64)(s64) - (e))

static inline u16 rt_swap16(u16 v)
{
	return __builtin_bswap16(v);
}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define rt_htons(v) rt_swap16(v)
#else
#define rt_htons(v) ((u16)(v))
#endif

#endif
