/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of src/btf share. */
#ifndef SKEP_BTF_INTERNAL_H
#define SKEP_BTF_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "btf/btf.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* the kernel's; bpf(2) lets it out */
#endif

/* Chains of equal name hashes, each in ascending order of id; local numbers, 0 ends a chain. */
struct btf_index {
	u32 mask; /* buckets - 1 */
	u32 *head;
	u32 *next;
};

struct btf {
	const u8 *data; /* as given */
	u32 size;
	enum { BTF_DATA_BORROWED, BTF_DATA_OWNED, BTF_DATA_MAPPED } own;
	struct btf_header hdr; /* in native byte order */
	void *native;	 /* aligned copy of the types in native byte order, when .data is not */
	const u8 *types; /* hdr.type_len bytes */
	const char *strings;
	struct btf *base;
	u32 start_id, start_str; /* of its own types and strings */
	u32 n;			 /* types of its own; without base, void counts */
	VEC(u32) offs;		 /* of each in .types, by id - start_id; of void: unused */
	bool trusted, foreign;
	u32 ptr_size;
	struct btf_index *index; /* lazily built; see query.c */
};

static inline u32 bits_roundup_bytes(u32 bits)
{
	return bits / 8 + !!(bits % 8);
}

/* Bytes of the record of a type with @info; -EINVAL for an unknown kind. */
int btf_record_size(u32 info);
/* Appends a type of @btf at @off. 0, -ENOMEM or -E2BIG. */
int btf_add(struct btf *btf, u32 off);
struct btf *btf_new(struct btf *base);
int btf_open_trusted(struct btf *btf);

/* check.c, resolve.c: state of one validation */
struct btf_check {
	struct btf *btf;
	struct btf_log *log;
	struct btf_refusal *why;
	kver profile;
	u32 log_id;
	bool meta; /* the first pass over the records is running */
	u8 *visit;
	u32 *resolved_id, *resolved_size; /* by id - start_id */
	struct btf_vertex {
		const struct btf_type *t;
		u32 id;
		u32 next_member;
	} stack[BTF_RESOLVE_DEPTH];
	u32 top;
	enum { RESOLVE_TBD, RESOLVE_PTR, RESOLVE_STRUCT_OR_ARRAY } mode;
};

bool btf_param_name_ok(const struct btf_check *c, u32 off);
int btf_check_types(struct btf_check *c);   /* check.c: records one by one */
int btf_check_resolve(struct btf_check *c); /* resolve.c: what they refer to */
int btf_check_fields(struct btf_check *c);  /* field.c: structs that programs may allocate */

/* log.c: a refusal about the whole, a type (with its details or not), a member, a variable */
int refuse_whole(struct btf_check *c, enum btf_diag id, ...);
int refuse_type(struct btf_check *c, const struct btf_type *t, enum btf_diag id, ...);
int refuse_basic(struct btf_check *c, const struct btf_type *t, enum btf_diag id, ...);
int refuse_member(struct btf_check *c, const struct btf_type *t, const struct btf_member *m,
		  enum btf_diag id, ...);
int refuse_vsi(struct btf_check *c, const struct btf_type *t, const struct btf_var_secinfo *v,
	       enum btf_diag id, ...);
void log_type(struct btf_check *c, const struct btf_type *t);
void log_member(struct btf_check *c, const struct btf_type *t, const struct btf_member *m);
void log_vsi(struct btf_check *c, const struct btf_type *t, const struct btf_var_secinfo *v);
const char *btf_name_or_anon(const struct btf *btf, u32 offset);

#endif
