/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of cgroups: random sequences of BPF_PROG_ATTACH, _DETACH, _QUERY and of links are made
 * on a tree of cgroups of our own, here and in the running kernel; results, order, flags and
 * revisions must agree. SKEP_ROUNDS=N makes N sequences, SKEP_SEED=N others.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "hook/cgroup.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/own_cgroup.h"
#include "tests/lib/system_fixture.h"

#define CGROUPS 4
#define PROGS	6
#define LINKS	8

static struct skep_system *sys;
static char root[PATH_MAX - 64]; /* "" : no cgroup2 that we may write to */
static char paths[CGROUPS][PATH_MAX];
static int cgroups[CGROUPS];
static u64 state = 88172645463325252ULL;

/* One side: ours (0) or the kernel's (1). */
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

static int load(int side, u32 attach_type)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_SKB,
				.insn_cnt = 2,
				.insns = (u64)insns,
				.license = (u64) "GPL",
				.expected_attach_type = attach_type };

	return call(side, BPF_PROG_LOAD, &attr);
}

/* Which of the programs has this id: its number, or -1. */
static int number_of(int side, u32 id)
{
	for (int i = 0; i < PROGS; i++)
		if (sides[side].ids[i] == id)
			return i;
	return -1;
}

/* ---- random calls ---- */

struct op {
	enum { ATTACH, DETACH, QUERY, CREATE, UPDATE, LINK_OFF, CLOSE, OPS } op;
	u32 cgroup, prog, other, link, flags, type;
	int relative; /* index of a program or link, -1: none */
	u64 revision;
	bool by_id;
};

static void make_op(struct op *o)
{
	static const u32 flags[] = { 0,
				     BPF_F_ALLOW_OVERRIDE,
				     BPF_F_ALLOW_MULTI,
				     BPF_F_ALLOW_MULTI,
				     BPF_F_ALLOW_MULTI,
				     BPF_F_ALLOW_MULTI | BPF_F_REPLACE,
				     BPF_F_ALLOW_MULTI | BPF_F_PREORDER,
				     BPF_F_REPLACE,
				     BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE };
	static const u32 order[] = { 0,
				     0,
				     0,
				     BPF_F_BEFORE,
				     BPF_F_AFTER,
				     BPF_F_BEFORE | BPF_F_AFTER,
				     BPF_F_BEFORE | BPF_F_ID,
				     BPF_F_AFTER | BPF_F_ID,
				     BPF_F_BEFORE | BPF_F_LINK,
				     BPF_F_AFTER | BPF_F_LINK,
				     BPF_F_BEFORE | BPF_F_LINK | BPF_F_ID,
				     BPF_F_LINK,
				     BPF_F_ID };

	memset(o, 0, sizeof(*o));
	o->op = below(10) < 4 ? (below(2) ? ATTACH : CREATE) : below(OPS);
	o->cgroup = below(CGROUPS);
	o->prog = below(PROGS);
	o->other = below(PROGS);
	o->link = below(LINKS);
	o->type = below(12) ? BPF_CGROUP_INET_INGRESS : BPF_CGROUP_INET_EGRESS;
	o->flags = flags[below(ARRAY_SIZE(flags))];
	if (o->op == CREATE)
		o->flags = below(4) ? 0 : BPF_F_PREORDER;
	if (o->op == DETACH)
		o->flags = below(8) ? 0 : o->flags;
	if (o->op != DETACH)
		o->flags |= order[below(ARRAY_SIZE(order))];
	o->relative = below(2) ? -1 : (int)below(o->flags & BPF_F_LINK ? LINKS : PROGS);
	if (o->op == DETACH && below(8))
		o->relative = -1;
	o->revision = below(6) ? 0 : 1 + below(6);
}

static u32 relative(int side, const struct op *o)
{
	const struct side *s = &sides[side];

	if (o->relative < 0)
		return 0;
	if (o->flags & BPF_F_LINK)
		return o->flags & BPF_F_ID	 ? s->link_ids[o->relative] :
		       s->links[o->relative] < 0 ? 999 :
						   (u32)s->links[o->relative];
	return o->flags & BPF_F_ID ? s->ids[o->relative] : (u32)s->progs[o->relative];
}

struct answer {
	int err;
	u32 flags, count;
	u64 revision;
	int progs[16];
	u32 prog_flags[16];
};

static void query(int side, u32 cgroup, u32 type, u32 query_flags, u32 room, bool with_flags,
		  struct answer *a)
{
	u32 ids[16] = { 0 };
	union bpf_attr attr = { .query = { .target_fd = (u32)cgroups[cgroup],
					   .attach_type = type,
					   .query_flags = query_flags,
					   .prog_ids = (u64)ids,
					   .prog_cnt = room,
					   .prog_attach_flags =
						   with_flags ? (u64)a->prog_flags : 0 } };

	memset(a, 0, sizeof(*a));
	a->err = call(side, BPF_PROG_QUERY, &attr);
	a->flags = attr.query.attach_flags;
	a->count = attr.query.prog_cnt;
	a->revision = attr.query.revision;
	for (u32 i = 0; i < room && i < 16; i++)
		a->progs[i] = ids[i] ? number_of(side, ids[i]) : -2;
}

static int link_new(int side, const struct op *o)
{
	struct side *s = &sides[side];
	union bpf_attr attr = { .link_create = { .prog_fd = (u32)s->progs[o->prog],
						 .target_fd = (u32)cgroups[o->cgroup],
						 .attach_type = o->type,
						 .flags = o->flags } };
	int fd;

	attr.link_create.tcx.relative_fd = relative(side, o);
	attr.link_create.tcx.expected_revision = o->revision;
	fd = call(side, BPF_LINK_CREATE, &attr);
	if (fd < 0)
		return fd;
	if (s->links[o->link] >= 0)
		close(s->links[o->link]);
	s->links[o->link] = fd;
	s->link_ids[o->link] = id_of(side, fd, true);
	return 0;
}

static void run(int side, const struct op *o, struct answer *a)
{
	struct side *s = &sides[side];
	union bpf_attr attr = { 0 };

	memset(a, 0, sizeof(*a));
	switch (o->op) {
	case ATTACH:
		attr.target_fd = (u32)cgroups[o->cgroup];
		attr.attach_bpf_fd = (u32)s->progs[o->prog];
		attr.attach_type = o->type;
		attr.attach_flags = o->flags;
		attr.replace_bpf_fd = o->flags & BPF_F_REPLACE ? (u32)s->progs[o->other] : 0;
		attr.relative_fd = relative(side, o);
		attr.expected_revision = o->revision;
		a->err = call(side, BPF_PROG_ATTACH, &attr);
		break;
	case DETACH:
		attr.target_fd = (u32)cgroups[o->cgroup];
		attr.attach_bpf_fd = o->other ? (u32)s->progs[o->prog] : 0;
		attr.attach_type = o->type;
		attr.attach_flags = o->flags;
		attr.relative_fd = relative(side, o);
		attr.expected_revision = o->revision;
		a->err = call(side, BPF_PROG_DETACH, &attr);
		break;
	case QUERY:
		query(side, o->cgroup, o->type, o->other & 1 ? BPF_F_QUERY_EFFECTIVE : 0, o->prog,
		      o->other & 2, a);
		break;
	case CREATE:
		a->err = link_new(side, o);
		break;
	case UPDATE:
		attr.link_update.link_fd = s->links[o->link] < 0 ? 999 : (u32)s->links[o->link];
		attr.link_update.new_prog_fd = (u32)s->progs[o->prog];
		if (o->other & 1) {
			attr.link_update.flags = BPF_F_REPLACE;
			attr.link_update.old_prog_fd = (u32)s->progs[o->other];
		}
		a->err = call(side, BPF_LINK_UPDATE, &attr);
		break;
	case LINK_OFF:
		attr.link_detach.link_fd = s->links[o->link] < 0 ? 999 : (u32)s->links[o->link];
		a->err = call(side, BPF_LINK_DETACH, &attr);
		break;
	case CLOSE:
		if (s->links[o->link] >= 0)
			close(s->links[o->link]);
		s->links[o->link] = -1;
		s->link_ids[o->link] = 0;
		break;
	case OPS:
		break;
	}
}

static bool agree(const struct op *o, u32 step)
{
	struct answer a[2];
	bool good = true;

	for (int side = 0; side < 2; side++)
		run(side, o, &a[side]);
	if (o->op == CLOSE)
		objects_drain(sys, true); /* Linux's close() detaches at once, too */
	if (memcmp(&a[0], &a[1], sizeof(a[0]))) {
		print_error(
			"step %u: op %d cgroup %u prog %u other %u link %u flags %#x relative %d "
			"revision %llu: ours %d, kernel's %d\n",
			step, o->op, o->cgroup, o->prog, o->other, o->link, o->flags, o->relative,
			(unsigned long long)o->revision, a[0].err, a[1].err);
		good = false;
	}
	for (u32 i = 0; i < CGROUPS && good; i++)
		for (u32 eff = 0; eff < 2 && good; eff++) {
			for (int side = 0; side < 2; side++)
				query(side, i, o->type, eff ? BPF_F_QUERY_EFFECTIVE : 0, 16, !eff,
				      &a[side]);
			if (!memcmp(&a[0], &a[1], sizeof(a[0])))
				continue;
			print_error(
				"step %u, op %d flags %#x relative %d on cgroup %u: then cgroup %u "
				"%s has\n",
				step, o->op, o->flags, o->relative, o->cgroup, i,
				eff ? "effectively" : "itself");
			for (int side = 0; side < 2; side++) {
				print_error("  %s: err %d flags %#x count %u revision %llu:",
					    side ? "kernel" : "ours", a[side].err, a[side].flags,
					    a[side].count, (unsigned long long)a[side].revision);
				for (u32 k = 0; k < a[side].count && k < 16; k++)
					print_error(" %d", a[side].progs[k]);
				print_error("\n");
			}
			good = false;
		}
	return good;
}

/* ---- cgroups of our own ---- */

static int open_cgroups(void)
{
	static const char *const names[CGROUPS] = { "/a", "/a/b", "/a/b/c", "/a/d" };

	for (u32 i = 0; i < CGROUPS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s%s", root, names[i]);
		if (mkdir(paths[i], 0755))
			return -1;
		cgroups[i] = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroups[i] < 0)
			return -1;
	}
	return 0;
}

static void close_cgroups(void)
{
	for (int i = CGROUPS - 1; i >= 0; i--) {
		close(cgroups[i]);
		rmdir(paths[i]);
	}
}

static int load_all(int side)
{
	struct side *s = &sides[side];

	for (int i = 0; i < PROGS; i++) {
		s->progs[i] = load(side, BPF_CGROUP_INET_INGRESS);
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

static void close_all(int side)
{
	for (int i = 0; i < PROGS; i++)
		close(sides[side].progs[i]);
	for (int i = 0; i < LINKS; i++)
		if (sides[side].links[i] >= 0)
			close(sides[side].links[i]);
}

/* The kernel's order and revisions came with 6.17 (and a late 6.12): the profile is the kernel's. */
static void differential(void **unused)
{
	const char *rounds = getenv("SKEP_ROUNDS"), *seed = getenv("SKEP_SEED");
	u32 n = rounds ? (u32)atoi(rounds) : 12, bad = 0;
	struct op o;

	if (!*root)
		skip();
	if (seed)
		state ^= strtoull(seed, NULL, 0) * 0x9e3779b97f4a7c15ULL;
	for (u32 r = 0; r < n && !bad; r++) {
		assert_int_equal(open_cgroups(), 0);
		if (load_all(1)) {
			print_message("the kernel refuses programs of cgroups\n");
			close_cgroups();
			skip();
		}
		assert_int_equal(load_all(0), 0);
		for (u32 step = 0; step < 150 && !bad; step++) {
			make_op(&o);
			bad += !agree(&o, step);
		}
		close_all(0);
		close_all(1);
		close_cgroups();
	}
	assert_int_equal(bad, 0);
}

/* A removed cgroup lets go of what was attached to it. */
static void removed(void **unused)
{
	struct bpf_link_info info = { 0 };
	union bpf_attr attr = { 0 };
	struct op o = {
		.op = CREATE, .cgroup = 3, .type = BPF_CGROUP_INET_INGRESS, .relative = -1
	};

	if (!*root)
		skip();
	assert_int_equal(open_cgroups(), 0);
	assert_int_equal(load_all(0), 0);
	assert_int_equal(link_new(0, &o), 0);
	attr.info.bpf_fd = (u32)sides[0].links[0];
	attr.info.info_len = sizeof(info);
	attr.info.info = (u64)&info;
	assert_int_equal(call(0, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	assert_int_equal(info.type, BPF_LINK_TYPE_CGROUP);
	struct stat st;
	assert_int_equal(fstat(cgroups[3], &st), 0);
	assert_int_equal(info.cgroup.cgroup_id, st.st_ino);
	assert_int_equal(info.cgroup.attach_type, BPF_CGROUP_INET_INGRESS);

	u64 ids[2] = { st.st_ino, 0 };
	struct stat above;
	assert_int_equal(fstat(cgroups[0], &above), 0);
	ids[1] = above.st_ino;
	const struct hook_progs *progs = cgroup_effective(sys, ids, 2, BPF_CGROUP_INET_INGRESS, 0);
	assert_non_null(progs);
	assert_int_equal(progs->n, 1);
	assert_null(cgroup_effective(sys, ids + 1, 1, BPF_CGROUP_INET_INGRESS, 0));
	ids[0] = 12345; /* a cgroup below that nobody has asked about has what is above */
	ids[1] = st.st_ino;
	assert_non_null(cgroup_effective(sys, ids, 2, BPF_CGROUP_INET_INGRESS, 0));

	assert_int_equal(rmdir(paths[3]), 0);
	attr.info.info_len = sizeof(info);
	memset(&info, 0, sizeof(info));
	assert_int_equal(call(0, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
	assert_int_equal(info.cgroup.cgroup_id, 0);
	attr = (union bpf_attr){ .link_update = { .link_fd = (u32)sides[0].links[0],
						  .new_prog_fd = (u32)sides[0].progs[1] } };
	assert_int_equal(call(0, BPF_LINK_UPDATE, &attr), -ENOLINK);
	attr = (union bpf_attr){ .query = { .target_fd = (u32)cgroups[3] } };
	assert_int_equal(call(0, BPF_PROG_QUERY, &attr), -EBADF);
	close_all(0);
	close_cgroups();
}

/* Wrong targets and arguments: errno for errno. */
static void refused(void **unused)
{
	int dir = open("/", O_RDONLY | O_DIRECTORY), net = open("/proc/self/ns/net", O_RDONLY);
	int mnt = open("/proc/self/ns/mnt", O_RDONLY);
	static const struct {
		int cmd;
		u32 type, flags;
		int target; /* 0 a folder, 1 a network namespace, 2 another, -1 none */
	} rows[] = {
		{ BPF_PROG_ATTACH, BPF_CGROUP_INET_INGRESS, 0, 0 },
		{ BPF_PROG_ATTACH, BPF_CGROUP_INET_INGRESS, 0, -1 },
		{ BPF_PROG_ATTACH, BPF_CGROUP_INET_INGRESS, 1U << 30, 0 },
		{ BPF_PROG_ATTACH, BPF_CGROUP_INET_SOCK_CREATE, 0, 0 },
		{ BPF_PROG_ATTACH, BPF_XDP, 0, 0 },
		{ BPF_PROG_ATTACH, 99, 0, 0 },
		{ BPF_PROG_ATTACH, BPF_FLOW_DISSECTOR, 0, 0 },
		{ BPF_PROG_ATTACH, BPF_TCX_INGRESS, 0, 0 },
		{ BPF_PROG_ATTACH, BPF_TCX_INGRESS, BPF_F_ALLOW_MULTI, 0 },
		{ BPF_PROG_ATTACH, BPF_SK_MSG_VERDICT, 0, 0 },
		{ BPF_PROG_DETACH, BPF_CGROUP_INET_INGRESS, 0, 0 },
		{ BPF_PROG_DETACH, BPF_CGROUP_INET_INGRESS, 1, 0 },
		{ BPF_PROG_DETACH, 99, 0, 0 },
		{ BPF_PROG_DETACH, BPF_TCX_INGRESS, 0, 0 },
		{ BPF_PROG_QUERY, BPF_CGROUP_INET_INGRESS, 0, 0 },
		{ BPF_PROG_QUERY, BPF_CGROUP_INET_INGRESS, 0, -1 },
		{ BPF_PROG_QUERY, BPF_CGROUP_INET_INGRESS, 2, 0 },
		{ BPF_PROG_QUERY, BPF_SK_LOOKUP, 0, 1 },
		{ BPF_PROG_QUERY, BPF_SK_LOOKUP, 1, 1 },
		{ BPF_PROG_QUERY, BPF_SK_LOOKUP, 0, 2 },
		{ BPF_PROG_QUERY, BPF_FLOW_DISSECTOR, 0, 0 },
		{ BPF_PROG_QUERY, BPF_FLOW_DISSECTOR, 0, -1 },
		{ BPF_PROG_QUERY, BPF_SK_MSG_VERDICT, 0, 0 },
		{ BPF_PROG_QUERY, BPF_XDP, 0, 0 },
		{ BPF_PROG_QUERY, 99, 0, 0 },
		{ BPF_LINK_CREATE, BPF_CGROUP_INET_INGRESS, 0, 0 },
		{ BPF_LINK_CREATE, BPF_CGROUP_INET_INGRESS, BPF_F_ALLOW_MULTI, 0 },
		{ BPF_LINK_CREATE, BPF_CGROUP_INET_SOCK_CREATE, 0, 0 },
	};
	int bad = 0;

	if (load_all(1)) {
		print_message("the kernel refuses programs of cgroups\n");
		skip();
	}
	assert_int_equal(load_all(0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int err[2], target = rows[i].target == 0 ? dir :
				     rows[i].target == 1 ? net :
				     rows[i].target == 2 ? mnt :
							   9999;

		for (int side = 0; side < 2; side++) {
			union bpf_attr attr = { 0 };

			if (rows[i].cmd == BPF_LINK_CREATE) {
				attr.link_create.prog_fd = (u32)sides[side].progs[0];
				attr.link_create.target_fd = (u32)target;
				attr.link_create.attach_type = rows[i].type;
				attr.link_create.flags = rows[i].flags;
			} else if (rows[i].cmd == BPF_PROG_QUERY) {
				attr.query.target_fd = (u32)target;
				attr.query.attach_type = rows[i].type;
				attr.query.query_flags = rows[i].flags;
			} else {
				attr.target_fd = (u32)target;
				attr.attach_bpf_fd = (u32)sides[side].progs[0];
				attr.attach_type = rows[i].type;
				attr.attach_flags = rows[i].flags;
			}
			err[side] = call(side, rows[i].cmd, &attr);
			if (err[side] > 0) {
				close(err[side]);
				err[side] = 0;
			}
		}
		if (err[0] != err[1]) {
			print_error("row %zu: ours %d, kernel's %d\n", i, err[0], err[1]);
			bad++;
		}
	}
	close_all(0);
	close_all(1);
	close(dir);
	close(net);
	close(mnt);
	assert_int_equal(bad, 0);
}

static int setup(void **unused)
{
	char release[64] = "";
	FILE *f = fopen("/proc/sys/kernel/osrelease", "re");

	if (f && fgets(release, sizeof(release), f))
		release[strcspn(release, "\n")] = 0;
	if (f)
		fclose(f);
	sys = system_for(release);
	own_cgroup(root, sizeof(root));
	if (!*root)
		print_message("no cgroup2 hierarchy that we may make cgroups in\n");
	return !sys;
}

static int teardown(void **unused)
{
	own_cgroup_remove(root);
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differential),
		cmocka_unit_test(removed),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
