/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs in the place of kernel functions: TCP congestion control (tests/bpf/congestion.bpf.c),
 * driven by a small model of a flow, of which a second one in plain C must go the same way; and
 * the life of such a structure, as bpf(2) shows it.
 */
#include "btf/btf.h"
#include "object/struct_ops.h"
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skep/skep.h"

enum { JIT, INTERPRETER, ENGINES };

static struct skep_system *systems[ENGINES], *sys;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static struct bpf_object *open_cc(void)
{
	const char *out = getenv("O");
	struct bpf_object *obj;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/congestion.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	return obj;
}

static struct bpf_struct_ops_map *registered(const char *name)
{
	struct map_object *m;

	relock_take(&sys->lock);
	m = struct_ops_find_tcp(sys, name);
	relock_give(&sys->lock);
	return m ? to_struct_ops(m->map) : NULL;
}

/* ---- the model of a flow ---- */

enum { CA_OPEN = 0, CA_RECOVERY = 3 };

/*
 * A sender behind a link that carries .capacity segments each round trip and queues .buffer more.
 * Segments are acknowledged two at a time; what does not fit is lost, which is noticed once a
 * round trip.
 */
struct flow {
	u32 capacity, buffer;
	u64 sk; /* struct tcp_sock; 0: the model in C */
	const struct bpf_struct_ops_map *ops;
	u32 cwnd, cnt, ssthresh, prior; /* of the model in C */
	u32 losses;
};

static struct bpf_run flow_run;

static void put(u64 sk, const char *field, u64 v)
{
	u64 args[] = { sk, (u64)field, (u64)&v, 8 };

	sys->platform->world(&flow_run, WORLD_PUT, args);
}

static u64 get(u64 sk, const char *field)
{
	u64 args[] = { sk, (u64)field };

	return sys->platform->world(&flow_run, WORLD_FIELD, args);
}

static u64 call(struct flow *f, const char *member, u64 a, u64 b)
{
	u64 args[] = { f->sk, a, b };
	int i = struct_ops_member(sys, f->ops, member);
	struct bpf_run run = flow_run;

	assert_true(i >= 0);
	return struct_ops_call(f->ops, (u32)i, args, 3, &run);
}

static void flow_start(struct flow *f, u32 cwnd)
{
	static const u8 none[13 * 8];
	u64 make[] = { (u64) "tcp_sock", 1 };
	u64 priv[] = { 0, (u64) "inet_conn.icsk_ca_priv", (u64)none, sizeof(none) };

	f->cwnd = cwnd;
	f->ssthresh = 0x7fffffff;
	if (!f->ops)
		return;
	f->sk = sys->platform->world(&flow_run, WORLD_MADE_UP, make);
	assert_true(f->sk);
	priv[0] = f->sk;
	assert_int_equal(sys->platform->world(&flow_run, WORLD_PUT, priv), 0);
	put(f->sk, "snd_cwnd", cwnd);
	put(f->sk, "snd_ssthresh", f->ssthresh);
	put(f->sk, "snd_cwnd_cnt", 0);
	put(f->sk, "snd_cwnd_clamp", 0xffffffff);
	put(f->sk, "prior_cwnd", 0);
	put(f->sk, "is_cwnd_limited", 1);
	put(f->sk, "max_packets_out", 0);
	call(f, "init", 0, 0);
}

static u32 flow_cwnd(struct flow *f)
{
	return f->sk ? (u32)get(f->sk, "snd_cwnd") : f->cwnd;
}

/* Reno as RFC 5681 and Linux have it, one acknowledgement of @acked segments. */
static void reno_ack(struct flow *f, u32 acked)
{
	u32 w;

	while (acked && f->cwnd < f->ssthresh) {
		f->cwnd++;
		acked--;
	}
	if (!acked)
		return;
	w = f->cwnd;
	if (f->cnt >= w) { /* counted for a larger window */
		f->cnt = 0;
		f->cwnd++;
	}
	f->cnt += acked;
	if (f->cnt >= w) {
		f->cnt -= w;
		f->cwnd++;
	}
}

static void flow_ack(struct flow *f, u32 acked)
{
	if (f->sk)
		call(f, "cong_avoid", 0, acked);
	else
		reno_ack(f, acked);
}

static void flow_loss(struct flow *f)
{
	f->losses++;
	if (f->sk) {
		u32 ssthresh = (u32)call(f, "ssthresh", 0, 0);

		put(f->sk, "prior_cwnd", flow_cwnd(f));
		put(f->sk, "snd_ssthresh", ssthresh);
		call(f, "set_state", CA_RECOVERY, 0);
		put(f->sk, "snd_cwnd", ssthresh);
		call(f, "set_state", CA_OPEN, 0);
	} else {
		f->prior = f->cwnd;
		f->ssthresh = f->cwnd / 2 > 2 ? f->cwnd / 2 : 2;
		f->cwnd = f->ssthresh;
	}
}

static void flow_round_trip(struct flow *f)
{
	u32 sent = flow_cwnd(f), fits = f->capacity + f->buffer;

	for (u32 n = min(sent, fits); n; n -= min(n, 2))
		flow_ack(f, min(n, 2));
	if (sent > fits)
		flow_loss(f);
}

static void run_flow(const char *name)
{
	struct flow ours = { .capacity = 40, .buffer = 23 }, model = ours;
	const struct bpf_struct_ops_map *s = registered(name);

	assert_non_null(s);
	ours.ops = s;
	memset(&flow_run, 0, sizeof(flow_run));
	flow_run.interpret = sys == systems[INTERPRETER];
	slot_claim(sys->arena, sys->platform, &flow_run);
	flow_start(&ours, 10);
	flow_start(&model, 10);
	for (u32 rtt = 0; rtt < 300; rtt++) {
		flow_round_trip(&ours);
		flow_round_trip(&model);
		if (flow_cwnd(&ours) != model.cwnd || ours.losses != model.losses)
			fail_msg("%s: round trip %u: window %u, should be %u", name, rtt,
				 flow_cwnd(&ours), model.cwnd);
	}
	assert_true(model.losses > 5);
	assert_int_equal(call(&ours, "undo_cwnd", 0, 0), max(model.cwnd, model.prior));
	slot_release(&flow_run);
}

/* ---- the tests ---- */

static struct bpf_link *attach(struct bpf_object *obj, const char *map)
{
	return bpf_map__attach_struct_ops(bpf_object__find_map_by_name(obj, map));
}

static void flows(void)
{
	struct bpf_object *obj = open_cc();
	struct bpf_link *own = attach(obj, "own"), *called = attach(obj, "called");

	assert_non_null(own);
	assert_non_null(called);
	run_flow("skep_own");
	run_flow("skep_called");
	assert_int_equal(bpf_link__destroy(own), 0);
	assert_null(registered("skep_own"));
	assert_non_null(registered("skep_called"));
	assert_int_equal(bpf_link__destroy(called), 0);
	assert_null(registered("skep_called"));
	bpf_object__close(obj);
}

/* refcnt and state lead the value. */
static void state_is(int map, u32 refs, u32 state)
{
	struct bpf_map_info info = { 0 };
	u32 zero = 0, len = sizeof(info), *value;

	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &len), 0);
	value = calloc(1, info.value_size);
	assert_non_null(value);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, value), 0);
	assert_int_equal(value[0], refs);
	assert_int_equal(value[1], state);
	free(value);
}

static void life(void)
{
	struct bpf_object *obj = open_cc();
	int own = bpf_object__find_map_fd_by_name(obj, "own"), next;
	u32 zero = 0, one = 1;
	struct bpf_link *l;
	u8 value[1024] = { 0 };

	state_is(own, 0, BPF_STRUCT_OPS_STATE_INIT);
	assert_int_equal(bpf_map_delete_elem(own, &zero), -ENOENT);
	assert_int_equal(bpf_map_update_elem(own, &one, value, 0), -E2BIG);
	assert_int_equal(bpf_map_update_elem(own, &zero, value, BPF_EXIST), -EINVAL);
	assert_int_equal(bpf_map_update_elem(own, &zero, value, 0), -EINVAL); /* nothing in it */
	value[0] = 1;
	assert_int_equal(bpf_map_update_elem(own, &zero, value, 0), -EINVAL);
	assert_int_equal(bpf_map_get_next_key(own, NULL, &next), 0);
	assert_int_equal(bpf_map_get_next_key(own, &next, &next), -ENOENT);
	l = attach(obj, "own");
	assert_non_null(l);
	state_is(own, 1, BPF_STRUCT_OPS_STATE_INUSE);
	/* Its name is taken; incomplete ones are refused. */
	assert_null(attach(obj, "again"));
	assert_int_equal(errno, EEXIST);
	assert_null(attach(obj, "incomplete"));
	assert_int_equal(errno, EINVAL);
	value[0] = 0;
	assert_int_equal(bpf_map_update_elem(own, &zero, value, 0), -EBUSY);
	assert_int_equal(bpf_link__destroy(l), 0);
	state_is(own, 0, BPF_STRUCT_OPS_STATE_TOBEFREE);
	assert_int_equal(bpf_map_delete_elem(own, &zero), -EINPROGRESS);
	assert_null(attach(obj, "own"));
	l = attach(obj, "again");
	assert_non_null(l);
	bpf_link__destroy(l);
	bpf_object__close(obj);
}

/* Registered, and then nobody holds it: it stays until the system ends. */
static void stays(void)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };
	struct skep_system *before = sys;
	struct bpf_object *obj;

	sys = skep_system_new(&opts);
	assert_non_null(sys);
	skep_front_use(sys);
	obj = open_cc();
	assert_non_null(attach(obj, "own"));
	skep_front_use(sys);
	bpf_object__close(obj);
	assert_non_null(registered("skep_own"));
	skep_front_use(NULL);
	skep_system_free(sys);
	sys = before;
	skep_front_use(sys);
}

static bool types_suffice(void)
{
	const struct object_btf *b = system_vmlinux(sys);

	return b && btf_find_by_name_kind(b->btf, "bpf_struct_ops_tcp_congestion_ops",
					  BTF_KIND_STRUCT) > 0;
}

static void on_all(void **state)
{
	void (*test)(void) = (void (*)(void)) * state;

	for (int which = 0; which < ENGINES; which++) {
		sys = systems[which];
		if (!types_suffice()) {
			print_message("# skipped: the kernel types in force have no "
				      "bpf_struct_ops_tcp_congestion_ops\n");
			skip();
		}
		skep_front_use(sys);
		test();
		skep_front_use(NULL);
		for (u32 i = 0; i < 3; i++) {
			union bpf_attr attr = { 0 };

			skep_bpf(sys, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr));
		}
		assert_int_equal(sys->tables[OBJECT_PROG].by_id.n, 0);
		assert_int_equal(sys->tables[OBJECT_MAP].by_id.n, 0);
	}
}

static int begin(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18" };

	libbpf_set_print(quiet);
	opts.jit = "on";
	systems[JIT] = skep_system_new(&opts);
	opts.jit = "off";
	systems[INTERPRETER] = skep_system_new(&opts);
	return systems[JIT] && systems[INTERPRETER] ? 0 : -1;
}

static int end(void **state)
{
	skep_system_free(systems[JIT]);
	skep_system_free(systems[INTERPRETER]);
	return 0;
}

#define TEST(run_)                                                                                 \
	{                                                                                          \
		.name = #run_, .test_func = on_all, .initial_state = run_                          \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flows),
		TEST(life),
		TEST(stays),
	};

	return cmocka_run_group_tests_name("structures of functions", tests, begin, end);
}
