/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A client of libbpf as others write them: programs on an interface, by netlink and by links. Prints what
 * each call gives, and what libbpf says of it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ABSENT 4242 /* no interface has it */

static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	return vprintf(format, args);
}

static int load(const char *name, enum bpf_prog_type type, enum bpf_attach_type attach)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = type == BPF_PROG_TYPE_XDP ? 2 : 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);

	return bpf_prog_load(type, name, "GPL", insns, 2, &opts);
}

#define TRY(call)                                                                                  \
	({                                                                                         \
		int _r = (call);                                                                   \
		printf("%s: %d\n", #call, _r > 0 ? 1 : _r);                                        \
		_r;                                                                                \
	})

static void links(int ifindex, int x, int y, int devmap)
{
	LIBBPF_OPTS(bpf_link_create_opts, hw, .flags = XDP_FLAGS_HW_MODE);
	LIBBPF_OPTS(bpf_link_create_opts, skb, .flags = XDP_FLAGS_SKB_MODE);
	LIBBPF_OPTS(bpf_link_create_opts, replace, .flags = XDP_FLAGS_REPLACE);
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	int l;

	TRY(bpf_xdp_attach(ifindex, x, 0, NULL));
	TRY(bpf_link_create(x, ifindex, BPF_XDP, NULL));
	TRY(bpf_xdp_detach(ifindex, 0, NULL));
	TRY(bpf_link_create(x, ifindex, BPF_XDP, &hw));
	TRY(bpf_link_create(devmap, ifindex, BPF_XDP, NULL));
	l = TRY(bpf_link_create(x, ifindex, BPF_XDP, NULL));
	TRY(bpf_link_create(x, ifindex, BPF_XDP, NULL));
	TRY(bpf_link_create(x, ifindex, BPF_XDP, &skb));
	TRY(bpf_link_create(x, ifindex, BPF_XDP, &replace));
	TRY(bpf_link_create(x, ABSENT, BPF_XDP, NULL));
	TRY(bpf_xdp_attach(ifindex, y, 0, NULL));
	TRY(bpf_xdp_detach(ifindex, 0, NULL));
	TRY(bpf_xdp_query(ifindex, 0, &q));
	printf("mode %d\n", q.attach_mode);
	TRY(bpf_obj_get_info_by_fd(l, &info, &size));
	printf("type %d, of it: %s\n", info.type,
	       info.xdp.ifindex == (__u32)ifindex ? "yes" : "no");
	TRY(bpf_link_update(l, y, NULL));
	TRY(bpf_link_detach(l));
	TRY(bpf_xdp_query(ifindex, 0, &q));
	printf("mode %d\n", q.attach_mode);
	close(l);
}

static void xdp(int ifindex, int x, int y, int cls, int devmap)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, old, .old_prog_fd = y);
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	TRY(bpf_xdp_attach(ifindex, x, XDP_FLAGS_HW_MODE, NULL));
	TRY(bpf_xdp_attach(ifindex, x, XDP_FLAGS_HW_MODE | XDP_FLAGS_SKB_MODE, NULL));
	TRY(bpf_xdp_attach(ifindex, x, 1 << 20, NULL));
	TRY(bpf_xdp_attach(ifindex, 999, 0, NULL));
	TRY(bpf_xdp_attach(ifindex, 1, 0, NULL));
	TRY(bpf_xdp_attach(ifindex, cls, 0, NULL));
	TRY(bpf_xdp_attach(ifindex, devmap, 0, NULL));
	TRY(bpf_xdp_attach(ABSENT, x, 0, NULL));
	TRY(bpf_xdp_attach(ifindex, x, XDP_FLAGS_REPLACE, NULL));
	TRY(bpf_xdp_attach(ifindex, -1, XDP_FLAGS_REPLACE, NULL));
	TRY(bpf_xdp_attach(ifindex, y, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL));
	TRY(bpf_xdp_attach(ifindex, y, XDP_FLAGS_SKB_MODE, NULL));
	TRY(bpf_xdp_attach(ifindex, y, XDP_FLAGS_REPLACE, &old));
	old.old_prog_fd = x;
	TRY(bpf_xdp_attach(ifindex, y, XDP_FLAGS_REPLACE, &old));
	TRY(bpf_xdp_detach(ifindex, XDP_FLAGS_REPLACE, &old));
	TRY(bpf_xdp_query(ifindex, 0, &q));
	printf("mode %d; ids %d %d %d %d\n", q.attach_mode, !!q.prog_id, !!q.drv_prog_id,
	       !!q.hw_prog_id, !!q.skb_prog_id);
	old.old_prog_fd = y;
	TRY(bpf_xdp_detach(ifindex, XDP_FLAGS_REPLACE, &old));
	TRY(bpf_xdp_query(ifindex, 0, &q));
	printf("mode %d\n", q.attach_mode);
}

static void tc(int ifindex, int cls, int other)
{
	LIBBPF_OPTS(bpf_tc_hook, in, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_hook, out, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, absent, .ifindex = ABSENT, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, first, .prog_fd = cls);
	LIBBPF_OPTS(bpf_tc_opts, again, .prog_fd = cls, .handle = 1);
	LIBBPF_OPTS(bpf_tc_opts, wrong, .prog_fd = other, .handle = 1, .priority = 5);
	LIBBPF_OPTS(bpf_tc_opts, there, .handle = 1);
	LIBBPF_OPTS(bpf_tc_opts, missing, .handle = 9, .priority = 77);
	LIBBPF_OPTS(bpf_tc_opts, going, .prog_fd = cls);

	TRY(bpf_tc_attach(&in, &first));
	TRY(bpf_tc_hook_create(&absent));
	TRY(bpf_tc_hook_create(&in));
	TRY(bpf_tc_hook_create(&in));
	first.prog_fd = cls;
	first.handle = first.priority = first.prog_id = 0;
	TRY(bpf_tc_attach(&in, &first));
	printf("handle %u, priority %u, %s\n", first.handle, first.priority,
	       first.prog_id ? "with a program" : "without");
	again.priority = there.priority = first.priority;
	TRY(bpf_tc_attach(&in, &again));
	again.flags = BPF_TC_F_REPLACE;
	TRY(bpf_tc_attach(&in, &again));
	TRY(bpf_tc_attach(&in, &wrong));
	TRY(bpf_tc_query(&in, &there));
	printf("handle %u, %s\n", there.handle, there.prog_id ? "with a program" : "without");
	TRY(bpf_tc_query(&in, &missing));
	there.prog_fd = there.prog_id = there.flags = 0;
	TRY(bpf_tc_detach(&in, &there));
	TRY(bpf_tc_detach(&in, &there));
	TRY(bpf_tc_attach(&out, &going));
	TRY(bpf_tc_hook_destroy(&out));
	TRY(bpf_tc_hook_destroy(&both));
	TRY(bpf_tc_hook_destroy(&both));
}

int main(int argc, char **argv)
{
	int ifindex = argc > 1 ? (int)if_nametoindex(argv[1]) : 0, x, y, devmap, cls;

	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(say);
	x = load("x", BPF_PROG_TYPE_XDP, 0);
	y = load("y", BPF_PROG_TYPE_XDP, 0);
	devmap = load("devmap", BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP);
	cls = load("cls", BPF_PROG_TYPE_SCHED_CLS, 0);
	if (!ifindex || x < 0 || y < 0 || devmap < 0 || cls < 0) {
		printf("no interface or no programs: %s\n", strerror(errno));
		return 1;
	}
	xdp(ifindex, x, y, cls, devmap);
	links(ifindex, x, y, devmap);
	tc(ifindex, cls, x);
	return 0;
}
