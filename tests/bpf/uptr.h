/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What programs and the process of uptr_test.c have in common. */
#ifndef UPTR_H
#define UPTR_H

struct shared_in {
	long a, b;
	char text[24];
};

struct shared_out {
	int sum, runs; /* its size is no multiple of eight */
	char word[12];
	short last, more;
	int unused[1];
};

#endif
