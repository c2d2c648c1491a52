/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What decoders of infrared pulses report (Linux: drivers/media/rc/bpf-lirc.c). The context is
 * the sample, the first member of struct bpf_rt_lirc; whoever runs the program takes the events.
 */
#include "helper/helper.h"
#include "object/sock.h"

static u64 report(struct bpf_rt_lirc *ctx, struct bpf_lirc_event e)
{
	if (ctx->nr_events < ARRAY_SIZE(ctx->events))
		ctx->events[ctx->nr_events++] = e;
	return 0;
}

BPF_HELPER(rc_repeat)
{
	return report(PTR(r1), (struct bpf_lirc_event){ .kind = LIRC_REPEAT });
}

BPF_HELPER(rc_keydown)
{
	return report(PTR(r1), (struct bpf_lirc_event){ .kind = LIRC_KEYDOWN,
							.protocol = (u32)r2,
							.scancode = r3,
							.toggle = !!(u32)r4 });
}

BPF_HELPER(rc_pointer_rel)
{
	return report(PTR(r1),
		      (struct bpf_lirc_event){ .kind = LIRC_POINTER, .x = (s32)r2, .y = (s32)r3 });
}
