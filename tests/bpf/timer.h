/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tests/bpf/timer.bpf.c and tests/unit/timer_test.c share. */
#ifndef TEST_TIMER_H
#define TEST_TIMER_H

enum {
	TIMER_INIT,
	TIMER_SET,
	TIMER_SET_REMOVES,
	TIMER_START,
	TIMER_START_ABS,
	TIMER_START_BOOT,
	TIMER_CANCEL,
	TIMER_AGAIN,
};

struct timer_step {
	__u64 step, key, arg, flags;
	__s64 result;
};

/* What callbacks leave. */
struct timer_seen {
	__u64 fired, last_key;
	__u64 order; /* keys, four bits each */
	__s64 cancelled_itself, started_again, removed;
};

#endif
