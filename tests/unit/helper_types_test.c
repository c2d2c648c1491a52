/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers that mean something of their own in one program type, in test runs that Linux does
 * not have: what they answer, and what comes of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "../lib/beside.h"

struct shared {
	u64 place, found;
	char text[96], other[96];
};

static struct beside b;
static int results;

static int setup(void **state)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .test_run = "all"
	};

	b.sys = skep_system_new(&opts);
	if (!b.sys || beside_open(&b, "sock_types"))
		return -1;
	results = bpf_object__find_map_fd_by_name(b.obj, "results");
	return 0;
}

static int teardown(void **state)
{
	beside_close(&b);
	skep_system_free(b.sys);
	return 0;
}

static void run(const char *prog, struct bpf_test_run_opts *opts)
{
	s64 none = 4242;

	skep_front_use(b.sys);
	for (u32 i = 0; i < 32; i++)
		assert_int_equal(bpf_map_update_elem(results, &i, &none, 0), 0);
	assert_int_equal(
		bpf_prog_test_run_opts(
			bpf_program__fd(bpf_object__find_program_by_name(b.obj, prog)), opts),
		0);
	skep_front_use(NULL);
}

static void gave(u32 i, s64 want)
{
	s64 got = 0;

	skep_front_use(b.sys);
	bpf_map_lookup_elem(results, &i, &got);
	skep_front_use(NULL);
	if (got != want)
		fail_msg("result %u: %lld instead of %lld", i, (long long)got, (long long)want);
}

#define GAVE(...)                                                                                  \
	do {                                                                                       \
		static const s64 want_[] = { __VA_ARGS__ };                                        \
		for (u32 i_ = 0; i_ < ARRAY_SIZE(want_); i_++)                                     \
			gave(i_, want_[i_]);                                                       \
	} while (0)

static void new_socket(void **state)
{
	struct bpf_sock ctx = { .family = AF_INET, .type = SOCK_STREAM, .protocol = 6 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	run("on_create", &opts);
	GAVE(1, 1);
}

static void address(void **state)
{
	struct bpf_sock_addr ctx = { .family = AF_INET, .type = SOCK_STREAM, .protocol = 6 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	run("on_connect", &opts);
	GAVE(1, 1, 0, -EAFNOSUPPORT, -EINVAL, 0, 0, 77, -EINVAL, 0, 0, 0);
}

static void connection(void **state)
{
	struct bpf_sock_ops ctx = { .op = BPF_SOCK_OPS_TCP_CONNECT_CB,
				    .family = AF_INET,
				    .is_fullsock = 1 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	run("on_ops", &opts);
	GAVE(1, 1, 0, 0, 10000, -EINVAL, 0x10000, BPF_SOCK_OPS_RTT_CB_FLAG);
}

static void option(void **state)
{
	struct bpf_sockopt ctx = { .level = 1, .optname = 2, .optlen = 4 };
	u8 value[4] = { 1 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .data_in = value, .data_size_in = sizeof(value));
	run("on_option", &opts);
	GAVE(1, 0, 0, 5, -EINVAL);
}

static void message(void **state)
{
	u8 text[10] = "abcdefghij", out[64];

	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = text, .data_size_in = sizeof(text),
		    .data_out = out, .data_size_out = sizeof(out));
	run("on_message", &opts);
	GAVE(1, 0, 0, 0, 0, 0, 13, 0, 3, -EINVAL);
	assert_int_equal(opts.data_size_out, 13);
	assert_memory_equal(out, "c\0\0\0\0\0defghij", 13);
}

static void stream(void **state)
{
	u8 text[20] = "abcdefghijklmnopqrst", out[64];

	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = text, .data_size_in = sizeof(text),
		    .data_out = out, .data_size_out = sizeof(out));
	run("on_stream", &opts);
	GAVE(0, -ENOMEM, 0, 24, 0, 40, 0, 32, 0, 48, -EFAULT, -EINVAL, -EINVAL);
	assert_int_equal(opts.data_size_out, 48);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(out[i], 0);
	assert_memory_equal(out + 16, "efghijklmnopqrst", 16);
}

static void group(void **state)
{
	struct sk_reuseport_md ctx = { .ip_protocol = 17 };
	u8 packet[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .data_in = packet, .data_size_in = sizeof(packet));
	run("on_group", &opts);
	GAVE(0, 0x06050403, -EFAULT, 0, -EFAULT, 1);
}

/* A program of the tracing kind may write to the memory of whoever runs. */
static void written(void **state)
{
	static u8 there[8] = "........";
	int bss = bpf_object__find_map_fd_by_name(b.obj, ".bss");
	struct shared v = { .place = (u64)(uintptr_t)there + 2 };
	u32 zero = 0;

	LIBBPF_OPTS(bpf_test_run_opts, opts);
	skep_front_use(b.sys);
	assert_int_equal(bpf_map_update_elem(bss, &zero, &v, 0), 0);
	skep_front_use(NULL);
	run("on_write", &opts);
	GAVE(0, -EFAULT);
	assert_memory_equal(there, "..!bee..", 8);
}

/* Functions by name and by address, as /proc/kallsyms shows them. */
static void symbols(void **state)
{
	int bss = bpf_object__find_map_fd_by_name(b.obj, ".bss");
	struct shared v;
	char want[192], before[64];
	u64 size;
	u32 zero = 0;

	LIBBPF_OPTS(bpf_test_run_opts, opts);
	run("on_symbol", &opts);
	gave(0, 0);
	gave(1, -ENOENT);
	gave(2, 0);
	gave(3, -EINVAL);
	gave(4, -EINVAL);
	skep_front_use(b.sys);
	assert_int_equal(bpf_map_lookup_elem(bss, &zero, &v), 0);
	skep_front_use(NULL);
	assert_true(v.found >> 31 == 0x1ffffffff); /* where a kernel's text is */
	assert_int_equal(sscanf(v.text, "inet_release|inet_release+0x3/%llx|%63[a-z0-9_A-Z]",
				(unsigned long long *)&size, before),
			 2);
	/* A call that ends where a function begins was made at the end of another. */
	snprintf(want, sizeof(want), "inet_release|inet_release+0x3/0x%llx|%s+0x%llx/0x%llx|0x1234",
		 (unsigned long long)size, before, (unsigned long long)size,
		 (unsigned long long)size);
	assert_string_equal(v.text, want);
	gave(5, (s64)strlen(want) + 1);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return;
	gave(6, 0);
	snprintf(want, sizeof(want), "kobject_put+0x5/0x%llx", (unsigned long long)size);
	assert_string_equal(v.other, want);
	gave(7, (s64)strlen(want) + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_socket), cmocka_unit_test(address),
		cmocka_unit_test(connection), cmocka_unit_test(option),
		cmocka_unit_test(message),    cmocka_unit_test(stream),
		cmocka_unit_test(group),      cmocka_unit_test(written),
		cmocka_unit_test(symbols),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
