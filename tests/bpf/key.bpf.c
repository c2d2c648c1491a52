/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Keys and signatures, asked for by functions that may sleep: tests/unit/key_test.c. */
#include "kfunc.h"

#include <bpf/bpf_tracing.h>

struct key {
	int serial;
} CORE;
struct bpf_key {
	struct key *key;
	bool has_ref;
} CORE;

extern struct bpf_key *bpf_lookup_user_key(__s32 serial, __u64 flags) __ksym;
extern struct bpf_key *bpf_lookup_system_key(__u64 id) __ksym;
extern void bpf_key_put(struct bpf_key *bkey) __ksym;
extern int bpf_verify_pkcs7_signature(struct bpf_dynptr *data_p, struct bpf_dynptr *sig_p,
				      struct bpf_key *trusted_keyring) __ksym;

#define DATA_MAX    1024
#define MESSAGE_MAX 4096

struct io {
	__u32 data_size, message_size;
	__s32 serial, found;
	__u64 flags, system;
	__s32 result, is_there;
	char data[DATA_MAX], message[MESSAGE_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct io);
} ios SEC(".maps");

static __always_inline int ask(void)
{
	struct bpf_dynptr data, message;
	struct bpf_key *key;
	struct io *io = bpf_map_lookup_elem(&ios, &(__u32){ 0 });

	if (!io)
		return 0;
	bpf_dynptr_from_mem(io->data, io->data_size & (DATA_MAX - 1), 0, &data);
	bpf_dynptr_from_mem(io->message, io->message_size & (MESSAGE_MAX - 1), 0, &message);
	if (io->serial)
		key = bpf_lookup_user_key(io->serial, io->flags);
	else
		key = bpf_lookup_system_key(io->system);
	io->is_there = !!key;
	if (!key)
		return 0;
	io->found = key->has_ref ? key->key->serial : -1;
	io->result = bpf_verify_pkcs7_signature(&data, &message, key);
	bpf_key_put(key);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1") int verify(void *ctx)
{
	return ask();
}

SEC("?fentry.s/__x64_sys_getpriority") int of_task(void *ctx)
{
	return ask();
}

char LICENSE[] SEC("license") = "GPL";
