/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * See keys.h. What signs is parsed here; whether a signature is a key's the host's kernel says
 * (KEYCTL_PKEY_VERIFY), since it gives the key itself to nobody (Linux: verify_pkcs7_signature() in
 * certs/system_keyring.c, pkcs7_validate_trust()).
 *
 * DIFF(key-trust): certificates in the message are not looked at: who signed must be in the
 * keyring. Which key a signer means is tried, not looked for by its name.
 */
#include "command/keys.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command/pkcs7.h"
#include "isa/tag.h"
#include "object/task.h"

#define KEY_LOOKUP_ALL	3
#define SYSTEM_KEYRINGS 3 /* of VERIFY_USE_* of include/linux/verification.h */
#define DEPTH_MAX	6 /* of keyrings in keyrings */
#define KEYS_MAX	1000

/* ---- calls ---- */

static long keyctl(struct bpf_run *run, struct task_keyctl *c)
{
	u64 a[5];
	long ret;

	if (run->task && run->task->ops->keyctl) {
		ret = run->task->ops->keyctl(run->task, c);
		if (ret != -ESRCH)
			return ret;
	}
	for (u32 i = 0; i < 5; i++)
		a[i] = c->args[i] + (c->places >> i & 1 ? (u64)(uintptr_t)c->memory : 0);
	ret = syscall(SYS_keyctl, a[0], a[1], a[2], a[3], a[4]);
	return ret < 0 ? -errno : ret;
}

static long resolve(struct bpf_run *run, s32 serial, bool create)
{
	struct task_keyctl c = { .args = { KEYCTL_GET_KEYRING_ID, (u64)(s64)serial, create } };

	return keyctl(run, &c);
}

/* ---- keys as programs have them ---- */

static u64 world(struct bpf_run *run, enum world_op op, u64 a, const char *field, const void *v,
		 u32 size)
{
	u64 args[] = { a, (u64)(uintptr_t)field, (u64)(uintptr_t)v, size };

	return run->platform->world(run, op, args);
}

static u64 made_up(struct bpf_run *run, const char *type, u64 number)
{
	u64 args[] = { (u64)(uintptr_t)type, number };
	u64 object = run->platform->world(run, WORLD_MADE_UP, args);

	return (s64)object < 0 ? 0 : object;
}

static u64 bpf_key(struct bpf_run *run, u64 number, u64 key, bool has_ref)
{
	u64 bkey = made_up(run, "bpf_key", number);

	if (bkey) {
		world(run, WORLD_PUT, bkey, "key", &key, sizeof(key));
		world(run, WORLD_PUT, bkey, "has_ref", &has_ref, sizeof(has_ref));
	}
	return bkey;
}

bool key_find_user(struct bpf_run *run, s32 serial, u64 flags, struct key_found *out)
{
	long id;

	if (flags & ~(u64)KEY_LOOKUP_ALL)
		return false;
	id = resolve(run, serial, flags & 1);
	if (id == -EACCES && serial > 0) /* what may be done with it is asked when it is done */
		id = serial;
	*out = (struct key_found){ .serial = (s32)id };
	return out->serial > 0;
}

bool key_find_system(u64 id, struct key_found *out)
{
	*out = (struct key_found){ .system = id };
	return id < SYSTEM_KEYRINGS;
}

u64 key_lookup_user(struct bpf_run *run, s32 serial, u64 flags)
{
	struct key_found k;
	u64 key;

	if (!key_find_user(run, serial, flags, &k))
		return 0;
	key = made_up(run, "key", (u32)k.serial);
	if (!key)
		return 0;
	world(run, WORLD_PUT, key, "serial", &k.serial, sizeof(k.serial));
	return bpf_key(run, (u32)k.serial, key, true);
}

u64 key_lookup_system(struct bpf_run *run, u64 id)
{
	struct key_found k;

	return key_find_system(id, &k) ? bpf_key(run, 1ULL << 32 | id, id, false) : 0;
}

/* The kernel's keyrings have no name for us but in /proc/keys, if they are shown there. */
static s32 system_keyring(u64 id)
{
	static const char *const names[SYSTEM_KEYRINGS] = {
		" .builtin_trusted_keys:", " .secondary_trusted_keys:", " .platform:"
	};
	FILE *f = fopen("/proc/keys", "re");
	unsigned int serial = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, names[id]) && sscanf(line, "%x", &serial) == 1)
			break;
		else
			serial = 0;
	if (f)
		fclose(f);
	return (s32)serial;
}

/* ---- which key has signed ---- */

struct search {
	struct bpf_run *run;
	const struct pkcs7_signer *signer;
	u8 digest[DIGEST_MAX];
	u32 digest_size;
	u32 keys;   /* that have been looked at */
	bool meant; /* one has the name of who signed */
};

/* The key's description, behind what else is said of it; its type alone is "asymmetric". */
static bool describe(struct search *s, s32 key, char *text, u32 size, const char **description)
{
	struct task_keyctl c = { .args = { KEYCTL_DESCRIBE, (u64)key, 0, size - 1 },
				 .places = 1 << 2,
				 .memory = text,
				 .size = size - 1 };
	long n = keyctl(s->run, &c);
	char *p = text;

	if (n <= 0 || n >= size)
		return false;
	text[n] = 0;
	for (u32 i = 0; i < 4 && p; i++) { /* type;uid;gid;perm;description */
		p = strchr(p, ';');
		p += !!p;
	}
	*description = p ? p : "";
	return true;
}

/* "NAME: HEX" */
static bool is_named(struct der issuer, const char *description)
{
	struct der name = pkcs7_common_name(issuer);
	u32 n = der_size(name);

	return n && !strncmp(description, (const char *)name.at, n) && description[n] == ':';
}

static bool has_signed(struct search *s, s32 key)
{
	const struct pkcs7_signer *signer = s->signer;
	struct {
		struct keyctl_pkey_params params;
		char info[64];
		u8 digest[DIGEST_MAX], signature[1024];
	} m = { .params = { .key_id = key,
			    .in_len = s->digest_size,
			    .in2_len = der_size(signer->signature) } };
	struct task_keyctl c = { .args = { KEYCTL_PKEY_VERIFY, 0, offsetof(__typeof__(m), info),
					   offsetof(__typeof__(m), digest),
					   offsetof(__typeof__(m), signature) },
				 .places = 0x1e,
				 .memory = &m,
				 .size = sizeof(m) };

	if (m.params.in2_len > sizeof(m.signature))
		return false;
	snprintf(m.info, sizeof(m.info), "enc=%s hash=%s", signer->encoding, signer->hash);
	memcpy(m.digest, s->digest, sizeof(m.digest));
	memcpy(m.signature, signer->signature.at, m.params.in2_len);
	return !keyctl(s->run, &c);
}

/* 0: a key in @keyring has signed; 1: none; -errno. */
static int search(struct search *s, s32 keyring, u32 depth)
{
	s32 keys[KEYS_MAX / 4];
	struct task_keyctl c = { .args = { KEYCTL_READ, (u64)keyring, 0, sizeof(keys) },
				 .places = 1 << 2,
				 .memory = keys,
				 .size = sizeof(keys) };
	long n = keyctl(s->run, &c);
	const char *description;
	char text[512];
	int err;

	if (n < 0)
		return depth || n == -EOPNOTSUPP /* no keyring */ ? 1 : (int)n;
	n = min_t(long, n, sizeof(keys)) / (long)sizeof(keys[0]);
	for (long i = 0; i < n && s->keys++ < KEYS_MAX; i++) {
		if (!describe(s, keys[i], text, sizeof(text), &description))
			continue;
		if (!strncmp(text, "keyring;", 8) && depth < DEPTH_MAX) {
			err = search(s, keys[i], depth + 1);
			if (err <= 0)
				return err;
		}
		if (strncmp(text, "asymmetric;", 11))
			continue;
		if (has_signed(s, keys[i]))
			return 0;
		s->meant |= is_named(s->signer->issuer, description);
	}
	return 1;
}

/* Of the data, or of the attributes that say what that is: 0, -ENOPKG or -EKEYREJECTED. */
static int digest(struct search *s, const void *data, u32 size)
{
	const struct pkcs7_signer *signer = s->signer;
	u8 *set, head[5] = { 0x31 };
	u32 n = der_size(signer->attributes), k = 1;

	s->digest_size = digest_by_name(signer->hash, s->digest, data, size);
	if (!s->digest_size)
		return -ENOPKG;
	if (!signer->attributes.at)
		return 0;
	if (der_size(signer->data_digest) != s->digest_size ||
	    memcmp(signer->data_digest.at, s->digest, s->digest_size))
		return -EKEYREJECTED;
	/* They are signed as a SET of their own. */
	if (n >= 0x10000)
		return -EBADMSG;
	if (n >= 0x100)
		head[k++] = 0x82, head[k++] = (u8)(n >> 8);
	else if (n >= 0x80)
		head[k++] = 0x81;
	head[k++] = (u8)n;
	set = mem_alloc(k + n);
	if (!set)
		return -ENOMEM;
	memcpy(set, head, k);
	memcpy(set + k, signer->attributes.at, n);
	digest_by_name(signer->hash, s->digest, set, k + n);
	mem_free(set);
	return 0;
}

static int verify(struct bpf_run *run, const struct pkcs7 *p, const void *data, u32 size,
		  s32 keyring)
{
	int err, ret = -ENOKEY;

	for (u32 i = 0; i < p->nr_signers; i++) {
		struct search s = { .run = run, .signer = &p->signers[i] };

		err = digest(&s, data, size);
		if (err)
			return err;
		err = keyring ? search(&s, keyring, 0) : 1;
		if (err <= 0)
			return err;
		if (s.meant)
			ret = -EKEYREJECTED;
	}
	return ret;
}

int key_verify(struct bpf_run *run, const void *data, u32 data_size, const void *sig, u32 sig_size,
	       const struct key_found *k)
{
	s32 keyring = k->serial;
	struct pkcs7 p;
	long err;

	if (keyring) {
		err = resolve(run, keyring, false);
		if (err < 0 && err != -EACCES)
			return (int)err;
	} else {
		keyring = system_keyring(k->system);
		if (!keyring && k->system == 1)
			keyring = system_keyring(0);
	}
	err = pkcs7_parse(&p, sig, sig_size);
	if (err)
		return (int)err;
	if (p.has_data)
		return -EBADMSG;
	return verify(run, &p, data, data_size, keyring);
}

int key_verify_pkcs7(struct bpf_run *run, const void *data, u32 data_size, const void *sig,
		     u32 sig_size, u64 bkey)
{
	u64 key = world(run, WORLD_FIELD, bkey, "key", NULL, 0);
	struct key_found k = { 0 };

	if (world(run, WORLD_FIELD, bkey, "has_ref", NULL, 0))
		k.serial = (s32)world(run, WORLD_FIELD, key, "serial", NULL, 0);
	else
		k.system = key;
	return key_verify(run, data, data_size, sig, sig_size, &k);
}
