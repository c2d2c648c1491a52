/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Shows each second how many HTTP requests an interface has seen, by method:
 *
 *   http [-n SECONDS] INTERFACE http_count.bpf.o
 *
 * A packet socket with an eBPF filter (SO_ATTACH_BPF), on the kernel as root, or as anybody in
 * `skep exec --net`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS" };
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static volatile sig_atomic_t ended;

static void end(int sig)
{
	ended = 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "http: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int seconds = -1, option, sock, prog, map;
	struct bpf_object *obj;
	__u64 count;

	while ((option = getopt(argc, argv, "n:")) > 0)
		if (option == 'n')
			seconds = atoi(optarg);
		else
			return 2;
	if (argc - optind != 2) {
		fprintf(stderr, "usage: http [-n SECONDS] INTERFACE OBJECT\n");
		return 2;
	}
	at.sll_ifindex = (int)if_nametoindex(argv[optind]);
	if (!at.sll_ifindex)
		return fail(argv[optind]);
	obj = bpf_object__open_file(argv[optind + 1], NULL);
	if (!obj || bpf_object__load(obj))
		return fail(argv[optind + 1]);
	prog = bpf_program__fd(bpf_object__next_program(obj, NULL));
	map = bpf_object__find_map_fd_by_name(obj, "requests");
	sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&at, sizeof(at)))
		return fail("a packet socket");
	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)))
		return fail("SO_ATTACH_BPF");
	signal(SIGINT, end);
	signal(SIGTERM, end);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("listening on %s\n", argv[optind]);
	for (; seconds && !ended; seconds--) {
		sleep(1);
		for (__u32 i = 0; i < METHODS; i++)
			if (!bpf_map_lookup_elem(map, &i, &count) && count)
				printf("%s %llu  ", methods[i], count);
		printf("\n");
	}
	close(sock);
	bpf_object__close(obj);
	return 0;
}
