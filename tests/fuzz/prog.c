/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs: eight bytes say how to load, then each eight are an instruction, made plausible (known
 * opcodes, registers, maps and functions that exist) unless a bit says "as it is". What is
 * accepted is run. (Two engines would not agree: programs may read what is left on the stack.)
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/uapi.h"
#include "btf/btf.h"
#include "isa/insn.h"
#include "object/system.h"
#include "object/vocabulary.h"
#include "skep/skep.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

#define INSNS_MAX  512
#define KFUNCS_MAX 512
#define MAPS	   10

static const char *const releases[] = { "6.18", "6.12", "6.1" };

static struct world {
	struct skep_system *sys;
	int map[MAPS], btf;
	u32 kfunc[KFUNCS_MAX], nr_kfuncs;
	u32 target[KFUNCS_MAX], nr_targets; /* functions to attach to */
} worlds[ARRAY_SIZE(releases)];

enum { AS_IT_IS = 1, WITH_BTF = 2, WITH_TARGET = 4, NOT_GPL = 8, SMALL_LOG = 16 };

struct head {
	u8 type, release, prog_flags, log_level, attach_type, how, target, ifindex;
};

static const u8 opcodes[] = {
	0xb7, 0xbf, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x57, 0x5f, 0x67,
	0x6f, 0x77, 0x7f, 0x87, 0x97, 0x9f, 0xa7, 0xaf, 0xc7, 0xcf, 0xd4, 0xdc, 0xd7, 0xb4, 0xbc,
	0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74,
	0x7c, 0x84, 0x94, 0x9c, 0xa4, 0xac, 0xc4, 0xcc, 0x05, 0x06, 0x15, 0x16, 0x1d, 0x1e, 0x25,
	0x26, 0x2d, 0x2e, 0x35, 0x36, 0x3d, 0x3e, 0x45, 0x46, 0x4d, 0x4e, 0x55, 0x56, 0x5d, 0x5e,
	0x65, 0x66, 0x6d, 0x6e, 0x75, 0x76, 0x7d, 0xa5, 0xa6, 0xad, 0xb5, 0xb6, 0xbd, 0xc5, 0xc6,
	0xcd, 0xd5, 0xd6, 0xdd, 0xe5, 0x95, 0x85, 0x85, 0x85, 0x85, 0x18, 0x18, 0x18, 0x61, 0x69,
	0x71, 0x79, 0x81, 0x89, 0x91, 0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b, 0x7b, 0x79,
	0x61, 0xc3, 0xdb, 0xcb, 0xd3, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xbf, 0xb7, 0x07, 0xbf,
};

/* One function "f" and one structure with a lock, a timer and numbers: for records and map values. */
static const struct {
	struct btf_header h;
	u32 type[40];
	char str[64];
} btf_blob = {
	.h = { .magic = BTF_MAGIC,
	       .version = 1,
	       .hdr_len = sizeof(struct btf_header),
	       .type_len = 40 * 4,
	       .str_off = 40 * 4,
	       .str_len = 64 },
#define INFO(kind, vlen) ((u32)(kind) << 24 | (vlen))
	.type = {
		/* 1 */ 1,  INFO(1, 0),	 4,  1 << 24 | 32, /* int */
		/* 2 */ 5,  INFO(4, 1),	 4,  19,
		1,	    0, /* struct bpf_spin_lock { int val; } */
		/* 3 */ 23, INFO(4, 1),	 16, 33,
		4,	    0, /* struct bpf_timer { long __opaque[2]; } */
		/* 4 */ 0,  INFO(3, 0),	 0,  5,
		1,	    2,				   /* array of 2 longs */
		/* 5 */ 42, INFO(1, 0),	 8,  1 << 24 | 64, /* long */
		/* 6 */ 0,  INFO(13, 1), 1,  47,
		7,			    /* int (*)(ctx *) */
		/* 7 */ 0,  INFO(2, 0),	 3, /* struct bpf_timer * */
		/* 8 */ 49, INFO(12, 1), 6, /* f */
		/* 9 */ 0,  INFO(2, 0),	 0, /* void * */
	},
	.str = "\0int\0bpf_spin_lock\0val\0bpf_timer\0__opaque\0long\0c\0f\0s\0lock\0t",
};

static int call(struct skep_system *sys, int cmd, union bpf_attr *attr)
{
	return skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static void make_maps(struct world *w)
{
	static const struct {
		u32 type, key, value, entries, flags;
	} shape[MAPS] = {
		{ BPF_MAP_TYPE_ARRAY, 4, 64, 4, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 64, 4, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 4, 0 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 8, 8, 4, 0 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 64, 4, 0 },
	};

	for (u32 i = 0; i < MAPS; i++) {
		union bpf_attr a;

		memset(&a, 0, sizeof(a));
		a.map_type = shape[i].type;
		a.key_size = shape[i].key;
		a.value_size = shape[i].value;
		a.max_entries = shape[i].entries;
		a.map_flags = shape[i].flags;
		w->map[i] = call(w->sys, BPF_MAP_CREATE, &a);
	}
}

static struct world *world_of(u8 release)
{
	struct world *w = &worlds[release % ARRAY_SIZE(worlds)];
	struct skep_system_opts opts = { .sz = sizeof(opts), .caps = "full" };
	const struct vocabulary_row *row;
	struct object_btf *types;
	union bpf_attr a;
	u32 n;

	if (w->sys)
		return w;
	opts.kernel = releases[release % ARRAY_SIZE(releases)];
	opts.jit = release % ARRAY_SIZE(releases) == 1 ? "off" : "on";
	w->sys = skep_system_new(&opts);
	if (!w->sys)
		abort();
	make_maps(w);
	memset(&a, 0, sizeof(a));
	a.btf = (u64)(uintptr_t)&btf_blob;
	a.btf_size = sizeof(btf_blob);
	w->btf = call(w->sys, BPF_BTF_LOAD, &a);
	types = system_vmlinux(w->sys);
	row = vocabulary_rows(VOCABULARY_KFUNC, &n);
	for (u32 i = 0; types && i < n && w->nr_kfuncs < KFUNCS_MAX; i++) {
		s32 id = btf_find_by_name_kind(types->btf, row[i].name, BTF_KIND_FUNC);

		if (id > 0)
			w->kfunc[w->nr_kfuncs++] = (u32)id;
	}
	for (u32 id = 1; types && w->nr_targets < KFUNCS_MAX; id += 97) {
		const struct btf_type *t = btf_type_get(types->btf, id);

		if (!t)
			break;
		if (btf_kind(t) == BTF_KIND_FUNC || btf_kind(t) == BTF_KIND_TYPEDEF)
			w->target[w->nr_targets++] = id;
	}
	return w;
}

void fuzz_prog_end(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(worlds); i++) {
		struct world *w = &worlds[i];

		for (u32 m = 0; w->sys && m < MAPS; m++)
			close(w->map[m]);
		if (w->sys)
			close(w->btf);
		skep_system_free(w->sys);
		memset(w, 0, sizeof(*w));
	}
}

/* Makes sense of *@insn. Returns how many it is: 2 for ld_imm64. */
static u32 plausible(const struct world *w, struct bpf_insn *insn)
{
	u8 class, raw = insn->code;

	insn->code = opcodes[raw % sizeof(opcodes)];
	insn->dst_reg %= 11;
	class = BPF_CLASS(insn->code);
	if (insn_is_ldimm64(insn)) {
		u32 imm = (u32)insn->imm;

		insn->src_reg %= 7;
		insn->off = 0;
		insn[1] = (struct bpf_insn){ .imm = (s32)(imm >> 8) };
		switch (insn->src_reg) {
		case BPF_PSEUDO_MAP_FD:
		case BPF_PSEUDO_MAP_VALUE:
			insn->imm = w->map[imm % MAPS];
			insn[1].imm =
				insn->src_reg == BPF_PSEUDO_MAP_FD ? 0 : (s32)(imm >> 8 & 127);
			break;
		case BPF_PSEUDO_BTF_ID:
			insn[1].imm = 0;
			break;
		case BPF_PSEUDO_FUNC:
			insn->imm = (s8)imm;
			insn[1].imm = 0;
			break;
		}
		return 2;
	}
	if (insn->code == (BPF_JMP | BPF_CALL)) {
		u32 imm = (u32)insn->imm;

		insn->dst_reg = 0;
		insn->off = 0;
		insn->src_reg = insn->src_reg < 10 ? 0 : insn->src_reg < 13 ? 1 : 2;
		if (insn->src_reg == 0)
			insn->imm = (s32)(imm % 215);
		else if (insn->src_reg == BPF_PSEUDO_CALL)
			insn->imm = (s8)imm;
		else
			insn->imm = w->nr_kfuncs ? (s32)w->kfunc[imm % w->nr_kfuncs] : 0;
		return 1;
	}
	insn->src_reg %= 11;
	if (class == BPF_JMP || class == BPF_JMP32)
		insn->off = (s16)(insn->off % 32);
	else if (class == BPF_LDX || class == BPF_STX || class == BPF_ST)
		insn->off = (s16)(insn->off % 600);
	/* The fields that an opcode does not use are 0, mostly. */
	if (class == BPF_ALU || class == BPF_ALU64)
		insn->off = 0;
	if (BPF_SRC(insn->code) == BPF_X || class == BPF_LDX)
		insn->imm = class == BPF_ALU64 || class == BPF_ALU || class == BPF_LDX ||
					    class == BPF_JMP || class == BPF_JMP32 ||
					    BPF_MODE(insn->code) != BPF_ATOMIC ?
				    0 :
				    insn->imm & 0x1f1;
	else if (class != BPF_STX)
		insn->src_reg = 0;
	if (class == BPF_STX && BPF_MODE(insn->code) == BPF_ATOMIC)
		insn->imm &= 0x1f1;
	return 1;
}

static void run(struct skep_system *sys, int fd, const u8 *data, size_t size)
{
	u8 packet[64] = { 0 }, out[256];
	union bpf_attr a;

	memcpy(packet, data, size < sizeof(packet) ? size : sizeof(packet));
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (u32)fd;
	a.test.data_in = (u64)(uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	a.test.data_out = (u64)(uintptr_t)out;
	a.test.data_size_out = sizeof(out);
	call(sys, BPF_PROG_TEST_RUN, &a);
}

static void ask(struct skep_system *sys, int fd)
{
	struct bpf_prog_info info;
	static u8 bytes[1 << 14];
	union bpf_attr a;

	memset(&info, 0, sizeof(info));
	info.xlated_prog_len = sizeof(bytes) / 2;
	info.xlated_prog_insns = (u64)(uintptr_t)bytes;
	info.jited_prog_len = sizeof(bytes) / 2;
	info.jited_prog_insns = (u64)(uintptr_t)(bytes + sizeof(bytes) / 2);
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (u32)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (u64)(uintptr_t)&info;
	call(sys, BPF_OBJ_GET_INFO_BY_FD, &a);
}

void fuzz_prog(const u8 *data, size_t size)
{
	static const struct bpf_func_info func = { .insn_off = 0, .type_id = 8 };
	static struct bpf_insn insn[INSNS_MAX + 4];
	static char log[1 << 16];
	struct input in = { data, size };
	struct head h;
	struct world *w;
	union bpf_attr a;
	u32 n = 0;
	int fd;

	take(&in, &h, sizeof(h));
	w = world_of(h.release);
	while (in.left && n < INSNS_MAX) {
		take(&in, &insn[n], sizeof(*insn));
		n += h.how & AS_IT_IS ? 1 : plausible(w, &insn[n]);
	}
	if (!(h.how & AS_IT_IS)) {
		insn[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
		insn[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	}
	memset(&a, 0, sizeof(a));
	a.prog_type = h.type % 36;
	a.insns = (u64)(uintptr_t)insn;
	a.insn_cnt = n;
	a.license = (u64)(uintptr_t)(h.how & NOT_GPL ? "none" : "GPL");
	a.prog_flags = h.prog_flags;
	a.expected_attach_type = h.attach_type % 64;
	a.prog_ifindex = h.ifindex > 250 ? h.ifindex : 0;
	if (h.log_level & 15) {
		a.log_level = h.log_level & 15;
		a.log_buf = (u64)(uintptr_t)log;
		a.log_size = h.how & SMALL_LOG ? 256 : sizeof(log);
	}
	if ((h.how & WITH_BTF) && w->btf >= 0) {
		a.prog_btf_fd = (u32)w->btf;
		a.func_info = (u64)(uintptr_t)&func;
		a.func_info_cnt = 1;
		a.func_info_rec_size = sizeof(func);
	}
	if ((h.how & WITH_TARGET) && w->nr_targets)
		a.attach_btf_id = w->target[h.target * 2 % w->nr_targets];
	fd = call(w->sys, BPF_PROG_LOAD, &a);
	if (fd < 0)
		return;
	ask(w->sys, fd);
	run(w->sys, fd, data, size);
	close(fd);
}
