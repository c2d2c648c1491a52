/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls on memory and time whose kernel functions are recorded (see workload.c): a program of its own,
 * since what is recorded of a program tells the sizes of its segments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void check(long ret)
{
	if (ret)
		_exit(1);
}

int main(void)
{
	char *p = mmap(NULL, 6 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct timespec ms = { 0, 1000000 }, bad = { 0, 1000000000 }, past = { 1, 0 };

	if (p == MAP_FAILED)
		return 76;
	memset(p, 1, 6 * 4096);
	check(mprotect(p, 4096, PROT_READ));
	check(mprotect(p + 4096, 4000, PROT_READ | PROT_EXEC));
	check(mprotect(p, 2 * 4096, PROT_NONE));
	check(mprotect(p, 4 * 4096, PROT_READ | PROT_WRITE));
	check(mprotect(p, 0, PROT_READ));
	check(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ, -1));
	if (mprotect(p + 1, 4096, PROT_READ) != -1 || mprotect(p, 4096, 0x100) != -1)
		return 77;
	check(munmap(p + 4 * 4096, 4096));
	if (mprotect(p, 6 * 4096, PROT_READ) != -1)
		return 78;
	check(nanosleep(&ms, NULL));
	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL));
	check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL));
	if (nanosleep(&bad, NULL) != -1 || clock_nanosleep(99, 0, &ms, NULL) != EINVAL)
		return 79;
	check(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &(struct timespec){ 0, 1 },
			      NULL));
	return 0;
}
