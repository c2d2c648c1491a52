/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a system tells its user: the newest refusal, where the verifier's work went, lines of
 * bpf_trace_printk().
 */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "object/diag.h"
#include "object/explain.h"
#include "object/system.h"
#include "object/work.h"
#include "skep/skep.h"

int skep_last_refusal(struct skep_system *sys, struct skep_refusal *out)
{
	const struct diag *d = &sys->last;

	if (d->id == DIAG_NONE)
		return -ENOENT;
	diag_render(d, sys->last_text, sizeof(sys->last_text));
	out->err = d->err;
	out->id = diag_name(d->id);
	out->message = sys->last_text;
	out->advice = diag_advice(d->id);
	out->prog = *d->prog ? d->prog : NULL;
	out->insn = d->insn;
	out->source = *d->source ? d->source : NULL;
	out->file = *d->file ? d->file : NULL;
	out->line = d->line;
	out->column = d->column;
	return 0;
}

void skep_want_explanations(struct skep_system *sys, bool want)
{
	relock_take(&sys->lock);
	sys->want_explanations = want;
	relock_give(&sys->lock);
}

static const char *kind_name(enum explain_kind kind)
{
	switch (kind) {
	case EXPLAIN_ORIGIN:
		return "origin";
	case EXPLAIN_CHANGE:
		return "change";
	case EXPLAIN_BOUND:
		return "bound";
	case EXPLAIN_LOST:
		return "lost";
	case EXPLAIN_PASSED:
		return "passed";
	case EXPLAIN_BRANCH:
		return "branch";
	case EXPLAIN_REFUSED:
		return "refused";
	}
	return "";
}

int skep_last_step(struct skep_system *sys, unsigned int index, struct skep_step *out,
		   const char **needed)
{
	const struct explain_step *s;
	int err = -ENOENT;

	relock_take(&sys->lock);
	if (sys->explanation && index < sys->explanation->n) {
		s = &sys->explanation->step[index];
		out->kind = kind_name(s->kind);
		out->text = s->text;
		out->source = s->source;
		out->file = s->line ? s->file : NULL;
		out->line = s->line;
		out->column = s->column;
		out->mark = s->mark;
		out->mark_size = s->mark_size;
		out->insn = s->insn;
		if (needed)
			*needed = sys->explanation->required;
		err = 0;
	}
	relock_give(&sys->lock);
	return err;
}

void skep_want_work(struct skep_system *sys, const char *prog)
{
	struct work *old;

	relock_take(&sys->lock);
	old = sys->work;
	sys->work = NULL;
	snprintf(sys->want_work, sizeof(sys->want_work), "%s", prog ? prog : "");
	relock_give(&sys->lock);
	mem_free(old);
}

int skep_last_work(struct skep_system *sys, unsigned int index, struct skep_work *out)
{
	const struct work_line *l;
	int err = -ENOENT;

	relock_take(&sys->lock);
	if (sys->work && index < sys->work->nr) {
		l = &sys->work->line[index];
		out->processed = l->processed;
		out->states = l->states;
		out->insn = l->insn;
		out->source = l->source;
		out->file = l->file;
		out->line = l->line;
		err = 0;
	}
	relock_give(&sys->lock);
	return err;
}

int skep_last_work_total(struct skep_system *sys, struct skep_work_total *out)
{
	int err = -ENOENT;

	relock_take(&sys->lock);
	if (sys->work) {
		out->processed = sys->work->processed;
		out->states = sys->work->states;
		out->lines = sys->work->nr;
		err = 0;
	}
	relock_give(&sys->lock);
	return err;
}

void skep_set_trace(struct skep_system *sys, void (*fn)(void *arg, const char *line, uint32_t len),
		    void *arg)
{
	relock_take(&sys->lock);
	sys->trace_arg = arg;
	sys->trace = fn;
	relock_give(&sys->lock);
}
