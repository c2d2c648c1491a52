/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instructions that access memory: loads, stores, atomics, legacy loads of packets (Linux: check_load_mem(),
 * check_store_reg(), check_atomic(), check_ld_abs() and save_aux_ptr_type() of kernel/bpf/verifier.c). What they
 * may access: access.c.
 */
#include "verifier/check.h"

/* Base types whose accesses are rewritten by type, so that one type must hold on all paths. */
static bool type_is_rewritten(u32 type)
{
	switch (base_type(type)) {
	case PTR_TO_CTX:
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_XDP_SOCK:
	case PTR_TO_BTF_ID:
	case PTR_TO_ARENA:
	case CONST_PTR_TO_MAP: /* DIFF(map-ptr-access) */
		return true;
	default:
		return false;
	}
}

int save_aux_ptr_type(struct bpf_verifier_env *env, u32 type, bool allow_trust_mismatch)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];

	if (aux->ptr_type == NOT_INIT) {
		aux->ptr_type = type;
		return 0;
	}
	if (aux->ptr_type == type ||
	    (!type_is_rewritten(type) && !type_is_rewritten(aux->ptr_type)))
		return 0;
	if (allow_trust_mismatch && base_type(type) == PTR_TO_BTF_ID &&
	    base_type(aux->ptr_type) == PTR_TO_BTF_ID) {
		aux->ptr_type = PTR_TO_BTF_ID | PTR_UNTRUSTED;
		return 0;
	}
	return refuse(env, DIAG_INSN_MIXED_POINTERS);
}

int check_load_mem(struct bpf_verifier_env *env, struct bpf_insn *insn, bool strict_alignment_once,
		   bool is_ldsx, bool allow_trust_mismatch, const char *ctx)
{
	struct bpf_reg_state *regs = cur_regs(env);
	u32 type;
	int err;

	err = check_reg_arg(env, insn->src_reg, SRC_OP);
	if (!err)
		err = check_reg_arg(env, insn->dst_reg, DST_OP_NO_MARK);
	if (err)
		return err;
	type = regs[insn->src_reg].type;
	err = check_mem_access(env, env->insn_idx, insn->src_reg, insn->off, BPF_SIZE(insn->code),
			       BPF_READ, insn->dst_reg, strict_alignment_once, is_ldsx);
	if (!err)
		err = save_aux_ptr_type(env, type, allow_trust_mismatch);
	if (!err)
		err = reg_bounds_sanity_check(env, &regs[insn->dst_reg], ctx);
	return err;
}

int check_store_reg(struct bpf_verifier_env *env, struct bpf_insn *insn, bool strict_alignment_once)
{
	u32 type;
	int err;

	err = check_reg_arg(env, insn->src_reg, SRC_OP);
	if (!err)
		err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	type = cur_regs(env)[insn->dst_reg].type;
	err = check_mem_access(env, env->insn_idx, insn->dst_reg, insn->off, BPF_SIZE(insn->code),
			       BPF_WRITE, insn->src_reg, strict_alignment_once, false);
	return err ?: save_aux_ptr_type(env, type, false);
}

int check_store_imm(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	u32 type;
	int err;

	err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	type = cur_regs(env)[insn->dst_reg].type;
	if (type == PTR_TO_CTX && !visible(env->profile, KVER(6, 4)))
		return refuse(env, DIAG_ST_CTX, insn->dst_reg, reg_type_str(env, type));
	err = check_mem_access(env, env->insn_idx, insn->dst_reg, insn->off, BPF_SIZE(insn->code),
			       BPF_WRITE, -1, false, false);
	return err ?: save_aux_ptr_type(env, type, false);
}

/* ---- atomics ---- */

/* Memory that is not plain: contexts and sockets are rewritten, packets have no atomicity. */
static bool atomic_target_ok(u32 type)
{
	if (type == PTR_TO_CTX || type == PTR_TO_FLOW_KEYS)
		return false;
	return !type_is_pkt_pointer(type) && !type_is_sk_pointer(type);
}

static int check_atomic_rmw(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	struct bpf_insn_aux_data *aux = &env->aux[env->insn_idx];
	struct bpf_reg_state *regs = cur_regs(env);
	int load_reg = -1, err;

	if (BPF_SIZE(insn->code) != BPF_W && BPF_SIZE(insn->code) != BPF_DW)
		return refuse(env, DIAG_ATOMIC_SIZE);
	err = check_reg_arg(env, insn->src_reg, SRC_OP);
	if (!err)
		err = check_reg_arg(env, insn->dst_reg, SRC_OP);
	if (err)
		return err;
	if (insn->imm == BPF_CMPXCHG) {
		err = check_reg_arg(env, BPF_REG_0, SRC_OP);
		if (err)
			return err;
		if (is_pointer_value(env, BPF_REG_0))
			return refuse(env, DIAG_LEAK_MEM, BPF_REG_0);
	}
	if (is_pointer_value(env, insn->src_reg))
		return refuse(env, DIAG_LEAK_MEM, insn->src_reg);
	if (!atomic_target_ok(regs[insn->dst_reg].type))
		return refuse(env, DIAG_ATOMIC_TARGET, insn->dst_reg,
			      reg_type_str(env, regs[insn->dst_reg].type));
	if (insn->imm & BPF_FETCH)
		load_reg = insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg;

	/* The fix-ups rewrite those of the arena: one instruction must not be both. */
	if (regs[insn->dst_reg].type == PTR_TO_ARENA) {
		err = save_aux_ptr_type(env, PTR_TO_ARENA, false);
		if (err)
			return err;
	} else {
		aux->plain_alu = true;
	}
	if (aux->plain_alu && aux->ptr_type == PTR_TO_ARENA)
		return refuse(env, DIAG_INSN_MIXED_POINTERS);

	/* The old value is read in any case; then once more for the register that gets it. */
	err = check_mem_access(env, env->insn_idx, insn->dst_reg, insn->off, BPF_SIZE(insn->code),
			       BPF_READ, -1, true, false);
	if (!err && load_reg >= 0) {
		err = check_reg_arg(env, load_reg, DST_OP);
		if (!err)
			err = check_mem_access(env, env->insn_idx, insn->dst_reg, insn->off,
					       BPF_SIZE(insn->code), BPF_READ, load_reg, true,
					       false);
	}
	if (!err)
		err = check_mem_access(env, env->insn_idx, insn->dst_reg, insn->off,
				       BPF_SIZE(insn->code), BPF_WRITE, -1, true, false);
	return err;
}

int check_atomic(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	int err;

	switch (insn->imm) {
	case BPF_ADD:
	case BPF_ADD | BPF_FETCH:
	case BPF_AND:
	case BPF_AND | BPF_FETCH:
	case BPF_OR:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR:
	case BPF_XOR | BPF_FETCH:
	case BPF_XCHG:
	case BPF_CMPXCHG:
		return check_atomic_rmw(env, insn);
	case BPF_LOAD_ACQ:
		err = check_reg_arg(env, insn->src_reg, SRC_OP);
		if (err)
			return err;
		if (!atomic_target_ok(cur_regs(env)[insn->src_reg].type))
			return refuse(env, DIAG_ATOMIC_LOAD_TARGET, insn->src_reg,
				      reg_type_str(env, cur_regs(env)[insn->src_reg].type));
		return check_load_mem(env, insn, true, false, false, "atomic_load");
	case BPF_STORE_REL:
		err = check_reg_arg(env, insn->dst_reg, SRC_OP);
		if (err)
			return err;
		if (!atomic_target_ok(cur_regs(env)[insn->dst_reg].type))
			return refuse(env, DIAG_ATOMIC_TARGET, insn->dst_reg,
				      reg_type_str(env, cur_regs(env)[insn->dst_reg].type));
		return check_store_reg(env, insn, true);
	default: {
		char op[12];

		snprintf(op, sizeof(op), "%02x", (u32)insn->imm);
		return refuse(env, DIAG_ATOMIC_OP, op);
	}
	}
}

/* ---- legacy packet loads ---- */

int check_ld_abs(struct bpf_verifier_env *env, struct bpf_insn *insn)
{
	struct bpf_reg_state *regs = cur_regs(env);
	u8 mode = BPF_MODE(insn->code);
	int err;

	if (!env->ops->ld_abs)
		return refuse(env, DIAG_LD_ABS_TYPE);
	if (insn->dst_reg != BPF_REG_0 || insn->off != 0 || BPF_SIZE(insn->code) == BPF_DW ||
	    (mode == BPF_ABS && insn->src_reg != BPF_REG_0))
		return refuse(env, DIAG_LD_ABS_RESERVED);
	err = check_reg_arg(env, BPF_REG_6, SRC_OP);
	/* A load out of the packet ends the program: nothing may be held. */
	if (!err)
		err = check_resource_leak(env, false, true, "BPF_LD_[ABS|IND]");
	if (err)
		return err;
	if (regs[BPF_REG_6].type != PTR_TO_CTX)
		return refuse(env, DIAG_LD_ABS_R6);
	if (mode == BPF_IND) {
		err = check_reg_arg(env, insn->src_reg, SRC_OP);
		if (err)
			return err;
	}
	err = check_ptr_off_reg(env, &regs[BPF_REG_6], BPF_REG_6);
	if (err)
		return err;
	clear_caller_saved_regs(env, regs);
	mark_reg_unknown(env, regs, BPF_REG_0);
	regs[BPF_REG_0].subreg_def = env->insn_idx + 1;
	/* Out of the packet, the function returns 0: see fixup.c. */
	if (env->cur_state->curframe)
		return explore_early_exit(env, &env->insn_idx, true);
	return 0;
}
