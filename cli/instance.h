/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Commands that look at what an instance has: its maps, its programs. */
#ifndef SKEP_CLI_INSTANCE_H
#define SKEP_CLI_INSTANCE_H

#include "cli.h"

/*
 * Goes to the instance that is meant (@name; NULL: $SKEP_INSTANCE, else "default"), unless this process is
 * in one or the kernel's engine is asked for. CLI_HERE: bpf(2) answers for it, *@where is who that
 * is ("instance default"); else an exit status: there is none, as is said.
 */
enum { CLI_HERE = -1 };
int cli_enter_instance(struct cli *cli, const char *name, int argc, char **argv,
		       const char **where);

#endif
