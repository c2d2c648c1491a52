/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers on kernel objects, in test runs with made-up ones: helper_typed_test. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, u32);
	__type(value, s64);
} results SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

#define STORAGE(name, kind)                                                                        \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, int);                                                                  \
		__type(value, u64);                                                                \
	} name SEC(".maps")

STORAGE(of_inode, BPF_MAP_TYPE_INODE_STORAGE);

static __always_inline void put(u32 i, s64 v)
{
	bpf_map_update_elem(&results, &i, &v, 0);
}

SEC("lsm.s/file_open")
int BPF_PROG(opened, struct file *file)
{
	char buf[64];

	put(0, !!bpf_inode_storage_get(&of_inode, file->f_inode, 0, 0));
	put(1, !!bpf_inode_storage_get(&of_inode, file->f_inode, 0, 2));
	put(2, bpf_inode_storage_delete(&of_inode, file->f_inode));
	put(3, !!bpf_sock_from_file(file));
	put(4, bpf_d_path((struct path *)&file->f_path, buf, 0));
	put(5, bpf_ima_file_hash(file, buf, sizeof(buf)));
	put(6, bpf_ima_inode_hash(file->f_inode, buf, sizeof(buf)));
	return 0;
}

SEC("fentry/tcp_rcv_state_process")
int BPF_PROG(received, struct sock *sk, struct sk_buff *skb)
{
	u64 word = 7;

	put(0, !!bpf_skc_to_tcp6_sock(sk));
	put(1, !!bpf_skc_to_tcp_timewait_sock(sk));
	put(2, !!bpf_skc_to_tcp_request_sock(sk));
	put(3, !!bpf_skc_to_udp6_sock(sk));
	put(4, !!bpf_skc_to_unix_sock(sk));
	put(5, bpf_skb_output(skb, &events, 0, &word, sizeof(word)));
	put(6, bpf_skb_output(skb, &events, 1ULL << 32, &word, sizeof(word)));
	put(7, bpf_skb_output(skb, &events, 1ULL << 63, &word, sizeof(word)));
	put(8, bpf_task_pt_regs(bpf_get_current_task_btf()) != 0);
	return 0;
}

SEC("perf_event")
int sampled(struct bpf_perf_event_data *ctx)
{
	char buf[48];

	put(0, bpf_read_branch_records(ctx, buf, sizeof(buf), 0));
	put(1, bpf_read_branch_records(ctx, buf, sizeof(buf), 2));
	return 0;
}

char _license[] SEC("license") = "GPL";
