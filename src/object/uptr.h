/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * User pointers in values of task storages (Linux: btf_record fields of kind BPF_UPTR, and
 * bpf_obj_pin_uptrs() of kernel/bpf/syscall.c). Linux pins the page of the process, and programs work
 * on it. Here they run in another process: what they are given is a copy, made anew from the process's
 * memory when a run gets the value; what a run has changed in it is written back when the run ends.
 * DIFF(uptr).
 *
 * A copy lies in the heap of objects. The value holds one reference, as does each run that was
 * given it.
 */
#ifndef SKEP_OBJECT_UPTR_H
#define SKEP_OBJECT_UPTR_H

#include "object/map.h"

struct map_object;

#define UPTR_MAX 4096 /* bytes, of one page */

/* Words of the copy follow, then as many as they were when process and copy last agreed. */
struct bpf_uptr {
	u64 addr;  /* in the process */
	s32 mem;   /* its memory: a descriptor of /proc/PID/mem */
	u32 size;  /* of what is there */
	u32 words; /* that hold it */
	u32 refs, lock;
	u32 pad;
};

static inline u64 *uptr_copy(const struct bpf_uptr *u)
{
	return (u64 *)(u + 1);
}

/* Of what a value holds. */
static inline struct bpf_uptr *uptr_of(const void *copy)
{
	return (struct bpf_uptr *)copy - 1;
}

/*
 * Before a bpf(2) update: user addresses in @value become copies of what is there, the caller's memory. 0;
 * -EFAULT: there is no memory, or none to be written; -EOPNOTSUPP: it lies in two pages; -ENOMEM.
 */
int uptrs_pin(struct map_object *m, void *value);
/* The copies in @value that no element has taken go. */
void uptrs_unpin(struct map_object *m, void *value);

/* ---- freestanding, rt_uptr.c ---- */

/* The run gets @value of @map, whose copies become what the process has there. False: too many. */
bool uptrs_enter(struct bpf_run *run, const struct bpf_map *map, void *value);
/* Puts the copies in @from, which loses them, into @value, in place of what is there. The slot is held. */
void uptrs_move(const struct bpf_map *map, void *value, void *from,
		const struct skep_platform *platform);
void uptr_put(struct arena *arena, const struct skep_platform *platform, struct bpf_uptr *u);

#endif
