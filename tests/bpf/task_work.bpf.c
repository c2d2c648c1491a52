/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tasks do on their way to user space (6.18): tests/unit/task_work_test.c. */
#include "kfunc.h"

struct bpf_map {
	__u32 id;
} CORE;
struct task_struct {
	int pid, tgid;
} CORE;
struct bpf_task_work {
	__u64 __opaque;
} __attribute__((aligned(8)));

typedef int (*work_t)(struct bpf_map *map, void *key, void *value);

extern int bpf_task_work_schedule_signal_impl(struct task_struct *task, struct bpf_task_work *tw,
					      void *map__map, work_t callback,
					      void *aux__prog) __ksym;
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *tw,
					      void *map__map, work_t callback,
					      void *aux__prog) __ksym;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern int bpf_copy_from_user_str(void *dst, __u32 size, const void *src, __u64 flags) __ksym;

struct io {
	__u64 text;
	__u32 pid, n;
	__s64 out[16];
	/* what callbacks saw, in their order */
	struct {
		__u32 key, mark;
		__u64 pid_tgid;
		__s64 copied;
		char text[16];
	} seen[8];
} io;

struct value {
	__u32 mark;
	struct bpf_task_work tw;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct value);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, 9) /* BPF_MAP_TYPE_LRU_HASH */;
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct value);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} plain SEC(".maps");

static int note(struct bpf_map *map, __u32 *key, struct value *value)
{
	__u32 at = __sync_fetch_and_add(&io.n, 1) & 7;

	io.seen[at].key = *key;
	io.seen[at].mark = value->mark;
	io.seen[at].pid_tgid = bpf_get_current_pid_tgid();
	io.seen[at].copied = bpf_copy_from_user_str(io.seen[at].text, sizeof(io.seen[at].text),
						    (void *)io.text, 0);
	return 77;
}

static __always_inline struct value *element(void *map, __u32 key)
{
	struct value *v = bpf_map_lookup_elem(map, &key);

	if (v)
		v->mark = key + 100;
	return v;
}

SEC("syscall") int order(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		struct value *v = element(&array, i);

		if (!v)
			return 1;
		io.out[i] = i & 1 ? bpf_task_work_schedule_signal_impl(task, &v->tw, &array,
								       (work_t)note, NULL) :
				    bpf_task_work_schedule_resume_impl(task, &v->tw, &array,
								       (work_t)note, NULL);
		io.out[4 + i] = bpf_task_work_schedule_signal_impl(task, &v->tw, &array,
								   (work_t)note, NULL);
	}
	io.out[8] = io.n;
	return 0;
}

/* From within itself: it is not done yet; another one is. */
static int further(struct bpf_map *map, __u32 *key, struct value *value)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct value *v = element(&array, 6);

	if (!v)
		return 0;
	note(map, key, value);
	io.out[1] =
		bpf_task_work_schedule_resume_impl(task, &value->tw, &array, (work_t)note, NULL);
	io.out[2] = bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)note, NULL);
	return 0;
}

SEC("syscall") int again(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct value *v = element(&array, 5);

	if (!v)
		return 1;
	io.out[0] = bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)further, NULL);
	return 0;
}

static __always_inline void schedule_in_hash(__u32 key)
{
	struct value new = {}, *v;

	bpf_map_update_elem(&hash, &key, &new, 0);
	v = element(&hash, key);
	if (v)
		io.out[key & 15] = bpf_task_work_schedule_resume_impl(
			bpf_get_current_task_btf(), &v->tw, &hash, (work_t)note, NULL);
}

/* What is deleted before does not come; what is evicted, neither. */
SEC("syscall") int deleted(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct value new = {}, *v;

	schedule_in_hash(0);
	schedule_in_hash(1);
	schedule_in_hash(2);
	io.out[3] = bpf_map_delete_elem(&hash, &(__u32){ 1 });
	new.mark = 500; /* another value in its place: the field is a new one */
	io.out[4] = bpf_map_update_elem(&hash, &(__u32){ 2 }, &new, 0);
	v = bpf_map_lookup_elem(&hash, &(__u32){ 2 });
	if (!v)
		return 1;
	io.out[5] = v->mark;
	io.out[6] = bpf_task_work_schedule_resume_impl(task, &v->tw, &hash, (work_t)note, NULL);
	bpf_map_update_elem(&lru, &(__u32){ 9 }, &new, 0);
	v = element(&lru, 9);
	if (v)
		io.out[7] =
			bpf_task_work_schedule_signal_impl(task, &v->tw, &lru, (work_t)note, NULL);
	return 0;
}

SEC("syscall") int other_signal(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(io.pid);
	struct value *v = element(&array, 0);

	if (!task)
		return 1;
	if (v)
		io.out[0] = bpf_task_work_schedule_signal_impl(task, &v->tw, &array, (work_t)note,
							       NULL);
	bpf_task_release(task);
	return 0;
}

SEC("syscall") int other_resume(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(io.pid);
	struct value *v = element(&array, 1);

	if (!task)
		return 1;
	if (v)
		io.out[0] = bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)note,
							       NULL);
	bpf_task_release(task);
	return 0;
}

/* Of a supervised process: from an event of its own. */
SEC("?tp/syscalls/sys_enter_getppid") int entered(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct value *v = element(&array, 2);

	if (v)
		io.out[0] = bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)note,
							       NULL);
	io.out[1] = io.n;
	return 0;
}

/* ---- what the verifier says ---- */

SEC("?syscall") int bad_map(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &hash,
						   (work_t)note, NULL);
	return 0;
}

SEC("?syscall") int bad_stack(void *ctx)
{
	struct bpf_task_work tw = {};

	bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &tw, &hash, (work_t)note,
					   NULL);
	return 0;
}

SEC("?syscall") int bad_null(void *ctx)
{
	bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), NULL, &hash, (work_t)note,
					   NULL);
	return 0;
}

SEC("?syscall") int bad_no_map(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, NULL,
						   (work_t)note, NULL);
	return 0;
}

SEC("?syscall") int bad_offset(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), (void *)v, &array,
						   (work_t)note, NULL);
	return 0;
}

SEC("?syscall") int bad_plain(void *ctx)
{
	__u64 *v = bpf_map_lookup_elem(&plain, &(__u32){ 0 });

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), (void *)v, &plain,
						   (work_t)note, NULL);
	return 0;
}

SEC("?syscall") int bad_store(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		v->tw.__opaque = 1;
	return 0;
}

SEC("?syscall") int bad_load(void *ctx)
{
	struct value *v = element(&array, 0);

	return v ? v->tw.__opaque != 0 : 0;
}

SEC("?syscall") int bad_task(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)note, NULL);
	return 0;
}

SEC("?syscall") int bad_maybe(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(task, &v->tw, &array, (work_t)note, NULL);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("?syscall") int bad_callback(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &array, NULL,
						   NULL);
	return 0;
}

static int leaks(struct bpf_map *map, __u32 *key, struct value *value)
{
	bpf_task_from_pid(1);
	return 0;
}

SEC("?syscall") int bad_leak(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)leaks, NULL);
	return 0;
}

/* Its result is 64 bits wide, whatever they are. */
static __u64 wide(struct bpf_map *map, __u32 *key, struct value *value)
{
	return bpf_get_current_pid_tgid();
}

SEC("?syscall") int wide_result(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)wide, NULL);
	return 0;
}

static void *points(struct bpf_map *map, __u32 *key, struct value *value)
{
	return value;
}

SEC("?syscall") int bad_result(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)points, NULL);
	return 0;
}

/* Its key and value are read and written as the map has them. */
static int beyond(struct bpf_map *map, __u32 *key, struct value *value)
{
	return ((__u32 *)value)[sizeof(*value) / 4];
}

SEC("?syscall") int bad_beyond(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)beyond, NULL);
	return 0;
}

/* Programs that trace may have such maps, and the callback may sleep. */
SEC("?tracepoint") int tracing(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)note, NULL);
	return 0;
}

SEC("?socket") int bad_type(void *ctx)
{
	struct value *v = element(&array, 0);

	if (v)
		bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->tw, &array,
						   (work_t)note, NULL);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
