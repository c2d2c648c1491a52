/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bytes of a fuzzer, taken one after the other; zeros when there are no more. */
#ifndef SKEP_TESTS_FUZZ_INPUT_H
#define SKEP_TESTS_FUZZ_INPUT_H

#include <string.h>

#include "base/types.h"

struct input {
	const u8 *at;
	size_t left;
};

static inline void take(struct input *in, void *dst, size_t n)
{
	size_t have = n < in->left ? n : in->left;

	memset(dst, 0, n);
	memcpy(dst, in->at, have);
	in->at += have;
	in->left -= have;
}

static inline u8 take_u8(struct input *in)
{
	u8 v;

	take(in, &v, sizeof(v));
	return v;
}

static inline u32 take_u32(struct input *in)
{
	u32 v;

	take(in, &v, sizeof(v));
	return v;
}

#endif
