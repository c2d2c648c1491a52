/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Ciphers of programs (tests/bpf/crypto.bpf.c): the examples of FIPS 197 and of NIST SP 800-38A,
 * and generated keys, texts and mistakes on skep and on the running kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/types.h"
#include "helper/aes.h"
#include "skep/skep.h"
#include "tests/lib/beside.h"

#define TEXT 64

struct work {
	struct {
		char type[14];
		u8 reserved[2];
		char algo[128];
		u8 key[256];
		u32 key_len, authsize;
	} params;
	u32 params_size, src_len, dst_len, iv_len, decrypt, created, error;
	s32 result;
	u8 src[TEXT], dst[TEXT], iv[32];
};

static struct beside engines[2];
static u32 nr_engines;

static void run(const struct beside *b, const char *name, struct work *w)
{
	beside_run(b, "works", name, strcmp(name, "create"), w);
}

static void run_everywhere(const char *name, struct work *w)
{
	struct work other = *w;

	run(&engines[0], name, w);
	if (nr_engines < 2)
		return;
	run(&engines[1], name, &other);
	if (memcmp(w, &other, sizeof(*w)))
		print_message("%s: algo %s key %u authsize %u size %u src %u dst %u iv %u %u: "
			      "created %u %u, "
			      "error %d %d, result %d %d\n",
			      name, w->params.algo, w->params.key_len, w->params.authsize,
			      w->params_size, w->src_len, w->dst_len, w->iv_len, w->decrypt,
			      w->created, other.created, (int)w->error, (int)other.error, w->result,
			      other.result);
	assert_memory_equal(w, &other, sizeof(*w));
}

static void unhex(u8 *to, const char *hex)
{
	for (; *hex; hex += 2, to++)
		sscanf(hex, "%2hhx", to);
}

/* FIPS 197, appendix C */
static void blocks(void **state)
{
	static const char *const want[] = { "69c4e0d86a7b0430d8cdb78070b4c55a",
					    "dda97ca4864cdfe06eaf70a0ec0d7191",
					    "8ea2b7ca516745bfeafc49904b496089" };
	u8 key[32], plain[16], cipher[16], got[16];
	struct aes_key k;

	for (u8 i = 0; i < 32; i++)
		key[i] = i;
	unhex(plain, "00112233445566778899aabbccddeeff");
	for (u32 i = 0; i < 3; i++) {
		unhex(cipher, want[i]);
		assert_true(aes_set_key(&k, key, 16 + 8 * i));
		for (u32 way = 0; way < 2; way++) {
			aes_encrypt(&k, got, plain);
			assert_memory_equal(got, cipher, 16);
			aes_decrypt(&k, got, got);
			assert_memory_equal(got, plain, 16);
			k.hardware = 0; /* then by tables */
		}
	}
	assert_false(aes_set_key(&k, key, 17));
}

static void start(struct work *w, const char *algo, u32 key_len)
{
	memset(w, 0, sizeof(*w));
	strcpy(w->params.type, "skcipher");
	strcpy(w->params.algo, algo);
	w->params.key_len = key_len;
	w->params_size = sizeof(w->params);
}

/* NIST SP 800-38A, F.1.1 and F.2.1: the first two blocks */
static void examples(void **state)
{
	struct work w;
	u8 want[32];

	start(&w, "ecb(aes)", 16);
	unhex(w.params.key, "2b7e151628aed2a6abf7158809cf4f3c");
	run_everywhere("create", &w);
	assert_int_equal(w.created, 1);
	assert_int_equal(w.error, 0);
	unhex(w.src, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
	w.src_len = w.dst_len = 32;
	run_everywhere("crypt", &w);
	assert_int_equal(w.result, 0);
	unhex(want, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf");
	assert_memory_equal(w.dst, want, 32);
	strcpy(w.params.algo, "cbc(aes)");
	run_everywhere("create", &w);
	unhex(w.iv, "000102030405060708090a0b0c0d0e0f");
	w.iv_len = 16;
	run_everywhere("crypt", &w);
	assert_int_equal(w.result, 0);
	unhex(want, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
	assert_memory_equal(w.dst, want, 32);
}

static void wrong_parameters(void **state)
{
	static const struct {
		const char *algo;
		int err;
	} others[] = {
		{ "ecb(none)", EOPNOTSUPP },	 { "ctr(aes)", EINVAL },
		{ "xts(aes)", EINVAL },		 { "cts(cbc(aes))", EINVAL },
		{ "aes", EOPNOTSUPP },		 { "ecb", EOPNOTSUPP },
		{ "ecb(aes) ", EOPNOTSUPP },	 { "ecb(aes", EOPNOTSUPP },
		{ "ecb(ecb(aes))", EOPNOTSUPP }, { "ecb(aes-generic)", 0 },
		{ "cbc(aes-generic)", 0 },
	};
	struct work w;

	start(&w, "ecb(aes)", 16);
	w.params_size--;
	run_everywhere("create", &w);
	assert_int_equal((int)w.error, -EINVAL);
	start(&w, "ecb(aes)", 16);
	w.params.reserved[1] = 1;
	run_everywhere("create", &w);
	assert_int_equal((int)w.error, -EINVAL);
	start(&w, "ecb(aes)", 16);
	strcpy(w.params.type, "aead");
	run_everywhere("create", &w);
	assert_int_equal((int)w.error, -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		start(&w, others[i].algo, 16);
		run_everywhere("create", &w);
		assert_int_equal((int)w.error, -others[i].err);
	}
	start(&w, "ecb(aes)", 16);
	w.params.authsize = 16;
	run_everywhere("create", &w);
	assert_int_equal((int)w.error, -EOPNOTSUPP);
	for (u32 len = 0; len < 40; len++) {
		start(&w, "cbc(aes)", len);
		run_everywhere("create", &w);
		assert_int_equal(w.created, len == 16 || len == 24 || len == 32);
	}
	start(&w, "cbc(aes)", 257);
	run_everywhere("create", &w);
	assert_int_equal((int)w.error, -EINVAL);
}

static void generated(void **state)
{
	u32 done = 0;

	for (u32 round = 0; round < 300; round++) {
		struct work w;

		start(&w, beside_random(2) ? "ecb(aes)" : "cbc(aes)", 16 + 8 * beside_random(3));
		for (u32 i = 0; i < w.params.key_len; i++)
			w.params.key[i] = (u8)beside_random(256);
		run_everywhere("create", &w);
		assert_int_equal(w.created, 1);
		for (u32 i = 0; i < 10; i++) {
			for (u32 k = 0; k < TEXT; k++)
				w.src[k] = (u8)beside_random(256);
			for (u32 k = 0; k < 32; k++)
				w.iv[k] = (u8)beside_random(256);
			w.src_len =
				beside_random(3) ? 16 * beside_random(5) : beside_random(TEXT + 1);
			w.dst_len = beside_random(4) ? TEXT : beside_random(TEXT + 1);
			w.iv_len = beside_random(6) ? (w.params.algo[0] == 'c' ? 16 : 0) :
						      beside_random(32);
			w.decrypt = beside_random(2);
			run_everywhere("crypt", &w);
			done += !w.result;
		}
	}
	assert_true(done > 500);
}

static int setup(void **state)
{
	nr_engines = beside_open_both(engines, "crypto");
	return nr_engines ? 0 : -1;
}

static int teardown(void **state)
{
	beside_close_both(engines);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(examples),
		cmocka_unit_test(wrong_parameters),
		cmocka_unit_test(generated),
	};

	return cmocka_run_group_tests_name("ciphers", tests, setup, teardown);
}
