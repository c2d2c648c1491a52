/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The parser as native code behind the same kind of call as a BPF program gets:
 * through a pointer, with a context that holds the packet's ends.
 */
#include "parser.h"

struct native_ctx {
	void *data, *end;
};

__u64 counters[256];

int parser(struct native_ctx *ctx);
int parser(struct native_ctx *ctx)
{
	return parse_packet(ctx->data, ctx->end, counters);
}
