/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the bodies of BPF_PROG_TEST_RUN share: copying in and out of the caller's memory. */
#ifndef SKEP_PROG_TEST_RUN_IO_H
#define SKEP_PROG_TEST_RUN_IO_H

#include "object/packet.h"
#include "object/system.h"
#include "object/test_run.h"

#define ETH_HLEN   14
#define PAGE_BYTES 4096

/* ctx_in, zero-extended to @size bytes; *out is NULL when the caller has no context. */
int test_run_read_ctx(struct skep_system *sys, const struct test_run *t, u32 size, void **out);
int test_run_write_ctx(struct skep_system *sys, const struct test_run *t, const void *ctx,
		       u32 size);

/* One piece of a packet that goes out. */
struct test_run_part {
	const void *data;
	u32 len;
};
/*
 * data_out (clipped to data_size_out, then -ENOSPC), data_size_out, retval and duration.
 * The first of @n parts is the linear one.
 */
int test_run_write_data(struct skep_system *sys, const struct test_run *t,
			const struct test_run_part *parts, u32 n);

#endif
