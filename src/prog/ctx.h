/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the files of this folder share about contexts. */
#ifndef SKEP_PROG_CTX_H
#define SKEP_PROG_CTX_H

#include "object/prog.h"
#include "object/vocabulary.h"

/* The field that byte @off belongs to, or NULL. */
const struct bpf_ctx_field *ctx_field_at(const struct bpf_ctx_field *fields, int off);

/*
 * A row of a table: field @name of uapi struct @type, made of elements of @el bytes,
 * kept as @rt_name of runtime struct @rt with elements of @rt_el bytes.
 */
#define CTX_ROW(type, name_, el, reg, rt, rt_name, rt_el, first, ways, ...)                        \
	{                                                                                          \
		.name = #name_, .off = offsetof(type, name_), .size = sizeof_field(type, name_),   \
		.elem = (el), .reg_type = (reg), .rt_off = offsetof(rt, rt_name),                  \
		.rt_size = (rt_el), .since = (first), .access = (ways), __VA_ARGS__                \
	}
#define CTX_R  BPF_READ
#define CTX_W  BPF_WRITE
#define CTX_RW (BPF_READ | BPF_WRITE)
#define CTX_NO 0

/* Every type's operations, by the names of tables/progs.def. */
#define PROG_OPS_DONE(ops)			   extern const struct bpf_prog_type_ops ops;
#define PROG_OPS_PARTIAL(ops)			   extern const struct bpf_prog_type_ops ops;
#define PROG_OPS_ABSENT(ops)			   extern const struct bpf_prog_type_ops ops;
#define PROG(value, name, since, state, ops, note) PROG_OPS_##state(ops)
#include "tables/progs.def"
#undef PROG

#define RETVAL_RANGE(lo, hi)                                                                       \
	((struct bpf_retval_range){ .min = (lo), .max = (hi), .checked = true })

#endif
