/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What samplers look at: a static program that spends its time four functions deep. */
#include <stdint.h>
#include <time.h>

#define KEPT __attribute__((noinline, noclone))

static uint64_t nsecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

KEPT void inner(unsigned rounds)
{
	for (volatile unsigned i = 0; i < rounds; i++)
		;
}

KEPT void middle(unsigned rounds)
{
	inner(rounds);
	__asm__ volatile("");
}

KEPT void outer(unsigned rounds)
{
	middle(rounds);
	__asm__ volatile("");
}

int main(void)
{
	uint64_t end = nsecs() + 700000000;

	while (nsecs() < end)
		outer(20000000);
	return 0;
}
