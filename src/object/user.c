/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Copies between the caller of a command (caller.h) and us (Linux: copy_from_user and
 * friends). In process both are one address space; the copies still go through
 * the kernel, so that a bad pointer is -EFAULT.
 */
#include <errno.h>
#include <string.h>

#include "object/caller.h"
#include "object/system.h"

int user_read(struct skep_system *sys, void *dst, u64 addr, size_t size)
{
	return caller_read(dst, addr, size);
}

int user_write(struct skep_system *sys, u64 addr, const void *src, size_t size)
{
	return caller_write(addr, src, size);
}

long user_read_str(struct skep_system *sys, char *dst, u64 addr, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = min(size - done, (size_t)(4096 - ((addr + done) & 4095)));
		char *nul;

		if (caller_read(dst + done, addr + done, n))
			return -EFAULT;
		nul = memchr(dst + done, 0, n);
		if (nul)
			return nul - dst;
		done += n;
	}
	return -E2BIG;
}
