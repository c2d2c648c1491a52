/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Replay of a capture through a parser: skep's whole path (skep_pcap_run) against
 * the same C compiled natively, called in a loop over the packets in memory.
 * Rounds alternate; medians and minima of the ratios are printed.
 *   bench/pcap CAPTURE PARSER.bpf.o NATIVE.so…
 */
#include <dlfcn.h>
#include <errno.h>
/* its classic BPF has a struct bpf_insn, too */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skep/skep.h"

#define ROUNDS		  31
#define PACKETS_PER_ROUND 2000000
#define NATIVES_MAX	  4

struct native_ctx {
	void *data, *end;
};

static struct {
	unsigned char *bytes;
	size_t size, room;
	struct {
		size_t off;
		unsigned len;
	} * packet;
	size_t n;
} capture;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void load_capture(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline(path, error);
	struct pcap_pkthdr *h;
	const u_char *data;

	if (!in) {
		fprintf(stderr, "bench/pcap: %s\n", error);
		exit(1);
	}
	while (pcap_next_ex(in, &h, &data) == 1) {
		capture.packet = realloc(capture.packet, (capture.n + 1) * sizeof(*capture.packet));
		if (capture.size + h->caplen > capture.room) {
			capture.room = (capture.room + h->caplen) * 2;
			capture.bytes = realloc(capture.bytes, capture.room);
		}
		memcpy(capture.bytes + capture.size, data, h->caplen);
		capture.packet[capture.n].off = capture.size;
		capture.packet[capture.n++].len = h->caplen;
		capture.size += h->caplen;
	}
	pcap_close(in);
}

/* Seconds for @rounds through the capture; *dropped: packets dropped in one. */
static double run_native(int (*parser)(struct native_ctx *), unsigned rounds, size_t *dropped)
{
	struct native_ctx ctx;
	size_t counts[8] = { 0 };
	double start = now();

	for (unsigned r = 0; r < rounds; r++)
		for (size_t i = 0; i < capture.n; i++) {
			ctx.data = capture.bytes + capture.packet[i].off;
			ctx.end = (char *)ctx.data + capture.packet[i].len;
			counts[parser(&ctx) & 7]++;
		}
	*dropped = counts[1] / rounds;
	return now() - start;
}

static double run_skep(struct skep_pcap *pcap, unsigned rounds, size_t *dropped)
{
	struct skep_pcap_run_opts o = { .sz = sizeof(o), .repeat = rounds };
	struct skep_pcap_stats s = { .sz = sizeof(s) };
	char error[256];

	if (skep_pcap_run(pcap, &o, &s, error, sizeof(error))) {
		fprintf(stderr, "bench/pcap: %s\n", error);
		exit(1);
	}
	*dropped = s.dropped / rounds;
	return (double)s.ns / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	int (*native[NATIVES_MAX])(struct native_ctx *) = { 0 };
	double ns[NATIVES_MAX + 1][ROUNDS], ratio[NATIVES_MAX][ROUNDS];
	size_t dropped[NATIVES_MAX + 1];
	struct skep_system *sys;
	struct skep_pcap *pcap;
	struct bpf_object *obj;
	char error[256];
	unsigned rounds;
	int n = argc - 3, link;

	if (n < 1 || n > NATIVES_MAX) {
		fprintf(stderr, "usage: bench/pcap CAPTURE PARSER.bpf.o NATIVE.so…\n");
		return 2;
	}
	load_capture(argv[1]);
	rounds = (unsigned)(PACKETS_PER_ROUND / capture.n + 1);
	sys = skep_system_new(NULL);
	skep_front_use(sys);
	obj = bpf_object__open_file(argv[2], NULL);
	if (!sys || !obj || bpf_object__load(obj) ||
	    skep_pcap_open(sys, argv[1], &pcap, error, sizeof(error))) {
		fprintf(stderr, "bench/pcap: cannot load %s on %s\n", argv[2], argv[1]);
		return 1;
	}
	link = bpf_link_create(bpf_program__fd(bpf_object__next_program(obj, NULL)),
			       (int)skep_pcap_ifindex(pcap), BPF_XDP, NULL);
	if (link < 0) {
		fprintf(stderr, "bench/pcap: cannot attach: %s\n", strerror(errno));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		void *so = dlopen(argv[3 + i], RTLD_NOW);

		native[i] = so ? (int (*)(struct native_ctx *))dlsym(so, "parser") : NULL;
		if (!native[i]) {
			fprintf(stderr, "bench/pcap: %s\n", dlerror());
			return 1;
		}
	}
	for (int r = 0; r < ROUNDS; r++) {
		ns[n][r] = run_skep(pcap, rounds, &dropped[n]) * 1e9 / rounds / (double)capture.n;
		for (int i = 0; i < n; i++) {
			ns[i][r] = run_native(native[i], rounds, &dropped[i]) * 1e9 / rounds /
				   (double)capture.n;
			ratio[i][r] = ns[n][r] / ns[i][r];
			if (dropped[i] != dropped[n]) {
				fprintf(stderr, "bench/pcap: results differ: %zu and %zu dropped\n",
					dropped[n], dropped[i]);
				return 1;
			}
		}
	}
	qsort(ns[n], ROUNDS, sizeof(double), compare);
	printf("pcap replay, %zu packets, ns per packet (median, minimum of %d rounds)\n",
	       capture.n, ROUNDS);
	printf("%-44s %7.2f %7.2f\n", "skep", ns[n][ROUNDS / 2], ns[n][0]);
	for (int i = 0; i < n; i++) {
		qsort(ns[i], ROUNDS, sizeof(double), compare);
		qsort(ratio[i], ROUNDS, sizeof(double), compare);
		printf("%-44s %7.2f %7.2f   skep/native %.2f (minimum %.2f)\n",
		       strrchr(argv[3 + i], '/') ? strrchr(argv[3 + i], '/') + 1 : argv[3 + i],
		       ns[i][ROUNDS / 2], ns[i][0], ratio[i][ROUNDS / 2], ratio[i][0]);
	}
	close(link);
	bpf_object__close(obj);
	skep_pcap_close(pcap);
	skep_front_use(NULL);
	skep_system_free(sys);
	return 0;
}
