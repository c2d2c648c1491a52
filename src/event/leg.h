/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A leg of a live link: one end of a wire, on which whole Ethernet frames come and go. It is a
 * packet socket on a veth device, read by a ring that the kernel fills (TPACKET_V2: a frame is
 * there when it has come; version 3 shows a frame when its block is full or a timer ends, a jiffy
 * at least), or a TAP device.
 */
#ifndef SKEP_EVENT_LEG_H
#define SKEP_EVENT_LEG_H

#include "base/types.h"

#define LEG_BURST 64
#define LEG_HEADROOM                                                                               \
	256 /* free bytes before a received frame, at least; Linux: XDP_PACKET_HEADROOM */
#define LEG_FRAME_MAX 65600 /* bytes: the largest MTU, its headers, a VLAN tag */

struct leg_frame {
	u8 *data;
	u32 len;
	u32 tail; /* free bytes behind it */
};

struct leg {
	int fd;
	bool tap, opened;
	/* Reading: a ring of slots, or with TAP as many slots as a burst has. */
	u8 *ring;
	u64 ring_size;
	u32 slot_size, slots, at, held;
	u8 *large; /* the one frame of a burst that was too large for its slot */
	/* Writing: frames that wait for leg_flush(). */
	struct leg_out *out;
	bool stuck; /* the other side takes nothing */
	u64 lost;   /* frames that it did not take */
};

/* @fd is taken over. @tail: room behind a frame of usual size is wanted. 0 or -errno. */
int leg_open(struct leg *leg, int fd, bool tap, u32 ifindex, bool tail);
void leg_close(struct leg *leg); /* a zeroed one is fine */

/* Up to LEG_BURST frames, in memory that is the caller's until leg_release(). */
u32 leg_receive(struct leg *leg, struct leg_frame *frames);
void leg_release(struct leg *leg);

/* To be sent by leg_flush(). @stable: the bytes stay as they are until then; else they are copied. */
void leg_put(struct leg *leg, const void *data, u32 len, bool stable);
void leg_flush(struct leg *leg);
/* After POLLERR: takes the error off the socket; a leg that is gone for good is not polled any more (-1). */
void leg_settle(const struct leg *leg, int *polled);
/* At once, from any thread. 0 or -errno. */
int leg_send(const struct leg *leg, const void *data, u32 len);

#endif
