/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A perf event of type software/BPF_OUTPUT: the element of a perf event array
 * that bpf_perf_event_output() writes to (Linux: struct perf_event and its
 * ring_buffer). Lies in the arena. Elements of a perf event array hold the
 * address of one of these.
 *
 * The client's pages are 1 + 2^n: a struct perf_event_mmap_page, then the data.
 * The producer (src/helper/perf.c) takes .lock, copies at data_head modulo
 * .data_size (a record may wrap), publishes with a release store of
 * page->data_head, and calls platform->wake(ring) as .wakeup_* asks; the client
 * moves page->data_tail. A record that does not fit counts in .lost and is reported
 * by a PERF_RECORD_LOST in front of the next that fits.
 */
#ifndef SKEP_OBJECT_PERF_RING_H
#define SKEP_OBJECT_PERF_RING_H

#include <linux/perf_event.h>

#include "object/run.h"

/* What a read of the event gives, besides how long it has been enabled. */
enum perf_counts {
	PERF_COUNTS_NOTHING, /* it takes output */
	PERF_COUNTS_TIME,    /* how long it has been enabled */
	PERF_COUNTS_ASKED,   /* what KERNEL_CALL_COUNTER answers */
	PERF_COUNTS_PASSES,  /* .count: how often its place was passed while it was enabled */
};

struct perf_ring {
	struct arena *arena;
	u32 lock;	      /* owner's tid; see object/lock.h */
	u32 enabled;	      /* 0: records are dropped silently, as of a disabled event */
	s32 cpu;	      /* the CPU whose programs may write to it; -1: any */
	u32 wakeup_events;    /* wake after so many records (at least 1), unless .watermark */
	u32 wakeup_watermark; /* wake after so many bytes, when .watermark */
	u32 watermark;
	u32 overwrite;	 /* attr.write_backward: not supported, always 0 */
	u32 pending;	 /* records or bytes since the last wake-up */
	u64 sample_type; /* PERF_SAMPLE_RAW, and of TID, TIME, CPU what the client asked for */
	u64 id;
	u64 lost;  /* since the last PERF_RECORD_LOST */
	u64 count; /* records, or passes */
	/* Counting: see hook/perf_count.c. */
	u32 counts;	   /* enum perf_counts */
	u32 tid;	   /* thread that is counted; 0: the CPU .cpu */
	u32 inherit;	   /* children are, too: programs cannot read that */
	u32 times;	   /* odd: .since and .before are being changed */
	u64 since, before; /* ns: enabled since then, 0: it is not; enabled before that */
	u64 reset;	   /* ns that are no longer counted */
	/* NULL until the client maps its pages; set last, with a release store. */
	struct perf_event_mmap_page *page;
	u8 *data;
	u64 data_size;
	u64 head; /* the producer's own copy of page->data_head: the client can scribble on that */
};

#endif
