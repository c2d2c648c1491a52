/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What fillers of one theme give to those of another and to current.c. */
#ifndef SKEP_WORLD_FILL_H
#define SKEP_WORLD_FILL_H

#include "world/internal.h"

#include <sys/socket.h>

struct statx;

/* ---- fill_task.c ---- */

/* The task that an object of WT_cred, WT_mm_struct … belongs to; NULL when it is gone. */
struct wobj *world_owner_obj(struct world *w, struct wobj *o);
struct wobj *world_leader(struct world *w, struct wobj *task);

/* Its struct pt_regs, filled from the stopped task if it is one of ours. */
u64 world_regs_of(struct world *w, struct wobj *task);

/* ---- pid_ns.c ---- */

/* task_struct of who has number @pid in the pid namespace of @current (or NULL). 0: nobody whom skep watches. */
u64 world_task_by_vpid(struct world *w, struct wobj *current, pid_t pid);

/* ---- fill_ns.c ---- */

/* Inode number of our own namespace of that kind; 0: not told. */
u64 world_own_ns(const char *kind);
/* Id of the task's cgroup of the unified hierarchy, or of its ancestor at @level (-1: its own); 0: none. */
u64 world_cgroup_id(struct world *w, struct wtask *p, int level);
u64 world_cgroup_path_id(struct world *w, const char *path);

/* ---- fill_file.c ---- */

/*
 * What is known of a thing in a file system: where it was seen, and how to look again.
 * ->priv of files, dentries and inodes begins with it.
 */
struct wplace {
	u64 task;	 /* task_struct in whose /proc directory ->name is; 0: none */
	char name[56];	 /* "fd/3", "exe", "../../map_files/1000-2000"; "": ->path alone */
	char *path;	 /* as we see it, without "(deleted)"; NULL: not asked yet */
	u32 dev;	 /* kernel's encoding */
	u64 ino, mnt_id; /* mnt_id 0: not known */
	u16 mode;
	u32 nlink, rdev, blksize;
	bool negative; /* a name without an inode; else .ino 0 is one that is not known */
};

u32 kernel_dev(u32 major, u32 minor);
/* Looks at /proc/TID/@name. 0 or -errno. */
int place_look(struct world *w, struct wtask *p, const char *name, struct wplace *out,
	       struct statx *st);
/* Its path, asked for once. NULL: none. */
const char *place_path(struct world *w, struct wplace *at);
/* The birth time of inode @o, 0 where its file system has none: tells those of one number apart. */
u64 inode_birth(struct world *w, struct wobj *o);
u64 statx_birth(const struct statx *st);
/* An O_PATH descriptor of what is there, if it still is; or -errno. */
int place_open(struct world *w, const struct wplace *at);
/* Of a file, or of the dentry that it has been given; of a dentry. NULL: neither. */
struct wplace *place_of(struct world *w, u64 object);
struct wobj *inode_of(struct world *w, const struct wplace *at, const struct statx *st);
struct wobj *dentry_of(struct world *w, struct wplace *at);
/* By path, as we see it; NULL when there is nothing. */
struct wobj *dentry_at(struct world *w, u64 task, const char *path, u64 mnt_id);
/* Whether the last name of its inode has been removed. */
bool dentry_unlinked(struct world *w, struct wobj *dentry);
struct wobj *file_obj(struct world *w, struct wobj *task, int fd);
bool file_place(const struct wobj *o, u64 *task, int *fd);

/* ---- fill_mount.c ---- */

struct mount_row {
	u64 id, parent;
	u32 dev;
	u32 flags;  /* MNT_* of the kernel */
	char *root; /* in its file system */
	char *at;   /* as the reader of mountinfo sees it */
	char *type, *source;
	u64 task;    /* whose mountinfo it was in */
	bool hidden; /* nothing of it is in sight */
};
/* NULL: no such mount in sight of @task (0: of us). */
const struct mount_row *mount_row(struct world *w, u64 id, u64 task);
/* The mount that shows @path to us. */
const struct mount_row *mount_of_path(struct world *w, const char *path);
u64 vfsmount_of(struct world *w, u64 id, u64 task);
struct wobj *super_of(struct world *w, const struct wplace *at);

/* ---- fill_ns.c ---- */

/* Where the unified hierarchy is mounted; "": nowhere. */
const char *world_cgroup_mount(struct world *w);
/* Control groups by address; 0, and level -1: none. */
int world_cgroup_level(struct world *w, u64 cgroup);
u64 world_cgroup_ancestor(struct world *w, u64 cgroup, int level);
u64 world_task_cgroup(struct world *w, struct wtask *p);
u64 world_cgroup_of(struct world *w, u64 id);
/* The one that it is in in that hierarchy of version 1; 0: none, or not in sight. */
u64 world_task_cgroup1(struct world *w, struct wtask *p, u32 hierarchy);
/* Where the folder of a control group really is; 0 or -errno. */
int world_cgroup_folder(struct world *w, u64 cgroup, char *path, u32 size);

/* ---- fill_sock.c ---- */

struct wsock {		  /* of struct socket and struct sock */
	struct wplace at; /* first */
	int family, type, protocol;
	u64 socket, sk;
	u8 told, shown; /* world_sock_told(), world_sock_show() */
	u8 flags;	/* world_sock_flags() */
	bool unbound, alone;
	struct sockaddr_storage peer; /* world_sock_peer() */
};

/* A descriptor of ours of the socket at @at; -errno. */
int sock_open(struct world *w, const struct wplace *at);

/* sock_option.c: of struct sock @sk or, where that is 0, our descriptor @fd; of the socket behind @sk. 0 or -errno. */
struct sock_option;
long world_sock_option(struct world *w, struct bpf_run *run, u64 sk, int fd,
		       const struct sock_option *o);
long world_sock_bind(struct world *w, struct bpf_run *run, struct bpf_rt_sock *sk, const void *addr,
		     u32 len);

/*
 * The struct sock of what a program of @task (or NULL) sees as @sk, if somebody of ours has it open. 0: nobody.
 */
u64 world_sock_of(struct world *w, struct bpf_run *run, struct wobj *task,
		  const struct bpf_rt_sock *sk);
/* What the program sees as @u; one that is nobody's (a test run's) as it is there: kern_ctx.c */
u64 world_shown_sock(struct world *w, struct bpf_run *run, struct wobj *task,
		     const struct bpf_sock *u);

/* bpf_sock_destroy() of struct sock @sk: 0 or -errno. */
int world_sock_destroy(struct world *w, u64 sk);

/* struct socket or struct sock of the socket that @at is a descriptor of; 0: it is none. */
u64 socket_of(struct world *w, const struct wplace *at);
u64 sock_of(struct world *w, const struct wplace *at);
const char *socket_protocol(struct world *w, const struct wplace *at); /* "TCP", "UNIX-STREAM" */

/* ---- show.c ---- */

/* bpf_snprintf_btf(): length as without an end of @buf, without NUL; or -errno. */
long world_show(struct world *w, struct bpf_run *run, char *buf, u32 size,
		const struct btf_ptr *ptr, u64 flags, world_reader_t read);

#endif
