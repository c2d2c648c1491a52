/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the programs of bootstrap and bootstrap_legacy tell their loaders. */
#ifndef BOOTSTRAP_H
#define BOOTSTRAP_H

struct life {
	int pid, ppid;
	unsigned exit_code;
	int has_ended;
	unsigned long long nsecs; /* that it lived */
	char comm[16];
	char path[127];
};

#endif
