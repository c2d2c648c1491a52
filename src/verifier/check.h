/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the checks of instructions (stack.c, access.c, call.c, kfunc.c and others) share among
 * themselves: predicates on register types and what the arguments of one call
 * told the verifier.
 */
#ifndef SKEP_VERIFIER_CHECK_H
#define SKEP_VERIFIER_CHECK_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/system.h"
#include "verifier/verifier.h"

#ifndef BPF_LOG_LEVEL1
#define BPF_LOG_LEVEL1 1
#define BPF_LOG_LEVEL2 2
#define BPF_LOG_STATS  4
#endif
#define DEF_NOT_SUBREG 0

/* What checking the arguments of one helper call found out. */
struct bpf_call_arg_meta {
	struct map_object *map; /* of ARG_CONST_MAP_PTR */
	u32 map_uid;
	bool raw_mode;	 /* the memory argument is written by the helper, not read */
	bool pkt_access; /* the helper takes packet memory */
	u8 release_regno;
	int regno; /* of an uninitialised stack buffer, with access_size */
	int access_size;
	int mem_size; /* constant allocation size */
	u64 msize_max_value;
	u32 ref_obj_id;
	u32 dynptr_id;
	u32 func_id;
	struct btf *btf; /* of PTR_TO_BTF_ID and map value fields */
	u32 btf_id;
	struct btf *ret_btf;
	u32 ret_btf_id;
	bool percpu_alloc;     /* that is one of the program's own */
	u32 subprogno;	       /* of ARG_PTR_TO_FUNC */
	s64 const_map_key;     /* constant key of an array lookup, or -1 */
	struct btf_field kptr; /* of bpf_kptr_xchg(); .size 0: none */
	struct btf *kptr_btf;
	bool dynptr_is_packet; /* a write through it may move packet data */
};

static inline bool type_may_be_null(u32 type)
{
	return type & PTR_MAYBE_NULL;
}

static inline bool type_is_rdonly_mem(u32 type)
{
	return type & MEM_RDONLY;
}

static inline bool type_is_pkt_pointer(u32 type)
{
	type = base_type(type);
	return type == PTR_TO_PACKET || type == PTR_TO_PACKET_META;
}

static inline bool type_is_sk_pointer(u32 type)
{
	return type == PTR_TO_SOCKET || type == PTR_TO_SOCK_COMMON || type == PTR_TO_TCP_SOCK ||
	       type == PTR_TO_XDP_SOCK;
}

static inline bool reg_is_pkt_pointer_any(const struct bpf_reg_state *reg)
{
	return type_is_pkt_pointer(reg->type) || reg->type == PTR_TO_PACKET_END;
}

/* A register whose value an unprivileged program must not learn. */
static inline bool reg_is_pointer(const struct bpf_verifier_env *env,
				  const struct bpf_reg_state *reg)
{
	return !env->allow_ptr_leaks && reg->type != SCALAR_VALUE;
}

static inline bool is_pointer_value(struct bpf_verifier_env *env, int regno)
{
	return reg_is_pointer(env, &cur_regs(env)[regno]);
}

static inline bool is_fullsock(u32 type)
{
	type = base_type(type);
	return type == PTR_TO_SOCKET || type == PTR_TO_TCP_SOCK || type == PTR_TO_XDP_SOCK;
}

/* The kernel's way to write a tnum in a message: "(0x0; 0xff)", or (since 6.8) the number if it is one. */
#define TNUM_TEXT 48
static inline const char *tnum_text(const struct bpf_verifier_env *env, char *buf, struct tnum t)
{
	unsigned long long value = t.value, mask = t.mask;

	if (mask || !visible(env->profile, KVER(6, 8)))
		snprintf(buf, TNUM_TEXT, "(0x%llx; 0x%llx)", value, mask);
	else
		snprintf(buf, TNUM_TEXT, value <= UINT16_MAX ? "%llu" : "0x%llx", value);
	return buf;
}

/* A register whose object is gone: unreadable, or rubbish for those who may see pointers. */
static inline void mark_reg_invalid(struct bpf_verifier_env *env, struct bpf_reg_state *reg)
{
	if (env->allow_ptr_leaks)
		__mark_reg_unknown(env, reg);
	else
		__mark_reg_not_init(env, reg);
}

/* attach_target.c: whether LSM hook @func ("bpf_lsm_...") may have programs that sleep */
bool lsm_hook_sleepable(const char *func, kver profile);

/* sanitize.c: what a path taken by mistake could do, for loaders without CAP_PERFMON */
struct sanitize {
	u32 state, limit;
	bool to_left, off_in_dst;
};
int sanitize_scalar_alu(struct bpf_verifier_env *env, const struct bpf_insn *insn);
/* Before and after @ptr and @off are added or subtracted into @dst: 0 or a refusal. */
int sanitize_ptr_before(struct bpf_verifier_env *env, const struct bpf_insn *insn,
			const struct bpf_reg_state *ptr, const struct bpf_reg_state *off,
			struct bpf_reg_state *dst, struct sanitize *s);
int sanitize_ptr_after(struct bpf_verifier_env *env, const struct bpf_insn *insn,
		       const struct bpf_reg_state *dst, const struct sanitize *s);
/* The side of the jump @insn that is known not to be taken, from @next_idx on. */
int sanitize_other_side(struct bpf_verifier_env *env, const struct bpf_insn *insn, u32 next_idx);

static inline int stack_spi(int off)
{
	return (-off - 1) / BPF_REG_SIZE;
}

#define regs_for_each(st, frame_, reg_, body)                                                      \
	do {                                                                                       \
		for (u32 f_ = 0; f_ <= (st)->curframe; f_++) {                                     \
			struct bpf_func_state *frame_ = (st)->frame[f_];                           \
			for (u32 r_ = 0; r_ < MAX_BPF_REG; r_++) {                                 \
				struct bpf_reg_state *reg_ = &frame_->regs[r_];                    \
				body                                                               \
			}                                                                          \
			for (u32 s_ = 0; s_ < frame_->allocated_stack / BPF_REG_SIZE; s_++) {      \
				struct bpf_reg_state *reg_ = &frame_->stack[s_].spilled_ptr;       \
				if (!is_spilled_reg(&frame_->stack[s_]))                           \
					continue;                                                  \
				body                                                               \
			}                                                                          \
			(void)frame_;                                                              \
		}                                                                                  \
	} while (0)

/* stack.c */
int check_stack_access_bounds(struct bpf_verifier_env *env, u32 regno, int off, int size,
			      enum bpf_access_type t);
void save_register_state(struct bpf_verifier_env *env, struct bpf_func_state *st, int spi,
			 const struct bpf_reg_state *src, int size);

int check_stack_buffer(struct bpf_verifier_env *env, u32 regno, int off, int access_size,
		       bool zero_size_allowed, enum bpf_access_type t,
		       struct bpf_call_arg_meta *meta);

/* access.c */
bool may_access_direct_pkt_data(struct bpf_verifier_env *env, const struct bpf_func_proto *fn,
				enum bpf_access_type t);
int check_ptr_alignment(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int off,
			int size, bool strict_once);
int check_ptr_off_reg_fixed_ok(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
			       int regno);
int check_helper_mem(struct bpf_verifier_env *env, int regno, int access_size,
		     enum bpf_access_type t, bool zero_size_allowed,
		     struct bpf_call_arg_meta *meta);

/* access_btf.c */
int check_ptr_to_btf_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    enum bpf_access_type t, int value_regno);
int check_ptr_to_map_access(struct bpf_verifier_env *env, u32 regno, int off, int size,
			    enum bpf_access_type t, int value_regno);
/* As refuse(), for what src/btf refused. */
int refuse_btf(struct bpf_verifier_env *env, const struct btf_refusal *why);

/* kptr.c */
int access_alloc(struct bpf_verifier_env *env, u32 regno, int off, int size, enum bpf_access_type t,
		 int value_regno);
u32 btf_walk_flags(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
		   const struct btf_walk *w);
int access_map_fields(struct bpf_verifier_env *env, u32 regno, int off, int size, bool direct,
		      enum bpf_access_type t, int value_regno, u32 insn_idx);

/* dynptr.c */
const char *dynptr_type_name(u32 type); /* as Linux prints it */
int destroy_dynptr_slot(struct bpf_verifier_env *env, struct bpf_func_state *st, u32 spi);

/* call.c */
int explore_early_exit(struct bpf_verifier_env *env, u32 *insn_idx, bool returns_zero);

/* arg.c */
int check_reg_type(struct bpf_verifier_env *env, u32 regno, u32 arg_type, const char *arg_btf,
		   struct bpf_call_arg_meta *meta);
int check_func_arg_reg_off(struct bpf_verifier_env *env, const struct bpf_reg_state *reg, int regno,
			   u32 arg_type);
int check_mem_reg(struct bpf_verifier_env *env, u32 regno, u32 mem_size);
int check_func_arg(struct bpf_verifier_env *env, u32 arg, struct bpf_call_arg_meta *meta,
		   const struct bpf_func_proto *fn);
int check_snprintf(struct bpf_verifier_env *env);
int check_map_func_compatibility(struct bpf_verifier_env *env, const struct map_object *m,
				 const struct bpf_func_proto *fn);

static inline u32 kind_of(const struct btf *btf, u32 id) /* BTF_KIND_*, 0 for no type */
{
	const struct btf_type *t = btf ? btf_type_get(btf, id) : NULL;

	return t ? btf_kind(t) : 0;
}

static inline struct btf *kernel_types(struct bpf_verifier_env *env)
{
	const struct object_btf *vmlinux = system_vmlinux(env->sys);

	return vmlinux ? vmlinux->btf : NULL;
}

#endif
