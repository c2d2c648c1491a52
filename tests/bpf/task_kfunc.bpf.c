/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Kernel functions on tasks and control groups: what one run saw is in .bss. */
#include "kfunc.h"

#define NOTES 32

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID };

struct kernfs_node {
	__u64 id;
} CORE;
struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
} CORE;
struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
} CORE;
struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;
struct task_struct {
	int pid, tgid;
	struct css_set *cgroups;
} CORE;

struct inode {
	unsigned long i_ino;
} CORE;
struct file {
	struct inode *f_inode;
} CORE;
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct file *vm_file;
} CORE;
struct bpf_iter_task {
	__u64 __opaque[3];
} __attribute__((aligned(8)));
struct bpf_iter_css {
	__u64 __opaque[3];
} __attribute__((aligned(8)));
struct bpf_iter_css_task {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
struct bpf_iter_task_vma {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable,
			     unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start,
			    unsigned int flags) __ksym;
extern struct cgroup_subsys_state *bpf_iter_css_next(struct bpf_iter_css *it) __ksym;
extern void bpf_iter_css_destroy(struct bpf_iter_css *it) __ksym;
extern int bpf_iter_css_task_new(struct bpf_iter_css_task *it, struct cgroup_subsys_state *css,
				 unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_css_task_next(struct bpf_iter_css_task *it) __ksym;
extern void bpf_iter_css_task_destroy(struct bpf_iter_css_task *it) __ksym;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task,
				 __u64 addr) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern struct task_struct *bpf_task_from_vpid(__s32 vpid) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern struct cgroup *bpf_task_get_cgroup1(struct task_struct *task, int hierarchy_id) __ksym;
extern struct cgroup *bpf_cgroup_from_id(__u64 cgid) __ksym;
extern int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type,
				__u64 value) __ksym;
extern int bpf_copy_from_user_task_dynptr(struct bpf_dynptr *dptr, __u32 off, __u32 size,
					  const void *unsafe_ptr__ign,
					  struct task_struct *tsk) __ksym;
extern int bpf_copy_from_user_task_str_dynptr(struct bpf_dynptr *dptr, __u32 off, __u32 size,
					      const void *unsafe_ptr__ign,
					      struct task_struct *tsk) __ksym;
extern int bpf_copy_from_user_str(void *dst, __u32 dst__sz, const void *src, __u64 flags) __ksym;

struct io {
	__s64 out[NOTES];
	__u32 n, pid;
	__u64 text;
	char copy[4][16];
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

static __always_inline void put(struct io *s, __s64 v)
{
	if (s->n < NOTES)
		s->out[s->n] = v;
	s->n++;
}

static __always_inline void put_pid(struct io *s, struct task_struct *t)
{
	put(s, t ? t->pid : -1);
	if (t)
		bpf_task_release(t);
}

SEC("syscall") int tasks(void *ctx)
{
	struct task_struct *t, *again;
	struct io *s = get_io();

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	put(s, t ? t->tgid : -1);
	if (t) {
		again = bpf_task_acquire(t);
		put(s, again == t);
		put_pid(s, again);
		bpf_task_release(t);
	}
	put_pid(s, bpf_task_from_pid(0));
	put_pid(s, bpf_task_from_pid(-1));
	put_pid(s, bpf_task_from_pid(0x7ffffff0));
	put_pid(s, bpf_task_from_vpid((__s32)s->pid));
	put_pid(s, bpf_task_from_vpid(0));
	return 0;
}

static __always_inline void put_group(struct io *s, struct cgroup *c)
{
	put(s, c ? c->level : -1);
	put(s, c ? (__s64)c->kn->id : -1);
	if (c)
		bpf_cgroup_release(c);
}

SEC("syscall") int groups(void *ctx)
{
	struct task_struct *t;
	struct cgroup *c;
	struct io *s = get_io();

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	c = bpf_cgroup_from_id(1);
	put(s, c != NULL);
	if (c) {
		put(s, bpf_task_under_cgroup(t, c));
		put_group(s, bpf_cgroup_ancestor(c, 0));
		put_group(s, bpf_cgroup_ancestor(c, 1));
		put_group(s, bpf_cgroup_ancestor(c, -1));
		put_group(s, bpf_cgroup_acquire(c));
		bpf_cgroup_release(c);
	}
	put_group(s, bpf_cgroup_from_id(0xffffffffffffULL));
	bpf_task_release(t);
	return 0;
}

/* In hierarchies of version 1; .text: one whose ancestors are looked at. */
SEC("syscall") int groups_v1(void *ctx)
{
	struct task_struct *t;
	struct io *s = get_io();
	struct cgroup *c;

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	for (int i = -1; i < 13; i++) {
		c = bpf_task_get_cgroup1(t, i);
		put(s, c ? c->level : -1);
		put(s, c ? (__s64)c->kn->id : -1);
		if (c)
			bpf_cgroup_release(c);
	}
	c = bpf_task_get_cgroup1(t, (int)s->text);
	if (c) {
		put_group(s, bpf_cgroup_ancestor(c, 0));
		put(s, bpf_task_under_cgroup(t, c));
		bpf_cgroup_release(c);
	}
	bpf_task_release(t);
	return 0;
}

SEC("syscall") int texts(void *ctx)
{
	struct io *s = get_io();

	if (!s)
		return 1;
	put(s, bpf_copy_from_user_str(s->copy[0], 16, (void *)s->text, 0));
	put(s, bpf_copy_from_user_str(s->copy[1], 4, (void *)s->text, 0));
	put(s, bpf_copy_from_user_str(s->copy[2], 16, (void *)s->text, 1));
	put(s, bpf_copy_from_user_str(s->copy[3], 16, (void *)s->text, 2));
	put(s, bpf_copy_from_user_str(s->copy[3], 16, (void *)8, 1));
	put(s, bpf_copy_from_user_str(s->copy[3], 0, (void *)s->text, 0));
	return 0;
}

SEC("syscall") int signals(void *ctx)
{
	struct task_struct *t;
	struct io *s = get_io();

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	put(s, bpf_send_signal_task(t, 10, PIDTYPE_TGID, 0x123456789abcdef0ULL));
	put(s, bpf_send_signal_task(t, 12, PIDTYPE_PID, 77));
	put(s, bpf_send_signal_task(t, 0, PIDTYPE_TGID, 0));
	put(s, bpf_send_signal_task(t, 65, PIDTYPE_TGID, 0));
	put(s, bpf_send_signal_task(t, -1, PIDTYPE_TGID, 0));
	put(s, bpf_send_signal_task(t, 10, PIDTYPE_PGID, 0));
	bpf_task_release(t);
	t = bpf_task_from_pid(1);
	put(s, t ? bpf_send_signal_task(t, 0, PIDTYPE_TGID, 0) : 1);
	if (t)
		bpf_task_release(t);
	t = bpf_task_from_pid(2); /* kthreadd */
	put(s, t ? bpf_send_signal_task(t, 0, PIDTYPE_TGID, 0) : 1);
	if (t)
		bpf_task_release(t);
	return 0;
}

SEC("syscall") int task_memory(void *ctx)
{
	struct io *s = get_io();
	struct task_struct *t;
	struct bpf_dynptr d;

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	bpf_dynptr_from_mem(s->copy, sizeof(s->copy), 0, &d);
	put(s, bpf_copy_from_user_task_dynptr(&d, 3, 9, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_str_dynptr(&d, 16, 16, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_str_dynptr(&d, 32, 4, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_dynptr(&d, 60, 5, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_str_dynptr(&d, 48, 0, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_dynptr(&d, 48, 0, (void *)s->text, t));
	put(s, bpf_copy_from_user_task_str_dynptr(&d, 48, 4, (void *)8, t));
	put(s, bpf_copy_from_user_task_dynptr(&d, 48, 4, (void *)8, t));
	/* What is behind a string, or was not read, is no promise. */
	bpf_dynptr_memset(&d, 25, 7, 'y');
	bpf_dynptr_memset(&d, 48, 4, 'y');
	bpf_task_release(t);
	return 0;
}

struct area {
	__u64 start, end, flags, pgoff, ino;
};

/* In a map, where the verifier does not follow it. */
struct walk {
	__u64 n, last, descents;
};

static long area_seen(struct task_struct *task, struct vm_area_struct *vma, struct area *a)
{
	a->start = vma->vm_start;
	a->end = vma->vm_end;
	a->flags = vma->vm_flags & 15;
	a->pgoff = vma->vm_pgoff;
	a->ino = vma->vm_file ? vma->vm_file->f_inode->i_ino : 0;
	return 0;
}

SEC("syscall") int areas(void *ctx)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	struct area a = {};
	struct task_struct *t;
	struct io *s = get_io();
	struct walk *w;

	if (!s)
		return 1;
	w = (struct walk *)s->copy;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	put(s, bpf_find_vma(t, s->text, area_seen, &a, 0));
	put(s, (__s64)a.start);
	put(s, (__s64)a.end);
	put(s, (__s64)a.flags);
	put(s, (__s64)a.pgoff);
	put(s, (__s64)a.ino);
	put(s, bpf_find_vma(t, s->text, area_seen, &a, 1));
	put(s, bpf_find_vma(t, 0, area_seen, &a, 0));
	put(s, bpf_find_vma(t, -4096, area_seen, &a, 0));
	put(s, bpf_iter_task_vma_new(&it, t, s->text));
	while ((vma = bpf_iter_task_vma_next(&it))) {
		if (w->n++ < 3) {
			put(s, (__s64)vma->vm_start);
			put(s, (__s64)vma->vm_end);
		}
		w->descents += vma->vm_start < w->last;
		w->last = vma->vm_end;
	}
	bpf_iter_task_vma_destroy(&it);
	put(s, w->descents);
	put(s, w->n > 3);
	w->n = w->last = w->descents = 0;
	put(s, bpf_iter_task_vma_new(&it, t, -4096));
	put(s, bpf_iter_task_vma_next(&it) != NULL);
	bpf_iter_task_vma_destroy(&it);
	bpf_task_release(t);
	t = bpf_task_from_pid(2); /* kthreadd has none */
	if (t) {
		bpf_iter_task_vma_new(&it, t, 0);
		put(s, bpf_iter_task_vma_next(&it) != NULL);
		bpf_iter_task_vma_destroy(&it);
		bpf_task_release(t);
	} else {
		put(s, 0);
	}
	return 0;
}

static __always_inline void put_tasks(struct io *s, struct task_struct *of, unsigned int flags)
{
	struct bpf_iter_task it;
	struct task_struct *t;
	__s64 n = 0, sum = 0;

	put(s, bpf_iter_task_new(&it, of, flags));
	while ((t = bpf_iter_task_next(&it)))
		if (t->tgid == (int)s->pid) {
			n++;
			sum = sum * 3 + t->pid;
		}
	bpf_iter_task_destroy(&it);
	put(s, n);
	put(s, sum);
}

SEC("syscall") int all_tasks(void *ctx)
{
	struct task_struct *t, *thread;
	struct io *s = get_io();

	if (!s)
		return 1;
	t = bpf_task_from_pid((__s32)s->pid);
	if (!t)
		return 2;
	thread = bpf_task_from_pid((__s32)s->text);
	if (!thread) {
		bpf_task_release(t);
		return 3;
	}
	bpf_rcu_read_lock();
	put_tasks(s, t, 2);
	put_tasks(s, thread, 2);
	put_tasks(s, NULL, 2);
	put_tasks(s, t, 0);
	put_tasks(s, NULL, 1);
	put_tasks(s, t, 3);
	bpf_rcu_read_unlock();
	bpf_task_release(thread);
	bpf_task_release(t);
	return 0;
}

static __always_inline void put_groups(struct io *s, struct cgroup *c, unsigned int flags)
{
	struct cgroup_subsys_state *css;
	struct bpf_iter_css it;

	put(s, bpf_iter_css_new(&it, &c->self, flags));
	while ((css = bpf_iter_css_next(&it)))
		put(s, (__s64)css->cgroup->kn->id);
	bpf_iter_css_destroy(&it);
}

static __always_inline void put_members(struct io *s, struct cgroup *c, unsigned int flags)
{
	struct bpf_iter_css_task it;
	struct task_struct *t;
	__s64 n = 0, sum = 0;

	put(s, bpf_iter_css_task_new(&it, &c->self, flags));
	while ((t = bpf_iter_css_task_next(&it))) {
		n++;
		sum += t->pid;
	}
	bpf_iter_css_task_destroy(&it);
	put(s, n);
	put(s, sum);
}

/* .text is a control group. */
SEC("syscall") int group_tree(void *ctx)
{
	struct io *s = get_io();
	struct cgroup *c;

	if (!s)
		return 1;
	c = bpf_cgroup_from_id(s->text);
	if (!c)
		return 2;
	bpf_rcu_read_lock();
	put_groups(s, c, 2);
	put_groups(s, c, 3);
	put_groups(s, c, 4);
	put_groups(s, c, 1);
	put_groups(s, c, 5);
	bpf_rcu_read_unlock();
	bpf_cgroup_release(c);
	return 0;
}

SEC("syscall") int group_members(void *ctx)
{
	struct io *s = get_io();
	struct cgroup *c;

	if (!s)
		return 1;
	c = bpf_cgroup_from_id(s->text);
	if (!c)
		return 2;
	put_members(s, c, 0);
	put_members(s, c, 1);
	put_members(s, c, 3);
	put_members(s, c, 2);
	bpf_cgroup_release(c);
	return 0;
}

char _license[] SEC("license") = "GPL";
