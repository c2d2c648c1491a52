/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Paths into types, as CO-RE relocations have them; see core_path.c. */
#ifndef SKEP_BTF_CORE_PATH_H
#define SKEP_BTF_CORE_PATH_H

#include "btf/core_relo.h"
#include "btf/internal.h"

#define PATH_MAX_LEN 64 /* Linux: BPF_CORE_SPEC_MAX_LEN */

/* A path in a type of the program (record) or of the kernel. */
struct core_path {
	const struct btf *btf;
	u32 root, bits; /* where it leads to, from the start of the root */
	u32 nr_raw, raw[PATH_MAX_LEN];
	u32 n;
	struct core_step {
		u32 type_id, idx;
		const char *name; /* of the member; NULL: an element */
	} steps[PATH_MAX_LEN];
};

/* A record being applied. */
struct core_relo {
	struct btf_core *core;
	const struct btf *local;
	const struct bpf_core_relo *record;
	u32 index;
	struct core_path from, to, first;
	char text[256];
};

static inline bool core_about_field(u32 kind)
{
	return kind <= BPF_CORE_FIELD_RSHIFT_U64;
}

static inline bool core_about_type(u32 kind)
{
	return (kind >= BPF_CORE_TYPE_ID_LOCAL && kind <= BPF_CORE_TYPE_SIZE) ||
	       kind == BPF_CORE_TYPE_MATCHES;
}

static inline bool core_about_enumerator(u32 kind)
{
	return kind == BPF_CORE_ENUMVAL_EXISTS || kind == BPF_CORE_ENUMVAL_VALUE;
}

u64 core_enumerator_value(const struct btf_type *t, u32 i);
/* Whether they are the same up to "___". */
bool core_same_name(const char *a, const char *b);
/* @r's record as a path of the program's own types in @p, whose root is set. 0 or -errno. */
int core_path_parse(const struct core_relo *r, struct core_path *p);
/* The same path from type @id of @btf on, in r->to: 1, 0: it has none, or -errno. */
int core_path_match(struct core_relo *r, const struct btf *btf, u32 id);
/* For the log; in r->text. */
const char *core_path_text(struct core_relo *r, const struct core_path *p);

#endif
