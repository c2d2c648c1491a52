/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls of kernel functions by BTF id (Linux: check_kfunc_call() and its
 * argument checks in kernel/bpf/verifier.c).
 *
 * DIFF(kfuncs): no kernel function is offered to programs yet, so each call is
 * refused as Linux refuses one that is not in the set of its program type. Rows
 * of tables/kfuncs.def will name the functions, the split BTF of ours their types.
 */
#include "verifier/check.h"

int check_kfunc_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx)
{
	const struct btf *btf;
	const char *name;

	/*
	 * A zero id is what libbpf leaves for a weak function that the kernel lacks. The
	 * program should test for that and not get here; the fix-ups refuse what stays.
	 */
	if (!insn->imm)
		return 0;
	btf = kernel_types(env);
	name = kind_of(btf, insn->imm) == BTF_KIND_FUNC ? btf_type_name(btf, insn->imm) : NULL;
	if (!name)
		return refuse(env, DIAG_KFUNC_NOT_FUNC, insn->imm);
	return refuse(env, DIAG_KFUNC_NOT_ALLOWED, name);
}
