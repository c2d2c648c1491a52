/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the fuzzers feed: bytes become calls of bpf(2) in a system of this process. `make fuzz`
 * runs each under libFuzzer and sanitizers (entry.c); tests/unit/fuzz_test.c replays the
 * corpus of each (tests/fuzz/corpus/NAME) in every build.
 */
#ifndef SKEP_TESTS_FUZZ_TARGETS_H
#define SKEP_TESTS_FUZZ_TARGETS_H

#include "base/types.h"

struct fuzz_target {
	const char *name;
	void (*run)(const u8 *data, size_t size);
};

extern const struct fuzz_target fuzz_targets[];
extern const u32 nr_fuzz_targets;

void fuzz_prog(const u8 *data, size_t size); /* a program: type, flags, maps, instructions */
void fuzz_btf(const u8 *data, size_t size);  /* types, and what is made with them */
void fuzz_attr(const u8 *data, size_t size); /* any commands, their attributes as they are */
/* Free the systems that inputs share: leaks show. */
void fuzz_prog_end(void);
void fuzz_attr_end(void);

#endif
