/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * struct __sk_buff for the program types that have it as context, and the helpers
 * that are special to packets (Linux: net/core/filter.c, bpf_skb_is_valid_access(),
 * bpf_convert_ctx_access()). Rows: tables/ctx_skb.def.
 *
 * DIFF(skb-prologue): no prologue unshares the packet before direct writes; hooks hand
 * over packets whose linear part is theirs alone. DIFF(skb-ports): the upper half of a
 * port field is what the field's 32 bits say.
 */
#include "object/packet.h"
#include "prog/skb.h"

#define SKB(name, el, reg, rt_el, ...)                                                             \
	CTX_ROW(struct __sk_buff, name, el, reg, struct sk_buff, name, rt_el, __VA_ARGS__)
#define RT(name) sizeof_field(struct sk_buff, name)

#define SKB_U32(name, first, ways)   SKB(name, 4, SCALAR_VALUE, RT(name), first, ways, .narrow = 1)
#define SKB_EXACT(name, first, ways) SKB(name, 4, SCALAR_VALUE, 4, first, ways, .narrow = 0)
#define SKB_BYTES(name, first, ways) SKB(name, 4, SCALAR_VALUE, 4, first, ways, .sizes = 1 | 2 | 8)
#define SKB_U64(name, first, ways)   SKB(name, 8, SCALAR_VALUE, 8, first, ways, .narrow = 0)
#define SKB_U8(name, first, ways)    SKB(name, 1, SCALAR_VALUE, RT(name), first, ways, .narrow = 0)
#define SKB_DATA(name, first, ways)  SKB(name, 4, PTR_TO_PACKET, 8, first, ways, .narrow = 0)
#define SKB_META(name, first, ways)  SKB(name, 4, PTR_TO_PACKET_META, 8, first, ways, .narrow = 0)
#define SKB_END(name, first, ways)   SKB(name, 4, PTR_TO_PACKET_END, 8, first, ways, .narrow = 0)
#define SKB_SOCK(name, first, ways)                                                                \
	SKB(name, 8, PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL, 8, first, ways, .narrow = 0)

const struct bpf_ctx_field skb_filter_fields[] = {
#define SKB_FIELD(name, kind, since, filter, tc, cgroup, lwt, sk)                                  \
	SKB_##kind(name, since, CTX_##filter),
#include "tables/ctx_skb.def"
#undef SKB_FIELD
	{ NULL },
};

const struct bpf_ctx_field skb_tc_fields[] = {
#define SKB_FIELD(name, kind, since, filter, tc, cgroup, lwt, sk) SKB_##kind(name, since, CTX_##tc),
#include "tables/ctx_skb.def"
#undef SKB_FIELD
	{ NULL },
};

const struct bpf_ctx_field skb_cgroup_fields[] = {
#define SKB_FIELD(name, kind, since, filter, tc, cgroup, lwt, sk)                                  \
	SKB_##kind(name, since, CTX_##cgroup),
#include "tables/ctx_skb.def"
#undef SKB_FIELD
	{ NULL },
};

const struct bpf_ctx_field skb_lwt_fields[] = {
#define SKB_FIELD(name, kind, since, filter, tc, cgroup, lwt, sk)                                  \
	SKB_##kind(name, since, CTX_##lwt),
#include "tables/ctx_skb.def"
#undef SKB_FIELD
	{ NULL },
};

const struct bpf_ctx_field skb_sk_fields[] = {
#define SKB_FIELD(name, kind, since, filter, tc, cgroup, lwt, sk) SKB_##kind(name, since, CTX_##sk),
#include "tables/ctx_skb.def"
#undef SKB_FIELD
	{ NULL },
};

const struct bpf_func_proto *skb_func_proto(u32 func_id, const struct bpf_prog *prog)
{
	if (func_id == BPF_FUNC_perf_event_output)
		return &bpf_skb_event_output_proto;
	return bpf_helper_proto(func_id);
}

#define NO_QUEUE_MAPPING 0xffff

int skb_convert_ctx_access(const struct bpf_prog_type_ops *ops, enum bpf_access_type t,
			   const struct bpf_insn *insn, struct bpf_insn_buf *out, u32 *target_size)
{
	/* A queue that does not exist is not set, and the program is not told. */
	if (t == BPF_WRITE && insn->off == offsetof(struct __sk_buff, queue_mapping)) {
		if (BPF_CLASS(insn->code) == BPF_ST && (u32)insn->imm >= NO_QUEUE_MAPPING) {
			out->insns[out->n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
			*target_size = 4;
			return 0;
		}
		if (BPF_CLASS(insn->code) == BPF_STX)
			out->insns[out->n++] = (struct bpf_insn){
				.code = BPF_JMP | BPF_JGE | BPF_K,
				.dst_reg = insn->src_reg,
				.off = 1,
				.imm = NO_QUEUE_MAPPING,
			};
	}
	return ctx_convert_by_table(ops, t, insn, out, target_size);
}
