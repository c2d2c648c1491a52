/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Layouts of records from tables/tracepoints.def and tables/syscalls.def. Releases differ:
 * where a tracepoint has several layouts, the kernel's BTF decides (its struct
 * trace_event_raw_NAME), because programs were compiled against it.
 */
#include "hook/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "hook/internal.h"

#define SYSCALL_IDS 1000 /* id of sys_exit of call 0; two for each number */

struct field_row {
	const char *type, *name;
	u8 size; /* of an element; 0: a string behind the fields */
	u8 is_signed;
	u8 count;
};

struct layout_row {
	u32 tp; /* enum tracepoint_row */
	kver since;
	const char *class; /* of struct trace_event_raw_* */
	const char *print;
	struct field_row fields[RECORD_FIELDS];
};

#define F(type, name, size, is_signed, count)                                                      \
	{                                                                                          \
		type, name, size, is_signed, count                                                 \
	}
#define D(name)                                                                                    \
	{                                                                                          \
		"char[]", name, 0, 0, 1                                                            \
	}
static const struct layout_row layouts[] = {
#define FIELDS(name, since, class, print, ...) { TP_##name, since, class, print, { __VA_ARGS__ } },
#include "tables/tracepoints.def"
};
#undef F
#undef D

static const u16 ids[TP_NAMED] = {
#define TRACEPOINT(category, name, id, ...) [TP_##name] = id,
#include "tables/tracepoints.def"
};

/* Arguments of each system call: type, name, type, name ... */
static const char *const syscall_args[SYSCALL_ROWS][12] = {
#define SYSCALL(nr, name, since, ...) [SYSCALL_##name] = { __VA_ARGS__ },
#include "tables/syscalls.def"
#undef SYSCALL
};

/* ---- which layout ---- */

static bool has_member(const struct btf *btf, const struct btf_type *t, const char *prefix,
		       const char *name)
{
	const struct btf_member *m = btf_members(t);
	size_t len = strlen(prefix);

	for (u32 i = 0; i < btf_vlen(t); i++) {
		const char *have = btf_str(btf, m[i].name_off);

		if (have && !strncmp(have, prefix, len) && !strcmp(have + len, name))
			return true;
	}
	return false;
}

/* 1: the types have this layout, 0: they have another, -1: they do not say. */
static int types_agree(const struct btf *btf, const struct layout_row *l)
{
	char name[96];
	s32 id;

	if (!btf)
		return -1;
	snprintf(name, sizeof(name), "trace_event_raw_%s", l->class);
	id = btf_find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	if (id < 0)
		return -1;
	for (const struct field_row *f = l->fields; f->name; f++)
		if (!has_member(btf, btf_type_get(btf, (u32)id), f->size ? "" : "__data_loc_",
				f->name))
			return 0;
	return 1;
}

static const struct layout_row *choose(struct skep_system *sys, u32 row)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	const struct layout_row *by_types = NULL, *by_profile = NULL;
	bool said = false;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout_row *l = &layouts[i];
		int agree;

		if (l->tp != row)
			continue;
		agree = types_agree(vmlinux ? vmlinux->btf : NULL, l);
		said |= agree >= 0;
		if (visible(sys->profile, l->since))
			by_profile = l;
		/* Of several that fit, the profile's newest; else the oldest that is newer. */
		if (agree > 0 && (!by_types || visible(sys->profile, l->since)))
			by_types = l;
	}
	return said && by_types ? by_types : by_profile;
}

static const struct layout_row *layout_of(struct skep_system *sys, u32 row)
{
	u8 *known = &sys->hooks->layouts[row];

	if (!READ_ONCE(*known))
		WRITE_ONCE(*known, (u8)(choose(sys, row) - layouts + 1));
	return &layouts[*known - 1];
}

static void add(struct record_layout *out, const char *type, const char *name, u32 elem,
		bool is_signed, u32 count, bool data_loc)
{
	struct record_field *f = &out->fields[out->n++];

	out->size = round_up(out->size, elem);
	f->type = type;
	f->name = name;
	f->off = (u16)out->size;
	f->size = (u16)(elem * count);
	f->count = (u16)count;
	f->is_signed = is_signed;
	f->data_loc = data_loc;
	out->size += f->size;
}

static void syscall_layout(u32 row, struct record_layout *out)
{
	const char *const *args = syscall_args[(row - TP_NAMED) / 2];

	add(out, "int", "__syscall_nr", 4, true, 1, false);
	out->size = 16;
	if (row % 2 != TP_NAMED % 2) {
		add(out, "long", "ret", 8, true, 1, false);
		return;
	}
	for (u32 i = 0; i < 6 && args[2 * i]; i++)
		add(out, args[2 * i], args[2 * i + 1], 8, false, 1, false);
}

void record_layout(struct skep_system *sys, u32 row, struct record_layout *out)
{
	bool plain_char_signed =
		!visible(sys->profile, KVER(6, 2)); /* since then -funsigned-char */
	const struct layout_row *l;

	memset(out, 0, sizeof(*out));
	out->id = tracepoint_id(row);
	out->size = RECORD_COMMON;
	if (row >= TP_NAMED) {
		syscall_layout(row, out);
		return;
	}
	l = layout_of(sys, row);
	out->print = l->print;
	for (const struct field_row *f = l->fields; f->name; f++)
		if (!f->size)
			add(out, f->type, f->name, 4, plain_char_signed, 1, true);
		else
			add(out, f->type, f->name, f->size,
			    strcmp(f->type, "char") ? f->is_signed : plain_char_signed, f->count,
			    false);
}

u32 tracepoint_record_size(struct skep_system *sys, u32 row)
{
	struct record_layout l;

	record_layout(sys, row, &l);
	return l.size;
}

/* ---- ids ---- */

u32 tracepoint_id(u32 row)
{
	u32 i = row - TP_NAMED;

	if (row < TP_NAMED)
		return ids[row];
	return SYSCALL_IDS + 2 * syscall_number(i / 2) + !(i % 2);
}

int tracepoint_by_id(const struct skep_system *sys, u64 id)
{
	int row;

	for (u32 i = 0; i < TP_NAMED; i++)
		if (ids[i] == id)
			return (int)i;
	if (id < SYSCALL_IDS)
		return -ENOENT;
	row = syscall_row(sys, (id - SYSCALL_IDS) / 2);
	if (row < 0)
		return -ENOENT;
	return (int)(id % 2 ? tp_sys_enter((u32)row) : tp_sys_exit((u32)row));
}

/* ---- the format file ---- */

struct text {
	char *buf;
	size_t size, len;
};

static void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->len < t->size ? t->buf + t->len : NULL,
		      t->len < t->size ? t->size - t->len : 0, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

/* The numbers and names of enum @name in the kernel in force, without @prefix: what a packet is dropped for. */
static void add_symbols(struct text *t, struct skep_system *sys, const char *name,
			const char *prefix)
{
	const struct object_btf *vmlinux = system_vmlinux(sys);
	s32 id = vmlinux ? btf_find_by_name_kind(vmlinux->btf, name, BTF_KIND_ENUM) : 0;
	const struct btf_type *type = id > 0 ? btf_type_get(vmlinux->btf, (u32)id) : NULL;
	size_t cut = strlen(prefix), from = t->len;

	for (u32 i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_enum *e = &btf_enums(type)[i];
		const char *symbol = btf_str(vmlinux->btf, e->name_off);

		/* Not a value: a mask of its upper half. */
		if (!strncmp(symbol, prefix, cut) && !((u32)e->val >> 16))
			text_add(t, "%s{ %d, \"%s\" }", t->len > from ? ", " : "", e->val,
				 symbol + cut);
	}
	if (t->len == from)
		text_add(t, "{ 0, \"\" }");
}

/* A text of the table; "@enum prefix@" in it stands for symbols. */
static void add_print(struct text *t, struct skep_system *sys, const char *print)
{
	char name[64], prefix[64];
	const char *mark = strchr(print, '@');

	if (!mark || sscanf(mark, "@%63s %63[^@]@", name, prefix) != 2) {
		text_add(t, "%s", print);
		return;
	}
	text_add(t, "%.*s", (int)(mark - print), print);
	add_symbols(t, sys, name, prefix);
	text_add(t, "%s", strchr(mark + 1, '@') + 1);
}

static void format_print(struct text *t, struct skep_system *sys, const struct record_layout *l,
			 bool exit)
{
	if (l->print) {
		add_print(t, sys, l->print);
		return;
	}
	if (exit) {
		text_add(t, "\"0x%%lx\", REC->ret");
		return;
	}
	text_add(t, "\"");
	for (u32 i = 1; i < l->n; i++)
		text_add(t, "%s%s: 0x%%08lx", i > 1 ? ", " : "", l->fields[i].name);
	text_add(t, "\"");
	for (u32 i = 1; i < l->n; i++)
		text_add(t, ", ((unsigned long)(REC->%s))", l->fields[i].name);
}

int record_format(struct skep_system *sys, u32 row, char *buf, size_t size)
{
	static const char common[] =
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";
	struct text t = { buf, size, 0 };
	struct record_layout l;

	record_layout(sys, row, &l);
	text_add(&t, "name: %s\nID: %u\nformat:\n%s", strchr(tracepoint_name_of(row), ':') + 1,
		 l.id, common);
	for (u32 i = 0; i < l.n; i++) {
		const struct record_field *f = &l.fields[i];

		text_add(&t, "\tfield:%s%s %s", f->data_loc ? "__data_loc " : "", f->type, f->name);
		if (f->count > 1)
			text_add(&t, "[%u]", f->count);
		text_add(&t, ";\toffset:%u;\tsize:%u;\tsigned:%u;\n", f->off, f->size,
			 f->is_signed);
	}
	text_add(&t, "\nprint fmt: ");
	format_print(&t, sys, &l, row >= TP_NAMED && row % 2 != TP_NAMED % 2);
	text_add(&t, "\n");
	return (int)t.len;
}

/* ---- filling ---- */

void record_begin(struct record *r, struct skep_system *sys, u32 row, u32 pid)
{
	u16 type;

	record_layout(sys, row, &r->layout);
	memset(r->bytes, 0, round_up(r->layout.size, 8));
	type = (u16)r->layout.id;
	memcpy(r->bytes, &type, sizeof(type));
	memcpy(r->bytes + 4, &pid, sizeof(pid));
	r->end = r->layout.size;
}

static const struct record_field *field(const struct record *r, const char *name)
{
	for (u32 i = 0; i < r->layout.n; i++)
		if (!strcmp(r->layout.fields[i].name, name))
			return &r->layout.fields[i];
	return NULL;
}

void record_put(struct record *r, const char *name, u64 value)
{
	const struct record_field *f = field(r, name);

	if (f) /* little-endian */
		memcpy(r->bytes + f->off, &value, min_t(u32, f->size, sizeof(value)));
}

void record_put_bytes(struct record *r, const char *name, const void *bytes, u32 size)
{
	const struct record_field *f = field(r, name);

	if (f)
		memcpy(r->bytes + f->off, bytes, min_t(u32, f->size, size));
}

void record_put_string(struct record *r, const char *name, const char *s)
{
	const struct record_field *f = field(r, name);
	u32 len = (u32)strlen(s) + 1, loc;

	if (!f)
		return;
	if (!f->data_loc) {
		snprintf((char *)r->bytes + f->off, f->size, "%s", s);
		return;
	}
	len = min_t(u32, len, sizeof(r->bytes) - r->end);
	memcpy(r->bytes + r->end, s, len);
	r->bytes[r->end + len - 1] = 0;
	loc = len << 16 | r->end;
	memcpy(r->bytes + f->off, &loc, sizeof(loc));
	r->end += len;
}
