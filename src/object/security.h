/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What bpf(2) asks security modules about its caller, where the answer is needed in the midst of a command
 * (Linux: security_bpf_token_capable() and its like in security/security.c). Asked only of tasks that are
 * supervised; the hook "bpf" itself is asked when the task enters the call (event/lsm.c).
 *
 * DIFF(token-asked): a capability by token is asked for once per command and capability, where Linux asks each
 * time it matters; bpf_map_free, bpf_prog_free and bpf_token_free are asked nowhere.
 */
#ifndef SKEP_OBJECT_SECURITY_H
#define SKEP_OBJECT_SECURITY_H

#include "object/system.h"

enum security_hook {
	SECURITY_BPF_TOKEN_CREATE,  /* attr, token */
	SECURITY_BPF_TOKEN_CAPABLE, /* token, number: CAP_* */
	SECURITY_BPF_TOKEN_CMD,	    /* token, number: BPF_* */
	SECURITY_BPF_MAP_CREATE,    /* attr, map, token */
	SECURITY_BPF_PROG_LOAD,	    /* attr, prog, token */
	SECURITY_BPF_MAP,	    /* map, number: FMODE_READ, FMODE_WRITE */
	SECURITY_BPF_PROG,	    /* prog */
};

struct token_object;

struct security_question {
	enum security_hook hook;
	const struct token_object *token; /* NULL: none */
	const struct map_object *map;
	const struct prog_object *prog;
	const union bpf_attr *attr;
	u64 number;
};

/* 0, or the -errno of who refuses. No lock is held: it may wait for the supervisor. */
static inline int security_ask(struct skep_system *sys, const struct security_question *q)
{
	return likely(!sys->security) ? 0 : sys->security(sys, q);
}

#endif
