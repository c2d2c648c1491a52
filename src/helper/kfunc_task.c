/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions on tasks, control groups and files (Linux: kernel/bpf/helpers.c,
 * fs/bpf_fs_kfuncs.c). Objects of the world are kept by nobody's references: an address
 * stays that of a thing that has ended, which can be read as it was last known, until long after.
 */
#include "helper/probe.h"
#include "object/task.h"

#define BPF_F_PAD_ZEROS 1

static u64 world(struct bpf_run *run, enum world_op op, u64 a, u64 b)
{
	u64 args[] = { a, b };

	return run->platform->world(run, op, args);
}

/* A further reference of what is still there. */
static u64 acquire(struct bpf_run *run, u64 object)
{
	return world(run, WORLD_ALIVE, object, 0) ? object : 0;
}

BPF_KFUNC(bpf_task_acquire)
{
	return acquire(run, r1);
}

BPF_KFUNC(bpf_cgroup_acquire)
{
	return acquire(run, r1);
}

#define RELEASES(name)                                                                             \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		return 0;                                                                          \
	}
RELEASES(bpf_task_release)
RELEASES(bpf_cgroup_release)
RELEASES(bpf_put_file)

BPF_KFUNC(bpf_task_from_pid)
{
	return (s32)r1 > 0 ? world(run, WORLD_TASK_OF, (u32)r1, 0) : 0;
}

BPF_KFUNC(bpf_task_from_vpid)
{
	return (s32)r1 > 0 ? world(run, WORLD_TASK_OF, (u32)r1, 1) : 0;
}

BPF_KFUNC(bpf_task_under_cgroup)
{
	return INT(world(run, WORLD_UNDER_CGROUP, r1, r2));
}

BPF_KFUNC(bpf_task_get_cgroup1)
{
	return (s32)r2 > 0 ? world(run, WORLD_CGROUP1, r1, (u32)r2) : 0;
}

BPF_KFUNC(bpf_cgroup_from_id)
{
	return world(run, WORLD_CGROUP_OF, r1, 0);
}

BPF_KFUNC(bpf_cgroup_ancestor)
{
	return (s32)r2 < 0 ? 0 : world(run, WORLD_CGROUP_ANCESTOR, r1, (u32)r2);
}

BPF_KFUNC(bpf_get_task_exe_file)
{
	return world(run, WORLD_EXE_FILE, r1, 0);
}

BPF_KFUNC(bpf_path_d_path)
{
	u64 args[] = { r1, r2, (u32)r3 };

	return (u32)r3 ? INT(run->platform->world(run, WORLD_D_PATH, args)) : INT(-EINVAL);
}

/* A string of the current task, or with @task of that one. */
static u64 copy_str(u64 dst, u32 size, u64 src, u64 flags, long n)
{
	if (n < 0) {
		if (flags & BPF_F_PAD_ZEROS)
			rt_zero(PTR(dst), size);
		return INT(n);
	}
	if (flags & BPF_F_PAD_ZEROS)
		rt_zero((u8 *)PTR(dst) + n, size - (u32)n);
	return INT(n);
}

BPF_KFUNC(bpf_copy_from_user_str)
{
	if (r4 & ~(u64)BPF_F_PAD_ZEROS)
		return INT(-EINVAL);
	if (!(u32)r2)
		return 0;
	return copy_str(r1, (u32)r2, r3, r4, run_read_user_str(run, PTR(r1), r3, (u32)r2));
}

long task_read_string(struct bpf_run *run, char *dst, u32 size, u64 src, u64 task)
{
	u32 n;

	if (!size)
		return 0;
	/* Up to the end of each page: the string may end before what cannot be read. */
	for (n = 0; n < size - 1;) {
		u32 step = min_t(u32, size - 1 - n, 4096 - (u32)((src + n) & 4095)), i;
		u64 args[] = { (u64)(dst + n), step, src + n, task };

		if ((long)run->platform->world(run, WORLD_COPY_FROM_TASK, args))
			return -EFAULT;
		for (i = 0; i < step; i++)
			if (!dst[n + i])
				return (long)(n + i) + 1;
		n += step;
	}
	dst[n] = 0;
	return (long)n + 1;
}

BPF_KFUNC(bpf_copy_from_user_task_str)
{
	u32 size = (u32)r2;

	if (r5 & ~(u64)BPF_F_PAD_ZEROS)
		return INT(-EINVAL);
	if (!size)
		return 0;
	return copy_str(r1, size, r3, r5, task_read_string(run, PTR(r1), size, r3, r4));
}

/* ---- statistics of cgroups: by a struct cgroup, or by the state that it begins with ---- */

#define RSTAT_UPDATED(name)                                                                        \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		u64 args[] = { r1, (u32)r2 };                                                      \
                                                                                                   \
		return run->platform->kernel_call(run, KERNEL_CALL_RSTAT_UPDATED, args);           \
	}
RSTAT_UPDATED(cgroup_rstat_updated)
RSTAT_UPDATED(css_rstat_updated)

#define RSTAT_FLUSH(name)                                                                          \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		return run->platform->kernel_call(run, KERNEL_CALL_RSTAT_FLUSH, &r1);              \
	}
RSTAT_FLUSH(cgroup_rstat_flush)
RSTAT_FLUSH(css_rstat_flush)

/* ---- signals ---- */

/* DIFF(signal-value): the kernel lets nobody else say that it sent a signal. */
BPF_KFUNC(bpf_send_signal_task)
{
	u64 args[] = { r1, (u32)r2, (u32)r3, r4 };

	if ((u32)r3 > 1) /* PIDTYPE_PID, PIDTYPE_TGID */
		return INT(-EINVAL);
	return INT(run->platform->world(run, WORLD_SIGNAL_TASK, args));
}
