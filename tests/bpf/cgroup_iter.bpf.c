// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Goes over cgroups: tests/data/cgroup/iter.py. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("iter/cgroup")
int each(struct bpf_iter__cgroup *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct cgroup *cgrp = ctx->cgroup;
	char name[32];

	if (!cgrp) {
		BPF_SEQ_PRINTF(seq, "end\n");
		return 0;
	}
	if (!cgrp->level) {
		BPF_SEQ_PRINTF(seq, "%llu: the root\n", ctx->meta->seq_num);
		return 0;
	}
	bpf_probe_read_kernel_str(name, sizeof(name), cgrp->kn->name);
	BPF_SEQ_PRINTF(seq, "%llu: %s, level %d\n", ctx->meta->seq_num, name, cgrp->level);
	return name[0] == 'l'; /* "last" */
}
