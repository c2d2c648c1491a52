/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Flags of helpers, each called with it and without: on skep and on the running kernel the same comes
 * out both times, and what comes out with the flag is not what comes out without.
 * (tools/flag-coverage.py holds that every flag that is done is named by a test.)
 */
#include "base/uapi.h"

#include "base/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf/flags.h"
#include "../lib/asm.h"
#include "../lib/beside.h"
#include "../lib/kernel.h"

#define STEP(what_, ...)                                                                           \
	{                                                                                          \
		.what = what_, __VA_ARGS__                                                         \
	}
#define ENCAP_L2(n) ((u64)((n)&BPF_ADJ_ROOM_ENCAP_L2_MASK) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)
#define ENCAP_GRE   (BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE)
#define ANY_RET	    0x5a5a5a5aLL /* no result of a helper */
#define UNKNOWN_BIT (1ULL << 20)

/* @step[at] has the flag; @without stands in its place in the second run. */
struct flag_case {
	const char *name, *prog;
	u32 at;
	struct flag_step step[FLAG_STEPS], without;
	s64 ret; /* of step @at, with the flag */
};

static const struct flag_case cases[] = {
	{ "BPF_F_INVALIDATE_HASH",
	  "flag_tc",
	  1,
	  { STEP(SET_HASH, .a = 77), STEP(STORE, .a = 40, .flags = BPF_F_INVALIDATE_HASH),
	    STEP(HASH) },
	  STEP(STORE, .a = 40),
	  0 },
	/* The sum of a datagram that has none (bytes 40 and 41) stays away... */
	{ "BPF_F_MARK_MANGLED_0",
	  "flag_tc",
	  0,
	  { STEP(L4_CSUM, .a = 40, .c = 1, .d = 2, .flags = BPF_F_MARK_MANGLED_0 | 2) },
	  STEP(L4_CSUM, .a = 40, .c = 1, .d = 2, .flags = 2),
	  0 },
	/* ... unless it must not. */
	{ "BPF_F_MARK_ENFORCE",
	  "flag_tc",
	  0,
	  { STEP(L4_CSUM, .a = 40, .c = 1, .d = 2,
		 .flags = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | 2) },
	  STEP(L4_CSUM, .a = 40, .c = 1, .d = 2, .flags = BPF_F_MARK_MANGLED_0 | 2),
	  0 },
	/* Four bytes of the field that changes, or two. */
	{ "BPF_F_HDR_FIELD_MASK",
	  "flag_tc",
	  0,
	  { STEP(L4_CSUM, .a = 50, .c = 0x12345678, .d = 0x9abcdef0,
		 .flags = BPF_F_HDR_FIELD_MASK & 0xf4) },
	  STEP(L4_CSUM, .a = 50, .c = 0x12345678, .d = 0x9abcdef0,
	       .flags = BPF_F_HDR_FIELD_MASK & 0xf2),
	  0 },
	{ "BPF_F_IPV6",
	  "flag_tc",
	  0,
	  { STEP(L4_CSUM, .a = 50, .c = 1, .d = 9, .flags = BPF_F_IPV6 | BPF_F_PSEUDO_HDR | 4) },
	  STEP(L4_CSUM, .a = 50, .c = 1, .d = 9, .flags = BPF_F_IPV6 << 1 | BPF_F_PSEUDO_HDR | 4),
	  0 },
	{ "BPF_F_ZERO_CSUM_TX",
	  "flag_tc",
	  0,
	  { STEP(SET_TUNNEL, .flags = BPF_F_ZERO_CSUM_TX),
	    STEP(GET_TUNNEL, .flags = BPF_F_TUNINFO_FLAGS) },
	  STEP(SET_TUNNEL),
	  0 },
	{ "BPF_F_DONT_FRAGMENT",
	  "flag_tc",
	  0,
	  { STEP(SET_TUNNEL, .flags = BPF_F_DONT_FRAGMENT),
	    STEP(GET_TUNNEL, .flags = BPF_F_TUNINFO_FLAGS) },
	  STEP(SET_TUNNEL),
	  0 },
	{ "BPF_F_SEQ_NUMBER",
	  "flag_tc",
	  0,
	  { STEP(SET_TUNNEL, .flags = BPF_F_SEQ_NUMBER),
	    STEP(GET_TUNNEL, .flags = BPF_F_TUNINFO_FLAGS) },
	  STEP(SET_TUNNEL),
	  0 },
	{ "BPF_F_TUNINFO_FLAGS",
	  "flag_tc",
	  1,
	  { STEP(SET_TUNNEL, .flags = BPF_F_SEQ_NUMBER),
	    STEP(GET_TUNNEL, .flags = BPF_F_TUNINFO_FLAGS) },
	  STEP(GET_TUNNEL),
	  0 },
	{ "BPF_F_TUNINFO_IPV6",
	  "flag_tc",
	  1,
	  { STEP(SET_TUNNEL, .flags = BPF_F_TUNINFO_IPV6),
	    STEP(GET_TUNNEL, .flags = BPF_F_TUNINFO_IPV6) },
	  STEP(GET_TUNNEL),
	  0 },
	{ "BPF_ADJ_ROOM_NET",
	  "flag_tc",
	  0,
	  { STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_NET) },
	  STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_MAC),
	  0 },
	/* Of two ways to lie in IPv4 only one can be. */
	{ "BPF_F_ADJ_ROOM_ENCAP_L4_GRE",
	  "flag_tc",
	  0,
	  { STEP(ADJUST_ROOM, .a = 24, .b = BPF_ADJ_ROOM_MAC,
		 .flags = ENCAP_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP) },
	  STEP(ADJUST_ROOM, .a = 24, .b = BPF_ADJ_ROOM_MAC,
	       .flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP),
	  -EINVAL },
	{ "BPF_F_ADJ_ROOM_ENCAP_L4_GRE twice",
	  "flag_tc",
	  1,
	  { STEP(ADJUST_ROOM, .a = 24, .b = BPF_ADJ_ROOM_MAC, .flags = ENCAP_GRE),
	    STEP(ADJUST_ROOM, .a = 24, .b = BPF_ADJ_ROOM_MAC, .flags = ENCAP_GRE) },
	  STEP(ADJUST_ROOM, .a = 24, .b = BPF_ADJ_ROOM_MAC),
	  -EALREADY },
	/* An inner Ethernet header has 14 bytes at least. */
	{ "BPF_F_ADJ_ROOM_ENCAP_L2_ETH",
	  "flag_tc",
	  0,
	  { STEP(ADJUST_ROOM, .a = 36, .b = BPF_ADJ_ROOM_MAC,
		 .flags = ENCAP_GRE | ENCAP_L2(12) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH) },
	  STEP(ADJUST_ROOM, .a = 36, .b = BPF_ADJ_ROOM_MAC, .flags = ENCAP_GRE | ENCAP_L2(12)),
	  -EINVAL },
	{ "BPF_F_ADJ_ROOM_ENCAP_L2_ETH with room",
	  "flag_tc",
	  0,
	  { STEP(ADJUST_ROOM, .a = 38, .b = BPF_ADJ_ROOM_MAC,
		 .flags = ENCAP_GRE | ENCAP_L2(14) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH) },
	  STEP(ADJUST_ROOM, .a = 38, .b = BPF_ADJ_ROOM_MAC,
	       .flags = ENCAP_GRE | BPF_F_ADJ_ROOM_ENCAP_L2_ETH),
	  0 },
	/* Of packets that are not cut up it says nothing, but may be said. */
	{ "BPF_F_ADJ_ROOM_FIXED_GSO",
	  "flag_tc",
	  0,
	  { STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_MAC, .flags = BPF_F_ADJ_ROOM_FIXED_GSO) },
	  STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_MAC, .flags = UNKNOWN_BIT),
	  0 },
	{ "BPF_F_ADJ_ROOM_NO_CSUM_RESET",
	  "flag_tc",
	  1,
	  { STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_INC),
	    STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_MAC, .flags = BPF_F_ADJ_ROOM_NO_CSUM_RESET),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY) },
	  STEP(ADJUST_ROOM, .a = 8, .b = BPF_ADJ_ROOM_MAC),
	  0 },
	{ "BPF_CSUM_LEVEL_INC",
	  "flag_tc",
	  1,
	  { STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_INC),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_INC),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY) },
	  STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY),
	  0 },
	{ "BPF_CSUM_LEVEL_DEC",
	  "flag_tc",
	  1,
	  { STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_INC),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_DEC),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY) },
	  STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY),
	  0 },
	{ "BPF_CSUM_LEVEL_RESET",
	  "flag_tc",
	  1,
	  { STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_INC),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_RESET),
	    STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY) },
	  STEP(CSUM_LEVEL, .flags = BPF_CSUM_LEVEL_QUERY),
	  0 },
	{ "BPF_HDR_START_MAC and _NET",
	  "flag_tc",
	  0,
	  { STEP(LOAD_RELATIVE, .b = BPF_HDR_START_MAC) },
	  STEP(LOAD_RELATIVE, .b = BPF_HDR_START_NET),
	  0 },
	{ "BPF_SKB_TSTAMP_DELIVERY_MONO",
	  "flag_tc",
	  0,
	  { STEP(SET_TSTAMP, .c = 12345, .a = BPF_SKB_TSTAMP_DELIVERY_MONO) },
	  STEP(SET_TSTAMP, .c = 12345, .a = BPF_SKB_TSTAMP_UNSPEC),
	  0 },
	{ "BPF_SKB_TSTAMP_UNSPEC",
	  "flag_tc",
	  1,
	  { STEP(SET_TSTAMP, .c = 12345, .a = BPF_SKB_TSTAMP_DELIVERY_MONO),
	    STEP(SET_TSTAMP, .a = BPF_SKB_TSTAMP_UNSPEC) },
	  STEP(SET_TSTAMP, .a = BPF_SKB_TSTAMP_DELIVERY_MONO),
	  0 },
	{ "BPF_MTU_CHK_SEGS",
	  "flag_tc",
	  0,
	  { STEP(CHECK_MTU, .b = 5, .flags = BPF_MTU_CHK_SEGS) },
	  STEP(CHECK_MTU, .b = 5),
	  -EINVAL },
	{ "BPF_MTU_CHK_RET_FRAG_NEEDED",
	  "flag_tc",
	  0,
	  { STEP(CHECK_MTU, .a = 100000) },
	  STEP(CHECK_MTU, .a = 1000),
	  BPF_MTU_CHK_RET_FRAG_NEEDED },
	{ "BPF_MTU_CHK_RET_SUCCESS",
	  "flag_tc",
	  0,
	  { STEP(CHECK_MTU, .a = 1000) },
	  STEP(CHECK_MTU, .a = 1000, .flags = UNKNOWN_BIT),
	  BPF_MTU_CHK_RET_SUCCESS },
	{ "BPF_F_CURRENT_NETNS",
	  "flag_tc",
	  0,
	  { STEP(LOOKUP_SOCK, .c = (u64)BPF_F_CURRENT_NETNS) },
	  STEP(LOOKUP_SOCK, .c = 4711),
	  1 },
	{ "BTF_F_ZERO",
	  "flag_tc",
	  0,
	  { STEP(SHOW_TYPE, .flags = BTF_F_ZERO) },
	  STEP(SHOW_TYPE),
	  ANY_RET },
	{ "BPF_F_SKIP_FIELD_MASK",
	  "flag_raw",
	  0,
	  { STEP(STACK, .flags = BPF_F_SKIP_FIELD_MASK) },
	  STEP(STACK, .flags = UNKNOWN_BIT),
	  -EFAULT },
	{ "BPF_SK_LOOKUP_F_REPLACE",
	  "flag_lookup",
	  1,
	  { STEP(ASSIGN, .a = 0), STEP(ASSIGN, .a = 0, .flags = BPF_SK_LOOKUP_F_REPLACE) },
	  STEP(ASSIGN, .a = 0),
	  0 },
	{ "BPF_SK_LOOKUP_F_NO_REUSEPORT",
	  "flag_lookup",
	  0,
	  { STEP(ASSIGN, .a = 0, .flags = BPF_SK_LOOKUP_F_NO_REUSEPORT) },
	  STEP(ASSIGN, .a = 0, .flags = UNKNOWN_BIT),
	  0 },
};

/* ---- both sides ---- */

static struct beside b[2];
static u32 nr;
static u64 listener[2]; /* descriptors; the second of a group */
static u16 port;

static int listening(bool group)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (group)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return -1;
	port = ntohs(at.sin_port);
	return fd;
}

static int setup(void **state)
{
	nr = beside_open_both(b, "flags");
	listener[1] = (u64)listening(true);
	listener[0] = (u64)listening(false);
	if (!nr || (s64)listener[0] < 0 || (s64)listener[1] < 0)
		return -1;
	for (u32 i = 0; i < nr; i++) {
		skep_front_use(b[i].sys);
		for (u32 key = 0; key < 2; key++)
			if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(b[i].obj, "socks"),
						&key, &listener[key], 0))
				return -1;
		skep_front_use(NULL);
	}
	return 0;
}

static int teardown(void **state)
{
	beside_close_both(b);
	return 0;
}

struct outcome {
	int err;
	u32 retval, size;
	struct flag_call call;
	u8 data[512];
};

/* A datagram without a checksum in IPv4. */
static void make_packet(u8 packet[120])
{
	static const u8 head[] = { 2, 0, 0, 0, 0,  1,  2, 0, 0,	 0, 0, 2, 8,  0, 0x45, 0, 0, 106,
				   0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0,    2, 4, 0xd2 };

	for (u32 i = 0; i < 120; i++)
		packet[i] = (u8)(i * 3 + 1);
	memcpy(packet, head, sizeof(head));
	packet[40] = packet[41] = 0;
}

static void ask(const struct beside *s, const struct flag_case *c, bool with, struct outcome *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_sk_lookup lookup = { .family = AF_INET,
					.protocol = IPPROTO_TCP,
					.remote_ip4 = htonl(INADDR_LOOPBACK),
					.local_ip4 = htonl(INADDR_LOOPBACK),
					.local_port = 9 };
	int map = bpf_object__find_map_fd_by_name(s->obj, "call");
	u8 packet[120];
	u32 zero = 0;

	memset(out, 0, sizeof(*out));
	memcpy(out->call.step, c->step, sizeof(c->step));
	if (!with)
		out->call.step[c->at] = c->without;
	for (u32 i = 0; i < FLAG_STEPS; i++) {
		out->call.step[i].ret = 4242;
		if (out->call.step[i].what == LOOKUP_SOCK)
			out->call.step[i].a = port;
	}
	make_packet(packet);
	if (!strcmp(c->prog, "flag_lookup")) {
		opts.ctx_in = &lookup;
		opts.ctx_size_in = sizeof(lookup);
	} else if (strcmp(c->prog, "flag_raw") != 0) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
		opts.data_out = out->data;
		opts.data_size_out = sizeof(out->data);
	}
	skep_front_use(s->sys);
	assert_int_equal(bpf_map_update_elem(map, &zero, &out->call, 0), 0);
	out->err = bpf_prog_test_run_opts(
		bpf_program__fd(bpf_object__find_program_by_name(s->obj, c->prog)), &opts);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, &out->call), 0);
	skep_front_use(NULL);
	out->retval = opts.retval;
	out->size = opts.data_size_out;
	for (u32 i = 0; i < FLAG_STEPS; i++) { /* what was asked is no answer */
		struct flag_step *t = &out->call.step[i];

		t->what = 0, t->a = t->b = 0, t->c = t->d = t->flags = 0;
		if (!strcmp(c->prog, "flag_raw"))
			t->ret = t->ret < 0 ? t->ret : 0; /* stacks differ */
	}
}

static void same(const struct flag_case *c, bool with, const struct outcome *got,
		 const struct outcome *want)
{
	if (!memcmp(got, want, sizeof(*got)))
		return;
	for (u32 i = 0; i < FLAG_STEPS; i++)
		print_message("# step %u: %lld %#llx, kernel %lld %#llx\n", i,
			      got->call.step[i].ret, got->call.step[i].value,
			      want->call.step[i].ret, want->call.step[i].value);
	fail_msg("%s, %s: err %d, kernel %d; retval %u, kernel %u; size %u, kernel %u", c->name,
		 with ? "with it" : "without", got->err, want->err, got->retval, want->retval,
		 got->size, want->size);
}

static void one_case(void **state)
{
	const struct flag_case *c = *state;
	struct outcome got[2], want;

	for (u32 with = 0; with < 2; with++) {
		ask(&b[0], c, with, &got[with]);
		if (nr == 2) {
			ask(&b[1], c, with, &want);
			same(c, with, &got[with], &want);
		}
	}
	if (c->ret != ANY_RET)
		assert_int_equal(got[1].call.step[c->at].ret, c->ret);
	if (!memcmp(&got[0], &got[1], sizeof(got[0])))
		fail_msg("%s changes nothing", c->name);
}

/* ---- flags of programs and maps ---- */

static int bpf_of(u32 side, int cmd, union bpf_attr *attr)
{
	return side ? kernel_bpf_raw(cmd, attr, sizeof(*attr)) :
		      skep_bpf(b[0].sys, cmd, attr, sizeof(*attr));
}

static int load(u32 side, u32 type, const struct bpf_insn *insns, u32 n, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "GPL";
	attr.prog_flags = flags;
	return bpf_of(side, BPF_PROG_LOAD, &attr);
}

static int make_map(u32 side, u32 type, u32 size, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.map_flags = flags;
	attr.key_size = attr.value_size = size;
	attr.max_entries = 2;
	return bpf_of(side, BPF_MAP_CREATE, &attr);
}

static int put(u32 side, int map, u32 key, int value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	return bpf_of(side, BPF_MAP_UPDATE_ELEM, &attr);
}

/* Strict alignment refuses four bytes at an odd place of a packet, unless any is asked for, too. */
static void any_alignment(void **state)
{
	static const struct bpf_insn odd[] = {
		LD(W, 2, 1, offsetof(struct __sk_buff, data)),
		LD(W, 3, 1, offsetof(struct __sk_buff, data_end)),
		MOVX(4, 2),
		ADDK(4, 8),
		MOVK(0, 0),
		JX(JGT, 4, 3, 1),
		LD(W, 0, 2, 1),
		EXIT,
	};

	for (u32 side = 0; side < nr; side++) {
		int strict = load(side, BPF_PROG_TYPE_SCHED_CLS, odd, ARRAY_SIZE(odd),
				  BPF_F_STRICT_ALIGNMENT);
		int any = load(side, BPF_PROG_TYPE_SCHED_CLS, odd, ARRAY_SIZE(odd),
			       BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT);

		assert_int_equal(strict, -EACCES);
		assert_true(any >= 0);
		close(any);
	}
}

/* Programs of a tail call's map all know of fragments, or none does. */
static void xdp_fragments(void **state)
{
	static const struct bpf_insn pass[] = { RET(2) };

	for (u32 side = 0; side < nr; side++) {
		int with = load(side, BPF_PROG_TYPE_XDP, pass, 2, BPF_F_XDP_HAS_FRAGS);
		int without = load(side, BPF_PROG_TYPE_XDP, pass, 2, 0);
		int map = make_map(side, BPF_MAP_TYPE_PROG_ARRAY, 4, 0);

		assert_true(with >= 0 && without >= 0 && map >= 0);
		assert_int_equal(put(side, map, 0, with), 0);
		assert_int_equal(put(side, map, 1, without), -EINVAL);
		assert_int_equal(put(side, map, 1, with), 0);
		close(map);
		close(with);
		close(without);
	}
}

/* Of arenas alone. */
static void no_user_conv(void **state)
{
	static const struct {
		u32 type, flags;
		int err;
	} maps[] = {
		{ BPF_MAP_TYPE_ARENA, BPF_F_MMAPABLE | BPF_F_NO_USER_CONV, 0 },
		{ BPF_MAP_TYPE_ARENA, BPF_F_MMAPABLE | BPF_F_NO_USER_CONV << 5, -EINVAL },
		{ BPF_MAP_TYPE_ARRAY, BPF_F_NO_USER_CONV, -EINVAL },
	};

	for (u32 side = 0; side < nr; side++)
		for (u32 i = 0; i < ARRAY_SIZE(maps); i++) {
			bool arena = maps[i].type == BPF_MAP_TYPE_ARENA;
			int fd = make_map(side, maps[i].type, arena ? 0 : 4, maps[i].flags);

			assert_int_equal(fd < 0 ? fd : 0, maps[i].err);
			if (fd >= 0)
				close(fd);
		}
}

/* What a flow dissector is asked to do is in its keys. */
static void flow_flags(void **state)
{
	static const struct bpf_insn tell[] = { LD(DW, 2, 1, offsetof(struct __sk_buff, flow_keys)),
						LD(W, 0, 2, offsetof(struct bpf_flow_keys, flags)),
						EXIT };
	static const u32 flags[] = { BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG,
				     BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL,
				     BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP };
	struct bpf_flow_keys keys;
	u8 packet[120];

	make_packet(packet);
	for (u32 side = 0; side < nr; side++) {
		int fd = load(side, BPF_PROG_TYPE_FLOW_DISSECTOR, tell, ARRAY_SIZE(tell), 0);

		assert_true(fd >= 0);
		for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
			union bpf_attr attr;

			memset(&keys, 0, sizeof(keys));
			keys.flags = flags[i];
			memset(&attr, 0, sizeof(attr));
			attr.test.prog_fd = (u32)fd;
			attr.test.data_in = (uintptr_t)packet;
			attr.test.data_size_in = sizeof(packet);
			attr.test.ctx_in = (uintptr_t)&keys;
			attr.test.ctx_size_in = sizeof(keys);
			assert_int_equal(bpf_of(side, BPF_PROG_TEST_RUN, &attr), 0);
			assert_int_equal(attr.test.retval, flags[i]);
		}
		close(fd);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(any_alignment),
		cmocka_unit_test(xdp_fragments),
		cmocka_unit_test(no_user_conv),
		cmocka_unit_test(flow_flags),
	};
	struct CMUnitTest tests[ARRAY_SIZE(cases) + ARRAY_SIZE(others)];

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
						.test_func = one_case,
						.initial_state = (void *)&cases[i] };
	memcpy(tests + ARRAY_SIZE(cases), others, sizeof(others));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
