/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Setting registers to numbers known or unknown, and the check that their ranges do not
 * contradict each other (Linux: __mark_reg_*() and reg_bounds_sanity_check() in verifier.c).
 */
#include <errno.h>
#include <string.h>

#include "verifier/verifier.h"

/*
 * An empty range or a constant that its ranges contradict stands for a path that
 * cannot happen. Such a register goes on as unknown (or the check fails, where
 * BPF_F_TEST_REG_INVARIANTS asks for it).
 */
int reg_bounds_sanity_check(struct bpf_verifier_env *env, struct bpf_reg_state *reg,
			    const char *ctx)
{
	const char *what = NULL;
	u64 v = reg->var_off.value;

	if (reg->umin_value > reg->umax_value || reg->smin_value > reg->smax_value ||
	    reg->u32_min_value > reg->u32_max_value || reg->s32_min_value > reg->s32_max_value)
		what = "range bounds violation";
	else if (tnum_is_const(reg->var_off) &&
		 (reg->umin_value != v || reg->umax_value != v || reg->smin_value != (s64)v ||
		  reg->smax_value != (s64)v))
		what = "const tnum out of sync with range bounds";
	else if (tnum_subreg_is_const(reg->var_off) &&
		 (reg->u32_min_value != (u32)v || reg->u32_max_value != (u32)v ||
		  reg->s32_min_value != (s32)v || reg->s32_max_value != (s32)v))
		what = "const subreg tnum out of sync with range bounds";
	if (likely(!what))
		return 0;
	verbose(env,
		"%sREG INVARIANTS VIOLATION (%s): %s u64=[0x%llx, 0x%llx] s64=[0x%llx, 0x%llx] "
		"u32=[0x%x, 0x%x] s32=[0x%x, 0x%x] var_off=(0x%llx, 0x%llx)\n",
		visible(env->profile, KVER(6, 16)) ? "verifier bug: " : "", ctx, what,
		(unsigned long long)reg->umin_value, (unsigned long long)reg->umax_value,
		(unsigned long long)reg->smin_value, (unsigned long long)reg->smax_value,
		reg->u32_min_value, reg->u32_max_value, (u32)reg->s32_min_value,
		(u32)reg->s32_max_value, (unsigned long long)v,
		(unsigned long long)reg->var_off.mask);
	if (env->test_reg_invariants)
		return -EFAULT;
	__mark_reg_unbounded(reg);
	return 0;
}

/* ---- setting registers ---- */

/* Clears offset and the type's data, that is all between .type and .var_off. */
static void clear_pointer_part(struct bpf_reg_state *reg)
{
	memset((char *)reg + sizeof(reg->type), 0,
	       offsetof(struct bpf_reg_state, var_off) - sizeof(reg->type));
}

/* Keeps .type: callers set it. */
void __mark_reg_known(struct bpf_reg_state *reg, u64 imm)
{
	clear_pointer_part(reg);
	reg->id = 0;
	reg->ref_obj_id = 0;
	reg_set_value(reg, imm);
}

void __mark_reg_known_zero(struct bpf_reg_state *reg)
{
	__mark_reg_known(reg, 0);
}

void __mark_reg_const_zero(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_known(reg, 0);
	reg->type = SCALAR_VALUE;
	/* Without CAP_BPF every scalar counts as precise from the start. */
	reg->precise = !env->bpf_capable;
}

void mark_reg_known_zero(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_known_zero(&regs[regno]);
}

void __mark_reg_unknown_imprecise(struct bpf_reg_state *reg)
{
	clear_pointer_part(reg);
	reg->type = SCALAR_VALUE;
	reg->id = 0;
	reg->ref_obj_id = 0;
	reg->var_off = tnum_unknown;
	reg->frameno = 0;
	reg->precise = false;
	__mark_reg_unbounded(reg);
}

void __mark_reg_unknown(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_unknown_imprecise(reg);
	reg->precise = !env->bpf_capable;
}

void mark_reg_unknown(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_unknown(env, &regs[regno]);
}

void __mark_reg_not_init(const struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	__mark_reg_unknown(env, reg);
	reg->type = NOT_INIT;
}

void mark_reg_not_init(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno)
{
	__mark_reg_not_init(env, &regs[regno]);
}
