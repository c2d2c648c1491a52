/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * SYN cookies by the headers alone: bpf_tcp_raw_gen_syncookie_ipv4() and its siblings (Linux:
 * net/core/filter.c, net/ipv4/syncookies.c, net/ipv6/syncookies.c). The secret is the system's, so
 * the host's TCP takes none of these cookies, as one kernel takes none of another's.
 */
#include "helper/helper.h"
#include "object/siphash.h"

#define COOKIE_BITS    24
#define COOKIE_MASK    ((1U << COOKIE_BITS) - 1)
#define COOKIE_AGE_MAX 2 /* minutes, begun ones */
#define MSS_V4	       536
#define MSS_V6	       (1280 - 20 - 40)

struct ip4 {
	u8 version_ihl, tos;
	u16 len, id, frag;
	u8 ttl, protocol;
	u16 check;
	u8 src[4], dst[4];
};

struct ip6 {
	u8 version[4];
	u16 len;
	u8 next, hops;
	u8 src[16], dst[16];
};

struct tcp {
	u16 source, dest;
	u8 seq[4], ack[4];
	u8 doff, flags;
	u16 window, check, urgent;
};

static const u16 mss_v4[4] = { 536, 1300, 1440, 1460 };
static const u16 mss_v6[4] = { 1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60 };

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/* ---- the cookie ---- */

struct flow {
	u64 words[6]; /* addresses, ports; the last: what each hash adds */
	const u16 *mss;
	u32 seq; /* of the client's SYN */
};

static void flow_of(struct flow *f, const u8 *src, const u8 *dst, u32 len, const struct tcp *th,
		    u32 seq)
{
	rt_zero(f, sizeof(*f));
	rt_copy(&f->words[0], src, len);
	rt_copy(&f->words[2], dst, len);
	f->words[4] = (u64)th->source << 16 | th->dest;
	f->mss = len == 4 ? mss_v4 : mss_v6;
	f->seq = seq;
}

static u32 hash(const struct bpf_run *run, struct flow *f, u32 count, u32 which)
{
	f->words[5] = count;
	return (u32)siphash(&run->arena->cookie_secret[which * 2], f->words, ARRAY_SIZE(f->words));
}

static u32 minutes(const struct bpf_run *run)
{
	return (u32)(run->platform->ktime_ns(1 /* CLOCK_MONOTONIC */) / 60000000000ULL);
}

/* The largest segment that the options of the SYN ask for; 0: they do not say. */
static u16 mss_option(const struct tcp *th, u32 len)
{
	const u8 *p = (const u8 *)(th + 1), *end = (const u8 *)th + len;
	u16 mss = 0;

	while (p < end) {
		u32 size;

		if (*p == 0)
			break;
		if (*p == 1) {
			p++;
			continue;
		}
		if (end - p < 2)
			break;
		size = p[1];
		if (size < 2 || size > (u32)(end - p))
			break;
		if (*p == 2 && size == 4 && (p[2] | p[3]))
			mss = (u16)(p[2] << 8 | p[3]);
		p += size;
	}
	return mss;
}

static u64 gen(struct bpf_run *run, const u8 *src, const u8 *dst, u32 alen, const struct tcp *th,
	       u32 len, u16 mss)
{
	u32 count = minutes(run), at = 3, cookie;
	struct flow f;

	if (len < sizeof(*th) || len != (u32)(th->doff >> 4) * 4)
		return ERR(EINVAL);
	flow_of(&f, src, dst, alen, th, get32(th->seq));
	mss = mss_option(th, len) ?: mss;
	while (at && mss < f.mss[at])
		at--;
	cookie = hash(run, &f, 0, 0) + f.seq + (count << COOKIE_BITS) +
		 ((hash(run, &f, count, 1) + at) & COOKIE_MASK);
	return cookie | (u64)f.mss[at] << 32;
}

static u64 check(struct bpf_run *run, const u8 *src, const u8 *dst, u32 alen, const struct tcp *th)
{
	u32 count = minutes(run), cookie = get32(th->ack) - 1, age;
	struct flow f;

	flow_of(&f, src, dst, alen, th, get32(th->seq) - 1);
	cookie -= hash(run, &f, 0, 0) + f.seq;
	age = (count - (cookie >> COOKIE_BITS)) & (UINT32_MAX >> COOKIE_BITS);
	if (age >= COOKIE_AGE_MAX)
		return ERR(EACCES);
	return ((cookie - hash(run, &f, count - age, 1)) & COOKIE_MASK) < 4 ? 0 : ERR(EACCES);
}

/* r1: IP header, r2, r3: TCP header with its options */
BPF_HELPER(tcp_raw_gen_syncookie_ipv4)
{
	const struct ip4 *ip = PTR(r1);

	return gen(run, ip->src, ip->dst, 4, PTR(r2), (u32)r3, MSS_V4);
}

BPF_HELPER(tcp_raw_gen_syncookie_ipv6)
{
	const struct ip6 *ip = PTR(r1);

	return gen(run, ip->src, ip->dst, 16, PTR(r2), (u32)r3, MSS_V6);
}

BPF_HELPER(tcp_raw_check_syncookie_ipv4)
{
	const struct ip4 *ip = PTR(r1);

	return check(run, ip->src, ip->dst, 4, PTR(r2));
}

BPF_HELPER(tcp_raw_check_syncookie_ipv6)
{
	const struct ip6 *ip = PTR(r1);

	return check(run, ip->src, ip->dst, 16, PTR(r2));
}
