/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions that a system call passes through. Each call has a path: the functions in
 * the order in which Linux enters them, how deep each is nested, when that is known, with which
 * arguments it is entered and what it returns. function.c walks paths and runs what is
 * attached; function_args.c makes arguments; the paths are in function_file.c,
 * function_name.c, function_socket.c and function_process.c.
 */
#ifndef SKEP_EVENT_FUNCTION_H
#define SKEP_EVENT_FUNCTION_H

#include <sys/socket.h>

#include "event/process.h"
#include "hook/functions.h"
#include "hook/points.h"
#include "world/world.h"

#define FRAMES_MAX 16
#define STEPS_MAX  32

/* Values that are made once for a call, however many functions are given them. */
enum memo {
	MEMO_NAME0, /* struct filename of the string at argument 0 ... */
	MEMO_NAME1,
	MEMO_NAME2,
	MEMO_NAME3,
	MEMO_FILE,     /* struct file of the descriptor at argument 0 */
	MEMO_NEW_FILE, /* ... that the call returned */
	MEMO_PARENT,   /* of a name that is made or removed: struct path, inode, dentry */
	MEMO_DIR,
	MEMO_DENTRY,
	MEMO_TARGET, /* of a second name: of rename and link */
	MEMO_TARGET_PARENT,
	MEMO_TARGET_DIR,
	MEMO_RENAME,
	MEMO_PATH,
	MEMO_TEXT0, /* kernel copies of strings */
	MEMO_TEXT1,
	MEMO_HOW,
	MEMO_STAT,
	MEMO_OP,
	MEMO_ADDR, /* kernel copy of a socket address */
	MEMO_SOCK,
	MEMO_SOCKET,
	MEMO_NEW_SOCKET,
	MEMO_MSG,
	MEMO_INFO,
	MEMO_ARGS,   /* of clone, wait, accept */
	MEMO_COMMON, /* any other object of which a path needs one */
	MEMO_STACK,
	MEMO_IOCB,
	MEMO_ITER,
	MEMOS,
};

/* What is known of a descriptor: descriptor_info(). */
struct fd_info {
	bool valid;
	u32 mode; /* st_mode */
	bool read, write;
	bool socket; /* the following are filled */
	int family, type, protocol, state, flags;
	u16 port;			     /* its own; 0: none yet */
	int inq;			     /* bytes to read */
	int linger;			     /* seconds that its last close waits */
	bool resets;			     /* ... or it does not: the connection is reset */
	struct sockaddr_storage local, peer; /* family 0: none */
	u64 cookie, ino;		     /* .ino, .fd: set by tcp.c */
	int fd;
	bool closed; /* the task has it no more: .own is ours of the socket */
	int own;
};

struct call_model;
typedef u64 (*call_value)(struct call_model *m);
typedef bool (*call_test)(struct call_model *m);

enum step_when {
	STEP_ENTRY, /* certain when the call is entered */
	STEP_EXIT,  /* known from its result; fired when it is there */
	STEP_KEPT,  /* the same, with the arguments as they were at entry */
};

struct step {
	u32 row;
	u8 depth; /* in what is entered before with a smaller depth; 1: in __x64_sys_* */
	u8 when;
	call_test reached; /* NULL: always, if the call gets to this step */
	call_value ret;	   /* NULL: 0 */
	call_value args[FUNCTION_ARGS_MAX];
	/* Instead of a function: TCP states, when the call has ended (tcp.c). */
	void (*then)(struct call_model *m);
};

#define STEP(function, ...)                                                                        \
	{                                                                                          \
		.row = FUNC_##function, __VA_ARGS__                                                \
	}

struct call_path {
	u32 n;
	const struct step *steps;
	/* Paths that no list can tell (execve) besides .steps, which names their functions. */
	void (*enter)(struct call_model *m);
	void (*exec)(struct call_model *m);
};

/* A path of the steps in array @list, of which call_model.kept has room for STEPS_MAX. */
#define PATH(list, ...)                                                                            \
	{                                                                                          \
		.n = ARRAY_SIZE(list) + 0 * sizeof(char[ARRAY_SIZE(list) <= STEPS_MAX ? 1 : -1]),  \
		.steps = list, __VA_ARGS__                                                         \
	}

struct frame {
	u32 row;
	u8 depth;
	call_value ret;
	u64 args[FUNCTION_ARGS_MAX];
};

struct call_model {
	struct task *t;
	const struct call_path *path;
	s64 ret; /* of the call, when it is there */
	bool ended;
	u32 nr_frames;
	struct frame frames[FRAMES_MAX];
	u64 memo_made;
	u64 memo[MEMOS];
	struct fd_info *info[2];
	struct fd_info infos[2];
	u64 kept[STEPS_MAX][FUNCTION_ARGS_MAX];
	struct exec_map *maps; /* of an execve */
	u32 nr_maps;
	u64 mapped;	       /* where the one is that is being fired */
	struct lsm_state *lsm; /* of lsm.c */
};

/* A mapping that execve makes of a segment, as vm_mmap_pgoff() is given it. */
struct exec_map {
	u64 file, addr, size, prot, flags, pgoff;
	u64 phdr;	    /* where the program's headers are; relative, too */
	bool loader, moves; /* of the loader; .addr is relative to where it is loaded */
	bool anywhere;	    /* Linux chooses where */
};

/* Paths by number of system call; NULL: only __x64_sys_*. */
const struct call_path *file_path(u32 nr);
const struct call_path *name_path(u32 nr);
const struct call_path *socket_path(u32 nr);
const struct call_path *process_path(u32 nr);
const struct call_path *memory_path(u32 nr);
const struct call_path *attr_path(u32 nr);
const struct call_path *time_path(u32 nr);
const struct call_path *capable_path(u32 nr);

/* States of TCP sockets (tcp.c): whether anybody wants them, and those of connect(). */
bool tcp_states_in_use(const struct skep_system *sys);
void tcp_connect_sent(struct call_model *m);
void tcp_connect_done(struct call_model *m);

/* ELF file @fd of the task, its struct file @file: what execve will map of it (function_memory.c). */
void exec_maps_add(struct call_model *m, int fd, u64 file, bool loader, bool has_loader);
/* Fires what maps them, at @depth, when execve has done it. */
void exec_maps_fire(struct call_model *m, u8 depth);

/* Security hooks: LSM_*, whether anything is attached; their first non-zero result. */
bool lsm_active(const struct skep_system *sys, u32 row);
s32 lsm_run(struct task *t, u32 row, const u64 *args, u32 n);

/* Whether call @nr may reach function @row. */
bool function_reached(u32 nr, u32 row);
/* Whether anything is attached to function @row. */
bool function_active(const struct skep_system *sys, u32 row);
/* Enters a function; functions at @depth and deeper are left before. False: the call must not go on. */
bool model_enter(struct call_model *m, u32 row, u8 depth, call_value ret, const u64 *args);
/* Leaves functions down to @depth, which is left, too. */
void model_leave(struct call_model *m, u8 depth);
/* Enters and leaves a function, for a task that may be in no call. */
void function_enter(struct task *t, u32 row, const u64 *args);
void function_return(struct task *t, u32 row, const u64 *args, u64 ret);

/* Enters FUNC_##function unless nobody listens, in which case the arguments are not made. */
#define ENTER(m, function, depth, ret, ...)                                                        \
	({                                                                                         \
		bool on_ = true;                                                                   \
		model_leave(m, depth);                                                             \
		if (function_active((m)->t->sys, FUNC_##function))                                 \
			on_ = model_enter(m, FUNC_##function, depth, ret,                          \
					  (const u64[FUNCTION_ARGS_MAX]){ __VA_ARGS__ });          \
		on_;                                                                               \
	})

/* ---- values (function_args.c) ---- */

static inline u64 arg0(struct call_model *m)
{
	return m->t->call.args[0];
}
static inline u64 arg1(struct call_model *m)
{
	return m->t->call.args[1];
}
static inline u64 arg2(struct call_model *m)
{
	return m->t->call.args[2];
}
static inline u64 arg3(struct call_model *m)
{
	return m->t->call.args[3];
}
static inline u64 arg4(struct call_model *m)
{
	return m->t->call.args[4];
}
static inline u64 arg5(struct call_model *m)
{
	return m->t->call.args[5];
}

/* Of a step that something else fires: that the call may get there must be seen. */
static inline bool never(struct call_model *m)
{
	return false;
}

/* C's conversion of a register to a narrower parameter. */
static inline u64 as_int(u64 v)
{
	return (u64)(s64)(s32)v;
}
static inline u64 int0(struct call_model *m)
{
	return as_int(arg0(m));
}
static inline u64 int1(struct call_model *m)
{
	return as_int(arg1(m));
}
static inline u64 int2(struct call_model *m)
{
	return as_int(arg2(m));
}
static inline u64 int3(struct call_model *m)
{
	return as_int(arg3(m));
}
static inline u64 int4(struct call_model *m)
{
	return as_int(arg4(m));
}
static inline u64 int5(struct call_model *m)
{
	return as_int(arg5(m));
}
static inline u64 uint0(struct call_model *m)
{
	return (u32)arg0(m);
}

/* A pointer in field @field of a world object, as a program would read it. */
u64 model_read(struct call_model *m, u64 object, const char *field);
u64 call_ret(struct call_model *m);  /* what the call returns */
u64 value_cwd(struct call_model *m); /* AT_FDCWD */
u64 value_zero(struct call_model *m);
u64 value_one(struct call_model *m);
u64 may_read(struct call_model *m); /* MAY_READ */
u64 may_write(struct call_model *m);
u64 idmap(struct call_model *m); /* of the mount; tracing programs look past it */
u64 name0(struct call_model *m); /* struct filename, or an error pointer as getname() gives */
u64 name1(struct call_model *m);
u64 name2(struct call_model *m);
u64 name3(struct call_model *m);
u64 file0(struct call_model *m);
u64 file0_path(struct call_model *m); /* its f_path */
bool usable(struct call_model *m);    /* descriptor argument 0 is open for reading or writing */
bool readable(struct call_model *m);
bool writable(struct call_model *m);
/* File @path of the host is a regular one (or any) of ext4, or of its elders, which ext4 serves. */
bool on_ext4(const char *path, bool regular);
/* Reading or writing descriptor argument 0 comes to ext4's functions; what they are given. */
bool reads_ext4(struct call_model *m);
bool writes_ext4(struct call_model *m);
u64 iocb(struct call_model *m);
u64 iter(struct call_model *m);
u64 file_new(struct call_model *m);	 /* of the returned descriptor; an error pointer */
u64 file_position(struct call_model *m); /* loff_t *, NULL for pipes and sockets */
u64 model_temp(struct call_model *m, enum memo memo, const char *type);
u64 model_bytes(struct call_model *m, enum memo memo, const void *bytes, u32 size);

/*
 * What user string @string names relative to @dfd, to be made or removed: its dentry, the inode of
 * its directory, struct path of that, in these memos; 0: no such directory.
 */
void find_name(struct call_model *m, int dfd, u64 string, enum memo dentry, enum memo dir,
	       enum memo parent);
void find_path(struct call_model *m, int dfd, char *path, enum memo dentry, enum memo dir,
	       enum memo parent);

bool memo_get(struct call_model *m, enum memo memo, u64 *value);
u64 memo_set(struct call_model *m, enum memo memo, u64 value);

u32 task_umask(struct task *t);
/* Descriptor @fd of the task; @slot 0 for the call's argument 0, 1 for another. Never NULL. */
const struct fd_info *descriptor_info(struct call_model *m, int fd, u32 slot, bool socket);

/* What the socket at descriptor @fd says of itself; .socket tells whether it could be asked. */
void socket_look(struct task *t, int fd, struct fd_info *info);

bool call_succeeded(struct call_model *m); /* not an error code */
bool is_error(u64 v);

#endif
