/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Packets at a hook of netfilter (Linux: net/netfilter/nf_bpf_link.c). */
#include <errno.h>

#include "btf/btf.h"
#include "object/system.h"
#include "object/test_run.h"
#include "prog/ctx.h"

struct bpf_nf_ctx {
	__u64 state, skb; /* pointers to kernel objects */
};

static int nf_check_attach(u32 attach_type)
{
	return attach_type == BPF_NETFILTER ? 0 : -EINVAL;
}

static bool nf_is_valid_access(int off, int size, enum bpf_access_type t,
			       const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	const char *name = off == offsetof(struct bpf_nf_ctx, skb) ? "sk_buff" : "nf_hook_state";
	struct object_btf *vmlinux;
	s32 id;

	if (off < 0 || off >= (int)sizeof(struct bpf_nf_ctx) || off % 8 || size != 8 ||
	    t == BPF_WRITE)
		return false;
	vmlinux = info->obj ? system_vmlinux(info->obj->obj.sys) : NULL;
	id = vmlinux ? btf_find_by_name_kind(vmlinux->btf, name, BTF_KIND_STRUCT) : -ENOENT;
	if (id < 0)
		return false;
	info->btf = vmlinux->btf;
	info->btf_id = (u32)id;
	info->reg_type = PTR_TO_BTF_ID | PTR_TRUSTED;
	return true;
}

static struct bpf_retval_range nf_retval_range(const struct bpf_prog *prog)
{
	return RETVAL_RANGE(0, 1); /* NF_DROP, NF_ACCEPT */
}

const struct bpf_prog_type_ops netfilter_prog_ops = {
	.ctx_name = "bpf_nf_ctx",
	.ctx_size = sizeof(struct bpf_nf_ctx),
	.check_attach = nf_check_attach,
	.is_valid_access = nf_is_valid_access,
	.retval_range = nf_retval_range,
	.test_run = netfilter_test_run,
};
