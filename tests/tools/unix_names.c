/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program with programs of a cgroup that change names of UNIX sockets
 * (cgroup_unix.bpf.c); knows nothing of skep.
 *   unix_names OBJECT CGROUP          in an empty folder
 * tells what calls give and what programs have seen, in lines that are the same everywhere.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECT, SENDMSG, RECVMSG, GETPEERNAME, GETSOCKNAME, KINDS };

static const char *const words[KINDS] = { "connect", "sendmsg", "recvmsg", "getpeername",
					  "getsockname" };

struct name {
	unsigned len, deny;
	char path[112];
};

struct seen {
	unsigned runs, family, sk_family, type, len, len_after;
	int error, sk;
	char path[112], path_after[112];
};

static int names, seen;

static void set(unsigned kind, const char *path, unsigned len, unsigned deny)
{
	struct name n = { .len = len, .deny = deny };

	if (path)
		memcpy(n.path, path, strlen(path));
	bpf_map_update_elem(names, &kind, &n, 0);
}

static void put_name(const char *path, unsigned len)
{
	len = len > 2 ? len - 2 : 0;
	for (unsigned i = 0; i < len && i < 108; i++)
		if (path[i])
			putchar(path[i]);
		else
			printf("\\0");
}

/* What program @kind has seen since the last time; not @all: the name that was there is not told. */
static void tell_of(unsigned kind, int all)
{
	struct seen s, none = { 0 };

	if (bpf_map_lookup_elem(seen, &kind, &s))
		exit(1);
	bpf_map_update_elem(seen, &kind, &none, 0);
	printf("  %s: %u runs", words[kind], s.runs);
	if (s.runs) {
		/* A name that is none has no family: what stands there is not told. */
		if (s.len && all)
			printf(", family %u", s.family);
		printf(", socket %u type %u%s, %u ", s.sk_family, s.type, s.sk ? "" : " not seen",
		       s.len);
		put_name(s.path, all ? s.len : 0);
		printf(", then %d: %u ", s.error, s.len_after);
		put_name(s.path_after, s.len_after);
	}
	printf("\n");
}

static void tell(unsigned kind)
{
	tell_of(kind, 1);
}

static void say(const char *what, long ret)
{
	printf("%s: %s", what, ret < 0 ? strerror(errno) : "");
	if (ret >= 0)
		printf("%ld", ret);
	printf("\n");
}

static void name_of(const char *what, const struct sockaddr_un *a, unsigned len, unsigned room)
{
	printf("%s: %u ", what, len);
	if (len && room >= 2)
		printf("family %u ", a->sun_family);
	put_name(a->sun_path, len < room ? len : room);
	printf("\n");
}

static socklen_t address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int server(int type, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, path);
	int s = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	if (bind(s, (struct sockaddr *)&a, len) || (type != SOCK_DGRAM && listen(s, 8)))
		exit(2);
	return s;
}

static int dial(const char *what, int type, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, path);
	int s = socket(AF_UNIX, type, 0);

	say(what, connect(s, (struct sockaddr *)&a, len));
	tell(CONNECT);
	return s;
}

static void *dial_thread(void *arg)
{
	close(dial("by a thread", SOCK_STREAM, arg));
	return NULL;
}

/* Who has come to listener @l. */
static int take(int l)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int s = accept4(l, NULL, NULL, SOCK_NONBLOCK);

	if (s < 0) {
		say("nobody", s);
		return s;
	}
	getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len);
	printf("accepted: %s\n", who.pid == getpid() ? "us" : "somebody");
	return s;
}

static void get(const char *what, int s, int peer, unsigned room)
{
	struct sockaddr_un a;
	socklen_t len = room;
	int ret;

	memset(&a, 'x', sizeof(a));
	ret = peer ? getpeername(s, (struct sockaddr *)&a, &len) :
		     getsockname(s, (struct sockaddr *)&a, &len);
	if (ret)
		say(what, ret);
	else
		name_of(what, &a, len, room);
	tell(peer ? GETPEERNAME : GETSOCKNAME);
}

static void streams(void)
{
	int asked = server(SOCK_STREAM, "asked"), real = server(SOCK_STREAM, "backend");
	int s, c;
	pthread_t t;
	char byte;
	struct sockaddr_un a;
	socklen_t len;

	printf("-- streams\n");
	close(dial("as it is", SOCK_STREAM, "asked"));
	close(take(asked));
	set(CONNECT, "backend", 7, 0);
	s = dial("elsewhere", SOCK_STREAM, "asked");
	c = take(real);
	take(asked);
	set(GETPEERNAME, "seven!!", 7, 0);
	set(GETSOCKNAME, "seven!!", 7, 0);
	get("peer", s, 1, sizeof(a));
	get("peer, little room", s, 1, 5);
	get("peer, no room", s, 1, 0);
	get("own, which has no name", s, 0, sizeof(a));
	get("own", real, 0, sizeof(a));
	get("own, of the accepted", c, 0, sizeof(a));
	get("peer without a name", c, 1, sizeof(a));
	get("no peer", real, 1, sizeof(a));
	set(GETPEERNAME, NULL, 0, 0);
	get("peer as it is", s, 1, sizeof(a));
	set(RECVMSG, "twenty-bytes-of-name", 20, 0);
	send(c, "hello", 5, 0);
	len = sizeof(a);
	say("received", recvfrom(s, &byte, 1, 0, (struct sockaddr *)&a, &len));
	name_of("from", &a, len, sizeof(a));
	tell(RECVMSG);
	say("received without a name", recv(s, &byte, 1, 0));
	tell(RECVMSG);
	set(RECVMSG, NULL, 0, 0);
	close(c);
	close(s);
	pthread_create(&t, NULL, dial_thread, "asked");
	pthread_join(t, NULL);
	close(take(real));
	set(CONNECT, "backend", 7, 1);
	close(dial("denied", SOCK_STREAM, "asked"));
	set(CONNECT, "nowhere", 7, 0);
	close(dial("where nobody is", SOCK_STREAM, "asked"));
	set(CONNECT, "backend", 109, 0);
	close(dial("too long", SOCK_STREAM, "asked"));
	close(take(asked));
	set(CONNECT, "asked", 1, 0);
	close(dial("a name that is not there", SOCK_STREAM, "asked"));
	set(CONNECT, "", 7, 0);
	close(dial("an abstract name", SOCK_STREAM, "asked"));
	memset(&a, 'n', sizeof(a));
	a.sun_family = AF_UNIX;
	{
		char full[109] = "";

		memset(full, 'n', 108);
		set(CONNECT, full, 108, 0);
	}
	close(dial("a long name", SOCK_STREAM, "asked"));
	set(CONNECT, NULL, 0, 0);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	say("no name", connect(s, (struct sockaddr *)&a, 2));
	tell(CONNECT);
	say("too short", connect(s, (struct sockaddr *)&a, 1));
	tell(CONNECT);
	a.sun_family = AF_INET;
	say("another family", connect(s, (struct sockaddr *)&a, 20));
	tell(CONNECT);
	close(s);
	close(asked);
	close(real);
	unlink("asked");
	unlink("backend");
}

static void receive(int s, unsigned room)
{
	struct {
		struct cmsghdr h;
		struct ucred who;
	} control;
	struct sockaddr_un a;
	char data[16];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &a,
			    .msg_namelen = room,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	memset(&a, 'x', sizeof(a));
	n = recvmsg(s, &m, MSG_DONTWAIT);
	if (n < 0) {
		say("nothing", n);
		tell(RECVMSG);
		return;
	}
	printf("%.*s of %s ", (int)n, data, control.who.pid == getpid() ? "us" : "somebody");
	/* Linux puts a path behind a family that it has never written. */
	if (m.msg_namelen == 22)
		a.sun_family = AF_UNIX;
	name_of("from", &a, m.msg_namelen, room);
	tell_of(RECVMSG, room == sizeof(a)); /* skep's programs see what had room */
}

static void datagrams(void)
{
	int asked = server(SOCK_DGRAM, "asked"), real = server(SOCK_DGRAM, "backend");
	int named = server(SOCK_DGRAM, "named"), s = socket(AF_UNIX, SOCK_DGRAM, 0), one = 1;
	struct sockaddr_un a;
	socklen_t len = address(&a, "asked");
	struct iovec iov[3] = { { "one", 3 }, { "two", 3 }, { "three", 5 } };
	struct msghdr m = { .msg_name = &a, .msg_namelen = len, .msg_iov = iov, .msg_iovlen = 2 };
	struct mmsghdr many[3];
	long n, done;

	printf("-- datagrams\n");
	setsockopt(asked, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	setsockopt(real, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	say("sent", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len));
	tell(SENDMSG);
	receive(asked, sizeof(a));
	set(SENDMSG, "backend", 7, 0);
	say("sent elsewhere", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len));
	tell(SENDMSG);
	receive(asked, sizeof(a));
	receive(real, sizeof(a));
	say("a message elsewhere", sendmsg(s, &m, 0));
	tell(SENDMSG);
	receive(real, sizeof(a));
	for (int i = 0; i < 3; i++)
		many[i] = (struct mmsghdr){ .msg_hdr = m, .msg_len = 77 };
	for (int i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_iov = &iov[i];
		many[i].msg_hdr.msg_iovlen = 1;
	}
	/* How many go at once is the kernel's affair: as one loops. */
	for (done = 0; done < 3 && (n = sendmmsg(named, many + done, 3 - done, 0)) > 0;)
		done += n;
	say("many", done);
	printf("lengths: %u %u %u\n", many[0].msg_len, many[1].msg_len, many[2].msg_len);
	tell(SENDMSG);
	for (int i = 0; i < 3; i++)
		receive(real, sizeof(a));
	set(SENDMSG, NULL, 0, 0);
	many[0].msg_len = 77;
	say("two as they are", sendmmsg(named, many, 2, 0));
	printf("lengths: %u %u\n", many[0].msg_len, many[1].msg_len);
	tell(SENDMSG);
	set(RECVMSG, "twenty-bytes-of-name", 20, 0);
	receive(asked, sizeof(a));
	receive(asked, 6);
	say("sent by one without a name", sendto(s, "hello", 5, 0, (struct sockaddr *)&a, len));
	receive(asked, sizeof(a));
	sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len);
	receive(asked, 0);
	receive(asked, sizeof(a));
	set(RECVMSG, "backend", 109, 0);
	sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len);
	receive(asked, sizeof(a));
	set(RECVMSG, NULL, 0, 0);
	tell(SENDMSG);
	set(SENDMSG, NULL, 0, 1);
	say("denied", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len));
	tell(SENDMSG);
	set(SENDMSG, "nowhere", 7, 0);
	say("where nobody is", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, len));
	tell(SENDMSG);
	set(SENDMSG, "backend", 7, 0);
	say("no name", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, 2));
	say("too long", sendto(named, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a) + 1));
	tell(SENDMSG);
	set(CONNECT, "backend", 7, 0);
	say("connected", connect(s, (struct sockaddr *)&a, len));
	tell(CONNECT);
	say("sent to the peer", send(s, "peer", 4, 0));
	tell(SENDMSG);
	receive(real, sizeof(a));
	a.sun_family = AF_UNSPEC;
	say("disconnected", connect(s, (struct sockaddr *)&a, len));
	tell(CONNECT);
	set(CONNECT, NULL, 0, 0);
	set(SENDMSG, NULL, 0, 0);
	close(asked);
	close(real);
	close(named);
	close(s);
	unlink("asked");
	unlink("backend");
	unlink("named");
}

static void packets(void)
{
	int asked = server(SOCK_SEQPACKET, "asked"), real = server(SOCK_SEQPACKET, "backend"), s, c;
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	char data[16];

	printf("-- packets in sequence\n");
	set(CONNECT, "backend", 7, 0);
	s = dial("elsewhere", SOCK_SEQPACKET, "asked");
	c = take(real);
	send(c, "hello", 5, 0);
	set(RECVMSG, "seven!!", 7, 0);
	say("received", recvfrom(s, data, sizeof(data), 0, (struct sockaddr *)&a, &len));
	name_of("from", &a, len, sizeof(a));
	tell(RECVMSG);
	len = address(&a, "asked");
	say("sent with a name", sendto(s, "hello", 5, 0, (struct sockaddr *)&a, len));
	tell(SENDMSG);
	close(asked);
	unlink("asked");
	unlink("backend");
	(void)c;
}

int main(int argc, char **argv)
{
	static const char *const progs[KINDS] = { "on_connect", "on_sendmsg", "on_recvmsg",
						  "on_getpeername", "on_getsockname" };
	struct bpf_object *o = argc > 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	int cg = argc > 2 ? open(argv[2], O_RDONLY) : -1, fd;
	char path[4096];

	if (!o || cg < 0)
		return 125;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* BPF_CGROUP_UNIX_CONNECT ... */
	for (int i = 0; i < KINDS; i++) {
		static const int types[KINDS] = { 49, 50, 51, 52, 53 };

		bpf_program__set_expected_attach_type(bpf_object__find_program_by_name(o, progs[i]),
						      types[i]);
	}
	if (bpf_object__load(o))
		return 124;
	names = bpf_object__find_map_fd_by_name(o, "names");
	seen = bpf_object__find_map_fd_by_name(o, "seen");
	for (int i = 0; i < KINDS; i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(o, progs[i]);

		if (bpf_prog_attach(bpf_program__fd(p), cg, bpf_program__expected_attach_type(p),
				    0)) {
			perror("attach");
			return 123;
		}
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", argv[2]);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return 122;
	close(fd);
	streams();
	datagrams();
	packets();
	return 0;
}
