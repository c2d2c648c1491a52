/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The pins of a system: its BPF file system (Linux: kernel/bpf/inode.c). A tree in memory of
 * folders, pinned objects, symbolic links and the files that the kernel puts there. It is mounted
 * at PINS_MOUNT from the beginning, and wherever else somebody mounts it.
 *
 * Fronts ask pins_cover() for each path that a client names and, where it says yes, one of the
 * functions below in the place of the system call of that name. A @path is absolute; links in it
 * are followed inside the tree only. All return 0 or -errno as the call does on a bpffs, and take
 * sys->lock. Nothing is kept of what the arguments point to.
 */
#ifndef SKEP_OBJECT_PINS_H
#define SKEP_OBJECT_PINS_H

#include <sys/stat.h>

#include "object/link.h"
#include "object/token.h"

#define PINS_MOUNT    "/sys/fs/bpf"
#define PINS_FS_MAGIC 0xcafe4a11 /* statfs().f_type; linux/magic.h BPF_FS_MAGIC */

/* On whose behalf. */
struct pin_who {
	u32 uid, gid; /* fsuid, fsgid */
	const u32 *groups;
	u32 nr_groups;
	bool override; /* CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_CHOWN */
	u32 umask;
	u64 userns; /* caller_userns(); 0: the system's first one */
	bool admin; /* CAP_SYS_ADMIN in the first user namespace: may delegate */
};

/* What a BPF file system is mounted with. */
struct pin_options {
	u32 uid, gid, mode;
	struct delegation delegate;
};

/* Whether @path is a mount of the tree or below one. */
bool pins_cover(struct skep_system *sys, const char *path);
/* What pins_cover() says before there is a system. */
bool pins_default_cover(const char *path);

/* One option by name (@value NULL: a mere flag): 0, also for names that bpffs does not know, or -errno. */
int pins_option(struct skep_system *sys, const struct pin_who *who, const char *name,
		const char *value, struct pin_options *o);
/* fsmount(2): mounts where no path leads until pins_move_mount(); its path goes to @path. */
int pins_mount_detached(struct skep_system *sys, const struct pin_who *who, u64 userns,
			const struct pin_options *o, char path[64]);
/* move_mount(2) of the mount at @from. */
int pins_move_mount(struct skep_system *sys, const struct pin_who *who, const char *from,
		    const char *to);
/* What the mount with root @path delegates, and to which user namespace. False: no root of one. */
bool pins_delegation(struct skep_system *sys, const char *path, u64 *userns, struct delegation *d);
/* Whether @who may make one for @userns: in another than the first it takes rights in that. */
bool pins_may_mount(const struct skep_system *sys, const struct pin_who *who, u64 userns);
/* mount(2) of type bpf with these options (data; NULL: none), and umount(2). */
int pins_mount(struct skep_system *sys, const struct pin_who *who, const char *path,
	       const char *options);
int pins_umount(struct skep_system *sys, const struct pin_who *who, const char *path);
/* Whether @path is where the tree is mounted, not below. */
bool pins_is_mount(struct skep_system *sys, const char *path);
/* The mounts, for /proc/mounts: path of number @index, or NULL. Until the next call only. */
const char *pins_mount_at(struct skep_system *sys, u32 index);
/* Its options behind mode= for /proc/mounts: ",delegate_cmds=any" or "". */
void pins_mount_text(struct skep_system *sys, u32 index, FILE *to);

/* ---- BPF_OBJ_PIN, BPF_OBJ_GET ---- */

/* Takes its own reference of @o, which lives on without descriptors while it is pinned. */
int pins_pin(struct skep_system *sys, const struct pin_who *who, const char *path,
	     struct object *o);
/* A new reference; @access: O_RDONLY, O_WRONLY or O_RDWR. NULL with *err. */
struct object *pins_get(struct skep_system *sys, const struct pin_who *who, const char *path,
			int access, int *err);

/* ---- the file system ---- */

int pins_stat(struct skep_system *sys, const struct pin_who *who, const char *path, bool follow,
	      struct stat *st);
int pins_access(struct skep_system *sys, const struct pin_who *who, const char *path, int mode);
int pins_mkdir(struct skep_system *sys, const struct pin_who *who, const char *path, u32 mode);
int pins_unlink(struct skep_system *sys, const struct pin_who *who, const char *path);
int pins_rmdir(struct skep_system *sys, const struct pin_who *who, const char *path);
/* @flags: RENAME_NOREPLACE, RENAME_EXCHANGE. Both paths are covered, else the front says EXDEV. */
int pins_rename(struct skep_system *sys, const struct pin_who *who, const char *from,
		const char *to, u32 flags);
int pins_link(struct skep_system *sys, const struct pin_who *who, const char *from, const char *to);
int pins_symlink(struct skep_system *sys, const struct pin_who *who, const char *target,
		 const char *path);
/* Length, cut at @size. */
int pins_readlink(struct skep_system *sys, const struct pin_who *who, const char *path, char *buf,
		  u32 size);
int pins_chmod(struct skep_system *sys, const struct pin_who *who, const char *path, u32 mode);
int pins_chown(struct skep_system *sys, const struct pin_who *who, const char *path, u32 uid,
	       u32 gid);

/* An entry of a folder: "." and ".." are 0 and 1. */
struct pin_entry {
	char name[256];
	u32 mode; /* with its S_IFMT part */
	u64 ino;
};
/* Number @index in the order of readdir(); -ENOENT behind the last. */
int pins_readdir(struct skep_system *sys, const struct pin_who *who, const char *path, u32 index,
		 struct pin_entry *e);

/*
 * open(2): a descriptor (O_CLOEXEC) or -errno. Of a pinned iterator, maps.debug, progs.debug and
 * of maps with BTF: their text, made now. Other objects: -EIO. Of a folder: a real folder that
 * holds the names which the tree's has now, and no more than the names.
 */
int pins_open(struct skep_system *sys, const struct pin_who *who, const char *path, int flags);
/*
 * The path of a folder that pins_open() opened, known by its fstat(): for calls that name one by
 * descriptor, and getdents(), before which it is brought up to date. Length or -ENOENT.
 */
int pins_path_of(struct skep_system *sys, const struct stat *st, char *buf, u32 size);

/*
 * What the file system asks others for, set by those who can answer: text of a pinned link (an
 * iterator) or of a map, or of the whole system's objects. A descriptor or -errno.
 */
struct pin_text_ops {
	int (*link)(struct skep_system *sys, struct link_object *l);
	int (*map)(struct skep_system *sys, struct map_object *m); /* -EIO: has none */
	int (*maps_debug)(struct skep_system *sys);
	int (*progs_debug)(struct skep_system *sys);
};

void pins_stop(struct skep_system *sys); /* forgets every pin; the system ends */

#endif
