// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Destroys the sockets of a port: tests/tools/sock_destroy.c. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct sock_common {
	__be16 skc_dport;
	__u16 skc_num;
} __attribute__((preserve_access_index));
struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));
struct udp_sock;
struct bpf_iter_meta;
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} __attribute__((preserve_access_index));

extern int bpf_sock_destroy(struct sock_common *sk) __ksym;

__u16 port;
int destroyed, last;

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (!sk || sk->skc_num != port)
		return 0;
	last = bpf_sock_destroy(sk);
	destroyed++;
	return 0;
}

char _license[] SEC("license") = "GPL";
