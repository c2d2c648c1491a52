/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause */
/*
 * What probes.py's programs share: one record for each program run of the processes under
 * root_tgid (0: all), with the arguments followed as tracing tools follow them.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tests/lib/function_record.h"

typedef __u64 u64;
typedef __s64 s64;
typedef __u32 u32;

#define CORE __attribute__((preserve_access_index))
struct qstr {
	const unsigned char *name;
} CORE;
struct super_block {
	__u32 s_dev;
} CORE;
struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned short i_mode;
} CORE;
struct dentry {
	struct qstr d_name;
	struct inode *d_inode;
} CORE;
struct path {
	struct dentry *dentry;
} CORE;
struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
} CORE;
struct filename {
	const char *name;
} CORE;
struct sock_common {
	unsigned short skc_family;
	unsigned short skc_num;
	unsigned short skc_dport;
	volatile unsigned char skc_state;
} CORE;
struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
} CORE;
struct socket {
	short type;
	struct sock *sk;
} CORE;
struct task_struct {
	int pid, tgid;
	struct task_struct *real_parent;
	char comm[16];
} CORE;
struct linux_binprm {
	const char *filename, *interp;
	struct file *file;
	int argc, envc;
} CORE;
struct kernel_clone_args {
	u64 flags;
	int exit_signal;
} CORE;
struct renamedata {
	struct dentry *old_dentry, *new_dentry;
} CORE;

volatile int root_tgid SEC(".data.root") = 0; /* 0: everybody, -1: nobody */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} records SEC(".maps");
u64 lost;

static __always_inline struct record *begin(u32 kind, u32 function)
{
	struct task_struct *t = (void *)bpf_get_current_task();
	u64 id = bpf_get_current_pid_tgid();
	struct task_struct *p = t;
	struct record *r;
	u32 tgid = id >> 32;
	int root = root_tgid;

	if (root < 0)
		return 0;
	for (int i = 0; i < 6 && root; i++) {
		if ((int)tgid == root)
			break;
		if (tgid <= 1)
			return 0;
		p = BPF_CORE_READ(p, real_parent);
		tgid = (u32)BPF_CORE_READ(p, tgid);
	}
	if (root && (int)tgid != root)
		return 0;
	r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->function = function;
	r->tid = (u32)id;
	r->parent = (u32)BPF_CORE_READ(t, real_parent, tgid);
	return r;
}

static __always_inline void text(struct record *r, u32 at, const void *s)
{
	bpf_probe_read_kernel_str(r->text[at & 1], sizeof(r->text[0]), s);
}

/* Which it is: a number for each device and inode number. */
static __always_inline u64 identity(struct inode *n)
{
	return BPF_CORE_READ(n, i_ino) ^ (u64)BPF_CORE_READ(n, i_sb, s_dev) << 40;
}

static __always_inline void file(struct record *r, u32 i, u32 at, u64 v)
{
	struct file *f = (void *)v;

	if (v > -4096ULL) {
		r->value[i] = v;
		return;
	}
	text(r, at, BPF_CORE_READ(f, f_path.dentry, d_name.name));
	r->value[i] = identity(BPF_CORE_READ(f, f_inode));
	r->mode[i] = BPF_CORE_READ(f, f_inode, i_mode);
}

static __always_inline void dentry(struct record *r, u32 i, u32 at, u64 v)
{
	struct dentry *d = (void *)v;

	text(r, at, BPF_CORE_READ(d, d_name.name));
	r->value[i] = v != 0;
}

static __always_inline void path(struct record *r, u32 i, u32 at, u64 v)
{
	struct path *p = (void *)v;

	dentry(r, i, at, (u64)BPF_CORE_READ(p, dentry));
}

static __always_inline void filename(struct record *r, u32 i, u32 at, u64 v)
{
	struct filename *f = (void *)v;

	text(r, at, BPF_CORE_READ(f, name));
	r->value[i] = v != 0;
}

static __always_inline void user_string(struct record *r, u32 i, u32 at, u64 v)
{
	bpf_probe_read_user_str(r->text[at & 1], sizeof(r->text[0]), (void *)v);
	r->value[i] = v != 0;
}

static __always_inline void inode(struct record *r, u32 i, u32 at, u64 v)
{
	struct inode *n = (void *)v;

	r->value[i] = identity(n);
	r->mode[i] = BPF_CORE_READ(n, i_mode);
}

static __always_inline void sock(struct record *r, u32 i, u32 at, u64 v)
{
	struct sock *sk = (void *)v;

	if (!v)
		return;
	r->value[i] = (u64)BPF_CORE_READ(sk, __sk_common.skc_family) << 48 |
		      (u64)BPF_CORE_READ(sk, sk_protocol) << 40 |
		      (u64)BPF_CORE_READ(sk, __sk_common.skc_num) << 16 |
		      __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline void socket(struct record *r, u32 i, u32 at, u64 v)
{
	struct socket *s = (void *)v;

	r->value[i] = v ? (u64)BPF_CORE_READ(s, type) : 0;
}

static __always_inline void sockaddr(struct record *r, u32 i, u32 at, u64 v)
{
	bpf_probe_read_kernel(&r->value[i], 8, (void *)v);
}

static __always_inline void task(struct record *r, u32 i, u32 at, u64 v)
{
	struct task_struct *t = (void *)v;

	text(r, at, (void *)t + bpf_core_field_offset(t->comm));
	r->value[i] = (u64)BPF_CORE_READ(t, pid);
}

static __always_inline void bprm(struct record *r, u32 i, u32 at, u64 v)
{
	struct linux_binprm *b = (void *)v;

	text(r, at, BPF_CORE_READ(b, filename));
	r->value[i] = (u64)BPF_CORE_READ(b, argc) << 32 | (u32)BPF_CORE_READ(b, envc);
}

static __always_inline void clone_args(struct record *r, u32 i, u32 at, u64 v)
{
	struct kernel_clone_args *a = (void *)v;

	r->value[i] = BPF_CORE_READ(a, flags) << 8 | (u32)BPF_CORE_READ(a, exit_signal);
}

static __always_inline void renamed(struct record *r, u32 i, u32 at, u64 v)
{
	struct renamedata *d = (void *)v;

	text(r, 0, BPF_CORE_READ(d, old_dentry, d_name.name));
	text(r, 1, BPF_CORE_READ(d, new_dentry, d_name.name));
}

/* A 64-bit word of the kernel's: a position, the flags of struct open_how. */
static __always_inline void word(struct record *r, u32 i, u32 at, u64 v)
{
	r->value[i] = -1ULL;
	if (v)
		bpf_probe_read_kernel(&r->value[i], 8, (void *)v);
}

static __always_inline void pointer(struct record *r, u32 i, u32 at, u64 v)
{
	r->value[i] = v > -4096ULL ? v : v != 0;
}

#define ARGUMENTS(ctx)                                                                             \
	{                                                                                          \
		ctx->rdi, ctx->rsi, ctx->rdx, ctx->rcx, ctx->r8, ctx->r9                           \
	}

char LICENSE[] SEC("license") = "GPL";
