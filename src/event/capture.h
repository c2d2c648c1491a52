/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Capture files: read whole into memory, written packet by packet. The only file
 * that speaks to libpcap, whose struct bpf_insn is another than ours.
 */
#ifndef SKEP_EVENT_CAPTURE_H
#define SKEP_EVENT_CAPTURE_H

#include "base/vec.h"

struct capture_packet {
	u64 off;	   /* of its bytes in .bytes */
	u32 len, wire_len; /* captured, and as it was on the wire */
	u64 ns;		   /* time stamp */
};

struct capture {
	VEC(struct capture_packet) packets;
	VEC(u8) bytes;
	u32 longest;
};

/* Writes the message to @error (may be NULL); returns -@err. */
int capture_fail(char *error, size_t size, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Reads @path (pcap or pcapng, Ethernet, packets of at most @max bytes). 0 or -errno; @error
 * then names file, packet and reason. What was read is in @c either way.
 */
int capture_read(struct capture *c, const char *path, u32 max, char *error, size_t error_size);
void capture_free(struct capture *c);

/* A file of packets with nanosecond time stamps. NULL @path: *out is NULL, which writes nothing. */
struct capture_writer;
int capture_open(struct capture_writer **out, const char *path, char *error, size_t error_size);
/* @len bytes at @data, stamped as @pkt, which also tells how much the first capture had cut off. */
void capture_write(struct capture_writer *w, const struct capture_packet *pkt, const u8 *data,
		   u32 len);
/* 0, or -EIO when not all could be written. */
int capture_close(struct capture_writer *w, char *error, size_t error_size);

#endif
