/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tests/bpf/storage.bpf.c and its test share. */
#ifndef TESTS_BPF_STORAGE_H
#define TESTS_BPF_STORAGE_H

struct storage_value {
	unsigned long long count, last;
};

struct storage_answer {
	unsigned long long absent, bad_flags, before, after;
	long long deleted, again;
};

#endif
