// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Security hooks of control groups. See tests/script/lsm. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/* A file by its name. */
SEC("lsm_cgroup/file_open") int BPF_PROG(open_file, struct file *file)
{
	u64 name = 0;

	bpf_probe_read_kernel_str(&name, sizeof(name), file->f_path.dentry->d_name.name);
	return name != 0x746572636573; /* "secret" */
}

/* A port, with an error of its own. */
SEC("lsm_cgroup/socket_bind")
int BPF_PROG(bind_socket, struct socket *sock, struct sockaddr *address, int len)
{
	struct sockaddr_in in = {};

	bpf_probe_read_kernel(&in, sizeof(in), address);
	if (in.sin_port != __builtin_bswap16(4444))
		return 1;
	bpf_set_retval(-98); /* EADDRINUSE */
	return 0;
}

/* Never asked by skep. */
SEC("lsm_cgroup/inet_conn_established")
int BPF_PROG(established, struct sock *sk, struct sk_buff *skb)
{
	return 1;
}
