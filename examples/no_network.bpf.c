// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A cgroup without network: its processes get no sockets of IPv4 and IPv6, and those that they
 * have been given are good for nothing new.
 *   bpftool prog loadall no_network.bpf.o /sys/fs/bpf/none
 *   mkdir /sys/fs/cgroup/jail
 *   for a in inet_sock_create:create inet4_connect:connect4 inet6_connect:connect6 udp4_sendmsg:send4 \
 *            udp6_sendmsg:send6 inet4_bind:bind4 inet6_bind:bind6; do
 *     bpftool cgroup attach /sys/fs/cgroup/jail cgroup_${a%:*} pinned /sys/fs/bpf/none/${a#*:}
 *   done
 *   sh -c 'echo 0 >/sys/fs/cgroup/jail/cgroup.procs; exec curl http://127.0.0.1/'
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

long refused;

#define REFUSE(section, function, context)                                                         \
	SEC(section)                                                                               \
	int function(struct context *ctx)                                                          \
	{                                                                                          \
		__sync_fetch_and_add(&refused, 1);                                                 \
		return 0;                                                                          \
	}

REFUSE("cgroup/sock_create", create, bpf_sock)
REFUSE("cgroup/connect4", connect4, bpf_sock_addr)
REFUSE("cgroup/connect6", connect6, bpf_sock_addr)
REFUSE("cgroup/sendmsg4", send4, bpf_sock_addr)
REFUSE("cgroup/sendmsg6", send6, bpf_sock_addr)
REFUSE("cgroup/bind4", bind4, bpf_sock_addr)
REFUSE("cgroup/bind6", bind6, bpf_sock_addr)
