/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Takes what a client wrote into a user ring buffer: numbers and sizes of records, their bytes. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct taken {
	__u64 n, sum, last_size;
	__u64 stop_at; /* the record at which the callback returns 1 */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct taken);
} takens SEC(".maps");

static long take(struct bpf_dynptr *d, struct taken **at)
{
	struct taken *t = *at;
	__u64 word = 0;

	t->n++;
	if (!bpf_dynptr_read(&word, sizeof(word), d, 0, 0))
		t->sum = t->sum * 31 + word;
	t->last_size = 0;
	for (__u32 size = 1; size <= 2048; size *= 2)
		if (bpf_dynptr_data(d, 0, 1) && !bpf_dynptr_read(&word, 1, d, size - 1, 0))
			t->last_size = size;
	return t->n == t->stop_at;
}

static __always_inline long drain(__u64 flags)
{
	__u32 key = 0;
	struct taken *t = bpf_map_lookup_elem(&takens, &key);

	return t ? bpf_user_ringbuf_drain(&ring, take, &t, flags) : -1;
}

SEC("tc")
int drains(struct __sk_buff *skb)
{
	return (int)drain(0);
}

SEC("tc")
int drains_quietly(struct __sk_buff *skb)
{
	return (int)drain(BPF_RB_NO_WAKEUP);
}

SEC("tc")
int drains_wrongly(struct __sk_buff *skb)
{
	return (int)drain(4);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
