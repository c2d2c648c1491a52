/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers on packets, called directly: bounds of frames, room inside a packet's
 * buffer, headers that move, checksums held against sums of the whole packet.
 * (prog_differential_test compares them with the running kernel's.)
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/types.h"

#include <cmocka.h>

#include "base/uapi.h"
#include "object/arena.h"
#include "object/csum.h"
#include "object/helper.h"
#include "object/packet.h"

BPF_HELPER_DECLARE(bpf_xdp_adjust_head);
BPF_HELPER_DECLARE(bpf_xdp_adjust_tail);
BPF_HELPER_DECLARE(bpf_xdp_adjust_meta);
BPF_HELPER_DECLARE(bpf_xdp_load_bytes);
BPF_HELPER_DECLARE(bpf_xdp_store_bytes);
BPF_HELPER_DECLARE(bpf_xdp_get_buff_len);
BPF_HELPER_DECLARE(bpf_xdp_redirect);
BPF_HELPER_DECLARE(bpf_csum_diff);
BPF_HELPER_DECLARE(bpf_skb_load_bytes);
BPF_HELPER_DECLARE(bpf_skb_store_bytes);
BPF_HELPER_DECLARE(bpf_skb_pull_data);
BPF_HELPER_DECLARE(bpf_l3_csum_replace);
BPF_HELPER_DECLARE(bpf_l4_csum_replace);
BPF_HELPER_DECLARE(bpf_skb_vlan_push);
BPF_HELPER_DECLARE(bpf_skb_vlan_pop);
BPF_HELPER_DECLARE(bpf_skb_change_proto);
BPF_HELPER_DECLARE(bpf_skb_change_head);
BPF_HELPER_DECLARE(bpf_skb_change_tail);
BPF_HELPER_DECLARE(bpf_skb_adjust_room);
BPF_HELPER_DECLARE(bpf_skb_change_type);
BPF_HELPER_DECLARE(bpf_skb_check_mtu);
BPF_HELPER_DECLARE(bpf_get_hash_recalc);
BPF_HELPER_DECLARE(bpf_set_hash);
BPF_HELPER_DECLARE(bpf_set_hash_invalid);
BPF_HELPER_DECLARE(bpf_get_socket_uid);
BPF_HELPER_DECLARE(bpf_redirect);

#define P(p)	     ((u64)(uintptr_t)(p))
#define call(f, ...) call_(f, __VA_ARGS__, 0, 0, 0, 0)
#define call_(f, a, b, c, d, e, ...)                                                               \
	((s64)f((u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), &run))

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

static struct arena arena = { .profile = KVER_NEWEST };
static struct bpf_run run = { .arena = &arena };

/* ---- XDP ---- */

static struct {
	struct xdp_buff xdp;
	struct xdp_frag frags[2];
	u8 page[4096], more[2][4096];
} f;

static void frame(u32 len, u32 frag0, u32 frag1)
{
	memset(&f, 0, sizeof(f));
	f.xdp.data_hard_start = f.page;
	f.xdp.data = f.xdp.data_meta = f.page + XDP_PACKET_HEADROOM;
	f.xdp.data_end = f.xdp.data + len;
	f.xdp.hard_end = f.page + sizeof(f.page) - SKB_SHARED_INFO;
	f.xdp.frags = f.frags;
	for (u32 i = 0; i < len; i++)
		f.xdp.data[i] = (u8)i;
	for (u32 i = 0; i < 2; i++) {
		f.frags[i] = (struct xdp_frag){ f.more[i], i ? frag1 : frag0, sizeof(f.more[i]) };
		memset(f.more[i], 'A' + (int)i, f.frags[i].len);
	}
	f.xdp.nr_frags = frag1 ? 2 : frag0 ? 1 : 0;
	f.xdp.frags_len = frag0 + frag1;
}

static void xdp_head(void **state)
{
	frame(60, 0, 0);
	/* Down to the 40 bytes of struct xdp_frame, and not one further. */
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), -217), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), -216), 0);
	assert_ptr_equal(f.xdp.data, f.page + 40);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), -1), -EINVAL);
	/* Up to 14 bytes before the end. */
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), 216 + 47), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), 216 + 46), 0);
	assert_int_equal(call(bpf_xdp_get_buff_len, P(&f.xdp)), 14);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), INT32_MIN), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), INT32_MAX), -EINVAL);
}

static void xdp_meta(void **state)
{
	frame(60, 0, 0);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), 4), -EINVAL); /* behind data */
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -3), -EACCES);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -220), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -8), 0);
	memcpy(f.xdp.data_meta, "metadata", 8);
	/* It moves with the head. */
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), -20), 0);
	assert_memory_equal(f.xdp.data_meta, "metadata", 8);
	assert_int_equal(f.xdp.data - f.xdp.data_meta, 8);
	assert_int_equal(call(bpf_xdp_adjust_head, P(&f.xdp), -216 + 20 + 4), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), 8), 0);
	f.xdp.data_meta = f.xdp.data + 1; /* unsupported */
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -4), -ENOTSUPP);
}

/* What changed between releases follows the system's profile. */
static void older_kernels(void **state)
{
	u32 from[2] = { 1, 2 }, to = 0xfffffff0;

	arena.profile = KVER(6, 1);
	frame(60, 0, 0);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -36), -EACCES);
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -32), 0);
	assert_int_equal(call(bpf_csum_diff, P(from), 8, P(&to), 4, 5),
			 csum_add(csum_add(csum_add(5, ~1U), ~2U), to));
	assert_int_equal(call(bpf_csum_diff, P(f.page), 256, P(f.page), 260, 0), -EINVAL);
	arena.profile = KVER_NEWEST;
	assert_int_equal(call(bpf_xdp_adjust_meta, P(&f.xdp), -36), 0);
	assert_int_equal(call(bpf_csum_diff, P(from), 8, P(&to), 4, 5),
			 csum_fold16(csum_add(csum_add(csum_add(5, ~1U), ~2U), to)));
}

static void xdp_tail(void **state)
{
	frame(60, 0, 0);
	memset(f.xdp.data_end, 0xee, 100);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), 100), 0);
	for (u32 i = 60; i < 160; i++)
		assert_int_equal(f.xdp.data[i], 0);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), 3520 - 160 + 1), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), 3520 - 160), 0);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), -3507), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), -3506), 0);
	assert_int_equal(call(bpf_xdp_get_buff_len, P(&f.xdp)), 14);
}

static void xdp_fragments(void **state)
{
	u8 buf[600];

	frame(100, 300, 200);
	assert_int_equal(call(bpf_xdp_get_buff_len, P(&f.xdp)), 600);
	assert_int_equal(call(bpf_xdp_load_bytes, P(&f.xdp), 0, P(buf), 600), 0);
	for (u32 i = 0; i < 600; i++)
		assert_int_equal(buf[i], i < 100 ? (u8)i : i < 400 ? 'A' : 'B');
	assert_int_equal(call(bpf_xdp_load_bytes, P(&f.xdp), 1, P(buf), 600), -EINVAL);
	assert_int_equal(call(bpf_xdp_load_bytes, P(&f.xdp), 0x10000, P(buf), 1), -EFAULT);
	memset(buf, 'z', sizeof(buf));
	assert_int_equal(call(bpf_xdp_store_bytes, P(&f.xdp), 98, P(buf), 304), 0);
	assert_int_equal(f.xdp.data[97], 97);
	assert_int_equal(f.xdp.data[98], 'z');
	assert_int_equal(f.more[0][299], 'z');
	assert_int_equal(f.more[1][1], 'z');
	assert_int_equal(f.more[1][2], 'B');
	/* The last fragment grows in its page and shrinks away. */
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), 4096 - 200 + 1), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), 10), 0);
	assert_int_equal(f.xdp.frags_len, 510);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), -211), 0);
	assert_int_equal(f.xdp.nr_frags, 1);
	assert_int_equal(f.frags[0].len, 299);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), -386), -EINVAL);
	assert_int_equal(call(bpf_xdp_adjust_tail, P(&f.xdp), -385), 0);
	assert_int_equal(f.xdp.nr_frags, 0);
	assert_int_equal(call(bpf_xdp_get_buff_len, P(&f.xdp)), 14);
}

static void redirects(void **state)
{
	assert_int_equal(call(bpf_xdp_redirect, 5, 0), XDP_REDIRECT);
	assert_int_equal(run.redirect.tgt_index, 5);
	assert_int_equal(call(bpf_xdp_redirect, 5, 1), XDP_ABORTED);
	assert_int_equal(call(bpf_redirect, 6, BPF_F_INGRESS), 7);
	assert_int_equal(run.redirect.tgt_index, 6);
	assert_int_equal(run.redirect.flags, BPF_F_INGRESS);
	assert_int_equal(call(bpf_redirect, 6, 2), 2); /* TC_ACT_SHOT */
}

/* ---- struct sk_buff ---- */

#define HEAD 200

static struct {
	struct sk_buff skb;
	u8 buf[SKB_ROOM + 2048];
} p;

static const u8 tcp_packet[] = {
	2,    0,    0,	 0,   0,    1,	  2,	0, 0,  0, 0, 2, 0x08, 0x00, /* Ethernet */
	0x45, 0,    0,	 44,  0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10,   0,
	0,    1,    10,	 0,   0,    2, /* IPv4 */
	0x04, 0xd2, 0,	 80,  0,    0,	  0,	1, 0,  0, 0, 0, 0x50, 2,
	0xff, 0xff, 0,	 0,   0,    0, /* TCP */
	'b',  'e',  'e', 's',
};

static u16 field(u32 off)
{
	u16 v;

	memcpy(&v, p.skb.data + off, 2);
	return v;
}

static u16 ip_sum(void)
{
	return csum_fold(csum_partial(p.skb.data + 14, 20, 0));
}

static u16 tcp_sum(void)
{
	u8 pseudo[12] = { [9] = 6, [11] = 24 };

	memcpy(pseudo, p.skb.data + 26, 8);
	return csum_fold(csum_partial(p.skb.data + 34, 24, csum_partial(pseudo, 12, 0)));
}

static void packet(void)
{
	u16 sum;

	memset(&p, 0, sizeof(p));
	p.skb.head = p.buf;
	p.skb.end = p.buf + sizeof(p.buf);
	p.skb.data = p.skb.data_meta = p.buf + HEAD;
	p.skb.len = sizeof(tcp_packet);
	p.skb.data_end = p.skb.data + p.skb.len;
	p.skb.mac_header = HEAD;
	p.skb.network_header = HEAD + 14;
	p.skb.transport_header = SKB_UNSET;
	p.skb.protocol = 0x0008;
	memcpy(p.skb.data, tcp_packet, sizeof(tcp_packet));
	sum = ip_sum();
	memcpy(p.skb.data + 24, &sum, 2);
	sum = tcp_sum();
	memcpy(p.skb.data + 50, &sum, 2);
}

static void consistent(void)
{
	const struct sk_buff *s = &p.skb;

	assert_true(s->data >= s->head);
	assert_true(s->data + s->len <= s->end);
	assert_ptr_equal(s->data_end, s->data + s->len - s->data_len);
	assert_ptr_equal(s->head + s->mac_header, s->data);
}

static void checksums(void **state)
{
	const u8 addr[4] = { 192, 168, 7, 9 };
	u32 from, to;
	u16 port = 0x1234;
	s64 diff;

	packet();
	assert_int_equal(ip_sum(), 0);
	assert_int_equal(tcp_sum(), 0);
	/* A new address, by the field and by a difference. */
	memcpy(&from, p.skb.data + 26, 4);
	memcpy(&to, addr, 4);
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 24, from, to, 4), 0);
	diff = call(bpf_csum_diff, P(&from), 4, P(&to), 4, 0);
	assert_int_equal(call(bpf_l4_csum_replace, P(&p.skb), 50, 0, diff, BPF_F_PSEUDO_HDR), 0);
	assert_int_equal(call(bpf_skb_store_bytes, P(&p.skb), 26, P(&to), 4, 0), 0);
	assert_int_equal(ip_sum(), 0);
	assert_int_equal(tcp_sum(), 0);
	/* A new port. */
	assert_int_equal(call(bpf_l4_csum_replace, P(&p.skb), 50, field(36), port, 2), 0);
	assert_int_equal(call(bpf_skb_store_bytes, P(&p.skb), 36, P(&port), 2, 0), 0);
	assert_int_equal(tcp_sum(), 0);
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 25, 0, 0, 2), -EFAULT); /* odd */
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 58, 0, 0, 2), -EFAULT); /* behind */
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 24, 1, 0, 0), -EINVAL);
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 24, 0, 0, 3), -EINVAL);
	assert_int_equal(call(bpf_l3_csum_replace, P(&p.skb), 24, 0, 0, 0x10), -EINVAL);
	assert_int_equal(call(bpf_csum_diff, P(&from), 3, P(&to), 4, 0), -EINVAL);
}

/* A complete checksum stays that of the packet through all that changes the packet. */
static void complete_checksum(void **state)
{
	u32 odd = 0x11223344;

	packet();
	p.skb.ip_summed = 2;
#define SUMMED()                                                                                   \
	assert_int_equal(csum_fold(p.skb.csum), csum_fold(csum_partial(p.skb.data, p.skb.len, 0)))
	p.skb.csum = csum_partial(p.skb.data, p.skb.len, 0);
	assert_int_equal(call(bpf_skb_store_bytes, P(&p.skb), 21, P(&odd), 3, BPF_F_RECOMPUTE_CSUM),
			 0);
	SUMMED();
	assert_int_equal(call(bpf_skb_vlan_push, P(&p.skb), 0x0081, 5), 0);
	assert_int_equal(call(bpf_skb_vlan_push, P(&p.skb), 0x0081, 6), 0);
	SUMMED();
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 8, BPF_ADJ_ROOM_MAC, 0),
			 -ENOTSUPP); /* VLAN */
	assert_int_equal(call(bpf_skb_vlan_pop, P(&p.skb)), 0);
	assert_int_equal(call(bpf_skb_vlan_pop, P(&p.skb)), 0);
	SUMMED();
	consistent();
}

static u64 mtu_of_device(struct bpf_run *r, enum world_op op, const u64 *args)
{
	return op == WORLD_DEVICE_MTU ? 40 : 0;
}

/* Packets of many segments: what Linux, too, does with one whose protocol it is not told. */
static void segments(void **state)
{
	const struct skep_platform platform = { .world = mtu_of_device };
	u32 len = 0;

	packet();
	run.platform = &platform;
	assert_true(p.skb.len > 40 + 14);
	p.skb.gso_size = 20;
	assert_int_equal(call(bpf_skb_check_mtu, P(&p.skb), 0, P(&len), 0, 0),
			 BPF_MTU_CHK_RET_SUCCESS);
	assert_int_equal(len, 40);
	len = 0;
	p.skb.transport_header = SKB_UNSET;
	assert_int_equal(call(bpf_skb_check_mtu, P(&p.skb), 0, P(&len), 0, BPF_MTU_CHK_SEGS),
			 -EINVAL);
	p.skb.transport_header = (u16)(p.skb.network_header + 20);
	assert_int_equal(call(bpf_skb_check_mtu, P(&p.skb), 0, P(&len), 0, BPF_MTU_CHK_SEGS),
			 BPF_MTU_CHK_RET_SUCCESS);
	len = 0;
	p.skb.gso_size = 21;
	assert_int_equal(call(bpf_skb_check_mtu, P(&p.skb), 0, P(&len), 0, BPF_MTU_CHK_SEGS),
			 BPF_MTU_CHK_RET_SEGS_TOOBIG);
	assert_int_equal(len, 40);
	run.platform = NULL;
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 8, BPF_ADJ_ROOM_MAC, 0), -ENOTSUPP);
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), -8, BPF_ADJ_ROOM_MAC,
			      BPF_F_ADJ_ROOM_FIXED_GSO),
			 -ENOTSUPP);
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), 40), 0);
	assert_int_equal(p.skb.gso_size, 0);
}

static void vlan_tags(void **state)
{
	packet();
	/* The first tag is kept beside the packet, the second pushes it into it. */
	assert_int_equal(call(bpf_skb_vlan_push, P(&p.skb), 0x0081, 0x123), 0);
	assert_int_equal(p.skb.len, sizeof(tcp_packet));
	assert_int_equal(p.skb.vlan_tci, 0x123);
	assert_int_equal(call(bpf_skb_vlan_push, P(&p.skb), 0xa888, 0x456), 0);
	assert_int_equal(p.skb.len, sizeof(tcp_packet) + 4);
	assert_int_equal(p.skb.protocol, 0x0081);
	assert_int_equal(p.skb.vlan_tci, 0x456);
	assert_int_equal(p.skb.vlan_proto, 0xa888);
	assert_memory_equal(p.skb.data, tcp_packet, 12);
	assert_memory_equal(p.skb.data + 12, "\x81\x00\x01\x23\x08\x00", 6);
	consistent();
	assert_int_equal(call(bpf_skb_vlan_pop, P(&p.skb)),
			 0); /* the one in the packet moves out */
	assert_int_equal(p.skb.len, sizeof(tcp_packet));
	assert_int_equal(p.skb.vlan_tci, 0x123);
	assert_int_equal(p.skb.protocol, 0x0008);
	assert_int_equal(call(bpf_skb_vlan_pop, P(&p.skb)), 0);
	assert_int_equal(p.skb.vlan_present, 0);
	assert_int_equal(call(bpf_skb_vlan_pop, P(&p.skb)), 0); /* nothing left */
	assert_memory_equal(p.skb.data, tcp_packet, 24);
	consistent();
}

static void headers_move(void **state)
{
	packet();
	assert_int_equal(call(bpf_skb_change_proto, P(&p.skb), 0x0008, 0), -ENOTSUPP);
	assert_int_equal(call(bpf_skb_change_proto, P(&p.skb), 0xdd86, 1), -EINVAL);
	assert_int_equal(call(bpf_skb_change_proto, P(&p.skb), 0xdd86, 0), 0);
	assert_int_equal(p.skb.len, sizeof(tcp_packet) + 20);
	assert_int_equal(p.skb.protocol, 0xdd86);
	assert_memory_equal(p.skb.data, tcp_packet, 14);
	assert_memory_equal(p.skb.data + 54, tcp_packet + 34, 16);
	assert_int_equal(call(bpf_skb_change_proto, P(&p.skb), 0x0008, 0), 0);
	assert_int_equal(p.skb.len, sizeof(tcp_packet));
	consistent();

	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 4096, BPF_ADJ_ROOM_MAC, 0), -EFAULT);
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 8, 2, 0), -ENOTSUPP);
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 28, BPF_ADJ_ROOM_MAC,
			      BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4),
			 -EINVAL);
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 48, BPF_ADJ_ROOM_MAC,
			      BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP),
			 0);
	assert_int_equal(p.skb.protocol, 0xdd86);
	assert_int_equal(p.skb.len, sizeof(tcp_packet) + 48);
	for (u32 i = 0; i < 48; i++)
		assert_int_equal(p.skb.data[14 + i], 0);
	assert_memory_equal(p.skb.data + 62, tcp_packet + 14, 10);
	consistent();
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), 20, BPF_ADJ_ROOM_MAC,
			      BPF_F_ADJ_ROOM_ENCAP_L3_IPV4),
			 -EALREADY);
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), 60, 0), -ENOTSUPP); /* encapsulated */
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), -48, BPF_ADJ_ROOM_MAC,
			      BPF_F_ADJ_ROOM_DECAP_L3_IPV4),
			 0);
	assert_int_equal(p.skb.protocol, 0x0008);
	assert_memory_equal(p.skb.data, tcp_packet, 24);
	assert_int_equal(call(bpf_skb_adjust_room, P(&p.skb), -30, BPF_ADJ_ROOM_MAC, 0), -ENOTSUPP);
}

/* More than the room before the data: the packet moves inside its buffer. */
static void room_is_found(void **state)
{
	u8 buf[64];

	packet();
	assert_int_equal(call(bpf_skb_change_head, P(&p.skb), -1, 0), -EINVAL);
	assert_int_equal(call(bpf_skb_change_head, P(&p.skb), 1, 1), -EINVAL);
	for (u32 i = 0; i < 12; i++) {
		u32 len = p.skb.len;

		assert_int_equal(call(bpf_skb_change_head, P(&p.skb), 1000, 0), 0);
		assert_int_equal(p.skb.len, len + 1000);
		consistent();
	}
	assert_int_equal(call(bpf_skb_load_bytes, P(&p.skb), 12000, P(buf), 24), 0);
	assert_memory_equal(buf, tcp_packet, 24);
	for (u32 i = 0; i < 12000; i++)
		assert_int_equal(p.skb.data[i], 0);
	assert_int_equal(call(bpf_skb_change_head, P(&p.skb), SKB_MAX_LEN - 12058 + 1, 0), -EINVAL);
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), SKB_MAX_LEN + 1, 0), -EINVAL);
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), SKB_MAX_LEN, 0), 0);
	assert_int_equal(p.skb.len, SKB_MAX_LEN);
	assert_int_equal(p.skb.data[SKB_MAX_LEN - 1], 0);
	consistent();
	assert_int_equal(call(bpf_skb_load_bytes, P(&p.skb), SKB_MAX_LEN - 8, P(buf), 9), -EFAULT);
	for (u32 i = 0; i < 9; i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), 12013, 0),
			 -EINVAL); /* less than the headers */
	assert_int_equal(call(bpf_skb_change_tail, P(&p.skb), 12014, 0), 0);
}

/* A part that programs cannot see comes in when it is asked for. */
static void fragments_are_pulled(void **state)
{
	static u8 rest[1000];
	u8 buf[20];

	packet();
	memset(rest, 'r', sizeof(rest));
	p.skb.frag = rest;
	p.skb.data_len = sizeof(rest);
	p.skb.len += sizeof(rest);
	assert_int_equal(call(bpf_skb_load_bytes, P(&p.skb), 54, P(buf), 20), 0);
	assert_memory_equal(buf, "beesrrrrrrrrrrrrrrrr", 20);
	assert_int_equal(p.skb.data_len, 1000);
	assert_int_equal(call(bpf_skb_pull_data, P(&p.skb), 158), 0);
	assert_int_equal(p.skb.data_len, 900);
	assert_int_equal(p.skb.data_end - p.skb.data, 158);
	assert_int_equal(p.skb.data[157], 'r');
	assert_int_equal(call(bpf_skb_pull_data, P(&p.skb), 1059), -ENOMEM);
	assert_int_equal(call(bpf_skb_store_bytes, P(&p.skb), 1054, P("tail"), 4, 0), 0);
	assert_int_equal(p.skb.data_len, 0);
	assert_memory_equal(p.skb.data + 1054, "tail", 4);
	consistent();
}

static void accompaniment(void **state)
{
	u32 hash;

	packet();
	hash = (u32)call(bpf_get_hash_recalc, P(&p.skb));
	assert_int_not_equal(hash, 0);
	assert_int_equal(call(bpf_set_hash, P(&p.skb), 5), 0);
	assert_int_equal(call(bpf_get_hash_recalc, P(&p.skb)), 5);
	assert_int_equal(call(bpf_set_hash_invalid, P(&p.skb)), 0);
	assert_int_equal(p.skb.hash, 0);
	assert_int_equal((u32)call(bpf_get_hash_recalc, P(&p.skb)), hash);
	p.skb.data[37] ^= 1; /* another port, another flow */
	call(bpf_set_hash_invalid, P(&p.skb));
	assert_int_not_equal((u32)call(bpf_get_hash_recalc, P(&p.skb)), hash);
	assert_int_equal(call(bpf_get_socket_uid, P(&p.skb)), 65534);
	assert_int_equal(call(bpf_skb_change_type, P(&p.skb), 4), -EINVAL);
	assert_int_equal(call(bpf_skb_change_type, P(&p.skb), 3), 0);
	assert_int_equal(p.skb.pkt_type, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xdp_head),
		cmocka_unit_test(xdp_meta),
		cmocka_unit_test(older_kernels),
		cmocka_unit_test(xdp_tail),
		cmocka_unit_test(xdp_fragments),
		cmocka_unit_test(redirects),
		cmocka_unit_test(checksums),
		cmocka_unit_test(complete_checksum),
		cmocka_unit_test(segments),
		cmocka_unit_test(vlan_tags),
		cmocka_unit_test(headers_move),
		cmocka_unit_test(room_is_found),
		cmocka_unit_test(fragments_are_pulled),
		cmocka_unit_test(accompaniment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
