/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program with a socket filter on a packet socket; knows nothing of skep.
 *   observe OBJECT PROG IFACE SECONDS     prints what it reads: length and the first bytes
 * then takes the filter off. "udp" or "tcp" as IFACE: such a socket, which is not for observing.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct bpf_object *o = argc > 4 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	unsigned char data[2048];
	struct timespec t;
	double end;
	int fd, prog;

	if (!o || bpf_object__load(o))
		return fail("object");
	prog = bpf_program__fd(bpf_object__find_program_by_name(o, argv[2]));
	if (!strcmp(argv[3], "udp") || !strcmp(argv[3], "tcp")) {
		fd = socket(AF_INET, *argv[3] == 'u' ? SOCK_DGRAM : SOCK_STREAM, 0);
	} else {
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
		at.sll_ifindex = (int)if_nametoindex(argv[3]);
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
			return fail("bind");
	}
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)))
		return fail("SO_ATTACH_BPF");
	if (!(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return fail("flags");
	printf("ready\n");
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &t);
	end = (double)t.tv_sec + (double)t.tv_nsec / 1e9 + atof(argv[4]);
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, 50) == 1 && (n = read(fd, data, sizeof(data))) >= 18) {
			printf("%zd ", n);
			for (int i = 12; i < 18; i++)
				printf("%02x", data[i]);
			printf("\n");
			fflush(stdout);
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while ((double)t.tv_sec + (double)t.tv_nsec / 1e9 < end);
	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &prog, sizeof(prog)))
		return fail("SO_DETACH_BPF");
	printf("again: %s\n", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &prog, sizeof(prog)) ?
				      strerror(errno) :
				      "detached");
	return 0;
}
