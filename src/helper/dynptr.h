/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What other helpers do with dynptrs. */
#ifndef SKEP_HELPER_DYNPTR_H
#define SKEP_HELPER_DYNPTR_H

#include "base/types.h"

struct bpf_run;
struct dynptr;

u32 dynptr_len(const struct dynptr *d); /* 0 also of one that stands for nothing */
bool dynptr_is_rdonly(const struct dynptr *d);
/* The first @len bytes, where they lie in one piece; else NULL. */
u8 *dynptr_bytes(const struct dynptr *d, u32 len, struct bpf_run *run);

#endif
