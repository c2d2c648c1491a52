/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arguments of helpers against the running kernel: each helper of XDP, SCHED_CLS and
 * SOCKET_FILTER programs is called with arguments that fit, then with each argument
 * in turn replaced by every kind of register. skep and the kernel must give the same
 * verdict, errno and last line. Skipped where the kernel is no 6.18 or refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "object/vocabulary.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/load.h"

#define PROFILE KVER(6, 18)
#define LAST_HELPER 211

enum kind {
	FITS,
	NULL_,
	CONSTANT,
	UNKNOWN,
	CTX,
	STACK,
	STACK_UNINIT,
	STACK_TOP,
	MAP,
	VALUE,
	VALUE_OR_NULL,
	CONST_VALUE,
	PACKET,
	PACKET_END,
	UNINIT,
	KINDS,
};

static const char *const kind_name[] = {
	"fitting", "null", "constant", "unknown", "ctx", "stack", "uninit stack", "stack top", "map",
	"value", "value or null", "constant value", "packet", "packet end", "uninit",
};

struct program {
	struct bpf_insn insns[128];
	unsigned n;
	bool packets;
};

static struct target skep, kernel;

#define ADD(p, ...)                                                                                \
	do {                                                                                       \
		const struct bpf_insn add_[] = { __VA_ARGS__ };                                    \
		memcpy(&(p)->insns[(p)->n], add_, sizeof(add_));                                   \
		(p)->n += sizeof(add_) / sizeof(add_[0]);                                          \
	} while (0)

/* r6 context, r7 map value, r8 packet of 16 bytes, r9 unknown; fp-8 .. fp-64 zero, fp-72 an or-null value */
static void begin(struct program *p, unsigned type)
{
	p->n = 0;
	p->packets = type != BPF_PROG_TYPE_SOCKET_FILTER;
	ADD(p, MOVX(6, 1), MOVK(8, 0));
	for (int off = -8; off >= -64; off -= 8)
		ADD(p, STK(DW, 10, off, 0));
	ADD(p, CALL(get_prandom_u32), MOVX(9, 0), ST(W, 10, -80, 9));
	ADD(p, MOVX(2, 10), ADDK(2, -80), LDMAP(1, M_ARRAY), CALL(map_lookup_elem), ST(DW, 10, -72, 0));
	ADD(p, MOVX(2, 10), ADDK(2, -80), LDMAP(1, M_ARRAY), CALL(map_lookup_elem), JK(JNE, 0, 0, 2), RET(0));
	ADD(p, MOVX(7, 0));
	if (!p->packets)
		return;
	if (type == BPF_PROG_TYPE_XDP)
		ADD(p, LD(W, 8, 6, 0), LD(W, 1, 6, 4));
	else
		ADD(p, LD(W, 8, 6, 76), LD(W, 1, 6, 80));
	ADD(p, MOVX(2, 8), ADDK(2, 16), JX(JLE, 2, 1, 2), RET(0), ST(DW, 10, -88, 1), MOVK(2, 0));
	/* leave r1 .. r5 unreadable again */
	ADD(p, CALL(ktime_get_ns));
}

static unsigned map_for(unsigned func)
{
	switch (func) {
	case BPF_FUNC_tail_call:
		return M_PROGS;
	case BPF_FUNC_perf_event_output:
	case BPF_FUNC_perf_event_read:
	case BPF_FUNC_perf_event_read_value:
	case BPF_FUNC_skb_output:
	case BPF_FUNC_xdp_output:
		return M_PERF;
	case BPF_FUNC_ringbuf_output:
	case BPF_FUNC_ringbuf_reserve:
	case BPF_FUNC_ringbuf_query:
		return M_RING;
	case BPF_FUNC_map_lookup_percpu_elem:
		return M_PERCPU;
	default:
		return M_ARRAY;
	}
}

/* Sets argument register @r so that it fits. False: no such register can be made here. */
static bool set_fitting(struct program *p, const struct bpf_func_proto *fn, unsigned r)
{
	unsigned arg = fn->arg_type[r - 1];

	switch (base_type(arg)) {
	case ARG_ANYTHING:
	case ARG_CONST_ALLOC_SIZE_OR_ZERO:
		ADD(p, MOVK(r, 8));
		return true;
	case ARG_CONST_SIZE:
	case ARG_CONST_SIZE_OR_ZERO:
		ADD(p, MOVK(r, 8));
		return true;
	case ARG_CONST_MAP_PTR:
		ADD(p, LDMAP(r, map_for(fn->id)));
		return true;
	case ARG_PTR_TO_MAP_KEY:
	case ARG_PTR_TO_MEM:
		ADD(p, MOVX(r, 10), ADDK(r, -64));
		return true;
	case ARG_PTR_TO_MAP_VALUE:
		ADD(p, MOVX(r, 7));
		return true;
	case ARG_PTR_TO_CTX:
		ADD(p, MOVX(r, 6));
		return true;
	case ARG_PTR_TO_CONST_STR:
		ADD(p, LDVAL(r, M_RODATA, 8));
		return true;
	default:
		return false;
	}
}

static bool set_kind(struct program *p, const struct bpf_func_proto *fn, unsigned r, enum kind kind)
{
	switch (kind) {
	case FITS:
		return set_fitting(p, fn, r);
	case NULL_:
		ADD(p, MOVK(r, 0));
		return true;
	case CONSTANT:
		ADD(p, MOVK(r, 100));
		return true;
	case UNKNOWN:
		ADD(p, MOVX(r, 9));
		return true;
	case CTX:
		ADD(p, MOVX(r, 6));
		return true;
	case STACK:
		ADD(p, MOVX(r, 10), ADDK(r, -8));
		return true;
	case STACK_UNINIT:
		ADD(p, MOVX(r, 10), ADDK(r, -128));
		return true;
	case STACK_TOP:
		ADD(p, MOVX(r, 10));
		return true;
	case MAP:
		ADD(p, LDMAP(r, M_HASH));
		return true;
	case VALUE:
		ADD(p, MOVX(r, 7), ADDK(r, 40));
		return true;
	case VALUE_OR_NULL:
		ADD(p, LD(DW, r, 10, -72));
		return true;
	case CONST_VALUE:
		ADD(p, LDVAL(r, M_RODATA, 0));
		return true;
	case PACKET:
		if (p->packets)
			ADD(p, MOVX(r, 8));
		return p->packets;
	case PACKET_END:
		if (p->packets)
			ADD(p, LD(DW, r, 10, -88));
		return p->packets;
	case UNINIT:
		return true;
	case KINDS:
		break;
	}
	return false;
}

struct totals {
	unsigned loads, accepted, differ, absent, unbuilt;
};

static void compare(unsigned type, const struct bpf_func_proto *fn, unsigned arg, enum kind kind,
		    struct totals *totals)
{
	const char *a, *b;
	struct program p;
	struct test_prog t = { .name = fn->name, .type = type, .insns = p.insns };
	int err_a, err_b;

	begin(&p, type);
	for (unsigned r = 1; r <= 5 && fn->arg_type[r - 1]; r++) {
		if (!set_kind(&p, fn, r, r == arg ? kind : FITS)) {
			totals->unbuilt++;
			return;
		}
	}
	ADD(&p, CALLID((int)fn->id), RET(0));
	t.len = p.n;
	err_a = target_load(&skep, &t, &a);
	err_b = target_load(&kernel, &t, &b);
	totals->loads++;
	totals->accepted += !err_b;
	if (err_a == err_b && !strcmp(a, b))
		return;
	totals->differ++;
	if (totals->differ <= 200)
		print_message("type %u, bpf_%s, R%u %s: skep %d \"%s\", kernel %d \"%s\"\n", type, fn->name,
			      arg, kind_name[kind], err_a, a, err_b, b);
}

static void test_helper_arguments(void **state)
{
	static const unsigned types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
					  BPF_PROG_TYPE_SOCKET_FILTER };
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys;
	struct totals totals = { 0 };
	struct utsname u;

	uname(&u);
	if (strncmp(u.release, "6.18", 4) || target_open(&kernel, NULL)) {
		print_message("no Linux 6.18 that permits bpf(2) here\n");
		skip();
	}
	sys = skep_system_new(&opts);
	assert_non_null(sys);
	assert_int_equal(target_open(&skep, sys), 0);
	for (unsigned k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		const struct bpf_prog_type_ops *ops = bpf_prog_type_ops_of(types[k]);
		struct bpf_prog prog = { .type = types[k], .gpl_compatible = 1 };

		for (unsigned id = 1; id <= LAST_HELPER; id++) {
			const struct bpf_func_proto *fn = bpf_prog_helper_proto(ops, &prog, id, PROFILE);

			if (!fn || (!fn->func && id != BPF_FUNC_tail_call)) {
				totals.absent++;
				continue;
			}
			compare(types[k], fn, 0, FITS, &totals);
			for (unsigned arg = 1; arg <= 5 && fn->arg_type[arg - 1]; arg++)
				for (unsigned kind = FITS + 1; kind < KINDS; kind++)
					compare(types[k], fn, arg, kind, &totals);
		}
	}
	print_message("%u loads, %u of them accepted; %u differ; %u not built, %u helpers absent\n",
		      totals.loads, totals.accepted, totals.differ, totals.unbuilt, totals.absent);
	target_close(&skep);
	target_close(&kernel);
	skep_system_free(sys);
	assert_true(totals.loads > 1000);
	assert_int_equal(totals.differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_helper_arguments),
	};

	return cmocka_run_group_tests_name("helper arguments", tests, NULL, NULL);
}
