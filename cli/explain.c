/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See explain.h. */
#include "explain.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 100 /* of a line with remarks, where that can be */

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

void why_get(const struct cli *cli, struct why *w)
{
	struct skep_step s = { .sz = sizeof(s) };
	const char *needed = NULL;

	memset(w, 0, sizeof(*w));
	if (!cli->system)
		return;
	for (unsigned i = 0; !skep_last_step(cli->system, i, &s, &needed); i++) {
		struct why_step *more = realloc(w->step, (i + 1) * sizeof(*more));

		if (!more)
			return;
		w->step = more;
		more[i] = (struct why_step){
			.kind = copy(s.kind),
			.text = copy(s.text),
			.source = copy(s.source),
			.file = copy(s.file),
			.line = s.line,
			.column = s.column,
			.mark = s.mark,
			.mark_size = s.mark_size,
			.insn = s.insn,
		};
		w->n = i + 1;
	}
	if (needed && *needed)
		w->needed = strdup(needed);
}

void why_free(struct why *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		free(w->step[i].kind);
		free(w->step[i].text);
		free(w->step[i].source);
		free(w->step[i].file);
	}
	free(w->step);
	free(w->needed);
	memset(w, 0, sizeof(*w));
}

/* ---- for people ---- */

static const char *file_of(const struct why_step *s)
{
	return s->file ?: "";
}

static unsigned number_of(const struct why_step *s)
{
	return s->file ? s->line : (unsigned)s->insn;
}

static bool same_line(const struct why_step *a, const struct why_step *b)
{
	return number_of(a) == number_of(b) && !strcmp(file_of(a), file_of(b));
}

static void put_gutter(const struct cli *cli, const char *number, const char *color)
{
	fprintf(cli->out, "  %s%5s |%s ", color, number, cli_plain(cli));
}

/* @text behind column @at or below it, broken between words. */
static void put_remark(const struct cli *cli, unsigned at, const char *text, bool below)
{
	unsigned room, used = 0;

	if (below)
		at = at + 40 > WIDTH - 9 ? WIDTH - 9 - 40 : at;
	room = WIDTH - 9 - at > 40 ? WIDTH - 9 - at : 40;
	if (below) {
		put_gutter(cli, "", "");
		fprintf(cli->out, "%*s", (int)at, "");
	}
	while (*text) {
		size_t n = strcspn(text, " ");

		if (used && used + 1 + n > room) {
			fputc('\n', cli->out);
			put_gutter(cli, "", "");
			fprintf(cli->out, "%*s", (int)at, "");
			used = 0;
		}
		if (used) {
			fputc(' ', cli->out);
			used++;
		}
		text_print_safe(cli->out, text, n);
		used += (unsigned)n;
		text += n + (text[n] == ' ');
	}
	fputc('\n', cli->out);
}

static void put_marks(const struct cli *cli, const struct why_step *s, const char *needed)
{
	bool refused = !strcmp(s->kind, "refused"), text = s->text && *s->text, below;
	const char *color = refused ? cli_red(cli) : cli_green(cli);
	unsigned end = s->mark + s->mark_size + 1;

	if (!s->mark_size && !text && !needed)
		return;
	if (s->mark_size) {
		put_gutter(cli, "", "");
		fprintf(cli->out, "%*s%s", (int)s->mark, "", color);
		for (unsigned i = 0; i < s->mark_size; i++)
			fputc(refused ? '^' : '~', cli->out);
		fputs(cli_plain(cli), cli->out);
	}
	below = !s->mark_size || (text && end + strlen(s->text) > WIDTH - 9);
	if (s->mark_size && (below || !text))
		fputc('\n', cli->out);
	else if (s->mark_size)
		fputc(' ', cli->out);
	if (text)
		put_remark(cli, below ? s->mark : end, s->text, below);
	if (refused && needed) {
		char *line;

		if (asprintf(&line, "needed: %s", needed) >= 0) {
			if (below || end + strlen(line) > WIDTH - 9)
				end = s->mark;
			put_remark(cli, end, line, true);
			free(line);
		}
	}
}

void why_print(const struct cli *cli, const struct why *w)
{
	const struct why_step *last = w->n ? &w->step[w->n - 1] : NULL, *before = NULL;

	if (!last)
		return;
	if (last->file && last->column)
		fprintf(cli->out, "  -->     %s:%u:%u, instruction %d\n", last->file, last->line,
			last->column, last->insn);
	else if (last->file)
		fprintf(cli->out, "  -->     %s:%u, instruction %d\n", last->file, last->line,
			last->insn);
	else
		fprintf(cli->out, "  -->     instruction %d\n", last->insn);
	for (unsigned i = 0; i < w->n; i++) {
		const struct why_step *s = &w->step[i];
		char number[16];

		if (!before || !same_line(before, s)) {
			if (strcmp(file_of(s), file_of(before ?: last)))
				fprintf(cli->out, "  in %s\n", s->file ?: "code without lines");
			snprintf(number, sizeof(number), "%u", number_of(s));
			put_gutter(cli, number, s == last ? cli_bold(cli) : "");
			text_print_safe(cli->out, s->source, strlen(s->source));
			fputc('\n', cli->out);
		}
		put_marks(cli, s, s == last ? w->needed : NULL);
		before = s;
	}
}

/* ---- for programs ---- */

static void add_string(cJSON *j, const char *name, const char *s)
{
	if (s && *s)
		cJSON_AddItemToObject(j, name, text_json(s, strlen(s)));
}

cJSON *why_json(const struct why *w)
{
	cJSON *list = w->n ? cJSON_CreateArray() : NULL;

	for (unsigned i = 0; i < w->n; i++) {
		const struct why_step *s = &w->step[i];
		cJSON *j = cJSON_CreateObject();

		add_string(j, "kind", s->kind);
		add_string(j, "text", s->text);
		cJSON_AddNumberToObject(j, "instruction", s->insn);
		if (s->file) {
			add_string(j, "file", s->file);
			cJSON_AddNumberToObject(j, "line", s->line);
			cJSON_AddNumberToObject(j, "column", s->column);
		}
		add_string(j, "source", s->source);
		if (s->mark_size) {
			cJSON_AddNumberToObject(j, "mark", s->mark);
			cJSON_AddNumberToObject(j, "mark_size", s->mark_size);
		}
		cJSON_AddItemToArray(list, j);
	}
	return list;
}
