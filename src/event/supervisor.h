/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside of the supervisor: who runs it, what it keeps for each tree of processes and
 * each task. Sources need only process.h.
 *
 * Two sides: the host program (threads of the process that made the system) and the loop,
 * which is another process in the same memory (supervisor.c). The loop owns tasks and
 * trees; the host asks it by supervisor_call() and waits on .seq of a tree.
 */
#ifndef SKEP_EVENT_SUPERVISOR_H
#define SKEP_EVENT_SUPERVISOR_H

#include <linux/filter.h>

#include "base/vec.h"
#include "event/decide.h"
#include "event/process.h"
#include "skep/skep.h"

/*
 * Entries of the tables below: one for each number, and CALLS_OTHER.
 */
#define CALLS_MAX (CALLS_OTHER + 1)

/* .data of our seccomp stops; programs may have filters of their own. */
#define FILTER_DATA 0x5ceb

struct call_filter {
	struct sock_filter *insns;
	u32 n, cap;
	bool failed;
};

/* A tree of processes: what skep_spawn() or skep_attach() began. */
struct skep_process {
	struct supervisor *sv;
	struct skep_process *next;     /* of sv->trees: the loop's */
	struct skep_process *next_all; /* of sv->all: the host's, under host_lock */
	pid_t pid;
	bool spawned;  /* we started it: a child of the host */
	bool filtered; /* has a filter: cannot do without us */
	bool late; /* taken up when something was attached, perhaps with processes of other tracers */
	bool confined; /* a subject: does not look into processes outside of its tree */
	bool trapped;  /* its filter has CALL_TRAP for bpf() and perf_event_open() */
	int event_fd;
	/* At the entry of a call that the filter stops: may make it in another way and skip it. */
	void (*intercept)(struct task *t);
	/* Whether our descriptor @fd, which it takes over, answers the call when that is notified. */
	bool (*gift)(struct task *t, int fd, bool cloexec);
	/* Whether one is there for the very call that is entered: Linux makes it again. */
	bool (*regift)(struct task *t);
	/* Whether path @string is shown by somebody else, who alone will answer the call. */
	bool (*elsewhere)(struct task *t, int dfd, u64 string);
	void *owner;	/* of .intercept, .gift and .elsewhere */
	int message_fd; /* where its user reads: told when all ends with the host; -1: nowhere else */
	/* By the loop; the host waits for changes of .seq (a futex). */
	u32 seq;
	u32 nr_tasks;
	bool first_ended, ended, left; /* left: detached */
	int status;		       /* of .pid, as of waitpid(); valid with .first_ended */
	bool reaped;		       /* by skep_process_wait() */
	/* The loop's. */
	bool syscall_stops;   /* PTRACE_SYSCALL for every task */
	bool killing;	      /* new tasks die at birth */
	bool leaving;	      /* tasks are gathered to be let go */
	u32 nr_held;	      /* stopped because of .leaving */
	u8 traced[CALLS_MAX]; /* what the filter stops */
	/*
	 * Filters that were added since (extend.c): the one that stops a call, from 1; 0: none does. @plain: calls
	 * that no filter of ours answers, so that one can be added.
	 */
	u16 traced_by[CALLS_MAX], nr_filters;
	u16 needed; /* who has fewer stops at every call */
	bool plain[CALLS_MAX];
	struct skep_process_stats stats;
	VEC(char *) notes; /* lines for the report */
};

enum stop_kind {
	STOP_NONE, /* it runs */
	STOP_SECCOMP,
	STOP_ENTRY, /* of a call */
	STOP_EXIT,
	STOP_SIGNAL, /* one is about to be delivered */
	STOP_TRAP,   /* PTRACE_EVENT_STOP: interrupted, or new */
	STOP_GROUP,  /* job control */
	STOP_EXEC,
	STOP_FORK, /* and vfork, clone */
	STOP_DEATH,
};

struct interruption {
	struct interruption *next;
	void (*fn)(struct task *t, void *arg);
	void *arg;
};

enum { PROXY_NONE, PROXY_COMING, PROXY_ENTERED };

/* A task's state between its stops. */
struct trace_state {
	struct skep_process *process;
	enum stop_kind kind;
	int sig;	   /* to deliver when it goes on */
	bool fresh;	   /* its first stop has not come yet */
	bool launching;	   /* our code of spawn.c; no events before its execve */
	bool exit_wanted;  /* of the current call */
	bool silent;	   /* no source has seen its entry */
	bool stepping;	   /* by one instruction */
	bool holding;	   /* signals, until the call that is made again has ended */
	bool interrupted;  /* PTRACE_INTERRUPT, whose stop has not come yet */
	bool resuming;	   /* the call ended by our interruption alone and will be made again */
	bool timed;	   /* .timeout and its like are of a call that is made again */
	bool held;	   /* until its tree is complete: .process->leaving */
	bool died;	   /* exiting() has been told */
	bool swallow;	   /* the next seccomp stop belongs to an entry that was handled */
	bool entered;	   /* the same, if one comes */
	u16 filters;	   /* a leader's: of p->nr_filters, those that the process has */
	u16 known_filters; /* those that a child has which is born at the next stop */
	u16 refused;	   /* of p->nr_filters when one could not be added */
	u8 proxy;	   /* PROXY_*: it makes another call in the place of its own */
	u64 proxied_nr, proxied_rsi, proxied_r9; /* of its own */
	struct task *child, *creator;		 /* at clone: waiting for the other's stop */
	u64 clone_flags;
	u64 timeout_nr, timeout, timeout_since; /* as the program gave it; monotonic ns */
	struct interruption *interruptions;
	VEC(siginfo_t) delayed; /* signals that came at a wrong time */
	u32 nr_sent;		/* of them: sent again, to be completed when they arrive */
	const char *old_comm;	/* while programs are told of its renaming, which is done already */
	/* decide.c: a call is being made in its place; it is to be made again; what it may do. */
	struct decide_work *work;
	bool again, identity_valid, files_shared; /* CLONE_FILES */
	u64 cgroup_going; /* struct cgroup that the current call removes, if it does; 0: none */
	struct decide_identity *identity;
	/* Caches of event/task.c */
	int comm_fd;
	bool ids_valid;
	u32 uid, gid;
};

struct supervisor_timer {
	u64 ns, due;
	void (*fn)(struct skep_system *sys, void *arg);
	void *arg;
};

/* A stop that waits to be handled, or of a task whose creation we have not been told yet. */
struct stray {
	pid_t pid;
	int status;
	u64 since;
};

enum { SUPERVISOR_STARTING, SUPERVISOR_RUNNING, SUPERVISOR_ENDED };

struct supervisor {
	struct skep_system *sys;
	pid_t host, tid; /* of the host program, of the loop */
	pthread_t parked;
	u32 state;	/* futex */
	bool quitting;	/* the host wants it to end */
	int last_error; /* why it could not start */
	struct request *requests;
	u32 rung; /* something to do beside stops: checked before each wait */
	u32 hooks_changed, host_died, alarmed, works_new;
	pthread_mutex_t host_lock; /* never taken by the loop */
	struct skep_process *all;
	/* The loop's. */
	struct skep_process *trees;
	bool leaving; /* the host has died or wants to end: until no task is left */
	u64 revision;
	u8 wants[CALLS_MAX];
	bool wants_signals;
	bool timer_made;
	timer_t timer;
	VEC(struct supervisor_timer) timers;
	VEC(struct stray) pending; /* to be handled */
	VEC(struct stray) strays;  /* tasks without a creator */
	void (*orphaned)(void *arg,
			 const char *line); /* the host has died; NULL: nothing else to do */
	void *orphaned_arg;
	u32 untold;	 /* tasks whose end nobody told of */
	u64 give_up_due; /* when .leaving ends in any case */
	u64 last_resort; /* and when it does although the loop is stuck */
	u64 sweep_due;	 /* when to look after them; 0: never */
	/* decide.c */
	struct decide_work *works, *decided; /* going on; done: the workers add to it */
	struct decide_worker *idle_workers;
	struct decide_identity *self;
	const struct decide_identity *assumed; /* decide_as_task(); NULL: it is itself */
	bool program_unpaused;		       /* by task_assume() */
};

/* supervisor.c */
int supervisor_start(struct skep_system *sys);
/* Runs @fn in the loop and gives its result; -ECHILD when the supervisor has been killed. */
int supervisor_call(struct supervisor *sv, int (*fn)(struct supervisor *sv, void *arg), void *arg);
bool supervisor_alive(const struct supervisor *sv);
void supervisor_ring(struct supervisor *sv);
void supervisor_rearm(struct supervisor *sv);
u64 monotonic_ns(void);
/* Waits until *@word is not @value any more; @timeout_ms -1: for ever. Spurious returns. */
void word_wait(u32 *word, u32 value, int timeout_ms);
void word_wake(u32 *word);

/* filter.c */
/* What becomes of a call. Some look at arguments and leave the others' calls alone. */
enum call_answer {
	CALL_ALLOW,
	CALL_NATIVE,	     /* the same; nobody traces the tree */
	CALL_TRACE,	     /* stops */
	CALL_CLONE,	     /* stops when the new task would escape */
	CALL_NOTIFY,	     /* answered by whoever has the filter's listener */
	CALL_TRAP,	     /* as a signal, for the tracer to make a call of it that is notified */
	CALL_ZERO,	     /* it gives 0 */
	CALL_ABSENT,	     /* ENOSYS */
	CALL_REFUSED,	     /* EPERM */
	CALL_IOCTL_CONFINED, /* IOCTL without those that reach other processes */
	CALL_FCNTL_CONFINED, /* the same of fcntl() */
	CALL_CLONE_CONFINED, /* stops when the new task would escape, EPERM for a user namespace */
	CALL_UNSHARE_CONFINED,
	CALL_RLIMIT_CONFINED, /* RLIMIT_1 of the caller alone */
	CALL_IOCTL,	      /* NOTIFY for requests of perf events, and for the tracer's proxies */
	CALL_MMAP,	      /* NOTIFY for shared mappings of files */
	CALL_AT_2,	      /* NOTIFY unless argument 2 has AT_EMPTY_PATH */
	CALL_AT_3,
	CALL_POLL, /* NOTIFY unless it waits for time alone */
	CALL_SELECT,
	CALL_PTRACE,   /* NOTIFY for who becomes, or wants, a tracer's */
	CALL_SOCKOPT,  /* NOTIFY for filters of sockets */
	CALL_RLIMIT_0, /* NOTIFY when argument 0 is RLIMIT_MEMLOCK */
	CALL_RLIMIT_1,
	CALL_NETLINK,	    /* TRACE when a socket for rtnetlink is made */
	CALL_NETLINK_NEW,   /* NOTIFY then */
	CALL_NETLINK_FD,    /* NOTIFY for descriptors in their range */
	CALL_RECEIVER_FD,   /* NOTIFY for descriptors in theirs */
	CALL_RECEIVER_AT_2, /* AT_2, and for these with AT_EMPTY_PATH */
	CALL_RECEIVER_AT_3,
	CALL_RECEIVER_IOCTL, /* IOCTL, and requests of receivers and input devices */
};
/*
 * Where descriptors of rtnetlink sockets are (src/daemon/netlink.c), and of receivers (receivers.c):
 * below FD_SETSIZE.
 */
enum {
	RECEIVER_FD_FIRST = 896,
	RECEIVER_FD_END = 960,
	NETLINK_FD_FIRST = 960,
	NETLINK_FD_END = 1024
};
/*
 * Requests of ioctl() that stand for the calls which a filter outside of ours answers (a default
 * container): argument 1, the request's place, is in argument 5 meanwhile.
 */
enum {
	CALL_PROXY_BPF = 0x5ceb0001,
	CALL_PROXY_PERF = 0x5ceb0002,
	CALL_PROXY_FD = 0x5ceb0003, /* gives the task the descriptor that is meant for it */
};
/*
 * @answers of all CALLS_MAX numbers, @other for other entries (i386, x32) and beyond, @control for bpf() and
 * perf_event_open() there. 0 or -ENOMEM.
 */
int filter_compile(struct call_filter *f, const u8 *answers, enum call_answer other,
		   enum call_answer control);
/* Makes the filter for tree @p; what it stops is in p->traced. 0 or -ENOMEM. */
int filter_build(struct call_filter *f, const struct supervisor *sv, struct skep_process *p);
void filter_free(struct call_filter *f);
/* Calls that the tracer itself must see, whatever is attached. */
bool filter_needs(u32 nr);

/*
 * uninterrupted.c: whether the call that @regs tell of is one that Linux lets no signal interrupt: if it has
 * ended with -ERESTARTSYS it has not been made.
 */
bool call_is_uninterrupted(struct task *t, const struct user_regs_struct *regs);
/* At a signal: waits that Linux ends with EINTR also where the handler has SA_RESTART, are not made again. */
void call_wait_ends(struct task *t, struct user_regs_struct *regs);

/* tracer.c: all in the loop */
struct task *tracer_adopt(struct supervisor *sv, struct skep_process *p, pid_t tid,
			  struct task *leader, struct mm *mm);
void tracer_handle(struct supervisor *sv, pid_t pid, int status);
void tracer_update_wants(struct supervisor *sv);
void tracer_go(struct task *t);	     /* on from its stop */
void tracer_decided(struct task *t); /* on from the entry of a call that waited (decide.h) */
void tracer_release(struct task *t); /* lets it go alive, from its stop; frees @t */
void tracer_sweep(struct supervisor *sv);
/* wait4() has said that there is nobody: ends what is still in the books. */
void tracer_nobody_left(struct supervisor *sv);
/* The tree has changed: wakes who waits for it. */
void tree_changed(struct skep_process *p);
void tree_note(struct skep_process *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* extend.c: in the loop */
/* What p->syscall_stops and .needed are to be, by what is wanted now. */
void tree_extend(struct supervisor *sv, struct skep_process *p);
/* Adds what it lacks to the filters of the stopped task's process, if that can be. */
void task_extend(struct task *t);
/* Whether a filter of the process stops call @nr. */
bool task_traced(const struct task *t, u64 nr);

static inline bool task_needs_every_call(const struct task *t)
{
	const struct skep_process *p = t->trace->process;

	return p->syscall_stops || t->leader->trace->filters < p->needed;
}

/* tree.c: in the loop */
int tree_seize(struct supervisor *sv, struct skep_process *p, char *error, size_t size);
/* A process with all its threads into tree @p, which is late. 0 or -errno. */
int tree_take(struct supervisor *sv, struct skep_process *p, pid_t tgid);
/* Who traces process or thread @tid: 0: nobody; -1: it is not known. */
long tracer_of(pid_t tid);
void tree_kill(struct supervisor *sv, struct skep_process *p, int sig);
int tree_leave(struct supervisor *sv, struct skep_process *p);
void tree_check_left(struct skep_process *p);

/* spawn.c: for src/daemon */
/* @file in $PATH, as execvp() finds it. 0 or -errno. */
int command_path(const char *file, char *path, size_t size);
/*
 * Watches process @pid, which has one thread and a filter that stops the calls @traced and allows
 * those of @plain, as if it had been
 * spawned: its tree ends with the supervisor. @trapped: that has CALL_TRAP. Its events begin with its execve.
 */
int process_join(struct skep_system *sys, pid_t pid, const u8 *traced, const bool *plain,
		 bool trapped, struct skep_process **out, char *error, size_t error_size);
/* A tree that is not watched yet, see tree_take(). NULL: no memory. */
struct skep_process *process_late(struct skep_system *sys, pid_t pid, const bool *plain);
/* What has been attached is seen by every task from now on. 0, or -ECHILD without supervisor. */
int supervisor_sync(struct skep_system *sys);

/* inject.c */
void tracer_interrupt_quietly(struct task *t);

/* task_work.c */
void task_work_start(struct supervisor *sv);
void task_work_tell(
	struct supervisor *sv);		/* there is more to do: interrupts those who are to do it */
void task_work_stopped(struct task *t); /* does it, if this stop is on the way to user space */

/* task.c */
extern const struct bpf_task_ops task_ops;
void task_forget_ids(struct task *t);
void task_forget_comm(struct task *t);

#endif
