/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Reads of perf events, and output to them, as element 0 of map "call" says: helper_perf_test. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct call {
	__s64 ret;
	__u64 flags, value[4];
	__u32 which, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} call SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

SEC("tc")
int reads(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	struct call *c = bpf_map_lookup_elem(&call, &zero);

	if (!c)
		return 0;
	switch (c->which) {
	case 0:
		c->ret = bpf_perf_event_read(&events, c->flags);
		break;
	case 1:
		c->ret = bpf_perf_event_read_value(&events, c->flags, (void *)c->value, 24);
		break;
	case 2:
		c->ret = bpf_perf_event_read_value(&events, c->flags, (void *)c->value, 32);
		break;
	case 3:
		c->ret = bpf_perf_event_read_value(&events, c->flags, (void *)c->value, 16);
		break;
	case 4:
		c->ret = bpf_perf_event_output(ctx, &events, c->flags, c->value, 8);
		break;
	}
	return 0;
}

SEC("tp")
int says_0(void *ctx)
{
	return 0;
}

SEC("tp")
int says_1(void *ctx)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
