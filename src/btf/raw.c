/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Types as text, a line each, or as JSON: the formats of `bpftool btf dump` (Linux:
 * tools/bpf/bpftool/btf.c). A C header is libbpf's btf_dump, called by cli/btf.c.
 */
#include <stdio.h>
#include <stdarg.h>

#include "btf/internal.h"

struct dump {
	const struct btf *btf;
	bool json;
	btf_emit_t emit;
	void *arg;
	int err;
};

static void put(struct dump *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct dump *d, const char *fmt, ...)
{
	char text[512], *big = NULL;
	va_list ap;
	int n;

	if (d->err)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if ((size_t)n >= sizeof(text)) { /* kernel BTF may have names of any length */
		big = mem_alloc((size_t)n + 1);
		if (!big) {
			d->err = -ENOMEM;
			return;
		}
		va_start(ap, fmt);
		vsnprintf(big, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	d->err = d->emit(d->arg, big ? big : text, n);
	mem_free(big);
}

/* C identifiers, section names and tags: only the characters that JSON must escape are. */
static void put_json_string(struct dump *d, const char *s)
{
	put(d, "\"");
	for (; *s && !d->err; s++) {
		if (*s == '"' || *s == '\\')
			put(d, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			put(d, "\\u%04x", *s);
		else
			put(d, "%c", *s);
	}
	put(d, "\"");
}

static const char *name_of(const struct dump *d, u32 off)
{
	return off ? btf_str(d->btf, off) ?: "(invalid)" : "(anon)";
}

/* The fields of a record: "key=value" behind a blank, or "key":value behind a comma. */
static void put_u(struct dump *d, const char *key, u32 v)
{
	put(d, d->json ? ",\"%s\":%u" : " %s=%u", key, v);
}

static void put_word(struct dump *d, const char *key, const char *v)
{
	put(d, d->json ? ",\"%s\":\"%s\"" : " %s=%s", key, v);
}

static void put_name(struct dump *d, const char *name)
{
	if (d->json) {
		put(d, "{\"name\":");
		put_json_string(d, name);
	} else {
		put(d, "\n\t'%s'", name);
	}
}

static void open_list(struct dump *d, const char *key)
{
	if (d->json)
		put(d, ",\"%s\":[", key);
}

static void close_item(struct dump *d, bool last)
{
	if (d->json)
		put(d, last ? "}" : "},");
}

static void close_list(struct dump *d)
{
	if (d->json)
		put(d, "]");
}

static const char *int_encoding(u32 data)
{
	switch (BTF_INT_ENCODING(data)) {
	case 0:
		return "(none)";
	case BTF_INT_SIGNED:
		return "SIGNED";
	case BTF_INT_CHAR:
		return "CHAR";
	case BTF_INT_BOOL:
		return "BOOL";
	default:
		return "UNKN";
	}
}

static const char *linkage_name(u32 linkage)
{
	static const char *const names[] = { "static", "global", "extern" };

	return linkage < ARRAY_SIZE(names) ? names[linkage] : "(unknown)";
}

static void put_struct(struct dump *d, const struct btf_type *t)
{
	u32 n = btf_vlen(t);

	put_u(d, "size", t->size);
	put_u(d, "vlen", n);
	open_list(d, "members");
	for (u32 i = 0; i < n; i++) {
		const struct btf_member *m = btf_members(t) + i;

		put_name(d, name_of(d, m->name_off));
		put_u(d, "type_id", m->type);
		put_u(d, "bits_offset", btf_member_bit_offset(t, m));
		if (btf_member_bits(t, m))
			put_u(d, "bitfield_size", btf_member_bits(t, m));
		close_item(d, i + 1 == n);
	}
	close_list(d);
}

static void put_enum(struct dump *d, const struct btf_type *t)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64, is_signed = btf_kflag(t);
	u32 n = btf_vlen(t);

	put_word(d, "encoding", is_signed ? "SIGNED" : "UNSIGNED");
	put_u(d, "size", t->size);
	put_u(d, "vlen", n);
	open_list(d, "values");
	for (u32 i = 0; i < n; i++) {
		const char *unit = d->json ? "" : wide ? (is_signed ? "LL" : "ULL") : "";
		u32 name;
		u64 v;

		if (wide) {
			const struct btf_enum64 *e = btf_enums64(t) + i;

			name = e->name_off;
			v = (u64)e->val_hi32 << 32 | e->val_lo32;
		} else {
			const struct btf_enum *e = btf_enums(t) + i;

			name = e->name_off;
			v = is_signed ? (u64)(s64)e->val : (u32)e->val;
		}
		put_name(d, name_of(d, name));
		if (is_signed)
			put(d, d->json ? ",\"val\":%lld%s" : " val=%lld%s", (long long)v, unit);
		else
			put(d, d->json ? ",\"val\":%llu%s" : " val=%llu%s", (unsigned long long)v,
			    unit);
		close_item(d, i + 1 == n);
	}
	close_list(d);
}

static void put_proto(struct dump *d, const struct btf_type *t)
{
	u32 n = btf_vlen(t);

	put_u(d, "ret_type_id", t->type);
	put_u(d, "vlen", n);
	open_list(d, "params");
	for (u32 i = 0; i < n; i++) {
		put_name(d, name_of(d, btf_params(t)[i].name_off));
		put_u(d, "type_id", btf_params(t)[i].type);
		close_item(d, i + 1 == n);
	}
	close_list(d);
}

static void put_datasec(struct dump *d, const struct btf_type *t)
{
	u32 n = btf_vlen(t);

	put_u(d, "size", t->size);
	put_u(d, "vlen", n);
	open_list(d, "vars");
	for (u32 i = 0; i < n; i++) {
		const struct btf_var_secinfo *v = btf_secinfos(t) + i;
		const struct btf_type *var = btf_type_get(d->btf, v->type);

		if (d->json) {
			put(d, "{\"type_id\":%u,\"offset\":%u,\"size\":%u}%s", v->type, v->offset,
			    v->size, i + 1 == n ? "" : ",");
			continue;
		}
		put(d, "\n\ttype_id=%u offset=%u size=%u", v->type, v->offset, v->size);
		if (var && (btf_kind(var) == BTF_KIND_VAR || btf_kind(var) == BTF_KIND_FUNC))
			put(d, " (%s '%s')", btf_kind_name(btf_kind(var)),
			    name_of(d, var->name_off));
	}
	close_list(d);
}

static void put_type(struct dump *d, u32 id, const struct btf_type *t)
{
	if (d->json) {
		put(d, "{\"id\":%u,\"kind\":\"%s\",\"name\":", id, btf_kind_name(btf_kind(t)));
		put_json_string(d, name_of(d, t->name_off));
	} else {
		put(d, "[%u] %s '%s'", id, btf_kind_name(btf_kind(t)), name_of(d, t->name_off));
	}
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		put_u(d, "size", t->size);
		put_u(d, "bits_offset", BTF_INT_OFFSET(btf_int_data(t)));
		put_u(d, "nr_bits", BTF_INT_BITS(btf_int_data(t)));
		put_word(d, "encoding", int_encoding(btf_int_data(t)));
		break;
	case BTF_KIND_PTR:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_TYPE_TAG:
		put_u(d, "type_id", t->type);
		break;
	case BTF_KIND_ARRAY:
		put_u(d, "type_id", btf_array_of(t)->type);
		put_u(d, "index_type_id", btf_array_of(t)->index_type);
		put_u(d, "nr_elems", btf_array_of(t)->nelems);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		put_struct(d, t);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		put_enum(d, t);
		break;
	case BTF_KIND_FWD:
		put_word(d, "fwd_kind", btf_kflag(t) ? "union" : "struct");
		break;
	case BTF_KIND_FUNC:
		put_u(d, "type_id", t->type);
		put_word(d, "linkage", linkage_name(btf_vlen(t)));
		break;
	case BTF_KIND_FUNC_PROTO:
		put_proto(d, t);
		break;
	case BTF_KIND_VAR:
		put_u(d, "type_id", t->type);
		put(d, d->json ? ",\"linkage\":\"%s\"" : ", linkage=%s",
		    linkage_name(btf_linkage(t)));
		break;
	case BTF_KIND_DATASEC:
		put_datasec(d, t);
		break;
	case BTF_KIND_FLOAT:
		put_u(d, "size", t->size);
		break;
	case BTF_KIND_DECL_TAG:
		put_u(d, "type_id", t->type);
		put(d, d->json ? ",\"component_idx\":%d" : " component_idx=%d", btf_component(t));
		break;
	}
	put(d, d->json ? "}" : "\n");
}

static int dump_types(struct dump *d, u32 from, u32 to)
{
	u32 n = btf_nr_types(d->btf), first = max(from, 1u);

	if (!to || to > n)
		to = n;
	if (d->json)
		put(d, "{\"types\":[");
	for (u32 id = first; id < to && !d->err; id++) {
		if (d->json && id > first)
			put(d, ",");
		put_type(d, id, btf_type_get(d->btf, id));
	}
	if (d->json)
		put(d, "]}\n");
	return d->err;
}

int btf_dump_raw(const struct btf *btf, u32 from, u32 to, btf_emit_t emit, void *arg)
{
	struct dump d = { .btf = btf, .emit = emit, .arg = arg };

	return dump_types(&d, from, to);
}

int btf_dump_json(const struct btf *btf, u32 from, u32 to, btf_emit_t emit, void *arg)
{
	struct dump d = { .btf = btf, .json = true, .emit = emit, .arg = arg };

	return dump_types(&d, from, to);
}
