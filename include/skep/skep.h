/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep: eBPF that you can carry. The public interface: make a system, make
 * bpf(2) calls on it. All functions return 0 or a non-negative result, or
 * -errno; nothing prints or exits.
 */
#ifndef SKEP_SKEP_H
#define SKEP_SKEP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_API __attribute__((visibility("default")))

struct skep_system;
union bpf_attr;

/* Options grow at the end; set sz to sizeof(struct skep_system_opts). */
struct skep_system_opts {
	size_t sz;
	const char *kernel; /* profile, e.g. "6.12"; NULL: $SKEP_KERNEL, else the newest */
	const char *btf;    /* kernel BTF file; NULL: $SKEP_BTF, else the host's, else built-in */
	const char *caps;   /* "full" (default) or "real"; NULL: $SKEP_CAPS */
	const char *jit;    /* "on" (default), "off", "compare"; NULL: $SKEP_JIT */
};

/* A new system, or NULL with errno set. @opts may be NULL. */
SKEP_API struct skep_system *skep_system_new(const struct skep_system_opts *opts);
/* Frees it and every object in it. Descriptors that clients still hold become inert. NULL is fine. */
SKEP_API void skep_system_free(struct skep_system *sys);

/*
 * bpf(2): @cmd and @attr as in <linux/bpf.h>; @size is sizeof the attribute as
 * the caller knows it. Returns what Linux returns, errors as -errno.
 */
SKEP_API int skep_bpf(struct skep_system *sys, int cmd, union bpf_attr *attr, unsigned int size);

#ifdef __cplusplus
}
#endif

#endif
