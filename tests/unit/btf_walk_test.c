/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Typed loads against the running kernel: for tracepoints and offsets by chance, what
 * btf_ctx_access() and btf_struct_access() say must be what the kernel's verifier says
 * of the program
 *
 *	r6 = ctx[arg]; r7 = *(size *)(r6 + off); r8 = *(u8 *)r7; r0 = 0; exit
 */
#include "tests/lib/btf_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/kernel.h"

#define SAMPLES 400

static char kernel_log[64 << 10];
static u64 rng_state = 0x9e3779b97f4a7c15ULL;

static u32 rnd(u32 n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state % n;
}

static struct bpf_insn load(u8 size, u8 dst, u8 src, s16 off)
{
	return (struct bpf_insn){
		.code = BPF_LDX | BPF_MEM | size, .dst_reg = dst, .src_reg = src, .off = off
	};
}

struct sample {
	const char *name; /* of the tracepoint's typedef */
	u32 typedef_id;
	u32 arg, off, size;
};

static int kernel_says(const struct sample *s)
{
	static const u8 codes[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };
	struct bpf_insn insns[] = {
		load(BPF_DW, 6, 1, 8 * s->arg), load(codes[s->size], 7, 6, s->off),
		load(BPF_B, 8, 7, 0),		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = BPF_TRACE_RAW_TP;
	attr.attach_btf_id = s->typedef_id;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)kernel_log;
	attr.log_size = sizeof(kernel_log);
	attr.log_level = 1;
	kernel_log[0] = 0;
	fd = kernel_bpf(BPF_PROG_LOAD, &attr, 144);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What the log must contain; "": the program is accepted. */
static void we_say(struct btf *btf, const struct sample *s, bool nulls, char *text, size_t room)
{
	struct btf_ctx_proto proto;
	struct btf_ctx_arg arg;
	struct btf_refusal why;
	struct btf_walk w;

	assert_int_equal(btf_trace_proto_by_id(btf, s->typedef_id, &proto), 0);
	if (!nulls)
		proto.raw_tp = NULL;
	if (btf_ctx_access(&proto, 8 * s->arg, 8, &arg, &why)) {
		btf_refusal_render(&why, text, room);
		return;
	}
	if (!arg.ptr) {
		snprintf(text, room, "R6 invalid mem access 'scalar'");
		return;
	}
	if (arg.nullable) {
		snprintf(text, room, "R6 invalid mem access 'trusted_ptr_or_null_'");
		return;
	}
	if (btf_struct_access(btf, arg.btf_id, s->off, s->size, false, &w)) {
		btf_refusal_render(&w.why, text, room);
		return;
	}
	if (w.kind == BTF_WALK_SCALAR) {
		/* DIFF(untrusted-mem) */
		snprintf(text, room, w.leaf ? "" : "R7 invalid mem access 'scalar'");
		return;
	}
	if (btf_struct_access(btf, w.btf_id, 0, 1, false, &w))
		btf_refusal_render(&w.why, text, room);
	else
		text[0] = 0;
}

/* Whether a field may be NULL is the verifier's knowledge, not BTF's. */
static bool agrees(int err, const char *text)
{
	return *text ? err && strstr(kernel_log, text) :
		       !err || strstr(kernel_log, "ptr_or_null_'");
}

static void test_samples(void **state)
{
	u32 *traces, n = 0, i, failed = 0, accepted = 0, refused = 0;
	const char *rounds = getenv("SKEP_ROUNDS");
	u32 samples = rounds ? (u32)atoi(rounds) : SAMPLES;
	struct btf *btf;

	skip_unless_kernel_loads(KVER(6, 18));
	if (btf_load_file(BTF_HOST_PATH, NULL, &btf)) {
		print_message("# SKIP the host shows no kernel types\n");
		skip();
	}
	traces = mem_calloc(btf_nr_types(btf), sizeof(*traces));
	for (i = 1; i < btf_nr_types(btf); i++)
		if (btf_kind(btf_type_get(btf, i)) == BTF_KIND_TYPEDEF &&
		    !strncmp(btf_type_name(btf, i), "btf_trace_", 10))
			traces[n++] = i;
	assert_true(n > 50);
	for (i = 0; i < samples; i++) {
		struct sample s = { .typedef_id = traces[rnd(n)], .size = 1 << rnd(4) };
		struct btf_ctx_proto proto;
		struct btf_ctx_arg arg;
		struct btf_refusal why;
		char text[256];
		u32 size = 64;
		int err;

		s.name = btf_type_name(btf, s.typedef_id);
		/* btf_trace_* typedefs of no tracepoint */
		if (btf_trace_proto_by_id(btf, s.typedef_id, &proto))
			continue;
		s.arg = rnd(btf_vlen(proto.proto) + rnd(20) / 19);
		if (!btf_ctx_access(&proto, 8 * s.arg, 8, &arg, &why) && arg.ptr)
			btf_type_size(btf, arg.btf_id, &size);
		s.off = rnd(min(size + 8, 32000u));
		if (rnd(4))
			s.off &= -s.size;
		if (s.arg >= 12) /* MAX_BPF_FUNC_ARGS */
			continue;
		err = kernel_says(&s);
		if (err == -EPERM) {
			print_message(
				"# SKIP the running kernel loads no tracing programs for us\n");
			mem_free(traces);
			btf_free(btf);
			skip();
		}
		if (!err)
			accepted++;
		else
			refused++;
		/* tables/raw_tp_null.def knows of some that were found out later */
		we_say(btf, &s, false, text, sizeof(text));
		if (agrees(err, text))
			continue;
		we_say(btf, &s, true, text, sizeof(text));
		if (agrees(err, text))
			continue;
		print_error("%s arg %u, %u bytes at %u:\n  ours: %s\n  kernel: %d %s\n", s.name,
			    s.arg, s.size, s.off, text, err, kernel_log);
		if (++failed > 5)
			break;
	}
	mem_free(traces);
	btf_free(btf);
	assert_int_equal(failed, 0);
	assert_true(accepted > samples / 100 && refused > samples / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests_name("btf_walk", tests, NULL, NULL);
}
