/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Formatting for programs; see bprintf.c. */
#ifndef SKEP_HELPER_BPRINTF_H
#define SKEP_HELPER_BPRINTF_H

#include "object/run.h"

#define MAX_BPRINTF_VARARGS 12
#define MAX_BPRINTF_BUF	    1024
#define BTF_F_ALL	    (BTF_F_COMPACT | BTF_F_NONAME | BTF_F_PTR_RAW | BTF_F_ZERO)

/*
 * Formats the NUL-terminated @fmt (within @fmt_size bytes) into @buf. The length without
 * NUL that a large enough buffer would have got; -EINVAL for a format that
 * programs may not use, -ENOSPC for too many or too long arguments.
 */
long bprintf(struct bpf_run *run, char *buf, u32 size, const char *fmt, u32 fmt_size,
	     const u64 *args, u32 nr_args);

#endif
