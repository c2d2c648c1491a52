/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where programs can be attached. */
#ifndef SKEP_CLI_HOOK_POINTS_H
#define SKEP_CLI_HOOK_POINTS_H

#include "cli.h"

/* What to do when there is no hook point @name: those that look alike. Owned by the caller. */
char *hook_points_advice(const struct cli *cli, const char *name);

#endif
