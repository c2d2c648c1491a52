/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The task of the event, and what the hook left in the run (Linux: kernel/bpf/helpers.c). */
#include "helper/helper.h"
#include "object/fixup.h"
#include "object/lock.h"
#include "object/map_array.h"
#include "object/task.h"

BPF_HELPER(get_current_pid_tgid)
{
	return run_pid_tgid(run);
}

BPF_HELPER(get_current_uid_gid)
{
	return run_uid_gid(run);
}

BPF_HELPER(get_current_comm)
{
	run_comm(run, PTR(r1), (u32)r2);
	return 0;
}

BPF_HELPER(get_current_task)
{
	return run->task && run->task->ops->kernel_task ?
		       run->task->ops->kernel_task(run->task) :
		       run->platform->world(run, WORLD_CURRENT_TASK, NULL);
}

BPF_HELPER(get_current_task_btf)
{
	return bpf_get_current_task(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(task_pt_regs)
{
	return run->platform->world(run, WORLD_TASK_REGS, &r1);
}

BPF_HELPER(get_current_cgroup_id)
{
	u64 own = (u64)-1;

	return run->platform->world(run, WORLD_CGROUP_ID, &own);
}

BPF_HELPER(get_current_ancestor_cgroup_id)
{
	u64 level = (u64)(s32)r1;

	return (s32)r1 < 0 ? 0 : run->platform->world(run, WORLD_CGROUP_ID, &level);
}

BPF_HELPER(current_task_under_cgroup)
{
	const struct bpf_array *array = PTR(r1);
	u64 want, id, level = 0;

	if ((u32)r2 >= array->map.max_entries)
		return ERR(E2BIG);
	want = load_acquire((const u64 *)(array->value + (u64)(u32)r2 * array->elem_size));
	if (!want)
		return ERR(EAGAIN);
	/* from the root down to its own */
	while ((id = run->platform->world(run, WORLD_CGROUP_ID, &level))) {
		if (id == want)
			return 1;
		level++;
	}
	return 0;
}

BPF_HELPER(get_ns_current_pid_tgid)
{
	u64 args[] = { r1, r2, r3 };
	long err = -EINVAL;

	if ((u32)r4 == sizeof(struct bpf_pidns_info))
		err = (long)run->platform->world(run, WORLD_NS_PIDS, args);
	if (err)
		rt_zero(PTR(r3), (u32)r4);
	return (u64)err;
}

BPF_HELPER(send_signal)
{
	u64 args[] = { (u32)r1, 0 };

	return run->platform->world(run, WORLD_SEND_SIGNAL, args);
}

BPF_HELPER(send_signal_thread)
{
	u64 args[] = { (u32)r1, 1 };

	return run->platform->world(run, WORLD_SEND_SIGNAL, args);
}

/* Samples are taken in an interrupt, in which Linux can lock an address space only once. */
BPF_HELPER(find_vma)
{
	u64 args[] = { r1, r2, true }, vma;

	if (r5)
		return ERR(EINVAL);
	if (!r1)
		return ERR(ENOENT);
	if (run->mm_looked_at)
		return ERR(EBUSY);
	run->mm_looked_at = run->prog->type == BPF_PROG_TYPE_PERF_EVENT;
	vma = run->platform->world(run, WORLD_AREA, args);
	if ((s64)vma <= 0)
		return ERR(ENOENT);
	RUN_FRAME(frame, run);
	bpf_call_subprog(run, r3, r1, vma, r4, 0, 0);
	run->frames = frame.prev;
	return 0;
}

BPF_HELPER(get_attach_cookie)
{
	return run->attach_cookie;
}

BPF_HELPER(get_func_ip)
{
	return run->func_ip;
}

/* What a trampoline hands to a program: the number of arguments, they, the result. */
BPF_HELPER(get_func_arg)
{
	const u64 *ctx = PTR(r1);

	if ((u32)r2 >= ctx[-1])
		return ERR(EINVAL);
	*(u64 *)PTR(r3) = ctx[(u32)r2];
	return 0;
}

BPF_HELPER(get_func_ret)
{
	const u64 *ctx = PTR(r1);

	switch (run->prog->expected_attach_type) {
	case BPF_TRACE_FEXIT:
	case BPF_TRACE_FSESSION:
	case BPF_MODIFY_RETURN:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		*(u64 *)PTR(r2) = ctx[ctx[-1]];
		return 0;
	}
	return ERR(EOPNOTSUPP);
}

BPF_HELPER(get_func_arg_cnt)
{
	return ((const u64 *)PTR(r1))[-1];
}

BPF_HELPER(override_return)
{
	return run->task && run->task->ops->override_return ?
		       (u64)run->task->ops->override_return(run->task, run, r2) :
		       ERR(EINVAL);
}

/*
 * The word of struct bpf_spin_lock names its owner, so that a lock whose owner was
 * killed can be taken back (object/lock.h).
 */
BPF_HELPER(spin_lock)
{
	lock_take(PTR(r1), run->platform);
	return 0;
}

BPF_HELPER(spin_unlock)
{
	lock_drop(PTR(r1));
	return 0;
}
