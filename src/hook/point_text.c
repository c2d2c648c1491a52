/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Points as text: what `skep list` prints of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hook/functions.h"
#include "hook/internal.h"
#include "hook/record.h"

static const char *const tracepoint_when[TP_NAMED] = {
#define TRACEPOINT(category, name, id, args, when) [TP_##name] = when,
#include "tables/tracepoints.def"
};

static const struct {
	const char *args, *when;
} raw_tracepoints[RAW_TP_ROWS] = {
#define RAW_TRACEPOINT(name, args, when)	   [RAW_TP_##name] = { args, when },
#define TRACEPOINT(category, name, id, args, when) [RAW_TP_##name] = { args, when },
#include "tables/tracepoints.def"
};

struct line {
	char *buf;
	size_t size, len;
};

/* @count: elements; 0: an array of unknown length. */
static void add_arg(struct line *l, const char *type, const char *name, u32 count)
{
	size_t n = strlen(type);
	int r;

	r = snprintf(l->buf + l->len, l->size - l->len, "%s%s%s%s", l->len ? ", " : "", type,
		     n && type[n - 1] == '*' ? "" : " ", name);
	l->len = min(l->len + (r > 0 ? (size_t)r : 0), l->size - 1);
	if (count == 1)
		return;
	r = snprintf(l->buf + l->len, l->size - l->len, count ? "[%u]" : "[]", count);
	l->len = min(l->len + (r > 0 ? (size_t)r : 0), l->size - 1);
}

static void tracepoint_text(struct skep_system *sys, u32 row, struct line *l,
			    struct hook_point_text *out)
{
	struct record_layout r;

	record_layout(sys, row, &r);
	for (u32 i = 0; i < r.n; i++)
		if (r.fields[i].data_loc)
			add_arg(l, "char", r.fields[i].name, 0);
		else
			add_arg(l, r.fields[i].type, r.fields[i].name, r.fields[i].count);
	out->kind = "tracepoint";
	out->when = row < TP_NAMED	 ? tracepoint_when[row] :
		    (row - TP_NAMED) % 2 ? "the system call has ended" :
					   "the system call begins";
}

static void function_text(u32 row, struct line *l, struct hook_point_text *out)
{
	const struct function_info *f = function_info(row);

	if (!f)
		add_arg(l, "const struct pt_regs *", "regs", 1);
	for (u32 i = 0; f && i < f->nr_args; i++)
		add_arg(l, f->args[i].type, f->args[i].name, 1);
	out->kind = "function";
	out->ret = f ? f->ret : "long";
	out->when = "the system call";
	while (f && !f->when)
		f = function_info(++row);
	if (f)
		out->when = f->when;
}

int hook_point_text(struct skep_system *sys, u32 index, struct hook_point_text *out)
{
	static const enum hook_kind kinds[] = { HOOK_TRACEPOINT, HOOK_RAW_TP, HOOK_KPROBE };
	struct line l = { sys->hooks->what, sizeof(sys->hooks->what), 0 };

	*l.buf = 0;
	out->ret = "";
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		const struct hook_point_table *t = sys->hooks->points[kinds[k]].table;

		for (u32 row = 0; row < t->n; row++) {
			out->name = t->name(sys, row);
			if (!out->name || index--)
				continue;
			out->what = sys->hooks->what;
			if (kinds[k] == HOOK_TRACEPOINT) {
				tracepoint_text(sys, row, &l, out);
			} else if (kinds[k] == HOOK_KPROBE) {
				function_text(row, &l, out);
			} else {
				out->kind = "raw_tp";
				out->what = raw_tracepoints[row].args;
				out->when = raw_tracepoints[row].when;
			}
			return 0;
		}
	}
	return -ENOENT;
}
