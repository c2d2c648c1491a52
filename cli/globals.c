/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* --set NAME=VALUE: global variables of an object get a value by their type before it is loaded. */
#include "attachments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

struct variable {
	const struct btf *btf;
	const struct btf_type *type; /* resolved */
	unsigned char *data;	     /* in libbpf's image of its section */
	size_t size;
};

static bool find_in(const struct btf *btf, struct bpf_map *map, const char *name,
		    struct variable *out)
{
	const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
	const struct btf_var_secinfo *vi;
	unsigned char *image;
	size_t size;

	image = (unsigned char *)bpf_map__initial_value(map, &size);
	if (!image || !sec || !btf_is_datasec(sec))
		return false;
	vi = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec); i++, vi++) {
		const struct btf_type *var = btf__type_by_id(btf, vi->type);
		int id;

		if (!btf_is_var(var) || strcmp(btf__name_by_offset(btf, var->name_off), name) ||
		    vi->offset + (size_t)vi->size > size)
			continue;
		id = btf__resolve_type(btf, var->type);
		if (id < 0)
			return false;
		*out = (struct variable){ btf, btf__type_by_id(btf, (__u32)id), image + vi->offset,
					  vi->size };
		return true;
	}
	return false;
}

static bool parse_bool(const char *text, long long *out)
{
	if (!strcmp(text, "true") || !strcmp(text, "yes"))
		*out = 1;
	else if (!strcmp(text, "false") || !strcmp(text, "no"))
		*out = 0;
	else
		return false;
	return true;
}

/* An integer of @size bytes. What does not fit is refused. */
static const char *parse_int(const char *text, size_t size, bool is_signed, long long *out)
{
	unsigned bits = (unsigned)size * 8;
	char *end;

	errno = 0;
	if (*text == '-')
		*out = strtoll(text, &end, 0);
	else
		*out = (long long)strtoull(text, &end, 0);
	if (end == text || *end)
		return "not a number";
	if (*text == '-' && !is_signed)
		return "the variable is unsigned";
	if (errno == ERANGE ||
	    (is_signed && *text != '-' && (unsigned long long)*out >> (bits - 1)) ||
	    (bits < 64 &&
	     (is_signed ? *out < -(1LL << (bits - 1)) : (unsigned long long)*out >> bits)))
		return "does not fit in the variable";
	return NULL;
}

static const char *set_enum(const struct variable *v, const char *text, long long *out)
{
	for (int i = 0; i < btf_vlen(v->type); i++) {
		const struct btf_enum *e = btf_enum(v->type) + i;

		if (btf_is_enum(v->type) &&
		    !strcmp(btf__name_by_offset(v->btf, e->name_off), text)) {
			*out = e->val;
			return NULL;
		}
	}
	return parse_int(text, v->size, btf_kflag(v->type), out);
}

static const char *set_value(const struct variable *v, const char *text)
{
	const struct btf_type *elem;
	const char *problem = NULL;
	long long n = 0;
	int id;

	switch (btf_kind(v->type)) {
	case BTF_KIND_INT:
		if (v->size > 8)
			return "integers of 16 bytes cannot be set";
		if (!(btf_int_encoding(v->type) & BTF_INT_BOOL && parse_bool(text, &n)))
			problem = parse_int(text, v->size,
					    btf_int_encoding(v->type) & BTF_INT_SIGNED, &n);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		problem = set_enum(v, text, &n);
		break;
	case BTF_KIND_ARRAY:
		id = btf__resolve_type(v->btf, btf_array(v->type)->type);
		elem = id > 0 ? btf__type_by_id(v->btf, (__u32)id) : NULL;
		if (!elem || !btf_is_int(elem) || elem->size != 1)
			return "of arrays, only those of characters can be set";
		if (strlen(text) >= v->size)
			return "the text and its NUL do not fit in the variable";
		memset(v->data, 0, v->size);
		memcpy(v->data, text, strlen(text));
		return NULL;
	default:
		return "only numbers, enumerators and texts can be set";
	}
	if (!problem)
		memcpy(v->data, &n, v->size);
	return problem;
}

int global_set(const struct cli *cli, struct bpf_object *obj, const char *assignment, bool *met)
{
	const char *equals = strchr(assignment, '='), *problem;
	const struct btf *btf = bpf_object__btf(obj);
	char *name = strndup(assignment, (size_t)(equals - assignment));
	struct bpf_map *map;
	struct variable v;
	int status = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!btf || !name || !bpf_map__is_internal(map) || !find_in(btf, map, name, &v))
			continue;
		*met = true;
		problem = set_value(&v, equals + 1);
		if (problem)
			status = cli_error(cli, "--set %s: %s", assignment, problem);
		break;
	}
	free(name);
	return status;
}
