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

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "skep/skep.h"

struct headers {
	u8 ip[40], tcp[60];
	u32 tcp_len, ipv6;
	s64 made, checked;
};

static struct engine {
	struct skep_system *sys; /* NULL: the kernel */
	struct bpf_object *obj;
	int map;
} engines[2];
static u32 nr_engines;
static u64 random_state = 1;

static u32 below(u32 n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(random_state >> 33) % n;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int engine_open(struct engine *e)
{
	const char *out = getenv("O");
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/bpf/syncookie.bpf.o", out ? out : "build");
	skep_front_use(e->sys);
	e->obj = bpf_object__open_file(path, NULL);
	err = e->obj ? bpf_object__load(e->obj) : -errno;
	if (!err)
		e->map = bpf_object__find_map_fd_by_name(e->obj, "map");
	skep_front_use(NULL);
	return err;
}

static void run(const struct engine *e, const char *name, struct headers *h)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[64] = { 0 };
	u32 zero = 0;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	skep_front_use(e->sys);
	assert_int_equal(bpf_map_update_elem(e->map, &zero, h, 0), 0);
	assert_int_equal(
		bpf_prog_test_run_opts(
			bpf_program__fd(bpf_object__find_program_by_name(e->obj, name)), &opts),
		0);
	assert_int_equal(opts.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(e->map, &zero, h), 0);
	skep_front_use(NULL);
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
	u32 options = below(11) * 4;

	memset(h, 0, sizeof(*h));
	h->ipv6 = below(2);
	for (u32 i = 0; i < sizeof(h->ip); i++)
		h->ip[i] = (u8)below(256);
	for (u32 i = 0; i < sizeof(h->tcp); i++)
		h->tcp[i] = (u8)below(256);
	for (u32 at = 20; at < 20 + options;) { /* mostly real options */
		switch (below(5)) {
		case 0:
			h->tcp[at++] = 1;
			break;
		case 1:
		case 2:
			if (at + 4 <= 60) {
				h->tcp[at] = 2;
				h->tcp[at + 1] = 4;
				h->tcp[at + 2] = (u8)below(40);
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
			h->tcp[at++] = (u8)below(10);
		}
	}
	h->tcp_len = below(8) ? 20 + options : below(61);
	h->tcp[12] = (u8)((below(8) ? h->tcp_len / 4 : below(16)) << 4);
}

/* What the client sends next, with its acknowledgement moved by @off. -EACCES or 0. */
static s64 answer(const struct engine *e, const struct headers *made, u32 off)
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
			assert_int_equal(answer(&engines[i], &h[i], 1 + below(1 << 20) * 16),
					 -EACCES);
			h[i].ip[12] ^= 1; /* another source */
			assert_int_equal(answer(&engines[i], &h[i], 0), -EACCES);
		}
	}
	assert_true(made > 1000 && refused > 100);
}

static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };

	libbpf_set_print(quiet);
	engines[0].sys = skep_system_new(&opts);
	if (!engines[0].sys || engine_open(&engines[0]))
		return -1;
	nr_engines = 2;
	if (engine_open(&engines[1])) {
		print_message("# no live kernel bpf with SYN cookies: not compared\n");
		nr_engines = 1;
	}
	return 0;
}

static int teardown(void **state)
{
	for (u32 i = 0; i < 2; i++) {
		skep_front_use(engines[i].sys);
		bpf_object__close(engines[i].obj);
		skep_front_use(NULL);
	}
	skep_system_free(engines[0].sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cookies) };

	return cmocka_run_group_tests_name("SYN cookies", tests, setup, teardown);
}
