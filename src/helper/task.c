/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The task of the event, and what the hook left in the run (Linux: kernel/bpf/helpers.c). */
#include "helper/helper.h"
#include "object/lock.h"
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

BPF_HELPER(get_attach_cookie)
{
	return run->attach_cookie;
}

BPF_HELPER(get_func_ip)
{
	return run->func_ip;
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
