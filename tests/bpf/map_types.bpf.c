/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Keys and values of all kinds, and histograms of several dimensions, for skep map. tests/script/people */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum hue { HUE_RED, HUE_GREEN = 5, HUE_BLUE = -1 };

struct pair {
	u16 x, y;
};

struct shape {
	u64 n;
	enum hue hue;
	u32 lo : 3, hi : 5;
	bool flag;
	s8 small;
	char name[6];
	struct pair pairs[2];
	int grid[2][3];
	union {
		int whole;
		u8 parts[4];
	};
	struct {
		int outer;
		struct {
			int inner;
		};
	};
	__int128 wide;
	double ratio;
	float part;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, enum hue);
	__type(value, struct shape);
} shapes SEC(".maps");

struct disk {
	u32 dev;
	u32 slot;
};

/* As BCC's BPF_HISTOGRAM of a disk_key_t. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct disk);
	__type(value, u64);
} disk_hist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} cpu_linear SEC(".maps");

struct latency {
	u64 total;
	u32 slots[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, char[8]);
	__type(value, struct latency);
} by_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} of_tasks SEC(".maps");

const volatile int limit = 3;

SEC("xdp")
int nothing(struct xdp_md *ctx)
{
	return limit;
}
