/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Commands, one after the other, with attributes as the bytes say. So that they get somewhere, fields
 * can be made descriptors of objects that exist, or pointers into a scratch buffer; other
 * pointers into this process would let an input write where it likes, so they are made ones
 * that nobody can follow.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/uapi.h"
#include "skep/skep.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

#define COMMANDS_MAX 24
#define FDS_MAX	     32

static u8 scratch[4096];

static bool makes_descriptor(u32 cmd)
{
	switch (cmd) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_OBJ_GET:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_BTF_LOAD:
	case BPF_BTF_GET_FD_BY_ID:
	case BPF_LINK_CREATE:
	case BPF_LINK_GET_FD_BY_ID:
	case BPF_ENABLE_STATS:
	case BPF_ITER_CREATE:
	case BPF_TOKEN_CREATE:
		return true;
	}
	return false;
}

/* Pointers: into the scratch buffer, or nowhere. */
static void tame(u8 *attr, u32 size)
{
	for (u32 i = 0; i + 8 <= size; i += 8) {
		u64 v;

		memcpy(&v, attr + i, sizeof(v));
		if (v >> 56 == 0x5c)
			v = (u64)(uintptr_t)scratch + (v & 0x3ff);
		else if (v >= 0x10000 && v < 1ULL << 47)
			v |= 0xdeadULL << 48;
		memcpy(attr + i, &v, sizeof(v));
	}
}

static int small_map(struct skep_system *sys, u32 type, u32 key, u32 value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = 4;
	return skep_bpf(sys, BPF_MAP_CREATE, &a, sizeof(a));
}

static int small_prog(struct skep_system *sys, u32 type)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						 { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.insns = (u64)(uintptr_t)insns;
	a.insn_cnt = ARRAY_SIZE(insns);
	a.license = (u64)(uintptr_t) "GPL";
	return skep_bpf(sys, BPF_PROG_LOAD, &a, sizeof(a));
}

/* One command. Bytes: number, how, size, field of a descriptor, which; then the attribute. */
static void one(struct skep_system *sys, struct input *in, int *fds, u32 *nr_fds)
{
	u32 cmd = take_u8(in), how = take_u8(in), size = take_u8(in), field = take_u8(in);
	u32 which = take_u8(in);
	union {
		union bpf_attr attr;
		u8 bytes[256 + 8];
	} a;
	int result;

	cmd = cmd < 250 ? cmd % 40 : 0x7fffff00 + cmd;
	memset(&a, 0, sizeof(a));
	if ((how & 7) == 7)
		memset(&a, 0xff, sizeof(a));
	else
		take(in, a.bytes, size);
	if ((how & 7) != 7)
		tame(a.bytes, sizeof(a.bytes));
	if (how & 8 && *nr_fds)
		memcpy(a.bytes + field % 32 * 4, &fds[which % *nr_fds], sizeof(int));
	if (how & 16)
		take(in, scratch, which);
	if (how & 32)
		size = sizeof(a.attr);
	/* Four thousand million runs do take long, on Linux, too. */
	if (cmd == BPF_PROG_TEST_RUN)
		a.attr.test.repeat &= 0xff;
	result = skep_bpf(sys, (int)cmd, &a.attr, size);
	if (result < 0 || !makes_descriptor(cmd))
		return;
	if (*nr_fds < FDS_MAX)
		fds[(*nr_fds)++] = result;
	else
		close(result);
}

/* What inputs share until it is made anew, as pins and the like stay in it. */
#define INPUTS_PER_SYSTEM 256
#define SHARED_FDS	  6

static const char *const releases[] = { "6.18", "6.12", "6.1", "5.15" };

static struct shared {
	struct skep_system *sys;
	int fds[SHARED_FDS];
	u32 inputs;
} shared[ARRAY_SIZE(releases)];

static void drop(struct shared *s)
{
	for (u32 i = 0; s->sys && i < SHARED_FDS; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	skep_system_free(s->sys);
	memset(s, 0, sizeof(*s));
}

void fuzz_attr_end(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(shared); i++)
		drop(&shared[i]);
}

static struct shared *shared_for(u8 release)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .caps = "full" };
	struct shared *s = &shared[release % ARRAY_SIZE(releases)];

	if (s->sys && s->inputs++ < INPUTS_PER_SYSTEM)
		return s;
	drop(s);
	opts.kernel = releases[release % ARRAY_SIZE(releases)];
	s->sys = skep_system_new(&opts);
	if (!s->sys)
		abort();
	s->fds[0] = small_map(s->sys, BPF_MAP_TYPE_ARRAY, 4, 16);
	s->fds[1] = small_map(s->sys, BPF_MAP_TYPE_HASH, 4, 16);
	s->fds[2] = small_map(s->sys, BPF_MAP_TYPE_QUEUE, 0, 8);
	s->fds[3] = small_prog(s->sys, BPF_PROG_TYPE_SOCKET_FILTER);
	s->fds[4] = small_prog(s->sys, BPF_PROG_TYPE_XDP);
	s->fds[5] = small_prog(s->sys, BPF_PROG_TYPE_KPROBE);
	return s;
}

void fuzz_attr(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct shared *s = shared_for(take_u8(&in));
	int fds[FDS_MAX];
	u32 n = SHARED_FDS;

	memcpy(fds, s->fds, sizeof(s->fds));
	memset(scratch, 0, sizeof(scratch));
	for (u32 i = 0; i < COMMANDS_MAX && in.left; i++)
		one(s->sys, &in, fds, &n);
	while (n > SHARED_FDS)
		close(fds[--n]);
}

const struct fuzz_target fuzz_targets[] = {
	{ "prog", fuzz_prog },
	{ "btf", fuzz_btf },
	{ "attr", fuzz_attr },
};
const u32 nr_fuzz_targets = ARRAY_SIZE(fuzz_targets);
