/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Static probes of tests/targets/uprobe_target.c, and a function of its library. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

long ticks, sum_a, sum_b, args;
SEC("usdt/uprobe_target:skep:tick") int BPF_USDT(prog_tick, int a, long b)
{
	ticks++;
	sum_a += a;
	sum_b += b;
	args = bpf_usdt_arg_cnt(ctx);
	return 0;
}

long library, library_ret;
SEC("uprobe/libuprobe_lib.so:in_library") int prog_library(void *ctx)
{
	library++;
	return 0;
}

SEC("uretprobe/libuprobe_lib.so:in_library") int prog_library_ret(void *ctx)
{
	library_ret++;
	return 0;
}

/* The stack of a function at its entry, by build id and offset: as get_stack says it. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, 4);
	__uint(value_size, 6 * sizeof(struct bpf_stack_build_id));
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_STACK_BUILD_ID);
} stacks SEC(".maps");

long depth, status[3], offset[3], stack_id, same_id;
unsigned char build_id[3][20];
SEC("uprobe/uprobe_target:recurse") int prog_recurse(void *ctx)
{
	struct bpf_stack_build_id ids[3] = {};
	int i;

	depth = bpf_get_stack(ctx, ids, sizeof(ids), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	for (i = 0; i < 3; i++) {
		status[i] = ids[i].status;
		offset[i] = ids[i].offset;
		__builtin_memcpy(build_id[i], ids[i].build_id, 20);
	}
	stack_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	same_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	return 0;
}

char _license[] SEC("license") = "GPL";
