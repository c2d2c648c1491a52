/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that access memory and call helpers in right and wrong ways:
 * CASE(name, program type, instructions). What Linux says to each is recorded in
 * access_expected.h.
 */

/* r0 = the value of key 0 of array map @m; r0 NULL goes on at @null further instructions */
#define LOOKUP(m) STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, m), CALL(map_lookup_elem)
/* with a key that the verifier cannot know */
#define LOOKUP_ANY(m)                                                                              \
	CALL(get_prandom_u32), ST(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, m),            \
		CALL(map_lookup_elem)
/* XDP: r2 = data, r3 = data_end of context r1 */
#define PKT LD(W, 2, 1, 0), LD(W, 3, 1, 4)
/* SCHED_CLS */
#define SKB LD(W, 2, 1, 76), LD(W, 3, 1, 80)

/* ---- stack ---- */
CASE("stack write and read", SOCKET_FILTER, STK(DW, 10, -8, 7), LD(DW, 0, 10, -8), EXIT)
CASE("stack read uninit", XDP, LD(DW, 0, 10, -8), EXIT)
CASE("stack read uninit byte", XDP, LD(B, 0, 10, -1), EXIT)
CASE("stack read partly init", XDP, STK(W, 10, -8, 7), LD(DW, 0, 10, -8), EXIT)
CASE("stack above", XDP, STK(DW, 10, 0, 7), RET(0))
CASE("stack above by one", XDP, STK(W, 10, -2, 7), RET(0))
CASE("stack below", XDP, STK(DW, 10, -520, 7), RET(0))
CASE("stack bottom", XDP, STK(DW, 10, -512, 7), RET(0))
CASE("stack misaligned", XDP, STK(DW, 10, -12, 7), RET(0))
CASE("stack misaligned word", XDP, STK(W, 10, -6, 7), RET(0))
CASE("stack spill ctx", XDP, ST(DW, 10, -8, 1), LD(DW, 1, 10, -8), LD(W, 0, 1, 12), RET(0))
CASE("stack spill half", XDP, ST(W, 10, -8, 1), RET(0))
CASE("stack fill half", XDP, ST(DW, 10, -8, 1), LD(W, 0, 10, -8), RET(0))
CASE("stack corrupt spill", XDP, ST(DW, 10, -8, 1), STK(B, 10, -8, 1), LD(DW, 1, 10, -8),
     LD(W, 0, 1, 12), RET(0))
CASE("stack spilled scalar keeps bounds", XDP, CALL(get_prandom_u32), ANDK(0, 7),
     ST(DW, 10, -16, 0), LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3), LD(DW, 1, 10, -16), ADDX(0, 1),
     LD(B, 0, 0, 0), RET(0))
CASE("stack spilled word keeps bounds", XDP, CALL(get_prandom_u32), ANDK(0, 7), ST(W, 10, -16, 0),
     LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3), LD(W, 1, 10, -16), ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("stack sub-slot write loses bounds", XDP, CALL(get_prandom_u32), ANDK(0, 7),
     ST(DW, 10, -16, 0), STK(B, 10, -15, 1), LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3),
     LD(DW, 1, 10, -16), ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("stack zero bytes are zero", XDP, STK(B, 10, -15, 0), STK(B, 10, -16, 0), LOOKUP_ANY(M_ARRAY),
     JK(JEQ, 0, 0, 3), LD(H, 1, 10, -16), ADDX(0, 1), LD(DW, 0, 0, 40), RET(0))
CASE("stack misc bytes are unknown", XDP, STK(B, 10, -15, 1), STK(B, 10, -16, 0),
     LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3), LD(H, 1, 10, -16), ADDX(0, 1), LD(DW, 0, 0, 40), RET(0))
CASE("stack variable read", XDP, STK(DW, 10, -8, 0), STK(DW, 10, -16, 0), CALL(get_prandom_u32),
     ANDK(0, 8), MOVX(1, 10), ADDK(1, -16), ADDX(1, 0), LD(DW, 0, 1, 0), RET(0))
CASE("stack variable read uninit", XDP, STK(DW, 10, -16, 0), CALL(get_prandom_u32), ANDK(0, 8),
     MOVX(1, 10), ADDK(1, -16), ADDX(1, 0), LD(DW, 0, 1, 0), RET(0))
CASE("stack variable write", XDP, STK(DW, 10, -8, 0), STK(DW, 10, -16, 0), CALL(get_prandom_u32),
     ANDK(0, 8), MOVX(1, 10), ADDK(1, -16), ADDX(1, 0), STK(DW, 1, 0, 5), LD(DW, 0, 10, -8), RET(0))
CASE("stack variable out of bounds", XDP, CALL(get_prandom_u32), ANDK(0, 8), MOVX(1, 10),
     ADDK(1, -8), ADDX(1, 0), STK(DW, 1, 0, 5), RET(0))
CASE("stack variable unbounded", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), LD(DW, 2, 0, 0),
     MOVX(1, 10), ADDX(1, 2), STK(B, 1, 0, 5), RET(0))
CASE("stack variable write destroys spill", XDP, ST(DW, 10, -8, 1), STK(DW, 10, -16, 0), MOVX(6, 1),
     CALL(get_prandom_u32), ANDK(0, 8), MOVX(1, 10), ADDK(1, -16), ADDX(1, 0), STK(DW, 1, 0, 5),
     LD(DW, 1, 10, -8), LD(W, 0, 1, 0), RET(0))
CASE("stack atomic", XDP, STK(DW, 10, -8, 1), MOVK(0, 1), ATOM(DW, BPF_ADD, 10, -8, 0), RET(0))
CASE("stack atomic uninit", XDP, MOVK(0, 1), ATOM(DW, BPF_ADD, 10, -8, 0), RET(0))
CASE("stack atomic fetch", XDP, STK(DW, 10, -8, 1), MOVK(1, 1),
     ATOM(DW, BPF_ADD | BPF_FETCH, 10, -8, 1), MOVX(0, 1), RET(0))
CASE("stack sign-extending load", XDP, STK(B, 10, -8, -1), LDS(B, 0, 10, -8), RET(0))
CASE("stack sign-extending load of nothing", XDP, LDS(W, 0, 10, -8), RET(0))
CASE("stack pointer returned by function", XDP, CALLSUB(2), RET(0), MOVX(0, 10), EXIT)
CASE("stack of the caller read", XDP, STK(DW, 10, -8, 3), MOVX(1, 10), ADDK(1, -8), CALLSUB(2),
     RET(0), LD(DW, 0, 1, 0), EXIT)
CASE("stack of the caller written", XDP, MOVX(1, 10), ADDK(1, -8), CALLSUB(3), LD(DW, 0, 10, -8),
     RET(0), STK(DW, 1, 0, 4), RET(0))
CASE("stack pointer spilled into caller", XDP, MOVX(1, 10), ADDK(1, -8), CALLSUB(2), RET(0),
     ST(DW, 1, 0, 10), RET(0))

/* ---- context ---- */
CASE("ctx read", XDP, LD(W, 0, 1, 12), RET(0))
CASE("ctx read beyond", XDP, LD(W, 0, 1, 24), RET(0))
CASE("ctx read negative", XDP, LD(W, 0, 1, -4), RET(0))
CASE("ctx read misaligned", XDP, LD(W, 0, 1, 13), RET(0))
CASE("ctx read wide", XDP, LD(DW, 0, 1, 16), RET(0))
CASE("ctx read narrow", XDP, LD(B, 0, 1, 12), RET(0))
CASE("ctx write", XDP, MOVK(0, 1), ST(W, 1, 12, 0), RET(0))
CASE("ctx write pointer", SCHED_CLS, ST(W, 1, 8, 1), RET(0))
CASE("ctx write mark", SCHED_CLS, MOVK(0, 1), ST(W, 1, 8, 0), RET(0))
CASE("ctx write mark imm", SCHED_CLS, STK(W, 1, 8, 3), RET(0))
CASE("ctx write len", SCHED_CLS, STK(W, 1, 0, 3), RET(0))
CASE("ctx write mark narrow", SCHED_CLS, STK(B, 1, 8, 3), RET(0))
CASE("ctx filter write mark", SOCKET_FILTER, STK(W, 1, 8, 3), RET(0))
CASE("ctx filter write cb", SOCKET_FILTER, STK(W, 1, 48, 3), RET(0))
CASE("ctx filter read data", SOCKET_FILTER, LD(W, 0, 1, 76), RET(0))
CASE("ctx skb narrow", SCHED_CLS, LD(B, 0, 1, 9), LD(H, 0, 1, 2), RET(0))
CASE("ctx skb narrow misaligned", SCHED_CLS, LD(H, 0, 1, 1), RET(0))
CASE("ctx skb wide cb", SCHED_CLS, LD(DW, 0, 1, 48), RET(0))
CASE("ctx skb tstamp", SCHED_CLS, LD(DW, 0, 1, 152), RET(0))
CASE("ctx moved pointer", SCHED_CLS, ADDK(1, 4), LD(W, 0, 1, 0), RET(0))
CASE("ctx moved back", SCHED_CLS, ADDK(1, -4), LD(W, 0, 1, 4), RET(0))
CASE("ctx variable pointer", SCHED_CLS, MOVX(6, 1), CALL(get_prandom_u32), ANDK(0, 4), ADDX(6, 0),
     LD(W, 0, 6, 0), RET(0))
CASE("ctx atomic", SCHED_CLS, MOVK(0, 1), ATOM(W, BPF_ADD, 1, 8, 0), RET(0))
CASE("ctx sign-extending load", SCHED_CLS, LDS(W, 0, 1, 8), RET(0))
CASE("ctx sign-extending load of data", SCHED_CLS, LDS(W, 0, 1, 76), RET(0))
CASE("ctx data read narrow", XDP, LD(H, 0, 1, 0), RET(0))
CASE("ctx or stack in one insn", SCHED_CLS, STK(W, 10, -8, 0), LD(W, 0, 1, 0), MOVX(2, 10),
     ADDK(2, -8), JK(JEQ, 0, 0, 1), MOVX(2, 1), LD(W, 0, 2, 0), RET(0))

/* ---- packet ---- */
CASE("packet checked", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1), LD(B, 0, 2, 13), RET(0))
CASE("packet checked too short", XDP, PKT, MOVX(4, 2), ADDK(4, 13), JX(JGT, 4, 3, 1),
     LD(B, 0, 2, 13), RET(0))
CASE("packet unchecked", XDP, PKT, LD(B, 0, 2, 0), RET(0))
CASE("packet wrong side", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JLE, 4, 3, 1), LD(B, 0, 2, 0),
     RET(0))
CASE("packet end read", XDP, PKT, LD(B, 0, 3, 0), RET(0))
CASE("packet end arithmetic", XDP, PKT, ADDK(3, 1), RET(0))
CASE("packet negative", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1), LD(B, 0, 2, -1),
     RET(0))
CASE("packet write", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1), STK(B, 2, 0, 1), RET(0))
CASE("packet write in tc", SCHED_CLS, SKB, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1),
     STK(B, 2, 0, 1), RET(0))
CASE("packet write pointer", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 1), ST(DW, 2, 0, 1),
     RET(0))
CASE("packet variable", XDP, PKT, MOVX(6, 2), LD(W, 5, 1, 12), ANDK(5, 63), ADDX(6, 5), MOVX(4, 6),
     ADDK(4, 8), JX(JGT, 4, 3, 1), LD(DW, 0, 6, 0), RET(0))
CASE("packet variable too far", XDP, PKT, MOVX(6, 2), LD(W, 5, 1, 12), ANDK(5, 63), ADDX(6, 5),
     MOVX(4, 6), ADDK(4, 7), JX(JGT, 4, 3, 1), LD(DW, 0, 6, 0), RET(0))
CASE("packet variable huge", XDP, PKT, MOVX(6, 2), LD(W, 5, 1, 12), ADDX(6, 5), MOVX(4, 6),
     ADDK(4, 8), JX(JGT, 4, 3, 1), LD(DW, 0, 6, 0), RET(0))
CASE("packet atomic", XDP, PKT, MOVX(4, 2), ADDK(4, 14), JX(JGT, 4, 3, 2), MOVK(5, 1),
     ATOM(DW, BPF_ADD, 2, 0, 5), RET(0))
CASE("packet pointer lost by adjust", XDP, MOVX(6, 1), PKT, MOVX(7, 2), MOVX(4, 2), ADDK(4, 14),
     JX(JGT, 4, 3, 4), MOVX(1, 6), MOVK(2, 4), CALL(xdp_adjust_head), LD(B, 0, 7, 0), RET(0))
CASE("packet to helper", XDP, PKT, MOVX(4, 2), ADDK(4, 4), JX(JGT, 4, 3, 3), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), RET(0))
CASE("packet to helper unchecked", XDP, PKT, LDMAP(1, M_ARRAY), CALL(map_lookup_elem), RET(0))
CASE("packet meta", XDP, LD(W, 2, 1, 8), LD(W, 3, 1, 0), MOVX(4, 2), ADDK(4, 4), JX(JGT, 4, 3, 1),
     LD(W, 0, 2, 0), RET(0))
CASE("packet meta unchecked", XDP, LD(W, 2, 1, 8), LD(W, 0, 2, 0), RET(0))
CASE("ld_abs", SOCKET_FILTER, MOVX(6, 1), LDABS(B, 0), EXIT)
CASE("ld_abs without r6", SOCKET_FILTER, LDABS(B, 0), EXIT)
CASE("ld_abs r6 scalar", SOCKET_FILTER, MOVK(6, 1), LDABS(B, 0), EXIT)
CASE("ld_abs in xdp", XDP, MOVX(6, 1), LDABS(B, 0), EXIT)
CASE("ld_abs double", SOCKET_FILTER, MOVX(6, 1), LDABS(DW, 0), EXIT)
CASE("ld_abs clobbers", SOCKET_FILTER, MOVX(6, 1), MOVK(2, 1), LDABS(B, 0), MOVX(0, 2), EXIT)
CASE("ld_ind", SOCKET_FILTER, MOVX(6, 1), MOVK(7, 2), LDIND(H, 7, 4), EXIT)
CASE("ld_ind uninit", SOCKET_FILTER, MOVX(6, 1), LDIND(H, 7, 4), EXIT)
CASE("ld_abs moved ctx", SCHED_CLS, MOVX(6, 1), ADDK(6, 4), LDABS(B, 0), EXIT)

/* ---- map values ---- */
CASE("map value null unchecked", XDP, LOOKUP_ANY(M_ARRAY), LD(DW, 0, 0, 0), RET(0))
CASE("map value const key", XDP, LOOKUP(M_ARRAY), LD(DW, 0, 0, 0), RET(0))
CASE("map value const key beyond", XDP, STK(W, 10, -4, 4), MOVX(2, 10), ADDK(2, -4),
     LDMAP(1, M_ARRAY), CALL(map_lookup_elem), LD(DW, 0, 0, 0), RET(0))
CASE("map value const key hash", XDP, STK(DW, 10, -8, 0), MOVX(2, 10), ADDK(2, -8),
     LDMAP(1, M_HASH), CALL(map_lookup_elem), LD(DW, 0, 0, 0), RET(0))
CASE("map value checked", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, 40), RET(0))
CASE("map value beyond", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, 48), RET(0))
CASE("map value before", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, -8), RET(0))
CASE("map value misaligned", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, 4), RET(0))
CASE("map value index", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), LD(DW, 1, 0, 0), ANDK(1, 40),
     ADDX(0, 1), LD(DW, 0, 0, 0), RET(0))
CASE("map value index beyond", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), LD(DW, 1, 0, 0),
     ANDK(1, 63), ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("map value index negative", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), LDS(B, 1, 0, 0),
     JK(JSGT, 1, 8, 2), ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("map value index unbounded", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3), LD(W, 1, 0, 0),
     ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("map value index signed only", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), LD(DW, 1, 0, 0),
     JK(JSGT, 1, 8, 2), ADDX(0, 1), LD(B, 0, 0, 0), RET(0))
CASE("map value pointer stored", XDP, MOVX(6, 1), LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1),
     ST(DW, 0, 0, 6), RET(0))
CASE("map value store", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1), STK(DW, 0, 40, 6), RET(0))
CASE("map value atomic", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), MOVK(1, 1),
     ATOM(DW, BPF_XCHG, 0, 0, 1), RET(0))
CASE("map value atomic byte", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), MOVK(1, 1),
     ATOM(B, BPF_ADD, 0, 0, 1), RET(0))
CASE("map value atomic bad op", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), MOVK(1, 1),
     ATOM(DW, 0x70, 0, 0, 1), RET(0))
CASE("map value atomic misaligned", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), MOVK(1, 1),
     ATOM(DW, BPF_ADD, 0, 4, 1), RET(0))
CASE("map value atomic cmpxchg r0", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 3), MOVX(2, 0),
     MOVK(0, 1), ATOM(DW, BPF_CMPXCHG, 2, 0, 0), RET(0))
CASE("map value load acquire", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1),
     I(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, 0, BPF_LOAD_ACQ), RET(0))
CASE("map value store release", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), MOVK(1, 2),
     I(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_STORE_REL), RET(0))
CASE("map value load acquire misaligned", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 1),
     I(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 0, 4, BPF_LOAD_ACQ), RET(0))
CASE("ctx load acquire", XDP, I(BPF_STX | BPF_ATOMIC | BPF_W, 0, 1, 12, BPF_LOAD_ACQ), RET(0))
CASE("map value in register arithmetic on null", XDP, LOOKUP_ANY(M_ARRAY), ADDK(0, 8), RET(0))
CASE("map direct value", XDP, LDVAL(1, M_ARRAY1, 0), LD(DW, 0, 1, 40), RET(0))
CASE("map direct value offset", XDP, LDVAL(1, M_ARRAY1, 8), LD(DW, 0, 1, 40), RET(0))
CASE("map direct value beyond", XDP, LDVAL(1, M_ARRAY1, 48), RET(0))
CASE("map direct value far", XDP, LDVAL(1, M_ARRAY1, 1 << 30), RET(0))
CASE("map direct value of hash", XDP, LDVAL(1, M_HASH, 0), RET(0))
CASE("map direct value of array of 4", XDP, LDVAL(1, M_ARRAY, 0), RET(0))
CASE("map const read folded", XDP, LDVAL(1, M_RODATA, 0), LD(DW, 2, 1, 0), LOOKUP(M_ARRAY), EXIT)
CASE("map const read is known", XDP, LDVAL(1, M_RODATA, 0), LD(B, 6, 1, 0), LOOKUP_ANY(M_ARRAY),
     JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(DW, 0, 0, 32), RET(0))
CASE("map const read is known too far", XDP, LDVAL(1, M_RODATA, 0), LD(B, 6, 1, 0),
     LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(DW, 0, 0, 40), RET(0))
CASE("map const read at offset", XDP, LDVAL(1, M_RODATA, 4), LD(B, 6, 1, 3), LOOKUP_ANY(M_ARRAY),
     JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(B, 0, 0, 40), RET(0))
CASE("map const read at offset too far", XDP, LDVAL(1, M_RODATA, 4), LD(B, 6, 1, 3),
     LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(B, 0, 0, 41), RET(0))
CASE("map const read sign-extended", XDP, LDVAL(1, M_RODATA, 0), LDS(H, 6, 1, 0),
     LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(B, 0, 0, 0), RET(0))
CASE("map const write", XDP, LDVAL(1, M_RODATA, 0), STK(DW, 1, 0, 0), RET(0))
CASE("map const update", XDP, STK(W, 10, -4, 0), STK(DW, 10, -16, 0), MOVX(2, 10), ADDK(2, -4),
     LDVAL(3, M_ARRAY1, 0), LDMAP(1, M_RODATA), MOVK(4, 0), CALL(map_update_elem), RET(0))
CASE("map wronly read", XDP, LOOKUP_ANY(M_WRONLY), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, 0), RET(0))
CASE("map wronly write", XDP, LOOKUP_ANY(M_WRONLY), JK(JEQ, 0, 0, 1), STK(DW, 0, 0, 0), RET(0))
CASE("map pointer read", XDP, LDMAP(1, M_ARRAY), LD(W, 0, 1, -4), RET(0))
CASE("map pointer write", XDP, LDMAP(1, M_ARRAY), STK(W, 1, 0, 4), RET(0))
CASE("map bad fd", XDP, I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, 99999),
     I(0, 0, 0, 0, 0), RET(0))
CASE("map ld_imm64 src 9", XDP, I(BPF_LD | BPF_IMM | BPF_DW, 1, 9, 0, 1), I(0, 0, 0, 0, 0), RET(0))
CASE("map ld_imm64 map with high imm", XDP,
     I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, M_ARRAY), I(0, 0, 0, 0, 1), RET(0))
CASE("map ld_imm64 last", XDP, MOVK(0, 0), I(BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 1))
CASE("map ld_imm64 idx without array", XDP,
     I(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_IDX, 0, 0), I(0, 0, 0, 0, 0), RET(0))
CASE("callback without btf", XDP, MOVK(1, 4),
     I(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 6), I(0, 0, 0, 0, 0), MOVK(3, 0),
     MOVK(4, 0), CALL(loop), RET(0), MOVK(0, 0), EXIT)
CASE("scalar dereferenced", XDP, MOVK(1, 0), LD(DW, 0, 1, 0), RET(0))
CASE("scalar written through", XDP, MOVK(1, 0), STK(DW, 1, 0, 0), RET(0))

/* ---- helpers ---- */
CASE("helper unknown", XDP, CALLID(9999), RET(0))
CASE("helper negative", XDP, CALLID(-1), RET(0))
CASE("helper zero", XDP, CALLID(0), RET(0))
CASE("helper of another type", XDP, CALL(skb_store_bytes), RET(0))
CASE("helper not for filters", SOCKET_FILTER, CALL(get_current_pid_tgid), RET(0))
CASE("helper map arg scalar", XDP, MOVK(1, 0), MOVK(2, 0), CALL(map_lookup_elem), RET(0))
CASE("helper map arg ctx", XDP, MOVX(2, 10), CALL(map_lookup_elem), RET(0))
CASE("helper map arg uninit", XDP, MOVX(2, 10), MOVX(1, 9), CALL(map_lookup_elem), RET(0))
CASE("helper key uninit stack", XDP, LDMAP(1, M_ARRAY), MOVX(2, 10), ADDK(2, -4),
     CALL(map_lookup_elem), RET(0))
CASE("helper key uninit reg", XDP, LDMAP(1, M_ARRAY), CALL(map_lookup_elem), RET(0))
CASE("helper key null", XDP, LDMAP(1, M_ARRAY), MOVK(2, 0), CALL(map_lookup_elem), RET(0))
CASE("helper key ctx", XDP, MOVX(2, 1), LDMAP(1, M_ARRAY), CALL(map_lookup_elem), RET(0))
CASE("helper key above stack", XDP, LDMAP(1, M_ARRAY), MOVX(2, 10), CALL(map_lookup_elem), RET(0))
CASE("helper key crosses top", XDP, STK(DW, 10, -8, 0), LDMAP(1, M_HASH), MOVX(2, 10), ADDK(2, -4),
     CALL(map_lookup_elem), RET(0))
CASE("helper key map pointer", XDP, LDMAP(1, M_ARRAY), LDMAP(2, M_ARRAY), CALL(map_lookup_elem),
     RET(0))
CASE("helper key value or null", XDP, LOOKUP_ANY(M_ARRAY), MOVX(2, 0), LDMAP(1, M_ARRAY),
     CALL(map_lookup_elem), RET(0))
CASE("helper key from value", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 4), MOVX(2, 0),
     LDMAP(1, M_ARRAY), CALL(map_lookup_elem), RET(0))
CASE("helper key from value end", XDP, LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 5), MOVX(2, 0),
     ADDK(2, 46), LDMAP(1, M_ARRAY), CALL(map_lookup_elem), RET(0))
CASE("helper update value short", XDP, STK(W, 10, -4, 0), STK(DW, 10, -16, 0), MOVX(2, 10),
     ADDK(2, -4), MOVX(3, 10), ADDK(3, -16), MOVK(4, 0), LDMAP(1, M_ARRAY), CALL(map_update_elem),
     RET(0))
CASE("helper update flags pointer", XDP, MOVX(4, 1), STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4),
     LDVAL(3, M_ARRAY1, 0), LDMAP(1, M_ARRAY), CALL(map_update_elem), RET(0))
CASE("helper clobbers r1", XDP, CALL(ktime_get_ns), MOVX(0, 1), EXIT)
CASE("helper keeps r6", XDP, MOVX(6, 1), CALL(ktime_get_ns), LD(W, 0, 6, 12), RET(0))
CASE("helper wrong map prog array", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4),
     LDMAP(1, M_PROGS), CALL(map_lookup_elem), RET(0))
CASE("helper wrong map perf", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_PERF),
     CALL(map_lookup_elem), RET(0))
CASE("helper wrong map tail call", XDP, LDMAP(2, M_ARRAY), MOVK(3, 0), CALL(tail_call), RET(0))
CASE("helper tail call", XDP, LDMAP(2, M_PROGS), MOVK(3, 0), CALL(tail_call), RET(0))
CASE("helper tail call without ctx", XDP, MOVX(1, 10), LDMAP(2, M_PROGS), MOVK(3, 0),
     CALL(tail_call), RET(0))
CASE("helper tail call index uninit", XDP, LDMAP(2, M_PROGS), CALL(tail_call), RET(0))
CASE("helper tail call result", XDP, LDMAP(2, M_PROGS), MOVK(3, 0), CALL(tail_call), EXIT)
CASE("helper perf output", XDP, STK(DW, 10, -8, 1), LDMAP(2, M_PERF), LD64(3, 0xffffffffULL),
     MOVX(4, 10), ADDK(4, -8), MOVK(5, 8), CALL(perf_event_output), RET(0))
CASE("helper perf output zero size", XDP, STK(DW, 10, -8, 1), LDMAP(2, M_PERF),
     LD64(3, 0xffffffffULL), MOVX(4, 10), ADDK(4, -8), MOVK(5, 0), CALL(perf_event_output), RET(0))
CASE("helper perf output negative size", XDP, STK(DW, 10, -8, 1), LDMAP(2, M_PERF),
     LD64(3, 0xffffffffULL), MOVX(4, 10), ADDK(4, -8), MOVK(5, -8), CALL(perf_event_output), RET(0))
CASE("helper perf output too large", XDP, STK(DW, 10, -8, 1), LDMAP(2, M_PERF),
     LD64(3, 0xffffffffULL), MOVX(4, 10), ADDK(4, -8), MOVK(5, 16), CALL(perf_event_output), RET(0))
CASE("helper perf output hash", XDP, STK(DW, 10, -8, 1), LDMAP(2, M_HASH), LD64(3, 0xffffffffULL),
     MOVX(4, 10), ADDK(4, -8), MOVK(5, 8), CALL(perf_event_output), RET(0))
CASE("helper size unbounded", XDP, MOVX(6, 1), CALL(get_prandom_u32), STK(DW, 10, -8, 1),
     MOVX(1, 6), LDMAP(2, M_PERF), LD64(3, 0xffffffffULL), MOVX(4, 10), ADDK(4, -8), MOVX(5, 0),
     CALL(perf_event_output), RET(0))
CASE("helper size bounded", XDP, MOVX(6, 1), CALL(get_prandom_u32), STK(DW, 10, -8, 1), MOVX(1, 6),
     LDMAP(2, M_PERF), LD64(3, 0xffffffffULL), MOVX(4, 10), ADDK(4, -8), ANDK(0, 7), MOVX(5, 0),
     CALL(perf_event_output), RET(0))
CASE("helper size signed", XDP, MOVX(6, 1), LOOKUP_ANY(M_ARRAY), JK(JEQ, 0, 0, 10), LD(DW, 7, 0, 0),
     JK(JSGT, 7, 8, 8), MOVX(1, 6), LDMAP(2, M_PERF), LD64(3, 0xffffffffULL), MOVX(4, 0),
     MOVX(5, 7), CALL(perf_event_output), RET(0))
CASE("helper raw buffer", SCHED_CLS, MOVK(2, 0), MOVX(3, 10), ADDK(3, -8), MOVK(4, 8),
     CALL(skb_load_bytes), LD(DW, 0, 10, -8), RET(0))
CASE("helper raw buffer partly", SCHED_CLS, MOVK(2, 0), MOVX(3, 10), ADDK(3, -8), MOVK(4, 4),
     CALL(skb_load_bytes), LD(DW, 0, 10, -8), RET(0))
CASE("helper raw buffer partly in filter", SOCKET_FILTER, MOVK(2, 0), MOVX(3, 10), ADDK(3, -8),
     MOVK(4, 4), CALL(skb_load_bytes), LD(DW, 0, 10, -8), RET(0))
CASE("helper raw buffer destroys spill", SCHED_CLS, MOVX(6, 1), ST(DW, 10, -8, 1), MOVK(2, 0),
     MOVX(3, 10), ADDK(3, -8), MOVK(4, 8), CALL(skb_load_bytes), LD(DW, 1, 10, -8), LD(W, 0, 1, 0),
     RET(0))
CASE("helper raw buffer variable", SCHED_CLS, MOVX(6, 1), CALL(get_prandom_u32), ANDK(0, 7),
     ADDK(0, 1), MOVX(1, 6), MOVK(2, 0), MOVX(3, 10), ADDK(3, -8), MOVX(4, 0), CALL(skb_load_bytes),
     RET(0))
CASE("helper buffer rodata", SCHED_CLS, MOVK(2, 0), LDVAL(3, M_RODATA, 0), MOVK(4, 8),
     CALL(skb_load_bytes), RET(0))
CASE("helper buffer const in", SCHED_CLS, MOVK(2, 0), LDVAL(3, M_RODATA, 0), MOVK(4, 8), MOVK(5, 0),
     CALL(skb_store_bytes), RET(0))
CASE("helper buffer packet for skb helper", SCHED_CLS, SKB, MOVX(4, 2), ADDK(4, 8),
     JX(JGT, 4, 3, 6), MOVX(3, 2), MOVK(2, 0), MOVK(4, 8), MOVK(5, 0), CALL(skb_store_bytes), JA(0),
     RET(0))
CASE("helper changes packet", SCHED_CLS, MOVX(6, 1), SKB, MOVX(7, 2), MOVX(4, 2), ADDK(4, 8),
     JX(JGT, 4, 3, 7), MOVX(1, 6), MOVK(2, 0), MOVX(3, 10), ADDK(3, -8), STK(DW, 10, -8, 0),
     MOVK(4, 8), MOVK(5, 0), CALL(skb_store_bytes), LD(B, 0, 7, 0), RET(0))
CASE("helper ctx arg scalar", SCHED_CLS, MOVK(1, 0), MOVK(2, 0), CALL(skb_change_tail), RET(0))
CASE("helper ctx arg moved", SCHED_CLS, ADDK(1, 8), MOVK(2, 0), MOVK(3, 0), CALL(skb_change_tail),
     RET(0))
CASE("helper ctx arg stack", SCHED_CLS, MOVX(1, 10), MOVK(2, 0), MOVK(3, 0), CALL(skb_change_tail),
     RET(0))
CASE("helper csum_diff null", SCHED_CLS, MOVK(1, 0), MOVK(2, 0), STK(DW, 10, -8, 1), MOVX(3, 10),
     ADDK(3, -8), MOVK(4, 8), MOVK(5, 0), CALL(csum_diff), RET(0))
CASE("helper csum_diff null with size", SCHED_CLS, MOVK(1, 0), MOVK(2, 4), STK(DW, 10, -8, 1),
     MOVX(3, 10), ADDK(3, -8), MOVK(4, 8), MOVK(5, 0), CALL(csum_diff), RET(0))
CASE("helper gpl", XDP_NOT_GPL, MOVX(1, 10), ADDK(1, -8), STK(DW, 10, -8, 0x6f6c6c65), MOVK(2, 8),
     CALL(trace_printk), RET(0))
CASE("helper printk", XDP, MOVX(1, 10), ADDK(1, -8), STK(DW, 10, -8, 0x6f6c6c65), MOVK(2, 8),
     CALL(trace_printk), RET(0))
CASE("helper array of maps", XDP, LOOKUP_ANY(M_OUTER), JK(JEQ, 0, 0, 7), STK(W, 10, -4, 0),
     MOVX(2, 10), ADDK(2, -4), MOVX(1, 0), CALL(map_lookup_elem), JK(JEQ, 0, 0, 1),
     LD(DW, 0, 0, 40), RET(0))
CASE("helper array of maps unchecked", XDP, LOOKUP_ANY(M_OUTER), STK(W, 10, -4, 0), MOVX(2, 10),
     ADDK(2, -4), MOVX(1, 0), CALL(map_lookup_elem), RET(0))
CASE("helper array of maps const key", XDP, LOOKUP_ANY(M_OUTER), JK(JEQ, 0, 0, 6),
     STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), MOVX(1, 0), CALL(map_lookup_elem),
     LD(DW, 0, 0, 40), RET(0))
CASE("helper array of maps update", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), MOVX(3, 2),
     MOVK(4, 0), LDMAP(1, M_OUTER), CALL(map_update_elem), RET(0))
CASE("helper percpu lookup", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_PERCPU),
     MOVK(3, 0), CALL(map_lookup_percpu_elem), JK(JEQ, 0, 0, 1), LD(DW, 0, 0, 0), RET(0))
CASE("helper percpu lookup of array", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4),
     LDMAP(1, M_ARRAY), MOVK(3, 0), CALL(map_lookup_percpu_elem), RET(0))
CASE("helper cpu id bounded", XDP, CALL(get_smp_processor_id), MOVX(6, 0), LOOKUP_ANY(M_ARRAY),
     JK(JEQ, 0, 0, 2), ADDX(0, 6), LD(B, 0, 0, 0), RET(0))

/* ---- references ---- */
CASE("ringbuf reserve submit", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), JK(JEQ, 0, 0, 4), STK(DW, 0, 8, 1), MOVX(1, 0), MOVK(2, 0),
     CALL(ringbuf_submit), RET(0))
CASE("ringbuf leak", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0), CALL(ringbuf_reserve), RET(0))
CASE("ringbuf unchecked", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0), CALL(ringbuf_reserve),
     STK(DW, 0, 0, 1), RET(0))
CASE("ringbuf submit null", XDP, MOVK(1, 0), MOVK(2, 0), CALL(ringbuf_submit), RET(0))
CASE("ringbuf submit unchecked", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), MOVX(1, 0), MOVK(2, 0), CALL(ringbuf_submit), RET(0))
CASE("ringbuf submit twice", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0), CALL(ringbuf_reserve),
     JK(JEQ, 0, 0, 7), MOVX(6, 0), MOVX(1, 0), MOVK(2, 0), CALL(ringbuf_submit), MOVX(1, 6),
     MOVK(2, 0), CALL(ringbuf_submit), RET(0))
CASE("ringbuf use after submit", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), JK(JEQ, 0, 0, 5), MOVX(6, 0), MOVX(1, 0), MOVK(2, 0),
     CALL(ringbuf_submit), STK(DW, 6, 0, 1), RET(0))
CASE("ringbuf submit moved", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0), CALL(ringbuf_reserve),
     JK(JEQ, 0, 0, 4), MOVX(1, 0), ADDK(1, 8), MOVK(2, 0), CALL(ringbuf_submit), RET(0))
CASE("ringbuf beyond", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0), CALL(ringbuf_reserve),
     JK(JEQ, 0, 0, 4), STK(DW, 0, 16, 1), MOVX(1, 0), MOVK(2, 0), CALL(ringbuf_submit), RET(0))
CASE("ringbuf size unknown", XDP, CALL(get_prandom_u32), ANDK(0, 8), MOVX(2, 0), LDMAP(1, M_RING),
     MOVK(3, 0), CALL(ringbuf_reserve), RET(0))
CASE("ringbuf submit stack", XDP, STK(DW, 10, -8, 0), MOVX(1, 10), ADDK(1, -8), MOVK(2, 0),
     CALL(ringbuf_submit), RET(0))
CASE("ringbuf submit map value", XDP, LOOKUP(M_ARRAY), MOVX(1, 0), MOVK(2, 0), CALL(ringbuf_submit),
     RET(0))
CASE("ringbuf pointer stored", XDP, MOVX(6, 1), LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), JK(JEQ, 0, 0, 4), ST(DW, 0, 0, 6), MOVX(1, 0), MOVK(2, 0),
     CALL(ringbuf_submit), RET(0))
CASE("ringbuf memory as argument", XDP, LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), JK(JEQ, 0, 0, 9), MOVX(6, 0), MOVX(2, 0), STK(W, 0, 0, 0),
     LDMAP(1, M_ARRAY), CALL(map_lookup_elem), MOVX(1, 6), MOVK(2, 0), CALL(ringbuf_discard),
     RET(0))
CASE("ringbuf held in tail call", XDP, MOVX(6, 1), LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), MOVX(1, 6), LDMAP(2, M_PROGS), MOVK(3, 0), CALL(tail_call), RET(0))
CASE("ringbuf held over ld_abs", SCHED_CLS, MOVX(6, 1), LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), LDABS(B, 0), RET(0))
CASE("ringbuf lookup", XDP, STK(W, 10, -4, 0), MOVX(2, 10), ADDK(2, -4), LDMAP(1, M_RING),
     CALL(map_lookup_elem), RET(0))
CASE("ringbuf acquired in callee", XDP, CALLSUB(6), JK(JEQ, 0, 0, 3), MOVX(1, 0), MOVK(2, 0),
     CALL(ringbuf_discard), RET(0), LDMAP(1, M_RING), MOVK(2, 16), MOVK(3, 0),
     CALL(ringbuf_reserve), EXIT)

/* ---- subprograms and exits ---- */
CASE("exit r0 uninit", XDP, EXIT)
CASE("exit r0 pointer", XDP, MOVX(0, 1), EXIT)
CASE("call simple", XDP, MOVK(1, 3), CALLSUB(1), EXIT, MOVX(0, 1), EXIT)
CASE("call arg uninit", XDP, CALLSUB(1), EXIT, MOVX(0, 2), EXIT)
CASE("call clobbers", XDP, MOVK(1, 3), CALLSUB(2), MOVX(0, 1), EXIT, RET(0))
CASE("call callee saves", XDP, MOVK(6, 3), CALLSUB(2), MOVX(0, 6), EXIT, MOVK(6, 9), RET(0))
CASE("call callee sees no r6", XDP, MOVK(6, 3), CALLSUB(1), EXIT, MOVX(0, 6), EXIT)
CASE("call no r0", XDP, CALLSUB(1), EXIT, MOVK(1, 1), EXIT)
CASE("call passes ctx", XDP, CALLSUB(1), EXIT, LD(W, 0, 1, 12), EXIT)
CASE("call recursion", XDP, CALLSUB(1), EXIT, CALLSUB(-1), EXIT)
CASE("call recursion guarded", XDP, CALLSUB(1), EXIT, LD(W, 0, 1, 12), JK(JEQ, 0, 7, 1),
     CALLSUB(-3), RET(0))
CASE("call out of range", XDP, CALLSUB(100), EXIT)
CASE("call nine deep", XDP, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT,
     CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, CALLSUB(1), EXIT, RET(0))
CASE("call stack depth", XDP, STK(DW, 10, -400, 1), CALLSUB(1), EXIT, STK(DW, 10, -200, 1), RET(0))
CASE("call tail call in callee without btf", XDP, CALLSUB(1), EXIT, LDMAP(2, M_PROGS), MOVK(3, 0),
     CALL(tail_call), RET(0))
CASE("kfunc zero", XDP, I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0), EXIT)
CASE("sockops return", CGROUP_SKB, MOVK(0, 5), EXIT)
CASE("cgroup skb return unknown", CGROUP_SKB, LD(W, 0, 1, 0), EXIT)
CASE("cgroup skb return fine", CGROUP_SKB, MOVK(0, 1), EXIT)
CASE("raw tracepoint args", RAW_TRACEPOINT, LD(DW, 0, 1, 8), RET(0))
CASE("raw tracepoint narrow", RAW_TRACEPOINT, LD(W, 0, 1, 8), RET(0))
CASE("tracepoint field", TRACEPOINT, LD(DW, 0, 1, 8), RET(0))
CASE("tracepoint common", TRACEPOINT, LD(DW, 0, 1, 0), RET(0))
CASE("kprobe regs", KPROBE, LD(DW, 0, 1, 8), RET(0))
CASE("kprobe write", KPROBE, STK(DW, 1, 8, 0), RET(0))
CASE("skb sk unchecked", SCHED_CLS, LD(DW, 2, 1, 168), LD(W, 0, 2, 4), RET(0))
CASE("skb sk", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), LD(W, 0, 2, 4), RET(0))
CASE("skb sk type", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), LD(W, 0, 2, 8), RET(0))
CASE("skb sk port", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), LD(H, 0, 2, 48), RET(0))
CASE("skb sk port high", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), LD(H, 0, 2, 50), RET(0))
CASE("skb sk beyond", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), LD(W, 0, 2, 80), RET(0))
CASE("skb sk write", SCHED_CLS, LD(DW, 2, 1, 168), JK(JEQ, 2, 0, 1), STK(W, 2, 4, 1), RET(0))
