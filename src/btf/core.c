/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE: whether a program's type is the kernel's (Linux: __bpf_core_types_are_compat()
 * and __bpf_core_types_match() of tools/lib/bpf/relo_core.c, which the kernel compiles, too).
 * For kfuncs, global functions, and relocation by the kernel (core_relo.c).
 */
#include "btf/internal.h"

size_t btf_core_name_len(const char *name)
{
	size_t n = strlen(name), i;

	/* The last "___" that neither begins nor ends the name, nor is part of a longer run. */
	for (i = n; i-- > 4;)
		if (name[i - 1] == '_' && name[i - 2] == '_' && name[i - 3] == '_' &&
		    name[i - 4] != '_' && name[i] != '_')
			return i - 3;
	return n;
}

/* Enums of both widths are one kind, as for libbpf. */
static bool kinds_match(const struct btf_type *a, const struct btf_type *b)
{
	return btf_kind(a) == btf_kind(b) || (btf_is_enum(a) && btf_is_enum(b));
}

static int compat(const struct btf *local, u32 local_id, const struct btf *target, u32 target_id,
		  int level, u32 *left)
{
	const struct btf_type *a, *b;
	u32 i;
	int res;

	/* @left ends what prototypes within prototypes would make exponential. */
	for (; level > 0 && *left; level--, --*left) {
		a = btf_type_skip_modifiers(local, local_id, &local_id);
		b = btf_type_skip_modifiers(target, target_id, &target_id);
		if (!a || !b)
			return -EINVAL;
		if (!kinds_match(a, b))
			return 0;
		switch (btf_kind(a)) {
		case BTF_KIND_UNKN:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FWD:
			return 1;
		case BTF_KIND_INT:
			return !BTF_INT_OFFSET(btf_int_data(a)) && !BTF_INT_OFFSET(btf_int_data(b));
		case BTF_KIND_PTR:
			local_id = a->type;
			target_id = b->type;
			continue;
		case BTF_KIND_ARRAY:
			local_id = btf_array_of(a)->type;
			target_id = btf_array_of(b)->type;
			continue;
		case BTF_KIND_FUNC_PROTO:
			if (btf_vlen(a) != btf_vlen(b))
				return 0;
			for (i = 0; i < btf_vlen(a); i++) {
				res = compat(local, btf_params(a)[i].type, target,
					     btf_params(b)[i].type, level - 1, left);
				if (res <= 0)
					return res;
			}
			local_id = a->type;
			target_id = b->type;
			continue;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

int btf_core_types_compat(const struct btf *local, u32 local_id, const struct btf *target,
			  u32 target_id)
{
	const struct btf_type *a = btf_type_get(local, local_id);
	const struct btf_type *b = btf_type_get(target, target_id);
	u32 left = 1U << 20;

	/* The outermost kinds must be equal before modifiers are skipped. */
	if (!a || !b)
		return -EINVAL;
	if (!kinds_match(a, b))
		return 0;
	return compat(local, local_id, target, target_id, BTF_RESOLVE_DEPTH, &left);
}

static bool names_match(const struct btf *local, u32 local_off, const struct btf *target,
			u32 target_off)
{
	const char *a = btf_str(local, local_off) ?: "", *b = btf_str(target, target_off) ?: "";
	size_t n = btf_core_name_len(a);

	return n == btf_core_name_len(b) && !memcmp(a, b, n);
}

static u32 enumerator_name(const struct btf_type *t, u32 i)
{
	return btf_kind(t) == BTF_KIND_ENUM ? btf_enums(t)[i].name_off : btf_enums64(t)[i].name_off;
}

/* Each local enumerator's name is one of the target's. */
static int enums_match(const struct btf *local, const struct btf_type *a, const struct btf *target,
		       const struct btf_type *b)
{
	u32 k;

	if (a->size != b->size)
		return 0;
	for (u32 i = 0; i < btf_vlen(a); i++) {
		for (k = 0; k < btf_vlen(b); k++)
			if (names_match(local, enumerator_name(a, i), target,
					enumerator_name(b, k)))
				break;
		if (k == btf_vlen(b))
			return 0;
	}
	return btf_vlen(a) <= btf_vlen(b);
}

/* Each local member is one of the target's, and of a type that matches. */
static int members_match(const struct btf *local, const struct btf_type *a,
			 const struct btf *target, const struct btf_type *b, bool behind_ptr,
			 int level)
{
	int res;

	if (btf_vlen(a) > btf_vlen(b))
		return 0;
	for (u32 i = 0; i < btf_vlen(a); i++) {
		const struct btf_member *m = btf_members(a) + i;

		res = 0;
		for (u32 k = 0; k < btf_vlen(b) && !res; k++) {
			const struct btf_member *n = btf_members(b) + k;

			if (names_match(local, m->name_off, target, n->name_off))
				res = btf_core_types_match(local, m->type, target, n->type,
							   behind_ptr, level - 1);
		}
		if (res <= 0)
			return res;
	}
	return 1;
}

static bool is_record(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION;
}

/* A declaration of a struct or union, and a declaration or definition of one. */
static bool fwd_matches(const struct btf_type *fwd, const struct btf_type *t)
{
	if (btf_kind(t) == BTF_KIND_FWD)
		return btf_kflag(t) == btf_kflag(fwd);
	return btf_kind(t) == (btf_kflag(fwd) ? BTF_KIND_UNION : BTF_KIND_STRUCT);
}

int btf_core_types_match(const struct btf *local, u32 local_id, const struct btf *target,
			 u32 target_id, bool behind_ptr, int level)
{
	const struct btf_type *a, *b;
	int res;

	if (level <= 0)
		return -EINVAL;
	for (u32 depth = 0; depth < BTF_RESOLVE_DEPTH; depth++) {
		a = btf_type_skip_modifiers(local, local_id, &local_id);
		b = btf_type_skip_modifiers(target, target_id, &target_id);
		if (!a || !b)
			return -EINVAL;
		if (!names_match(local, a->name_off, target, b->name_off))
			return 0;
		if (btf_kind(a) == BTF_KIND_FWD)
			return (behind_ptr || btf_kind(a) == btf_kind(b)) && fwd_matches(a, b);
		if (btf_is_enum(a))
			return btf_is_enum(b) && enums_match(local, a, target, b);
		if (is_record(a) && behind_ptr)
			return btf_kind(a) == btf_kind(b) ||
			       (btf_kind(b) == BTF_KIND_FWD && fwd_matches(b, a));
		if (btf_kind(a) != btf_kind(b))
			return 0;
		switch (btf_kind(a)) {
		case BTF_KIND_UNKN:
			return 1;
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			return members_match(local, a, target, b, behind_ptr, level);
		case BTF_KIND_INT:
			return a->size == b->size && !((BTF_INT_ENCODING(btf_int_data(a)) ^
							BTF_INT_ENCODING(btf_int_data(b))) &
						       BTF_INT_SIGNED);
		case BTF_KIND_PTR:
			behind_ptr = true;
			local_id = a->type;
			target_id = b->type;
			continue;
		case BTF_KIND_ARRAY:
			if (btf_array_of(a)->nelems != btf_array_of(b)->nelems)
				return 0;
			local_id = btf_array_of(a)->type;
			target_id = btf_array_of(b)->type;
			continue;
		case BTF_KIND_FUNC_PROTO:
			if (btf_vlen(a) != btf_vlen(b))
				return 0;
			for (u32 i = 0; i < btf_vlen(a); i++) {
				res = btf_core_types_match(local, btf_params(a)[i].type, target,
							   btf_params(b)[i].type, behind_ptr,
							   level - 1);
				if (res <= 0)
					return res;
			}
			local_id = a->type;
			target_id = b->type;
			continue;
		default:
			return 0;
		}
	}
	return -EINVAL;
}
