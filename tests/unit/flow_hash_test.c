/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_get_hash_recalc(): whether two packets are of one flow is answered as by the running kernel, whose hashes are
 * others (DIFF(flow-hash)): packets in tunnels, with tags and extension headers, cut off anywhere, and what differs from
 * them in one byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/beside.h"

#define PACKETS 4000
#define NEAR	6 /* a packet, and what is nearly the same */

static struct beside engines[2];
static u32 nr;

static u8 packet[400];
static u32 len;

static void put(const void *bytes, u32 n)
{
	memcpy(packet + len, bytes, n);
	len += n;
}

static void put8(u32 v)
{
	packet[len++] = (u8)v;
}

static void put16(u32 v)
{
	put8(v >> 8);
	put8(v);
}

static void noise(u32 n)
{
	while (n--)
		put8(beside_random(256));
}

static void ports(void)
{
	noise(4);
	noise(16);
}

static void network(u32 depth, u32 type);

/* A protocol of IP: which, and what follows. */
static void body(u32 depth, u32 proto)
{
	u32 flags;

	switch (proto) {
	case 4:
		network(depth, 0x0800);
		break;
	case 41:
		network(depth, 0x86dd);
		break;
	case 47:
		flags = (beside_random(2) ? 0x2000 : 0) | (beside_random(3) ? 0 : 0x8000) |
			(beside_random(3) ? 0 : 0x1000) | (beside_random(12) ? 0 : 0x4000);
		if (!beside_random(5)) { /* PPTP */
			flags = (flags & 0x1000) | 0x2001 | (beside_random(2) ? 0x80 : 0);
			put16(flags);
			put16(0x880b);
			noise(4 + (flags & 0x1000 ? 4 : 0) + (flags & 0x80 ? 4 : 0));
			put16(0xff03);
			put16(beside_random(3) ? 0x21 : 0x57);
			network(depth, packet[len - 1] == 0x21 ? 0x0800 : 0x86dd);
			break;
		}
		put16(flags);
		proto = beside_random(3) ? 0x0800 : beside_random(2) ? 0x86dd : 0x6558;
		put16(proto);
		noise((flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) +
		      (flags & 0x1000 ? 4 : 0));
		if (proto == 0x6558) {
			noise(12);
			proto = beside_random(2) ? 0x0800 : 0x86dd;
			put16(proto);
		}
		network(depth, proto);
		break;
	case 0:
	case 43:
	case 60:
		put8(17);
		put8(beside_random(2));
		noise(6 + 8 * packet[len - 1]);
		ports();
		break;
	case 44:
		put8(17);
		put8(0);
		put16(beside_random(2));
		noise(4);
		ports();
		break;
	default:
		ports();
	}
}

static void network(u32 depth, u32 type)
{
	static const u8 protos[] = { 6, 17, 4, 41, 47, 47, 132, 50, 51, 1, 58, 136, 33 };
	static const u8 six[] = { 0, 43, 44, 60, 47, 4, 41, 6, 17, 58, 51 };
	u32 proto;

	if (depth > 3)
		type = 0x0806;
	switch (type) {
	case 0x0800:
		proto = protos[beside_random(sizeof(protos))];
		put8(0x45 + !beside_random(4));
		put8(0);
		noise(4);
		put16(beside_random(6) ? 0x4000 : beside_random(2) ? 0x2000 : 0x0010);
		put8(64);
		put8(proto);
		put16(0);
		noise(8);
		if (packet[len - 20] == 0x46)
			noise(4);
		body(depth + 1, proto);
		break;
	case 0x86dd:
		proto = six[beside_random(sizeof(six))];
		put16(0x6000);
		put16(beside_random(4) ? 0 : 7);
		put16(0);
		put8(proto);
		put8(64);
		noise(32);
		body(depth + 1, proto);
		break;
	case 0x8100:
	case 0x88a8:
		noise(2);
		type = beside_random(4) ? beside_random(2) ? 0x0800 : 0x86dd : 0x8100;
		put16(type);
		network(depth + 1, type);
		break;
	case 0x8864:
		put8(0x11);
		put8(0);
		noise(4);
		put16(beside_random(2) ? 0x21 : 0x57);
		network(depth + 1, packet[len - 1] == 0x21 ? 0x0800 : 0x86dd);
		break;
	default:
		noise(20);
	}
}

static void make(void)
{
	static const u16 types[] = {
		0x0800, 0x0800, 0x86dd, 0x86dd, 0x8100, 0x88a8, 0x8864, 0x0806
	};
	u32 type = types[beside_random(8)];

	len = 0;
	put("\0\0\0\0\0\0\2\0\0\0\0\1", 12);
	put16(type);
	network(0, type);
	while (len < 60)
		put8(0);
}

static u32 hash(const struct beside *b, const char *prog, const u8 *data, u32 size)
{
	struct __sk_buff in = { .mark = beside_random(1) }, out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = size, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out));

	skep_front_use(b->sys);
	assert_int_equal(
		bpf_prog_test_run_opts(
			bpf_program__fd(bpf_object__find_program_by_name(b->obj, prog)), &opts),
		0);
	skep_front_use(NULL);
	assert_int_equal(opts.retval, 0);
	return out.mark;
}

static void same_flows(void **state)
{
	u32 equal = 0, other = 0;

	if (nr < 2)
		skip();
	for (u32 i = 0; i < PACKETS; i++) {
		const char *prog = i % 3 ? "hash" : "hash_popped";
		u32 size, got[2][NEAR], where[NEAR] = { 0 };
		u8 near[sizeof(packet)];

		make();
		size = max(60U, len - (beside_random(4) ? 0 : beside_random(40)));
		for (u32 k = 0; k < NEAR; k++) {
			memcpy(near, packet, len);
			if (k)
				where[k] = 14 + beside_random(min(size - 14, 90U));
			if (k)
				near[where[k]] ^= (u8)(1 + beside_random(255));
			for (u32 e = 0; e < 2; e++)
				got[e][k] = hash(&engines[e], prog, near, size);
		}
		for (u32 a = 0; a < NEAR; a++)
			for (u32 b = 0; b < a; b++) {
				bool ours = got[0][a] == got[0][b], theirs = got[1][a] == got[1][b];

				if (ours != theirs) {
					print_message("# size %u:", size);
					for (u32 n = 12; n < size; n++)
						print_message(" %02x", packet[n]);
					print_message("\n");
					fail_msg("packet %u, %s: changed at %u and %u: skep %d, "
						 "kernel %d",
						 i, prog, where[a], where[b], ours, theirs);
				}
				equal += ours;
				other += !ours;
			}
	}
	/* Both answers were given, often. */
	assert_true(equal > PACKETS && other > PACKETS);
}

/* Without a kernel to ask: what is in a tunnel is the flow, both ways. */
static void in_tunnels(void **state)
{
	static const u8 eth[] = "\0\0\0\0\0\0\2\0\0\0\0\1\x08\0";
	static const u8 outer[] = {
		0x45, 0, 0, 60, 0, 0, 0, 0, 64, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2
	};
	static const u8 inner[] = { 0x45, 0, 0,	 40, 0, 0, 0, 0,  64, 6, 0, 0, 10, 0,
				    0,	  1, 10, 0,  0, 2, 0, 80, 4,  0, 0, 0, 0,  0,
				    0,	  0, 0,	 0,  0, 0, 0, 0,  0,  0, 0, 0 };
	u32 plain, tunnel, back, other;

	len = 0;
	put(eth, 14);
	put(inner, sizeof(inner));
	noise(20);
	plain = hash(&engines[0], "hash", packet, len);
	len = 14;
	put(outer, sizeof(outer));
	put(inner, sizeof(inner));
	tunnel = hash(&engines[0], "hash", packet, len);
	memcpy(packet + 34 + 12, inner + 16, 4);
	memcpy(packet + 34 + 16, inner + 12, 4);
	memcpy(packet + 34 + 20, inner + 22, 2);
	memcpy(packet + 34 + 22, inner + 20, 2);
	back = hash(&engines[0], "hash", packet, len);
	packet[34 + 21]++;
	other = hash(&engines[0], "hash", packet, len);
	assert_int_equal(plain, tunnel);
	assert_int_equal(plain, back);
	assert_int_not_equal(plain, other);
}

static int setup(void **state)
{
	nr = beside_open_both(engines, "flow_hash");
	return nr ? 0 : -1;
}

static int teardown(void **state)
{
	beside_close_both(engines);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_flows),
		cmocka_unit_test(in_tunnels),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
