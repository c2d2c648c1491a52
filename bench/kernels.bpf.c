/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The kernels of kernels.h as XDP programs. */
#include "kernels.h"

struct xdp_md {
	u32 data, data_end;
};

#define PROGRAM(name)                                                                              \
	__attribute__((section("bench"), used)) int prog_##name(struct xdp_md *ctx)           \
	{                                                                                          \
		struct packet p = { (u8 *)(u64)ctx->data, (u8 *)(u64)ctx->data_end };              \
		u64 v = k_##name(p);                                                               \
                                                                                                   \
		return (int)(v ^ v >> 32);                                                         \
	}
KERNELS(PROGRAM)

char _license[] __attribute__((section("license"), used)) = "Dual BSD/GPL";
