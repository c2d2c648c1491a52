/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * rtnetlink: random sequences of requests about XDP, qdiscs and filters, here and in the running kernel
 * on a veth of a network namespace of our own. Every answer must agree, byte for byte but for what
 * the two count by themselves (ids of programs). SKEP_ROUNDS=N makes N sequences, SKEP_SEED=N others.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "front/rtnl.h"
#include "hook/hook.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

#define XDPS  3
#define TCS   3
#define PROGS (XDPS + TCS)
#define ROOM  65536

static struct skep_system *sys;
static u64 state = 88172645463325252ULL;
static int nl, progs[2][PROGS];
static u32 ids[2][PROGS], device, port, seq, base_seq;
static u8 base[ROOM]; /* the kernel's dump of qdiscs before there was one */
static size_t base_size;

/* One side's answer. */
struct answer {
	u8 bytes[ROOM];
	size_t n;
};

static struct answer answers[2];

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

static int load_all(int side)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 2 }, { .code = 0x95 } };
	for (int i = 0; i < PROGS; i++) {
		struct bpf_prog_info info = { 0 };
		union bpf_attr attr = { .prog_type = i < XDPS ? BPF_PROG_TYPE_XDP :
								BPF_PROG_TYPE_SCHED_CLS,
					.insn_cnt = 2,
					.insns = (u64)insns,
					.license = (u64) "GPL" };

		if (i == XDPS - 1)
			attr.expected_attach_type = BPF_XDP_DEVMAP;
		progs[side][i] = call(side, BPF_PROG_LOAD, &attr);
		if (progs[side][i] < 0)
			return progs[side][i];
		attr = (union bpf_attr){ .info = { .bpf_fd = (u32)progs[side][i],
						   .info_len = sizeof(info),
						   .info = (u64)&info } };
		assert_int_equal(call(side, BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
		ids[side][i] = info.id;
	}
	return 0;
}

/* ---- what the two count by themselves ---- */

static void number(int side, struct rtattr *r)
{
	u32 id;

	memcpy(&id, RTA_DATA(r), sizeof(id));
	for (u32 i = 0; i < PROGS; i++)
		if (ids[side][i] == id)
			id = i;
	memcpy(RTA_DATA(r), &id, sizeof(id));
}

static struct rtattr *attr_of(void *first, u32 len, u16 type)
{
	for (struct rtattr *r = first; RTA_OK(r, len); r = RTA_NEXT(r, len))
		if ((r->rta_type & NLA_TYPE_MASK) == type)
			return r;
	return NULL;
}

/* Numbers programs in @n as both do, and forgets a correct echo of the request. */
static void level(int side, struct nlmsghdr *n, const struct nlmsghdr *request)
{
	struct rtattr *nest, *r;

	if (n->nlmsg_type == NLMSG_ERROR) {
		struct nlmsgerr *e = NLMSG_DATA(n);
		size_t echo = n->nlmsg_flags & NLM_F_CAPPED ? sizeof(*request) : request->nlmsg_len;

		assert_memory_equal(&e->msg, request, echo);
		memset(&e->msg, 0, echo);
	} else if (n->nlmsg_type == RTM_NEWTFILTER || n->nlmsg_type == RTM_DELTFILTER) {
		nest = attr_of((u8 *)NLMSG_DATA(n) + sizeof(struct tcmsg),
			       (u32)NLMSG_PAYLOAD(n, sizeof(struct tcmsg)), TCA_OPTIONS);
		r = nest ? attr_of(RTA_DATA(nest), RTA_PAYLOAD(nest), TCA_BPF_ID) : NULL;
		if (r)
			number(side, r);
	} else if (n->nlmsg_type == RTM_NEWLINK) {
		nest = attr_of(IFLA_RTA(NLMSG_DATA(n)), (u32)IFLA_PAYLOAD(n), IFLA_XDP);
		for (u16 i = IFLA_XDP_PROG_ID; nest && i <= IFLA_XDP_HW_PROG_ID; i++)
			if ((r = attr_of(RTA_DATA(nest), RTA_PAYLOAD(nest), i)))
				number(side, r);
	}
}

static void keep(int side, const u8 *bytes, size_t size, const struct nlmsghdr *request)
{
	struct answer *a = &answers[side];
	struct nlmsghdr *n = (struct nlmsghdr *)&a->bytes[a->n];

	assert_true(a->n + size <= ROOM);
	memcpy(n, bytes, size);
	a->n += size;
	for (; NLMSG_OK(n, size); n = NLMSG_NEXT(n, size))
		level(side, n, request);
}

/* ---- asking ---- */

static u32 no_name(void *arg, const char *name)
{
	return 0;
}

static bool is_there(void *arg, u32 ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name);
}

static struct rtnl_asker asker(bool cap_ack)
{
	return (struct rtnl_asker){ .sys = sys,
				    .ours = true,
				    .ext_ack = true,
				    .cap_ack = cap_ack,
				    .portid = port,
				    .ifindex = no_name,
				    .device = is_there };
}

/* The kernel's answer to @n goes to @answer: until it has acknowledged, or the dump is done. */
static size_t ask_kernel(const struct nlmsghdr *n, u8 *answer)
{
	size_t total = 0;
	bool done = false;

	assert_int_equal(send(nl, n, n->nlmsg_len, 0), n->nlmsg_len);
	while (!done) {
		ssize_t got = recv(nl, answer + total, ROOM - total, 0);
		const struct nlmsghdr *m = (void *)(answer + total);

		assert_true(got > 0);
		total += (size_t)got;
		for (size_t left = (size_t)got; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
			done |= m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE;
	}
	return total;
}

static void ask_skep(const struct nlmsghdr *n, bool cap_ack)
{
	struct rtnl_asker a = asker(cap_ack);
	struct rtnl_out out = { 0 };

	assert_int_equal(rtnl_request(&a, n, &out), RTNL_OURS);
	assert_false(out.failed);
	keep(0, out.bytes.v, out.bytes.n, n);
	rtnl_out_free(&out);
}

/* A request; descriptors in it are put in when it is known who is asked. */
struct message {
	struct rtnl_out out;
	size_t at, nests[4];
	VEC(u32) fds; /* where they are */
};

static void message_begin(struct message *m, u16 type, u16 flags, const void *header, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->at = rtnl_begin(&m->out, type, (u16)(flags | NLM_F_REQUEST | NLM_F_ACK), ++seq, 0,
			   header, size);
}

/* Program @which of whoever is asked; beyond the last: descriptors that are none, -1 the last. */
static void message_fd(struct message *m, u16 type, u32 which)
{
	rtnl_put_u32(&m->out, type, which);
	assert_int_equal(vec_push(&m->fds, (u32)m->out.bytes.n - 4), 0);
}

static int fd_of(int side, u32 which)
{
	switch (which) {
	case PROGS:
		return 999;
	case PROGS + 1:
		return nl;
	case PROGS + 2:
		return -1;
	}
	return progs[side][which];
}

static void compare(const struct nlmsghdr *n)
{
	if (answers[0].n == answers[1].n &&
	    !memcmp(answers[0].bytes, answers[1].bytes, answers[0].n))
		return;
	print_error("request %u, flags %x:", n->nlmsg_type, n->nlmsg_flags);
	for (u32 i = 0; i < n->nlmsg_len; i++)
		print_error(" %02x", ((const u8 *)n)[i]);
	for (int side = 0; side < 2; side++) {
		print_error("\n%s:", side ? "Linux" : "skep");
		for (size_t i = 0; i < answers[side].n; i++)
			print_error("%s%02x", i % 4 ? "" : " ", answers[side].bytes[i]);
		print_error("\n%s:", side ? "Linux" : "skep");
		for (size_t i = 0; i < answers[side].n; i++)
			if (answers[side].bytes[i] >= ' ' && answers[side].bytes[i] < 127)
				print_error("%c", answers[side].bytes[i]);
	}
	print_error("\n");
	fail();
}

static void ask_both(struct message *m)
{
	struct nlmsghdr *n;
	static u8 bytes[ROOM];
	int cap = below(2);

	rtnl_end(&m->out, m->at);
	assert_false(m->out.failed);
	n = (struct nlmsghdr *)m->out.bytes.v;
	setsockopt(nl, SOL_NETLINK, NETLINK_CAP_ACK, &cap, sizeof(cap));
	for (int side = 0; side < 2; side++) {
		u32 which[4];

		answers[side].n = 0;
		for (size_t i = 0; i < m->fds.n; i++) {
			u8 *at = &m->out.bytes.v[m->fds.v[i]];
			int fd;

			memcpy(&which[i], at, 4);
			fd = fd_of(side, which[i]);
			memcpy(at, &fd, 4);
		}
		if (side)
			keep(1, bytes, ask_kernel(n, bytes), n);
		else
			ask_skep(n, cap);
		for (size_t i = 0; i < m->fds.n; i++)
			memcpy(&m->out.bytes.v[m->fds.v[i]], &which[i], 4);
	}
	compare(n);
	vec_free(&m->fds);
	rtnl_out_free(&m->out);
}

/* ---- XDP ---- */

static void change_xdp(void)
{
	static const u32 modes[] = { 0,
				     0,
				     XDP_FLAGS_SKB_MODE,
				     XDP_FLAGS_DRV_MODE,
				     XDP_FLAGS_HW_MODE,
				     XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE,
				     1 << 20 };
	struct ifinfomsg info = { .ifi_index = (int)device };
	u32 flags = modes[below(ARRAY_SIZE(modes))];
	struct message m;
	size_t nest;

	if (!below(20))
		info.ifi_index = 4242;
	flags |= below(3) ? 0 : XDP_FLAGS_UPDATE_IF_NOEXIST;
	flags |= below(3) ? 0 : XDP_FLAGS_REPLACE;
	message_begin(&m, below(2) ? RTM_SETLINK : RTM_NEWLINK, 0, &info, sizeof(info));
	nest = rtnl_nest(&m.out, IFLA_XDP | NLA_F_NESTED);
	/* A device that is not ours is the kernel's, unless a program would be there. */
	message_fd(&m, IFLA_XDP_FD,
		   info.ifi_index == 4242 ? 0 :
		   below(3)		  ? below(PROGS + 3) :
					    PROGS + 2);
	if (flags || below(2))
		rtnl_put_u32(&m.out, IFLA_XDP_FLAGS, flags);
	if (flags & XDP_FLAGS_REPLACE && below(8))
		message_fd(&m, IFLA_XDP_EXPECTED_FD, below(3) ? below(XDPS) : PROGS + 2);
	rtnl_nest_end(&m.out, nest);
	ask_both(&m);
}

/* The kernel's description of the device with our IFLA_XDP is the kernel's own. */
static void show_xdp(void)
{
	struct ifinfomsg info = { .ifi_index = (int)device };
	struct rtnl_asker a = asker(false);
	struct rtnl_out out = { 0 };
	struct message m;
	static u8 bytes[ROOM];
	struct nlmsghdr *n;
	size_t size;

	message_begin(&m, RTM_GETLINK, 0, &info, sizeof(info));
	rtnl_end(&m.out, m.at);
	n = (struct nlmsghdr *)m.out.bytes.v;
	size = ask_kernel(n, bytes);
	answers[0].n = answers[1].n = 0;
	keep(1, bytes, size, n);
	if (rtnl_complete(&a, bytes, size, NULL, &out))
		keep(0, out.bytes.v, out.bytes.n, n);
	else
		keep(0, bytes, size, n);
	compare(n);
	rtnl_out_free(&out);
	rtnl_out_free(&m.out);
}

/* ---- qdiscs ---- */

static void change_qdisc(void)
{
	struct tcmsg t = { .tcm_ifindex = (int)device,
			   .tcm_parent = TC_H_CLSACT,
			   .tcm_handle = 0xffff0000 };
	static const u16 how[] = { NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE,
				   NLM_F_CREATE, 0, NLM_F_REPLACE };
	u16 type = below(3) ? RTM_NEWQDISC : below(3) ? RTM_DELQDISC : RTM_GETQDISC;
	const char *kind = below(4) ? "clsact" : "ingress";
	struct message m;

	if (!below(8))
		t.tcm_handle = 0;
	if (!below(12))
		t.tcm_handle = 0x10001;
	if (type != RTM_NEWQDISC && !below(8))
		t.tcm_parent = 0;
	if (!t.tcm_parent)
		t.tcm_handle = 0xffff0000;
	message_begin(&m, type,
		      (u16)((type == RTM_NEWQDISC ? how[below(ARRAY_SIZE(how))] : 0) |
			    (below(2) ? 0 : NLM_F_ECHO)),
		      &t, sizeof(t));
	if (below(8) || type == RTM_NEWQDISC)
		rtnl_put(&m.out, TCA_KIND, kind, strlen(kind) + 1);
	ask_both(&m);
}

static struct nlmsghdr *qdisc_dump(struct message *m)
{
	struct tcmsg t = { 0 };

	message_begin(m, RTM_GETQDISC, NLM_F_DUMP, &t, sizeof(t));
	rtnl_end(&m->out, m->at);
	return (struct nlmsghdr *)m->out.bytes.v;
}

static void show_qdiscs(void)
{
	struct rtnl_asker a = asker(false);
	struct rtnl_dump dump = { .seq = base_seq };
	struct rtnl_out out = { 0 };
	struct message m;
	static u8 bytes[ROOM];
	struct nlmsghdr *n;
	size_t size;

	seq = base_seq - 1; /* the same again */
	n = qdisc_dump(&m);
	size = ask_kernel(n, bytes);
	answers[0].n = answers[1].n = 0;
	keep(1, bytes, size, n);
	if (rtnl_complete(&a, base, base_size, &dump, &out))
		keep(0, out.bytes.v, out.bytes.n, n);
	else
		keep(0, base, base_size, n);
	compare(n);
	vec_free(&dump.told);
	rtnl_out_free(&out);
	rtnl_out_free(&m.out);
}

/* ---- filters ---- */

static struct tcmsg filter_place(void)
{
	static const u32 minors[] = { TC_H_MIN_INGRESS,
				      TC_H_MIN_INGRESS,
				      TC_H_MIN_INGRESS,
				      TC_H_MIN_EGRESS,
				      TC_H_MIN_EGRESS,
				      0,
				      0x17 };
	u32 prio = below(3) ? below(4) : 0;
	u16 protocol = below(8) ? ETH_P_ALL : below(2) ? ETH_P_IP : 0;

	return (struct tcmsg){ .tcm_ifindex = (int)device,
			       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minors[below(7)]),
			       .tcm_handle = below(2) ? below(4) : 0,
			       .tcm_info = TC_H_MAKE(prio << 16, htons(protocol)) };
}

static void put_chain(struct message *m)
{
	if (!below(5))
		rtnl_put_u32(&m->out, TCA_CHAIN, below(6) ? below(3) : 0x10000000);
}

static void add_filter(void)
{
	static const u16 how[] = { NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_EXCL,
				   NLM_F_CREATE, 0 };
	struct tcmsg t = filter_place();
	struct message m;
	size_t nest;

	message_begin(&m, RTM_NEWTFILTER, (u16)(how[below(4)] | (below(3) ? 0 : NLM_F_ECHO)), &t,
		      sizeof(t));
	if (below(20))
		rtnl_put(&m.out, TCA_KIND, "bpf", 4);
	put_chain(&m);
	if (below(20)) {
		nest = rtnl_nest(&m.out, TCA_OPTIONS);
		if (below(20))
			message_fd(&m, TCA_BPF_FD, below(8) ? XDPS + below(TCS) : below(PROGS + 3));
		if (below(4))
			rtnl_put(&m.out, TCA_BPF_NAME, "filter.o:[in]", 14);
		if (below(4))
			rtnl_put_u32(&m.out, TCA_BPF_FLAGS, below(8) ? 1 : 2);
		if (!below(5))
			rtnl_put_u32(&m.out, TCA_BPF_FLAGS_GEN, below(5));
		if (!below(4))
			rtnl_put_u32(&m.out, TCA_BPF_CLASSID, 0x10000 + below(3));
		rtnl_nest_end(&m.out, nest);
	}
	ask_both(&m);
}

static void other_filter(u16 type)
{
	struct tcmsg t = filter_place();
	struct message m;

	if (!below(3))
		t.tcm_info = t.tcm_handle = 0;
	message_begin(&m, type, 0, &t, sizeof(t));
	if (!below(4))
		rtnl_put(&m.out, TCA_KIND, "bpf", 4);
	put_chain(&m);
	ask_both(&m);
}

static void show_filters(u16 type)
{
	struct tcmsg t = filter_place();
	struct message m;

	t.tcm_handle = 0;
	if (below(3) || type == RTM_GETCHAIN)
		t.tcm_info = 0;
	message_begin(&m, type, NLM_F_DUMP, &t, sizeof(t));
	if (!below(4))
		rtnl_put_u32(&m.out, TCA_CHAIN, below(3));
	ask_both(&m);
}

static void step(void)
{
	switch (below(20)) {
	case 0:
	case 1:
	case 2:
	case 3:
		change_xdp();
		break;
	case 4:
		show_xdp();
		break;
	case 5:
		change_qdisc();
		break;
	case 6:
		show_qdiscs();
		break;
	case 7:
	case 8:
		other_filter(RTM_DELTFILTER);
		break;
	case 9:
	case 10:
		other_filter(RTM_GETTFILTER);
		break;
	case 11:
	case 12:
	case 13:
		show_filters(RTM_GETTFILTER);
		break;
	case 14:
		show_filters(RTM_GETCHAIN);
		break;
	default:
		add_filter();
	}
}

/* As it was in the beginning, there and here. */
static void fresh(void)
{
	char name[16];
	struct message m;
	struct nlmsghdr *n;
	socklen_t size;
	struct sockaddr_nl addr;
	int on = 1;

	static u32 made;
	char command[128];

	if (device)
		netdev_hooks_del(sys, device);
	snprintf(name, sizeof(name), "s%u", made++);
	snprintf(command, sizeof(command),
		 "ip link del s%u 2>/dev/null; ip link add %s type veth peer name p%s", made - 2,
		 name, name);
	assert_int_equal(system(command), 0);
	device = if_nametoindex(name);
	assert_int_not_equal(device, 0);
	assert_int_equal(netdev_hooks_add(sys, device, name), 0);
	snprintf(command, sizeof(command), "ip link set %s up; ip link set p%s up", name, name);
	assert_int_equal(system(command), 0);
	if (nl > 0)
		close(nl);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	assert_true(nl >= 0);
	setsockopt(nl, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	memset(&addr, 0, sizeof(addr));
	addr.nl_family = AF_NETLINK;
	assert_int_equal(bind(nl, (void *)&addr, sizeof(addr)), 0);
	size = sizeof(addr);
	assert_int_equal(getsockname(nl, (void *)&addr, &size), 0);
	port = addr.nl_pid;
	base_seq = seq + 1;
	n = qdisc_dump(&m);
	base_size = ask_kernel(n, base);
	rtnl_out_free(&m.out);
	seq = base_seq;
}

static void test_as_linux(void **arg)
{
	const char *rounds = getenv("SKEP_ROUNDS"), *seed = getenv("SKEP_SEED");
	u32 n = rounds ? (u32)atoi(rounds) : 6;

	if (unshare(CLONE_NEWNET) || load_all(1) < 0) {
		print_message("needs to be root and a kernel with bpf(2)\n");
		skip();
	}
	/* Nothing is sent by itself: it would be counted there. */
	if (system("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"))
		skip();
	if (seed)
		state += (u64)atoi(seed) * 7919;
	assert_int_equal(load_all(0), 0);
	for (u32 i = 0; i < n; i++) {
		fresh();
		for (u32 j = 0; j < 400; j++)
			step();
	}
}

/* What no client says: lengths, types and values changed at random. Nothing may be read beyond it. */
static void test_garbage(void **arg)
{
	static const u16 types[] = { RTM_NEWLINK,  RTM_SETLINK,	   RTM_NEWQDISC,   RTM_DELQDISC,
				     RTM_GETQDISC, RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER,
				     RTM_NEWCHAIN, RTM_DELCHAIN,   RTM_GETCHAIN };
	struct rtnl_asker a = asker(false);

	if (!sys || netdev_hooks_add(sys, 77, "garbage") || load_all(0))
		fail();
	device = 77;
	for (u32 i = 0; i < 40000; i++) {
		struct tcmsg t = filter_place();
		struct rtnl_out out = { 0 };
		struct message m;
		size_t nest, size;
		u8 *copy;

		message_begin(&m, types[below(ARRAY_SIZE(types))],
			      (u16)(below(2) ? NLM_F_CREATE : below(0x1000)), &t,
			      below(8) ? sizeof(t) : sizeof(struct ifinfomsg));
		if (below(3))
			rtnl_put(&m.out, TCA_KIND, below(2) ? "bpf\0\0\0" : "clsact",
				 below(2) ? 4 : 7);
		nest = rtnl_nest(&m.out, below(2) ? TCA_OPTIONS : IFLA_XDP);
		rtnl_put_u32(&m.out, (u16)below(12), (u32)progs[0][below(PROGS)]);
		rtnl_put(&m.out, (u16)below(12), "name", below(6));
		rtnl_nest_end(&m.out, nest);
		rtnl_end(&m.out, m.at);
		for (u32 j = below(4); j; j--) /* but for the length: the socket has checked that */
			m.out.bytes.v[4 + below((u32)m.out.bytes.n - 4)] = (u8)below(256);
		/* Cut short, in memory that ends where it does. */
		size = below(3) ? m.out.bytes.n : 16 + below((u32)m.out.bytes.n - 15);
		memcpy(m.out.bytes.v, &(u32){ (u32)size }, 4);
		copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, m.out.bytes.v, size);
		rtnl_request(&a, (struct nlmsghdr *)copy, &out);
		assert_false(out.failed);
		rtnl_out_free(&out);
		rtnl_complete(&a, copy, size, NULL, &out);
		rtnl_out_free(&out);
		rtnl_out_free(&m.out);
		free(copy);
	}
	netdev_hooks_del(sys, device);
	device = 0;
	for (int i = 0; i < PROGS; i++)
		close(progs[0][i]);
}

static int setup(void **unused)
{
	struct utsname name;

	/* Sentences differ between releases. */
	uname(&name);
	name.release[strspn(name.release, "0123456789.")] = 0;
	if (strchr(name.release, '.') && strchr(strchr(name.release, '.') + 1, '.'))
		*strchr(strchr(name.release, '.') + 1, '.') = 0;
	sys = system_for(name.release);
	return !sys;
}

static int teardown(void **unused)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_as_linux),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
