/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Strings anywhere in kernel memory (Linux: kernel/bpf/helpers.c, 6.17 to 7.0). Addresses are
 * not checked by the verifier: what cannot be read is an error, and so is a string of
 * 64 KiB or more.
 */
#include "helper/probe.h"

#define STRING_MAX 65536U
#define PAGE	   4096U
#define UNREADABLE 0x10000 /* | errno: no character */

/* Bytes of a string, read in pieces that do not cross pages. */
struct reader {
	struct bpf_run *run;
	u64 addr, from;
	u32 n;
	u8 buf[64];
};

static void reader_start(struct reader *r, u64 addr, struct bpf_run *run)
{
	r->run = run;
	r->addr = addr;
	r->n = 0;
}

/* Character @i, or UNREADABLE with an errno. */
static int char_at(struct reader *r, u32 i)
{
	u64 at = r->addr + i;
	u32 n;
	int err;

	if (r->n && at - r->from < r->n)
		return r->buf[at - r->from];
	n = min_t(u32, sizeof(r->buf), PAGE - (u32)(at % PAGE));
	err = probe_kernel(r->run, r->buf, at, n);
	if (err) { /* the end of what can be read may be nearer */
		n = 1;
		err = probe_kernel(r->run, r->buf, at, 1);
	}
	r->n = err ? 0 : n;
	r->from = at;
	return err ? UNREADABLE | -err : r->buf[0];
}

/* Whether the string is where user memory would be. */
static bool out_of_range(struct reader *r)
{
	return char_at(r, 0) == (UNREADABLE | ERANGE);
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* The first @len characters. */
static u64 compare(u64 a, u64 b, u64 len, bool ignore_case, struct bpf_run *run)
{
	struct reader x, y;
	int c, d;
	u32 i;

	reader_start(&x, a, run);
	reader_start(&y, b, run);
	if (out_of_range(&x) || out_of_range(&y))
		return INT(-ERANGE);
	for (i = 0; i < len && i < STRING_MAX; i++) {
		c = char_at(&x, i);
		d = char_at(&y, i);
		if ((c | d) & UNREADABLE)
			return INT(-EFAULT);
		if (ignore_case) {
			c = lower(c);
			d = lower(d);
		}
		if (c != d)
			return INT(c < d ? -1 : 1);
		if (!c)
			return 0;
	}
	return i == STRING_MAX ? INT(-E2BIG) : 0;
}

BPF_KFUNC(bpf_strcmp)
{
	return compare(r1, r2, STRING_MAX, false, run);
}

BPF_KFUNC(bpf_strcasecmp)
{
	return compare(r1, r2, STRING_MAX, true, run);
}

BPF_KFUNC(bpf_strncasecmp)
{
	return compare(r1, r2, r3, true, run);
}

static u64 find_char(u64 s, u64 count, u8 wanted, struct bpf_run *run)
{
	struct reader r;
	u32 i;
	int c;

	reader_start(&r, s, run);
	if (out_of_range(&r))
		return INT(-ERANGE);
	for (i = 0; i < count && i < STRING_MAX; i++) {
		c = char_at(&r, i);
		if (c & UNREADABLE)
			return INT(-EFAULT);
		if (c == wanted)
			return i;
		if (!c)
			return INT(-ENOENT);
	}
	return INT(i == STRING_MAX ? -E2BIG : -ENOENT);
}

BPF_KFUNC(bpf_strnchr)
{
	return find_char(r1, r2, (u8)r3, run);
}

BPF_KFUNC(bpf_strchr)
{
	return find_char(r1, STRING_MAX, (u8)r2, run);
}

BPF_KFUNC(bpf_strchrnul)
{
	struct reader r;
	int c;

	reader_start(&r, r1, run);
	if (out_of_range(&r))
		return INT(-ERANGE);
	for (u32 i = 0; i < STRING_MAX; i++) {
		c = char_at(&r, i);
		if (c & UNREADABLE)
			return INT(-EFAULT);
		if (!c || c == (u8)r2)
			return i;
	}
	return INT(-E2BIG);
}

BPF_KFUNC(bpf_strrchr)
{
	struct reader r;
	int c, last = -ENOENT;

	reader_start(&r, r1, run);
	if (out_of_range(&r))
		return INT(-ERANGE);
	for (u32 i = 0; i < STRING_MAX; i++) {
		c = char_at(&r, i);
		if (c & UNREADABLE)
			return INT(-EFAULT);
		if (c == (u8)r2)
			last = (int)i;
		if (!c)
			return INT(last);
	}
	return INT(-E2BIG);
}

static u64 length(u64 s, u64 count, struct bpf_run *run)
{
	struct reader r;
	u32 i;
	int c;

	reader_start(&r, s, run);
	if (out_of_range(&r))
		return INT(-ERANGE);
	for (i = 0; i < count && i < STRING_MAX; i++) {
		c = char_at(&r, i);
		if (c & UNREADABLE)
			return INT(-EFAULT);
		if (!c)
			return i;
	}
	return i == STRING_MAX ? INT(-E2BIG) : i;
}

BPF_KFUNC(bpf_strnlen)
{
	return length(r1, r2, run);
}

BPF_KFUNC(bpf_strlen)
{
	return length(r1, STRING_MAX, run);
}

/* How many characters at the start of @s are (@in) or are not in the set @set. */
static u64 span(u64 s, u64 set, bool in, struct bpf_run *run)
{
	struct reader x, y;
	u32 j;
	int c, d;

	reader_start(&x, s, run);
	reader_start(&y, set, run);
	if (out_of_range(&x) || out_of_range(&y))
		return INT(-ERANGE);
	for (u32 i = 0; i < STRING_MAX; i++) {
		c = char_at(&x, i);
		if (c & UNREADABLE)
			return INT(-EFAULT);
		if (!c)
			return i;
		for (j = 0, d = 0; j < STRING_MAX; j++) {
			d = char_at(&y, j);
			if (d & UNREADABLE)
				return INT(-EFAULT);
			if (c == d || !d)
				break;
		}
		if (j == STRING_MAX)
			return INT(-E2BIG);
		if (in == !d)
			return i;
	}
	return INT(-E2BIG);
}

BPF_KFUNC(bpf_strspn)
{
	return span(r1, r2, true, run);
}

BPF_KFUNC(bpf_strcspn)
{
	return span(r1, r2, false, run);
}

/* @b in the first @len characters of @a. */
static u64 find_string(u64 a, u64 b, u64 len, bool ignore_case, struct bpf_run *run)
{
	struct reader x, y;
	int c, d;
	u32 j;

	reader_start(&x, a, run);
	reader_start(&y, b, run);
	if (out_of_range(&x) || out_of_range(&y))
		return INT(-ERANGE);
	for (u32 i = 0; i < STRING_MAX; i++) {
		for (j = 0; i + j <= len && j < STRING_MAX; j++) {
			d = char_at(&y, j);
			if (d & UNREADABLE)
				return INT(-EFAULT);
			if (!d)
				return i;
			if (i + j == len)
				break;
			c = char_at(&x, i + j);
			if (c & UNREADABLE)
				return INT(-EFAULT);
			if (!c)
				return INT(-ENOENT);
			if (ignore_case) {
				c = lower(c);
				d = lower(d);
			}
			if (c != d)
				break;
		}
		if (j == STRING_MAX)
			return INT(-E2BIG);
		if (i + j == len)
			return INT(-ENOENT);
	}
	return INT(-E2BIG);
}

BPF_KFUNC(bpf_strstr)
{
	return find_string(r1, r2, STRING_MAX, false, run);
}

BPF_KFUNC(bpf_strnstr)
{
	return find_string(r1, r2, r3, false, run);
}

BPF_KFUNC(bpf_strcasestr)
{
	return find_string(r1, r2, STRING_MAX, true, run);
}

BPF_KFUNC(bpf_strncasestr)
{
	return find_string(r1, r2, r3, true, run);
}
