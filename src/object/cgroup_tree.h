/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The cgroup2 hierarchy of a system: cgroups, the files that control them, and who is in which
 * (Linux: kernel/cgroup/cgroup.c, fs/kernfs). It is mounted at CGROUP_MOUNT for the processes of
 * an instance; other systems have none, and cgroups are the machine's there.
 *
 * Each cgroup is a real folder below a private temporary one, whose inode number is its id, so a
 * client's descriptor of it is a real one. The files in it are empty: what is read of them is
 * written when they are opened, what is written to them is stopped at by the tracer (src/event/cgroup.c).
 *
 * DIFF(cgroup-tree): no controllers, so no files of theirs; no threaded cgroups, no freezer.
 *
 * A @path is absolute; functions give 0 or -errno as the call of that name does on cgroup2.
 * They may be called by any thread.
 */
#ifndef SKEP_OBJECT_CGROUP_TREE_H
#define SKEP_OBJECT_CGROUP_TREE_H

#include <sys/stat.h>

#include "object/system.h"

#define CGROUP_MOUNT	  "/sys/fs/cgroup"
#define CGROUP_LEVELS_MAX 64 /* that chains are followed up */

/* Makes the tree of @sys, with a root; its folders are made below @parent. */
int cgroup_tree_start(struct skep_system *sys, const char *parent);
void cgroup_tree_stop(struct skep_system *sys);

/* Whether there is a cgroup beside the root. */
bool cgroup_tree_used(const struct skep_system *sys);

/* ---- the file system ---- */

/* Whether @path is the mount or below. */
bool cgroup_tree_covers(const struct skep_system *sys, const char *path);
/*
 * Mounts it at folder @path, too, for all processes of the instance; whether it was mounted there, and is no
 * more; the path below CGROUP_MOUNT in place of one below another mount.
 */
int cgroup_tree_mount(struct skep_system *sys, const char *path);
bool cgroup_tree_umount(struct skep_system *sys, const char *path);
bool cgroup_tree_resolve(struct skep_system *sys, char *path, size_t size);
/* The path that real path @real of a folder or file stands for. False: it is none of the tree's. */
bool cgroup_tree_shown(struct skep_system *sys, const char *real, char *path, size_t size);
/* The real folder of cgroup @path; -ENOENT, -ENOTDIR. */
int cgroup_tree_real(struct skep_system *sys, const char *path, char *real, size_t size);
int cgroup_tree_stat(struct skep_system *sys, const char *path, struct stat *st);
int cgroup_tree_access(struct skep_system *sys, const char *path, int mode);
int cgroup_tree_mkdir(struct skep_system *sys, const char *path, u32 mode);
int cgroup_tree_rmdir(struct skep_system *sys, const char *path);
/* What the last call of task @tid that did so made or removed, once; who asks frees .path. */
struct cgroup_change {
	u32 tid;
	bool made;
	u64 id;
	char *path; /* in the tree; NULL: nothing */
};
struct cgroup_change cgroup_tree_changed(struct skep_system *sys, u32 tid);
/* What unlink, rename, link, symlink and the like give for @path. */
int cgroup_tree_refuse(struct skep_system *sys, const char *path);
/* A descriptor (O_CLOEXEC), or -errno. */
int cgroup_tree_open(struct skep_system *sys, const char *path, int flags);
/*
 * What process @tgid writes to the file that is @real. Bytes taken, or -errno; -ENOTTY: it is none
 * of the tree's.
 */
long cgroup_tree_write(struct skep_system *sys, const char *real, const char *text, size_t len,
		       u32 tgid);
/* Whether real path @real is of a file or folder of the tree's, there or gone. */
bool cgroup_tree_has_file(const struct skep_system *sys, const char *real);
/* Whether somebody has such a file open to write to it. */
bool cgroup_tree_writers(struct skep_system *sys);

/* ---- members ---- */

/* Task @tid begins, in the cgroup of task @creator (0, or unknown: the root). */
void cgroup_tree_join(struct skep_system *sys, u32 tid, u32 tgid, u32 creator);
void cgroup_tree_leave(struct skep_system *sys, u32 tid);
/* Ids of the task's cgroup and those above, the nearest first: how many. 0: there is no tree. */
u32 cgroup_tree_chain(struct skep_system *sys, u32 tid, u64 *ids, u32 max);
/* "/", "/a/b"; of a task that is not known: the root. False: there is no tree. */
bool cgroup_tree_path_of(struct skep_system *sys, u32 tid, char *path, size_t size);
/* The same for the cgroup with this id; false, too: there is none. */
bool cgroup_tree_path(struct skep_system *sys, u64 id, char *path, size_t size);
/* Id of the cgroup at "/a/b", a path in the tree; 0: none. */
u64 cgroup_tree_id(struct skep_system *sys, const char *path);
/* The child that was made next after child @after (0: the first): its id and name. 0: none. */
u64 cgroup_tree_child(struct skep_system *sys, u64 id, u64 after, char *name, size_t size);
/* The process with the smallest id above @after, in any cgroup. 0: none. */
u32 cgroup_tree_process(struct skep_system *sys, u32 after);
/* Task @tid has sent a datagram from port @port. */
void cgroup_tree_note_port(struct skep_system *sys, u16 port, u32 tid);
/* As cgroup_tree_chain(), of the cgroup that the last one who did was in. */
u32 cgroup_tree_port_chain(struct skep_system *sys, u16 port, u64 *ids, u32 max);
/* The member with the smallest id above @after, of processes or threads. 0: none. */
u32 cgroup_tree_member(struct skep_system *sys, u64 id, u32 after, bool processes);

/*
 * Whether our descriptor @fd is the folder of a cgroup, of the tree or of the machine's unified
 * hierarchy: 0 and its id, or -EBADF.
 */
int cgroup_of_folder(struct skep_system *sys, int fd, u64 *id);

#endif
