/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tables as data: rows of every vocabulary, prototypes of helpers, which program
 * type may call which helper since when. Linux has the same facts in
 * include/linux/bpf_types.h, in the func_proto callbacks and in its history.
 *
 * DIFF(prototype-history): a helper has one prototype, Linux 6.18's, in all profiles.
 */
#include <string.h>

#include "object/vocabulary.h"

#define DONE	FEATURE_DONE
#define PARTIAL FEATURE_PARTIAL
#define ABSENT	FEATURE_ABSENT

static const struct vocabulary_row command_rows[] = {
#define COMMAND(value, name, since, state, note) { #name, value, since, state, note },
#include "tables/commands.def"
#undef COMMAND
};

static const struct vocabulary_row map_rows[] = {
#define MAP(value, name, since, state, ops, note) { #name, value, since, state, note },
#include "tables/maps.def"
#undef MAP
};

static const struct vocabulary_row prog_rows[] = {
#define PROG(value, name, since, state, ops, note) { #name, value, since, state, note },
#include "tables/progs.def"
#undef PROG
};

static const struct vocabulary_row attach_rows[] = {
#define ATTACH(value, name, since, progs, state, note) { #name, value, since, state, note },
#include "tables/attach.def"
#undef ATTACH
};

static const struct vocabulary_row link_rows[] = {
#define LINK(value, name, since, state, note) { #name, value, since, state, note },
#include "tables/links.def"
#undef LINK
};

static const struct vocabulary_row helper_rows[] = {
#define HELPER(id, name, since, state, note, ...) { "bpf_" #name, id, since, state, note },
#include "tables/helpers.def"
#undef HELPER
};

static const struct vocabulary_row kfunc_rows[] = {
#define KFUNC(name, since, flags, sets, state, note) { #name, 0, since, state, note },
#include "tables/kfuncs.def"
#undef KFUNC
};

static const struct vocabulary_row btf_kind_rows[] = {
#define BTF_KIND(value, name, since, state, note) { "BTF_KIND_" #name, value, since, state, note },
#include "tables/btf_kinds.def"
#undef BTF_KIND
};

static const struct vocabulary_row flag_rows[] = {
#define FLAG(name, since, state, note) { #name, (s64)name, since, state, note },
#include "tables/flags.def"
#undef FLAG
};

static const struct vocabulary_row section_rows[] = {
#define SECTION(name, prog, attach, flags, state, note) { name, 0, 0, state, note },
#include "tables/sections.def"
#undef SECTION
};

static const struct vocabulary_row opcode_rows[] = {
#define OPCODE(name, code, selector, since, state, note) { name, code, since, state, note },
#include "tables/isa.def"
#undef OPCODE
};

static const struct vocabulary_row rule_rows[] = {
#define RULE(id, since, until, state, text) { #id, 0, since, state, text },
#include "tables/rules.def"
#undef RULE
};

#undef DONE
#undef PARTIAL
#undef ABSENT

static const struct {
	const char *title;
	const struct vocabulary_row *rows;
	u32 n;
} vocabularies[VOCABULARIES] = {
	[VOCABULARY_COMMAND] = { "command", command_rows, ARRAY_SIZE(command_rows) },
	[VOCABULARY_MAP] = { "map type", map_rows, ARRAY_SIZE(map_rows) },
	[VOCABULARY_PROG] = { "program type", prog_rows, ARRAY_SIZE(prog_rows) },
	[VOCABULARY_ATTACH] = { "attach type", attach_rows, ARRAY_SIZE(attach_rows) },
	[VOCABULARY_LINK] = { "link type", link_rows, ARRAY_SIZE(link_rows) },
	[VOCABULARY_HELPER] = { "helper", helper_rows, ARRAY_SIZE(helper_rows) },
	[VOCABULARY_KFUNC] = { "kfunc", kfunc_rows, ARRAY_SIZE(kfunc_rows) },
	[VOCABULARY_BTF_KIND] = { "BTF kind", btf_kind_rows, ARRAY_SIZE(btf_kind_rows) },
	[VOCABULARY_FLAG] = { "flag", flag_rows, ARRAY_SIZE(flag_rows) },
	[VOCABULARY_SECTION] = { "section", section_rows, ARRAY_SIZE(section_rows) },
	[VOCABULARY_OPCODE] = { "instruction", opcode_rows, ARRAY_SIZE(opcode_rows) },
	[VOCABULARY_RULE] = { "rule", rule_rows, ARRAY_SIZE(rule_rows) },
};

const char *vocabulary_title(enum vocabulary v)
{
	return v < VOCABULARIES ? vocabularies[v].title : NULL;
}

const struct vocabulary_row *vocabulary_rows(enum vocabulary v, u32 *n)
{
	*n = v < VOCABULARIES ? vocabularies[v].n : 0;
	return *n ? vocabularies[v].rows : NULL;
}

const struct vocabulary_row *vocabulary_by_value(enum vocabulary v, s64 value)
{
	u32 n, i;
	const struct vocabulary_row *rows = vocabulary_rows(v, &n);

	for (i = 0; i < n; i++)
		if (rows[i].value == value)
			return &rows[i];
	return NULL;
}

const struct vocabulary_row *vocabulary_by_name(enum vocabulary v, const char *name)
{
	u32 n, i;
	const struct vocabulary_row *rows = vocabulary_rows(v, &n);

	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

const char *feature_state_name(enum feature_state state)
{
	switch (state) {
	case FEATURE_DONE:
		return "done";
	case FEATURE_PARTIAL:
		return "partial";
	case FEATURE_ABSENT:
		return "absent";
	}
	return "absent";
}

/* ---- helpers ---- */

#define DECLARE_DONE(func)    BPF_HELPER_DECLARE(func);
#define DECLARE_PARTIAL(func) DECLARE_DONE(func)
#define DECLARE_ABSENT(func)
#define HELPER(id, name, since, state, ...)		  DECLARE_##state(bpf_##name)
#define HELPER_VARIANT(variant, helper, func, state, ...) DECLARE_##state(func)
#include "tables/helpers.def"
#include "tables/helper_variants.def"
#undef HELPER
#undef HELPER_VARIANT

#define FUNC_DONE(func)	   func
#define FUNC_PARTIAL(func) func
#define FUNC_ABSENT(func)  NULL

enum {
#define HELPER(id, name, since, ...) SINCE_##name = (since),
#include "tables/helpers.def"
#undef HELPER
};

static const struct bpf_func_proto protos[__BPF_FUNC_MAX_ID] = {
#define HELPER(helper_id, helper, first, state, note, ...)                                         \
	[helper_id] = { .id = helper_id,                                                           \
			.name = #helper,                                                           \
			.since = first,                                                            \
			.func = FUNC_##state(bpf_##helper),                                        \
			__VA_ARGS__ },
#include "tables/helpers.def"
#undef HELPER
};

#define HELPER_VARIANT(variant, helper, function, state, note, ...)                                \
	const struct bpf_func_proto bpf_##variant##_proto = { .id = BPF_FUNC_##helper,             \
							      .name = #helper,                     \
							      .since = SINCE_##helper,             \
							      .func = FUNC_##state(function),      \
							      __VA_ARGS__ };
#include "tables/helper_variants.def"
#undef HELPER_VARIANT

static const kver helper_progs[__BPF_FUNC_MAX_ID][__MAX_BPF_PROG_TYPE] = {
#define HELPER_PROG(helper, prog, since) [BPF_FUNC_##helper][BPF_PROG_TYPE_##prog] = since,
#include "tables/helper_progs.def"
#undef HELPER_PROG
};

const struct bpf_func_proto *bpf_helper_proto(u32 func_id)
{
	return func_id < __BPF_FUNC_MAX_ID && func_id ? &protos[func_id] : NULL;
}

bool bpf_helper_allowed(u32 func_id, u32 prog_type, const struct profile *profile)
{
	struct kernel_row row = { .kind = ROW_HELPER, .id = func_id, .prog = prog_type };

	if (func_id >= __BPF_FUNC_MAX_ID || prog_type >= __MAX_BPF_PROG_TYPE)
		return false;
	row.since = helper_progs[func_id][prog_type];
	return row_visible(profile, row);
}

const struct bpf_func_proto *bpf_prog_helper_proto(const struct bpf_prog_type_ops *ops,
						   const struct bpf_prog *prog, u32 func_id,
						   const struct profile *profile)
{
	if (!bpf_helper_allowed(func_id, prog->type, profile))
		return NULL;
#define HELPER_ATTACH(helper, type_, attach, since)                                                \
	if (func_id == BPF_FUNC_##helper && prog->type == BPF_PROG_TYPE_##type_ &&                 \
	    prog->expected_attach_type == (attach) && !visible(profile->release, since))           \
		return NULL;
#include "tables/helper_attach.def"
#undef HELPER_ATTACH
	return ops->func_proto ? ops->func_proto(func_id, prog) : bpf_helper_proto(func_id);
}

/* ---- program types ---- */

#define OPS_DONE(ops)				   extern const struct bpf_prog_type_ops ops;
#define OPS_PARTIAL(ops)			   OPS_DONE(ops)
#define OPS_ABSENT(ops)				   OPS_DONE(ops)
#define PROG(value, name, since, state, ops, note) OPS_##state(ops)
#include "tables/progs.def"
#undef PROG

const struct bpf_prog_type_ops *bpf_prog_type_ops_of(u32 prog_type)
{
	static const struct bpf_prog_type_ops *const ops_of[__MAX_BPF_PROG_TYPE] = {
#define OPS_OF_DONE(ops)			   &ops
#define OPS_OF_PARTIAL(ops)			   &ops
#define OPS_OF_ABSENT(ops)			   NULL
#define PROG(value, name, since, state, ops, note) [value] = OPS_OF_##state(ops),
#include "tables/progs.def"
#undef PROG
	};

	return prog_type < __MAX_BPF_PROG_TYPE ? ops_of[prog_type] : NULL;
}

const struct bpf_prog_type_ops *bpf_prog_type_judge_of(u32 prog_type)
{
	static const struct bpf_prog_type_ops *const ops_of[__MAX_BPF_PROG_TYPE] = {
#define PROG(value, name, since, state, ops, note) [value] = &ops,
#include "tables/progs.def"
#undef PROG
	};

	return prog_type < __MAX_BPF_PROG_TYPE ? ops_of[prog_type] : NULL;
}
