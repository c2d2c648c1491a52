/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a program's dynptr holds, for helpers and the compiler (Linux: struct bpf_dynptr_kern). */
#ifndef SKEP_OBJECT_DYNPTR_H
#define SKEP_OBJECT_DYNPTR_H

#include "base/types.h"

#define DYNPTR_RDONLY	  (1U << 31)
#define DYNPTR_TYPE_SHIFT 28
#define DYNPTR_SIZE_MASK  0xffffffU

struct dynptr {
	void *data; /* memory, record, packet; NULL: none */
	u32 size;   /* and type, and whether it may be written */
	u32 offset;
};

#endif
