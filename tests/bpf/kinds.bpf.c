/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Every kind of BTF type, for tests of src/btf. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} values SEC(".maps");

struct outer *outer_ptr;
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
	static_bits.a = constant;
	return helper(outer_ptr, c, 0) + initialised + static_bits.b;
}

char _license[] SEC("license") = "GPL";
