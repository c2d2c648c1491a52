/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Options of TCP headers for programs of connections (Linux: net/core/filter.c,
 * bpf_sock_ops_*_hdr_opt(); RFC 9293 section 3.1, RFC 6994).
 */
#include "helper/helper.h"
#include "object/sock.h"

#ifndef ENOMSG
#define ENOMSG 42
#endif

#define TCP_HEADER 20 /* without options */

enum { OPT_END, OPT_NOP, OPT_EXPERIMENT = 253, OPT_EXP = 254 };

struct wanted {
	u8 kind;
	u8 magic[4], magic_len; /* of an experiment: whose it is */
};

static bool is_experiment(u8 kind)
{
	return kind == OPT_EXPERIMENT || kind == OPT_EXP;
}

/*
 * The first option in [@op, @end) that is @w. NULL with *err -ENOMSG: there is none,
 * -EFAULT: the header makes no sense. *ended: an end of options stands there.
 */
static const u8 *search(const u8 *op, const u8 *end, const struct wanted *w, bool *ended, int *err)
{
	*ended = false;
	*err = -ENOMSG;
	while (op < end && *op != OPT_END) {
		if (*op == OPT_NOP) {
			op++;
			continue;
		}
		if (end - op < 2 || op[1] < 2 || end - op < op[1]) {
			*err = -EFAULT;
			return NULL;
		}
		if (*op == w->kind) {
			if (w->magic_len > op[1] - 2)
				return NULL;
			if (!w->magic_len || !__builtin_memcmp(op + 2, w->magic, w->magic_len))
				return op;
		}
		op += op[1];
	}
	*ended = op < end;
	return NULL;
}

/* The headers of the SYN that began the connection, from the one that @name (TCP_BPF_SYN*) says on: their length. */
static s32 syn_of(const struct bpf_rt_sock_ops *ctx, u32 name, const u8 **at)
{
	if (!ctx->syn || (name == TCP_BPF_SYN_MAC && !ctx->syn_mac))
		return -ENOENT;
	*at = ctx->syn;
	if (name == TCP_BPF_SYN_MAC)
		return ctx->syn_mac + ctx->syn_ip + ctx->syn_tcp;
	*at += ctx->syn_mac;
	if (name == TCP_BPF_SYN_IP)
		return ctx->syn_ip + ctx->syn_tcp;
	*at += ctx->syn_ip;
	return ctx->syn_tcp;
}

s64 sock_ops_get_syn(const struct bpf_rt_sock_ops *ctx, u32 name, u8 *to, u32 len)
{
	const u8 *at;
	s64 n = syn_of(ctx, name, &at);
	u32 copied = n < 0 ? 0 : min_t(u32, (u32)n, len);

	if (copied)
		__builtin_memcpy(to, at, copied);
	__builtin_memset(to + copied, 0, len - copied);
	return n > (s64)len ? -ENOSPC : n;
}

BPF_HELPER(load_hdr_opt)
{
	const struct bpf_rt_sock_ops *ctx = PTR(r1);
	u8 *to = PTR(r2);
	u32 len = (u32)r3;
	struct wanted w = { 0 };
	const u8 *op, *end;
	bool ended;
	s32 err;

	if (unlikely(len < 2 || r4 & ~(u64)BPF_LOAD_HDR_OPT_TCP_SYN))
		return ERR(EINVAL);
	w.kind = to[0];
	if (to[1] > len || w.kind == OPT_NOP || w.kind == OPT_END)
		return ERR(EINVAL);
	if (is_experiment(w.kind)) {
		if (to[1] != 4 && to[1] != 6)
			return ERR(EINVAL);
		w.magic_len = to[1] - 2;
		__builtin_memcpy(w.magic, to + 2, w.magic_len);
	} else if (to[1]) {
		return ERR(EINVAL);
	}
	if (r4 & BPF_LOAD_HDR_OPT_TCP_SYN) {
		err = syn_of(ctx, TCP_BPF_SYN, &op);
		if (err < 0)
			return (u64)(s64)err;
		end = op + err;
	} else {
		if (!ctx->has_skb || ctx->u.op == BPF_SOCK_OPS_HDR_OPT_LEN_CB)
			return ERR(EPERM);
		op = ctx->u.skb_data;
		end = ctx->u.skb_data_end;
	}
	op = search(op + TCP_HEADER, end, &w, &ended, &err);
	if (!op)
		return (u64)(s64)err;
	__builtin_memcpy(to, op, min_t(u32, op[1], len));
	return op[1] > len ? ERR(ENOSPC) : op[1];
}

BPF_HELPER(store_hdr_opt)
{
	struct bpf_rt_sock_ops *ctx = PTR(r1);
	const u8 *from = PTR(r2), *op;
	u32 len = (u32)r3;
	struct wanted w = { 0 };
	bool ended;
	int err;

	if (ctx->u.op != BPF_SOCK_OPS_WRITE_HDR_OPT_CB)
		return ERR(EPERM);
	if (unlikely(len < 2 || r4))
		return ERR(EINVAL);
	w.kind = from[0];
	if (from[1] > len || w.kind == OPT_NOP || w.kind == OPT_END)
		return ERR(EINVAL);
	if (from[1] > ctx->opt_room)
		return ERR(ENOSPC);
	if (is_experiment(w.kind)) {
		if (from[1] < 4)
			return ERR(EINVAL);
		w.magic_len = 2;
		__builtin_memcpy(w.magic, from + 2, 2);
	}
	op = search((const u8 *)ctx->u.skb_data + TCP_HEADER, ctx->u.skb_data_end, &w, &ended,
		    &err);
	if (op)
		return ERR(EEXIST);
	if (err != -ENOMSG)
		return (u64)(s64)err;
	if (ended) /* nobody would read it */
		return ERR(ENOSPC);
	__builtin_memcpy(ctx->u.skb_data_end, from, from[1]);
	ctx->u.skb_data_end = (u8 *)ctx->u.skb_data_end + from[1];
	ctx->opt_room -= from[1];
	return 0;
}

BPF_HELPER(reserve_hdr_opt)
{
	struct bpf_rt_sock_ops *ctx = PTR(r1);
	u32 len = (u32)r2;

	if (ctx->u.op != BPF_SOCK_OPS_HDR_OPT_LEN_CB)
		return ERR(EPERM);
	if (unlikely(r3 || len < 2))
		return ERR(EINVAL);
	if (len > ctx->opt_room)
		return ERR(ENOSPC);
	ctx->opt_room -= len;
	return 0;
}
