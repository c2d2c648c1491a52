/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Spin lock in shared memory whose word names its owner's thread id (0: free),
 * so that the system can recover it when the owner is killed. Freestanding.
 * Whoever holds it must be able to die between any two stores: each update is
 * published by one word.
 */
#ifndef SKEP_OBJECT_LOCK_H
#define SKEP_OBJECT_LOCK_H

#include "base/types.h"
#include "object/run.h"

static inline bool lock_try(u32 *lock, u32 tid)
{
	u32 free = 0;

	return __atomic_compare_exchange_n(lock, &free, tid, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void lock_take(u32 *lock, const struct skep_platform *platform)
{
	u32 tid = platform->tid(), spins = 0, owner;

	while (!lock_try(lock, tid)) {
		while ((owner = READ_ONCE(*lock))) {
			if (++spins % 128)
				__builtin_ia32_pause();
			else
				platform->yield();
			if (!(spins & 0x3fff) && platform->recover)
				platform->recover(lock, owner);
		}
	}
}

static inline void lock_drop(u32 *lock)
{
	store_release(lock, 0);
}

#endif
