/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The smallest embedding: a verified filter, compiled and run inside this process. */
#include <linux/bpf.h>
#include <stdio.h>

#include "skep/skep.h"

int main(void)
{
	/* r0 = length of the packet: *(u32 *)(ctx + offsetof(struct __sk_buff, len)); exit */
	struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 0, .src_reg = 1 },
		{ .code = BPF_JMP | BPF_EXIT }
	};
	char packet[64] = "hello", log[4096] = "";
	struct skep_system *sys = skep_system_new(NULL);
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (unsigned long)code,
				.license = (unsigned long)"BSD",
				.log_buf = (unsigned long)log,
				.log_size = sizeof(log),
				.log_level = 1 };
	int prog = sys ? skep_bpf(sys, BPF_PROG_LOAD, &load, sizeof(load)) : -1;
	union bpf_attr run = { .test = { .prog_fd = prog,
					 .data_in = (unsigned long)packet,
					 .data_size_in = sizeof(packet) } };

	if (prog < 0 || skep_bpf(sys, BPF_PROG_TEST_RUN, &run, sizeof(run)))
		return fprintf(stderr, "refused: %s\n", log), 1;
	printf("the filter returned %u\n", run.test.retval);
	skep_system_free(sys);
	return 0;
}
