/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Timers, work queues and task work (Linux: kernel/bpf/helpers.c). What they do is in object/rt_async.c. */
#include "helper/helper.h"
#include "object/async.h"

#define MAX_CLOCKS	16
#define CLOCK_REALTIME	0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME	7

BPF_HELPER(timer_init)
{
	u32 clock = r3 & (MAX_CLOCKS - 1);

	if (r3 >= MAX_CLOCKS ||
	    (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return ERR(EINVAL);
	return (u64)(s64)async_init(PTR(r1), PTR(r2), ASYNC_TIMER, clock, run);
}

BPF_HELPER(timer_set_callback)
{
	return (u64)(s64)async_set_callback(PTR(r1), (u32)r2, run);
}

/* Times count from the boot on CLOCK_MONOTONIC; hrtimers saturate at KTIME_MAX. */
BPF_HELPER(timer_start)
{
	const struct async_cb *cb = (const struct async_cb *)*(u64 *)PTR(r1);
	u64 allowed = 0, now, due, clock;

	if (run_visible(run, KVER(6, 4)))
		allowed |= BPF_F_TIMER_ABS;
	if (run_visible(run, KVER(6, 7)))
		allowed |= BPF_F_TIMER_CPU_PIN;
	if (r3 & ~allowed)
		return ERR(EINVAL);
	if (!cb)
		return ERR(EINVAL);
	now = due = run->platform->ktime_ns(CLOCK_MONOTONIC);
	if (r3 & BPF_F_TIMER_ABS) {
		clock = run->platform->ktime_ns((int)cb->clock);
		if ((s64)r2 > 0 && r2 > clock)
			due = r2 - clock > (u64)INT64_MAX - now ? INT64_MAX : now + (r2 - clock);
	} else if ((s64)r2 > 0) {
		due = r2 > (u64)INT64_MAX - now ? INT64_MAX : now + r2;
	}
	return (u64)(s64)async_start(PTR(r1), due, run);
}

BPF_HELPER(timer_cancel)
{
	return (u64)(s64)async_cancel(PTR(r1), run);
}

BPF_KFUNC(bpf_timer_cancel_async)
{
	return INT(async_try_cancel(PTR(r1), run));
}

BPF_KFUNC(bpf_wq_init)
{
	return r3 ? INT(-EINVAL) : INT(async_init(PTR(r1), PTR(r2), ASYNC_WORK, 0, run));
}

BPF_KFUNC(bpf_wq_set_callback_impl)
{
	return (u32)r3 ? INT(-EINVAL) : INT(async_set_callback(PTR(r1), (u32)r2, run));
}

BPF_KFUNC(bpf_wq_start)
{
	if ((u32)r2)
		return INT(-EINVAL);
	return INT(async_start(PTR(r1), run->platform->ktime_ns(CLOCK_MONOTONIC), run));
}

BPF_KFUNC(bpf_task_work_schedule_signal_impl)
{
	return INT(async_schedule(PTR(r2), PTR(r3), (u32)r4, r1, TASK_WORK_SIGNAL, run));
}

BPF_KFUNC(bpf_task_work_schedule_resume_impl)
{
	return INT(async_schedule(PTR(r2), PTR(r3), (u32)r4, r1, TASK_WORK_RESUME, run));
}

BPF_KFUNC_ALIAS(bpf_wq_set_callback, bpf_wq_set_callback_impl)
BPF_KFUNC_ALIAS(bpf_task_work_schedule_signal, bpf_task_work_schedule_signal_impl)
BPF_KFUNC_ALIAS(bpf_task_work_schedule_resume, bpf_task_work_schedule_resume_impl)
