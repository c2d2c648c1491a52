/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel types for hosts without a readable /sys/kernel/btf/vmlinux: compiled for
 * the BPF target, whose .BTF section becomes skep_builtin_btf (tools/embed-btf.py).
 *
 * Names of types and fields are the kernel's, because CO-RE relocations look for
 * them; the layout is our own and promises nothing (programs relocate), but for the
 * uapi structs, which come from base/uapi.h, and pt_regs. A field is here because
 * programs of today read it. Nothing in this file is compiled into skep.
 *
 * clang emits only types that something uses, hence struct skep_builtin_types at
 * the end (as the kernel's own bpf_ctx_convert does for its contexts).
 */
#include "base/uapi.h"

typedef _Bool bool;
enum skep_bool { false = 0, true = 1 };
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef long kernel_long_t;
typedef unsigned long size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned int dev_t;
typedef unsigned short umode_t;
typedef unsigned int fmode_t;
typedef unsigned int gfp_t;
typedef s64 ktime_t;
typedef s64 time64_t;
typedef u64 netdev_features_t;
typedef unsigned long vm_flags_t;
typedef u64 sector_t;
typedef u64 blkcnt_t;

/* No tag: gcc, which compiles the distributions' kernels, writes none, and a tagged pointer must be checked. */
#define __rcu
#define __user __attribute__((btf_type_tag("user")))
#define __percpu __attribute__((btf_type_tag("percpu")))

/* ---- small things ---- */

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef atomic64_t atomic_long_t;
typedef struct refcount_struct { atomic_t refs; } refcount_t;
typedef struct { uid_t val; } kuid_t;
typedef struct { gid_t val; } kgid_t;
typedef struct { u64 val; } kernel_cap_t;
typedef struct raw_spinlock { u32 raw_lock; } raw_spinlock_t;
typedef struct spinlock { struct raw_spinlock rlock; } spinlock_t;
typedef struct seqcount_spinlock { u32 sequence; } seqcount_spinlock_t;
typedef struct { unsigned long seg; } mm_segment_t;
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };
struct callback_head { struct callback_head *next; void (*func)(struct callback_head *head); };
struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
struct rb_root { struct rb_node *rb_node; };
struct mutex { atomic_long_t owner; raw_spinlock_t wait_lock; struct list_head wait_list; };
struct rw_semaphore { atomic_long_t count, owner; raw_spinlock_t wait_lock; struct list_head wait_list; };
struct timespec64 { time64_t tv_sec; long tv_nsec; };
struct rlimit { unsigned long rlim_cur, rlim_max; };
struct kref { refcount_t refcount; };
struct lockref { spinlock_t lock; int count; };
struct work_struct { atomic_long_t data; struct list_head entry; void (*func)(struct work_struct *work); };

struct ns_common { struct dentry *stashed; unsigned int inum; refcount_t count; };
struct user_namespace {
	struct user_namespace *parent;
	int level;
	kuid_t owner;
	kgid_t group;
	struct ns_common ns;
	unsigned long flags;
};
struct new_utsname { char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65]; };
struct uts_namespace { struct new_utsname name; struct user_namespace *user_ns; struct ns_common ns; };
struct ipc_namespace { struct user_namespace *user_ns; struct ns_common ns; };
struct mnt_namespace { struct ns_common ns; struct mount *root; struct user_namespace *user_ns; u64 seq; unsigned int nr_mounts; };
struct pid_namespace {
	unsigned int pid_allocated;
	struct task_struct *child_reaper;
	unsigned int level;
	struct pid_namespace *parent;
	struct user_namespace *user_ns;
	struct ns_common ns;
};
struct time_namespace { struct user_namespace *user_ns; struct ns_common ns; };
struct cgroup_namespace { struct ns_common ns; struct user_namespace *user_ns; struct css_set *root_cset; };
struct nsproxy {
	refcount_t count;
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns, *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

/* ---- cgroups ---- */

struct kernfs_node {
	atomic_t count, active;
	struct kernfs_node *parent, *__parent;
	const char *name;
	unsigned int hash;
	unsigned short flags;
	umode_t mode;
	u64 id;
	void *priv;
};
struct cgroup_subsys { const char *name, *legacy_name; int id; };
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys *ss;
	struct list_head sibling, children;
	int id;
	unsigned int flags;
	u64 serial_nr;
	atomic_t online_cnt;
	struct cgroup_subsys_state *parent;
};
struct cgroup_root { struct cgroup *cgrp_dfl; int hierarchy_id; unsigned int flags; char name[64]; };
struct cgroup {
	struct cgroup_subsys_state self;
	unsigned long flags;
	int level, max_depth, nr_descendants;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[16];
	struct cgroup_root *root;
	struct cgroup *ancestors[16];
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	refcount_t refcount;
	struct cgroup *dfl_cgrp;
	int nr_tasks;
};

/* ---- files ---- */

struct qstr {
	union {
		struct { u32 hash, len; };
		u64 hash_len;
	};
	const unsigned char *name;
};
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file_system_type { const char *name; int fs_flags; struct file_system_type *next; };
struct super_block {
	struct list_head s_list;
	dev_t s_dev;
	unsigned char s_blocksize_bits;
	unsigned long s_blocksize;
	loff_t s_maxbytes;
	struct file_system_type *s_type;
	unsigned long s_flags, s_iflags, s_magic;
	struct dentry *s_root;
	char s_id[32];
	struct { u8 b[16]; } s_uuid;
	struct user_namespace *s_user_ns;
	void *s_fs_info;
};
struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; int mnt_flags; };
struct mountpoint { struct dentry *m_dentry; int m_count; };
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_mounts, mnt_child;
	const char *mnt_devname;
	struct mnt_namespace *mnt_ns;
	struct mountpoint *mnt_mp;
	int mnt_id, mnt_group_id;
};
struct inode {
	umode_t i_mode;
	unsigned short i_opflags;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;
	const struct inode_operations *i_op;
	struct super_block *i_sb;
	struct address_space *i_mapping;
	void *i_security;
	unsigned long i_ino;
	union { const unsigned int i_nlink; unsigned int __i_nlink; };
	dev_t i_rdev;
	loff_t i_size;
	u8 i_blkbits;
	struct timespec64 __i_atime, __i_mtime, __i_ctime;
	time64_t i_atime_sec, i_mtime_sec, i_ctime_sec;
	u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec, i_generation;
	blkcnt_t i_blocks;
	atomic_t i_count, i_writecount;
	const struct file_operations *i_fop;
	struct pipe_inode_info *i_pipe;
	void *i_private;
};
struct dentry {
	unsigned int d_flags;
	seqcount_spinlock_t d_seq;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32];
	const struct dentry_operations *d_op;
	struct super_block *d_sb;
	unsigned long d_time;
	void *d_fsdata;
	struct lockref d_lockref;
};
struct file {
	spinlock_t f_lock;
	fmode_t f_mode;
	const struct file_operations *f_op;
	struct address_space *f_mapping;
	void *private_data;
	struct inode *f_inode;
	unsigned int f_flags;
	const struct cred *f_cred;
	struct path f_path;
	loff_t f_pos;
	void *f_security;
	atomic_long_t f_count;
};
struct address_space { struct inode *host; unsigned long nrpages; unsigned long flags; };
struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *, loff_t, int);
	ssize_t (*read)(struct file *, char *, size_t, loff_t *);
	ssize_t (*write)(struct file *, const char *, size_t, loff_t *);
	int (*open)(struct inode *, struct file *);
	int (*release)(struct inode *, struct file *);
};
struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *close_on_exec, *open_fds; };
struct files_struct { atomic_t count; struct fdtable *fdt; struct fdtable fdtab; unsigned int next_fd; };
struct fs_struct { int users; int umask; int in_exec; struct path root, pwd; };
struct filename { const char *name; const char *uptr; atomic_t refcnt; struct audit_names *aname; const char iname[]; };
struct pipe_inode_info { unsigned int head, tail, max_usage, ring_size; };
struct kiocb { struct file *ki_filp; loff_t ki_pos; int ki_flags; };
struct iovec { void *iov_base; size_t iov_len; };
struct iov_iter { u8 iter_type; bool nofault, data_source; size_t iov_offset, count; const struct iovec *__iov; unsigned long nr_segs; };
struct open_flags { int open_flag; umode_t mode; int acc_mode, intent, lookup_flags; };

/* ---- memory ---- */

struct page { unsigned long flags; struct address_space *mapping; unsigned long index, private; atomic_t _refcount; };
struct folio { struct page page; };
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct mm_struct *vm_mm;
	vm_flags_t vm_flags;
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;
	struct file *vm_file;
	void *vm_private_data;
};
struct mm_rss_stat { atomic_long_t count[4]; };
struct percpu_counter { raw_spinlock_t lock; s64 count; s32 __percpu *counters; };
struct mm_struct {
	atomic_t mm_count, mm_users;
	unsigned long mmap_base, task_size, *pgd;
	int map_count;
	unsigned long hiwater_rss, hiwater_vm, total_vm, locked_vm, data_vm, exec_vm, stack_vm, def_flags;
	unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	struct percpu_counter rss_stat[4];
	unsigned long flags;
	struct task_struct *owner;
	struct user_namespace *user_ns;
	struct file *exe_file;
};

/* ---- processes ---- */

struct cred {
	atomic_long_t usage;
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	void *security;
	struct user_struct *user;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};
struct group_info { refcount_t usage; int ngroups; kgid_t gid[]; };
struct user_struct { refcount_t __count; kuid_t uid; atomic_long_t locked_vm; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { refcount_t count; unsigned int level; spinlock_t lock; struct hlist_head tasks[4]; struct callback_head rcu; struct upid numbers[]; };
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };
struct thread_info { unsigned long flags, syscall_work; u32 status, cpu; };
struct thread_struct { unsigned long sp, fsbase, gsbase, cr2, trap_nr, error_code; };
struct sched_entity { u64 exec_start, sum_exec_runtime, vruntime, prev_sum_exec_runtime; unsigned char on_rq; };
struct sched_info { unsigned long pcount; unsigned long long run_delay, last_arrival, last_queued; };
struct task_io_accounting { u64 rchar, wchar, syscr, syscw, read_bytes, write_bytes, cancelled_write_bytes; };
struct tty_struct { int index; char name[64]; };
typedef struct { unsigned long sig[1]; } sigset_t;
struct signal_struct {
	refcount_t sigcnt;
	atomic_t live;
	int nr_threads, group_exit_code, group_stop_count;
	unsigned int flags;
	struct pid *pids[4];
	int leader;
	struct tty_struct *tty;
	struct rlimit rlim[16];
	unsigned long min_flt, maj_flt, nvcsw, nivcsw, maxrss;
	struct task_io_accounting ioac;
	short oom_score_adj, oom_score_adj_min;
};
struct sigpending { struct list_head list; sigset_t signal; };
struct seccomp { int mode; atomic_t filter_count; struct seccomp_filter *filter; };
struct audit_context { int dummy, major; u64 serial; unsigned long argv[4]; };
struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int saved_state;
	void *stack;
	refcount_t usage;
	unsigned int flags, ptrace;
	int on_cpu, on_rq;
	unsigned int wake_cpu;
	int recent_used_cpu;
	int prio, static_prio, normal_prio;
	unsigned int rt_priority;
	struct sched_entity se;
	unsigned int policy;
	int nr_cpus_allowed;
	struct sched_info sched_info;
	struct list_head tasks;
	struct mm_struct *mm, *active_mm;
	int exit_state, exit_code, exit_signal, pdeath_signal;
	unsigned long jobctl;
	unsigned int personality;
	unsigned in_execve : 1, in_iowait : 1, no_cgroup_migration : 1;
	unsigned long atomic_flags;
	pid_t pid, tgid;
	unsigned long stack_canary;
	struct task_struct __rcu *real_parent;
	struct task_struct __rcu *parent;
	struct list_head children, sibling;
	struct task_struct *group_leader;
	struct list_head ptraced;
	struct pid *thread_pid;
	struct list_head thread_node;
	int __user *set_child_tid;
	int __user *clear_child_tid;
	u64 utime, stime, gtime;
	unsigned long nvcsw, nivcsw;
	u64 start_time, start_boottime;
	unsigned long min_flt, maj_flt;
	const struct cred __rcu *ptracer_cred;
	const struct cred __rcu *real_cred;
	const struct cred __rcu *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked, real_blocked;
	struct sigpending pending;
	struct audit_context *audit_context;
	kuid_t loginuid;
	unsigned int sessionid;
	struct seccomp seccomp;
	u64 parent_exec_id, self_exec_id;
	spinlock_t alloc_lock;
	struct bpf_local_storage *bpf_storage;
	struct task_io_accounting ioac;
	struct css_set __rcu *cgroups;
	struct list_head cg_list;
	int trc_reader_nesting;
	void *security;
	struct thread_struct thread;
};
struct linux_binprm {
	struct vm_area_struct *vma;
	unsigned long vma_pages, argmin;
	struct mm_struct *mm;
	unsigned long p;
	unsigned int have_execfd : 1, execfd_creds : 1, secureexec : 1, point_of_no_return : 1;
	struct file *executable, *interpreter, *file;
	struct cred *cred;
	int unsafe;
	unsigned int per_clear;
	int argc, envc;
	const char *filename, *interp, *fdpath;
	unsigned int interp_flags;
	int execfd;
	unsigned long exec;
	struct rlimit rlim_stack;
	char buf[256];
};
struct kernel_siginfo { int si_signo, si_errno, si_code, si_pid; unsigned int si_uid; };
struct k_sigaction { void (*sa_handler)(int); unsigned long sa_flags; };

#if defined(__TARGET_ARCH_arm64)
struct user_pt_regs { u64 regs[31], sp, pc, pstate; };
struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct { u64 regs[31], sp, pc, pstate; };
	};
	u64 orig_x0;
	s32 syscallno;
};
#else
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};
#endif
typedef struct pt_regs bpf_user_pt_regs_t;

/* ---- network ---- */

struct in_addr { __be32 s_addr; };
struct in6_addr { union { __u8 u6_addr8[16]; __be16 u6_addr16[8]; __be32 u6_addr32[4]; } in6_u; };
struct sockaddr { unsigned short sa_family; char sa_data[14]; };
struct sockaddr_in { unsigned short sin_family; __be16 sin_port; struct in_addr sin_addr; unsigned char __pad[8]; };
struct sockaddr_in6 { unsigned short sin6_family; __be16 sin6_port; __be32 sin6_flowinfo; struct in6_addr sin6_addr; __u32 sin6_scope_id; };
struct sockaddr_un { unsigned short sun_family; char sun_path[108]; };
typedef struct { struct net *net; } possible_net_t;
struct net {
	refcount_t passive;
	u32 ifindex;
	struct user_namespace *user_ns;
	struct ns_common ns;
	struct net_device *loopback_dev;
	u64 net_cookie;
};
struct net_device_stats { unsigned long rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped; };
struct net_device {
	char name[16];
	unsigned long mem_end, mem_start, base_addr, state;
	netdev_features_t features;
	const struct net_device_ops *netdev_ops;
	int ifindex;
	unsigned int mtu, min_mtu, max_mtu;
	unsigned short type, hard_header_len, needed_headroom;
	unsigned char addr_len;
	unsigned int flags;
	u64 priv_flags;
	unsigned char perm_addr[32];
	const unsigned char *dev_addr;
	unsigned char broadcast[32];
	unsigned int num_rx_queues, real_num_rx_queues, num_tx_queues, real_num_tx_queues;
	struct net_device_stats stats;
	possible_net_t nd_net;
};
typedef u64 __addrpair;
typedef u32 __portpair;
struct sock;
struct proto { char name[32]; int (*close)(struct sock *sk, long timeout); };
struct sock_common {
	union {
		__addrpair skc_addrpair;
		struct { __be32 skc_daddr, skc_rcv_saddr; };
	};
	union { unsigned int skc_hash; __u16 skc_u16hashes[2]; };
	union {
		__portpair skc_portpair;
		struct { __be16 skc_dport; __u16 skc_num; };
	};
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4, skc_reuseport : 1, skc_ipv6only : 1, skc_net_refcnt : 1;
	int skc_bound_dev_if;
	struct hlist_node skc_bind_node;
	struct proto *skc_prot;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	refcount_t skc_refcnt;
};
struct sk_buff_head { struct sk_buff *next, *prev; u32 qlen; spinlock_t lock; };
struct sock_cgroup_data { struct cgroup *cgroup; u32 classid; };
struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	struct sk_buff_head sk_error_queue, sk_receive_queue, sk_write_queue;
	int sk_rcvbuf, sk_sndbuf, sk_rcvlowat, sk_err, sk_wmem_queued;
	unsigned long sk_flags;
	u32 sk_mark, sk_priority;
	u16 sk_type, sk_protocol, sk_gso_max_segs;
	unsigned long sk_pacing_rate, sk_max_pacing_rate;
	u32 sk_ack_backlog, sk_max_ack_backlog;
	kuid_t sk_uid;
	u8 sk_shutdown;
	unsigned char sk_userlocks;
	struct socket *sk_socket;
	void *sk_user_data;
	void *sk_security;
	struct dst_entry *sk_dst_cache;
	struct bpf_local_storage *sk_bpf_storage;
	struct { atomic_t rmem_alloc; int len; struct sk_buff *head, *tail; } sk_backlog;
	refcount_t sk_wmem_alloc;
	int sk_forward_alloc;
	atomic_t sk_omem_alloc;
	struct sock_cgroup_data sk_cgrp_data;
};
typedef enum { SS_FREE, SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING } socket_state;
struct socket { socket_state state; short type; unsigned long flags; struct file *file; struct sock *sk; const struct proto_ops *ops; };
struct socket_alloc { struct socket socket; struct inode vfs_inode; };
struct inet_sock {
	struct sock sk;
	void *pinet6;
	__be32 inet_saddr;
	s16 uc_ttl;
	__be16 inet_sport;
	u8 tos, min_ttl, mc_ttl;
	int mc_index;
	__be32 mc_addr;
};
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	unsigned long icsk_timeout;
	u32 icsk_rto;
	const struct tcp_congestion_ops *icsk_ca_ops;
	u8 icsk_ca_state : 5, icsk_ca_initialized : 1;
	u8 icsk_retransmits, icsk_pending, icsk_backoff, icsk_probes_out;
	u64 icsk_ca_priv[13];
};
struct tcp_congestion_ops { u32 (*ssthresh)(struct sock *sk); void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked); char name[16]; };
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u16 tcp_header_len, gso_segs;
	u64 bytes_received, bytes_sent, bytes_acked, bytes_retrans;
	u32 segs_in, data_segs_in, segs_out, data_segs_out;
	u32 rcv_nxt, copied_seq, snd_nxt, snd_una, write_seq, snd_wnd, max_window, mss_cache;
	u32 srtt_us, mdev_us, rttvar_us, packets_out, retrans_out, lost_out, sacked_out, total_retrans, lost, delivered;
	u32 snd_ssthresh, snd_cwnd, rcv_wnd, rcv_ssthresh;
	struct { u32 space; u32 seq; u64 time; } rcvq_space;
	u8 bpf_sock_ops_cb_flags;
};
struct udp_sock { struct inet_sock inet; int pending; u16 len; };
struct unix_address { refcount_t refcnt; int len; struct sockaddr_un name[]; };
struct unix_sock { struct sock sk; struct unix_address *addr; struct path path; struct sock *peer; };
struct netlink_sock { struct sock sk; unsigned long flags; u32 portid, dst_portid, dst_group, subscriptions, ngroups; unsigned long *groups; unsigned long state; bool cb_running; };
struct request_sock { struct sock_common __req_common; u16 mss; u8 num_retrans; struct sock *sk; };
struct dst_entry { struct net_device *dev; unsigned long _metrics; };
struct msghdr { void *msg_name; int msg_namelen; struct iov_iter msg_iter; unsigned int msg_flags; };
struct sk_buff {
	struct sk_buff *next, *prev;
	union { struct net_device *dev; unsigned long dev_scratch; };
	struct sock *sk;
	union { ktime_t tstamp; u64 skb_mstamp_ns; };
	char cb[48];
	unsigned long _skb_refdst;
	unsigned long _nfct;
	unsigned int len, data_len;
	__u16 mac_len, hdr_len, queue_mapping;
	__u8 pkt_type : 3, ignore_df : 1, ip_summed : 2, ooo_okay : 1;
	u16 tc_index;
	u32 priority;
	int skb_iif;
	__u32 hash;
	__be16 vlan_proto;
	__u16 vlan_tci;
	unsigned int napi_id;
	union { __u32 mark, reserved_tailroom; };
	__u16 inner_transport_header, inner_network_header, inner_mac_header;
	__be16 protocol;
	__u16 transport_header, network_header, mac_header;
	unsigned int tail, end;
	unsigned char *head, *data;
	unsigned int truesize;
	refcount_t users;
};
struct skb_shared_info { __u8 flags, meta_len, nr_frags, tx_flags; unsigned short gso_size, gso_segs; unsigned int gso_type; struct sk_buff *frag_list; };
enum skb_drop_reason { SKB_NOT_DROPPED_YET, SKB_CONSUMED, SKB_DROP_REASON_NOT_SPECIFIED, SKB_DROP_REASON_NO_SOCKET };
struct xdp_mem_info { u32 type, id; };
struct xdp_rxq_info { struct net_device *dev; u32 queue_index, reg_state; struct xdp_mem_info mem; };
struct xdp_txq_info { struct net_device *dev; };
struct xdp_buff {
	void *data, *data_end, *data_meta, *data_hard_start;
	struct xdp_rxq_info *rxq;
	struct xdp_txq_info *txq;
	u32 frame_sz, flags;
};
struct xdp_frame { void *data; u16 len, headroom; u32 metasize; struct xdp_mem_info mem; struct net_device *dev_rx; u32 frame_sz, flags; };
struct ethhdr { unsigned char h_dest[6], h_source[6]; __be16 h_proto; };
struct vlan_hdr { __be16 h_vlan_TCI, h_vlan_encapsulated_proto; };
struct iphdr {
	__u8 ihl : 4, version : 4;
	__u8 tos;
	__be16 tot_len, id, frag_off;
	__u8 ttl, protocol;
	__u16 check;
	__be32 saddr, daddr;
};
struct ipv6hdr {
	__u8 priority : 4, version : 4;
	__u8 flow_lbl[3];
	__be16 payload_len;
	__u8 nexthdr, hop_limit;
	struct in6_addr saddr, daddr;
};
struct tcphdr {
	__be16 source, dest;
	__be32 seq, ack_seq;
	__u16 res1 : 4, doff : 4, fin : 1, syn : 1, rst : 1, psh : 1, ack : 1, urg : 1, ece : 1, cwr : 1;
	__be16 window;
	__u16 check;
	__be16 urg_ptr;
};
struct udphdr { __be16 source, dest, len; __u16 check; };
struct icmphdr { __u8 type, code; __u16 check; union { struct { __be16 id, sequence; } echo; __be32 gateway; } un; };
struct icmp6hdr { __u8 icmp6_type, icmp6_code; __u16 icmp6_cksum; __be32 icmp6_dataun; };

/* ---- block devices, modules, the scheduler's queue ---- */

struct gendisk { int major, first_minor, minors; char disk_name[32]; };
struct request_queue { struct gendisk *disk; unsigned long queue_flags; };
struct bio { struct bio *bi_next; unsigned int bi_opf; struct { sector_t bi_sector; unsigned int bi_size; } bi_iter; };
struct request { struct request_queue *q; unsigned int cmd_flags, __data_len; sector_t __sector; struct bio *bio; struct gendisk *rq_disk; u64 start_time_ns; };
struct module { int state; char name[56]; };
struct rq { unsigned int nr_running; int cpu; struct task_struct *curr; u64 clock; };
struct cpumask { unsigned long bits[128]; };
typedef struct cpumask cpumask_t;

/* ---- BPF itself ---- */

struct bpf_map { const struct bpf_map_ops *ops; struct bpf_map *inner_map_meta; u32 map_type, key_size, value_size, max_entries; u64 map_extra; u32 map_flags, id; struct btf *btf; atomic64_t refcnt, usercnt; char name[16]; };
struct bpf_prog_aux { atomic64_t refcnt; u32 used_map_cnt, id, func_cnt, attach_btf_id; char name[16]; u32 func_info_cnt; u64 load_time; struct bpf_func_info *func_info; struct btf *btf; struct bpf_prog *linked_prog; const char *attach_func_name; };
struct bpf_prog { u16 pages; u16 jited : 1, gpl_compatible : 1; u32 type, expected_attach_type, len, jited_len; u8 tag[8]; struct bpf_prog_aux *aux; };
struct bpf_link { atomic64_t refcnt; u32 id; u32 type; struct bpf_prog *prog; };
struct btf { void *data; u32 nr_types, start_id, id; const char *strings; char name[56]; bool kernel_btf; };
struct seq_file { char *buf; size_t size, from, count; loff_t index; void *private; };
struct bpf_iter_meta { struct seq_file *seq; u64 session_id, seq_num; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct task_struct *task; u32 fd; struct file *file; };
struct bpf_iter__task_vma { struct bpf_iter_meta *meta; struct task_struct *task; struct vm_area_struct *vma; };
struct bpf_iter__bpf_map { struct bpf_iter_meta *meta; struct bpf_map *map; };
struct bpf_iter__bpf_map_elem { struct bpf_iter_meta *meta; struct bpf_map *map; void *key, *value; };
struct bpf_iter__bpf_prog { struct bpf_iter_meta *meta; struct bpf_prog *prog; };
struct bpf_iter__bpf_link { struct bpf_iter_meta *meta; struct bpf_link *link; };
struct bpf_iter__tcp { struct bpf_iter_meta *meta; struct sock_common *sk_common; uid_t uid; };
struct bpf_iter__udp { struct bpf_iter_meta *meta; struct udp_sock *udp_sk; uid_t uid; int bucket; };
struct bpf_iter__unix { struct bpf_iter_meta *meta; struct unix_sock *unix_sk; uid_t uid; };
struct bpf_iter__netlink { struct bpf_iter_meta *meta; struct netlink_sock *sk; };
struct bpf_iter__sockmap { struct bpf_iter_meta *meta; struct bpf_map *map; void *key; struct sock *sk; };
struct bpf_iter__bpf_sk_storage_map { struct bpf_iter_meta *meta; struct bpf_map *map; struct sock *sk; void *value; };
struct kallsym_iter {
	loff_t pos, pos_mod_end, pos_ftrace_mod_end, pos_bpf_end;
	unsigned long value;
	unsigned int nameoff;
	char type, name[512], module_name[56];
	int exported, show_value;
};
struct bpf_iter__ksym { struct bpf_iter_meta *meta; struct kallsym_iter *ksym; };
struct bpf_perf_event_data_kern { bpf_user_pt_regs_t *regs; void *data, *event; };
struct bpf_nf_ctx { const void *state; struct sk_buff *skb; };

/* ---- tracepoints ---- */

struct trace_entry { unsigned short type; unsigned char flags, preempt_count; int pid; };
struct trace_event_raw_sys_enter { struct trace_entry ent; long id; unsigned long args[6]; char __data[]; };
struct trace_event_raw_sys_exit { struct trace_entry ent; long id, ret; char __data[]; };
struct syscall_trace_enter { struct trace_entry ent; int nr; unsigned long args[]; };
struct syscall_trace_exit { struct trace_entry ent; int nr; long ret; };
struct trace_event_raw_sched_switch { struct trace_entry ent; char prev_comm[16]; pid_t prev_pid; int prev_prio; long prev_state; char next_comm[16]; pid_t next_pid; int next_prio; char __data[]; };
struct trace_event_raw_sched_wakeup_template { struct trace_entry ent; char comm[16]; pid_t pid; int prio, target_cpu; char __data[]; };
struct trace_event_raw_sched_process_template { struct trace_entry ent; char comm[16]; pid_t pid; int prio; char __data[]; };
struct trace_event_raw_sched_process_exit { struct trace_entry ent; char comm[16]; pid_t pid; int prio; bool group_dead; char __data[]; };
struct trace_event_raw_sched_process_exec { struct trace_entry ent; u32 __data_loc_filename; pid_t pid, old_pid; char __data[]; };
struct trace_event_raw_sched_process_fork { struct trace_entry ent; char parent_comm[16]; pid_t parent_pid; char child_comm[16]; pid_t child_pid; char __data[]; };
struct trace_event_raw_signal_generate { struct trace_entry ent; int sig, errno, code; char comm[16]; pid_t pid; int group, result; char __data[]; };
struct trace_event_raw_inet_sock_set_state { struct trace_entry ent; const void *skaddr; int oldstate, newstate; __u16 sport, dport, family, protocol; __u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16]; char __data[]; };
struct trace_event_raw_tcp_event_sk { struct trace_entry ent; const void *skaddr; __u16 sport, dport, family; __u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16]; u64 sock_cookie; char __data[]; };
struct trace_event_raw_kfree_skb { struct trace_entry ent; void *skbaddr, *location; void *rx_sk; unsigned short protocol; int reason; char __data[]; };
struct trace_event_raw_net_dev_template { struct trace_entry ent; void *skbaddr; unsigned int len; u32 __data_loc_name; char __data[]; };
struct trace_event_raw_bpf_trace_printk { struct trace_entry ent; u32 __data_loc_bpf_string; char __data[]; };

#define TRACE(name, ...) typedef void (*btf_trace_##name)(void *__data, ##__VA_ARGS__);
#define TRACES                                                                                     \
	TRACE(sys_enter, struct pt_regs *regs, long id)                                            \
	TRACE(sys_exit, struct pt_regs *regs, long ret)                                            \
	TRACE(task_newtask, struct task_struct *task, u64 clone_flags)                             \
	TRACE(task_rename, struct task_struct *task, const char *comm)                             \
	TRACE(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,      \
	      unsigned int prev_state)                                                             \
	TRACE(sched_wakeup, struct task_struct *p)                                                 \
	TRACE(sched_wakeup_new, struct task_struct *p)                                             \
	TRACE(sched_waking, struct task_struct *p)                                                 \
	TRACE(sched_migrate_task, struct task_struct *p, int dest_cpu)                             \
	TRACE(sched_process_fork, struct task_struct *parent, struct task_struct *child)           \
	TRACE(sched_process_exec, struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm) \
	TRACE(sched_process_exit, struct task_struct *p, bool group_dead)                          \
	TRACE(sched_process_free, struct task_struct *p)                                           \
	TRACE(sched_process_wait, struct pid *pid)                                                 \
	TRACE(signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *task,     \
	      int group, int result)                                                               \
	TRACE(signal_deliver, int sig, struct kernel_siginfo *info, struct k_sigaction *ka)        \
	TRACE(cgroup_mkdir, struct cgroup *cgrp, const char *path)                                 \
	TRACE(cgroup_rmdir, struct cgroup *cgrp, const char *path)                                 \
	TRACE(cgroup_attach_task, struct cgroup *dst_cgrp, const char *path,                       \
	      struct task_struct *task, bool threadgroup)                                          \
	TRACE(block_rq_issue, struct request *rq)                                                  \
	TRACE(block_rq_insert, struct request *rq)                                                 \
	TRACE(block_rq_complete, struct request *rq, u8 error, unsigned int nr_bytes)              \
	TRACE(inet_sock_set_state, const struct sock *sk, const int oldstate, const int newstate)  \
	TRACE(sock_exceed_buf_limit, struct sock *sk, struct proto *prot, long allocated, int kind) \
	TRACE(tcp_retransmit_skb, const struct sock *sk, const struct sk_buff *skb)                \
	TRACE(tcp_send_reset, const struct sock *sk, const struct sk_buff *skb)                    \
	TRACE(tcp_receive_reset, struct sock *sk)                                                  \
	TRACE(tcp_destroy_sock, struct sock *sk)                                                   \
	TRACE(tcp_probe, struct sock *sk, struct sk_buff *skb)                                     \
	TRACE(tcp_rcv_space_adjust, struct sock *sk)                                               \
	TRACE(kfree_skb, struct sk_buff *skb, void *location, enum skb_drop_reason reason,         \
	      struct sock *rx_sk)                                                                  \
	TRACE(consume_skb, struct sk_buff *skb, void *location)                                    \
	TRACE(netif_receive_skb, struct sk_buff *skb)                                              \
	TRACE(netif_rx, struct sk_buff *skb)                                                       \
	TRACE(net_dev_queue, struct sk_buff *skb)                                                  \
	TRACE(net_dev_xmit, struct sk_buff *skb, int rc, struct net_device *dev,                   \
	      unsigned int skb_len)                                                                \
	TRACE(napi_poll, struct napi_struct *napi, int work, int budget)                           \
	TRACE(xdp_redirect, const struct net_device *dev, const struct bpf_prog *xdp,              \
	      const void *tgt, int err, u32 index)                                                 \
	TRACE(xdp_exception, const struct net_device *dev, const struct bpf_prog *xdp, u32 act)    \
	TRACE(bpf_trace_printk, const char *bpf_string)                                            \
	TRACE(softirq_entry, unsigned int vec_nr)                                                  \
	TRACE(softirq_exit, unsigned int vec_nr)                                                   \
	TRACE(irq_handler_entry, int irq, struct irqaction *action)                                \
	TRACE(irq_handler_exit, int irq, struct irqaction *action, int ret)                        \
	TRACE(kmalloc, unsigned long call_site, const void *ptr, size_t bytes_req,                 \
	      size_t bytes_alloc, gfp_t gfp_flags, int node)                                       \
	TRACE(kfree, unsigned long call_site, const void *ptr)                                     \
	TRACE(mm_page_alloc, struct page *page, unsigned int order, gfp_t gfp_flags,               \
	      int migratetype)                                                                     \
	TRACE(page_fault_user, unsigned long address, struct pt_regs *regs,                        \
	      unsigned long error_code)                                                            \
	TRACE(module_load, struct module *mod)                                                     \
	TRACE(cpu_frequency, unsigned int frequency, unsigned int cpu_id)                          \
	TRACE(workqueue_execute_start, struct work_struct *work)
struct napi_struct { struct list_head poll_list; unsigned long state; int weight; struct net_device *dev; };
struct irqaction { int (*handler)(int, void *); void *dev_id; unsigned int irq, flags; const char *name; };
TRACES
#undef TRACE

/* ---- everything that must be emitted ---- */

union skep_builtin_types {
#define TRACE(name, ...) btf_trace_##name t_##name;
	TRACES
#define S(name) struct name s_##name;
#define STRUCTS                                                                                    \
	S(task_struct) S(cred) S(group_info) S(user_struct) S(pid) S(nsproxy) S(uts_namespace)     \
	S(ipc_namespace) S(mnt_namespace) S(pid_namespace) S(time_namespace) S(cgroup_namespace)   \
	S(user_namespace) S(kernfs_node) S(cgroup_subsys) S(cgroup_root) S(cgroup) S(css_set)      \
	S(path) S(file_system_type) S(super_block) S(vfsmount) S(mountpoint) S(mount) S(inode)     \
	S(dentry) S(file) S(address_space) S(file_operations) S(fdtable) S(files_struct)           \
	S(fs_struct) S(filename) S(pipe_inode_info) S(kiocb) S(iov_iter) S(iovec) S(open_flags)    \
	S(page) S(folio) S(vm_area_struct) S(mm_rss_stat) S(mm_struct) S(tty_struct)               \
	S(signal_struct) S(audit_context) S(linux_binprm) S(kernel_siginfo) S(k_sigaction)         \
	S(pt_regs) S(sockaddr) S(sockaddr_in) S(sockaddr_in6) S(sockaddr_un) S(net) S(net_device)  \
	S(proto) S(sock) S(sk_buff_head) S(socket) S(socket_alloc) S(inet_connection_sock)         \
	S(tcp_congestion_ops) S(tcp_sock) S(udp_sock) S(unix_address) S(unix_sock)                 \
	S(request_sock) S(dst_entry) S(msghdr) S(sk_buff) S(skb_shared_info) S(xdp_rxq_info)       \
	S(xdp_txq_info) S(xdp_buff) S(xdp_frame) S(ethhdr) S(vlan_hdr) S(iphdr) S(ipv6hdr)         \
	S(tcphdr) S(udphdr) S(icmphdr) S(icmp6hdr) S(gendisk) S(request_queue) S(bio) S(request)   \
	S(module) S(rq) S(bpf_map) S(bpf_prog_aux) S(bpf_prog) S(bpf_link) S(btf) S(seq_file)      \
	S(bpf_iter_meta) S(bpf_iter__task) S(bpf_iter__task_file) S(bpf_iter__task_vma)            \
	S(bpf_iter__bpf_map) S(bpf_iter__bpf_map_elem) S(bpf_iter__bpf_prog)                       \
	S(bpf_iter__bpf_link) S(bpf_iter__tcp) S(bpf_iter__udp) S(bpf_iter__unix)                     \
	S(bpf_iter__netlink) S(bpf_iter__sockmap) S(bpf_iter__bpf_sk_storage_map)                  \
	S(kallsym_iter) S(bpf_iter__ksym) S(netlink_sock) S(bpf_perf_event_data_kern)              \
	S(bpf_nf_ctx) S(napi_struct) S(irqaction) S(mutex) S(rw_semaphore) S(rb_root) S(rb_node) S(rlimit)    \
	S(kref) S(hlist_nulls_node) S(trace_event_raw_sys_enter) S(trace_event_raw_sys_exit)       \
	S(syscall_trace_enter) S(syscall_trace_exit) S(trace_event_raw_sched_switch)               \
	S(trace_event_raw_sched_wakeup_template) S(trace_event_raw_sched_process_template)         \
	S(trace_event_raw_sched_process_exit) S(trace_event_raw_sched_process_exec)                \
	S(trace_event_raw_sched_process_fork) S(trace_event_raw_signal_generate)                   \
	S(trace_event_raw_inet_sock_set_state) S(trace_event_raw_tcp_event_sk)                     \
	S(trace_event_raw_kfree_skb) S(trace_event_raw_net_dev_template)                           \
	S(trace_event_raw_bpf_trace_printk)                                                        \
	/* uapi */                                                                                 \
	S(__sk_buff) S(xdp_md) S(bpf_insn) S(bpf_sock) S(bpf_sock_addr) S(bpf_sock_ops)            \
	S(bpf_sock_tuple) S(bpf_tcp_sock) S(bpf_sk_lookup) S(bpf_sockopt) S(bpf_sysctl)            \
	S(bpf_fib_lookup) S(bpf_redir_neigh) S(bpf_tunnel_key) S(bpf_xfrm_state) S(bpf_flow_keys)  \
	S(bpf_cgroup_dev_ctx) S(bpf_raw_tracepoint_args) S(bpf_perf_event_value) S(bpf_spin_lock)  \
	S(bpf_timer) S(bpf_wq) S(bpf_task_work) S(bpf_dynptr) S(bpf_list_head) S(bpf_list_node)    \
	S(bpf_rb_root) S(bpf_rb_node) S(bpf_refcount) S(bpf_iter_num) S(bpf_pidns_info)            \
	S(bpf_prog_info) S(bpf_map_info) S(bpf_btf_info) S(bpf_link_info) S(bpf_devmap_val)        \
	S(bpf_cpumap_val) S(bpf_func_info) S(bpf_line_info) S(sk_msg_md) S(sk_reuseport_md)        \
	S(bpf_lpm_trie_key) S(bpf_cgroup_storage_key) S(bpf_stack_build_id) S(bpf_xdp_sock)        \
	S(btf_ptr) S(bpf_core_relo)
	STRUCTS
	union bpf_attr attr;
	union bpf_iter_link_info iter_link_info;
#define E(name) enum name e_##name;
	E(bpf_cmd) E(bpf_map_type) E(bpf_prog_type) E(bpf_attach_type) E(bpf_link_type)
	E(bpf_func_id) E(xdp_action) E(sk_action) E(bpf_ret_code) E(bpf_adj_room_mode)
	E(bpf_hdr_start_off) E(bpf_core_relo_kind) E(bpf_check_mtu_ret) E(bpf_task_fd_type)
	E(bpf_stats_type) E(tcx_action_base) E(pid_type) E(skb_drop_reason) E(skep_bool)
	UAPI_ENUMS
	bpf_user_pt_regs_t regs;
	kernel_long_t l;
	u64 u;
	s64 i;
	s8 i8;
	s16 i16;
	cpumask_t cpumask;
	mm_segment_t segment;
	size_t size;
	__sum16 sum16;
	__wsum wsum;
	__s64 us64;
	__s32 us32;
	__s16 us16;
	__s8 us8;
	__u16 uu16;
	__le64 le64;
	__be64 be64;
};

int skep_builtin(union skep_builtin_types *all)
{
	return !all;
}
