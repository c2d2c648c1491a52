/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Program tags: a hash of the instructions that names a program in dumps; and the hash itself. */
#ifndef SKEP_ISA_TAG_H
#define SKEP_ISA_TAG_H

#include "base/uapi.h"
#include "base/version.h"

/*
 * The tag of a program as loaded (before any rewriting; map descriptors count as 0)
 * on kernel @profile: the first 8 bytes of its SHA-1 or, from 6.18 on, SHA-256.
 */
void prog_tag(u8 tag[BPF_TAG_SIZE], const struct bpf_insn *insns, u32 len, kver profile);

#define SHA256_SIZE 32

/* The whole SHA-256 of the same: what a map may be reserved for (excl_prog_hash). */
void prog_digest(u8 digest[SHA256_SIZE], const struct bpf_insn *insns, u32 len);
void sha256(u8 digest[SHA256_SIZE], const void *bytes, u64 len);
#define SHA384_SIZE 48
#define DIGEST_MAX  64
void sha512(u8 *digest, u32 size, const void *bytes, u64 len); /* @size 48: SHA-384, 64 */
/* The hash that Linux calls @name ("sha1", "sha256"): its size; 0: not known. */
u32 digest_by_name(const char *name, u8 digest[DIGEST_MAX], const void *bytes, u64 len);
/* Of all that can be read from @fd on. 0 or -errno. */
int sha256_file(u8 digest[SHA256_SIZE], int fd);

#endif
