/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_xdp_pull_data() among adjustments of head and tail, on frames of generated sizes: here and on the running kernel
 * the same results, geometry and bytes. SKEP_ROUNDS=N frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/uapi.h"

#include <bpf/bpf.h>

#include "tests/lib/beside.h"

#define STEPS 4
#define FRAME 20000

struct pull {
	u32 do_pull[STEPS];
	s32 do_head[STEPS], do_tail[STEPS];
	s32 pulled[STEPS], moved[STEPS], cut[STEPS];
	u32 linear[STEPS], whole[STEPS], meta[STEPS];
};

struct outcome {
	int err;
	u32 retval, size, data, data_end;
	struct pull p;
	u8 bytes[FRAME + 4096];
};

static void run(const struct beside *b, const struct pull *p, const struct xdp_md *md, u8 *in,
		u32 size, struct outcome *o)
{
	struct xdp_md ctx = *md, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = size,
		    .data_out = o->bytes, .data_size_out = sizeof(o->bytes), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &out, .ctx_size_out = sizeof(out));
	int map, prog;
	u32 zero = 0;

	memset(o, 0, sizeof(*o));
	skep_front_use(b->sys);
	map = bpf_object__find_map_fd_by_name(b->obj, "pull");
	prog = bpf_program__fd(bpf_object__find_program_by_name(b->obj, "pull_steps"));
	assert_int_equal(bpf_map_update_elem(map, &zero, p, 0), 0);
	o->err = bpf_prog_test_run_opts(prog, &opts);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, &o->p), 0);
	skep_front_use(NULL);
	o->retval = opts.retval;
	o->size = opts.data_size_out;
	o->data = out.data;
	o->data_end = out.data_end;
}

static void choose(struct pull *p, struct xdp_md *md, u32 *size)
{
	*size = 64 + (beside_random(4) ? beside_random(9000) : beside_random(FRAME - 64));
	memset(md, 0, sizeof(*md));
	if (!beside_random(3))
		md->data = 4 * beside_random(16);
	/* How much of it is linear: since 6.18 the caller says. */
	md->data_end = beside_random(2) ? *size : min(*size, md->data + 14 + beside_random(3000));
	memset(p, 0, sizeof(*p));
	for (u32 i = 0; i < STEPS; i++) {
		p->do_pull[i] = beside_random(3) ? beside_random(*size + 20) : beside_random(200);
		if (!beside_random(3))
			p->do_head[i] = (s32)beside_random(300) - 150;
		if (!beside_random(3))
			p->do_tail[i] = (s32)beside_random(600) - 400;
	}
}

static void random_frames(void **unused)
{
	static struct outcome o[2];
	const char *rounds = getenv("SKEP_ROUNDS");
	u32 n = rounds ? (u32)atoi(rounds) : 3000, size, pulled = 0, sides;
	static u8 in[FRAME + 64];
	struct beside b[2] = { { .sys = NULL } };
	struct xdp_md md;
	struct pull p;

	sides = beside_open_both(b, "xdp_pull");
	assert_true(sides > 0);
	for (u32 i = 0; i < sizeof(in); i++)
		in[i] = (u8)beside_random(256);
	for (u32 r = 0; r < n; r++) {
		choose(&p, &md, &size);
		for (u32 s = 0; s < sides; s++)
			run(&b[s], &p, &md, in, size, &o[s]);
		for (u32 i = 0; i < STEPS; i++)
			pulled += !o[0].p.pulled[i] && p.do_pull[i] > md.data_end;
		if (sides == 1 || !memcmp(&o[0], &o[1], sizeof(o[0])))
			continue;
		print_error(
			"frame %u: %u bytes, %u linear, %u metadata: ours %d %u, kernel %d %u\n", r,
			size, md.data_end, md.data, o[0].err, o[0].size, o[1].err, o[1].size);
		for (u32 i = 0; i < STEPS; i++)
			for (u32 s = 0; s < 2; s++)
				print_error(
					"  pull %u: %d; head %d: %d; tail %d: %d; %u of %u, %u\n",
					p.do_pull[i], o[s].p.pulled[i], p.do_head[i],
					o[s].p.moved[i], p.do_tail[i], o[s].p.cut[i],
					o[s].p.linear[i], o[s].p.whole[i], o[s].p.meta[i]);
		fail();
	}
	assert_true(pulled > n / 10);
	beside_close_both(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_frames) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
