/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libFuzzer's way into the target that the environment variable FUZZ_TARGET names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/targets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	for (u32 i = 0; i < nr_fuzz_targets; i++)
		if (name && !strcmp(fuzz_targets[i].name, name))
			target = &fuzz_targets[i];
	if (!target) {
		fprintf(stderr, "FUZZ_TARGET must be prog, btf or attr\n");
		exit(2);
	}
	atexit(fuzz_prog_end);
	atexit(fuzz_attr_end);
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	target->run(data, size);
	return 0;
}
