/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The log of BTF_LOAD and refusals (Linux: btf_verifier_log*() of kernel/bpf/btf.c).
 *
 * A row about one type, member or variable begins with "%s ": the place, as the
 * kernel prints it before the message. So the log's line and the refusal rendered
 * later are one text.
 */
#include <stdio.h>

#include "btf/internal.h"

struct diag_row {
	int err;
	const char *format;
};

static const struct diag_row rows[BTF_DIAG_MAX] = {
	[BTF_DIAG_NONE] = { EINVAL, "" },
#define DIAG(id, err, since, format, advice) [BTF_DIAG_##id] = { err, format },
#include "tables/diag/btf.def"
#undef DIAG
};

/* ---- the log ---- */

void btf_log_vprintf(struct btf_log *log, const char *fmt, va_list ap)
{
	va_list again;
	char *buf;
	size_t room;
	int n;

	if (!log || !log->level || log->failed)
		return;
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	room = log->len + (n > 0 ? n : 0) + 1;
	if (room > log->cap) {
		size_t cap = max(room, 2 * log->cap);

		buf = mem_realloc(log->buf, cap);
		if (!buf) {
			log->failed = true;
			return;
		}
		log->buf = buf;
		log->cap = cap;
	}
	vsnprintf(log->buf + log->len, log->cap - log->len, fmt, ap);
	log->len = room - 1;
}

void btf_log_printf(struct btf_log *log, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	btf_log_vprintf(log, fmt, ap);
	va_end(ap);
}

void btf_log_free(struct btf_log *log)
{
	mem_free(log->buf);
	log->buf = NULL;
	log->len = log->cap = 0;
	log->failed = false;
}

/* ---- refusals ---- */

int btf_vrefuse(struct btf_refusal *r, enum btf_diag id, va_list ap)
{
	const char *p = rows[id].format;

	if (!r)
		return -rows[id].err;
	memset(r, 0, offsetof(struct btf_refusal, args));
	r->id = id;
	r->err = rows[id].err;
	while (*p) {
		struct btf_refusal_arg *a;
		int longs = 0;

		if (*p++ != '%')
			continue;
		for (; *p == 'l'; p++)
			longs++;
		if (*p++ == '%' || r->nargs == BTF_REFUSAL_ARGS)
			continue;
		a = &r->args[r->nargs++];
		memset(a, 0, sizeof(*a));
		switch (p[-1]) {
		case 's':
			a->kind = 's';
			snprintf(a->text, sizeof(a->text), "%s", va_arg(ap, const char *));
			break;
		case 'd':
			a->kind = 'd';
			a->num = longs ? va_arg(ap, long long) : va_arg(ap, int);
			break;
		default: /* u x */
			a->kind = p[-1];
			a->num = (s64)(longs ? va_arg(ap, unsigned long long) :
					       va_arg(ap, unsigned int));
			break;
		}
	}
	return -r->err;
}

int btf_refuse(struct btf_refusal *r, enum btf_diag id, ...)
{
	va_list ap;
	int err;

	va_start(ap, id);
	err = btf_vrefuse(r, id, ap);
	va_end(ap);
	return err;
}

static void put(char *buf, size_t size, size_t *len, const char *fmt, ...)
{
	size_t at = min(*len, size);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at < size ? buf + at : NULL, size - at, fmt, ap);
	va_end(ap);
	if (n > 0)
		*len += n;
}

int btf_refusal_render(const struct btf_refusal *r, char *buf, size_t size)
{
	const char *p = rows[r->id].format;
	size_t len = 0;
	u32 arg = 0;

	if (size)
		buf[0] = 0;
	while (*p) {
		const struct btf_refusal_arg *a;

		if (*p != '%') {
			put(buf, size, &len, "%c", *p++);
			continue;
		}
		for (p++; *p == 'l';)
			p++;
		if (*p++ == '%') {
			put(buf, size, &len, "%%");
			continue;
		}
		if (arg >= r->nargs)
			break;
		a = &r->args[arg++];
		switch (a->kind) {
		case 's':
			put(buf, size, &len, "%s", a->text);
			break;
		case 'd':
			put(buf, size, &len, "%lld", (long long)a->num);
			break;
		case 'u':
			put(buf, size, &len, "%llu", (unsigned long long)a->num);
			break;
		default:
			put(buf, size, &len, "%llx", (unsigned long long)a->num);
			break;
		}
	}
	return (int)len;
}

/* ---- places: the kernel's line about a type, with what its kind has ---- */

static void details_func_proto(struct btf_log *l, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 n = btf_vlen(t), i;

	btf_log_printf(l, "return=%u args=(", t->type);
	if (!n)
		btf_log_printf(l, "void");
	for (i = 0; i < n; i++) {
		if (i)
			btf_log_printf(l, ", ");
		/* Only the last may be nameless and typeless: a vararg. */
		if (!p[i].type && i == n - 1)
			btf_log_printf(l, "vararg");
		else
			btf_log_printf(l, "%u %s", p[i].type, btf_name_or_anon(btf, p[i].name_off));
	}
	btf_log_printf(l, ")");
}

static void details(struct btf_log *l, const struct btf *btf, const struct btf_type *t)
{
	static const char *const encodings[] = { "(none)", "SIGNED", "CHAR", NULL, "BOOL" };
	const struct btf_array *a;
	u32 data, enc;

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		data = btf_int_data(t);
		enc = BTF_INT_ENCODING(data);
		btf_log_printf(l, "size=%u bits_offset=%u nr_bits=%u encoding=%s", t->size,
			       BTF_INT_OFFSET(data), BTF_INT_BITS(data),
			       enc < ARRAY_SIZE(encodings) && encodings[enc] ? encodings[enc] :
									       "UNKN");
		break;
	case BTF_KIND_ARRAY:
		a = btf_array_of(t);
		btf_log_printf(l, "type_id=%u index_type_id=%u nr_elems=%u", a->type, a->index_type,
			       a->nelems);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_DATASEC:
		btf_log_printf(l, "size=%u vlen=%u", t->size, btf_vlen(t));
		break;
	case BTF_KIND_FWD:
		btf_log_printf(l, "%s", btf_kflag(t) ? "union" : "struct");
		break;
	case BTF_KIND_FUNC_PROTO:
		details_func_proto(l, btf, t);
		break;
	case BTF_KIND_VAR:
		btf_log_printf(l, "type_id=%u linkage=%u", t->type, btf_linkage(t));
		break;
	case BTF_KIND_FLOAT:
		btf_log_printf(l, "size=%u", t->size);
		break;
	case BTF_KIND_DECL_TAG:
		btf_log_printf(l, "type=%u component_idx=%d", t->type, btf_component(t));
		break;
	default:
		btf_log_printf(l, "type_id=%u", t->type);
		break;
	}
}

static void place_type(struct btf_log *l, const struct btf_check *c, const struct btf_type *t,
		       bool with_details)
{
	btf_log_printf(l, "[%u] %s %s%s", c->log_id, btf_kind_name(btf_kind(t)),
		       btf_name_or_anon(c->btf, t->name_off), with_details ? " " : "");
	if (with_details)
		details(l, c->btf, t);
}

static void place_member(struct btf_log *l, const struct btf_check *c, const struct btf_type *t,
			 const struct btf_member *m)
{
	const char *name = btf_name_or_anon(c->btf, m->name_off);

	if (btf_kflag(t))
		btf_log_printf(l, "\t%s type_id=%u bitfield_size=%u bits_offset=%u", name, m->type,
			       BTF_MEMBER_BITFIELD_SIZE(m->offset),
			       BTF_MEMBER_BIT_OFFSET(m->offset));
	else
		btf_log_printf(l, "\t%s type_id=%u bits_offset=%u", name, m->type, m->offset);
}

static void place_vsi(struct btf_log *l, const struct btf_var_secinfo *v)
{
	btf_log_printf(l, "\t type_id=%u offset=%u size=%u", v->type, v->offset, v->size);
}

void log_type(struct btf_check *c, const struct btf_type *t)
{
	if (!c->log || !c->log->level)
		return;
	place_type(c->log, c, t, true);
	btf_log_printf(c->log, "\n");
}

void log_member(struct btf_check *c, const struct btf_type *t, const struct btf_member *m)
{
	if (!c->log || !c->log->level)
		return;
	place_member(c->log, c, t, m);
	btf_log_printf(c->log, "\n");
}

void log_vsi(struct btf_check *c, const struct btf_type *t, const struct btf_var_secinfo *v)
{
	if (!c->log || !c->log->level)
		return;
	place_vsi(c->log, v);
	btf_log_printf(c->log, "\n");
}

/* Logs "PLACE message" and fills the refusal; takes over @place. */
static int refuse_at(struct btf_check *c, struct btf_log *place, enum btf_diag id, va_list ap)
{
	const char *format = rows[id].format + 3; /* behind "%s " */
	struct btf_refusal r;
	const char *where = place->buf ? place->buf : "";
	struct btf_log message = { .level = 1 };
	va_list again;

	va_copy(again, ap);
	btf_log_vprintf(&message, format, again);
	va_end(again);
	btf_log_printf(c->log, "%s %s\n", where, message.buf ? message.buf : "");
	if (c->why) {
		/* The row's first argument is the place, which va_list does not hold. */
		struct btf_refusal_arg *a;

		memset(&r, 0, sizeof(r));
		r.id = id;
		r.err = rows[id].err;
		r.type_id = c->log_id;
		a = &r.args[r.nargs++];
		a->kind = 's';
		snprintf(a->text, sizeof(a->text), "%s", *where == '\t' ? where + 1 : where);
		while ((format = strchr(format, '%')) && r.nargs < BTF_REFUSAL_ARGS) {
			a = &r.args[r.nargs++];
			a->kind = *++format;
			a->num = a->kind == 'd' ? va_arg(ap, int) : (s64)va_arg(ap, unsigned int);
		}
		*c->why = r;
	}
	btf_log_free(&message);
	btf_log_free(place);
	return -rows[id].err;
}

int refuse_whole(struct btf_check *c, enum btf_diag id, ...)
{
	va_list ap;
	int err;

	va_start(ap, id);
	btf_log_vprintf(c->log, rows[id].format, ap);
	va_end(ap);
	va_start(ap, id);
	err = btf_vrefuse(c->why, id, ap);
	va_end(ap);
	if (c->why)
		c->why->type_id = c->log_id;
	return err;
}

int refuse_type(struct btf_check *c, const struct btf_type *t, enum btf_diag id, ...)
{
	struct btf_log place = { .level = 1 };
	va_list ap;
	int err;

	place_type(&place, c, t, true);
	va_start(ap, id);
	err = refuse_at(c, &place, id, ap);
	va_end(ap);
	return err;
}

int refuse_basic(struct btf_check *c, const struct btf_type *t, enum btf_diag id, ...)
{
	struct btf_log place = { .level = 1 };
	va_list ap;
	int err;

	place_type(&place, c, t, false);
	va_start(ap, id);
	err = refuse_at(c, &place, id, ap);
	va_end(ap);
	return err;
}

int refuse_member(struct btf_check *c, const struct btf_type *t, const struct btf_member *m,
		  enum btf_diag id, ...)
{
	struct btf_log place = { .level = 1 };
	va_list ap;
	int err;

	/* The first pass has just logged the struct. */
	if (!c->meta)
		log_type(c, t);
	place_member(&place, c, t, m);
	va_start(ap, id);
	err = refuse_at(c, &place, id, ap);
	va_end(ap);
	return err;
}

int refuse_vsi(struct btf_check *c, const struct btf_type *t, const struct btf_var_secinfo *v,
	       enum btf_diag id, ...)
{
	struct btf_log place = { .level = 1 };
	va_list ap;
	int err;

	if (!c->meta)
		log_type(c, t);
	place_vsi(&place, v);
	va_start(ap, id);
	err = refuse_at(c, &place, id, ap);
	va_end(ap);
	return err;
}
