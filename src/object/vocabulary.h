/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What skep knows of each name of eBPF: rows of tables/ with their number, the
 * release that introduced them and whether skep has them.
 */
#ifndef SKEP_OBJECT_VOCABULARY_H
#define SKEP_OBJECT_VOCABULARY_H

#include "base/version.h"
#include "object/prog.h"

enum vocabulary {
	VOCABULARY_COMMAND,
	VOCABULARY_MAP,
	VOCABULARY_PROG,
	VOCABULARY_ATTACH,
	VOCABULARY_LINK,
	VOCABULARY_HELPER,
	VOCABULARY_KFUNC,
	VOCABULARY_BTF_KIND,
	VOCABULARY_FLAG,
	VOCABULARY_SECTION,
	VOCABULARY_OPCODE,
	VOCABULARY_RULE,
	VOCABULARIES,
};

enum feature_state {
	FEATURE_ABSENT,	 /* refused with the errno of a kernel that lacks it */
	FEATURE_PARTIAL, /* .note says what is missing */
	FEATURE_DONE,
};

struct vocabulary_row {
	const char *name;
	s64 value; /* the uapi number; 0 for names without one (kfuncs, sections, rules) */
	kver since;
	u8 state;
	const char *note;
};

const char *vocabulary_title(enum vocabulary v); /* "map type" */
const struct vocabulary_row *vocabulary_rows(enum vocabulary v, u32 *n);
/* The first row of that number or name; NULL when there is none. */
const struct vocabulary_row *vocabulary_by_value(enum vocabulary v, s64 value);
const struct vocabulary_row *vocabulary_by_name(enum vocabulary v, const char *name);
const char *feature_state_name(enum feature_state state); /* "done" ... */

/*
 * The prototype of helper @func_id for @prog as kernel @profile has it:
 * the type's variant, or the general one. NULL: not allowed there ("program of this
 * type cannot use helper"). ->func is NULL when skep has no implementation.
 */
const struct bpf_func_proto *bpf_prog_helper_proto(const struct bpf_prog_type_ops *ops,
						   const struct bpf_prog *prog, u32 func_id,
						   const struct profile *profile);

/* Variants of helpers that share an id: bpf_<variant>_proto, for the types' func_proto. */
#define HELPER_VARIANT(variant, ...) extern const struct bpf_func_proto bpf_##variant##_proto;
#include "tables/helper_variants.def"
#undef HELPER_VARIANT

#endif
