/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tokens, and the options by which a BPF file system delegates (Linux: kernel/bpf/token.c, and
 * bpf_parse_param() and bpf_show_options() of kernel/bpf/inode.c).
 *
 * DIFF(token-ancestors): a token's namespace is the caller's own or the first one; a process of a
 * namespace between the two has no capabilities in it here.
 */
#include "object/token.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "object/caller.h"
#include "object/security.h"
#include "object/system.h"
#include "object/vocabulary.h"

static const struct {
	const char *option, *shown, *prefix;
	enum vocabulary names;
} kinds[DELEGATES] = {
	[DELEGATE_CMDS] = { "delegate_cmds", "allowed_cmds", "BPF_", VOCABULARY_COMMAND },
	[DELEGATE_MAPS] = { "delegate_maps", "allowed_maps", "BPF_MAP_TYPE_", VOCABULARY_MAP },
	[DELEGATE_PROGS] = { "delegate_progs", "allowed_progs", "BPF_PROG_TYPE_", VOCABULARY_PROG },
	[DELEGATE_ATTACHS] = { "delegate_attachs", "allowed_attachs", "BPF_", VOCABULARY_ATTACH },
};

/* ---- objects ---- */

static void token_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct token_object, obj.retired));
}

static void token_destroy(struct object *o)
{
	object_forget_file(o);
	object_retire(o, token_free);
}

int token_new_fd(struct skep_system *sys, u64 userns, const struct delegation *allowed,
		 const union bpf_attr *attr)
{
	struct token_object *t = mem_zalloc(sizeof(*t));
	struct security_question q = {
		.hook = SECURITY_BPF_TOKEN_CREATE,
		.attr = attr,
		.token = t,
	};
	int fd;

	if (!t)
		return -ENOMEM;
	object_init(sys, &t->obj, OBJECT_TOKEN, token_destroy);
	t->userns = userns;
	t->allowed = *allowed;
	fd = security_ask(sys, &q);
	if (!fd)
		fd = object_new_fd(&t->obj);
	object_put(&t->obj);
	return fd;
}

struct token_object *token_get_fd(struct skep_system *sys, int fd, int *err)
{
	return (struct token_object *)object_get_fd(sys, fd, OBJECT_TOKEN, err);
}

bool token_allows(const struct token_object *t, enum delegated what, u64 number)
{
	struct security_question q = {
		.hook = SECURITY_BPF_TOKEN_CMD,
		.token = t,
		.number = number,
	};

	if (number >= 64 || !(t->allowed.mask[what] & BIT_ULL(number)))
		return false;
	return what != DELEGATE_CMDS || !security_ask(t->obj.sys, &q);
}

static u32 caps_before_security(struct skep_system *sys, const struct token_object *t)
{
	u64 here;

	if (!t || sys->caps_mode == CAPS_FULL)
		return system_caps(sys);
	here = caller_userns();
	if (!here || here == sys->userns)
		return system_caps_of(sys, caller_caps());
	if (here == t->userns) /* a token gives nothing of the machine */
		return system_caps_of(sys, caller_caps()) & ~(u32)BPF_CAP_SYS_BOOT;
	return system_caps_of(sys, 0);
}

u32 token_caps(struct skep_system *sys, const struct token_object *t)
{
	static const struct {
		u32 bit, number;
	} rows[] = { { BPF_CAP_BPF, 39 },
		     { BPF_CAP_PERFMON, 38 },
		     { BPF_CAP_NET_ADMIN, CAP_NET_ADMIN },
		     { BPF_CAP_SYS_ADMIN, CAP_SYS_ADMIN } };
	u32 caps = caps_before_security(sys, t);

	for (size_t i = 0; t && i < ARRAY_SIZE(rows); i++) {
		struct security_question q = {
			.hook = SECURITY_BPF_TOKEN_CAPABLE,
			.token = t,
			.number = rows[i].number,
		};

		if (caps & rows[i].bit && security_ask(sys, &q))
			caps &= ~rows[i].bit;
	}
	if (!(caps & BPF_CAP_BPF) && t && system_unpriv_disabled(sys))
		caps |= BPF_UNPRIV_DISABLED;
	return caps;
}

/* ---- names ---- */

static const struct vocabulary_row *row_at(const struct skep_system *sys, enum delegated what,
					   u32 i)
{
	const struct vocabulary_row *rows;
	u32 n;

	rows = vocabulary_rows(kinds[what].names, &n);
	return i < n && visible(sys->profile, rows[i].since) ? &rows[i] : NULL;
}

static u32 nr_rows(enum delegated what)
{
	u32 n;

	vocabulary_rows(kinds[what].names, &n);
	return n;
}

/* A bit for everything that the profile's kernel knows (Linux: up to __MAX_BPF_CMD ...). */
static u64 any_mask(const struct skep_system *sys, enum delegated what)
{
	const struct vocabulary_row *row;
	s64 last = 0;

	for (u32 i = 0; i < nr_rows(what); i++)
		if ((row = row_at(sys, what, i)) && row->value > last && row->value < 63)
			last = row->value;
	return BIT_ULL(last + 1) - 1;
}

static bool number_of(const struct skep_system *sys, enum delegated what, const char *name,
		      s64 *value)
{
	/* The only second name that a number has in enum bpf_cmd. */
	if (what == DELEGATE_CMDS && !strcasecmp(name, "prog_run"))
		name = "prog_test_run";
	for (u32 i = 0; i < nr_rows(what); i++) {
		const struct vocabulary_row *row = row_at(sys, what, i);
		size_t prefix = strlen(kinds[what].prefix);

		if (!row || strncmp(row->name, kinds[what].prefix, prefix) ||
		    strcasecmp(row->name + prefix, name))
			continue;
		*value = row->value;
		return true;
	}
	return false;
}

/* kstrtou64() of base 0: digits, perhaps a '+' before and a newline behind. */
static int number_parse(const char *text, u64 *value)
{
	const char *digits = text + (*text == '+');
	char *end;

	if (!isdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	*value = strtoull(digits, &end, 0);
	if (*end == '\n')
		end++;
	return *end ? -EINVAL : errno ? -ERANGE : 0;
}

int delegate_option(const char *name)
{
	for (int i = 0; i < DELEGATES; i++)
		if (!strcmp(name, kinds[i].option))
			return i;
	return -1;
}

int delegate_parse(const struct skep_system *sys, enum delegated what, const char *text, u64 *mask)
{
	char copy[4096], *rest = copy, *word;
	u64 wanted = 0;
	s64 value;
	int err;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return -EINVAL;
	while ((word = strsep(&rest, ":"))) {
		if (!strcmp(word, "any")) {
			wanted = ~0ULL;
		} else if (number_of(sys, what, word, &value)) {
			wanted |= BIT_ULL(value);
		} else {
			/* A number takes the place of what stood before it, as in Linux. */
			err = number_parse(word, &wanted);
			if (err)
				return err;
		}
	}
	*mask |= wanted;
	return 0;
}

void delegate_show(FILE *to, const struct skep_system *sys, const struct delegation *d)
{
	for (enum delegated what = 0; what < DELEGATES; what++) {
		u64 any = any_mask(sys, what), mask = d->mask[what] & any;
		char sign = '=';

		if (!mask)
			continue;
		fprintf(to, ",%s", kinds[what].option);
		if (mask == any) {
			fprintf(to, "=any");
			continue;
		}
		for (s64 bit = 0; bit < 64; bit++)
			for (u32 i = 0; mask & BIT_ULL(bit) && i < nr_rows(what); i++) {
				const struct vocabulary_row *row = row_at(sys, what, i);
				const char *name;

				if (!row || row->value != bit)
					continue;
				fputc(sign, to);
				sign = ':';
				for (name = row->name + strlen(kinds[what].prefix); *name; name++)
					fputc(tolower((unsigned char)*name), to);
				mask &= ~BIT_ULL(bit);
			}
		if (mask)
			fprintf(to, "%c0x%llx", sign, (unsigned long long)mask);
	}
}

void token_show(FILE *to, const struct token_object *t)
{
	for (enum delegated what = 0; what < DELEGATES; what++) {
		u64 any = any_mask(t->obj.sys, what), mask = t->allowed.mask[what];

		if ((mask & any) == any)
			fprintf(to, "%s:\tany\n", kinds[what].shown);
		else
			fprintf(to, "%s:\t0x%llx\n", kinds[what].shown, (unsigned long long)mask);
	}
}
