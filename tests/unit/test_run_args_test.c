/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What BPF_PROG_TEST_RUN accepts and writes back, by program type: a list of cases with
 * the errors that Linux 6.18 gives, and random attributes against the running kernel
 * where that permits eBPF.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/types.h"
#include "base/uapi.h"

#include <cmocka.h>

#include "../lib/asm.h"
#include "../lib/load.h"
#include "skep/skep.h"

#define BUF 9000

enum prog { XDP, TC, FILTER, RAW_TP, SYSCALL, FLOW, LOOKUP, NF, PROGS };

static const struct bpf_insn xdp[] = { RET(2) };
static const struct bpf_insn tc[] = { RET(-1) };
static const struct bpf_insn filter[] = { LD(W, 0, 1, offsetof(struct __sk_buff, len)), EXIT };
static const struct bpf_insn raw_tp[] = { LD(DW, 0, 1, 8), EXIT };
static const struct bpf_insn sys[] = { LD(DW, 0, 1, 0), MOVK(2, 7), ST(DW, 1, 8, 2), EXIT };

#define KEYS(field) offsetof(struct bpf_flow_keys, field)

/* Reads what it is given and fills some keys; one out of range. */
static const struct bpf_insn flow[] = {
	LD(DW, 2, 1, offsetof(struct __sk_buff, flow_keys)),
	LD(W, 0, 2, KEYS(flags)),
	LD(H, 3, 2, KEYS(n_proto)),
	LSHK(0, 16),
	ADDX(0, 3),
	MOVK(4, 30),
	ST(H, 2, KEYS(thoff), 4),
	MOVK(4, 3),
	ST(H, 2, KEYS(nhoff), 4),
	MOVK(4, 17),
	ST(B, 2, KEYS(ip_proto), 4),
	EXIT,
};

#define LOOKUP_FIELD(f) offsetof(struct bpf_sk_lookup, f)
#define MIX(f)		LD(W, 3, 1, LOOKUP_FIELD(f)), LSHK(2, 5), ADDX(2, 3)

/* One bit of all fields. */
static const struct bpf_insn lookup[] = {
	MOVK(2, 0),
	MIX(family),
	MIX(protocol),
	MIX(remote_ip4),
	MIX(remote_ip6),
	MIX(remote_ip6[3]),
	MIX(remote_port),
	MIX(local_ip4),
	MIX(local_ip6[1]),
	MIX(local_port),
	MOVX(0, 2),
	I(BPF_ALU64 | BPF_RSH | BPF_K, 2, 0, 0, 7),
	I(BPF_ALU64 | BPF_XOR | BPF_X, 0, 2, 0, 0),
	ANDK(0, 1),
	EXIT,
};
static const struct bpf_insn nf[] = { LD(DW, 2, 1, 0), LD(DW, 3, 1, 8), RET(1) };

static const struct {
	u32 type, flags;
	const struct bpf_insn *insns;
	u32 len, attach;
} progs[PROGS] = {
	[XDP] = { BPF_PROG_TYPE_XDP, 0, xdp, ARRAY_SIZE(xdp) },
	[TC] = { BPF_PROG_TYPE_SCHED_CLS, 0, tc, ARRAY_SIZE(tc) },
	[FILTER] = { BPF_PROG_TYPE_SOCKET_FILTER, 0, filter, ARRAY_SIZE(filter) },
	[RAW_TP] = { BPF_PROG_TYPE_RAW_TRACEPOINT, 0, raw_tp, ARRAY_SIZE(raw_tp) },
	[SYSCALL] = { BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE, sys, ARRAY_SIZE(sys) },
	[FLOW] = { BPF_PROG_TYPE_FLOW_DISSECTOR, 0, flow, ARRAY_SIZE(flow) },
	[LOOKUP] = { BPF_PROG_TYPE_SK_LOOKUP, 0, lookup, ARRAY_SIZE(lookup), BPF_SK_LOOKUP },
	[NF] = { BPF_PROG_TYPE_NETFILTER, 0, nf, ARRAY_SIZE(nf), BPF_NETFILTER },
};

struct buffers {
	u8 in[BUF], out[BUF], ctx[4200], ctx_out[256];
};

/* Who runs: skep as 6.18, skep as the running kernel, that itself. */
enum who { SKEP, SKEP_HOST, KERNEL, WHO };

static struct {
	struct skep_system *sys[WHO];
	bool kernel;
	int fd[WHO][PROGS];
} test;

static int load(struct skep_system *s, enum prog p)
{
	struct target t = { .sys = s };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = progs[p].type;
	attr.prog_flags = progs[p].flags;
	attr.insns = (uintptr_t)progs[p].insns;
	attr.insn_cnt = progs[p].len;
	attr.expected_attach_type = progs[p].attach;
	attr.license = (uintptr_t) "GPL";
	return target_bpf(&t, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int run(enum who who, enum prog p, union bpf_attr *attr)
{
	static struct target t;

	t.sys = test.sys[who];
	attr->test.prog_fd = (u32)test.fd[who][p];
	return target_bpf(&t, BPF_PROG_TEST_RUN, attr, sizeof(*attr));
}

/* One case: fields that differ from a plain run of the type, and the error. */
struct test_case {
	enum prog prog;
	int err;
	u32 size_in, size_out, repeat, ctx_size, ctx_size_out, flags, cpu, batch;
	bool no_in, out, ctx_out, bad_pointer, duration;
	struct {
		u32 at, value;
	} ctx[3];
};

#define MD(field)  offsetof(struct xdp_md, field)
#define SKB(field) offsetof(struct __sk_buff, field)

static const struct test_case cases[] = {
	{ XDP, 0, .size_in = 64 },
	{ XDP, 0, .size_in = 14, .repeat = 5 },
	{ XDP, -EINVAL, .size_in = 13 },
	{ XDP, -EINVAL, .size_in = 0 },
	{ XDP, 0, .size_in = 3520 },
	{ XDP, 0, .size_in = 9000 },
	{ XDP, -EFAULT, .size_in = 64, .bad_pointer = true },
	{ XDP, -EINVAL, .size_in = 64, .flags = 1 },
	{ XDP, -EINVAL, .size_in = 64, .batch = 1 },
	{ XDP, 0, .size_in = 64, .out = true, .size_out = 64 },
	{ XDP, -ENOSPC, .size_in = 64, .out = true, .size_out = 63 },
	{ XDP, 0, .size_in = 64, .out = true },
	{ XDP, 0, .size_in = 64, .ctx_size = 24, .ctx = { { MD(data_end), 64 } } },
	{ XDP, 0, .size_in = 64, .ctx_size = 12, .ctx = { { MD(data_end), 64 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24, .ctx = { { MD(data_end), 65 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data), 65 } } },
	{ XDP, 0, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data), 32 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data), 33 } } },
	{ XDP, 0, .size_in = 400, .ctx_size = 24,
	  .ctx = { { MD(data_end), 400 }, { MD(data), 216 } } },
	{ XDP, -EINVAL, .size_in = 400, .ctx_size = 24,
	  .ctx = { { MD(data_end), 400 }, { MD(data), 220 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data), 52 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data_meta), 4 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(rx_queue_index), 1 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(egress_ifindex), 1 } } },
	{ XDP, -ENODEV, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(ingress_ifindex), 999999 } } },
	{ XDP, 0, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(ingress_ifindex), 1 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(ingress_ifindex), 1 }, { MD(rx_queue_index), 9 } } },
	{ XDP, 0, .size_in = 64, .ctx_size = 40, .ctx = { { MD(data_end), 64 } } },
	{ XDP, -E2BIG, .size_in = 64, .ctx_size = 40, .ctx = { { MD(data_end), 64 }, { 24, 1 } } },
	{ XDP, -E2BIG, .size_in = 64, .ctx_size = 4100, .ctx = { { MD(data_end), 64 } } },
	{ XDP, -ENOSPC, .size_in = 64, .ctx_size = 24, .ctx_out = true, .ctx_size_out = 8,
	  .ctx = { { MD(data_end), 64 } } },
	{ XDP, -EINVAL, .size_in = 64, .ctx_size_out = 8 },
	{ XDP, -EINVAL, .size_in = 64, .ctx_out = true },
	{ TC, 0, .size_in = 64 },
	{ TC, -EINVAL, .size_in = 13 },
	{ TC, 0, .size_in = 3712 },
	{ TC, -EINVAL, .size_in = 3713 },
	{ TC, -EFAULT, .size_in = 64, .bad_pointer = true },
	{ TC, -EINVAL, .size_in = 64, .flags = 1 },
	{ TC, 0, .size_in = 64, .flags = 4 },
	{ TC, -EINVAL, .size_in = 64, .cpu = 1 },
	{ TC, -EINVAL, .size_in = 64, .batch = 1 },
	{ TC, -ENOSPC, .size_in = 64, .out = true, .size_out = 1 },
	{ TC, 0, .size_in = 64, .ctx_size = 192,
	  .ctx = { { SKB(mark), 5 }, { SKB(priority), 6 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(len), 64 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(hash), 1 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(tstamp_type), 1 } } },
	{ TC, 0, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(wire_len), 64 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(wire_len), 63 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(wire_len), 65537 } } },
	{ TC, -EINVAL, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(gso_segs), 65536 } } },
	{ TC, 0, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(ifindex), 1 } } },
	{ TC, -ENODEV, .size_in = 64, .ctx_size = 192, .ctx = { { SKB(ifindex), 999999 } } },
	{ TC, 0, .size_in = 64, .ctx_size = 192, .ctx_out = true, .ctx_size_out = 192 },
	{ FILTER, 0, .size_in = 64 },
	{ FILTER, 0, .size_in = 14 },
	{ FILTER, -EINVAL, .size_in = 13 },
	{ RAW_TP, 0, .ctx_size = 16, .no_in = true, .ctx = { { 8, 77 } } },
	{ RAW_TP, -EINVAL, .ctx_size = 8, .no_in = true },
	{ RAW_TP, 0, .ctx_size = 96, .no_in = true },
	{ RAW_TP, -EINVAL, .ctx_size = 104, .no_in = true },
	{ RAW_TP, -EINVAL, .no_in = true },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .size_in = 64 },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .no_in = true, .repeat = 1 },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .no_in = true, .batch = 1 },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .no_in = true, .duration = true },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .no_in = true, .cpu = 1 },
	{ RAW_TP, 0, .ctx_size = 16, .no_in = true, .flags = 1 },
	{ RAW_TP, -ENXIO, .ctx_size = 16, .no_in = true, .flags = 1, .cpu = 8192 },
	{ RAW_TP, -EINVAL, .ctx_size = 16, .no_in = true, .ctx_out = true, .ctx_size_out = 8 },
	{ XDP, 0, .size_in = 64, .flags = 2 },
	{ XDP, 0, .size_in = 64, .flags = 2, .repeat = 200 },
	{ XDP, 0, .size_in = 64, .flags = 2, .batch = 7, .repeat = 20 },
	{ XDP, 0, .size_in = 64, .flags = 2, .batch = 256 },
	{ XDP, -E2BIG, .size_in = 64, .flags = 2, .batch = 257 },
	{ XDP, -EINVAL, .size_in = 13, .flags = 2 },
	{ XDP, 0, .size_in = 3408, .flags = 2 },
	{ XDP, -EINVAL, .size_in = 3409, .flags = 2 },
	{ XDP, -EINVAL, .size_in = 64, .flags = 3 },
	{ XDP, 0, .size_in = 64, .flags = 2, .out = true, .size_out = 64 },
	{ XDP, -EINVAL, .size_in = 64, .flags = 2, .out = true, .size_out = 64, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 } } },
	{ XDP, 0, .size_in = 64, .flags = 2, .ctx_size = 24,
	  .ctx = { { MD(data_end), 64 }, { MD(data), 8 } } },
	{ FLOW, 0, .size_in = 64, .out = true, .size_out = 56 },
	{ FLOW, -ENOSPC, .size_in = 64, .out = true, .size_out = 12 },
	{ FLOW, 0, .size_in = 20, .out = true, .size_out = 56, .repeat = 3 },
	{ FLOW, 0, .size_in = 14, .out = true, .size_out = 56 },
	{ FLOW, -EINVAL, .size_in = 13 },
	{ FLOW, 0, .size_in = 4096 },
	{ FLOW, -EINVAL, .size_in = 4097 },
	{ FLOW, -EFAULT, .size_in = 64, .bad_pointer = true },
	{ FLOW, -EINVAL, .size_in = 64, .flags = 1 },
	{ FLOW, -EINVAL, .size_in = 64, .cpu = 1 },
	{ FLOW, -EINVAL, .size_in = 64, .batch = 1 },
	{ FLOW, 0, .size_in = 64, .ctx_size = 56, .ctx = { { KEYS(flags), 3 } } },
	{ FLOW, -EINVAL, .size_in = 64, .ctx_size = 56, .ctx = { { KEYS(flow_label), 3 } } },
	{ FLOW, -EINVAL, .size_in = 64, .ctx_size = 56, .ctx = { { 0, 14 } } },
	{ FLOW, 0, .size_in = 64, .ctx_size = 56, .ctx_out = true, .ctx_size_out = 56,
	  .ctx = { { KEYS(flags), 1 } } },
	{ FLOW, -E2BIG, .size_in = 64, .ctx_size = 60, .ctx = { { 56, 1 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72, .ctx = { { LOOKUP_FIELD(family), 2 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 10 }, { LOOKUP_FIELD(remote_ip6[3]), 1 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 10 }, { LOOKUP_FIELD(remote_ip4), 1 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 }, { LOOKUP_FIELD(remote_ip6), 1 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 0x10002 }, { LOOKUP_FIELD(remote_port), 0x5000 } } },
	{ LOOKUP, -EAFNOSUPPORT, .no_in = true, .ctx_size = 72 },
	{ LOOKUP, -EINVAL, .no_in = true },
	{ LOOKUP, -EINVAL, .size_in = 64, .ctx_size = 72, .ctx = { { LOOKUP_FIELD(family), 2 } } },
	{ LOOKUP, -EINVAL, .no_in = true, .out = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 } } },
	{ LOOKUP, -EINVAL, .no_in = true, .size_out = 1, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 } } },
	{ LOOKUP, -EINVAL, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 }, { LOOKUP_FIELD(cookie), 2 } } },
	{ LOOKUP, -EINVAL, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 }, { LOOKUP_FIELD(ingress_ifindex), 1 } } },
	{ LOOKUP, -ERANGE, .no_in = true, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 }, { LOOKUP_FIELD(local_port), 65536 } } },
	{ LOOKUP, 0, .no_in = true, .ctx_size = 72, .ctx_out = true, .ctx_size_out = 72,
	  .repeat = 3, .ctx = { { LOOKUP_FIELD(family), 2 }, { LOOKUP_FIELD(local_port), 7 } } },
	{ LOOKUP, -EINVAL, .no_in = true, .cpu = 1, .ctx_size = 72,
	  .ctx = { { LOOKUP_FIELD(family), 2 } } },
	{ NF, 0, .size_in = 20 },
	{ NF, -EINVAL, .size_in = 19 },
	{ NF, 0, .size_in = 3712 },
	{ NF, -EINVAL, .size_in = 3713 },
	{ NF, -EFAULT, .size_in = 64, .bad_pointer = true },
	{ NF, -EINVAL, .size_in = 64, .flags = 1 },
	{ NF, -EINVAL, .size_in = 64, .batch = 1 },
	{ NF, 0, .size_in = 64, .out = true, .size_out = 64, .repeat = 2 },
	{ NF, -EINVAL, .size_in = 64, .ctx_size = 48 },
	{ NF, 0, .size_in = 64, .ctx_size = 48, .ctx = { { 0, 0x0203 } } },
	{ NF, 0, .size_in = 64, .ctx_size = 48, .ctx = { { 0, 0x0a03 } } },
	{ NF, -EPROTO, .size_in = 64, .ctx_size = 48, .ctx = { { 0, 0x0202 } } },
	{ NF, -EPROTO, .size_in = 34, .ctx_size = 48, .ctx = { { 0, 0x0200 } } },
	{ NF, -EINVAL, .size_in = 33, .ctx_size = 48, .ctx = { { 0, 0x0200 } } },
	{ NF, -EINVAL, .size_in = 64, .ctx_size = 48, .ctx = { { 0, 0x0203 }, { 8, 1 } } },
	{ NF, -EINVAL, .size_in = 64, .ctx_size = 48, .ctx = { { 0, 0x0203 }, { 40, 1 } } },
	{ SYSCALL, 0, .ctx_size = 16, .no_in = true, .ctx = { { 0, 99 } } },
	{ SYSCALL, -EINVAL, .ctx_size = 15, .no_in = true },
	{ SYSCALL, 0, .ctx_size = 4000, .no_in = true },
	{ SYSCALL, -EINVAL, .ctx_size = 65536, .no_in = true },
	{ SYSCALL, -EINVAL, .ctx_size = 16, .size_in = 1 },
	{ SYSCALL, -EINVAL, .ctx_size = 16, .no_in = true, .repeat = 1 },
	{ SYSCALL, -EINVAL, .ctx_size = 16, .no_in = true, .flags = 1 },
	{ SYSCALL, -EINVAL, .ctx_size = 16, .no_in = true, .out = true },
};

static void make(const struct test_case *c, union bpf_attr *attr, struct buffers *b)
{
	memset(attr, 0, sizeof(*attr));
	memset(b, 0, sizeof(*b));
	for (u32 i = 0; i < BUF; i++)
		b->in[i] = (u8)(i * 7);
	if (!c->no_in) {
		attr->test.data_in = c->bad_pointer ? 8 : (uintptr_t)b->in;
		attr->test.data_size_in = c->size_in;
	}
	if (c->out)
		attr->test.data_out = (uintptr_t)b->out;
	attr->test.data_size_out = c->size_out;
	attr->test.repeat = c->repeat;
	attr->test.flags = c->flags;
	attr->test.cpu = c->cpu;
	attr->test.batch_size = c->batch;
	attr->test.duration = c->duration;
	for (u32 i = 0; i < ARRAY_SIZE(c->ctx); i++)
		if (c->ctx[i].value)
			memcpy(b->ctx + c->ctx[i].at, &c->ctx[i].value, 4);
	if (c->ctx_size) {
		attr->test.ctx_in = (uintptr_t)b->ctx;
		attr->test.ctx_size_in = c->ctx_size;
	}
	if (c->ctx_out)
		attr->test.ctx_out = (uintptr_t)b->ctx_out;
	attr->test.ctx_size_out = c->ctx_size_out;
}

static void cases_as_listed(void **state)
{
	static struct buffers b;
	union bpf_attr attr;

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&cases[i], &attr, &b);
		int err = run(SKEP, cases[i].prog, &attr);

		if (err != cases[i].err)
			fail_msg("case %u of program %d: %d instead of %d", i, cases[i].prog, err,
				 cases[i].err);
	}
}

static void cases_as_the_kernel(void **state)
{
	static struct buffers a, b;
	union bpf_attr attr;

	if (!test.kernel)
		skip();
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct {
			int err;
			u32 retval, size, ctx_size;
		} r[2];

		for (u32 k = 0; k < 2; k++) {
			make(&cases[i], &attr, k ? &b : &a);
			r[k].err = run(k ? KERNEL : SKEP_HOST, cases[i].prog, &attr);
			r[k].retval = attr.test.retval;
			r[k].size = attr.test.data_size_out;
			r[k].ctx_size = attr.test.ctx_size_out;
		}
		if (memcmp(&r[0], &r[1], sizeof(r[0])) || memcmp(&a, &b, sizeof(a)))
			fail_msg("case %u of program %d: %d retval %u size %u ctx %u; "
				 "kernel %d retval %u size %u ctx %u",
				 i, cases[i].prog, r[0].err, r[0].retval, r[0].size, r[0].ctx_size,
				 r[1].err, r[1].retval, r[1].size, r[1].ctx_size);
	}
}

/* What a run leaves: results, and a context that the program has written. */
static void results(void **state)
{
	static struct buffers b;
	union bpf_attr attr;
	u64 word;

	make(&(struct test_case){ XDP, .size_in = 100, .out = true, .size_out = 100, .repeat = 3 },
	     &attr, &b);
	assert_int_equal(run(SKEP, XDP, &attr), 0);
	assert_int_equal(attr.test.retval, 2);
	assert_int_equal(attr.test.data_size_out, 100);
	assert_memory_equal(b.in, b.out, 100);

	make(&(struct test_case){ TC, .size_in = 100 }, &attr, &b);
	assert_int_equal(run(SKEP, TC, &attr), 0);
	assert_int_equal((s32)attr.test.retval, -1);

	/* From the network header on, and back with 14 zero bytes. */
	make(&(struct test_case){ FILTER, .size_in = 100, .out = true, .size_out = 100 }, &attr,
	     &b);
	assert_int_equal(run(SKEP, FILTER, &attr), 0);
	assert_int_equal(attr.test.retval, 86);
	assert_int_equal(attr.test.data_size_out, 100);
	for (u32 i = 0; i < 14; i++)
		assert_int_equal(b.out[i], 0);
	assert_memory_equal(b.in + 14, b.out + 14, 86);

	make(&cases[ARRAY_SIZE(cases) - 8], &attr, &b); /* ctx[0] = 99 */
	assert_int_equal(run(SKEP, SYSCALL, &attr), 0);
	assert_int_equal(attr.test.retval, 99);
	memcpy(&word, b.ctx + 8, 8);
	assert_int_equal(word, 7);
}

static u64 run_count(enum prog p)
{
	struct target t = { .sys = test.sys[SKEP] };
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (u32)test.fd[SKEP][p];
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	assert_int_equal(target_bpf(&t, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	return info.run_cnt;
}

/* Runs are counted, each once, while somebody asks for it. */
static void runs_are_counted(void **state)
{
	static struct buffers b;
	struct target t = { .sys = test.sys[SKEP] };
	union bpf_attr attr;
	u64 before = run_count(XDP);
	int fd;

	make(&(struct test_case){ XDP, .size_in = 64, .repeat = 5 }, &attr, &b);
	assert_int_equal(run(SKEP, XDP, &attr), 0);
	assert_int_equal(run_count(XDP), before);
	memset(&attr, 0, sizeof(attr));
	fd = target_bpf(&t, BPF_ENABLE_STATS, &attr, sizeof(attr));
	assert_true(fd >= 0);
	make(&(struct test_case){ XDP, .size_in = 64, .repeat = 5 }, &attr, &b);
	assert_int_equal(run(SKEP, XDP, &attr), 0);
	assert_int_equal(run_count(XDP), before + 5);
	close(fd);
}

/* A descriptor that is no program. */
static void wrong_descriptors(void **state)
{
	struct target t = { .sys = test.sys[SKEP] };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = 999;
	assert_int_equal(target_bpf(&t, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), -EBADF);
	attr.test.prog_fd = 0;
	assert_int_equal(target_bpf(&t, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), -EINVAL);
}

static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };
	struct utsname host;

	test.sys[SKEP] = skep_system_new(&opts);
	uname(&host);
	opts.kernel = host.release;
	test.sys[SKEP_HOST] = skep_system_new(&opts);
	if (!test.sys[SKEP] || !test.sys[SKEP_HOST])
		return -1;
	test.kernel = true;
	for (u32 p = 0; p < PROGS; p++)
		for (u32 who = 0; who < WHO; who++) {
			test.fd[who][p] = load(test.sys[who], p);
			if (test.fd[who][p] < 0 && who != KERNEL)
				return -1;
			test.kernel &= test.fd[who][p] >= 0;
		}
	return 0;
}

static int teardown(void **state)
{
	skep_system_free(test.sys[SKEP]);
	skep_system_free(test.sys[SKEP_HOST]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_as_listed),     cmocka_unit_test(results),
		cmocka_unit_test(wrong_descriptors),   cmocka_unit_test(runs_are_counted),
		cmocka_unit_test(cases_as_the_kernel),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
