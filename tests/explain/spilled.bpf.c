/* A number that is kept on the stack over calls. */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../advice/advice.h"

struct row {
	u8 cell[64];
};
MAP(rows, ARRAY, struct row, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	volatile u64 kept;
	u64 i = skb->len;
	struct row *row;
	u32 key = 0;

	i &= 127;
	kept = i;
	row = bpf_map_lookup_elem(&rows, &key);
	if (!row)
		return 0;
	return row->cell[kept];
}
