/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the verifier must know of a helper (Linux: struct bpf_func_proto). Rows
 * of tables/helpers.def expand to these; the verifier never names a helper
 * otherwise, but for the few that its own rules speak of.
 */
#ifndef SKEP_OBJECT_HELPER_H
#define SKEP_OBJECT_HELPER_H

#include "base/uapi.h"
#include "base/version.h"
#include "object/facts.h"
#include "object/run.h"

/* Argument types as in Linux; the low byte is the base type, the rest flags. */
enum bpf_arg_type {
	ARG_DONTCARE = 0,
	ARG_CONST_MAP_PTR,
	ARG_PTR_TO_MAP_KEY,
	ARG_PTR_TO_MAP_VALUE,
	ARG_PTR_TO_MEM,
	ARG_PTR_TO_ARENA,
	ARG_CONST_SIZE,
	ARG_CONST_SIZE_OR_ZERO,
	ARG_PTR_TO_CTX,
	ARG_ANYTHING,
	ARG_PTR_TO_SPIN_LOCK,
	ARG_PTR_TO_SOCK_COMMON,
	ARG_PTR_TO_SOCKET,
	ARG_PTR_TO_BTF_ID,
	ARG_PTR_TO_RINGBUF_MEM,
	ARG_CONST_ALLOC_SIZE_OR_ZERO,
	ARG_PTR_TO_BTF_ID_SOCK_COMMON,
	ARG_PTR_TO_PERCPU_BTF_ID,
	ARG_PTR_TO_FUNC,
	ARG_PTR_TO_STACK,
	ARG_PTR_TO_CONST_STR,
	ARG_PTR_TO_TIMER,
	ARG_KPTR_XCHG_DEST,
	ARG_PTR_TO_DYNPTR,
	__BPF_ARG_TYPE_MAX,
};

enum bpf_return_type {
	RET_INTEGER = 0,
	RET_VOID,
	RET_PTR_TO_MAP_VALUE,
	RET_PTR_TO_SOCKET,
	RET_PTR_TO_TCP_SOCK,
	RET_PTR_TO_SOCK_COMMON,
	RET_PTR_TO_MEM,
	RET_PTR_TO_MEM_OR_BTF_ID,
	RET_PTR_TO_BTF_ID,
	__BPF_RET_TYPE_MAX,
};

#define BPF_BASE_TYPE_BITS 8
#define BPF_BASE_TYPE_MASK 0xffU
#define base_type(t)	   ((t)&BPF_BASE_TYPE_MASK)
#define type_flag(t)	   ((t) & ~BPF_BASE_TYPE_MASK)

/* Flags on argument, return and register types (Linux: enum bpf_type_flag). */
#define PTR_MAYBE_NULL	     (1U << 8)
#define MEM_RDONLY	     (1U << 9)
#define MEM_RINGBUF	     (1U << 10)
#define MEM_USER	     (1U << 11)
#define MEM_PERCPU	     (1U << 12)
#define OBJ_RELEASE	     (1U << 13)
#define PTR_UNTRUSTED	     (1U << 14)
#define MEM_UNINIT	     (1U << 15)
#define DYNPTR_TYPE_LOCAL    (1U << 16)
#define DYNPTR_TYPE_RINGBUF  (1U << 17)
#define MEM_FIXED_SIZE	     (1U << 18)
#define MEM_ALLOC	     (1U << 19)
#define PTR_TRUSTED	     (1U << 20)
#define MEM_RCU		     (1U << 21)
#define NON_OWN_REF	     (1U << 22)
#define DYNPTR_TYPE_SKB	     (1U << 23)
#define DYNPTR_TYPE_XDP	     (1U << 24)
#define MEM_ALIGNED	     (1U << 25)
#define MEM_WRITE	     (1U << 26)
#define DYNPTR_TYPE_FILE     (1U << 27)
#define DYNPTR_TYPE_SKB_META (1U << 28)

/*
 * The declaration of a helper's function. To the linker it has another name, because
 * libbpf has functions like bpf_map_update_elem(), and one program may hold both.
 */
#define BPF_HELPER_DECLARE(func)                                                                   \
	u64 func(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run) __asm__("skep"       \
										      "_" #func)

struct bpf_func_proto {
	u32 id;		  /* BPF_FUNC_* */
	const char *name; /* without "bpf_" */
	kver since;
	bpf_helper_t func;	/* NULL: skep has no implementation yet */
	u32 ret_type;		/* bpf_return_type | flags */
	u32 arg_type[5];	/* bpf_arg_type | flags */
	u32 arg_size[5];	/* of MEM_FIXED_SIZE arguments, bytes */
	const char *arg_btf[5]; /* kernel type name of ARG_PTR_TO_BTF_ID arguments */
	const char *ret_btf;
	bool gpl_only;
	bool pkt_access; /* packet pointers may be passed as memory */
	bool might_sleep;
	bool changes_pkt_data; /* invalidates packet pointers (bpf_helper_changes_pkt_data) */
	bool allow_fastcall;
	u8 inlined;	/* enum insn_inline: what code generation may put in its place */
	s16 inline_off; /* see there */
};
/* in rows: .inlined = … */
#define INLINED_RUN32(field) INLINE_RUN32, .inline_off = offsetof(struct bpf_run, field)
#define INLINED_RUN64(field) INLINE_RUN64, .inline_off = offsetof(struct bpf_run, field)

#endif
