/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * World objects from the inside: types with their places in the kernel's BTF, objects
 * with what of them is filled in, and the functions that fill.
 *
 *   world.c      objects, addresses, reads, notes of what is not modelled
 *   layout.c     types and fields, by BTF
 *   proc.c       files of /proc, held open where they are read often
 *   fill_*.c     one file per theme: a filler puts the fields of one group
 *   path.c       paths as tasks mean them
 *
 * A read calls the fillers of the groups of fields that it touches, as fresh as their rows
 * in tables/world.def say. A filler puts values with put(); a byte is valid from then on.
 * DIFF(world-view): docs/differences.md says what that means for single fields.
 * What has been put stays when a later filling fails (the thing is gone): it is what
 * was last known.
 */
#ifndef SKEP_WORLD_INTERNAL_H
#define SKEP_WORLD_INTERNAL_H

#include <sys/stat.h>

#include "base/mem.h"
#include "base/vec.h"
#include "btf/btf.h"
#include "world/world.h"

struct world;
struct wobj;
struct wtask;

/* How long a value is good for. */
enum world_fresh {
	ONCE, /* as long as the object */
	KEPT, /* until an exec or a call that changes it (world_call_done()) */
	RUN,  /* one run of a program */
};

enum world_type_id {
#define WORLD_TYPE(name, base) WT_##name,
#define WORLD_FIELD(type, name, paths, fresh, filler)
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD
	WT_MAX,
	WT_BYTES = WT_MAX, /* strings and other things without a type */
	WT_COUNT,
};

enum world_field_id {
#define WORLD_TYPE(name, base)
#define WORLD_FIELD(type, name, paths, fresh, filler) WF_##type##_##name,
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD
	WF_MAX,
};

#define WORLD_GROUPS 32

/* Returns 0, or -errno when the thing cannot be looked at any more. */
typedef int (*world_filler_t)(struct world *w, struct wobj *o);

/* Where a field is in the kernel in force. */
struct world_place {
	u32 off;
	u16 size;   /* bytes; 0: this kernel has no such field */
	u8 shift;   /* of a bit-field in its first byte */
	u8 bits;    /* of a bit-field, else 0 */
	u32 btf_id; /* of its type */
};

struct world_field {
	u32 off, end;
	u8 group;
};

struct world_name { /* world_set()'s names */
	char *name;
	u32 hash;
	struct world_place at;
};

struct wlist {
	struct wobj *first, *last;
	u32 n;
};

struct world_type {
	const char *name; /* "task_struct" */
	int id;		  /* enum world_type_id, or -1 */
	u32 btf_id;	  /* 0: the BTF has no such type */
	u32 size, stride;
	struct world_field *fields; /* by offset */
	u32 nr_fields;
	u32 longest; /* of .fields: bytes */
	world_filler_t fill[WORLD_GROUPS];
	u8 fresh[WORLD_GROUPS];
	u32 nr_groups;
	u32 kept; /* mask of groups that are KEPT */
	struct world_name *names;
	u32 nr_names, cap_names;
	struct slab *slab; /* the one that new objects come from */
	struct wlist free; /* dead, oldest first */
	struct wlist lru;  /* alive and nobody's, by last hand-out */
	u32 nr;		   /* made at all */
	bool opaque;	   /* every byte is valid */
};

struct slab {
	struct world_type *type;
	u64 base;
	u32 nr;	 /* objects in it so far */
	u32 max; /* that fit */
	struct wobj **objs;
};

enum wobj_state { WOBJ_FREE, WOBJ_LRU, WOBJ_PINNED, WOBJ_TEMP };

struct wobj {
	u64 addr;
	struct world_type *type;
	u8 state;
	bool watched; /* as the owner of a storage, see owner.c */
	u32 filled;   /* mask of groups */
	u64 run;      /* of the RUN groups in .filled */
	u8 *valid;    /* bit per byte */
	u64 key[2];   /* identity among its type */
	struct wobj *next_hash;
	struct wobj *prev, *next; /* .free or .lru of the type */
	struct wobj *next_temp;
	void *priv; /* of the fillers; mem_free()d with the object */
	void (*release)(struct world *w, struct wobj *o); /* of what .priv holds; or NULL */
};

#define WORLD_HASH 8192

/* A table of /proc/TID/net as one run has read it; fill_net.c. */
struct net_text {
	char *text;
	const char *name;
	u64 run;
	pid_t tgid;
};

struct world_note {
	struct world_note *next;
	u64 key;
	char *what; /* "task_struct.utime" */
	char prog[BPF_OBJ_NAME_LEN];
	u64 times;
};

struct world {
	struct skep_system *sys;
	struct btf *btf;
	u64 base, end; /* of the window behind the text */
	struct slab **slabs;
	u32 nr_slabs, max_slabs;
	struct world_type types[WT_COUNT];
	VEC(struct world_type *) others; /* made on demand by world_temp() */
	struct world_type *bytes[8];	 /* by size class */
	struct world_place at[WF_MAX];
	struct wobj *hash[WORLD_HASH];
	struct world_note *notes;
	u64 run;	    /* names the run that reads */
	u64 outside;	    /* how often what is no run has read */
	u64 boot_ns;	    /* CLOCK_BOOTTIME - CLOCK_MONOTONIC at start */
	struct wtask *open; /* tasks with open files of /proc, see proc.c */
	u32 nr_open;
	struct mount_table *mounts; /* fill_mount.c */
	struct net_text net_text;
	u64 files;	    /* made so far */
	u32 sock_dev;	    /* of sockets' inodes; 0: nobody has asked */
	char *cgroup_mount; /* of cgroup v2; "": none */
	u64 held_ino;	    /* world_sock_hold() */
	int held_fd;
	struct sk_lookups *sk_lookups; /* sk_lookup.c; NULL until it is needed */
	bool stopping;
};

static inline u8 *wdata(const struct wobj *o)
{
	return (u8 *)(uintptr_t)o->addr;
}

/* ---- world.c ---- */

/* The object of that identity, made when there is none (*@made, may be NULL); NULL: no memory. */
struct wobj *world_obj(struct world *w, enum world_type_id type, u64 k0, u64 k1, bool *made);
struct wobj *world_find(struct world *w, enum world_type_id type, u64 k0, u64 k1);
/* Whether @addr is of the window, where only objects of the world are. */
static inline bool world_holds(const struct world *w, u64 addr)
{
	return addr - w->base < w->end - w->base;
}
/* The object that @addr lies in, alive or not; NULL. */
struct wobj *world_at(struct world *w, u64 addr);
/* Makes the temporary object @o of task @p a lasting one of that identity. */
void world_promote(struct world *w, struct wtask *p, struct wobj *o, u64 k0, u64 k1);
/* It is kept until world_unpin(), as what supervised tasks own. */
void world_pin(struct world *w, struct wobj *o);
/* Ends it: its address will be used again, late. */
void world_kill(struct world *w, struct wobj *o);
/* A string or other bytes that live as long as @key does; changes in place when they fit. */
u64 world_bytes(struct world *w, u64 k0, u64 k1, const void *bytes, u32 size);
struct world *world_of(struct skep_system *sys); /* started; NULL when that failed */

/* Stores @v in field @f of @o and makes it valid; ignored when the kernel lacks the field. */
void put(struct world *w, struct wobj *o, enum world_field_id f, u64 v);
void put_bytes(struct world *w, struct wobj *o, enum world_field_id f, const void *v, u32 size);
/* A field's address in @o: of embedded structs and lists. 0: no such field. */
static inline u64 world_field_addr(struct world *w, const struct wobj *o, enum world_field_id f)
{
	return w->at[f].size ? o->addr + w->at[f].off : 0;
}
u64 world_get(struct world *w, struct wobj *o, enum world_field_id f);

/* A run begins to read: values of older runs are no longer good. */
void world_enter(struct world *w, const struct bpf_run *run);

/*
 * An object that is not of this world: argument @key of a program that is test-run by this
 * thread, in place of the one before. NULL: no such type.
 */
struct wobj *world_made_up(struct world *w, const char *type, u64 key);
/* The same, as it was if there is one. */
struct wobj *world_reused(struct world *w, const char *type, u64 key);
/* Puts @size bytes into its field, 0 or -ENOENT. */
/* A field's value by its name, filled in if need be; 0: none. */
u64 world_get_field(struct world *w, struct bpf_run *run, u64 object, const char *field);
int world_put(struct world *w, u64 object, const char *field, const void *bytes, u32 size);

/* ---- current.c ---- */

u64 world_call(struct skep_system *sys, struct bpf_run *run, enum world_op op, const u64 *args);

/* ---- layout.c ---- */

int layout_start(struct world *w);
void layout_stop(struct world *w);
/* @path: "a.b[2].c", or several with '|' between them: the first that exists. 0 or -ENOENT. */
int layout_find(const struct btf *btf, u32 btf_id, const char *path, struct world_place *out);
/* As layout_find(), remembered. NULL: none. */
const struct world_place *layout_name(struct world *w, struct world_type *t, const char *path);
/* The type of that name, "struct x" or "x"; made on demand. NULL: no memory. */
struct world_type *layout_type(struct world *w, const char *name);
/* The same without fillers, whatever the type: what is not put into such an object is not there. */
struct world_type *layout_plain(struct world *w, const char *name);
/* Writes the name of the member of @t at @off: "se.vruntime". */
void layout_member_name(struct world *w, const struct world_type *t, u32 off, char *buf, u32 size);

/* ---- proc.c ---- */

enum { PROC_COMM, PROC_STATUS, PROC_STAT, PROC_HELD };

/* A task's /proc directory. */
struct wtask {
	pid_t tid, tgid;
	u64 start;	/* in clock ticks since boot, once somebody has asked */
	struct task *t; /* NULL: not supervised, or gone */
	bool gone;	/* it is another's number now */
	int dir;	/* O_PATH; -1: not open */
	int held[PROC_HELD];
	struct wobj *o;	    /* its task_struct */
	struct wobj *temps; /* of its current call */
	u32 execs;
	u64 *fds; /* of a leader: struct file by descriptor, as last handed out */
	u32 nr_fds;
	struct wtask *prev_open, *next_open;
};

static inline struct wtask *wtask(const struct wobj *o)
{
	return o->priv;
}

/* O_PATH descriptor of the task's directory, -errno. Borrowed. */
int proc_dir(struct world *w, struct wtask *p);
/* Whole file with a NUL behind it, cut to @size; length or -errno. */
long proc_read(struct world *w, struct wtask *p, const char *name, char *buf, u32 size);
long proc_held(struct world *w, struct wtask *p, u32 which, char *buf, u32 size);
long proc_link(struct world *w, struct wtask *p, const char *name, char *buf, u32 size);
void proc_close(struct world *w, struct wtask *p);
/* What follows "@key:" and blanks in a status file; NULL. */
const char *proc_key(const char *text, const char *key);

/* ---- file_ops.c ---- */

/* What programs do to files: WORLD_XATTR and those that follow it. Length, 0 or -errno. */
long world_xattr(struct world *w, struct bpf_run *run, u64 object, const char *name, void *value,
		 u32 size, bool check);
long world_set_xattr(struct world *w, struct bpf_run *run, u64 dentry, const char *name,
		     const void *value, u32 size, u64 flags);
long world_verity(struct world *w, u64 file, void *digest, u32 room);
long world_file_read(struct world *w, u64 file, void *buf, u64 size, u64 off, bool may_wait);

/* ---- owner.c ---- */

/* The identity of the object at @addr. 0, or -errno: -ENOENT when it is no such thing, or gone. */
int world_owner_of(struct world *w, u32 map_type, u64 addr, u64 owner[2]);

/* ---- between the fillers ---- */

/* task_struct of a supervised task, or of thread @tid; NULL when there is none. */
struct wobj *world_task_obj(struct world *w, struct task *t);
struct wobj *world_tid_obj(struct world *w, pid_t tid);
/* The task that an object of WT_cred, WT_mm_struct … belongs to; NULL when it is gone. */
struct wtask *world_owner(struct world *w, struct wobj *o);
/* Another identity for @o; there must be none with it. */
void world_rekey(struct world *w, struct wobj *o, u64 k0, u64 k1);
/* struct file of /proc/TID/@link ("exe"). 0: none. */
u64 world_link_file(struct world *w, struct wtask *p, const char *link);
/*
 * sk_figures.c: what an answer of sock_diag(7) tells of @sk beside addresses. Its cgroup only if @w
 * is not NULL and has no tree of its own.
 */
struct nlmsghdr;
struct bpf_rt_sock;
void sk_figures(const struct world *w, struct bpf_rt_sock *sk, const struct nlmsghdr *h);
/* measure.c: bpf_ima_file_hash() */
long world_file_hash(struct world *w, struct bpf_run *run, u64 file, void *buf, u32 size);
/* The namespace of /proc/TID/ns/@kind. 0: not told. */
u64 world_ns(struct world *w, struct wtask *p, const char *kind);
/* The vm_area_struct that @addr is in or, unless it must hold @addr, the next one behind. 0: none. */
u64 world_area(struct world *w, struct wobj *task, u64 addr, bool holds);
/* The next thread of @task's process, or the next process; NULL: the first. 0: none. */
u64 world_next_task(struct world *w, const struct bpf_run *run, struct wobj *task, bool thread);
/* What follows @pos (0: begin) of @root and all below it, parents before or after their children. */
u64 world_next_cgroup(struct world *w, u64 root, u64 pos, bool children_first);
/* The next task of a control group behind @task (NULL: the first), or process. 0: none. */
u64 world_cgroup_task(struct world *w, u64 cgroup, struct wobj *task, bool leaders);
/* The kernel's struct for the context of a program on packets, whose task is @task (or NULL). 0: none. */
u64 world_kern_ctx(struct world *w, struct bpf_run *run, struct wobj *task, const void *ctx);
void mounts_free(struct world *w);
void sk_lookups_stop(struct world *w);
long world_device_mtu(u32 ifindex); /* of the namespace that we are in, or -ENODEV */
/* The socket that gets packets of @tuple, held for the program; 0. */
u64 world_sk_lookup(struct world *w, u32 protocol, const struct bpf_sock_tuple *tuple, u32 len,
		    u32 slot);
u64 world_sk_by_cookie(struct world *w, u64 cookie, u32 slot);
/* What the run on @slot holds of socket @sk of the world; 0. */
u64 world_sk_held(struct world *w, u64 sk, u32 slot);

#define WORLD_TYPE(name, base)
#define WORLD_FIELD(type, name, paths, fresh, filler)                                              \
	int fill_##filler(struct world *w, struct wobj *o);
#include "tables/world.def"
#undef WORLD_TYPE
#undef WORLD_FIELD

#endif
