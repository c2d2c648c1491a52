/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tests/bpf/arena.bpf.c and its test share. */
#ifndef TESTS_BPF_ARENA_H
#define TESTS_BPF_ARENA_H

#define ARENA_PAGES 100
#define ARENA_START (1ULL << 44)

struct arena_answer {
	unsigned long long page, page2, page3, at, sum, old, last;
	long long byte;
	unsigned long long freed, again, none, flags, odd, taken;
};

struct arena_node {
	unsigned long long value;
#ifdef __bpf__
	struct arena_node __attribute__((address_space(1))) * next;
#else
	struct arena_node *next;
#endif
};

#endif
