/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The compute kernels of bench/exec: one source, compiled for BPF (kernels.bpf.c) and
 * natively by gcc and clang (kernels.native.c). Each takes a packet and gives a number.
 * Names say what they stress.
 */
#ifndef SKEP_BENCH_KERNELS_H
#define SKEP_BENCH_KERNELS_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed long long s64;

#define inline_always static inline __attribute__((always_inline))
#define inline_never  static __attribute__((noinline))
/* keeps clang from folding a loop into a formula */
#define opaque(x) __asm__ volatile("" : "+r"(x))
#define no_unroll _Pragma("clang loop unroll(disable) vectorize(disable)")

struct packet {
	u8 *data, *end;
};

/* xorshift64*: 64-bit shifts and a multiplication, one dependency chain */
inline_always u64 k_xorshift(struct packet p)
{
	u64 x = 88172645463325252ULL;
	u32 i;

	no_unroll for (i = 0; i < 1000; i++)
	{
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		opaque(x);
	}
	return x * 2685821657736338717ULL;
}

/* FNV-1a over the packet's bytes: byte loads, a multiplication, a bounds check each */
inline_always u64 k_fnv_bytes(struct packet p)
{
	u64 h = 14695981039346656037ULL;
	u32 i;

	no_unroll for (i = 0; i < 1000; i++)
	{
		if (p.data + i + 1 > p.end)
			break;
		h = (h ^ p.data[i]) * 1099511628211ULL;
	}
	return h;
}

/* Internet checksum by 16-bit words */
inline_always u64 k_checksum(struct packet p)
{
	u64 sum = 0;
	u32 i;

	no_unroll for (i = 0; i < 500; i++)
	{
		if (p.data + 2 * i + 2 > p.end)
			break;
		sum += *(u16 *)(p.data + 2 * i);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Jenkins-like mixing with 32-bit rotates */
inline_always u32 rol32(u32 v, u32 n)
{
	return v << n | v >> (32 - n);
}

inline_always u64 k_jhash_rot32(struct packet p)
{
	u32 a = 0xdeadbeef, b = a, c = a, i;

	no_unroll for (i = 0; i < 200; i++)
	{
		a += i;
		a -= c;
		a ^= rol32(c, 4);
		c += b;
		b -= a;
		b ^= rol32(a, 6);
		a += c;
		c -= b;
		c ^= rol32(b, 8);
		b += a;
		a -= c;
		a ^= rol32(c, 16);
		c += b;
		b -= a;
		b ^= rol32(a, 19);
		a += c;
		c -= b;
		c ^= rol32(b, 4);
		b += a;
	}
	return c;
}

/* SipHash rounds: 64-bit rotates, additions, four lanes */
inline_always u64 rol64(u64 v, u32 n)
{
	return v << n | v >> (64 - n);
}

inline_always u64 k_siphash_rot64(struct packet p)
{
	u64 a = 0x736f6d6570736575, b = 0x646f72616e646f6d, c = 0x6c7967656e657261,
	    d = 0x7465646279746573;
	u32 i;

	no_unroll for (i = 0; i < 200; i++)
	{
		d ^= i;
		a += b;
		b = rol64(b, 13);
		b ^= a;
		a = rol64(a, 32);
		c += d;
		d = rol64(d, 16);
		d ^= c;
		a += d;
		d = rol64(d, 21);
		d ^= a;
		c += b;
		b = rol64(b, 17);
		b ^= c;
		c = rol64(c, 32);
		a ^= i;
	}
	return a ^ b ^ c ^ d;
}

/* CRC-32 bit by bit: a select per bit */
inline_always u64 k_crc_select(struct packet p)
{
	u32 crc = ~0u, i, k;

	no_unroll for (i = 0; i < 40; i++)
	{
		if (p.data + i + 1 > p.end)
			break;
		crc ^= p.data[i];
		no_unroll for (k = 0; k < 8; k++)
		{
			u32 x = crc >> 1;

			if (crc & 1)
				x ^= 0xedb88320;
			crc = x;
		}
	}
	return ~crc;
}

/* Smallest and largest byte, and how often a threshold was passed: unpredictable selects */
inline_always u64 k_minmax(struct packet p)
{
	u32 lo = 255, hi = 0, n = 0, i;

	no_unroll for (i = 0; i < 500; i++)
	{
		u32 v;

		if (p.data + i + 1 > p.end)
			break;
		v = p.data[i];
		if (v < lo)
			lo = v;
		if (v > hi)
			hi = v;
		if (v > 127)
			n += v;
	}
	return (u64)lo << 32 | hi << 24 | n;
}

/* Division and remainder by what the packet says and by constants */
inline_always u64 k_divide(struct packet p)
{
	u64 sum = 0;
	u32 i;

	no_unroll for (i = 0; i < 200; i++)
	{
		u64 v;

		if (p.data + i + 1 > p.end)
			break;
		v = p.data[i] + 1000003ULL * i;
		sum += v / (p.data[i] + 1u) + v % 1000 + (u32)v / 10;
	}
	return sum;
}

/* Big-endian numbers put together from bytes, as portable parsers do */
inline_always u64 k_be_bytes(struct packet p)
{
	u64 sum = 0;
	u32 i;

	no_unroll for (i = 0; i < 120; i++)
	{
		u8 *b = p.data + 8 * i;

		if (b + 8 > p.end)
			break;
		sum += (u64)b[0] << 56 | (u64)b[1] << 48 | (u64)b[2] << 40 | (u64)b[3] << 32 |
		       (u32)b[4] << 24 | (u32)b[5] << 16 | (u32)b[6] << 8 | b[7];
	}
	return sum;
}

/* A dense switch */
inline_always u64 k_switch(struct packet p)
{
	u64 acc = 1;
	u32 i;

	no_unroll for (i = 0; i < 300; i++)
	{
		if (p.data + i + 1 > p.end)
			break;
		switch (p.data[i] & 7) {
		case 0:
			acc += 3;
			break;
		case 1:
			acc ^= 0x55;
			break;
		case 2:
			acc *= 3;
			break;
		case 3:
			acc -= i;
			break;
		case 4:
			acc = acc << 1 | acc >> 63;
			break;
		case 5:
			acc |= i;
			break;
		case 6:
			acc += acc >> 3;
			break;
		case 7:
			acc = ~acc;
			break;
		}
	}
	return acc;
}

/* Sums of a table on the stack, read with a stride */
inline_always u64 k_stack_stride(struct packet p)
{
	u64 t[32];
	u64 sum = 0;
	u32 i;

	no_unroll for (i = 0; i < 32; i++)
	{
		u64 v = i * 2654435761u;

		opaque(v);
		t[i & 31] = v;
	}
	no_unroll for (i = 0; i < 400; i++) sum += t[i * 7 & 31];
	return sum;
}

/* A chain of functions that are not inlined */
inline_never u64 f_leaf(u64 a, u64 b)
{
	return (a ^ b) + (a >> 3);
}

inline_never u64 f_middle(u64 a, u64 b)
{
	return f_leaf(a, b) + f_leaf(b, a + 1);
}

inline_always u64 k_calls(struct packet p)
{
	u64 acc = 1;
	u32 i;

	no_unroll for (i = 0; i < 200; i++) acc = f_middle(acc, i);
	return acc;
}

/* Primes below 256 on the stack: stores at computed places. Without branches on data, of which verifiers follow both ways */
inline_always u64 k_sieve(struct packet p)
{
	u8 composite[256];
	u32 i, k, n = 0, zero = 0;

	opaque(zero);
	no_unroll for (i = 0; i < 256; i++) composite[i & 255] = (u8)zero;
	no_unroll for (i = 2; i < 16; i++)
	{
		no_unroll for (k = i * i; k < 256; k += i) composite[k & 255] = 1;
	}
	no_unroll for (i = 2; i < 256; i++) n += 1 - composite[i & 255];
	return n;
}

/* 128 bytes to the stack, 8 at a time, and their sum */
inline_always u64 k_copy(struct packet p)
{
	u64 to[16] = { 0 }, sum = 0;
	u32 i, k;

	no_unroll for (k = 0; k < 8; k++)
	{
		if (p.data + k * 128 + 128 > p.end)
			break;
		no_unroll for (i = 0; i < 16; i++)
		{
			u64 v = *(u64 *)(p.data + k * 128 + (i & 15) * 8);

			to[i & 15] = v;
			opaque(v);
		}
		sum += to[k & 15] + to[15];
	}
	return sum;
}

/* Sorts 16 numbers by exchanging neighbours: branches that depend on data */
inline_always u64 k_sort(struct packet p)
{
	u32 i, k;
	u16 v[16];

	if (p.data + 16 > p.end)
		return 0;
	no_unroll for (i = 0; i < 16; i++) v[i & 15] = (u16)(p.data[i] * 40503u);
	no_unroll for (i = 0; i < 16; i++)
	{
		no_unroll for (k = 0; k < 15; k++)
		{
			u16 a = v[k & 15], b = v[(k + 1) & 15];

			if (a > b) {
				v[k & 15] = b;
				v[(k + 1) & 15] = a;
			}
		}
	}
	return (u64)v[0] << 32 | v[15] << 8 | v[8];
}

/* A chain of optional headers: each one checked against the packet's end, the next found by its length */
inline_always u64 k_ladder(struct packet p)
{
	u8 *at = p.data;
	u64 sum = 0;
	u32 i;

	no_unroll for (i = 0; i < 60; i++)
	{
		u32 len;

		if (at + 2 > p.end)
			return sum;
		len = (at[0] & 7) + 2;
		sum += at[1];
		if (at + 4 > p.end)
			return sum;
		sum += *(u16 *)(at + 2);
		if (at + 8 > p.end)
			return sum;
		sum ^= *(u32 *)(at + 4);
		if (at + 12 > p.end)
			return sum;
		sum += at[11];
		at += len;
	}
	return sum;
}

/* Four sums at a time: what can go on at once */
inline_always u64 k_sums(struct packet p)
{
	u64 a = 0, b = 0, c = 0, d = 0;
	u32 i;

	no_unroll for (i = 0; i < 250; i++)
	{
		u8 *at = p.data + 4 * i;

		if (at + 4 > p.end)
			break;
		a += at[0];
		b += at[1] ^ i;
		c += at[2] * 3;
		d ^= at[3];
		opaque(a);
		opaque(b);
		opaque(c);
		opaque(d);
	}
	return a ^ b << 16 ^ c << 32 ^ d << 48;
}

/* 32-bit arithmetic of every kind */
inline_always u64 k_alu32(struct packet p)
{
	u32 x = 0x12345678, y = 0x9abcdef0, i;

	no_unroll for (i = 0; i < 400; i++)
	{
		x += y;
		y ^= x >> 3;
		x = (x << 5) - x;
		y |= i;
		x &= ~(y << 9);
		y = -y + (u32)((int)x >> 4);
		opaque(x);
		opaque(y);
	}
	return (u64)x << 32 | y;
}

/* Ethernet, VLAN, IPv4/IPv6, TCP/UDP: bounds checks, byte order, branches; once per packet */
struct flow {
	u32 src, dst;
	u16 sport, dport;
	u8 proto;
};

inline_always u64 parse(u8 *data, u8 *end)
{
	u8 *p = data + 14, *l4;
	u16 type;
	u32 i, h = 2166136261u;
	struct flow f = { 0 };

	if (p > end)
		return 1;
	type = *(u16 *)(data + 12);
	for (i = 0; i < 2; i++) {
		if (type != 0x0081 && type != 0xa888)
			break;
		if (p + 4 > end)
			return 1;
		type = *(u16 *)(p + 2);
		p += 4;
	}
	if (type == 0x0008) {
		u32 ihl;

		if (p + 20 > end)
			return 1;
		ihl = (p[0] & 15) * 4;
		if (p[0] >> 4 != 4 || ihl < 20)
			return 1;
		f.src = *(u32 *)(p + 12);
		f.dst = *(u32 *)(p + 16);
		f.proto = p[9];
		l4 = p + ihl;
	} else if (type == 0xdd86) {
		if (p + 40 > end)
			return 1;
		f.src = *(u32 *)(p + 8) ^ *(u32 *)(p + 12) ^ *(u32 *)(p + 16) ^ *(u32 *)(p + 20);
		f.dst = *(u32 *)(p + 24) ^ *(u32 *)(p + 28) ^ *(u32 *)(p + 32) ^ *(u32 *)(p + 36);
		f.proto = p[6];
		l4 = p + 40;
	} else {
		return 2;
	}
	if (f.proto == 6 || f.proto == 17) {
		if (l4 + 8 > end)
			return 1;
		f.sport = __builtin_bswap16(*(u16 *)l4);
		f.dport = __builtin_bswap16(*(u16 *)(l4 + 2));
		if (f.dport == 22)
			return 3;
	}
	h = (h ^ f.src) * 16777619;
	h = (h ^ f.dst) * 16777619;
	h = (h ^ ((u32)f.sport << 16 | f.dport)) * 16777619;
	h = (h ^ f.proto) * 16777619;
	return 4 + (h & 0xff);
}

inline_always u64 k_parse(struct packet p)
{
	return parse(p.data, p.end);
}

inline_always u64 k_empty(struct packet p)
{
	return 2;
}

/* clang-format off */
#define KERNELS(ROW) \
	ROW(empty) ROW(parse) ROW(xorshift) ROW(fnv_bytes) ROW(checksum) ROW(jhash_rot32) \
	ROW(siphash_rot64) ROW(crc_select) ROW(minmax) ROW(divide) ROW(be_bytes) ROW(switch) \
	ROW(stack_stride) ROW(calls) ROW(alu32) ROW(sieve) ROW(copy) ROW(sort) ROW(ladder) ROW(sums)
/* clang-format on */

#endif
