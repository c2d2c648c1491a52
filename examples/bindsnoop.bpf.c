// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Local addresses that processes take: by bind(2), or because they send a datagram from a
 * socket that has none yet, and perhaps are gone a moment later.
 *   skep run bindsnoop.bpf.o -- python3 -c 'import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))'
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

enum how { BIND, SENDTO };

struct event {
	int pid;
	char comm[16];
	enum how how;
	int ret;
	unsigned short family;
	unsigned short protocol;
	unsigned short port;
	unsigned char addr[4]; /* of IPv4 */
};
struct event *unused_event __attribute__((unused));

/* The socket of the call that a thread is in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct sock *);
} pending SEC(".maps");

/* Sockets that were seen to have an address: one line for each, not for each datagram. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sock *);
	__type(value, u16);
} known SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

static int enter(struct sock *sk)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	bpf_map_update_elem(&pending, &tid, &sk, BPF_ANY);
	return 0;
}

static int leave(enum how how, int ret)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tid = (u32)id, saddr;
	struct sock *sk, **skp = bpf_map_lookup_elem(&pending, &tid);
	struct event *e;
	u16 port;

	if (!skp)
		return 0;
	sk = *skp;
	bpf_map_delete_elem(&pending, &tid);
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (how == SENDTO && bpf_map_lookup_elem(&known, &sk))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	if (ret >= 0)
		bpf_map_update_elem(&known, &sk, &port, BPF_ANY);
	e->pid = id >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->how = how;
	e->ret = ret;
	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e->protocol = BPF_CORE_READ(sk, sk_protocol);
	e->port = port;
	saddr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	__builtin_memcpy(e->addr, &saddr, sizeof(e->addr));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("kprobe/inet_bind")
int BPF_KPROBE(bind4_enter, struct socket *socket)
{
	return enter(BPF_CORE_READ(socket, sk));
}

SEC("kretprobe/inet_bind")
int BPF_KRETPROBE(bind4_exit, int ret)
{
	return leave(BIND, ret);
}

SEC("kprobe/inet6_bind")
int BPF_KPROBE(bind6_enter, struct socket *socket)
{
	return enter(BPF_CORE_READ(socket, sk));
}

SEC("kretprobe/inet6_bind")
int BPF_KRETPROBE(bind6_exit, int ret)
{
	return leave(BIND, ret);
}

SEC("kprobe/udp_sendmsg")
int BPF_KPROBE(udp_enter, struct sock *sk)
{
	return enter(sk);
}

SEC("kretprobe/udp_sendmsg")
int BPF_KRETPROBE(udp_exit, int ret)
{
	return leave(SENDTO, ret);
}
