/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of TCX: random sequences of BPF_PROG_ATTACH, _DETACH, _QUERY and of links, here and in
 * the running kernel on the loopback device of a network namespace of our own; results, order and
 * revisions must agree. SKEP_ROUNDS=N makes N sequences, SKEP_SEED=N others.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "hook/hook.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

#define PROGS 6
#define LINKS 6
#define LO    1

static struct skep_system *sys;
static u64 state = 88172645463325252ULL;
static struct side {
	int progs[PROGS], links[LINKS];
	u32 ids[PROGS], link_ids[LINKS];
} sides[2];

static u32 below(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 20) % n;
}

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side ? kernel_bpf_raw(cmd, attr, sizeof(*attr)) :
		      skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static u32 id_of(int side, int fd, bool link)
{
	struct bpf_prog_info prog = { 0 };
	struct bpf_link_info l = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (u32)fd,
					  .info_len = link ? sizeof(l) : sizeof(prog),
					  .info = link ? (u64)&l : (u64)&prog } };

	assert_int_equal(call(side, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	return link ? l.id : prog.id;
}

static int load_all(int side)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = -1 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
				.insn_cnt = 2,
				.insns = (u64)insns,
				.license = (u64) "GPL" };
	struct side *s = &sides[side];

	for (int i = 0; i < PROGS; i++) {
		s->progs[i] = call(side, BPF_PROG_LOAD, &attr);
		if (s->progs[i] < 0)
			return s->progs[i];
		s->ids[i] = id_of(side, s->progs[i], false);
	}
	for (int i = 0; i < LINKS; i++) {
		s->links[i] = -1;
		s->link_ids[i] = 0;
	}
	return 0;
}

static int index_of(const u32 *ids, u32 id)
{
	for (int i = 0; i < PROGS; i++)
		if (ids[i] == id && id)
			return i;
	return -1;
}

struct op {
	enum { ATTACH, DETACH, CREATE, UPDATE, LINK_OFF, CLOSE, OPS } op;
	u32 prog, other, link, flags;
	int relative;
	u64 revision;
};

static void make_op(struct op *o)
{
	static const u32 flags[] = { 0,
				     0,
				     BPF_F_BEFORE,
				     BPF_F_AFTER,
				     BPF_F_BEFORE | BPF_F_AFTER,
				     BPF_F_REPLACE,
				     BPF_F_REPLACE | BPF_F_BEFORE,
				     BPF_F_REPLACE | BPF_F_AFTER,
				     BPF_F_BEFORE | BPF_F_ID,
				     BPF_F_AFTER | BPF_F_ID,
				     BPF_F_BEFORE | BPF_F_LINK,
				     BPF_F_AFTER | BPF_F_LINK,
				     BPF_F_AFTER | BPF_F_LINK | BPF_F_ID,
				     BPF_F_LINK,
				     BPF_F_ID,
				     BPF_F_ALLOW_MULTI };

	memset(o, 0, sizeof(*o));
	o->op = below(10) < 5 ? (below(3) ? ATTACH : CREATE) : below(OPS);
	o->prog = below(PROGS);
	o->other = below(PROGS);
	o->link = below(LINKS);
	o->flags = flags[below(ARRAY_SIZE(flags))];
	o->relative = below(2) ? -1 : (int)below(LINKS);
	o->revision = below(6) ? 0 : 1 + below(8);
}

static u32 relative(const struct side *s, const struct op *o)
{
	if (o->relative < 0)
		return 0;
	if (o->flags & BPF_F_LINK)
		return o->flags & BPF_F_ID	 ? s->link_ids[o->relative] :
		       s->links[o->relative] < 0 ? 999 :
						   (u32)s->links[o->relative];
	return o->flags & BPF_F_ID ? s->ids[o->relative] : (u32)s->progs[o->relative];
}

static int run(int side, const struct op *o)
{
	struct side *s = &sides[side];
	union bpf_attr attr = { 0 };
	int err;

	switch (o->op) {
	case ATTACH:
	case DETACH:
		attr.target_ifindex = LO;
		attr.attach_type = BPF_TCX_INGRESS;
		attr.attach_bpf_fd = o->op == DETACH && o->other < 2 ? 0 : (u32)s->progs[o->prog];
		attr.attach_flags = o->flags;
		if (o->op == ATTACH && o->flags & BPF_F_REPLACE)
			attr.replace_bpf_fd = (u32)s->progs[o->other];
		attr.relative_fd = relative(s, o);
		attr.expected_revision = o->revision;
		return call(side, o->op == ATTACH ? BPF_PROG_ATTACH : BPF_PROG_DETACH, &attr);
	case CREATE:
		attr.link_create.prog_fd = (u32)s->progs[o->prog];
		attr.link_create.target_ifindex = LO;
		attr.link_create.attach_type = BPF_TCX_INGRESS;
		attr.link_create.flags = o->flags;
		attr.link_create.tcx.relative_fd = relative(s, o);
		attr.link_create.tcx.expected_revision = o->revision;
		err = call(side, BPF_LINK_CREATE, &attr);
		if (err < 0)
			return err;
		if (s->links[o->link] >= 0)
			close(s->links[o->link]);
		s->links[o->link] = err;
		s->link_ids[o->link] = id_of(side, err, true);
		return 0;
	case UPDATE:
		attr.link_update.link_fd = s->links[o->link] < 0 ? 999 : (u32)s->links[o->link];
		attr.link_update.new_prog_fd = (u32)s->progs[o->prog];
		if (o->other & 1) {
			attr.link_update.flags = BPF_F_REPLACE;
			attr.link_update.old_prog_fd = (u32)s->progs[o->other];
		}
		return call(side, BPF_LINK_UPDATE, &attr);
	case LINK_OFF:
		attr.link_detach.link_fd = s->links[o->link] < 0 ? 999 : (u32)s->links[o->link];
		return call(side, BPF_LINK_DETACH, &attr);
	case CLOSE:
		if (s->links[o->link] >= 0)
			close(s->links[o->link]);
		s->links[o->link] = -1;
		s->link_ids[o->link] = 0;
		return 0;
	case OPS:
		break;
	}
	return 0;
}

struct answer {
	int err;
	u32 count;
	u64 revision;
	int progs[16], links[16];
};

static void query(int side, u32 room, struct answer *a)
{
	u32 ids[16] = { 0 }, links[16] = { 0 };
	union bpf_attr attr = { .query = { .target_ifindex = LO,
					   .attach_type = BPF_TCX_INGRESS,
					   .prog_ids = (u64)ids,
					   .count = room,
					   .link_ids = (u64)links } };

	memset(a, 0, sizeof(*a));
	a->err = call(side, BPF_PROG_QUERY, &attr);
	a->count = attr.query.count;
	a->revision = attr.query.revision;
	for (u32 i = 0; i < room; i++) {
		a->progs[i] = index_of(sides[side].ids, ids[i]);
		a->links[i] = index_of(sides[side].link_ids, links[i]);
	}
}

static bool agree(const struct op *o, u32 step)
{
	struct answer a[2];
	int err[2];
	u32 room = below(4) ? 16 : below(4);

	for (int side = 0; side < 2; side++)
		err[side] = run(side, o);
	objects_drain(sys, true); /* Linux's close() detaches at once */
	for (int side = 0; side < 2; side++)
		query(side, room, &a[side]);
	if (err[0] == err[1] && !memcmp(&a[0], &a[1], sizeof(a[0])))
		return true;
	print_error("step %u: op %d prog %u other %u link %u flags %#x relative %d revision %llu\n",
		    step, o->op, o->prog, o->other, o->link, o->flags, o->relative,
		    (unsigned long long)o->revision);
	for (int side = 0; side < 2; side++) {
		print_error("  %s: %d; then %d, %u programs, revision %llu:",
			    side ? "kernel" : "ours", err[side], a[side].err, a[side].count,
			    (unsigned long long)a[side].revision);
		for (u32 i = 0; i < min(room, a[side].count); i++)
			print_error(" %d(%d)", a[side].progs[i], a[side].links[i]);
		print_error("\n");
	}
	return false;
}

static void differential(void **unused)
{
	const char *rounds = getenv("SKEP_ROUNDS"), *seed = getenv("SKEP_SEED");
	u32 n = rounds ? (u32)atoi(rounds) : 10, bad = 0;
	struct op o;

	if (seed)
		state ^= strtoull(seed, NULL, 0) * 0x9e3779b97f4a7c15ULL;
	for (u32 r = 0; r < n && !bad; r++) {
		if (unshare(CLONE_NEWNET)) {
			print_message("no network namespace of our own: %s\n", strerror(errno));
			skip();
		}
		if (load_all(1)) {
			print_message("the kernel refuses programs\n");
			skip();
		}
		assert_int_equal(netdev_hooks_add(sys, LO, "lo"), 0);
		assert_int_equal(load_all(0), 0);
		for (u32 step = 0; step < 150 && !bad; step++) {
			make_op(&o);
			bad += !agree(&o, step);
		}
		for (int side = 0; side < 2; side++) {
			for (int i = 0; i < PROGS; i++)
				close(sides[side].progs[i]);
			for (int i = 0; i < LINKS; i++)
				if (sides[side].links[i] >= 0)
					close(sides[side].links[i]);
		}
		netdev_hooks_del(sys, LO);
		assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	}
	assert_int_equal(bad, 0);
}

static int setup(void **unused)
{
	sys = system_for(NULL);
	return !sys;
}

static int teardown(void **unused)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(differential) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
