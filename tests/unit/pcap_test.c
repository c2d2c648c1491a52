/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Captures as devices: what programs decide about packets, what becomes of the packets
 * in the output files, packets too large for a page, and files that are no captures.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* its classic BPF has a struct bpf_insn, too */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/pcap.h>
#define DLT_EN10MB 1
#define DLT_RAW	   12

#include "base/types.h"
#include "base/uapi.h"

#include <cmocka.h>

#include "../lib/asm.h"
#include "../lib/system_fixture.h"
#include "skep/skep.h"

#define MAX 262144

static struct {
	struct skep_system *sys;
	char dir[64], in[96], out[96], tx[96], redirect[96], filter[96];
	char error[256];
	struct skep_pcap *pcap;
	struct skep_pcap_stats stats;
} t;

static u8 packet[MAX], got[MAX];

/* A packet of @len bytes whose verdict its sixth byte names. */
static u32 fill(u32 len, u8 verdict, bool vlan)
{
	for (u32 i = 0; i < len; i++)
		packet[i] = (u8)(i * 13 + verdict);
	memcpy(packet, "\x02\0\0\0\0", 5);
	packet[5] = verdict;
	memcpy(packet + 12, vlan ? "\x81\x00\x20\x07\x08\x00" : "\x08\x00\x45\x00\x00\x28", 6);
	return len;
}

struct spec {
	u32 len;
	u8 verdict;
	bool vlan;
};

static void write_capture(const struct spec *v, u32 n, int link_type)
{
	pcap_t *p =
		pcap_open_dead_with_tstamp_precision(link_type, MAX, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *d = pcap_dump_open(p, t.in);

	assert_non_null(d);
	for (u32 i = 0; i < n; i++) {
		struct pcap_pkthdr h = { .ts = { 1700000000 + i, 123456789 },
					 .caplen = v[i].len,
					 .len = v[i].len };

		fill(v[i].len, v[i].verdict, v[i].vlan);
		pcap_dump((u8 *)d, &h, packet);
	}
	pcap_dump_close(d);
	pcap_close(p);
}

static u32 count_packets(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, why);
	struct pcap_pkthdr *h;
	const u8 *data;
	u32 n = 0;

	assert_non_null(p);
	while (pcap_next_ex(p, &h, &data) == 1)
		n++;
	pcap_close(p);
	return n;
}

/* Packet @index of @path into .got; its length. */
static u32 read_packet(const char *path, u32 index, struct pcap_pkthdr *header)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct pcap_pkthdr *h;
	const u8 *data;
	u32 len = 0;

	assert_non_null(p);
	for (u32 i = 0; i <= index; i++)
		assert_int_equal(pcap_next_ex(p, &h, &data), 1);
	memcpy(got, data, h->caplen);
	len = h->caplen;
	if (header)
		*header = *h;
	pcap_close(p);
	return len;
}

static void open_capture(const struct spec *v, u32 n)
{
	write_capture(v, n, DLT_EN10MB);
	if (skep_pcap_open(t.sys, t.in, &t.pcap, t.error, sizeof(t.error)))
		fail_msg("%s", t.error);
}

static void attach(u32 type, u32 attach_type, const struct bpf_insn *insns, u32 n)
{
	char log[8192] = "";
	int fd = sys_prog_load(t.sys, type, insns, n, log, sizeof(log));
	union bpf_attr attr;

	if (fd < 0)
		fail_msg("%d: %s", fd, log);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (u32)fd;
	attr.link_create.target_ifindex = skep_pcap_ifindex(t.pcap);
	attr.link_create.attach_type = attach_type;
	/* Both descriptors stay open to the end of the process: the device goes first. */
	assert_true(skep_bpf(t.sys, BPF_LINK_CREATE, &attr, sizeof(attr)) >= 0);
}

static void run(u32 repeat)
{
	struct skep_pcap_run_opts opts = {
		.sz = sizeof(opts),
		.repeat = repeat,
		.out = t.out,
		.out_tx = t.tx,
		.out_redirect = t.redirect,
		.out_filter = t.filter,
	};

	memset(&t.stats, 0, sizeof(t.stats));
	t.stats.sz = sizeof(t.stats);
	if (skep_pcap_run(t.pcap, &opts, &t.stats, t.error, sizeof(t.error)))
		fail_msg("%s", t.error);
}

static int close_capture(void **state)
{
	skep_pcap_close(t.pcap);
	t.pcap = NULL;
	return 0;
}

/* r0 = the packet's sixth byte */
static const struct bpf_insn xdp_verdict[] = {
	LD(W, 2, 1, 0), LD(W, 3, 1, 4),	  MOVX(4, 2),	  ADDK(4, 14),
	MOVK(0, 0),	JX(JGT, 4, 3, 1), LD(B, 0, 2, 5), EXIT,
};

static void xdp_verdicts(void **state)
{
	static const struct spec v[] = {
		{ 60, XDP_PASS },    { 61, XDP_DROP }, { 62, XDP_TX },	       { 63, XDP_REDIRECT },
		{ 64, XDP_ABORTED }, { 65, 9 },	       { 66, XDP_PASS, true }, { 14, XDP_PASS },
	};
	struct pcap_pkthdr h;

	open_capture(v, ARRAY_SIZE(v));
	attach(BPF_PROG_TYPE_XDP, BPF_XDP, xdp_verdict, ARRAY_SIZE(xdp_verdict));
	run(3);
	assert_int_equal(t.stats.packets, 24);
	assert_int_equal(t.stats.xdp[0], 3);
	assert_int_equal(t.stats.xdp[1], 3);
	assert_int_equal(t.stats.xdp[2], 9);
	assert_int_equal(t.stats.xdp[3], 3);
	assert_int_equal(t.stats.xdp[4], 3);
	assert_int_equal(t.stats.xdp[5], 3);
	assert_int_equal(t.stats.passed, 9);
	assert_int_equal(t.stats.dropped, 9);
	assert_int_equal(t.stats.bytes, 3 * (60 + 61 + 62 + 63 + 64 + 65 + 66 + 14));
	/* Outputs hold the last round, bytes and times as they were. */
	assert_int_equal(count_packets(t.out), 3);
	assert_int_equal(count_packets(t.tx), 1);
	assert_int_equal(count_packets(t.redirect), 1);
	assert_int_equal(read_packet(t.out, 1, &h), 66);
	assert_memory_equal(got, (fill(66, XDP_PASS, true), packet), 66);
	assert_int_equal(h.ts.tv_sec, 1700000006);
	assert_int_equal(h.ts.tv_usec, 123456789);
	assert_int_equal(read_packet(t.tx, 0, NULL), 62);
}

/* Grows by 4 bytes at the head and 2 at the tail, and writes "ab" there. */
static void xdp_grows(void **state)
{
	static const struct bpf_insn grow[] = {
		MOVX(6, 1),
		MOVK(2, -4),
		CALL(xdp_adjust_head),
		JK(JNE, 0, 0, 9),
		MOVX(1, 6),
		MOVK(2, 2),
		CALL(xdp_adjust_tail),
		JK(JNE, 0, 0, 5),
		LD(W, 2, 6, 0),
		LD(W, 3, 6, 4),
		MOVX(4, 2),
		ADDK(4, 14),
		JX(JLE, 4, 3, 2),
		MOVK(0, 1),
		EXIT,
		STK(H, 2, 0, 0x6261),
		MOVK(0, 2),
		EXIT,
	};
	static const struct spec v[] = { { 60, 0 }, { 3000, 0 } };

	open_capture(v, ARRAY_SIZE(v));
	attach(BPF_PROG_TYPE_XDP, BPF_XDP, grow, ARRAY_SIZE(grow));
	run(2); /* the capture itself is left as it is */
	assert_int_equal(t.stats.xdp[2], 4);
	for (u32 i = 0; i < 2; i++) {
		u32 len = v[i].len;

		assert_int_equal(read_packet(t.out, i, NULL), len + 6);
		assert_memory_equal(got, "ab", 2);
		assert_memory_equal(got + 4, (fill(len, 0, false), packet), len);
		assert_memory_equal(got + 4 + len, "\0\0", 2);
	}
}

/* TC sees the tag beside the packet; verdicts by the sixth byte, in r0 - 1 for -1. */
static void tc_verdicts(void **state)
{
	static const struct bpf_insn verdict[] = {
		LD(W, 2, 1, offsetof(struct __sk_buff, data)),
		LD(W, 3, 1, offsetof(struct __sk_buff, data_end)),
		MOVX(4, 2),
		ADDK(4, 14),
		MOVK(0, 0),
		JX(JGT, 4, 3, 2),
		LD(B, 0, 2, 5),
		ADDK(0, -1),
		EXIT,
	};
	static const struct spec v[] = {
		{ 60, 0 }, { 61, 1 }, { 62, 3 }, { 63, 8 }, { 64, 5 }, { 65, 1, true }, { 66, 200 },
	};

	open_capture(v, ARRAY_SIZE(v));
	attach(BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, verdict, ARRAY_SIZE(verdict));
	run(1);
	assert_int_equal(t.stats.tc[0], 3); /* UNSPEC, OK, OK */
	assert_int_equal(t.stats.tc[2], 1);
	assert_int_equal(t.stats.tc[4], 1);
	assert_int_equal(t.stats.tc[7], 1);
	assert_int_equal(t.stats.dropped, 2);
	assert_int_equal(count_packets(t.redirect), 1);
	assert_int_equal(read_packet(t.out, 2, NULL), 65); /* its tag is back */
	assert_memory_equal(got, (fill(65, 1, true), packet), 65);
}

static void tc_pops_tags(void **state)
{
	static const struct bpf_insn pop[] = { CALL(skb_vlan_pop), RET(0) };
	static const struct spec v[] = { { 100, 0, true } };

	open_capture(v, 1);
	attach(BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, pop, ARRAY_SIZE(pop));
	run(1);
	fill(100, 0, true);
	assert_int_equal(read_packet(t.out, 0, NULL), 96);
	assert_memory_equal(got, packet, 12);
	assert_memory_equal(got + 12, packet + 16, 84);
}

/* Observers see a copy before TC: kept as long as the filter says, whatever becomes of the packet. */
static void filters_cut(void **state)
{
	static const struct bpf_insn filter[] = {
		MOVX(6, 1), LDABS(B, 5),      MOVX(2, 0),      MOVK(0, 20), JK(JEQ, 2, 1, 3),
		MOVK(0, 0), JK(JEQ, 2, 2, 1), MOVK(0, 0xffff), EXIT,
	};
	static const struct bpf_insn drop[] = { RET(2) };
	static const struct spec v[] = { { 60, 1 }, { 61, 2 }, { 62, 3 } };
	int fd = sys_prog_load(t.sys, BPF_PROG_TYPE_SOCKET_FILTER, filter, ARRAY_SIZE(filter), NULL,
			       0);

	assert_true(fd >= 0);
	open_capture(v, ARRAY_SIZE(v));
	assert_int_equal(skep_pcap_filter(t.pcap, fd), 0);
	assert_int_equal(skep_pcap_filter(t.pcap, 999), -EBADF);
	attach(BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, drop, ARRAY_SIZE(drop));
	run(1);
	assert_int_equal(t.stats.filter_kept, 2);
	assert_int_equal(t.stats.filter_dropped, 1);
	assert_int_equal(t.stats.filter_bytes, 20 + 62);
	assert_int_equal(t.stats.dropped, 3);
	assert_int_equal(count_packets(t.out), 0);
	assert_int_equal(read_packet(t.filter, 0, NULL), 20);
	assert_memory_equal(got, (fill(60, 1, false), packet), 20);
	assert_int_equal(read_packet(t.filter, 1, NULL), 62);
	close(fd);
}

/* Segmentation offload makes packets of any size; they go through whole. */
static void large_packets(void **state)
{
	static const struct bpf_insn pass[] = { CALL(skb_vlan_pop), RET(0) };
	static const struct bpf_insn touch[] = {
		LD(W, 2, 1, 0), LD(W, 3, 1, 4),	  MOVX(4, 2),	      ADDK(4, 14),
		MOVK(0, 2),	JX(JGT, 4, 3, 1), STK(B, 2, 0, 0x7e), EXIT,
	};
	static const struct spec v[] = { { 16065, 0 }, { 65549, 0, true }, { MAX, 0 }, { 60, 0 } };

	open_capture(v, ARRAY_SIZE(v));
	attach(BPF_PROG_TYPE_XDP, BPF_XDP, touch, ARRAY_SIZE(touch));
	attach(BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, pass, ARRAY_SIZE(pass));
	run(1);
	assert_int_equal(t.stats.passed, 4);
	for (u32 i = 0; i < 4; i++) {
		u32 cut = v[i].vlan ? 4 : 0, len = v[i].len;

		assert_int_equal(read_packet(t.out, i, NULL), len - cut);
		fill(len, 0, v[i].vlan);
		packet[0] = 0x7e;
		assert_memory_equal(got, packet, 12);
		assert_memory_equal(got + 12, packet + 12 + cut, len - cut - 12);
	}
}

/* Each refusal names the file, and the packet where it is one. */
static void bad_files(void **state)
{
	static const struct spec shorter[] = { { 60, 0 }, { 13, 0 } };
	struct skep_pcap *p;
	FILE *f;

	assert_int_equal(skep_pcap_open(t.sys, "/nonexistent/x.pcap", &p, t.error, sizeof(t.error)),
			 -ENOENT);
	assert_non_null(strstr(t.error, "/nonexistent/x.pcap"));
	f = fopen(t.in, "w");
	fputs("this is not a capture file at all", f);
	fclose(f);
	assert_int_equal(skep_pcap_open(t.sys, t.in, &p, t.error, sizeof(t.error)), -EINVAL);
	assert_non_null(strstr(t.error, t.in));
	assert_null(p);

	write_capture(shorter, 2, DLT_EN10MB);
	assert_int_equal(skep_pcap_open(t.sys, t.in, &p, t.error, sizeof(t.error)), -EINVAL);
	assert_non_null(strstr(t.error, "packet 2: 13 bytes"));

	write_capture(shorter, 1, DLT_RAW);
	assert_int_equal(skep_pcap_open(t.sys, t.in, &p, t.error, sizeof(t.error)), -EINVAL);
	assert_non_null(strstr(t.error, "link type"));

	write_capture(shorter, 1, DLT_EN10MB);
	assert_int_equal(truncate(t.in, 24 + 16 + 30), 0); /* in the middle of the packet */
	assert_int_equal(skep_pcap_open(t.sys, t.in, &p, t.error, sizeof(t.error)), -EINVAL);
	assert_non_null(strstr(t.error, "packet 1: "));
}

static int setup(void **state)
{
	snprintf(t.dir, sizeof(t.dir), "/tmp/skep-pcap-XXXXXX");
	if (!mkdtemp(t.dir))
		return -1;
	snprintf(t.in, sizeof(t.in), "%s/in", t.dir);
	snprintf(t.out, sizeof(t.out), "%s/out", t.dir);
	snprintf(t.tx, sizeof(t.tx), "%s/tx", t.dir);
	snprintf(t.redirect, sizeof(t.redirect), "%s/redirect", t.dir);
	snprintf(t.filter, sizeof(t.filter), "%s/filter", t.dir);
	t.sys = system_for("6.18");
	return t.sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(t.sys);
	unlink(t.in);
	unlink(t.out);
	unlink(t.tx);
	unlink(t.redirect);
	unlink(t.filter);
	return rmdir(t.dir);
}

/* ---- redirects by maps ---- */

static int make_map(u32 type, u32 entries)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = entries;
	fd = skep_bpf(t.sys, BPF_MAP_CREATE, &attr, sizeof(attr));
	assert_true(fd >= 0);
	return fd;
}

static void set_element(int map, u32 key, u32 low, u32 prog_fd)
{
	u32 value[2] = { low, prog_fd };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)map;
	attr.key = (u64)&key;
	attr.value = (u64)value;
	assert_int_equal(skep_bpf(t.sys, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)), 0);
}

static int load_for(u32 attach_type, const struct bpf_insn *insns, u32 n)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = attach_type;
	attr.insns = (u64)insns;
	attr.insn_cnt = n;
	attr.license = (u64) "GPL";
	fd = skep_bpf(t.sys, BPF_PROG_LOAD, &attr, sizeof(attr));
	assert_true(fd >= 0);
	return fd;
}

/* Redirects by @map to the element that the packet's sixth byte names; @flags if there is none. */
static void attach_redirect(int map, s32 flags)
{
	const struct bpf_insn insns[] = {
		LD(W, 2, 1, 0), LD(W, 3, 1, 4),	    MOVX(4, 2),	    ADDK(4, 14),
		MOVK(0, 0),	JX(JGT, 4, 3, 5),   LD(B, 2, 2, 5), LDMAP(1, map),
		MOVK(3, flags), CALL(redirect_map), EXIT,
	};

	attach(BPF_PROG_TYPE_XDP, BPF_XDP, insns, ARRAY_SIZE(insns));
}

/* Lets pass what is longer than 70 bytes, and marks it; r0 = PASS or DROP. */
static const struct bpf_insn long_ones[] = {
	LD(W, 2, 1, 0),	  LD(W, 3, 1, 4),     MOVX(4, 2),	 ADDK(4, 70), MOVK(0, XDP_DROP),
	JX(JGT, 4, 3, 2), STK(B, 2, 6, 0x5a), MOVK(0, XDP_PASS), EXIT,
};

static void devmap_redirects(void **state)
{
	static const struct spec v[] = { { 60, 0 }, { 61, 1 }, { 80, 1 }, { 62, 2 }, { 63, 3 } };
	int map = make_map(BPF_MAP_TYPE_DEVMAP, 4), prog;

	open_capture(v, ARRAY_SIZE(v));
	prog = load_for(BPF_XDP_DEVMAP, long_ones, ARRAY_SIZE(long_ones));
	set_element(map, 0, skep_pcap_ifindex(t.pcap), 0);
	set_element(map, 1, 1, (u32)prog);
	attach_redirect(map, XDP_PASS);
	run(1);
	/* 0 leaves, one of 1 leaves marked, one is dropped; there is no 2 and no 3: they pass */
	assert_int_equal(t.stats.redirected, 2);
	assert_int_equal(t.stats.dropped, 1);
	assert_int_equal(t.stats.passed, 2);
	assert_int_equal(count_packets(t.redirect), 2);
	assert_int_equal(read_packet(t.redirect, 0, NULL), 60);
	assert_int_equal(read_packet(t.redirect, 1, NULL), 80);
	assert_int_equal(got[6], 0x5a);
	close(prog);
	close(map);
}

static void devmap_broadcasts(void **state)
{
	static const struct spec v[] = { { 60, 0 }, { 80, 1 } };
	int map = make_map(BPF_MAP_TYPE_DEVMAP_HASH, 8), prog;

	open_capture(v, ARRAY_SIZE(v));
	prog = load_for(BPF_XDP_DEVMAP, long_ones, ARRAY_SIZE(long_ones));
	set_element(map, 10, skep_pcap_ifindex(t.pcap), 0);
	set_element(map, 20, 1, (u32)prog);
	set_element(map, 30, 1, 0);
	attach_redirect(map, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	run(1);
	assert_int_equal(t.stats.redirected, 3); /* of the short one the program drops its copy */
	assert_int_equal(t.stats.dropped, 1);
	assert_int_equal(count_packets(t.redirect), 3);
	close(prog);
	close(map);
}

static void cpumap_redirects(void **state)
{
	static const struct spec v[] = { { 60, 0 }, { 61, 1 }, { 80, 1 } };
	int map = make_map(BPF_MAP_TYPE_CPUMAP, 2), prog;

	open_capture(v, ARRAY_SIZE(v));
	prog = load_for(BPF_XDP_CPUMAP, long_ones, ARRAY_SIZE(long_ones));
	set_element(map, 0, 16, 0);
	if (sysconf(_SC_NPROCESSORS_CONF) > 1)
		set_element(map, 1, 16, (u32)prog);
	attach_redirect(map, XDP_DROP);
	run(1);
	assert_int_equal(t.stats.redirected, 0);
	if (sysconf(_SC_NPROCESSORS_CONF) > 1) {
		assert_int_equal(t.stats.passed, 2);
		assert_int_equal(count_packets(t.out), 2);
	}
	close(prog);
	close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(xdp_verdicts, close_capture),
		cmocka_unit_test_teardown(xdp_grows, close_capture),
		cmocka_unit_test_teardown(tc_verdicts, close_capture),
		cmocka_unit_test_teardown(tc_pops_tags, close_capture),
		cmocka_unit_test_teardown(filters_cut, close_capture),
		cmocka_unit_test_teardown(large_packets, close_capture),
		cmocka_unit_test_teardown(bad_files, close_capture),
		cmocka_unit_test_teardown(devmap_redirects, close_capture),
		cmocka_unit_test_teardown(devmap_broadcasts, close_capture),
		cmocka_unit_test_teardown(cpumap_redirects, close_capture),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
