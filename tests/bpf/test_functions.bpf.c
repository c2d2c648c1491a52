// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Programs on the functions that test runs call. See tests/unit/test_functions_test.c. */
#include <linux/bpf.h>
#include <asm/ptrace.h>

#include <bpf/bpf_helpers.h>

typedef unsigned long long u64;
typedef signed long long s64;

char LICENSE[] SEC("license") = "GPL";

struct {
	u64 entered[11][7], left[11], addresses, order;
	s64 modify, modified[3], pointed, returned;
	int b_seen, b_after;
} seen;

struct bpf_fentry_test_t {
	struct bpf_fentry_test_t *a;
} __attribute__((preserve_access_index));

#define WATCH(nr, n)                                                                               \
	SEC("fentry/bpf_fentry_test" #nr) int entry##nr(u64 *ctx)                                  \
	{                                                                                          \
		for (int i = 0; i < n; i++)                                                        \
			seen.entered[nr][i] = ctx[i];                                              \
		seen.order = seen.order * 16 + nr;                                                 \
		return 0;                                                                          \
	}                                                                                          \
	SEC("fexit/bpf_fentry_test" #nr) int exit##nr(u64 *ctx)                                    \
	{                                                                                          \
		seen.left[nr] = ctx[n];                                                            \
		return 0;                                                                          \
	}
WATCH(1, 1)
WATCH(2, 2)
WATCH(3, 3)
WATCH(4, 4)
WATCH(5, 5)
WATCH(6, 6)
WATCH(9, 1)

SEC("fentry/bpf_fentry_test8") int entry8(u64 *ctx)
{
	struct bpf_fentry_test_t *t = (void *)ctx[0];

	seen.pointed = (s64)t->a + 1;
	return 0;
}

extern const void bpf_fentry_test2 __ksym;
extern void bpf_rcu_read_lock(void) __ksym __weak;

SEC("kprobe/bpf_fentry_test2") int probe2(struct pt_regs *ctx)
{
	seen.addresses = bpf_get_func_ip(ctx) == (u64)&bpf_fentry_test2 && bpf_rcu_read_lock;
	seen.entered[0][0] = ctx->rdi;
	seen.entered[0][1] = ctx->rsi;
	return 0;
}

SEC("kretprobe/bpf_fentry_test2") int retprobe2(struct pt_regs *ctx)
{
	seen.returned = ctx->rax;
	return 0;
}

SEC("fmod_ret/bpf_modify_return_test") int modify1(u64 *ctx)
{
	bpf_probe_read_kernel(&seen.b_seen, sizeof(seen.b_seen), (void *)ctx[1]);
	seen.modified[0] = (int)ctx[0];
	return seen.modify;
}

SEC("fexit/bpf_modify_return_test") int exit_modify1(u64 *ctx)
{
	bpf_probe_read_kernel(&seen.b_after, sizeof(seen.b_after), (void *)ctx[1]);
	seen.modified[1] = (int)ctx[2];
	return 0;
}

SEC("fmod_ret/bpf_fentry_test1") int modify_other(u64 *ctx)
{
	return seen.modify;
}
