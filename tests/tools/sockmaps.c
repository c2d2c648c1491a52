/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * sockmaps OBJECT [SCENARIO...]: sockets in maps with programs (tests/bpf/sockmap_flow.bpf.c), what is sent on them
 * and what arrives where. One line for each thing that happens, the same on the kernel and in an instance.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void attach(const char *prog, const char *where, enum bpf_attach_type type)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, prog));

	if (bpf_prog_attach(fd, map(where), type, 0))
		die(prog);
}

static void load(void)
{
	obj = bpf_object__open_file(object_path, NULL);
	if (!obj || bpf_object__load(obj))
		die("load");
	attach("on_message", "messages", BPF_SK_MSG_VERDICT);
	attach("on_parsed", "parsed", BPF_SK_SKB_STREAM_VERDICT);
	attach("parse", "parsed", BPF_SK_SKB_STREAM_PARSER);
}

static void put(const char *name, unsigned key, int fd)
{
	unsigned long long v = (unsigned)fd;

	if (bpf_map_update_elem(map(name), &key, &v, 0))
		die(name);
}

static int elements(const char *name)
{
	unsigned key, next;
	unsigned long long v;
	int n = 0, err = bpf_map_get_next_key(map(name), NULL, &next);

	for (; !err; err = bpf_map_get_next_key(map(name), &key, &next)) {
		key = next;
		n += !bpf_map_lookup_elem(map(name), &key, &v);
	}
	return n;
}

static unsigned long long seen(unsigned key)
{
	unsigned long long v = 0, zero = 0;

	bpf_map_lookup_elem(map("seen"), &key, &v);
	bpf_map_update_elem(map("seen"), &key, &zero, 0);
	return v;
}

static void tcp(int v[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (struct sockaddr *)&a, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&a, &len))
		die("listen");
	v[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(v[0], (struct sockaddr *)&a, len))
		die("connect");
	v[1] = accept(l, NULL, NULL);
	close(l);
}

static void udp(int v[2])
{
	struct sockaddr_in a[2];

	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(a[i]);

		a[i] = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		v[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(v[i], (struct sockaddr *)&a[i], len) ||
		    getsockname(v[i], (struct sockaddr *)&a[i], &len))
			die("bind");
	}
	for (int i = 0; i < 2; i++)
		if (connect(v[i], (struct sockaddr *)&a[!i], sizeof(a[0])))
			die("connect");
}

static void local(int v[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, v))
		die("socketpair");
}

static void out(int fd, const char *text)
{
	ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);

	if (n < 0)
		printf("  send %s: %s\n", text, strerror(errno));
	else
		printf("  send %s: %zd\n", text, n);
	usleep(30000);
}

/* What is to be read within a moment. */
static void in(int fd, const char *who)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[256];
	ssize_t n;

	if (poll(&p, 1, 200) != 1) {
		printf("  %s: nothing\n", who);
		return;
	}
	n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	buf[n > 0 ? n : 0] = 0;
	/* In an instance what is not to be read can be the cause. */
	if (n < 0 && errno == EAGAIN)
		printf("  %s: nothing\n", who);
	else if (n < 0)
		printf("  %s: %s\n", who, strerror(errno));
	else
		printf("  %s: %zd '%s'\n", who, n, buf);
}

/* ---- scenarios ---- */

static void messages(void)
{
	int a[2], b[2];

	tcp(a);
	tcp(b);
	put("messages", 0, a[0]);
	put("to", 1, b[0]);
	put("to_hash", 2, b[0]);
	out(a[0], "Pass");
	in(a[1], "peer");
	out(a[0], "Modified");
	in(a[1], "peer");
	out(a[0], "+pushed");
	in(a[1], "peer");
	out(a[0], "-popped");
	in(a[1], "peer");
	out(a[0], "R1egress");
	in(a[1], "peer");
	in(b[1], "other's peer");
	out(a[0], "H2hash");
	in(b[1], "other's peer");
	out(a[0], "I1ingress");
	in(b[1], "other's peer");
	in(b[0], "other");
	out(a[0], "R7nobody");
	printf("  runs %llu, bytes %llu, with ends %llu\n", seen(0), seen(1), seen(2));
	in(a[1], "peer");
}

static void pieces(void)
{
	struct iovec v[3] = { { "Pa", 2 }, { "rt", 2 }, { "s!", 2 } };
	int a[2], b[2];

	tcp(a);
	tcp(b);
	put("messages", 0, a[0]);
	put("to", 1, b[0]);
	out(a[0], "AaaaAbbbAccc");
	in(a[1], "peer");
	printf("  runs %llu\n", seen(0));
	out(a[0], "Aaa");
	out(a[0], "aPbb");
	in(a[1], "peer");
	printf("  runs %llu\n", seen(0));
	tcp(a);
	put("messages", 1, a[0]);
	out(a[0], "B1xxPassedB1yy");
	in(b[1], "other's peer");
	in(a[1], "peer");
	tcp(a);
	put("messages", 2, a[0]);
	out(a[0], "Cork");
	in(a[1], "peer");
	out(a[0], "ed");
	in(a[1], "peer");
	out(a[0], "enough");
	in(a[1], "peer");
	printf("  runs %llu\n", seen(0));
	tcp(a);
	put("messages", 3, a[0]);
	printf("  writev %zd\n", writev(a[0], v, 3));
	in(a[1], "peer");
	printf("  write %zd\n", write(a[0], "Modify", 6));
	in(a[1], "peer");
}

static void dropped(void)
{
	int a[2];

	tcp(a);
	put("messages", 0, a[0]);
	out(a[0], "Dropped");
	out(a[0], "next");
	in(a[1], "peer");
	shutdown(a[0], SHUT_WR);
	in(a[1], "peer");
}

static void received_by(const char *kind, const char *where, void (*pair)(int v[2]))
{
	int a[2], b[2];

	printf(" %s\n", kind);
	pair(a);
	pair(b);
	put(where, 0, a[1]);
	put("to", 1, b[0]);
	put("to_hash", 2, b[0]);
	out(a[0], "Pass");
	in(a[1], "reader");
	out(a[0], "Dropped");
	in(a[1], "reader");
	out(a[0], "Modified");
	in(a[1], "reader");
	out(a[0], "R1egress");
	in(a[1], "reader");
	in(b[1], "other's peer");
	out(a[0], "H2hash");
	in(b[1], "other's peer");
	out(a[0], "I1ingress");
	in(b[0], "other");
	in(b[1], "other's peer");
	out(a[0], "Pass again");
	in(a[1], "reader");
	if (pair == tcp)
		printf("  runs %llu\n", seen(3));
	seen(3);
	printf("  bytes %llu\n", seen(4));
	close(a[0]);
	if (pair == tcp)
		in(a[1], "reader");
}

static void local_stream(int v[2])
{
	local(v, SOCK_STREAM);
}

static void local_dgram(int v[2])
{
	local(v, SOCK_DGRAM);
}

static void streams(void)
{
	attach("on_stream", "streams", BPF_SK_SKB_STREAM_VERDICT);
	received_by("TCP", "streams", tcp);
}

static void others(void)
{
	attach("on_any", "streams", BPF_SK_SKB_VERDICT);
	received_by("TCP", "streams", tcp);
	received_by("UDP", "streams", udp);
	received_by("UNIX stream", "streams", local_stream);
	received_by("UNIX datagrams", "streams", local_dgram);
}

static void parsing(void)
{
	int a[2], b[2];

	tcp(a);
	tcp(b);
	put("parsed", 0, a[1]);
	put("to", 1, b[0]);
	out(a[0], "5Pass");
	in(a[1], "reader");
	out(a[0], "7Pas");
	in(a[1], "reader");
	out(a[0], "sed");
	in(a[1], "reader");
	out(a[0], "5Drop");
	in(a[1], "reader");
	out(a[0], "6R1abc");
	in(b[1], "other's peer");
	out(a[0], "5More");
	in(a[1], "reader");
	printf("  verdicts %llu, bytes %llu\n", seen(3), seen(4));
}

/* Many messages in a piece: on the kernel a program sees them all as one packet. */
static void many(void)
{
	int a[2], b[2];

	tcp(a);
	tcp(b);
	put("parsed", 0, a[1]);
	put("to", 1, b[0]);
	out(a[0], "5Pass7Passed5Drop6R1abc5More6R1d");
	in(a[1], "reader");
	in(b[1], "other's peer");
	in(a[1], "reader");
	out(a[0], "ef");
	in(b[1], "other's peer");
	printf("  verdicts %llu, bytes %llu\n", seen(3), seen(4));
}

/* Sockets that both receive through programs, into each other. */
static void both(void)
{
	int a[2], b[2];

	attach("on_stream", "streams", BPF_SK_SKB_STREAM_VERDICT);
	tcp(a);
	tcp(b);
	put("streams", 0, a[1]);
	put("streams", 1, b[1]);
	put("to", 1, b[1]);
	put("to", 0, a[1]);
	out(a[0], "I1to b");
	in(b[1], "b");
	in(a[1], "a");
	out(b[0], "I0to a");
	in(a[1], "a");
	out(b[0], "Pass");
	in(b[1], "b");
	out(b[0], "R0from a");
	in(a[0], "a's peer");
}

struct blocked {
	int fd;
	char text[64];
	ssize_t n;
};

static void *read_blocked(void *arg)
{
	struct blocked *b = arg;

	b->n = recv(b->fd, b->text, sizeof(b->text) - 1, 0);
	return NULL;
}

/* A reader that waits already: on the kernel it would wait for ever. */
static void late(void)
{
	struct blocked b = { 0 };
	pthread_t t;
	int a[2];

	attach("on_stream", "streams", BPF_SK_SKB_STREAM_VERDICT);
	tcp(a);
	b.fd = a[1];
	pthread_create(&t, NULL, read_blocked, &b);
	usleep(100000);
	put("streams", 0, a[1]);
	out(a[0], "Dropped");
	out(a[0], "Passed");
	pthread_join(t, NULL);
	printf("  got %zd '%s'\n", b.n, b.text);
}

static void waiting(void)
{
	struct blocked b = { 0 };
	struct timeval tv = { .tv_usec = 100000 };
	pthread_t t;
	int a[2], c[2];

	attach("on_stream", "streams", BPF_SK_SKB_STREAM_VERDICT);
	tcp(a);
	tcp(c);
	b.fd = a[1];
	put("streams", 0, a[1]);
	put("to", 0, a[1]);
	pthread_create(&t, NULL, read_blocked, &b);
	usleep(100000);
	put("streams", 1, c[1]);
	out(c[0], "I0 by another");
	pthread_join(t, NULL);
	printf("  got %zd '%s'\n", b.n, b.text);
	setsockopt(a[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	out(a[0], "Dropped");
	printf("  in time %zd", recv(a[1], b.text, sizeof(b.text), 0));
	printf(" %s\n", strerror(errno));
	fcntl(a[1], F_SETFL, O_NONBLOCK);
	printf("  at once %zd", read(a[1], b.text, sizeof(b.text)));
	printf(" %s\n", strerror(errno));
	out(a[0], "Passed");
	printf("  peek %zd", recv(a[1], b.text, 3, MSG_PEEK));
	printf(" and read %zd", recv(a[1], b.text, 3, 0));
	printf(" and the rest %zd\n", recv(a[1], b.text, sizeof(b.text), 0));
	fcntl(a[1], F_SETFL, 0);
	setsockopt(a[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0 }, sizeof(tv));
	b.n = -2;
	pthread_create(&t, NULL, read_blocked, &b);
	usleep(50000);
	shutdown(a[0], SHUT_WR);
	pthread_join(t, NULL);
	printf("  at the end %zd\n", b.n);
}

/* Much, through two sockets, to a reader that is slow. */
static void proxy(void)
{
	enum { SIZE = 6 << 20 };
	unsigned char *data = malloc(SIZE), *got = malloc(SIZE);
	size_t n = 0;
	int a[2], b[2];
	pid_t pid;

	attach("to_one", "streams", BPF_SK_SKB_STREAM_VERDICT);
	tcp(a);
	tcp(b);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 13);
	put("streams", 0, a[1]);
	put("to", 1, b[0]);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		size_t done = 0;

		while (done < SIZE) {
			size_t part = SIZE - done < 65536 ? SIZE - done : 65536;
			ssize_t k = send(a[0], data + done, part, 0);

			if (k <= 0)
				_exit(1);
			done += (size_t)k;
		}
		_exit(0);
	}
	while (n < SIZE) {
		ssize_t k = recv(b[1], got + n, SIZE - n, 0);

		if (k <= 0)
			break;
		n += (size_t)k;
		if (n < SIZE / 8)
			usleep(1000);
	}
	printf("  %s\n", n == SIZE && !memcmp(data, got, SIZE) ? "all of it" : "not all of it");
	waitpid(pid, NULL, 0);
	free(data);
	free(got);
}

/* A socket ends with its last descriptor, and leaves the maps. */
static void ends(void)
{
	int a[2], b[2], status;
	pid_t pid;

	attach("on_stream", "streams", BPF_SK_SKB_STREAM_VERDICT);
	tcp(a);
	put("streams", 0, a[1]);
	put("messages", 0, a[0]);
	printf("  %d %d\n", elements("streams"), elements("messages"));
	close(a[1]);
	in(a[0], "peer");
	printf("  %d %d\n", elements("streams"), elements("messages"));
	close(a[0]);
	fflush(stdout);
	tcp(b);
	pid = fork();
	if (!pid) {
		tcp(a);
		put("streams", 0, b[1]);
		put("messages", 0, a[0]);
		close(b[0]);
		kill(getpid(), SIGKILL);
	}
	close(b[1]);
	waitpid(pid, &status, 0);
	in(b[0], "peer of a killed one");
	usleep(50000);
	printf("  %d %d\n", elements("streams"), elements("messages"));
	pid = fork();
	if (!pid) {
		tcp(a);
		fcntl(a[0], F_SETFD, FD_CLOEXEC);
		put("messages", 0, a[0]);
		printf("  %d\n", elements("messages"));
		fflush(stdout);
		execl("/bin/sleep", "sleep", "0.2", (char *)NULL);
		_exit(1);
	}
	usleep(100000);
	printf("  after exec %d\n", elements("messages"));
	waitpid(pid, &status, 0);
}

static const struct {
	const char *name;
	void (*fn)(void);
} scenarios[] = {
	{ "messages", messages }, { "pieces", pieces },	  { "dropped", dropped },
	{ "streams", streams },	  { "others", others },	  { "parsing", parsing },
	{ "both", both },	  { "waiting", waiting }, { "proxy", proxy },
	{ "ends", ends },	  { "many", many },	  { "late", late },
};

int main(int argc, char **argv)
{
	object_path = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(50);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		int wanted = argc <= 2;

		for (int k = 2; k < argc; k++)
			wanted |= !strcmp(argv[k], scenarios[i].name);
		if (!wanted)
			continue;
		printf("%s\n", scenarios[i].name);
		load();
		scenarios[i].fn();
		bpf_object__close(obj);
	}
	return 0;
}
