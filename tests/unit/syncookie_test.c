/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * SYN cookies by headers alone, on skep and on the running kernel (tests/bpf/syncookie.bpf.c): the
 * cookies differ, as each has a secret; errors, segment sizes and which cookies are taken do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/types.h"
#include "skep/skep.h"
#include "tests/lib/beside.h"

struct headers {
	u8 ip[40], tcp[60];
	u32 tcp_len, ipv6;
	s64 made, checked;
};

static struct beside engines[2];
static u32 nr_engines;

static void run(const struct beside *b, const char *name, struct headers *h)
{
	assert_int_equal(beside_run(b, "map", name, true, h), 0);
}

static void put32(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 24), p[1] = (u8)(v >> 16), p[2] = (u8)(v >> 8), p[3] = (u8)v;
}

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void generate(struct headers *h)
{
	u32 options = beside_random(11) * 4;

	memset(h, 0, sizeof(*h));
	h->ipv6 = beside_random(2);
	for (u32 i = 0; i < sizeof(h->ip); i++)
		h->ip[i] = (u8)beside_random(256);
	for (u32 i = 0; i < sizeof(h->tcp); i++)
		h->tcp[i] = (u8)beside_random(256);
	for (u32 at = 20; at < 20 + options;) { /* mostly real options */
		switch (beside_random(5)) {
		case 0:
			h->tcp[at++] = 1;
			break;
		case 1:
		case 2:
			if (at + 4 <= 60) {
				h->tcp[at] = 2;
				h->tcp[at + 1] = 4;
				h->tcp[at + 2] = (u8)beside_random(40);
			}
			at += 4;
			break;
		case 3:
			h->tcp[at] = 3;
			if (at + 1 < 60)
				h->tcp[at + 1] = 3;
			at += 3;
			break;
		default:
			h->tcp[at++] = (u8)beside_random(10);
		}
	}
	h->tcp_len = beside_random(8) ? 20 + options : beside_random(61);
	h->tcp[12] = (u8)((beside_random(8) ? h->tcp_len / 4 : beside_random(16)) << 4);
}

/* What the client sends next, with its acknowledgement moved by @off. -EACCES or 0. */
static s64 answer(const struct beside *e, const struct headers *made, u32 off)
{
	struct headers h = *made;

	put32(h.tcp + 4, get32(h.tcp + 4) + 1);
	put32(h.tcp + 8, (u32)made->made + 1 + off);
	run(e, "check", &h);
	return h.checked;
}

static void cookies(void **state)
{
	u32 made = 0, refused = 0;

	for (u32 round = 0; round < 3000; round++) {
		struct headers h[2];

		generate(&h[0]);
		h[1] = h[0];
		for (u32 i = 0; i < nr_engines; i++)
			run(&engines[i], "make", &h[i]);
		if (nr_engines == 2)
			assert_int_equal(h[0].made >> 32, h[1].made >> 32);
		if (h[0].made < 0) {
			assert_int_equal(h[0].made, -EINVAL);
			refused++;
			continue;
		}
		made++;
		for (u32 i = 0; i < nr_engines; i++) {
			assert_int_equal(answer(&engines[i], &h[i], 0), 0);
			assert_int_equal(
				answer(&engines[i], &h[i], 1 + beside_random(1 << 20) * 16),
				-EACCES);
			h[i].ip[12] ^= 1; /* another source */
			assert_int_equal(answer(&engines[i], &h[i], 0), -EACCES);
		}
	}
	assert_true(made > 1000 && refused > 100);
}

static int setup(void **state)
{
	nr_engines = beside_open_both(engines, "syncookie");
	return nr_engines ? 0 : -1;
}

static int teardown(void **state)
{
	beside_close_both(engines);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cookies) };

	return cmocka_run_group_tests_name("SYN cookies", tests, setup, teardown);
}
