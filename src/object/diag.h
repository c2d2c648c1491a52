/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The one error type. A refusal is a structure: errno, diagnostic id, where it
 * happened and the arguments of its message. It is rendered as the kernel's log
 * line (tables/diag.def holds the format), as an explanation, or as JSON; no
 * rendered string is ever parsed back.
 *
 * tables/diag.def: DIAG(ID, errno, since, "kernel format", "what to do about it")
 * The format is printf's, restricted to %d %u %x %s %lld %llu %llx %%.
 */
#ifndef SKEP_OBJECT_DIAG_H
#define SKEP_OBJECT_DIAG_H

#include <stdarg.h>

#include "base/diag_id.h"
#include "base/types.h"

struct btf_refusal;

#define DIAG_ARGS 6

struct diag {
	enum diag_id id;
	int err;	  /* positive errno */
	char prog[16];	  /* program name or "" */
	s32 insn;	  /* instruction index or -1 */
	char source[128]; /* source line text or "", from the program's BTF, cut to fit */
	char file[64];	  /* its file's name without folders, or "" */
	u32 line, column;
	u32 nargs;
	struct diag_arg {
		char kind; /* 'd' signed, 'u' unsigned, 'x' hex, 's' string (owned, in .text) */
		s64 num;
		char text[96];
	} args[DIAG_ARGS];
};

const char *diag_name(enum diag_id id);	  /* "STACK_OVERFLOW" */
int diag_errno(enum diag_id id);	  /* positive */
const char *diag_format(enum diag_id id); /* kernel format */
const char *diag_advice(enum diag_id id);

/* Fills @d from the row's format and the arguments; returns -errno of the row. */
int diag_set(struct diag *d, enum diag_id id, ...);
int diag_vset(struct diag *d, enum diag_id id, va_list ap);
/* From a refusal of src/btf (diag_btf.c); returns -errno. */
int diag_from_btf(struct diag *d, const struct btf_refusal *r);
/* The kernel's line, without newline. Returns the length as snprintf does. */
int diag_render(const struct diag *d, char *buf, size_t size);

#endif
