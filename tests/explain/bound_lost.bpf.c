/* A number that was bounded is shifted out of its bounds. */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../advice/advice.h"

struct row {
	u8 cell[64];
};
MAP(rows, ARRAY, struct row, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	u64 at = skb->mark;
	struct row *row = bpf_map_lookup_elem(&rows, &key);

	if (!row)
		return 0;
	if (at >= 8)
		return 0;
	hide(at);
	at <<= 29;
	hide(at);
	at += skb->len;
	return row->cell[at];
}
