/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a program finds in kernel objects of the current task: the test runs it in its own
 * process, by the running kernel and by skep, and compares.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "world.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct {
	unsigned int val;
} kuid_t;
typedef struct {
	unsigned int val;
} kgid_t;
struct ns_common {
	unsigned int inum;
};
struct user_namespace {
	struct ns_common ns;
};
struct uts_namespace {
	struct ns_common ns;
};
struct ipc_namespace {
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct pid_namespace {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};
struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, egid;
	struct user_namespace *user_ns;
};
struct qstr {
	unsigned int len;
	const unsigned char *name;
};
struct file_system_type {
	const char *name;
};
struct super_block {
	unsigned int s_dev;
	unsigned char s_blocksize_bits;
	unsigned long s_blocksize, s_magic;
	struct file_system_type *s_type;
	char s_id[32];
	struct dentry *s_root;
};
struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	unsigned int i_rdev;
	long long i_size;
	unsigned char i_blkbits;
	unsigned long long i_blocks;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	const char *mnt_devname;
	int mnt_id;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags, f_mode;
	long long f_pos;
	void *private_data;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	int umask;
	struct path root, pwd;
};
struct mm_struct {
	unsigned long start_code, end_code, start_data, end_data, start_brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};
struct upid {
	int nr;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};
struct rlimit {
	unsigned long rlim_cur, rlim_max;
};
struct signal_struct {
	int nr_threads;
	struct pid *pids[4];
	struct rlimit rlim[16];
	short oom_score_adj;
};
struct kernfs_node {
	unsigned long long id;
	const char *name;
};
struct cgroup {
	int level;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct task_struct {
	unsigned int flags;
	int prio, static_prio, normal_prio, exit_code, exit_signal;
	unsigned int rt_priority, policy, __state, sessionid;
	int nr_cpus_allowed;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	unsigned long long start_time, start_boottime;
	const struct cred *cred, *real_cred;
	char comm[16];
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct css_set *cgroups;
	kuid_t loginuid;
};
struct in6_addr {
	__u8 bytes[16];
};
struct possible_net {
	struct net *net;
};
struct sock_common {
	unsigned int skc_daddr, skc_rcv_saddr;
	unsigned short skc_dport, skc_num, skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4, skc_reuseport : 1, skc_ipv6only : 1;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	struct possible_net skc_net;
};
struct sock {
	struct sock_common __sk_common;
	int sk_rcvbuf, sk_sndbuf, sk_rcvlowat;
	unsigned short sk_type, sk_protocol;
	unsigned int sk_mark, sk_priority;
	kuid_t sk_uid;
	struct socket *sk_socket;
};
struct inet_sock {
	unsigned int inet_saddr;
	unsigned short inet_sport;
};
struct tcp_sock {
	unsigned int snd_cwnd, mss_cache, segs_out, snd_ssthresh;
	unsigned long long bytes_sent, bytes_acked;
};
typedef enum {
	SS_FREE,
} socket_state;
struct socket {
	socket_state state;
	short type;
	struct file *file;
	struct sock *sk;
};
#pragma clang attribute pop

struct world_ask ask;
struct world_answer out;

static __always_inline void look_task(struct task_struct *t)
{
	struct task_struct *up = t->real_parent;

	out.pid = t->pid;
	out.tgid = t->tgid;
	out.parent_pid = up->pid;
	out.parent_tgid = up->tgid;
	out.grandparent = up->real_parent->tgid;
	out.leader = t->group_leader->pid;
	out.flags = t->flags;
	out.prio = t->prio;
	out.static_prio = t->static_prio;
	out.normal_prio = t->normal_prio;
	out.policy = t->policy;
	out.rt_priority = t->rt_priority;
	out.exit_code = t->exit_code;
	out.exit_signal = t->exit_signal;
	out.sessionid = t->sessionid;
	out.loginuid = t->loginuid.val;
	out.nr_cpus_allowed = t->nr_cpus_allowed;
	out.start_time = t->start_time;
	out.start_boottime = t->start_boottime;
	bpf_probe_read_kernel_str(out.comm, sizeof(out.comm), t->comm);
	bpf_probe_read_kernel_str(out.parent_comm, sizeof(out.parent_comm), up->comm);
	out.uid = t->cred->uid.val;
	out.euid = t->cred->euid.val;
	out.gid = t->real_cred->gid.val;
	out.user_ns = t->cred->user_ns->ns.inum;
	out.uts_ns = t->nsproxy->uts_ns->ns.inum;
	out.ipc_ns = t->nsproxy->ipc_ns->ns.inum;
	out.mnt_ns = t->nsproxy->mnt_ns->ns.inum;
	out.pid_ns = t->nsproxy->pid_ns_for_children->ns.inum;
	out.net_ns = t->nsproxy->net_ns->ns.inum;
	out.cgroup_ns = t->nsproxy->cgroup_ns->ns.inum;
	out.nr_threads = t->signal->nr_threads;
	out.oom_score_adj = t->signal->oom_score_adj;
	out.nofile = BPF_CORE_READ(t, signal, rlim[7].rlim_cur);
	out.stack_limit = BPF_CORE_READ(t, signal, rlim[3].rlim_max);
	out.pid_nr = BPF_CORE_READ(t, thread_pid, numbers[0].nr);
	out.pgrp_nr = BPF_CORE_READ(t, signal, pids[2], numbers[0].nr);
	out.session_nr = BPF_CORE_READ(t, signal, pids[3], numbers[0].nr);
	out.cgroup_id = t->cgroups->dfl_cgrp->kn->id;
	out.cgroup_level = t->cgroups->dfl_cgrp->level;
	bpf_probe_read_kernel_str(out.cgroup_name, sizeof(out.cgroup_name),
				  t->cgroups->dfl_cgrp->kn->name);
	out.helper_cgroup_id = bpf_get_current_cgroup_id();
	out.helper_root_id = bpf_get_current_ancestor_cgroup_id(0);
}

static __always_inline void look_mm(struct mm_struct *mm)
{
	out.start_code = mm->start_code;
	out.end_code = mm->end_code;
	out.start_data = mm->start_data;
	out.end_data = mm->end_data;
	out.start_brk = mm->start_brk;
	out.start_stack = mm->start_stack;
	out.arg_start = mm->arg_start;
	out.arg_end = mm->arg_end;
	out.env_start = mm->env_start;
	out.env_end = mm->env_end;
	out.exe_ino = mm->exe_file->f_inode->i_ino;
	bpf_probe_read_kernel_str(out.exe_name, sizeof(out.exe_name),
				  mm->exe_file->f_path.dentry->d_name.name);
}

static __always_inline void look_file(struct file *f, struct world_file *o)
{
	struct inode *i = BPF_CORE_READ(f, f_inode);
	struct dentry *d = BPF_CORE_READ(f, f_path.dentry);
	struct super_block *sb = BPF_CORE_READ(i, i_sb);
	struct vfsmount *v = BPF_CORE_READ(f, f_path.mnt);
	struct mount *m = (void *)v - bpf_core_field_offset(struct mount, mnt);

	o->flags = BPF_CORE_READ(f, f_flags);
	o->mode = BPF_CORE_READ(f, f_mode) & 0xf;
	o->pos = BPF_CORE_READ(f, f_pos);
	o->ino = BPF_CORE_READ(i, i_ino);
	o->i_mode = BPF_CORE_READ(i, i_mode);
	o->uid = BPF_CORE_READ(i, i_uid.val);
	o->nlink = BPF_CORE_READ(i, i_nlink);
	o->size = BPF_CORE_READ(i, i_size);
	o->rdev = BPF_CORE_READ(i, i_rdev);
	o->blkbits = BPF_CORE_READ(i, i_blkbits);
	o->blocks = BPF_CORE_READ(i, i_blocks);
	o->dev = BPF_CORE_READ(sb, s_dev);
	o->magic = BPF_CORE_READ(sb, s_magic);
	o->blocksize = BPF_CORE_READ(sb, s_blocksize);
	o->blocksize_bits = BPF_CORE_READ(sb, s_blocksize_bits);
	o->same_inode = BPF_CORE_READ(d, d_inode) == i;
	o->same_sb = BPF_CORE_READ(d, d_sb) == sb;
	o->name_len = BPF_CORE_READ(d, d_name.len);
	bpf_probe_read_kernel_str(o->name, sizeof(o->name), BPF_CORE_READ(d, d_name.name));
	bpf_probe_read_kernel_str(o->dir, sizeof(o->dir),
				  BPF_CORE_READ(d, d_parent, d_name.name));
	bpf_probe_read_kernel_str(o->fs, sizeof(o->fs), BPF_CORE_READ(sb, s_type, name));
	BPF_CORE_READ_STR_INTO(&o->sb_id, sb, s_id);
	if (!ask.mounts)
		return;
	o->mnt_id = BPF_CORE_READ(m, mnt_id);
	o->mnt_flags = BPF_CORE_READ(v, mnt_flags) & 0xff;
	o->parent_mnt_id = BPF_CORE_READ(m, mnt_parent, mnt_id);
	bpf_probe_read_kernel_str(o->devname, sizeof(o->devname), BPF_CORE_READ(m, mnt_devname));
	bpf_probe_read_kernel_str(o->mountpoint, sizeof(o->mountpoint),
				  BPF_CORE_READ(m, mnt_mountpoint, d_name.name));
}

static __always_inline struct file *file_of(struct task_struct *t, int fd)
{
	struct file **array = BPF_CORE_READ(t, files, fdt, fd), *f = 0;

	bpf_core_read(&f, sizeof(f), array + fd);
	return f;
}

static __always_inline void look_sock(struct file *f, struct world_sock *o)
{
	struct socket *s = BPF_CORE_READ(f, private_data);
	struct sock *sk = BPF_CORE_READ(s, sk);

	o->state = BPF_CORE_READ(s, state);
	o->type = BPF_CORE_READ(s, type);
	o->same_file = BPF_CORE_READ(s, file) == f;
	o->same_socket = BPF_CORE_READ(sk, sk_socket) == s;
	o->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	o->sk_type = BPF_CORE_READ(sk, sk_type);
	o->protocol = BPF_CORE_READ(sk, sk_protocol);
	o->sk_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	o->dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	o->num = BPF_CORE_READ(sk, __sk_common.skc_num);
	o->bound = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	o->reuse = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse);
	o->reuseport = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport);
	o->v6only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
	o->net = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	o->rcvbuf = BPF_CORE_READ(sk, sk_rcvbuf);
	o->sndbuf = BPF_CORE_READ(sk, sk_sndbuf);
	o->rcvlowat = BPF_CORE_READ(sk, sk_rcvlowat);
	o->mark = BPF_CORE_READ(sk, sk_mark);
	o->priority = BPF_CORE_READ(sk, sk_priority);
	o->uid = BPF_CORE_READ(sk, sk_uid.val);
	if (o->family != 2 && o->family != 10)
		return;
	o->daddr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	o->saddr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	o->inet_saddr = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
	o->inet_sport = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	if (o->family == 10) {
		BPF_CORE_READ_INTO(&o->daddr6, sk, __sk_common.skc_v6_daddr);
		BPF_CORE_READ_INTO(&o->saddr6, sk, __sk_common.skc_v6_rcv_saddr);
	}
	if (o->protocol == 6 && o->sk_state == 1) {
		o->cwnd = BPF_CORE_READ((struct tcp_sock *)sk, snd_cwnd);
		o->mss = BPF_CORE_READ((struct tcp_sock *)sk, mss_cache);
		o->segs_out = BPF_CORE_READ((struct tcp_sock *)sk, segs_out);
		o->bytes_sent = BPF_CORE_READ((struct tcp_sock *)sk, bytes_sent);
		o->bytes_acked = BPF_CORE_READ((struct tcp_sock *)sk, bytes_acked);
	}
}

SEC("raw_tp")
int look(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	look_task(t);
	look_mm(t->mm);
	out.umask = t->fs->umask;
	out.root_ino = t->fs->root.dentry->d_inode->i_ino;
	bpf_probe_read_kernel_str(out.cwd, sizeof(out.cwd), t->fs->pwd.dentry->d_name.name);
	out.same_task = (__u64)t == bpf_get_current_task();
	out.max_fds = BPF_CORE_READ(t, files, fdt, max_fds);
	for (int i = 0; i < WORLD_FILES; i++)
		if (ask.fd[i] >= 0)
			look_file(file_of(t, ask.fd[i]), &out.file[i]);
	for (int i = 0; i < WORLD_SOCKS; i++)
		if (ask.sock[i] >= 0)
			look_sock(file_of(t, ask.sock[i]), &out.sock[i]);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct world_show);
} shown SEC(".maps");

SEC("?raw_tp")
int show(void *ctx)
{
	struct btf_ptr ptr = {};
	struct world_show *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&shown, &zero);
	if (!s)
		return -1;
	ptr.ptr = s->bytes;
	ptr.type_id = s->type_id;
	s->ret = bpf_snprintf_btf(s->text, (s->size & 0x1fff) + 1, &ptr, sizeof(ptr), s->flags);
	return 0;
}

/* The current task's own type. */
SEC("?raw_tp")
int show_task(void *ctx)
{
	struct btf_ptr ptr = {};
	struct world_show *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&shown, &zero);
	if (!s)
		return -1;
	ptr.ptr = bpf_get_current_task_btf();
	ptr.type_id = bpf_core_type_id_kernel(struct task_struct);
	s->ret = bpf_snprintf_btf(s->text, sizeof(s->text), &ptr, sizeof(ptr), s->flags);
	return 0;
}

/* A kernel object as an argument that a helper reads by itself. */
SEC("?raw_tp")
int compare_comm(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return bpf_strncmp(t->comm, sizeof(t->comm), "world_prog_test");
}

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} cgroups SEC(".maps");

SEC("?raw_tp")
int under(void *ctx)
{
	for (int i = 0; i < 5; i++)
		out.under[i] = bpf_current_task_under_cgroup(&cgroups, i);
	return 0;
}

SEC("?raw_tp")
int pids(void *ctx)
{
	struct bpf_pidns_info info;

	out.ns_err = bpf_get_ns_current_pid_tgid(ask.ns_dev, ask.ns_ino, &info, sizeof(info));
	out.ns_pid = info.pid;
	out.ns_tgid = info.tgid;
	out.ns_wrong = bpf_get_ns_current_pid_tgid(ask.ns_dev, ask.ns_ino + 1, &info, sizeof(info));
	return 0;
}

/* Paths may be asked for at the beginning of some functions only. */
static __always_inline int give_path(unsigned long long *ctx)
{
	struct file *f = (void *)ctx[0];
	char text[64];

	return bpf_d_path(&f->f_path, text, sizeof(text)) < 0 ? 0 : 0;
}

SEC("?fentry/security_file_open")
int path_allowed(unsigned long long *ctx)
{
	return give_path(ctx);
}

SEC("?fentry/vfs_read")
int path_refused(unsigned long long *ctx)
{
	return give_path(ctx);
}

SEC("?raw_tp")
int signal(void *ctx)
{
	out.signal_err = bpf_send_signal(ask.signal);
	return out.signal_err;
}

char LICENSE[] SEC("license") = "GPL";
