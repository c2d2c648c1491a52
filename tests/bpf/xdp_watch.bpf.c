// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* An XDP program, and who watches it: the packet as the kernel's struct. For tests/unit/helper_typed_test.c. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

/* Before and after: length; what is said when all of it is to be put out, a byte more, and with a wrong flag. */
s64 seen[2][4];

static __always_inline void note(u32 i, struct xdp_buff *xdp)
{
	u64 len = bpf_xdp_get_buff_len((void *)xdp), word = 7;

	seen[i][0] = (s64)len;
	seen[i][1] = bpf_xdp_output(xdp, &events, len << 32, &word, sizeof(word));
	seen[i][2] = bpf_xdp_output(xdp, &events, (len + 1) << 32, &word, sizeof(word));
	seen[i][3] = bpf_xdp_output(xdp, &events, 1ULL << 63, &word, sizeof(word));
}

SEC("xdp.frags")
int watched(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_tail(ctx, -10) ? XDP_ABORTED : XDP_PASS;
}

SEC("fentry")
int BPF_PROG(before, struct xdp_buff *xdp)
{
	note(0, xdp);
	return 0;
}

SEC("fexit")
int BPF_PROG(after, struct xdp_buff *xdp, int ret)
{
	if (ret == XDP_PASS)
		note(1, xdp);
	return 0;
}
