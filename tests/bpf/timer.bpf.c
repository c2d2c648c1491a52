/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Timers and work queues: one step for each run of a program, as the value of .step says.
 * See tests/unit/timer_test.c.
 */
#include "kfunc.h"
#include "timer.h"

enum { BPF_MAP_TYPE_LRU_HASH = 9 };

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_wq {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*fn)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;

struct elem {
	__u64 fired;
	struct bpf_timer timer;
	__u64 again; /* how often the callback is to arm its timer once more */
};

struct work {
	struct bpf_wq wq;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct elem);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct elem);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct elem);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct work);
} works SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_step);
} step SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_seen);
} seen SEC(".maps");

static __always_inline struct timer_step *get_step(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&step, &zero);
}

static __always_inline struct timer_seen *get_seen(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&seen, &zero);
}

static int elapsed(void *map, __u32 *key, struct elem *e)
{
	struct timer_seen *s = get_seen();

	if (!s)
		return 0;
	s->last_key = *key;
	s->order = s->order << 4 | *key;
	s->cancelled_itself = bpf_timer_cancel(&e->timer);
	if (e->again) {
		e->again--;
		s->started_again = bpf_timer_start(&e->timer, 0, 0);
	}
	__sync_fetch_and_add(&e->fired, 1);
	__sync_fetch_and_add(&s->fired, 1);
	return 0;
}

/* Removes its own element. */
static int removes(void *map, __u32 *key, struct elem *e)
{
	struct timer_seen *s = get_seen();

	if (!s)
		return 0;
	s->last_key = *key;
	s->removed = bpf_map_delete_elem(&hash, key);
	__sync_fetch_and_add(&s->fired, 1);
	return 0;
}

static int worked(void *map, int *key, void *value)
{
	struct timer_seen *s = get_seen();
	struct work *w = value;

	if (!s)
		return 0;
	s->last_key = *key;
	__sync_fetch_and_add(&w->fired, 1);
	__sync_fetch_and_add(&s->fired, 1);
	return 0;
}

static __always_inline long step_timer(const struct timer_step *s, struct elem *e, void *map)
{
	switch (s->step) {
	case TIMER_INIT:
		return bpf_timer_init(&e->timer, map, s->arg);
	case TIMER_SET:
		return bpf_timer_set_callback(&e->timer, elapsed);
	case TIMER_SET_REMOVES:
		return bpf_timer_set_callback(&e->timer, removes);
	case TIMER_START:
		return bpf_timer_start(&e->timer, s->arg, s->flags);
	case TIMER_START_ABS:
		return bpf_timer_start(&e->timer, bpf_ktime_get_ns() + s->arg, 1);
	case TIMER_START_BOOT:
		return bpf_timer_start(&e->timer, bpf_ktime_get_boot_ns() + s->arg, 1);
	case TIMER_CANCEL:
		return bpf_timer_cancel(&e->timer);
	case TIMER_AGAIN:
		e->again = s->arg;
		return 0;
	}
	return -1;
}

#define TIMERS(map)                                                                                \
	SEC("tc") int map##_step(struct __sk_buff *ctx)                                            \
	{                                                                                          \
		struct timer_step *s = get_step();                                               \
		struct elem *e;                                                                    \
		__u32 key;                                                                         \
                                                                                                   \
		if (!s)                                                                            \
			return 1;                                                                  \
		key = s->key;                                                                      \
		e = bpf_map_lookup_elem(&map, &key);                                               \
		if (!e)                                                                            \
			return 2;                                                                  \
		s->result = step_timer(s, e, &map);                                                \
		return 0;                                                                          \
	}

TIMERS(array)
TIMERS(hash)
TIMERS(lru)

SEC("tc") int works_step(struct __sk_buff *ctx)
{
	struct timer_step *s = get_step();
	struct work *w;
	__u32 key;

	if (!s)
		return 1;
	key = s->key;
	w = bpf_map_lookup_elem(&works, &key);
	if (!w)
		return 2;
	switch (s->step) {
	case TIMER_INIT:
		s->result = bpf_wq_init(&w->wq, &works, (unsigned int)s->arg);
		break;
	case TIMER_SET:
		s->result = bpf_wq_set_callback_impl(&w->wq, worked, s->flags, NULL);
		break;
	case TIMER_START:
		s->result = bpf_wq_start(&w->wq, s->flags);
		break;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
