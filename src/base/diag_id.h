/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The numbers of all refusals, from tables/diag.def; what they mean is in object/diag.h. */
#ifndef SKEP_BASE_DIAG_ID_H
#define SKEP_BASE_DIAG_ID_H

enum diag_id {
	DIAG_NONE,
#define DIAG(id, err, since, format, advice) DIAG_##id,
#include "tables/diag.def"
#undef DIAG
	DIAG_MAX,
};

#endif
