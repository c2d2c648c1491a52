/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Map types that skep does not have: what Linux checks when one is created, so that
 * programs which use them can be judged (struct skep_system, .verdict). There are no
 * elements. A type that gets an implementation leaves this file.
 */
#include <linux/errno.h>

#include "object/map.h"

/* Types of kernels newer than those whose sources were at hand. */
static int unknown_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	return -EINVAL;
}

const struct bpf_map_ops unknown_judge_ops = { .alloc_check = unknown_check };
