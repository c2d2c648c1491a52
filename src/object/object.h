/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects of a system: maps, programs, links and BTF, each with an id, a
 * reference count and descriptors (Linux: the anon inodes, idr and refcounts of
 * kernel/bpf/syscall.c).
 *
 * A descriptor is a memfd named as the kernel names the object's file; its inode
 * is the object's identity. Whether any process still holds one is decided by a
 * write-lease probe (F_SETLEASE) on a read-only description that the system
 * keeps; inotify IN_CLOSE only wakes us. An object lives while it has
 * descriptors (counted as one reference, "held") or references from other
 * objects (links, maps, programs, pins).
 */
#ifndef SKEP_OBJECT_OBJECT_H
#define SKEP_OBJECT_OBJECT_H

#include "base/idmap.h"
#include "base/vec.h"
#include "object/arena.h"
#include "object/diag.h"
#include "object/map.h"
#include "object/prog.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* the kernel's; bpf(2) lets it out */
#endif

enum object_kind {
	OBJECT_MAP,
	OBJECT_PROG,
	OBJECT_LINK,
	OBJECT_BTF,
	OBJECT_PERF,	   /* perf event; has no id */
	OBJECT_STATS,	   /* descriptor of BPF_ENABLE_STATS; has no id */
	OBJECT_TOKEN,	   /* has no id; token.h */
	OBJECT_FS_CONTEXT, /* of fsopen("bpf"); has no id */
	OBJECT_KINDS,
};

struct skep_system;

struct object {
	enum object_kind kind;
	u32 id;		 /* 0: not published */
	u32 refs;	 /* references by other objects and by running commands */
	u32 pins;	 /* of the references: by the tree of pins, which count as descriptors do */
	bool held;	 /* some process has a descriptor */
	bool restricted; /* one was given that cannot both read and write */
	bool dying;	 /* destroy() has been called */
	bool plain_file; /* empty, sealed and made for no other process: fit for another object */
	bool let_go;	 /* its last descriptor is known to be gone */
	bool suspect;	 /* a close was seen, but a descriptor still counted: probe again */
	int probe_fd;	 /* read-only description; -1: never had a descriptor */
	int watch;	 /* inotify watch, -1: none */
	u32 generation;	 /* of the process that made it: only that one gives arena pages back */
	u64 inode;
	u64 life;	   /* of its file, which may have served others before */
	u64 suspect_since; /* CLOCK_MONOTONIC ns */
	u32 created_by_uid;
	u64 load_time; /* CLOCK_BOOTTIME ns */
	struct skep_system *sys;
	/* Drops what the object refers to and retires its memory; nobody refers to it. */
	void (*destroy)(struct object *o);
	struct arena_retired retired;
};

struct map_object {
	struct object obj;
	struct bpf_map *map; /* in the arena */
	const struct bpf_map_ops *ops;
	struct object_btf *btf; /* or NULL */
	u32 btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id;
	struct map_object *inner_template; /* map-in-map: copy of meta data only */
	u64 charge;			   /* memlock as Linux reports it, bytes */
	u32 updates;			   /* of a storage, by bpf(2): now and then it is swept */
	u32 open_flags;			   /* BPF_F_RDONLY, BPF_F_WRONLY: access by descriptors */
	bool exclusive; /* only for the program with this hash (excl_prog_hash) */
	u8 exclusive_to[32];
};

struct object_btf {
	struct object obj;
	struct btf *btf;
	bool kernel; /* vmlinux, our split of it, or a module's */
	bool module;
	struct object_btf *next;      /* module of the same kernel */
	struct record_table *records; /* special fields of its structs; record.c */
	char name[64];
};

struct prog_object {
	struct object obj;
	struct bpf_prog *prog; /* in the arena */
	const struct bpf_prog_type_ops *ops;
	/*
	 * What of the program skep lacks, "helper bpf_x"; "" when it can run. Only a
	 * system that judges (sys->verdict) has such programs.
	 */
	char missing[64];
	struct prog_stream {
		char *text;
		u32 len;
	} streams[2];		     /* what it wrote to BPF_STREAM_STDOUT and _STDERR, unread */
	struct bpf_insn *orig_insns; /* as loaded */
	u32 orig_len;
	struct bpf_insn *xlated; /* fixed up, with map ids instead of addresses, for dumps */
	struct map_object **used_maps;
	u32 nr_used_maps;
	struct object_btf *btf; /* prog BTF or NULL */
	struct object_btf *attach_btf;
	u32 attach_btf_id;
	struct token_object *token;    /* by which it was loaded, or NULL */
	struct map_object *struct_ops; /* BPF_PROG_ASSOC_STRUCT_OPS: referenced; or NULL */
	struct prog_object *dst_prog; /* freplace, fentry of programs; until the first attachment */
	u32 target_type, target_attach_type; /* EXT: of what it was loaded for */
	bool traces_prog;		     /* fentry, fexit: of a program */
	bool session_cookie;		     /* calls bpf_session_cookie() */
	u32 array_members,
		extensions; /* program arrays it is in, EXT programs in its place: never both */
	struct bpf_func_info *func_info;
	u32 nr_func_info;
	u8 *func_flags; /* PROG_FUNC_*, by subprogram; NULL without .func_info */
	struct bpf_line_info *line_info;
	u32 nr_line_info;
	void *debug; /* what debuggers know of the code; src/jit/debug.c */
	void (*forget_code)(struct prog_object *p); /* takes that back; or NULL */
	u32 *native_at; /* by instruction: where its code begins in prog->code; NULL: no code */
	u32 *native_at_before; /* that of the code before .guard_code(): somebody may be reading it */
	struct jit_frame *frames; /* of the code, for jit_caller(); sys->lock */
	u32 nr_frames;
	/*
	 * Compiles again, so that calls look at prog->tramp; before something is attached to a function
	 * but the main one. 0 or -errno. sys->lock is held. NULL: no code.
	 */
	int (*guard_code)(struct prog_object *p);
	u32 verified_insns;
	u32 storage_ids[2]; /* of the cgroup storages that it was loaded with, by kind; or 0 */
	bool tail_call_reachable; /* the program or a function of it tail-calls */
	bool kprobe_override;	  /* calls bpf_override_return(): cannot be tail-called */
	bool dev_bound;	   /* BPF_F_XDP_DEV_BOUND_ONLY: for one device, the number of which is .. */
	u32 bound_ifindex; /* .. this; 0: that one is gone */
	u32 max_tp_access; /* the same of a writable tracepoint's buffer */
	u32 max_ctx_offset; /* first byte of plain-memory contexts that no access reaches */
	u32 max_rdonly_access,
		max_rdwr_access; /* bytes that it reaches into an iterator's buffers */
	u32 load_flags;
	u32 prog_flags;
	u32 log_true_size; /* out of bpf_check(): bytes the whole log takes, for attr.log_true_size */
	void *segment;	   /* arena memory of what prog points to */
	u64 segment_size;
	u64 ops_size;  /* of the segment of prog->ops */
	u64 prog_size; /* of the segment that holds *prog itself */
	struct prog_facts
		*facts; /* per-instruction knowledge for code generation, see verifier/facts.h */
};

/*
 * A perf event. Software event BPF_OUTPUT: a ring that programs write and a client maps. Others
 * run the program that is attached to them, and their ring stays empty.
 */
struct perf_object {
	struct object obj;
	struct perf_ring *ring;	    /* in the arena */
	struct perf_target *target; /* what runs its program; NULL: BPF_OUTPUT. See hook/perf.h */
	void (*release)(struct perf_object *p); /* ends .target and .prog; or NULL */
	struct prog_object *prog;		/* PERF_EVENT_IOC_SET_BPF, or NULL */
	u64 file_size;				/* of the client's pages, 0 before its first mmap */
	int raw_fd;				/* to size the file by; -1 afterwards */
	struct perf_counter *counter;		/* hook/perf_count.c; NULL: none */
};

/* Bytes of a stream that wait to be read (Linux: BPF_STREAM_MAX_CAPACITY). */
#define PROG_STREAM_MAX 100000
/* Appends to stream @id (1 or 2) of @prog's: 0, -ENOENT, -ENOSPC, -ENOMEM. */
int prog_stream_write(struct skep_system *sys, const struct bpf_prog *prog, u32 id,
		      const char *text, u32 len);

/* Of .func_flags: need not keep to its prototype; may move packet data. */
enum { PROG_FUNC_UNRELIABLE = 1, PROG_FUNC_CHANGES_PKT = 2 };
/* The subprogram that func_info names by BTF id, or -ENOENT. */
int prog_func_by_btf(const struct prog_object *p, u32 btf_id);

/* Notes the first thing that a judged program lacks, "helper" "bpf_x". */
void prog_lacks(struct prog_object *p, const char *what, const char *name);
int prog_runnable(const struct prog_object *p); /* 0, or -EOPNOTSUPP and the reason noted */
/* prog_get_fd() for whoever is to run it. */
struct prog_object *prog_get_runnable_fd(struct skep_system *sys, int fd, int *err);

struct object_table {
	VEC(struct object *) by_id; /* sorted by id */
	u32 next_id;
};

/*
 * Reference rules: object_get_fd() gives a new reference of its kind or NULL with
 * *err (-EBADF, -EINVAL; -ENOENT for ids); object_put() drops it and frees at zero
 * when nothing holds it. All of these take sys->lock, which is recursive.
 */
struct object *object_get_fd(struct skep_system *sys, int fd, enum object_kind kind, int *err);
struct object *object_get_id(struct skep_system *sys, u32 id, enum object_kind kind, int *err);
/* Of whatever kind; NULL with -EBADF, or -EINVAL when @fd is none of ours. */
struct object *object_get_any(struct skep_system *sys, int fd, int *err);
void object_get(struct object *o);
void object_put(struct object *o);
/* A new descriptor of @o for the caller (caller.h). fd or -errno. */
int object_new_fd(struct object *o);		      /* read-write, O_CLOEXEC */
int object_new_fd_mode(struct object *o, int access); /* O_RDWR, O_RDONLY or O_WRONLY */
int object_new_fd_flags(struct object *o, int flags); /* the same, with O_CLOEXEC or without */

static inline struct map_object *map_get_fd(struct skep_system *sys, int fd, int *err)
{
	return (struct map_object *)object_get_fd(sys, fd, OBJECT_MAP, err);
}
static inline struct prog_object *prog_get_fd(struct skep_system *sys, int fd, int *err)
{
	return (struct prog_object *)object_get_fd(sys, fd, OBJECT_PROG, err);
}
static inline struct object_btf *btf_get_fd(struct skep_system *sys, int fd, int *err)
{
	return (struct object_btf *)object_get_fd(sys, fd, OBJECT_BTF, err);
}

/* ---- making objects ---- */

/* One reference, no id, no descriptor. */
void object_init(struct skep_system *sys, struct object *o, enum object_kind kind,
		 void (*destroy)(struct object *o));
/* Gives the next id of its kind. 0 or -errno. */
int object_publish(struct object *o);
/* Makes @runtime (struct bpf_map or bpf_prog in the arena) find @o until it dies. */
int object_set_address(struct object *o, const void *runtime);
struct object *object_of(struct skep_system *sys, const void *runtime); /* borrowed */
/*
 * Makes the file behind the descriptors early, with @size bytes that clients may
 * mmap; *client is their address in the arena. @final: its seals cannot be added to.
 * @sparse: without memory yet.
 */
int object_make_file(struct object *o, u64 size, bool final, bool sparse, void **client);
int object_seal_writes(struct object *o); /* for a file that was not made @final */
/*
 * As above for a file whose size is known later (perf rings): it is made without
 * pages; *raw is the uncounted descriptor to size it by, which the caller closes.
 */
int object_make_file_unsealed(struct object *o, int *raw);
int object_size_file(struct object *o, int raw, u64 size, void **client);
/* Gives up the file of a dying object; destroy() calls it. */
void object_forget_file(struct object *o);
/* Frees @o->retired's holder by @free once no run can see it. */
void object_retire(struct object *o, void (*free)(struct arena_retired *r));
/* Whether this process made @o, so that freeing its arena pages is its job. */
bool object_is_mine(const struct object *o);
/* Smallest id greater than @id: 0 or -ENOENT. */
int object_next_id(struct skep_system *sys, enum object_kind kind, u32 id, u32 *next);

/* ---- which objects are still held; see fd.c ---- */

/*
 * Moves a descriptor of ours out of the way: to numbers that a client which closes
 * everything is not given again soon. The old one is closed.
 */
int fd_move_up(int fd);
int objects_start(struct skep_system *sys);
void objects_stop(struct skep_system *sys);
/* Takes note of closed descriptors; with @all, probes every object. Called before each command. */
void objects_drain(struct skep_system *sys, bool all);
/* As if the last descriptor of @o had been closed; the system ends. */
void object_end_hold(struct object *o);

/* ---- maps and programs as objects; see map_object.c, prog_object.c ---- */

/*
 * Whether @m stands for the inner maps of a map-in-map: it has what they share (types,
 * sizes, flags), but ->map is a copy without elements, and none of them at run time.
 */
static inline bool map_is_template(const struct map_object *m)
{
	return !m->obj.id;
}

struct map_object *map_object_new(struct skep_system *sys); /* or NULL */
/* Gives up the eventfds of ring @what. */
void wakers_forget(struct skep_system *sys, const void *what);
/* The eventfd that is written when something arrives in ring @what; made at first use. */
int waker_fd(struct skep_system *sys, const void *what);
/* Replaces (NULL: removes) the object at @key; takes over one reference of @value. */
int map_object_update(struct map_object *m, const void *key, struct object *value, void *runtime,
		      u64 flags);
int map_object_delete(struct map_object *m, const void *key);
/* Drops all elements that are objects (prog arrays, when their last descriptor goes). */
void map_object_clear(struct map_object *m);
/* A program gives the map back that it used. */
void map_object_unuse(struct map_object *m);
/*
 * Storages of cgroups: the values that @p finds when it is attached to cgroup @id (0 or -ENOMEM);
 * all of a cgroup that is gone; and a test run's own, which begins empty (in its slot).
 */
int map_storages_attach(const struct prog_object *p, u64 id, u32 attach_type);
void map_storages_forget(struct skep_system *sys, u64 id);
void map_storages_reset(const struct prog_object *p, struct bpf_run *run);
/* Called for an object whose last descriptor was closed. */
void map_object_unheld(struct map_object *m);

/* With ->prog zeroed in the arena; or NULL. */
struct prog_object *prog_object_new(struct skep_system *sys);
/*
 * Puts what running needs into the arena and sets prog's pointers: copies of
 * @insns, @calls, @subprog_start (nr_subprogs + 1 entries) and @subprog_stack, and
 * room for .subprog_entry (which stays NULL until code generation sets it to
 * prog_entry_room()). 0 or -ENOMEM. Freed with the object.
 */
int prog_object_place(struct prog_object *p, const struct bpf_insn *insns, u32 len,
		      const bpf_helper_t *calls, u32 nr_calls, const u32 *subprog_start,
		      const u32 *subprog_stack, u32 nr_subprogs);
bpf_helper_t *prog_entry_room(const struct bpf_prog *prog);

#endif
