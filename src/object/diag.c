/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Refusals: the table of all messages, and how one is filled and rendered. The
 * kernel's format is the only description of the arguments: diag_vset() walks it
 * to know what to fetch, diag_render() walks it again to print. Linux has no such
 * thing (verbose() prints at once).
 */
#include "object/diag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct diag_row {
	const char *name;
	int err;
	u32 since;
	const char *format;
	const char *advice;
};

static const struct diag_row rows[DIAG_MAX] = {
	[DIAG_NONE] = { "NONE", 0, 0, "", "" },
#define DIAG(id, err, since, format, advice) [DIAG_##id] = { #id, err, since, format, advice },
#include "tables/diag.def"
#undef DIAG
};

static const struct diag_row *row_of(enum diag_id id)
{
	return &rows[id < DIAG_MAX ? id : DIAG_NONE];
}

const char *diag_name(enum diag_id id)
{
	return row_of(id)->name;
}

int diag_errno(enum diag_id id)
{
	return row_of(id)->err;
}

const char *diag_format(enum diag_id id)
{
	return row_of(id)->format;
}

const char *diag_advice(enum diag_id id)
{
	return row_of(id)->advice;
}

/* One conversion of a format: "%-5lld" has flags "-5", 2 longs, conversion 'd'. */
struct conversion {
	char flags[16];
	int longs;
	char conv;
};

/* Parses what follows a '%'; returns the first character behind it. */
static const char *parse_conversion(const char *p, struct conversion *c)
{
	size_t n = 0;

	c->longs = 0;
	while (*p && strchr("-+ #0123456789.", *p)) {
		if (n < sizeof(c->flags) - 1)
			c->flags[n++] = *p;
		p++;
	}
	c->flags[n] = 0;
	for (; *p == 'l' || *p == 'z' || *p == 'h'; p++)
		c->longs += *p == 'l' ? 1 : *p == 'z' ? 2 : 0;
	c->conv = *p;
	return *p ? p + 1 : p;
}

int diag_vset(struct diag *d, enum diag_id id, va_list ap)
{
	const struct diag_row *row = row_of(id);
	const char *p = row->format;
	struct conversion c;

	d->id = id;
	d->err = row->err;
	d->nargs = 0;
	while (*p) {
		struct diag_arg *a;

		if (*p++ != '%')
			continue;
		p = parse_conversion(p, &c);
		if (c.conv == '%' || !c.conv)
			continue;
		if (d->nargs == DIAG_ARGS)
			break;
		a = &d->args[d->nargs++];
		a->text[0] = 0;
		a->num = 0;
		switch (c.conv) {
		case 'd':
		case 'i':
			a->kind = 'd';
			a->num = c.longs ? va_arg(ap, long long) : va_arg(ap, int);
			break;
		case 'c':
			a->kind = 'c';
			a->num = va_arg(ap, int);
			break;
		case 's': {
			const char *s = va_arg(ap, const char *);

			a->kind = 's';
			snprintf(a->text, sizeof(a->text), "%s", s ? s : "(null)");
			break;
		}
		default: /* u x X o p */
			a->kind = c.conv == 'u' ? 'u' : 'x';
			a->num = (s64)(c.longs ? va_arg(ap, unsigned long long) :
						 va_arg(ap, unsigned int));
			break;
		}
	}
	return -row->err;
}

int diag_set(struct diag *d, enum diag_id id, ...)
{
	va_list ap;
	int err;

	va_start(ap, id);
	err = diag_vset(d, id, ap);
	va_end(ap);
	return err;
}

int diag_render(const struct diag *d, char *buf, size_t size)
{
	const char *p = row_of(d->id)->format;
	struct conversion c;
	char spec[32];
	size_t len = 0;
	u32 arg = 0;

	if (size)
		buf[0] = 0;
	while (*p) {
		char *at = len < size ? buf + len : NULL;
		size_t room = len < size ? size - len : 0;
		const struct diag_arg *a;

		if (*p != '%') {
			size_t n = strcspn(p, "%");

			if (room) {
				size_t m = n < room - 1 ? n : room - 1;

				memcpy(at, p, m);
				at[m] = 0;
			}
			len += n;
			p += n;
			continue;
		}
		p = parse_conversion(p + 1, &c);
		if (c.conv == '%') {
			len += (size_t)snprintf(at, room, "%%");
			continue;
		}
		if (arg >= d->nargs)
			break;
		a = &d->args[arg++];
		if (c.conv == 's') {
			snprintf(spec, sizeof(spec), "%%%ss", c.flags);
			len += (size_t)snprintf(at, room, spec, a->text);
		} else if (c.conv == 'c') {
			len += (size_t)snprintf(at, room, "%c", (int)a->num);
		} else {
			snprintf(spec, sizeof(spec), "%%%sll%c", c.flags,
				 c.conv == 'p' ? 'x' : c.conv);
			len += (size_t)snprintf(at, room, spec, (long long)a->num);
		}
	}
	return (int)len;
}
