/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The kernels of kernels.h as native functions; compiled by gcc and by clang. */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "kernels.h"

struct native_ctx {
	u32 data, data_end;
};

#define FUNCTION(name)                                                                             \
	int prog_##name(struct native_ctx *ctx);                                                   \
	__attribute__((visibility("default"))) int prog_##name(struct native_ctx *ctx)             \
	{                                                                                          \
		struct packet p = { (u8 *)(u64)ctx->data, (u8 *)(u64)ctx->data_end };              \
		u64 v = k_##name(p);                                                               \
                                                                                                   \
		return (int)(v ^ v >> 32);                                                         \
	}
KERNELS(FUNCTION)
