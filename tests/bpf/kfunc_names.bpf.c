/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Functions that kernels have since 7.0, by these names: tests/unit/kfunc_names_test.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct bpf_wq {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_task_work {
	__u64 __opaque;
} __attribute__((aligned(8)));

extern int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
extern int bpf_wq_set_callback(struct bpf_wq *wq, int(callback_fn)(void *, int *, void *),
			       unsigned int flags) __ksym;
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));
struct bpf_map {
	__u32 id;
} __attribute__((preserve_access_index));
typedef int (*task_work_t)(struct bpf_map *map, void *key, void *value);
extern int bpf_task_work_schedule_signal(struct task_struct *task, struct bpf_task_work *tw,
					 void *map__map, task_work_t callback) __ksym;
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *tw,
					 void *map__map, task_work_t callback) __ksym;
extern int bpf_timer_cancel_async(struct bpf_timer *timer) __ksym;
extern int bpf_stream_vprintk(int stream_id, const char *fmt__str, const void *args,
			      __u32 len__sz) __ksym;
extern int bpf_stream_print_stack(int stream_id) __ksym;

char LICENSE[] SEC("license") = "GPL";

struct value {
	struct bpf_timer timer;
	struct bpf_wq work;
	struct bpf_task_work task_work;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} values SEC(".maps");

int results[16];
int worked, fired, done;

static int work(void *map, int *key, void *value)
{
	worked = *key + 5;
	return 0;
}

static int task_work(struct bpf_map *map, void *key, void *value)
{
	done += 3;
	return 0;
}

static int fire(void *map, int *key, struct value *v)
{
	fired = bpf_timer_cancel_async(&v->timer);
	return 0;
}

static __noinline int inner(int stream)
{
	return bpf_stream_print_stack(stream);
}

SEC("syscall")
int names(void *ctx)
{
	static const char format[] = "number %d\n";
	__u64 args[1] = { 42 };
	struct value *v;
	int zero = 0;

	v = bpf_map_lookup_elem(&values, &zero);
	if (!v)
		return 1;
	results[0] = bpf_timer_cancel_async(&v->timer);
	results[1] = bpf_timer_init(&v->timer, &values, 1);
	results[2] = bpf_timer_cancel_async(&v->timer);
	results[3] = bpf_timer_set_callback(&v->timer, fire);
	results[4] = bpf_timer_start(&v->timer, 3600000000000ULL, 0);
	results[5] = bpf_timer_cancel_async(&v->timer);
	results[6] = bpf_timer_cancel_async(&v->timer);
	results[7] = bpf_timer_start(&v->timer, 0, 0);
	results[8] = bpf_wq_init(&v->work, &values, 0);
	results[9] = bpf_wq_set_callback(&v->work, work, 0);
	results[10] = bpf_wq_start(&v->work, 0);
	results[11] = bpf_stream_vprintk(1, format, args, sizeof(args));
	results[12] = inner(2);
	results[13] = inner(3);
	results[14] = bpf_task_work_schedule_signal(bpf_get_current_task_btf(), &v->task_work,
						    &values, task_work);
	results[15] = bpf_task_work_schedule_resume(bpf_get_current_task_btf(), &v->task_work,
						    &values, task_work);
	return 0;
}
