/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs on the packets of a capture. */
#ifndef SKEP_CLI_CAPTURE_H
#define SKEP_CLI_CAPTURE_H

#include "cli.h"

struct capture_opts {
	const char *object, *pcap, *out, *prog;
	unsigned repeat; /* rounds; 0: one */
};

/* Runs the object on the capture and prints what came of it; an exit status. */
int capture_run(struct cli *cli, const struct capture_opts *o);

#endif
