// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A security module that refuses what tests/tools/decisions.c tries: each hook by a name or a number
 * that nobody else uses, as on Linux it is in force for the whole machine.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define EPERM  1
#define EAGAIN 11
#define EACCES 13
#define AF_INET	  2
#define AF_PHONET 35

/* How often each hook was asked about something of ours. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} asked SEC(".maps");

static void count(u32 hook)
{
	u64 *n = bpf_map_lookup_elem(&asked, &hook);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* "lsm-HOOK..." */
static bool is_named(struct dentry *dentry, const char *name, u32 len)
{
	const unsigned char *have = BPF_CORE_READ(dentry, d_name.name);
	char text[24] = "";

	bpf_probe_read_kernel_str(text, sizeof(text), have);
	for (u32 i = 0; i < len && i < sizeof(text); i++)
		if (text[i] != name[i])
			return false;
	return true;
}

#define REFUSE(hook, dentry, name, err)                                                            \
	if (is_named(dentry, name, sizeof(name) - 1)) {                                            \
		count(hook);                                                                       \
		return -err;                                                                       \
	}                                                                                          \
	return 0

SEC("lsm/file_open")
int BPF_PROG(d_file_open, struct file *file)
{
	REFUSE(0, file->f_path.dentry, "lsm-open", EPERM);
}

SEC("lsm/file_permission")
int BPF_PROG(d_file_permission, struct file *file, int mask)
{
	if (!(mask & 2))
		return 0;
	REFUSE(1, file->f_path.dentry, "lsm-write", EACCES);
}

SEC("lsm/file_ioctl")
int BPF_PROG(d_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != 0x5ce1)
		return 0;
	count(2);
	return -EACCES;
}

SEC("lsm/path_unlink")
int BPF_PROG(d_path_unlink, const struct path *dir, struct dentry *dentry)
{
	REFUSE(3, dentry, "lsm-unlink", EPERM);
}

SEC("lsm/path_rmdir")
int BPF_PROG(d_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	REFUSE(4, dentry, "lsm-rmdir", EACCES);
}

SEC("lsm/path_mkdir")
int BPF_PROG(d_path_mkdir, const struct path *dir, struct dentry *dentry, umode_t mode)
{
	REFUSE(5, dentry, "lsm-mkdir", EPERM);
}

SEC("lsm/path_mknod")
int BPF_PROG(d_path_mknod, const struct path *dir, struct dentry *dentry, umode_t mode,
	     unsigned int dev)
{
	REFUSE(6, dentry, "lsm-mknod", EPERM);
}

SEC("lsm/path_symlink")
int BPF_PROG(d_path_symlink, const struct path *dir, struct dentry *dentry, const char *old_name)
{
	REFUSE(7, dentry, "lsm-symlink", EACCES);
}

SEC("lsm/path_link")
int BPF_PROG(d_path_link, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry)
{
	REFUSE(8, old_dentry, "lsm-link", EPERM);
}

SEC("lsm/path_rename")
int BPF_PROG(d_path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry)
{
	REFUSE(9, new_dentry, "lsm-rename", EACCES);
}

SEC("lsm/path_chmod")
int BPF_PROG(d_path_chmod, const struct path *path, umode_t mode)
{
	if (mode != 0641)
		return 0;
	count(10);
	return -EPERM;
}

SEC("lsm/path_chown")
int BPF_PROG(d_path_chown, const struct path *path)
{
	REFUSE(11, path->dentry, "lsm-chown", EACCES);
}

SEC("lsm/path_truncate")
int BPF_PROG(d_path_truncate, const struct path *path)
{
	REFUSE(12, path->dentry, "lsm-truncate", EPERM);
}

SEC("lsm/inode_create")
int BPF_PROG(d_inode_create, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	REFUSE(13, dentry, "lsm-create", EPERM);
}

SEC("lsm/inode_getattr")
int BPF_PROG(d_inode_getattr, const struct path *path)
{
	REFUSE(14, path->dentry, "lsm-stat", EACCES);
}

SEC("lsm/inode_readlink")
int BPF_PROG(d_inode_readlink, struct dentry *dentry)
{
	REFUSE(15, dentry, "lsm-readlink", EPERM);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(d_bprm_check, struct linux_binprm *bprm)
{
	REFUSE(16, bprm->file->f_path.dentry, "lsm-exec", EACCES);
}

SEC("lsm/task_kill")
int BPF_PROG(d_task_kill, struct task_struct *p, struct kernel_siginfo *info, int sig)
{
	if (sig != 59)
		return 0;
	count(17);
	return -EACCES;
}

SEC("lsm/task_alloc")
int BPF_PROG(d_task_alloc, struct task_struct *task)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	if (comm[0] != 'l' || comm[1] != 's' || comm[2] != 'm' || comm[3] != '-' || comm[4] != 'f')
		return 0;
	count(18);
	return -EAGAIN;
}

SEC("lsm/socket_create")
int BPF_PROG(d_socket_create, int family, int type, int protocol, int kern)
{
	if (family != AF_PHONET)
		return 0;
	count(19);
	return -EACCES;
}

static u16 port_of(struct sockaddr *address)
{
	u16 port = 0;

	if (BPF_CORE_READ(address, sa_family) == AF_INET)
		bpf_probe_read_kernel(&port, sizeof(port), (char *)address + 2);
	return bpf_ntohs(port);
}

SEC("lsm/socket_bind")
int BPF_PROG(d_socket_bind, struct socket *sock, struct sockaddr *address, int addrlen)
{
	if (port_of(address) != 59701)
		return 0;
	count(20);
	return -EPERM;
}

SEC("lsm/socket_connect")
int BPF_PROG(d_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen)
{
	if (port_of(address) != 59702)
		return 0;
	count(21);
	return -EPERM;
}

SEC("lsm/socket_listen")
int BPF_PROG(d_socket_listen, struct socket *sock, int backlog)
{
	if (backlog != 597)
		return 0;
	count(22);
	return -EPERM;
}

SEC("lsm/task_prctl")
int BPF_PROG(d_task_prctl, int option)
{
	if (option != 0x5ce1)
		return -38; /* ENOSYS: nothing to say */
	count(23);
	return -EPERM;
}
