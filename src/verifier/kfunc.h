/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions, and the objects that programs hold through them: what kfunc.c,
 * kfunc_arg.c, dynptr.c, iter.c, kptr.c, graph.c and callback.c share (Linux: struct
 * bpf_kfunc_call_arg_meta and its users in kernel/bpf/verifier.c).
 */
#ifndef SKEP_VERIFIER_KFUNC_H
#define SKEP_VERIFIER_KFUNC_H

#include "object/kfunc.h"
#include "verifier/check.h"

#define ITER_STATE_INVALID 0
#define ITER_STATE_ACTIVE  1
#define ITER_STATE_DRAINED 2

#define DYNPTR_TYPES                                                                               \
	(DYNPTR_TYPE_LOCAL | DYNPTR_TYPE_RINGBUF | DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP |             \
	 DYNPTR_TYPE_FILE | DYNPTR_TYPE_SKB_META)
#define BPF_DYNPTR_SIZE	 16
#define BPF_DYNPTR_SLOTS 2

/* What checking one kfunc call found out. */
struct kfunc_meta {
	struct btf *btf; /* the kernel's or a module's */
	u32 func_id;	 /* BTF id; .k.id names the row */
	s16 module;	 /* index of fd_array, or 0 */
	const struct btf_type *proto;
	const char *name;
	struct bpf_kfunc k;
	u32 ref_obj_id;
	u8 release_regno;
	bool r0_rdonly;
	u64 r0_size;
	u32 ret_btf_id;
	u32 subprogno;
	struct {
		bool found;
		u64 value;
	} constant;	     /* the argument with suffix __k or __szk */
	struct btf *arg_btf; /* of the object that is dropped, acquired or linked */
	u32 arg_btf_id;
	bool arg_owning_ref;
	struct btf_field list_head, rb_root; /* .size 0: none */
	struct btf *list_btf, *rb_btf;
	struct {
		u32 type, id, ref_obj_id;
	} dynptr; /* the initialised one among the arguments */
	struct {
		u32 spi, frameno;
	} iter;
	struct map_object *map;
	u32 map_uid;
};

/* What is cast: a socket of programs, which is laid out as their own structs say, or in it what bpf_tcp_sock() gives. */
enum { CAST_PLAIN = 1, CAST_SOCK = 2 };

/* What fixup.c passes to a kfunc beyond what the program does: in env->aux[insn].kfunc. */
struct bpf_kfunc_aux {
	enum kfunc_id id;
	struct btf *btf; /* of the struct that is allocated */
	u32 btf_id;
	u32 size;	/* to allocate; 0: nothing is */
	u32 insert_off; /* of the node in what is linked */
	bool may_wait;	/* in a sleepable program, outside of all sections */
	u8 cast;	/* bpf_rdonly_cast(): CAST_*, of all paths */
};

static inline bool is_task_work_kfunc(enum kfunc_id id)
{
	return id == KFUNC_bpf_task_work_schedule_signal_impl ||
	       id == KFUNC_bpf_task_work_schedule_resume_impl;
}

static inline bool type_is_alloc(u32 type)
{
	return base_type(type) == PTR_TO_BTF_ID && (type & MEM_ALLOC);
}

static inline bool type_is_non_owning(u32 type)
{
	return type_is_alloc(type) && (type & NON_OWN_REF);
}

#define TRUSTED_FLAGS (MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF)

static inline bool type_has_unsafe_flags(u32 type)
{
	return type_flag(type) & ~TRUSTED_FLAGS;
}

/* kfunc.c */
/* The function that @insn calls: 0 with *@meta, or -errno with env->diag. Logs nothing new when @quiet. */
int fetch_kfunc(struct bpf_verifier_env *env, const struct bpf_insn *insn, struct kfunc_meta *meta,
		bool quiet);
/* The types that a call's function is of; NULL, or an errno in *@err: there are none. */
struct btf *kfunc_types(struct bpf_verifier_env *env, const struct bpf_insn *insn, bool quiet,
			int *err);
bool is_kfunc(const struct bpf_verifier_env *env, u32 insn_idx, enum kfunc_id id);

/* kfunc_arg.c */
/* Before what the call does: what *@m says of the arguments is filled in. */
int check_kfunc_args(struct bpf_verifier_env *env, struct kfunc_meta *m, u32 insn_idx);
const char *reg_kernel_struct(u32 type); /* of sockets and maps; NULL: none */
/* Before 6.2 functions asked only whether an argument was referenced. */
static inline bool kfunc_has_trust(const struct bpf_verifier_env *env)
{
	return visible(env->profile, KVER(6, 2));
}

static inline bool btf_type_is_scalar(const struct btf_type *t)
{
	return t && (btf_kind(t) == BTF_KIND_INT || btf_is_enum(t));
}
/* Of nothing but numbers, through arrays and up to four levels deep; @level: 0. */
bool btf_type_is_scalar_struct(struct bpf_verifier_env *env, const struct btf *btf,
			       const struct btf_type *t, u32 level);
/* For messages: kind and name of a type, which may be NULL. */
const char *btf_type_str(const struct btf_type *t);
const char *btf_name_of(const struct btf *btf, const struct btf_type *t);

/* dynptr.c */
int dynptr_spi(struct bpf_verifier_env *env, const struct bpf_reg_state *reg); /* or -errno */
int process_dynptr(struct bpf_verifier_env *env, u32 regno, u32 insn_idx, u32 arg_type,
		   u32 clone_ref_obj_id);
int release_dynptr(struct bpf_verifier_env *env, const struct bpf_reg_state *reg);
u32 dynptr_id(struct bpf_verifier_env *env, const struct bpf_reg_state *reg);
u32 dynptr_ref_obj_id(struct bpf_verifier_env *env, const struct bpf_reg_state *reg);
u32 dynptr_type(struct bpf_verifier_env *env, const struct bpf_reg_state *reg);
int object_spi(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, const char *kind,
	       u32 slots);
void mark_object_slots(struct bpf_verifier_env *env, struct bpf_func_state *st, u32 spi, u32 slots,
		       u8 type);
int mark_object_read(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 spi,
		     u32 slots);
static inline struct bpf_func_state *frame_of(struct bpf_verifier_env *env,
					      const struct bpf_reg_state *reg)
{
	return env->cur_state->frame[reg->frameno];
}

/* iter.c */
bool kfunc_arg_is_iter(const struct kfunc_meta *meta, u32 arg);
int process_iter_arg(struct bpf_verifier_env *env, u32 regno, u32 insn_idx,
		     struct kfunc_meta *meta);
int process_iter_next(struct bpf_verifier_env *env, u32 insn_idx, const struct kfunc_meta *meta);
bool iter_is_rcu(struct bpf_verifier_env *env, const struct kfunc_meta *meta);
int process_irq_flag(struct bpf_verifier_env *env, u32 regno, const struct kfunc_meta *meta);

/* kptr.c */
bool in_rcu_section(const struct bpf_verifier_env *env);
bool reg_is_trusted(const struct bpf_reg_state *reg);
bool btf_is_kernels(struct bpf_verifier_env *env, const struct btf *btf);
/* The special fields of the type behind a register: their number, or 0. */
int reg_fields(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
	       struct btf_field out[BTF_FIELDS_MAX]);
/* The one at @off of a kind in @mask. */
bool reg_field_at(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 off, u32 mask,
		  struct btf_field *out);
bool reg_has_field(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, u32 mask);
struct btf *reg_fields_btf(const struct bpf_reg_state *reg);
int process_kptr(struct bpf_verifier_env *env, u32 regno, struct bpf_call_arg_meta *meta);
int kptr_type_matches(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		      const struct bpf_reg_state *reg, u32 regno);
int kptr_target(struct bpf_verifier_env *env, struct btf *btf, const struct btf_field *field,
		struct btf **out, u32 *id);

/* graph.c */
int process_graph_root(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *meta, u32 kind);
int process_graph_node(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *meta, u32 kind);
void mark_graph_node(struct bpf_verifier_env *env, struct bpf_reg_state *reg, struct btf *btf,
		     const struct btf_field *root);
int set_non_owning(struct bpf_verifier_env *env, struct bpf_reg_state *reg);
int owning_to_non_owning(struct bpf_verifier_env *env, u32 ref_obj_id);
void invalidate_non_owning(struct bpf_verifier_env *env);
bool in_rbtree_callback(struct bpf_verifier_env *env);

/* arg.c, call.c */
enum { LOCK_TAKE = 1, LOCK_RES = 2, LOCK_IRQ = 4 };
int process_spin_lock(struct bpf_verifier_env *env, u32 regno, u32 flags);
int check_const_str(struct bpf_verifier_env *env, u32 regno);
int check_mem_size_reg(struct bpf_verifier_env *env, u32 regno, enum bpf_access_type t,
		       bool zero_size_allowed, struct bpf_call_arg_meta *meta);
typedef int (*callee_regs_fn)(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			      struct bpf_func_state *callee, u32 insn_idx);
int push_callback(struct bpf_verifier_env *env, u32 insn_idx, u32 subprog, callee_regs_fn set_regs);

/* callback.c */
int process_timer(struct bpf_verifier_env *env, u32 regno, struct bpf_call_arg_meta *meta);
int process_timer_arg(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *meta);
int process_workqueue(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *meta);
int process_task_work(struct bpf_verifier_env *env, u32 regno, struct kfunc_meta *meta);
int push_async_callback(struct bpf_verifier_env *env, u32 insn_idx, u32 subprog, bool sleepable,
			callee_regs_fn set_regs);
/* What a callback of a map's element gets: struct bpf_map *map, void *key, void *value. */
void regs_of_element(struct bpf_verifier_env *env, struct bpf_func_state *callee,
		     struct map_object *m);
int regs_of_timer_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			   struct bpf_func_state *callee, u32 insn_idx);
int regs_of_task_work_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			       struct bpf_func_state *callee, u32 insn_idx);
int regs_of_find_vma_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			      struct bpf_func_state *callee, u32 insn_idx);
int regs_of_drain_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			   struct bpf_func_state *callee, u32 insn_idx);
int regs_of_rbtree_callback(struct bpf_verifier_env *env, struct bpf_func_state *caller,
			    struct bpf_func_state *callee, u32 insn_idx);

#endif
