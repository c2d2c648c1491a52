/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What programs are told of the machine below. */
#ifndef SKEP_OBJECT_MACHINE_H
#define SKEP_OBJECT_MACHINE_H

#include "object/arena.h"

/* Fills @arena's tick and the memory nodes of its slots, which are numbered as CPUs are. */
void machine_describe(struct arena *arena);

#endif
