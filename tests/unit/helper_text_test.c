/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Formats, numbers in strings, and reads of unchecked addresses, with the results that
 * Linux 6.18 gives (prog_differential_test compares more of them where it may).
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/types.h"

#include <cmocka.h>

#include "../lib/hand_prog.h"
#include "helper/bprintf.h"
#include "object/helper.h"
#include "object/platform.h"

BPF_HELPER_DECLARE(bpf_trace_printk);
BPF_HELPER_DECLARE(bpf_trace_vprintk);
BPF_HELPER_DECLARE(bpf_snprintf);
BPF_HELPER_DECLARE(bpf_strtol);
BPF_HELPER_DECLARE(bpf_strtoul);
BPF_HELPER_DECLARE(bpf_strncmp);
BPF_HELPER_DECLARE(bpf_probe_read);
BPF_HELPER_DECLARE(bpf_probe_read_user);
BPF_HELPER_DECLARE(bpf_probe_read_kernel);
BPF_HELPER_DECLARE(bpf_probe_read_user_str);
BPF_HELPER_DECLARE(bpf_probe_read_kernel_str);
BPF_HELPER_DECLARE(bpf_copy_from_user);
BPF_HELPER_DECLARE(bpf_ktime_get_ns);
BPF_HELPER_DECLARE(bpf_ktime_get_boot_ns);
BPF_HELPER_DECLARE(bpf_jiffies64);
BPF_HELPER_DECLARE(bpf_get_prandom_u32);
BPF_HELPER_DECLARE(bpf_get_current_pid_tgid);
BPF_HELPER_DECLARE(bpf_get_current_uid_gid);
BPF_HELPER_DECLARE(bpf_get_current_comm);
BPF_HELPER_DECLARE(bpf_get_smp_processor_id);
BPF_HELPER_DECLARE(bpf_spin_lock);
BPF_HELPER_DECLARE(bpf_spin_unlock);

#define P(p) ((u64)(uintptr_t)(p))

static struct {
	struct bpf_run run;
	struct skep_platform platform;
	char line[2048];
	u32 len;
} t;

static void take_line(struct bpf_run *run, const char *line, u32 len)
{
	assert_true(len < sizeof(t.line));
	memcpy(t.line, line, len);
	t.line[len] = 0;
	t.len = len;
}

static int setup(void **state)
{
	t.platform = *platform_process();
	t.platform.trace = take_line;
	t.run.arena = hand_arena();
	t.run.platform = &t.platform;
	t.run.cpu = 7;
	return 0;
}

/* ---- formats ---- */

static const struct {
	const char *format;
	u64 args[6];
	u32 n;
	long ret; /* or 0: the length of .text */
	const char *text;
} formats[] = {
	{ "plain", { 0 }, 0, 0, "plain" },
	{ "%d %u", { (u64)-1, (u64)-1 }, 2, 0, "-1 4294967295" },
	{ "%ld %lu", { (u64)-1, (u64)-1 }, 2, 0, "-1 18446744073709551615" },
	{ "%lld|%llx", { 1ULL << 40, 0xabcdef }, 2, 0, "1099511627776|abcdef" },
	{ "%x %X", { 0xbeef, 0xbeef }, 2, 0, "beef BEEF" },
	{ "%5d|%-5d|%05d", { 42, 42, 42 }, 3, 0, "   42|42   |00042" },
	{ "%+d % d %+d", { 1, 1, (u64)-1 }, 3, 0, "+1  1 -1" },
	{ "%05d", { (u64)-42 }, 1, 0, "-0042" },
	{ "%i", { 0x1ffffffff }, 1, 0, "-1" },
	{ "%c%c", { 'o', 'k' }, 2, 0, "ok" },
	{ "%3c|%-3c|", { 'a', 'b' }, 2, 0, "  a|b  |" },
	{ "100%%", { 0 }, 0, 0, "100%" },
	{ "%px", { 0xffff888012345678 }, 1, 0, "ffff888012345678" },
	{ "%p", { 0 }, 1, 0, "0000000000000000" },
	{ "%px", { 0x12 }, 1, 0, "0000000000000012" },
	{ "a\tb\n", { 0 }, 0, 0, "a\tb\n" },
	{ "\xc3\xa9", { 0 }, 0, 0, "\xc3\xa9" },
	{ "%d", { 0 }, 0, -EINVAL, NULL }, /* no argument */
	{ "%", { 1 }, 1, -EINVAL, NULL },
	{ "%y", { 1 }, 1, -EINVAL, NULL },
	{ "%hd", { 1 }, 1, -EINVAL, NULL },
	{ "%#x", { 1 }, 1, -EINVAL, NULL },
	{ "%.3d", { 1 }, 1, -EINVAL, NULL },
	{ "%lc", { 1 }, 1, -EINVAL, NULL },
	{ "%sx", { 0 }, 1, -EINVAL, NULL },
	{ "%pX", { 0 }, 1, -EINVAL, NULL },
	{ "%pI5", { 0 }, 1, -EINVAL, NULL },
	{ "%pk", { 0 }, 1, -EINVAL, NULL },
	{ "bad \x01", { 0 }, 0, -EINVAL, NULL },
	{ "%n", { 0 }, 1, -EINVAL, NULL },
};

static void formats_as_linux(void **state)
{
	char buf[128];

	for (u32 i = 0; i < ARRAY_SIZE(formats); i++) {
		long want = formats[i].text ? (long)strlen(formats[i].text) : formats[i].ret, got;

		got = bprintf(&t.run, buf, sizeof(buf), formats[i].format,
			      (u32)strlen(formats[i].format) + 1, formats[i].args, formats[i].n);
		if (got != want)
			fail_msg("\"%s\": %ld instead of %ld", formats[i].format, got, want);
		if (want >= 0)
			assert_string_equal(buf, formats[i].text);
	}
}

static void addresses(void **state)
{
	static const u8 v4[4] = { 10, 0, 200, 1 };
	u8 v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x2a }; /* on the stack, as programs have it */
	u8 local4[4];
	u64 args[4] = { P(local4), P(local4), P(v6), P(v6) };
	char buf[128];

	memcpy(local4, v4, 4);
	bprintf(&t.run, buf, sizeof(buf), "%pI4 %pi4 %pI6 %pi6", 100, args, 4);
	assert_string_equal(buf,
			    "10.0.200.1 010.000.200.001 2001:0db8:0000:0000:0000:0000:0000:002a "
			    "20010db800000000000000000000002a");
	args[0] = 1; /* nothing there */
	bprintf(&t.run, buf, sizeof(buf), "%pI4cd!", 100, args, 1);
	assert_string_equal(buf, "0.0.0.0!");
}

static void strings_in_formats(void **state)
{
	static const char text[] = "hive";
	char local[600];
	u64 args[3] = { P(text), P(text), 1 };
	char buf[700];

	assert_int_equal(bprintf(&t.run, buf, sizeof(buf), "<%s %6s>", 100, args, 2), 13);
	assert_string_equal(buf, "<hive   hive>");
	assert_int_equal(bprintf(&t.run, buf, sizeof(buf), "<%-6s>", 100, args, 1), 8);
	assert_string_equal(buf, "<hive  >");
	args[1] = 1; /* unreadable: empty */
	assert_int_equal(bprintf(&t.run, buf, sizeof(buf), "%s%s.", 100, args, 2), 5);
	assert_string_equal(buf, "hive.");
	/* 512 bytes hold all strings together. */
	memset(local, 'x', sizeof(local));
	local[599] = 0;
	args[0] = P(local);
	assert_int_equal(bprintf(&t.run, buf, sizeof(buf), "%s", 100, args, 1), 511);
	assert_int_equal(bprintf(&t.run, buf, sizeof(buf), "%s%d", 100, args, 2), -ENOSPC);
}

static void short_buffers(void **state)
{
	u64 arg = 123456;
	char buf[8] = "zzzzzzz";

	assert_int_equal(bprintf(&t.run, buf, 4, "%d", 3, &arg, 1), 6);
	assert_string_equal(buf, "123");
	assert_int_equal(buf[4], 'z');
	assert_int_equal(bprintf(&t.run, buf, 0, "%d", 3, &arg, 1), 6);
	/* The format must end inside its size. */
	assert_int_equal(bprintf(&t.run, buf, 8, "%d", 2, &arg, 1), -EINVAL);
	assert_int_equal((s64)bpf_snprintf(P(buf), 4, P("%d"), P(&arg), 8, &t.run), 7);
	assert_int_equal((s64)bpf_snprintf(P(buf), 4, P("%d"), P(&arg), 7, &t.run), -EINVAL);
	assert_int_equal((s64)bpf_snprintf(P(buf), 4, P("%d"), 0, 8, &t.run), -EINVAL);
	assert_int_equal((s64)bpf_snprintf(P(buf), 4, P("%d"), P(&arg), 104, &t.run), -EINVAL);
}

static void trace_lines(void **state)
{
	char comm[17], want[64];
	unsigned pid, cpu;
	u64 args[2] = { 5, 6 };
	char *name;
	double at;

	assert_int_equal((s64)bpf_trace_printk(P("bees %d %d %d"), 14, 1, 2, 3, &t.run), 10);
	assert_int_equal(t.line[t.len - 1], '\n');
	name = strrchr(t.line, '-');
	assert_non_null(name);
	assert_int_equal(name - t.line, 16); /* 16 columns of name */
	assert_int_equal(sscanf(t.line, " %16[^-]-%u [%u] d..21 %lf: bpf_trace_printk:", comm, &pid,
				&cpu, &at),
			 4);
	assert_int_equal(pid, getpid());
	assert_int_equal(cpu, 7);
	assert_true(at > 0);
	snprintf(want, sizeof(want), ": bpf_trace_printk: bees 1 2 3\n");
	assert_string_equal(t.line + t.len - strlen(want), want);
	assert_int_equal((s64)bpf_trace_vprintk(P("%d-%d"), 6, P(args), 16, 0, &t.run), 3);
	assert_non_null(strstr(t.line, ": 5-6\n"));
	t.len = 0;
	assert_int_equal((s64)bpf_trace_printk(P("%d %d %d %d"), 12, 1, 2, 3, &t.run), -EINVAL);
	assert_int_equal(t.len, 0);
}

/* ---- numbers in strings ---- */

static const struct {
	const char *text;
	u64 flags;
	long ret;
	s64 value;
} numbers[] = {
	{ "42", 0, 2, 42 },
	{ "42x", 0, 2, 42 },
	{ " \t42", 10, 4, 42 },
	{ "-42", 0, 3, -42 },
	{ " -42", 0, 4, -42 },
	{ "0x1F", 0, 4, 31 },
	{ "0x1f", 16, 4, 31 },
	{ "1f", 16, 2, 31 },
	{ "0755", 0, 4, 493 },
	{ "0755", 10, 4, 755 },
	{ "755", 8, 3, 493 },
	{ "09", 0, 1, 0 },
	{ "0x", 0, 1, 0 },
	{ "9223372036854775807", 0, 19, INT64_MAX },
	{ "-9223372036854775808", 0, 20, INT64_MIN },
	{ "9223372036854775808", 0, -ERANGE, 0 },
	{ "18446744073709551616", 0, -ERANGE, 0 },
	{ "", 0, -EINVAL, 0 },
	{ "-", 0, -EINVAL, 0 },
	{ "+1", 0, -EINVAL, 0 },
	{ "x", 0, -EINVAL, 0 },
	{ "- 1", 0, -EINVAL, 0 },
	{ "1", 7, -EINVAL, 0 },
	{ "1", 0x20, -EINVAL, 0 },
};

static void numbers_as_linux(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++) {
		u64 len = strlen(numbers[i].text);
		s64 value = 77;
		long got = (long)bpf_strtol(P(numbers[i].text), len, numbers[i].flags, P(&value), 0,
					    &t.run);

		if (got != numbers[i].ret || value != numbers[i].value)
			fail_msg("\"%s\", %llu: %ld, %lld", numbers[i].text,
				 (unsigned long long)numbers[i].flags, got, (long long)value);
	}
}

static void unsigned_numbers(void **state)
{
	u64 value = 7;

	assert_int_equal(bpf_strtoul(P("18446744073709551615"), 20, 0, P(&value), 0, &t.run), 20);
	assert_int_equal(value, UINT64_MAX);
	assert_int_equal((s64)bpf_strtoul(P("18446744073709551616"), 20, 0, P(&value), 0, &t.run),
			 -ERANGE);
	assert_int_equal(value, 0);
	assert_int_equal((s64)bpf_strtoul(P("-1"), 2, 0, P(&value), 0, &t.run), -EINVAL);
	assert_int_equal(bpf_strtoul(P("123"), 2, 0, P(&value), 0, &t.run), 2);
	assert_int_equal(value, 12);
}

static void comparison(void **state)
{
	assert_int_equal((s64)bpf_strncmp(P("bee"), 4, P("bee"), 0, 0, &t.run), 0);
	assert_int_equal((s64)bpf_strncmp(P("bee"), 3, P("beehive"), 0, 0, &t.run), 0);
	assert_true((s64)bpf_strncmp(P("bee"), 4, P("beehive"), 0, 0, &t.run) < 0);
	assert_true((s64)bpf_strncmp(P("bef"), 4, P("bee"), 0, 0, &t.run) > 0);
	assert_true((s64)bpf_strncmp(P("\xff"), 2, P("a"), 0, 0, &t.run) > 0);
}

/* ---- addresses that nobody has checked ---- */

static void probes(void **state)
{
	static const char text[] = "user memory";
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[16], local[8] = "stack";
	const u64 kernel = 0xffff888000001000ULL;

	assert_ptr_not_equal(page, MAP_FAILED);
	munmap(page + 4096, 4096);
	assert_int_equal(bpf_probe_read_user(P(buf), 12, P(text), 0, 0, &t.run), 0);
	assert_string_equal(buf, text);
	memset(buf, 1, sizeof(buf));
	assert_int_equal((s64)bpf_probe_read_user(P(buf), 8, P(page + 4092), 0, 0, &t.run),
			 -EFAULT);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(buf[i], 0); /* all of it, no more */
	assert_int_equal(buf[8], 1);
	assert_int_equal((s64)bpf_probe_read_kernel(P(buf), 8, P(text), 0, 0, &t.run), -ERANGE);
	assert_int_equal((s64)bpf_probe_read_kernel(P(buf), 8, kernel, 0, 0, &t.run), -EFAULT);
	assert_int_equal(bpf_probe_read_kernel(P(buf), 6, P(local), 0, 0, &t.run), 0);
	assert_string_equal(buf, "stack");
	assert_int_equal(bpf_probe_read(P(buf), 12, P(text), 0, 0, &t.run), 0);
	assert_string_equal(buf, text);

	memcpy(page + 4090, "edge", 5);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(bpf_probe_read_user_str(P(buf), 16, P(page + 4090), 0, 0, &t.run), 5);
	assert_string_equal(buf, "edge");
	assert_int_equal(bpf_probe_read_user_str(P(buf), 3, P(page + 4090), 0, 0, &t.run), 3);
	assert_string_equal(buf, "ed");
	memset(page + 4090, 'x', 6);
	assert_int_equal((s64)bpf_probe_read_user_str(P(buf), 16, P(page + 4090), 0, 0, &t.run),
			 -EFAULT);
	assert_int_equal(buf[0], 0);
	assert_int_equal(bpf_probe_read_kernel_str(P(buf), 16, P(local), 0, 0, &t.run), 6);
	assert_int_equal(bpf_copy_from_user(P(buf), 0, 8, 0, 0, &t.run), 0);
	assert_int_equal((s64)bpf_copy_from_user(P(buf), 4, 8, 0, 0, &t.run), -EFAULT);
	munmap(page, 4096);
}

/* ---- time, chance, tasks, locks ---- */

static void surroundings(void **state)
{
	u64 a = bpf_ktime_get_ns(0, 0, 0, 0, 0, &t.run),
	    b = bpf_ktime_get_ns(0, 0, 0, 0, 0, &t.run);
	char comm[16];
	u32 same = 0;

	assert_true(a && b >= a);
	assert_true(bpf_ktime_get_boot_ns(0, 0, 0, 0, 0, &t.run) >= a);
	assert_true(bpf_jiffies64(0, 0, 0, 0, 0, &t.run) > 0xffff0000ULL);
	for (u32 i = 0; i < 100; i++)
		same += bpf_get_prandom_u32(0, 0, 0, 0, 0, &t.run) ==
			bpf_get_prandom_u32(0, 0, 0, 0, 0, &t.run);
	assert_true(same < 3);
	assert_int_equal(bpf_get_current_pid_tgid(0, 0, 0, 0, 0, &t.run) >> 32, getpid());
	assert_int_equal((u32)bpf_get_current_uid_gid(0, 0, 0, 0, 0, &t.run), getuid());
	assert_int_equal(bpf_get_current_uid_gid(0, 0, 0, 0, 0, &t.run) >> 32, getgid());
	assert_int_equal(bpf_get_current_comm(P(comm), 16, 0, 0, 0, &t.run), 0);
	assert_int_equal(strncmp(comm, program_invocation_short_name, 15), 0);
	assert_int_equal(bpf_get_current_comm(P(comm), 4, 0, 0, 0, &t.run), 0);
	assert_int_equal(strlen(comm), 3);
	assert_int_equal(bpf_get_smp_processor_id(0, 0, 0, 0, 0, &t.run), 7);
}

static u32 lock;
static u64 counter;

static void *add(void *arg)
{
	for (u32 i = 0; i < 20000; i++) {
		bpf_spin_lock(P(&lock), 0, 0, 0, 0, &t.run);
		counter = counter + 1;
		bpf_spin_unlock(P(&lock), 0, 0, 0, 0, &t.run);
	}
	return NULL;
}

static void locks_exclude(void **state)
{
	pthread_t threads[3];

	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter, 60000);
	assert_int_equal(lock, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_as_linux),
		cmocka_unit_test(addresses),
		cmocka_unit_test(strings_in_formats),
		cmocka_unit_test(short_buffers),
		cmocka_unit_test(trace_lines),
		cmocka_unit_test(numbers_as_linux),
		cmocka_unit_test(unsigned_numbers),
		cmocka_unit_test(comparison),
		cmocka_unit_test(probes),
		cmocka_unit_test(surroundings),
		cmocka_unit_test(locks_exclude),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
