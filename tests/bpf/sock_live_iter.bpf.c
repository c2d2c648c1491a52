// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* What an iterator over TCP sockets does to those that listen at port 17440, for tests/script/sock_live. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define PORT	   17440
#define SOL_SOCKET 1
#define SOL_IP	   0
#define SOL_IPV6   41
#define SOL_TCP	   6
#define AF_INET	   2
#define CONGESTION 13

SEC("iter/tcp")
int set_listeners(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	char reno[] = "reno", nosuch[] = "nosuch", now[16];
	int v = 0, six = 41;
	struct tcp_sock *tp;

	if (!skc || skc->skc_num != PORT || skc->skc_state != 10 || skc->skc_family != AF_INET)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp)
		return 0;
	BPF_SEQ_PRINTF(ctx->meta->seq, "nosuch: %d, short: %d\n",
		       (int)bpf_setsockopt(tp, SOL_TCP, CONGESTION, nosuch, sizeof(nosuch)),
		       (int)bpf_setsockopt(tp, SOL_TCP, CONGESTION, reno, 1));
	BPF_SEQ_PRINTF(ctx->meta->seq, "reno: %d\n",
		       (int)bpf_setsockopt(tp, SOL_TCP, CONGESTION, reno, sizeof(reno)));
	bpf_getsockopt(tp, SOL_TCP, CONGESTION, now, sizeof(now));
	BPF_SEQ_PRINTF(ctx->meta->seq, "now: %s\n", now);
	BPF_SEQ_PRINTF(ctx->meta->seq, "mark: %d\n",
		       (int)bpf_getsockopt(tp, SOL_SOCKET, 36, &v, sizeof(v)));
	BPF_SEQ_PRINTF(ctx->meta->seq, "its class: %d, its linger: %d\n",
		       (int)bpf_setsockopt(tp, SOL_IPV6, 67, &six, sizeof(six)),
		       (int)bpf_setsockopt(tp, SOL_SOCKET, 13, &six, sizeof(six)));
	v = 0x48;
	BPF_SEQ_PRINTF(ctx->meta->seq, "its service: %d\n",
		       (int)bpf_setsockopt(tp, SOL_IP, 1, &v, sizeof(v)));
	return 0;
}
