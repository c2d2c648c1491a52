/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a system tells its user: the newest refusal, lines of bpf_trace_printk(). */
#include <errno.h>

#include "object/diag.h"
#include "object/system.h"
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

void skep_set_trace(struct skep_system *sys, void (*fn)(void *arg, const char *line, uint32_t len),
		    void *arg)
{
	pthread_mutex_lock(&sys->lock);
	sys->trace_arg = arg;
	sys->trace = fn;
	pthread_mutex_unlock(&sys->lock);
}
