/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks (Linux: kernel/bpf/stackmap.c). The user's are those of the run's task, by
 * frame pointers, as Linux walks them.
 *
 * DIFF(kernel-stack): the kernel's stack is at most one entry, the modelled function that
 * a kprobe or fentry program is attached to; there are no callers to show.
 */
#include "helper/helper.h"
#include "object/map.h"
#include "object/sample.h"
#include "object/stack.h"

static bool in_world(const struct bpf_run *run, u64 addr)
{
	u64 base = (u64)(uintptr_t)run->arena;

	return addr >= base + ARENA_WORLD && addr < base + ARENA_HEAP;
}

/* At most @max addresses; how many, or -errno. */
static int stack_of(struct bpf_run *run, bool user, u64 *ips, u32 max)
{
	struct bpf_task *t = run->task;

	if (!user) {
		if (!max || !in_world(run, run->func_ip))
			return 0;
		ips[0] = run->func_ip;
		return 1;
	}
	if (!t || !t->ops->user_stack)
		return -EFAULT;
	return t->ops->user_stack(t, run, ips, max);
}

BPF_HELPER(get_stackid)
{
	struct bpf_map *map = PTR(r2);
	u32 skip = (u32)(r3 & BPF_F_SKIP_FIELD_MASK), max;
	bool user = r3 & BPF_F_USER_STACK;
	u64 ips[STACK_MAX_DEPTH];
	int n;

	if (unlikely(r3 & ~(u64)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP |
				 BPF_F_REUSE_STACKID)))
		return ERR(EINVAL);
	max = stack_max_depth(map->value_size,
			      map->map_flags & BPF_F_STACK_BUILD_ID ?
				      sizeof(struct bpf_stack_build_id) :
				      sizeof(u64),
			      r3);
	n = stack_of(run, user, ips, max);
	if (n < 0 || (u32)n <= skip)
		return ERR(EFAULT);
	return (u64)bpf_map_ops_of(map->map_type)
		->stack_id(map, ips + skip, (u32)n - skip, r3, run);
}

static long get_stack(struct bpf_run *run, bool other_task, u8 *buf, u32 size, u64 flags)
{
	bool ids = flags & BPF_F_USER_BUILD_ID, user = flags & BPF_F_USER_STACK;
	u32 elem = ids ? sizeof(struct bpf_stack_build_id) : sizeof(u64);
	u32 skip = (u32)(flags & BPF_F_SKIP_FIELD_MASK), len;
	u64 ips[STACK_MAX_DEPTH];
	int n, err = -EINVAL;

	if (unlikely(flags &
		     ~(u64)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID)) ||
	    (ids && !user) || size % elem)
		goto clear;
	err = -EOPNOTSUPP;
	if (other_task && user)
		goto clear;
	n = other_task ? 0 : stack_of(run, user, ips, stack_max_depth(size, elem, flags));
	err = -EFAULT;
	if (n < 0 || (u32)n < skip)
		goto clear;
	n -= (int)skip;
	len = (u32)n * elem;
	if (ids) {
		struct bpf_stack_build_id *v = (struct bpf_stack_build_id *)buf;

		for (int i = 0; i < n; i++)
			v[i].ip = ips[skip + i];
		stack_build_ids(run, v, (u32)n, user);
	} else {
		rt_copy(buf, ips + skip, len);
	}
	rt_zero(buf + len, size - len);
	return len;
clear:
	rt_zero(buf, size);
	return err;
}

BPF_HELPER(get_stack)
{
	return (u64)get_stack(run, false, PTR(r2), (u32)r3, r4);
}

/* Task r1 is a struct task_struct in the world window. */
BPF_HELPER(get_task_stack)
{
	struct bpf_task *t = run->task;
	bool other = !t || !t->ops->kernel_task || t->ops->kernel_task(t) != r1;

	return (u64)get_stack(run, other, PTR(r2), (u32)r3, r4);
}

/* ---- the event that a sample is of ---- */

BPF_HELPER(perf_prog_read_value)
{
	const struct bpf_perf_event_data_kern *ctx = PTR(r1);
	struct bpf_perf_event_value *v = PTR(r2);

	if (unlikely((u32)r3 != sizeof(*v))) {
		rt_zero(v, (u32)r3);
		return ERR(EINVAL);
	}
	v->counter = ctx->counter;
	v->enabled = ctx->enabled_ns;
	v->running = ctx->running_ns;
	return 0;
}
