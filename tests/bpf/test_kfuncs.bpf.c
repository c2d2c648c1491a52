// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Programs that call the functions which kernels before 6.4 have for tests. See tests/unit/test_kfuncs_test.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define TAG(x) __attribute__((btf_type_tag(x)))

typedef unsigned int u32;
typedef unsigned long long u64;

char LICENSE[] SEC("license") = "GPL";

struct sock_common {
	volatile unsigned char skc_state;
} __attribute__((preserve_access_index));
struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

struct prog_test_member1 {
	int a;
};
struct prog_test_member {
	struct prog_test_member1 m;
	int c;
};
struct prog_test_ref_kfunc {
	int a, b;
	struct prog_test_member memb;
	struct prog_test_ref_kfunc *next;
	int cnt; /* a struct of one number */
};
struct prog_test_pass1 {
	int x0;
	struct {
		int x1;
		struct {
			int x2;
			struct {
				int x3;
			};
		};
	};
};
struct prog_test_pass2 {
	int len;
	short arr1[4];
	struct {
		char arr2[4];
		unsigned long arr3[8];
	} x;
};
struct prog_test_fail1 {
	void *p;
	int x;
};
struct prog_test_fail2 {
	int x8;
	struct prog_test_pass1 x;
};
struct prog_test_fail3 {
	int len;
	char arr1[2];
	char arr2[];
};

typedef struct prog_test_ref_kfunc obj;
#define K __ksym
extern u64 bpf_kfunc_call_test1(struct sock *sk, u32 a, u64 b, u32 c, u64 d) K;
extern int bpf_kfunc_call_test2(struct sock *sk, u32 a, u32 b) K;
extern struct sock *bpf_kfunc_call_test3(struct sock *sk) K;
extern obj *bpf_kfunc_call_test_acquire(unsigned long *p) K;
extern struct prog_test_member *bpf_kfunc_call_memb_acquire(void) K;
extern void bpf_kfunc_call_test_release(obj *p) K;
extern void bpf_kfunc_call_memb_release(struct prog_test_member *p) K;
extern void bpf_kfunc_call_memb1_release(struct prog_test_member1 *p) K;
extern int *bpf_kfunc_call_test_get_rdwr_mem(obj *p, const int rdwr_buf_size) K;
extern int *bpf_kfunc_call_test_get_rdonly_mem(obj *p, const int rdonly_buf_size) K;
extern int *bpf_kfunc_call_test_acq_rdonly_mem(obj *p, const int rdonly_buf_size) K;
extern void bpf_kfunc_call_int_mem_release(int *p) K;
extern obj *bpf_kfunc_call_test_kptr_get(obj **pp, int a, int b) K;
extern void bpf_kfunc_call_test_pass_ctx(struct __sk_buff *skb) K;
extern void bpf_kfunc_call_test_pass1(struct prog_test_pass1 *p) K;
extern void bpf_kfunc_call_test_pass2(struct prog_test_pass2 *p) K;
extern void bpf_kfunc_call_test_fail1(struct prog_test_fail1 *p) K;
extern void bpf_kfunc_call_test_fail2(struct prog_test_fail2 *p) K;
extern void bpf_kfunc_call_test_fail3(struct prog_test_fail3 *p) K;
extern void bpf_kfunc_call_test_mem_len_pass1(void *mem, int mem__sz) K;
extern void bpf_kfunc_call_test_mem_len_fail1(void *mem, int len) K;
extern void bpf_kfunc_call_test_mem_len_fail2(u64 *mem, int len) K;
extern void bpf_kfunc_call_test_ref(obj *p) K;
extern void bpf_kfunc_call_test_destructive(void) K;

struct held {
	obj TAG("kptr_ref") * ref;
	obj TAG("kptr") * unref;
	struct prog_test_member TAG("kptr_ref") * member;
	u64 number;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct held);
} held SEC(".maps");

u32 size = 4; /* which the verifier does not know */
const volatile u32 zero = 0;
u64 out[16];

SEC("tc") int numbers(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sock *same;

	if (!sk || !(sk = bpf_sk_fullsock(sk)))
		return -1;
	out[0] = bpf_kfunc_call_test1((struct sock *)sk, 0xfffffffe, 1ULL << 40 | 2, 3, 1ULL << 50);
	out[1] = (u64)bpf_kfunc_call_test2((struct sock *)sk, 0x7fffffff, 2);
	same = bpf_kfunc_call_test3((struct sock *)sk);
	out[2] = same->__sk_common.skc_state;
	out[3] = sk->state;
	return 0;
}

/* Each puts into @out what the object's count is, besides the references that are held. */
SEC("tc") int objects(struct __sk_buff *skb)
{
	unsigned long s = 0;
	obj *p = bpf_kfunc_call_test_acquire(&s), *q;
	int *m;

	if (!p)
		return -1;
	out[0] = p->a;
	out[1] = p->b;
	out[2] = p->cnt;
	out[3] = p->next->next->b;
	bpf_kfunc_call_test_ref(p);
	q = bpf_kfunc_call_test_acquire(&s);
	if (q) {
		out[4] = q == p;
		out[5] = p->cnt;
		bpf_kfunc_call_test_release(q);
	}
	out[6] = p->cnt;
	m = bpf_kfunc_call_test_get_rdwr_mem(p, 8);
	if (m) {
		m[0] += 1;
		out[7] = m[1];
	}
	m = bpf_kfunc_call_test_get_rdonly_mem(p, 4);
	if (m) {
		out[8] = m[0];
		out[9] = p->a;
	}
	m = bpf_kfunc_call_test_get_rdwr_mem(p, 4);
	if (m)
		m[0] = 42;
	out[10] = !bpf_kfunc_call_test_get_rdonly_mem(p, 12) &&
		  !bpf_kfunc_call_test_get_rdwr_mem(p, 9);
	bpf_kfunc_call_test_release(p);
	return 0;
}

/* A reference that stays in a map's value. */
SEC("tc") int keep(struct __sk_buff *skb)
{
	struct held *v = bpf_map_lookup_elem(&held, (u32 *)&zero);
	unsigned long s = 0;
	obj *p, *q;

	if (!v)
		return -1;
	p = bpf_kfunc_call_test_kptr_get(&v->ref, 0, 0);
	if (p) {
		bpf_kfunc_call_test_release(p);
		out[0] = 1;
	}
	p = bpf_kfunc_call_test_acquire(&s);
	if (!p)
		return -1;
	v->unref = p;
	p = bpf_kptr_xchg(&v->ref, p);
	if (p)
		bpf_kfunc_call_test_release(p);
	q = bpf_kfunc_call_test_kptr_get(&v->ref, 0, 0);
	if (!q)
		return -1;
	out[1] = q->b;
	out[2] = q->cnt;
	bpf_kfunc_call_test_release(q);
	q = v->unref;
	out[3] = q ? q->cnt : 0;
	return 0;
}

SEC("tc") int count(struct __sk_buff *skb)
{
	unsigned long s = 0;
	obj *p = bpf_kfunc_call_test_acquire(&s);

	if (!p)
		return -1;
	out[0] = p->cnt;
	bpf_kfunc_call_test_release(p);
	return 0;
}

SEC("tc") int arguments(struct __sk_buff *skb)
{
	struct prog_test_pass1 p1 = {};
	struct prog_test_pass2 p2 = {};
	struct prog_test_member *m;
	u64 b = 5;
	char d = 7;

	bpf_kfunc_call_test_pass_ctx(skb);
	bpf_kfunc_call_test_pass1(&p1);
	bpf_kfunc_call_test_pass2(&p2);
	bpf_kfunc_call_test_mem_len_pass1(&b, sizeof(b));
	bpf_kfunc_call_test_mem_len_pass1(&d, sizeof(d));
	bpf_kfunc_call_test_mem_len_fail2(&b, -1);
	m = bpf_kfunc_call_memb_acquire();
	if (m)
		bpf_kfunc_call_memb_release(m);
	else
		out[0] = 1;
	out[1] = b == 5 && d == 7;
	return 0;
}

SEC("syscall") int of_syscall(void *ctx)
{
	char bytes[8] = {};

	bpf_kfunc_call_test_mem_len_pass1(bytes, sizeof(bytes));
	out[0] = bytes[0] == 0;
	return 0;
}

/* What gives back memory gives back the object that it is of: only the verifier counts it. */
#define GIVES_BACK(name, function, type)                                                           \
	SEC("tc") int name(struct __sk_buff *skb)                                                  \
	{                                                                                          \
		unsigned long s = 0;                                                               \
		obj *p = bpf_kfunc_call_test_acquire(&s);                                          \
		int *m;                                                                            \
                                                                                                   \
		if (!p)                                                                            \
			return -1;                                                                 \
		m = bpf_kfunc_call_test_get_rdwr_mem(p, 8);                                        \
		if (m)                                                                             \
			function((type *)m);                                                       \
		else                                                                               \
			bpf_kfunc_call_test_release(p);                                            \
		out[0] = 1;                                                                        \
		return 0;                                                                          \
	}
GIVES_BACK(memory_back, bpf_kfunc_call_int_mem_release, int)
GIVES_BACK(member1_back, bpf_kfunc_call_memb1_release, struct prog_test_member1)
GIVES_BACK(member_back, bpf_kfunc_call_memb_release, struct prog_test_member)

SEC("tc") int destroy(struct __sk_buff *skb)
{
	bpf_kfunc_call_test_destructive();
	out[0] = 1;
	return 0;
}

/* ---- refused ---- */

#define WITH_OBJECT(name, statements)                                                              \
	SEC("tc") int name(struct __sk_buff *skb)                                                  \
	{                                                                                          \
		struct held *v = bpf_map_lookup_elem(&held, (u32 *)&zero);                         \
		unsigned long s = 0;                                                               \
		obj *p = bpf_kfunc_call_test_acquire(&s);                                          \
		int *m = 0;                                                                        \
                                                                                                   \
		(void)m;                                                                           \
		if (!p)                                                                            \
			return 0;                                                                  \
		if (v) {                                                                           \
			statements;                                                                \
		}                                                                                  \
		bpf_kfunc_call_test_release(p);                                                    \
		return 0;                                                                          \
	}
#define WITHOUT(name, statements)                                                                  \
	SEC("tc") int name(struct __sk_buff *skb)                                                  \
	{                                                                                          \
		struct held *v = bpf_map_lookup_elem(&held, (u32 *)&zero);                         \
		struct prog_test_fail2 big = {};                                                   \
		u64 word[4] = {};                                                                  \
		obj *p;                                                                            \
                                                                                                   \
		(void)p, (void)big, (void)word;                                                    \
		if (v) {                                                                           \
			statements;                                                                \
		}                                                                                  \
		return 0;                                                                          \
	}
#define RELEASED(p)                                                                                \
	if (p)                                                                                     \
	bpf_kfunc_call_test_release(p)
WITH_OBJECT(bad_write, m = bpf_kfunc_call_test_get_rdonly_mem(p, 8); if (m) m[0] = 1)
WITH_OBJECT(bad_bounds, m = bpf_kfunc_call_test_get_rdonly_mem(p, 8); if (m) out[0] = m[8])
WITH_OBJECT(bad_size, m = bpf_kfunc_call_test_get_rdonly_mem(p, size); if (m) out[0] = m[0])
WITH_OBJECT(bad_acquire, m = bpf_kfunc_call_test_acq_rdonly_mem(p, 8);
	    if (m) bpf_kfunc_call_int_mem_release(m))
WITH_OBJECT(bad_ref, bpf_kfunc_call_test_ref(p->next))
WITH_OBJECT(bad_member, bpf_kfunc_call_memb1_release(&p->memb.m))
WITH_OBJECT(bad_leak, bpf_kfunc_call_test_acquire(&s))
WITHOUT(bad_null, p = bpf_kfunc_call_test_acquire((void *)word); bpf_kfunc_call_test_release(p))
WITHOUT(bad_release, bpf_kfunc_call_memb1_release((void *)word))
WITHOUT(bad_get_value, p = bpf_kfunc_call_test_kptr_get((void *)word, 0, 0); RELEASED(p))
WITHOUT(bad_get_none, p = bpf_kfunc_call_test_kptr_get((void *)&v->number, 0, 0); RELEASED(p))
WITHOUT(bad_get_unref, p = bpf_kfunc_call_test_kptr_get((void *)&v->unref, 0, 0); RELEASED(p))
WITHOUT(bad_get_type, p = bpf_kfunc_call_test_kptr_get((void *)&v->member, 0, 0); RELEASED(p))
WITHOUT(bad_get_leak, p = bpf_kfunc_call_test_kptr_get((void *)&v->ref, 0, 0))
WITHOUT(bad_get_offset,
	p = bpf_kfunc_call_test_kptr_get((void *)&v->ref + (skb->len & 8), 0, 0); RELEASED(p))
WITHOUT(bad_pointer, bpf_kfunc_call_test_fail1((void *)word))
WITHOUT(bad_depth, bpf_kfunc_call_test_fail2(&big))
WITHOUT(bad_open, bpf_kfunc_call_test_fail3((void *)word))
WITHOUT(bad_void, bpf_kfunc_call_test_mem_len_fail1(word, 8))
WITHOUT(bad_ctx, bpf_kfunc_call_test_pass_ctx((void *)word))
WITHOUT(bad_len, bpf_kfunc_call_test_mem_len_pass1(word, 33))

SEC("xdp") int bad_type(struct xdp_md *ctx)
{
	bpf_kfunc_call_test_mem_len_fail2((u64 *)out, 1);
	return 0;
}
