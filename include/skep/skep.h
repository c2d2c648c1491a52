/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep: eBPF that you can carry. The public interface: make a system, make
 * bpf(2) calls on it. All functions return 0 or a non-negative result, or
 * -errno; nothing prints or exits.
 */
#ifndef SKEP_SKEP_H
#define SKEP_SKEP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_API __attribute__((visibility("default")))

struct skep_system;
union bpf_attr;

/* Options grow at the end; set sz to sizeof(struct skep_system_opts). */
struct skep_system_opts {
	size_t sz;
	/*
	 * The kernel to behave as: a release ("6.12"), a file with the output of `bpftool feature
	 * probe` (plain or -j) recorded on it, or both ("5.14:FILE"). NULL: $SKEP_KERNEL,
	 * else the newest release.
	 */
	const char *kernel;
	const char *
		btf; /* kernel BTF file, or directory of vmlinux's and modules'; NULL: $SKEP_BTF, else the host's, else built-in */
	const char *caps; /* "full" (default) or "real"; NULL: $SKEP_CAPS */
	/*
	 * "on" (default), "off", "compare" (of both engines, at test runs), "count" (off, and slow:
	 * skep_counted_insns()); NULL: $SKEP_JIT
	 */
	const char *jit;
	/*
	 * "1": what skep lacks (helpers, kfuncs, map and program types) is judged as the
	 * kernel would; what needs it is -EOPNOTSUPP to run, attach or fill. "0" (default):
	 * it is refused at load. NULL: $SKEP_VERDICT.
	 */
	const char *verdict;
	/*
	 * What /proc/sys/kernel/unprivileged_bpf_disabled is for programs: "0", "1", "2".
	 * NULL: $SKEP_UNPRIVILEGED_BPF_DISABLED, else the host's.
	 */
	const char *unprivileged_bpf_disabled;
	/*
	 * Gets what there is to say about a recorded kernel: what is wrong with the file, or
	 * what of it is not believed; lines, none when all is well. NULL: nobody wants to know.
	 */
	char *notes;
	size_t notes_size;
	/*
	 * "all": BPF_PROG_TEST_RUN runs programs of types that Linux has no test run for, too.
	 * "linux" (default): they are refused as there. NULL: $SKEP_TEST_RUN.
	 */
	const char *test_run;
	/*
	 * "1": native code is told to perf, by /tmp/perf-PID.map and /tmp/jit-PID.dump. NULL:
	 * $SKEP_PERF, else not. GDB is told in any case.
	 */
	const char *perf;
};

/* A new system, or NULL with errno set. @opts may be NULL. */
SKEP_API struct skep_system *skep_system_new(const struct skep_system_opts *opts);
/* Frees it and every object in it. Descriptors that clients still hold become inert. NULL is fine. */
SKEP_API void skep_system_free(struct skep_system *sys);

/*
 * bpf(2): @cmd and @attr as in <linux/bpf.h>; @size is sizeof the attribute as
 * the caller knows it. Returns what Linux returns, errors as -errno.
 */
SKEP_API int skep_bpf(struct skep_system *sys, int cmd, union bpf_attr *attr, unsigned int size);

/*
 * What a test run of a LIRC_MODE2 program (SKEP_TEST_RUN=all) gives as data_out for the samples
 * that it got as data_in, 32 bits each: what the program decoded.
 */
struct skep_lirc_event {
	uint32_t kind; /* 0: bpf_rc_keydown(), 1: bpf_rc_repeat(), 2: bpf_rc_pointer_rel() */
	uint32_t protocol, toggle;
	int32_t x, y;
	uint32_t reserved;
	uint64_t scancode;
};

/*
 * Takes the next sample off *@text, in the format of LIRC_MODE_MODE2 (lirc(4)): "pulse 900",
 * "space 400", "timeout 125000", "carrier 38000", "+900", "-400", as mode2(1) and ir-ctl(1) write
 * them; "#" begins a comment. 1, 0 at the end, or -EINVAL: *@text is at a word that is none.
 */
SKEP_API int skep_pulse_parse(const char **text, uint32_t *sample);

/*
 * A capture file as a network device: its packets arrive when it is run. Programs
 * attach to it as on Linux: BPF_LINK_CREATE with BPF_XDP or BPF_TCX_INGRESS and the
 * device's ifindex. An observer's socket filter (SO_ATTACH_BPF of a packet socket)
 * is set by skep_pcap_filter(). A packet goes through XDP, then the observer sees
 * a copy, then TC ingress, as in Linux's receive path.
 */
struct skep_pcap;

/*
 * Reads the capture @path (pcap or pcapng, Ethernet) into memory and makes a device for
 * it. 0 or -errno; then @error says what was wrong with file or packet.
 */
SKEP_API int skep_pcap_open(struct skep_system *sys, const char *path, struct skep_pcap **out,
			    char *error, size_t error_size);
/* Takes the device away; what is attached to it is detached. NULL is fine. */
SKEP_API void skep_pcap_close(struct skep_pcap *pcap);
SKEP_API unsigned int skep_pcap_ifindex(const struct skep_pcap *pcap);
/* The observer's filter: descriptor of a SOCKET_FILTER program. 0 or -errno. */
SKEP_API int skep_pcap_filter(struct skep_pcap *pcap, int prog_fd);

struct skep_pcap_run_opts {
	size_t sz;
	unsigned int repeat;	  /* rounds through the capture; 0: one */
	const char *out;	  /* packets that pass; NULL: not written. Of the last round. */
	const char *out_tx;	  /* transmitted (XDP_TX) */
	const char *out_redirect; /* redirected by XDP or TC */
	const char *out_filter;	  /* the observer's copies, cut as its filter says */
};

struct skep_pcap_stats {
	size_t sz;
	uint64_t packets, bytes; /* that arrived, all rounds */
	uint64_t ns;		 /* time of all rounds, output not included when there is none */
	uint64_t xdp[6];	 /* by result: ABORTED DROP PASS TX REDIRECT; [5]: any other */
	uint64_t tc[10];	 /* by result: OK RECLASSIFY SHOT PIPE STOLEN QUEUED REPEAT REDIRECT
				  * TRAP; [9]: any other (UNSPEC and TCX_NEXT count as OK) */
	uint64_t filter_kept, filter_dropped, filter_bytes;
	uint64_t passed, transmitted, redirected, dropped; /* what became of the packets */
};

/* Runs the capture. 0 or -errno; then @error says what failed. */
SKEP_API int skep_pcap_run(struct skep_pcap *pcap, const struct skep_pcap_run_opts *opts,
			   struct skep_pcap_stats *stats, char *error, size_t error_size);

/*
 * The other system calls that clients make on descriptors of a system. Results and
 * errors as those calls have them, errors as -errno.
 *
 * skep_perf_event_open(): software event BPF_OUTPUT, for perf event arrays.
 * skep_ioctl(): -ENOTTY for descriptors that are not perf events of @sys.
 * skep_mmap(): asks before mmap(MAP_SHARED) of any descriptor. 0: go ahead (also
 *   for descriptors that are not of @sys); perf rings get their pages here.
 * skep_epoll_fd(): the descriptor to give to epoll or poll in place of a ring
 *   buffer's or perf event's, or -EBADF for others. It becomes readable when something
 *   was written and stays so: use EPOLLET, or read it, before consuming. It belongs
 *   to the system: do not close it.
 */
SKEP_API int skep_perf_event_open(struct skep_system *sys, void *attr, int pid, int cpu,
				  int group_fd, unsigned long flags);
SKEP_API int skep_ioctl(struct skep_system *sys, int fd, unsigned long request, void *arg);
SKEP_API int skep_mmap(struct skep_system *sys, int fd, size_t len, int prot, long off);
/*
 * Tells where such a mapping is: arenas have one address for all. 0; -EAGAIN when another address
 * is needed, one whose 4 GiB it does not leave, or -errno: then the mapping is to be undone.
 */
SKEP_API int skep_mapped(struct skep_system *sys, int fd, void *addr, size_t len);
SKEP_API int skep_epoll_fd(struct skep_system *sys, int fd);
/*
 * Records that programs could not put into ring buffer or perf event array @map_fd for want of
 * room: of a ring buffer all so far, of perf rings those that no PERF_RECORD_LOST has told of
 * yet. 0, or -EBADF, -EINVAL (another map).
 */
SKEP_API int skep_lost(struct skep_system *sys, int map_fd, uint64_t *count);

/*
 * Processes whose events run the programs of a system: system calls, functions, signals.
 * They are watched by a supervisor, a process of its own that shares this one's memory, so
 * the caller's waitpid() never meets a stop of ours. No privilege is needed.
 */
struct skep_process;

struct skep_spawn_opts {
	size_t sz;
	char *const *envp;     /* NULL: the caller's */
	const char *directory; /* to start in; NULL: the caller's */
	const int *fds;	       /* standard input, output and error; NULL: the caller's */
};

/*
 * Starts @file (searched in PATH without a slash) with @argv, a child of the caller, and watches
 * it and all its descendants. 0 or -errno; then @error says what failed. The command's own
 * execve is an event already.
 */
SKEP_API int skep_spawn(struct skep_system *sys, const char *file, char *const argv[],
			const struct skep_spawn_opts *opts, struct skep_process **out, char *error,
			size_t error_size);
/* Watches process @pid, all its threads and what they start from now on. As skep_spawn(). */
SKEP_API int skep_attach(struct skep_system *sys, int pid, struct skep_process **out, char *error,
			 size_t error_size);
SKEP_API int skep_process_pid(const struct skep_process *p);
/*
 * Becomes readable when the last process of the tree has ended, or for a moment when the first
 * one has. Belongs to @p.
 */
SKEP_API int skep_process_fd(const struct skep_process *p);
/*
 * Waits at most @timeout_ms (-1: for ever) for the end of the first process, or with @all of
 * every process of the tree. 0 and *@status as of waitpid() (of skep_attach(): too); -EAGAIN when
 * time is up; -ECHILD when the supervisor has been killed and the tree ended with it.
 */
SKEP_API int skep_process_wait(struct skep_process *p, bool all, int timeout_ms, int *status);
/* Sends @sig to every process of the tree. 0 or -errno. */
SKEP_API int skep_process_kill(struct skep_process *p, int sig);
/*
 * Ends watching; the processes go on as they are. -EBUSY when they cannot do without us (a
 * filter installed at their start names calls that we answer): end them, or wait.
 */
SKEP_API int skep_process_detach(struct skep_process *p);

struct skep_process_stats {
	size_t sz;
	uint64_t tasks; /* threads and processes seen */
	uint64_t stops; /* of tasks, for any reason */
	uint64_t calls; /* system calls that were stopped at */
	uint64_t signals;
	uint64_t breakpoints; /* user functions */
	uint64_t unseen;      /* tasks that could not be watched (traced by another debugger) */
};
SKEP_API int skep_process_stats(const struct skep_process *p, struct skep_process_stats *out);
/*
 * What the user should know at the end: fields that were read but are not modelled, user
 * functions that were never mapped, set-user-id programs that ran without their privilege.
 * @emit gets lines without newline.
 */
SKEP_API void skep_process_report(struct skep_process *p, void (*emit)(void *arg, const char *line),
				  void *arg);
/* Ends the tree that is left, if it cannot be left alone, and frees @p. NULL is fine. */
SKEP_API void skep_process_free(struct skep_process *p);

/*
 * Instances: small machines whose eBPF is skep. Every process in one, of whatever program and
 * language, has its bpf(2), perf_event_open(2) and the files of the kernel that belong to them
 * answered by the instance's system, and is seen by the programs attached there. One daemon of
 * the user's hosts them all; it starts when it is needed and goes when nothing holds it.
 */
struct skep_exec_opts {
	size_t sz;
	const char *instance;		       /* NULL: $SKEP_INSTANCE, else "default" */
	const struct skep_system_opts *system; /* of an instance that is made now; may be NULL */
	bool root;			       /* the command sees itself as user 0 */
	/*
	 * The command is served, but not watched: programs do not see what it does, and debuggers and
	 * strace can be used on it. So it is with a caller that is traced already.
	 */
	bool untraced;
	/*
	 * In a network of the instance's own, made now if it has none: NULL: only if it has one; else
	 * names of interfaces with commas between them ("": eth0). "tap" among them: TAP devices.
	 * "partner": in the namespace at the other end of the wire.
	 */
	const char *net;
	/*
	 * Writes BTF as declarations in C, in pieces to @emit (libbpf's btf_dump does it): 0 or -errno. The instance's
	 * processes then find the headers that BCC compiles with; without it there are none.
	 */
	int (*btf_to_c)(const void *btf, size_t size,
			void (*emit)(void *arg, const char *text, size_t len), void *arg);
	/*
	 * The command and all that it starts are subjects: no eBPF of their own, and none of the ways around the
	 * decisions of programs that others have attached; see docs/trust.md.
	 */
	bool confined;
	/*
	 * The command is traced from its start. Without this it is when something has been attached in the
	 * instance; until then it can be another tracer's (strace, gdb).
	 */
	bool traced;
	/*
	 * Infrared receivers /dev/lirc0 and so on, made now if the instance has none: the files that their pulses
	 * come from, "" for none; behind the last NULL. NULL: none are asked for.
	 */
	const char *const *lirc;
};

/*
 * Becomes @file (searched in PATH without a slash) with @argv, in an instance. Returns only when
 * that fails: -errno, and @error says why. For programs with one thread.
 */
SKEP_API int skep_exec(const char *file, char *const argv[], const struct skep_exec_opts *opts,
		       char *error, size_t error_size);

struct skep_instance_entry {
	size_t sz;
	const char *instance;
	int pid;		     /* 0: of the instance as a whole */
	const char *command;	     /* a process's name */
	unsigned maps, progs, links; /* of the instance */
};

/* Calls @fn for each instance, and behind each for its processes. 0 or -errno. */
SKEP_API int skep_instances(void (*fn)(void *arg, const struct skep_instance_entry *entry),
			    void *arg, char *error, size_t error_size);
/* Ends instance @name with all its processes; NULL: all instances. 0 or -errno. */
SKEP_API int skep_instance_stop(const char *name, char *error, size_t error_size);

/*
 * Hook points that programs can be attached to: row @index of all, from 0. 0, or -ENOENT
 * behind the last. Strings are borrowed until the system's next call.
 */
struct skep_hook_point {
	size_t sz;
	const char *kind;   /* "tracepoint", "raw_tp", "function" */
	const char *name;   /* "syscalls:sys_enter_execve", "sched_process_exec", "vfs_open" */
	const char *what;   /* arguments, as C: "struct path *path, struct file *file" */
	const char *when;   /* the condition under which it is reached; or "" */
	bool returns;	    /* the return can be attached to, too */
	const char *result; /* its type, as C; "" unless .returns */
};
SKEP_API int skep_hook_point_get(struct skep_system *sys, unsigned int index,
				 struct skep_hook_point *out);

/*
 * The newest refusal of a system: a program, map or BTF that it did not accept,
 * and why. Strings are borrowed until the system's next call. Fields that do
 * not apply are NULL, 0, or -1 (insn).
 */
struct skep_refusal {
	size_t sz;
	int err;	     /* positive errno */
	const char *id;	     /* of the diagnostic, e.g. "STACK_OVERFLOW" */
	const char *message; /* the kernel's line */
	const char *advice;  /* what to do about it */
	const char *prog;
	int insn;	    /* index into the program as loaded */
	const char *source; /* the source line, from the program's BTF */
	const char *file;
	unsigned line, column;
};

/* 0, or -ENOENT when nothing has been refused since the last accepted load. */
SKEP_API int skep_last_refusal(struct skep_system *sys, struct skep_refusal *out);

/*
 * Why the newest program was rejected: a second check records the path that failed and tells, in
 * the order of the path, where what is known of the offending value came from, which
 * comparisons bounded it, and where that was lost. Costs nothing while no program is rejected.
 */
struct skep_step {
	size_t sz;
	const char *
		kind; /* "origin", "change", "bound", "lost", "passed", "branch", "refused" (the last) */
	const char *text;   /* or "" */
	const char *source; /* the line without its leading blanks, or the instruction */
	const char *file;   /* NULL: no line is known */
	unsigned line, column;
	unsigned mark, mark_size; /* characters of .source that it is about; 0: unknown */
	int insn;
};
SKEP_API void skep_want_explanations(struct skep_system *sys, bool want);
/*
 * Step @index of the newest refusal, from 0; *@needed (may be NULL) what would have been accepted,
 * or "". 0, or -ENOENT behind the last. Strings are borrowed until the system's next call.
 */
SKEP_API int skep_last_step(struct skep_system *sys, unsigned int index, struct skep_step *out,
			    const char **needed);

/*
 * Where the verifier's work went, of the newest load of the program asked for, accepted or not: by
 * source line, or by instruction where none is known; the most instructions first. Strings are
 * borrowed until the system's next call.
 */
struct skep_work {
	size_t sz;
	uint64_t processed;	   /* instructions, each time that a path met them */
	uint64_t states;	   /* kept, to end other paths early */
	unsigned int insn;	   /* the line's first, in the program as loaded */
	const char *source, *file; /* NULL: no line is known */
	unsigned int line;
};
struct skep_work_total {
	size_t sz;
	uint64_t processed, states;
	unsigned int lines; /* rows of skep_last_work() */
};

/*
 * Counts it at the next loads of @prog, a name as in attr.prog_name, longer ones are cut (libbpf
 * loads small programs of its own besides); NULL: no longer. What was counted is forgotten.
 */
SKEP_API void skep_want_work(struct skep_system *sys, const char *prog);
/* Row @index, from 0. 0, or -ENOENT behind the last. */
SKEP_API int skep_last_work(struct skep_system *sys, unsigned int index, struct skep_work *out);
/* 0, or -ENOENT when it has not been checked since. */
SKEP_API int skep_last_work_total(struct skep_system *sys, struct skep_work_total *out);

/*
 * Prints @size bytes of raw BTF as `bpftool btf dump` does, one line per type, or as one
 * JSON text, through @emit in pieces; a non-zero result of @emit ends it and is
 * returned. 0, or -EINVAL for damaged BTF.
 */
SKEP_API int skep_btf_dump(const void *btf, unsigned int size, bool json,
			   int (*emit)(void *arg, const char *text, size_t len), void *arg);

/*
 * Instruction @insns[0] (struct bpf_insn) of the @left that there are, as the kernel's log and
 * bpftool print it: "(b7) r0 = 0". Returns how many it covers (2: a 64-bit constant) or -EINVAL.
 */
SKEP_API int skep_insn_text(const void *insns, unsigned int left, char *buf, size_t size);

/*
 * Where in its native code that of instruction @insn of program @prog_fd begins, in bytes; for the
 * number of its instructions: where the last one's ends. -ENOENT: it is interpreted.
 */
SKEP_API long skep_prog_native(struct skep_system *sys, int prog_fd, unsigned int insn);

/* Instructions that one repetition of the newest test run took, of a system with jit "count"; else 0. */
SKEP_API uint64_t skep_counted_insns(const struct skep_system *sys);

/* One name of eBPF and what skep has of it; a row of tables/. Strings are constants. */
struct skep_feature {
	size_t sz;
	const char *vocabulary; /* "command", "map type", "helper" … */
	const char *name;	/* as in <linux/bpf.h> */
	long long value;	/* its number there; 0 for names without one */
	unsigned int since_major,
		since_minor; /* the first Linux release that has it; 0.0: none, it is libbpf's */
	const char *state;   /* "done", "partial", "absent" */
	const char *note;    /* or "" */
};

/* Row @index of all vocabularies, from 0: 0, or -ENOENT behind the last. */
SKEP_API int skep_feature_get(unsigned int index, struct skep_feature *out);
/* The release that @sys behaves as. */
SKEP_API void skep_kernel_release(const struct skep_system *sys, unsigned int *major,
				  unsigned int *minor);

/*
 * Where lines of bpf_trace_printk() go (Linux: trace_pipe): @fn gets each, not
 * terminated, from the thread that runs the program. NULL: nowhere.
 */
SKEP_API void skep_set_trace(struct skep_system *sys,
			     void (*fn)(void *arg, const char *line, uint32_t len), void *arg);

/*
 * Answers this process's own libc calls about eBPF (through --wrap or the preload
 * library) by @sys; NULL: by the running kernel. The process's one such choice.
 */
SKEP_API void skep_front_use(struct skep_system *sys);

#ifdef __cplusplus
}
#endif

#endif
