/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Native code generation (Linux: bpf_int_jit_compile() and arch/.../net/bpf_jit_comp.c).
 *
 * Steps, each linear in the program: jit_inline() takes small functions into their
 * callers; analyse() looks at each subprogram's needs and assigns registers; the architecture's selection (x86_64/select.c) walks
 * the instructions once and emits with every jump in its long form; jit_finish()
 * shortens jumps until nothing changes any more and resolves references.
 */
#ifndef SKEP_JIT_JIT_H
#define SKEP_JIT_JIT_H

#include "object/facts.h"
#include "object/prog.h"

struct arena;
struct prog_object;
struct skep_system;

#define JIT_MAX_INSN_BYTES 256 /* no selection emits more for one instruction */
#define JIT_LOOP_ALIGN	   16
#define JIT_NREGS	   12 /* R0..R10, AX */

enum { JIT_FROM_ABOVE = 1, JIT_FROM_BELOW = 2, JIT_BACK_EDGE = 4 };

enum jit_ref_kind {
	JIT_REF_JUMP, /* to instruction .target; may shrink */
	JIT_REF_CALL, /* to the body of subprogram .target */
	JIT_REF_POOL, /* 8-byte constant .target of the pool */
	JIT_REF_LOOP, /* the head of a loop follows: .len bytes, or fewer, so that it is aligned */
};

/* A place in the code that depends on final addresses. */
struct jit_ref {
	u32 at; /* offset of the instruction that refers */
	u32 target;
	u8 kind;
	u8 len;	      /* bytes now */
	u8 short_len; /* bytes in the short form; 0: cannot shrink */
	bool is_short;
};

struct jit_sub {
	u32 start, end;	   /* instructions [start, end) */
	u32 stack;	   /* bytes */
	u32 loop_stack;	   /* of them, below the program's own: what loops of inline.c save */
	u32 body;	   /* code offset */
	u32 stub;	   /* code offset of the entry that C calls */
	u32 prologue;	   /* bytes of it, at .body */
	u16 used, written; /* BPF registers */
	bool has_call;	   /* helper or kfunc */
	bool has_subcall, has_tail, needs_temp2;
	bool needs_run; /* though it may have no calls */
	u32 table; /* pool index + 1: where its instructions are, for indirect jumps; 0: it has none */
	/* decided by the architecture */
	u8 reg[JIT_NREGS]; /* machine register of each BPF register */
	u32 saved;	   /* machine registers to preserve */
	u32 frame;	   /* bytes to subtract from the stack pointer */
	u32 depth;	   /* from the stack pointer to what it was before the call */
	u32 frame_pointer; /* its machine register; 0: none */
};

struct jit {
	const struct bpf_prog *prog;
	const struct bpf_insn *insns;
	const struct prog_facts *facts; /* of .insns; or NULL */
	u32 len;
	/* inline.c: .insns and .facts of an expanded program, and where each of prog->insns went; or NULL */
	struct bpf_insn *expanded;
	struct insn_fact *expanded_facts;
	struct prog_facts expanded_facts_of;
	u32 *at;
	struct jit_sub *subs, *sub; /* all; current */
	u32 nr_subs;
	bool has_tail; /* any subprogram */
	bool bmi2;     /* shifts by register without flags */
	u8 *is_target; /* per instruction: 0, or JIT_FROM_* and the number of jumps from below, up to 4 */
	u16 *live;   /* per instruction: BPF registers whose values are read after it */
	u32 *offset; /* per instruction: code offset; [len] is the end */
	u8 *code;
	u32 n, cap;
	/* the machine's zero flag is that of machine register .flags_reg while n == .flags_at */
	u32 flags_at, flags_reg;
	bool flags_wide;
	struct jit_ref *refs;
	u32 nr_refs, cap_refs;
	u64 *pool;
	u32 nr_pool, cap_pool;
	u32 probe_slot; /* pool index + 1 of x86_64/frame.c:probe_load, 0: none yet */
	u32 tramp_slot; /* likewise, of bpf_tramp_native() */
	u32 entry;	/* of a program that is a function: code offset for tail calls */
	u32 *call_slot; /* pool index + 1 by prog->calls index, 0: none yet */
};

/* How a debugger finds the caller of a piece of code. */
struct jit_frame {
	u32 at, len;	   /* of the code */
	u32 prologue;	   /* bytes of it, behind which the rest holds: */
	u32 depth;	   /* from the stack pointer to what it was before the call */
	u32 saved;	   /* machine registers pushed, the lowest number first, then: */
	u32 frame_pointer; /* this one; 0: none */
	u32 sub;
	bool stub; /* the entry for C */
};

/* The finished code: position-independent but for the table of entries at the end. */
struct jit_output {
	u8 *code; /* mem_alloc()ed */
	u32 size, entry;
	u32 native_len; /* of the instructions alone */
	/*
	 * Offset of two u64 tables by subprogram: entries for C, then where the
	 * instructions begin. They hold offsets until placed.
	 */
	u32 entries;
	u32 nr_subs;
	u32 *offsets; /* of each instruction's code, and the end's; mem_alloc()ed */
	struct jit_frame *frames;
	u32 nr_frames;
};
void jit_output_free(struct jit_output *out);

/* Compiles @prog; @facts may be NULL. 0, -ENOMEM, or -ENOTSUPP for code no selection exists for. */
int jit_translate(const struct bpf_prog *prog, const struct prog_facts *facts, bool bmi2,
		  struct jit_output *out);
/*
 * Compiles and places the code; sets prog->entry, .code, .code_size, .subprog_entry, .jited.
 * *@out (or NULL) gets what is known of the code, to be freed.
 */
int jit_place(struct arena *arena, struct bpf_prog *prog, const struct prog_facts *facts, bool bmi2,
	      struct jit_output *out);
int jit_compile(struct skep_system *sys, struct prog_object *obj);
/* Gives the code of @prog back; no run may be inside. */
void jit_release(struct arena *arena, struct bpf_prog *prog);
bool jit_cpu_has_bmi2(void);

/* A place in native code, to which a call returns: its instruction, and where it is in its function. */
struct jit_place {
	struct prog_object *prog;
	u32 insn, off, size; /* bytes of code: from the beginning, of all */
	bool stub;	     /* the entry for C: nothing of the program */
};
/*
 * What native code goes on at *@pc, with the stack pointer at *@sp, when what it called returns; then
 * both are those of its own caller. -ENOENT: none of @sys's. sys->lock is held, and for a function that
 * is being run.
 */
int jit_caller(struct skep_system *sys, u64 *pc, u64 *sp, struct jit_place *place);

/* debug.c: makes the code known to GDB and perf, and forgets it with @obj. */
void jit_debug_add(struct skep_system *sys, struct prog_object *obj, const struct jit_output *out);

/* Whether the main function is called with up to five arguments: it stands in for a function. */
static inline bool jit_is_function(const struct jit *j)
{
	return j->prog->type == BPF_PROG_TYPE_EXT;
}

/*
 * inline.c: puts small functions in the place of their calls: j->insns, .facts, .len and the bounds
 * of the functions are then those of a copy. 0 or -ENOMEM, -EINVAL.
 */
int jit_inline(struct jit *j);

/* live.c: fills j->live. */
int jit_liveness(struct jit *j);

struct bpf_array;
/* The array whose lookup call @i is compiled in place, or NULL. */
const struct bpf_array *jit_known_array(const struct jit *j, u32 i);

/* What call @i comes down to. */
enum insn_inline jit_inlined(const struct jit *j, u32 i);

/* ---- for the architecture ---- */
int jit_reserve(struct jit *j); /* room for one instruction */
int jit_ref(struct jit *j, u32 at, enum jit_ref_kind kind, u32 target, u8 len, u8 short_len);
int jit_pool(struct jit *j, u64 value); /* index or -ENOMEM */

/* ---- by the architecture ---- */
void jit_arch_assign(struct jit *j, struct jit_sub *sub);
int jit_arch_prologue(struct jit *j, struct jit_sub *sub, bool main);
/* Emits instruction @i and those it fuses with it; returns how many, or -errno. */
int jit_arch_insn(struct jit *j, u32 i);
int jit_arch_stub(struct jit *j, struct jit_sub *sub);
/* What the entry for C pushes, and where its prologue ends: the same in all. */
extern const struct jit_frame jit_arch_stub_frame;
/* DWARF's number of a machine register. */
u32 jit_arch_dwarf(u32 reg);
/* DWARF's numbers of the stack pointer and of the return address. */
enum { JIT_DWARF_SP = 7, JIT_DWARF_RA = 16 };
int jit_arch_entry(struct jit *j, struct jit_sub *sub);
/* Rewrites the reference at @p (now in its final form) for distance @rel from its end. */
void jit_arch_resolve(u8 *p, const struct jit_ref *ref, s32 rel);
/* @n bytes, less than JIT_LOOP_ALIGN, that do nothing. */
void jit_arch_pad(u8 *to, u32 n);
/* Turns the long jump @from into its short form at @to. */
void jit_arch_shorten(u8 *to, const u8 *from);

#endif
