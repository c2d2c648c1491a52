/* MIN_NEGATIVE */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct row {
	u8 cell[64];
};
MAP(rows, ARRAY, struct row, 1);

SEC("socket")
int prog(struct __sk_buff *skb)
{
	u32 key = 0;
	struct row *row = bpf_map_lookup_elem(&rows, &key);
	long i = (int)skb->mark;

	if (!row)
		return 0;
	hide(i);
	if (i > 63 || i < -64)
		return 0;
#ifdef ADVICE
	hide(i);
	if (i < 0)
		return 0;
#endif
	return row->cell[i];
}
