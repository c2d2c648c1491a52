/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which instructions exist, by kernel version, and their reserved fields. See insn.h. */
#include "isa/insn.h"

#define V4	       KVER(6, 6) /* movsx, bswap, sdiv, smod, gotol, ldsx */
#define MAY_GOTO_SINCE KVER(6, 9) /* and addr_space_cast */
#define MAY_GOTO_0_SINCE                                                                           \
	KVER(6, 14) /* an offset of 0 is allowed (derived; 6.12 no, 6.18 yes measured) */
#define JMP32_SINCE    KVER(5, 1)
#define FETCH_SINCE    KVER(5, 12) /* atomic operations but add without its old value */
#define LOAD_ACQ_SINCE KVER(6, 15)
#define GOTOX_SINCE    KVER(6, 19)

static bool bad(struct insn_problem *p, enum diag_id id)
{
	p->id = id;
	return false;
}

static bool bad_args(struct insn_problem *p, enum diag_id id, s64 a, s64 b)
{
	p->arg[0] = a;
	p->arg[1] = b;
	return bad(p, id);
}

static bool alu_opcode_known(u8 code, kver profile)
{
	switch (BPF_OP(code)) {
	case BPF_NEG:
		return BPF_SRC(code) == BPF_K;
	case BPF_END:
		if (BPF_CLASS(code) == BPF_ALU64) /* bswap */
			return BPF_SRC(code) == BPF_TO_LE && profile >= V4;
		return true;
	}
	return BPF_OP(code) < BPF_END;
}

static bool jmp_opcode_known(u8 code, kver profile)
{
	bool wide = BPF_CLASS(code) == BPF_JMP;

	if (!wide && profile < JMP32_SINCE)
		return false;
	switch (BPF_OP(code)) {
	case BPF_JA:
		if (BPF_SRC(code) == BPF_X)
			return wide && profile >= GOTOX_SINCE;
		return wide || profile >= V4;
	case BPF_CALL:
	case BPF_EXIT:
		return wide && BPF_SRC(code) == BPF_K;
	case BPF_JCOND:
		return wide && BPF_SRC(code) == BPF_K && profile >= MAY_GOTO_SINCE;
	}
	return BPF_OP(code) < BPF_JCOND;
}

bool insn_opcode_known(u8 code, kver profile)
{
	u8 mode = BPF_MODE(code), size = BPF_SIZE(code);

	switch (BPF_CLASS(code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return alu_opcode_known(code, profile);
	case BPF_JMP:
	case BPF_JMP32:
		return jmp_opcode_known(code, profile);
	case BPF_LD:
		if (mode == BPF_IMM)
			return size == BPF_DW;
		return (mode == BPF_ABS || mode == BPF_IND) && size != BPF_DW;
	case BPF_LDX:
		return mode == BPF_MEM || (mode == BPF_MEMSX && size != BPF_DW && profile >= V4);
	case BPF_ST:
		return mode == BPF_MEM;
	case BPF_STX:
		if (mode == BPF_ATOMIC)
			return size == BPF_W || size == BPF_DW || profile >= LOAD_ACQ_SINCE;
		return mode == BPF_MEM;
	}
	return false;
}

bool insn_check_form(const struct bpf_insn *insns, u32 len, u32 idx, kver profile,
		     struct insn_problem *p)
{
	const struct bpf_insn *insn = &insns[idx], *next = insn + 1;
	u8 mode = BPF_MODE(insn->code);

	p->id = DIAG_NONE;
	if (BPF_CLASS(insn->code) == BPF_LDX &&
	    ((mode != BPF_MEM && (mode != BPF_MEMSX || profile < V4)) || insn->imm))
		return bad(p, DIAG_ISA_LDX_RESERVED);
	if (insn_is_ldimm64(insn)) {
		if (idx == len - 1 || next->code || next->dst_reg || next->src_reg || next->off)
			return bad(p, DIAG_ISA_LD_IMM64_FORM);
		return true;
	}
	if (!insn_opcode_known(insn->code, profile))
		return bad_args(p, DIAG_ISA_UNKNOWN_OPCODE, insn->code, 0);
	return true;
}

static bool mov_fields_ok(const struct bpf_insn *insn, kver profile, struct insn_problem *p)
{
	bool extends;

	if (BPF_SRC(insn->code) == BPF_K) {
		if (insn->src_reg || insn->off)
			return bad(p, DIAG_ISA_MOV_RESERVED);
		return true;
	}
	if (insn_is_alu64(insn) && insn->off == BPF_ADDR_SPACE_CAST_OFF &&
	    profile >= MAY_GOTO_SINCE) {
		if (insn->imm != 1 && insn->imm != 1 << 16)
			return bad(p, DIAG_ISA_ADDR_SPACE_CAST);
		return true;
	}
	extends = profile >= V4 &&
		  (insn->off == 8 || insn->off == 16 || (insn->off == 32 && insn_is_alu64(insn)));
	if ((insn->off && !extends) || insn->imm)
		return bad(p, DIAG_ISA_MOV_RESERVED);
	return true;
}

static bool alu_fields_ok(const struct bpf_insn *insn, kver profile, struct insn_problem *p)
{
	u8 op = BPF_OP(insn->code);
	bool is_signed;

	switch (op) {
	case BPF_NEG:
		if (BPF_SRC(insn->code) != BPF_K || insn->src_reg || insn->off || insn->imm)
			return bad(p, DIAG_ISA_NEG_RESERVED);
		return true;
	case BPF_END:
		if (insn->src_reg || insn->off ||
		    (insn->imm != 16 && insn->imm != 32 && insn->imm != 64) ||
		    (insn_is_alu64(insn) && (profile < V4 || BPF_SRC(insn->code) != BPF_TO_LE)))
			return bad(p, DIAG_ISA_END_RESERVED);
		return true;
	case BPF_MOV:
		return mov_fields_ok(insn, profile, p);
	}
	is_signed = profile >= V4 && insn->off == 1 && (op == BPF_DIV || op == BPF_MOD);
	if ((insn->off && !is_signed) || (BPF_SRC(insn->code) == BPF_X ? insn->imm : insn->src_reg))
		return bad(p, DIAG_ISA_ALU_RESERVED);
	return true;
}

static bool jmp_fields_ok(const struct bpf_insn *insn, kver profile, struct insn_problem *p)
{
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;

	switch (BPF_OP(insn->code)) {
	case BPF_CALL:
		if (BPF_SRC(insn->code) != BPF_K || insn->dst_reg || !wide ||
		    insn->src_reg > BPF_PSEUDO_KFUNC_CALL ||
		    (insn->off && insn->src_reg != BPF_PSEUDO_KFUNC_CALL))
			return bad(p, DIAG_ISA_CALL_RESERVED);
		return true;
	case BPF_JA:
		if (insn_is_gotox(insn) && profile >= GOTOX_SINCE) {
			if (insn->src_reg || insn->off || insn->imm)
				return bad(p, DIAG_ISA_GOTOX_RESERVED);
			return true;
		}
		if (BPF_SRC(insn->code) != BPF_K || insn->src_reg || insn->dst_reg ||
		    (wide ? insn->imm : insn->off))
			return bad(p, DIAG_ISA_JA_RESERVED);
		return true;
	case BPF_EXIT:
		/* off is not looked at, as in Linux */
		if (BPF_SRC(insn->code) != BPF_K || insn->imm || insn->src_reg || insn->dst_reg ||
		    !wide)
			return bad(p, DIAG_ISA_EXIT_RESERVED);
		return true;
	case BPF_JCOND:
		if (profile >= MAY_GOTO_0_SINCE) {
			if (insn->src_reg != BPF_MAY_GOTO_SRC || insn->dst_reg || insn->imm)
				return bad_args(p, DIAG_ISA_MAY_GOTO_IMM, insn->imm, 0);
			return true;
		}
		if (insn->src_reg != BPF_MAY_GOTO_SRC || insn->dst_reg || insn->imm || !insn->off)
			return bad_args(p, DIAG_ISA_MAY_GOTO, insn->off, insn->imm);
		return true;
	}
	if (BPF_SRC(insn->code) == BPF_X ? insn->imm : insn->src_reg)
		return bad(p, DIAG_ISA_JMP_RESERVED);
	return true;
}

static bool atomic_fields_ok(const struct bpf_insn *insn, kver profile, struct insn_problem *p)
{
	switch (insn->imm) {
	case BPF_LOAD_ACQ:
	case BPF_STORE_REL:
		if (profile >= LOAD_ACQ_SINCE)
			return true;
		break;
	case BPF_ADD | BPF_FETCH:
	case BPF_AND:
	case BPF_AND | BPF_FETCH:
	case BPF_OR:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR:
	case BPF_XOR | BPF_FETCH:
	case BPF_XCHG:
	case BPF_CMPXCHG:
		if (profile < FETCH_SINCE)
			break;
		/* fall through */
	case BPF_ADD:
		if (BPF_SIZE(insn->code) != BPF_W && BPF_SIZE(insn->code) != BPF_DW)
			return bad(p, DIAG_ISA_ATOMIC_SIZE);
		return true;
	}
	return bad_args(p, DIAG_ISA_ATOMIC_OPCODE, insn->imm, 0);
}

bool insn_check_fields(const struct bpf_insn *insn, kver profile, struct insn_problem *p)
{
	p->id = DIAG_NONE;
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return alu_fields_ok(insn, profile, p);
	case BPF_JMP:
	case BPF_JMP32:
		return jmp_fields_ok(insn, profile, p);
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC)
			return atomic_fields_ok(insn, profile, p);
		if (insn->imm)
			return bad(p, DIAG_ISA_STX_RESERVED);
		return true;
	case BPF_ST:
		if (insn->src_reg)
			return bad(p, DIAG_ISA_ST_RESERVED);
		return true;
	case BPF_LD:
		if (insn_is_ldimm64(insn)) {
			if (insn->off)
				return bad(p, DIAG_ISA_LD_IMM64_RESERVED);
		} else if (insn->dst_reg || insn->off || BPF_SIZE(insn->code) == BPF_DW ||
			   (BPF_MODE(insn->code) == BPF_ABS && insn->src_reg)) {
			return bad(p, DIAG_ISA_LD_ABS_RESERVED);
		}
		return true;
	}
	return true; /* LDX: insn_check_form() */
}

bool insn_check_operands(const struct bpf_insn *insn, struct insn_problem *p)
{
	u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	p->id = DIAG_NONE;
	if ((class != BPF_ALU && class != BPF_ALU64) || BPF_SRC(insn->code) != BPF_K)
		return true;
	if ((op == BPF_DIV || op == BPF_MOD) && !insn->imm)
		return bad(p, DIAG_ISA_DIV_BY_ZERO);
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) &&
	    (u32)insn->imm >= (class == BPF_ALU64 ? 64 : 32))
		return bad_args(p, DIAG_ISA_INVALID_SHIFT, insn->imm, 0);
	return true;
}
