/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the program types on struct __sk_buff share; see skb.c. */
#ifndef SKEP_PROG_SKB_H
#define SKEP_PROG_SKB_H

#include "prog/ctx.h"

/* Fields as each family of types sees them. */
extern const struct bpf_ctx_field skb_filter_fields[]; /* socket filters */
extern const struct bpf_ctx_field skb_tc_fields[];     /* classifiers and actions */
extern const struct bpf_ctx_field skb_cgroup_fields[];
extern const struct bpf_ctx_field skb_lwt_fields[];
extern const struct bpf_ctx_field skb_sk_fields[]; /* sockets of maps */

const struct bpf_func_proto *skb_func_proto(u32 func_id, const struct bpf_prog *prog);
int skb_convert_ctx_access(const struct bpf_prog_type_ops *ops, enum bpf_access_type t,
			   const struct bpf_insn *insn, struct bpf_insn_buf *out, u32 *target_size);

#endif
