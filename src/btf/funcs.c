/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Split BTF of functions that a kernel's BTF lacks, from their declarations as C text (Linux: a
 * module's BTF, which pahole makes). Pointers and qualifiers are types of its own; what they
 * lead to is looked for in the base, and forward-declared where that has no such struct.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "btf/btf.h"

#define NAME_MAX_LEN 64

struct maker {
	struct btf *base;
	VEC(u8) types;
	VEC(char) strings;
	u32 next_id, base_strings;
	int err;
};

static void put(struct maker *m, const void *data, size_t size)
{
	for (size_t i = 0; i < size && !m->err; i++)
		m->err = vec_push(&m->types, ((const u8 *)data)[i]);
}

static u32 string(struct maker *m, const char *s)
{
	u32 off = (u32)m->strings.n;

	for (size_t i = 0; i <= strlen(s) && !m->err; i++)
		m->err = vec_push(&m->strings, s[i]);
	return m->base_strings + off;
}

/* A type without data behind it; its id. */
static u32 type(struct maker *m, u32 kind, u32 name_off, u32 vlen, u32 refers_to)
{
	struct btf_type t = { .name_off = name_off, .info = kind << 24 | vlen, .type = refers_to };

	put(m, &t, sizeof(t));
	return m->next_id++;
}

/* C's names of integers as compilers write them into types. */
static const char *canonical(const char *name)
{
	static const char *const names[][2] = {
		{ "long", "long int" },
		{ "unsigned long", "long unsigned int" },
		{ "unsigned int", "unsigned int" },
		{ "unsigned", "unsigned int" },
		{ "unsigned short", "short unsigned int" },
		{ "short", "short int" },
		{ "long long", "long long int" },
		{ "unsigned long long", "long long unsigned int" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i][0]))
			return names[i][1];
	return name;
}

/* "struct file", "umode_t", "unsigned long": its id, 0 for void, or -ENOENT. */
static s32 named(struct maker *m, const char *name)
{
	static const u32 plain[] = { BTF_KIND_TYPEDEF, BTF_KIND_INT };
	static const struct {
		const char *word;
		u32 kind;
	} tagged[] = { { "struct ", BTF_KIND_STRUCT },
		       { "union ", BTF_KIND_UNION },
		       { "enum ", BTF_KIND_ENUM } };
	s32 id;

	if (!strcmp(name, "void"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(tagged); i++) {
		size_t n = strlen(tagged[i].word);

		if (strncmp(name, tagged[i].word, n))
			continue;
		id = btf_find_by_name_kind(m->base, name + n, tagged[i].kind);
		if (id > 0)
			return id;
		if (tagged[i].kind == BTF_KIND_ENUM)
			return -ENOENT;
		return (s32)type(m, BTF_KIND_FWD, string(m, name + n),
				 tagged[i].kind == BTF_KIND_UNION ? 1U << 31 : 0, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		id = btf_find_by_name_kind(m->base, canonical(name), plain[i]);
		if (id > 0)
			return id;
	}
	return -ENOENT;
}

static s32 resolve(struct maker *m, const char *text);

/* "int (*)(void *, u32)": a pointer to a function; @open is where its result's type ends. */
static s32 callback(struct maker *m, const char *text, const char *open)
{
	struct btf_param params[BTF_FUNC_DECL_ARGS];
	char part[2 * NAME_MAX_LEN];
	const char *at = open + strlen("(*)(");
	u32 n = 0;
	s32 id;

	if (open == text || (size_t)(open - text) >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, (size_t)(open - text));
	part[open - text - 1] = 0; /* without the space */
	id = resolve(m, part);
	params[0].type = (u32)id;
	for (u32 ret = (u32)id; id >= 0 && *at != ')'; n++) {
		size_t len = strcspn(at, ",)");

		if (!at[len] || len >= sizeof(part) || n == BTF_FUNC_DECL_ARGS)
			return -EINVAL;
		memcpy(part, at, len);
		part[len] = 0;
		id = resolve(m, part);
		params[n] = (struct btf_param){ .name_off = 0, .type = (u32)id };
		at += len;
		at += strspn(at, ", ");
		if (*at == ')' && id >= 0) {
			u32 proto = type(m, BTF_KIND_FUNC_PROTO, 0, n + 1, ret);

			put(m, params, (n + 1) * sizeof(params[0]));
			return (s32)type(m, BTF_KIND_PTR, 0, 0, proto);
		}
	}
	return id < 0 ? id : -EINVAL;
}

/* "const char *const *": qualifiers, a name, then pointers with theirs. */
static s32 resolve(struct maker *m, const char *text)
{
	const char *function = strstr(text, "(*)(");
	char name[NAME_MAX_LEN];
	bool is_const = false;
	size_t n;
	s32 id;

	if (function)
		return callback(m, text, function);
	if (!strncmp(text, "const ", 6)) {
		is_const = true;
		text += 6;
	}
	n = strcspn(text, "*");
	while (n && text[n - 1] == ' ')
		n--;
	if (!n || n >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, n);
	name[n] = 0;
	id = named(m, name);
	if (id < 0)
		return id;
	if (is_const)
		id = (s32)type(m, BTF_KIND_CONST, 0, 0, (u32)id);
	for (text += n; *text; text++) {
		if (*text == '*') {
			id = (s32)type(m, BTF_KIND_PTR, 0, 0, (u32)id);
		} else if (!strncmp(text, "const", 5)) {
			id = (s32)type(m, BTF_KIND_CONST, 0, 0, (u32)id);
			text += 4;
		} else if (*text != ' ') {
			return -EINVAL;
		}
	}
	return id;
}

/* One function; left out when a type is unknown, so that nothing wrong is said. */
static void function(struct maker *m, const struct btf_func_decl *d)
{
	size_t types = m->types.n, strings = m->strings.n;
	struct btf_param params[BTF_FUNC_DECL_ARGS];
	u32 next_id = m->next_id, proto;
	s32 ret = resolve(m, d->ret), id = ret;

	for (u32 i = 0; i < d->nr_args && id >= 0; i++) {
		id = resolve(m, d->args[i].type);
		params[i].name_off = string(m, d->args[i].name);
		params[i].type = (u32)id;
	}
	if (id < 0) {
		m->types.n = types;
		m->strings.n = strings;
		m->next_id = next_id;
		return;
	}
	proto = type(m, BTF_KIND_FUNC_PROTO, 0, d->nr_args, (u32)ret);
	put(m, params, d->nr_args * sizeof(params[0]));
	type(m, BTF_KIND_FUNC, string(m, d->name), 0, proto);
}

int btf_make_funcs(struct btf *base, const struct btf_func_decl *decls, u32 n, struct btf **out)
{
	struct btf_parse_opts opts = { .base = base, .trusted = true };
	struct maker m = { .base = base, .next_id = btf_nr_types(base) };
	struct btf_header hdr;
	const void *raw;
	u8 *blob;
	u32 size;

	*out = NULL;
	raw = btf_raw_data(base, &size);
	memcpy(&hdr, raw, sizeof(hdr));
	m.base_strings = hdr.str_len;
	string(&m, "");
	for (u32 i = 0; i < n; i++)
		function(&m, &decls[i]);
	hdr = (struct btf_header){ .magic = BTF_MAGIC,
				   .version = BTF_VERSION,
				   .hdr_len = sizeof(hdr),
				   .type_len = (u32)m.types.n,
				   .str_off = (u32)m.types.n,
				   .str_len = (u32)m.strings.n };
	size = (u32)(sizeof(hdr) + m.types.n + m.strings.n);
	blob = m.err ? NULL : mem_alloc(size);
	if (blob) {
		memcpy(blob, &hdr, sizeof(hdr));
		memcpy(blob + sizeof(hdr), m.types.v, m.types.n);
		memcpy(blob + sizeof(hdr) + m.types.n, m.strings.v, m.strings.n);
		m.err = btf_parse(blob, size, &opts, out, NULL);
	} else {
		m.err = -ENOMEM;
	}
	mem_free(blob);
	vec_free(&m.types);
	vec_free(&m.strings);
	return m.err;
}
