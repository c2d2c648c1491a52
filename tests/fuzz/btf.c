/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BTF: bytes as they are, or types made of them (so that references, cycles and sizes vary, not
 * headers). What loads is asked about and used: as types of a map's elements, of a program's function.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/uapi.h"
#include "btf/btf.h"
#include "skep/skep.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

#define TYPES_MAX 4096 /* words */

struct blob {
	struct btf_header h;
	u32 word[TYPES_MAX];
	char str[256];
};

static const char names[] =
	"\0int\0a\0b\0c\0s\0f\0val\0bpf_spin_lock\0bpf_timer\0bpf_list_head\0bpf_list_node\0"
	"bpf_rb_root\0bpf_rb_node\0bpf_refcount\0bpf_wq\0bpf_kptr\0kptr_untrusted\0kptr\0percpu_"
	"kptr\0"
	"contains:s:a\0.maps\0.data\0arg:ctx\0arg:nonnull\0__opaque\0l\0exception_callback:f";

static u32 put(struct blob *b, u32 n, u32 word)
{
	if (n < TYPES_MAX)
		b->word[n++] = word;
	return n;
}

/* One type of a few bytes; @n: words so far. */
static u32 make_type(struct blob *b, struct input *in, u32 n)
{
	u32 kind = take_u8(in) % 20, vlen = take_u8(in), name = take_u8(in) % sizeof(names);
	u32 size = take_u8(in), flag = vlen & 128;

	vlen = kind == BTF_KIND_FUNC ? vlen % 3 : vlen % 6;
	n = put(b, n, kind == BTF_KIND_PTR || kind == BTF_KIND_ARRAY ? 0 : name);
	n = put(b, n, kind << 24 | vlen | (flag ? 1U << 31 : 0));
	n = put(b, n, size % 64);
	switch (kind) {
	case BTF_KIND_INT:
		return put(b, n, (u32)take_u8(in) << 24 | (u32)take_u8(in) << 16 | take_u8(in));
	case BTF_KIND_ARRAY:
		n = put(b, n, take_u8(in) % 64);
		n = put(b, n, take_u8(in) % 64);
		return put(b, n, take_u32(in));
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return put(b, n, (u32)(s8)take_u8(in));
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		for (u32 i = 0; i < vlen; i++) {
			n = put(b, n,
				take_u8(in) % (kind == BTF_KIND_DATASEC ? 64 : sizeof(names)));
			n = put(b, n, take_u8(in) % 64);
			n = put(b, n, (u32)take_u8(in) * 8 | (flag ? (u32)take_u8(in) << 24 : 0));
		}
		return n;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		for (u32 i = 0; i < vlen; i++) {
			n = put(b, n, take_u8(in) % sizeof(names));
			n = put(b, n, take_u8(in) % 64);
		}
	}
	return n;
}

static void ask(struct skep_system *sys, int fd)
{
	struct bpf_btf_info info;
	static u8 bytes[4096];
	union bpf_attr a;

	memset(&info, 0, sizeof(info));
	info.btf = (u64)(uintptr_t)bytes;
	info.btf_size = sizeof(bytes);
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (u32)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (u64)(uintptr_t)&info;
	skep_bpf(sys, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a));
}

/* Types @key and @value as those of a map's elements, with sizes that may fit. */
static void use(struct skep_system *sys, int fd, u8 type, u8 key, u8 value, u8 size)
{
	static const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
						 { .code = BPF_JMP | BPF_EXIT } };
	struct bpf_func_info func = { .type_id = value };
	union bpf_attr a;
	int made;

	memset(&a, 0, sizeof(a));
	a.map_type = type % 40;
	a.key_size = 4;
	a.value_size = size;
	a.max_entries = 2;
	a.map_flags = type & 64 ? BPF_F_NO_PREALLOC : 0;
	a.btf_fd = (u32)fd;
	a.btf_key_type_id = key;
	a.btf_value_type_id = value;
	made = skep_bpf(sys, BPF_MAP_CREATE, &a, sizeof(a));
	if (made >= 0)
		close(made);
	memset(&a, 0, sizeof(a));
	a.prog_type = type % 36;
	a.insns = (u64)(uintptr_t)insns;
	a.insn_cnt = ARRAY_SIZE(insns);
	a.license = (u64)(uintptr_t) "GPL";
	a.prog_btf_fd = (u32)fd;
	a.func_info = (u64)(uintptr_t)&func;
	a.func_info_cnt = 1;
	a.func_info_rec_size = sizeof(func);
	made = skep_bpf(sys, BPF_PROG_LOAD, &a, sizeof(a));
	if (made >= 0)
		close(made);
}

void fuzz_btf(const u8 *data, size_t size)
{
	static const char *const releases[] = { "6.18", "6.12", "6.1", "5.15" };
	struct skep_system_opts opts = { .sz = sizeof(opts), .caps = "full" };
	struct input in = { data, size };
	u8 how = take_u8(&in), map[4];
	static char log[1 << 15];
	static struct blob b;
	struct skep_system *sys;
	union bpf_attr a;
	u32 n = 0;
	int fd;

	take(&in, map, sizeof(map));
	memset(&a, 0, sizeof(a));
	if (how & 1) {
		a.btf = (u64)(uintptr_t)in.at;
		a.btf_size = (u32)in.left;
	} else {
		while (in.left && n < TYPES_MAX)
			n = make_type(&b, &in, n);
		b.h = (struct btf_header){ .magic = BTF_MAGIC,
					   .version = 1,
					   .hdr_len = sizeof(b.h),
					   .type_len = n * 4,
					   .str_off = n * 4,
					   .str_len = sizeof(names) };
		memcpy(&b.word[n], names, min(sizeof(names), sizeof(b) - sizeof(b.h) - n * 4));
		a.btf = (u64)(uintptr_t)&b;
		a.btf_size = (u32)(sizeof(b.h) + n * 4 + sizeof(names));
	}
	if (how & 2) {
		a.btf_log_level = 1 + (how >> 2 & 3);
		a.btf_log_buf = (u64)(uintptr_t)log;
		a.btf_log_size = sizeof(log);
	}
	opts.kernel = releases[how >> 6];
	sys = skep_system_new(&opts);
	if (!sys)
		abort();
	fd = skep_bpf(sys, BPF_BTF_LOAD, &a, sizeof(a));
	if (fd >= 0) {
		ask(sys, fd);
		use(sys, fd, map[0], map[1], map[2], map[3]);
		close(fd);
	}
	skep_system_free(sys);
}
