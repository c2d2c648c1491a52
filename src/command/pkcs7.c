/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See pkcs7.h. */
#include "command/pkcs7.h"

#include <errno.h>
#include <string.h>

enum {
	DER_INTEGER = 0x02,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0, /* constructed */
	DER_CONTEXT_1 = 0xa1,
	DER_KEY_ID = 0x80,
};

/* Object identifiers, as they are encoded. */
#define PKCS		 "\x2a\x86\x48\x86\xf7\x0d\x01"
#define NIST_HASH	 "\x60\x86\x48\x01\x65\x03\x04\x02"
#define ANSI_X962	 "\x2a\x86\x48\xce\x3d"
#define OID_SIGNED	 PKCS "\x07\x02"
#define OID_DATA	 PKCS "\x07\x01"
#define OID_CONTENT	 PKCS "\x09\x03" /* attribute: type of what is signed */
#define OID_DIGEST	 PKCS "\x09\x04"
#define OID_CAPABILITIES PKCS "\x09\x0f"			/* of S/MIME */
#define OID_MICROSOFT	 "\x2b\x06\x01\x04\x01\x82\x37\x02\x01" /* and a number */
#define OID_NAME	 "\x55\x04\x03"
#define OID_ORG		 "\x55\x04\x0a"

static const struct {
	const char *oid, *name;
} hashes[] = {
	{ "\x2b\x0e\x03\x02\x1a", "sha1" }, { NIST_HASH "\x01", "sha256" },
	{ NIST_HASH "\x02", "sha384" },	    { NIST_HASH "\x03", "sha512" },
	{ NIST_HASH "\x04", "sha224" },
}, encodings[] = {
	{ PKCS "\x01\x01", "pkcs1" },	      { PKCS "\x01\x05", "pkcs1" },
	{ PKCS "\x01\x0b", "pkcs1" },	      { PKCS "\x01\x0c", "pkcs1" },
	{ PKCS "\x01\x0d", "pkcs1" },	      { PKCS "\x01\x0e", "pkcs1" },
	{ ANSI_X962 "\x04\x03\x01", "x962" }, { ANSI_X962 "\x04\x03\x02", "x962" },
	{ ANSI_X962 "\x04\x03\x03", "x962" }, { ANSI_X962 "\x04\x03\x04", "x962" },
};

/* Takes the next element: its content, and with its head. False: there is none, or it is cut. */
static bool next(struct der *d, u8 *tag, struct der *body, struct der *whole)
{
	const u8 *start = d->at, *p = d->at;
	u32 n, len = 0;

	if (d->end - p < 2)
		return false;
	*tag = *p++;
	if ((*tag & 0x1f) == 0x1f) /* longer tags have no place here */
		return false;
	if (*p < 0x80) {
		len = *p++;
	} else {
		n = *p++ & 0x7f;
		if (!n || n > 4 || d->end - p < n)
			return false;
		while (n--)
			len = len << 8 | *p++;
	}
	if ((u64)(d->end - p) < len)
		return false;
	*body = (struct der){ p, p + len };
	if (whole)
		*whole = (struct der){ start, p + len };
	d->at = p + len;
	return true;
}

/* The same of an element that must be there. */
static bool want(struct der *d, u8 tag, struct der *body)
{
	u8 found;

	return next(d, &found, body, NULL) && found == tag;
}

/* Passes over the next element if it is a @tag. */
static bool option(struct der *d, u8 tag, struct der *body)
{
	struct der ahead = *d, content;
	u8 found;

	if (!next(&ahead, &found, &content, NULL) || found != tag)
		return false;
	*d = ahead;
	*body = content;
	return true;
}

static bool is_oid(struct der d, const char *oid)
{
	return der_size(d) == strlen(oid) && !memcmp(d.at, oid, der_size(d));
}

/* AlgorithmIdentifier: an identifier, and parameters that nobody needs. */
static bool algorithm(struct der *d, struct der *oid)
{
	struct der body, parameters;
	u8 tag;

	if (!want(d, DER_SEQUENCE, &body) || !want(&body, DER_OID, oid))
		return false;
	return body.at == body.end || (next(&body, &tag, &parameters, NULL) && body.at == body.end);
}

/* Name: sets of pairs of an identifier and a value. */
static bool is_name(struct der name)
{
	struct der set, pair, oid, value;
	u8 tag;

	while (name.at < name.end) {
		if (!want(&name, DER_SET, &set))
			return false;
		while (set.at < set.end)
			if (!want(&set, DER_SEQUENCE, &pair) || !want(&pair, DER_OID, &oid) ||
			    !next(&pair, &tag, &value, NULL) || pair.at != pair.end)
				return false;
	}
	return true;
}

struct der pkcs7_common_name(struct der name)
{
	struct der set, pair, oid, text, found = { 0 };
	u8 tag;

	while (want(&name, DER_SET, &set))
		while (want(&set, DER_SEQUENCE, &pair)) {
			if (!want(&pair, DER_OID, &oid) || !next(&pair, &tag, &text, NULL))
				continue;
			if (is_oid(oid, OID_NAME))
				return text;
			if (is_oid(oid, OID_ORG))
				found = text;
		}
	return found;
}

static int parse_attributes(struct pkcs7_signer *s)
{
	struct der all = s->attributes, one, oid, set, value;
	bool typed = false;

	while (all.at < all.end) {
		if (!want(&all, DER_SEQUENCE, &one) || !want(&one, DER_OID, &oid) ||
		    !want(&one, DER_SET, &set))
			return -EBADMSG;
		if (is_oid(oid, OID_DIGEST)) {
			if (s->data_digest.at || !want(&set, DER_OCTETS, &s->data_digest))
				return -EBADMSG;
		} else if (is_oid(oid, OID_CONTENT)) {
			if (!want(&set, DER_OID, &value) || !is_oid(value, OID_DATA))
				return -EBADMSG;
			typed = true;
		} else if (is_oid(oid, OID_CAPABILITIES) || is_oid(oid, OID_MICROSOFT "\x0b") ||
			   is_oid(oid, OID_MICROSOFT "\x0c")) {
			return -EKEYREJECTED; /* of Authenticode alone */
		}
	}
	return typed && s->data_digest.at ? 0 : -EBADMSG;
}

static int parse_signer(struct pkcs7_signer *s, u8 message_version, struct der d)
{
	struct der version, id, serial, oid, ignored;
	int err;

	if (!want(&d, DER_INTEGER, &version) || der_size(version) != 1)
		return -EBADMSG;
	if (*version.at != 1 && *version.at != 3)
		return -EINVAL;
	if (*version.at != message_version)
		return -EBADMSG;
	if (option(&d, DER_SEQUENCE, &id)) {
		if (!want(&id, DER_SEQUENCE, &s->issuer) || !is_name(s->issuer) ||
		    !want(&id, DER_INTEGER, &serial) || id.at != id.end)
			return -EBADMSG;
	} else if (!want(&d, DER_KEY_ID, &id)) {
		return -EBADMSG;
	}
	if (!algorithm(&d, &oid))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(hashes) && !s->hash; i++)
		s->hash = is_oid(oid, hashes[i].oid) ? hashes[i].name : NULL;
	if (!s->hash)
		return -ENOPKG;
	if (option(&d, DER_CONTEXT_0, &s->attributes)) {
		err = parse_attributes(s);
		if (err)
			return err;
	}
	if (!algorithm(&d, &oid))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(encodings) && !s->encoding; i++)
		s->encoding = is_oid(oid, encodings[i].oid) ? encodings[i].name : NULL;
	if (!s->encoding)
		return -ENOPKG;
	if (!want(&d, DER_OCTETS, &s->signature))
		return -EBADMSG;
	option(&d, DER_CONTEXT_1, &ignored); /* attributes that nobody has signed */
	return d.at == d.end ? 0 : -EBADMSG;
}

int pkcs7_parse(struct pkcs7 *p, const void *message, u32 size)
{
	struct der d = { message, (const u8 *)message + size }, body, oid, content;
	struct der version, signers, one;
	int err;

	memset(p, 0, sizeof(*p));
	if (!want(&d, DER_SEQUENCE, &body) || d.at != d.end || !want(&body, DER_OID, &oid))
		return -EBADMSG;
	if (!is_oid(oid, OID_SIGNED))
		return -EINVAL;
	if (!want(&body, DER_CONTEXT_0, &content) || !want(&content, DER_SEQUENCE, &d) ||
	    !want(&d, DER_INTEGER, &version) || der_size(version) != 1)
		return -EBADMSG;
	if (*version.at != 1 && *version.at != 3)
		return -EINVAL;
	if (!want(&d, DER_SET, &body))
		return -EBADMSG;
	while (body.at < body.end)
		if (!algorithm(&body, &oid))
			return -EBADMSG;
	if (!want(&d, DER_SEQUENCE, &body) || !want(&body, DER_OID, &oid))
		return -EBADMSG;
	if (!is_oid(oid, OID_DATA))
		return -EINVAL;
	p->has_data = body.at < body.end;
	option(&d, DER_CONTEXT_0, &body); /* certificates */
	option(&d, DER_CONTEXT_1, &body); /* what was revoked */
	if (!want(&d, DER_SET, &signers) || d.at != d.end)
		return -EBADMSG;
	while (signers.at < signers.end) {
		if (p->nr_signers == PKCS7_SIGNERS_MAX || !want(&signers, DER_SEQUENCE, &one))
			return -EBADMSG;
		err = parse_signer(&p->signers[p->nr_signers++], *version.at, one);
		if (err)
			return err;
	}
	return 0;
}
