// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Control groups that come and go, seen both ways: tests/script/cgroup_events. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct seen {
	u64 made, removed, id, parent;
	s32 level, root;
	char path[64], name[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct seen);
} seen SEC(".maps");

static struct seen *at(u32 i)
{
	return bpf_map_lookup_elem(&seen, &i);
}

SEC("tp_btf/cgroup_mkdir") int BPF_PROG(made, struct cgroup *cgrp, const char *path)
{
	struct seen *s = at(0);

	if (!s)
		return 0;
	s->made++;
	s->id = cgrp->kn->id;
	s->level = cgrp->level;
	bpf_probe_read_kernel_str(s->path, sizeof(s->path), path);
	bpf_probe_read_kernel_str(s->name, sizeof(s->name), cgrp->kn->name);
	return 0;
}

SEC("tp_btf/cgroup_rmdir") int BPF_PROG(removed, struct cgroup *cgrp, const char *path)
{
	struct seen *s = at(0);

	if (s && cgrp->kn->id == s->id)
		s->removed++;
	return 0;
}

static int note(struct trace_event_raw_cgroup *ctx)
{
	struct seen *s = at(1);

	if (!s)
		return 0;
	s->id = ctx->id;
	s->level = ctx->level;
	s->root = ctx->root;
	bpf_probe_read_kernel_str(s->path, sizeof(s->path),
				  (void *)ctx + (u16)ctx->__data_loc_path);
	return 1;
}

SEC("tracepoint/cgroup/cgroup_mkdir") int made_record(struct trace_event_raw_cgroup *ctx)
{
	struct seen *s = at(1);

	if (s && note(ctx))
		s->made++;
	return 0;
}

SEC("tracepoint/cgroup/cgroup_rmdir") int removed_record(struct trace_event_raw_cgroup *ctx)
{
	struct seen *s = at(1);

	if (s && s->id == ctx->id)
		s->removed++;
	return 0;
}
