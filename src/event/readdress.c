/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See readdress.h. The place is behind the red zone of the task's stack. Before a signal's frame is
 * put there the call has its exit stop, so the frame is not overwritten; the call is made again
 * with its own arguments then, and is decided about again, as in Linux.
 */
#include "event/readdress.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

#define RED_ZONE 128

static unsigned long long *arg_of(struct user_regs_struct *regs, u32 arg)
{
	static const size_t at[6] = {
		offsetof(struct user_regs_struct, rdi), offsetof(struct user_regs_struct, rsi),
		offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, r10),
		offsetof(struct user_regs_struct, r8),	offsetof(struct user_regs_struct, r9),
	};

	return (unsigned long long *)((char *)regs + at[arg]);
}

int call_move(struct task *t, const void *bytes, u32 size, u64 *at)
{
	const struct user_regs_struct *regs = task_regs(t);
	struct call_moved *m;
	int err;

	if (!regs)
		return -ESRCH;
	if (size > sizeof(m->bytes) || t->call.moved)
		return -EINVAL;
	m = mem_zalloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->size = size;
	m->at = round_down(regs->rsp - RED_ZONE - size, 16);
	if (size) {
		memcpy(m->bytes, bytes, size);
		err = task_read(t, m->before, m->at, size);
		if (!err)
			err = task_write(t, m->at, m->bytes, size);
		if (err) {
			mem_free(m);
			return err;
		}
		*at = m->at;
	}
	t->call.moved = m;
	return 0;
}

int call_set_arg(struct task *t, u32 arg, u64 value)
{
	struct user_regs_struct *regs = task_regs(t);
	struct call_moved *m = t->call.moved;

	if (!regs || !m)
		return -ESRCH;
	if (!m->arg_changed[arg])
		m->arg[arg] = *arg_of(regs, arg);
	m->arg_changed[arg] = true;
	*arg_of(regs, arg) = value;
	t->regs_changed = true;
	return 0;
}

void call_move_back(struct task *t, u32 from, u32 size, u64 to)
{
	struct call_moved *m = t->call.moved;

	m->back_at = from;
	m->back_size = size;
	m->back_to = to;
}

void call_unmove(struct task *t)
{
	struct user_regs_struct *regs = task_regs(t);
	struct call_moved *m = t->call.moved;

	t->call.moved = NULL;
	if (m->back_size && !task_read(t, m->bytes, m->at + m->back_at, m->back_size))
		task_write(t, m->back_to, m->bytes, m->back_size);
	if (m->size)
		task_write(t, m->at, m->before, m->size);
	for (u32 i = 0; regs && i < 6; i++) {
		if (!m->arg_changed[i])
			continue;
		*arg_of(regs, i) = m->arg[i];
		t->regs_changed = true;
	}
	mem_free(m);
}
