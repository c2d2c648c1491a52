/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers are given a socket by pointers of several types (tests/bpf/sock_same.bpf.c): it is the same socket by each.
 * On skep, by both of its engines, and on the running kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/types.h"
#include "tests/lib/beside.h"

struct result {
	struct bpf_sock_tuple tuple;
	u32 found, tcp, full, listener, again, same_cwnd, stored, deleted, cgroup;
	s32 in_map, assigned;
	u32 kernel, kernel_stored, kernel_cgroup, xsk, xsk_whole;
};

static struct beside engines[3];
static u32 nr_engines;
static int listener;

static struct bpf_sock_tuple tuple(void)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	assert_false(getsockname(listener, (struct sockaddr *)&at, &len));
	return (struct bpf_sock_tuple){ .ipv4 = { .saddr = htonl(INADDR_LOOPBACK),
						  .daddr = htonl(INADDR_LOOPBACK),
						  .sport = htons(1),
						  .dport = at.sin_port } };
}

static void as_tcp_sock(void **state)
{
	for (u32 e = 0; e < nr_engines; e++)
		for (u32 i = 0; i < 100; i++) { /* more than all runs together can hold */
			struct result r = { .tuple = tuple() };
			u32 port = ntohs(r.tuple.ipv4.dport);

			assert_int_equal(
				beside_run(&engines[e], "results", "as_tcp_sock", true, &r), 1);
			assert_int_equal(r.found, port);
			assert_int_equal(r.full, port);
			assert_int_equal(r.listener, port);
			assert_int_equal(r.again, 1);
			assert_int_equal(r.same_cwnd, 1);
			assert_int_equal(r.stored, 42);
			assert_int_equal(r.deleted, 1);
			assert_int_equal(r.in_map, 0);
			assert_int_equal(r.assigned, -EOPNOTSUPP);
		}
}

/* Kernel types are of the sockets of processes that are seen: skep's when this runs under it (tests/script/sock_same). */
static void as_kernel_type(void **state)
{
	for (u32 e = 2; e < nr_engines; e++)
		for (u32 i = 0; i < 100; i++) {
			struct result r = { .tuple = tuple() };

			assert_int_equal(
				beside_run(&engines[e], "results", "as_kernel_type", true, &r), 1);
			assert_int_equal(r.kernel, 1);
			assert_int_equal(r.kernel_stored, 53);
		}
}

static void cgroups(void **state)
{
	for (u32 e = 2; e < nr_engines; e++) {
		struct result r = { .tuple = tuple() };

		assert_int_equal(beside_run(&engines[e], "results", "cgroups", true, &r), 1);
		assert_int_equal(r.cgroup, 1);
		assert_int_equal(r.kernel_cgroup, 1);
	}
}

static int setup(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct beside both[2] = { 0 };
	u32 n;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 8))
		return -1;
	setenv("SKEP_JIT", "off", 1);
	n = beside_open_both(both, "sock_same");
	unsetenv("SKEP_JIT");
	if (!n)
		return -1;
	engines[nr_engines++] = both[0];
	engines[nr_engines].sys =
		skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							    .kernel = "6.18",
							    .caps = "full",
							    .jit = "on" });
	if (!engines[nr_engines].sys || beside_open(&engines[nr_engines], "sock_same"))
		return -1;
	nr_engines++;
	if (n == 2)
		engines[nr_engines++] = both[1];
	return 0;
}

static int teardown(void **state)
{
	for (u32 e = 0; e < nr_engines; e++) {
		beside_close(&engines[e]);
		skep_system_free(engines[e].sys);
	}
	close(listener);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_tcp_sock),
		cmocka_unit_test(as_kernel_type),
		cmocka_unit_test(cgroups),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
