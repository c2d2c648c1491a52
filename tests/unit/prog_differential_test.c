/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The same programs, packets and contexts on skep and on the running kernel: results,
 * errors, output packets, output contexts and maps must be equal. Programs follow
 * random scripts of helper calls (tests/bpf/diff_*.bpf.c). SKEP_SEED=N begins elsewhere,
 * SKEP_ROUNDS=N runs longer. Skipped where the kernel does not permit eBPF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/types.h"
#include "skep/skep.h"

#define __u32 u32
#define __s32 s32
#define __u64 u64
#define __s64 s64
#include "../bpf/script.h"

#define PACKET_MAX 70000
#define ROUNDS	   2000

static u64 random_state;

static u64 rnd(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static u32 below(u32 n)
{
	return (u32)(rnd() % n);
}

static bool chance(u32 one_in)
{
	return !below(one_in);
}

struct engine {
	const char *name;
	struct skep_system *sys; /* NULL: the kernel */
	struct bpf_object *obj;
	int scripts, results;
};

struct outcome {
	int err;
	u32 retval, data_size, ctx_size;
	u8 ctx[256];
	struct result results[SCRIPT_STEPS];
	u8 data[PACKET_MAX];
};

struct input {
	u8 data[PACKET_MAX];
	u32 size, out_room, repeat, flags;
	u8 ctx[256];
	u32 ctx_size; /* 0: none */
	bool ctx_out;
	struct script script;
};

static struct {
	bool kernel; /* permits eBPF */
	struct engine engines[2];
} test;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static int engine_open(struct engine *e, const char *file)
{
	const char *out = getenv("O");
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/bpf/%s", out ? out : "build", file);
	skep_front_use(e->sys);
	e->obj = bpf_object__open_file(path, NULL);
	err = e->obj ? bpf_object__load(e->obj) : -errno;
	if (!err) {
		e->scripts = bpf_object__find_map_fd_by_name(e->obj, "scripts");
		e->results = bpf_object__find_map_fd_by_name(e->obj, "results");
	}
	skep_front_use(NULL);
	return err;
}

static void engine_close(struct engine *e)
{
	skep_front_use(e->sys);
	bpf_object__close(e->obj);
	skep_front_use(NULL);
	e->obj = NULL;
}

static void engine_run(struct engine *e, const char *prog, const struct input *in,
		       struct outcome *out)
{
	static const struct result none;
	u32 zero = 0;
	int fd;

	memset(out, 0, sizeof(*out));
	skep_front_use(e->sys);
	fd = bpf_program__fd(bpf_object__find_program_by_name(e->obj, prog));
	for (u32 i = 0; i < SCRIPT_STEPS; i++)
		assert_int_equal(bpf_map_update_elem(e->results, &i, &none, 0), 0);
	assert_int_equal(bpf_map_update_elem(e->scripts, &zero, &in->script, 0), 0);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->size,
		    .data_out = out->data, .data_size_out = in->out_room, .repeat = (int)in->repeat,
		    .flags = in->flags);
	if (in->ctx_size) {
		opts.ctx_in = in->ctx;
		opts.ctx_size_in = in->ctx_size;
	}
	if (in->ctx_out) {
		opts.ctx_out = out->ctx;
		opts.ctx_size_out = sizeof(out->ctx);
	}
	out->err = bpf_prog_test_run_opts(fd, &opts);
	out->retval = opts.retval;
	out->data_size = opts.data_size_out;
	out->ctx_size = opts.ctx_size_out;
	for (u32 i = 0; i < SCRIPT_STEPS; i++)
		assert_int_equal(bpf_map_lookup_elem(e->results, &i, &out->results[i]), 0);
	skep_front_use(NULL);
}

/* ---- generated packets, contexts and scripts ---- */

static void put16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static u32 fill_ip(u8 *p)
{
	if (chance(3)) {
		p[0] = 0x60 | below(16);
		p[6] = chance(2) ? 6 : 17;
		return 40;
	}
	p[0] = 0x45;
	p[1] = (u8)below(256);
	p[9] = chance(2) ? 6 : 17;
	if (chance(2))
		p[6] = p[7] = 0;
	return 20;
}

static u32 random_size(u32 max)
{
	switch (below(6)) {
	case 0:
		return below(80);
	case 1:
		return 14 + below(50);
	case 2:
		return max - below(40) + below(20);
	default:
		return 60 + below(1500);
	}
}

static void make_packet(struct input *in, u32 max)
{
	u8 *p = in->data;
	u32 at = 12;

	in->size = min(random_size(max), (u32)PACKET_MAX);
	for (u32 i = 0; i < in->size + 128; i++)
		p[i] = (u8)rnd();
	if (chance(4))
		memset(p, 0, 6);
	else if (chance(4))
		p[0] |= 1;
	for (u32 tags = chance(3) ? 1 + below(2) : 0; tags; tags--, at += 4)
		put16(p + at, chance(3) ? 0x88a8 : 0x8100);
	switch (below(8)) {
	case 0:
		put16(p + at, (u16)below(1600)); /* a length */
		if (chance(3))
			put16(p + at + 2, 0xffff);
		break;
	case 1:
		put16(p + at, 0x0806);
		break;
	case 2:
		break;
	default:
		put16(p + at, fill_ip(p + at + 2) == 40 ? 0x86dd : 0x0800);
	}
}

static s32 number(u32 size)
{
	switch (below(8)) {
	case 0:
		return (s32)below(8);
	case 1:
		return -(s32)below(300);
	case 2:
		return (s32)below(300);
	case 3:
		return (s32)size - 20 + (s32)below(40);
	case 4:
		return (s32)rnd();
	case 5:
		return 4 * ((s32)below(128) - 64);
	default:
		return (s32)below(64);
	}
}

static u64 wide(void)
{
	switch (below(4)) {
	case 0:
		return below(4);
	case 1:
		return (u32)rnd();
	case 2:
		return below(0x10000);
	default:
		return rnd();
	}
}

static void make_script(struct input *in, u32 first, u32 last)
{
	struct script *s = &in->script;

	memset(s, 0, sizeof(*s));
	s->n = 1 + below(SCRIPT_STEPS);
	s->ret = below(8);
	for (u32 i = 0; i < sizeof(s->buf); i++)
		s->buf[i] = chance(8) ? 0xff : (u8)rnd();
	for (u32 i = 0; i < s->n; i++) {
		struct step *t = &s->steps[i];

		t->op = first + below(last - first + 1);
		t->a = number(in->size);
		t->b = number(in->size);
		t->c = wide();
		t->d = wide();
	}
}

/* Operands that mean something to the helper, else most calls are refused. */
static void aim_skb(struct input *in)
{
	static const u32 room_flags[] = { 0,	1,    2,    4,	   8,	  0x10,
					  0x20, 0x40, 0x80, 0x100, 2 | 8, 4 | 0x10 };

	bool grown = false;

	for (u32 i = 0; i < in->script.n; i++) {
		struct step *s = &in->script.steps[i];

		/* DIFF(skb-transport-header): the shortest tail after the head has grown. */
		if (s->op == 28 && grown) {
			s->op = 29;
			s->a = (s32)below(100);
			s->c = 0;
		}
		/* Linux's adjust_room shows stray memory when a header is shorter than it should be. */
		if (s->op == 27 && in->size < 90)
			s->op = 2;
		/* Linux before 6.13 stumbles over a negative head of a GSO packet (a BUG). */
		if (s->op == 29)
			s->a &= 0xffff;
		grown |= s->op == 23 || s->op == 25 || s->op == 27 || s->op == 29;
		if (chance(10))
			continue;
		switch (s->op) {
		case 21:
		case 22:
			s->a = (s32)below(40) & ~1;
			s->b = (s32)(below(3) * 2);
			if (!s->b)
				s->c = 0;
			if (s->op == 22)
				s->b |= (s32)(below(16) << 4);
			break;
		case 23:
			s->a = chance(2) ? 0x0081 : 0xa888;
			break;
		case 25:
			s->a = chance(2) ? 0x0008 : 0xdd86;
			s->c = 0;
			break;
		case 26:
			s->a = (s32)below(6);
			break;
		case 27:
			s->a = (s32)below(160) - 80;
			s->b = (s32)below(2);
			s->c = room_flags[below(ARRAY_SIZE(room_flags))];
			if (s->c && chance(4))
				s->c |= (u64)below(40) << 56;
			break;
		case 28:
			s->a = chance(3) ? (s32)below(17000) : (s32)in->size - 20 + (s32)below(200);
			s->c = 0;
			break;
		case 29:
			s->a = chance(6) ? (s32)below(17000) : (s32)below(100);
			s->c = 0;
			break;
		case 36:
			s->a = (s32)below(4);
			break;
		}
	}
}

static void make_skb_ctx(struct input *in)
{
	struct __sk_buff ctx = { 0 };

	in->ctx_size = 0;
	in->ctx_out = chance(2);
	if (chance(2))
		return;
	ctx.mark = (u32)rnd();
	ctx.priority = (u32)rnd();
	ctx.ingress_ifindex = below(5);
	ctx.ifindex = below(2);
	ctx.cb[0] = (u32)rnd();
	ctx.cb[4] = (u32)rnd();
	ctx.tstamp = wide();
	if (chance(3))
		ctx.wire_len = in->size - 2 + below(70000);
	if (chance(3)) {
		ctx.gso_segs = below(70000);
		ctx.gso_size = chance(2) ? 0 : below(70000);
	}
	ctx.hwtstamp = wide();
	memset(in->ctx, 0, sizeof(in->ctx));
	memcpy(in->ctx, &ctx, sizeof(ctx));
	if (chance(12))
		in->ctx[below(sizeof(ctx))] = 1;
	in->ctx_size = chance(8) ? 1 + below(sizeof(in->ctx)) : (u32)sizeof(ctx);
}

static void make_xdp_ctx(struct input *in)
{
	struct xdp_md ctx = { 0 };

	in->ctx_size = 0;
	in->ctx_out = chance(2);
	if (chance(2))
		return;
	ctx.data = chance(3) ? below(64) * 4 : chance(2) ? 0 : below(300);
	ctx.data_end = chance(3) ? below(in->size + 10) : in->size;
	ctx.ingress_ifindex = below(2);
	ctx.rx_queue_index = chance(8);
	ctx.egress_ifindex = chance(20);
	ctx.data_meta = chance(20);
	memset(in->ctx, 0, sizeof(in->ctx));
	memcpy(in->ctx, &ctx, sizeof(ctx));
	in->ctx_size = chance(8) ? 1 + below(sizeof(in->ctx)) : (u32)sizeof(ctx);
	if (chance(20))
		in->ctx[below(in->ctx_size)] = 1;
}

static void make_common(struct input *in)
{
	in->repeat = chance(10) ? below(4) : 0;
	in->out_room = chance(8) ? 1 + below(in->size + 100) : PACKET_MAX;
	/* Live frames (2) would go to the machine's own network. */
	in->flags = chance(30) ? below(2) ? 1 : 4 : 0;
}

/* ---- comparison ---- */

static void show(const struct input *in, const struct outcome *a, const struct outcome *b)
{
	const struct script *s = &in->script;

	print_message("packet of %u bytes, room %u, ctx_in %u bytes, flags %#x, repeat %u\n",
		      in->size, in->out_room, in->ctx_size, in->flags, in->repeat);
	for (u32 i = 0; i < 34 && i < in->size; i++)
		print_message("%02x%s", in->data[i], i == 33 ? "\n" : " ");
	print_message("text:");
	for (u32 i = 0; i < SCRIPT_BUF; i++)
		print_message(s->buf[i] > 32 && s->buf[i] < 127 ? " %c" : " %02x", s->buf[i]);
	print_message("\n");
	for (u32 i = 0; i < s->n; i++)
		print_message("  step %u: op %u a %d b %d c %#llx d %#llx: ret %lld, kernel %lld; "
			      "value %#llx, kernel %#llx%s\n",
			      i, s->steps[i].op, s->steps[i].a, s->steps[i].b,
			      (unsigned long long)s->steps[i].c, (unsigned long long)s->steps[i].d,
			      (long long)a->results[i].ret, (long long)b->results[i].ret,
			      (unsigned long long)a->results[i].value,
			      (unsigned long long)b->results[i].value,
			      memcmp(a->results[i].buf, b->results[i].buf, SCRIPT_BUF) ?
				      " buf differs" :
				      "");
	print_message("  err %d, kernel %d; retval %u, kernel %u; size %u, kernel %u; "
		      "ctx size %u, kernel %u\n",
		      a->err, b->err, a->retval, b->retval, a->data_size, b->data_size, a->ctx_size,
		      b->ctx_size);
	for (u32 i = 0; i < sizeof(a->ctx); i++)
		if (a->ctx[i] != b->ctx[i])
			print_message("  ctx byte %u: %02x, kernel %02x\n", i, a->ctx[i],
				      b->ctx[i]);
	for (u32 i = 0, n = 0; i < PACKET_MAX && n < 8; i++)
		if (a->data[i] != b->data[i]) {
			print_message("  data byte %u: %02x, kernel %02x\n", i, a->data[i],
				      b->data[i]);
			n++;
		}
}

static void compare(const char *file, const char *prog, void (*make)(struct input *in))
{
	static struct input in;
	static struct outcome got, want;
	const char *rounds = getenv("SKEP_ROUNDS"), *seed = getenv("SKEP_SEED");
	u32 n = rounds ? (u32)atoi(rounds) : ROUNDS;

	if (!test.kernel)
		skip();
	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	assert_int_equal(engine_open(&test.engines[1], file), 0);
	assert_int_equal(engine_open(&test.engines[0], file), 0);
	for (u32 i = 0; i < n; i++) {
		make(&in);
		engine_run(&test.engines[0], prog, &in, &got);
		engine_run(&test.engines[1], prog, &in, &want);
		if (memcmp(&got, &want, sizeof(got))) {
			show(&in, &got, &want);
			fail_msg("%s round %u differs", prog, i);
		}
	}
	engine_close(&test.engines[0]);
	engine_close(&test.engines[1]);
}

static void make_xdp(struct input *in)
{
	make_packet(in, 3520);
	make_xdp_ctx(in);
	make_script(in, 0, 13);
	make_common(in);
}

static void make_xdp_frags(struct input *in)
{
	make_packet(in, 3520);
	if (chance(2)) {
		u32 more = chance(8) ? 70000 : 9000;

		for (u32 i = in->size; i < PACKET_MAX; i += 8)
			in->data[i] = (u8)i;
		in->size = min_t(u32, 3500 + below(more), PACKET_MAX);
	}
	make_xdp_ctx(in);
	make_script(in, 0, 13);
	make_common(in);
}

static void make_tc(struct input *in)
{
	make_packet(in, 3712);
	make_skb_ctx(in);
	make_script(in, 20, 46);
	for (u32 i = 0; i < in->script.n; i++)
		if (chance(4))
			in->script.steps[i].op = below(9);
	aim_skb(in);
	make_common(in);
}

/* Devices, and what is known of a packet's socket. */
static void make_tc_devices(struct input *in)
{
	make_packet(in, 3712);
	make_skb_ctx(in);
	make_script(in, 43, 50);
	make_common(in);
}

static void make_xdp_devices(struct input *in)
{
	make_packet(in, 3520);
	make_xdp_ctx(in);
	make_script(in, 11, 14);
	make_common(in);
}

static void make_filter(struct input *in)
{
	make_packet(in, 3712);
	make_skb_ctx(in);
	make_script(in, 0, 8);
	make_common(in);
}

/* Text that is nearly a number, a format or the constant the program knows. */
static void make_text(u8 *buf)
{
	static const char *const texts[] = {
		"12345678901234567890",
		"0x1fz",
		"-9223372036854775808",
		"9223372036854775808",
		"0755",
		" \t-077",
		"18446744073709551615",
		"18446744073709551616",
		"0x",
		"- 5",
		"08",
		"eBPF that you can carry",
		"eBPF that you",
		"0000000000000000000000000000000000000000007",
		"-1",
		"+1",
		"0b1",
		"0xFFFFFFFFFFFFFFFFF",
	};
	static const char *const pieces[] = {
		"%d",  "%s",  "%5",   "%",    "l",    "u",     "x",   "%px",  "%pI4", "%pi6",
		"%p",  "%c",  "%%",   "z",    "h",    " ",     "\n",  "\x01", "\xc3", ".",
		"#",   "0",   "-",    "%lld", "%pks", "%pus",  "%pB", "%pK",  "%+05", "%ps",
		"%pS", "%lu", "%llx", "%i",   "%X",   "%pI6c", "%pX", "abc",
	};
	char text[SCRIPT_BUF * 2] = "";

	if (chance(2)) {
		strcpy(text, texts[below(ARRAY_SIZE(texts))]);
	} else {
		for (u32 n = 1 + below(6); n; n--)
			strcat(text, pieces[below(ARRAY_SIZE(pieces))]);
	}
	if (chance(4))
		text[below(30)] = (char)rnd();
	memset(buf, 0, SCRIPT_BUF);
	memcpy(buf, text, SCRIPT_BUF - chance(8));
}

static void make_misc(struct input *in)
{
	make_packet(in, 100);
	in->size = max(in->size, 60U);
	in->ctx_size = 0;
	in->ctx_out = false;
	make_script(in, 0, 58);
	for (u32 i = 0; i < in->script.n; i++) {
		struct step *s = &in->script.steps[i];

		if (chance(2))
			s->op = below(13);
		if (s->op < 2 && chance(2))
			s->b = (s32)(below(3) * 8 + (chance(3) ? 2 : 0));
		if (s->op < 6 && chance(2))
			s->a = 63;
		if (s->op == 8 && chance(2))
			s->c = 0;
	}
	make_text(in->script.buf);
	make_common(in);
	in->repeat = 0;
	in->flags = 0;
}

static void xdp_same(void **state)
{
	compare("diff_xdp.bpf.o", "xdp_linear", make_xdp);
}

static void xdp_frags_same(void **state)
{
	compare("diff_xdp.bpf.o", "xdp_frags", make_xdp_frags);
}

static void tc_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_tc", make_tc);
}

static void act_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_act", make_tc);
}

static void misc_same(void **state)
{
	compare("diff_misc.bpf.o", "misc", make_misc);
}

static void loops_same(void **state)
{
	compare("diff_misc.bpf.o", "loops", make_misc);
}

static void loops_inlined_same(void **state)
{
	compare("diff_misc.bpf.o", "loops_inlined", make_misc);
}

static void filter_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_filter", make_filter);
}

static void lwt_in_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_lwt_in", make_tc);
}

static void lwt_out_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_lwt_out", make_tc);
}

static void lwt_xmit_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_lwt_xmit", make_tc);
}

static void make_tunnel(struct input *in)
{
	make_packet(in, 100);
	in->size = max(in->size, 60U);
	in->ctx_size = 0;
	in->ctx_out = false;
	make_script(in, 0, 11);
	for (u32 i = 0; i < in->script.n; i++) {
		struct step *s = &in->script.steps[i];

		s->a = (s32)below(256);
		s->b = (s32)below(256);
		if (!chance(3))
			s->c = s->op >= 6 ? below(2) * 0x10 + below(2) : below(32);
	}
	make_common(in);
	in->repeat = 0;
	in->flags = 0;
}

static void tunnel_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_tunnel", make_tunnel);
}

static void cgroup_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_cgroup", make_filter);
}

/* ---- what Linux 6.18 gave, for hosts that do not permit eBPF ---- */

#define RECORDED_ROUNDS 500

/* Hashes over all outcomes from seed 1; SKEP_RECORD=1 prints those of the running kernel. */
static const struct {
	const char *file, *prog;
	void (*make)(struct input *in);
	u64 hash;
} recorded[] = {
	{ "diff_xdp.bpf.o", "xdp_linear", make_xdp, 0xaa37142e1e851736 },
	{ "diff_xdp.bpf.o", "xdp_frags", make_xdp_frags, 0x638e8f60ac5a1c76 },
	{ "diff_skb.bpf.o", "skb_tc", make_tc, 0x5364888eff065c80 },
	{ "diff_skb.bpf.o", "skb_act", make_tc, 0x5364888eff065c80 },
	{ "diff_skb.bpf.o", "skb_filter", make_filter, 0x024f7362fe0356ae },
	{ "diff_skb.bpf.o", "skb_cgroup", make_filter, 0x0229724e6d437144 },
	{ "diff_skb.bpf.o", "skb_lwt_in", make_tc, 0x6feba7d84ad36c97 },
	{ "diff_skb.bpf.o", "skb_lwt_out", make_tc, 0x6feba7d84ad36c97 },
	{ "diff_skb.bpf.o", "skb_lwt_xmit", make_tc, 0xbfae9725258706e9 },
	{ "diff_misc.bpf.o", "misc", make_misc, 0xc9a9023b1f7ec12e },
	{ "diff_misc.bpf.o", "loops", make_misc, 0xd5a6d5e03fa3ac76 },
};

static u64 hash_bytes(u64 hash, const void *bytes, size_t n)
{
	const u8 *p = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

static u64 hash_outcomes(struct engine *e, u32 which)
{
	static struct input in;
	static struct outcome o;
	u64 hash = 0xcbf29ce484222325ULL;

	memset(&in, 0, sizeof(in));
	random_state = 1;
	assert_int_equal(engine_open(e, recorded[which].file), 0);
	for (u32 i = 0; i < RECORDED_ROUNDS; i++) {
		recorded[which].make(&in);
		engine_run(e, recorded[which].prog, &in, &o);
		hash = hash_bytes(hash, &o, offsetof(struct outcome, data));
		hash = hash_bytes(hash, o.data, min_t(u32, o.data_size, PACKET_MAX));
	}
	engine_close(e);
	return hash;
}

static void as_recorded(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };
	struct engine skep = { .name = "skep", .sys = skep_system_new(&opts) };

	assert_non_null(skep.sys);
	for (u32 i = 0; i < ARRAY_SIZE(recorded); i++) {
		u64 hash = hash_outcomes(&skep, i);

		if (getenv("SKEP_RECORD") && test.kernel)
			print_message("%s 0x%016llx\n", recorded[i].prog,
				      (unsigned long long)hash_outcomes(&test.engines[1], i));
		else if (hash != recorded[i].hash)
			fail_msg("%s: not as Linux 6.18", recorded[i].prog);
	}
	skep_system_free(skep.sys);
}

static void devices_same(void **state)
{
	compare("diff_skb.bpf.o", "skb_tc", make_tc_devices);
	compare("diff_xdp.bpf.o", "xdp_linear", make_xdp_devices);
}

/* The profile is that of the running kernel, as far as skep knows it. */
static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts) };
	struct utsname host;
	int err;

	libbpf_set_print(quiet);
	test.engines[0].name = "skep";
	test.engines[1].name = "kernel";
	err = engine_open(&test.engines[1], "diff_xdp.bpf.o");
	if (err == -EPERM || err == -ENOSYS) {
		print_message("# the running kernel does not permit eBPF\n");
		return 0;
	}
	engine_close(&test.engines[1]);
	uname(&host);
	opts.kernel = host.release;
	test.engines[0].sys = skep_system_new(&opts);
	if (!test.engines[0].sys) { /* a release that skep does not know */
		opts.kernel = NULL;
		test.engines[0].sys = skep_system_new(&opts);
	}
	test.kernel = true;
	return test.engines[0].sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(test.engines[0].sys);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_recorded),	      cmocka_unit_test(xdp_same),
		cmocka_unit_test(xdp_frags_same),     cmocka_unit_test(tc_same),
		cmocka_unit_test(act_same),	      cmocka_unit_test(filter_same),
		cmocka_unit_test(cgroup_same),	      cmocka_unit_test(tunnel_same),
		cmocka_unit_test(misc_same),	      cmocka_unit_test(loops_same),
		cmocka_unit_test(loops_inlined_same), cmocka_unit_test(lwt_in_same),
		cmocka_unit_test(lwt_out_same),	      cmocka_unit_test(lwt_xmit_same),
		cmocka_unit_test(devices_same),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
