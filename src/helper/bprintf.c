/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The format language of bpf_trace_printk(), bpf_trace_vprintk() and bpf_snprintf()
 * (Linux: bpf_bprintf_prepare() in kernel/bpf/helpers.c, bstr_printf() in lib/vsprintf.c).
 *
 *   %[0+- ]*[width]{d,i,u,x,X,ld,...,lld,...,c,s}  %p %px %pK %ps %pS %pB %pks %pus
 *   %pI4 %pi4 %pI6 %pi6  %%
 *
 * The whole format is checked before anything is written. Strings together take at
 * most 512 bytes, as in Linux. Letters and digits behind a %p… are swallowed.
 * DIFF(printk-pointers): there are no kernel symbols, so %ps, %pS and %pB show
 * addresses.
 */
#include "helper/bprintf.h"
#include "helper/probe.h"
#include "object/siphash.h"

#define BIN_ARGS 512

struct out {
	char *buf;
	u32 size, len; /* len counts what did not fit, too */
};

struct spec {
	bool zero, plus, space, left, size64, sign, upper;
	s32 width;	/* -1: none */
	char conv;	/* d u x c s p, '%' */
	char ptr, ptr2; /* letters after p, or 0 */
};

/* The kernel's character classes are those of Latin-1. */
static bool is_space(u8 c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0;
}

static bool is_alnum(u8 c)
{
	if (c >= 0xc0)
		return c != 0xd7 && c != 0xf7;
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool is_punct(u8 c)
{
	return ((c > 32 && c < 127) || c > 0xa0) && !is_alnum(c);
}

static bool ends_word(u8 c)
{
	return !c || is_space(c) || is_punct(c);
}

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_n(struct out *o, char c, s32 n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_str(struct out *o, const char *s, s32 width, bool left)
{
	s32 n = 0;

	while (s[n])
		n++;
	if (!left)
		put_n(o, ' ', width - n);
	for (s32 i = 0; i < n; i++)
		put(o, s[i]);
	if (left)
		put_n(o, ' ', width - n);
}

static void put_number(struct out *o, u64 v, u32 base, const struct spec *s)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24], sign = 0;
	s32 n = 0, width = s->width;

	if (s->sign) {
		if ((s64)v < 0) {
			sign = '-';
			v = 0 - v;
		} else if (s->plus) {
			sign = '+';
		} else if (s->space) {
			sign = ' ';
		}
	}
	do {
		tmp[n++] = digits[v % base];
		v /= base;
	} while (v);
	width -= n + (sign != 0);
	if (!s->zero && !s->left) {
		put_n(o, ' ', width);
		width = 0;
	}
	if (sign)
		put(o, sign);
	if (!s->left) {
		put_n(o, s->zero ? '0' : ' ', width);
		width = 0;
	}
	while (n)
		put(o, tmp[--n]);
	put_n(o, ' ', width);
}

static void put_hex(struct out *o, u64 v, s32 width)
{
	struct spec s = { .width = width, .zero = true };

	put_number(o, v, 16, &s);
}

static void put_ip(struct out *o, const u8 *ip, const struct spec *s)
{
	struct spec number = { .width = -1 };

	if (s->ptr2 == '4') {
		if (s->ptr == 'i') {
			number.width = 3;
			number.zero = true;
		}
		for (u32 i = 0; i < 4; i++) {
			if (i)
				put(o, '.');
			put_number(o, ip[i], 10, &number);
		}
		return;
	}
	for (u32 i = 0; i < 16; i++) {
		if (i && !(i & 1) && s->ptr == 'I')
			put(o, ':');
		put_hex(o, ip[i], 2);
	}
}

/* Parses one conversion behind '%'; NULL: not allowed. */
static const char *parse(const char *f, struct spec *s)
{
	u8 c;

	*s = (struct spec){ .width = -1 };
	for (;; f++) {
		if (*f == '0')
			s->zero = true;
		else if (*f == '+')
			s->plus = true;
		else if (*f == '-')
			s->left = true;
		else if (*f == ' ')
			s->space = true;
		else
			break;
	}
	if (*f >= '1' && *f <= '9')
		for (s->width = 0; *f >= '0' && *f <= '9'; f++)
			s->width = min(s->width * 10 + (*f - '0'), 4096);
	c = (u8)*f++;
	switch (c) {
	case 'p':
		s->conv = 'p';
		s->size64 = true;
		if (ends_word((u8)*f))
			return f;
		s->ptr = *f++;
		switch (s->ptr) {
		case 'k':
		case 'u':
			if (*f != 's')
				return NULL;
			s->ptr2 = *f++;
			return ends_word((u8)*f) ? f : NULL;
		case 'K':
		case 'x':
		case 's':
		case 'S':
		case 'B':
			return f;
		case 'i':
		case 'I':
			if (*f != '4' && *f != '6')
				return NULL;
			s->ptr2 = *f++;
			return f;
		default:
			return NULL;
		}
	case 's':
		s->conv = 's';
		return ends_word((u8)*f) ? f : NULL;
	case 'c':
		s->conv = 'c';
		return f;
	case 'l':
		s->size64 = true;
		c = (u8)*f++;
		if (c == 'l')
			c = (u8)*f++;
		break;
	}
	switch (c) {
	case 'd':
	case 'i':
		s->sign = true;
		s->conv = 'd';
		return f;
	case 'u':
		s->conv = 'u';
		return f;
	case 'X':
		s->upper = true;
		s->conv = 'x';
		return f;
	case 'x':
		s->conv = 'x';
		return f;
	default:
		return NULL;
	}
}

/* What Linux's pre-formatted arguments take of their 512 bytes. */
struct bin {
	char text[BIN_ARGS];
	u32 used;
};

/* A string argument into the buffer of arguments: its text, or NULL (no space). */
static const char *bin_str(struct bpf_run *run, struct bin *b, u64 arg, char kind)
{
	char *at = b->text + b->used;
	u32 room = BIN_ARGS - b->used;
	long n;

	if (!room)
		return NULL;
	at[0] = 0;
	if (kind == 'u' || (kind == 's' && !probe_is_kernel(run, arg)))
		n = probe_user_str(run, at, arg, room);
	else
		n = probe_kernel_str(run, at, arg, room);
	if (n < 0) {
		at[0] = 0;
		n = 1;
	}
	b->used += (u32)n;
	return at;
}

static int bin_take(struct bin *b, u32 n, bool align)
{
	if (align)
		b->used = round_up(b->used, 4);
	if (b->used > BIN_ARGS || BIN_ARGS - b->used < n)
		return -ENOSPC;
	b->used += n;
	return 0;
}

static void put_x(struct out *o, u64 v)
{
	put(o, '0');
	put(o, 'x');
	put_hex(o, v, -1);
}

/* A function of the kernel, by name; for 'B' the one in which a call ended there. */
static void put_symbol(struct bpf_run *run, struct out *o, char kind, u64 addr)
{
	char name[KERNEL_SYMBOL_MAX];
	u64 where[2], back = kind == 'B';
	u64 args[] = { addr - back, (u64)(uintptr_t)name, (u64)(uintptr_t)where };

	if (run->platform->kernel_call(run, KERNEL_CALL_SYMBOL_AT, args)) {
		put_x(o, addr);
		return;
	}
	put_str(o, name, -1, false);
	if (kind == 's')
		return;
	put(o, '+');
	put_x(o, where[0] + back);
	put(o, '/');
	put_x(o, where[1]);
}

static int convert(struct bpf_run *run, struct out *o, struct bin *b, const struct spec *s, u64 arg)
{
	struct spec pad = *s;
	const char *text;
	u8 ip[16];

	if (s->conv == 's' || (s->conv == 'p' && (s->ptr == 'k' || s->ptr == 'u'))) {
		text = bin_str(run, b, arg, s->conv == 's' ? 's' : s->ptr);
		if (!text)
			return -ENOSPC;
		if (s->conv == 's')
			put_str(o, text, s->width, s->left);
		else if (o->len < o->size) /* else Linux does not even count it */
			put_str(o, text, -1, false);
		return 0;
	}
	if (s->conv == 'c') {
		if (bin_take(b, 1, false))
			return -ENOSPC;
		if (!s->left)
			put_n(o, ' ', s->width - 1);
		put(o, (char)arg);
		if (s->left)
			put_n(o, ' ', s->width - 1);
		return 0;
	}
	if (s->conv == 'p' && (s->ptr == 'i' || s->ptr == 'I')) {
		u32 n = s->ptr2 == '4' ? 4 : 16;
		char ip_text[40];
		struct out tmp = { ip_text, sizeof(ip_text) - 1, 0 };

		if (BIN_ARGS - b->used < n)
			return -ENOSPC;
		if (probe_kernel(run, ip, arg, n))
			rt_zero(ip, sizeof(ip));
		put_ip(&tmp, ip, s);
		ip_text[tmp.len] = 0;
		b->used = min_t(u32, BIN_ARGS, b->used + tmp.len + 1);
		if (o->len < o->size)
			put_str(o, ip_text, -1, false);
		return 0;
	}
	if (bin_take(b, s->size64 ? 8 : 4, true))
		return -ENOSPC;
	if (s->conv == 'p') {
		if (s->ptr == 's' || s->ptr == 'S' || s->ptr == 'B') {
			put_symbol(run, o, s->ptr, arg);
			return 0;
		}
		if (pad.width < 0) {
			pad.width = 16;
			pad.zero = true;
		}
		if (s->ptr != 'x')
			arg = pointer_shown(run->arena, arg);
		put_number(o, arg, 16, &pad);
		return 0;
	}
	if (!s->size64)
		arg = s->sign ? (u64)(s64)(s32)arg : (u32)arg;
	put_number(o, arg, s->conv == 'x' ? 16 : 10, s);
	return 0;
}

static int check(const char *fmt, u32 fmt_size, u32 nr_args)
{
	const char *f = fmt;
	struct spec s;
	u32 n = 0;

	for (u32 i = 0;; i++) {
		if (i == fmt_size)
			return -EINVAL;
		if (!fmt[i])
			break;
	}
	while (*f) {
		/* stable releases, too, let bytes from 0x80 pass */
		if ((u8)*f < 0x80 && (*f < 32 || *f == 127) && !is_space((u8)*f))
			return -EINVAL;
		if (*f++ != '%')
			continue;
		if (*f == '%') {
			f++;
			continue;
		}
		if (n++ >= nr_args)
			return -EINVAL;
		f = parse(f, &s);
		if (!f)
			return -EINVAL;
	}
	return 0;
}

long bprintf(struct bpf_run *run, char *buf, u32 size, const char *fmt, u32 fmt_size,
	     const u64 *args, u32 nr_args)
{
	struct out o = { buf, size, 0 };
	struct bin bin;
	struct spec s;
	int err = check(fmt, fmt_size, nr_args);

	bin.used = 0;
	if (err)
		return err;
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		if (*++fmt == '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = parse(fmt, &s);
		err = convert(run, &o, &bin, &s, *args++);
		if (err)
			return err;
		if (s.conv == 'p')
			while (is_alnum((u8)*fmt))
				fmt++;
	}
	if (size)
		buf[min(o.len, size - 1)] = 0;
	return o.len;
}
