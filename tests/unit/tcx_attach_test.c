/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of TCX and netkit: random sequences of BPF_PROG_ATTACH, _DETACH, _QUERY and of links, here and in
 * the running kernel on the loopback device, or a netkit pair, of a network namespace of our own; results, order and
 * revisions must agree. SKEP_ROUNDS=N makes N sequences, SKEP_SEED=N others.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
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

#define PROGS  6
#define LINKS  6
#define LO     1
#define NETKIT 42

static struct skep_system *sys;
static u32 device, attach_type; /* what programs are attached to */
static bool kernel = true;	/* it has such a device: else what it said is */
static FILE *recorded;		/* in this file */
static u32 peer;		/* number of the other end of the netkit pair */
#define FIRST 88172645463325252ULL
static u64 state = FIRST;
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
		attr.target_ifindex = device;
		attr.attach_type = attach_type;
		attr.attach_bpf_fd = o->op == DETACH && o->other < 2 ? 0 : (u32)s->progs[o->prog];
		attr.attach_flags = o->flags;
		if (o->op == ATTACH && o->flags & BPF_F_REPLACE)
			attr.replace_bpf_fd = (u32)s->progs[o->other];
		attr.relative_fd = relative(s, o);
		attr.expected_revision = o->revision;
		return call(side, o->op == ATTACH ? BPF_PROG_ATTACH : BPF_PROG_DETACH, &attr);
	case CREATE:
		attr.link_create.prog_fd = (u32)s->progs[o->prog];
		attr.link_create.target_ifindex = device;
		attr.link_create.attach_type = attach_type;
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
	union bpf_attr attr = { .query = { .target_ifindex = device,
					   .attach_type = attach_type,
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

static void put_answer(char line[512], int err, const struct answer *a, u32 room)
{
	int n = snprintf(line, 512, "%d; %d, %u programs, revision %llu:", err, a->err, a->count,
			 (unsigned long long)a->revision);

	for (u32 i = 0; i < min(room, a->count); i++)
		n += snprintf(line + n, (size_t)(512 - n), " %d(%d)", a->progs[i], a->links[i]);
}

static bool agree(const struct op *o, u32 step)
{
	char line[2][512] = { "", "" };
	struct answer a[2];
	int err[2];
	u32 room = below(4) ? 16 : below(4), last = kernel ? 1 : 0;

	for (u32 side = 0; side <= last; side++)
		err[side] = run((int)side, o);
	objects_drain(sys, true); /* Linux's close() detaches at once */
	for (u32 side = 0; side <= last; side++) {
		query((int)side, room, &a[side]);
		put_answer(line[side], err[side], &a[side], room);
	}
	if (!kernel && fgets(line[1], sizeof(line[1]), recorded))
		line[1][strcspn(line[1], "\n")] = 0;
	else if (kernel && recorded)
		fprintf(recorded, "%s\n", line[1]);
	if (!strcmp(line[0], line[1]))
		return true;
	print_error("step %u: op %d prog %u other %u link %u flags %#x relative %d revision %llu\n",
		    step, o->op, o->prog, o->other, o->link, o->flags, o->relative,
		    (unsigned long long)o->revision);
	for (int side = 0; side < 2; side++)
		print_error("  %s: %s\n", side ? "kernel" : "ours", line[side]);
	return false;
}

/* A pair of the kernel's in a namespace of our own, and ours with the same numbers. */
static void make_netkit(void)
{
	kernel = !system("${IP:-ip} link add prim index 42 type netkit 2>/dev/null");
	peer = kernel ? if_nametoindex("nk0") : 2;
	assert_int_equal(netdev_hooks_add(sys, NETKIT, "prim"), 0);
	assert_int_equal(netdev_hooks_netkit(sys, NETKIT, peer), 0);
}

/* What Linux 6.12 said, where the running kernel has no netkit devices; UPDATE=1 where it has: written. */
static void open_recording(const char *mode)
{
	const char *path = "tests/data/netkit-6.12.txt";

	if (!recorded && (!kernel || getenv("UPDATE"))) {
		recorded = fopen(path, kernel ? mode : "r");
		if (!recorded)
			fail_msg("%s: %s", path, strerror(errno));
	}
}

static bool own_namespace(void)
{
	if (!unshare(CLONE_NEWNET))
		return true;
	print_message("# no network namespace of our own: %s\n", strerror(errno));
	return false;
}

static void sequences(u32 n)
{
	struct op o;
	u32 bad = 0;

	for (u32 r = 0; r < n && !bad; r++) {
		if (!own_namespace())
			skip();
		assert_int_equal(netdev_hooks_add(sys, LO, "lo"), 0);
		kernel = true;
		if (device == NETKIT) {
			make_netkit();
			open_recording("w");
		}
		for (int side = 0; side <= kernel; side++)
			if (load_all(side)) {
				print_message("# the kernel refuses programs\n");
				netdev_hooks_del(sys, LO);
				skip();
			}
		for (u32 step = 0; step < 150 && !bad; step++) {
			make_op(&o);
			bad += !agree(&o, step);
		}
		for (int side = 0; side <= kernel; side++) {
			for (int i = 0; i < PROGS; i++)
				close(sides[side].progs[i]);
			for (int i = 0; i < LINKS; i++)
				if (sides[side].links[i] >= 0)
					close(sides[side].links[i]);
		}
		netdev_hooks_del(sys, LO);
		netdev_hooks_del(sys, NETKIT);
		assert_int_equal(count_ids(sys, BPF_PROG_GET_NEXT_ID), 0);
	}
	assert_int_equal(bad, 0);
}

static void tcx(void **unused)
{
	const char *rounds = getenv("SKEP_ROUNDS"), *seed = getenv("SKEP_SEED");

	device = LO;
	attach_type = BPF_TCX_INGRESS;
	if (seed)
		state ^= strtoull(seed, NULL, 0) * 0x9e3779b97f4a7c15ULL;
	sequences(rounds ? (u32)atoi(rounds) : 10);
}

static void netkit_primary(void **unused)
{
	device = NETKIT;
	attach_type = BPF_NETKIT_PRIMARY;
	state = FIRST; /* the recorded ones */
	sequences(2);
}

static void netkit_peer(void **unused)
{
	device = NETKIT;
	attach_type = BPF_NETKIT_PEER;
	sequences(2);
}

static int load_xdp(int side, u32 bound)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 2 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_XDP,
				.insn_cnt = 2,
				.insns = (u64)insns,
				.license = (u64) "GPL",
				.prog_flags = bound ? BPF_F_XDP_DEV_BOUND_ONLY : 0,
				.prog_ifindex = bound };

	return call(side, BPF_PROG_LOAD, &attr);
}

/* What goes to which device, in words that do not depend on numbers of descriptors. */
static void say(int side, FILE *f)
{
	static const u32 types[] = { BPF_TCX_INGRESS, BPF_NETKIT_PRIMARY, BPF_NETKIT_PEER };
	static const u32 modes[] = { 0, XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE, XDP_FLAGS_HW_MODE };
	const u32 devices[] = { LO, NETKIT, 999 };
	int xdp = load_xdp(side, 0);

	for (u32 i = 0; i < ARRAY_SIZE(types) * ARRAY_SIZE(devices); i++) {
		u32 type = types[i / ARRAY_SIZE(devices)], at = devices[i % ARRAY_SIZE(devices)];
		union bpf_attr attach = { .target_ifindex = at,
					  .attach_type = type,
					  .attach_bpf_fd = (u32)sides[side].progs[0] };
		union bpf_attr create = { .link_create = { .prog_fd = (u32)sides[side].progs[1],
							   .target_ifindex = at,
							   .attach_type = type } };
		union bpf_attr query = { .query = { .target_ifindex = at, .attach_type = type } };
		int link = call(side, BPF_LINK_CREATE, &create);
		struct bpf_link_info info = { 0 };
		union bpf_attr get = { .info = { .bpf_fd = (u32)link,
						 .info_len = sizeof(info),
						 .info = (u64)&info } };

		fprintf(f, "type %u, device %u: link %d", type, at, min(link, 0));
		fprintf(f, ", attach %d", call(side, BPF_PROG_ATTACH, &attach));
		fprintf(f, ", query %d", call(side, BPF_PROG_QUERY, &query));
		fprintf(f, " of %u", query.query.count);
		fprintf(f, ", detach %d", call(side, BPF_PROG_DETACH, &attach));
		if (link >= 0 && !call(side, BPF_OBJ_GET_INFO_BY_FD, &get))
			fprintf(f, "; link of type %u, device %u, %u", info.type,
				info.netkit.ifindex, info.netkit.attach_type);
		fprintf(f, "; detach %d\n", call(side, BPF_PROG_DETACH, &attach));
		if (link >= 0)
			close(link);
	}
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		union bpf_attr create = { .link_create = { .prog_fd = (u32)xdp,
							   .target_ifindex = NETKIT,
							   .attach_type = BPF_XDP,
							   .flags = modes[i] } };
		int link = call(side, BPF_LINK_CREATE, &create);

		fprintf(f, "XDP, mode %u: %d\n", modes[i], min(link, 0));
		if (link >= 0)
			close(link);
	}
	fprintf(f, "for that device: %d\n", min(load_xdp(side, NETKIT), 0));
	close(xdp);
}

static void netkit_answers(void **unused)
{
	char *text = NULL, *line, *rest, theirs[512];
	size_t size;
	FILE *f;

	if (!own_namespace())
		skip();
	make_netkit();
	open_recording("a");
	assert_int_equal(netdev_hooks_add(sys, LO, "lo"), 0);
	if (kernel && recorded) {
		assert_int_equal(load_all(1), 0);
		say(1, recorded);
	}
	f = kernel && !recorded ? tmpfile() : recorded;
	assert_non_null(f);
	if (kernel && !recorded) {
		assert_int_equal(load_all(1), 0);
		say(1, f);
		rewind(f);
	}
	if (!kernel || !recorded) {
		FILE *ours = open_memstream(&text, &size);

		assert_non_null(ours);
		assert_int_equal(load_all(0), 0);
		say(0, ours);
		fclose(ours);
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			assert_non_null(fgets(theirs, sizeof(theirs), f));
			theirs[strcspn(theirs, "\n")] = 0;
			assert_string_equal(line, theirs);
		}
		free(text);
		for (int i = 0; i < PROGS; i++)
			close(sides[0].progs[i]);
	}
	fclose(f);
	recorded = NULL;
	netdev_hooks_del(sys, LO);
	netdev_hooks_del(sys, NETKIT);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(tcx), cmocka_unit_test(netkit_primary),
					    cmocka_unit_test(netkit_peer),
					    cmocka_unit_test(netkit_answers) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
