// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A static probe of a user's program, by its provider and name; its arguments are where its note says. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

int only_pid;

/* attached by the loader, to one process and with a number of its own */
SEC("usdt")
int BPF_USDT(attached_by_hand, int round, long square)
{
	bpf_printk("by hand: round %d, square %ld, cookie %d", round, square, bpf_usdt_cookie(ctx));
	return 0;
}

SEC("usdt//proc/self/exe:bootstrap:round")
int BPF_USDT(attached_by_section, int round, long square)
{
	if (bpf_get_current_pid_tgid() >> 32 != only_pid)
		return 0;
	bpf_printk("by section: %d arguments, round %d", bpf_usdt_arg_cnt(ctx), round);
	return 0;
}
