/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep verify --states: where the verifier's work went, by source line, so that a program near
 * the limit of a million instructions can be cured where it matters.
 */
#include "states.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

#define LINES_SHOWN 15

static double share(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_line(const struct cli *cli, const struct skep_work *w,
		       const struct skep_work_total *t)
{
	const char *source = w->source ?: "";

	while (isspace((unsigned char)*source))
		source++;
	fprintf(cli->out, "  %10llu %5.1f%% %8llu %5.1f%%  ", (unsigned long long)w->processed,
		share(w->processed, t->processed), (unsigned long long)w->states,
		share(w->states, t->states));
	if (w->file) {
		text_print_safe(cli->out, base_name(w->file), strlen(base_name(w->file)));
		fprintf(cli->out, ":%u: ", w->line);
		text_print_safe(cli->out, source, strlen(source));
		fputc('\n', cli->out);
	} else {
		fprintf(cli->out, "instruction %u\n", w->insn);
	}
}

void states_print(const struct cli *cli)
{
	struct skep_work_total t = { .sz = sizeof(t) };
	struct skep_work w = { .sz = sizeof(w) }, rest = { 0 };
	unsigned i;

	if (skep_last_work_total(cli->system, &t)) {
		fprintf(cli->out, "  work:   the verifier did not get to this program\n");
		return;
	}
	fprintf(cli->out, "  work:   %llu instructions processed, %llu states kept, %u lines\n",
		(unsigned long long)t.processed, (unsigned long long)t.states, t.lines);
	if (!t.lines)
		return;
	fprintf(cli->out, "  %17s %15s\n", "processed", "states");
	for (i = 0; !skep_last_work(cli->system, i, &w); i++) {
		if (i < LINES_SHOWN) {
			print_line(cli, &w, &t);
			continue;
		}
		rest.processed += w.processed;
		rest.states += w.states;
	}
	if (i > LINES_SHOWN)
		fprintf(cli->out, "  %10llu %5.1f%% %8llu %5.1f%%  %u other lines\n",
			(unsigned long long)rest.processed, share(rest.processed, t.processed),
			(unsigned long long)rest.states, share(rest.states, t.states),
			i - LINES_SHOWN);
}

cJSON *states_json(const struct cli *cli)
{
	struct skep_work_total t = { .sz = sizeof(t) };
	struct skep_work w = { .sz = sizeof(w) };
	cJSON *j, *lines, *one;

	if (skep_last_work_total(cli->system, &t))
		return NULL;
	j = cJSON_CreateObject();
	cJSON_AddNumberToObject(j, "processed", (double)t.processed);
	cJSON_AddNumberToObject(j, "states", (double)t.states);
	lines = cJSON_AddArrayToObject(j, "lines");
	for (unsigned i = 0; !skep_last_work(cli->system, i, &w); i++) {
		one = cJSON_CreateObject();
		cJSON_AddNumberToObject(one, "instruction", w.insn);
		if (w.file) {
			cJSON_AddStringToObject(one, "source_file", w.file);
			cJSON_AddNumberToObject(one, "line", w.line);
			cJSON_AddStringToObject(one, "source", w.source ?: "");
		}
		cJSON_AddNumberToObject(one, "processed", (double)w.processed);
		cJSON_AddNumberToObject(one, "states", (double)w.states);
		cJSON_AddItemToArray(lines, one);
	}
	return j;
}
