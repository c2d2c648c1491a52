/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Small frames through an XDP parser (parser.bpf.c): on skep's live link, and by the running kernel's
 * native XDP on a veth pair, in turns. A thread sends as fast as it can; what counts is what the
 * program has seen. Beside the rate: frames for each second that the link's thread has had a CPU.
 */
#include "base/uapi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/network.h"
#include "object/system.h"
#include "skep/skep.h"

#define ROUNDS	7
#define ROUND_S 0.4
#define FRAME	60
#define BATCH	64

enum { SKEP, KERNEL, SIDES };
static const char *const titles[] = { "skep", "kernel" };

struct side {
	struct bpf_object *object;
	int counters, link, fd; /* the map; a packet socket at the other end of the wire */
	u32 ifindex;		/* there */
	double rate[2][ROUNDS], own[2][ROUNDS];
};

static struct skep_system *sys;
static struct side sides[SIDES];
static bool sending;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	printf("link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return level == LIBBPF_WARN && getenv("SKEP_LOG") ? vfprintf(stderr, format, ap) : 0;
}

/* ---- traffic ---- */

/* UDP to @port. */
static void make_frame(u8 *f, u16 port)
{
	struct iphdr *ip = (struct iphdr *)(f + ETH_HLEN);
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	memset(f, 0, FRAME);
	memset(f, 0xff, 6);
	f[6] = 2;
	f[12] = 8;
	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .ttl = 64,
			      .protocol = IPPROTO_UDP,
			      .tot_len = htons(FRAME - ETH_HLEN),
			      .saddr = htonl(0x0a000001),
			      .daddr = htonl(0x0a000002) };
	udp->source = htons(4000);
	udp->dest = htons(port);
	udp->len = htons(FRAME - ETH_HLEN - sizeof(*ip));
}

static void *send_all(void *arg)
{
	const struct side *s = ((void **)arg)[0];
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v = { ((void **)arg)[1], FRAME };

	for (int i = 0; i < BATCH; i++) {
		m[i].msg_hdr.msg_iov = &v;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (__atomic_load_n(&sending, __ATOMIC_ACQUIRE))
		if (sendmmsg(s->fd, m, BATCH, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg");
	return NULL;
}

static void open_sender(struct side *s)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)s->ifindex };
	int one = 1;

	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)))
		die("sender");
}

/* ---- what has been done ---- */

static u64 seen(const struct side *s)
{
	static u64 counters[256];
	u32 zero = 0;

	skep_front_use(s == &sides[SKEP] ? sys : NULL);
	if (bpf_map_lookup_elem(s->counters, &zero, counters))
		die("counters");
	skep_front_use(NULL);
	return counters[IPPROTO_UDP];
}

/* CPU time of the link's thread, seconds. */
static double link_time(void)
{
	struct dirent *e;
	double ns = 0;
	DIR *d = opendir("/proc/self/task");

	while (d && (e = readdir(d))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f || !fgets(name, sizeof(name), f) || strcmp(name, "skep-link\n"))
			*name = 0;
		if (f)
			fclose(f);
		if (!*name)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", e->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%lf", &ns) != 1)
			ns = 0;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return ns / 1e9;
}

static void round_of(struct side *s, int which, int round)
{
	u8 frame[FRAME];
	void *arg[] = { s, frame };
	double start, cpu;
	pthread_t thread;
	u64 before;

	make_frame(frame, which ? 9 : 53);
	__atomic_store_n(&sending, true, __ATOMIC_RELEASE);
	if (pthread_create(&thread, NULL, send_all, arg))
		die("thread");
	usleep(20000);
	before = seen(s);
	cpu = link_time();
	start = now_s();
	usleep((useconds_t)(ROUND_S * 1e6));
	s->rate[which][round] = (double)(seen(s) - before) / (now_s() - start);
	s->own[which][round] = (double)(seen(s) - before) / (link_time() - cpu);
	__atomic_store_n(&sending, false, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	usleep(50000);
}

/* ---- the two wires ---- */

static int load(struct side *s, u32 ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = 1U << 2 /* XDP_FLAGS_DRV_MODE */);
	struct bpf_program *p;

	s->object = bpf_object__open_file("build/bpf/parser.bpf.o", NULL);
	if (!s->object || bpf_object__load(s->object))
		return -1;
	p = bpf_object__next_program(s->object, NULL);
	s->counters = bpf_map__fd(bpf_object__next_map(s->object, NULL));
	s->link = bpf_link_create(bpf_program__fd(p), (int)ifindex, BPF_XDP, &opts);
	return s->link < 0 ? -1 : 0;
}

static void start_skep(void)
{
	struct skep_system_opts o = { .sz = sizeof(o) };
	struct network *network;
	struct side *s = &sides[SKEP];
	char why[256];

	sys = skep_system_new(&o);
	if (!sys)
		die("system");
	if (network_start(sys, "eth0", &network, why, sizeof(why))) {
		printf("link: %s\n", why);
		exit(0);
	}
	s->fd = network_socket(network, NETWORK_PARTNER, AF_PACKET, SOCK_RAW, 0);
	s->ifindex = 2; /* behind lo */
	open_sender(s);
	sys->net_ino = 0; /* this process, which is outside of that network, attaches */
	skep_front_use(sys);
	if (load(s, 2))
		die("skep: parser");
	skep_front_use(NULL);
}

/* In a namespace of this process's own: the program on one end, the sender at the other. */
static bool start_kernel(void)
{
	struct side *s = &sides[KERNEL];

	if (unshare(CLONE_NEWNET) ||
	    system("ip link add v0 type veth peer name v1 && ip link set v0 up && "
		   "ip link set v1 up && ip addr add 10.0.0.2/24 dev v1") ||
	    load(s, if_nametoindex("v1")))
		return false;
	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	s->ifindex = if_nametoindex("v0");
	open_sender(s);
	return true;
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? 1 : -1;
}

static double best(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[0];
}

int main(void)
{
	bool kernel;

	libbpf_set_print(quiet);
	skep_front_use(NULL);
	start_skep();
	kernel = start_kernel();
	for (int round = 0; round < ROUNDS; round++)
		for (int which = 0; which < 2; which++)
			for (int side = 0; side < SIDES; side++)
				if (side == SKEP || kernel)
					round_of(&sides[side], which, round);
	printf("%d-byte frames through an XDP parser, best of %d rounds, Mpps\n", FRAME, ROUNDS);
	for (int which = 0; which < 2; which++) {
		double skep = best(sides[SKEP].rate[which]), real = 0;

		printf("  %-28s %s %.2f (%.2f for each second of its thread)",
		       which ? "passed on to the stack" : "dropped", titles[SKEP], skep / 1e6,
		       best(sides[SKEP].own[which]) / 1e6);
		if (kernel) {
			real = best(sides[KERNEL].rate[which]);
			printf(", %s %.2f: %.2f of its rate", titles[KERNEL], real / 1e6,
			       skep / real);
		}
		printf("\n");
	}
	if (!kernel)
		printf("  the running kernel: not permitted\n");
	return 0;
}
