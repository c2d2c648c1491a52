/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks of the task of a run: what stack helpers and stack maps share (Linux:
 * kernel/events/callchain.c, kernel/bpf/stackmap.c). Freestanding.
 */
#ifndef SKEP_OBJECT_STACK_H
#define SKEP_OBJECT_STACK_H

#include "base/uapi.h"
#include "object/rt_string.h"
#include "object/task.h"

#define STACK_MAX_DEPTH 127 /* Linux: sysctl kernel.perf_event_max_stack */

/* Entries of @elem bytes that fit @size bytes, with those that are skipped before them. */
static inline u32 stack_max_depth(u32 size, u32 elem, u64 flags)
{
	return min_t(u32, size / elem + (u32)(flags & BPF_F_SKIP_FIELD_MASK), STACK_MAX_DEPTH);
}

/*
 * Turns addresses (.ip) into build id and offset in the file, where the task's file at
 * that address has a build id; the others stay addresses.
 */
static inline void stack_build_ids(struct bpf_run *run, struct bpf_stack_build_id *v, u32 n,
				   bool user)
{
	struct bpf_task *t = user ? run->task : NULL;

	for (u32 i = 0; i < n; i++) {
		u64 offset;

		rt_zero(v[i].build_id, sizeof(v[i].build_id));
		v[i].status = BPF_STACK_BUILD_ID_IP;
		if (!t || !t->ops->user_build_id ||
		    t->ops->user_build_id(t, v[i].ip, v[i].build_id, &offset))
			continue;
		v[i].offset = offset;
		v[i].status = BPF_STACK_BUILD_ID_VALID;
	}
}

#endif
