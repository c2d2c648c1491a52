/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Ciphers: a context by the parameters in a map, kept in a map, used for what is in a map. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#define TEXT 64

struct bpf_crypto_ctx *bpf_crypto_ctx_create(const struct bpf_crypto_params *params,
					     __u32 params__sz, int *err) __ksym;
struct bpf_crypto_ctx *bpf_crypto_ctx_acquire(struct bpf_crypto_ctx *ctx) __ksym;
void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx) __ksym;
int bpf_crypto_encrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
		       const struct bpf_dynptr *dst, const struct bpf_dynptr *siv) __ksym;
int bpf_crypto_decrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
		       const struct bpf_dynptr *dst, const struct bpf_dynptr *siv) __ksym;
void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;

struct kept {
	struct bpf_crypto_ctx __kptr *ctx;
};

struct work {
	struct bpf_crypto_params params;
	__u32 params_size, src_len, dst_len, iv_len, decrypt, created, error;
	__s32 result;
	__u8 src[TEXT], dst[TEXT], iv[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} keeps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} works SEC(".maps");

SEC("syscall")
int create(void *args)
{
	struct bpf_crypto_ctx *ctx, *old;
	int err = 77;
	__u32 key = 0;
	struct work *w = bpf_map_lookup_elem(&works, &key);
	struct kept *kept = bpf_map_lookup_elem(&keeps, &key);

	if (!w || !kept)
		return 1;
	if (w->params_size == sizeof(w->params))
		ctx = bpf_crypto_ctx_create(&w->params, sizeof(w->params), &err);
	else
		ctx = bpf_crypto_ctx_create(&w->params, sizeof(w->params) - 4, &err);
	w->created = ctx != NULL;
	w->error = (__u32)err;
	if (!ctx)
		return 0;
	old = bpf_crypto_ctx_acquire(ctx);
	if (old)
		bpf_crypto_ctx_release(old);
	old = bpf_kptr_xchg(&kept->ctx, ctx);
	if (old)
		bpf_crypto_ctx_release(old);
	return 0;
}

SEC("tc")
int crypt(struct __sk_buff *skb)
{
	struct bpf_dynptr src, dst, iv;
	struct bpf_crypto_ctx *ctx;
	__u32 key = 0, n;
	struct work *w = bpf_map_lookup_elem(&works, &key);
	struct kept *kept = bpf_map_lookup_elem(&keeps, &key);

	if (!w || !kept)
		return 1;
	w->result = -1000;
	bpf_rcu_read_lock();
	ctx = kept->ctx;
	if (!ctx) {
		bpf_rcu_read_unlock();
		return 2;
	}
	n = w->src_len;
	if (n > TEXT)
		n = TEXT;
	bpf_dynptr_from_mem(w->src, n, 0, &src);
	n = w->dst_len;
	if (n > TEXT)
		n = TEXT;
	bpf_dynptr_from_mem(w->dst, n, 0, &dst);
	n = w->iv_len;
	if (n > 32)
		n = 32;
	bpf_dynptr_from_mem(w->iv, n, 0, &iv);
	if (w->iv_len && w->decrypt)
		w->result = bpf_crypto_decrypt(ctx, &src, &dst, &iv);
	else if (w->iv_len)
		w->result = bpf_crypto_encrypt(ctx, &src, &dst, &iv);
	else if (w->decrypt)
		w->result = bpf_crypto_decrypt(ctx, &src, &dst, NULL);
	else
		w->result = bpf_crypto_encrypt(ctx, &src, &dst, NULL);
	bpf_rcu_read_unlock();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
