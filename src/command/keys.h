/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Keys for programs (Linux: bpf_lookup_user_key() and its siblings in kernel/bpf/helpers.c): the
 * keyrings of the host's kernel, as the task has them on whose behalf the program runs.
 */
#ifndef SKEP_COMMAND_KEYS_H
#define SKEP_COMMAND_KEYS_H

#include "object/system.h"

struct key_found {
	s32 serial; /* 0: one of the kernel itself */
	u64 system;
};

/* Key @serial (or KEY_SPEC_*), looked for with KEY_LOOKUP_* @flags; a kernel's keyring @id. False: there is none. */
bool key_find_user(struct bpf_run *run, s32 serial, u64 flags, struct key_found *out);
bool key_find_system(u64 id, struct key_found *out);
/* Whether message @sig signs @data by a key in keyring @k: 0 or -errno. */
int key_verify(struct bpf_run *run, const void *data, u32 data_size, const void *sig, u32 sig_size,
	       const struct key_found *k);

/* The same for programs. struct bpf_key of key @serial (or KEY_SPEC_*), looked for with KEY_LOOKUP_* @flags; 0: there is none. */
u64 key_lookup_user(struct bpf_run *run, s32 serial, u64 flags);
/* The same of the kernel's keyring @id: of what it trusts from its beginning, further, of the machine. */
u64 key_lookup_system(struct bpf_run *run, u64 id);
/* Whether message @sig signs @data by a key in the keyring that @bkey is: 0 or -errno. */
int key_verify_pkcs7(struct bpf_run *run, const void *data, u32 data_size, const void *sig,
		     u32 sig_size, u64 bkey);

#endif
