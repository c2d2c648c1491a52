/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Counts what tests/targets/uprobe_target.c does; tests/script/uprobe compares. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define COUNT(n, kind, function)                                                                   \
	long n;                                                                                    \
	SEC(kind "/uprobe_target:" function) int prog_##n(void *ctx)                               \
	{                                                                                          \
		__sync_fetch_and_add(&n, 1);                                                       \
		return 0;                                                                          \
	}

COUNT(push, "uprobe", "first_push")
COUNT(push_ret, "uretprobe", "first_push")
COUNT(jump, "uprobe", "first_jump")
COUNT(call, "uprobe", "first_call")
COUNT(jcc, "uprobe", "jcc_at")
COUNT(rip, "uprobe", "first_rip")
COUNT(ret, "uprobe", "first_ret")
COUNT(ret_ret, "uretprobe", "first_ret")
COUNT(load, "uprobe", "first_load")
COUNT(call_memory, "uprobe", "first_call_memory")
COUNT(loop, "uprobe", "loop_at")
COUNT(tail, "uretprobe", "tail_calls")
COUNT(tail_called, "uretprobe", "tail_called")
COUNT(jumped_over, "uprobe", "jumped_over")
COUNT(jumped_over_ret, "uretprobe", "jumped_over")
COUNT(jumps_ret, "uretprobe", "jumps")
COUNT(forking_ret, "uretprobe", "forking")

long work, work_bad, work_ret, work_ret_sum;
SEC("uprobe/uprobe_target:work") int BPF_KPROBE(prog_work, long a, long b)
{
	__sync_fetch_and_add(&work, 1);
	/* PT_REGS_IP is the probe's address, as bpf_get_func_ip() has it. */
	if (PT_REGS_IP(ctx) != bpf_get_func_ip(ctx))
		work_bad++;
	return 0;
}

SEC("uretprobe/uprobe_target:work") int BPF_KRETPROBE(prog_work_ret, long ret)
{
	__sync_fetch_and_add(&work_ret, 1);
	__sync_fetch_and_add(&work_ret_sum, ret);
	return 0;
}

/* The depth that the stack shows from inside, callers of pending returns included. */
long depth[32], recurse_ret, recurse_sum;
SEC("uprobe/uprobe_target:recurse") int BPF_KPROBE(prog_recurse, long n)
{
	__u64 ips[40];
	long len = bpf_get_stack(ctx, ips, sizeof(ips), BPF_F_USER_STACK);

	if (n >= 0 && n < 32)
		depth[n] = len >> 3;
	return 0;
}

SEC("uretprobe/uprobe_target:recurse") int BPF_KRETPROBE(prog_recurse_ret, long ret)
{
	recurse_ret++;
	recurse_sum += ret;
	return 0;
}

char _license[] SEC("license") = "GPL";
