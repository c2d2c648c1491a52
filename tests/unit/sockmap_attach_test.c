/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs of maps of sockets: attaching, detaching, links, queries and what all that means for the sockets
 * that come into the maps. The same calls, chosen at random, for skep and for the running kernel.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/beside.h"
#include "../lib/kernel.h"

enum { MAPS = 4, PROGS = 6, LINKS = 4, SOCKETS = 4, STEPS = 12000 };

static struct side {
	struct skep_system *sys; /* NULL: the running kernel */
	int map[MAPS], prog[PROGS], link[LINKS];
} sides[2];

static int sockets[SOCKETS];

static const u32 attach_types[] = { BPF_SK_MSG_VERDICT, BPF_SK_SKB_STREAM_PARSER,
				    BPF_SK_SKB_STREAM_VERDICT, BPF_SK_SKB_VERDICT, BPF_XDP };

static int bpf(const struct side *s, int cmd, union bpf_attr *attr)
{
	return s->sys ? skep_bpf(s->sys, cmd, attr, sizeof(*attr)) :
			kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

static int map_create(const struct side *s, u32 type, u32 value)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = 4, .value_size = value, .max_entries = 4
	};

	return bpf(s, BPF_MAP_CREATE, &attr);
}

static int prog_load(const struct side *s, u32 type, u32 attach)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = type,
				.expected_attach_type = attach,
				.insns = (unsigned long)insns,
				.insn_cnt = 2,
				.license = (unsigned long)"GPL" };

	return bpf(s, BPF_PROG_LOAD, &attr);
}

static bool side_open(struct side *s)
{
	static const u32 progs[PROGS][2] = {
		{ BPF_PROG_TYPE_SK_MSG, 0 },
		{ BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT },
		{ BPF_PROG_TYPE_SK_SKB, 0 },
		{ BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_STREAM_VERDICT },
		{ BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_VERDICT },
		{ BPF_PROG_TYPE_XDP, 0 },
	};
	bool all = true;

	for (u32 i = 0; i < MAPS; i++) {
		s->map[i] = map_create(s,
				       i == 3 ? BPF_MAP_TYPE_ARRAY :
				       i == 1 ? BPF_MAP_TYPE_SOCKHASH :
						BPF_MAP_TYPE_SOCKMAP,
				       i == 1 ? 8 : 4);
		all &= s->map[i] >= 0;
	}
	for (u32 i = 0; i < PROGS; i++) {
		s->prog[i] = prog_load(s, progs[i][0], progs[i][1]);
		all &= s->prog[i] >= 0;
	}
	for (u32 i = 0; i < LINKS; i++)
		s->link[i] = -1;
	return all;
}

static void side_close(struct side *s)
{
	for (u32 i = 0; i < LINKS; i++)
		if (s->link[i] >= 0)
			close(s->link[i]);
	for (u32 i = 0; i < MAPS; i++)
		close(s->map[i]);
	for (u32 i = 0; i < PROGS; i++)
		close(s->prog[i]);
}

static int tcp_pair(int v[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	if (l < 0 || bind(l, (struct sockaddr *)&a, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&a, &len))
		return -1;
	v[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(v[0], (struct sockaddr *)&a, len))
		return -1;
	v[1] = accept(l, NULL, NULL);
	close(l);
	return v[1] < 0 ? -1 : 0;
}

/* ---- the calls ---- */

struct step {
	u32 op, map, prog, other, link, type, flags, key, sock;
	int result;
};

static int step_attach(struct side *s, const struct step *p)
{
	union bpf_attr a = { .target_fd = (u32)s->map[p->map],
			     .attach_bpf_fd = (u32)s->prog[p->prog],
			     .attach_type = attach_types[p->type],
			     .attach_flags = p->flags == 7 };

	return bpf(s, BPF_PROG_ATTACH, &a);
}

static int step_detach(struct side *s, const struct step *p)
{
	union bpf_attr a = { .target_fd = (u32)s->map[p->map],
			     .attach_bpf_fd = p->flags == 6 ? 0 : (u32)s->prog[p->prog],
			     .attach_type = attach_types[p->type],
			     .attach_flags = p->flags == 7 };

	return bpf(s, BPF_PROG_DETACH, &a);
}

/* The program by its place in the list: ids differ. */
static u32 prog_of_id(struct side *s, u32 id)
{
	for (u32 i = 0; id && i < PROGS; i++) {
		struct bpf_prog_info info = { 0 };
		union bpf_attr a = { .info = { .bpf_fd = (u32)s->prog[i],
					       .info_len = sizeof(info),
					       .info = (unsigned long)&info } };

		if (!bpf(s, BPF_OBJ_GET_INFO_BY_FD, &a) && info.id == id)
			return i + 1;
	}
	return id ? 99 : 0;
}

static int step_query(struct side *s, const struct step *p)
{
	u32 ids[2] = { 0 };
	union bpf_attr a = { .query = { .target_fd = (u32)s->map[p->map],
					.attach_type = attach_types[p->type],
					.query_flags = p->flags == 7,
					.prog_ids = p->flags == 6 ? 0 : (unsigned long)ids,
					.prog_cnt = p->flags == 5 ? 0 : 2,
					.attach_flags = 77 } };
	int err;

	if (attach_types[p->type] == BPF_XDP)
		return 0;
	err = bpf(s, BPF_PROG_QUERY, &a);
	return err * 10000 -
	       (int)(a.query.prog_cnt * 1000 + a.query.attach_flags * 10 + prog_of_id(s, ids[0]));
}

static int step_link(struct side *s, const struct step *p)
{
	union bpf_attr a = { .link_create = { .target_fd = (u32)s->map[p->map],
					      .prog_fd = (u32)s->prog[p->prog],
					      .attach_type = attach_types[p->type],
					      .flags = p->flags == 7 } };
	int fd;

	if (attach_types[p->type] == BPF_XDP && p->prog == PROGS - 1)
		return 0; /* that would be for a device */
	fd = bpf(s, BPF_LINK_CREATE, &a);
	if (fd < 0)
		return fd;
	if (s->link[p->link] >= 0)
		close(s->link[p->link]);
	s->link[p->link] = fd;
	return 0;
}

static int step_link_update(struct side *s, const struct step *p)
{
	union bpf_attr a = { .link_update = { .link_fd = (u32)s->link[p->link],
					      .new_prog_fd = (u32)s->prog[p->prog],
					      .flags = p->flags & 1 ? BPF_F_REPLACE : 0,
					      .old_prog_fd =
						      p->flags & 1 ? (u32)s->prog[p->other] : 0 } };

	return s->link[p->link] < 0 ? 0 : bpf(s, BPF_LINK_UPDATE, &a);
}

static int step_link_detach(struct side *s, const struct step *p)
{
	union bpf_attr a = { .link_detach.link_fd = (u32)s->link[p->link] };
	int err;

	if (s->link[p->link] < 0)
		return 0;
	if (p->flags < 5)
		return bpf(s, BPF_LINK_DETACH, &a);
	err = close(s->link[p->link]);
	s->link[p->link] = -1;
	return err;
}

static int step_link_info(struct side *s, const struct step *p)
{
	struct bpf_link_info info = { 0 };
	union bpf_attr a = { .info = { .bpf_fd = (u32)s->link[p->link],
				       .info_len = sizeof(info),
				       .info = (unsigned long)&info } };
	struct bpf_map_info map = { 0 };
	u32 which = 0;
	int err;

	if (s->link[p->link] < 0)
		return 0;
	err = bpf(s, BPF_OBJ_GET_INFO_BY_FD, &a);
	if (err)
		return err;
	for (u32 i = 0; i < MAPS; i++) {
		union bpf_attr m = { .info = { .bpf_fd = (u32)s->map[i],
					       .info_len = sizeof(map),
					       .info = (unsigned long)&map } };

		if (!bpf(s, BPF_OBJ_GET_INFO_BY_FD, &m) && map.id == info.sockmap.map_id)
			which = i + 1;
	}
	return (int)(info.type * 1000000 + info.sockmap.attach_type * 1000 + which * 100 +
		     prog_of_id(s, info.prog_id));
}

static int step_update(struct side *s, const struct step *p)
{
	u64 value = (u64)sockets[p->sock];
	u32 key = p->key;
	union bpf_attr a = { .map_fd = (u32)s->map[p->map],
			     .key = (unsigned long)&key,
			     .value = (unsigned long)&value,
			     .flags = p->flags < 4 ? p->flags : 0 };

	return p->map == 3 ? 0 : bpf(s, BPF_MAP_UPDATE_ELEM, &a);
}

static int step_delete(struct side *s, const struct step *p)
{
	u32 key = p->key;
	union bpf_attr a = { .map_fd = (u32)s->map[p->map], .key = (unsigned long)&key };

	return p->map == 3 ? 0 : bpf(s, BPF_MAP_DELETE_ELEM, &a);
}

static const struct {
	const char *name;
	int (*fn)(struct side *s, const struct step *p);
	u32 weight;
} ops[] = {
	{ "attach", step_attach, 4 },
	{ "detach", step_detach, 4 },
	{ "query", step_query, 3 },
	{ "link", step_link, 3 },
	{ "link update", step_link_update, 3 },
	{ "link detach", step_link_detach, 2 },
	{ "link info", step_link_info, 2 },
	{ "update", step_update, 6 },
	{ "delete", step_delete, 4 },
};

static u32 choose(void)
{
	u32 all = 0, n;

	for (u32 i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		all += ops[i].weight;
	n = beside_random(all);
	for (u32 i = 0;; i++) {
		if (n < ops[i].weight)
			return i;
		n -= ops[i].weight;
	}
}

static struct step random_step(void)
{
	struct step p = { .op = choose(),
			  .map = beside_random(8) ? beside_random(MAPS - 1) : MAPS - 1,
			  .prog = beside_random(PROGS),
			  .other = beside_random(PROGS),
			  .link = beside_random(LINKS),
			  .type = beside_random(16) ? beside_random(4) : 4,
			  .flags = beside_random(8),
			  .key = beside_random(5),
			  .sock = beside_random(SOCKETS) };

	/* Mostly what fits. */
	if (beside_random(8) && p.type < 4)
		p.prog = p.type ? 2 + beside_random(3) : beside_random(2);
	return p;
}

/* ---- tests ---- */

static void test_sequences(void **state)
{
	struct step log[64];

	for (u32 round = 0; round < STEPS / 60; round++) {
		for (u32 i = 0; i < 2; i++)
			if (!side_open(&sides[i]))
				skip();
		/* The kernel lets go of maps later: their sockets are not as new. */
		assert_false(tcp_pair(sockets) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets + 2));
		for (u32 n = 0; n < 60; n++) {
			struct step p = log[n] = random_step();
			int a = ops[p.op].fn(&sides[0], &p), b = ops[p.op].fn(&sides[1], &p);

			log[n].result = a;
			if (a == b)
				continue;
			for (u32 i = 0; i <= n; i++)
				print_message(
					"# %u %s map %u prog %u other %u link %u type %u flags "
					"%u key %u sock %u: %d\n",
					i, ops[log[i].op].name, log[i].map, log[i].prog,
					log[i].other, log[i].link, log[i].type, log[i].flags,
					log[i].key, log[i].sock, log[i].result);
			print_message("# skep %d, the kernel %d\n", a, b);
			for (u32 i = 0; i < 12; i++) {
				struct step q = { .map = i / 4, .type = i % 4 };

				print_message("# map %u type %u: %d %d\n", i / 4, i % 4,
					      step_query(&sides[0], &q), step_query(&sides[1], &q));
			}
			fail();
		}
		side_close(&sides[0]);
		side_close(&sides[1]);
		for (u32 i = 0; i < SOCKETS; i++)
			close(sockets[i]);
	}
}

/* By profile: links came with 6.10. */
static void test_profiles(void **state)
{
	struct side s = { .sys = system_for("6.1") };
	const struct step p = { .map = 0, .prog = 0, .type = 0 };

	assert_true(side_open(&s));
	assert_int_equal(step_link(&s, &p), -EINVAL);
	assert_int_equal(step_attach(&s, &p), 0);
	side_close(&s);
	skep_system_free(s.sys);
}

/* Programs go with the last descriptor of their map, unless a link holds it. */
static void test_lifetime(void **state)
{
	struct side s = { .sys = system_for("6.18") };
	const struct step msg = { .map = 0, .prog = 0, .type = 0 };
	const struct step link = { .map = 1, .prog = 3, .type = 2 };
	struct bpf_link_info info = { 0 };
	union bpf_attr a;

	assert_true(side_open(&s));
	assert_int_equal(count_ids(s.sys, BPF_PROG_GET_NEXT_ID), PROGS);
	assert_int_equal(step_attach(&s, &msg), 0);
	assert_int_equal(step_link(&s, &link), 0);
	for (u32 i = 0; i < PROGS; i++)
		close(s.prog[i]);
	assert_int_equal(count_ids(s.sys, BPF_PROG_GET_NEXT_ID), 2);
	for (u32 i = 0; i < MAPS; i++)
		close(s.map[i]);
	assert_int_equal(count_ids(s.sys, BPF_PROG_GET_NEXT_ID), 1);
	assert_int_equal(count_ids(s.sys, BPF_MAP_GET_NEXT_ID), 1);
	a = (union bpf_attr){ .info = { .bpf_fd = (u32)s.link[0],
					.info_len = sizeof(info),
					.info = (unsigned long)&info } };
	assert_int_equal(bpf(&s, BPF_OBJ_GET_INFO_BY_FD, &a), 0);
	assert_int_not_equal(info.sockmap.map_id, 0);
	close(s.link[0]);
	assert_int_equal(count_ids(s.sys, BPF_PROG_GET_NEXT_ID), 0);
	assert_int_equal(count_ids(s.sys, BPF_MAP_GET_NEXT_ID), 0);
	skep_system_free(s.sys);
}

static int setup(void **state)
{
	sides[0].sys = system_for("6.18");
	return !sides[0].sys;
}

static int teardown(void **state)
{
	skep_system_free(sides[0].sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_lifetime),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
