/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_snprintf_btf(): a value as text by its kernel type (Linux: the show operations of
 * kernel/bpf/btf.c). Zero values are left out unless asked for, and so are structs and arrays
 * of nothing else: each is walked once without output to find out.
 *
 * Inside an element of an array Linux shows neither names nor brackets, until an inner array
 * has ended; programs' output is compared with it, so it is the same here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "object/arena.h"
#include "object/siphash.h"
#include "world/fill.h"

#define MAX_NESTING 10 /* of pointers, arrays and typedefs in one name */
#define MAX_INDENT  32
#define NAME_SIZE   80 /* a longer one is cut */

struct show {
	struct world *w;
	const struct btf *btf;
	struct bpf_run *run;
	world_reader_t read; /* NULL: what is shown is memory of ours */
	u64 flags;	     /* BTF_F_* */
	char *at;
	u32 left; /* room in front of .at, NUL included */
	long len; /* as far as enough room would have taken it */
	int err;
	u32 depth, dry;	 /* > 0: look only whether something below it would be shown */
	u32 shown_depth; /* the deepest value that would have been, since .dry was set */
	const struct btf_member *member;
	u32 type_id; /* of what is shown, before typedefs are resolved */
	bool in_array, terminated;
	bool chars; /* elements of the current array are characters */
};

static void show_type(struct show *s, u32 id, u64 addr, u32 bit);

static __attribute__((format(printf, 2, 3))) void print(struct show *s, const char *format, ...)
{
	va_list args;
	int n;

	if (s->dry)
		return;
	va_start(args, format);
	n = vsnprintf(s->at, s->left, format, args);
	va_end(args);
	s->len += n;
	n = n >= (int)s->left ? (int)s->left : n;
	s->left -= (u32)n;
	s->at += s->left ? n : 0;
}

static bool is_qualifier(const struct btf_type *t)
{
	return btf_is_modifier(t) && btf_kind(t) != BTF_KIND_TYPEDEF;
}

/* ".member = (struct type *[])[" as far as it applies. */
static const char *name_of(struct show *s, char *buf, u32 size)
{
	const struct btf *btf = s->btf;
	const char *member = s->member ? btf_str(btf, s->member->name_off) : "", *name = NULL;
	const char *prefix = "", *open = "";
	char stars[MAX_NESTING + 1] = "", dims[2 * MAX_NESTING + 1] = "";
	u32 id = s->member ? s->member->type : s->type_id;
	const struct btf_type *t = NULL;
	bool typedefed = false, pointer = false, array = false;
	int i;

	*buf = 0;
	if (s->in_array)
		return buf;
	for (i = 0; i < MAX_NESTING; i++) {
		t = btf_type_get(btf, id);
		/* Linux looks behind qualifiers of what it has come to, not of what it began with */
		while (t && i && is_qualifier(t))
			t = btf_type_get(btf, t->type);
		if (!t)
			return buf;
		if (btf_kind(t) == BTF_KIND_TYPEDEF) {
			name = name ? name : btf_str(btf, t->name_off);
			typedefed = true;
			id = t->type;
		} else if (btf_kind(t) == BTF_KIND_ARRAY) {
			strcat(dims, "[]");
			array = true;
			id = btf_array_of(t)->type;
		} else if (btf_kind(t) == BTF_KIND_PTR) {
			strcat(stars, "*");
			pointer = true;
			id = t->type;
		} else {
			break;
		}
		if (!id) /* void */
			break;
	}
	if (i == MAX_NESTING)
		return buf;
	if (!name)
		name = btf_str(btf, t->name_off);
	if (!name)
		name = "";
	if (array)
		open = "[";
	if (btf_is_struct(t)) {
		prefix = btf_kind(t) == BTF_KIND_STRUCT ? "struct" : "union";
		if (!array)
			open = "{";
	} else if (btf_is_enum(t)) {
		prefix = "enum";
	}
	if (pointer)
		open = "";
	if (typedefed)
		prefix = "";
	if (s->flags & BTF_F_NONAME)
		snprintf(buf, size, "%s", open);
	else
		snprintf(buf, size, "%s%s%s(%s%s%s%s%s%s)%s", *member ? "." : "", member,
			 *member ? " = " : "", prefix, *prefix && *name ? " " : "", name,
			 *stars ? " " : "", stars, dims, open);
	return buf;
}

static const char *indent(const struct show *s)
{
	static const char blanks[MAX_INDENT + 1] = "                                ";

	return s->flags & BTF_F_COMPACT ? "" :
					  blanks + MAX_INDENT - min_t(u32, s->depth, MAX_INDENT);
}

static const char *newline(const struct show *s)
{
	return s->flags & BTF_F_COMPACT ? "" : "\n";
}

static const char *delimiter(const struct show *s)
{
	return s->depth ? "," : "";
}

static __attribute__((format(printf, 3, 4))) void value(struct show *s, bool zero,
							const char *format, ...)
{
	char text[512], name[NAME_SIZE];
	va_list args;

	if (zero && !(s->flags & BTF_F_ZERO) && s->depth)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print(s, "%s%s%s%s%s", indent(s), name_of(s, name, sizeof(name)), text, delimiter(s),
	      newline(s));
	s->shown_depth = max(s->shown_depth, s->depth);
}

/* A world object's unmodelled parts are zeros (and noted). */
static bool fetch(struct show *s, void *dst, u64 addr, u32 size)
{
	int err = 0;

	if (s->read)
		err = s->read(s->run, dst, addr, size);
	else
		memcpy(dst, (const void *)(uintptr_t)addr, size);
	if (err)
		memset(dst, 0, size);
	if (!err || world_at(s->w, addr))
		return true;
	s->err = s->err ? s->err : err; /* -ERANGE: no address that the kernel could have */
	return false;
}

/* ---- values ---- */

static void show_wide(struct show *s, unsigned __int128 v)
{
	u64 high = (u64)(v >> 64), low = (u64)v;

	if (high)
		value(s, false, "0x%lx%016lx", high, low);
	else
		value(s, !low, "0x%lx", low);
}

static void show_bits(struct show *s, u64 addr, u32 bit, u32 bits)
{
	unsigned __int128 v = 0;

	addr += bit / 8;
	bit %= 8;
	if (!bits || bit + bits > 128 || !fetch(s, &v, addr, (bit + bits + 7) / 8))
		return;
	show_wide(s, v << (128 - bit - bits) >> (128 - bits));
}

static bool is_print(u8 c)
{
	return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

static void show_int(struct show *s, const struct btf_type *t, u64 addr, u32 bit)
{
	u32 data = btf_int_data(t), bits = BTF_INT_BITS(data);
	bool sign = BTF_INT_ENCODING(data) & BTF_INT_SIGNED;
	u64 v = 0;

	if (bit || BTF_INT_OFFSET(data) || (bits != 64 && bits != 32 && bits != 16 && bits != 8)) {
		show_bits(s, addr, bit + BTF_INT_OFFSET(data), bits);
		return;
	}
	if (!fetch(s, &v, addr, bits / 8))
		return;
	if (bits == 8 && s->chars) {
		if (s->terminated)
			return;
		if (!v) {
			s->terminated = true;
			return;
		}
		if (is_print((u8)v)) {
			value(s, false, "'%c'", (char)v);
			return;
		}
	}
	if (sign)
		value(s, !v, "%lld", (long long)((s64)(v << (64 - bits)) >> (64 - bits)));
	else
		value(s, !v, "%lu", v);
}

static void show_enum(struct show *s, const struct btf_type *t, u32 id, u64 addr)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;
	const char *name;
	u64 v = 0;
	s64 n;

	if (!fetch(s, &v, addr, wide ? 8 : 4))
		return;
	n = wide ? (s64)v : (s64)(s32)v;
	name = btf_enum_name(s->btf, id, wide || btf_kflag(t) ? n : (s64)(u32)n);
	if (name)
		value(s, false, "%s", name);
	else if (btf_kflag(t))
		value(s, !n, "%lld", (long long)n);
	else
		value(s, !n, "%lu", wide ? v : (u64)(u32)v);
}

static void show_ptr(struct show *s, u64 addr)
{
	u64 v = 0;

	if (fetch(s, &v, addr, sizeof(v)))
		value(s, !v, "0x%016lx",
		      s->flags & BTF_F_PTR_RAW ? v : pointer_shown(s->w->sys->arena, v));
}

/* ---- aggregates ---- */

static void open_aggregate(struct show *s)
{
	char name[NAME_SIZE];

	print(s, "%s%s%s", indent(s), name_of(s, name, sizeof(name)), newline(s));
	s->depth++;
}

static void close_aggregate(struct show *s, char bracket)
{
	s->depth--;
	print(s, "%s%c%s%s", indent(s), bracket, delimiter(s), newline(s));
}

static void walk_struct(struct show *s, const struct btf_type *t, u64 addr)
{
	const struct btf_member *m = btf_members(t);

	open_aggregate(s);
	for (u32 i = 0; i < btf_vlen(t); i++, m++) {
		u32 bit = btf_member_bit_offset(t, m), bits = btf_member_bits(t, m);

		s->member = m;
		if (bits) {
			s->type_id = m->type;
			show_bits(s, addr, bit, bits);
		} else {
			show_type(s, m->type, addr + bit / 8, bit % 8);
		}
		s->member = NULL;
	}
	close_aggregate(s, '}');
}

static void walk_array(struct show *s, const struct btf_type *t, u64 addr, u32 bit)
{
	const struct btf *btf = s->btf;
	const struct btf_array *a = btf_array_of(t);
	const struct btf_type *elem = btf_type_skip_modifiers(btf, a->type, NULL);
	u32 size = 0;

	/* Linux steps by the size that the element's own record has: none for arrays, pointers */
	if (elem && (btf_kind(elem) == BTF_KIND_INT || btf_is_struct(elem) || btf_is_enum(elem) ||
		     btf_kind(elem) == BTF_KIND_FLOAT))
		size = elem->size;
	s->chars = elem && btf_kind(elem) == BTF_KIND_INT && size == 1;
	s->terminated = false;
	open_aggregate(s);
	for (u32 i = 0; elem && i < a->nelems; i++, addr += size) {
		s->in_array = true;
		s->member = NULL;
		show_type(s, a->type, addr, bit);
		s->in_array = false;
		s->member = NULL;
		if (s->terminated)
			break;
	}
	s->chars = false;
	s->terminated = false;
	close_aggregate(s, ']');
}

static void walk(struct show *s, const struct btf_type *t, u32 id, u64 addr, u32 bit)
{
	s->type_id = id;
	if (btf_is_struct(t))
		walk_struct(s, t, addr);
	else
		walk_array(s, t, addr, bit);
}

static void show_aggregate(struct show *s, const struct btf_type *t, u32 id, u64 addr, u32 bit)
{
	const struct btf_member *member = s->member;

	if (s->depth && !(s->flags & BTF_F_ZERO)) {
		bool outermost = !s->dry;

		if (outermost) {
			s->dry = s->depth + 1;
			s->shown_depth = 0;
		}
		walk(s, t, id, addr, bit);
		s->member = member;
		if (!outermost)
			return;
		s->dry = 0;
		if (s->shown_depth <= s->depth)
			return;
	}
	walk(s, t, id, addr, bit);
}

static void show_type(struct show *s, u32 id, u64 addr, u32 bit)
{
	u32 real = id;
	const struct btf_type *t = btf_type_skip_modifiers(s->btf, id, &real);

	if (!t)
		return;
	if (btf_kind(t) == BTF_KIND_VAR) {
		show_type(s, t->type, addr, bit);
		return;
	}
	s->type_id = id;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		show_int(s, t, addr, bit);
		break;
	case BTF_KIND_PTR:
		show_ptr(s, addr);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		show_enum(s, t, real, addr);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ARRAY:
		show_aggregate(s, t, id, addr, bit);
		break;
	default:
		print(s, "<unsupported kind:%u>", btf_kind(t));
		break;
	}
	s->type_id = 0;
}

long world_show(struct world *w, struct bpf_run *run, char *buf, u32 size,
		const struct btf_ptr *ptr, u64 flags, world_reader_t read)
{
	struct show s = { .w = w,
			  .btf = w->btf,
			  .run = run,
			  .read = read,
			  .flags = flags,
			  .at = buf,
			  .left = size };

	if (!ptr->type_id || (s32)ptr->type_id < 0)
		return -EINVAL;
	if (!btf_type_get(w->btf, ptr->type_id))
		return -ENOENT;
	show_type(&s, ptr->type_id, (u64)(uintptr_t)ptr->ptr, 0);
	return s.err ? s.err : s.len;
}

long world_show_value(const struct btf *btf, u32 type_id, const void *value, char *buf, u32 size)
{
	struct show s = { .btf = btf,
			  .flags = BTF_F_COMPACT | BTF_F_NONAME | BTF_F_ZERO,
			  .at = buf,
			  .left = size };

	show_type(&s, type_id, (u64)(uintptr_t)value, 0);
	return s.err ? s.err : s.len;
}
