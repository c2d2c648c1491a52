/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * World objects: the kernel structures that programs look at (task_struct, file, sock …), in
 * the window at ARENA_WORLD, laid out by the kernel BTF in force.
 *
 * An object is made when its address is first handed out, and its fields are filled when
 * they are read: every read of the window goes through skep_platform.read_world(), be it
 * bpf_probe_read_kernel() or a typed load. A field is a row of tables/world.def with how fresh
 * it is. A read of a field without a row fails (-EFAULT for helpers, 0 for typed loads, as
 * a fault is on Linux) and is named at the end of the run.
 *
 * Addresses are stable while the thing lives (a task's task_struct, an open file's struct
 * file, an inode), so programs may use them as map keys. Temporary objects live until
 * their task's current system call ends.
 */
#ifndef SKEP_WORLD_WORLD_H
#define SKEP_WORLD_WORLD_H

#include <sys/socket.h>

#include "world/task.h"

/* ---- route.c: the tables of a network namespace ---- */

/* Sockets in it, NETLINK_ROUTE and any other for ioctls, of which no other thread makes use meanwhile; NULL: our own. */
struct world_net {
	int route, control;
};
/* Fills @p with where a packet goes, as bpf_fib_lookup() does: BPF_FIB_LKUP_RET_* or -errno. */
long world_fib_lookup(const struct world_net *net, struct bpf_fib_lookup *p, u32 flags,
		      bool check_mtu, u32 len);
/*
 * The neighbour with address @addr on a device: its hardware address, and the device's. 0, -ENODEV, or -EAGAIN: not
 * known yet, the kernel looks for it.
 */
int world_neighbour(const struct world_net *net, u32 ifindex, u32 family, const void *addr,
		    u8 dst[6], u8 src[6]);

struct sk_buff;
/*
 * Who gets the IPv6 packet next, in @skb->hop: what a router finds for its destination, or for @nh, in its tables or in
 * @table alone. What is for this host itself is for nobody. 0 or the route's error.
 */
int world_next_hop(const struct world_net *net, struct sk_buff *skb, const u32 *nh, u32 table);
/* The address that a packet to @to gets which leaves by a device (0: any). 0 or -errno. */
int world_tunnel_source(const struct world_net *net, u32 *from, const u32 *to, u32 oif);

#define WORLD_GAP (16ULL << 20) /* at the beginning of the window: no object is there */

/* Lets programs of @sys reach its world, which is made when the first one does. */
void world_attach(struct skep_system *sys);
/* Makes sys->world at first use. 0 or -errno. */
int world_start(struct skep_system *sys);
void world_stop(struct skep_system *sys);

/* Things by identity; each gives the address in the window, 0 when there is no such thing. */
u64 world_task(struct task *t);		     /* struct task_struct */
u64 world_user_regs(struct task *t);	     /* struct pt_regs of the current call */
u64 world_file(struct task *t, int fd);	     /* struct file */
u64 world_sock(struct task *t, int fd);	     /* struct sock of a socket's descriptor */
u64 world_socket(struct task *t, int fd);    /* struct socket */
u64 world_mapping(struct task *t, u64 addr); /* struct vm_area_struct that @addr is in */
/* A byte for the TCP state of struct sock @sk that programs were told last. NULL: there is no such sock. */
u8 *world_sock_told(struct skep_system *sys, u64 sk);
/* Another byte: its bpf_sock_ops_cb_flags. */
u8 *world_sock_flags(struct skep_system *sys, u64 sk);
/* Where it was connected to: told when the socket does not know any more. Family 0: nowhere. */
struct sockaddr_storage *world_sock_peer(struct skep_system *sys, u64 sk);
/*
 * While programs are told of a change that has been: its skc_state reads as @state until that is 0; if
 * not @bound, it has no port yet, if not @connected no peer.
 */
void world_sock_show(struct skep_system *sys, u64 sk, u8 state, bool bound, bool connected);
/* Until @fd is -1, socket @ino, whose last descriptor is being closed, is what our @fd is of. */
void world_sock_hold(struct skep_system *sys, u64 ino, int fd);
/* struct dentry / inode of @path relative to descriptor @dfd (AT_FDCWD) of the task; follows links if asked. */
u64 world_dentry(struct task *t, int dfd, const char *path, bool follow);
u64 world_inode(struct task *t, int dfd, const char *path, bool follow);
/*
 * The dentry that the last component of @path names, there or not (then with .d_inode 0), and
 * the inode of its directory in *@dir: what is created, removed, renamed. 0: no such directory.
 */
u64 world_dentry_new(struct task *t, int dfd, const char *path, u64 *dir);

/*
 * The same of what our own descriptor @fd holds: its dentry; temporary struct path, struct file (as one
 * that is being opened with @flags); the dentry of @name in folder @dir, and the inode of that.
 */
u64 world_dentry_of(struct task *t, int fd);
u64 world_path_of(struct task *t, int fd);
u64 world_file_of(struct task *t, int fd, u32 flags);
/* That @file, from world_file_of() and for reading, was let be opened. */
void world_file_opened(struct task *t, u64 file);
u64 world_child(struct task *t, int dir, const char *name, u64 *inode);

/*
 * struct cgroup of the unified hierarchy: with this id and, unless that is NULL (it is looked for), at
 * this path of it. Where it is or was; NULL: it is none.
 */
u64 world_cgroup(struct skep_system *sys, u64 id, const char *path);
const char *world_cgroup_path(struct skep_system *sys, u64 cgroup);

/* Temporary objects of the task's current call. @type: "struct filename" or "filename". */
u64 world_temp(struct task *t, const char *type);
u64 world_temp_bytes(struct task *t, const void *bytes, u32 size); /* a copy, e.g. of a sockaddr */
/* struct filename of the user string at @uname: getname(). */
u64 world_filename(struct task *t, u64 uname);
/* struct path of @path as above. */
u64 world_path(struct task *t, int dfd, const char *path, bool follow);
/* What a program sees of a TCP connection, out of @size bytes of a struct tcp_info. */
struct bpf_rt_sock;
void sk_figures_of_tcp(struct bpf_rt_sock *sk, const void *info, u32 size);
/* Sets a field, by its name ("f_path.dentry"); fields that the kernel in force lacks are ignored. */
void world_set(struct skep_system *sys, u64 object, const char *field, u64 value);
/* What stands there, from world_set() or from a helper that a program called; 0: nothing. */
u64 world_value(struct skep_system *sys, u64 object, const char *field);
/* The same for what is longer than a word; a flexible array takes all of @size. */
void world_set_bytes(struct skep_system *sys, u64 object, const char *field, const void *bytes,
		     u32 size);
/* Address of a field: of an embedded struct. 0 when there is none. */
u64 world_field(struct skep_system *sys, u64 object, const char *field);
/* @object, a temporary struct file handed out before its descriptor existed, is that of @fd now. */
void world_file_adopt(struct task *t, int fd, u64 object);
/* Ends the temporary objects; the tracer calls it after the exit event of each call. */
void world_call_end(struct task *t);

/* The tracer's news, so that identities and cached fields follow. */
void world_task_execed(struct task *t);
void world_task_gone(struct task *t);
/* A call that changes what is cached (close, dup, chdir, setuid, prctl(PR_SET_NAME) …) has ended. */
void world_call_done(struct task *t);

/*
 * Identities of what storages hang on (owner.c): two words, the same for an object of the world,
 * for a descriptor and in every process. @map_type: BPF_MAP_TYPE_TASK_STORAGE ... 0 or -errno.
 */
int world_owner_of_fd(struct skep_system *sys, u32 map_type, int fd, u64 owner[2]);
/*
 * A value in memory of ours as Linux shows it in files, without names: "{1,0x0,[2,3,],}". The length
 * as far as enough room would have taken it, or -errno.
 */
long world_show_value(const struct btf *btf, u32 type_id, const void *value, char *buf, u32 size);
/* Drops from all storages what belongs to things that are gone; @m NULL: of task @tid. */
void world_owners_sweep(struct skep_system *sys, struct map_object *m);
void world_owner_task_gone(struct skep_system *sys, pid_t tid);

/* Calls @emit for each field that was read and not filled: "task_struct.utime: read 3 times by prog". */
void world_report(struct skep_system *sys, void (*emit)(void *arg, const char *line), void *arg);

#endif
