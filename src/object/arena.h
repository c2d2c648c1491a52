/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The shared memory of a system: a leased sub-range of the 16 TiB at
 * 0x200000000000, at the same address in every process that has it. One memfd
 * (private to trusted processes) backs it; maps and programs are page ranges
 * ("segments") of it. Code lives in a second memfd that is mapped read+execute
 * and written with pwrite(), so no page is ever writable and executable.
 *
 *   +0                 struct arena (header, slots, allocator state)
 *   +ARENA_WORLD       window of world objects, backed by read-only zero pages
 *   +ARENA_OBJECTS     its upper end: objects that programs allocate
 *   +ARENA_HEAP        segments
 *   +ARENA_CODE        JITed code (read+execute)
 *
 * The allocator's state is in the header behind a robust lock, so a forked child
 * and its parent do not hand out the same pages. Pages are backed (fallocate)
 * before use: exhaustion is -ENOMEM, never SIGBUS.
 *
 * Frees are delayed: arena_retire() notes the epoch, and arena_reclaim() (called
 * before each command and when idle) runs the callbacks that no run older than
 * their epoch can still see.
 */
#ifndef SKEP_OBJECT_ARENA_H
#define SKEP_OBJECT_ARENA_H

#include "object/run.h"

#define ARENA_BASE	   0x200000000000ULL
#define ARENA_LEASE_SIZE   (256ULL << 30)
#define ARENA_LEASES	   64
#define ARENA_WORLD	   (1ULL << 30)
#define ARENA_OBJECTS	   (15ULL << 30) /* objects that programs allocate: rt_heap.h */
#define ARENA_OBJECTS_SIZE (ARENA_HEAP - ARENA_OBJECTS)
#define ARENA_HEAP	   (16ULL << 30)
#define ARENA_CODE	   (254ULL << 30)
#define ARENA_CODE_SIZE	   (1ULL << 30)

struct arena {
	u64 magic;
	u64 size;
	u64 epoch;    /* starts at 1; grows with each retirement */
	u32 nr_slots; /* possible CPUs, as libbpf_num_possible_cpus() counts them */
	u32 lock;     /* allocator; holds the owner's tid */
	u32 stats;    /* somebody wants run counts and times of programs (BPF_ENABLE_STATS) */
	u32 profile;  /* kver of the system: some helpers' results changed over time */
	struct skb_tunnel *tunnels;	 /* of each slot: object/packet.h */
	struct test_object *test_object; /* of bpf_kfunc_call_test_acquire(); NULL: not yet */
	u64 cookie_secret[4];		 /* of SYN cookies */
	u64 pointer_secret[2];		 /* of addresses in text: siphash.h */
	u64 tick_ns;			 /* of the machine's kernel: machine.h */
	int fd, code_fd; /* memfds; inherited by fork under the same numbers; code_fd -1: no JIT */
	/* which life the file of an object is in, where it is not its first; fd.c */
	struct file_life {
		u64 inode, number;
	} lives[16];
	struct bpf_slot slots[BPF_MAX_SLOTS];
	/* private allocator state follows; see arena.c */
};

/* The lease of which @p is a part: 0..ARENA_LEASES - 1, or -1. */
static inline int arena_lease_of(const void *p)
{
	u64 off = (u64)p - ARENA_BASE;

	return off < ARENA_LEASES * ARENA_LEASE_SIZE ? (int)(off / ARENA_LEASE_SIZE) : -1;
}

/* Control side (not freestanding). */
int arena_new(struct arena **out, u32 nr_slots); /* leases, maps; 0 or -errno */
void arena_destroy(struct arena *arena);	 /* unmaps and gives the lease back */
/*
 * A zeroed segment: @reserve bytes of address space of which the first @backed
 * are backed by pages. Page-aligned. NULL with *err = -ENOMEM.
 */
void *arena_alloc(struct arena *arena, u64 reserve, u64 backed, int *err);
int arena_back(struct arena *arena, void *addr, u64 len); /* 0 or -ENOMEM */
void arena_free(struct arena *arena, void *segment, u64 reserve);
/* From now on pages of [at, at + len) are of memory node @node if they can; -1: of any, as at first. */
void arena_prefer_node(void *at, u64 len, int node);
/* A page range of the client-visible @fd (see object.h) mapped into the heap. */
void *arena_map_fd(struct arena *arena, int fd, u64 len, int *err);
void arena_unmap_fd(struct arena *arena, void *addr, u64 len);
/* Moves such a mapping into a segment, at @to; arena_unmove_fd() ends that. 0 or -errno. */
int arena_move_fd(struct arena *arena, void *addr, void *to, u64 len);
void arena_unmove_fd(struct arena *arena, void *to, u64 len);
/*
 * @len bytes of the code range, filled with int3 and followed by a guard page of
 * int3; bytes get there by arena_code_write() only. -EACCES where the host forbids
 * executable shared memory (the system then interprets, and says so).
 */
void *arena_code_alloc(struct arena *arena, u64 len, int *err);
int arena_code_write(struct arena *arena, void *at, const void *bytes, u64 len);
void arena_code_free(struct arena *arena, void *code, u64 len);

struct arena_retired {
	struct arena_retired *next;
	u64 epoch;
	void (*free)(struct arena_retired *r);
};
/* Calls r->free(r) once no current run can still hold what it frees. Takes the process-private list. */
void arena_retire(struct arena *arena, struct arena_retired **list, struct arena_retired *r);
void arena_reclaim(struct arena *arena, struct arena_retired **list);
/* Frees slots whose owning thread has died (killed in a run). */
void arena_recover_slots(struct arena *arena);
/* Whether thread @tid is gone for good (a zombie counts as gone). */
bool thread_is_dead(u32 tid);
/* Bytes of pages in use, for tests and statistics. */
u64 arena_pages_used(const struct arena *arena);
/* Whether every run that began before @epoch has ended (freestanding). */
bool arena_quiescent(const struct arena *arena, u64 epoch);

#endif
