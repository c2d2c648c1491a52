/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf(2) of the running kernel. Tests are linked with libc's syscall() wrapped, so
 * that libbpf reaches skep: what is to reach the kernel makes the call itself.
 */
#ifndef TESTS_LIB_KERNEL_H
#define TESTS_LIB_KERNEL_H

#include <errno.h>
#include <sys/syscall.h>

/* Result or -errno, as skep_bpf(). */
static inline int kernel_bpf_raw(int cmd, void *attr, unsigned int size)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"((long)SYS_bpf), "D"((long)cmd), "S"(attr), "d"((long)size)
			 : "rcx", "r11", "memory");
	return (int)r;
}

/* Result or -1 and errno, as syscall(SYS_bpf, ...). */
static inline int kernel_bpf(int cmd, void *attr, unsigned int size)
{
	int r = kernel_bpf_raw(cmd, attr, size);

	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

/* Any call of the running kernel: result or -errno. */
static inline long kernel_call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
}

#endif
