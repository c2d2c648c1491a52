/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * AES (FIPS 197), block by block. With the processor's instructions where it has them, else byte
 * by byte from the tables (whose use may show in the time it takes).
 */
#ifndef SKEP_HELPER_AES_H
#define SKEP_HELPER_AES_H

#include "base/types.h"

#define AES_BLOCK      16
#define AES_ROUNDS_MAX 14

struct aes_key {
	u8 enc[AES_ROUNDS_MAX + 1][AES_BLOCK], dec[AES_ROUNDS_MAX + 1][AES_BLOCK];
	u32 rounds;
	u32 hardware; /* the processor has the instructions */
};

/* @len: 16, 24 or 32. Whether it is one of these. */
bool aes_set_key(struct aes_key *key, const u8 *bytes, u32 len);
/* @src and @dst may be the same block. */
void aes_encrypt(const struct aes_key *key, u8 *dst, const u8 *src);
void aes_decrypt(const struct aes_key *key, u8 *dst, const u8 *src);

#endif
