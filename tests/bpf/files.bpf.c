// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Kernel functions on files, in security modules: what each gave is in map "out". See tests/script/files. */
#include "kfunc.h"

#include <bpf/bpf_tracing.h>

#define NOTES 40

struct inode {
	unsigned long i_ino;
} CORE;
struct qstr {
	const unsigned char *name;
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
} CORE;
struct kernfs_node {
	__u64 id;
} CORE;
struct cgroup {
	struct kernfs_node *kn;
} CORE;
struct mnt_idmap;
struct iattr;

extern int bpf_get_file_xattr(struct file *file, const char *name__str,
			      struct bpf_dynptr *value_p) __ksym;
extern int bpf_get_dentry_xattr(struct dentry *dentry, const char *name__str,
				struct bpf_dynptr *value_p) __ksym;
extern int bpf_set_dentry_xattr(struct dentry *dentry, const char *name__str,
				const struct bpf_dynptr *value_p, int flags) __ksym __weak;
extern int bpf_remove_dentry_xattr(struct dentry *dentry, const char *name__str) __ksym __weak;
extern int bpf_cgroup_read_xattr(struct cgroup *cgroup, const char *name__str,
				 struct bpf_dynptr *value_p) __ksym __weak;
extern int bpf_get_fsverity_digest(struct file *file, struct bpf_dynptr *digest) __ksym __weak;
extern struct cgroup *bpf_cgroup_from_id(__u64 cgid) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NOTES);
	__type(key, __u32);
	__type(value, __s64);
} out SEC(".maps");

char room[64];
char value[64];

static const char user_a[] = "user.a", user_none[] = "user.none", trusted[] = "trusted.a",
		  security[] = "security.a", ours[] = "security.bpf.a", almost[] = "security.bpf",
		  acl[] = "system.posix_acl_access";

static __always_inline void put(__u32 i, __s64 v)
{
	bpf_map_update_elem(&out, &i, &v, 0);
}

/* Whether the file is called "skep-a", …: its last letter. */
static __always_inline char named(struct dentry *d)
{
	char name[8] = "";

	bpf_probe_read_kernel_str(name, sizeof(name), d->d_name.name);
	return name[0] == 's' && name[1] == 'k' && name[2] == 'e' && name[3] == 'p' &&
			       name[4] == '-' && !name[6] ?
		       name[5] :
		       0;
}

SEC("lsm.s/file_open") int BPF_PROG(opened, struct file *file)
{
	char which = named(file->f_path.dentry);
	struct bpf_dynptr all, few, no;

	if (which != 'a' && which != 'b' && which != 'c')
		return 0;
	bpf_dynptr_from_mem(room, sizeof(room), 0, &all);
	bpf_dynptr_from_mem(room, 3, 0, &few);
	bpf_dynptr_from_mem(room, 0, 0, &no);
	if (which == 'b') { /* has no attributes */
		put(10, bpf_get_file_xattr(file, user_a, &all));
		return 0;
	}
	if (which == 'c') { /* may not be read by who opens it to write */
		put(11, bpf_get_file_xattr(file, user_a, &all));
		return 0;
	}
	put(0, bpf_get_file_xattr(file, user_a, &all));
	put(1, *(__s64 *)room);
	put(2, bpf_get_file_xattr(file, user_none, &all));
	put(3, bpf_get_file_xattr(file, trusted, &all));
	put(4, bpf_get_file_xattr(file, security, &all));
	put(5, bpf_get_file_xattr(file, acl, &all));
	put(6, bpf_get_file_xattr(file, user_a, &few));
	put(7, bpf_get_file_xattr(file, user_a, &no));
	put(8, bpf_get_file_xattr(file, almost, &no));
	if (bpf_get_fsverity_digest) {
		put(12, bpf_get_fsverity_digest(file, &few));
		put(13, bpf_get_fsverity_digest(file, &all));
	}
	return 0;
}

SEC("lsm.s/inode_rename")
int BPF_PROG(renamed, struct inode *dir, struct dentry *d, struct inode *to, struct dentry *new)
{
	struct bpf_dynptr all;

	if (named(d) != 'a')
		return 0;
	bpf_dynptr_from_mem(room, sizeof(room), 0, &all);
	put(15, bpf_get_dentry_xattr(d, user_a, &all));
	put(16, bpf_get_dentry_xattr(new, user_a, &all));
	return 0;
}

/* Who changes a file's mode finds attributes that only modules can write. */
SEC("lsm.s/inode_setattr")
int BPF_PROG(changed, struct mnt_idmap *idmap, struct dentry *d, struct iattr *attr)
{
	struct bpf_dynptr all, text;
	struct cgroup *c;

	if (named(d) != 'a')
		return 0;
	bpf_dynptr_from_mem(room, sizeof(room), 0, &all);
	bpf_dynptr_from_mem(value, 5, 0, &text);
	if (bpf_set_dentry_xattr && bpf_remove_dentry_xattr) {
		put(20, bpf_set_dentry_xattr(d, user_a, &text, 0));
		put(21, bpf_set_dentry_xattr(d, almost, &text, 0));
		put(22, bpf_set_dentry_xattr(d, ours, &text, 2)); /* XATTR_REPLACE */
		put(23, bpf_set_dentry_xattr(d, ours, &text, 1)); /* XATTR_CREATE */
		put(24, bpf_set_dentry_xattr(d, ours, &text, 1));
		put(25, bpf_get_dentry_xattr(d, ours, &all));
		put(26, bpf_remove_dentry_xattr(d, user_a));
		put(27, bpf_remove_dentry_xattr(d, ours));
		put(28, bpf_remove_dentry_xattr(d, ours));
		put(29, bpf_set_dentry_xattr(d, ours, &text, 99));
	}
	c = bpf_cgroup_read_xattr ? bpf_cgroup_from_id(bpf_get_current_cgroup_id()) : NULL;
	if (c) {
		put(32, bpf_cgroup_read_xattr(c, user_a, &all));
		put(33, bpf_cgroup_read_xattr(c, user_none, &all));
		put(34, bpf_cgroup_read_xattr(c, ours, &all));
		bpf_cgroup_release(c);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
