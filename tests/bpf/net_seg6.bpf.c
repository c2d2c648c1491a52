// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Actions of segment routing for tests/data/net/seg6.py. The header's tag says what is to be done; what an action has
 * answered is told by the tag that the packet leaves with.
 */
#include <linux/bpf.h>
#include <linux/seg6_local.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define SRH   40
#define FLAGS (SRH + 5)
#define TAG   (SRH + 6)
/* Two words each: clang would make an array of constants a section that libbpf does not know. */
#define NEAR	0xfd0005eb00000000ULL, 2
#define OTHER	0xfd0005eb00000000ULL, 0x77
#define UNHEARD 0xfd0005eb00000000ULL, 3
#define AWAY	0xfd00007700000000ULL, 9
#define NOWHERE 0xfc00008800000000ULL, 9

struct policy {
	__u8 nexthdr, hdrlen, type, segments_left, first_segment, flags;
	__u16 tag;
	__u64 segment[2];
};

static __always_inline int tell(struct __sk_buff *skb, int err)
{
	__u16 tag = bpf_htons((__u16)-err);

	return bpf_lwt_seg6_store_bytes(skb, TAG, &tag, sizeof(tag)) ? BPF_DROP : BPF_OK;
}

static __always_inline int done(struct __sk_buff *skb, int err)
{
	return err ? tell(skb, err) : BPF_REDIRECT;
}

static __always_inline int by_table(struct __sk_buff *skb, int action, int table)
{
	return done(skb, bpf_lwt_seg6_action(skb, action, &table, sizeof(table)));
}

static __always_inline int by(struct __sk_buff *skb, __u64 high, __u64 low)
{
	__u64 addr[2] = { bpf_cpu_to_be64(high), bpf_cpu_to_be64(low) };

	return done(skb, bpf_lwt_seg6_action(skb, SEG6_LOCAL_ACTION_END_X, addr, sizeof(addr)));
}

static __always_inline int policy(struct __sk_buff *skb, int action, __u8 type, __u64 high,
				  __u64 low)
{
	struct policy p = { .hdrlen = 2, .type = type, .tag = bpf_htons(4711) };

	p.segment[0] = bpf_cpu_to_be64(high);
	p.segment[1] = bpf_cpu_to_be64(low);
	return done(skb, bpf_lwt_seg6_action(skb, action, &p, sizeof(p)));
}

SEC("lwt_seg6local")
int act(struct __sk_buff *skb)
{
	__u8 tlv[8] = { 77, 6, 'e', 'B', 'P', 'F', '!', 0 }, flags = 0x10;
	__u32 end = SRH + 8, word = 5;
	__u8 first = 0;
	__u16 tag = 0;
	int err;

	if (skb->protocol != bpf_htons(0x86dd) || bpf_skb_load_bytes(skb, TAG, &tag, sizeof(tag)) ||
	    bpf_skb_load_bytes(skb, SRH + 4, &first, 1))
		return BPF_DROP;
	end += 16 * (first + 1);
	switch (bpf_ntohs(tag)) {
	case 1:
		return BPF_OK;
	case 2:
		return BPF_DROP;
	case 3:
		return 99;
	case 4:
		return by(skb, OTHER);
	case 5:
		return by_table(skb, SEG6_LOCAL_ACTION_END_T, 117);
	case 6:
		return by_table(skb, SEG6_LOCAL_ACTION_END_DT6, 117);
	case 7:
		return policy(skb, SEG6_LOCAL_ACTION_END_B6, 4, AWAY);
	case 8:
		return policy(skb, SEG6_LOCAL_ACTION_END_B6_ENCAP, 4, AWAY);
	case 9: /* one TLV more */
		if (bpf_lwt_seg6_adjust_srh(skb, end, sizeof(tlv)) ||
		    bpf_lwt_seg6_store_bytes(skb, end, tlv, sizeof(tlv)) ||
		    bpf_lwt_seg6_store_bytes(skb, FLAGS, &flags, 1))
			return BPF_DROP;
		return BPF_OK;
	case 10: /* room that is no TLV */
		tlv[1] = 60;
		if (bpf_lwt_seg6_adjust_srh(skb, end, sizeof(tlv)) ||
		    bpf_lwt_seg6_store_bytes(skb, end, tlv, sizeof(tlv)))
			return tell(skb, -1);
		return BPF_OK;
	case 11:
		return by(skb, UNHEARD);
	case 12: /* to where nobody has said: to itself, until no segment is left */
		return BPF_REDIRECT;
	case 13:
		return by_table(skb, SEG6_LOCAL_ACTION_END_T, 4242);
	case 14:
		return done(skb,
			    bpf_lwt_seg6_action(skb, SEG6_LOCAL_ACTION_END_X, &word, sizeof(word)));
	case 15:
		return done(skb, bpf_lwt_seg6_action(skb, SEG6_LOCAL_ACTION_END_DX4, &word,
						     sizeof(word)));
	case 16:
		return by(skb, NEAR);
	case 17:
		return policy(skb, SEG6_LOCAL_ACTION_END_B6, 3, AWAY);
	case 18:
		return by_table(skb, SEG6_LOCAL_ACTION_END_T, 118);
	case 19:
		return by(skb, NOWHERE);
	case 20:
		return policy(skb, SEG6_LOCAL_ACTION_END_B6, 4, NOWHERE);
	case 21: /* outside of what may be changed */
		err = bpf_lwt_seg6_store_bytes(skb, SRH + 3, &flags, 1);
		return tell(skb, err);
	case 22:
		err = bpf_lwt_seg6_adjust_srh(skb, SRH + 8, 8);
		return tell(skb, err);
	case 23: /* the TLV is taken out again */
		if (bpf_lwt_seg6_adjust_srh(skb, end, -8))
			return BPF_DROP;
		return BPF_OK;
	case 24: /* the lookup counts, not the result */
		by(skb, OTHER);
		return BPF_OK;
	case 25: /* the last one counts */
		by(skb, UNHEARD);
		return by_table(skb, SEG6_LOCAL_ACTION_END_T, 117);
	case 26:
		return by_table(skb, SEG6_LOCAL_ACTION_END_DT6, 254);
	}
	return BPF_DROP;
}

/* On the way in of a route to somebody else: policies as a router at the edge has them. */
SEC("lwt_in")
int edge(struct __sk_buff *skb)
{
	struct policy p = { .hdrlen = 2, .type = 4, .tag = bpf_htons(815) };
	__u64 away[2] = { AWAY };
	__u8 last = 0;
	int err;

	bpf_skb_load_bytes(skb, 39, &last, 1);
	p.segment[0] = bpf_cpu_to_be64(away[0]);
	p.segment[1] = bpf_cpu_to_be64(away[1]);
	if (last > 2)
		return BPF_OK;
	err = bpf_lwt_push_encap(skb, last == 1 ? BPF_LWT_ENCAP_SEG6 : BPF_LWT_ENCAP_SEG6_INLINE,
				 &p, sizeof(p));
	return err ? BPF_DROP : BPF_OK;
}
