/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tests/tools/bpftool.py does things with: a program of each kind that bpftool can attach. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sizes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

SEC("xdp") int count_sizes(struct xdp_md *ctx)
{
	__u32 size = ctx->data_end - ctx->data;
	__u64 one = 1, *n = bpf_map_lookup_elem(&sizes, &size);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&sizes, &size, &one, BPF_ANY);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &size, sizeof(size));
	return XDP_PASS;
}

SEC("flow_dissector") int dissect(struct __sk_buff *skb)
{
	return BPF_OK;
}

SEC("cgroup/dev") int devices(struct bpf_cgroup_dev_ctx *ctx)
{
	return 1;
}

SEC("tp/syscalls/sys_enter_getpriority") int say(void *ctx)
{
	bpf_printk("getpriority by %d", 42);
	return 0;
}
