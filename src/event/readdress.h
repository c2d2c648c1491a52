/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that the task itself has to make, but with another address than it has given: by that a
 * socket's peer knows who has called, which it would not if the supervisor did.
 */
#ifndef SKEP_EVENT_READDRESS_H
#define SKEP_EVENT_READDRESS_H

#include "world/task.h"

/* What stands in the task's memory during the call, and what it has taken the place of. */
struct call_moved {
	u64 at;
	u32 size;
	bool arg_changed[6];
	u64 arg[6]; /* as they were */
	u32 back_at, back_size;
	u64 back_to;
	u8 bytes[256], before[256];
};

/*
 * At the entry of a call: puts @size bytes at a place of the task that nobody uses meanwhile. *@at is
 * the place. 0 or -errno. Once in a call; of 0 bytes to change arguments alone.
 */
int call_move(struct task *t, const void *bytes, u32 size, u64 *at);
/* Argument @arg (0 to 5) is @value as far as Linux is concerned: behind call_move(). */
int call_set_arg(struct task *t, u32 arg, u64 value);
/* What Linux leaves in @size of the bytes, from @from on, the task is to have at @to: behind call_move(). */
void call_move_back(struct task *t, u32 from, u32 size, u64 to);
/* Takes all of it back, at the call's exit: the tracer does. */
void call_unmove(struct task *t);

#endif
