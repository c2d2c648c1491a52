/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE: whether a program's type is the kernel's (Linux: __bpf_core_types_are_compat()
 * of tools/lib/bpf/relo_core.c, which the kernel compiles, too). Relocation itself is
 * libbpf's; this is for what the kernel decides: kfuncs and global functions.
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
