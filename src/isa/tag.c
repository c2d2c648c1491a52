/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Program tags (Linux: bpf_prog_calc_tag() in kernel/bpf/core.c). The hash runs over
 * the instructions as loaded, except that descriptors of maps, which differ from load
 * to load, count as 0. FIPS 180-4 for both hashes.
 */
#include "isa/tag.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "isa/insn.h"

#define TAG_SHA256_SINCE KVER(6, 18) /* measured: 6.12 SHA-1, 6.18 SHA-256 */

struct hash {
	u32 h[8];
	u8 block[64];
	u32 fill;
	u64 bytes;
	bool sha256;
};

static u32 rol(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static u32 ror(u32 v, int n)
{
	return v >> n | v << (32 - n);
}

static void load_block(u32 *w, const u8 *p)
{
	int i;

	for (i = 0; i < 16; i++, p += 4)
		w[i] = (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void sha1_block(u32 *h, const u8 *block)
{
	static const u32 k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	u32 w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, t;
	int i;

	load_block(w, block);
	for (i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (i = 0; i < 80; i++) {
		if (i < 20)
			f = (b & c) | (~b & d);
		else if (i < 40 || i >= 60)
			f = b ^ c ^ d;
		else
			f = (b & c) | (b & d) | (c & d);
		t = rol(a, 5) + f + e + k[i / 20] + w[i];
		e = d;
		d = c;
		c = rol(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

static void sha256_block(u32 *h, const u8 *block)
{
	static const u32 k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
		0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
		0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
		0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
		0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
		0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
		0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
		0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
		0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
		0xc67178f2,
	};
	u32 w[64], v[8], t1, t2;
	int i;

	load_block(w, block);
	for (i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, h, sizeof(v));
	for (i = 0; i < 64; i++) {
		t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
		     ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
		     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		h[i] += v[i];
}

static void hash_add(struct hash *s, const void *bytes, u32 n)
{
	const u8 *p = bytes;

	s->bytes += n;
	for (; !s->fill && n >= sizeof(s->block); n -= sizeof(s->block), p += sizeof(s->block))
		(s->sha256 ? sha256_block : sha1_block)(s->h, p);
	for (; n; n--) {
		s->block[s->fill++] = *p++;
		if (s->fill == sizeof(s->block)) {
			(s->sha256 ? sha256_block : sha1_block)(s->h, s->block);
			s->fill = 0;
		}
	}
}

static void hash_end(struct hash *s)
{
	u64 bits = s->bytes * 8;
	u8 size[8];
	int i;

	hash_add(s, "\x80", 1);
	while (s->fill != 56)
		hash_add(s, "", 1);
	for (i = 0; i < 8; i++)
		size[i] = (u8)(bits >> (56 - 8 * i));
	hash_add(s, size, 8);
}

static const u32 init1[8] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
static const u32 init256[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

static void hash_begin(struct hash *s, bool sha256)
{
	memset(s, 0, sizeof(*s));
	s->sha256 = sha256;
	memcpy(s->h, sha256 ? init256 : init1, sizeof(s->h));
}

/* Ends the hash: its first @n bytes. */
static void hash_take(struct hash *s, u8 *out, u32 n)
{
	hash_end(s);
	for (u32 i = 0; i < n; i++)
		out[i] = (u8)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

static void hash_insns(struct hash *s, const struct bpf_insn *insns, u32 len)
{
	bool second = false; /* the second half of a map reference */
	struct bpf_insn insn;

	for (u32 i = 0; i < len; i++) {
		insn = insns[i];
		if (!second && insn_is_ldimm64(&insn) &&
		    (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE)) {
			insn.imm = 0;
			second = true;
		} else {
			if (second && !insn.code && !insn.dst_reg && !insn.src_reg && !insn.off)
				insn.imm = 0;
			second = false;
		}
		hash_add(s, &insn, sizeof(insn));
	}
}

void prog_tag(u8 tag[BPF_TAG_SIZE], const struct bpf_insn *insns, u32 len, kver profile)
{
	struct hash s;

	hash_begin(&s, visible(profile, TAG_SHA256_SINCE));
	hash_insns(&s, insns, len);
	hash_take(&s, tag, BPF_TAG_SIZE);
}

void prog_digest(u8 digest[SHA256_SIZE], const struct bpf_insn *insns, u32 len)
{
	struct hash s;

	hash_begin(&s, true);
	hash_insns(&s, insns, len);
	hash_take(&s, digest, SHA256_SIZE);
}

void sha256(u8 digest[SHA256_SIZE], const void *bytes, u64 len)
{
	const u8 *p = bytes;
	struct hash s;

	hash_begin(&s, true);
	for (u64 n; len; p += n, len -= n) {
		n = min_t(u64, len, 1U << 30);
		hash_add(&s, p, (u32)n);
	}
	hash_take(&s, digest, SHA256_SIZE);
}

static const u32 init224[8] = { 0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
				0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4 };

u32 digest_by_name(const char *name, u8 digest[DIGEST_MAX], const void *bytes, u64 len)
{
	static const struct {
		const char *name;
		u32 size;
		const u32 *init; /* NULL: one of 64-bit words */
	} rows[] = {
		{ "sha1", 20, init1 },	{ "sha224", 28, init224 }, { "sha256", 32, init256 },
		{ "sha384", 48, NULL }, { "sha512", 64, NULL },
	};
	const u8 *p = bytes;
	struct hash s;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows) && strcmp(rows[i].name, name); i++)
		;
	if (i == ARRAY_SIZE(rows))
		return 0;
	if (!rows[i].init) {
		sha512(digest, rows[i].size, bytes, len);
		return rows[i].size;
	}
	hash_begin(&s, rows[i].init != init1);
	memcpy(s.h, rows[i].init, sizeof(s.h));
	for (u64 n; len; p += n, len -= n) {
		n = min_t(u64, len, 1U << 30);
		hash_add(&s, p, (u32)n);
	}
	hash_take(&s, digest, rows[i].size);
	return rows[i].size;
}

int sha256_file(u8 digest[SHA256_SIZE], int fd)
{
	u8 bytes[16384];
	struct hash s;
	ssize_t n;

	hash_begin(&s, true);
	while ((n = read(fd, bytes, sizeof(bytes)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		hash_add(&s, bytes, (u32)n);
	}
	hash_take(&s, digest, SHA256_SIZE);
	return 0;
}
