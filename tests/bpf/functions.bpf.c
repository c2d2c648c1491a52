// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Programs of tests/unit/function_helpers_test.c: what functions tell, and refuse. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef __u64 u64;
typedef __s64 s64;

char LICENSE[] SEC("license") = "GPL";

/* What is reported; one slot for each fact. */
u64 seen[32];

#define CORE __attribute__((preserve_access_index))
struct filename {
	const char *name;
} CORE;

char name[32];

SEC("fexit/do_unlinkat")
int fexit_unlink(u64 *ctx)
{
	struct filename *f = (void *)ctx[1];
	u64 v = 0;

	seen[0] = bpf_get_func_arg_cnt(ctx);
	seen[1] = (u64)(s64)(int)bpf_get_func_arg(ctx, 0, &v);
	seen[2] = v;
	seen[3] = (u64)bpf_get_func_arg(ctx, 2, &v); /* there are two */
	v = 0;
	seen[4] = (u64)bpf_get_func_ret(ctx, &v);
	seen[5] = v;
	seen[6] = ctx[2];
	seen[7] = bpf_get_func_ip(ctx);
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(f, name));
	return 0;
}

SEC("fentry/do_unlinkat")
int fentry_unlink(u64 *ctx)
{
	u64 v = 0;

	seen[8] = (u64)bpf_get_func_ret(ctx, &v);
	seen[9] = bpf_get_func_ip(ctx);
	return 0;
}

SEC("kprobe/do_unlinkat")
int kprobe_unlink(struct pt_regs *ctx)
{
	u64 ret = 0;

	seen[10] = bpf_get_func_ip(ctx);
	seen[11] = ctx->rip;
	seen[12] = (u64)(s64)(int)ctx->rdi;
	seen[13] = (u64)bpf_probe_read_kernel(&ret, 8, (void *)ctx->rsp);
	seen[14] = ret;
	seen[15] = ctx->cs & 3;
	return 0;
}

SEC("kretprobe/do_unlinkat")
int kretprobe_unlink(struct pt_regs *ctx)
{
	seen[16] = bpf_get_func_ip(ctx);
	seen[17] = ctx->rax;
	return 0;
}

/* __x64_sys_*: the user's registers are an argument. */
SEC("kprobe/__x64_sys_unlinkat")
int kprobe_sys(struct pt_regs *ctx)
{
	struct pt_regs *regs = (void *)ctx->rdi;
	u64 dfd = 0, flag = 0, nr = 0;

	bpf_probe_read_kernel(&dfd, 8, &regs->rdi);
	bpf_probe_read_kernel(&flag, 8, &regs->rdx);
	bpf_probe_read_kernel(&nr, 8, &regs->orig_rax);
	seen[18] = (u64)(s64)(int)dfd;
	seen[19] = flag;
	seen[20] = nr;
	return 0;
}

SEC("kprobe/__x64_sys_unlinkat")
int override_sys(struct pt_regs *ctx)
{
	seen[21]++;
	bpf_override_return(ctx, -11);
	return 0;
}

SEC("kretprobe/__x64_sys_unlinkat")
int after_override(struct pt_regs *ctx)
{
	seen[22] = ctx->rax;
	return 0;
}

SEC("fentry/__x64_sys_unlinkat")
int fentry_overridden(u64 *ctx)
{
	seen[23]++;
	return 0;
}

SEC("kprobe/do_unlinkat")
int override_inner(struct pt_regs *ctx)
{
	bpf_override_return(ctx, -11);
	return 0;
}

SEC("fmod_ret/security_socket_create")
int deny_socket(u64 *ctx)
{
	seen[24] = ctx[0];
	seen[25] = ctx[4];	       /* the result so far */
	return ctx[0] == 16 ? -13 : 0; /* AF_NETLINK */
}

SEC("fexit/security_socket_create")
int after_deny(u64 *ctx)
{
	seen[26] = ctx[4];
	return 0;
}

SEC("fexit/__sys_socket")
int denied_socket(u64 *ctx)
{
	seen[27] = ctx[3];
	seen[28]++;
	return 0;
}

SEC("fmod_ret/do_unlinkat")
int bad_fmod_ret(u64 *ctx)
{
	return 0;
}

SEC("fmod_ret/security_file_open")
int late_fmod_ret(u64 *ctx)
{
	return 0;
}

SEC("fexit/do_exit")
int bad_fexit(u64 *ctx)
{
	return 0;
}

SEC("fentry/do_exit")
int exit_code(u64 *ctx)
{
	seen[29] = ctx[0];
	return 0;
}

SEC("kprobe/do_group_exit")
int group_exit_code(struct pt_regs *ctx)
{
	seen[30] = ctx->rdi;
	return 0;
}
