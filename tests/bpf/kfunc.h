/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs that call kernel functions need, without a kernel's headers: the host's
 * may be older than these types. Sizes are those of the uapi.
 */
#ifndef TEST_KFUNC_H
#define TEST_KFUNC_H

#include <linux/types.h>
#include <stdbool.h>

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_RINGBUF = 27
};

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto,
		priority;
};
struct xdp_md {
	__u32 data;
};
struct bpf_dynptr {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_spin_lock {
	__u32 val;
};
struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));
struct bpf_rb_root {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_rb_node {
	__u64 __opaque[4];
} __attribute__((aligned(8)));
struct bpf_refcount {
	__u32 __opaque[1];
} __attribute__((aligned(4)));
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
struct bpf_iter_bits {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct cpumask {
	unsigned long bits[1];
} __attribute__((preserve_access_index));
struct bpf_cpumask {
	struct cpumask cpumask;
} __attribute__((preserve_access_index));

#define CORE __attribute__((preserve_access_index))
struct net_device {
	char name[16];
	int ifindex;
} CORE;
struct sk_buff {
	unsigned int len, data_len, mark;
	__u16 mac_len, protocol, queue_mapping, mac_header, network_header;
	__u32 priority, tail, end;
	int skb_iif;
	unsigned char *head, *data;
	struct net_device *dev;
} CORE;
struct xdp_rxq_info {
	struct net_device *dev;
	__u32 queue_index;
} CORE;
struct xdp_buff {
	void *data, *data_end, *data_meta;
	struct xdp_rxq_info *rxq;
} CORE;

#include <bpf/bpf_helpers.h>

/* The kernel leaves what it likes above the 8 bits of a bool. */
typedef __u32 __u8_result;
#define BOOL(call) ((call)&255)

#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define private(name) SEC(".data." #name) __hidden __attribute__((aligned(8)))
#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
#define bpf_core_type_id_local_(type)                                                              \
	__builtin_btf_type_id(*(typeof(type) *)0, 0 /* BPF_TYPE_ID_LOCAL */)

#ifdef NEW_NAMES
extern void *bpf_obj_new(__u64 local_type_id__k) __ksym;
extern void bpf_obj_drop(void *p__alloc) __ksym;
extern void *bpf_refcount_acquire(void *p__refcounted_kptr) __ksym;
extern void *bpf_percpu_obj_new(__u64 local_type_id__k) __ksym;
extern void bpf_percpu_obj_drop(void *p__alloc) __ksym;
#define bpf_obj_new(type)	 ((type *)bpf_obj_new(bpf_core_type_id_local_(type)))
#define bpf_percpu_obj_new(type) ((type *)bpf_percpu_obj_new(bpf_core_type_id_local_(type)))
#else
extern void *bpf_obj_new_impl(__u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
extern void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 local_type_id__k, void *meta__ign) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign) __ksym;
#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local_(type), NULL))
#define bpf_percpu_obj_new(type)                                                                   \
	((type *)bpf_percpu_obj_new_impl(bpf_core_type_id_local_(type), NULL))
#define bpf_obj_drop(p)		bpf_obj_drop_impl(p, NULL)
#define bpf_percpu_obj_drop(p)	bpf_percpu_obj_drop_impl(p, NULL)
#define bpf_refcount_acquire(p) bpf_refcount_acquire_impl(p, NULL)
#endif
#ifndef NULL
#define NULL ((void *)0)
#endif

#ifdef NEW_NAMES
extern int bpf_list_push_front(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_list_push_back(struct bpf_list_head *head, struct bpf_list_node *node) __ksym;
extern int bpf_rbtree_add(struct bpf_rb_root *root, struct bpf_rb_node *node,
			  bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b)) __ksym;
#else
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				    void *meta__ign, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta__ign, __u64 off) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			       void *meta__ign, __u64 off) __ksym;
#define bpf_list_push_front(h, n) bpf_list_push_front_impl(h, n, NULL, 0)
#define bpf_list_push_back(h, n)  bpf_list_push_back_impl(h, n, NULL, 0)
#define bpf_rbtree_add(r, n, l)	  bpf_rbtree_add_impl(r, n, l, NULL, 0)
#endif
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
					     struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
/* For loops: the iterator ends with its scope. */
#define bpf_for(i, start, end)                                                                     \
	for (struct bpf_iter_num it_ __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))),   \
	     *p_ __attribute__((unused)) = (bpf_iter_num_new(&it_, (start), (end)), (void *)0);    \
	     ({                                                                                    \
		     int *t_ = bpf_iter_num_next(&it_);                                            \
		     t_ && ((i) = *t_, (i) >= (start) && (i) < (end));                             \
	     });)

extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const __u64 *unsafe_ptr__ign,
			     __u32 nr_words) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;

extern int bpf_dynptr_from_skb(struct __sk_buff *s, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 offset, void *buffer__opt,
			      __u32 buffer__szk) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 offset, void *buffer__opt,
				   __u32 buffer__szk) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern __u8_result bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern __u8_result bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *dst, __u32 dst_off, struct bpf_dynptr *src,
			   __u32 src_off, __u32 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *p, __u32 offset, __u32 size, __u8 val) __ksym;

#define FILLS(name)                                                                                \
	extern int name(struct bpf_dynptr *dptr, __u32 off, __u32 size,                            \
			const void *unsafe_ptr__ign) __ksym;
FILLS(bpf_probe_read_kernel_dynptr)
FILLS(bpf_probe_read_kernel_str_dynptr)
FILLS(bpf_probe_read_user_dynptr)
FILLS(bpf_probe_read_user_str_dynptr)
FILLS(bpf_copy_from_user_dynptr)
FILLS(bpf_copy_from_user_str_dynptr)

extern int bpf_strcmp(const char *s1__ign, const char *s2__ign) __ksym;
extern int bpf_strcasecmp(const char *s1__ign, const char *s2__ign) __ksym;
extern int bpf_strchr(const char *s__ign, char c) __ksym;
extern int bpf_strnchr(const char *s__ign, __u64 count, char c) __ksym;
extern int bpf_strchrnul(const char *s__ign, char c) __ksym;
extern int bpf_strrchr(const char *s__ign, int c) __ksym;
extern int bpf_strlen(const char *s__ign) __ksym;
extern int bpf_strnlen(const char *s__ign, __u64 count) __ksym;
extern int bpf_strspn(const char *s__ign, const char *accept__ign) __ksym;
extern int bpf_strcspn(const char *s__ign, const char *reject__ign) __ksym;
extern int bpf_strstr(const char *s1__ign, const char *s2__ign) __ksym;
extern int bpf_strnstr(const char *s1__ign, const char *s2__ign, __u64 len) __ksym;

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_throw(__u64 cookie) __ksym;

extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern int bpf_cpumask_populate(struct cpumask *cpumask, void *src, __u64 src__sz) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
extern __u32 bpf_cpumask_first(const struct cpumask *cpumask) __ksym;
extern __u32 bpf_cpumask_first_zero(const struct cpumask *cpumask) __ksym;
extern void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_clear_cpu(__u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern __u8_result bpf_cpumask_test_cpu(__u32 cpu, const struct cpumask *cpumask) __ksym;
extern __u8_result bpf_cpumask_test_and_set_cpu(__u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern __u8_result bpf_cpumask_test_and_clear_cpu(__u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_setall(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_clear(struct bpf_cpumask *cpumask) __ksym;
extern __u8_result bpf_cpumask_and(struct bpf_cpumask *dst, const struct cpumask *src1,
				   const struct cpumask *src2) __ksym;
extern void bpf_cpumask_or(struct bpf_cpumask *dst, const struct cpumask *src1,
			   const struct cpumask *src2) __ksym;
extern void bpf_cpumask_xor(struct bpf_cpumask *dst, const struct cpumask *src1,
			    const struct cpumask *src2) __ksym;
extern __u8_result bpf_cpumask_equal(const struct cpumask *src1, const struct cpumask *src2) __ksym;
extern __u8_result bpf_cpumask_intersects(const struct cpumask *a, const struct cpumask *b) __ksym;
extern __u8_result bpf_cpumask_subset(const struct cpumask *src1,
				      const struct cpumask *src2) __ksym;
extern __u8_result bpf_cpumask_empty(const struct cpumask *cpumask) __ksym;
extern __u8_result bpf_cpumask_full(const struct cpumask *cpumask) __ksym;
extern __u32 bpf_cpumask_weight(const struct cpumask *cpumask) __ksym;

#endif
