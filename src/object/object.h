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

enum object_kind { OBJECT_MAP, OBJECT_PROG, OBJECT_LINK, OBJECT_BTF, OBJECT_KINDS };

struct skep_system;

struct object {
	enum object_kind kind;
	u32 id;	  /* 0: not published */
	u32 refs; /* references by other objects and by running commands */
	bool held; /* some process has a descriptor */
	int probe_fd; /* read-only description; -1: never had a descriptor */
	int watch;    /* inotify watch, -1: none */
	u64 inode;
	u32 created_by_uid;
	u64 load_time; /* CLOCK_BOOTTIME ns */
	struct skep_system *sys;
	struct arena_retired retired;
};

struct map_object {
	struct object obj;
	struct bpf_map *map; /* in the arena */
	const struct bpf_map_ops *ops;
	struct object_btf *btf; /* or NULL */
	u32 btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id;
	struct map_object *inner_template; /* map-in-map: copy of meta data only */
	int wake_fd;			   /* eventfd for epoll on a ring buffer, or -1 */
	u32 usercnt;			   /* descriptors and pins, not programs (Linux: usercnt) */
};

struct object_btf {
	struct object obj;
	struct btf *btf;
	bool kernel; /* vmlinux or our split of it */
	char name[64];
};

struct prog_object {
	struct object obj;
	struct bpf_prog *prog; /* in the arena */
	const struct bpf_prog_type_ops *ops;
	struct bpf_insn *orig_insns; /* as loaded */
	u32 orig_len;
	struct bpf_insn *xlated; /* fixed up, with map ids instead of addresses, for dumps */
	struct map_object **used_maps;
	u32 nr_used_maps;
	struct object_btf *btf; /* prog BTF or NULL */
	struct object_btf *attach_btf;
	u32 attach_btf_id;
	struct prog_object *dst_prog; /* freplace, fentry of programs */
	struct bpf_func_info *func_info;
	u32 nr_func_info;
	struct bpf_line_info *line_info;
	u32 nr_line_info;
	u32 verified_insns;
	u32 load_flags;
	u32 prog_flags;
	struct prog_facts *facts; /* per-instruction knowledge for code generation, see verifier/facts.h */
};

struct object_table {
	VEC(struct object *) by_id; /* sorted by id */
	u32 next_id;
};

/*
 * Reference rules: object_get_fd() gives a new reference of its kind or an
 * ERR value; object_put() drops it and frees at zero when nothing holds it.
 */
struct object *object_get_fd(struct skep_system *sys, int fd, enum object_kind kind, int *err);
struct object *object_get_id(struct skep_system *sys, u32 id, enum object_kind kind, int *err);
void object_get(struct object *o);
void object_put(struct object *o);
/* A new descriptor of @o (O_CLOEXEC). fd or -errno. */
int object_new_fd(struct object *o);

#endif
