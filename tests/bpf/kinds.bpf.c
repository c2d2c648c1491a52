/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Every kind of BTF type, for tests of src/btf. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Own declarations of what <linux/bpf.h> has, since that of an old host lacks some. */
struct bpf_spin_lock { __u32 val; };
struct bpf_timer { __u64 opaque[2]; };
struct bpf_list_head { __u64 opaque[2]; };
struct bpf_list_node { __u64 opaque[3]; };
struct bpf_rb_root { __u64 opaque[2]; };
struct bpf_rb_node { __u64 opaque[4]; };
struct bpf_refcount { __u32 opaque[1]; };
struct __sk_buff { __u32 len; };

#define __decl(x) __attribute__((btf_decl_tag(#x)))
#define __tag(x) __attribute__((btf_type_tag(#x)))

enum color { RED, GREEN = 7, BLUE = 0xffffffff };
enum small_signed { MINUS = -3, PLUS = 3 };
enum wide { NARROW = 1, WIDE = 0x1234567890ULL };
enum wide_signed { FAR = -0x1234567890LL };

typedef int number;
typedef const volatile number *strange;
union both { int i; float f; double d; };
struct fwd;
struct inner { char c; short s; } __attribute__((packed));
struct bits { int a : 3; unsigned b : 5, : 4, c : 20; long long d : 40; enum color e : 4; _Bool t : 1; };
struct outer {
	struct outer *next;
	struct fwd *fwd;
	union fwd_union *fwd_union;
	struct inner inner[2][3];
	union both both;
	struct bits bits;
	strange strange;
	int (*fn)(struct outer *o, const char *fmt, ...);
	struct { int x; union { int y; long z; }; };
	const char *restrict name;
	int __tag(user) *user_ptr;
	struct inner __tag(rcu) *rcu_ptr;
	number tagged __decl(component);
	__int128 big;
	enum wide wide;
	enum wide_signed wide_signed;
	enum small_signed small;
	int flex[];
} __decl(whole);

struct value {
	struct bpf_spin_lock lock;
	int count;
	struct bpf_timer timer;
};

struct item {
	struct bpf_list_node list;
	struct bpf_rb_node tree;
	struct bpf_refcount refs;
	int payload;
};
struct container {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __decl(contains:item:list);
	struct bpf_rb_root root __decl(contains:item:tree);
	struct item __tag(kptr) *items[2];
	struct { int depth; struct item __tag(kptr_untrusted) *deep; } nested;
};

struct {
	__uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} values SEC(".maps");

struct outer *outer_ptr;
struct container container_value;
static volatile struct bits static_bits = {1, 2, 3, 4};
int initialised __decl(variable) = 7;
const volatile long constant = 8;

__attribute__((noinline)) int helper(struct outer *o, enum color color __decl(argument), float *f)
{
	return o ? o->tagged : (int)color;
}

SEC("socket")
int prog(struct __sk_buff *skb)
{
	enum color c = skb->len & 1 ? RED : BLUE;
	int key = 0;
	struct value *v = bpf_map_lookup_elem(&values, &key);

	if (v)
		v->count++;
	container_value.nested.depth++;
	static_bits.a = constant;
	return helper(outer_ptr, c, 0) + initialised + static_bits.b;
}

char _license[] SEC("license") = "GPL";
