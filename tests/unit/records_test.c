/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records of tracepoints: format files as Linux 6.1, 6.12 and 6.18 show them (tests/data/events-*.txt),
 * layouts that agree with the kernel's types, filling.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf/btf.h"
#include "hook/record.h"

/* No types: what a host without BTF has, where the profile decides. */
static struct skep_system *bare_system(const char *kernel)
{
	struct skep_system *sys = system_for(kernel);

	assert_non_null(sys);
	sys->vmlinux_tried = true;
	return sys;
}

/*
 * The fields behind the common ones and the print format as the recording has them, from the text
 * of the format file: "declaration,offset,size,signed;...|print fmt".
 */
static void summary(const char *format, char *out, size_t size)
{
	const char *p = strstr(format, "common_pid;"), *print = strstr(format, "\nprint fmt: ");
	size_t len = 0;

	assert_non_null(p);
	assert_non_null(print);
	*out = 0;
	while ((p = strstr(p, "\tfield:")) && p < print) {
		char decl[128];
		unsigned off, bytes, is_signed;

		assert_int_equal(sscanf(p, "\tfield:%127[^;];\toffset:%u;\tsize:%u;\tsigned:%u;",
					decl, &off, &bytes, &is_signed),
				 4);
		len += (size_t)snprintf(out + len, size - len, "%s%s,%u,%u,%u", len ? ";" : "",
					decl, off, bytes, is_signed);
		p++;
	}
	len += (size_t)snprintf(out + len, size - len, "|%s", print + strlen("\nprint fmt: "));
	if (len && out[len - 1] == '\n')
		out[len - 1] = 0;
}

/* "=" stands for all arguments of a system call, each as 0x%08lx. */
static void usual_print(const char *fields, char *out, size_t size)
{
	char names[6][64], copy[1024], *save = NULL;
	size_t len = 0;
	u32 n = 0;

	snprintf(copy, sizeof(copy), "%s", fields);
	for (char *f = strtok_r(copy, ";", &save); f; f = strtok_r(NULL, ";", &save)) {
		*strchr(f, ',') = 0;
		if (strcmp(f, "int __syscall_nr"))
			snprintf(names[n++], sizeof(names[0]), "%s", strrchr(f, ' ') + 1);
	}
	len += (size_t)snprintf(out + len, size - len, "\"");
	for (u32 i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s: 0x%%08lx", i ? ", " : "",
					names[i]);
	len += (size_t)snprintf(out + len, size - len, "\"");
	for (u32 i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, size - len, ", ((unsigned long)(REC->%s))",
					names[i]);
}

/*
 * Whether the row's arguments are those of a newer release: the types of a system call's
 * arguments are kept once, as the newest have them.
 */
static bool newer_types(const char *name, const char *kernel)
{
	return !strcmp(name, "syscalls:sys_enter_name_to_handle_at") && !strcmp(kernel, "6.1");
}

/* Names of an enum, which need the kernel's types: the text before them is compared here. */
static void without_symbols(char *summary)
{
	char *symbols = strstr(summary, "__print_symbolic(REC->reason, ");

	if (symbols)
		*symbols = 0;
}

static void check_formats(const char *kernel)
{
	char path[64], line[8192], ours[8192], format[8192], want[8192];
	struct skep_system *sys = bare_system(kernel);
	u32 events = 0, bad = 0;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/events-%s.txt", kernel);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *fields, *print;
		int row;

		if (*line == '#')
			continue;
		line[strcspn(line, "\n")] = 0;
		fields = strchr(line, '|');
		assert_non_null(fields);
		*fields++ = 0;
		print = strchr(fields, '|');
		assert_non_null(print);
		*print++ = 0;
		snprintf(want, sizeof(want), "%s|", fields);
		if (!strcmp(print, "="))
			usual_print(fields, want + strlen(want), sizeof(want) - strlen(want));
		else
			strncat(want, print, sizeof(want) - strlen(want) - 1);
		events++;
		row = hook_point_row(sys, HOOK_TRACEPOINT, line);
		if (row < 0) {
			print_message("# %s: no %s\n", kernel, line);
			bad++;
			continue;
		}
		assert_true(record_format(sys, (u32)row, format, sizeof(format)) <
			    (int)sizeof(format));
		assert_non_null(strstr(format, strchr(line, ':') + 1));
		summary(format, ours, sizeof(ours));
		without_symbols(ours);
		without_symbols(want);
		if (strcmp(ours, want) && !newer_types(line, kernel)) {
			print_message("# %s %s\n# skep:  %s\n# Linux: %s\n", kernel, line, ours,
				      want);
			bad++;
		}
	}
	fclose(f);
	assert_int_equal(bad, 0);
	assert_true(events > 340);
	skep_system_free(sys);
}

static void test_6_1(void **state)
{
	check_formats("6.1");
}

static void test_6_12(void **state)
{
	check_formats("6.12");
}

static void test_6_18(void **state)
{
	check_formats("6.18");
}

/* The reasons of dropped packets, by the host's types, are those that its own tracefs tells. */
static void test_symbols(void **state)
{
	static const char path[] = "/sys/kernel/tracing/events/skb/kfree_skb/format";
	static char ours[16384], live[16384];
	struct skep_system *sys = system_for(NULL);
	const char *a, *b;
	FILE *f = fopen(path, "re");

	(void)state;
	assert_non_null(sys);
	if (!f || !system_vmlinux(sys)) {
		print_message("no %s, or no types\n", path);
		skip();
	}
	live[fread(live, 1, sizeof(live) - 1, f)] = 0;
	fclose(f);
	record_format(sys, TP_kfree_skb, ours, sizeof(ours));
	a = strstr(ours, "__print_symbolic");
	b = strstr(live, "__print_symbolic");
	assert_non_null(a);
	assert_non_null(b);
	assert_string_equal(a, b);
	skep_system_free(sys);
}

/* No more of them than Linux has, either. */
static void test_numbers(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12", "6.18" };

	for (u32 k = 0; k < 3; k++) {
		struct skep_system *sys = bare_system(kernels[k]);
		char path[64], line[8192], name[128];
		static char seen[TP_ROWS];
		FILE *f;

		memset(seen, 0, sizeof(seen));
		snprintf(path, sizeof(path), "tests/data/events-%s.txt", kernels[k]);
		f = fopen(path, "re");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f)) {
			int row;

			if (*line == '#' || sscanf(line, "%127[^|]", name) != 1)
				continue;
			row = hook_point_row(sys, HOOK_TRACEPOINT, name);
			if (row >= 0)
				seen[row] = 1;
		}
		fclose(f);
		for (u32 row = 0; row < TP_ROWS; row++) {
			const char *have = tracepoint_name_of(row);

			if (row >= TP_NAMED && row % 2 != TP_NAMED % 2)
				continue; /* sys_exit_*: one is recorded for all */
			if (hook_point_row(sys, HOOK_TRACEPOINT, have) != (int)row || seen[row])
				continue;
			/* Modules and kexec are options of a kernel; the other is not everywhere. */
			if (!strstr(have, "_module") && !strstr(have, "kexec_") &&
			    !strstr(have, "map_shadow_stack"))
				fail_msg("%s: Linux has no %s", kernels[k], have);
		}
		skep_system_free(sys);
	}
}

static void test_ids(void **state)
{
	struct skep_system *sys = *state;

	for (u32 row = 0; row < TP_ROWS; row++) {
		u32 id = tracepoint_id(row);

		assert_true(id && id <= 0xffff); /* common_type has 16 bits */
		if (hook_point_row(sys, HOOK_TRACEPOINT, tracepoint_name_of(row)) >= 0)
			assert_int_equal(tracepoint_by_id(sys, id), row);
	}
	assert_int_equal(tracepoint_by_id(sys, 0), -ENOENT);
	assert_int_equal(tracepoint_by_id(sys, 60000), -ENOENT);
	assert_int_equal(tracepoint_by_id(sys, 1ULL << 40), -ENOENT);
}

/* Where the kernel's types tell a layout, it is ours. */
static void test_types(void **state)
{
	struct skep_system *sys = *state;
	const struct object_btf *vmlinux = system_vmlinux(sys);
	u32 compared = 0;

	for (u32 row = 0; row < TP_NAMED; row++) {
		struct record_layout l;
		char name[96];
		s32 id;

		snprintf(name, sizeof(name), "trace_event_raw_%s",
			 strchr(tracepoint_name_of(row), ':') + 1);
		id = vmlinux ? btf_find_by_name_kind(vmlinux->btf, name, BTF_KIND_STRUCT) : -1;
		if (id < 0)
			continue;
		record_layout(sys, row, &l);
		for (u32 i = 0; i < l.n; i++) {
			struct btf_member_at at;
			u32 bytes;

			snprintf(name, sizeof(name), "%s%s",
				 l.fields[i].data_loc ? "__data_loc_" : "", l.fields[i].name);
			assert_int_equal(btf_member_find(vmlinux->btf, (u32)id, name, &at), 0);
			assert_int_equal(at.bit_offset, l.fields[i].off * 8);
			assert_int_equal(btf_type_size(vmlinux->btf, at.type_id, &bytes), 0);
			assert_int_equal(bytes, l.fields[i].size);
			compared++;
		}
	}
	if (!compared)
		skip(); /* the built-in types have no records */
}

static void test_filling(void **state)
{
	struct skep_system *sys = bare_system("6.18");
	struct record r;
	u32 loc, v;
	u16 type;

	record_begin(&r, sys, TP_sched_process_fork, 77);
	record_put_string(&r, "parent_comm", "father");
	record_put(&r, "parent_pid", 77);
	record_put_string(&r, "child_comm", "son");
	record_put(&r, "child_pid", 78);
	record_put(&r, "no_such_field", 1);
	memcpy(&type, r.bytes, sizeof(type));
	assert_int_equal(type, tracepoint_id(TP_sched_process_fork));
	memcpy(&v, r.bytes + 4, sizeof(v));
	assert_int_equal(v, 77);
	assert_int_equal(r.layout.size, 24);
	/* Strings in the order in which they were put, each with its length. */
	memcpy(&loc, r.bytes + 8, sizeof(loc));
	assert_int_equal(loc, 7 << 16 | 24);
	assert_string_equal((char *)r.bytes + 24, "father");
	memcpy(&loc, r.bytes + 16, sizeof(loc));
	assert_int_equal(loc, 4 << 16 | 31);
	assert_string_equal((char *)r.bytes + 31, "son");
	memcpy(&v, r.bytes + 20, sizeof(v));
	assert_int_equal(v, 78);
	skep_system_free(sys);

	/* Of older releases they are arrays. */
	sys = bare_system("6.12");
	record_begin(&r, sys, TP_sched_process_fork, 77);
	record_put_string(&r, "parent_comm", "0123456789abcdefgh");
	record_put(&r, "child_pid", 78);
	assert_string_equal((char *)r.bytes + 8, "0123456789abcde");
	memcpy(&v, r.bytes + 44, sizeof(v));
	assert_int_equal(v, 78);
	skep_system_free(sys);

	/* A path that is too long is cut, with its end. */
	{
		static char path[8192];

		memset(path, 'x', sizeof(path) - 1);
		sys = bare_system("6.12");
		record_begin(&r, sys, TP_sched_process_exec, 1);
		record_put_string(&r, "filename", path);
		memcpy(&loc, r.bytes + 8, sizeof(loc));
		assert_int_equal((loc & 0xffff) + (loc >> 16), RECORD_MAX);
		assert_int_equal(r.bytes[RECORD_MAX - 1], 0);
		record_put_string(&r, "filename", path);
		skep_system_free(sys);
	}
}

static int setup(void **state)
{
	*state = system_for("6.18");
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_6_12),
		cmocka_unit_test(test_6_18),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test(test_filling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
