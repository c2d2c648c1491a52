/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Perf events that run programs: what perf_event_open(2) names, as a place of a hook (Linux:
 * struct perf_event, kernel/events/core.c; kernel/trace/trace_event_perf.c).
 */
#ifndef SKEP_HOOK_PERF_H
#define SKEP_HOOK_PERF_H

#include "hook/hook.h"
#include "object/perf.h"

/* Types of our PMUs, as /sys/bus/event_source/devices/{kprobe,uprobe}/type shows them. */
#define PERF_TYPE_CPU_CLOCK  6 /* in link info only: clocks are asked for as software events */
#define PERF_TYPE_TASK_CLOCK 7
#define PERF_TYPE_KPROBE     8
#define PERF_TYPE_UPROBE     9

enum perf_what { PERF_TRACEPOINT, PERF_KPROBE, PERF_UPROBE, PERF_SAMPLING };

struct perf_target {
	enum perf_what what;
	u32 type; /* of perf_event_attr, as Linux keeps it */
	u64 config;
	struct hook *hook;
	bool returns; /* kretprobe, uretprobe */
	bool enabled; /* samples are taken; the others run their program all the time, as in Linux */
	bool by_address; /* a function without its name */
	bool attached;
	u32 pid; /* user functions: in this process only; 0: any */
	u64 cookie;
};

/* Makes @p an event of @target, which is copied. 0 or -ENOMEM. */
int perf_set_target(struct perf_object *p, const struct perf_target *target);
/* PERF_EVENT_IOC_SET_BPF; takes its own reference of @prog. -EINVAL, -EEXIST, -EACCES, -E2BIG. */
int perf_set_prog(struct perf_object *p, struct prog_object *prog, u64 cookie);
/* 0; switching on may be -ENOMEM. */
int perf_enable(struct perf_object *p, bool on);

/*
 * @p, an event that neither runs at a place nor takes output, counts what @attr says, for thread
 * @tid (0: for its CPU). 0, or the machine's -errno.
 */
int perf_counter_open(struct perf_object *p, const struct perf_event_attr *attr, u32 tid);
void perf_counter_close(struct perf_object *p);
void perf_counter_enable(struct perf_object *p, bool on);
void perf_counter_reset(struct perf_object *p);
/* Of one that is PERF_COUNTS_ASKED: its count, ns enabled, ns running. 0 or -EINVAL. */
int perf_counter_read(struct perf_object *p, u64 v[3]);

struct link_object *link_attach_perf(struct skep_system *sys, struct prog_object *prog,
				     struct perf_object *p, u64 cookie, int *err);

/* What BPF_TASK_FD_QUERY and link info tell. @name is borrowed. 0 or -EOPNOTSUPP, -ENOENT. */
struct perf_description {
	u32 fd_type; /* BPF_FD_TYPE_* */
	const char *name;
	u64 offset, addr;
};
int perf_describe(const struct perf_object *p, struct perf_description *d);

#endif
