/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the program types of cgroups share; see cgroup.c. */
#ifndef SKEP_PROG_CGROUP_H
#define SKEP_PROG_CGROUP_H

#include "prog/ctx.h"

/* A row of a context whose runtime struct is the uapi's. */
#define CGROUP_ROW(type, name, el, reg, first, ways, ...)                                          \
	CTX_ROW(type, name, el, reg, type, name, el, first, ways, __VA_ARGS__)

/* The rules that hold for all types of cgroups; *known: @func_id is one of theirs. */
const struct bpf_func_proto *cgroup_func_proto(u32 func_id, const struct bpf_prog *prog,
					       bool *known);
struct bpf_retval_range cgroup_retval_range(const struct bpf_prog *prog); /* 0, 1 */

#endif
