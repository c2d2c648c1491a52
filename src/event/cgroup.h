/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Cgroups of supervised tasks. */
#ifndef SKEP_EVENT_CGROUP_H
#define SKEP_EVENT_CGROUP_H

#include "world/task.h"

/*
 * Ids of the task's cgroup and those above it, the nearest first, as cgroup_effective() takes them:
 * how many. Of the instance's tree; without one, the machine's.
 */
u32 task_cgroups(struct task *t, u64 *ids, u32 max);

#endif
