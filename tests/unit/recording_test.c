/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernels as `bpftool feature probe` recorded them (tests/data/features-*): Debian's 6.1, Debian's
 * 6.12, whose answers that bpftool misread and whose lists of helpers are cut to three program
 * types, and a made-up 5.14 of a vendor who brought newer features to it and left others out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/json.h"
#include "object/system.h"
#include "object/vocabulary.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/system_fixture.h"

#define DATA	  "tests/data/"
#define RECORD_61 DATA "features-6.1.json"
#define VENDOR	  DATA "features-vendor-5.14.txt"

static char notes[2048];

static struct skep_system *recorded(const char *kernel)
{
	memset(notes, 0, sizeof(notes));
	return skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							   .kernel = kernel,
							   .caps = "full",
							   .verdict = "1",
							   .notes = notes,
							   .notes_size = sizeof(notes) });
}

static u32 count_differences(const struct skep_system *sys, char *first, size_t size)
{
	const struct profile plain = { .release = sys->profile };
	u32 count = 0;

	*first = 0;
	for (u32 type = 1; type < __MAX_BPF_PROG_TYPE; type++)
		for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++) {
			bool want = bpf_helper_allowed(id, type, &plain);

			if (want == bpf_helper_allowed(id, type, &sys->kernel))
				continue;
			if (!count++)
				snprintf(first, size, "type %u: bpf_%s is %s", type,
					 bpf_helper_proto(id)->name, want ? "missing" : "there");
		}
	return count;
}

/* What a stock kernel says of itself is what the tables say of its release. */
static void equals_release(void **state)
{
	struct skep_system *sys = recorded(RECORD_61);
	u32 n, differ = 0;
	const struct vocabulary_row *rows;
	char first[128];

	assert_non_null(sys);
	assert_int_equal(sys->profile, KVER(6, 1));
	assert_non_null(strstr(notes, "no release is named in it; it fits Linux 6.1 best"));
	assert_null(strchr(notes, '\n'));
	for (enum vocabulary v = VOCABULARY_MAP; v <= VOCABULARY_PROG; v++) {
		enum row_kind kind = v == VOCABULARY_MAP ? ROW_MAP : ROW_PROG;

		rows = vocabulary_rows(v, &n);
		for (u32 i = 0; i < n; i++) {
			struct kernel_row row = { kind, (u32)rows[i].value, 0, rows[i].since };

			if (row_visible(&sys->kernel, row) == visible(KVER(6, 1), row.since))
				continue;
			differ++;
			assert_string_equal(rows[i].name, "BPF_PROG_TYPE_LIRC_MODE2");
		}
	}
	assert_int_equal(differ, 1); /* not configured there */
	assert_int_equal(profile_isa(&sys->kernel), KVER(6, 1));
	assert_int_equal(count_differences(sys, first, sizeof(first)), 1); /* not configured, too */
	assert_string_equal(first, "type 2: bpf_override_return is missing");
	skep_system_free(sys);
}

static void not_believed(void **state)
{
	struct skep_system *sys = recorded("6.12:" DATA "features-6.12.txt");
	char first[128];

	assert_non_null(sys);
	assert_int_equal(sys->profile, KVER(6, 12));
	assert_non_null(strstr(notes, "the helpers of 3 of 3 program types are not believed"));
	assert_null(strchr(notes, '\n'));
	assert_int_equal(count_differences(sys, first, sizeof(first)), 0);
	skep_system_free(sys);
	/* The misreading itself tells that it is 6.10 or newer. */
	sys = recorded(DATA "features-6.12.txt");
	assert_non_null(sys);
	assert_int_equal(sys->profile, KVER(6, 10));
	skep_system_free(sys);
}

struct verdict {
	const char *what;
	u32 type;
	struct bpf_insn insns[8];
	u32 n;
	int release, vendor; /* what 5.14 and what the vendor's kernel says */
	const char *log;     /* of the one that refuses */
};

static const struct verdict verdicts[] = {
	{ "a helper of 5.17",
	  BPF_PROG_TYPE_XDP,
	  { CALL(loop), RET(0) },
	  3,
	  -EINVAL,
	  -EACCES,
	  "invalid func unknown#181" },
	{ "a helper of 5.17 where it was not brought to",
	  BPF_PROG_TYPE_SOCKET_FILTER,
	  { CALL(loop), RET(0) },
	  3,
	  -EINVAL,
	  -EINVAL,
	  "invalid func unknown#181" },
	{ "a helper that was left out",
	  BPF_PROG_TYPE_KPROBE,
	  { MOVK(2, 0), CALL(override_return), RET(0) },
	  4,
	  0,
	  -EINVAL,
	  "unknown func bpf_override_return#58" },
	{ "a helper that is not tried without being asked",
	  BPF_PROG_TYPE_KPROBE,
	  { MOVX(1, 10), ADDK(1, -8), STK(DW, 10, -8, 0), MOVK(2, 8), CALL(trace_printk), RET(0) },
	  7,
	  0,
	  0,
	  "" },
	{ "a type that was left out", BPF_PROG_TYPE_LIRC_MODE2, { RET(0) }, 2, 0, -EINVAL, "" },
	{ "version 4 of the instructions",
	  BPF_PROG_TYPE_XDP,
	  { MOVK(0, 2), I(BPF_ALU64 | BPF_MOV | BPF_X, 0, 0, 8, 0), EXIT },
	  3,
	  -EINVAL,
	  0,
	  "BPF_MOV uses reserved fields" },
};

static void vendors_kernel(void **state)
{
	struct skep_system *release = recorded("5.14"), *vendor = recorded(VENDOR);
	char log[4096];

	assert_non_null(release);
	assert_non_null(vendor);
	assert_string_equal(notes, ""); /* it names its release */
	assert_int_equal(vendor->profile, KVER(5, 14));
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		const struct verdict *v = &verdicts[i];
		int a, b;

		log[0] = 0;
		a = sys_prog_load(release, v->type, v->insns, v->n, log, sizeof(log));
		if (a < 0 && !strstr(log, v->log))
			fail_msg("%s: 5.14 says %s", v->what, log);
		b = sys_prog_load(vendor, v->type, v->insns, v->n, log, sizeof(log));
		if (a >= 0 && b < 0 && !strstr(log, v->log))
			fail_msg("%s: the vendor's kernel says %s", v->what, log);
		if (min(a, 0) != v->release || min(b, 0) != v->vendor)
			fail_msg("%s: 5.14 says %d, the vendor's kernel %d: %s", v->what, a, b,
				 log);
		close(a);
		close(b);
	}
	/* Map types: brought back, left out. */
	assert_int_equal(sys_map_create(release, BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4, 0), -EINVAL);
	assert_true(sys_map_create(vendor, BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4, 0) >= 0);
	assert_true(sys_map_create(release, BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0) >= 0);
	assert_int_equal(sys_map_create(vendor, BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0), -EINVAL);
	/* Another kernel with the same features has its own rules: bpf_loop's arguments, for one. */
	skep_system_free(vendor);
	vendor = recorded("6.1:" VENDOR);
	assert_non_null(vendor);
	assert_int_equal(vendor->profile, KVER(6, 1));
	skep_system_free(release);
	skep_system_free(vendor);
}

/* Loops and size are two of the things that were probed. */
static void misc_rows(void **state)
{
	static const char text[] = "5.2.0\nLarge program size limit is NOT available\n"
				   "Bounded loop support is available\n"
				   "ISA extension v3 is NOT available\n";
	struct bpf_insn loop[] = { MOVK(0, 0), ADDK(0, 1), JK(JLT, 0, 4, -2), EXIT };
	struct bpf_insn jmp32[] = { MOVK(0, 0), I(BPF_JMP32 | BPF_JEQ | BPF_K, 0, 0, 0, 0), EXIT };
	static struct bpf_insn large[5000];
	char path[] = "/tmp/skep-recording-XXXXXX";
	struct skep_system *sys, *plain = recorded("5.2");
	int fd = mkstemp(path);

	for (size_t i = 0; i < ARRAY_SIZE(large); i++)
		large[i] = (struct bpf_insn)MOVK(0, 0);
	large[ARRAY_SIZE(large) - 1] = (struct bpf_insn)EXIT;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	sys = recorded(path);
	unlink(path);
	assert_non_null(sys);
	assert_non_null(plain);
	assert_int_equal(sys_prog_load(plain, BPF_PROG_TYPE_XDP, loop, 4, NULL, 0), -EINVAL);
	assert_true(sys_prog_load(sys, BPF_PROG_TYPE_XDP, loop, 4, NULL, 0) >= 0);
	assert_true(sys_prog_load(plain, BPF_PROG_TYPE_XDP, jmp32, 3, NULL, 0) >= 0);
	assert_int_equal(sys_prog_load(sys, BPF_PROG_TYPE_XDP, jmp32, 3, NULL, 0), -EINVAL);
	assert_true(sys_prog_load(plain, BPF_PROG_TYPE_XDP, large, 5000, NULL, 0) >= 0);
	assert_int_equal(sys_prog_load(sys, BPF_PROG_TYPE_XDP, large, 5000, NULL, 0), -E2BIG);
	skep_system_free(sys);
	skep_system_free(plain);
}

static void unusable(void **state)
{
	static const struct {
		const char *text, *note;
	} files[] = {
		{ "", ": no output of bpftool feature probe" },
		{ "hello\n", ": no output of bpftool feature probe" },
		{ "{}", ": no output of bpftool feature probe" },
		{ "{\"map_types\": {\"have_hash_map_type\": true},\n \"misc\": }",
		  ":2:10: not JSON: a value was expected" },
		{ "{\"map_types\": {\"have_hash_map_type\": true",
		  ": not JSON: the text ends too early" },
		{ "{\"map_types\": {\"have_hash_map_type\" true}}",
		  ":1:37: not JSON: ':' was expected" },
		{ "{\"map_types\": {\"have_hash_map_type\": true}} x",
		  ":1:45: not JSON: there is more behind the end" },
		{ "{\"a\":[[[[[[[[[1]]]]]]]]]}", ": not JSON: too deeply nested" },
		{ "{\"a\":\"\\q\"}", ": not JSON: a wrong escape in a string" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[] = "/tmp/skep-recording-XXXXXX";
		int fd = mkstemp(path);
		size_t n = strlen(files[i].text);
		struct skep_system *sys;

		assert_int_equal(write(fd, files[i].text, n), n);
		close(fd);
		sys = recorded(path);
		unlink(path);
		assert_null(sys);
		assert_int_equal(errno, EINVAL);
		if (strncmp(notes, path, strlen(path)) || !strstr(notes, files[i].note))
			fail_msg("%s: %s", files[i].text, notes);
	}
	assert_null(recorded("/nowhere/recording"));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(notes, "/nowhere/recording: No such file or directory");
	assert_null(recorded("tests"));
	assert_string_equal(notes, "tests: Is a directory");
	assert_null(recorded("5.14:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_release), cmocka_unit_test(not_believed),
		cmocka_unit_test(vendors_kernel), cmocka_unit_test(misc_rows),
		cmocka_unit_test(unusable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
