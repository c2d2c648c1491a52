/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Branches of probed instructions, executed on a task's registers (Linux:
 * arch/x86/kernel/uprobes.c, branch_emulate_op()): copies elsewhere would jump from the
 * wrong place.
 */
#include "event/insn.h"

enum { CF = 1 << 0, PF = 1 << 2, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11 };

/* Whether the condition that the low bits of a jcc opcode name holds. */
static bool condition(u8 opcode, u64 flags)
{
	bool sign = !!(flags & SF) != !!(flags & OF), holds = false;

	switch (opcode >> 1 & 7) {
	case 0:
		holds = flags & OF;
		break;
	case 1:
		holds = flags & CF;
		break;
	case 2:
		holds = flags & ZF;
		break;
	case 3:
		holds = flags & (CF | ZF);
		break;
	case 4:
		holds = flags & SF;
		break;
	case 5:
		holds = flags & PF;
		break;
	case 6:
		holds = sign;
		break;
	case 7:
		holds = sign || flags & ZF;
		break;
	}
	return holds != (opcode & 1);
}

static bool loop_taken(u8 opcode, struct user_regs_struct *regs)
{
	if (opcode == 0xe3)
		return !regs->rcx;
	regs->rcx--;
	return regs->rcx && (opcode == 0xe2 || !!(regs->eflags & ZF) == (opcode == 0xe1));
}

void insn_emulate(const struct x86_insn *in, enum x86_kind kind, struct user_regs_struct *regs)
{
	bool taken = true;

	switch (kind) {
	case X86_COPY:
		return;
	case X86_NOP:
		taken = false;
		break;
	case X86_JUMP:
		break;
	case X86_JCC:
		taken = condition(in->opcode, regs->eflags);
		break;
	case X86_LOOP:
		taken = loop_taken(in->opcode, regs);
		break;
	case X86_XBEGIN: /* every transaction may abort at once */
		regs->rax = 0;
		break;
	}
	regs->rip += in->len + (taken ? (u64)in->imm : 0);
}
