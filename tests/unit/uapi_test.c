/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* base/uapi.h against the kernel headers of the build host: names, numbers, layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/uapi.h"
#include "object/vocabulary.h"

/* Must change nothing. */
#include <linux/bpf.h>
#include <linux/btf.h>

#include <cmocka.h>

#include "../lib/uapi_fact.h"

static const struct uapi_fact ours[] = {
#include "../lib/uapi_names.h"
};

static void equals_host(void **state)
{
	u32 wrong = 0, i;

	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		assert_string_equal(ours[i].name, uapi_host[i].name);
		if (ours[i].value == uapi_host[i].value && ours[i].size == uapi_host[i].size)
			continue;
		print_error("%s: %llu, %llu; the host has %llu, %llu\n", ours[i].name,
			    ours[i].value, ours[i].size, uapi_host[i].value, uapi_host[i].size);
		wrong++;
	}
	assert_null(uapi_host[i].name);
	assert_true(i > 1000);
	assert_int_equal(wrong, 0);
}

/* Sizes in Linux 7.2, where the build host's header is older. */
static void newest_sizes(void **state)
{
	assert_int_equal(sizeof(union bpf_attr), 168);
	assert_int_equal(sizeof(struct bpf_prog_info), 232);
	assert_int_equal(sizeof(struct bpf_map_info), 104);
	assert_int_equal(sizeof(struct bpf_btf_info), 32);
	assert_int_equal(offsetof(union bpf_attr, keyring_id), 164);
	assert_int_equal(offsetof(union bpf_attr, link_create.uprobe_multi.path_fd), 60);
	assert_int_equal(offsetof(union bpf_attr, excl_prog_hash_size), 88);
	assert_int_equal(BPF_PROG_ASSOC_STRUCT_OPS, 38);
	assert_int_equal(BPF_MAP_TYPE_RHASH, 35);
	assert_int_equal(BPF_TRACE_FSESSION_MULTI, 61);
}

/* Rows are in order, unique, and no older than what they belong to. */
static void tables_are_whole(void **state)
{
	static const u32 counts[VOCABULARIES] = {
		[VOCABULARY_COMMAND] = 39,  [VOCABULARY_MAP] = 35,	[VOCABULARY_PROG] = 32,
		[VOCABULARY_ATTACH] = 62,   [VOCABULARY_LINK] = 15,	[VOCABULARY_HELPER] = 211,
		[VOCABULARY_KFUNC] = 345,   [VOCABULARY_BTF_KIND] = 19, [VOCABULARY_FLAG] = 188,
		[VOCABULARY_SECTION] = 116, [VOCABULARY_OPCODE] = 181,
	};

	for (u32 v = 0; v < VOCABULARIES; v++) {
		u32 n;
		const struct vocabulary_row *rows = vocabulary_rows(v, &n);

		if (counts[v])
			assert_int_equal(n, counts[v]);
		for (u32 i = 0; i < n; i++) {
			assert_true(rows[i].since || v == VOCABULARY_SECTION);
			assert_true(rows[i].since <= KVER(7, 3));
			if (rows[i].state == FEATURE_PARTIAL && !*rows[i].note)
				fail_msg("%s is partial and does not say why", rows[i].name);
			if (v < VOCABULARY_HELPER && i)
				assert_int_equal(rows[i].value, rows[i - 1].value + 1);
			assert_ptr_equal(vocabulary_by_name(v, rows[i].name), &rows[i]);
		}
	}
	for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++)
		for (u32 type = 1; type < __MAX_BPF_PROG_TYPE; type++) {
			kver before = bpf_helper_proto(id)->since - 1;

			if (bpf_helper_allowed(id, type, PROFILE(before)))
				fail_msg("%s is allowed before it existed",
					 bpf_helper_proto(id)->name);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_host),
		cmocka_unit_test(newest_sizes),
		cmocka_unit_test(tables_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
