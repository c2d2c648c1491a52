/* MEM_UNBOUNDED */
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

	if (!row)
		return 0;
#ifdef ADVICE
	if (i >= sizeof(row->cell))
		return 0;
#endif
	return row->cell[i];
}
