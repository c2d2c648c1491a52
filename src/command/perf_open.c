/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * perf_event_open(2): what an event is of (Linux: kernel/events/core.c,
 * kernel/trace/trace_event_perf.c). There are BPF_OUTPUT, tracepoints, functions of the kernel and
 * of processes, and samples by the clock. DIFF(perf-samples): programs are run and passes counted; no event
 * writes samples of its own into its ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "command/command.h"
#include "hook/functions.h"
#include "hook/perf.h"
#include "hook/record.h"
#include "skep/skep.h"

#define SAMPLE_TYPES (PERF_SAMPLE_RAW | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU)
#define SAMPLE_KNOWN ((1ULL << 25) - 1)
#define OPEN_FLAGS                                                                                 \
	(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)

/* The attribute as the caller knows it, zero-extended; -E2BIG tells what we know. */
static int read_attr(struct skep_system *sys, u64 uattr, struct perf_event_attr *attr)
{
	u32 size, known = sizeof(*attr);
	int err;

	memset(attr, 0, sizeof(*attr));
	if (user_read(sys, &size, uattr + offsetof(struct perf_event_attr, size), sizeof(size)))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	err = size < PERF_ATTR_SIZE_VER0 ? -E2BIG : check_tail_zero(sys, uattr, known, size);
	if (err == -E2BIG)
		user_write(sys, uattr + offsetof(struct perf_event_attr, size), &known,
			   sizeof(known));
	if (err)
		return err;
	if (user_read(sys, attr, uattr, min(size, known)))
		return -EFAULT;
	attr->size = size;
	return 0;
}

#define KSYM_NAME_LEN	512
#define RETPROBE	1ULL   /* bit of config, as format/retprobe of both PMUs says */
#define REF_CTR_SHIFT	32     /* of config: format/ref_ctr_offset */
#define MAX_SAMPLE_RATE 100000 /* Linux: perf_event_max_sample_rate */
#define MIN_SAMPLE_NS	10000ULL

int attach_refuse(struct skep_system *sys, enum diag_id id, ...)
{
	va_list ap;
	int err;

	va_start(ap, id);
	relock_take(&sys->lock);
	memset(&sys->last, 0, sizeof(sys->last));
	sys->last.insn = -1;
	err = diag_vset(&sys->last, id, ap);
	relock_give(&sys->lock);
	va_end(ap);
	return err;
}

int refuse_function(struct skep_system *sys, const char *name)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	bool known = vmlinux && btf_find_by_name_kind(vmlinux->btf, name, BTF_KIND_FUNC) > 0;

	if (function_is_blacklisted(sys, name))
		return attach_refuse(sys, DIAG_ATTACH_FUNCTION_BLACKLISTED, name);
	return attach_refuse(
		sys, known ? DIAG_ATTACH_FUNCTION_ABSENT : DIAG_ATTACH_FUNCTION_UNKNOWN, name);
}

int refuse_tracepoint(struct skep_system *sys, const char *name)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	struct btf_ctx_proto proto;
	u32 id;
	bool known = vmlinux && !btf_trace_proto(vmlinux->btf, name, &proto, &id);

	return attach_refuse(
		sys, known ? DIAG_ATTACH_TRACEPOINT_ABSENT : DIAG_ATTACH_TRACEPOINT_UNKNOWN, name);
}

/* A process as events name it: a thread's id or 0 for the caller; or -ESRCH. */
static int process_of(const struct skep_system *sys, int pid)
{
	char path[64], line[128];
	int tgid = -ESRCH;
	FILE *f;

	if (!pid)
		return (int)(sys->platform->pid_tgid() >> 32);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (f)
		fclose(f);
	return tgid;
}

/* The thread that an event is of; 0: none. */
static u32 thread_of(const struct skep_system *sys, int pid)
{
	return pid == -1 ? 0 : pid ? (u32)pid : (u32)sys->platform->pid_tgid();
}

/* A string of the caller, as strndup_user() copies it: -E2BIG for one that is too long. */
static int read_name(struct skep_system *sys, char *name, u64 from, u32 size)
{
	long len = user_read_str(sys, name, from, size);

	return len == -EFAULT ? -EFAULT : len < 0 ? -E2BIG : 0;
}

static int open_tracepoint(struct skep_system *sys, const struct perf_event_attr *attr,
			   struct perf_target *t)
{
	int row = tracepoint_by_id(sys, attr->config), err;

	if (row < 0)
		return attach_refuse(sys, DIAG_ATTACH_EVENT_ID, attr->config);
	t->what = PERF_TRACEPOINT;
	t->hook = hook_point_get(sys, HOOK_TRACEPOINT, tracepoint_name_of((u32)row), &err);
	return err;
}

static int open_kprobe(struct skep_system *sys, const struct perf_event_attr *attr,
		       struct perf_target *t)
{
	char name[KSYM_NAME_LEN] = "";
	int err = 0, row;

	if (!(system_caps(sys) & BPF_CAP_PERFMON))
		return -EACCES;
	if (attr->kprobe_func)
		err = read_name(sys, name, attr->kprobe_func, sizeof(name));
	if (err)
		return err;
	t->what = PERF_KPROBE;
	t->returns = attr->config & RETPROBE;
	if (!*name) {
		row = function_at(sys, attr->kprobe_addr);
		if (row < 0)
			return attr->kprobe_addr ? -ENOENT : -EINVAL;
		t->by_address = true;
		snprintf(name, sizeof(name), "%s", function_name_of((u32)row));
	} else if (hook_point_row(sys, HOOK_KPROBE, name) < 0) {
		return refuse_function(sys, name);
	} else if (attr->probe_offset) {
		/* DIFF(kprobe-offset): a modelled function has no instructions */
		return attach_refuse(sys, DIAG_ATTACH_FUNCTION_OFFSET, name, attr->probe_offset);
	}
	t->hook = hook_point_get(sys, t->returns ? HOOK_KRETPROBE : HOOK_KPROBE, name, &err);
	return err;
}

static int open_uprobe(struct skep_system *sys, const struct perf_event_attr *attr,
		       struct perf_target *t)
{
	char path[PATH_MAX];
	int err;

	if (!(system_caps(sys) & BPF_CAP_PERFMON))
		return -EACCES;
	if (!attr->uprobe_path)
		return -EINVAL;
	err = read_name(sys, path, attr->uprobe_path, sizeof(path));
	if (err)
		return err;
	if (!*path)
		return -EINVAL;
	t->what = PERF_UPROBE;
	t->returns = attr->config & RETPROBE;
	t->hook = hook_uprobe_get(sys, t->returns ? HOOK_URETPROBE : HOOK_UPROBE, path,
				  attr->probe_offset, attr->config >> REF_CTR_SHIFT, &err);
	return err;
}

static int open_clock(struct skep_system *sys, const struct perf_event_attr *attr, int cpu,
		      struct perf_target *t)
{
	struct hook_sampling s = { .pid = t->pid, .cpu = cpu };

	if (attr->freq) {
		if (attr->sample_freq > MAX_SAMPLE_RATE)
			return -EINVAL;
		s.period_ns = attr->sample_freq ? 1000000000ULL / attr->sample_freq : 0;
	} else {
		if (attr->sample_period >> 63)
			return -EINVAL;
		s.period_ns = attr->sample_period;
	}
	t->what = PERF_SAMPLING;
	t->type = attr->config == PERF_COUNT_SW_CPU_CLOCK ? PERF_TYPE_CPU_CLOCK :
							    PERF_TYPE_TASK_CLOCK;
	t->enabled = !attr->disabled;
	if (!s.period_ns) /* it counts and never fires */
		return 0;
	s.period_ns = max_t(u64, s.period_ns, MIN_SAMPLE_NS);
	t->hook = hook_sampling_get(sys, &s);
	return t->hook ? 0 : -ENOMEM;
}

/* What the event is of. t->hook stays NULL for those that never run a program. */
static int find_target(struct skep_system *sys, const struct perf_event_attr *attr, int cpu,
		       struct perf_target *t)
{
	switch (attr->type) {
	case PERF_TYPE_TRACEPOINT:
		return open_tracepoint(sys, attr, t);
	case PERF_TYPE_KPROBE:
		return open_kprobe(sys, attr, t);
	case PERF_TYPE_UPROBE:
		return open_uprobe(sys, attr, t);
	case PERF_TYPE_SOFTWARE:
		if (attr->config == PERF_COUNT_SW_CPU_CLOCK ||
		    attr->config == PERF_COUNT_SW_TASK_CLOCK)
			return open_clock(sys, attr, cpu, t);
		break;
	}
	t->what = PERF_SAMPLING; /* it never fires; perf_counter_open() knows whether it counts */
	return attr->sample_period ? -ENOENT : 0;
}

int skep_perf_event_open(struct skep_system *sys, void *uattr, int pid, int cpu, int group_fd,
			 unsigned long flags)
{
	struct perf_target target = { 0 };
	struct perf_event_attr attr;
	struct perf_object *p;
	bool output;
	int err, fd;

	objects_drain(sys, false);
	if (flags & ~(unsigned long)OPEN_FLAGS)
		return -EINVAL;
	err = read_attr(sys, (u64)uattr, &attr);
	if (err)
		return err;
	if (attr.sample_type & ~SAMPLE_KNOWN)
		return -EINVAL;
	if (group_fd != -1)
		return -EBADF; /* no groups of events that count nothing */
	if (pid == -1 && cpu == -1)
		return -EINVAL;
	if (cpu < -1 || (cpu >= 0 && (u32)cpu >= sys->arena->nr_slots))
		return -EINVAL;
	output = attr.type == PERF_TYPE_SOFTWARE && attr.config == PERF_COUNT_SW_BPF_OUTPUT;
	if (!output) {
		target.type = attr.type;
		target.config = attr.config;
		if (pid != -1) {
			err = process_of(sys, pid);
			if (err < 0)
				return err;
			target.pid = (u32)err;
		}
		err = find_target(sys, &attr, cpu, &target);
		if (err)
			return err;
	} else if (attr.sample_type & ~(u64)SAMPLE_TYPES || attr.write_backward) {
		return -EOPNOTSUPP;
	}
	err = perf_object_new(sys, &attr, cpu, &p);
	if (err)
		return err;
	p->ring->tid = thread_of(sys, pid);
	if (!output)
		err = perf_set_target(p, &target);
	if (!err && !output && target.what == PERF_SAMPLING)
		err = perf_counter_open(p, &attr, p->ring->tid);
	else if (!err && !output)
		p->ring->counts = PERF_COUNTS_PASSES;
	if (!err && !attr.disabled)
		err = perf_enable(p, true);
	if (err) {
		object_put(&p->obj);
		return err;
	}
	fd = object_new_fd_flags(&p->obj,
				 flags & PERF_FLAG_FD_CLOEXEC ? O_RDWR | O_CLOEXEC : O_RDWR);
	object_put(&p->obj);
	return fd;
}
