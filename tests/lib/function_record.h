/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause */
/* One run of a recording program. */
#ifndef FUNCTIONS_RECORD_H
#define FUNCTIONS_RECORD_H

enum { RECORD_KPROBE, RECORD_FENTRY, RECORD_FEXIT, RECORD_KRETPROBE, RECORD_KINDS };

struct record {
	__u32 kind, function; /* the row's number */
	__u32 tid, parent;
	__u64 value[6];	  /* what stands for each argument; a return: the first */
	__u16 mode[6];	  /* of inodes */
	char text[2][96]; /* names of the first two that have one */
};

#endif
