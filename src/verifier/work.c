/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where the work went: instructions processed and states kept, counted by instruction while the
 * program is checked and added up by source line. Linux reports the totals alone.
 */
#include "verifier/verifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "object/work.h"

/* Not yet with strings: where the line is, as line info has it. */
struct row {
	u32 file_off, source_off, line, insn;
	u64 processed, states;
};

int work_start(struct bpf_verifier_env *env)
{
	if (!*env->sys->want_work || strcmp(env->sys->want_work, env->prog->name))
		return 0;
	env->work = mem_calloc(env->len, sizeof(*env->work));
	return env->work ? 0 : -ENOMEM;
}

static int by_place(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->file_off != b->file_off)
		return a->file_off < b->file_off ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->insn < b->insn ? -1 : a->insn > b->insn;
}

static int by_work(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->processed != b->processed)
		return a->processed > b->processed ? -1 : 1;
	if (a->states != b->states)
		return a->states > b->states ? -1 : 1;
	return a->insn < b->insn ? -1 : a->insn > b->insn;
}

/* Rows of the instructions that were reached; their number. */
static u32 rows_of_insns(const struct bpf_verifier_env *env, struct row *rows)
{
	u32 n = 0, at = 0;

	for (u32 i = 0; i < env->len; i++) {
		struct row *r = &rows[n];

		while (at < env->nr_linfo && env->line_info[at].insn_off <= i)
			at++;
		if (!env->work[i].processed)
			continue;
		memset(r, 0, sizeof(*r));
		if (at && env->btf) {
			const struct bpf_line_info *l = &env->line_info[at - 1];

			r->file_off = l->file_name_off;
			r->source_off = l->line_off;
			r->line = BPF_LINE_INFO_LINE_NUM(l->line_col);
		}
		r->insn = i;
		r->processed = env->work[i].processed;
		r->states = env->work[i].states;
		n++;
	}
	return n;
}

/* One row for each line, wherever it was inlined; without line info each stays alone. */
static u32 rows_of_lines(struct row *rows, u32 n)
{
	u32 kept = 0;

	qsort(rows, n, sizeof(*rows), by_place);
	for (u32 i = 0; i < n; i++) {
		struct row *last = kept ? &rows[kept - 1] : NULL;

		if (last && rows[i].line && last->file_off == rows[i].file_off &&
		    last->line == rows[i].line) {
			last->processed += rows[i].processed;
			last->states += rows[i].states;
		} else {
			rows[kept++] = rows[i];
		}
	}
	qsort(rows, kept, sizeof(*rows), by_work);
	return kept;
}

static const char *string(const struct bpf_verifier_env *env, u32 off)
{
	return btf_str(env->btf->btf, off) ?: "";
}

static const char *put_string(char **at, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = *at;

	memcpy(copy, s, n);
	*at += n;
	return copy;
}

static struct work *work_new(const struct bpf_verifier_env *env, const struct row *rows, u32 n)
{
	size_t size = sizeof(struct work) + n * sizeof(struct work_line);
	struct work *w;
	char *at;

	for (u32 i = 0; i < n; i++)
		if (rows[i].line)
			size += strlen(string(env, rows[i].file_off)) +
				strlen(string(env, rows[i].source_off)) + 2;
	w = mem_zalloc(size);
	if (!w)
		return NULL;
	at = (char *)&w->line[n];
	w->processed = env->insn_processed;
	w->states = env->total_states;
	w->nr = n;
	for (u32 i = 0; i < n; i++) {
		struct work_line *l = &w->line[i];

		l->line = rows[i].line;
		l->insn = rows[i].insn;
		l->processed = rows[i].processed;
		l->states = rows[i].states;
		if (!l->line)
			continue;
		l->file = put_string(&at, string(env, rows[i].file_off));
		l->source = put_string(&at, string(env, rows[i].source_off));
	}
	return w;
}

int work_finish(struct bpf_verifier_env *env)
{
	struct skep_system *sys = env->sys;
	struct work *w = NULL, *old;
	struct row *rows;

	if (!env->work)
		return 0;
	rows = mem_calloc(env->len, sizeof(*rows));
	if (rows)
		w = work_new(env, rows, rows_of_lines(rows, rows_of_insns(env, rows)));
	mem_free(rows);
	if (!w)
		return -ENOMEM;
	relock_take(&sys->lock);
	old = sys->work;
	sys->work = w;
	relock_give(&sys->lock);
	mem_free(old);
	return 0;
}
