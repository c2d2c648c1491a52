/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The smallest BTF that maps can have types of: "int", which has id 1. */
#ifndef TESTS_LIB_INT_BTF_H
#define TESTS_LIB_INT_BTF_H

#include "base/types.h"
#include "base/uapi.h"

struct int_btf {
	struct btf_header h;
	u32 type[4];
	char strings[5];
};

#define INT_BTF_SIZE (sizeof(struct btf_header) + 16 + 5) /* without padding */

static const struct int_btf int_btf = {
	.h = { .magic = 0xeb9f,
	       .version = 1,
	       .hdr_len = sizeof(struct btf_header),
	       .type_len = 16,
	       .str_off = 16,
	       .str_len = 5 },
	.type = { 1, 1 << 24, 4, 32 },
	.strings = "\0int",
};

#endif
