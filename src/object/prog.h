/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs and the operations that give a program type its behaviour (Linux:
 * struct bpf_prog, bpf_verifier_ops and bpf_prog_ops).
 *
 * struct bpf_prog is the part that running needs: it lies in the arena, at one
 * address everywhere. The control side's part (descriptor, references, BTF,
 * load-time data) is struct prog_object in object.h.
 */
#ifndef SKEP_OBJECT_PROG_H
#define SKEP_OBJECT_PROG_H

#include "base/uapi.h"
#include "base/version.h"
#include "object/helper.h"
#include "object/run.h"

struct bpf_tramp;
struct btf;
struct interp_op;
struct prog_object;
struct skep_system;

struct bpf_prog {
	u32 type;
	u32 id;
	u32 len;	 /* instructions after fix-ups */
	u32 stack_depth; /* of the main function, bytes, multiple of 8 */
	u32 expected_attach_type;
	u32 ctx_type; /* whose context it is given: .type, or that of what it extends */
	u8 jited;
	u8 sleepable;
	u8 gpl_compatible;
	u8 xdp_has_frags;
	u8 throws;	       /* calls bpf_throw() */
	u8 watched;	       /* something is attached to the main function: .tramp[0] */
	u8 attachable;	       /* its functions are known by BTF: the interpreter looks at .tramp */
	u8 guarded;	       /* native code does, too: compiled since something was attached */
	u8 prints_stack;       /* calls bpf_stream_print_stack(): its functions stay functions */
	u32 exception_subprog; /* the function that it calls then; 0: none */
	u8 tag[BPF_TAG_SIZE];
	char name[BPF_OBJ_NAME_LEN];
	bpf_entry_t entry;	/* native code; NULL: interpret */
	bpf_entry_t tail_entry; /* where tail calls jump: .entry, or run_catching() */
	void *code;		/* start and size of what arena_code_alloc() gave */
	u64 code_size;
	u32 native_len;		      /* bytes of instructions in .code; constants follow */
	const u64 *subprog_code;      /* where each subprogram's instructions begin, for dumps */
	const struct bpf_insn *insns; /* after fix-ups (object/fixup.h), in the arena */
	struct interp_op *ops; /* of .insns, as the interpreter wants them; NULL: compiled only */
	const bpf_helper_t *calls; /* functions that calls in .insns name by .off */
	u32 nr_calls;
	/* subprogram i covers instructions [subprog_start[i], subprog_start[i + 1]) */
	u32 nr_subprogs;
	const u32 *subprog_start;
	const u32 *subprog_stack;	   /* bytes of stack of each */
	const bpf_helper_t *subprog_entry; /* native entries, callable from C; NULL: interpret */
	struct bpf_tramp **tramp;	   /* what is attached to each (object/tramp.h), or NULL */
	u64 run_cnt, run_time_ns, recursion_misses;
	struct arena *arena;
};

/* Registers that can leave a context load: the low byte of a register type. */
enum bpf_reg_type {
	NOT_INIT = 0,
	SCALAR_VALUE,
	PTR_TO_CTX,
	CONST_PTR_TO_MAP,
	PTR_TO_MAP_VALUE,
	PTR_TO_MAP_KEY,
	PTR_TO_STACK,
	PTR_TO_PACKET_META,
	PTR_TO_PACKET,
	PTR_TO_PACKET_END,
	PTR_TO_FLOW_KEYS,
	PTR_TO_SOCKET,
	PTR_TO_SOCK_COMMON,
	PTR_TO_TCP_SOCK,
	PTR_TO_TP_BUFFER,
	PTR_TO_XDP_SOCK,
	PTR_TO_BTF_ID,
	PTR_TO_MEM,
	PTR_TO_ARENA,
	PTR_TO_BUF,
	PTR_TO_FUNC,
	PTR_TO_INSN,
	CONST_PTR_TO_DYNPTR,
	__BPF_REG_TYPE_MAX,
};

enum bpf_access_type { BPF_READ = 1, BPF_WRITE = 2 };

/* One field of the context that programs of a type see (tables in src/prog). */
struct bpf_ctx_field {
	const char *name;
	u32 off;   /* in the uapi struct, bytes */
	u32 size;  /* bytes of the whole field (an array: of all of it) */
	u32 elem;  /* bytes of one element: the default access size */
	u8 access; /* BPF_READ | BPF_WRITE */
	u8 narrow; /* narrower loads are allowed (CTX_NARROW_*), cut out of a load of .elem bytes */
	u8 sizes;  /* further sizes that are allowed both ways, or-ed; laid out as at run time */
	u32 reg_type; /* what a load yields: SCALAR_VALUE or a pointer type | flags */
	kver since;
	u32 rt_off; /* in the runtime struct that the hook fills */
	u8 rt_size; /* bytes of one element there; 0: needs ops->convert_ctx_access */
};

enum { CTX_NARROW_NO, CTX_NARROW_ANY, CTX_NARROW_START /* of the element only */ };

struct bpf_insn_access_aux {
	kver profile;		       /* in */
	const struct prog_object *obj; /* in: the program being loaded */
	struct btf *kernel;	       /* in: the kernel's types, where there is a target program */
	bool bpf_capable;	       /* in: the loader holds CAP_BPF */
	bool is_ldsx;		       /* in */
	u32 reg_type;	    /* in: SCALAR_VALUE; out: what the load yields (reg type | flags) */
	u32 ctx_field_size; /* out: width for the narrow-load rewrite */
	struct btf *btf;    /* out: PTR_TO_BTF_ID */
	u32 btf_id;
	bool is_retval; /* out: load of a return value with a known range */
	char log[200];	/* out: a line for the log, without newline; may be set either way */
};

struct bpf_retval_range {
	s32 min, max;
	bool checked; /* false: any value */
	bool int32;   /* its lower half is the value */
};

struct test_run; /* object/test_run.h */

/*
 * Instructions written by a conversion. @n counts them; at most 16.
 */
struct bpf_insn_buf {
	struct bpf_insn insns[16];
	u32 n;
};

struct bpf_prog_type_ops {
	const char *ctx_name;		    /* uapi struct, for messages */
	const struct bpf_ctx_field *fields; /* sorted by off; NULL-name terminated; may be NULL */
	u32 ctx_size;

	/* Whether @attach_type may be asked for at load. 0 or -EINVAL. NULL: must be 0 or is ignored. */
	int (*check_attach)(u32 expected_attach_type);
	/*
	 * The variant of the helper that this type has, if it has its own; else
	 * bpf_helper_proto(). NULL: not at this attach type. Ask bpf_prog_helper_proto()
	 * (vocabulary.h), which also looks at the tables.
	 */
	const struct bpf_func_proto *(*func_proto)(u32 func_id, const struct bpf_prog *prog);
	/* Whether programs for this target lack a helper that others of the type have; NULL: none does. */
	bool (*target_lacks)(const struct prog_object *obj, u32 func_id);
	/* Context access rule; NULL: the fields' rows alone decide (ctx_access_by_table()). */
	bool (*is_valid_access)(int off, int size, enum bpf_access_type t,
				const struct bpf_prog *prog, struct bpf_insn_access_aux *info);
	/*
	 * Rewrites one context access; NULL: the fields' rows alone do (rt_off, rt_size),
	 * and without .fields the context is the runtime struct: nothing is rewritten.
	 */
	int (*convert_ctx_access)(enum bpf_access_type t, const struct bpf_insn *insn,
				  struct bpf_insn_buf *out, const struct bpf_prog *prog,
				  u32 *target_size);
	/* Code before the first instruction (direct packet write); returns count in out->n. */
	int (*gen_prologue)(struct bpf_insn_buf *out, bool direct_write,
			    const struct bpf_prog *prog);
	struct bpf_retval_range (*retval_range)(const struct bpf_prog *prog);
	/* In its place where it depends on the target. *is_void: r0 is not even looked at. */
	struct bpf_retval_range (*obj_retval_range)(const struct prog_object *obj, kver profile,
						    bool *is_void);
	bool may_access_direct_pkt_data_read, may_access_direct_pkt_data_write;
	bool ld_abs; /* legacy packet loads allowed */

	/* Whether @size bytes at @off of kernel struct @btf_id may be written: 0, or -EACCES with a line. */
	int (*btf_write)(const struct prog_object *obj, const struct btf *btf, u32 btf_id, int off,
			 int size, char *log, u32 log_size);

	/* BPF_PROG_TEST_RUN; NULL: -ENOTSUPP. */
	int (*test_run)(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
	/* In its place where Linux has none (for this program): with SKEP_TEST_RUN=all only. */
	int (*own_test_run)(struct skep_system *sys, struct prog_object *prog, struct test_run *t);
};

/* The type's operations; NULL for a type that is absent. Built from tables/progs.def. */
const struct bpf_prog_type_ops *bpf_prog_type_ops_of(u32 prog_type);
/* The kernel's struct that the context of such programs stands for; NULL: none. */
const char *prog_ctx_kernel_struct(u32 prog_type);
/* Whether the runtime can show a context as that struct: WORLD_KERN_CTX. */
bool prog_ctx_shown(u32 prog_type);
/* The same for the verdict alone: absent types have rules, too. */
const struct bpf_prog_type_ops *bpf_prog_type_judge_of(u32 prog_type);
/* Whether @func_id is in tables/helpers.def for @type, by profile; the default of .func_proto. */
const struct bpf_func_proto *bpf_helper_proto(u32 func_id);
bool bpf_helper_allowed(u32 func_id, u32 prog_type, const struct profile *profile);

/*
 * Whether the rows of ops->fields allow the access (src/prog/ctx.c): inside one
 * field that @profile has, aligned, of its size (or narrower where the row says
 * so). Fills @info->reg_type and ctx_field_size. What a type without .is_valid_access does.
 */
bool ctx_access_by_table(const struct bpf_prog_type_ops *ops, kver profile, int off, int size,
			 enum bpf_access_type t, struct bpf_insn_access_aux *info);
/*
 * Rewrites access @insn (a narrow load has been widened to its field) by the rows' rt_off
 * and rt_size: 0, *target_size being the bytes loaded, out->n the instructions; or -EINVAL
 * for a row that needs .convert_ctx_access. What a type without that operation does.
 */
int ctx_convert_by_table(const struct bpf_prog_type_ops *ops, enum bpf_access_type t,
			 const struct bpf_insn *insn, struct bpf_insn_buf *out, u32 *target_size);

/* One program at many functions (7.2): it is loaded for none of them. */
static inline bool attach_type_is_tracing_multi(u32 attach_type)
{
	return attach_type == BPF_TRACE_FENTRY_MULTI || attach_type == BPF_TRACE_FEXIT_MULTI ||
	       attach_type == BPF_TRACE_FSESSION_MULTI;
}

/* The context of programs of @prog_type is a socket buffer. */
static inline bool prog_type_has_skb(u32 prog_type)
{
	switch (prog_type) {
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
	case BPF_PROG_TYPE_SK_SKB:
		return true;
	default:
		return false;
	}
}

#endif
