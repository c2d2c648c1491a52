/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Shows each second how much arrives at an interface, and drops what goes to some ports:
 *
 *   rate [-n SECONDS] [-g] INTERFACE xdp_rate.bpf.o [PORT…]      -g: generic mode
 *
 * A program of libbpf's like any other. It runs on the kernel as root, and as anybody in
 * `skep exec --net`. Its link ends with it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct count {
	__u64 packets, bytes, dropped;
};

static volatile sig_atomic_t ended;

static void end(int sig)
{
	ended = 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "rate: %s: %s\n", what, strerror(errno));
	return 1;
}

static int sum(int map, int cpus, struct count *v, struct count *all)
{
	__u32 zero = 0;

	memset(all, 0, sizeof(*all));
	if (bpf_map_lookup_elem(map, &zero, v))
		return -1;
	for (int i = 0; i < cpus; i++) {
		all->packets += v[i].packets;
		all->bytes += v[i].bytes;
		all->dropped += v[i].dropped;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int seconds = -1, option, cpus = libbpf_num_possible_cpus(), ifindex, link;
	struct count before = { 0 }, now, *each = calloc((size_t)cpus, sizeof(*each));
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	struct bpf_object *obj;
	int counts, blocked;

	while ((option = getopt(argc, argv, "gn:")) > 0)
		if (option == 'n')
			seconds = atoi(optarg);
		else if (option == 'g')
			opts.flags = XDP_FLAGS_SKB_MODE;
		else
			return 2;
	if (argc - optind < 2 || !each) {
		fprintf(stderr, "usage: rate [-n SECONDS] [-g] INTERFACE OBJECT [PORT…]\n");
		return 2;
	}
	ifindex = (int)if_nametoindex(argv[optind]);
	if (!ifindex)
		return fail(argv[optind]);
	obj = bpf_object__open_file(argv[optind + 1], NULL);
	if (!obj || bpf_object__load(obj))
		return fail(argv[optind + 1]);
	counts = bpf_object__find_map_fd_by_name(obj, "counts");
	blocked = bpf_object__find_map_fd_by_name(obj, "blocked");
	for (char **p = &argv[optind + 2]; *p; p++) {
		__u16 port = (__u16)atoi(*p), key = (__u16)(port << 8 | port >> 8);
		__u64 none = 0;

		if (bpf_map_update_elem(blocked, &key, &none, BPF_ANY))
			return fail(*p);
	}
	link = bpf_link_create(bpf_program__fd(bpf_object__next_program(obj, NULL)), ifindex,
			       BPF_XDP, &opts);
	if (link < 0)
		return fail("it cannot be attached");
	signal(SIGINT, end);
	signal(SIGTERM, end);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; seconds && !ended; seconds--) {
		sleep(1);
		if (sum(counts, cpus, each, &now))
			return fail("counts");
		printf("%s: %llu packets/s, %.1f kB/s, %llu dropped\n", argv[optind],
		       now.packets - before.packets, (double)(now.bytes - before.bytes) / 1000,
		       now.dropped - before.dropped);
		before = now;
	}
	printf("%llu packets, %llu dropped in all\n", before.packets, before.dropped);
	close(link);
	bpf_object__close(obj);
	free(each);
	return 0;
}
