/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What flags_test asks of a program: some helper calls, and what each said. */
#ifndef FLAGS_H
#define FLAGS_H

#define FLAG_STEPS 4

enum flag_what {
	NOTHING,
	SET_HASH,
	HASH,
	STORE,
	L4_CSUM,
	SET_TUNNEL,
	GET_TUNNEL,
	ADJUST_ROOM,
	CSUM_LEVEL,
	LOAD_RELATIVE,
	SET_TSTAMP,
	CHECK_MTU,
	LOOKUP_SOCK,
	SHOW_TYPE,
	STACK,
	ASSIGN,
	GSO_SIZE,
};

struct flag_step {
	unsigned int what;
	int a, b;
	unsigned int pad;
	unsigned long long c, d, flags;
	long long ret;
	unsigned long long value;
	unsigned char buf[64];
};

struct flag_call {
	struct flag_step step[FLAG_STEPS];
};

#endif
