/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside of the daemon. It is a program with threads and one supervisor process for each
 * instance (src/event), which shares its memory and descriptors:
 *
 *   main thread	accepts, looks after closed descriptors, frees instances, ends
 *   connections	a thread each, for the second that they last
 *   sessions		a thread for each tree of processes: answers what its filter notifies;
 *			calls that may last (a verification) get a thread of their own
 *   supervisors	stops of the processes, events, programs
 */
#ifndef SKEP_DAEMON_DAEMON_H
#define SKEP_DAEMON_DAEMON_H

#include <linux/seccomp.h>
#include <pthread.h>

#include "daemon/client.h"
#include "daemon/network.h"
#include "daemon/wire.h"
#include "event/supervisor.h"
#include "object/caller.h"

#define INSTANCE_NAME 64

struct daemon {
	int listen_fd, wake_fd;
	char folder[256];
	pthread_mutex_t lock; /* of all below, and of lists and counts in instances */
	struct instance *instances;
	u32 connections;
	bool outdated;	     /* a client of another build waits for its end */
	btf_to_c_t btf_to_c; /* of the program that we are */
};

struct netlink;
struct trace_pipe;
struct folders;
struct shown;

struct instance {
	struct instance *next;
	struct daemon *daemon;
	char name[INSTANCE_NAME], kernel[32];
	struct skep_system *sys;
	struct session *sessions;
	u32 users; /* connections that speak of it */
	bool stopping;
	struct trace_pipe *trace;
	struct folders *folders;
	pthread_mutex_t start_lock; /* of the supervisor's start, and of .net */
	struct network *net;	    /* NULL: none; stays until the instance ends */
	struct observer *observers;
	struct netlink *netlink;
	struct shown *shown;
};

/* A descriptor of a process that stands for a ring in its epolls. */
struct stand_in {
	u32 tgid;
	u64 inode; /* of the ring */
	int fd;
};

/* What the supervisor has decided about a call that is notified next. */
struct gift {
	u32 tid;
	int fd; /* of ours, which is the answer; -1: only a view may answer */
	bool cloexec;
	u64 ip, sp; /* at the call */
	struct task_call call;
};

/* A process of a tree that nobody traces. */
struct member {
	u32 tgid;
	int pidfd;
};

/* One tree of processes, from its EXEC to its last process's end. */
struct session {
	struct session *next;
	struct instance *instance;
	struct skep_process *process; /* NULL: it is not watched, or not yet */
	pid_t pid;		      /* that became the command */
	int listener, message_fd;
	bool root;
	bool indirect; /* memory of its tasks is read by the supervisor alone (Yama) */
	bool moved;    /* somebody's working folder may be one of the tree of pins */
	u32 workers;   /* calls that are being answered elsewhere */
	u32 gift_tid;  /* a task that may have .gift, our descriptor; see intercept.c */
	int gift;
	VEC(struct stand_in) stand_ins; /* the supervisor's */
	pid_t tgid_of_last;		/* see notify.c */
	u32 last_tid, pidfd_tid;
	int pidfd; /* of .pidfd_tid; 0 or less: none */
	pthread_t receiver;
	bool ending, ended;
	u32 said;	/* bits: see session_say_once() */
	bool confined;	/* its processes are subjects */
	bool receivers; /* its filter knows of infrared receivers */
	pthread_mutex_t members_lock;
	/* It is not traced from its start; .hidden: nor ever after. See members.c */
	bool loose, hidden;
	bool plain[CALLS_MAX]; /* for process_late() */
	u32 chdir_tid;	       /* whose chdir() is made by the loop, which waits for it */
	int taken_fd;	       /* readable when .process is there */
	u32 others;	       /* of its processes, that another traced when we looked */
	bool over;	       /* no process is left: the daemon's lock */
	VEC(struct member) members;
	u32 last_member;	    /* the session's thread's */
	pthread_mutex_t gifts_lock; /* of .gifts, for a moment */
	VEC(struct gift) gifts;
	u32 nr_gifts;
};

/* daemon.c */
void daemon_wake(struct daemon *d);

/* Interrupts a session's thread in its wait. */
#define SESSION_SIGNAL SIGUSR2

struct session_opts {
	struct skep_process *process; /* NULL: it is not traced from its start */
	const bool *plain;	      /* NULL: it never is */
	pid_t pid;
	int listener, message_fd;
	bool root, confined, receivers;
};
/* session.c: takes over .process, .listener, .message_fd. 0 or -errno. */
int session_start(struct instance *inst, const struct session_opts *o);
/* Stops of @p are intercepted for @s. */
void session_owns(struct session *s, struct skep_process *p);

/* ---- members.c: a tree that nobody traces; else these do nothing ---- */
/* Process @tgid has made a call. */
void members_note(struct session *s, u32 tgid);
bool members_have(struct session *s, u32 tgid);
void members_list(struct session *s, void (*fn)(void *arg, pid_t pid), void *arg);
void members_signal(struct session *s, int sig);
/* Traces what is not traced yet, for something is attached. Not for a session's thread: it may last. */
void members_take_up(struct instance *inst);
void members_free(struct session *s);

/* A line to the terminal that it was started at, once for each bit of @what. */
enum { SAID_FOREIGN = 1, SAID_TRACED = 2, SAID_OTHERS = 4 };
void session_say_once(struct session *s, u32 what, const char *text);

/* ---- notify.c: a call that waits for its answer ---- */

struct request {
	struct caller caller; /* first: caller_ops get it */
	struct session *session;
	struct skep_system *sys;
	u64 id;
	u64 nr, args[6];
	bool no_rings;		      /* poll() and select(): none is named */
	bool foreign;		      /* by another entry than x86-64's: its numbers are not ours */
	bool checked;		      /* it was still there after the first look at its memory */
	u64 window_from, window_size; /* of the task's memory, see notify.c */
	u8 window[1024];
	bool views_only; /* what the kernel would do with it has not been decided about */
};

#define ERESTARTNOINTR 513 /* Linux makes the call again, where the task is interrupted */
/* The call is to be made by the kernel after all. */
#define ANSWER_CONTINUE (-100000L)

/* Waits until the listener has one for us: 0, or -errno (-ENOENT: it is gone again). */
int notify_receive(struct session *s, struct request *r);
void notify_answer(struct request *r, long result);
/* Gives the task our descriptor @fd under the number @at, whatever that was. 0 or -errno. */
int notify_give_fd_at(struct request *r, int fd, int at, bool cloexec);
/* Tells Linux to wake the other side on this CPU, if it can. */
void notify_tune(int listener);

/* Whether the task is still in that call. */
bool notify_waits(const struct request *r);

/* A descriptor of another's cannot be had here: its epoll_ctl() is stopped at instead. */
bool notify_cannot_take(void);

/* ---- intercept.c ---- */
void intercept_call(struct task *t);
/* skep_process.gift, .regift and .elsewhere */
bool intercept_gift(struct task *t, int fd, bool cloexec);
bool intercept_regift(struct task *t);
bool intercept_elsewhere(struct task *t, int dfd, u64 string);
/* In the loop, for chdir() of task *@arg (u32) that is notified: makes it when it is made again. 0 or -ESRCH. */
int intercept_chdir_late(struct supervisor *sv, void *arg);
/* It is the kernel's. */
int intercept_chdir_done(struct supervisor *sv, void *arg);
/* For the session's thread. */
bool gift_take(struct session *s, u32 tid, struct gift *g);
void gifts_drop(struct session *s);

/* ---- calls.c: which calls are answered, and how ---- */

/* For filter_compile(): answers of all CALLS_MAX numbers. Whether calls on receivers are among them. */
bool calls_filter(const struct skep_system *sys, const struct wire_request *q, u8 *answers);
/* Answers @r, here or in a thread of its own. */
void calls_answer(struct request *r);

/* ---- poll.c: waits for rings. May last when the system has any. ---- */
long poll_answer(struct request *r);
long select_answer(struct request *r);
/* Whether it will: no, when what it waits for is few things and no ring. */
bool poll_may_last(struct request *r);

/* ---- observer.c: filters of packet sockets ---- */
long answer_setsockopt(struct request *r);
void observers_stop(struct instance *inst);

/* ---- receivers.c: infrared receivers, of files that begin with /dev ---- */

/* Which device @path is: its number, or -1; *@input: the input device of its keys. */
int receiver_at(const struct skep_system *sys, const char *path, bool *input);
int receiver_open(struct request *r, u32 index, bool input,
		  int flags); /* a number of the task's, or -errno */
struct stat;
void receiver_stat(const struct skep_system *sys, u32 index, bool input, struct stat *st);
/* What the task's descriptor @fd is open on: true with @st. */
bool receiver_fstat(struct request *r, int fd, struct stat *st);
long receiver_ioctl(struct request *r);
long answer_receiver_read(struct request *r);
long answer_receiver_write(struct request *r); /* lasts as long as what is sent */
long answer_receiver_fstat(struct request *r);
/* Somebody waits for @fd. */
void receiver_listened(struct request *r, int fd);

/* ---- trace_pipe.c ---- */
struct trace_pipe *trace_pipe_new(void); /* NULL: no memory */
void trace_pipe_write(void *pipe, const char *line, u32 len);
/* A descriptor to read it by, as trace_pipe: it waits. fd or -errno. */
int trace_pipe_open(struct trace_pipe *p);
void trace_pipe_free(struct trace_pipe *p);

/* ---- folders.c ---- */
struct folders *folders_new(const char *parent); /* NULL: no memory */
/* A descriptor to list @path by (file_list()): of a real folder with its names. fd or -errno. */
int folders_open(struct folders *f, struct skep_system *sys, const char *path);
/* The path that such a folder stands for, by its real one; NULL: it is none. */
const char *folders_path_of(const struct folders *f, const char *real);
void folders_free(struct folders *f);

/* ---- netlink.c: rtnetlink sockets ---- */
struct netlink *netlink_new(void); /* NULL: no memory */
void netlink_free(struct netlink *l);
/* socket() for one, of a process that is not traced. */
long netlink_make(struct request *r);
long netlink_send(struct request *r);
long netlink_receive(struct request *r);
/* socket() for one, at its entry. */
void netlink_socket(struct task *t);

/* ---- shown.c: the kernel's files about eBPF, @path of front/files.h ---- */
struct shown *shown_new(void);					/* NULL: no memory */
int shown_open(struct request *r, const char *path, int flags); /* fd or -errno */
/* As access(2), stat(2): 0 or -errno. */
int shown_access(struct request *r, const char *path, int mode);
struct stat;
int shown_stat(struct request *r, const char *path, struct stat *st);
void shown_free(struct shown *s);

/* ---- views.c, view_change.c: calls that name files ---- */
/*
 * Whether @path, relative to @dirfd of the request's caller, is in the tree of pins: its absolute
 * path is written to @out (PATH_MAX). -1: it is elsewhere, but was spelled by way of the tree.
 */
int view_path(struct request *r, int dirfd, u64 path, char *out);
/* Whether a view answers calls on @path. */
bool view_shows(struct request *r, int dirfd, u64 path);
long view_getcwd(struct request *r);
long view_open(struct request *r);
long view_openat(struct request *r);
long view_openat2(struct request *r);
long view_stat(struct request *r);
long view_lstat(struct request *r);
long view_newfstatat(struct request *r);
long view_statx(struct request *r);
long view_access(struct request *r);
long view_faccessat(struct request *r);
long view_readlink(struct request *r);
long view_readlinkat(struct request *r);
long view_statfs(struct request *r);
long view_fstatfs(struct request *r);
long view_name_to_handle(struct request *r);
long view_unlink(struct request *r);
long view_unlinkat(struct request *r);
long view_rmdir(struct request *r);
long view_mkdir(struct request *r);
long view_mkdirat(struct request *r);
long view_rename(struct request *r);
long view_renameat(struct request *r);
long view_symlink(struct request *r);
long view_symlinkat(struct request *r);
long view_link(struct request *r);
long view_linkat(struct request *r);
long view_chmod(struct request *r);
long view_fchmodat(struct request *r);
long view_chown(struct request *r);
long view_fchownat(struct request *r);
long view_getxattr(struct request *r);
long view_listxattr(struct request *r);
long view_setxattr(struct request *r);
long view_removexattr(struct request *r);
long view_mount(struct request *r);
long view_umount(struct request *r);
long view_fsopen(struct request *r);
long view_fsconfig(struct request *r);
long view_fsmount(struct request *r);
long view_fspick(struct request *r);
long view_move_mount(struct request *r);

#endif
