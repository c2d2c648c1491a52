/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Perf events as objects; see perf.c. */
#ifndef SKEP_OBJECT_PERF_H
#define SKEP_OBJECT_PERF_H

#include "object/perf_ring.h"
#include "object/system.h"

/* An event without descriptor; the ring has no pages yet. 0 or -errno. */
int perf_object_new(struct skep_system *sys, const struct perf_event_attr *attr, s32 cpu,
		    struct perf_object **out);
/* The client is about to map @len bytes: the first time, they are made. 0, -EINVAL, -ENOMEM. */
int perf_object_map(struct perf_object *p, u64 len);

#endif
