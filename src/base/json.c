/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/json.h"

#include <errno.h>
#include <string.h>

struct reader {
	const char *text, *p, *end;
	const char *why;
	int (*fn)(void *arg, const struct json_item *item);
	void *arg;
	struct json_item item;
};

static int bad(struct reader *r, const char *why)
{
	r->why = r->p < r->end ? why : "the text ends too early";
	return -EINVAL;
}

static char next(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
	return r->p < r->end ? *r->p : 0;
}

static void put(char *buf, size_t size, size_t *n, char c)
{
	if (*n + 1 < size)
		buf[(*n)++] = c;
	buf[*n] = 0;
}

static int read_string(struct reader *r, char *buf, size_t size)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	size_t n = 0;

	buf[0] = 0;
	for (r->p++; r->p < r->end && *r->p != '"'; r->p++) {
		char c = *r->p;

		if ((unsigned char)c < ' ')
			return bad(r, "a control character in a string");
		if (c == '\\') {
			if (++r->p >= r->end)
				break;
			c = 0;
			for (size_t i = 0; i + 1 < sizeof(escapes); i += 2)
				if (escapes[i] == *r->p)
					c = escapes[i + 1];
			if (*r->p == 'u') { /* no name that we know needs one */
				for (u32 i = 0; i < 4; i++)
					if (++r->p >= r->end ||
					    !strchr("0123456789abcdefABCDEF", *r->p))
						return bad(r, "a wrong escape in a string");
				c = '?';
			}
			if (!c)
				return bad(r, "a wrong escape in a string");
		}
		put(buf, size, &n, c);
	}
	if (r->p >= r->end)
		return bad(r, NULL);
	r->p++;
	return 0;
}

static int emit(struct reader *r, enum json_kind kind)
{
	r->item.kind = kind;
	return r->fn(r->arg, &r->item);
}

static int read_word(struct reader *r)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = { { "null", JSON_NULL }, { "false", JSON_FALSE }, { "true", JSON_TRUE } };
	size_t n = 0;

	r->item.text[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i].word);

		if ((size_t)(r->end - r->p) >= len && !memcmp(r->p, words[i].word, len)) {
			r->p += len;
			return emit(r, words[i].kind);
		}
	}
	if (*r->p != '-' && (*r->p < '0' || *r->p > '9'))
		return bad(r, "a value was expected");
	while (r->p < r->end && *r->p && strchr("+-.eE0123456789", *r->p))
		put(r->item.text, sizeof(r->item.text), &n, *r->p++);
	return emit(r, JSON_NUMBER);
}

static int read_value(struct reader *r);

/* An object's or array's members, up to @close. */
static int read_members(struct reader *r, char close)
{
	u32 depth = r->item.depth;
	int err;

	r->p++;
	if (next(r) == close) {
		r->p++;
		r->item.text[0] = 0;
		return emit(r, JSON_EMPTY);
	}
	if (depth == JSON_DEPTH)
		return bad(r, "too deeply nested");
	r->item.depth++;
	for (;;) {
		r->item.path[depth][0] = 0;
		if (close == '}') {
			if (next(r) != '"')
				return bad(r, "a name in quotes was expected");
			err = read_string(r, r->item.path[depth], sizeof(r->item.path[depth]));
			if (err)
				return err;
			if (next(r) != ':')
				return bad(r, "':' was expected");
			r->p++;
		}
		err = read_value(r);
		if (err)
			return err;
		if (next(r) == close) {
			r->p++;
			r->item.depth--;
			return 0;
		}
		if (*r->p != ',' || r->p >= r->end)
			return bad(r, "',' or the end of the list was expected");
		r->p++;
	}
}

static int read_value(struct reader *r)
{
	int err;

	switch (next(r)) {
	case '{':
		return read_members(r, '}');
	case '[':
		return read_members(r, ']');
	case '"':
		err = read_string(r, r->item.text, sizeof(r->item.text));
		return err ? err : emit(r, JSON_STRING);
	case 0:
		return bad(r, "a value was expected");
	}
	return read_word(r);
}

int json_read(const char *text, size_t len, int (*fn)(void *arg, const struct json_item *item),
	      void *arg, size_t *at, const char **why)
{
	struct reader r = { .text = text, .p = text, .end = text + len, .fn = fn, .arg = arg };
	int err = read_value(&r);

	if (!err && next(&r)) {
		r.why = "there is more behind the end";
		err = -EINVAL;
	}
	*at = (size_t)(r.p - text);
	*why = r.why;
	return err;
}
