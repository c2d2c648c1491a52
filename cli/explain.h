/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Why a program was rejected: the lines of its source that led there, with what each tells. */
#ifndef SKEP_CLI_EXPLAIN_H
#define SKEP_CLI_EXPLAIN_H

#include "cli.h"

struct why {
	struct why_step {
		char *kind, *text, *source, *file; /* .file NULL: no line is known */
		unsigned line, column, mark, mark_size;
		int insn;
	} * step;
	unsigned n;
	char *needed; /* NULL: not said */
};

/* Of the newest refusal; .n 0 when there is nothing to tell. */
void why_get(const struct cli *cli, struct why *w);
void why_free(struct why *w);
/* Source lines with marks and remarks, the refused one last. */
void why_print(const struct cli *cli, const struct why *w);
/* An array of steps, or NULL for none. */
cJSON *why_json(const struct why *w);

#endif
