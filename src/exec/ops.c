/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the interpreter's operations do: a function for each opcode and its registers
 * (Linux: the labels of ___bpf_prog_run()). Their meaning comes from isa/alu.h. Rare
 * instructions have none: interp.c does those one by one.
 *
 * That is some 5,000 functions of 15 to 40 bytes, of which a program uses a few dozen. Each
 * jumps to the next one's by a jump of its own, which is so rarely shared that its
 * target is nearly always predicted; and no register goes through memory.
 */
#include "exec/op.h"
#include "isa/alu.h"

/* Loads and stores need not be aligned. */
typedef u16 __attribute__((aligned(1), may_alias)) u16_any;
typedef u32 __attribute__((aligned(1), may_alias)) u32_any;
typedef u64 __attribute__((aligned(1), may_alias)) u64_any;
typedef s16 __attribute__((aligned(1), may_alias)) s16_any;
typedef s32 __attribute__((aligned(1), may_alias)) s32_any;

/*
 * M(what, dst, src) for pairs of registers, in the order of src * 10 + dst, or src * 11 +
 * dst where R10 may be dst; and M(what, dst) for single ones.
 */
#define DST10(M, w, s)                                                                             \
	M(w, 0, s)                                                                                 \
	M(w, 1, s)                                                                                 \
	M(w, 2, s) M(w, 3, s) M(w, 4, s) M(w, 5, s) M(w, 6, s) M(w, 7, s) M(w, 8, s) M(w, 9, s)
#define DST11(M, w, s) DST10(M, w, s) M(w, 10, s)
#define SRC10(DST, M, w)                                                                           \
	DST(M, w, 0)                                                                               \
	DST(M, w, 1)                                                                               \
	DST(M, w, 2)                                                                               \
	DST(M, w, 3) DST(M, w, 4) DST(M, w, 5) DST(M, w, 6) DST(M, w, 7) DST(M, w, 8) DST(M, w, 9)
#define PAIRS(M, w)	   SRC10(DST10, M, w)
#define PAIRS_FP_SRC(M, w) SRC10(DST10, M, w) DST10(M, w, 10)
#define PAIRS_FP_DST(M, w) SRC10(DST11, M, w)
#define REGS10(M, w)	   M(w, 0) M(w, 1) M(w, 2) M(w, 3) M(w, 4) M(w, 5) M(w, 6) M(w, 7) M(w, 8) M(w, 9)
#define REGS11(M, w)	   REGS10(M, w) M(w, 10)

#define MAYBE	     __attribute__((unused)) /* not in every width */
#define FN(name)     static u64 name(OP_ARGS)
#define PTR(w, d, s) w##_##d##_##s,
#define PTR_K(w, d)  w##_##d,

/* ---- arithmetic ---- */

#define ALU_MEANING(name, e64, e32)                                                                \
	static inline MAYBE u64 alu64_##name(u64 d, u64 s)                                         \
	{                                                                                          \
		return (e64);                                                                      \
	}                                                                                          \
	static inline MAYBE u32 alu32_##name(u32 d, u32 s)                                         \
	{                                                                                          \
		return (e32);                                                                      \
	}
ALU_ROWS(ALU_MEANING)
ALU_MEANING(MOV, s, s)
ALU_MEANING(DIV, alu_div64(d, s), alu_div32(d, s))
ALU_MEANING(MOD, alu_mod64(d, s), alu_mod32(d, s))
ALU_MEANING(NEG, -d, -d)
ALU_MEANING(SWAP16, alu_bswap(d, 16), d)
ALU_MEANING(SWAP32, alu_bswap(d, 32), d)
ALU_MEANING(SWAP64, alu_bswap(d, 64), d)
ALU_MEANING(LOW16, alu_trunc(d, 16), d)
ALU_MEANING(LOW32, alu_trunc(d, 32), d)

#define ALU_X(w, name, d, s)                                                                       \
	FN(x##w##_##name##_##d##_##s)                                                              \
	{                                                                                          \
		OP_REG(d) = alu##w##_##name((u##w)OP_REG(d), (u##w)OP_REG(s));                     \
		OP_NEXT;                                                                           \
	}
#define ALU_K(w, name, d)                                                                          \
	FN(k##w##_##name##_##d)                                                                    \
	{                                                                                          \
		OP_REG(d) = alu##w##_##name((u##w)OP_REG(d), (u##w)op->imm);                       \
		OP_NEXT;                                                                           \
	}
#define ALU64_X(name, d, s) ALU_X(64, name, d, s)
#define ALU32_X(name, d, s) ALU_X(32, name, d, s)
#define ALU64_K(name, d)    ALU_K(64, name, d)
#define ALU32_K(name, d)    ALU_K(32, name, d)

#define ALU_CODE(name, e64, e32)                                                                   \
	PAIRS(ALU64_X, name)                                                                       \
	PAIRS(ALU32_X, name)                                                                       \
	REGS10(ALU64_K, name)                                                                      \
	REGS10(ALU32_K, name)
ALU_ROWS(ALU_CODE)
PAIRS_FP_SRC(ALU64_X, MOV)
PAIRS(ALU32_X, MOV)
#define ALU_K_CODE(name)                                                                           \
	REGS10(ALU64_K, name)                                                                      \
	REGS10(ALU32_K, name)
ALU_K_CODE(MOV)
ALU_K_CODE(DIV)
ALU_K_CODE(MOD)
ALU_K_CODE(NEG)
REGS10(ALU64_K, SWAP16)
REGS10(ALU64_K, SWAP32)
REGS10(ALU64_K, SWAP64)
REGS10(ALU64_K, LOW16)
REGS10(ALU64_K, LOW32)

#define ROW64_X(name, e64, e32) [BPF_##name >> 4] = { PAIRS(PTR, x64_##name) },
#define ROW32_X(name, e64, e32) [BPF_##name >> 4] = { PAIRS(PTR, x32_##name) },
#define ROW64_K(name, e64, e32) [BPF_##name >> 4] = { REGS10(PTR_K, k64_##name) },
#define ROW32_K(name, e64, e32) [BPF_##name >> 4] = { REGS10(PTR_K, k32_##name) },
#define ROWS_K(ROW)		ALU_ROWS(ROW) ROW(MOV, , ) ROW(DIV, , ) ROW(MOD, , ) ROW(NEG, , )
static interp_fn *const alu64_x[16][110] = {
	ALU_ROWS(ROW64_X)[BPF_MOV >> 4] = { PAIRS_FP_SRC(PTR, x64_MOV) },
};
static interp_fn *const alu32_x[16][100] = { ALU_ROWS(ROW32_X) ROW32_X(MOV, , ) };
static interp_fn *const alu64_k[16][10] = { ROWS_K(ROW64_K) };
static interp_fn *const alu32_k[16][10] = { ROWS_K(ROW32_K) };
static interp_fn *const swaps[][10] = {
	[1] = { REGS10(PTR_K, k64_SWAP16) },
	[2] = { REGS10(PTR_K, k64_SWAP32) },
	[4] = { REGS10(PTR_K, k64_SWAP64) },
};
static interp_fn *const lows[][10] = {
	[1] = { REGS10(PTR_K, k64_LOW16) },
	[2] = { REGS10(PTR_K, k64_LOW32) },
};

static interp_fn *find_alu(const struct bpf_insn *insn)
{
	u32 d = insn->dst_reg, s = insn->src_reg, op = BPF_OP(insn->code), bits;
	bool wide = insn_is_alu64(insn);

	if (op == BPF_END) {
		bits = (u32)insn->imm / 16;
		if (alu_end(insn, 1) == 1) /* kept in place */
			return bits < ARRAY_SIZE(lows) ? lows[bits][d] : NULL;
		return bits < ARRAY_SIZE(swaps) ? swaps[bits][d] : NULL;
	}
	if (insn->off) /* signed */
		return NULL;
	if (BPF_SRC(insn->code) == BPF_K || op == BPF_NEG)
		return wide ? alu64_k[op >> 4][d] : alu32_k[op >> 4][d];
	if (s > 10 || (s == 10 && !wide))
		return NULL;
	return wide ? alu64_x[op >> 4][s * 10 + d] : alu32_x[op >> 4][s * 10 + d];
}

/* ---- jumps ---- */

#define JMP_MEANING(name, cond)                                                                    \
	static inline MAYBE bool is64_##name(u64 d, u64 s)                                         \
	{                                                                                          \
		s64 sd = (s64)d, ss = (s64)s;                                                      \
                                                                                                   \
		(void)sd, (void)ss;                                                                \
		return (cond);                                                                     \
	}                                                                                          \
	static inline MAYBE bool is32_##name(u32 d, u32 s)                                         \
	{                                                                                          \
		s32 sd = (s32)d, ss = (s32)s;                                                      \
                                                                                                   \
		(void)sd, (void)ss;                                                                \
		return (cond);                                                                     \
	}
JMP_ROWS(JMP_MEANING)

#define JMP_X(w, name, d, s)                                                                       \
	FN(j##w##_##name##_##d##_##s)                                                              \
	{                                                                                          \
		if (is##w##_##name((u##w)OP_REG(d), (u##w)OP_REG(s)))                              \
			OP_JUMP;                                                                   \
		OP_NEXT;                                                                           \
	}
#define JMP_K(w, name, d)                                                                          \
	FN(jk##w##_##name##_##d)                                                                   \
	{                                                                                          \
		if (is##w##_##name((u##w)OP_REG(d), (u##w)(s64)op->k))                             \
			OP_JUMP;                                                                   \
		OP_NEXT;                                                                           \
	}
#define JMP64_X(name, d, s) JMP_X(64, name, d, s)
#define JMP32_X(name, d, s) JMP_X(32, name, d, s)
#define JMP64_K(name, d)    JMP_K(64, name, d)
#define JMP32_K(name, d)    JMP_K(32, name, d)
#define JMP_K_CODE(name, cond)                                                                     \
	REGS10(JMP64_K, name)                                                                      \
	REGS10(JMP32_K, name)
JMP_ROWS(JMP_K_CODE)
/* Greater is less the other way round. */
#define JMP_X_ROWS(ROW)                                                                            \
	ROW(JEQ, ) ROW(JNE, ) ROW(JLT, ) ROW(JLE, ) ROW(JSLT, ) ROW(JSLE, ) ROW(JSET, )
#define JMP_X_CODE(name, cond)                                                                     \
	PAIRS(JMP64_X, name)                                                                       \
	PAIRS(JMP32_X, name)
JMP_X_ROWS(JMP_X_CODE)

#define ROWJ64_X(name, cond) [BPF_##name >> 4] = { PAIRS(PTR, j64_##name) },
#define ROWJ32_X(name, cond) [BPF_##name >> 4] = { PAIRS(PTR, j32_##name) },
#define ROWJ64_K(name, cond) [BPF_##name >> 4] = { REGS10(PTR_K, jk64_##name) },
#define ROWJ32_K(name, cond) [BPF_##name >> 4] = { REGS10(PTR_K, jk32_##name) },
static interp_fn *const jmp64_x[16][100] = { JMP_X_ROWS(ROWJ64_X) };
static interp_fn *const jmp32_x[16][100] = { JMP_X_ROWS(ROWJ32_X) };
static interp_fn *const jmp64_k[16][10] = { JMP_ROWS(ROWJ64_K) };
static interp_fn *const jmp32_k[16][10] = { JMP_ROWS(ROWJ32_K) };

static interp_fn *find_jmp(const struct bpf_insn *insn)
{
	static const u8 turned[16] = {
		[BPF_JGT >> 4] = BPF_JLT,
		[BPF_JGE >> 4] = BPF_JLE,
		[BPF_JSGT >> 4] = BPF_JSLT,
		[BPF_JSGE >> 4] = BPF_JSLE,
	};
	u32 d = insn->dst_reg, s = insn->src_reg, op = BPF_OP(insn->code);
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;

	if (BPF_SRC(insn->code) == BPF_K)
		return wide ? jmp64_k[op >> 4][d] : jmp32_k[op >> 4][d];
	if (s >= 10)
		return NULL;
	if (turned[op >> 4]) {
		op = turned[op >> 4];
		d = s;
		s = insn->dst_reg;
	}
	return wide ? jmp64_x[op >> 4][s * 10 + d] : jmp32_x[op >> 4][s * 10 + d];
}

/* ---- memory ---- */

#define MEM_SIZES(ROW)	  ROW(B, u8) ROW(H, u16_any) ROW(W, u32_any) ROW(DW, u64_any)
#define SIGNED_SIZES(ROW) ROW(B, s8) ROW(H, s16_any) ROW(W, s32_any)

#define LOAD(name, type, d, s)                                                                     \
	FN(name##_##d##_##s)                                                                       \
	{                                                                                          \
		OP_REG(d) = (u64)(s64) * (type *)(uintptr_t)(OP_REG(s) + (u64)op->imm);            \
		OP_NEXT;                                                                           \
	}
#define STORE(name, type, d, s)                                                                    \
	FN(name##_##d##_##s)                                                                       \
	{                                                                                          \
		*(type *)(uintptr_t)(OP_REG(d) + (u64)op->imm) = (type)OP_REG(s);                  \
		OP_NEXT;                                                                           \
	}
#define STORE_K(name, type, d)                                                                     \
	FN(name##_##d)                                                                             \
	{                                                                                          \
		*(type *)(uintptr_t)(OP_REG(d) + (u64)(s64)op->to) = (type)(s64)op->k;             \
		OP_NEXT;                                                                           \
	}
#define XADD(name, type, d, s)                                                                     \
	FN(name##_##d##_##s)                                                                       \
	{                                                                                          \
		__atomic_fetch_add((type *)(uintptr_t)(OP_REG(d) + (u64)op->imm), (type)OP_REG(s), \
				   __ATOMIC_SEQ_CST);                                              \
		OP_NEXT;                                                                           \
	}
#define LOAD_B(w, d, s)	  LOAD(ldx_B, u8, d, s)
#define LOAD_H(w, d, s)	  LOAD(ldx_H, u16_any, d, s)
#define LOAD_W(w, d, s)	  LOAD(ldx_W, u32_any, d, s)
#define LOAD_DW(w, d, s)  LOAD(ldx_DW, u64_any, d, s)
#define LOADS_B(w, d, s)  LOAD(ldsx_B, s8, d, s)
#define LOADS_H(w, d, s)  LOAD(ldsx_H, s16_any, d, s)
#define LOADS_W(w, d, s)  LOAD(ldsx_W, s32_any, d, s)
#define STORE_B(w, d, s)  STORE(stx_B, u8, d, s)
#define STORE_H(w, d, s)  STORE(stx_H, u16_any, d, s)
#define STORE_W(w, d, s)  STORE(stx_W, u32_any, d, s)
#define STORE_DW(w, d, s) STORE(stx_DW, u64_any, d, s)
#define STK_B(w, d)	  STORE_K(st_B, u8, d)
#define STK_H(w, d)	  STORE_K(st_H, u16_any, d)
#define STK_W(w, d)	  STORE_K(st_W, u32_any, d)
#define STK_DW(w, d)	  STORE_K(st_DW, u64_any, d)
#define XADD_W(w, d, s)	  XADD(xadd_W, u32, d, s)
#define XADD_DW(w, d, s)  XADD(xadd_DW, u64, d, s)

#define MEM_CODE(size, type)                                                                       \
	PAIRS_FP_SRC(LOAD_##size, )                                                                \
	PAIRS_FP_DST(STORE_##size, )                                                               \
	REGS11(STK_##size, )
#define SIGNED_CODE(size, type) PAIRS_FP_SRC(LOADS_##size, )
MEM_SIZES(MEM_CODE)
SIGNED_SIZES(SIGNED_CODE)
PAIRS_FP_DST(XADD_W, )
PAIRS_FP_DST(XADD_DW, )

#define SIZE(size)	     (BPF_##size >> 3)
#define ROW_LDX(size, type)  [SIZE(size)] = { PAIRS_FP_SRC(PTR, ldx_##size) },
#define ROW_LDSX(size, type) [SIZE(size)] = { PAIRS_FP_SRC(PTR, ldsx_##size) },
#define ROW_STX(size, type)  [SIZE(size)] = { PAIRS_FP_DST(PTR, stx_##size) },
#define ROW_ST(size, type)   [SIZE(size)] = { REGS11(PTR_K, st_##size) },
static interp_fn *const ldx[4][110] = { MEM_SIZES(ROW_LDX) };
static interp_fn *const ldsx[4][110] = { SIGNED_SIZES(ROW_LDSX) };
static interp_fn *const stx[4][110] = { MEM_SIZES(ROW_STX) };
static interp_fn *const st[4][11] = { MEM_SIZES(ROW_ST) };
static interp_fn *const xadd[4][110] = {
	[SIZE(W)] = { PAIRS_FP_DST(PTR, xadd_W) },
	[SIZE(DW)] = { PAIRS_FP_DST(PTR, xadd_DW) },
};

static interp_fn *find_mem(const struct bpf_insn *insn)
{
	u32 d = insn->dst_reg, s = insn->src_reg, size = BPF_SIZE(insn->code) >> 3;

	switch (insn->code & ~BPF_SIZE(~0U)) {
	case BPF_LDX | BPF_MEM:
		return d < 10 && s < 11 ? ldx[size][s * 10 + d] : NULL;
	case BPF_LDX | BPF_MEMSX:
		return d < 10 && s < 11 ? ldsx[size][s * 10 + d] : NULL;
	case BPF_STX | BPF_MEM:
		return d < 11 && s < 10 ? stx[size][s * 11 + d] : NULL;
	case BPF_ST | BPF_MEM:
		return d < 11 ? st[size][d] : NULL;
	case BPF_STX | BPF_ATOMIC:
		return d < 11 && s < 10 && insn->imm == BPF_ADD ? xadd[size][s * 11 + d] : NULL;
	default:
		return NULL;
	}
}

/* ---- constants of 64 bits ---- */

#define LDIMM64(w, d)                                                                              \
	FN(ldimm64_##d)                                                                            \
	{                                                                                          \
		OP_REG(d) = (u64)op->imm;                                                          \
		OP_GOTO(op + 2);                                                                   \
	}
REGS10(LDIMM64, )
static interp_fn *const ldimm64[10] = { REGS10(PTR_K, ldimm64) };

interp_fn *op_find(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return insn->dst_reg < 10 ? find_alu(insn) : NULL;
	case BPF_JMP:
	case BPF_JMP32:
		return insn->dst_reg < 10 ? find_jmp(insn) : NULL;
	case BPF_LD:
		return insn->dst_reg < 10 ? ldimm64[insn->dst_reg] : NULL;
	default:
		return find_mem(insn);
	}
}
