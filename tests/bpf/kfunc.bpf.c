/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions at work: each program follows the random numbers in .in and leaves what
 * it saw in .out, which must be the same on skep and on Linux. See tests/unit/kfunc_test.c.
 */
#include "kfunc.h"

#define IN  64
#define OUT 96

struct io {
	__u32 in[IN];
	__u64 out[OUT];
	__u32 nr_out;
	char data[256];
	__u64 user; /* address of a copy of the first .data */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct io);
} io SEC(".maps");

static __always_inline struct io *get_io(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&io, &zero);
}

static __always_inline void put(struct io *s, __u64 v)
{
	__u32 i = s->nr_out;

	if (i < OUT) {
		s->out[i] = v;
		s->nr_out = i + 1;
	}
}

/* ---- iterators ---- */

SEC("tc") int numbers(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_iter_num it;
	int start, *v, err;

	if (!s)
		return -1;
	start = (int)(s->in[0] % 100) - 50;
	err = bpf_iter_num_new(&it, start, start + (int)(s->in[1] % 40) - 10);
	put(s, err);
	while ((v = bpf_iter_num_next(&it))) {
		if (s->in[2] % 8 == 0 && *v == (int)(s->in[3] % 20))
			break;
		put(s, *v);
	}
	bpf_iter_num_destroy(&it);
	err = bpf_iter_num_new(&it, (int)s->in[4], (int)s->in[5]);
	put(s, err);
	v = bpf_iter_num_next(&it);
	put(s, v ? *v : 7777);
	bpf_iter_num_destroy(&it);
	return (int)s->nr_out;
}

SEC("tc") int nested(struct __sk_buff *ctx)
{
	struct bpf_iter_num outer, inner;
	struct io *s = get_io();
	__u64 sum = 0;
	int *a, *b;

	if (!s)
		return -1;
	bpf_iter_num_new(&outer, 0, (int)(s->in[0] % 20));
	while ((a = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, *a, *a + (int)(s->in[1] % 20));
		while ((b = bpf_iter_num_next(&inner)))
			sum = sum * 31 + (__u64)(*a * *b);
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	put(s, sum);
	return 0;
}

SEC("tc") int bits(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_iter_bits it;
	__u64 words[4];
	int *v, err;

	if (!s)
		return -1;
	for (int i = 0; i < 4; i++)
		words[i] = (__u64)(s->in[i] & s->in[i + 4]) << 32 | (s->in[i + 8] & s->in[i + 12]);
	err = bpf_iter_bits_new(&it, words, s->in[16] % 5);
	put(s, err);
	while ((v = bpf_iter_bits_next(&it)))
		put(s, *v);
	v = bpf_iter_bits_next(&it);
	put(s, v != NULL);
	bpf_iter_bits_destroy(&it);
	return 0;
}

/* ---- dynptrs ---- */

static __always_inline void use_dynptr(struct io *s, struct bpf_dynptr *d, __u32 from, bool write)
{
	struct bpf_dynptr copy;
	char buf[16] = {};
	__u32 at = from;
	char *p;

	put(s, bpf_dynptr_size(d));
	put(s, BOOL(bpf_dynptr_is_null(d)) | BOOL(bpf_dynptr_is_rdonly(d)) << 1);
	put(s, bpf_dynptr_read(buf, s->in[at & 63] & 15, d, s->in[at + 1 & 63] & 511, 0));
	put(s, *(__u64 *)buf);
	put(s, *(__u64 *)(buf + 8));
	if (write) {
		put(s,
		    bpf_dynptr_write(d, s->in[at + 2 & 63] & 511, buf, s->in[at + 3 & 63] & 15, 0));
		p = bpf_dynptr_slice_rdwr(d, s->in[at + 9 & 63] & 255, buf, sizeof(buf));
		if (p)
			p[3]++;
		put(s, p ? *(__u64 *)p : 1);
	}
	p = bpf_dynptr_slice(d, s->in[at + 4 & 63] & 511, buf, sizeof(buf));
	put(s, p ? *(__u64 *)p : 0);
	put(s, (__u64)bpf_dynptr_clone(d, &copy));
	put(s, (__u64)bpf_dynptr_adjust(&copy, s->in[at + 5 & 63] & 127, s->in[at + 6 & 63] & 511));
	put(s, bpf_dynptr_size(&copy));
	p = bpf_dynptr_slice(&copy, s->in[at + 7 & 63] & 127, NULL, 4);
	put(s, p ? *(__u32 *)p : 0);
	put(s, (__u64)bpf_dynptr_read(buf, 8, &copy, s->in[at + 8 & 63] & 127, 0));
	put(s, *(__u64 *)buf);
}

SEC("tc") int dynptr_mem(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;
	char *p;

	if (!s)
		return -1;
	put(s, bpf_dynptr_from_mem(s->data, s->in[0] & 255, !(s->in[1] & 7), &d));
	use_dynptr(s, &d, 2, true);
	p = bpf_dynptr_data(&d, s->in[20] & 511, 8);
	if (p)
		*p ^= 0x55;
	put(s, p != NULL);
	return 0;
}

SEC("?tc") int dynptr_copy(struct __sk_buff *ctx)
{
	struct bpf_dynptr d, packet;
	struct io *s = get_io();

	if (!s)
		return -1;
	bpf_dynptr_from_mem(s->data, 256, 0, &d);
	bpf_dynptr_from_skb(ctx, 0, &packet);
	put(s, (__u64)bpf_dynptr_copy(&d, s->in[0] & 511, &packet, s->in[1] & 127, s->in[2] & 511));
	put(s, (__u64)bpf_dynptr_copy(&packet, s->in[3] & 127, &d, s->in[4] & 511, s->in[5] & 127));
	put(s, (__u64)bpf_dynptr_memset(&d, s->in[6] & 511, s->in[7] & 511, (__u8)s->in[8]));
	put(s, (__u64)bpf_dynptr_memset(&packet, s->in[9] & 127, s->in[10] & 127, (__u8)s->in[8]));
	return 0;
}

SEC("tc") int dynptr_skb(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;

	if (!s)
		return -1;
	put(s, (__u64)bpf_dynptr_from_skb(ctx, !(s->in[1] & 7), &d));
	use_dynptr(s, &d, 2, true);
	return 0;
}

SEC("cgroup_skb/egress") int dynptr_rdonly(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;
	char buf[8] = {};

	if (!s)
		return 0;
	bpf_dynptr_from_skb(ctx, 0, &d);
	use_dynptr(s, &d, 2, false);
	put(s, (__u64)bpf_dynptr_write(&d, 0, buf, 8, 0));
	return 1;
}

SEC("xdp") int dynptr_xdp(struct xdp_md *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;

	if (!s)
		return 0;
	put(s, (__u64)bpf_dynptr_from_xdp(ctx, !(s->in[1] & 7), &d));
	use_dynptr(s, &d, 2, true);
	return 2;
}

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

SEC("tc") int dynptr_ring(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;

	if (!s)
		return -1;
	put(s, bpf_ringbuf_reserve_dynptr(&ring, s->in[0] & 255, !(s->in[1] & 7), &d));
	bpf_dynptr_write(&d, 0, s->data, 256, 0);
	use_dynptr(s, &d, 2, true);
	bpf_ringbuf_discard_dynptr(&d, 0);
	put(s, bpf_ringbuf_query(&ring, 0) & 7);
	return 0;
}

/* Linux copies by words: what is behind a string is no promise. */
static __always_inline void put_str(struct io *s, struct bpf_dynptr *d, __u32 at, __u32 size,
				    int len)
{
	put(s, (__u64)len);
	if (len > 0 && (__u32)len < size)
		bpf_dynptr_memset(d, at + (__u32)len, size - (__u32)len, 7);
}
#define PUT_STR(d, at, size, func, from) put_str(s, d, at, size, func(d, at, size, from))

/* Memory and strings of the process and of the kernel. */
SEC("?syscall") int dynptr_fill(void *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d, part;
	__u32 at, n;
	char *from;

	if (!s)
		return -1;
	bpf_dynptr_from_mem(s->data, 256, 0, &d);
	at = s->in[0] & 127;
	n = s->in[1] & 127;
	from = (char *)s->user + (s->in[2] & 127);
	put(s, (__u64)bpf_probe_read_user_dynptr(&d, at, n, from));
	put(s, (__u64)bpf_copy_from_user_dynptr(&d, s->in[3] & 511, s->in[4] & 511, from));
	PUT_STR(&d, s->in[5] & 511, s->in[6] & 255, bpf_probe_read_user_str_dynptr, from);
	PUT_STR(&d, s->in[7] & 255, s->in[8] & 31, bpf_copy_from_user_str_dynptr, from + 2);
	put(s, (__u64)bpf_probe_read_kernel_dynptr(&d, s->in[9] & 127, s->in[10] & 63, s->in));
	put(s, (__u64)bpf_probe_read_kernel_str_dynptr(&d, s->in[11] & 127, s->in[12] & 31,
						       (char *)s->in + (s->in[13] & 127)));
	bpf_dynptr_clone(&d, &part);
	bpf_dynptr_adjust(&part, s->in[14] & 63, 64 + (s->in[15] & 127));
	PUT_STR(&part, s->in[16] & 63, s->in[17] & 63, bpf_copy_from_user_str_dynptr, from);
	put(s, (__u64)bpf_probe_read_user_dynptr(&part, s->in[18] & 63, s->in[19] & 63, from));
	/* not there */
	put(s, (__u64)bpf_copy_from_user_dynptr(&part, s->in[18] & 63, s->in[19] & 15, (void *)64));
	put(s, (__u64)bpf_probe_read_user_dynptr(&d, 0, 8, (void *)64));
	put(s, (__u64)bpf_probe_read_user_str_dynptr(&d, 0, 8, (void *)64));
	put(s, (__u64)bpf_copy_from_user_str_dynptr(&d, 0, 8, (void *)64));
	put(s, (__u64)bpf_probe_read_kernel_dynptr(&d, 0, 8, (void *)64));
	put(s, (__u64)bpf_probe_read_kernel_str_dynptr(&d, 0, 8, (void *)64));
	put(s, (__u64)bpf_probe_read_user_dynptr(&d, 0, 0, from));
	put(s, (__u64)bpf_probe_read_user_str_dynptr(&d, 0, 0, from));
	return 0;
}

/* Into a packet. */
SEC("?tc") int dynptr_fill_skb(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;

	if (!s)
		return -1;
	bpf_dynptr_from_skb(ctx, 0, &d);
	put(s, (__u64)bpf_probe_read_user_dynptr(&d, 14 + (s->in[0] & 63), s->in[1] & 63,
						 (void *)s->user));
	PUT_STR(&d, 14 + (s->in[2] & 63), s->in[3] & 63, bpf_probe_read_user_str_dynptr,
		(char *)s->user + (s->in[4] & 127));
	put(s, (__u64)bpf_probe_read_kernel_dynptr(&d, s->in[5] & 127, s->in[6] & 31, s->in));
	return 0;
}

/* A packet that must not be written: nothing changes. */
SEC("?cgroup_skb/egress") int dynptr_fill_rdonly(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct bpf_dynptr d;

	if (!s)
		return 0;
	bpf_dynptr_from_skb(ctx, 0, &d);
	put(s, (__u64)bpf_probe_read_kernel_dynptr(&d, 0, 8, s->in));
	put(s, (__u64)bpf_probe_read_kernel_str_dynptr(&d, 0, 8, s->in));
	put(s, (__u64)bpf_probe_read_kernel_dynptr(&d, 0, 1000, s->in));
	return 1;
}

/* ---- strings ---- */

/* Short strings over three letters, so that they are often equal or parts of each other. */
SEC("?syscall") int strings(void *ctx)
{
	struct io *s = get_io();
	const char *a, *b;
	__u32 i, x;

	if (!s)
		return -1;
	for (i = 0; i < 256; i++) {
		x = s->in[i & 63] >> (i >> 6) * 8 & 255;
		s->data[i] = x < 30 ? 0 : x & 1 ? 'a' : x & 2 ? 'A' : 'b';
	}
	s->data[255] = 0;
	for (i = 0; i < 6; i++) {
		a = s->data + (s->in[i] & 127);
		b = s->data + (s->in[i + 8] & 127);
		put(s, (__u64)bpf_strcmp(a, b));
		put(s, (__u64)bpf_strcasecmp(a, b));
		put(s, (__u64)bpf_strchr(a, *b));
		put(s, (__u64)bpf_strnchr(a, s->in[i + 16] & 7, *b));
		put(s, (__u64)bpf_strchrnul(a, *b));
		put(s, (__u64)bpf_strrchr(a, *b));
		put(s, (__u64)bpf_strlen(a));
		put(s, (__u64)bpf_strnlen(a, s->in[i + 16] & 7));
		put(s, (__u64)bpf_strspn(a, b));
		put(s, (__u64)bpf_strcspn(a, b));
		put(s, (__u64)bpf_strstr(a, b));
		put(s, (__u64)bpf_strnstr(a, b, s->in[i + 16] & 15));
	}
	put(s, (__u64)bpf_strlen(NULL));
	put(s, (__u64)bpf_strcmp(s->data, NULL));
	put(s, (__u64)bpf_strstr((const char *)16, s->data));
	put(s, (__u64)bpf_strlen((const char *)-4096));
	return 0;
}

/* ---- contexts as the kernel's structs ---- */

static __always_inline void put_device(struct io *s, struct net_device *dev)
{
	put(s, (__u64)dev->ifindex);
	put(s, *(__u64 *)dev->name);
}

SEC("?tc") int kern_skb(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct sk_buff *skb, *again;

	if (!s)
		return -1;
	ctx->mark = s->in[0];
	ctx->priority = s->in[1];
	skb = bpf_cast_to_kern_ctx(ctx);
	put(s, skb->len);
	put(s, skb->data_len);
	put(s, skb->mark);
	put(s, skb->priority);
	put(s, skb->protocol);
	put(s, skb->mac_len);
	put(s, skb->queue_mapping);
	put(s, skb->network_header - skb->mac_header);
	put(s, skb->head + skb->tail - skb->data);
	put(s, skb->end >= skb->tail);
	put(s, (__u64)skb->skb_iif);
	put_device(s, skb->dev);
	ctx->mark = s->in[2];
	again = bpf_cast_to_kern_ctx(ctx);
	put(s, again == skb);
	put(s, again->mark);
	put(s, skb->mark);
	return 0;
}

SEC("?xdp") int kern_xdp(struct xdp_md *ctx)
{
	struct io *s = get_io();
	struct xdp_buff *xdp;

	if (!s)
		return -1;
	xdp = bpf_cast_to_kern_ctx(ctx);
	put(s, (__u64)(xdp->data_end - xdp->data));
	put(s, (__u64)(xdp->data - xdp->data_meta));
	put(s, xdp->rxq->queue_index);
	put_device(s, xdp->rxq->dev);
	return 2;
}

/* ---- objects in lists and trees ---- */

struct item {
	__u64 key, value;
	struct bpf_list_node l;
	struct bpf_rb_node r;
	struct bpf_refcount ref;
};

private(A) struct bpf_spin_lock lock;
private(A) struct bpf_list_head list __contains(item, l);
private(A) struct bpf_rb_root tree __contains(item, r);

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct item, r)->key < container_of(b, struct item, r)->key;
}

static __always_inline void drain(struct io *s)
{
	struct bpf_list_node *l;
	struct bpf_rb_node *r;
	struct item *i;
	int n;

	bpf_for(n, 0, 64)
	{
		bpf_spin_lock(&lock);
		l = n & 1 ? bpf_list_pop_front(&list) : bpf_list_pop_back(&list);
		bpf_spin_unlock(&lock);
		if (!l)
			break;
		i = container_of(l, struct item, l);
		put(s, i->key << 8 | i->value);
		bpf_obj_drop(i);
	}
	bpf_for(n, 0, 64)
	{
		bpf_spin_lock(&lock);
		r = bpf_rbtree_first(&tree);
		if (!r) {
			bpf_spin_unlock(&lock);
			break;
		}
		r = bpf_rbtree_remove(&tree, r);
		bpf_spin_unlock(&lock);
		if (!r)
			break;
		i = container_of(r, struct item, r);
		put(s, i->key << 16 | i->value);
		bpf_obj_drop(i);
	}
}

SEC("tc") int objects(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct item *i, *other;
	__u32 op;
	int n;

	if (!s)
		return -1;
	bpf_for(n, 0, 40)
	{
		op = s->in[n & 63];
		i = bpf_obj_new(struct item);
		if (!i)
			return -2;
		i->key = op >> 8 & 255;
		i->value = (__u64)n;
		if (op % 5 == 4) { /* in both */
			other = bpf_refcount_acquire(i);
			bpf_spin_lock(&lock);
			bpf_list_push_front(&list, &i->l);
			bpf_rbtree_add(&tree, &other->r, less);
			bpf_spin_unlock(&lock);
			continue;
		}
		if (op % 5 == 3) {
			bpf_obj_drop(i);
			continue;
		}
		bpf_spin_lock(&lock);
		if (op % 5 == 2)
			bpf_rbtree_add(&tree, &i->r, less);
		else if (op % 5)
			bpf_list_push_back(&list, &i->l);
		else
			bpf_list_push_front(&list, &i->l);
		bpf_spin_unlock(&lock);
	}
	drain(s);
	return (int)s->nr_out;
}

/* ---- pointers to objects in maps ---- */

struct plain {
	__u64 a, b;
};

struct slot {
	__u64 before;
	struct plain __kptr *p;
	struct bpf_cpumask __kptr *mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

SEC("syscall") int stash(void *ctx)
{
	struct bpf_cpumask *mask;
	struct slot none = {}, *v;
	struct io *s = get_io();
	struct plain *p;
	__u32 key, op;
	int n;

	if (!s)
		return -1;
	bpf_for(n, 0, 24)
	{
		op = s->in[n & 63];
		key = op >> 8 & 7;
		v = bpf_map_lookup_elem(&slots, &key);
		if (!v || op % 7 == 0) {
			none.before = (__u64)n;
			put(s, (__u64)bpf_map_update_elem(&slots, &key, &none, 0));
			continue;
		}
		if (op % 7 == 1) {
			put(s, (__u64)bpf_map_delete_elem(&slots, &key));
			continue;
		}
		if (op % 7 == 2) {
			mask = bpf_cpumask_create();
			if (!mask)
				return -3;
			bpf_cpumask_set_cpu(op >> 16 & 1, mask);
			mask = bpf_kptr_xchg(&v->mask, mask);
			put(s, mask != NULL);
			if (mask)
				bpf_cpumask_release(mask);
			continue;
		}
		if (op % 7 == 3) {
			bpf_rcu_read_lock();
			mask = v->mask;
			put(s, mask ? bpf_cpumask_first((const struct cpumask *)mask) : 99);
			bpf_rcu_read_unlock();
			continue;
		}
		p = NULL;
		if (op % 7 > 4) {
			p = bpf_obj_new(struct plain);
			if (!p)
				return -2;
			p->a = op;
			p->b = (__u64)n;
		}
		p = bpf_kptr_xchg(&v->p, p);
		put(s, p ? p->a ^ p->b : 0);
		put(s, v->before);
		if (p)
			bpf_obj_drop(p);
	}
	return (int)s->nr_out;
}

SEC("tc") int percpu(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	struct plain *p;

	if (!s)
		return -1;
	p = bpf_percpu_obj_new(struct plain);
	if (!p)
		return -2;
	bpf_percpu_obj_drop(p);
	return 0;
}

/* ---- CPU masks ---- */

SEC("syscall") int cpumasks(void *ctx)
{
	struct bpf_cpumask *a, *b, *c;
	struct io *s = get_io();
	__u32 op;
	int n;

	if (!s)
		return -1;
	a = bpf_cpumask_create();
	if (!a)
		return -2;
	b = bpf_cpumask_create();
	if (!b) {
		bpf_cpumask_release(a);
		return -2;
	}
	c = bpf_cpumask_acquire(a);
#define M(x) ((const struct cpumask *)(x))
	for (n = 0; n < 20; n++) {
		op = s->in[n];
		switch (op % 10) {
		case 9:
			put(s, (__u32)bpf_cpumask_populate((struct cpumask *)a, &s->in[n],
							   op & 16 ? 8 : 7));
			break;
		case 0:
			bpf_cpumask_set_cpu(op >> 8 & 3, a);
			break;
		case 1:
			bpf_cpumask_clear_cpu(op >> 8 & 3, b);
			break;
		case 2:
			put(s, BOOL(bpf_cpumask_test_and_set_cpu(op >> 8 & 3, b)));
			break;
		case 3:
			put(s, BOOL(bpf_cpumask_test_and_clear_cpu(op >> 8 & 3, a)));
			break;
		case 4:
			bpf_cpumask_xor(a, M(a), M(b));
			break;
		case 5:
			put(s, BOOL(bpf_cpumask_and(b, M(a), M(b))));
			break;
		case 6:
			bpf_cpumask_or(b, M(c), M(b));
			break;
		case 7:
			bpf_cpumask_setall(a);
			break;
		case 8:
			bpf_cpumask_clear(b);
			break;
		}
		put(s, bpf_cpumask_first(M(a)) | bpf_cpumask_first_zero(M(b)) << 8 |
			       bpf_cpumask_weight(M(a)) << 16 | bpf_cpumask_weight(M(b)) << 24);
		put(s, BOOL(bpf_cpumask_equal(M(a), M(b))) |
			       BOOL(bpf_cpumask_intersects(M(a), M(b))) << 1 |
			       BOOL(bpf_cpumask_subset(M(a), M(b))) << 2 |
			       BOOL(bpf_cpumask_empty(M(a))) << 3 |
			       BOOL(bpf_cpumask_full(M(b))) << 4 |
			       BOOL(bpf_cpumask_test_cpu(1, M(a))) << 5);
	}
	bpf_cpumask_release(c);
	bpf_cpumask_release(b);
	bpf_cpumask_release(a);
	return 0;
}

/* ---- exceptions ---- */

static __noinline int deep(struct io *s, __u32 n)
{
	put(s, n);
	if (n > s->in[1] % 8)
		bpf_throw(s->in[2]);
	return (int)n * 2;
}

static __noinline int middle(struct io *s)
{
	int sum = 0, n;

	bpf_for(n, 0, 10)
	{
		put(s, (__u64)n + 100);
		sum += (int)s->in[n & 63] & 15;
	}
	for (n = 0; n < 6; n++)
		sum += deep(s, (__u32)n);
	return sum;
}

SEC("?tc") int throws(struct __sk_buff *ctx)
{
	struct io *s = get_io();

	if (!s)
		return -1;
	return middle(s);
}

/* A function that never returns: what is behind its call is gone. */
static __noinline int always(__u32 n)
{
	bpf_throw(n & 0xff);
	return (int)n;
}

SEC("?tc") int throws_last(struct __sk_buff *ctx)
{
	return always(ctx->len);
}

/* What a tail-called program throws ends that one: the function that it was called from returns. */
SEC("?tc") int tail_target(struct __sk_buff *ctx)
{
	struct io *s = get_io();

	if (!s)
		return -1;
	put(s, 1000);
	if (s->in[1] & 1)
		bpf_throw(s->in[2]);
	return 5;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tail SEC(".maps");

static __noinline int jump(struct __sk_buff *ctx)
{
	volatile int none = -7;

	bpf_tail_call_static(ctx, &tail, 0);
	return none;
}

SEC("?tc") int tail_throws(struct __sk_buff *ctx)
{
	struct io *s = get_io();
	int n;

	if (!s)
		return -1;
	n = jump(ctx);
	put(s, (__u64)(__s64)n);
	if (s->in[3] & 1)
		bpf_throw(s->in[4]);
	return n + jump(ctx);
}

/* Fields of maps, as the kernel's structs have them. */
struct bpf_map {
	enum bpf_map_type map_type;
	__u32 key_size, value_size, max_entries, map_flags;
	__u64 map_extra;
} CORE;
typedef struct {
	int counter;
} atomic_t;
struct bpf_htab {
	struct bpf_map map;
	atomic_t count;
	__u32 n_buckets, elem_size;
} CORE;
struct bpf_array {
	struct bpf_map map;
	__u32 elem_size, index_mask;
} CORE;

extern __s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

struct twelve {
	__u32 v[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 20);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__type(key, __u32);
	__type(value, struct twelve);
} counted SEC(".maps");

static __noinline int common(struct io *s, const struct bpf_map *map)
{
	put(s, map->map_type);
	put(s, (__u64)map->key_size << 32 | map->value_size);
	put(s, map->max_entries);
	put(s, map->map_flags);
	put(s, map->map_extra);
	put(s, *((volatile const __u8 *)&map->value_size)); /* a byte of it */
	put(s, (__u64)bpf_map_sum_elem_count(map));
	return 0;
}

SEC("?tc") int map_fields(struct __sk_buff *ctx)
{
	struct bpf_htab *hash = (struct bpf_htab *)&counted;
	struct bpf_array *array = (struct bpf_array *)&io;
	struct io *s = get_io();
	struct twelve value = { { 1 } };
	__u32 key;

	if (!s)
		return -1;
	for (int i = 0; i < 8; i++) {
		key = s->in[i] & 31;
		if (s->in[i] & 64)
			bpf_map_delete_elem(&counted, &key);
		else
			bpf_map_update_elem(&counted, &key, &value, 0);
	}
	common(s, &hash->map);
	common(s, &array->map);
	put(s, hash->n_buckets);
	put(s, hash->elem_size);
	put(s, (__u64)hash->count.counter);
	put(s, array->elem_size);
	put(s, array->index_mask);
	return 0;
}

char _license[] SEC("license") = "GPL";
