// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Samples: who runs when the clock of a CPU ticks, and how it got there. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "profile.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} samples SEC(".maps");

SEC("perf_event")
int on_tick(void *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	struct profile_sample *s;

	if (!pid) /* nobody */
		return 0;
	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s)
		return 0;
	s->pid = pid;
	s->cpu = bpf_get_smp_processor_id();
	if (bpf_get_current_comm(s->comm, sizeof(s->comm)))
		s->comm[0] = 0;
	s->user_size = bpf_get_stack(ctx, s->user, sizeof(s->user), BPF_F_USER_STACK);
	bpf_ringbuf_submit(s, 0);
	return 0;
}
