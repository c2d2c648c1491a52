/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Flow dissectors on a live link's packets (Linux: bpf_flow_dissect() in net/core/flow_dissector.c), for who wants to
 * know a packet's hash.
 */
#include <string.h>

#include "event/link_ip.h"
#include "hook/netns.h"
#include "object/system.h"

#define CONTINUE 129 /* BPF_FLOW_DISSECTOR_CONTINUE: as without a program */

static u16 clamp16(u16 v, u16 lo, u32 hi)
{
	return v < lo ? lo : v > (u16)hi ? (u16)hi : v;
}

bool link_dissect(struct links *l, struct bpf_run *outer, struct sk_buff *skb,
		  struct bpf_flow_keys *keys)
{
	struct bpf_run run = { .interpret = outer->interpret };
	const struct hook_progs *progs;
	struct flow_dissector_ctx ctx = {
		.data = (u64)(uintptr_t)skb->data,
		.data_end = (u64)(uintptr_t)skb->data_end,
		.flow_keys = (u64)(uintptr_t)keys,
		.skb = skb,
	};
	u32 size = min((u32)(skb->data_end - skb->data), 0xffffU), result = CONTINUE;
	u16 at = (u16)(skb->head + skb->network_header - skb->data);

	if (!netns_dissector(l->sys, l->sys->net_ino))
		return false;
	slot_claim(l->sys->arena, l->sys->platform, &run);
	progs = netns_dissector(l->sys, l->sys->net_ino);
	if (progs) {
		memset(keys, 0, sizeof(*keys));
		keys->n_proto = skb->protocol;
		keys->nhoff = keys->thoff = at;
		keys->flags = BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL;
		result = (u32)bpf_prog_run(progs->v[0].prog, &ctx, &run);
		keys->nhoff = clamp16(keys->nhoff, at, size);
		keys->thoff = clamp16(keys->thoff, keys->nhoff, size);
	}
	slot_release(&run);
	return result != CONTINUE;
}
