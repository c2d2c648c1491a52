/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the user stack and samples must know of probes. */
#ifndef SKEP_EVENT_UPROBE_H
#define SKEP_EVENT_UPROBE_H

#include "hook/hook.h"
#include "world/task.h"

/* A function whose return we wait for (Linux: struct return_instance). */
struct return_instance {
	struct return_instance *next; /* of its caller's */
	u64 func;		      /* the probe's address */
	u64 dev, ino, offset;	      /* the probe, as breakpoints name it */
	u64 orig_ret;
	u64 stack; /* stack pointer at the function's first instruction */
	bool chained;
	struct hook_sessions sessions; /* of programs that saw the entry */
};

/* task->uprobe */
struct uprobe_task {
	struct return_instance *returns; /* innermost first */
	u32 depth;
	bool at_entry;	      /* programs run at a function's first instruction */
	u64 skip_ip, skip_sp; /* programs have run there, the instruction has not; 0: nowhere */
};

/* Where @t is by its registers, had it not been led elsewhere. */
u64 uprobe_user_ip(struct task *t);
/* Puts the callers' addresses into a stack that holds those of our trampoline. */
void uprobe_fix_stack(struct task *t, u64 *ips, u32 n);
/* Frees the state of a system. */
void uprobes_stop(struct skep_system *sys);

#endif
