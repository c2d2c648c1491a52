/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The newest refusal as the public interface shows it. */
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
