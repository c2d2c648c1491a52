/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Traffic for tests of live links: knows nothing of skep. What is sent is numbered, so that
 * whoever receives it sees what was lost, changed or overtaken.
 *
 *   traffic interfaces                  NAME ADDRESS FLAGS of each IPv4 one
 *   traffic ping ADDRESS N [SIZE]       N echo requests, up to 64 of them under way
 *   traffic datagrams ADDRESS PORT N    N UDP datagrams that come back
 *   traffic echo PORT N                 answers N datagrams
 *   traffic serve PORT                  one TCP connection, read to its end
 *   traffic send ADDRESS PORT BYTES     to that
 *   traffic send1 ADDRESS PORT FROM     one datagram of eight bytes, from that port
 *   traffic tagged INTERFACE VID PORT   the same to that port in a frame with a VLAN tag
 *   traffic rxvlan INTERFACE on|off     whether it takes VLAN tags out
 *   traffic mtu INTERFACE N             sets it
 *   traffic frames                      shows frames of our own EtherType until SIGTERM
 *   traffic frame INTERFACE N [SIZE]    sends such
 *
 * TRAFFIC_PATIENCE=SECONDS: how long nothing may come (3).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * Under way at a time; one until the first answer, since frames that wait for their neighbour's
 * address may be overtaken by later ones, on any wire.
 */
#define WINDOW	  64
#define OUR_ETHER 0x88b5 /* local experimental */

static double patience = 3;

static int die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct addrinfo *resolve(const char *host, const char *port, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST }, *res;

	if (getaddrinfo(host, port, &hints, &res)) {
		fprintf(stderr, "%s: no address\n", host);
		exit(1);
	}
	return res;
}

static int interfaces(void)
{
	struct ifaddrs *all, *i;
	char text[64];

	if (getifaddrs(&all))
		die("getifaddrs");
	for (i = all; i; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
			printf("%s %s %s\n", i->ifa_name,
			       inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr,
					 text, sizeof(text)),
			       i->ifa_flags & IFF_UP ? "up" : "down");
	return 0;
}

static int mtu(const char *interface, int bytes)
{
	struct ifreq r = { .ifr_mtu = bytes };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	return ioctl(fd, SIOCSIFMTU, &r) ? die(interface) : 0;
}

/* ---- echo requests ---- */

static unsigned short icmp_sum(const void *data, size_t len)
{
	const unsigned short *p = data;
	unsigned sum = 0;

	for (; len > 1; len -= 2)
		sum += *p++;
	sum = (sum >> 16) + (sum & 0xffff);
	return (unsigned short)~(sum + (sum >> 16));
}

static int ping(const char *host, unsigned n, size_t size)
{
	struct addrinfo *a = resolve(host, NULL, SOCK_RAW);
	int v6 = a->ai_family == AF_INET6, buffer = 8 << 20;
	int fd = socket(a->ai_family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	unsigned char out[65536] = { 0 }, in[65536];
	struct icmphdr *h = (struct icmphdr *)out;
	unsigned sent = 0, got = 0, disorder = 0, last = 0;
	unsigned short id = (unsigned short)getpid();
	double since = now();

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	size += sizeof(*h);
	while (got < n && now() - since < patience) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t len;

		while (sent < n && sent < got + (got ? WINDOW : 1)) {
			h->type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
			h->un.echo.id = id;
			h->un.echo.sequence = htons((unsigned short)++sent);
			h->checksum = 0;
			h->checksum = v6 ? 0 : icmp_sum(out, size);
			if (sendto(fd, out, size, 0, a->ai_addr, a->ai_addrlen) < 0)
				die("sendto");
		}
		if (poll(&p, 1, 200) < 1)
			continue;
		len = recv(fd, in, sizeof(in), 0);
		h = (struct icmphdr *)(in + (v6 ? 0 : 20));
		if (len >= (ssize_t)(size + (v6 ? 0 : 20)) &&
		    h->type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && h->un.echo.id == id) {
			got++;
			disorder += ntohs(h->un.echo.sequence) != (unsigned short)(last + 1);
			last = ntohs(h->un.echo.sequence);
			since = now();
		}
		h = (struct icmphdr *)out;
	}
	printf("%u of %u, %s\n", got, n, disorder ? "not in order" : "in order");
	return got != n;
}

/* ---- datagrams ---- */

static int datagrams(const char *host, const char *port, unsigned n)
{
	struct addrinfo *a = resolve(host, port, SOCK_DGRAM);
	int fd = socket(a->ai_family, SOCK_DGRAM, 0), buffer = 8 << 20;
	unsigned sent = 0, got = 0, disorder = 0, number;
	double since = now();

	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen))
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	while (got < n && now() - since < patience) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		for (; sent < n && sent < got + (got ? WINDOW : 1); sent++)
			if (send(fd, &sent, sizeof(sent), 0) < 0 && errno != ECONNREFUSED)
				die("send");
		if (poll(&p, 1, 200) < 1 || recv(fd, &number, sizeof(number), 0) != sizeof(number))
			continue;
		disorder += number != got;
		got++;
		since = now();
	}
	printf("%u of %u, %s\n", got, n, disorder ? "not in order" : "in order");
	return got != n;
}

static int echo(const char *port, unsigned n)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons((unsigned short)atoi(port)) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), buffer = 8 << 20;
	char data[2048];

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("bind");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	printf("ready\n");
	fflush(stdout);
	while (n--) {
		struct sockaddr_in6 from;
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

		if (got < 0)
			die("recvfrom");
		sendto(fd, data, (size_t)got, 0, (struct sockaddr *)&from, len);
	}
	return 0;
}

/* ---- a flow ---- */

static unsigned char byte_at(unsigned long at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7);
}

static int serve(const char *port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons((unsigned short)atoi(port)) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), one = 1, fd;
	static unsigned char data[1 << 18];
	unsigned long all = 0, wrong = 0;
	double start;
	ssize_t n;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 5))
		die("listen");
	fd = accept(listener, NULL, NULL);
	start = now();
	while ((n = read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++, all++)
			wrong += data[i] != byte_at(all);
	printf("%lu bytes, %s\n", all, wrong ? "not as they were sent" : "all as they were sent");
	fprintf(stderr, "%.0f MB/s\n", (double)all / 1e6 / (now() - start));
	return wrong != 0;
}

static int send_flow(const char *host, const char *port, unsigned long bytes)
{
	struct addrinfo *a = resolve(host, port, SOCK_STREAM);
	static unsigned char data[1 << 16];
	unsigned long sent = 0;
	int fd = -1;
	char c;

	for (int tries = 0; tries < 100; tries++) {
		fd = socket(a->ai_family, SOCK_STREAM, 0);
		if (!connect(fd, a->ai_addr, a->ai_addrlen))
			break;
		close(fd);
		fd = -1;
		usleep(50000);
	}
	if (fd < 0)
		die("connect");
	while (sent < bytes) {
		size_t part = bytes - sent < sizeof(data) ? bytes - sent : sizeof(data);
		size_t done = 0;

		for (size_t i = 0; i < part; i++)
			data[i] = byte_at(sent + i);
		while (done < part) {
			ssize_t n = write(fd, data + done, part - done);

			if (n < 0)
				die("write");
			done += (size_t)n;
		}
		sent += part;
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, &c, 1) < 0)
		die("read");
	printf("%lu bytes\n", sent);
	return 0;
}

/* ---- frames of our own ---- */

static int packet_socket(const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(OUR_ETHER) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), buffer = 8 << 20, one = 1;

	at.sll_ifindex = interface ? (int)if_nametoindex(interface) : 0;
	if (interface && !at.sll_ifindex)
		die(interface);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("packet socket");
	return fd;
}

static void show_frame(int fd)
{
	static unsigned char data[65536];
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(fd, &m, MSG_DONTWAIT);
	struct tpacket_auxdata aux = { 0 };
	char name[IF_NAMESIZE];

	if (len < 18 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	printf("%s %zd ", if_indextoname((unsigned)from.sll_ifindex, name), len);
	for (int i = 0; i < 18; i++)
		printf("%02x", data[i]);
	printf(" %02x%02x", len > 40 ? data[40] : 0, data[len - 1]);
	if (aux.tp_status & TP_STATUS_VLAN_VALID)
		printf(" vlan %u", aux.tp_vlan_tci);
	printf("\n");
}

static volatile sig_atomic_t ending;

static void end(int sig)
{
	(void)sig;
	ending = 1;
}

/* What comes until the end is asked for, then what has come. */
static int frames(void)
{
	struct sigaction sa = { .sa_handler = end };
	int fd = packet_socket(NULL);

	sigaction(SIGTERM, &sa, NULL);
	printf("ready\n");
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int got;

		fflush(stdout);
		got = poll(&p, 1, ending ? 200 : 500); /* what is on its way still comes */
		if (got == 1)
			show_frame(fd);
		else if (ending && !got)
			break;
	}
	return 0;
}

static int frame(const char *interface, unsigned n, size_t size)
{
	int fd = packet_socket(interface);
	unsigned char data[65536] = { [0 ... 5] = 0xff };

	data[6] = 2;
	data[12] = OUR_ETHER >> 8;
	data[13] = OUR_ETHER & 0xff;
	for (size_t i = 18; i < size; i++)
		data[i] = (unsigned char)i;
	for (unsigned i = 0; i < n; i++) {
		memcpy(data + 14, &i, 4);
		/* ENOBUFS: a program at the egress has dropped it. */
		if (write(fd, data, size) < 0 && errno != ENOBUFS)
			die("write");
		if (i % WINDOW == WINDOW - 1)
			usleep(2000);
	}
	return 0;
}

/* Eight bytes from @port of ours to @to of @host. */
static int datagram(const char *host, int to, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	a.sin_port = htons((uint16_t)to);
	inet_pton(AF_INET, host, &a.sin_addr);
	if (sendto(fd, "datagram", 8, 0, (struct sockaddr *)&a, sizeof(a)) != 8)
		die("sendto");
	return 0;
}

/* Whether the device takes VLAN tags out: ethtool -K DEVICE rxvlan on|off. */
static int rxvlan(const char *name, int on)
{
	struct ethtool_value v = { .cmd = ETHTOOL_SFLAGS, .data = on ? ETH_FLAG_RXVLAN : 0 };
	struct ifreq r = { .ifr_data = (void *)&v };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCETHTOOL, &r))
		die("SIOCETHTOOL");
	return 0;
}

/* A datagram of eight bytes to @port, from port 4001, in a frame with tag @vid. */
static int tagged(const char *interface, int vid, int port)
{
	unsigned char f[54] = { [0 ... 5] = 0xff, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 0, 8, 0, 0x45 };
	int fd = packet_socket(interface);

	f[15] = (unsigned char)vid;
	f[21] = 36; /* IPv4: length, time to live, protocol, addresses */
	f[26] = 64;
	f[27] = 17;
	f[30] = f[34] = 10;
	f[33] = 1;
	f[37] = 2;
	f[38] = 4001 >> 8;
	f[39] = 4001 & 0xff;
	f[41] = (unsigned char)port;
	f[43] = 16;
	return write(fd, f, sizeof(f)) == sizeof(f) ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (getenv("TRAFFIC_PATIENCE"))
		patience = atof(getenv("TRAFFIC_PATIENCE"));
	if (!strcmp(what, "interfaces"))
		return interfaces();
	if (!strcmp(what, "ping") && argc > 3)
		return ping(argv[2], (unsigned)atoi(argv[3]),
			    argc > 4 ? (size_t)atoi(argv[4]) : 56);
	if (!strcmp(what, "datagrams") && argc > 4)
		return datagrams(argv[2], argv[3], (unsigned)atoi(argv[4]));
	if (!strcmp(what, "echo") && argc > 3)
		return echo(argv[2], (unsigned)atoi(argv[3]));
	if (!strcmp(what, "serve") && argc > 2)
		return serve(argv[2]);
	if (!strcmp(what, "send") && argc > 4)
		return send_flow(argv[2], argv[3], strtoul(argv[4], NULL, 0));
	if (!strcmp(what, "mtu") && argc > 3)
		return mtu(argv[2], atoi(argv[3]));
	if (!strcmp(what, "send1") && argc > 4)
		return datagram(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (!strcmp(what, "tagged") && argc > 4)
		return tagged(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (!strcmp(what, "rxvlan") && argc > 3)
		return rxvlan(argv[2], !strcmp(argv[3], "on"));
	if (!strcmp(what, "frames"))
		return frames();
	if (!strcmp(what, "frame") && argc > 3)
		return frame(argv[2], (unsigned)atoi(argv[3]),
			     argc > 4 ? (size_t)atoi(argv[4]) : 60);
	fprintf(stderr, "wrong usage\n");
	return 2;
}
