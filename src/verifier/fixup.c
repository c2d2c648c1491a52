/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From the program as loaded to the program that runs (object/fixup.h): dead code
 * goes, context accesses become loads of the runtime struct, calls get their
 * function, constants their value (Linux: opt_remove_dead_code(),
 * convert_ctx_accesses(), do_misc_fixups(), jit_subprogs() of kernel/bpf/verifier.c).
 *
 * Linux patches instruction by instruction and moves everything behind each time;
 * here one pass writes the new program beside the old one, notes each jump's old
 * target, and a second pass sets the distances. The same pass writes what dumps
 * show ("xlated"): map ids instead of addresses.
 *
 * Knowing differences: DIFF(xlated) our rewriting differs from Linux's (no inlined
 * lookups), so the length of the translated program may, too.
 */
#include "object/fixup.h"
#include "object/map_insn_array.h"
#include "object/sock.h"
#include "object/vocabulary.h"
#include "isa/insn.h"
#include "verifier/kfunc.h"
#include "object/record.h"

#define BPF_ADDR_PERCPU (-1) /* off of a move: from a per-CPU offset to its address */
#define MAY_GOTO_LIMIT	(8 * 1024 * 1024)

enum jump_kind { JUMP_OFF, JUMP_IMM, JUMP_CALL };

struct jump {
	u32 at;	    /* new index of the jump */
	u32 target; /* old index */
	enum jump_kind kind;
};

struct fixup {
	struct bpf_verifier_env *env;
	VEC(struct bpf_insn) out;
	VEC(struct bpf_insn) xlated; /* parallel to .out */
	VEC(struct insn_fact) facts; /* likewise */
	VEC(struct jump) jumps;
	VEC(bpf_helper_t) calls;
	u32 *entry;  /* new index of each old instruction, code before it included */
	u32 *body;   /* likewise, where jumps to it go */
	bool *gone;  /* removed */
	u32 *number; /* new number of each old subprogram */
	u32 *start, *stack;
	u32 nr_subprogs;
	s16 goto_slot; /* offset from r10 of the current function's loop counter, or 0 */
	s16 loop_base; /* likewise, of what inlined calls of bpf_loop() save */
};

static struct bpf_insn raw_insn(u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

/* Appends @insn; dumps show @shown. */
static int emit_shown(struct fixup *f, struct bpf_insn insn, struct bpf_insn shown)
{
	/* Inserted code is always reached, and its 32-bit results are taken as 64-bit ones. */
	struct insn_fact fact = { .seen = 1, .zext_dst = 1 };

	if (vec_push(&f->out, insn) || vec_push(&f->xlated, shown) || vec_push(&f->facts, fact))
		return -ENOMEM;
	return 0;
}

static int emit(struct fixup *f, struct bpf_insn insn)
{
	return emit_shown(f, insn, insn);
}

static struct insn_fact *last_fact(struct fixup *f)
{
	return &f->facts.v[f->facts.n - 1];
}

static int emit_jump(struct fixup *f, struct bpf_insn insn, u32 target, enum jump_kind kind)
{
	struct jump j = { .at = f->out.n, .target = target, .kind = kind };

	return emit(f, insn) ?: vec_push(&f->jumps, j);
}

/* ---- which instructions stay ---- */

static u32 target_of(const struct fixup *f, u32 i)
{
	return i + 1 + insn_jmp_off(&f->env->insns[i]);
}

/* A conditional jump of which one side was never taken becomes unconditional. */
static void hard_wire(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;

	for (u32 i = 0; i < env->len; i++) {
		struct bpf_insn *insn = &env->insns[i];

		if (insn_is_ldimm64(insn)) {
			i++;
			continue;
		}
		if (!insn_is_cond_jmp(insn) || !env->aux[i].seen)
			continue;
		if (!env->aux[i + 1].seen)
			*insn = raw_insn(BPF_JMP | BPF_JA, 0, 0, insn->off, 0);
		else if (!env->aux[target_of(f, i)].seen)
			*insn = raw_insn(BPF_JMP | BPF_JA, 0, 0, 0, 0);
	}
}

static void find_dead(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;
	u32 next = env->len; /* the first instruction at or after i + 1 that stays */

	for (u32 i = 0; i < env->len; i++) {
		f->gone[i] = !env->aux[i].seen;
		if (insn_is_ldimm64(&env->insns[i]) && i + 1 < env->len) {
			f->gone[i + 1] = f->gone[i];
			i++;
		}
	}
	/* Jumps over nothing but removed code. */
	for (u32 i = env->len; i-- > 0;) {
		struct bpf_insn *insn = &env->insns[i];
		bool second = i && insn_is_ldimm64(&env->insns[i - 1]);

		if (f->gone[i])
			continue;
		if (!second &&
		    (insn->code == (BPF_JMP | BPF_JA) || insn->code == (BPF_JMP32 | BPF_JA)) &&
		    insn_jmp_off(insn) >= 0 && target_of(f, i) <= next) {
			/* As in Linux, a jump over a jump that goes stays. */
			f->gone[i] = true;
		}
		next = i;
	}
}

/* ---- rewriting of one instruction ---- */

static s32 mask_of(u32 size)
{
	return size >= 4 ? -1 : (s32)((1U << size * 8) - 1);
}

static int fix_ctx_access(struct fixup *f, u32 i, const struct bpf_insn *old)
{
	struct bpf_verifier_env *env = f->env;
	const struct bpf_prog_type_ops *ops = env->ops;
	struct bpf_insn insn = *old;
	bool load = BPF_CLASS(old->code) == BPF_LDX;
	bool sign = load && BPF_MODE(old->code) == BPF_MEMSX;
	u32 size = insn_access_size(old), field = env->aux[i].ctx_field_size, loaded = 0;
	struct bpf_insn_buf buf = { .n = 0 };
	bool narrow = load && size < field;
	u32 from = old->off;
	int err;

	if (sign)
		insn.code = BPF_LDX | BPF_MEM | BPF_SIZE(old->code);
	if (narrow) {
		insn.off = (s16)(from & ~(field - 1));
		insn.code = BPF_LDX | BPF_MEM | (field == 2 ? BPF_H : field == 4 ? BPF_W : BPF_DW);
	}
	if (ops->convert_ctx_access)
		err = ops->convert_ctx_access(load ? BPF_READ : BPF_WRITE, &insn, &buf, env->prog,
					      &loaded);
	else
		err = ctx_convert_by_table(ops, load ? BPF_READ : BPF_WRITE, &insn, &buf, &loaded);
	if (err < 0 || !buf.n || buf.n > ARRAY_SIZE(buf.insns) - 3 || (field && load && !loaded))
		return refuse_err(env, -EINVAL, DIAG_FIXUP_CTX, i, (int)old->off);
	for (u32 k = 0; k < buf.n; k++) {
		err = emit(f, buf.insns[k]);
		if (err)
			return err;
	}
	if (narrow && size < loaded) {
		u32 shift = (from & (field - 1)) * 8;

		if (shift) {
			err = emit(f, raw_insn((field <= 4 ? BPF_ALU : BPF_ALU64) | BPF_RSH | BPF_K,
					       old->dst_reg, 0, 0, shift));
			if (err)
				return err;
		}
		err = emit(f,
			   raw_insn(BPF_ALU | BPF_AND | BPF_K, old->dst_reg, 0, 0, mask_of(size)));
		if (err)
			return err;
	}
	if (sign)
		return emit(f, raw_insn(BPF_ALU64 | BPF_MOV | BPF_X, old->dst_reg, old->dst_reg,
					size * 8, 0));
	return 0;
}

/* r_ax = @value */
static int emit_ax(struct fixup *f, u64 value)
{
	int err = emit(f, raw_insn(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_AX, 0, 0, (s32)value));

	return err ?: emit(f, raw_insn(0, 0, 0, 0, (s32)(value >> 32)));
}

/*
 * Pointers into the arena have 32 bits, at every moment: casts and arithmetic clear the upper
 * half. So what is added to the window's address stays in the window, or its guards.
 */
static int fix_arena_access(struct fixup *f, const struct bpf_insn *insn)
{
	bool load = BPF_CLASS(insn->code) == BPF_LDX ||
		    (BPF_MODE(insn->code) == BPF_ATOMIC && BPF_CLASS(insn->code) == BPF_STX &&
		     insn->imm == BPF_LOAD_ACQ);
	struct bpf_insn to = *insn;
	int err;

	err = emit_ax(f, (u64)(uintptr_t)f->env->arena->window);
	if (!err)
		err = emit(f, raw_insn(BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_AX,
				       load ? insn->src_reg : insn->dst_reg, 0, 0));
	if (load)
		to.src_reg = BPF_REG_AX;
	else
		to.dst_reg = BPF_REG_AX;
	return err ?: emit(f, to);
}

/* A cast from the arena clears the upper half; one to user space gives it, but NULL stays NULL. */
static int fix_arena_cast(struct fixup *f, const struct bpf_insn *insn)
{
	const struct bpf_arena_map *arena = f->env->arena;
	int err;

	err = emit(f, raw_insn(BPF_ALU | BPF_MOV | BPF_X, insn->dst_reg, insn->src_reg, 0, 0));
	if (err || insn->imm == 1 || arena->map.map_flags & BPF_F_NO_USER_CONV)
		return err;
	err = emit(f, raw_insn(BPF_JMP | BPF_JEQ | BPF_K, insn->dst_reg, 0, 3, 0));
	if (!err)
		err = emit_ax(f, arena->user_start & ~0xffffffffULL);
	return err   ?:
		       emit(f,
			    raw_insn(BPF_ALU64 | BPF_OR | BPF_X, insn->dst_reg, BPF_REG_AX, 0, 0));
}

static int fix_access(struct fixup *f, u32 i, const struct bpf_insn *insn)
{
	const struct bpf_insn_aux_data *aux = &f->env->aux[i];
	struct bpf_insn to = *insn;
	int err;

	switch (base_type(aux->ptr_type)) {
	case PTR_TO_CTX:
		return fix_ctx_access(f, i, insn);
	case PTR_TO_ARENA:
		return fix_arena_access(f, insn);
	case CONST_PTR_TO_MAP:
		to.code = BPF_LDX | BPF_SIZE(insn->code) |
			  (BPF_MODE(insn->code) == BPF_MEMSX ? BPF_PROBE_MEMSX : BPF_PROBE_MEM);
		to.off = 0;
		to.imm = (s32)aux->ctx_field_size;
		break;
	case PTR_TO_BTF_ID:
		/*
		 * Whatever is known of the pointer, the load cannot fault. What the program
		 * allocated itself is there as long as it may look.
		 */
		if (BPF_CLASS(insn->code) == BPF_LDX &&
		    (!(aux->ptr_type & MEM_ALLOC) || (aux->ptr_type & PTR_UNTRUSTED)))
			to.code = BPF_LDX | BPF_SIZE(insn->code) |
				  (BPF_MODE(insn->code) == BPF_MEMSX ? BPF_PROBE_MEMSX :
								       BPF_PROBE_MEM);
		break;
	case PTR_TO_TCP_SOCK: /* it points to the whole socket, as each pointer that helpers take */
		to.off += (s16)offsetof(struct bpf_rt_sock, tcp);
		break;
	default:
		break;
	}
	err = emit_shown(f, to, *insn);
	if (!err)
		last_fact(f)->mem_reg_type = base_type(aux->ptr_type);
	return err;
}

static int add_call(struct fixup *f, bpf_helper_t func, s16 *index)
{
	for (u32 i = 0; i < f->calls.n; i++) {
		if (f->calls.v[i] == func) {
			*index = (s16)i;
			return 0;
		}
	}
	if (f->calls.n == INT16_MAX)
		return -E2BIG;
	*index = (s16)f->calls.n;
	return vec_push(&f->calls, func);
}

/* In place of what skep lacks: no run gets here, see prog_runnable(). */
static u64 absent_helper(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	return 0;
}

/*
 * Bytes of kernel objects that helper call @i reads by itself are loaded once before, which
 * fills them in (see object/fixup.h on untrusted loads).
 */
static int load_world_args(struct fixup *f, u32 i)
{
	int err = 0;

	for (u32 arg = 0; arg < 5; arg++) {
		u32 size = f->env->aux[i].arg_world[arg], step;

		for (u32 off = 0; off < size && !err; off += step) {
			step = size - off >= 8 ? 8 : size - off >= 4 ? 4 : size - off >= 2 ? 2 : 1;
			err = emit(f, raw_insn(BPF_LDX | BPF_PROBE_MEM |
						       (step == 8 ? BPF_DW :
							step == 4 ? BPF_W :
							step == 2 ? BPF_H :
								    BPF_B),
					       BPF_REG_AX, (u8)(arg + 1), (s16)off, 0));
		}
	}
	return err;
}

/*
 * Engines read the CPU number from the run, which a program cannot name; they leave r1 to r5 as
 * they are. What dumps show is Linux's way to it: a per-CPU variable.
 */
static int fix_cpu_number(struct fixup *f, struct bpf_insn call)
{
	struct bpf_insn nothing = raw_insn(BPF_ST | BPF_NOSPEC, 0, 0, 0, 0);
	int err;

	err = add_call(f, bpf_helper_proto(BPF_FUNC_get_smp_processor_id)->func, &call.off);
	if (!err)
		err = emit_shown(f, call,
				 raw_insn(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0,
					  (s32)offsetof(struct bpf_run, cpu)));
	if (!err) {
		last_fact(f)->inlined = INLINE_RUN32;
		last_fact(f)->inline_off = offsetof(struct bpf_run, cpu);
	}
	if (!err)
		err = emit_shown(f, nothing,
				 raw_insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_0,
					  BPF_ADDR_PERCPU, 0));
	return err ? err :
		     emit_shown(f, nothing,
				raw_insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_0, 0, 0));
}

/* The variable that dumps show to be loaded has no address here. */
static int fix_jiffies(struct fixup *f, struct bpf_insn call, bpf_helper_t func)
{
	struct bpf_insn nothing = raw_insn(BPF_ST | BPF_NOSPEC, 0, 0, 0, 0);
	int err;

	err = add_call(f, func, &call.off);
	if (!err)
		err = emit_shown(f, call, raw_insn(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_0, 0, 0, 0));
	if (!err)
		err = emit_shown(f, nothing, raw_insn(0, 0, 0, 0, 0));
	return err ? err :
		     emit_shown(f, nothing,
				raw_insn(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_0, 0, 0));
}

/* Whether call @i of bpf_loop() can call its callback itself, as Linux does since 6.0. */
static bool inlines_loop(const struct fixup *f, u32 i)
{
	const struct bpf_verifier_env *env = f->env;
	const struct bpf_insn *insn = &env->insns[i];
	const struct bpf_insn_aux_data *aux = &env->aux[i];

	return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg && insn->imm == BPF_FUNC_loop &&
	       visible(env->profile, KVER(6, 0)) && aux->seen && !aux->loop_stays &&
	       aux->loop_callback &&
	       /* without iterations, the callback is dead and gone */
	       f->number[aux->loop_callback - 1] != UINT32_MAX;
}

static int fix_loop(struct fixup *f, u32 i)
{
	u32 callback = f->env->aux[i].loop_callback - 1;
	struct bpf_insn seq[LOOP_INSNS];
	int err = 0;

	loop_sequence(f->loop_base, seq);
	for (u32 k = 0; k < LOOP_INSNS && !err; k++) {
		if (k == LOOP_CALL) {
			seq[k].off = (s16)f->number[callback];
			err = emit_jump(f, seq[k], f->env->subprog_info[callback].start, JUMP_CALL);
			continue;
		}
		err = emit(f, seq[k]);
		if (!err && (seq[k].dst_reg == BPF_REG_10 || seq[k].src_reg == BPF_REG_10))
			last_fact(f)->mem_reg_type = PTR_TO_STACK;
	}
	return err;
}

/*
 * What the call just emitted comes down to, by its helper's row. A walk over a map needs to know the
 * map, an array, and the callback; dumps show the call, as Linux's do.
 */
static void note_inlined(struct fixup *f, const struct bpf_insn_aux_data *aux,
			 const struct bpf_func_proto *fn, bool one_map)
{
	struct insn_fact *fact = last_fact(f);

	fact->inlined = fn->inlined;
	fact->inline_off = fn->inline_off;
	if (fn->inlined != INLINE_FOR_EACH)
		return;
	if (one_map && !aux->loop_stays && aux->loop_callback &&
	    (aux->call_map->map->map_type == BPF_MAP_TYPE_ARRAY ||
	     aux->call_map->map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY))
		fact->inline_off = (s16)f->number[aux->loop_callback - 1];
	else
		fact->inlined = INLINE_NOT;
}

static int fix_helper_call(struct fixup *f, u32 i, const struct bpf_insn *insn)
{
	struct bpf_verifier_env *env = f->env;
	const struct bpf_insn_aux_data *aux = &env->aux[i];
	struct bpf_insn to = *insn;
	const struct bpf_func_proto *fn;
	bpf_helper_t func = NULL;
	/* The template of inner maps (which has no id) stands for many maps. */
	bool one_map = aux->call_map && !aux->call_map_poisoned && aux->call_map->obj.id;
	int err;

	if (insn->imm == BPF_FUNC_tail_call) {
		/* Linux could not mask the index without knowing the map. */
		if (aux->call_map_poisoned && !env->bypass_spec_v1)
			return refuse(env, DIAG_CALLBACK_MAPS);
		to.code = BPF_JMP | BPF_TAIL_CALL;
		return emit_shown(f, to, *insn);
	}
	if (insn->imm == BPF_FUNC_get_smp_processor_id && inlines_cpu_number(env))
		return fix_cpu_number(f, to);
	if (inlines_loop(f, i))
		return fix_loop(f, i);
	fn = bpf_prog_helper_proto(env->ops, env->prog, insn->imm, &env->sys->kernel);
	if (one_map && aux->call_map->ops->helper)
		func = aux->call_map->ops->helper(aux->call_map->map, insn->imm);
	if (!func && fn)
		func = fn->func;
	if (!func && fn && *env->prog_obj->missing)
		func = absent_helper;
	if (!func)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "helper without function");
	if (insn->imm == BPF_FUNC_jiffies64)
		return fix_jiffies(f, to, func);
	err = load_world_args(f, i);
	if (!err)
		err = add_call(f, func, &to.off);
	if (!err)
		err = emit_shown(f, to, *insn);
	if (!err && fn && func == fn->func)
		note_inlined(f, aux, fn, one_map);
	/* The template of inner maps has no id: it is not the map that the call will get. */
	if (!err && one_map && aux->call_map->obj.id) {
		last_fact(f)->helper_const_map = 1;
		last_fact(f)->map = (u64)(uintptr_t)aux->call_map->map;
	}
	return err;
}

/* Passes a constant that the kfunc's hidden parameter takes. */
static int emit_const(struct fixup *f, u8 reg, u64 value)
{
	int err = emit(f, raw_insn(BPF_LD | BPF_IMM | BPF_DW, reg, 0, 0, (s32)value));

	return err ? err : emit(f, raw_insn(0, 0, 0, 0, (s32)(value >> 32)));
}

/* The special fields of what the call allocates, as the runtime reads them. */
static int record_of_call(struct fixup *f, const struct bpf_kfunc_aux *k, u64 *record)
{
	struct bpf_verifier_env *env = f->env;
	struct object_btf *holder = NULL;
	int err;

	if (env->btf && env->btf->btf == k->btf)
		holder = env->btf;
	for (u32 i = 0; i < env->used_map_cnt && !holder; i++)
		if (env->used_maps[i]->btf && env->used_maps[i]->btf->btf == k->btf)
			holder = env->used_maps[i]->btf;
	if (!holder)
		return refuse_err(env, -EFAULT, DIAG_INTERNAL, "type of no BTF object");
	err = record_of_type(holder, k->btf_id, (const struct bpf_record **)record);
	return err;
}

static enum insn_inline inlined_kfunc(enum kfunc_id id)
{
	switch ((int)id) {
#define KFUNC_INLINED(name, how)                                                                   \
	case KFUNC_##name:                                                                         \
		return how;
#include "tables/kfunc_inlined.def"
	}
	return INLINE_NOT;
}

static int fix_kfunc_call(struct fixup *f, u32 i, const struct bpf_insn *insn)
{
	struct bpf_verifier_env *env = f->env;
	const struct bpf_kfunc_aux *k = env->aux[i].kfunc;
	struct bpf_insn to = *insn;
	struct kfunc_meta m;
	u64 record = 0;
	int err;

	if (!insn->imm || !k)
		return refuse(env, DIAG_KFUNC_WEAK);
	err = fetch_kfunc(env, insn, &m, false);
	if (!err && k->size)
		err = record_of_call(f, k, &record);
	if (err)
		return err;
	switch ((int)k->id) {
	case KFUNC_bpf_rdonly_cast:
		if (k->cast == CAST_SOCK)
			break;
		return emit(f, raw_insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_1, 0, 0));
	case KFUNC_bpf_obj_new_impl:
	case KFUNC_bpf_percpu_obj_new_impl:
		err = emit_const(f, BPF_REG_1, k->size);
		if (!err)
			err = emit_const(f, BPF_REG_2, record);
		break;
	case KFUNC_bpf_list_push_front_impl:
	case KFUNC_bpf_list_push_back_impl:
		err = emit_const(f, BPF_REG_4, k->insert_off);
		break;
	case KFUNC_bpf_rbtree_add_impl:
		err = emit_const(f, BPF_REG_5, k->insert_off);
		break;
	case KFUNC_bpf_stream_print_stack:
		env->prog->prints_stack = 1;
		break;
	case KFUNC_bpf_dynptr_from_skb: /* third: whether it can be written through */
		err = emit_const(f, BPF_REG_4, !env->ops->may_access_direct_pkt_data_write);
		break;
	case KFUNC_bpf_dynptr_from_file: /* third: whether the kernel's sleepable one is called */
		err = emit_const(f, BPF_REG_4, k->may_wait);
		break;
	}
	if (!err)
		err = add_call(f, m.k.func ? m.k.func : absent_helper, &to.off);
	if (!err)
		err = emit_shown(f, to, *insn);
	/* Of a file it is wider than what is read inline. */
	if (!err && (k->id != KFUNC_bpf_dynptr_size || !visible(env->profile, KVER(6, 19))))
		last_fact(f)->inlined = inlined_kfunc(k->id);
	if (err || k->id != KFUNC_bpf_throw)
		return err;
	/* It does not return, and what would follow may be gone: functions must end. */
	err = emit(f, raw_insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
	return err ? err : emit(f, raw_insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

static int fix_ld_abs(struct fixup *f, const struct bpf_insn *insn)
{
	bpf_helper_t func = BPF_SIZE(insn->code) == BPF_B ? bpf_skb_load_8 :
			    BPF_SIZE(insn->code) == BPF_H ? bpf_skb_load_16 :
							    bpf_skb_load_32;
	struct bpf_insn call = raw_insn(BPF_JMP | BPF_CALL, 0, 0, 0, 0);
	int err;

	if (BPF_MODE(insn->code) == BPF_ABS) {
		err = emit(f, raw_insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, insn->imm));
	} else {
		err = emit(f,
			   raw_insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, insn->src_reg, 0, 0));
		if (!err && insn->imm)
			err = emit(f, raw_insn(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0,
					       insn->imm));
	}
	if (!err)
		err = emit(f, raw_insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0));
	if (!err)
		err = add_call(f, func, &call.off);
	if (!err)
		err = emit(f, call);
	/* Out of the packet: the function returns 0. */
	if (!err)
		err = emit(f, raw_insn(BPF_JMP | BPF_JSGE | BPF_K, BPF_REG_0, 0, 2, 0));
	if (!err)
		err = emit(f, raw_insn(BPF_ALU | BPF_XOR | BPF_X, BPF_REG_0, BPF_REG_0, 0, 0));
	if (!err)
		err = emit(f, raw_insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	return err;
}

/* Counts down in a stack slot that only this code knows; leaves the loop at zero. */
static int fix_may_goto(struct fixup *f, u32 i)
{
	int err;

	err = emit(f,
		   raw_insn(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_AX, BPF_REG_10, f->goto_slot, 0));
	if (!err)
		err = emit_jump(f, raw_insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_AX, 0, 0, 0),
				target_of(f, i), JUMP_OFF);
	if (!err)
		err = emit(f, raw_insn(BPF_ALU64 | BPF_SUB | BPF_K, BPF_REG_AX, 0, 0, 1));
	if (!err)
		err = emit(f, raw_insn(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_AX,
				       f->goto_slot, 0));
	return err;
}

static int fix_ld_imm64(struct fixup *f, u32 i)
{
	struct bpf_verifier_env *env = f->env;
	const struct bpf_insn_aux_data *aux = &env->aux[i];
	struct bpf_insn lo = env->insns[i], hi = env->insns[i + 1], slo = lo, shi = hi;
	int err;

	switch (lo.src_reg) {
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_IDX:
		slo.src_reg = BPF_PSEUDO_MAP_FD;
		slo.imm = (s32)aux->map->map->id;
		shi.imm = 0;
		break;
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX_VALUE:
		slo.src_reg = BPF_PSEUDO_MAP_VALUE;
		slo.imm = (s32)aux->map->map->id;
		shi.imm = (s32)aux->map_off;
		break;
	case BPF_PSEUDO_BTF_ID: /* an address by now */
		slo.src_reg = 0;
		break;
	case BPF_PSEUDO_FUNC:
		lo.imm = shi.imm = (s32)f->number[aux->func_id_subprog];
		hi.imm = 0;
		break;
	default:
		break;
	}
	lo.src_reg = 0;
	err = emit_shown(f, lo, slo);
	return err ?: emit_shown(f, hi, shi);
}

/*
 * Engines guard divisions by registers themselves, and for less. So the division runs, and passes
 * over as many instructions as its imm says; dumps show Linux's guards.
 */
static int fix_division(struct fixup *f, const struct bpf_insn *insn, bool zext)
{
	struct bpf_insn seq[DIVISION_INSNS], division = *insn;
	u32 n = division_sequence(insn, seq);
	int err;

	if (n > 1)
		division.imm = (s32)n - 1;
	else
		division = seq[0];
	err = emit_shown(f, division, seq[0]);
	if (err)
		return err;
	last_fact(f)->zext_dst = zext;
	last_fact(f)->divisor_nonzero = n == 1;
	for (u32 k = 1; k < n && !err; k++)
		err = emit_shown(f, raw_insn(BPF_ST | BPF_NOSPEC, insn->dst_reg, 0, 0, 0), seq[k]);
	return err;
}

static int fix_insn(struct fixup *f, u32 i)
{
	struct bpf_verifier_env *env = f->env;
	const struct bpf_insn *insn = &env->insns[i];
	const struct bpf_insn_aux_data *aux = &env->aux[i];
	struct bpf_insn narrow;
	int err;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn_is_ldimm64(insn))
			return fix_ld_imm64(f, i);
		return fix_ld_abs(f, insn);
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return fix_access(f, i, insn);
	case BPF_JMP:
	case BPF_JMP32:
		if (insn->code == (BPF_JMP | BPF_CALL)) {
			if (insn->src_reg == BPF_PSEUDO_CALL) {
				struct bpf_insn call = *insn;
				int callee = find_subprog(env, i + 1 + insn->imm);

				if (callee < 0)
					return refuse_err(env, -EFAULT, DIAG_INTERNAL,
							  "call of no subprogram");
				call.off = (s16)f->number[callee];
				return emit_jump(f, call, i + 1 + insn->imm, JUMP_CALL);
			}
			if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
				return fix_kfunc_call(f, i, insn);
			return fix_helper_call(f, i, insn);
		}
		if (insn->code == (BPF_JMP | BPF_EXIT) || insn_is_gotox(insn))
			return emit(f, *insn);
		if (insn->code == (BPF_JMP | BPF_JCOND))
			return fix_may_goto(f, i);
		err = emit_jump(f, *insn, target_of(f, i),
				insn->code == (BPF_JMP32 | BPF_JA) ? JUMP_IMM : JUMP_OFF);
		if (!err && insn_is_cond_jmp(insn))
			last_fact(f)->branch = aux->branch_seen == BIT(0) ? 1 :
					       aux->branch_seen == BIT(1) ? 2 :
									    0;
		return err;
	default:
		break;
	}
	if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn->off == BPF_ADDR_SPACE_CAST_OFF)
		return fix_arena_cast(f, insn);
	narrow = *insn;
	if (aux->arena_alu)
		narrow.code = BPF_ALU | BPF_OP(insn->code) | BPF_SRC(insn->code);
	if (BPF_OP(insn->code) == BPF_DIV || BPF_OP(insn->code) == BPF_MOD)
		return fix_division(f, &narrow, aux->arena_alu || aux->zext_dst);
	err = emit(f, narrow);
	if (!err && !aux->arena_alu)
		last_fact(f)->zext_dst = aux->zext_dst;
	return err;
}

/* ---- the whole ---- */

static bool subprog_inlines_loop(const struct fixup *f, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		if (insn_is_ldimm64(&f->env->insns[i])) {
			i++;
			continue;
		}
		if (!f->gone[i] && inlines_loop(f, i))
			return true;
	}
	return false;
}

static bool subprog_has_may_goto(const struct fixup *f, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		const struct bpf_insn *insn = &f->env->insns[i];

		if (insn_is_ldimm64(insn)) {
			i++;
			continue;
		}
		if (insn->code == (BPF_JMP | BPF_JCOND) && !f->gone[i])
			return true;
	}
	return false;
}

/* What runs when a function is entered, and never when a loop jumps to its first instruction. */
static int emit_prologue(struct fixup *f, u32 subprog)
{
	struct bpf_verifier_env *env = f->env;
	struct bpf_insn_buf buf = { .n = 0 };
	int err;

	if (subprog == 0 && env->ops->gen_prologue) {
		err = env->ops->gen_prologue(&buf, env->seen_direct_write, env->prog);
		if (err < 0)
			return err;
		for (u32 k = 0; k < buf.n; k++) {
			err = emit(f, buf.insns[k]);
			if (err)
				return err;
		}
	}
	if (f->goto_slot)
		return emit(f, raw_insn(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, f->goto_slot,
					MAY_GOTO_LIMIT));
	return 0;
}

static int write_program(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;
	int err = 0;

	for (u32 s = 0; s < env->subprog_cnt; s++) {
		u32 from = env->subprog_info[s].start;
		u32 to = s + 1 < env->subprog_cnt ? env->subprog_info[s + 1].start : env->len;
		bool empty = true;

		for (u32 i = from; i < to && empty; i++)
			empty = f->gone[i];
		if (empty)
			continue;
		if (subprog_inlines_loop(f, from, to)) {
			u32 depth = round_up(env->subprog_info[s].stack_depth, 8U) + LOOP_STACK;

			env->subprog_info[s].stack_depth = f->stack[f->number[s]] = depth;
			f->loop_base = -(s16)depth;
		}
		f->goto_slot = 0;
		if (subprog_has_may_goto(f, from, to)) {
			u32 depth = round_up(env->subprog_info[s].stack_depth, 8U);

			env->subprog_info[s].stack_depth = f->stack[f->number[s]] = depth + 8;
			f->goto_slot = -(s16)(depth + 8);
		}
		for (u32 i = from; i < to && !err; i++) {
			bool pair = insn_is_ldimm64(&env->insns[i]);

			f->entry[i] = f->out.n;
			if (i == from) {
				f->start[f->number[s]] = f->out.n;
				err = emit_prologue(f, s);
				if (err)
					break;
			}
			f->body[i] = f->out.n;
			if (!f->gone[i]) {
				/* Unprivileged programs keep dead code, as an endless loop. */
				if (!env->aux[i].seen)
					err = emit(f, raw_insn(BPF_JMP | BPF_JA, 0, 0, -1, 0));
				else
					err = fix_insn(f, i);
			}
			if (pair) {
				i++;
				f->entry[i] = f->body[i] = f->out.n - (f->gone[i] ? 0 : 1);
			}
		}
		if (err)
			return err;
	}
	return 0;
}

static int set_jumps(struct fixup *f)
{
	for (u32 k = 0; k < f->jumps.n; k++) {
		const struct jump *j = &f->jumps.v[k];
		u32 to = j->kind == JUMP_CALL ? f->entry[j->target] : f->body[j->target];
		s64 distance = (s64)to - j->at - 1;

		switch (j->kind) {
		case JUMP_OFF:
			if (distance < INT16_MIN || distance > INT16_MAX)
				return refuse(f->env, DIAG_FIXUP_JUMP, j->at);
			f->out.v[j->at].off = f->xlated.v[j->at].off = (s16)distance;
			f->facts.v[to].jump_target = 1;
			break;
		case JUMP_IMM:
			f->out.v[j->at].imm = f->xlated.v[j->at].imm = (s32)distance;
			f->facts.v[to].jump_target = 1;
			break;
		case JUMP_CALL:
			f->out.v[j->at].imm = (s32)distance;
			/* Dumps show it the other way round, as Linux does. */
			f->xlated.v[j->at].imm = f->out.v[j->at].off;
			f->xlated.v[j->at].off = (s16)distance;
			break;
		}
	}
	for (u32 s = 0; s < f->env->subprog_cnt; s++) {
		const struct bpf_subprog_info *sub = &f->env->subprog_info[s];

		for (u32 i = 0; i < sub->nr_targets; i++) {
			u32 to = f->body[sub->targets[i]];

			if (f->env->aux[sub->targets[i]].seen && to < f->facts.n)
				f->facts.v[to].jump_target = f->facts.v[to].gotox_target = 1;
		}
	}
	for (u32 i = 0; i < f->out.n; i++) /* short jumps inside rewritten sequences */
		if ((insn_is_cond_jmp(&f->out.v[i]) || f->out.v[i].code == (BPF_JMP | BPF_JA)) &&
		    i + 1 + f->out.v[i].off < f->out.n)
			f->facts.v[i + 1 + f->out.v[i].off].jump_target = 1;
	for (u32 i = 0; i < f->out.n; i++) {
		struct bpf_insn *insn = &f->xlated.v[i];

		if (!insn_is_ldimm64(insn))
			continue;
		if (insn->src_reg == BPF_PSEUDO_FUNC) /* distance to the function */
			insn->imm = (s32)(f->start[f->out.v[i].imm] - i - 1);
		i++;
	}
	return 0;
}

/* Where instructions that arrays name have gone. */
static void move_insn_arrays(const struct fixup *f)
{
	const struct bpf_verifier_env *env = f->env;

	for (u32 m = 0; m < env->used_map_cnt; m++) {
		struct bpf_insn_array *a = insn_array(env->used_maps[m]->map);

		for (u32 i = 0; a && i < a->map.max_entries; i++) {
			u32 at = a->values[i].orig_off, s = 0;

			while (s + 1 < env->subprog_cnt && env->subprog_info[s + 1].start <= at)
				s++;
			/* No path jumps to what none has seen. */
			insn_array_targets(a)[i] = env->aux[at].seen ? f->body[at] : INSN_DELETED;
			a->values[i].xlated_off =
				f->number[s] == UINT32_MAX || f->gone[at] ? INSN_DELETED :
				at == env->subprog_info[s].start	  ? f->start[f->number[s]] :
									    f->entry[at];
		}
	}
}

/* Function and line records of what is left, at their new places. */
static void move_records(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;
	u32 n = 0;

	for (u32 s = 0; s < env->nr_func_info; s++) {
		if (f->number[s] == UINT32_MAX)
			continue;
		env->func_info[n] = env->func_info[s];
		env->func_info[n++].insn_off = f->start[f->number[s]];
	}
	env->nr_func_info = n;

	n = 0;
	for (u32 k = 0; k < env->nr_linfo; k++) {
		u32 i = env->line_info[k].insn_off, s = 0, end;

		while (s + 1 < env->subprog_cnt && env->subprog_info[s + 1].start <= i)
			s++;
		end = s + 1 < env->subprog_cnt ? env->subprog_info[s + 1].start : env->len;
		if (f->number[s] == UINT32_MAX)
			continue;
		while (i < end && f->gone[i])
			i++;
		/* Nothing of the line is left, or the next record describes the same place. */
		if (i == end || (k + 1 < env->nr_linfo && env->line_info[k + 1].insn_off <= i))
			continue;
		env->line_info[n] = env->line_info[k];
		env->line_info[n].insn_off =
			i == env->subprog_info[s].start ? f->start[f->number[s]] : f->entry[i];
		/* Each function keeps a record at its first instruction. */
		if (!n || env->line_info[n - 1].insn_off < f->start[f->number[s]])
			env->line_info[n].insn_off = f->start[f->number[s]];
		n++;
	}
	env->nr_linfo = n;
}

/* What those ask who attach to a function of this program. */
static int set_func_flags(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;
	u8 *flags = mem_zalloc(f->nr_subprogs);

	if (!flags)
		return -ENOMEM;
	for (u32 s = 0; s < env->subprog_cnt; s++)
		if (f->number[s] != UINT32_MAX)
			flags[f->number[s]] =
				(func_is_reliable(env, s) ? 0 : PROG_FUNC_UNRELIABLE) |
				(env->subprog_info[s].changes_pkt_data ? PROG_FUNC_CHANGES_PKT : 0);
	env->prog_obj->func_flags = flags;
	return 0;
}

static int hand_over(struct fixup *f)
{
	struct bpf_verifier_env *env = f->env;
	struct prog_object *obj = env->prog_obj;
	int err;

	env->prog->stack_depth = f->stack[0];
	env->prog->throws = env->seen_exception;
	if (env->exception_subprog)
		env->prog->exception_subprog = f->number[env->exception_subprog];
	err = prog_object_place(obj, f->out.v, f->out.n, f->calls.v, f->calls.n, f->start, f->stack,
				f->nr_subprogs);
	if (err)
		return err;
	obj->facts = mem_zalloc(sizeof(*obj->facts));
	if (!obj->facts)
		return -ENOMEM;
	obj->xlated = f->xlated.v;
	f->xlated.v = NULL;
	obj->facts->insn = f->facts.v;
	obj->facts->n = f->facts.n;
	f->facts.v = NULL;
	if (env->used_map_cnt) {
		obj->used_maps =
			mem_dup(env->used_maps, env->used_map_cnt * sizeof(env->used_maps[0]));
		if (!obj->used_maps)
			return -ENOMEM;
		obj->nr_used_maps = env->used_map_cnt;
		env->used_map_cnt = 0;
	}
	if (env->nr_func_info) {
		err = set_func_flags(f);
		if (err)
			return err;
		env->prog->attachable = 1;
	}
	obj->btf = env->btf;
	obj->func_info = env->func_info;
	obj->nr_func_info = env->nr_func_info;
	obj->line_info = env->line_info;
	obj->nr_line_info = env->nr_linfo;
	env->btf = NULL;
	env->func_info = NULL;
	env->line_info = NULL;
	return 0;
}

int fixup_program(struct bpf_verifier_env *env)
{
	struct fixup f = { .env = env };
	int err = -ENOMEM;

	f.entry = mem_calloc(env->len + 1, sizeof(u32));
	f.body = mem_calloc(env->len + 1, sizeof(u32));
	f.gone = mem_calloc(env->len + 1, sizeof(bool));
	f.number = mem_calloc(env->subprog_cnt + 1, sizeof(u32));
	f.start = mem_calloc(env->subprog_cnt + 1, sizeof(u32));
	f.stack = mem_calloc(env->subprog_cnt + 1, sizeof(u32));
	if (!f.entry || !f.body || !f.gone || !f.number || !f.start || !f.stack)
		goto out;

	if (env->bpf_capable) {
		hard_wire(&f);
		find_dead(&f);
	}
	for (u32 i = 0; i < env->len; i++)
		for (u32 n = 1; n <= env->aux[i].fastcall_spills; n++)
			f.gone[i - n] = f.gone[i + n] = true;
	for (u32 s = 0; s < env->subprog_cnt; s++) {
		u32 to = s + 1 < env->subprog_cnt ? env->subprog_info[s + 1].start : env->len;
		bool empty = true;

		for (u32 i = env->subprog_info[s].start; i < to && empty; i++)
			empty = f.gone[i];
		f.number[s] = UINT32_MAX;
		if (empty)
			continue;
		f.number[s] = f.nr_subprogs++;
		f.stack[f.number[s]] = round_up(env->subprog_info[s].stack_depth, 8U);
	}

	err = write_program(&f);
	if (err)
		goto out;
	f.start[f.nr_subprogs] = f.out.n;
	f.entry[env->len] = f.body[env->len] = f.out.n;
	err = set_jumps(&f);
	if (err)
		goto out;
	move_records(&f);
	move_insn_arrays(&f);
	err = hand_over(&f);
out:
	vec_free(&f.out);
	vec_free(&f.xlated);
	vec_free(&f.facts);
	vec_free(&f.jumps);
	vec_free(&f.calls);
	mem_free(f.entry);
	mem_free(f.body);
	mem_free(f.gone);
	mem_free(f.number);
	mem_free(f.start);
	mem_free(f.stack);
	return err;
}
