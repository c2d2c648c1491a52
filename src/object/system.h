/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A system: what a kernel is to its programs. Everything hangs off it; several
 * can live in one process.
 */
#ifndef SKEP_OBJECT_SYSTEM_H
#define SKEP_OBJECT_SYSTEM_H

#include <pthread.h>

#include "base/relock.h"
#include "object/object.h"

struct async;
struct bpf_verifier_env;
struct cgroup_table;
struct cgroup_tree;
struct explanation;
struct hook_table;
struct netns_hooks;
struct pin_text_ops;
struct pins;
struct psocks;
struct reuseports;
struct rstat;
struct sockmaps;
struct supervisor;
struct uprobes;
struct watches;
struct lirc;
struct lirc_progs;
struct sampling;
struct security_question;
struct stat;
struct task;
struct task_table;
struct task_works;
struct tc_qdisc;
struct work;
struct world;

/* Who is woken when something arrives in ring @what: an eventfd. */
struct waker {
	struct waker *next;
	const void *what; /* struct bpf_map of a ring buffer, or struct perf_ring */
	int fd;		  /* -1: given up; the entry stays */
};

struct skep_system {
	kver profile;	       /* the release: what rules of behaviour go by */
	struct profile kernel; /* the same, and what was probed on the kernel */
	struct probes *probes; /* .kernel's, owned; NULL: none */
	bool profile_set;
	u32 attr_size; /* sizeof(union bpf_attr) there; 0: not asked yet */
	enum { CAPS_FULL, CAPS_REAL } caps_mode;
	bool verdict;	    /* what skep lacks is judged, but cannot run */
	bool test_run_all;  /* program types without a test run in Linux have skep's */
	s8 unpriv_disabled; /* the sysctl's value; -1: the host's */
	int unpriv_file;    /* where processes write it; 0: none has been opened for that */
	u64 userns; /* the first user namespace of the system: its maker's; see caller_userns() */
	struct arena *arena;
	const struct skep_platform *platform;
	struct relock lock; /* object tables and control operations */
	struct object_table tables[OBJECT_KINDS];
	struct idmap by_inode;	 /* inode -> struct object */
	struct idmap by_watch;	 /* inotify watch -> struct object */
	struct idmap by_address; /* struct bpf_map or bpf_prog in the arena -> struct object */
	u64 memfd_device;	 /* st_dev of all memfds */
	int inotify_fd;		 /* -1: probe by polling */
	u64 inotify_inode;
	u32 drains;
	u32 generation; /* platform_fork_generation() of the process that this copy is for */
	struct spare_file {
		enum object_kind kind;
		int fd, watch;
		u64 inode;
	} spare_files[8]; /* of dead objects, for the next ones; see fd.c */
	u32 nr_spare_files;
	u32 suspects;	      /* objects to probe again soon, see fd.c */
	struct waker *wakers; /* grows only; read without a lock */
	struct arena_retired *retired;
	struct object_btf *vmlinux; /* NULL until it is needed: see system_vmlinux() */
	bool vmlinux_tried;
	bool arenas_unplaced;	      /* one was mapped by another process: see arenas_find() */
	struct object_btf *functions; /* see system_functions() */
	/* Of kernel modules, where btf_path is a directory; each points to the next. */
	struct object_btf *modules;
	const char *btf_origin; /* where it came from */
	char *btf_path;		/* NULL: host's, else built-in; a directory is as /sys/kernel/btf */
	u32 stats_enabled;	/* descriptors of BPF_ENABLE_STATS that are held */
	struct hook_table *hooks;
	struct cgroup_table *cgroups;	 /* NULL until it is needed; src/hook/cgroup.c */
	struct cgroup_tree *cgroup_tree; /* NULL: cgroups are the machine's; cgroup_tree.h */
	struct netns_hooks *netns;	 /* src/hook/netns.c */
	/*
	 * The network namespace by whose numbers the devices' hooks go, as an inode. Who is in another
	 * one sees none of them. 0: they go by whoever asks.
	 */
	u64 net_ino;
	struct tc_qdisc *tc;		     /* src/hook/cls_bpf.c */
	struct lwt_route *lwt;		     /* src/hook/lwt.c */
	struct pins *pins;		     /* NULL until it is needed; pins.c */
	const struct pin_text_ops *pin_text; /* object/pins.h; set by src/command */
	struct world *world;		     /* NULL until it is needed; src/world */
	struct relock world_lock;	     /* runs of several threads */
	/* skep_platform.read_world and the like; set by world_attach() */
	int (*read_world)(struct skep_system *sys, struct bpf_run *run, void *dst, u64 src,
			  u32 size);
	long (*read_world_str)(struct skep_system *sys, struct bpf_run *run, char *dst, u64 src,
			       u32 size);
	u64 (*world_call)(struct skep_system *sys, struct bpf_run *run, enum world_op op,
			  const u64 *args);
	/*
	 * Answers WORLD_CLONE_REDIRECT, WORLD_DEVICE_MTU, WORLD_FIB_LOOKUP and the like; NULL: there are no live links. Both are set
	 * before, and taken back after, any program can be attached there.
	 */
	u64 (*netdev_call)(struct skep_system *sys, struct bpf_run *run, enum world_op op,
			   const u64 *args);
	struct links *links; /* src/event/link.c */
	struct lirc *lirc;   /* infrared receivers; NULL: none; src/event/lirc.c */
	/* What is attached to the receiver that a descriptor with @st is open on; NULL: none. Set with .lirc. */
	struct lirc_progs *(*receiver_of)(struct skep_system *sys, const struct stat *st,
					  bool *writable);
	int net_diag; /* NETLINK_SOCK_DIAG in the network of .links, under world_lock; 0: we are in it */
	/* skep_platform.kernel_call; set by skep_system_new() */
	u64 (*kernel_call)(struct skep_system *sys, struct bpf_run *run, enum kernel_call op,
			   const u64 *args);
	struct supervisor *supervisor;			  /* NULL until skep_spawn(); src/event */
	void (*supervisor_stop)(struct skep_system *sys); /* set with .supervisor */
	/* Calls @fn where supervised tasks stand still; -ECHILD: nobody supervises. */
	/* A descriptor of a stopped task as one of ours, where pidfd_getfd() is forbidden; set with .supervisor. */
	int (*supervisor_take_fd)(struct task *t, int fd);
	/* Lets this thread make calls with the rights of a stopped task (0 or -errno), and ends that; set with .supervisor. */
	int (*supervisor_as_task)(struct task *t);
	void (*supervisor_as_self)(struct task *t);
	int (*supervisor_ask)(struct skep_system *sys,
			      int (*fn)(struct skep_system *sys, void *arg), void *arg);
	/* See security.h; set with .supervisor. */
	int (*security)(struct skep_system *sys, const struct security_question *q);
	struct psocks *psocks;	       /* NULL until there is a map of sockets; psock.c */
	struct sockmaps *sockmaps;     /* src/event/sockmap.c */
	struct reuseports *reuseports; /* NULL until a group has a program; src/event/reuseport.c */
	struct watches *watches;       /* NULL: nothing that maps refer to is watched; watch.c */
	bool task_storages;	       /* there is, or was, a map of them */
	struct task_table *tasks;      /* supervised; src/world/task.c */
	struct uprobes *uprobes;       /* src/event/uprobe.c */
	/* A bit for each system call with a hooked function; src/event/function.c. */
	u8 function_calls[64];
	/* What tasks are to do; NULL until there was some. src/command/task_work.h */
	struct rstat *rstat; /* src/hook/rstat.c; NULL until a program has statistics */
	struct task_works *task_works;
	void (*task_work_kick)(struct skep_system *sys); /* set with .supervisor */
	struct async *async;	   /* callbacks that run later; NULL until there is one; async.c */
	struct sampling *sampling; /* src/event/sampling.c */
	bool has_rings;		   /* there is, or was, one that can be polled */
	u64 perf_ids;		   /* last PERF_EVENT_IOC_ID given */
	u64 iter_sessions;	   /* last session of an iterator */
	/* Where bpf_trace_printk() lines go (Linux: trace_pipe). */
	void (*trace)(void *arg, const char *line, u32 len);
	void *trace_arg;
	/* Fires raw tracepoint @name with @n arguments, when somebody listens; set by src/hook. */
	void (*raw_tp)(struct skep_system *sys, const char *name, const u64 *args, u32 n);
	/* Tracepoint skb:kfree_skb: @skb is freed in the kernel function @place, for no reason in particular; the same. */
	void (*packet_freed)(struct skep_system *sys, struct sk_buff *skb, const char *place);
	/*
	 * Address of the kernel function @name, which has number @id in its BTF; set by src/hook. Unlike any
	 * other function's, and nothing can be read there.
	 */
	u64 (*function_address)(struct skep_system *sys, const char *name, u32 id);
	/*
	 * Calls the functions that test runs of programs of @attach_type are about; set by src/hook. 0 and
	 * what the run returns, or -EFAULT.
	 */
	int (*test_functions)(struct skep_system *sys, u32 attach_type, u32 *retval);
	/*
	 * For tests of soundness: what is known before each instruction that the verifier
	 * looks at, and pruning only where every value is covered (as if all were precise).
	 */
	void (*verifier_observe)(void *arg, const struct bpf_verifier_env *env);
	void *verifier_observe_arg;
	bool verifier_exact;
	struct work *work;		  /* of the newest load; NULL: none; src/verifier/work.c */
	char want_work[BPF_OBJ_NAME_LEN]; /* the program it is asked for; "": none */
	bool want_explanations;
	struct explanation *explanation; /* of the newest load; NULL: none; object/explain.h */
	struct diag last;		 /* the newest refusal, for explanations */
	char last_text[1024];		 /* its line, rendered for skep_last_refusal() */
	u32 jit_mode;			 /* JIT_ON, JIT_OFF, JIT_COMPARE */
	bool perf, perf_marked;		 /* native code is told to perf, see src/jit/debug.c */
	bool count_insns;		 /* interpreted, and counted */
	u64 counted_insns;		 /* of the newest test run, one repetition */
	bool jit_forbidden;		 /* the host forbids executable shared memory: JIT_OFF */
	void (*log)(void *arg, int level, const char *text);
	void *log_arg;
	/* BTF as declarations in C; NULL: this program has no way to. See skep_exec_opts. */
	int (*btf_to_c)(const void *btf, size_t size,
			void (*emit)(void *arg, const char *text, size_t len), void *arg);
};

enum { JIT_ON, JIT_OFF, JIT_COMPARE };

/*
 * Capabilities of the caller; CAP_SYS_ADMIN brings the others, as in Linux. All of
 * them with CAPS_FULL. BPF_UNPRIV_DISABLED is not one: it is set when callers
 * without CAP_BPF may not make maps and programs at all.
 */
enum {
	BPF_CAP_BPF = 1,
	BPF_CAP_PERFMON = 2,
	BPF_CAP_NET_ADMIN = 4,
	BPF_CAP_SYS_ADMIN = 8,
	BPF_UNPRIV_DISABLED = 16,
	BPF_CAP_SYS_BOOT = 32, /* which CAP_SYS_ADMIN does not bring */
};
u32 system_caps(struct skep_system *sys);
/* The same where @effective (a bit for each CAP_*) is what the caller has and no mode asked for. */
u32 system_caps_of(struct skep_system *sys, u64 effective);
/* kernel.unprivileged_bpf_disabled: 0, 1 or 2. */
int system_unpriv_disabled(struct skep_system *sys);
/* A descriptor to read and write it by, for who may: or -errno. */
int system_unpriv_open(struct skep_system *sys);

/* The kernel's BTF, loaded at its first use; borrowed, NULL when there is none. */
struct object_btf *system_vmlinux(struct skep_system *sys);

/* Split BTF of the kernel functions that skep fires and the kernel's BTF lacks; as above. */
struct object_btf *system_functions(struct skep_system *sys);

/*
 * Copies between the caller's memory and ours: attribute pointers. @addr is in
 * the address space of the process that made the call (this one, in process; caller.h).
 * 0 or -EFAULT; never a signal.
 */
int user_read(struct skep_system *sys, void *dst, u64 addr, size_t size);
int user_write(struct skep_system *sys, u64 addr, const void *src, size_t size);
/* At most @size bytes with the NUL; length without NUL, -EFAULT, or -E2BIG when no NUL in @size. */
long user_read_str(struct skep_system *sys, char *dst, u64 addr, size_t size);

#endif
