/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records of tracepoints: what lies where in the context of a TRACEPOINT program (Linux: what
 * TRACE_EVENT() makes, and events/CATEGORY/NAME/format of tracefs).
 */
#ifndef SKEP_HOOK_RECORD_H
#define SKEP_HOOK_RECORD_H

#include "hook/points.h"

#define RECORD_FIELDS 18   /* one more than any has */
#define RECORD_COMMON 8	   /* bytes: common_type, _flags, _preempt_count, _pid */
#define RECORD_MAX    4608 /* a path and the fields before it */

struct record_field {
	const char *type, *name;
	u16 off, size; /* of all elements */
	u16 count;     /* elements; 1: no array */
	bool is_signed;
	bool data_loc; /* length << 16 | offset of a string behind the fields */
};

struct record_layout {
	u32 id, n, size; /* size: end of the last field; strings follow */
	struct record_field fields[RECORD_FIELDS];
	const char *print; /* NULL: of a system call */
};

/* The layout of @row of HOOK_TRACEPOINT, as the kernel's BTF has it, else as the profile. */
void record_layout(struct skep_system *sys, u32 row, struct record_layout *out);
u32 tracepoint_record_size(struct skep_system *sys, u32 row);
u32 tracepoint_id(u32 row);
/* Row of id @id, or -ENOENT. */
int tracepoint_by_id(const struct skep_system *sys, u64 id);
/* The text of the format file. Length, as snprintf gives it. */
int record_format(struct skep_system *sys, u32 row, char *buf, size_t size);

/*
 * For kfree_skb: the number of a reason, by its name, in the kernel's types (what it does not tell apart is not
 * specified); the address of a kernel function that frees packets.
 */
u64 drop_reason(struct skep_system *sys, const char *name);
u64 drop_place(struct skep_system *sys, const char *function);

/* A record being filled. Fields that a kernel does not have are ignored. */
struct record {
	struct record_layout layout;
	u32 end; /* where the next string goes */
	u8 bytes[RECORD_MAX] __attribute__((aligned(8)));
};
void record_begin(struct record *r, struct skep_system *sys, u32 row, u32 pid);
void record_put(struct record *r, const char *field, u64 value);
void record_put_bytes(struct record *r, const char *field, const void *bytes, u32 size);
void record_put_string(struct record *r, const char *field, const char *s); /* of either kind */

#endif
