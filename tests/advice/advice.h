/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the programs of tests/advice share. Each is rejected with the diagnostic that its first
 * line names; with -DADVICE it is the same program after the printed advice was followed.
 */
#ifndef TEST_ADVICE_H
#define TEST_ADVICE_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define MAP(NAME, TYPE, VALUE, ENTRIES)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##TYPE);                                                 \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, u32);                                                                  \
		__type(value, VALUE);                                                              \
	} NAME SEC(".maps")
#define RINGBUF(NAME)                                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, 4096);                                                         \
	} NAME SEC(".maps")

/* A value that the compiler knows nothing about: it can neither fold nor reorder what uses it. */
#define hide(VALUE) asm volatile("" : "+r"(VALUE))

#define naked __attribute__((naked))

#ifndef TERMS
#define TERMS "Dual BSD/GPL"
#endif
char LICENSE[] SEC("license") = TERMS;

#endif
