/* What is known comes through the arguments and results of functions. */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../advice/advice.h"

struct row {
	u8 cell[64];
};
MAP(rows, ARRAY, struct row, 1);

static __attribute__((noinline)) u32 clamp(u32 n)
{
	hide(n);
	return n > 80 ? 80 : n;
}

static __attribute__((noinline)) int get(struct row *row, u64 i)
{
	hide(i);
	return row->cell[i];
}

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0, i;
	struct row *row = bpf_map_lookup_elem(&rows, &key);

	if (!row)
		return 0;
	i = clamp(skb->len);
	return get(row, i);
}
