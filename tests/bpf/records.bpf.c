// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* For tests/script/run: records of every kind of member, maps and histograms, at each execve. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum color { RED, GREEN = 5, BLUE };

struct inner {
	short a;
	unsigned char b[3];
};

struct record {
	int pid;
	char comm[16];
	unsigned long long big;
	enum color color;
	struct inner in;
	bool yes;
	void *pointer;
	char text[20];
	unsigned flag : 3, rest : 29;
	long long negative;
};
struct record *unused_record __attribute__((unused));

/* Not declared by a global: only --event knows it, if BTF has it at all (a map's value). */
struct plain {
	int a, b;
};

struct slots_by {
	u64 total;
	u32 slots[20];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} untyped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct plain);
} plains SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct slots_by);
} by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} sizes_linear SEC(".maps");

const volatile int level = 3;
const volatile char name[16] = "abc";
const volatile enum color color = BLUE;
const volatile bool yes = false;

int execs;

SEC("tp/syscalls/sys_enter_execve")
int all_kinds(void *ctx)
{
	struct record r = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.big = 1ULL << 60,
		.color = color,
		.in = { .a = -3, .b = { 1, 2, 3 } },
		.yes = yes,
		.pointer = (void *)0x1234,
		.text = "q\"x\x1b[31m\n",
		.flag = 5,
		.rest = level,
		.negative = -5,
	};
	struct plain p = { 1, 2 };
	struct slots_by s = { .total = 9 };
	u32 key = 4, i = 6;
	u64 *v;

	execs++;
	bpf_get_current_comm(r.comm, sizeof(r.comm));
	bpf_ringbuf_output(&ring, &r, sizeof(r), 0);
	bpf_ringbuf_output(&untyped, &p, sizeof(p), 0);
	bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &r, sizeof(r));
	bpf_printk("%s level %d\n", (char *)name, level);
	bpf_map_update_elem(&plains, &key, &p, BPF_ANY);
	s.slots[3] = 7;
	s.slots[5] = 14;
	bpf_map_update_elem(&by_key, &key, &s, BPF_ANY);
	v = bpf_map_lookup_elem(&sizes_linear, &i);
	if (v)
		*v = 2;
	return 0;
}

/* More than a perf ring holds: what is lost is counted. */
static long flood_one(u32 i, void *ctx)
{
	static char filler[4000];

	bpf_perf_event_output(*(void **)ctx, &perf, BPF_F_CURRENT_CPU, filler, sizeof(filler));
	return 0;
}

SEC("?tp/syscalls/sys_enter_execve")
int flood(void *ctx)
{
	bpf_loop(500, flood_one, &ctx, 0);
	return 0;
}

static long flood_ring_one(u32 i, void *ctx)
{
	static char filler[4000];

	bpf_ringbuf_output(&ring, filler, sizeof(filler), 0);
	return 0;
}

SEC("?tp/syscalls/sys_enter_execve")
int flood_ring(void *ctx)
{
	bpf_loop(500, flood_ring_one, NULL, 0);
	return 0;
}

SEC("?kprobe/no_such_function")
int nowhere(void *ctx)
{
	return 0;
}

SEC("?fentry/do_unlinkatt")
int misspelt(void *ctx)
{
	return 0;
}

SEC("?uprobe/usr/lib/libssl.so.3/SSL_write")
int textbook_uprobe(void *ctx)
{
	return 0;
}

SEC("?xdp")
int packets(struct xdp_md *ctx)
{
	return XDP_PASS;
}
