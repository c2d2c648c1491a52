/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * sock_destroy OBJECT: an iterator destroys a connection (tests/bpf/sock_destroy.bpf.c); what its two ends see, one
 * line for each. With which error the owner learns of it needs CAP_NET_ADMIN to be Linux's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void try(const char *who, int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	printf("%s: %s\n", who, n < 0 ? strerror(errno) : n ? "a byte" : "the end");
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct bpf_object *obj = bpf_object__open_file(argc > 1 ? argv[1] : "", NULL);
	int l = socket(AF_INET, SOCK_STREAM, 0), c, s, other, it;
	struct bpf_link *link;
	socklen_t len = sizeof(a);
	struct bpf_map *m;
	unsigned short port[64] = { 0 };
	unsigned key;
	char buf[64];

	if (!obj || bpf_object__load(obj) || bind(l, (struct sockaddr *)&a, len) || listen(l, 4) ||
	    getsockname(l, (struct sockaddr *)&a, &len))
		return 1;
	c = socket(AF_INET, SOCK_STREAM, 0);
	other = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c, (struct sockaddr *)&a, len) || connect(other, (struct sockaddr *)&a, len))
		return 1;
	s = accept(l, NULL, NULL);
	getsockname(c, (struct sockaddr *)&a, &len);
	key = 0;
	port[0] = ntohs(a.sin_port); /* the first of the global variables */
	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".bss"))
		bpf_map_update_elem(bpf_map__fd(m), &key, port, 0);
	link = bpf_program__attach_iter(bpf_object__find_program_by_name(obj, "tcp"), NULL);
	it = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (it < 0)
		return 1;
	while (read(it, buf, sizeof(buf)) > 0)
		;
	try("peer", s);
	try("own", c);
	try("own again", c);
	try("another", other);
	return 0;
}
