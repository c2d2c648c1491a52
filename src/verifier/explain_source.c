/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The source line of an instruction, from line information: the expression that the compiler
 * points to, the variable that a line assigns, the arguments of a call. The text is C as far as
 * one line shows it; where it is not understood, nothing is said. See explain.c.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/explain.h"
#include "verifier/trail.h"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The start of the operand that ends before @at: "a->b[i].c". */
static size_t operand_start(const char *s, size_t at)
{
	while (at) {
		char c = s[at - 1];

		if (is_word(c)) {
			at--;
		} else if (c == '.' || (c == '>' && at > 1 && s[at - 2] == '-')) {
			at -= c == '.' ? 1 : 2;
		} else if (c == ']' || c == ')') {
			u32 depth = 0;
			size_t i = at;

			do {
				i--;
				depth += s[i] == ']' || s[i] == ')';
				depth -= s[i] == '[' || s[i] == '(';
			} while (i && depth);
			if (depth)
				return at;
			at = i;
		} else {
			break;
		}
	}
	return at;
}

/* The end of the operand that begins at @at. */
static size_t operand_end(const char *s, size_t at)
{
	while (s[at] && strchr("&*!~-", s[at]) && s[at + 1] != '=' && s[at + 1] != ' ')
		at++;
	for (;;) {
		if (is_word(s[at]) || s[at] == '.') {
			at++;
		} else if (s[at] == '-' && s[at + 1] == '>') {
			at += 2;
		} else if (s[at] == '[' || s[at] == '(') {
			u32 depth = 0;
			size_t i = at;

			do {
				depth += s[i] == '[' || s[i] == '(';
				depth -= s[i] == ']' || s[i] == ')';
				i++;
			} while (s[i] && depth);
			if (depth)
				return at;
			at = i;
		} else {
			return at;
		}
	}
}

static bool is_operator(char c)
{
	return c && strchr("=<>!+-*/%&|^?:", c);
}

/* The expression around character @at of @s, where the compiler points to. */
static void expression_at(const char *s, size_t at, u32 *mark, u32 *size)
{
	size_t from = at, to = at, n = strlen(s);

	*mark = *size = 0;
	if (at >= n)
		return;
	if (!strncmp(s + at, "if", 2) || !strncmp(s + at, "while", 5) ||
	    !strncmp(s + at, "for", 3)) {
		from = at + strcspn(s + at, "(");
		to = operand_end(s, from);
		if (to > from + 2) {
			from++;
			to--;
		}
	} else if (!strncmp(s + at, "return", 6) || s[at] == '{' || s[at] == '}') {
		to = at + strcspn(s + at, ";");
	} else if (is_operator(s[at]) && !(s[at] == '-' && s[at + 1] == '>')) {
		bool assigns;

		while (from && s[from - 1] == ' ')
			from--;
		from = operand_start(s, from);
		while (is_operator(s[to]))
			to++;
		assigns = to > at && s[to - 1] == '=' &&
			  !strchr("=!<>", to - 1 > at ? s[to - 2] : ' ');
		while (s[to] == ' ')
			to++;
		to = assigns ? to + strcspn(s + to, ";") : operand_end(s, to);
	} else {
		while (from && is_word(s[from]) && is_word(s[from - 1]))
			from--;
		if (from > 1 && (s[from - 1] == '.' || s[from - 1] == '>'))
			from = operand_start(s, from);
		to = operand_end(s, at);
	}
	while (to > from && s[to - 1] == ' ')
		to--;
	*mark = (u32)from;
	*size = (u32)(to - from);
}

/* Fills where instruction @insn stands. */
void explain_place(struct bpf_verifier_env *env, struct explain_step *s, u32 insn)
{
	const struct bpf_line_info *l = find_linfo(env, insn);
	const char *text, *file, *slash;
	size_t blanks;

	s->insn = (s32)insn;
	if (!l || !env->btf) {
		insn_text(env, insn, s->source, sizeof(s->source));
		return;
	}
	text = btf_str(env->btf->btf, l->line_off) ?: "";
	file = btf_str(env->btf->btf, l->file_name_off) ?: "";
	slash = strrchr(file, '/');
	blanks = strspn(text, " \t");
	s->line = BPF_LINE_INFO_LINE_NUM(l->line_col);
	s->column = BPF_LINE_INFO_LINE_COL(l->line_col);
	snprintf(s->file, sizeof(s->file), "%s", slash ? slash + 1 : file);
	snprintf(s->source, sizeof(s->source), "%s", text + blanks);
	for (char *p = s->source; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (s->column > blanks)
		expression_at(s->source, s->column - 1 - blanks, &s->mark, &s->mark_size);
}

/* "i" of "u32 key = 0, i = skb->len;" when the compiler points behind its "="; "" when there is none. */
void explain_assigned(const struct explain_step *s, const char *compound, char *name, size_t size)
{
	size_t from = 0, to = 0, n = strlen(s->source), limit = s->mark + s->mark_size;
	const char *by;
	u32 depth = 0;

	*name = 0;
	if (!s->line || !strncmp(s->source, "if", 2) || !strncmp(s->source, "while", 5))
		return;
	for (size_t i = 0; i < n && (i < limit || !limit); i++) {
		const char *p = s->source + i;
		size_t end = i;

		depth += *p == '(' || *p == '[' || *p == '{';
		depth -= depth && (*p == ')' || *p == ']' || *p == '}');
		if (*p != '=' || depth || p[1] == '=' || !i || strchr("=!", p[-1]))
			continue;
		if (strchr("<>", p[-1]) && (i < 2 || p[-2] != p[-1]))
			continue;
		while (end && (is_operator(s->source[end - 1]) || s->source[end - 1] == ' '))
			end--;
		from = operand_start(s->source, end);
		to = end;
	}
	by = s->source + to + strspn(s->source + to, " ");
	if (*by != '=' && (!compound || strncmp(by, compound, strlen(compound))))
		return;
	if (to > from && to - from < size && !isdigit((unsigned char)s->source[from]))
		snprintf(name, size, "%.*s", (int)(to - from), s->source + from);
}

/* Argument @n of the call of @function in the line, from 1. */
void explain_argument(const char *s, const char *function, u32 n, char *name, size_t size)
{
	const char *p = strstr(s, function), *from;
	u32 depth = 0;

	*name = 0;
	p = p ? strchr(p, '(') : NULL;
	for (from = p ? ++p : NULL; p && *p; p++) {
		if (!depth && (*p == ',' || *p == ')')) {
			if (!--n)
				break;
			if (*p == ')')
				return;
			from = p + 1;
		}
		depth += *p == '(' || *p == '[' || *p == '{';
		depth -= depth && (*p == ')' || *p == ']' || *p == '}');
	}
	if (!p || !*p)
		return;
	while (*from == ' ')
		from++;
	if ((size_t)(p - from) < size)
		snprintf(name, size, "%.*s", (int)(p - from), from);
}

void explain_base(const struct explain_step *s, char *name, size_t size)
{
	const char *from = s->source + s->mark, *arrow;
	size_t n = 0;

	*name = 0;
	while (n < s->mark_size && is_word(from[n]))
		n++;
	if (!n || n >= size || n == s->mark_size || isdigit((unsigned char)*from) ||
	    (from[n] != '[' && strncmp(from + n, "->", 2)))
		return;
	arrow = strstr(from + n, "->"); /* of several, which one is not told */
	if (arrow && strstr(arrow + 2, "->"))
		return;
	snprintf(name, size, "%.*s", (int)n, from);
}
