/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef PROFILE_H
#define PROFILE_H

#define PROFILE_DEPTH 32

struct profile_sample {
	int pid, cpu;
	char comm[16];
	int user_size; /* in bytes, or -errno */
	unsigned long long user[PROFILE_DEPTH];
};

#endif
