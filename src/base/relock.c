/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Who holds it is said by the word that is waited for, so that no moment is without a holder. */
#include "base/relock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAITED 0x80000000U

static u32 names;
static __thread u32 name __attribute__((tls_model("initial-exec")));

static u32 own_name(void)
{
	if (unlikely(!name))
		name = __atomic_add_fetch(&names, 1, __ATOMIC_RELAXED) & ~WAITED;
	return name;
}

/* Puts @name into a free word; otherwise what is there instead. */
static u32 put_name(struct relock *l, u32 name)
{
	u32 found = 0;

	if (__atomic_compare_exchange_n(&l->word, &found, name, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		l->depth = 1;
		return 0;
	}
	return found;
}

bool relock_try(struct relock *l)
{
	u32 self = own_name(), found = put_name(l, self);

	if (!found)
		return true;
	if ((found & ~WAITED) != self)
		return false;
	l->depth++;
	return true;
}

void relock_take(struct relock *l)
{
	u32 found;

	if (relock_try(l))
		return;
	/* Others may wait as well: who has waited leaves the mark. */
	while ((found = put_name(l, name | WAITED))) {
		if (found & WAITED ||
		    __atomic_compare_exchange_n(&l->word, &found, found | WAITED, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, found | WAITED, NULL, NULL,
				0);
	}
}

void relock_give(struct relock *l)
{
	if (--l->depth)
		return;
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & WAITED)
		syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void relock_break(struct relock *l)
{
	if ((__atomic_load_n(&l->word, __ATOMIC_RELAXED) & ~WAITED) != own_name())
		return;
	l->depth = 1;
	relock_give(l);
}
