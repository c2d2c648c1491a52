/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Refusals of src/btf as diagnostics. src/btf may not include object, so it numbers
 * the rows of tables/diag/btf.def on its own; here the two numberings meet.
 */
#include <string.h>

#include "btf/btf.h"
#include "object/diag.h"

static const u16 of_btf[BTF_DIAG_MAX] = {
	[BTF_DIAG_NONE] = DIAG_NONE,
#define DIAG(id, err, since, format, advice) [BTF_DIAG_##id] = DIAG_##id,
#include "tables/diag/btf.def"
#undef DIAG
};

_Static_assert(BTF_REFUSAL_ARGS <= DIAG_ARGS && sizeof_field(struct btf_refusal_arg, text) <=
							sizeof_field(struct diag_arg, text),
	       "a refusal of BTF fits a diagnostic");

int diag_from_btf(struct diag *d, const struct btf_refusal *r)
{
	u32 i;

	memset(d, 0, sizeof(*d));
	d->id = of_btf[r->id];
	d->err = r->err;
	d->insn = -1;
	d->nargs = r->nargs;
	for (i = 0; i < r->nargs; i++) {
		d->args[i].kind = r->args[i].kind;
		d->args[i].num = r->args[i].num;
		memcpy(d->args[i].text, r->args[i].text, sizeof(r->args[i].text));
	}
	return -r->err;
}
