/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Contexts of a cipher with its key, and encryption with them (Linux: kernel/bpf/crypto.c,
 * crypto/bpf_crypto_skcipher.c, ecb.c and cbc.c). Of the ciphers that a kernel may have, AES.
 */
#include "helper/aes.h"
#include "helper/dynptr.h"
#include "helper/helper.h"
#include "object/rt_heap.h"

struct params {
	char type[14];
	u8 reserved[2];
	char algo[128];
	u8 key[256];
	u32 key_len, authsize;
};

struct crypto_ctx {
	struct aes_key key;
	u32 chained; /* cbc */
	u32 count;
};

static const struct bpf_record ctx_record = { .size = sizeof(struct crypto_ctx),
					      .refcount_off = offsetof(struct crypto_ctx, count),
					      .lock_off = -1 };

static bool is(const char *text, u32 room, const char *want)
{
	for (u32 i = 0; i < room; i++) {
		if (text[i] != want[i])
			return false;
		if (!want[i])
			return true;
	}
	return false;
}

static bool is_one_of(const char *algo, const char *const *names, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (is(algo, sizeof(((struct params *)0)->algo), names[i]))
			return true;
	return false;
}

static int check_params(const struct params *p, u32 size, bool *chained)
{
	bool known, other;

	if (!p || size != sizeof(*p) || p->reserved[0] || p->reserved[1])
		return -EINVAL;
	if (!is(p->type, sizeof(p->type), "skcipher"))
		return -ENOENT;
	*chained = is_one_of(p->algo, (const char *const[]){ "cbc(aes)", "cbc(aes-generic)" }, 2);
	known = *chained ||
		is_one_of(p->algo, (const char *const[]){ "ecb(aes)", "ecb(aes-generic)" }, 2);
	/* The kernel has these, but in no form that it lets programs use. */
	other = is_one_of(p->algo,
			  (const char *const[]){ "ctr(aes)", "xts(aes)", "cts(cbc(aes))",
						 "rfc3686(ctr(aes))" },
			  4);
	if ((!known && !other) || p->authsize)
		return -EOPNOTSUPP;
	return other || !p->key_len || p->key_len > sizeof(p->key) ? -EINVAL : 0;
}

/* r1, r2: parameters and their size, r3: where an error goes */
BPF_KFUNC(bpf_crypto_ctx_create)
{
	const struct params *p = PTR(r1);
	struct crypto_ctx *ctx = NULL;
	bool chained = false;
	s32 *err = PTR(r3);

	*err = check_params(p, (u32)r2, &chained);
	if (*err)
		return 0;
	ctx = heap_alloc(run->arena, run->platform, sizeof(*ctx), &ctx_record);
	if (!ctx) {
		*err = -ENOMEM;
		return 0;
	}
	if (!aes_set_key(&ctx->key, p->key, p->key_len)) {
		heap_free(run->arena, run->platform, ctx);
		*err = -EINVAL;
		return 0;
	}
	ctx->chained = chained;
	ctx->count = 1;
	return (u64)ctx;
}

BPF_KFUNC(bpf_crypto_ctx_acquire)
{
	struct crypto_ctx *ctx = PTR(r1);
	u32 n = load_acquire(&ctx->count);

	do {
		if (!n)
			return 0;
	} while (!__atomic_compare_exchange_n(&ctx->count, &n, n + 1, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return r1;
}

BPF_KFUNC(bpf_crypto_ctx_release)
{
	struct crypto_ctx *ctx = PTR(r1);

	if (!__atomic_sub_fetch(&ctx->count, 1, __ATOMIC_ACQ_REL)) {
		rt_zero(&ctx->key, sizeof(ctx->key));
		heap_free(run->arena, run->platform, ctx);
	}
	return 0;
}

static void xor_block(u8 *to, const u8 *with)
{
	for (u32 i = 0; i < AES_BLOCK; i++)
		to[i] ^= with[i];
}

/* Whole blocks are done even when a rest makes it fail. @iv, of cbc, goes on behind them. */
static int crypt(const struct crypto_ctx *ctx, const u8 *src, u8 *dst, u32 len, u8 *iv,
		 bool decrypt)
{
	u8 block[AES_BLOCK], before[AES_BLOCK];

	for (; len >= AES_BLOCK; len -= AES_BLOCK, src += AES_BLOCK, dst += AES_BLOCK) {
		rt_copy(block, src, AES_BLOCK);
		if (decrypt) {
			rt_copy(before, block, AES_BLOCK);
			aes_decrypt(&ctx->key, block, block);
			if (iv) {
				xor_block(block, iv);
				rt_copy(iv, before, AES_BLOCK);
			}
		} else {
			if (iv)
				xor_block(block, iv);
			aes_encrypt(&ctx->key, block, block);
			if (iv)
				rt_copy(iv, block, AES_BLOCK);
		}
		rt_copy(dst, block, AES_BLOCK);
	}
	return len ? -EINVAL : 0;
}

static int crypt_dynptrs(const struct crypto_ctx *ctx, const struct dynptr *src,
			 const struct dynptr *dst, const struct dynptr *siv, bool decrypt,
			 struct bpf_run *run)
{
	u32 src_len = dynptr_len(src), dst_len = dynptr_len(dst);
	u32 siv_len = siv ? dynptr_len(siv) : 0;
	u8 *from, *to, *iv = NULL;

	if (dynptr_is_rdonly(dst))
		return -EINVAL;
	if (!src_len || !dst_len || src_len > dst_len)
		return -EINVAL;
	if (siv_len != (ctx->chained ? AES_BLOCK : 0))
		return -EINVAL;
	from = dynptr_bytes(src, src_len, run);
	to = dynptr_bytes(dst, dst_len, run);
	if (siv_len && !dynptr_is_rdonly(siv))
		iv = dynptr_bytes(siv, siv_len, run);
	if (!from || !to || (siv_len && !iv))
		return -EINVAL;
	return crypt(ctx, from, to, src_len, iv, decrypt);
}

/* r1: context, r2: from, r3: to, r4: initial vector, which may be NULL */
BPF_KFUNC(bpf_crypto_encrypt)
{
	return INT(crypt_dynptrs(PTR(r1), PTR(r2), PTR(r3), PTR(r4), false, run));
}

BPF_KFUNC(bpf_crypto_decrypt)
{
	return INT(crypt_dynptrs(PTR(r1), PTR(r2), PTR(r3), PTR(r4), true, run));
}
