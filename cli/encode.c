/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Text into bytes, by BTF; see encode.h. */
#include "encode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

struct encoder {
	const struct btf *btf;
	char *why;
	size_t why_size;
};

static int wrong(struct encoder *e, const char *what, const char *name)
{
	snprintf(e->why, e->why_size, "%s%s%s", what, name ? " " : "", name ? name : "");
	return -EINVAL;
}

static int put_number(struct encoder *e, const char *text, void *out, size_t size)
{
	unsigned long long v;
	long long s;
	char *end;

	errno = 0;
	s = strtoll(text, &end, 0);
	v = (unsigned long long)s;
	if (*text != '-') {
		errno = 0;
		v = strtoull(text, &end, 0);
	}
	if (!*text || *end || errno)
		return wrong(e, "this is no number:", text);
	if (size < 8 && (*text == '-' ? s < -(1LL << (size * 8 - 1)) : v >> (size * 8)))
		return wrong(e, "this is too large for its type:", text);
	memcpy(out, &v,
	       size < 8 ? size : 8); /* both byte orders that we run on begin with the low one */
	return 0;
}

/* An __int128: decimal, or hexadecimal behind 0x. */
static int put_wide(struct encoder *e, const char *text, void *out)
{
	bool negative = *text == '-', hex;
	const char *p = text + negative;
	unsigned __int128 v = 0;

	hex = p[0] == '0' && (p[1] | 32) == 'x';
	p += hex ? 2 : 0;
	if (!*p)
		return wrong(e, "this is no number:", text);
	for (; *p; p++) {
		const char *digits = "0123456789abcdef", *d = strchr(digits, *p | 32);
		unsigned digit = d ? (unsigned)(d - digits) : 16;

		if (digit >= (hex ? 16 : 10))
			return wrong(e, "this is no number:", text);
		if (v > ((unsigned __int128)-1 - digit) / (hex ? 16 : 10))
			return wrong(e, "this is too large for its type:", text);
		v = v * (hex ? 16 : 10) + digit;
	}
	if (negative)
		v = -v;
	memcpy(out, &v, sizeof(v));
	return 0;
}

static int put_float(struct encoder *e, const cJSON *v, void *out, size_t size)
{
	double wide = v->valuedouble;
	float narrow;
	char *end;

	if (cJSON_IsString(v)) {
		wide = strtod(v->valuestring, &end);
		if (!*v->valuestring || *end)
			return wrong(e, "this is no number:", v->valuestring);
	} else if (!cJSON_IsNumber(v)) {
		return wrong(e, "a number is needed", NULL);
	}
	narrow = (float)wide;
	if (size != sizeof(wide) && size != sizeof(narrow))
		return wrong(e, "a number of this size is written hex:…", NULL);
	memcpy(out, size == sizeof(wide) ? (void *)&wide : (void *)&narrow, size);
	return 0;
}

static int put_bits(struct encoder *e, const char *text, unsigned char *out, unsigned bit,
		    unsigned bits)
{
	unsigned long long v;
	int err = put_number(e, text, &v, sizeof(v));

	if (!err && bits < 64 && v >> bits && *text != '-')
		return wrong(e, "this is too large for its bits:", text);
	for (unsigned i = 0; !err && i < bits; i++) {
		unsigned at = bit + i;

		out[at / 8] =
			(unsigned char)((out[at / 8] & ~(1U << at % 8)) | ((v >> i & 1) << at % 8));
	}
	return err;
}

/* The text of a scalar: cJSON keeps numbers as doubles, so large ones are written as strings. */
static int scalar_text(struct encoder *e, const cJSON *v, char *buf, size_t size)
{
	if (cJSON_IsString(v))
		snprintf(buf, size, "%s", v->valuestring);
	else if (cJSON_IsBool(v))
		snprintf(buf, size, "%d", cJSON_IsTrue(v));
	else if (cJSON_IsNumber(v) &&
		 (v->valuedouble >= 9007199254740992.0 || v->valuedouble <= -9007199254740992.0))
		return wrong(e, "numbers beyond 2^53 lose digits in JSON: put it in quotes", NULL);
	else if (cJSON_IsNumber(v) && v->valuedouble == (double)(long long)v->valuedouble)
		snprintf(buf, size, "%lld", (long long)v->valuedouble);
	else
		return wrong(e, "a number is needed", NULL);
	return 0;
}

/* Says what names there are, as many as fit. */
static int wrong_name(struct encoder *e, const struct btf_type *t, const char *text)
{
	int n = snprintf(e->why, e->why_size, "%s is neither a number nor one of", text);

	for (int i = 0; i < btf_vlen(t) && n > 0 && (size_t)n < e->why_size; i++) {
		const char *name =
			btf__name_by_offset(e->btf, btf_is_enum(t) ? btf_enum(t)[i].name_off :
								     btf_enum64(t)[i].name_off);

		if ((size_t)n + strlen(name) + 8 > e->why_size) {
			snprintf(e->why + n, e->why_size - (size_t)n, " …");
			break;
		}
		n += snprintf(e->why + n, e->why_size - (size_t)n, "%s %s", i ? "," : "", name);
	}
	return -EINVAL;
}

static int put_enum(struct encoder *e, const struct btf_type *t, const char *text, void *out)
{
	for (int i = 0; i < btf_vlen(t); i++) {
		long long v = btf_is_enum(t) ? btf_enum(t)[i].val :
					       (long long)btf_enum64_value(&btf_enum64(t)[i]);
		unsigned name =
			btf_is_enum(t) ? btf_enum(t)[i].name_off : btf_enum64(t)[i].name_off;

		if (!strcmp(btf__name_by_offset(e->btf, name), text)) {
			memcpy(out, &v, t->size < 8 ? t->size : 8);
			return 0;
		}
	}
	if (strchr("-0123456789", *text))
		return put_number(e, text, out, t->size);
	return wrong_name(e, t, text);
}

static int put(struct encoder *e, int id, const cJSON *v, unsigned char *out, size_t size);

/* Member @c of @t, or of an unnamed structure or union in it: -ENOENT: there is none. */
static int put_member(struct encoder *e, const struct btf_type *t, const cJSON *c,
		      unsigned char *out, size_t size)
{
	int err = -ENOENT;

	for (int i = 0; i < btf_vlen(t) && err == -ENOENT; i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = btf__name_by_offset(e->btf, m->name_off);
		unsigned bit = btf_member_bit_offset(t, (unsigned)i);
		unsigned bits = btf_member_bitfield_size(t, (unsigned)i);
		char text[64];

		if (!*name && bit / 8 <= size) {
			int id = btf__resolve_type(e->btf, m->type);
			const struct btf_type *in =
				id > 0 ? btf__type_by_id(e->btf, (unsigned)id) : NULL;

			if (in && btf_is_composite(in))
				err = put_member(e, in, c, out + bit / 8, size - bit / 8);
			continue;
		}
		if (strcmp(name, c->string))
			continue;
		if (bits) {
			err = scalar_text(e, c, text, sizeof(text));
			if (!err)
				err = put_bits(e, text, out, bit, bits);
		} else {
			err = put(e, (int)m->type, c, out + bit / 8, size - bit / 8);
		}
	}
	return err;
}

static int put_struct(struct encoder *e, const struct btf_type *t, const cJSON *v,
		      unsigned char *out, size_t size)
{
	if (!cJSON_IsObject(v))
		return wrong(e, "an object {\"member\": value} is needed", NULL);
	for (const cJSON *c = v->child; c; c = c->next) {
		int err = put_member(e, t, c, out, size);

		if (err == -ENOENT)
			return wrong(e, "no such member:", c->string);
		if (err)
			return err;
	}
	return 0;
}

static int put_array(struct encoder *e, const struct btf_type *t, const cJSON *v,
		     unsigned char *out)
{
	const struct btf_array *a = btf_array(t);
	long long each = btf__resolve_size(e->btf, a->type);
	unsigned n = 0;
	int err = 0;

	if (cJSON_IsString(v) && each == 1) {
		if (strlen(v->valuestring) > a->nelems)
			return wrong(e, "this is too long for its array:", v->valuestring);
		memcpy(out, v->valuestring, strlen(v->valuestring));
		return 0;
	}
	if (!cJSON_IsArray(v) || each < 0)
		return wrong(e, "an array [value, …] is needed", NULL);
	for (const cJSON *c = v->child; c && !err; c = c->next, n++)
		err = n < a->nelems ?
			      put(e, (int)a->type, c, out + n * (size_t)each, (size_t)each) :
			      wrong(e, "more elements than the array has", NULL);
	return err;
}

/* The variables of a section; those that are not named stay as they are in @out. */
static int put_section(struct encoder *e, const struct btf_type *t, const cJSON *v,
		       unsigned char *out, size_t size)
{
	if (!cJSON_IsObject(v))
		return wrong(e, "an object {\"variable\": value} is needed", NULL);
	for (const cJSON *c = v->child; c; c = c->next) {
		const struct btf_var_secinfo *s = btf_var_secinfos(t);
		int err = -ENOENT;

		for (int i = 0; i < btf_vlen(t) && err == -ENOENT; i++, s++) {
			const struct btf_type *var = btf__type_by_id(e->btf, s->type);

			if (!var || strcmp(btf__name_by_offset(e->btf, var->name_off), c->string) ||
			    s->offset > size || s->size > size - s->offset)
				continue;
			memset(out + s->offset, 0, s->size);
			err = put(e, (int)var->type, c, out + s->offset, s->size);
		}
		if (err == -ENOENT)
			return wrong(e, "no such variable:", c->string);
		if (err)
			return err;
	}
	return 0;
}

static int put(struct encoder *e, int id, const cJSON *v, unsigned char *out, size_t size)
{
	const struct btf_type *t;
	char text[64];
	long long need;
	int err;

	t = btf__type_by_id(e->btf, (unsigned)id);
	if (t && btf_is_datasec(t))
		return put_section(e, t, v, out, size);
	id = btf__resolve_type(e->btf, (unsigned)id);
	t = id < 0 ? NULL : btf__type_by_id(e->btf, (unsigned)id);
	need = t ? btf__resolve_size(e->btf, (unsigned)id) : -1;
	if (need < 0 || (size_t)need > size)
		return wrong(e, "the type does not fit", NULL);
	if (btf_is_composite(t))
		return put_struct(e, t, v, out, size);
	if (btf_is_array(t))
		return put_array(e, t, v, out);
	if (btf_is_float(t))
		return put_float(e, v, out, (size_t)need);
	err = scalar_text(e, v, text, sizeof(text));
	if (err)
		return err;
	if (need == 16)
		return put_wide(e, text, out);
	if (btf_is_enum(t) || btf_is_enum64(t))
		return put_enum(e, t, text, out);
	if (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_BOOL) {
		*out = !strcmp(text, "true") || !strcmp(text, "1");
		return *out || !strcmp(text, "false") || !strcmp(text, "0") ?
			       0 :
			       wrong(e, "this is neither true nor false:", text);
	}
	if (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_CHAR && text[0] && !text[1] &&
	    (text[0] < '0' || text[0] > '9')) {
		*out = (unsigned char)text[0];
		return 0;
	}
	return put_number(e, text, out, (size_t)need);
}

static int put_hex(struct encoder *e, const char *text, unsigned char *out, size_t size)
{
	size_t n = 0;

	for (; *text; text += 2) {
		unsigned byte;

		while (*text == ' ' || *text == ':')
			text++;
		if (!*text)
			break;
		if (n == size || sscanf(text, "%2x", &byte) != 1 || !text[1])
			return wrong(e,
				     n == size ? "too many bytes" : "bytes are two hex digits each",
				     NULL);
		out[n++] = (unsigned char)byte;
	}
	return n == size ? 0 : wrong(e, "too few bytes", NULL);
}

static bool is_section(const struct btf *btf, int id)
{
	const struct btf_type *t = btf && id > 0 ? btf__type_by_id(btf, (unsigned)id) : NULL;

	return t && btf_is_datasec(t);
}

int encode_value(const struct btf *btf, int id, const char *text, void *out, size_t size, char *why,
		 size_t why_size)
{
	struct encoder e = { btf, why, why_size };
	cJSON *v;
	int err;

	if (!is_section(btf, id))
		memset(out, 0, size);
	if (!strncmp(text, "hex:", 4))
		return put_hex(&e, text + 4, out, size);
	if (!btf || id <= 0) {
		if (size != 1 && size != 2 && size != 4 && size != 8)
			return wrong(&e, "the map has no types: write hex:…", NULL);
		if (!strchr("-0123456789", *text))
			return wrong(&e, "the map has no types: write a number, or hex:…", NULL);
		return put_number(&e, text, out, size);
	}
	/* Words and large numbers need no quotes. */
	v = *text == '{' || *text == '[' || *text == '"' ? cJSON_Parse(text) :
							   cJSON_CreateString(text);
	err = v ? put(&e, id, v, out, size) : wrong(&e, "this is not JSON:", text);
	cJSON_Delete(v);
	return err;
}
