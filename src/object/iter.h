/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Output of iterators: where their programs write (Linux: struct seq_file). */
#ifndef SKEP_OBJECT_ITER_H
#define SKEP_OBJECT_ITER_H

#include "base/types.h"

struct bpf_seq {
	char *buf;
	u32 size, len;
	bool overflow; /* something did not fit */
};

#endif
