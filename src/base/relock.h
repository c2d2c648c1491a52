/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A mutex that its holder may take again, as PTHREAD_MUTEX_RECURSIVE is. libc's knows the holder by the
 * thread id in its descriptor, and the kernel clears that word when the thread dies. The supervisor's loop
 * has the descriptor of a parked thread of the host's (event/supervisor.h) and outlives it when the host is
 * killed: libc would then no longer let it give back what it holds. So each thread has a name here.
 */
#ifndef SKEP_BASE_RELOCK_H
#define SKEP_BASE_RELOCK_H

#include "base/types.h"

/* Zeroes: free. */
struct relock {
	u32 word; /* the holder's name; the highest bit: somebody may wait */
	u32 depth;
};

void relock_take(struct relock *l);
bool relock_try(struct relock *l);
void relock_give(struct relock *l);
/* Frees it if the caller's name has it: who else had that name, the supervisor, is dead. */
void relock_break(struct relock *l);

#endif
