/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What an ordinary libbpf client uses: maps, global data, a ring buffer and a perf buffer. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct event {
	__u32 number, length;
	char text[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

__u32 runs;		    /* .bss, mmap-ed by the client */
__u32 step = 3;		    /* .data */
const volatile __u32 limit; /* .rodata, set before the load */

SEC("xdp")
int observe(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	struct event e = { .length = length, .text = "perf" };
	__u64 one = 1, *n;
	struct event *r;

	runs += step;
	n = bpf_map_lookup_elem(&lengths, &length);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&lengths, &length, &one, BPF_NOEXIST);
	e.number = runs;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (r) {
		*r = e;
		r->text[0] = 'r';
		r->text[1] = 'i';
		r->text[2] = 'n';
		r->text[3] = 'g';
		bpf_ringbuf_submit(r, 0);
	}
	bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return length > limit ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
