/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/x86_insn.h"

#include <errno.h>
#include <string.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

/*
 * What follows an opcode, a letter each: '.' nothing, m ModRM, b an 8-bit immediate, B ModRM
 * and 8 bits, z 16 or 32 bits by operand size, Z ModRM and that, v up to 64 bits, w 16 bits,
 * e 16 and 8 bits, o an offset of address size, d 32 bits always, g and G groups 3 (an
 * immediate for the test forms only), p a prefix, x no instruction.
 */
static const char map_1b[256 + 1] = "mmmmbzxxmmmmbzxp"	/* 00 */
				    "mmmmbzxxmmmmbzxx"	/* 10 */
				    "mmmmbzpxmmmmbzpx"	/* 20 */
				    "mmmmbzpxmmmmbzpx"	/* 30 */
				    "pppppppppppppppp"	/* 40 */
				    "................"	/* 50 */
				    "xxpmppppzZbB...."	/* 60 */
				    "bbbbbbbbbbbbbbbb"	/* 70 */
				    "BZxBmmmmmmmmmmmm"	/* 80 */
				    "..........x....."	/* 90 */
				    "oooo....bz......"	/* a0 */
				    "bbbbbbbbvvvvvvvv"	/* b0 */
				    "BBw.ppBZe.w..bx."	/* c0 */
				    "mmmmxxx.mmmmmmmm"	/* d0 */
				    "bbbbbbbbddxb...."	/* e0 */
				    "p.pp..gG......mm"; /* f0 */

static const char map_0f[256 + 1] = "mmmmx.....x.xm.B"	/* 00 */
				    "mmmmmmmmmmmmmmmm"	/* 10 */
				    "mmmmxxxxmmmmmmmm"	/* 20 */
				    "......x.pxpxxxxx"	/* 30 */
				    "mmmmmmmmmmmmmmmm"	/* 40 */
				    "mmmmmmmmmmmmmmmm"	/* 50 */
				    "mmmmmmmmmmmmmmmm"	/* 60 */
				    "BBBBmmm.mmxxmmmm"	/* 70 */
				    "dddddddddddddddd"	/* 80 */
				    "mmmmmmmmmmmmmmmm"	/* 90 */
				    "...mBmmm...mBmmm"	/* a0 */
				    "mmmmmmmmmmBmmmmm"	/* b0 */
				    "mmBmBBBm........"	/* c0 */
				    "mmmmmmmmmmmmmmmm"	/* d0 */
				    "mmmmmmmmmmmmmmmm"	/* e0 */
				    "mmmmmmmmmmmmmmmm"; /* f0 */

struct reader {
	const u8 *p;
	u32 at, n;
};

/* A byte, or -1 beyond the end. */
static int next(struct reader *r)
{
	return r->at < r->n ? r->p[r->at++] : -1;
}

static bool number(struct reader *r, u32 size, s64 *out)
{
	u64 v = 0;

	if (r->n - r->at < size)
		return false;
	for (u32 i = 0; i < size; i++)
		v |= (u64)r->p[r->at + i] << (8 * i);
	r->at += size;
	*out = size == 8 ? (s64)v : (s64)(v << (64 - 8 * size)) >> (64 - 8 * size);
	return true;
}

/* ModRM, SIB, displacement. */
static bool operand(struct reader *r, struct x86_insn *in)
{
	int c = next(r);
	u8 mod, rm;
	s64 disp;

	if (c < 0)
		return false;
	in->modrm = (u8)c;
	in->modrm_at = (u8)(r->at - 1);
	mod = in->modrm >> 6;
	rm = in->modrm & 7;
	if (mod == 3)
		return true;
	if (rm == 4) {
		c = next(r);
		if (c < 0)
			return false;
		in->sib = (u8)c;
		in->sib_at = (u8)(r->at - 1);
	}
	if (mod == 1)
		in->disp_size = 1;
	else if (mod == 2 || rm == 5 || (in->sib_at && (in->sib & 7) == 5))
		in->disp_size = 4;
	in->rip_relative = mod == 0 && rm == 5;
	if (!in->disp_size)
		return true;
	in->disp_at = (u8)r->at;
	if (!number(r, in->disp_size, &disp))
		return false;
	in->disp = (s32)disp;
	return true;
}

static bool immediate(struct reader *r, struct x86_insn *in, u32 size)
{
	in->imm_at = (u8)r->at;
	in->imm_size = (u8)size;
	return number(r, size, &in->imm);
}

/* What the letter of an opcode says. */
static bool rest(struct reader *r, struct x86_insn *in, char what)
{
	bool wide = in->rex & 8;
	u32 z = in->opsize && !wide ? 2 : 4;
	s64 more;

	switch (what) {
	case '.':
		return true;
	case 'm':
		return operand(r, in);
	case 'b':
		return immediate(r, in, 1);
	case 'B':
		return operand(r, in) && immediate(r, in, 1);
	case 'z':
		return immediate(r, in, z);
	case 'Z':
		return operand(r, in) && immediate(r, in, z);
	case 'v':
		return immediate(r, in, wide ? 8 : z);
	case 'w':
		return immediate(r, in, 2);
	case 'e':
		return immediate(r, in, 2) && number(r, 1, &more);
	case 'o':
		return immediate(r, in, in->addrsize ? 4 : 8);
	case 'd':
		return immediate(r, in, 4);
	case 'g':
		return operand(r, in) && ((in->modrm >> 3 & 7) > 1 || immediate(r, in, 1));
	case 'G':
		return operand(r, in) && ((in->modrm >> 3 & 7) > 1 || immediate(r, in, z));
	}
	return false;
}

static char vex_letter(u32 map, u8 opcode)
{
	switch (map) {
	case 1: /* as without VEX, but that all have operands */
		if (opcode == 0x77)
			return '.';
		return map_0f[opcode] == 'B' ? 'B' : 'm';
	case 2:
	case 5:
	case 6:
	case 9:
		return 'm';
	case 3:
	case 8:
		return 'B';
	case 10:
		return 'Z';
	}
	return 'x';
}

/* VEX (c4, c5), XOP (8f), EVEX (62): the first byte has been read. */
static bool vex(struct reader *r, struct x86_insn *in, int first)
{
	u32 more = first == 0xc5 ? 1 : first == 0x62 ? 3 : 2, map = 1;
	int c;

	if (in->rex || in->opsize || in->rep || in->lock)
		return false;
	in->vex = (u8)(more + 1);
	for (u32 i = 0; i < more; i++) {
		c = next(r);
		if (c < 0)
			return false;
		if (i == 0 && first != 0xc5)
			map = first == 0x62 ? c & 7 : c & 31;
	}
	c = next(r);
	if (c < 0)
		return false;
	in->opcode = (u8)c;
	in->opcode_at = (u8)(r->at - 1);
	in->map = map == 1 ? X86_MAP_0F :
		  map == 2 ? X86_MAP_0F38 :
		  map == 3 ? X86_MAP_0F3A :
			     X86_MAP_OTHER;
	return (first == 0x8f) == (map >= 8) && rest(r, in, vex_letter(map, in->opcode));
}

static bool decode(struct reader *r, struct x86_insn *in)
{
	char what;
	int c;

	for (;;) {
		c = next(r);
		if (c == 0x66)
			in->opsize = true;
		else if (c == 0x67)
			in->addrsize = true;
		else if (c == 0xf0)
			in->lock = true;
		else if (c == 0xf2 || c == 0xf3)
			in->rep = (u8)c;
		else if (c == 0x26 || c == 0x2e || c == 0x36 || c == 0x3e || c == 0x64 || c == 0x65)
			in->segment = (u8)c;
		else
			break;
	}
	if (c >= 0x40 && c <= 0x4f) { /* counts only right in front of the opcode */
		in->rex = (u8)c;
		c = next(r);
	}
	if (c < 0)
		return false;
	in->opcode = (u8)c;
	in->opcode_at = (u8)(r->at - 1);
	if (c == 0xc4 || c == 0xc5 || c == 0x62)
		return vex(r, in, c);
	if (c == 0x8f && r->at < r->n && (r->p[r->at] & 31) >= 8)
		return vex(r, in, c);
	if (c != 0x0f) {
		what = map_1b[c];
		return rest(r, in, what);
	}
	c = next(r);
	if (c < 0)
		return false;
	in->map = X86_MAP_0F;
	what = map_0f[c];
	if (c == 0x38 || c == 0x3a) {
		in->map = c == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
		what = c == 0x38 ? 'm' : 'B';
		c = next(r);
		if (c < 0)
			return false;
	}
	in->opcode = (u8)c;
	in->opcode_at = (u8)(r->at - 1);
	if (in->map == X86_MAP_0F && c == 0x78 && (in->opsize || in->rep == 0xf2)) {
		s64 more; /* extrq, insertq: two immediates */

		return operand(r, in) && immediate(r, in, 1) && number(r, 1, &more);
	}
	return rest(r, in, what);
}

int x86_decode(const u8 *bytes, u32 n, struct x86_insn *in)
{
	struct reader r = { bytes, 0, min_t(u32, n, X86_INSN_MAX) };

	memset(in, 0, sizeof(*in));
	if (!decode(&r, in))
		return -ENOEXEC;
	in->len = (u8)r.at;
	return 0;
}

/* ---- probes ---- */

/*
 * Opcodes that Linux refuses: those that are no instruction, that an ordinary process
 * cannot execute, that enter the kernel. It looks at the last byte of the opcode in the table
 * of one-byte opcodes, for VEX too, and else, for two bytes, in that of the second.
 */
static bool in_ranges(const u8 (*ranges)[2], u32 n, u8 opcode)
{
	for (u32 i = 0; i < n; i++)
		if (opcode >= ranges[i][0] && opcode <= ranges[i][1])
			return true;
	return false;
}

static bool refused_1b(u8 opcode)
{
	static const u8 refused[][2] = {
		{ 0x06, 0x07 }, { 0x0e, 0x0e }, { 0x16, 0x17 }, { 0x1e, 0x1f }, { 0x27, 0x27 },
		{ 0x2f, 0x2f }, { 0x37, 0x37 }, { 0x3f, 0x3f }, { 0x60, 0x62 }, { 0x6c, 0x6f },
		{ 0x82, 0x82 }, { 0x9a, 0x9a }, { 0xcc, 0xcf }, { 0xd4, 0xd6 }, { 0xe4, 0xe7 },
		{ 0xea, 0xea }, { 0xec, 0xef }, { 0xf1, 0xf1 }, { 0xf4, 0xf4 }, { 0xfa, 0xfb },
	};

	return in_ranges(refused, ARRAY_SIZE(refused), opcode);
}

static bool refused(const struct x86_insn *in)
{
	if (in->lock || (in->segment && in->segment != 0x64 && in->segment != 0x65))
		return true;
	if (in->map != X86_MAP_1B && !in->vex)
		return false;
	/* mov to %ss holds back interrupts behind it */
	if (!in->vex && in->opcode == 0x8e && (in->modrm >> 3 & 7) == 2)
		return true;
	return refused_1b(in->opcode);
}

static bool is_call(const struct x86_insn *in)
{
	return !in->vex && in->map == X86_MAP_1B &&
	       (in->opcode == 0xe8 || (in->opcode == 0xff && (in->modrm >> 3 & 7) == 2));
}

/* A memory operand relative to the stack pointer. */
static bool on_stack(const struct x86_insn *in)
{
	return in->sib_at && (in->sib & 7) == 4 && !(in->rex & 1);
}

static int kind_of(const struct x86_insn *in, enum x86_kind *kind)
{
	bool branch = is_call(in);

	*kind = X86_COPY;
	if (in->vex)
		return 0;
	if (in->map == X86_MAP_0F) {
		if (in->opcode == 0x1e && in->rep == 0xf3 && in->modrm == 0xfa)
			*kind = X86_NOP; /* endbr64 */
		else if (in->opcode == 0x1f)
			*kind = X86_NOP;
		else if ((in->opcode & 0xf0) == 0x80)
			*kind = X86_JCC;
	} else if (in->map == X86_MAP_1B) {
		if (in->opcode == 0x90 && !(in->rex & 1))
			*kind = X86_NOP;
		else if ((in->opcode & 0xf0) == 0x70)
			*kind = X86_JCC;
		else if (in->opcode >= 0xe0 && in->opcode <= 0xe3)
			*kind = X86_LOOP;
		else if (in->opcode == 0xe9 || in->opcode == 0xeb)
			*kind = X86_JUMP;
		else if (in->opcode == 0xc7 && in->modrm == 0xf8)
			*kind = X86_XBEGIN;
		else if (in->opcode == 0xff && (in->modrm >> 3 & 7) == 3)
			return -ENOTSUPP; /* far call: would push the address of the copy */
	}
	branch |= *kind != X86_COPY && *kind != X86_NOP;
	/* Processors differ on what 0x66 means for branches; 0x67 makes addresses wrap. */
	if (branch && (in->opsize || in->addrsize))
		return -ENOTSUPP;
	/* Calls by what the call itself overwrites, or %rsp. */
	if (is_call(in) && in->opcode == 0xff &&
	    (in->modrm >> 6 == 3 ? (in->modrm & 7) == 4 && !(in->rex & 1) :
				   on_stack(in) && (in->disp < 0 || in->sib >> 3 != 4)))
		return -ENOTSUPP;
	return 0;
}

int x86_probe_check(const u8 *bytes, u32 n, struct x86_insn *in, enum x86_kind *kind)
{
	int err;

	if (n && bytes[0] == 0xcc)
		return -ENOTSUPP;
	err = x86_decode(bytes, n, in);
	if (err) /* what is no instruction Linux finds in its lists */
		return n < X86_INSN_MAX ? err : -ENOTSUPP;
	if (refused(in))
		return -ENOTSUPP;
	return kind_of(in, kind);
}

static void put(struct x86_slot *slot, const void *bytes, u32 n)
{
	memcpy(slot->code + slot->len, bytes, n);
	slot->len += (u8)n;
}

static int move_operand(const struct x86_insn *in, u64 from, u64 to, u8 *disp_at)
{
	s64 disp = (s64)(in->disp + (from - to));
	s32 disp32 = (s32)disp;

	if (disp != disp32)
		return -ERANGE;
	memcpy(disp_at, &disp32, sizeof(disp32));
	return 0;
}

/* push behind(%rip); jmp ...: a call with the return address that it would have pushed. */
static int relocate_call(const struct x86_insn *in, const u8 *bytes, u64 from, u64 to,
			 struct x86_slot *slot)
{
	u8 push[6] = { 0xff, 0x35 }, jump[16] = { 0xff, 0x25 };
	u64 behind = from + in->len, target = behind + (u64)in->imm;
	u32 n = 6, off;

	if (in->opcode == 0xff) {
		n = in->len;
		memcpy(jump, bytes, n);
		jump[in->modrm_at] = (u8)((in->modrm & 0xc7) | 4 << 3);
		if (in->modrm >> 6 != 3 && on_stack(in)) { /* which has moved meanwhile */
			s32 disp = in->disp + 8;

			jump[in->modrm_at] = (u8)(jump[in->modrm_at] & 0x3f) | 0x80;
			memcpy(jump + in->sib_at + 1, &disp, sizeof(disp));
			n = in->sib_at + 1 + (u32)sizeof(disp);
		} else if (in->rip_relative &&
			   move_operand(in, from, to + sizeof(push), jump + in->disp_at)) {
			return -ERANGE;
		}
	}
	off = n; /* from the end of the push to the address behind the jump */
	memcpy(push + 2, &off, sizeof(off));
	slot->second = sizeof(push);
	slot->pushed = true;
	put(slot, push, sizeof(push));
	if (in->opcode == 0xe8) {
		off = 8;
		memcpy(jump + 2, &off, sizeof(off));
	}
	put(slot, jump, n);
	put(slot, &behind, sizeof(behind));
	if (in->opcode == 0xe8)
		put(slot, &target, sizeof(target));
	return 0;
}

int x86_relocate(const struct x86_insn *in, const u8 *bytes, u64 from, u64 to,
		 struct x86_slot *slot)
{
	static const u8 jump[] = { 0xff, 0x25, 0, 0, 0, 0 }; /* jmp *0(%rip) */
	u64 behind = from + in->len;

	memset(slot, 0, sizeof(*slot));
	if (is_call(in))
		return relocate_call(in, bytes, from, to, slot);
	put(slot, bytes, in->len);
	if (in->rip_relative && move_operand(in, from, to, slot->code + in->disp_at))
		return -ERANGE;
	slot->second = in->len;
	put(slot, jump, sizeof(jump));
	put(slot, &behind, sizeof(behind));
	return 0;
}
