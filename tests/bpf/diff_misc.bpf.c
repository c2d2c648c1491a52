/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Strings, numbers and formats, as the script of the differential test says; see script.h. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "script.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct script);
} scripts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRIPT_STEPS);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

static const char compared[] = "eBPF that you can carry";

#define PRINT(number, format, ...)                                                                 \
	case number: {                                                                             \
		static const char text[] = format;                                                 \
		__u64 args[] = { __VA_ARGS__ };                                                    \
		r->ret = bpf_snprintf((char *)r->buf, size, text, args, sizeof(args));             \
		break;                                                                             \
	}

static __always_inline void print_step(const struct step *s, struct script *sc, struct result *r)
{
	__u32 size = ((__u32)s->b & 63) + 1;

	switch (s->op) {
		PRINT(20, "%d %u", s->c, s->d)
		PRINT(21, "%x|%X|%5d|%-5d|", s->c, s->d, s->c, s->d)
		PRINT(22, "%05d %+d % d", s->c, s->d, s->c)
		PRINT(23, "%ld %lu", s->c, s->d)
		PRINT(24, "%llx %lli", s->c, s->d)
		PRINT(25, "%c%c%%%5c|%-3c|", s->c, s->d, s->c, s->d)
		PRINT(26, "%20llu|%-20llx|", s->c, s->d)
		PRINT(27, "%012llx %+lld", s->c, s->d)
		PRINT(28, "%px", s->c)
		PRINT(29, "%30px|", s->c)
		PRINT(30, "%p", 0)
		PRINT(31, "%pI4 %pi4", (__u64)(long)sc->buf, (__u64)(long)sc->buf)
		PRINT(32, "%pI6", (__u64)(long)sc->buf)
		PRINT(33, "%pi6", (__u64)(long)sc->buf)
		PRINT(34, "%pI6cxyz %d", (__u64)(long)sc->buf, s->d)
		PRINT(35, "%-10dx%-+10dx%- 10dx", s->c, s->d, s->c)
		PRINT(36, "%00010d %0-10d|%+05x", s->c, s->d, s->c)
		PRINT(38, "%i", s->c)
		PRINT(37, "%pks!", (__u64)(long)compared)
		PRINT(46, "%lld %lld %lld %lld %lld %lld", s->c, s->d, s->c, s->d, s->c, s->d)
		PRINT(48, "%c", s->c)
		PRINT(50, "%d%s", s->c, 0)
		PRINT(52, "%pK!%pKabc", 0, 0)
		PRINT(53, "%pxabc", s->c)
		PRINT(54, "%20pI4|", (__u64)(long)sc->buf)
		PRINT(55, "%s", s->c)
		PRINT(56, "%pks %pus", 1, 1)
		PRINT(57, "%llX%x", s->c, s->d)
		PRINT(39, "tab\tnew\nline %d", s->c)
		PRINT(40, "\xc3\xa9 %d", s->c)
		PRINT(58, "%4096d", s->c)
	}
}

static __always_inline void string_step(const struct step *s, struct script *sc, struct result *r)
{
	__u32 len = ((__u32)s->a & 63) + 1;
	long l;
	unsigned long u;

	switch (s->op) {
	case 0:
		r->ret = bpf_strtol((char *)sc->buf, len, (__u32)s->b & 31, &l);
		r->value = l;
		break;
	case 1:
		r->ret = bpf_strtoul((char *)sc->buf, len, (__u32)s->b & 31, &u);
		r->value = u;
		break;
	case 2:
		r->ret = bpf_strncmp((char *)sc->buf, len, compared);
		break;
	case 3:
		r->ret = bpf_strtol((char *)sc->buf, len, s->c, &l);
		r->value = l;
		break;
	case 4:
		r->ret = bpf_trace_vprintk((char *)sc->buf, len, &s->c, (__u32)s->b & 24);
		break;
	case 5:
		r->ret = bpf_trace_printk((char *)sc->buf, len, s->c, s->d, s->c);
		break;
	case 6:
		r->ret = bpf_probe_read_kernel(r->buf, len, sc->buf);
		break;
	case 7:
		r->ret = bpf_probe_read_kernel_str(r->buf, len, sc->buf);
		break;
	case 8:
		r->ret = bpf_probe_read_kernel(r->buf, len, (void *)(s->c & 0xfff));
		break;
	case 9:
		r->ret = bpf_probe_read_user(r->buf, len, (void *)(s->c & 0xfff));
		break;
	case 10:
		r->ret = bpf_probe_read_user_str(r->buf, len, (void *)(s->c & 0xfff));
		break;
	}
}

static long count(__u32 i, void *arg)
{
	__u64 *left = arg;

	if (!*left)
		return 1;
	(*left)--;
	return 0;
}

static long one_step(__u32 i, struct script **sc)
{
	struct result *r = bpf_map_lookup_elem(&results, &i);

	if (!r || i >= (*sc)->n)
		return 1;
	string_step(STEP(*sc, i), *sc, r);
	print_step(STEP(*sc, i), *sc, r);
	return 0;
}

SEC("tc")
int misc(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	struct script *sc = bpf_map_lookup_elem(&scripts, &zero);

	if (sc)
		bpf_loop(SCRIPT_STEPS, one_step, &sc, 0);
	return 0;
}

/* One step, the first. */
SEC("tc")
int loops(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	struct script *sc = bpf_map_lookup_elem(&scripts, &zero);
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct step *s;
	__u64 left;

	if (!sc || !r)
		return 0;
	s = STEP(sc, 0);
	left = s->c & 0xff;
	if (s->d & 1)
		r->ret = bpf_loop((__u32)s->a & 0xff, count, &left, s->d == 1);
	else
		r->ret = bpf_loop((__u32)s->a | 1 << 24, count, &left, s->d == 2);
	r->value = left;
	return left;
}

/* Likewise, of a call that is inlined: also with far too many. */
SEC("tc")
int loops_inlined(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	struct script *sc = bpf_map_lookup_elem(&scripts, &zero);
	struct result *r = bpf_map_lookup_elem(&results, &zero);
	struct step *s;
	__u64 left;

	if (!sc || !r)
		return 0;
	s = STEP(sc, 0);
	left = s->c & 0xff;
	r->ret = bpf_loop(s->d & 1 ? s->a & 0xff : s->a, count, &left, 0);
	r->value = left;
	return left;
}

char _license[] SEC("license") = "GPL";
