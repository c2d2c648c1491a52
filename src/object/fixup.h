/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The contract between the verifier's fix-ups (src/verifier/fixup.c) and the two
 * engines (src/exec, src/jit): what prog->insns may hold when it runs. Linux's
 * counterpart is what do_misc_fixups() leaves for the JITs; here calls keep their
 * identity and find their function through a table, so one form serves both
 * engines, dumps and inlining.
 *
 *   ld_imm64           src_reg 0; the two imm hold the run-time value: the address
 *                      of a struct bpf_map, of a map value, of a world object. A
 *                      callback (BPF_PSEUDO_FUNC) holds the *number* of its
 *                      subprogram (never 0), see bpf_call_subprog().
 *   helper call        BPF_JMP|BPF_CALL, src_reg 0; imm is the helper's id, off the
 *                      index of its function in prog->calls. The function used may be
 *                      a specialised one; imm stays the id that the source named
 *                      (engines inline by it), or 0 where the source named none.
 *   kfunc call         src_reg BPF_PSEUDO_KFUNC_CALL; imm is the BTF id, off the index
 *                      in prog->calls. Kfuncs have the C type bpf_helper_t too.
 *   subprogram call    src_reg BPF_PSEUDO_CALL; imm is the distance as loaded (target -
 *                      this - 1, adjusted by rewriting), off the callee's number.
 *   tail call          BPF_JMP|BPF_TAIL_CALL: R1 ctx, R2 prog array, R3 index. Falls
 *                      through when there is nothing to jump to or after 33.
 *   LD_ABS, LD_IND     rewritten to:
 *                        [r2 = src; if (imm) r2 += imm]  or  r2 = imm
 *                        r1 = r6
 *                        call, imm 0, bpf_skb_load_{8,16,32}() of this header
 *                        if r0 s>= 0 goto +2; w0 ^= w0; exit
 *   may_goto           rewritten with a counter in the stack (Linux: BPF_REG_AX).
 *   context accesses   rewritten to loads and stores of the runtime struct.
 *   untrusted loads    BPF_LDX | BPF_PROBE_MEM or _MEMSX: a load through a BTF pointer, or with
 *                      .imm (probe_map_field()) one of a field of the map in the register
 *                      that may be anything: yields 0 unless the address lies in the
 *                      window of world objects (which is backed throughout).
 *   BPF_NOSPEC         BPF_ST|BPF_NOSPEC is a no-op (no speculation barriers here).
 *
 * BPF_REG_AX (11) is a scratch register for rewritten sequences; it is not
 * preserved across calls and engines do not use it themselves. Division by zero, bits
 * above shift widths and zero-extension of 32-bit results are the engines' business:
 * nothing is inserted for them, but no-ops behind divisions by registers, where dumps show
 * Linux's guards; imm of such a division is their number. Code that no path reaches has been removed or replaced.
 * Jumps stay inside their subprogram; each subprogram ends in exit or ja.
 */
#ifndef SKEP_OBJECT_FIXUP_H
#define SKEP_OBJECT_FIXUP_H

#include "object/run.h"

#define BPF_REG_AX	11
#define MAX_BPF_EXT_REG 12

/* Internal opcodes, numbered as in Linux (include/linux/filter.h). */
#define BPF_TAIL_CALL	 0xf0 /* BPF_JMP | */
#define BPF_NOSPEC	 0xc0 /* BPF_ST | */
#define BPF_PROBE_MEM	 0x20 /* BPF_LDX | size | */
#define BPF_PROBE_MEMSX	 0x40 /* BPF_LDX | size | */
#define BPF_PROBE_MEM32	 0xa0 /* arena accesses: reserved, no engine has them yet */
#define BPF_PROBE_ATOMIC 0xe0

/*
 * Loads of the legacy packet instructions, functions of prog->calls: @skb is a struct
 * sk_buff, @offset a s32 (negative: SKF_NET_OFF and SKF_LL_OFF ranges). The value
 * in host byte order, or -EFAULT (as s64) out of range. Defined in src/exec/ld_abs.c.
 */
u64 bpf_skb_load_8(u64 skb, u64 offset, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
u64 bpf_skb_load_16(u64 skb, u64 offset, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
u64 bpf_skb_load_32(u64 skb, u64 offset, u64 r3, u64 r4, u64 r5, struct bpf_run *run);

/*
 * Calls back into BPF code: subprogram @func (what the program passed as a
 * callback) of run->prog. For helpers (bpf_loop, bpf_for_each_map_elem ...), under
 * either engine. Returns its R0.
 */
u64 bpf_call_subprog(struct bpf_run *run, u64 func, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
/*
 * The same for helpers that call one callback many times: its native entry, to be called
 * with the run as sixth argument, or NULL: use bpf_call_subprog(). Both leave run->prog
 * as it was, whatever the callback tail-called.
 */
bpf_helper_t bpf_subprog_native(struct bpf_run *run, u64 func);

/*
 * Ends the run of the program as bpf_throw(@cookie) does: its exception callback
 * decides what it returns. Does not return.
 */
/* Where a tail call to a program that may throw goes: its exceptions end it, and not its caller. */
u64 run_catching(const void *ctx, struct bpf_run *run);
void run_throw(struct bpf_run *run, u64 cookie) __attribute__((noreturn));

#endif
