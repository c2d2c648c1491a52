// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Programs that cgroups are given in tests/script/cgroup_tree: they allow everything. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("cgroup/dev")
int one_device(struct bpf_cgroup_dev_ctx *ctx)
{
	return 1;
}

SEC("cgroup/dev")
int two_device(struct bpf_cgroup_dev_ctx *ctx)
{
	return 1;
}

SEC("cgroup_skb/egress")
int one_egress(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/connect4")
int one_connect(struct bpf_sock_addr *ctx)
{
	return 1;
}
