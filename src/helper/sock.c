/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a socket pointer of a packet is good for (Linux: net/core/filter.c,
 * bpf_sk_fullsock(), bpf_get_listener_sock()). Sockets are laid out as struct bpf_sock.
 */
#include "helper/helper.h"

/* Connections that are not whole sockets: a request that is being answered, and what lingers. */
static bool is_whole(const struct bpf_sock *sk)
{
	return sk->state != BPF_TCP_TIME_WAIT && sk->state != BPF_TCP_NEW_SYN_RECV;
}

BPF_HELPER(sk_fullsock)
{
	const struct bpf_sock *sk = (const void *)(uintptr_t)r1;

	return is_whole(sk) ? r1 : 0;
}

BPF_HELPER(get_listener_sock)
{
	const struct bpf_sock *sk = (const void *)(uintptr_t)r1;

	return sk->state == BPF_TCP_LISTEN ? r1 : 0;
}
