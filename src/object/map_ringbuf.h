/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A ring buffer's layout, shared by the map type (src/map/ringbuf.c) and its helpers
 * (src/helper/ringbuf.c). Linux: struct bpf_ringbuf.
 *
 * The client's file: a page with the consumer's position (which the client may
 * write), a page with the producer's, then 2 * size bytes of data. Positions count
 * bytes and only grow. Linux maps the same data pages twice, one copy behind the
 * other; here there are twice as many pages, and a record is written from its
 * position modulo size on, as far beyond the end of the first half as it is long.
 * A client reads it there, in one piece, as it would in Linux.
 *
 * With BPF_F_RB_OVERWRITE, what is full gives up its oldest records, read or not, for new ones:
 * the client finds the position of the oldest that is left behind the producer's position (third
 * word of that page, as in Linux). A consumer starts there if its own position is smaller, and
 * believes a record that it copied only if the oldest one is still no later than that.
 *
 * A user ring buffer has the same file with the roles changed: the client writes the
 * producer's position and records (beyond the end of the first half, as above), and
 * bpf_user_ringbuf_drain() takes them. Nothing that it finds there is to be trusted.
 */
#ifndef SKEP_OBJECT_MAP_RINGBUF_H
#define SKEP_OBJECT_MAP_RINGBUF_H

#include "object/map.h"

#define RINGBUF_PAGE 4096
/* Words of the producer's page behind its position. */
#define RINGBUF_PENDING	      1
#define RINGBUF_OVERWRITE     2
#define RINGBUF_DATA_OFF      (2 * RINGBUF_PAGE) /* in the client's file */
#define RINGBUF_MAX_RECORD_SZ (0xffffffffU / 4)

/* In front of each record; what the client sees of it is .len. */
struct bpf_ringbuf_hdr {
	u32 len;    /* of the record, with BPF_RINGBUF_BUSY_BIT and _DISCARD_BIT */
	u32 pg_off; /* pages from the start of the client's file to this header's */
};

/*
 * What runs on one CPU slot have reserved and not yet submitted: so that the records
 * of a process that was killed can be discarded, which otherwise would hold back all
 * later ones. What does not fit here is not noted.
 */
#define RINGBUF_CLAIMS 7

struct bpf_ringbuf_claim {
	u32 tid; /* of the run */
	u32 n;
	u64 pos[RINGBUF_CLAIMS];
} __attribute__((aligned(64)));

struct bpf_ringbuf_map {
	struct bpf_map map;
	u64 mask;	   /* size - 1 */
	u64 *consumer_pos; /* in the client's pages: not to be trusted */
	u64 *producer_pos; /* in the client's pages; never read back */
	u8 *data;
	struct bpf_ringbuf_claim *claims;      /* one for each CPU */
	u32 lock __attribute__((aligned(64))); /* owner's tid; guards .head, .pending, .stuck */
	u32 stuck;			       /* reservations since .pending last moved */
	u32 reserving; /* CPU + 1 whose reservation is between its claim and .head */
	u64 head;      /* the producer's position: the truth */
	/*
	 * Position of the oldest record that may still be busy. User ring buffers: of the
	 * next record to drain, the truth of which *consumer_pos is the client's copy; under
	 * .lock, which a drain holds throughout (Linux: .busy, a second one gets -EBUSY).
	 */
	u64 pending;
	u64 lost; /* records that found no room; .lock */
	/* BPF_F_RB_OVERWRITE: position of the oldest record that is whole, at most .pending; .lock */
	u64 oldest;
	bool overwrites;
};

#endif
