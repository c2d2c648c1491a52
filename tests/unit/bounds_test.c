/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the verifier concludes about numbers, against the numbers: a register is
 * described from a handful of concrete values (more or less precisely), goes through
 * the verifier's function, and the concrete results must all fit the description that
 * comes out. Arithmetic by isa/alu.h, the semantics that programs run with. This is
 * the wall: one value outside and a program could reach outside its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isa/alu.h"
#include "tests/lib/hand_prog.h"
#include "verifier/verifier.h"

#define VALUES 6

static u64 rng = 0x9e3779b97f4a7c15ULL;

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static u64 interesting(void)
{
	static const u64 edge[] = { 0,
				    0x7fffffff,
				    0x80000000,
				    0xffffffff,
				    0x7fffffffffffffff,
				    0x8000000000000000,
				    0xffffffffffffffff,
				    0x100000000,
				    0x80,
				    0x8000,
				    0xffff,
				    0xff,
				    0xffffffff80000000 };
	u64 v = edge[rnd() % ARRAY_SIZE(edge)];

	switch (rnd() % 6) {
	case 0:
		return v + rnd() % 16;
	case 1:
		return v - rnd() % 16;
	case 2:
		return rnd() % 300;
	case 3:
		return -(rnd() % 300);
	case 4:
		return rnd() >> (rnd() % 64);
	}
	return rnd();
}

/* ---- descriptions ---- */

static bool fits(const struct bpf_reg_state *r, u64 v)
{
	return (v & ~r->var_off.mask) == r->var_off.value && v >= r->umin_value &&
	       v <= r->umax_value && (s64)v >= r->smin_value && (s64)v <= r->smax_value &&
	       (u32)v >= r->u32_min_value && (u32)v <= r->u32_max_value &&
	       (s32)v >= r->s32_min_value && (s32)v <= r->s32_max_value;
}

/* The tightest description of the values; then some of its forms are forgotten. */
static void describe(struct bpf_reg_state *r, const u64 *v, u32 n)
{
	memset(r, 0, sizeof(*r));
	r->type = SCALAR_VALUE;
	reg_set_value(r, v[0]);
	for (u32 i = 1; i < n; i++) {
		r->var_off = tnum_union(r->var_off, tnum_const(v[i]));
		r->umin_value = min(r->umin_value, v[i]);
		r->umax_value = max(r->umax_value, v[i]);
		r->smin_value = min(r->smin_value, (s64)v[i]);
		r->smax_value = max(r->smax_value, (s64)v[i]);
		r->u32_min_value = min(r->u32_min_value, (u32)v[i]);
		r->u32_max_value = max(r->u32_max_value, (u32)v[i]);
		r->s32_min_value = min(r->s32_min_value, (s32)v[i]);
		r->s32_max_value = max(r->s32_max_value, (s32)v[i]);
	}
	if (rnd() % 3 == 0)
		r->var_off = tnum_unknown;
	if (rnd() % 3 == 0)
		r->umin_value = 0, r->umax_value = UINT64_MAX;
	if (rnd() % 3 == 0)
		r->smin_value = INT64_MIN, r->smax_value = INT64_MAX;
	if (rnd() % 3 == 0)
		r->u32_min_value = 0, r->u32_max_value = UINT32_MAX;
	if (rnd() % 3 == 0)
		r->s32_min_value = INT32_MIN, r->s32_max_value = INT32_MAX;
}

/* Values that lie close together, so that ranges mean something, or anywhere. */
static u32 choose(u64 *v)
{
	u32 n = 1 + (u32)(rnd() % VALUES);
	u64 base = interesting(), spread = 1ULL << (rnd() % 40);

	for (u32 i = 0; i < n; i++)
		v[i] = rnd() % 4 == 0 ? interesting() : base + rnd() % spread;
	return n;
}

static void print_reg(const char *what, const struct bpf_reg_state *r)
{
	printf("# %s: u64 [%llx %llx] s64 [%llx %llx] u32 [%x %x] s32 [%x %x] tnum %llx %llx\n",
	       what, (unsigned long long)r->umin_value, (unsigned long long)r->umax_value,
	       (unsigned long long)r->smin_value, (unsigned long long)r->smax_value,
	       r->u32_min_value, r->u32_max_value, (u32)r->s32_min_value, (u32)r->s32_max_value,
	       (unsigned long long)r->var_off.value, (unsigned long long)r->var_off.mask);
}

/* ---- an environment of one instruction ---- */

static struct bpf_verifier_env *env;
static struct bpf_insn insns[8];

static struct bpf_reg_state *reg(u32 n)
{
	return &env->cur_state->frame[0]->regs[n];
}

static int setup(void **state)
{
	(void)state;
	env = mem_zalloc(sizeof(*env));
	env->profile = KVER(6, 18);
	env->bpf_capable = env->allow_ptr_leaks = env->bypass_spec_v1 = true;
	env->insns = insns;
	env->len = ARRAY_SIZE(insns);
	env->aux = mem_calloc(env->len, sizeof(*env->aux));
	for (u32 i = 0; i < env->len; i++)
		env->aux[i].live_regs_before = 0x3ff;
	env->cur_state = mem_zalloc(sizeof(*env->cur_state));
	env->cur_state->frame[0] = new_func_state(env);
	init_func_state(env, env->cur_state->frame[0], BPF_MAIN_FUNC, 0, 0);
	env->subprog_cnt = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (!pop_stack(env, NULL, NULL, false))
		;
	free_verifier_state(env, env->cur_state, true);
	free_spare_frames(env);
	free_kept_pool(env);
	mem_free(env->aux);
	mem_free(env);
	return 0;
}

/* ---- tests ---- */

static void sync_keeps_all_values(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		u64 v[VALUES];
		u32 n = choose(v);
		struct bpf_reg_state r, before;

		describe(&r, v, n);
		before = r;
		reg_bounds_sync(&r);
		for (u32 k = 0; k < n; k++)
			if (!fits(&r, v[k])) {
				printf("# lost %llx\n", (unsigned long long)v[k]);
				print_reg("before", &before);
				print_reg("after", &r);
				fail();
			}
		/* and never widens */
		assert_true(r.umin_value >= before.umin_value && r.umax_value <= before.umax_value);
		assert_true(r.smin_value >= before.smin_value && r.smax_value <= before.smax_value);
		assert_true(tnum_in(before.var_off, r.var_off));
	}
}

/* Small ranges exhaustively: all 8-bit ranges around each edge, every value in them. */
static void sync_small_ranges(void **state)
{
	static const u64 base[] = { 0,	      0x7fffff80,  0xffffff80,	      0x7fffffffffffff80,
				    -0x80ULL, 0x17fffff80, 0xffffffff7fffff80 };

	(void)state;
	for (u32 b = 0; b < ARRAY_SIZE(base); b++)
		for (u32 lo = 0; lo < 256; lo += 5)
			for (u32 hi = lo; hi < 256; hi += 3) {
				struct bpf_reg_state u, s, u32r, s32r;
				bool signed_ok = (s64)(base[b] + lo) <= (s64)(base[b] + hi);
				bool u32_ok = (u32)(base[b] + lo) <= (u32)(base[b] + hi);
				bool s32_ok = (s32)(base[b] + lo) <= (s32)(base[b] + hi);

				memset(&u, 0, sizeof(u));
				__mark_reg_unknown_imprecise(&u);
				s = u32r = s32r = u;
				u.umin_value = base[b] + lo;
				u.umax_value = base[b] + hi;
				s.smin_value = (s64)(base[b] + lo);
				s.smax_value = (s64)(base[b] + hi);
				u32r.u32_min_value = (u32)(base[b] + lo);
				u32r.u32_max_value = (u32)(base[b] + hi);
				s32r.s32_min_value = (s32)(base[b] + lo);
				s32r.s32_max_value = (s32)(base[b] + hi);
				if (u.umin_value <= u.umax_value)
					reg_bounds_sync(&u);
				reg_bounds_sync(&s);
				reg_bounds_sync(&u32r);
				reg_bounds_sync(&s32r);
				for (u64 v = base[b] + lo, i = lo; i <= hi; i++, v++) {
					if (u.umin_value <= u.umax_value &&
					    base[b] + lo <= base[b] + hi)
						assert_true(fits(&u, v));
					if (signed_ok)
						assert_true(fits(&s, v));
					if (u32_ok)
						assert_true(fits(&u32r, v));
					if (s32_ok)
						assert_true(fits(&s32r, v));
				}
			}
}

static struct bpf_insn random_alu(void)
{
	static const u8 ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,	 BPF_LSH,
				  BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_END };
	u8 op = ops[rnd() % ARRAY_SIZE(ops)], class = rnd() & 1 ? BPF_ALU : BPF_ALU64;
	bool is_x = rnd() & 1;
	struct bpf_insn insn = INSN(class | op | (is_x ? BPF_X : BPF_K), 1, is_x ? 2 : 0, 0,
				    is_x ? 0 : (s32)interesting());

	switch (op) {
	case BPF_NEG:
		return INSN(class | op, 1, 0, 0, 0);
	case BPF_END:
		return INSN(class | op | (class == BPF_ALU && rnd() & 1 ? BPF_TO_BE : 0), 1, 0, 0,
			    (s32)(16 << rnd() % 3));
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		if (!is_x)
			insn.imm = (s32)(rnd() % (class == BPF_ALU64 ? 64 : 32));
		break;
	case BPF_DIV:
	case BPF_MOD:
		insn.off = rnd() & 1;
		if (!is_x && !insn.imm)
			insn.imm = 1;
		break;
	case BPF_MOV:
		if (is_x)
			insn.off = (s16)(rnd() % 4 * 8 % (class == BPF_ALU64 ? 40 : 24));
		if (insn.off == 24)
			insn.off = 32;
		break;
	}
	return insn;
}

static void arithmetic_keeps_all_results(void **state)
{
	(void)state;
	for (int i = 0; i < 400000; i++) {
		struct bpf_insn insn = insns[0] = random_alu();
		struct bpf_reg_state d, s, forked;
		u64 x[VALUES], y[VALUES];
		u32 nx = choose(x), ny = choose(y);
		bool fork;

		if ((BPF_OP(insn.code) == BPF_LSH || BPF_OP(insn.code) == BPF_RSH ||
		     BPF_OP(insn.code) == BPF_ARSH) &&
		    rnd() % 4)
			y[0] = rnd() % 70, ny = 1;
		describe(&d, x, nx);
		describe(&s, y, ny);
		reg_bounds_sync(&d);
		reg_bounds_sync(&s);
		*reg(1) = d;
		*reg(2) = s;
		env->insn_idx = 0;
		assert_int_equal(check_alu_op(env, &insns[0]), 0);
		/* A mask of 0 or -1 is split: the other half is a path of its own, before the insn. */
		fork = env->head;
		if (fork) {
			struct bpf_reg_state keep = *reg(1);

			assert_int_equal(pop_stack(env, NULL, NULL, false), 0);
			assert_int_equal(check_alu_op(env, &insns[0]), 0);
			forked = *reg(1);
			*reg(1) = keep;
		}
		for (u32 a = 0; a < nx; a++)
			for (u32 b = 0; b < ny; b++) {
				u64 src = BPF_SRC(insn.code) == BPF_X ? y[b] : (u64)(s64)insn.imm;
				u64 result = alu_eval(&insn, x[a], src);

				if (fits(reg(1), result) || (fork && fits(&forked, result)))
					continue;
				printf("# code %02x off %d imm %d: %llx op %llx = %llx\n",
				       insn.code, insn.off, insn.imm, (unsigned long long)x[a],
				       (unsigned long long)src, (unsigned long long)result);
				print_reg("dst", &d);
				print_reg("src", &s);
				print_reg("out", reg(1));
				fail();
			}
	}
}

static void branches_keep_their_values(void **state)
{
	static const u8 ops[] = { BPF_JEQ,  BPF_JNE,  BPF_JGT,	BPF_JGE,  BPF_JLT, BPF_JLE,
				  BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE };
	u32 both = 0, one = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		bool is_x = rnd() & 1, same = is_x && rnd() % 10 == 0;
		struct bpf_insn insn =
			INSN((rnd() & 1 ? BPF_JMP : BPF_JMP32) | ops[rnd() % ARRAY_SIZE(ops)] |
				     (is_x ? BPF_X : BPF_K),
			     1, is_x ? (same ? 1 : 2) : 0, 2, is_x ? 0 : (s32)interesting());
		struct bpf_reg_state d, s, falls[2], jumps[2];
		u64 x[VALUES], y[VALUES];
		u32 nx = choose(x), ny = choose(y), idx = 0;
		bool may_fall, may_jump;

		if (!is_x && rnd() & 1)
			insn.imm = (s32)x[rnd() % nx];
		if (is_x && rnd() % 3 == 0)
			y[rnd() % ny] = x[rnd() % nx];
		insns[0] = insn;
		describe(&d, x, nx);
		describe(&s, y, ny);
		reg_bounds_sync(&d);
		reg_bounds_sync(&s);
		*reg(1) = d;
		*reg(2) = s;
		env->insn_idx = 0;
		env->cur_state->insn_idx = 0;
		env->cur_state->jmp_history_cnt = 0;
		env->cur_hist_ent = NULL;
		assert_int_equal(check_cond_jmp_op(env, &insns[0], &idx), 0);
		falls[0] = jumps[0] = *reg(1);
		falls[1] = jumps[1] = *reg(2);
		may_fall = env->head || idx == 0;
		may_jump = env->head || idx == 2;
		if (env->head) {
			assert_int_equal(pop_stack(env, NULL, NULL, false), 0);
			jumps[0] = *reg(1);
			jumps[1] = *reg(2);
			both++;
		} else {
			one++;
		}
		for (u32 a = 0; a < nx; a++)
			for (u32 b = 0; b < ny; b++) {
				u64 src = same ? x[a] : is_x ? y[b] : (u64)(s64)insn.imm;
				bool taken = alu_cond(&insn, x[a], src);
				const struct bpf_reg_state *r = taken ? jumps : falls;

				if ((taken ? may_jump : may_fall) && fits(&r[0], x[a]) &&
				    (!is_x || same || fits(&r[1], y[b])))
					continue;
				printf("# code %02x imm %d: %llx and %llx %s\n", insn.code,
				       insn.imm, (unsigned long long)x[a], (unsigned long long)src,
				       taken ? "jumps" : "falls");
				print_reg("dst", &d);
				print_reg("src", &s);
				print_reg("dst then", &r[0]);
				print_reg("src then", &r[1]);
				fail();
			}
	}
	/* Neither everything nor nothing is predicted. */
	assert_true(both > 10000 && one > 10000);
}

/* Registers linked by a constant distance learn from a branch on one of them. */
static void linked_registers_keep_their_values(void **state)
{
	u32 learned = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		bool alu32 = rnd() & 1;
		s32 k = (s32)(rnd() & 1 ? rnd() % 100 : interesting());
		u8 op = rnd() & 1 ? BPF_ADD : BPF_SUB;
		u64 x[VALUES];
		u32 n = choose(x), idx = 3;
		u32 tested = 1 + (u32)(rnd() & 1), other = 3 - tested;

		if (rnd() & 1)
			for (u32 a = 0; a < n; a++)
				x[a] = (u32)x[a];
		describe(reg(1), x, n);
		reg_bounds_sync(reg(1));
		insns[1] = MOV_X(2, 1);
		insns[2] = INSN((alu32 ? BPF_ALU : BPF_ALU64) | op | BPF_K, 2, 0, 0, k);
		insns[3] = JMP_K(rnd() & 1 ? BPF_JLT : BPF_JSGT, tested, (s32)interesting(), 1);
		for (u32 at = 1; at < 3; at++) {
			env->insn_idx = at;
			assert_int_equal(check_alu_op(env, &insns[at]), 0);
		}
		env->insn_idx = 3;
		env->cur_state->insn_idx = 3;
		env->cur_state->jmp_history_cnt = 0;
		env->cur_hist_ent = NULL;
		{
			struct bpf_reg_state before = *reg(other), falls[3], jumps[3];
			bool pushed;

			assert_int_equal(check_cond_jmp_op(env, &insns[3], &idx), 0);
			memcpy(falls, reg(0), sizeof(falls));
			memcpy(jumps, reg(0), sizeof(jumps));
			pushed = env->head;
			if (pushed) {
				assert_int_equal(pop_stack(env, NULL, NULL, false), 0);
				memcpy(jumps, reg(0), sizeof(jumps));
				learned += memcmp(&before.var_off, &falls[other].var_off, 40) != 0;
			}
			for (u32 a = 0; a < n; a++) {
				u64 v[3] = { 0, x[a], alu_eval(&insns[2], x[a], (u64)(s64)k) };
				bool taken = alu_cond(&insns[3], v[tested], (u64)(s64)insns[3].imm);
				const struct bpf_reg_state *r = taken ? jumps : falls;

				if (fits(&r[1], v[1]) && fits(&r[2], v[2]))
					continue;
				printf("# code %02x k %d test r%u imm %d: %llx, %llx\n",
				       insns[2].code, k, tested, insns[3].imm,
				       (unsigned long long)v[1], (unsigned long long)v[2]);
				print_reg("r1", &r[1]);
				print_reg("r2", &r[2]);
				fail();
			}
		}
	}
	assert_true(learned > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sync_keeps_all_values),
		cmocka_unit_test(sync_small_ranges),
		cmocka_unit_test_setup_teardown(arithmetic_keeps_all_results, setup, teardown),
		cmocka_unit_test_setup_teardown(branches_keep_their_values, setup, teardown),
		cmocka_unit_test_setup_teardown(linked_registers_keep_their_values, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
