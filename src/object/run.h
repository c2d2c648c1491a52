/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A run: one execution of a program. It owns a CPU slot of its system from claim
 * to release; the slot's number is the CPU that the program sees, which makes
 * per-CPU values exclusive. Freestanding: part of the runtime.
 *
 * Every helper has the C type bpf_helper_t: the five BPF arguments and, in the
 * sixth argument register, the run. JITed code keeps the run in a callee-saved
 * register for that purpose, so no helper needs thread-local storage.
 */
#ifndef SKEP_OBJECT_RUN_H
#define SKEP_OBJECT_RUN_H

#include "base/types.h"

struct bpf_map;
struct bpf_seq;
struct bpf_prog;
struct bpf_task;
struct bpf_run;
struct arena;
struct async_cb;

typedef u64 (*bpf_helper_t)(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
/* A program's native entry, and the shape of BPF callbacks (r1..r5 as the helper's contract says). */
typedef u64 (*bpf_entry_t)(const void *ctx, struct bpf_run *run);

#define BPF_MAX_SLOTS	   1024
#define BPF_MAX_TAIL_CALLS 33

/* What helpers ask of world objects; arguments and results in u64, errors as -errno. */
enum world_op {
	WORLD_CURRENT_TASK, /* its task_struct; 0: there is no world */
	WORLD_TASK_REGS,    /* task_struct -> its struct pt_regs; 0 */
	WORLD_CGROUP_ID,    /* level of the ancestor, -1: its own -> id; 0: none */
	WORLD_D_PATH,	    /* struct path, buffer, size -> length with NUL */
	WORLD_NS_PIDS,	    /* device and inode of a pid namespace, struct bpf_pidns_info to fill */
	WORLD_SEND_SIGNAL,  /* signal, whether to the thread only */
	WORLD_SIGNAL_TASK,  /* task_struct, signal, whether to its process, its value -> 0 */
	WORLD_COPY_FROM_TASK, /* to, size, from, task_struct */
	WORLD_SOCK_CAST, /* sock or struct bpf_rt_sock, name of a struct that begins with it (0: any), IPv6 only -> sock; 0 */
	WORLD_SOCK_COOKIE, /* sock -> cookie */
	WORLD_SOCK_HOLD, /* sock -> cookie, and maps forget it when the socket ends; -errno: none for maps */
	WORLD_SOCK_OPTION, /* sock, or 0 and a descriptor of ours; struct sock_option -> 0 or -errno */
	WORLD_SOCK_BIND, /* struct bpf_rt_sock that is live, struct sockaddr, its size -> 0 or -errno: bound as by the task */
	WORLD_SOCK_OF_FILE, /* file -> struct socket; 0 */
	WORLD_STORAGE_OWNER, /* type of a storage map, object, its identity to fill (two words) -> 0 */
	WORLD_FIB_LOOKUP, /* struct bpf_fib_lookup, flags, whether .tot_len is checked, packet's length -> its result */
	WORLD_SOCK_DESTROY, /* sock -> 0 or -errno: its connection is ended */
	WORLD_SK_LOOKUP, /* protocol, struct bpf_sock_tuple, its size -> struct bpf_rt_sock held; 0 */
	WORLD_SK_HELD,	 /* sock -> struct bpf_rt_sock that the run holds of it; 0 */
	WORLD_SK_BY_COOKIE, /* cookie -> struct bpf_rt_sock held; 0 */
	WORLD_MADE_UP,	    /* type's name, number -> an object for a test run; 0: no such type */
	WORLD_PUT,	    /* such an object, field's name, bytes, size -> 0 or -ENOENT */
	WORLD_FIELD,	    /* object, name of a field -> its value; 0 where it has none */
	WORLD_ALIVE,	    /* object -> whether it is one, and what it stands for is there */
	WORLD_TASK_OF, /* thread id, whether as the current task numbers it -> task_struct; 0 */
	WORLD_UNDER_CGROUP,    /* task_struct, cgroup -> 1, 0 */
	WORLD_CGROUP1,	       /* task_struct, hierarchy of version 1 -> its cgroup there; 0 */
	WORLD_CGROUP_OF,       /* id -> cgroup; 0 */
	WORLD_CGROUP_ANCESTOR, /* cgroup, level -> cgroup; 0 */
	WORLD_EXE_FILE,	       /* task_struct -> file; 0 */
	WORLD_AREA,	 /* task_struct, address, whether it must be in it -> vm_area_struct; 0 */
	WORLD_NEXT_TASK, /* task_struct or 0, whether of its process -> the next one; 0 */
	WORLD_CGROUP_PARENT,  /* cgroup -> the one above it; 0 */
	WORLD_NEXT_CGROUP,    /* cgroup, one below it or 0, children first -> the next one; 0 */
	WORLD_CGROUP_TASK,    /* cgroup, a task of it or 0, processes only -> the next one; 0 */
	WORLD_KERN_CTX,	      /* context of a program on packets -> the kernel's struct for it; 0 */
	WORLD_CLONE_REDIRECT, /* struct sk_buff, ifindex, flags -> 0 or -errno */
	WORLD_DEVICE_MTU,     /* ifindex -> its MTU or -ENODEV */
	WORLD_SKB_CGROUP, /* struct sk_buff, level of an ancestor or -1 -> id of its sender's cgroup; 0 */
	WORLD_ROUTE_REALM, /* struct sk_buff with .route -> realms of that; 0 */
	WORLD_NEXT_HOP, /* struct sk_buff, the next hop's address or 0, table or 0 -> 0 or -errno: .hop is filled */
	WORLD_TUNNEL_SOURCE, /* struct sk_buff, IPv6 address of a tunnel's end, that of its begin to fill -> 0 or -errno */
	WORLD_FLOW_DISSECT, /* struct sk_buff, struct bpf_flow_keys to fill -> 1: a program has done it; 0 */
	WORLD_XATTR, /* file, dentry or cgroup, name, buffer, size, whether the task must have been let -> length */
	WORLD_SET_XATTR, /* dentry, name, value, size, flags of setxattr(2), or (u64)-1 to remove it -> 0 or -errno */
	WORLD_VERITY,	 /* file, struct fsverity_digest, room for its digest -> 0 or -errno */
	WORLD_FILE_READ, /* file, buffer, size, offset, whether it may wait -> 0 or -errno */
	WORLD_FILE_HASH, /* file, buffer, size -> number of the algorithm, or -EOPNOTSUPP */
	WORLD_SHOW, /* buffer, size, struct btf_ptr, flags, world_reader_t -> length without NUL */
};

#define KERNEL_SYMBOL_MAX 128

/* What helpers ask of the system that runs them, not of the world: args -> result. */
enum kernel_call {
	KERNEL_CALL_BPF,   /* command, union bpf_attr *, its size -> as bpf(2) */
	KERNEL_CALL_CLOSE, /* a descriptor of the caller's -> 0 or -errno */
	KERNEL_CALL_COUNTER, /* struct perf_ring *, u64[3] for count, ns enabled, ns running -> 0 or -errno */
	KERNEL_CALL_SYMBOL, /* name -> address; 0: there is no such function */
	/* address, char[KERNEL_SYMBOL_MAX], u64[2] for offset and size -> 0 or -ENOENT */
	KERNEL_CALL_SYMBOL_AT,
	/* struct bpf_map of sockets, key, cookie, whether it is TCP's, u64[2] -> as psock_reserve() */
	KERNEL_CALL_SOCK_RESERVE,
	KERNEL_CALL_SOCK_LINK,	  /* the same, and what came of putting it there -> 0 */
	KERNEL_CALL_STREAM_STACK, /* stream -> 0 or -errno: who called whom, by run->frames */
	KERNEL_CALL_MAP_COUNT,	  /* id of a map -> its elements, where Linux counts them; 0 */
	KERNEL_CALL_KEY_LOOKUP,	  /* serial number, flags -> struct bpf_key; 0 */
	KERNEL_CALL_KEY_SYSTEM,	  /* number of a kernel's keyring -> the same */
	/* data, its size, message that signs it, its size, struct bpf_key -> 0 or -errno */
	KERNEL_CALL_KEY_VERIFY,
	KERNEL_CALL_SLAB_CACHE,	   /* how many are before it -> struct kmem_cache; 0 */
	KERNEL_CALL_RSTAT_UPDATED, /* struct cgroup, CPU */
	KERNEL_CALL_RSTAT_FLUSH,   /* struct cgroup */
	KERNEL_CALL_TASK_WORK, /* struct async_cb, task_struct, enum task_work_mode -> 0 or -ESRCH */
	KERNEL_CALL_BTF,       /* name, kind -> id | a descriptor of its BTF << 32, or -errno */
};

/* Reads kernel memory as programs may: 0 or -errno. */
typedef int (*world_reader_t)(struct bpf_run *run, void *dst, u64 src, u32 size);

enum pages_op {
	PAGES_POPULATE, /* zeroed memory: 0 or -ENOMEM */
	PAGES_REMOVE,	/* no memory any more, in any process: 0 */
	PAGES_TOUCHED,	/* the first page that has memory, -1: none */
};

/*
 * What the freestanding runtime needs from its surroundings. One table per
 * process; nothing in the runtime makes a system call in any other way, so that
 * record and replay can be put between.
 */
struct bpf_uptr;
enum uptr_op { UPTR_READ, UPTR_WRITE, UPTR_CLOSE };

struct skep_platform {
	u64 (*ktime_ns)(int clock); /* CLOCK_MONOTONIC, _BOOTTIME, _TAI, _MONOTONIC_COARSE */
	u64 (*random)(void);
	u32 (*cpu)(void); /* the caller's CPU, a hint for slot_claim() */
	u32 (*tid)(void); /* the caller's thread id, never 0 */
	/* Of the calling thread; a run on behalf of another has run->task (object/task.h). */
	u64 (*pid_tgid)(void);		   /* tgid << 32 | tid */
	u64 (*uid_gid)(void);		   /* gid << 32 | uid */
	void (*comm)(char *buf, u32 size); /* NUL-terminated, rest zeroed */
	void (*yield)(void);
	/* Called after a long wait for @lock, held by thread @owner: frees it if @owner has died. */
	void (*recover)(u32 *lock, u32 owner);
	void (*abort)(const char *why); /* a broken invariant; does not return */
	/* Backs [addr, addr + len) of the arena with real pages. 0 or -ENOMEM. */
	int (*back)(struct arena *arena, void *addr, u64 len);
	/* Pages [addr, addr + len) of a client's file. */
	long (*pages)(void *addr, u64 len, enum pages_op op);
	/* One line written by bpf_trace_printk(), without the trailing NUL. */
	void (*trace)(struct bpf_run *run, const char *line, u32 len);
	/* Text for standard stream @id (1, 2) of the running program: 0, -ENOENT, -ENOSPC, -ENOMEM. */
	int (*stream)(struct bpf_run *run, u32 id, const char *text, u32 len);
	/* Wakes whoever polls @ring: the struct bpf_map of a ring buffer, or a struct perf_ring. */
	void (*wake)(void *ring);
	/*
	 * Reads the window of world objects, filling in what is read: 0, or -EFAULT for what no
	 * object holds and for fields that skep does not fill (these are noted for the end).
	 */
	int (*read_world)(struct bpf_run *run, void *dst, u64 src, u32 size);
	/* A string there: at most @size (not 0) bytes with the NUL that is always written; length with NUL. */
	long (*read_world_str)(struct bpf_run *run, char *dst, u64 src, u32 size);
	u64 (*world)(struct bpf_run *run, enum world_op op, const u64 *args);
	u64 (*kernel_call)(struct bpf_run *run, enum kernel_call op, const u64 *args);
	/* Fault-tolerant reads of memory that programs share with the runtime: 0 or -EFAULT. */
	int (*read_own)(void *dst, u64 src, u32 size);
	long (*read_own_str)(void *dst, u64 src, u32 size); /* length with NUL or -EFAULT */
	/* The same of the memory of the process that makes the call. */
	int (*read_user)(void *dst, u64 src, u32 size);
	long (*read_user_str)(void *dst, u64 src, u32 size); /* length with NUL or -EFAULT */
	int (*write_user)(u64 dst, const void *src, u32 size);
	/* The process's memory behind a user pointer, from byte @off on (object/uptr.h): 0 or -EFAULT. */
	int (*uptr)(struct bpf_uptr *u, u32 off, void *buf, u32 size, enum uptr_op op);
	/* Callbacks that run later (object/async.h): when, 0: not any more; programs for them. */
	void (*async)(struct arena *arena, struct async_cb *cb, u64 due);
	int (*prog_get)(const struct bpf_prog *prog); /* 0, or -ENOENT */
	void (*prog_put)(const struct bpf_prog *prog);
};

/*
 * Where a run left BPF code for C that may come back to it: a function being interpreted, or what
 * called a C function that calls back. Between two of them native frames follow each other.
 */
struct bpf_run_frame {
	struct bpf_run_frame *prev;  /* of who called this */
	const struct bpf_prog *prog; /* whose operation .at is interpreted; NULL: native code */
	u64 at, sp;		     /* where that goes on, and its stack pointer then */
};

/* Of the function that it is in, which native code calls. The end: run->frames = name.prev. */
#define RUN_FRAME(name, run)                                                                       \
	struct bpf_run_frame name = { .prev = (run)->frames,                                       \
				      .at = (u64)(uintptr_t)__builtin_return_address(0),           \
				      .sp = (u64)(uintptr_t)__builtin_dwarf_cfa() };               \
	(run)->frames = &(name)

/* bpf_redirect*() leaves its wish here; the hook that ran the program acts on it. */
enum { REDIRECT_NEIGH = 1 << 1, REDIRECT_PEER = 1 << 2 }; /* in .flags, beside BPF_F_INGRESS */
struct bpf_redirect_info {
	u32 tgt_index; /* ifindex, or key of .map */
	u32 flags;
	struct bpf_map *map; /* NULL: tgt_index is an ifindex */
	u32 kind;	     /* hook-defined; 0: none */
	u32 nh_family;	     /* REDIRECT_NEIGH: of the run's .next_hop; 0: none is named */
	u64 sock;	     /* cookie of an element of .map, a map of sockets */
};

struct bpf_run {
	struct arena *arena;
	const struct skep_platform *platform;
	const struct bpf_prog *prog; /* the running program; follows tail calls */
	void *ctx;		     /* what the hook passed */
	u32 cpu;		     /* the claimed slot */
	u32 tail_calls;		     /* made so far in this run */
	u64 insns;		     /* instructions done, where they are counted: interp_count() */
	u32 interpret;		     /* non-zero: by the interpreter even if compiled */
	u32 callee;		     /* bpf_tramp_native(): the function to call */
	u64 attach_cookie;
	u64 func_ip;
	/* Of programs attached to a cgroup, as where: for bpf_get_local_storage(). 0: to none. */
	u64 cgroup;
	u32 cgroup_attach_type;
	u32 node;     /* of memory: the slot's */
	u32 nr_uptrs; /* of the slot's .uptrs: that this run was given; 0 at its start */
	struct bpf_redirect_info redirect;
	u32 next_hop[4];
	/* Where a thrown exception ends: set while a program runs that can throw. */
	void *catch[5];
	struct bpf_run_frame *catch_frames; /* .frames there */
	u64 thrown;			    /* what the program returns then */
	void *event;			    /* hook-private: the event being handled */
	/* Of a program that watches another one: the run that it looks at, and its context as is shown. */
	const struct bpf_run *watched;
	u64 shown;
	struct bpf_task *task; /* on whose behalf; NULL: the calling thread's own */
	/*
	 * Ring buffers in which this run has unsubmitted records: address of the map plus
	 * how many. All 0 at the start of a run, and again at its end.
	 */
	u64 rings[4];
	struct bpf_seq *seq; /* output of an iterator; NULL: it is none. object/iter.h */
	u64 pid_tgid; /* of the calling thread; 0: nobody has asked since the slot was claimed */
	u64 random;   /* state of run_random(); 0: none yet */
	s32 retval;   /* of the call that a control group's program decides on: bpf_set_retval() */
	/* Of programs that run at a function's entry and at its return, too; src/hook. */
	struct hook_sessions *sessions;
	struct bpf_session *session; /* the program's own; NULL: it is of no session */
	bool session_return;
	bool mm_looked_at; /* in an interrupt: Linux unlocks it behind that */
	struct sk_buff *
		packet; /* what a struct sk_buff of the world that the program was given stands for */
	struct bpf_run_frame *frames; /* the innermost; NULL: none */
};

/* What a program keeps from one function's entry to its return. */
struct bpf_session {
	const void *key; /* its link */
	u64 row;	 /* the function */
	u64 cookie;	 /* bpf_session_cookie() */
	bool skip;	 /* it does not want to see the return */
};

/*
 * Shared word of one CPU slot. owner is the thread id that runs on it (0: free);
 * epoch is the arena's epoch at claim. The pair delays every free, see arena.h.
 * nesting counts programs stacked on the slot by the owner itself (a program run
 * from a helper of another); busy[] refuses re-entry of one tracing program.
 */
#define BPF_SLOT_NESTING 5
#define BPF_SLOT_UPTRS	 32
struct bpf_slot {
	u32 owner;
	u32 nesting;
	u32 node; /* of memory, on the machine: machine.h */
	u64 epoch;
	u64 runs;
	const struct bpf_prog *busy[BPF_SLOT_NESTING]; /* tracing programs running on it */
	struct async_cb *timer;			       /* whose callback is running; NULL: none */
	/* User pointers' copies that the runs on it work on: object/uptr.h. */
	u32 nr_uptrs;
	struct bpf_uptr *uptrs[BPF_SLOT_UPTRS];
} __attribute__((aligned(64)));

/*
 * Claims a slot, the caller's own CPU's first; waits (yielding) when all are
 * held. Nested claims by the owning thread succeed on the same slot. Fills
 * run->{arena,platform,cpu}; other fields are the caller's.
 */
void slot_claim(struct arena *arena, const struct skep_platform *platform, struct bpf_run *run);
void slot_release(struct bpf_run *run);
/* What the run has changed in the memory behind user pointers is written there. By slot_release(). */
void uptrs_leave(struct bpf_run *run);

/*
 * What a BPF_PROBE_MEM load of @how & PROBE_SIZE bytes at @addr yields: of a world object, or 0.
 * With PROBE_SIGNED sign-extended. With PROBE_MAP @addr is a map, whose field is read as Linux has it.
 */
enum {
	PROBE_SIZE = 15,
	PROBE_SIGNED = 16,
	PROBE_MAP = 32,
	PROBE_FIELD_SHIFT = 8,
	PROBE_BYTE_SHIFT = 16
};
/* Fields of the kernel's structs of maps that are shown. */
enum map_shown_field {
	MAP_SHOWN_NOTHING, /* reads as 0 */
	MAP_SHOWN_TYPE,
	MAP_SHOWN_KEY_SIZE,
	MAP_SHOWN_VALUE_SIZE,
	MAP_SHOWN_MAX_ENTRIES,
	MAP_SHOWN_EXTRA,
	MAP_SHOWN_FLAGS,
	MAP_SHOWN_ID,
	MAP_SHOWN_ARRAY_ELEM_SIZE,
	MAP_SHOWN_ARRAY_INDEX_MASK,
	MAP_SHOWN_HASH_BUCKETS,
	MAP_SHOWN_HASH_ELEM_SIZE,
	MAP_SHOWN_HASH_COUNT,
};
static inline u32 probe_map_field(enum map_shown_field field, u32 byte)
{
	return PROBE_MAP | (u32)field << PROBE_FIELD_SHIFT | byte << PROBE_BYTE_SHIFT;
}
u64 rt_probe_load(struct bpf_run *run, u64 addr, u32 how);

/* Runs @prog natively if it has been compiled, else interpreted. The slot is held. */
u64 bpf_prog_run(const struct bpf_prog *prog, void *ctx, struct bpf_run *run);

#endif
