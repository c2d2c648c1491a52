/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where tests/targets/uprobe_target.c uses its CPU time. */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

/* Address ranges of two functions, and how often each was the caller or the place. */
unsigned long three_from, three_to, one_from, one_to;
long three, one, elsewhere, no_period, bad_value;

SEC("perf_event") int sample(struct bpf_perf_event_data *ctx)
{
	struct bpf_perf_event_value v;
	unsigned long ip[8];
	long n;
	int i;

	if (!bpf_get_current_pid_tgid()) /* a CPU where nobody runs */
		return 0;
	n = bpf_get_stack(ctx, ip, sizeof(ip), BPF_F_USER_STACK);
	if (!ctx->sample_period)
		no_period++;
	if (bpf_perf_prog_read_value(ctx, &v, sizeof(v)) || !v.counter || !v.enabled)
		bad_value++;
	for (i = 0; i < 8 && i * 8 < n; i++) {
		if (ip[i] >= three_from && ip[i] < three_to) {
			three++;
			return 0;
		}
		if (ip[i] >= one_from && ip[i] < one_to) {
			one++;
			return 0;
		}
	}
	elsewhere++;
	return 0;
}

char _license[] SEC("license") = "GPL";
