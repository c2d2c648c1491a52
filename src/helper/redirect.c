/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_redirect_map() of XDP programs (Linux: net/core/filter.c and the map types' .map_redirect).
 * What becomes of the packet is the hook's business.
 */
#include "helper/helper.h"
#include "object/map.h"

#define ACTIONS (XDP_ABORTED | XDP_DROP | XDP_PASS | XDP_TX)

BPF_HELPER(redirect_map)
{
	struct bpf_map *map = PTR(r1);
	bool devices =
		map->map_type == BPF_MAP_TYPE_DEVMAP || map->map_type == BPF_MAP_TYPE_DEVMAP_HASH;
	u64 known = devices ? BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS : 0;
	u32 index = (u32)r2;

	if (r3 & ~(ACTIONS | known))
		return XDP_ABORTED;
	if (!bpf_map_ops_of(map->map_type)->lookup_elem(map, &index, run) &&
	    !(r3 & BPF_F_BROADCAST)) {
		run->redirect.kind = 0;
		return r3 & ACTIONS;
	}
	run->redirect.tgt_index = index;
	run->redirect.flags = (u32)(r3 & ~(u64)ACTIONS);
	run->redirect.map = map;
	run->redirect.kind = XDP_REDIRECT;
	return XDP_REDIRECT;
}
