/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * sock_clone OBJECT: what sockets that are accepted have in storages (tests/bpf/sock_clone.bpf.c), one line for each;
 * the same on the kernel and in an instance.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int cloned, own;

static void set(int map, int fd, unsigned long long v)
{
	if (bpf_map_update_elem(map, &fd, &v, 0))
		perror("set");
}

static void show(const char *what, int fd)
{
	unsigned long long a = 0, b = 0;
	int no_a = bpf_map_lookup_elem(cloned, &fd, &a), no_b = bpf_map_lookup_elem(own, &fd, &b);

	printf("%s: cloned %d %llu own %d %llu\n", what, no_a, a, no_b, b);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct bpf_object *obj = bpf_object__open_file(argc > 1 ? argv[1] : "", NULL);
	int l = socket(AF_INET, SOCK_STREAM, 0), c[2], s[2];
	socklen_t len = sizeof(a);

	if (!obj || bpf_object__load(obj) || bind(l, (struct sockaddr *)&a, len) || listen(l, 4) ||
	    getsockname(l, (struct sockaddr *)&a, &len))
		return 1;
	cloned = bpf_object__find_map_fd_by_name(obj, "cloned");
	own = bpf_object__find_map_fd_by_name(obj, "own");
	set(cloned, l, 7);
	set(own, l, 8);
	for (int i = 0; i < 2; i++) {
		c[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(c[i], (struct sockaddr *)&a, len))
			return 1;
		s[i] = i ? accept4(l, NULL, NULL, SOCK_CLOEXEC) : accept(l, NULL, NULL);
		show("accepted", s[i]);
		show("who connects", c[i]);
		set(cloned, l, 9);
	}
	set(cloned, s[0], 1);
	show("changed", s[0]);
	show("the other", s[1]);
	show("listening", l);
	return 0;
}
