/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Recording: the observer copies the registers of the current frame before each instruction.
 * A concrete run then follows some path; because of pruning, what is known on it may have been
 * recorded on another one, so one fitting state at the instruction is enough. Registers
 * that nothing reads any more are not compared.
 */
#include "checking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isa/alu.h"
#include "isa/disasm.h"
#include "object/object.h"
#include "system_fixture.h"
#include "verifier/verifier.h"

#define STATES_MAX  60000 /* a program with more is not run */
#define STEPS_MAX   200000
#define MAP_ENTRIES 4
#define PACKET_LEN  64
#define CTX_LEN	    256
#define RECORD_LEN  16
#define STACK_BYTES 512

struct known {
	struct known *next; /* at the same instruction */
	u32 curframe;
	s32 callsite[MAX_CALL_FRAMES];
	struct bpf_reg_state regs[MAX_BPF_REG];
};

struct trace {
	struct known *at[MAX_INSNS];
	u16 live[MAX_INSNS];
	u32 n;
	bool overflow;
};

/* ---- recording ---- */

static void forget(struct trace *t)
{
	for (u32 i = 0; i < MAX_INSNS; i++)
		while (t->at[i]) {
			struct known *k = t->at[i];

			t->at[i] = k->next;
			free(k);
		}
	memset(t, 0, sizeof(*t));
}

static void observe(void *arg, const struct bpf_verifier_env *env)
{
	struct trace *t = ((struct checking *)arg)->trace;
	const struct bpf_verifier_state *st = env->cur_state;
	struct known *k;

	if (t->n >= STATES_MAX || env->insn_idx >= MAX_INSNS) {
		t->overflow = true;
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		t->overflow = true;
		return;
	}
	k->curframe = st->curframe;
	for (u32 f = 0; f <= st->curframe; f++)
		k->callsite[f] = st->frame[f]->callsite;
	memcpy(k->regs, st->frame[st->curframe]->regs, sizeof(k->regs));
	k->next = t->at[env->insn_idx];
	t->at[env->insn_idx] = k;
	t->live[env->insn_idx] = env->aux[env->insn_idx].live_regs_before;
	t->n++;
}

int checking_start(struct checking *c, const char *kernel)
{
	memset(c, 0, sizeof(*c));
	c->trace = calloc(1, sizeof(*c->trace));
	c->sys = system_for(kernel);
	if (!c->sys || !c->trace)
		return -ENOMEM;
	c->map = sys_map_create(c->sys, BPF_MAP_TYPE_ARRAY, 4, VALUE_SIZE, MAP_ENTRIES, 0);
	c->ring = sys_map_create(c->sys, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	c->sys->verifier_observe = observe;
	c->sys->verifier_observe_arg = c;
	return c->map < 0 ? c->map : c->ring < 0 ? c->ring : 0;
}

void checking_stop(struct checking *c)
{
	forget(c->trace);
	free(c->trace);
	close(c->map);
	close(c->ring);
	skep_system_free(c->sys);
}

int checking_load(struct checking *c, const struct gen *g, bool exact)
{
	struct bpf_insn insn[MAX_INSNS];
	union bpf_attr attr;

	forget(c->trace);
	c->sys->verifier_exact = exact;
	memcpy(insn, g->insn, g->n * sizeof(insn[0]));
	for (u32 i = 0; i < g->n; i++)
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    insn[i].src_reg == BPF_PSEUDO_MAP_FD)
			insn[i].imm = insn[i].imm == PROGEN_MAP ? c->map : c->ring;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = g->type;
	attr.prog_flags = g->flags;
	attr.insns = (u64)(unsigned long)insn;
	attr.insn_cnt = g->n;
	attr.license = (u64)(unsigned long)"GPL";
	return skep_bpf(c->sys, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* ---- a concrete run ---- */

struct machine {
	struct checking *c;
	const struct gen *g;
	const struct bpf_map *map, *ring;
	u8 *element[MAP_ENTRIES];
	u8 packet[PACKET_LEN], ctx[CTX_LEN];
	u8 stack[MAX_CALL_FRAMES][STACK_BYTES] __attribute__((aligned(8)));
	u8 *record; /* of the ring buffer, being written; NULL: none */
	struct frame {
		u64 saved[4]; /* r6 .. r9 of the caller */
		s32 callsite;
	} frame[MAX_CALL_FRAMES];
	u32 depth, pc, data_off, end_off;
	u64 reg[MAX_BPF_REG];
	struct bpf_run run;
};

static u64 frame_top(struct machine *m, u32 depth)
{
	return (u64)(unsigned long)m->stack[depth] + STACK_BYTES;
}

static bool within(u64 addr, u64 size, const void *object, u64 object_size)
{
	u64 base = (u64)(unsigned long)object;

	return addr >= base && size <= object_size && addr - base <= object_size - size;
}

/* Whether an access stays in one object that the program may have a pointer to. */
static bool allowed(struct machine *m, u64 addr, u32 size)
{
	for (u32 f = 0; f <= m->depth; f++)
		if (within(addr, size, m->stack[f], STACK_BYTES))
			return true;
	for (u32 i = 0; i < MAP_ENTRIES; i++)
		if (within(addr, size, m->element[i], VALUE_SIZE))
			return true;
	if (m->g->has_packet && within(addr, size, m->packet, PACKET_LEN))
		return true;
	if (m->record && within(addr, size, m->record, RECORD_LEN))
		return true;
	return within(addr, size, m->ctx, CTX_LEN);
}

static bool in_number(const struct bpf_reg_state *r, u64 v)
{
	return (v & ~r->var_off.mask) == r->var_off.value && v >= r->umin_value &&
	       v <= r->umax_value && (s64)v >= r->smin_value && (s64)v <= r->smax_value &&
	       (u32)v >= r->u32_min_value && (u32)v <= r->u32_max_value &&
	       (s32)v >= r->s32_min_value && (s32)v <= r->s32_max_value;
}

/* Whether @v is a pointer to @base plus what is known of its offset. */
static bool at(const struct bpf_reg_state *r, u64 v, u64 base)
{
	return in_number(r, v - base - (u64)(s64)r->off);
}

static bool holds(struct machine *m, const struct bpf_reg_state *r, u64 v)
{
	u64 packet = (u64)(unsigned long)m->packet;

	if (!v && (r->type & PTR_MAYBE_NULL))
		return true;
	switch (base_type(r->type)) {
	case NOT_INIT:
		return true; /* nothing is claimed */
	case SCALAR_VALUE:
		return in_number(r, v);
	case PTR_TO_STACK:
		return r->frameno <= m->depth && at(r, v, frame_top(m, r->frameno));
	case PTR_TO_CTX:
		return at(r, v, (u64)(unsigned long)m->ctx);
	case PTR_TO_MAP_VALUE:
		for (u32 i = 0; i < MAP_ENTRIES; i++)
			if (at(r, v, (u64)(unsigned long)m->element[i]))
				return true;
		return false;
	case PTR_TO_PACKET:
		/* .range bytes behind the fixed part of the offset have been compared with the end */
		return at(r, v, packet) &&
		       (r->range <= 0 ||
			v - (u64)(s64)r->off + (u64)(s64)r->range <= packet + PACKET_LEN);
	case PTR_TO_PACKET_END:
		return v == packet + PACKET_LEN;
	case PTR_TO_MEM:
		return m->record && at(r, v, (u64)(unsigned long)m->record);
	case CONST_PTR_TO_MAP:
		return v == (u64)(unsigned long)m->map || v == (u64)(unsigned long)m->ring;
	}
	return true;
}

static bool fits(struct machine *m, const struct known *k, u16 live, u32 *bad)
{
	if (k->curframe != m->depth)
		return false;
	for (u32 f = 1; f <= m->depth; f++)
		if (k->callsite[f] != m->frame[f].callsite)
			return false;
	for (u32 r = 0; r < BPF_REG_10; r++)
		if (live & BIT(r) && !holds(m, &k->regs[r], m->reg[r])) {
			*bad = r;
			return false;
		}
	return true;
}

static int violated(struct machine *m, const char *what)
{
	char *out = m->c->why;
	size_t room = sizeof(m->c->why), n;

	n = (size_t)snprintf(out, room, "at instruction %u: %s;", m->pc, what);
	for (u32 r = 0; r < BPF_REG_10 && n < room; r++)
		n += (size_t)snprintf(out + n, room - n, " R%u=%llx", r,
				      (unsigned long long)m->reg[r]);
	return -1;
}

/* Is there a recorded state that holds what the registers are? */
static int check_state(struct machine *m)
{
	const struct trace *t = m->c->trace;
	const struct known *last = NULL;
	char text[400];
	u32 bad = 0;

	for (const struct known *k = t->at[m->pc]; k; k = k->next) {
		bad = MAX_BPF_REG;
		if (fits(m, k, t->live[m->pc], &bad))
			return 0;
		if (bad < MAX_BPF_REG)
			last = k;
	}
	if (!last)
		return violated(m, "the verifier was never here with these frames");
	for (bad = 0; bad < BPF_REG_10; bad++)
		if (t->live[m->pc] & BIT(bad) && !holds(m, &last->regs[bad], m->reg[bad]))
			break;
	snprintf(
		text, sizeof(text),
		"R%u=%llx is in no recorded state (one: type %x off %d u64 [%llx, %llx] s64 [%llx, "
		"%llx] u32 [%x, %x] s32 [%x, %x] tnum (%llx; %llx))",
		bad, (unsigned long long)m->reg[bad], last->regs[bad].type, last->regs[bad].off,
		(unsigned long long)last->regs[bad].umin_value,
		(unsigned long long)last->regs[bad].umax_value,
		(unsigned long long)last->regs[bad].smin_value,
		(unsigned long long)last->regs[bad].smax_value, last->regs[bad].u32_min_value,
		last->regs[bad].u32_max_value, (u32)last->regs[bad].s32_min_value,
		(u32)last->regs[bad].s32_max_value,
		(unsigned long long)last->regs[bad].var_off.value,
		(unsigned long long)last->regs[bad].var_off.mask);
	return violated(m, text);
}

static u32 bytes_of(u8 code)
{
	static const u8 bytes[] = { 4, 2, 1, 8 };

	return bytes[BPF_SIZE(code) >> 3];
}

/* Loads of the context: pointers to the packet, numbers elsewhere. */
static u64 load_ctx(struct machine *m, u64 off, u32 size)
{
	u64 v = 0;

	if (size == 4 && m->g->has_packet && off == m->data_off)
		return (u64)(unsigned long)m->packet;
	if (size == 4 && m->g->has_packet && off == m->end_off)
		return (u64)(unsigned long)m->packet + PACKET_LEN;
	memcpy(&v, m->ctx + off, size);
	return v;
}

static int memory(struct machine *m, const struct bpf_insn *in, u64 addr)
{
	u32 size = bytes_of(in->code);
	u64 ctx = (u64)(unsigned long)m->ctx, v = 0;

	if (!allowed(m, addr, size)) {
		char text[100];

		snprintf(text, sizeof(text), "access of %u bytes at %llx is outside every object",
			 size, (unsigned long long)addr);
		return violated(m, text);
	}
	switch (BPF_CLASS(in->code)) {
	case BPF_LDX:
		if (within(addr, size, m->ctx, CTX_LEN))
			v = load_ctx(m, addr - ctx, size);
		else
			memcpy(&v, (void *)addr, size);
		m->reg[in->dst_reg] =
			BPF_MODE(in->code) == BPF_MEMSX ? alu_sext(v, (int)size * 8) : v;
		return 0;
	case BPF_ST:
		v = (u64)(s64)in->imm;
		memcpy((void *)addr, &v, size);
		return 0;
	}
	if (BPF_MODE(in->code) != BPF_ATOMIC) {
		memcpy((void *)addr, &m->reg[in->src_reg], size);
		return 0;
	}
	v = alu_atomic(in, (void *)addr, m->reg[in->src_reg], m->reg[0]);
	if (in->imm == BPF_CMPXCHG)
		m->reg[0] = v;
	else if (in->imm == BPF_LOAD_ACQ)
		m->reg[in->dst_reg] = v;
	else if (in->imm & BPF_FETCH)
		m->reg[in->src_reg] = v;
	return 0;
}

/* 0 to go on, 1 when the program has ended, -1 violated. */
static int step(struct machine *m)
{
	const struct bpf_insn *in = &m->g->insn[m->pc];
	u64 src = BPF_SRC(in->code) == BPF_X ? m->reg[in->src_reg] : (u64)(s64)in->imm;
	const struct bpf_func_proto *helper;
	s32 off = in->off;

	switch (BPF_CLASS(in->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		m->reg[in->dst_reg] = alu_eval(in, m->reg[in->dst_reg], src);
		break;
	case BPF_LDX:
		if (memory(m, in, m->reg[in->src_reg] + (u64)(s64)in->off))
			return -1;
		break;
	case BPF_STX:
		if (BPF_MODE(in->code) == BPF_ATOMIC && in->imm == BPF_LOAD_ACQ) {
			if (memory(m, in, m->reg[in->src_reg] + (u64)(s64)in->off))
				return -1;
			break;
		}
		/* fall through */
	case BPF_ST:
		if (memory(m, in, m->reg[in->dst_reg] + (u64)(s64)in->off))
			return -1;
		break;
	case BPF_LD:
		if (BPF_MODE(in->code) != BPF_IMM)
			return 1; /* legacy packet loads end the comparison */
		if (in->src_reg == BPF_PSEUDO_MAP_FD)
			m->reg[in->dst_reg] =
				(u64)(unsigned long)(in->imm == PROGEN_MAP ? m->map : m->ring);
		else if (!in->src_reg)
			m->reg[in->dst_reg] = insn_imm64(in);
		else
			return 1;
		m->pc++;
		break;
	default:
		switch (BPF_OP(in->code)) {
		case BPF_JA:
			m->pc += (u32)(BPF_CLASS(in->code) == BPF_JMP32 ? in->imm : off);
			break;
		case BPF_JCOND: /* may_goto: goes on for ever; the limit of steps ends it */
			if (m->c->steps & 64)
				m->pc += (u32)off;
			break;
		case BPF_EXIT:
			if (!m->depth)
				return 1;
			memcpy(&m->reg[6], m->frame[m->depth].saved, sizeof(m->frame[0].saved));
			m->pc = (u32)m->frame[m->depth].callsite;
			m->depth--;
			m->reg[10] = frame_top(m, m->depth);
			break;
		case BPF_CALL:
			if (in->src_reg == BPF_PSEUDO_CALL) {
				if (++m->depth == MAX_CALL_FRAMES)
					return violated(m, "more frames than there can be");
				memcpy(m->frame[m->depth].saved, &m->reg[6],
				       sizeof(m->frame[0].saved));
				m->frame[m->depth].callsite = (s32)m->pc;
				m->reg[10] = frame_top(m, m->depth);
				m->pc += (u32)in->imm;
				break;
			}
			helper = in->src_reg ? NULL : bpf_helper_proto((u32)in->imm);
			switch (in->src_reg ? 0 : in->imm) {
			case BPF_FUNC_map_lookup_elem:
				if (m->reg[1] == (u64)(unsigned long)m->map &&
				    !allowed(m, m->reg[2], 4))
					return violated(m, "key outside every object");
				break;
			case BPF_FUNC_ringbuf_reserve:
				break;
			case BPF_FUNC_ringbuf_submit:
			case BPF_FUNC_ringbuf_discard:
				if (!m->record || m->reg[1] != (u64)(unsigned long)m->record)
					return violated(m, "gives back what is not the record");
				break;
			default:
				return 1; /* another call: the comparison ends here */
			}
			m->reg[0] = helper->func(m->reg[1], m->reg[2], m->reg[3], m->reg[4],
						 m->reg[5], &m->run);
			if (in->imm == BPF_FUNC_ringbuf_reserve && m->c->steps % 3 == 0) {
				helper = bpf_helper_proto(BPF_FUNC_ringbuf_discard);
				if (m->reg[0])
					helper->func(m->reg[0], 0, 0, 0, 0, &m->run);
				m->reg[0] = 0;
			}
			if (in->imm == BPF_FUNC_ringbuf_reserve)
				m->record = (u8 *)m->reg[0];
			else if (in->imm != BPF_FUNC_map_lookup_elem)
				m->record = NULL;
			for (u32 r = 1; r < 6; r++) /* nobody may rely on these */
				m->reg[r] = 0xdead000000000000ULL + r;
			break;
		default:
			if (alu_cond(in, m->reg[in->dst_reg], src))
				m->pc += (u32)off;
		}
	}
	m->pc++;
	return 0;
}

int checking_run(struct checking *c, const struct gen *g, u64 seed)
{
	struct map_object *map, *ring;
	struct machine m;
	bool small = false; /* the word at hand is one byte */
	int err = 0;

	if (c->trace->overflow)
		return 0;
	memset(&m, 0, sizeof(m));
	m.c = c;
	m.g = g;
	m.data_off = g->type == BPF_PROG_TYPE_XDP ? 0 : 76;
	m.end_off = m.data_off + 4;
	map = map_get_fd(c->sys, c->map, &err);
	ring = map_get_fd(c->sys, c->ring, &err);
	if (!map || !ring)
		return -1;
	m.map = map->map;
	m.ring = ring->map;
	slot_claim(c->sys->arena, c->sys->platform, &m.run);
	for (u32 i = 0; i < MAP_ENTRIES; i++)
		m.element[i] = (u8 *)bpf_helper_proto(BPF_FUNC_map_lookup_elem)
				       ->func((u64)(unsigned long)m.map, (u64)(unsigned long)&i, 0,
					      0, 0, &m.run);
	seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (u32 i = 0; i < CTX_LEN + PACKET_LEN + MAP_ENTRIES * VALUE_SIZE; i++) {
		u8 byte;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		/* small and extreme numbers matter more than others */
		byte = (seed >> 40) % 3 ? (u8)((seed >> 20) % 5 - 2) : (u8)(seed >> 33);
		if (i % 4 == 0)
			small = (seed >> 50) % 3 == 0;
		else if (small)
			byte = 0;
		if (i < CTX_LEN)
			m.ctx[i] = byte;
		else if (i < CTX_LEN + PACKET_LEN)
			m.packet[i - CTX_LEN] = byte;
		else
			m.element[(i - CTX_LEN - PACKET_LEN) / VALUE_SIZE][i % VALUE_SIZE] = byte;
	}
	m.reg[1] = (u64)(unsigned long)m.ctx;
	m.reg[10] = frame_top(&m, 0);
	for (u32 n = 0; n < STEPS_MAX && !err; n++) {
		c->steps++;
		if (m.pc >= g->n)
			err = violated(&m, "behind the program's end");
		else if (c->sys->verifier_exact)
			err = check_state(&m);
		if (!err)
			err = step(&m);
	}
	if (m.record)
		bpf_helper_proto(BPF_FUNC_ringbuf_discard)
			->func((u64)(unsigned long)m.record, 0, 0, 0, 0, &m.run);
	slot_release(&m.run);
	object_put(&map->obj);
	object_put(&ring->obj);
	return err < 0 ? -1 : 0;
}
