// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Programs that decide on devices and sysctls, for tests/script/cgroup_sock. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("cgroup/dev")
int on_device(struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16, kind = ctx->access_type & 0xffff;

	if (access & BPF_DEVCG_ACC_MKNOD)
		return kind == BPF_DEVCG_DEV_CHAR && ctx->major == 1 && ctx->minor == 3;
	if (kind != BPF_DEVCG_DEV_CHAR || ctx->major != 1)
		return 1;
	if (ctx->minor == 5) /* zero */
		return 0;
	if (ctx->minor == 7) /* full: to be read only */
		return !(access & BPF_DEVCG_ACC_WRITE);
	return 1;
}

static int starts(const char *s, const char *with, int n)
{
	for (int i = 0; i < n; i++)
		if (s[i] != with[i])
			return 0;
	return 1;
}

SEC("cgroup/sysctl")
int on_sysctl(struct bpf_sysctl *ctx)
{
	char name[32] = "", value[16] = "";

	bpf_sysctl_get_name(ctx, name, sizeof(name), 0);
	if (starts(name, "kernel/ostype", 14))
		return 0;
	if (!starts(name, "net/ipv4/ip_default_ttl", 24) || !ctx->write)
		return 1;
	/* 77 becomes 99; others than two digits are not to be; what is there must be 64 or 99. */
	bpf_sysctl_get_current_value(ctx, value, sizeof(value));
	if (!starts(value, "64", 2) && !starts(value, "99", 2))
		return 0;
	if (bpf_sysctl_get_new_value(ctx, value, sizeof(value)) < 3)
		return 0;
	if (starts(value, "77", 2))
		bpf_sysctl_set_new_value(ctx, "99", 2);
	return 1;
}
