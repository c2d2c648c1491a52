/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The inputs that the fuzzers found worth keeping (tests/fuzz/corpus), and those that once made
 * something go wrong, again: none may crash, and none may leave a descriptor open.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fuzz/targets.h"

#define INPUT_MAX (1 << 20)

static u32 open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	u32 n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static u32 replay_folder(const struct fuzz_target *t, const char *path)
{
	static u8 data[INPUT_MAX];
	struct dirent *e;
	u32 n = 0;
	DIR *d = opendir(path);

	if (!d)
		fail_msg("no folder %s", path);
	while ((e = readdir(d))) {
		char file[4096];
		size_t size;
		FILE *f;

		if (*e->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		f = fopen(file, "r");
		assert_non_null(f);
		size = fread(data, 1, sizeof(data), f);
		fclose(f);
		t->run(data, size);
		n++;
	}
	closedir(d);
	return n;
}

static void corpora_replay(void **state)
{
	(void)state;
	for (u32 i = 0; i < nr_fuzz_targets; i++) {
		char path[256];
		u32 n, before;

		snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", fuzz_targets[i].name);
		/* The first time makes what all share. */
		replay_folder(&fuzz_targets[i], path);
		before = open_descriptors();
		n = replay_folder(&fuzz_targets[i], path);
		/* What was closed last is noticed at the next command. */
		if (open_descriptors() > before + 8)
			fail_msg("%s: %u descriptors, then %u", path, before, open_descriptors());
		print_message("# %s: %u inputs\n", fuzz_targets[i].name, n);
		assert_true(n > 10);
	}
	fuzz_prog_end();
	fuzz_attr_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(corpora_replay) };

	return cmocka_run_group_tests_name("fuzzers' inputs", tests, NULL, NULL);
}
