/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Executing the branches of a probed task in its stead. */
#ifndef SKEP_EVENT_INSN_H
#define SKEP_EVENT_INSN_H

#include <sys/user.h>

#include "base/x86_insn.h"

/* Changes @regs, of which .rip is the address of @in, as the instruction does; not X86_COPY. */
void insn_emulate(const struct x86_insn *in, enum x86_kind kind, struct user_regs_struct *regs);

#endif
