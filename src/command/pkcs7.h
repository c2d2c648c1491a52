/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Signed messages: PKCS#7 as RFC 2315 and CMS (RFC 5652) have it, in DER (Linux:
 * crypto/asymmetric_keys/pkcs7_parser.c). Only what a signature that stands beside its data needs.
 */
#ifndef SKEP_COMMAND_PKCS7_H
#define SKEP_COMMAND_PKCS7_H

#include "base/types.h"

#define PKCS7_SIGNERS_MAX 8

struct der {
	const u8 *at, *end;
};

struct pkcs7_signer {
	struct der issuer;	/* what its certificate says who has made it; empty: named by key */
	const char *hash;	/* as Linux's crypto names it: "sha256" */
	const char *encoding;	/* of the signature: "pkcs1", "x962" */
	struct der attributes;	/* that are signed instead of the data, as a SET; empty: none */
	struct der data_digest; /* among these */
	struct der signature;
};

struct pkcs7 {
	bool has_data; /* within */
	u32 nr_signers;
	struct pkcs7_signer signers[PKCS7_SIGNERS_MAX];
};

/* 0, -EBADMSG, -EINVAL (other kinds of messages), -ENOPKG or -EKEYREJECTED. What is found points into @message. */
int pkcs7_parse(struct pkcs7 *p, const void *message, u32 size);
/* The common name, or else the organisation, in distinguished name @name. */
struct der pkcs7_common_name(struct der name);

static inline u32 der_size(struct der d)
{
	return (u32)(d.end - d.at);
}

#endif
