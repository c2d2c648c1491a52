/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Makes a capture to try things on: ARP, IPv4 (TCP, UDP, ICMP), IPv6, VLAN tags and
 * a few damaged packets, the same ones every time.
 *   make-capture FILE [PACKETS]        default 1000 packets
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 0x736b6570;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 11) % n;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t add(uint32_t sum, const uint8_t *p, unsigned n)
{
	for (; n > 1; p += 2, n -= 2)
		sum += (uint32_t)(p[0] << 8 | p[1]);
	return n ? sum + (uint32_t)(p[0] << 8) : sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* TCP, UDP or ICMP with a payload at @p; returns its length. Checksums over @pseudo. */
static unsigned transport(uint8_t *p, unsigned protocol, uint32_t pseudo)
{
	static const unsigned ports[] = { 22, 53, 80, 443, 8080 };
	unsigned payload = below(400), head, at;

	switch (protocol) {
	case 6:
		head = 20;
		put32(p + 4, below(1 << 30));
		put32(p + 8, below(1 << 30));
		p[12] = 0x50;
		p[13] = 0x10 | (below(8) == 0 ? 2 : 0);
		put16(p + 14, 0xffff);
		at = 16;
		break;
	case 17:
		head = 8;
		put16(p + 4, head + payload);
		at = 6;
		break;
	default:
		head = 8;
		p[0] = 8; /* echo request */
		put16(p + 4, 77);
		put16(p + 6, below(1000));
		at = 2;
		break;
	}
	if (protocol == 6 || protocol == 17) {
		put16(p, 1024 + below(60000));
		put16(p + 2, ports[below(5)]);
	}
	for (unsigned i = 0; i < payload; i++)
		p[head + i] = (uint8_t)('a' + i % 26);
	put16(p + at, 0);
	put16(p + at,
	      fold(add(protocol == 1 ? 0 : pseudo + protocol + head + payload, p, head + payload)));
	return head + payload;
}

static unsigned ipv4(uint8_t *p)
{
	static const unsigned protocols[] = { 6, 6, 6, 17, 17, 1 };
	unsigned protocol = protocols[below(6)], n;

	memset(p, 0, 20);
	p[0] = 0x45;
	p[8] = (uint8_t)(1 + below(64));
	p[9] = (uint8_t)protocol;
	put32(p + 12, 0x0a000000 | (1 + below(30)));
	put32(p + 16, below(4) == 0 ? 0x0a000050 : 0xc0a80100 | (1 + below(200)));
	n = 20 + transport(p + 20, protocol, add(0, p + 12, 8));
	put16(p + 2, n);
	put16(p + 10, fold(add(0, p, 20)));
	return n;
}

static unsigned ipv6(uint8_t *p)
{
	unsigned protocol = below(2) ? 6 : 17, n;

	memset(p, 0, 40);
	p[0] = 0x60;
	p[6] = (uint8_t)protocol;
	p[7] = 64;
	memcpy(p + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(p + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	n = transport(p + 40, protocol, add(0, p + 8, 32));
	put16(p + 4, n);
	return 40 + n;
}

static unsigned arp(uint8_t *p)
{
	memcpy(p, "\0\1\x08\0\6\4\0\1\x02\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2", 28);
	return 28;
}

static unsigned frame(uint8_t *p)
{
	unsigned kind = below(20), at = 12, n;

	memcpy(p, kind == 0 ? "\xff\xff\xff\xff\xff\xff" : "\x02\0\0\0\0\x02", 6);
	memcpy(p + 6, "\x02\0\0\0\0\x01", 6);
	if (kind == 1 || kind == 2) {
		put16(p + at, 0x8100);
		put16(p + at + 2, 1 + below(4000));
		at += 4;
	}
	put16(p + at, kind == 0 ? 0x0806 : kind < 6 && kind > 2 ? 0x86dd : 0x0800);
	at += 2;
	n = at + (kind == 0 ? arp(p + at) : kind < 6 && kind > 2 ? ipv6(p + at) : ipv4(p + at));
	if (kind == 19) /* cut inside the headers */
		n = at + below(20);
	if (kind == 18) /* a length that lies */
		put16(p + at + 2, 0xffff);
	return n;
}

int main(int argc, char **argv)
{
	unsigned packets = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 1000;
	pcap_t *format = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out;
	uint8_t buf[2048];

	if (argc < 2) {
		fprintf(stderr, "usage: make-capture FILE [PACKETS]\n");
		return 2;
	}
	out = format ? pcap_dump_open(format, argv[1]) : NULL;
	if (!out) {
		fprintf(stderr, "make-capture: %s\n",
			format ? pcap_geterr(format) : "out of memory");
		return 1;
	}
	for (unsigned i = 0; i < packets; i++) {
		struct pcap_pkthdr h = { .ts = { 1700000000 + i / 1000, i % 1000 * 1000 } };

		h.caplen = h.len = frame(buf);
		pcap_dump((u_char *)out, &h, buf);
	}
	if (pcap_dump_flush(out)) {
		fprintf(stderr, "make-capture: %s cannot be written\n", argv[1]);
		return 1;
	}
	pcap_dump_close(out);
	pcap_close(format);
	printf("%s: %u packets\n", argv[1], packets);
	return 0;
}
