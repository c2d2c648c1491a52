/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The context of perf_event programs: a sample (Linux: struct bpf_perf_event_data_kern). */
#ifndef SKEP_OBJECT_SAMPLE_H
#define SKEP_OBJECT_SAMPLE_H

#include <asm/ptrace.h>

#include "base/types.h"

struct bpf_perf_event_data_kern {
	struct pt_regs regs; /* of the user, as uapi's struct bpf_perf_event_data has them */
	u64 sample_period;   /* ns for the clocks */
	u64 addr;
	/* bpf_perf_prog_read_value() */
	u64 counter;
	u64 enabled_ns, running_ns;
};

#endif
