/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text of instructions (Linux: kernel/bpf/disasm.c). The wording is the kernel's,
 * 6.18's where kernels differ, as bpftool and test suites compare it.
 */
#include "isa/disasm.h"

#include <stdio.h>

static const char *const alu_op[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
};
static const char *const jmp_op[16] = {
	"jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=",
};
static const char *const fetch_op[16] = {
	[BPF_ADD >> 4] = "add",
	[BPF_AND >> 4] = "and",
	[BPF_OR >> 4] = "or",
	[BPF_XOR >> 4] = "xor",
};
/* by BPF_SIZE >> 3: W H B DW */
static const char *const mem_type[4] = { "u32", "u16", "u8", "u64" };
static const char *const mem_type_sx[4] = { "s32", "s16", "s8", "(null)" };

#define OUT(...) snprintf(buf, size, __VA_ARGS__)

static const char *movsx_text(const struct bpf_insn *insn)
{
	switch (BPF_OP(insn->code) == BPF_MOV ? insn->off : 0) {
	case 8:
		return "(s8)";
	case 16:
		return "(s16)";
	case 32:
		return "(s32)";
	}
	return "";
}

static int disasm_alu(char *buf, size_t size, const struct bpf_insn *insn)
{
	u8 op = BPF_OP(insn->code);
	bool wide = insn_is_alu64(insn);
	char r = wide ? 'r' : 'w';
	const char *name = alu_op[op >> 4] ? alu_op[op >> 4] : "(null)";

	if (op == BPF_END) {
		name = wide ? "bswap" : BPF_SRC(insn->code) == BPF_TO_BE ? "be" : "le";
		return OUT("(%02x) r%d = %s%d r%d", insn->code, insn->dst_reg, name, insn->imm,
			   insn->dst_reg);
	}
	if (op == BPF_NEG)
		return OUT("(%02x) %c%d = -%c%d", insn->code, r, insn->dst_reg, r, insn->dst_reg);
	if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn->off == BPF_ADDR_SPACE_CAST_OFF)
		return OUT("(%02x) r%d = addr_space_cast(r%d, %d, %d)", insn->code, insn->dst_reg,
			   insn->src_reg, (u32)insn->imm >> 16, (u16)insn->imm);
	if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn->off == -1)
		return OUT("(%02x) r%d = &(void __percpu *)(r%d)", insn->code, insn->dst_reg,
			   insn->src_reg);
	if (op == BPF_DIV && insn->off == 1)
		name = "s/=";
	else if (op == BPF_MOD && insn->off == 1)
		name = "s%=";
	if (BPF_SRC(insn->code) == BPF_K)
		return OUT("(%02x) %c%d %s %d", insn->code, r, insn->dst_reg, name, insn->imm);
	return OUT("(%02x) %c%d %s %s%c%d", insn->code, r, insn->dst_reg, name, movsx_text(insn), r,
		   insn->src_reg);
}

static int disasm_atomic(char *buf, size_t size, const struct bpf_insn *insn)
{
	const char *type = mem_type[BPF_SIZE(insn->code) >> 3];
	const char *wide = BPF_SIZE(insn->code) == BPF_DW ? "64" : "";

	switch (insn->imm) {
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return OUT("(%02x) lock *(%s *)(r%d %+d) %s r%d", insn->code, type, insn->dst_reg,
			   insn->off, alu_op[BPF_OP(insn->imm) >> 4], insn->src_reg);
	case BPF_ADD | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
		return OUT("(%02x) r%d = atomic%s_fetch_%s((%s *)(r%d %+d), r%d)", insn->code,
			   insn->src_reg, wide, fetch_op[BPF_OP(insn->imm) >> 4], type,
			   insn->dst_reg, insn->off, insn->src_reg);
	case BPF_CMPXCHG:
		return OUT("(%02x) r0 = atomic%s_cmpxchg((%s *)(r%d %+d), r0, r%d)", insn->code,
			   wide, type, insn->dst_reg, insn->off, insn->src_reg);
	case BPF_XCHG:
		return OUT("(%02x) r%d = atomic%s_xchg((%s *)(r%d %+d), r%d)", insn->code,
			   insn->src_reg, wide, type, insn->dst_reg, insn->off, insn->src_reg);
	case BPF_LOAD_ACQ:
		return OUT("(%02x) r%d = load_acquire((%s *)(r%d %+d))", insn->code, insn->dst_reg,
			   type, insn->src_reg, insn->off);
	case BPF_STORE_REL:
		return OUT("(%02x) store_release((%s *)(r%d %+d), r%d)", insn->code, type,
			   insn->dst_reg, insn->off, insn->src_reg);
	}
	return OUT("BUG_%02x", insn->code);
}

static int disasm_ld(char *buf, size_t size, const struct bpf_insn *insn,
		     const struct disasm_names *names)
{
	const char *type = mem_type[BPF_SIZE(insn->code) >> 3], *text = NULL;
	char tmp[96];
	u64 imm;

	switch (BPF_MODE(insn->code)) {
	case BPF_ABS:
		return OUT("(%02x) r0 = *(%s *)skb[%d]", insn->code, type, insn->imm);
	case BPF_IND:
		return OUT("(%02x) r0 = *(%s *)skb[r%d + %d]", insn->code, type, insn->src_reg,
			   insn->imm);
	}
	if (!insn_is_ldimm64(insn))
		return OUT("BUG_ld_%02x", insn->code);
	imm = insn_imm64(insn);
	if (names && names->hide_pointers && insn->src_reg && insn->src_reg != BPF_PSEUDO_FUNC)
		imm = 0;
	if (names && names->imm)
		text = names->imm(names->arg, insn, imm, tmp, sizeof(tmp));
	if (!text) {
		snprintf(tmp, sizeof(tmp), "0x%llx", (unsigned long long)imm);
		text = tmp;
	}
	return OUT("(%02x) r%d = %s", insn->code, insn->dst_reg, text);
}

static int disasm_call(char *buf, size_t size, const struct bpf_insn *insn,
		       const struct disasm_names *names)
{
	const char *name = NULL;

	if (!insn->src_reg && names && names->helper)
		name = names->helper(names->arg, insn->imm);
	if (!name && names && names->call)
		name = names->call(names->arg, insn);
	if (insn->src_reg == BPF_PSEUDO_CALL) {
		if (name)
			return OUT("(%02x) call pc%s", insn->code, name);
		return OUT("(%02x) call pc%+d", insn->code, insn->imm);
	}
	if (!name && !insn->src_reg && !insn->imm)
		name = "bpf_unspec";
	if (!name)
		name = insn->src_reg == BPF_PSEUDO_KFUNC_CALL ? "kernel-function" : "unknown";
	return OUT("(%02x) call %s#%d", insn->code, name, insn->imm);
}

static int disasm_jmp(char *buf, size_t size, const struct bpf_insn *insn,
		      const struct disasm_names *names)
{
	char r = BPF_CLASS(insn->code) == BPF_JMP32 ? 'w' : 'r';
	const char *op = jmp_op[BPF_OP(insn->code) >> 4];

	if (BPF_OP(insn->code) == BPF_CALL)
		return disasm_call(buf, size, insn, names);
	if (insn->code == (BPF_JMP | BPF_JA))
		return OUT("(%02x) goto pc%+d", insn->code, insn->off);
	if (insn_is_gotox(insn))
		return OUT("(%02x) gotox r%d", insn->code, insn->dst_reg);
	if (insn->code == (BPF_JMP | BPF_JCOND) && insn->src_reg == BPF_MAY_GOTO_SRC)
		return OUT("(%02x) may_goto pc%+d", insn->code, insn->off);
	if (insn->code == (BPF_JMP32 | BPF_JA))
		return OUT("(%02x) gotol pc%+d", insn->code, insn->imm);
	if (insn->code == (BPF_JMP | BPF_EXIT))
		return OUT("(%02x) exit", insn->code);
	if (!op)
		op = "(null)";
	if (BPF_SRC(insn->code) == BPF_X)
		return OUT("(%02x) if %c%d %s %c%d goto pc%+d", insn->code, r, insn->dst_reg, op, r,
			   insn->src_reg, insn->off);
	return OUT("(%02x) if %c%d %s 0x%x goto pc%+d", insn->code, r, insn->dst_reg, op, insn->imm,
		   insn->off);
}

int disasm_insn(char *buf, size_t size, const struct bpf_insn *insn,
		const struct disasm_names *names)
{
	u8 mode = BPF_MODE(insn->code);
	const char *type = mem_type[BPF_SIZE(insn->code) >> 3];

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return disasm_alu(buf, size, insn);
	case BPF_STX:
		if (mode == BPF_ATOMIC)
			return disasm_atomic(buf, size, insn);
		if (mode == BPF_MEM)
			return OUT("(%02x) *(%s *)(r%d %+d) = r%d", insn->code, type, insn->dst_reg,
				   insn->off, insn->src_reg);
		return OUT("BUG_%02x", insn->code);
	case BPF_ST:
		if (mode == BPF_MEM)
			return OUT("(%02x) *(%s *)(r%d %+d) = %d", insn->code, type, insn->dst_reg,
				   insn->off, insn->imm);
		if (mode == 0xc0)
			return OUT("(%02x) nospec", insn->code);
		return OUT("BUG_st_%02x", insn->code);
	case BPF_LDX:
		if (mode != BPF_MEM && mode != BPF_MEMSX)
			return OUT("BUG_ldx_%02x", insn->code);
		if (mode == BPF_MEMSX)
			type = mem_type_sx[BPF_SIZE(insn->code) >> 3];
		return OUT("(%02x) r%d = *(%s *)(r%d %+d)", insn->code, insn->dst_reg, type,
			   insn->src_reg, insn->off);
	case BPF_LD:
		return disasm_ld(buf, size, insn, names);
	}
	return disasm_jmp(buf, size, insn, names);
}
