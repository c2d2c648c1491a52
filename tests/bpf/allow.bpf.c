// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A security module that is asked about everything with a name and refuses nothing. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define ALLOW(hook)                                                                                \
	SEC("lsm/" #hook)                                                                          \
	int allow_##hook(void *ctx)                                                                \
	{                                                                                          \
		return 0;                                                                          \
	}

ALLOW(file_open)
ALLOW(file_permission)
ALLOW(file_ioctl)
ALLOW(file_fcntl)
ALLOW(file_truncate)
ALLOW(mmap_file)
ALLOW(path_unlink)
ALLOW(path_rmdir)
ALLOW(path_mkdir)
ALLOW(path_mknod)
ALLOW(path_symlink)
ALLOW(path_link)
ALLOW(path_rename)
ALLOW(path_truncate)
ALLOW(path_chmod)
ALLOW(path_chown)
ALLOW(inode_create)
ALLOW(inode_unlink)
ALLOW(inode_rmdir)
ALLOW(inode_mkdir)
ALLOW(inode_mknod)
ALLOW(inode_symlink)
ALLOW(inode_link)
ALLOW(inode_rename)
ALLOW(inode_setattr)
ALLOW(inode_getattr)
ALLOW(inode_readlink)
ALLOW(bprm_creds_for_exec)
ALLOW(bprm_check_security)
ALLOW(task_kill)
ALLOW(task_alloc)
ALLOW(ptrace_access_check)
ALLOW(socket_create)
ALLOW(socket_post_create)
ALLOW(socket_bind)
ALLOW(socket_connect)
ALLOW(socket_listen)
ALLOW(socket_accept)
ALLOW(socket_sendmsg)
ALLOW(socket_recvmsg)
ALLOW(socket_getsockname)
ALLOW(socket_getpeername)
ALLOW(socket_setsockopt)
ALLOW(socket_getsockopt)
ALLOW(socket_shutdown)
