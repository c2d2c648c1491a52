// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Programs at a function's entry and at its return. See tests/unit/sessions_test.c. */
#include <linux/bpf.h>
#include <asm/ptrace.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

typedef unsigned long long u64;

char LICENSE[] SEC("license") = "GPL";

extern bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;

#define EVENTS 64
struct {
	u64 n;
	struct {
		u64 returns, word, cookie; /* word: the first argument, or the result */
	} at[EVENTS];
} seen;

/* The return is told what the entry left; of odd arguments it does not want to know. */
SEC("kprobe") int session(struct pt_regs *ctx)
{
	u64 *cookie = (u64 *)bpf_session_cookie(), i = seen.n;
	volatile u64 first = ctx->rdi, result = ctx->rax;
	bool returns = bpf_session_is_return();

	if (!returns)
		*cookie = first * 100;
	if (i < EVENTS) {
		seen.at[i].returns = returns;
		seen.at[i].word = returns ? result : first;
		seen.at[i].cookie = *cookie;
		seen.n = i + 1;
	}
	return returns ? 0 : first % 2;
}

SEC("kprobe") int no_session(struct pt_regs *ctx)
{
	return bpf_session_is_return();
}

/* Of a function with two arguments: at its entry there is no result, and what is returned matters to nobody. */
static int both(__u64 *ctx)
{
	volatile __u64 first = ctx[0], result = ctx[2];
	__u64 *cookie = (__u64 *)bpf_session_cookie(), i = seen.n;
	bool returns = bpf_session_is_return();

	if (!returns)
		*cookie = first * 10 + result;
	if (i < EVENTS) {
		seen.at[i].returns = returns;
		seen.at[i].word = returns ? result : first;
		seen.at[i].cookie = *cookie;
		seen.n = i + 1;
	}
	return 0;
}

SEC("fexit/bpf_fentry_test2") int both1(__u64 *ctx)
{
	return both(ctx);
}

SEC("fexit/bpf_fentry_test2") int both2(__u64 *ctx)
{
	return both(ctx);
}

SEC("fexit/bpf_fentry_test2") int both3(__u64 *ctx)
{
	return both(ctx);
}

SEC("fexit/bpf_fentry_test2") int both4(__u64 *ctx)
{
	return both(ctx);
}

SEC("fexit/bpf_fentry_test2") int both5(__u64 *ctx)
{
	return both(ctx);
}

SEC("fexit/bpf_fentry_test2") int without_cookie(__u64 *ctx)
{
	__u64 func_ret = 77, i = seen.n;

	bpf_get_func_ret(ctx, &func_ret);
	if (i < EVENTS) {
		seen.at[i].returns = bpf_session_is_return();
		seen.at[i].word = func_ret;
		seen.n = i + 1;
	}
	return 0;
}

/* At many functions: what they are called with is asked for. Loaded as a tracing program. */
static __attribute__((always_inline)) int note(__u64 *ctx, bool returns)
{
	__u64 i = seen.n, word = 0;

	if (returns)
		bpf_get_func_ret(ctx, &word);
	else
		bpf_get_func_arg(ctx, 0, &word);
	if (i < EVENTS) {
		seen.at[i].returns = returns;
		seen.at[i].word = word;
		seen.at[i].cookie = bpf_get_attach_cookie(ctx) + (bpf_get_func_ip(ctx) != 0);
		seen.n = i + 1;
	}
	return 0;
}

SEC("?syscall") int many_entries(__u64 *ctx)
{
	return note(ctx, false);
}

SEC("?syscall") int many_returns(__u64 *ctx)
{
	return note(ctx, true);
}

SEC("?syscall") int many_both(__u64 *ctx)
{
	return note(ctx, bpf_session_is_return());
}
