// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A service address in front of a backend, without a proxy: who connects to 10.96.0.1:80 is
 * connected to 127.0.0.1:8080, and is told that it talks to the service.
 *   bpftool prog loadall service.bpf.o /sys/fs/bpf/service
 *   mkdir /sys/fs/cgroup/clients
 *   bpftool cgroup attach /sys/fs/cgroup/clients cgroup_inet4_connect pinned /sys/fs/bpf/service/to_backend
 *   bpftool cgroup attach /sys/fs/cgroup/clients cgroup_inet4_getpeername pinned /sys/fs/bpf/service/name
 *   sh -c 'echo 0 >/sys/fs/cgroup/clients/cgroup.procs; exec curl http://10.96.0.1/'
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SERVICE	     bpf_htonl(0x0a600001) /* 10.96.0.1 */
#define SERVICE_PORT bpf_htons(80)
#define BACKEND	     bpf_htonl(0x7f000001)
#define BACKEND_PORT bpf_htons(8080)

char LICENSE[] SEC("license") = "GPL";

/* Sockets that were sent to the backend, by cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} clients SEC(".maps");

SEC("cgroup/connect4")
int to_backend(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	__u8 yes = 1;

	if (ctx->user_ip4 == SERVICE && ctx->user_port == SERVICE_PORT &&
	    !bpf_map_update_elem(&clients, &cookie, &yes, BPF_ANY)) {
		ctx->user_ip4 = BACKEND;
		ctx->user_port = BACKEND_PORT;
	}
	return 1;
}

SEC("cgroup/getpeername4")
int name(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);

	if (bpf_map_lookup_elem(&clients, &cookie)) {
		ctx->user_ip4 = SERVICE;
		ctx->user_port = SERVICE_PORT;
	}
	return 1;
}
