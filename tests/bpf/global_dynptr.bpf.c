// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A dynptr as argument of a global function, in a program that knows its struct by name only. */
struct bpf_dynptr;

static long (*const dynptr_from_mem)(void *, unsigned, unsigned long long, void *) = (void *)197;
static long (*const dynptr_read)(void *, unsigned, const struct bpf_dynptr *, unsigned,
				 unsigned long long) = (void *)201;

long kept = 77;

__attribute__((noinline)) int g_forward(const struct bpf_dynptr *p)
{
	long got = 0;

	dynptr_read(&got, sizeof(got), p, 0, 0);
	return got;
}

__attribute__((section("syscall"), used)) int forward(void *ctx)
{
	unsigned long long dynptr[2];

	dynptr_from_mem(&kept, sizeof(kept), 0, dynptr);
	return g_forward((void *)dynptr);
}

char LICENSE[] __attribute__((section("license"), used)) = "GPL";
