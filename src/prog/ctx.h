/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of this folder share about contexts. */
#ifndef SKEP_PROG_CTX_H
#define SKEP_PROG_CTX_H

#include "object/prog.h"
#include "object/vocabulary.h"

/* The field that byte @off belongs to, or NULL. */
const struct bpf_ctx_field *ctx_field_at(const struct bpf_ctx_field *fields, int off);

/* Rows of a table: a field of uapi struct @type kept as @rt_field of runtime struct @rt. */
#define CTX_FIELD_ROW(type, field, rt, rt_field, ...)                                              \
	{                                                                                          \
		.name = #field, .off = offsetof(type, field), .size = sizeof_field(type, field),   \
		.elem = sizeof_field(type, field), .reg_type = SCALAR_VALUE,                       \
		.rt_off = offsetof(rt, rt_field), .rt_size = sizeof_field(rt, rt_field),           \
		__VA_ARGS__                                                                        \
	}
#define CTX_R .access = BPF_READ
#define CTX_RW .access = BPF_READ | BPF_WRITE

#define RETVAL_ANY ((struct bpf_retval_range){0})
#define RETVAL_RANGE(lo, hi) ((struct bpf_retval_range){.min = (lo), .max = (hi), .checked = true})

#endif
