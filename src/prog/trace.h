/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the tracing program types share; see raw_tracepoint.c. */
#ifndef SKEP_PROG_TRACE_H
#define SKEP_PROG_TRACE_H

#include "prog/ctx.h"

#define MAX_BPF_FUNC_ARGS 12

/* Loads of an array of 64-bit arguments. */
bool trace_args_access(int off, int size, enum bpf_access_type t);
struct btf_ctx_arg;
struct btf_ctx_proto;

/* What argument @nr of the function that @obj is about is. 0, or -errno behind the last. */
int typed_arg(const struct prog_object *obj, u32 nr, struct btf_ctx_arg *arg);
/* Loads of arguments that kernel BTF types; @trusted: objects behind them are alive. */
bool typed_args_access(struct btf_ctx_proto *proto, int off, int size, enum bpf_access_type t,
		       bool trusted, struct bpf_insn_access_aux *info);
bool tracing_is_valid_access(int off, int size, enum bpf_access_type t, const struct bpf_prog *prog,
			     struct bpf_insn_access_aux *info);
/* Argument @nr of iterator function @target, more than its type tells. */
void iter_arg(const char *target, u32 nr, struct bpf_insn_access_aux *info);
const struct bpf_func_proto *raw_tp_func_proto(u32 func_id, const struct bpf_prog *prog);
const struct bpf_func_proto *tracing_func_proto(u32 func_id, const struct bpf_prog *prog);

#endif
