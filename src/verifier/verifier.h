/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The verifier's data: what is known about registers, stack and references on
 * one path, and the environment that explores all paths (Linux:
 * include/linux/bpf_verifier.h).
 *
 *   verifier.c   bpf_check(): the order of the passes; the main loop do_check()
 *   cfg.c        reachability, back edges, prune points, subprogram limits
 *   state.c      copying states; the paths still to explore; references
 *   keep.c       states that are kept, in little memory
 *   prune.c      is_state_visited(), loop detection
 *   tnum.h       tristate numbers
 *   scalar.c     what is known of a number: deductions, arithmetic, comparisons
 *   bounds.c     setting registers; the invariants of their ranges
 *   alu.c        adjust_reg_min_max_vals(): ALU instructions on scalars and pointers
 *   sanitize.c   paths that are only taken by mistake
 *   branch.c     conditional jumps: what each side learns
 *   backtrack.c  precision: mark_chain_precision()
 *   liveness.c   which registers and stack slots later code reads
 *   stack.c      stack reads and writes, spills
 *   access.c     memory access through every pointer type; access_btf.c: through BTF's
 *   load_store.c instructions that access memory
 *   call.c       subprogram calls, references, return
 *   helper_call.c helper calls; arg.c: their arguments
 *   kfunc.c      kfunc calls; kfunc_arg.c: their arguments
 *   dynptr.c     dynptrs
 *   iter.c       open-coded iterators, saved interrupt flags
 *   kptr.c       trust, allocated objects, pointers to objects in map values
 *   graph.c      lists and trees of objects
 *   callback.c   what callbacks start with; those that run later
 *   load.c       ld_imm64 pseudo sources, map and BTF references, func/line info
 *   func_args.c  what global functions may be given, by their BTF
 *   attach_target.c  the function, type or program that it attaches to
 *   fixup.c      rewriting: context accesses, helper calls, dead code, facts
 *   fastcall.c   spills and fills around calls that keep registers
 *   trail.c      the path and what each instruction of it changed, for explanations
 *   explain.c    where what is known at a refusal came from
 *   work.c       instructions processed and states kept by source line
 *   log.c        the kernel's log: states, instructions, statistics
 */
#ifndef SKEP_VERIFIER_VERIFIER_H
#define SKEP_VERIFIER_VERIFIER_H

#include "base/vec.h"
#include "object/diag.h"
#include "object/facts.h"
#include "object/map_arena.h"
#include "object/object.h"
#include "object/system.h"
#include "verifier/tnum.h"

#define BPF_REG_FP		     BPF_REG_10
#define MAX_BPF_STACK		     512
#define BPF_REG_SIZE		     8
#define MAX_CALL_FRAMES		     8
#define BPF_COMPLEXITY_LIMIT_INSNS   1000000 /* since 5.2; before: */
#define BPF_COMPLEXITY_LIMIT_OLD     131072
#define BPF_COMPLEXITY_LIMIT_JMP_SEQ 8192
#define BPF_COMPLEXITY_LIMIT_STATES  64
#define BPF_MAX_SUBPROGS	     256
#define BPF_MAX_VAR_OFF		     (1 << 29)
#define BPF_MAX_VAR_SIZ		     (1 << 29)
#define MAX_USED_MAPS		     64
#define MAX_PACKET_OFF		     0xffff
#define BPF_MAIN_FUNC		     (-1) /* callsite of an outermost frame */

#define BPF_LOG_LEVEL1 1
#define BPF_LOG_LEVEL2 2
#define BPF_LOG_STATS  4
#define BPF_LOG_FIXED  8
#define BPF_LOG_LEVEL  (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2)

/* In .id of a scalar: it is the linked value plus .off, in 64 or in 32 bits. */
#define BPF_ADD_CONST64 (1U << 31)
#define BPF_ADD_CONST32 (1U << 30)
#define BPF_ADD_CONST	(BPF_ADD_CONST64 | BPF_ADD_CONST32)

/*
 * Which registers and stack slots later code reads is computed, as Linux does
 * since 6.18, over the control flow graph (liveness.c) and not recorded in states.
 * The order of the fields matters: comparisons take everything before .var_off,
 * before .id or before .frameno as one block of bytes; padding is always zero.
 */
struct bpf_reg_state {
	u32 type; /* enum bpf_reg_type | flags of object/helper.h */
	s32 off;  /* fixed part of a pointer's offset, bytes */
	union {
		s32 range; /* PTR_TO_PACKET*: bytes proven readable from the pointer's id;
			    * -1: it is at or beyond the end, -2: beyond */
		struct {   /* CONST_PTR_TO_MAP, PTR_TO_MAP_VALUE, PTR_TO_MAP_KEY */
			struct map_object *map;
			u32 map_uid; /* distinguishes inner maps from different lookups */
		};
		struct { /* PTR_TO_BTF_ID */
			struct btf *btf;
			u32 btf_id;
		};
		struct { /* PTR_TO_MEM, PTR_TO_BUF */
			u32 mem_size;
			u32 dynptr_id;
		};
		struct { /* dynptr in a stack slot */
			u32 dynptr_type;
			bool first_slot;
		} dynptr;
		struct { /* iterator in a stack slot */
			struct btf *btf;
			u32 btf_id;
			u32 state : 2;
			s32 depth : 30;
		} iter;
		u32 subprogno; /* PTR_TO_FUNC */
		u64 raw[2];
	};
	/* value of a scalar; variable part of a pointer's offset */
	struct tnum var_off;
	s64 smin_value, smax_value;
	u64 umin_value, umax_value;
	s32 s32_min_value, s32_max_value;
	u32 u32_min_value, u32_max_value;
	u32 id; /* scalars: linked equal values; pointers: same origin (packet, or-null) */
	u32 ref_obj_id;
	u32 frameno;	/* PTR_TO_STACK: whose stack */
	s32 subreg_def; /* instruction + 1 that wrote the low half, for zext; 0: full */
	bool precise;
};

enum bpf_stack_slot_type {
	STACK_INVALID,
	STACK_SPILL,
	STACK_MISC,
	STACK_ZERO,
	STACK_DYNPTR,
	STACK_ITER,
	STACK_IRQ_FLAG,
	STACK_POISON,
};

struct bpf_stack_state {
	struct bpf_reg_state spilled_ptr;
	u8 slot_type[BPF_REG_SIZE];
};

enum ref_state_type {
	REF_TYPE_PTR = 2,
	REF_TYPE_IRQ = 4,
	REF_TYPE_LOCK = 8,
	REF_TYPE_RES_LOCK = 16,
	REF_TYPE_RES_LOCK_IRQ = 32
};

struct bpf_reference_state {
	u32 type;
	u32 id;
	s32 insn_idx; /* of the acquiring call */
	void *ptr;    /* locks */
};

/*
 * A frame that is worked on has .regs and .stack; one of a kept state (an explored one, or one
 * that waits to be explored) has .kept instead: see keep.c.
 */
struct bpf_func_state {
	struct bpf_reg_state *regs; /* [MAX_BPF_REG] */
	s32 callsite;
	u32 frameno;
	u32 subprogno;
	u32 async_entry_cnt;
	struct bpf_retval_range callback_ret_range;
	bool in_callback_fn, in_async_callback_fn, in_exception_callback_fn;
	u32 callback_depth;
	u32 allocated_stack;	       /* bytes; multiple of 8 */
	u32 stack_cap;		       /* slots that .stack has room for */
	struct bpf_stack_state *stack; /* slot i covers fp-8*(i+1) .. fp-8*i-1 */
	/*
	 * Registers and slots written since the last state that was kept, and of kept states
	 * those read later: what logs until 6.17 show as R1_w and R1_r. For the log alone.
	 */
	u16 regs_written, regs_read;
	u16 precise_regs; /* these three: of a kept frame, which has no other place for it */
	u64 precise_slots;
	u64 used_slots; /* that are not empty */
	u64 slots_written, slots_read;
	union {
		u32 *kept; /* numbers of env->kept's entries: the registers, then the slots */
		struct bpf_func_state *next_spare;
	};
};

/* A register or stack slot of kept states. */
struct kept_slot {
	union {
		struct bpf_stack_state s; /* a register: .spilled_ptr of it */
		u32 next_free;
	};
	u32 refs : 31; /* of kept frames; 0: free */
	u32 is_slot : 1;
};

struct kept_pool {
	VEC(struct kept_slot *) chunk;
	u32 free; /* the first of the free entries; 0: none */
};

struct jmp_history_entry {
	u32 idx, prev_idx : 20, flags : 12;
	u64 linked_regs;
};

struct bpf_verifier_state {
	struct bpf_func_state *frame[MAX_CALL_FRAMES];
	struct bpf_verifier_state *parent;
	struct bpf_reference_state *refs;
	u32 acquired_refs, refs_cap;
	u32 active_locks, active_preempt_locks, active_irq_id;
	u32 active_lock_id;
	void *active_lock_ptr;
	u32 active_rcu_lock;
	u32 curframe;
	u32 branches; /* paths below this state not yet finished */
	u32 insn_idx, first_insn_idx, last_insn_idx;
	bool speculative, in_sleepable, cleaned;
	struct bpf_verifier_state *equal_state; /* of a back edge: the explored state it equals */
	struct jmp_history_entry *jmp_history;
	u32 jmp_history_cnt;
	u32 jmp_history_cap;
	u32 dfs_depth, callback_unroll_depth, may_goto_depth;
};

struct bpf_verifier_state_list {
	struct bpf_verifier_state state;
	struct bpf_verifier_state_list *next, **pprev;
	u32 miss_cnt, hit_cnt;
	bool in_free_list;
};

struct bpf_verifier_stack_elem {
	struct bpf_verifier_state st;
	u32 insn_idx, prev_insn_idx;
	struct bpf_verifier_stack_elem *next;
	u64 log_pos;
	bool kept; /* so are the frames of .st */
	u32 trail_length;
};

/* Per instruction, alive through the whole check. A program may have a million: small. */
struct bpf_insn_aux_data {
	u32 ptr_type; /* of the base register of a load or store; reg type | flags */
	u32 ctx_field_size;
	u32 scc;	      /* number of the strongly connected component; 0: in no loop */
	u16 live_regs_before; /* registers that this instruction or a later one may read */
	u8 branch_seen;	      /* BIT(0) taken, BIT(1) fell through */
	bool seen : 1, zext_dst : 1, prune_point : 1, jmp_point : 1, force_checkpoint : 1,
		calls_callback : 1, is_iter_next : 1, sanitize_stack_spill : 1,
		/* bpf_loop() and bpf_for_each_map_elem(): with flags, or various callbacks */
		loop_stays : 1, fields_ok : 1;
	/* arithmetic and atomics: with an arena pointer on some path; without one */
	bool arena_alu : 1, plain_alu : 1;
	/* calls of helpers: not one map in R1 on all paths */
	bool call_map_poisoned : 1;
	/* fastcall.c: jumped to; a spill or fill of a call; of a call, how many pairs can go */
	bool jump_target : 1, fastcall_pattern : 1;
	u8 fastcall_spills : 3;
	union {					/* by the kind of the instruction */
		struct {			/* ld_imm64 */
			struct map_object *map; /* of a map or of its value */
			u32 map_off;
			u32 func_id_subprog; /* PTR_TO_FUNC: subprogram number */
		};
		struct {			     /* calls */
			struct map_object *call_map; /* of R1 when it is one map on all paths */
			s64 map_key_state; /* constant array key + 1 of tail calls; -1 poisoned; 0 unseen */
			struct bpf_kfunc_aux *kfunc; /* what the fix-ups pass to it */
			/* enum kfunc_id; 0: none, or not a function of the kernel */
			u32 kfunc_id;
			/* bytes of kernel objects that argument 1..5 may point to */
			u16 arg_world[5];
			u16 loop_callback; /* of those: subprogram number + 1; 0 unseen */
		};
		struct {			  /* arithmetic */
			u32 alu_state, alu_limit; /* sanitize.c */
		};
	};
};

struct bpf_subprog_info {
	const char *name; /* from BTF, or NULL */
	u32 start;
	u32 linfo_idx;
	u32 stack_depth;
	u32 postorder_start; /* its instructions in env->postorder */
	bool has_tail_call, tail_call_reachable, has_ld_abs, is_cb, is_async_cb, is_exception_cb,
		is_global, args_cached, unreliable, changes_pkt_data, might_sleep, called, verified,
		returns_void, might_throw;
	enum { STACK_UNDECIDED, STACK_OF_CALLER, STACK_PRIVATE } stack;
	struct bpf_subprog_arg_info {
		u32 arg_type;
		u32 mem_size;
		u32 btf_id;
	} args[5];
	u32 arg_cnt;
	u32 *targets; /* of its indirect jumps, sorted; NULL: it has none. gotox.c */
	u32 nr_targets;
	s16 fastcall_stack_off; /* below it the stack is used by spills around calls alone */
	bool keep_fastcall_stack;
};

struct bpf_verifier_log {
	u32 level; /* BPF_LOG_LEVEL1 | _LEVEL2 | _STATS | BPF_LOG_FIXED */
	/*
	 * What was logged since position .base; positions count all bytes ever logged.
	 * In rotating mode the part that the user's buffer cannot hold is dropped.
	 */
	char *buf;
	size_t len, cap;
	u64 base, max_end;
	bool failed;   /* out of memory: the log is incomplete */
	u32 user_size; /* log_size of the attribute */
};

struct bpf_id_pair {
	u32 old, cur;
};
#define BPF_ID_MAP_SIZE ((MAX_BPF_REG + MAX_BPF_STACK / BPF_REG_SIZE) * MAX_CALL_FRAMES)

struct backtrack_state {
	u32 frame;
	u32 reg_masks[MAX_CALL_FRAMES];
	u64 stack_masks[MAX_CALL_FRAMES];
};

struct insn_work {
	u32 processed, states;
};

struct kfunc_meta;
void kfuncs_free(struct bpf_verifier_env *env); /* kfunc.c */

/* What index @off of fd_array stood for when it was first used. */
struct kfunc_module {
	s16 off;
	struct btf *btf;
};

struct bpf_verifier_env {
	struct skep_system *sys;
	struct prog_object *prog_obj;
	struct bpf_prog *prog; /* type, attach type, flags; ->insns not yet set */
	const struct bpf_prog_type_ops *ops;
	kver profile;
	kver isa;	/* the release whose instructions are known */
	u32 insn_limit; /* of processed instructions */
	bool is_ext;	/* prog->type is the target's while the program is checked */
	u32 caps;	/* system_caps(): BPF_CAP_* that the loader holds */
	struct bpf_insn *insns;
	u32 len;
	struct bpf_insn_aux_data *aux;
	struct bpf_verifier_state *cur_state;
	struct bpf_verifier_stack_elem *head;
	u32 stack_size, nr_whole_elems; /* whose frames are not kept ones: the newest */
	struct kept_pool kept;
	struct bpf_func_state *spare_frames;
	u32 nr_spare_frames;
	struct bpf_verifier_state_list **explored_states;
	struct bpf_verifier_state_list *free_list;
	u32 explored_states_size, free_list_size, num_backedges;
	u32 insn_idx, prev_insn_idx;
	u32 insn_processed, prev_insn_processed, jmps_processed, prev_jmps_processed;
	/* By instruction, when the system wants to know; else NULL. work.c */
	struct insn_work *work;
	u32 max_states_per_insn, total_states, peak_states, longest_mark_read_walk;
	u32 id_gen;
	u32 pass_cnt;
	struct bpf_subprog_info subprog_info[BPF_MAX_SUBPROGS + 2];
	u32 subprog_cnt;
	struct map_object *used_maps[MAX_USED_MAPS];
	u32 used_map_cnt;
	const struct bpf_arena_map *arena; /* the program's; at most one */
	u64 fd_array;			   /* attr.fd_array, in the caller's memory; 0: none */
	struct bpf_func_info *func_info;
	u32 nr_func_info;
	struct bpf_line_info *line_info;
	u32 nr_linfo;
	struct object_btf *btf; /* program BTF */
	bool strict_alignment, test_state_freq, test_reg_invariants;
	bool explore_alu_limits, allow_ptr_leaks, allow_uninit_stack, bpf_capable, bypass_spec_v1,
		bypass_spec_v4, seen_direct_write, seen_exception, seen_tail_call;
	u32 exception_subprog;			/* the function that bpf_throw() calls; 0: none */
	VEC(struct kfunc_module) kfunc_modules; /* of the indices of fd_array that calls have */
	VEC(struct kfunc_meta) kfuncs; /* that may be called, as they were looked up; kfunc.c */
	struct backtrack_state bt;
	struct jmp_history_entry *cur_hist_ent;
	struct bpf_id_pair idmap[BPF_ID_MAP_SIZE];
	u32 idmap_cnt, idmap_tmp_id;
	struct stack_liveness *liveness; /* liveness.c */
	u32 *postorder;			 /* all instructions, subprogram by subprogram */
	u32 scc_cnt, scc_callbacks;	 /* numbers 1 .. scc_cnt - 1 are given; see compute_scc() */
	struct scc_info *sccs;		 /* prune.c, by number */
	u32 scratched_regs;
	u64 scratched_stack_slots;
	struct bpf_verifier_log log;
	u64 prev_log_pos;
	u32 prev_insn_print_pos;
	const struct bpf_line_info *prev_linfo;
	char type_text[128]; /* reg_type_str()'s and helper names: valid until the next */
	struct diag diag;    /* the refusal, when bpf_check() returns < 0 */
	u64 start_ns, verification_ns;
	struct prog_facts facts;
	struct trail *trail; /* of a pass that is made to explain a refusal, else NULL */
};

/* ---- between the files of this folder; each is documented where it is defined ---- */

/* log.c */
void verbose(struct bpf_verifier_env *env, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Records the refusal and writes its line (with newline) to the log. Returns -errno of the row. */
int refuse(struct bpf_verifier_env *env, enum diag_id id, ...);
/* As refuse(), with another errno than the row's. */
int refuse_err(struct bpf_verifier_env *env, int err, enum diag_id id, ...);
void print_verifier_state(struct bpf_verifier_env *env, const struct bpf_verifier_state *st,
			  u32 frameno, bool print_all);
void print_insn_state(struct bpf_verifier_env *env, const struct bpf_verifier_state *st,
		      u32 frameno);
/* The line info and "12: (85) call bpf_x#1" of the instruction about to be checked (level 2). */
void print_insn(struct bpf_verifier_env *env, u32 idx);
/* fastcall.c */
void mark_fastcall_patterns(struct bpf_verifier_env *env);
void check_fastcall_contract(struct bpf_verifier_env *env, u32 subprog, s64 off);
void forget_fastcall_stack(struct bpf_verifier_env *env);
bool inlines_cpu_number(const struct bpf_verifier_env *env);

/* The line record that covers an instruction, or NULL. */
const struct bpf_line_info *find_linfo(const struct bpf_verifier_env *env, u32 insn_off);
/* The instruction as the log shows it, without opcode. */
void insn_text(struct bpf_verifier_env *env, u32 idx, char *buf, size_t size);
void verbose_linfo(struct bpf_verifier_env *env, u32 insn_off, const char *prefix);
void print_verification_stats(struct bpf_verifier_env *env);
const char *reg_type_str(struct bpf_verifier_env *env, u32 type); /* "map_value_or_null" */
/* Position of the next byte; going back to one forgets what was logged since (a pruned path). */
static inline u64 log_pos(const struct bpf_verifier_env *env)
{
	return env->log.base + env->log.len;
}
void log_reset(struct bpf_verifier_env *env, u64 pos);
void log_free(struct bpf_verifier_env *env);
int log_copy_out(struct bpf_verifier_env *env, u64 user_buf, u32 size,
		 u32 *true_size); /* 0, -ENOSPC, -EFAULT */
void mark_reg_scratched(struct bpf_verifier_env *env, u32 regno);
void mark_stack_slot_scratched(struct bpf_verifier_env *env, u32 spi);

/* Text of a set of stack slots, "-8,-16", in @buf. */
const char *stack_mask_text(char *buf, size_t size, u64 mask);
/* One instruction's text and a newline, whatever the level. */
void verbose_insn(struct bpf_verifier_env *env, u32 idx);
static inline void mark_verifier_state_scratched(struct bpf_verifier_env *env)
{
	env->scratched_regs = ~0U;
	env->scratched_stack_slots = ~0ULL;
}
static inline void mark_verifier_state_clean(struct bpf_verifier_env *env)
{
	env->scratched_regs = 0;
	env->scratched_stack_slots = 0;
}

/* state.c */
int out_of_memory(struct bpf_verifier_env *env); /* -ENOMEM, noted in env->diag */
static inline struct bpf_func_state *cur_func(struct bpf_verifier_env *env)
{
	return env->cur_state->frame[env->cur_state->curframe];
}
static inline struct bpf_reg_state *cur_regs(struct bpf_verifier_env *env)
{
	return cur_func(env)->regs;
}
int copy_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *dst,
			const struct bpf_verifier_state *src);
int copy_state_head(struct bpf_verifier_state *dst, const struct bpf_verifier_state *src);
void free_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *st,
			 bool free_self);
int grow_stack_state(struct bpf_verifier_env *env, struct bpf_func_state *st, int size);
struct bpf_verifier_state *push_stack(struct bpf_verifier_env *env, u32 insn_idx, u32 prev_insn_idx,
				      bool speculative);
int push_failed(const struct bpf_verifier_env *env, int before);
struct bpf_verifier_state *push_async_cb(struct bpf_verifier_env *env, u32 insn_idx,
					 u32 prev_insn_idx, u32 subprog, bool is_sleepable);
int pop_stack(struct bpf_verifier_env *env, u32 *prev_insn_idx, u32 *insn_idx, bool pop_log);
void init_func_state(struct bpf_verifier_env *env, struct bpf_func_state *st, s32 callsite,
		     u32 frameno, u32 subprogno);
int acquire_reference(struct bpf_verifier_env *env, u32 insn_idx); /* new id or -errno */
struct bpf_reference_state *acquire_reference_state(struct bpf_verifier_env *env, u32 insn_idx);
void release_reference_state(struct bpf_verifier_state *st, u32 idx);
int release_reference_nomark(struct bpf_verifier_state *st, u32 ref_obj_id); /* 0 or -EINVAL */
struct bpf_reference_state *find_reference(struct bpf_verifier_state *st, u32 ref_obj_id);

/* keep.c */
struct bpf_func_state *new_func_state(struct bpf_verifier_env *env); /* zeroed; NULL: no memory */
void free_func_state(struct bpf_verifier_env *env, struct bpf_func_state *f);
void free_spare_frames(struct bpf_verifier_env *env);
int func_stack_room(struct bpf_func_state *f, u32 slots);
int copy_func_state(struct bpf_verifier_env *env, struct bpf_func_state *dst,
		    const struct bpf_func_state *src);
int keep_frames(struct bpf_verifier_env *env, struct bpf_verifier_state *st);
int keep_verifier_state(struct bpf_verifier_env *env, struct bpf_verifier_state *dst,
			const struct bpf_verifier_state *src);
void free_kept_pool(struct bpf_verifier_env *env);
void kept_forget_reg(struct bpf_verifier_env *env, struct bpf_func_state *f, u32 regno);
void kept_forget_slot(struct bpf_verifier_env *env, struct bpf_func_state *f, u32 spi);
#define KEPT_CHUNK 256 /* entries that are allocated together */
static inline struct kept_slot *kept_entry(const struct bpf_verifier_env *env, u32 nr)
{
	return &env->kept.chunk.v[nr / KEPT_CHUNK][nr % KEPT_CHUNK];
}
/* Of a kept frame. What is precise is not in them but in .precise_regs and .precise_slots. */
static inline const struct bpf_reg_state *kept_reg(const struct bpf_verifier_env *env,
						   const struct bpf_func_state *f, u32 regno)
{
	return &kept_entry(env, f->kept[regno])->s.spilled_ptr;
}
static inline const struct bpf_stack_state *kept_slot(const struct bpf_verifier_env *env,
						      const struct bpf_func_state *f, u32 spi)
{
	return &kept_entry(env, f->kept[MAX_BPF_REG + spi])->s;
}

/* bounds.c */
void mark_reg_known_zero(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno);
void __mark_reg_known(struct bpf_reg_state *reg, u64 imm);
void __mark_reg_known_zero(struct bpf_reg_state *reg);
void __mark_reg_const_zero(const struct bpf_verifier_env *env, struct bpf_reg_state *reg);
void mark_reg_unknown(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno);
void __mark_reg_unknown(const struct bpf_verifier_env *env, struct bpf_reg_state *reg);
void mark_reg_not_init(struct bpf_verifier_env *env, struct bpf_reg_state *regs, u32 regno);
void __mark_reg_not_init(const struct bpf_verifier_env *env, struct bpf_reg_state *reg);
void __mark_reg_unknown_imprecise(struct bpf_reg_state *reg);
void __mark_reg_unbounded(struct bpf_reg_state *reg);
void __mark_reg32_unbounded(struct bpf_reg_state *reg);
void __mark_reg64_unbounded(struct bpf_reg_state *reg);
void reg_set_value(struct bpf_reg_state *reg, u64 imm); /* ranges and tnum only */
void reg32_set_value(struct bpf_reg_state *reg, u32 imm);
void reg_assign_32_into_64(struct bpf_reg_state *reg);
void zext_32_to_64(struct bpf_reg_state *reg);
void reg_bounds_sync(struct bpf_reg_state *reg);
/* As Linux until 6.17, which did not ask whether tnum and range share just one value. */
void reg_bounds_sync_6_17(struct bpf_reg_state *reg);
static inline void reg_bounds_sync_for(const struct bpf_verifier_env *env,
				       struct bpf_reg_state *reg)
{
	if (visible(env->profile, KVER(6, 18)))
		reg_bounds_sync(reg);
	else
		reg_bounds_sync_6_17(reg);
}
int reg_bounds_sanity_check(struct bpf_verifier_env *env, struct bpf_reg_state *reg,
			    const char *ctx);
void coerce_reg_to_size(struct bpf_reg_state *reg, int size);
void coerce_reg_to_size_sx(struct bpf_reg_state *reg, int size);
void coerce_subreg_to_size_sx(struct bpf_reg_state *reg, int size);
static inline bool register_is_const(const struct bpf_reg_state *reg)
{
	return reg->type == SCALAR_VALUE && tnum_is_const(reg->var_off);
}
static inline bool register_is_null(const struct bpf_reg_state *reg)
{
	return reg->type == SCALAR_VALUE && tnum_equals_const(reg->var_off, 0);
}

/* alu.c, branch.c */
int check_alu_op(struct bpf_verifier_env *env, struct bpf_insn *insn);
int check_cond_jmp_op(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx);
void mark_ptr_or_null_regs(struct bpf_verifier_state *st, u32 regno, bool is_null);
void mark_ptr_not_null_reg(struct bpf_reg_state *reg);
void find_good_pkt_pointers(struct bpf_verifier_state *st, struct bpf_reg_state *dst_reg, u32 type,
			    bool range_right_open);
/* Scalars of equal value (or a constant apart), as the jump history keeps them in 64 bits. */
#define LINKED_REGS_MAX 6
struct linked_regs {
	u32 cnt;
	struct linked_reg {
		u8 frameno, number; /* of the register or stack slot */
		bool is_reg;
	} entry[LINKED_REGS_MAX];
};
static inline u64 linked_regs_pack(const struct linked_regs *set)
{
	u64 v = 0;

	for (u32 i = set->cnt; i-- > 0;)
		v = v << 10 | (u64)set->entry[i].is_reg << 9 | set->entry[i].number << 3 |
		    set->entry[i].frameno;
	return v << 4 | set->cnt;
}
static inline void linked_regs_unpack(u64 v, struct linked_regs *set)
{
	set->cnt = v & 0xf;
	v >>= 4;
	for (u32 i = 0; i < set->cnt; i++, v >>= 10)
		set->entry[i] = (struct linked_reg){ v & 7, v >> 3 & 0x3f, v >> 9 & 1 };
}
void sync_linked_regs(struct bpf_verifier_state *st, struct bpf_reg_state *known,
		      const struct linked_regs *set, kver profile);
void clear_scalar_id(struct bpf_reg_state *reg);
void assign_scalar_id_before_mov(struct bpf_verifier_env *env, struct bpf_reg_state *src);
void scalar_add_const(struct bpf_reg_state *reg, s64 k, bool alu32, kver profile);

/* backtrack.c, liveness.c, prune.c, cfg.c */
enum reg_arg_type { SRC_OP, DST_OP, DST_OP_NO_MARK };
int check_reg_arg(struct bpf_verifier_env *env, u32 regno, enum reg_arg_type t);
/*
 * Stack slots (bit spi of @mask) of frame @frameno that the current instruction
 * may read, or surely overwrites wholly. A read may also be charged to another
 * instruction of the current function, the call site for instance.
 */
int mark_stack_read(struct bpf_verifier_env *env, u32 frameno, u32 insn_idx, u64 mask);
void mark_stack_write(struct bpf_verifier_env *env, u32 frameno, u64 mask);
void forget_log_marks(struct bpf_verifier_state *st); /* @st was kept: marks begin anew */
static inline bool logs_marks(const struct bpf_verifier_env *env)
{
	return env->log.level & BPF_LOG_LEVEL && !visible(env->profile, KVER(6, 18));
}
void mark_insn_zext(struct bpf_verifier_env *env, struct bpf_reg_state *reg);
int stack_liveness_init(struct bpf_verifier_env *env);
void stack_liveness_free(struct bpf_verifier_env *env);
int reset_stack_write_marks(struct bpf_verifier_env *env, u32 insn_idx);
int commit_stack_write_marks(struct bpf_verifier_env *env);
void reset_live_stack_callchain(struct bpf_verifier_env *env);
int update_live_stack(struct bpf_verifier_env *env);
int live_stack_query_init(struct bpf_verifier_env *env, const struct bpf_verifier_state *st);
bool stack_slot_alive(struct bpf_verifier_env *env, u32 frameno, u32 spi);
int compute_live_registers(struct bpf_verifier_env *env);
/* Instructions that may follow another in its subprogram. */
struct insn_edges {
	u32 n;
	const u32 *to;
	u32 two[2]; /* unless it is an indirect jump */
};
void insn_successors(const struct bpf_verifier_env *env, u32 idx, struct insn_edges *e);
/*
 * gotox.c: finds where indirect jump @idx of subprogram @subprog may go; checks that it can only go
 * there, and goes on at one of its targets, the others later.
 */
int find_targets(struct bpf_verifier_env *env, u32 subprog, u32 idx);
void free_targets(struct bpf_verifier_env *env);
int check_indirect_jump(struct bpf_verifier_env *env, const struct bpf_insn *insn);
u32 subprog_around(const struct bpf_verifier_env *env, u32 off);
int compute_postorder(struct bpf_verifier_env *env);
int compute_scc(struct bpf_verifier_env *env);
int scc_init(struct bpf_verifier_env *env);
void free_states(struct bpf_verifier_env *env);
void mark_all_scalars_imprecise(struct bpf_verifier_state *st);
void mark_all_scalars_precise(struct bpf_verifier_env *env, struct bpf_verifier_state *st);
/* Makes precise on the way to @cur what is precise in @old. *@changed is set when a mark is new. */
int propagate_precision(struct bpf_verifier_env *env, const struct bpf_verifier_state *old,
			struct bpf_verifier_state *cur, bool *changed);
int mark_chain_precision(struct bpf_verifier_env *env, int regno);
int mark_chain_precision_stack(struct bpf_verifier_env *env, u32 frame, int spi);
int push_jmp_history(struct bpf_verifier_env *env, struct bpf_verifier_state *cur, u32 insn_flags,
		     u64 linked_regs);
/* jump-history flags of a stack access: frame number and slot, for backtracking */
#define INSN_F_FRAMENO_MASK  0x7
#define INSN_F_SPI_MASK	     0x3f
#define INSN_F_SPI_SHIFT     3
#define INSN_F_STACK_ACCESS  BIT(9)
#define INSN_F_DST_REG_STACK BIT(10) /* of a conditional jump: dst is a stack pointer */
#define INSN_F_SRC_REG_STACK BIT(11)
int is_state_visited(struct bpf_verifier_env *env, u32 insn_idx);
int update_branch_counts(struct bpf_verifier_env *env, struct bpf_verifier_state *st);
/* The last explored state at @insn_idx on the way to @cur with the same call sites, or NULL. */
struct bpf_verifier_state *find_prev_entry(struct bpf_verifier_env *env,
					   struct bpf_verifier_state *cur, u32 insn_idx);
/* Forgets imprecise scalars of @cur that differ from @old: makes loops of unknown length converge. */
void widen_imprecise_scalars(struct bpf_verifier_env *env, struct bpf_verifier_state *old,
			     struct bpf_verifier_state *cur);
/* Finds the starts of all subprograms; then checks that each is closed in itself. In this order. */
int add_subprogs(struct bpf_verifier_env *env);
int check_subprogs(struct bpf_verifier_env *env);
int check_cfg(struct bpf_verifier_env *env);
int find_subprog(struct bpf_verifier_env *env, u32 off); /* number or -ENOENT */
int add_subprog(struct bpf_verifier_env *env, u32 off);
int check_max_stack_depth(struct bpf_verifier_env *env);
u32 insn_def_regno(const struct bpf_insn *insn); /* -1 as u32: none */

/* stack.c */
int check_stack_read(struct bpf_verifier_env *env, u32 ptr_regno, int off, int size, int dst_regno);
int check_stack_write(struct bpf_verifier_env *env, u32 ptr_regno, int off, int size,
		      int value_regno, u32 insn_idx);
int check_stack_write_fixed_off(struct bpf_verifier_env *env, struct bpf_func_state *st, int off,
				int size, int value_regno, u32 insn_idx);
bool is_spilled_reg(const struct bpf_stack_state *slot);
bool is_spilled_scalar_reg(const struct bpf_stack_state *slot);

/* access.c */
int check_mem_access(struct bpf_verifier_env *env, u32 insn_idx, u32 regno, int off, int bpf_size,
		     enum bpf_access_type t, int value_regno, bool strict_alignment_once,
		     bool is_ldsx);
int check_mem_region_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    u32 mem_size, bool zero_size_allowed);
int check_map_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
		     bool zero_size_allowed);
int check_packet_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			bool zero_size_allowed);
int check_ptr_off_reg(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int regno);

/* load_store.c */
int check_atomic(struct bpf_verifier_env *env, struct bpf_insn *insn);
int check_load_mem(struct bpf_verifier_env *env, struct bpf_insn *insn, bool strict_alignment_once,
		   bool is_ldsx, bool allow_trust_mismatch, const char *ctx);
int check_store_reg(struct bpf_verifier_env *env, struct bpf_insn *insn,
		    bool strict_alignment_once);
int check_ld_abs(struct bpf_verifier_env *env, struct bpf_insn *insn);
/* Notes the type of a load's or store's base register, which must be one for all paths (or rewrite alike). */
int save_aux_ptr_type(struct bpf_verifier_env *env, u32 type, bool allow_trust_mismatch);
int check_store_imm(struct bpf_verifier_env *env,
		    struct bpf_insn *insn); /* BPF_ST | BPF_MEM, all of it */

/* call.c, helper_call.c, kfunc.c */
int check_helper_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx);
int check_func_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx);
int check_kfunc_call(struct bpf_verifier_env *env, struct bpf_insn *insn, u32 *insn_idx);
int prepare_func_exit(struct bpf_verifier_env *env, u32 *insn_idx);
int check_return_code(struct bpf_verifier_env *env, u32 regno, const char *reg_name);
int check_resource_leak(struct bpf_verifier_env *env, bool exception_exit, bool check_lock,
			const char *prefix);
int release_reference(struct bpf_verifier_env *env, u32 ref_obj_id);
void clear_all_pkt_pointers(struct bpf_verifier_env *env);
void clear_caller_saved_regs(struct bpf_verifier_env *env, struct bpf_reg_state *regs);
int btf_prepare_func_args(struct bpf_verifier_env *env, u32 subprog);
/* Whether the function surely has the arguments that its BTF states. */
bool func_is_reliable(struct bpf_verifier_env *env, u32 subprog);
/* A call of a static function, whose arguments the compiler may have changed. */
void note_static_call(struct bpf_verifier_env *env, u32 subprog);
/* The program is of type EXT again, not of its target's. */
void ext_is_itself(struct bpf_verifier_env *env);
/* Whether EXT program @obj may stand in for function @btf_id of @target, too. 0 or -errno. */
int ext_check_target(struct prog_object *obj, struct prog_object *target, u32 btf_id);

/* load.c, fixup.c */
int resolve_pseudo_ldimm64(struct bpf_verifier_env *env);
int check_ld_imm64(struct bpf_verifier_env *env, struct bpf_insn *insn);
int check_btf_info_early(struct bpf_verifier_env *env, const union bpf_attr *attr);
int check_btf_info(struct bpf_verifier_env *env, const union bpf_attr *attr);
int check_attach_btf_id(struct bpf_verifier_env *env); /* attach_target.c */
/* All rewriting, then facts; maps, BTF and records pass from @env to env->prog_obj. */
int fixup_program(struct bpf_verifier_env *env);
/*
 * sequence.c: what takes the place of a division, at most DIVISION_INSNS; returns how many. And of
 * a call of bpf_loop(), LOOP_INSNS, of which the one at LOOP_CALL calls the callback.
 */
#define DIVISION_INSNS 9
#define LOOP_INSNS     19
#define LOOP_CALL      12
#define LOOP_STACK     24
u32 division_sequence(const struct bpf_insn *insn, struct bpf_insn *out);
void loop_sequence(s16 base, struct bpf_insn *out);
/* Drops what load.c took and fixup_program() did not pass on: for the end of bpf_check(). */
void release_loaded(struct bpf_verifier_env *env);

/*
 * work.c: counters in env->work, if they are wanted; what they say goes to sys->work, before the
 * program is rewritten. 0 or -ENOMEM.
 */
int work_start(struct bpf_verifier_env *env);
int work_finish(struct bpf_verifier_env *env);

/*
 * Checks the program of @obj (insns in @obj->orig_insns) and, when accepted,
 * leaves the fixed-up program, used maps, BTF info and facts in it. Returns 0
 * or -errno; *diag says why. The log goes to the attribute's buffer.
 */
int bpf_check(struct skep_system *sys, struct prog_object *obj, const union bpf_attr *attr,
	      u32 attr_size, struct diag *diag);

#endif
