/* A counter that runs one round too far. */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../advice/advice.h"

struct row {
	u64 cell[8];
};
MAP(rows, ARRAY, struct row, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	struct row *row = bpf_map_lookup_elem(&rows, &key);
	u64 sum = 0;

	if (!row)
		return 0;
	for (u64 i = 0; i <= 8; i++) {
		hide(i);
		sum += row->cell[i];
	}
	return sum;
}
