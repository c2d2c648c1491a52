/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions about the run itself: sections, exceptions, casts (Linux:
 * kernel/bpf/helpers.c, map_iter.c).
 *
 * A run owns its CPU slot from beginning to end: nothing preempts or interrupts it there,
 * and what it can see is not freed before it ends. So the sections have nothing to do.
 */
#include "helper/helper.h"
#include "object/fixup.h"
#include "object/lock.h"
#include "object/map.h"

#define NOTHING(name)                                                                              \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		return 0;                                                                          \
	}
NOTHING(bpf_rcu_read_lock)
NOTHING(bpf_rcu_read_unlock)
NOTHING(bpf_preempt_disable)
NOTHING(bpf_preempt_enable)
NOTHING(bpf_local_irq_save)
NOTHING(bpf_local_irq_restore)
NOTHING(__bpf_trap) /* a path that gets there is refused */

/* Contexts are not laid out as the kernel's: this makes one that is. */
BPF_KFUNC(bpf_cast_to_kern_ctx)
{
	u64 object = run->platform->world(run, WORLD_KERN_CTX, &r1);

	return (s64)object < 0 ? 0 : object; /* what is read through 0 is 0 */
}

/* Of what an iterator gives, which is no map of ours, the number tells. */
BPF_KFUNC(bpf_map_sum_elem_count)
{
	const struct bpf_map *map = PTR(r1);
	u64 id[] = { 0 };

	if (run_is_world(run, r1)) {
		const u64 args[] = { r1, (u64)(uintptr_t) "id" };

		id[0] = run->platform->world(run, WORLD_FIELD, args);
		return run->platform->kernel_call(run, KERNEL_CALL_MAP_COUNT, id);
	}
	return map_elem_count(map);
}

/*
 * The fix-ups turn it into a move of R1, but for sockets as programs see them: the kernel's struct of that
 * socket, or 0, through which 0 is read.
 */
BPF_KFUNC(bpf_rdonly_cast)
{
	const u64 args[] = { r1, 0, 0 };

	return r1 ? run->platform->world(run, WORLD_SOCK_CAST, args) : 0;
}

/* ---- programs at a function's entry and return ---- */

BPF_KFUNC(bpf_session_is_return)
{
	return run->session && run->session_return;
}

/* A word that the entry leaves for the return. The verifier has it that there is a session. */
BPF_KFUNC(bpf_session_cookie)
{
	return (u64)&run->session->cookie;
}

BPF_KFUNC(bpf_throw)
{
	run_throw(run, r1);
}

BPF_KFUNC(bpf_sock_destroy)
{
	return INT((long)run->platform->world(run, WORLD_SOCK_DESTROY, &r1));
}

/* Deadlocks cannot be: a run that waits for itself is refused, one for another ends. */
static u64 res_lock(u32 *lock, struct bpf_run *run)
{
	if (READ_ONCE(*lock) == run->platform->tid())
		return INT(-EDEADLK);
	lock_take(lock, run->platform);
	return 0;
}

BPF_KFUNC(bpf_res_spin_lock)
{
	return res_lock(PTR(r1), run);
}

BPF_KFUNC(bpf_res_spin_lock_irqsave)
{
	return res_lock(PTR(r1), run);
}

BPF_KFUNC(bpf_res_spin_unlock)
{
	lock_drop(PTR(r1));
	return 0;
}

BPF_KFUNC(bpf_res_spin_unlock_irqrestore)
{
	lock_drop(PTR(r1));
	return 0;
}
