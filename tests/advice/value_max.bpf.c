/* MAP_VALUE_BOUNDS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct row {
	u8 cell[64];
};
MAP(rows, ARRAY, struct row, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0, i = skb->len;
	struct row *row = bpf_map_lookup_elem(&rows, &key);

#ifdef ADVICE
	if (!row || i > 63)
#else
	if (!row || i > 64)
#endif
		return 0;
	return row->cell[i];
}
