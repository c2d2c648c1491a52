/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* An object on skep and, where bpf(2) may be used, on the running kernel: what a test asks of both. */
#ifndef TESTS_LIB_BESIDE_H
#define TESTS_LIB_BESIDE_H

#include <bpf/libbpf.h>

#include "base/types.h"
#include "skep/skep.h"

struct beside {
	struct skep_system *sys; /* NULL: the kernel */
	struct bpf_object *obj;	 /* NULL: not loaded */
};

/* Loads build/bpf/@name.bpf.o. 0 or -errno; beside_close() in both cases. */
int beside_open(struct beside *b, const char *name);
void beside_close(struct beside *b);

/* @b[0] with a system like Linux 6.18, @b[1] the kernel: how many there are; 0: not even skep's. */
u32 beside_open_both(struct beside b[2], const char *name);
void beside_close_both(struct beside b[2]);

/*
 * Puts @value into element 0 of map @map, runs program @prog by BPF_PROG_TEST_RUN on a packet (@packet) or
 * nothing, and takes the value out again. What the program returned.
 */
u32 beside_run(const struct beside *b, const char *map, const char *prog, bool packet, void *value);

/* The same numbers in every run, less than @n. */
u32 beside_random(u32 n);

#endif
