// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Entries and exits of some calls of one process, in their order. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct call_event {
	__s64 nr, ret; /* ret 1: its entry */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct call_event);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2); /* pid, how many */
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

static void note(__s64 nr, __s64 ret)
{
	__u32 zero = 0, one = 1, *pid, *n, at;
	struct call_event *e;

	pid = bpf_map_lookup_elem(&numbers, &zero);
	n = bpf_map_lookup_elem(&numbers, &one);
	if (!pid || !n || *pid != bpf_get_current_pid_tgid() >> 32)
		return;
	/* read, rt_sigreturn, nanosleep, restart_syscall, epoll_wait, bpf */
	if (nr != 0 && nr != 15 && nr != 35 && nr != 219 && nr != 232 && nr != 321)
		return;
	at = *n;
	e = bpf_map_lookup_elem(&calls, &at);
	if (!e)
		return;
	e->nr = nr;
	e->ret = ret;
	*n = at + 1;
}

SEC("raw_tp/sys_enter")
int enter(__u64 *ctx)
{
	note(ctx[1], 1);
	return 0;
}

SEC("raw_tp/sys_exit")
int leave(__u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	__s64 nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr), &regs->orig_ax);
	note(nr, (__s64)ctx[1] > 0 ? 0 : (__s64)ctx[1]);
	return 0;
}

char _license[] SEC("license") = "GPL";
