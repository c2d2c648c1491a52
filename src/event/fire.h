/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Firing tracepoints on behalf of a task: what syscall.c, sched.c and signal.c have in common. */
#ifndef SKEP_EVENT_FIRE_H
#define SKEP_EVENT_FIRE_H

#include "event/supervisor.h"
#include "hook/record.h"
#include "world/world.h"

/* The hook of a point when something is attached to it, else NULL. */
static inline struct hook *hook_in_use(const struct skep_system *sys, enum hook_kind kind, u32 row)
{
	struct hook *h = hook_at(sys, kind, row);

	return h && hook_active(h) ? h : NULL;
}

/* Both ways in which programs see a tracepoint; what came into use first runs first. */
struct tracepoint_hooks {
	struct hook *raw, *formatted; /* NULL: nobody listens */
};

static inline bool tracepoint_in_use(const struct skep_system *sys, u32 raw_row, u32 row)
{
	return hook_in_use(sys, HOOK_RAW_TP, raw_row) || hook_in_use(sys, HOOK_TRACEPOINT, row);
}

static inline struct tracepoint_hooks tracepoint_hooks(const struct skep_system *sys, u32 raw_row,
						       u32 row)
{
	return (struct tracepoint_hooks){ hook_in_use(sys, HOOK_RAW_TP, raw_row),
					  hook_in_use(sys, HOOK_TRACEPOINT, row) };
}

/* Runs the programs of @h on a record of @bytes. */
static inline void fire_record(struct hook *h, void *bytes, struct task *t)
{
	struct bpf_run run = { .task = &t->bpf };

	hook_run(h, bytes, &run);
}

/* Both, in their order; @record: begun and filled if there is .formatted. */
static inline void fire_both(struct tracepoint_hooks h, const u64 *args, struct record *r,
			     struct task *t)
{
	bool raw_first = h.raw && (!h.formatted || h.raw->since < h.formatted->since);

	if (raw_first)
		hook_fire_task(h.raw, args, &t->bpf);
	if (h.formatted)
		fire_record(h.formatted, r->bytes, t);
	if (h.raw && !raw_first)
		hook_fire_task(h.raw, args, &t->bpf);
}

/* After an event outside of a call that will have an end: its temporary objects are done with. */
static inline void event_done(struct task *t)
{
	if (!t->call.active || t->trace->silent)
		world_call_end(t);
}

/* signal.c: @t is the last of its process, which ends with wait status @status. */
void signal_tell_parent(struct task *t, int status);

#endif
