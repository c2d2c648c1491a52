/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers on sockets of maps, on TCP options and on headers of tunnels, of program types that
 * Linux does not test-run: the machine's own sockets, and packets made here. What Linux would
 * answer is taken from RFC 8754, RFC 9293 and its sources.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "../lib/beside.h"

struct call {
	s64 ret;
	u64 flags;
	u32 key, len, which, off;
	u8 buf[320];
};

static struct beside b;

static int setup(void **state)
{
	struct skep_system_opts opts = {
		.sz = sizeof(opts), .kernel = "6.18", .caps = "full", .test_run = "all"
	};

	b.sys = skep_system_new(&opts);
	return b.sys ? beside_open(&b, "sock_helpers") : -1;
}

static int teardown(void **state)
{
	beside_close(&b);
	skep_system_free(b.sys);
	return 0;
}

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(b.obj, name);
}

/* What the program's call returns; @opts are filled in but for the call. */
static s64 run(const char *prog, struct call *c, struct bpf_test_run_opts *opts)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(b.obj, prog));
	u32 zero = 0;

	c->ret = 12345;
	skep_front_use(b.sys);
	assert_int_equal(bpf_map_update_elem(map_fd("call"), &zero, c, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, opts), 0);
	assert_int_equal(bpf_map_lookup_elem(map_fd("call"), &zero, c), 0);
	skep_front_use(NULL);
	return c->ret;
}

static int put(const char *map, u32 key, int fd)
{
	u64 value = (u64)fd;
	int err;

	skep_front_use(b.sys);
	err = bpf_map_update_elem(map_fd(map), &key, &value, 0) ? -errno : 0;
	skep_front_use(NULL);
	return err;
}

static u64 cookie_in(const char *map, u32 key)
{
	u64 value = 0;

	skep_front_use(b.sys);
	bpf_map_lookup_elem(map_fd(map), &key, &value);
	skep_front_use(NULL);
	return value;
}

static void take_out(const char *map, u32 key)
{
	skep_front_use(b.sys);
	bpf_map_delete_elem(map_fd(map), &key);
	skep_front_use(NULL);
}

/* ---- the machine's sockets ---- */

static int bound(int type, u16 *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*port = ntohs(at.sin_port);
	return fd;
}

static u64 cookie_of(int fd)
{
	socklen_t len = sizeof(u64);
	u64 cookie = 0;

	getsockopt(fd, SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &len);
	return cookie;
}

static s64 choose(u32 which, u32 key, u8 protocol, u64 own, u64 *chosen)
{
	struct sk_reuseport_md in = { .ip_protocol = protocol, .eth_protocol = htons(0x0800) }, out;
	struct call c = { .which = which, .key = key };
	u8 packet[8] = { 0 };
	s64 ret;

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &in, .ctx_size_in = sizeof(in),
		    .ctx_out = &out, .ctx_size_out = sizeof(out), .data_in = packet,
		    .data_size_in = sizeof(packet));
	memcpy(&in.sk, &own, sizeof(own));
	ret = run("on_group", &c, &opts);
	memcpy(chosen, &out.sk, sizeof(*chosen));
	return ret;
}

static void groups(void **state)
{
	u16 port = 0, other = 0, stream = 0;
	int a = bound(SOCK_DGRAM, &port), c = bound(SOCK_DGRAM, &port);
	int d = bound(SOCK_DGRAM, &other), l = bound(SOCK_STREAM, &stream);
	u64 chosen;

	assert_int_equal(put("group", 0, c), 0);
	assert_int_equal(put("group", 1, d), 0);
	assert_int_equal(put("group", 2, l), 0);
	assert_int_equal(choose(0, 0, IPPROTO_UDP, 0, &chosen), 0);
	assert_int_equal(chosen, cookie_of(c));
	/* Of the group of socket a: c has its port, d has not, l is of another kind. */
	assert_int_equal(choose(0, 0, IPPROTO_UDP, cookie_of(a), &chosen), 0);
	assert_int_equal(chosen, cookie_of(c));
	assert_int_equal(choose(0, 1, IPPROTO_UDP, cookie_of(a), &chosen), -EBADFD);
	assert_int_equal(chosen, 0);
	assert_int_equal(choose(0, 2, IPPROTO_UDP, cookie_of(a), &chosen), -EPROTOTYPE);
	assert_int_equal(choose(0, 3, IPPROTO_UDP, 0, &chosen), -ENOENT);
	assert_int_equal(choose(0, 4, IPPROTO_UDP, 0, &chosen), -ENOENT);
	/* It is gone from the array when it is closed. */
	close(c);
	assert_int_equal(choose(0, 0, IPPROTO_UDP, 0, &chosen), -ENOENT);
	for (u32 i = 0; i < 3; i++)
		take_out("group", i);
	/* Other maps hold sockets, too. */
	assert_int_equal(put("socks", 0, l), 0);
	assert_int_equal(put("hash", 7, l), 0);
	assert_int_equal(choose(1, 0, IPPROTO_TCP, 0, &chosen), 0);
	assert_int_equal(choose(2, 7, IPPROTO_TCP, 0, &chosen), 0);
	assert_int_equal(chosen, cookie_of(l));
	assert_int_equal(choose(2, 8, IPPROTO_TCP, 0, &chosen), -ENOENT);
	take_out("socks", 0);
	take_out("hash", 7);
	close(a);
	close(d);
	close(l);
}

static s64 verdict(const char *prog, u32 which, u32 key, u64 flags)
{
	struct call c = { .which = which, .key = key, .flags = flags };
	u8 data[16] = { 0 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data));
	run(prog, &c, &opts);
	assert_int_equal(c.ret, opts.retval);
	return c.ret;
}

static void redirections(void **state)
{
	static const char *const progs[] = { "on_stream", "on_message" };
	u16 port = 0, udp_port = 0;
	int l = bound(SOCK_STREAM, &port), u = bound(SOCK_DGRAM, &udp_port);
	int conn = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(conn, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(put("socks", 0, conn), 0);
	assert_int_equal(put("socks", 1, l), 0);
	assert_int_equal(put("socks", 2, u), 0);
	assert_int_equal(put("socks", 3, pair[0]), 0);
	assert_int_equal(put("hash", 5, conn), 0);
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(verdict(progs[i], 0, 0, 0), SK_PASS);
		assert_int_equal(verdict(progs[i], 0, 0, BPF_F_INGRESS), SK_PASS);
		assert_int_equal(verdict(progs[i], 0, 0, 2), SK_DROP);
		assert_int_equal(verdict(progs[i], 0, 1, 0), SK_DROP); /* it listens */
		assert_int_equal(verdict(progs[i], 0, 2, 0), SK_DROP); /* not connected */
		assert_int_equal(verdict(progs[i], 0, 4, 0), SK_DROP);
		assert_int_equal(verdict(progs[i], 1, 5, 0), SK_PASS);
		assert_int_equal(verdict(progs[i], 1, 6, 0), SK_DROP);
		assert_int_equal(verdict(progs[i], 0, 3, BPF_F_INGRESS), SK_PASS);
	}
	/* Messages leave by streams of TCP alone. */
	assert_int_equal(verdict("on_stream", 0, 3, 0), SK_PASS);
	assert_int_equal(verdict("on_message", 0, 3, 0), SK_DROP);
	for (u32 i = 0; i < 4; i++)
		take_out("socks", i);
	take_out("hash", 5);
	close(conn);
	assert_int_equal(verdict("on_stream", 0, 0, 0), SK_DROP);
	close(l);
	close(u);
	close(pair[0]);
	close(pair[1]);
}

/* ---- events of connections ---- */

static s64 event(u32 op, u64 own, struct call *c, u8 *data, u32 *size)
{
	struct bpf_sock_ops in = { .op = op, .is_fullsock = 1, .family = AF_INET };
	u8 out[256] = { 0 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &in, .ctx_size_in = sizeof(in));
	memcpy(&in.sk, &own, sizeof(own));
	if (size && *size) {
		opts.data_in = data;
		opts.data_size_in = *size;
		opts.data_out = out;
		opts.data_size_out = sizeof(out);
	}
	run("on_sock", c, &opts);
	if (size && *size) {
		*size = opts.data_size_out;
		memcpy(data, out, *size);
	}
	return c->ret;
}

static void into_maps(void **state)
{
	u16 port = 0;
	int l = bound(SOCK_STREAM, &port);
	u64 own = cookie_of(l);

	for (u32 which = 0; which < 2; which++) {
		const char *map = which ? "hash" : "socks";
		struct call c = { .which = which, .key = 1 };

		assert_int_equal(event(BPF_SOCK_OPS_TCP_LISTEN_CB, own, &c, NULL, NULL), 0);
		assert_int_equal(cookie_in(map, 1), own);
		c.flags = BPF_NOEXIST;
		assert_int_equal(event(BPF_SOCK_OPS_TCP_LISTEN_CB, own, &c, NULL, NULL), -EEXIST);
		c.flags = BPF_EXIST;
		assert_int_equal(event(BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, own, &c, NULL, NULL),
				 0);
		c.key = 2;
		assert_int_equal(event(BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, own, &c, NULL, NULL),
				 -ENOENT);
		c.flags = 3;
		assert_int_equal(event(BPF_SOCK_OPS_TCP_LISTEN_CB, own, &c, NULL, NULL), -EINVAL);
		c.flags = 0;
		assert_int_equal(event(BPF_SOCK_OPS_RTT_CB, own, &c, NULL, NULL), -EOPNOTSUPP);
		/* The socket of a run that names none ends with it. */
		assert_int_equal(event(BPF_SOCK_OPS_TCP_LISTEN_CB, 0, &c, NULL, NULL), 0);
		assert_int_equal(cookie_in(map, 2), 0);
		c.key = 100;
		if (!which)
			assert_int_equal(event(BPF_SOCK_OPS_TCP_LISTEN_CB, own, &c, NULL, NULL),
					 -E2BIG);
		take_out(map, 1);
	}
	close(l);
}

static u32 header(u8 *to)
{
	static const u8 options[] = { 2, 4, 5, 0xb4, 1, 1, 254, 6, 0xeb, 0x9f, 1, 2 };

	memset(to, 0, 20);
	to[12] = (20 + sizeof(options)) / 4 << 4;
	memcpy(to + 20, options, sizeof(options));
	return 20 + sizeof(options);
}

static s64 load(u32 op, const char *want, u32 want_len, u32 len, u64 flags, struct call *c)
{
	u8 data[64];
	u32 size = header(data);

	*c = (struct call){ .which = 2, .len = len, .flags = flags };
	memcpy(c->buf, want, want_len);
	return event(op, 0, c, data, &size);
}

static void options_read(void **state)
{
	struct call c;
	u32 op = BPF_SOCK_OPS_PARSE_HDR_OPT_CB;

	assert_int_equal(load(op, "\2\0", 2, 4, 0, &c), 4);
	assert_memory_equal(c.buf, "\2\4\5\xb4", 4);
	assert_int_equal(load(op, "\2\0", 2, 3, 0, &c), -ENOSPC);
	assert_memory_equal(c.buf, "\2\4\5\0", 4);
	assert_int_equal(load(op, "\3\0", 2, 4, 0, &c), -ENOMSG);
	assert_int_equal(load(op, "\376\4\xeb\x9f", 4, 8, 0, &c), 6);
	assert_memory_equal(c.buf, "\376\6\xeb\x9f\1\2", 6);
	assert_int_equal(load(op, "\376\6\xeb\x9f\1\2", 6, 8, 0, &c), 6);
	assert_int_equal(load(op, "\376\4\xeb\x9e", 4, 8, 0, &c), -ENOMSG);
	assert_int_equal(load(op, "\376\5\xeb\x9f", 4, 8, 0, &c), -EINVAL);
	assert_int_equal(load(op, "\2\4", 2, 8, 0, &c), -EINVAL); /* no length */
	assert_int_equal(load(op, "\1\0", 2, 8, 0, &c), -EINVAL);
	assert_int_equal(load(op, "\2\0", 2, 1, 0, &c), -EINVAL);
	assert_int_equal(load(op, "\2\0", 2, 8, 2, &c), -EINVAL);
	assert_int_equal(load(op, "\2\0", 2, 8, BPF_LOAD_HDR_OPT_TCP_SYN, &c), -ENOENT);
	assert_int_equal(load(BPF_SOCK_OPS_HDR_OPT_LEN_CB, "\2\0", 2, 8, 0, &c), -EPERM);
	c = (struct call){ .which = 2, .len = 4, .buf = { 2, 0 } };
	assert_int_equal(event(op, 0, &c, NULL, NULL), -EPERM); /* no header */
	{
		u8 broken[24] = { [12] = 0x60, [20] = 3, [21] = 7 };
		u32 size = sizeof(broken);

		c = (struct call){ .which = 2, .len = 4, .buf = { 2, 0 } };
		assert_int_equal(event(op, 0, &c, broken, &size), -EFAULT);
	}
}

static s64 store(const u8 *option, u32 len, u64 flags, u8 *data, u32 *size)
{
	struct call c = { .which = 3, .len = len, .flags = flags };

	memcpy(c.buf, option, len);
	return event(BPF_SOCK_OPS_WRITE_HDR_OPT_CB, 0, &c, data, size);
}

static void options_written(void **state)
{
	static const u8 mine[] = { 77, 6, 1, 2, 3, 4 }, mss[] = { 2, 4, 1, 1 },
			exp[] = { 254, 4, 0xeb, 0x9f };
	u8 big[32] = { 78, 32 }, data[128], two[] = { 77, 8, 1, 2 };
	u32 size = header(data);
	struct call c = { .which = 3, .len = 4, .buf = { 77, 4 } };

	assert_int_equal(store(mine, 6, 0, data, &size), 0);
	assert_int_equal(size, 38);
	assert_memory_equal(data + 32, mine, 6);
	assert_int_equal(store(mine, 6, 0, data, &size), -EEXIST);
	assert_int_equal(store(mss, 4, 0, data, &size), -EEXIST);
	assert_int_equal(store(exp, 4, 0, data, &size), -EEXIST);
	assert_int_equal(store(big, 32, 0, data, &size), -ENOSPC);
	assert_int_equal(store(two, 4, 0, data, &size), -EINVAL); /* longer than it is */
	assert_int_equal(store(mine, 6, 1, data, &size), -EINVAL);
	assert_int_equal(store(mine, 1, 0, data, &size), -EINVAL);
	assert_int_equal(size, 38);
	assert_int_equal(event(BPF_SOCK_OPS_PARSE_HDR_OPT_CB, 0, &c, data, &size), -EPERM);
	/* Behind the end of options nothing would be read. */
	data[38] = 0;
	data[39] = 0;
	size = 40;
	two[0] = 79;
	two[1] = 4;
	assert_int_equal(store(two, 4, 0, data, &size), -ENOSPC);
}

static void options_reserved(void **state)
{
	struct call c = { .which = 4, .len = 28 };
	u8 data[64];
	u32 size = header(data), op = BPF_SOCK_OPS_HDR_OPT_LEN_CB;

	assert_int_equal(event(op, 0, &c, data, &size), 0); /* 40 - 12 */
	c.len = 29;
	assert_int_equal(event(op, 0, &c, data, &size), -ENOSPC);
	c.len = 1;
	assert_int_equal(event(op, 0, &c, data, &size), -EINVAL);
	c.len = 4;
	c.flags = 1;
	assert_int_equal(event(op, 0, &c, data, &size), -EINVAL);
	assert_int_equal(event(BPF_SOCK_OPS_WRITE_HDR_OPT_CB, 0, &c, data, &size), -EPERM);
}

/* ---- tunnels ---- */

#define ETH 14

static u32 packet6(u8 *p, u32 payload)
{
	memset(p, 0, ETH + 40 + payload);
	p[12] = 0x86;
	p[13] = 0xdd;
	p[ETH] = 0x60;
	p[ETH + 1] = 0x12; /* part of class and flow label */
	p[ETH + 5] = (u8)payload;
	p[ETH + 6] = IPPROTO_UDP;
	p[ETH + 7] = 33;
	p[ETH + 23] = 1;
	p[ETH + 39] = 2;
	for (u32 i = 0; i < payload; i++)
		p[ETH + 40 + i] = (u8)(i + 1);
	return ETH + 40 + payload;
}

static s64 on_packet(const char *prog, struct call *c, u8 *data, u32 *size)
{
	u8 out[512] = { 0 };

	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = *size,
		    .data_out = out, .data_size_out = sizeof(out));
	run(prog, c, &opts);
	*size = opts.data_size_out;
	memcpy(data, out, *size);
	return c->ret;
}

/* A header of two segments, which end in 0xa and 0xb. */
static u32 segments(u8 *h)
{
	memset(h, 0, 40);
	h[1] = 4;
	h[2] = 4;
	h[3] = h[4] = 1;
	h[8 + 15] = 0xa;
	h[24 + 15] = 0xb;
	return 40;
}

static void encapsulated(void **state)
{
	struct call c = { .which = BPF_LWT_ENCAP_SEG6 };
	u8 p[512], original[512];
	u32 size = packet6(p, 20), was = size;

	memcpy(original, p, size);
	c.len = segments(c.buf);
	assert_int_equal(on_packet("on_in", &c, p, &size), 0);
	assert_int_equal(size, was + 80);
	assert_memory_equal(p + ETH, "\x60\x12\0\0", 4);
	assert_int_equal(p[ETH + 4] << 8 | p[ETH + 5], 40 + 60);
	assert_int_equal(p[ETH + 6], 43);
	assert_int_equal(p[ETH + 7], 33);
	assert_int_equal(p[ETH + 39],
			 0xb); /* to the first segment, which is the last of the list */
	assert_int_equal(p[ETH + 40], IPPROTO_IPV6);
	assert_memory_equal(p + ETH + 41, c.buf + 1, 39);
	assert_memory_equal(p + ETH + 80, original + ETH, was - ETH);

	c.which = BPF_LWT_ENCAP_SEG6_INLINE;
	size = packet6(p, 20);
	assert_int_equal(on_packet("on_in", &c, p, &size), 0);
	assert_int_equal(size, was + 40);
	assert_int_equal(p[ETH + 5], 60);
	assert_int_equal(p[ETH + 6], 43);
	assert_int_equal(p[ETH + 39], 0xb);
	assert_int_equal(p[ETH + 40], IPPROTO_UDP);
	assert_int_equal(p[ETH + 48 + 15], 2); /* where it was going is the last segment */
	assert_memory_equal(p + ETH + 80, original + ETH + 40, 20);

	c.buf[3] = 2; /* more left than there are */
	assert_int_equal(on_packet("on_in", &c, p, &size), -EINVAL);
	segments(c.buf);
	c.len = 39;
	assert_int_equal(on_packet("on_in", &c, p, &size), -EINVAL);
	c.len = 40;
	c.which = 3;
	assert_int_equal(on_packet("on_in", &c, p, &size), -EINVAL);
	c.which = BPF_LWT_ENCAP_SEG6;
	assert_int_equal(on_packet("on_xmit", &c, p, &size), -EINVAL);

	c = (struct call){ .which = BPF_LWT_ENCAP_IP, .len = 24 };
	c.buf[0] = 0x45;
	c.buf[9] = 47;
	size = packet6(p, 20);
	assert_int_equal(on_packet("on_xmit", &c, p, &size), 0);
	assert_int_equal(size, was + 24);
	assert_int_equal(p[ETH + 10] << 8 | p[ETH + 11], 0xffff - 0x4500 - 47); /* its checksum */
	assert_memory_equal(p + ETH + 24, original + ETH, was - ETH);
}

static u32 segmented(u8 *p)
{
	u8 udp[20];
	u32 size = packet6(p, 60);

	memcpy(udp, p + ETH + 80, 20);
	p[ETH + 6] = 43;
	segments(p + ETH + 40);
	p[ETH + 40] = IPPROTO_UDP;
	memcpy(p + ETH + 80, udp, 20);
	return size;
}

static s64 act(u32 which, u32 off, u32 len, const void *bytes, u8 *p, u32 *size)
{
	struct call c = { .which = which, .off = off, .len = len };

	if (bytes)
		memcpy(c.buf, bytes, which == 3 ? 8 : len);
	*size = segmented(p);
	return on_packet("on_segment", &c, p, size);
}

static void segment_actions(void **state)
{
	static const u8 option[8] = { 5, 6, 1, 2, 3, 4, 5, 6 };
	u8 zero[40] = { 0 }, p[512], was[512], srh[40];
	u32 size, whole = segmented(was);

	/* Flags and tag may be written, lengths not. */
	assert_int_equal(act(0, 45, 3, "\0\1\2", p, &size), 0);
	assert_memory_equal(p + ETH + 45, "\0\1\2", 3);
	assert_int_equal(act(0, 44, 1, "\0", p, &size), -EFAULT);
	assert_int_equal(act(0, 47, 2, "\0\0", p, &size), -EFAULT);
	assert_int_equal(act(0, 80, 1, "\0", p, &size), -EFAULT);
	/* Room behind the segments only. */
	assert_int_equal(act(1, 80, 8, NULL, p, &size), 0);
	assert_int_equal(size, whole + 8);
	assert_int_equal(p[ETH + 5], 68);
	assert_memory_equal(p + ETH + 88, was + ETH + 80, 20);
	assert_int_equal(act(1, 79, 8, NULL, p, &size), -EFAULT);
	assert_int_equal(act(1, 81, 8, NULL, p, &size), -EFAULT);
	assert_int_equal(act(1, 80, (u32)-8, NULL, p, &size), -EFAULT);
	assert_int_equal(act(3, 80, 0, option, p, &size), 0);
	assert_int_equal(p[ETH + 41], 5); /* the length is written when it is looked at */
	assert_memory_equal(p + ETH + 80, option, 8);
	assert_int_equal(act(3, 80, 0, "\5\7aaaaaa", p, &size), -EBADMSG);
	/* Actions: 2 END.X, 3 END.T, 7 END.DT6, 9 END.B6, 10 END.B6.ENCAP. */
	assert_int_equal(act(2, 2, 16, zero, p, &size), 0);
	assert_int_equal(act(2, 2, 4, zero, p, &size), -EINVAL);
	assert_int_equal(act(2, 3, 4, zero, p, &size), 0);
	assert_int_equal(act(2, 1, 4, zero, p, &size), -EINVAL);
	assert_int_equal(act(2, 7, 4, zero, p, &size), -EBADMSG); /* no IPv6 inside */
	segments(srh);
	assert_int_equal(act(2, 9, 40, srh, p, &size), 0);
	assert_int_equal(size, whole + 40);
	assert_int_equal(p[ETH + 40], 43);
	assert_int_equal(act(2, 10, 40, srh, p, &size), 0);
	assert_int_equal(size, whole + 80);
	assert_int_equal(act(2, 10, 32, srh, p, &size), -EINVAL);
	/* A packet without the header has nothing that could be changed. */
	{
		struct call c = { .which = 1, .off = 80, .len = 8 };

		size = packet6(p, 20);
		assert_int_equal(on_packet("on_segment", &c, p, &size), -EINVAL);
		c.which = 2;
		c.off = 3;
		c.len = 4;
		assert_int_equal(on_packet("on_segment", &c, p, &size), -EBADMSG);
	}
}

/* What is inside comes out. */
static void decapsulated(void **state)
{
	struct call c = { .which = BPF_LWT_ENCAP_SEG6 };
	u8 p[512], was[512];
	u32 size = packet6(p, 20), whole = size;

	memcpy(was, p, size);
	c.len = segments(c.buf);
	assert_int_equal(on_packet("on_in", &c, p, &size), 0);
	p[12] = 0x86; /* which a tunnel's test run has lost */
	p[13] = 0xdd;
	c = (struct call){ .which = 2, .off = 7, .len = 4 };
	assert_int_equal(on_packet("on_segment", &c, p, &size), 0);
	assert_int_equal(size, whole);
	assert_memory_equal(p + ETH, was + ETH, whole - ETH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),	   cmocka_unit_test(redirections),
		cmocka_unit_test(into_maps),	   cmocka_unit_test(options_read),
		cmocka_unit_test(options_written), cmocka_unit_test(options_reserved),
		cmocka_unit_test(encapsulated),	   cmocka_unit_test(segment_actions),
		cmocka_unit_test(decapsulated),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
