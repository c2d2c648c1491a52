/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Iterators over sockets, and over maps of them (tests/bpf/iter_socks.bpf.c), beside the running kernel. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/beside.h"

static struct beside sides[2];
static u32 nr;

static int map_of(int side, const char *name)
{
	return bpf_object__find_map_fd_by_name(sides[side].obj, name);
}

/* The iterators show the socket, as @name. */
static void show(int fd, u32 name)
{
	struct stat st;
	u64 ino;

	assert_int_equal(fstat(fd, &st), 0);
	ino = st.st_ino;
	for (u32 i = 0; i < nr; i++) {
		skep_front_use(sides[i].sys);
		assert_int_equal(bpf_map_update_elem(map_of((int)i, "shown"), &ino, &name, 0), 0);
	}
}

static int text_of(u32 side, const char *prog, const char *map, char *buf, size_t size)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = { 0 };
	struct bpf_link *link;
	int fd, n = 0, got;

	skep_front_use(sides[side].sys);
	memset(buf, 0, size);
	if (map) {
		info.map.map_fd = (u32)map_of((int)side, map);
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	link = bpf_program__attach_iter(bpf_object__find_program_by_name(sides[side].obj, prog),
					&opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	got = fd < 0 ? -errno : 0;
	while (fd >= 0 && (got = (int)read(fd, buf + n, size - 1 - (size_t)n)) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return got < 0 ? got : n;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in an order of their own: whose tables have which is the kernel's. */
static void sort(char *text)
{
	static char out[65536];
	char *lines[4096], *save;
	size_t n = 0;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		lines[n++] = l;
	qsort(lines, n, sizeof(*lines), compare);
	*out = 0;
	for (size_t i = 0; i < n; i++)
		strcat(strcat(out, lines[i]), "\n");
	strcpy(text, out);
}

/* Both say the same, and it contains @want. */
static void same(const char *prog, const char *map, bool sorted, const char *want)
{
	static char text[2][65536];
	int n[2];

	for (u32 i = 0; i < nr; i++) {
		n[i] = text_of(i, prog, map, text[i], sizeof(text[i]));
		if (sorted)
			sort(text[i]);
	}
	if (n[0] < 0 || !strstr(text[0], want))
		print_error("%s: %d\n%s\nwithout: %s\n", prog, n[0], text[0], want);
	assert_true(n[0] >= 0);
	assert_non_null(strstr(text[0], want));
	if (nr < 2)
		return;
	if (strcmp(text[0], text[1]))
		print_error("%s: ours %d:\n%s\nthe kernel's %d:\n%s\n", prog, n[0], text[0], n[1],
			    text[1]);
	assert_string_equal(text[0], text[1]);
}

static int bound(int family, int type, u16 *port)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	socklen_t size = family == AF_INET ? sizeof(*in) : sizeof(*in6);

	if (family == AF_INET)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		in6->sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, size)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&ss, &size);
	*port = ntohs(in->sin_port);
	return fd;
}

static void test_tcp(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int server, client, accepted, waiting, unbound;
	char want[128];
	u16 port;

	server = bound(AF_INET, SOCK_STREAM, &port);
	assert_true(server >= 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	assert_int_equal(listen(server, 5), 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	accepted = accept(server, NULL, NULL);
	waiting = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(waiting, (struct sockaddr *)&to, sizeof(to)), 0);
	unbound = socket(AF_INET, SOCK_STREAM, 0);
	show(server, 1);
	show(client, 2);
	show(accepted, 3);
	show(waiting, 4);
	show(unbound, 5);
	snprintf(want, sizeof(want), "1: 2 0100007f:%u 00000000:0 10 %u 1 1\n", port, geteuid());
	same("each_tcp", NULL, true, want);
	close(server);
	close(client);
	close(accepted);
	close(waiting);
	close(unbound);
}

static void test_udp(void **state)
{
	u16 port, port6 = 0;
	int fd = bound(AF_INET, SOCK_DGRAM, &port), fd6 = bound(AF_INET6, SOCK_DGRAM, &port6);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	char want[64];

	assert_true(fd >= 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	show(fd, 6);
	if (fd6 >= 0)
		show(fd6, 7);
	snprintf(want, sizeof(want), "6: 2 0100007f:%u %u ", port, geteuid());
	same("each_udp", NULL, true, want);
	close(fd);
	close(fd6);
}

static void test_unix(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX }, hidden = { .sun_family = AF_UNIX };
	int pair[2], named = socket(AF_UNIX, SOCK_STREAM, 0),
		     abstract = socket(AF_UNIX, SOCK_DGRAM, 0);
	char want[64];

	snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/iter_socks_%d", getpid());
	snprintf(hidden.sun_path + 1, sizeof(hidden.sun_path) - 1, "%d", getpid());
	unlink(name.sun_path);
	assert_int_equal(bind(named, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(named, 3), 0);
	assert_int_equal(bind(abstract, (struct sockaddr *)&hidden,
			      (socklen_t)(3 + strlen(hidden.sun_path + 1))),
			 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	show(named, 8);
	show(abstract, 9);
	show(pair[0], 10);
	show(pair[1], 11);
	snprintf(want, sizeof(want), "\"%s\"", name.sun_path);
	same("each_unix", NULL, true, want);
	unlink(name.sun_path);
	close(named);
	close(abstract);
	close(pair[0]);
	close(pair[1]);
}

static void test_netlink(void **state)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_groups = 0x11 };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	show(fd, 12);
	same("each_netlink", NULL, true, " 11 0 2\n");
	close(fd);
}

static int elements(u32 side, const char *map)
{
	u32 key, next, n = 0;

	skep_front_use(sides[side].sys);
	for (int err = bpf_map_get_next_key(map_of((int)side, map), NULL, &next); !err;
	     err = bpf_map_get_next_key(map_of((int)side, map), &key, &next)) {
		u64 cookie;

		n += !bpf_map_lookup_elem(map_of((int)side, map), &next, &cookie);
		key = next;
	}
	return (int)n;
}

static void test_sockmap(void **state)
{
	u16 port;
	int fd[3], maps[2][2];
	u32 key, v;

	for (int i = 0; i < 3; i++) {
		fd[i] = bound(AF_INET, SOCK_DGRAM, &port);
		assert_true(fd[i] >= 0);
		show(fd[i], 20 + (u32)i);
	}
	for (u32 s = 0; s < nr; s++) {
		skep_front_use(sides[s].sys);
		for (int i = 0; i < 3; i++) {
			u64 value = (u64)fd[i];

			key = 2 * (u32)i;
			maps[s][0] = map_of((int)s, "socks");
			maps[s][1] = map_of((int)s, "hash");
			/* A socket is in one map of the kernel's only; ours are another system. */
			if (s == 0)
				assert_int_equal(bpf_map_update_elem(maps[s][0], &key, &value, 0),
						 0);
			else if (bpf_map_update_elem(maps[s][0], &key, &value, 0))
				skip();
			assert_int_equal(bpf_map_update_elem(maps[s][1], &key, &value, 0), 0);
		}
	}
	same("each_element", "socks", false,
	     "0 = 20\n1 = 0\n2 = 21\n3 = 0\n4 = 22\n5 = 0\nend 6 0\n");
	for (u32 s = 0; s < nr; s++)
		assert_int_equal(elements(s, "copies"), 3);
	same("each_element", "hash", true, "0 = 20\n2 = 21\n4 = 22\nend 6 0\n");
	/* What a program put into a map goes with its socket, too. */
	close(fd[1]);
	for (u32 s = 0; s < nr; s++)
		assert_int_equal(elements(s, "copies"), 2);
	for (u32 s = 0; s < nr; s++) {
		skep_front_use(sides[s].sys);
		v = 7;
		key = (u32)fd[0];
		assert_int_equal(bpf_map_update_elem(map_of((int)s, "storage"), &key, &v, 0), 0);
		v = 9;
		key = (u32)fd[2];
		assert_int_equal(bpf_map_update_elem(map_of((int)s, "storage"), &key, &v, 0), 0);
	}
	same("each_value", "storage", true,
	     "0 107 1107\n0 109 1109\n20 = 7\n22 = 9\nend\n{5,7,}\n");
	same("each_value", "storage", true,
	     "1 1107 2107 0 -2\n1 1109 2109 0 -2\n20 = 107\n22 = 109\nend\n{5,7,}\n");
	close(fd[0]);
	close(fd[2]);
}

/* The functions of skep list, where programs can be attached; kallsyms says the same. */
static void test_ksym(void **state)
{
	static char text[1 << 20];
	char *line, symbol[64];
	FILE *f;

	assert_true(text_of(0, "each_symbol", NULL, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, " T tcp_v4_connect\n"));
	line = strtok(text, "\n");
	skep_front_use(sides[0].sys);
	f = fopen("/proc/kallsyms", "re");
	assert_non_null(f);
	for (int i = 0; line && i < 20; i++, line = strtok(NULL, "\n")) {
		assert_int_equal(sscanf(line, "%*x %*c %63s", symbol), 1);
		assert_true(*symbol);
	}
	fclose(f);
}

/* Those of this namespace, as /proc has them. */
static void test_routes(void **state)
{
	char line[256] = "";
	FILE *f = fopen("/proc/self/net/ipv6_route", "r");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	if (!line[0])
		skip();		   /* no routes, or no IPv6 */
	line[32 + 4 + 32 + 4] = 0; /* behind it are counters, which change */
	same("each_route", NULL, true, line);
}

/* Slab caches, as the kernel's iterator has them; but /proc/slabinfo has no aliases, and is root's. */
static void test_caches(void **state)
{
	static char text[65536], proc[65536];
	char path[512], line[256], name[64];
	const char *out = getenv("O");
	struct bpf_object *obj, *before = sides[0].obj;
	u32 active, all, size, per_slab, lines = 0;
	FILE *f;

	f = fopen("/proc/slabinfo", "r");
	if (!f || libbpf_find_vmlinux_btf_id("kmem_cache", BPF_TRACE_ITER) < 0) {
		if (f)
			fclose(f);
		skip();
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %u %u %u %u", name, &active, &all, &size, &per_slab) == 5) {
			sprintf(proc + strlen(proc), "%s %u %u\n", name, size, per_slab);
			lines++;
		}
	fclose(f);
	assert_true(lines > 0);
	skep_front_use(sides[0].sys);
	snprintf(path, sizeof(path), "%s/bpf/iter_socks.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	bpf_program__set_autoload(bpf_object__find_program_by_name(obj, "each_cache"), true);
	assert_int_equal(bpf_object__load(obj), 0);
	sides[0].obj = obj;
	assert_true(text_of(0, "each_cache", NULL, text, sizeof(text)) > 0);
	sides[0].obj = before;
	bpf_object__close(obj);
	assert_string_equal(text, proc);
}

static void test_refused(void **state)
{
	char text[64];

	for (u32 i = 0; i < nr; i++) {
		assert_int_equal(text_of(i, "each_element", NULL, text, sizeof(text)), -EBADF);
		assert_int_equal(text_of(i, "each_element", "shown", text, sizeof(text)), -EINVAL);
		assert_int_equal(text_of(i, "each_value", "socks", text, sizeof(text)), -EINVAL);
		assert_int_equal(text_of(i, "each_value", NULL, text, sizeof(text)), -EBADF);
	}
}

static int setup(void **state)
{
	nr = beside_open_both(sides, "iter_socks");
	if (nr < 2)
		print_message("# the kernel is not asked\n");
	return nr ? 0 : -1;
}

static int teardown(void **state)
{
	beside_close_both(sides);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),	cmocka_unit_test(test_udp),
		cmocka_unit_test(test_unix),	cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_sockmap), cmocka_unit_test(test_ksym),
		cmocka_unit_test(test_routes),	cmocka_unit_test(test_caches),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
