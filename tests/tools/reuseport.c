/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * reuseport OBJECT [SCENARIO...]: groups of sockets that share a port, with programs (tests/bpf/reuseport.bpf.c), and
 * which of them gets what. One line for each thing that happens, the same on the kernel and in an instance.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif
#define N      4
#define NOBODY 100
#define REFUSE 101

static struct bpf_object *obj;
static const char *object_path;

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int map(const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static int prog(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

static void load(void)
{
	if (obj)
		bpf_object__close(obj);
	obj = bpf_object__open_file(object_path, NULL);
	if (!obj || bpf_object__load(obj))
		die("load");
}

/* As laid out in .bss by the compiler: asked of BTF by name would be longer; the object is ours. */
struct seen {
	unsigned len, eth_protocol, ip_protocol, bind_inany, hash;
	unsigned short source, dest;
	unsigned payload, version, relative;
	unsigned sk_family, sk_protocol, sk_port, sk_state, migrating;
	unsigned long long cookie;
	unsigned pid;
};

static struct bpf_map *bss(void)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".bss")) return m;
	die("bss");
	return NULL;
}

/* Where variable @name is in .bss. */
#include <bpf/btf.h>
static unsigned offset_of(const char *name, unsigned *size)
{
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec = btf__type_by_id(
		btf, (unsigned)btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC));
	const struct btf_var_secinfo *v = btf_var_secinfos(sec);

	for (int i = 0; i < btf_vlen(sec); i++) {
		const struct btf_type *t = btf__type_by_id(btf, v[i].type);

		if (!strcmp(btf__name_by_offset(btf, t->name_off), name)) {
			*size = v[i].size;
			return v[i].offset;
		}
	}
	die(name);
	return 0;
}

static void variable(const char *name, void *value, int set)
{
	unsigned size, off = offset_of(name, &size), zero = 0;
	char all[4096];

	if (bpf_map_lookup_elem(bpf_map__fd(bss()), &zero, all))
		die(".bss");
	if (!set) {
		memcpy(value, all + off, size);
		return;
	}
	memcpy(all + off, value, size);
	if (bpf_map_update_elem(bpf_map__fd(bss()), &zero, all, 0))
		die(".bss");
}

static void set_u32(const char *name, unsigned v)
{
	variable(name, &v, 1);
}

static unsigned get_u32(const char *name)
{
	unsigned v;

	variable(name, &v, 0);
	return v;
}

/* ---- sockets ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t size_of(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void make_address(union address *a, int family, const char *text, int port)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = (sa_family_t)family;
	a->in.sin_port = htons((unsigned short)port);
	if (inet_pton(family, text,
		      family == AF_INET ? (void *)&a->in.sin_addr : (void *)&a->in6.sin6_addr) != 1)
		die(text);
}

static int port_of(int fd)
{
	union address a;
	socklen_t len = sizeof(a);

	return getsockname(fd, &a.any, &len) ? -1 : ntohs(a.in.sin_port);
}

static int set_int(int fd, int name, int v)
{
	return setsockopt(fd, SOL_SOCKET, name, &v, sizeof(v)) ? -errno : 0;
}

static int attach(int fd, const char *name)
{
	return set_int(fd, SO_ATTACH_REUSEPORT_EBPF, prog(name));
}

static int open_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set_int(fd, SO_REUSEPORT, 1);
	return fd;
}

static int server(int family, int type, const char *text, int port)
{
	int fd = open_socket(family, type);
	union address a;

	make_address(&a, family, text, port);
	if (bind(fd, &a.any, size_of(family)))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 8))
		die("listen");
	return fd;
}

static int put(const char *name, unsigned key, int fd, unsigned long long flags)
{
	unsigned long long v = (unsigned)fd;

	return bpf_map_update_elem(map(name), &key, &v, flags) ? -errno : 0;
}

static int servers[N];

static void close_all(void)
{
	for (int i = 0; i < N; i++)
		if (servers[i] >= 0)
			close(servers[i]);
}

static int group(int family, int type, const char *text)
{
	int port = 0;

	for (int i = 0; i < N; i++) {
		servers[i] = server(family, type, text, port);
		port = port_of(servers[i]);
		if (put("group", (unsigned)i, servers[i], BPF_NOEXIST))
			die("group");
	}
	return port;
}

/* Who has something; -1: nobody. What is there is taken. */
static int patience = 20000; /* ms */

static int who(int type)
{
	struct pollfd p[N];
	char buf[128];
	int got = -1;

	for (int i = 0; i < N; i++)
		p[i] = (struct pollfd){ .fd = servers[i], .events = POLLIN };
	if (poll(p, N, patience) <= 0)
		return -1;
	for (int i = 0; i < N; i++) {
		int fd;

		if (!(p[i].revents & POLLIN))
			continue;
		if (got >= 0)
			printf("also %d\n", i);
		got = i;
		if (type == SOCK_DGRAM) {
			(void)!recv(servers[i], buf, sizeof(buf), MSG_DONTWAIT);
			continue;
		}
		fd = accept(servers[i], NULL, NULL);
		if (fd >= 0)
			close(fd);
	}
	return got;
}

static const char *said(int err)
{
	static char text[64];

	if (err >= 0)
		return "ok";
	if (err == -524)
		return "ENOTSUPP";
	snprintf(text, sizeof(text), "%s", strerrorname_np(-err));
	return text;
}

/* The same where nothing should come. */
static int who_not(int type)
{
	int got;

	patience = 60;
	got = who(type);
	patience = 20000;
	return got;
}

/* A connection or a datagram to @to. */
static int visit(int family, int type, const char *to, int port)
{
	int fd = socket(family, type, 0), err = 0;
	union address a;

	make_address(&a, family, to, port);
	if (type == SOCK_STREAM)
		err = connect(fd, &a.any, size_of(family)) ? -errno : 0;
	else if (sendto(fd, "x", 1, 0, &a.any, size_of(family)) != 1)
		err = -errno;
	close(fd);
	return err;
}

/* ---- scenarios ---- */

static const struct kind {
	const char *name;
	int family, type;
	const char *bound, *to;
	int from;
} kinds[] = {
	{ "udp4", AF_INET, SOCK_DGRAM, "127.0.0.1", "127.0.0.1", AF_INET },
	{ "udp4 any", AF_INET, SOCK_DGRAM, "0.0.0.0", "127.0.0.1", AF_INET },
	{ "udp6", AF_INET6, SOCK_DGRAM, "::1", "::1", AF_INET6 },
	{ "udp6 any", AF_INET6, SOCK_DGRAM, "::", "::1", AF_INET6 },
	{ "udp4 to udp6", AF_INET6, SOCK_DGRAM, "::", "127.0.0.1", AF_INET },
	{ "udp mapped", AF_INET6, SOCK_DGRAM, "::", "::ffff:127.0.0.1", AF_INET6 },
	{ "tcp4", AF_INET, SOCK_STREAM, "127.0.0.1", "127.0.0.1", AF_INET },
	{ "tcp4 any", AF_INET, SOCK_STREAM, "0.0.0.0", "127.0.0.1", AF_INET },
	{ "tcp6", AF_INET6, SOCK_STREAM, "::1", "::1", AF_INET6 },
	{ "tcp6 any", AF_INET6, SOCK_STREAM, "::", "::1", AF_INET6 },
	{ "tcp4 to tcp6", AF_INET6, SOCK_STREAM, "::", "127.0.0.1", AF_INET },
	{ "tcp mapped", AF_INET6, SOCK_STREAM, "::", "::ffff:127.0.0.1", AF_INET6 },
};

static void each(void (*fn)(const struct kind *k))
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		fn(&kinds[i]);
}

static void select_one(const struct kind *k)
{
	static const int order[] = { 2, 0, 3, 3, 1 };
	struct seen s;
	int port;

	load();
	port = group(k->family, k->type, k->bound);
	printf("%s: attach %s:", k->name, said(attach(servers[1], "choose")));
	for (unsigned i = 0; i < 5; i++) {
		int err;

		set_u32("want", (unsigned)order[i]);
		err = visit(k->from, k->type, k->to, port);
		printf(" %d", err ? err : who(k->type));
	}
	printf(", runs %u\n", get_u32("runs"));
	variable("seen", &s, 0);
	printf("  len %u, eth %x, ip %u, any %u, hash %d, dest %d, source %d, payload %d, version "
	       "%u, relative %d\n",
	       s.len, s.eth_protocol, s.ip_protocol, s.bind_inany, !!s.hash,
	       s.dest == htons((unsigned short)port), !!s.source,
	       k->type == SOCK_DGRAM ? (int)s.payload : -1, s.version, (int)s.relative);
	printf("  sk: family %u, protocol %u, port %d, state %u, migrating %u, cookie %d\n",
	       s.sk_family, s.sk_protocol, s.sk_port == (unsigned)port, s.sk_state, s.migrating,
	       !!s.cookie);
	set_u32("want", NOBODY);
	printf("  nobody chosen: %d,", visit(k->from, k->type, k->to, port));
	printf(" somebody %d\n", who(k->type) >= 0);
	set_u32("want", 7);
	printf("  an empty element: %d,", visit(k->from, k->type, k->to, port));
	printf(" somebody %d,", who(k->type) >= 0);
	printf(" %s\n", said((int)get_u32("result")));
	set_u32("want", REFUSE);
	printf("  refused: %s,", said(visit(k->from, k->type, k->to, port)));
	printf(" somebody %d\n", who_not(k->type) >= 0);
	/* The last one takes the place of the one that goes. */
	close(servers[1]);
	servers[1] = -1;
	printf("  one has gone:");
	for (unsigned i = 0; i < N; i++) {
		if (i == 1)
			continue;
		set_u32("want", i);
		visit(k->from, k->type, k->to, port);
		printf(" %d", who(k->type));
	}
	servers[1] = server(k->family, k->type, k->bound, port);
	printf(", again: %s", said(put("group", 1, servers[1], BPF_NOEXIST)));
	for (unsigned i = 0; i < N; i++) {
		set_u32("want", i);
		visit(k->from, k->type, k->to, port);
		printf(" %d", who(k->type));
	}
	printf("\n  detach: %s", said(set_int(servers[2], SO_DETACH_REUSEPORT_BPF, 0)));
	set_u32("runs", 0);
	visit(k->from, k->type, k->to, port);
	printf(", somebody %d, runs %u", who(k->type) >= 0, get_u32("runs"));
	printf(", again: %s\n", said(set_int(servers[0], SO_DETACH_REUSEPORT_BPF, 0)));
	close_all();
}

static void scenario_select(void)
{
	each(select_one);
}

/* setsockopt()'s errors. */
static void scenario_errors(void)
{
	struct sock_filter ret = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog classic = { 1, &ret };
	int fd, fds[2], v, port;
	char big[8] = { 0 };

	load();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	printf("no SO_REUSEPORT: %s\n", said(attach(fd, "choose")));
	printf("detach: %s\n", said(set_int(fd, SO_DETACH_REUSEPORT_BPF, 0)));
	set_int(fd, SO_REUSEPORT, 1);
	printf("detach, nothing there: %s\n", said(set_int(fd, SO_DETACH_REUSEPORT_BPF, 0)));
	printf("no program: %s\n", said(set_int(fd, SO_ATTACH_REUSEPORT_EBPF, 1000)));
	printf("a map: %s\n", said(set_int(fd, SO_ATTACH_REUSEPORT_EBPF, map("group"))));
	printf("another type: %s\n", said(attach(fd, "other")));
	v = prog("choose");
	memcpy(big, &v, sizeof(v));
	printf("too short: %s\n",
	       said(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, big, 2) ? -errno : 0));
	printf("too long: %s\n",
	       said(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, big, 8) ? -errno : 0));
	printf("nowhere: %s\n",
	       said(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, (void *)1, 4) ? -errno :
											 0));
	printf("not bound: %s\n", said(attach(fd, "choose")));
	printf("another one: %s\n", said(attach(fd, "by_payload")));
	printf("a socket filter: %s\n", said(attach(fd, "number")));
	printf("a classic one: %s\n", said(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
						      &classic, sizeof(classic)) ?
						   -errno :
						   0));
	printf("a classic one, too short: %s\n",
	       said(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &classic, 8) ? -errno :
											0));
	printf("detach: %s\n", said(set_int(fd, SO_DETACH_REUSEPORT_BPF, 0)));
	printf("detach: %s\n", said(set_int(fd, SO_DETACH_REUSEPORT_BPF, 0)));
	set_int(fd, SO_LOCK_FILTER, 1);
	printf("locked: %s\n", said(attach(fd, "choose")));
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	{
		union address a;

		make_address(&a, AF_INET, "127.0.0.1", 0);
		bind(fd, &a.any, sizeof(a.in));
	}
	printf("bound without it: %s\n", said(attach(fd, "choose")));
	set_int(fd, SO_REUSEPORT, 1);
	printf("and then with it: %s\n", said(attach(fd, "choose")));
	close(fd);
	if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds)) {
		printf("a UNIX socket: %d\n", attach(fds[0], "choose") != 0);
		close(fds[0]);
		close(fds[1]);
	}
	printf("no socket: %s\n", said(attach(0, "choose")));
	printf("closed: %s\n", said(attach(999, "choose")));
	fd = open_socket(AF_INET, SOCK_STREAM);
	printf("not listening: %s\n", said(attach(fd, "choose")));
	printf("not listening, in the map: %s\n", said(put("group", 0, fd, 0)));
	close(fd);
	fd = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	port = port_of(fd);
	printf("in the map: %s,", said(put("group", 0, fd, BPF_EXIST)));
	printf(" %s,", said(put("group", 0, fd, BPF_NOEXIST)));
	printf(" %s,", said(put("group", 0, fd, BPF_NOEXIST)));
	printf(" %s,", said(put("group", 1, fd, BPF_ANY)));
	printf(" %s,", said(put("group", 0, fd, BPF_ANY)));
	printf(" %s,", said(put("group", 8, fd, BPF_ANY)));
	printf(" %s\n", said(put("group", 1, fd, 3)));
	(void)port;
	close(fd);
}

/* Before there is a port; the one that founds a group keeps it, the one that joins does not. */
static void scenario_before(void)
{
	union address a;
	int port, fd;

	load();
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		set_u32("runs", 0);
		servers[0] = open_socket(AF_INET, type);
		printf("before: %s", said(attach(servers[0], "choose")));
		make_address(&a, AF_INET, "127.0.0.1", 0);
		bind(servers[0], &a.any, sizeof(a.in));
		if (type == SOCK_STREAM)
			listen(servers[0], 8);
		port = port_of(servers[0]);
		put("group", 0, servers[0], 0);
		for (int i = 1; i < N; i++) {
			servers[i] = server(AF_INET, type, "127.0.0.1", port);
			put("group", (unsigned)i, servers[i], 0);
		}
		for (unsigned i = 0; i < N; i++) {
			set_u32("want", N - 1 - i);
			visit(AF_INET, type, "127.0.0.1", port);
			printf(" %d", who(type));
		}
		printf(", runs %u\n", get_u32("runs"));
		close_all();
		set_u32("runs", 0);
		servers[0] = server(AF_INET, type, "127.0.0.1", 0);
		port = port_of(servers[0]);
		fd = open_socket(AF_INET, type);
		printf("joins: %s", said(attach(fd, "choose")));
		make_address(&a, AF_INET, "127.0.0.1", port);
		printf(", bind: %s", said(bind(fd, &a.any, sizeof(a.in)) ? -errno : 0));
		visit(AF_INET, type, "127.0.0.1", port);
		printf(", runs %u, detach %s\n", get_u32("runs"),
		       said(set_int(fd, SO_DETACH_REUSEPORT_BPF, 0)));
		close(fd);
		close(servers[0]);
	}
}

/* The ways in which a datagram is sent; the first byte says to whom. */
static void scenario_ways(void)
{
	union address a, any;
	int port, fd, one = 1;
	socklen_t len = sizeof(one);

	load();
	port = group(AF_INET, SOCK_DGRAM, "127.0.0.1");
	printf("attach: %s\n", said(attach(servers[0], "by_payload")));
	make_address(&a, AF_INET, "127.0.0.1", port);
	make_address(&any, AF_INET, "0.0.0.0", port);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(fd, "2", 1, 0, &a.any, sizeof(a.in));
	printf("sendto: %d\n", who(SOCK_DGRAM));
	sendto(fd, "1", 1, 0, &any.any, sizeof(any.in));
	printf("to any address: %d\n", who(SOCK_DGRAM));
	{
		struct iovec v[2] = { { "3", 1 }, { "abc", 3 } };
		struct msghdr m = {
			.msg_name = &a, .msg_namelen = sizeof(a.in), .msg_iov = v, .msg_iovlen = 2
		};
		struct mmsghdr mm[3];
		int done = 0;

		sendmsg(fd, &m, 0);
		printf("sendmsg: %d\n", who(SOCK_DGRAM));
		for (int i = 0; i < 3; i++) {
			static char *text[] = { "0", "3", "1" };
			static struct iovec each[3];

			each[i] = (struct iovec){ text[i], 1 };
			mm[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &a,
							       .msg_namelen = sizeof(a.in),
							       .msg_iov = &each[i],
							       .msg_iovlen = 1 } };
		}
		while (done < 3) {
			int n = sendmmsg(fd, mm + done, (unsigned)(3 - done), 0);

			if (n <= 0)
				break;
			done += n;
		}
		for (int i = 0; i < N; i++)
			printf("%ssendmmsg: %d has %d", i ? ", " : "", i,
			       recv(servers[i], &(char[8]){ 0 }, 8, MSG_DONTWAIT) > 0);
		printf("\n");
	}
	connect(fd, &a.any, sizeof(a.in));
	send(fd, "2", 1, 0);
	printf("send: %d\n", who(SOCK_DGRAM));
	(void)!write(fd, "3", 1);
	printf("write: %d\n", who(SOCK_DGRAM));
	{
		struct iovec v[2] = { { "0", 1 }, { "abc", 3 } };

		(void)!writev(fd, v, 2);
		printf("writev: %d\n", who(SOCK_DGRAM));
	}
	printf("nothing in it: %zd,", send(fd, "", 0, 0));
	printf(" %d,", who_not(SOCK_DGRAM));
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, &len);
	printf(" %s\n", said(-one));
	(void)!write(fd, "3", 1);
	printf("then: %d\n", who(SOCK_DGRAM));
	printf("runs %u\n", get_u32("runs"));
	/* Many, in one go. */
	for (int i = 0; i < 40; i++) {
		char c = (char)('0' + i % N);

		sendto(fd, &c, 1, 0, NULL, 0);
	}
	for (int i = 0; i < N; i++) {
		int right = 0, wrong = 0;
		char c;

		while (recv(servers[i], &c, 1, MSG_DONTWAIT) == 1)
			c == '0' + i ? right++ : wrong++;
		printf("%d: %d right, %d wrong\n", i, right, wrong);
	}
	close(fd);
	close_all();
}

/* A socket filter: an index, in the order in which they were bound. */
static void index_of(const struct kind *k)
{
	int port;

	load();
	port = group(k->family, k->type, k->bound);
	printf("%s: %s:", k->name, said(attach(servers[3], "number")));
	for (unsigned i = 0; i < N; i++) {
		set_u32("want", N - 1 - i);
		visit(k->from, k->type, k->to, port);
		printf(" %d", who(k->type));
	}
	printf(", len %u", get_u32("filter_len"));
	set_u32("want", 1000);
	visit(k->from, k->type, k->to, port);
	printf(", none: %d", who(k->type) >= 0);
	close(servers[0]);
	servers[0] = -1;
	for (unsigned i = 0; i < N - 1; i++) {
		set_u32("want", i);
		visit(k->from, k->type, k->to, port);
		printf(" %d", who(k->type));
	}
	printf("\n");
	close_all();
}

static void scenario_index(void)
{
	each(index_of);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* A namespace of its own, where knobs can be turned: data in the SYN; and handshakes with cookies, where the ACK is looked up, too. */
static void scenario_namespace(void)
{
	int port, fd, one = 16;
	struct ifreq lo = { .ifr_name = "lo" };
	union address a;
	struct seen s;

	load();
	if (unshare(CLONE_NEWNET)) /* an ordinary user's */
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			die("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ioctl(fd, SIOCGIFFLAGS, &lo);
	lo.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		die("lo");
	close(fd);
	write_file("/proc/sys/net/ipv4/tcp_fastopen", "7");
	for (int cookies = 0; cookies <= 2; cookies += 2) {
		write_file("/proc/sys/net/ipv4/tcp_syncookies", cookies ? "2" : "0");
		port = group(AF_INET, SOCK_STREAM, "127.0.0.1");
		for (int i = 0; i < N; i++)
			setsockopt(servers[i], IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof(one));
		printf("attach: %s\n", said(attach(servers[0], "choose")));
		make_address(&a, AF_INET, "127.0.0.1", port);
		for (unsigned i = 0; i < N; i++) {
			set_u32("want", i);
			set_u32("runs", 0);
			fd = socket(AF_INET, SOCK_STREAM, 0);
			printf("%zd ", sendto(fd, "hello", 5, MSG_FASTOPEN, &a.any, sizeof(a.in)));
			printf("%d ", who(SOCK_STREAM));
			printf("runs %u\n", get_u32("runs"));
			close(fd);
		}
		variable("seen", &s, 0);
		printf("len %u\n", s.len);
		set_u32("want", REFUSE);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		printf("refused: %s\n",
		       said(sendto(fd, "hello", 5, MSG_FASTOPEN, &a.any, sizeof(a.in)) < 0 ?
				    -errno :
				    0));
		close(fd);
		set_u32("runs", 0);
		set_u32("want", 2);
		visit(AF_INET, SOCK_STREAM, "127.0.0.1", port);
		printf("connect: %d runs %u\n", who(SOCK_STREAM), get_u32("runs"));
		close_all();
	}
}

/* Sockets of SOCKMAPs and SOCKHASHes, and what bpf_sk_select_reuseport() says of others. */
static void scenario_maps(void)
{
	int port, other, six, tcp, unbound;

	load();
	port = group(AF_INET, SOCK_DGRAM, "127.0.0.1");
	printf("attach: %s\n", said(attach(servers[0], "choose")));
	close_all();
	for (unsigned i = 0; i < N; i++) {
		servers[i] = server(AF_INET, SOCK_DGRAM, "127.0.0.1", i ? port : 0);
		port = port_of(servers[i]);
		printf("%s ", said(put(i & 1 ? "sockets" : "hash", i, servers[i], BPF_NOEXIST)));
	}
	printf("attach: %s\n", said(attach(servers[0], "choose")));
	for (unsigned i = 0; i < N; i++) {
		set_u32("from", i & 1 ? 1 : 2);
		set_u32("want", i);
		visit(AF_INET, SOCK_DGRAM, "127.0.0.1", port);
		printf("%d ", who(SOCK_DGRAM));
	}
	printf("\n");
	other = server(AF_INET, SOCK_DGRAM, "127.0.0.1", 0);
	six = server(AF_INET6, SOCK_DGRAM, "::1", 0);
	tcp = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	unbound = socket(AF_INET, SOCK_DGRAM, 0);
	printf("%s ", said(put("sockets", 4, other, 0)));
	printf("%s ", said(put("sockets", 5, six, 0)));
	printf("%s ", said(put("sockets", 6, tcp, 0)));
	printf("%s\n", said(put("sockets", 0, unbound, 0)));
	set_u32("from", 1);
	for (unsigned i = 4; i < 7; i++) {
		set_u32("want", i);
		visit(AF_INET, SOCK_DGRAM, "127.0.0.1", port);
		printf("%s %d, ", said((int)get_u32("result")), who(SOCK_DGRAM) >= 0);
	}
	printf("\n");
	close(other);
	close(six);
	close(tcp);
	close(unbound);
	close_all();
}

/* Three connections wait at server @at; what becomes of them when it goes by @go. */
static void migrate_one(const struct kind *k, const char *how, int at, unsigned want,
			void (*go)(int at))
{
	int port, fd[3], all = 0, kept;
	union address a, mine, seen;
	struct seen s;
	char text[8];

	load();
	port = group(k->family, k->type, k->bound);
	printf("%s, %s: %s", k->name, how, said(attach(servers[1], "choose_migrate")));
	make_address(&a, k->from, k->to, port);
	set_u32("want", (unsigned)at);
	for (int i = 0; i < 3; i++) {
		fd[i] = socket(k->from, SOCK_STREAM, 0);
		if (connect(fd[i], &a.any, size_of(k->from)))
			die("connect");
		(void)!write(fd[i], &"abc"[i], 1);
	}
	set_u32("want", want);
	set_u32("runs", 0);
	go(at);
	variable("seen", &s, 0);
	printf(", runs %u, migrating %u, len %u, eth %x, ip %u, any %u, sk %u %u, %s",
	       get_u32("runs"), s.migrating, s.len, s.eth_protocol, s.ip_protocol, s.bind_inany,
	       s.sk_family, s.sk_state, said((int)get_u32("result")));
	for (int i = 0; i < N; i++) {
		struct pollfd p = { .fd = servers[i], .events = POLLIN };
		int got = 0;

		if (i == at)
			continue;
		while (poll(&p, 1, i == (int)want && got < 3 ? 20000 : 60) == 1 &&
		       p.revents & POLLIN) {
			socklen_t len = sizeof(seen), size = sizeof(mine);
			int c = accept4(servers[i], &seen.any, &len, SOCK_CLOEXEC);

			if (c < 0)
				break;
			all++;
			got++;
			memset(text, 0, sizeof(text));
			(void)!read(c, text, 1);
			if (want < N && (int)want != at)
				printf(", %d has %s", i, text);
			for (int n = 0; n < 3; n++)
				if (text[0] == "abc"[n] && !getsockname(fd[n], &mine.any, &size) &&
				    want < N && (int)want != at)
					printf(" of %s", mine.in.sin_port == seen.in.sin_port ?
								 "it" :
								 "another");
			if (!(fcntl(c, F_GETFD) & FD_CLOEXEC))
				printf(" open");
			(void)!write(c, "!", 1);
			close(c);
		}
	}
	kept = 0;
	for (int i = 0; i < 3; i++) {
		kept += read(fd[i], text, 1) == 1;
		close(fd[i]);
	}
	printf(", %d accepted, %d answered\n", all, kept);
	close_all();
}

static void go_close(int at)
{
	close(servers[at]);
	servers[at] = -1;
}

static void go_shutdown(int at)
{
	shutdown(servers[at], SHUT_RDWR);
}

/* A copy keeps it. */
static void go_half(int at)
{
	int copy = dup(servers[at]);

	close(servers[at]);
	servers[at] = copy;
	printf(", still there: %u", get_u32("runs"));
	go_close(at);
}

/* A child has it, too, and is killed. */
static void go_kill(int at)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	go_close(at);
	printf(", still there: %u", get_u32("runs"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Twice. */
static void go_on(int at)
{
	unsigned want = get_u32("want");

	set_u32("want", want == 3 ? 2 : 3);
	go_close(at);
	set_u32("want", want);
	go_close(want == 3 ? 2 : 3);
}

static void scenario_migrate(void)
{
	for (unsigned i = 6; i < sizeof(kinds) / sizeof(*kinds); i++) {
		migrate_one(&kinds[i], "close", 0, 2, go_close);
		migrate_one(&kinds[i], "shutdown", 3, 1, go_shutdown);
	}
	migrate_one(&kinds[6], "a copy", 1, 3, go_half);
	migrate_one(&kinds[6], "killed", 2, 3, go_kill);
	migrate_one(&kinds[6], "and again", 0, 1, go_on);
	migrate_one(&kinds[6], "itself", 0, 0, go_close);
	migrate_one(&kinds[6], "refused", 0, REFUSE, go_close);
	migrate_one(&kinds[6], "nobody", 0, NOBODY, go_close);
}

/* What calls say, in an order by chance. */
static unsigned chance(unsigned n)
{
	static unsigned long long state = 20260713;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % n;
}

static const char *const ops[] = { "open",  "reuse",  "bind",	  "listen", "put",
				   "put2",  "map",    "del",	  "get",    "attach",
				   "index", "detach", "shutdown", "close" };

static int one_op(unsigned op, int *fd, int *type, int *port, int family)
{
	static const unsigned long long flags[] = { BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST };
	unsigned key = chance(4);
	unsigned long long v, flag = flags[chance(4)];
	union address a;
	int err;

	if (op && *fd < 0)
		return 1;
	switch (op) {
	case 0:
		if (*fd >= 0)
			return 1;
		*type = chance(2) ? SOCK_STREAM : SOCK_DGRAM;
		*fd = socket(family, *type, 0);
		if (chance(5))
			set_int(*fd, SO_REUSEPORT, 1);
		return 0;
	case 1:
		return port_of(*fd) ? 1 : set_int(*fd, SO_REUSEPORT, chance(4) != 0);
	case 2:
		make_address(&a, family, family == AF_INET ? "127.0.0.1" : "::1", port[*type]);
		err = bind(*fd, &a.any, size_of(family)) ? -errno : 0;
		if (!err && !port[*type])
			port[*type] = port_of(*fd);
		return err;
	case 3:
		return listen(*fd, 4) ? -errno : 0;
	case 4:
		return put("group", key, *fd, flag);
	case 5:
		return put("group2", key, *fd, flag);
	case 6:
		return put("sockets", key, *fd, flag);
	case 7:
		return bpf_map_delete_elem(map(chance(3) ? "group" : "group2"), &key) ? -errno : 0;
	case 8:
		return bpf_map_lookup_elem(map(chance(3) ? "group" : "group2"), &key, &v) ? -errno :
											    0;
	case 9:
		return attach(*fd, chance(2) ? "choose" : "by_payload");
	case 10:
		return attach(*fd, "number");
	case 11:
		return set_int(*fd, SO_DETACH_REUSEPORT_BPF, 0);
	case 12:
		return shutdown(*fd, SHUT_RDWR) ? -errno : 0;
	default:
		close(*fd);
		*fd = -1;
		return 0;
	}
}

static void scenario_random(void)
{
	static const unsigned char common[] = { 0, 0, 0, 1, 2, 2, 2, 2, 3, 3,  3,  4,  4, 4,
						4, 5, 6, 6, 7, 8, 8, 9, 9, 10, 11, 12, 13 };

	load();
	for (int round = 0; round < 12; round++) {
		int fd[6], type[6], port[8] = { 0 }, family = round & 1 ? AF_INET6 : AF_INET;

		memset(fd, 0xff, sizeof(fd));
		printf("round %d:", round);
		for (int i = 0; i < 150; i++) {
			unsigned n = chance(6), op = common[chance(sizeof(common))];
			int ret = one_op(op, &fd[n], &type[n], port, family);

			if (ret <= 0)
				printf("%s%u.%s %s", i % 8 ? ", " : "\n  ", n, ops[op], said(ret));
		}
		printf("\n");
		for (int i = 0; i < 6; i++)
			if (fd[i] >= 0)
				close(fd[i]);
	}
}

/* Sockets of several processes, and one that another has, too. */
static void scenario_processes(void)
{
	int go[2], ready[2], port;
	pid_t pid;
	char c;

	load();
	if (pipe(go) || pipe(ready))
		die("pipe");
	servers[0] = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	port = port_of(servers[0]);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		servers[1] = server(AF_INET, SOCK_STREAM, "127.0.0.1", port);
		put("group", 1, servers[1], 0);
		(void)!write(ready[1], "x", 1);
		(void)!read(go[0], &c, 1);
		close(servers[1]);
		(void)!write(ready[1], "x", 1);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	(void)!read(ready[0], &c, 1);
	servers[1] = -1;
	servers[2] = server(AF_INET, SOCK_STREAM, "127.0.0.1", port);
	servers[3] = server(AF_INET, SOCK_STREAM, "127.0.0.1", port);
	put("group", 0, servers[0], 0);
	put("group", 2, servers[2], 0);
	put("group", 3, servers[3], 0);
	printf("attach: %s\n", said(attach(servers[3], "choose")));
	for (unsigned i = 0; i < N; i++) {
		set_u32("want", i);
		visit(AF_INET, SOCK_STREAM, "127.0.0.1", port);
		printf("%d ", i == 1 ? -1 : who(SOCK_STREAM));
	}
	(void)!write(go[1], "x", 1);
	(void)!read(ready[0], &c, 1);
	printf("without it:");
	for (unsigned i = 0; i < N; i++) {
		if (i == 1)
			continue;
		set_u32("want", i);
		visit(AF_INET, SOCK_STREAM, "127.0.0.1", port);
		printf(" %d", who(SOCK_STREAM));
	}
	printf("\n");
	(void)!write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	close(go[0]);
	close(go[1]);
	close(ready[0]);
	close(ready[1]);
	close_all();
}

/*
 * Visits over a wire: @command, given family, type, address and port, makes one. The answer of what was refused comes
 * back over it.
 */
static void wire(const char *four, const char *six, const char *command)
{
	const struct kind k[] = {
		{ "udp4", AF_INET, SOCK_DGRAM, "0.0.0.0", four, AF_INET },
		{ "udp6", AF_INET6, SOCK_DGRAM, "::", six, AF_INET6 },
		{ "udp4 to udp6", AF_INET6, SOCK_DGRAM, "::", four, AF_INET },
		{ "tcp4", AF_INET, SOCK_STREAM, four, four, AF_INET },
		{ "tcp6", AF_INET6, SOCK_STREAM, six, six, AF_INET6 },
		{ "tcp4 to tcp6", AF_INET6, SOCK_STREAM, "::", four, AF_INET },
	};
	static const unsigned order[] = { 2, 0, 3, 1, NOBODY, REFUSE };
	char line[512];

	for (unsigned i = 0; i < sizeof(k) / sizeof(*k); i++) {
		struct seen s;
		int port;

		load();
		port = group(k[i].family, k[i].type, k[i].bound);
		printf("%s: attach %s\n", k[i].name, said(attach(servers[1], "choose")));
		for (unsigned n = 0; n < sizeof(order) / sizeof(*order); n++) {
			set_u32("want", order[n]);
			snprintf(line, sizeof(line), "%s visit %d %d %s %d", command, k[i].from,
				 k[i].type, k[i].to, port);
			fflush(stdout);
			if (system(line))
				printf("system: %s\n", line);
			int got = order[n] == REFUSE ? who_not(k[i].type) : who(k[i].type);

			printf("  %u: %d\n", order[n], order[n] == NOBODY ? got >= 0 : got);
		}
		variable("seen", &s, 0);
		printf("  len %u, eth %x, ip %u, any %u, hash %d, dest %d, source %d, payload %d, "
		       "version %u, relative %d, runs %u\n",
		       s.len, s.eth_protocol, s.ip_protocol, s.bind_inany, !!s.hash,
		       s.dest == htons((unsigned short)port), !!s.source,
		       k[i].type == SOCK_DGRAM ? (int)s.payload : -1, s.version, (int)s.relative,
		       get_u32("runs"));
		close_all();
	}
	/* A socket filter: an index. */
	load();
	snprintf(line, sizeof(line), "%s visit %d %d %s %d", command, AF_INET, SOCK_DGRAM, four,
		 group(AF_INET, SOCK_DGRAM, "0.0.0.0"));
	printf("index: %s:", said(attach(servers[0], "number")));
	for (unsigned i = 0; i < N; i++) {
		set_u32("want", N - 1 - i);
		fflush(stdout);
		(void)!system(line);
		printf("  %d\n", who(SOCK_DGRAM));
	}
	close_all();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} scenarios[] = {
		{ "errors", scenario_errors },	     { "select", scenario_select },
		{ "before", scenario_before },	     { "ways", scenario_ways },
		{ "index", scenario_index },	     { "maps", scenario_maps },
		{ "processes", scenario_processes }, { "random", scenario_random },
		{ "migrate", scenario_migrate },     { "namespace", scenario_namespace },
	};

	if (argc < 2)
		return 2;
	object_path = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(NULL);
	if (argc == 7 && !strcmp(argv[2], "visit")) {
		printf("  %s\n", said(visit(atoi(argv[3]), atoi(argv[4]), argv[5], atoi(argv[6]))));
		return 0;
	}
	if (argc == 6 && !strcmp(argv[2], "wire")) {
		wire(argv[3], argv[4], argv[5]);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		int chosen = argc == 2;

		for (int k = 2; k < argc; k++)
			chosen |= !strcmp(argv[k], scenarios[i].name);
		if (!chosen)
			continue;
		printf("# %s\n", scenarios[i].name);
		scenarios[i].run();
	}
	return 0;
}
