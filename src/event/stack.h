/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Operations of struct bpf_task_ops for supervised tasks. */
#ifndef SKEP_EVENT_STACK_H
#define SKEP_EVENT_STACK_H

#include "object/task.h"

int stack_user(struct bpf_task *t, struct bpf_run *run, u64 *ips, u32 max);
int stack_build_id(struct bpf_task *t, u64 ip, u8 id[20], u64 *offset);

#endif
