/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets that are freed, for skb:kfree_skb (Linux: net/core/skbuff.c, include/net/dropreason-core.h): why and
 * where, in the numbers of the kernel in force; those of test runs.
 */
#include <arpa/inet.h>
#include <string.h>

#include "btf/btf.h"
#include "hook/internal.h"
#include "hook/record.h"
#include "object/packet.h"

u64 drop_place(struct skep_system *sys, const char *function)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	s32 id = vmlinux ? btf_find_by_name_kind(vmlinux->btf, function, BTF_KIND_FUNC) : 0;

	return id > 0 ? function_address(sys, function, (u32)id) : 0;
}

u64 drop_reason(struct skep_system *sys, const char *name)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	s32 id =
		vmlinux ? btf_find_by_name_kind(vmlinux->btf, "skb_drop_reason", BTF_KIND_ENUM) : 0;
	s64 v = 0;

	if (id > 0 && btf_enum_value(vmlinux->btf, (u32)id, name, &v))
		btf_enum_value(vmlinux->btf, (u32)id, "SKB_DROP_REASON_NOT_SPECIFIED", &v);
	return (u64)v;
}

void hook_packet_freed(struct skep_system *sys, struct sk_buff *skb, const char *place)
{
	struct hook *raw = hook_at(sys, HOOK_RAW_TP, RAW_TP_kfree_skb);
	struct hook *formatted = hook_at(sys, HOOK_TRACEPOINT, TP_kfree_skb);
	u64 of = (u64)(uintptr_t)skb, args[4] = { 0 };
	struct bpf_run run = { .packet = skb };
	struct record r;

	raw = raw && hook_active(raw) ? raw : NULL;
	formatted = formatted && hook_active(formatted) ? formatted : NULL;
	if (!raw && !formatted)
		return;
	slot_claim(sys->arena, sys->platform, &run);
	args[0] = run.platform->world(&run, WORLD_KERN_CTX, &of);
	args[1] = drop_place(sys, place);
	args[2] = drop_reason(sys, "SKB_DROP_REASON_NOT_SPECIFIED");
	if (formatted) {
		record_begin(&r, sys, TP_kfree_skb, (u32)sys->platform->pid_tgid());
		record_put(&r, "skbaddr", args[0]);
		record_put(&r, "location", args[1]);
		record_put(&r, "protocol", ntohs(skb->protocol));
		record_put(&r, "reason", args[2]);
	}
	hook_fire_both(raw, formatted, args, 4, r.bytes, &run);
	slot_release(&run);
}
