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

/*
 * The newest refusal of a system: a program, map or BTF that it did not accept,
 * and why. Strings are borrowed until the system's next call. Fields that do
 * not apply are NULL, 0, or -1 (insn).
 */
struct skep_refusal {
	size_t sz;
	int err;	     /* positive errno */
	const char *id;	     /* of the diagnostic, e.g. "STACK_OVERFLOW" */
	const char *message; /* the kernel's line */
	const char *advice;  /* what to do about it */
	const char *prog;
	int insn;	    /* index into the program as loaded */
	const char *source; /* the source line, from the program's BTF */
	const char *file;
	unsigned line, column;
};

/* 0, or -ENOENT when nothing has been refused since the last accepted load. */
SKEP_API int skep_last_refusal(struct skep_system *sys, struct skep_refusal *out);

/*
 * Answers this process's own libc calls about eBPF (through --wrap or the preload
 * library) by @sys; NULL: by the running kernel. The process's one such choice.
 */
SKEP_API void skep_front_use(struct skep_system *sys);

#ifdef __cplusplus
}
#endif

#endif
