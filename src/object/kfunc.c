/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rows of tables/kfuncs.def as the verifier asks for them (Linux:
 * btf_kfunc_id_set_contains() and register_btf_kfunc_id_set() of kernel/bpf/btf.c).
 */
#include <string.h>

#include "object/kfunc.h"

#define KFUNC_DECLARE_DONE(name)                                                                   \
	u64 kfunc_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
#define KFUNC_DECLARE_PARTIAL(name) KFUNC_DECLARE_DONE(name)
#define KFUNC_DECLARE_ABSENT(name)
#define KFUNC(name, since, flags, sets, state, note) KFUNC_DECLARE_##state(name)
#include "tables/kfuncs.def"
#undef KFUNC

static const struct row {
	const char *name;
	kver since;
	const char *flags, *sets;
	bpf_helper_t func;
} rows[KFUNC_MAX] = {
#define FUNC_DONE(name)	   kfunc_##name
#define FUNC_PARTIAL(name) kfunc_##name
#define FUNC_ABSENT(name)  NULL
#define KFUNC(name, since, flags, sets, state, note)                                               \
	[KFUNC_##name] = { #name, since, flags, sets, FUNC_##state(name) },
#include "tables/kfuncs.def"
#undef KFUNC
};

static const struct {
	const char *name;
	u32 flag;
} flag_names[] = {
	{ "KF_ACQUIRE", KF_ACQUIRE },
	{ "KF_RELEASE", KF_RELEASE },
	{ "KF_RET_NULL", KF_RET_NULL },
	{ "KF_KPTR_GET", KF_KPTR_GET },
	{ "KF_TRUSTED_ARGS", KF_TRUSTED_ARGS },
	{ "KF_SLEEPABLE", KF_SLEEPABLE },
	{ "KF_DESTRUCTIVE", KF_DESTRUCTIVE },
	{ "KF_RCU", KF_RCU },
	{ "KF_RCU_PROTECTED", KF_RCU_PROTECTED },
	{ "KF_ITER_NEW", KF_ITER_NEW },
	{ "KF_ITER_NEXT", KF_ITER_NEXT },
	{ "KF_ITER_DESTROY", KF_ITER_DESTROY },
	{ "KF_FASTCALL", KF_FASTCALL },
	{ "KF_ARENA_RET", KF_ARENA_RET },
	{ "KF_ARENA_ARG1", KF_ARENA_ARG1 },
	{ "KF_ARENA_ARG2", KF_ARENA_ARG2 },
	{ "KF_IMPLICIT_ARGS", KF_IMPLICIT_ARGS },
};

/* The next word of a list whose separators are " |,"; its length, 0 at the end. */
static size_t next_word(const char **list)
{
	*list += strspn(*list, " |,");
	return strcspn(*list, " |,");
}

static u32 flags_of(const char *list)
{
	u32 flags = 0;
	size_t n;

	for (; (n = next_word(&list)); list += n)
		for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
			if (strlen(flag_names[i].name) == n && !memcmp(flag_names[i].name, list, n))
				flags |= flag_names[i].flag;
	return flags;
}

static enum kfunc_id judged_as(enum kfunc_id id)
{
	switch ((int)id) {
#define KFUNC_ALIAS(name, as)                                                                      \
	case KFUNC_##name:                                                                         \
		return KFUNC_##as;
#include "tables/kfunc_aliases.def"
#undef KFUNC_ALIAS
	}
	return id;
}

bool bpf_kfunc_find(const char *name, struct bpf_kfunc *out)
{
	for (u32 i = 1; i < KFUNC_MAX; i++) {
		if (strcmp(rows[i].name, name))
			continue;
		*out = (struct bpf_kfunc){ .id = judged_as((enum kfunc_id)i),
					   .row = (enum kfunc_id)i,
					   .name = rows[i].name,
					   .since = rows[i].since,
					   .flags = flags_of(rows[i].flags),
					   .func = rows[i].func };
		return true;
	}
	return false;
}

static const struct {
	const char *set;
	u32 prog_type;
	kver since;
} sets[] = {
#define KFUNC_SET(set, type, since) { #set, BPF_PROG_TYPE_##type, since },
#include "tables/kfunc_sets.def"
#undef KFUNC_SET
};

bool bpf_kfunc_allowed(enum kfunc_id row, u32 prog_type, kver profile)
{
	const char *list;
	size_t n;

	if (!row || row >= KFUNC_MAX || !visible(profile, rows[row].since))
		return false;
	for (list = rows[row].sets; (n = next_word(&list)); list += n)
		for (u32 i = 0; i < ARRAY_SIZE(sets); i++)
			if ((sets[i].prog_type == prog_type ||
			     sets[i].prog_type == BPF_PROG_TYPE_UNSPEC) &&
			    strlen(sets[i].set) == n && !memcmp(sets[i].set, list, n) &&
			    (!sets[i].since || visible(profile, sets[i].since)))
				return true;
	return false;
}
