/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What recorded processes do: `workload pipes|server|stages|calls|ipv6 DIR`. Linked statically, so
 * that its system calls are the same on every machine; the processes that a shell or a
 * compiler driver would start are this program again, under other names.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self;

#define CHECK(x)                                                                                   \
	({                                                                                         \
		long check_ = (long)(x);                                                           \
		if (check_ < 0) {                                                                  \
			char line[160];                                                            \
			int n = snprintf(line, sizeof(line), "%s:%d: %s: %s\n", __FILE__,          \
					 __LINE__, #x, strerror(errno));                           \
			(void)!write(2, line, (size_t)n);                                          \
			_exit(99);                                                                 \
		}                                                                                  \
		check_;                                                                            \
	})

static void put(int fd, const char *s)
{
	CHECK(write(fd, s, strlen(s)));
}

static void wait_for(pid_t pid, int expected)
{
	int status;

	CHECK(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		_exit(98);
}

/* ---- a shell script: pipelines, redirections, files made and removed ---- */

static int tool_cat(void)
{
	char buf[64];
	ssize_t n;

	while ((n = CHECK(read(0, buf, sizeof(buf)))) > 0)
		CHECK(write(1, buf, (size_t)n));
	return 0;
}

/* Reads everything, then answers: a filter that does not depend on how its input is cut. */
static int tool_count(void)
{
	char buf[4096];
	size_t have = 0;
	ssize_t n;

	while ((n = CHECK(read(0, buf + have, 4))) > 0)
		have += (size_t)n;
	n = snprintf(buf, sizeof(buf), "%zu\n", have);
	CHECK(write(1, buf, (size_t)n));
	return 3;
}

static pid_t pipeline_part(const char *tool, int in, int out, int unused)
{
	pid_t pid = (pid_t)CHECK(fork());

	if (pid)
		return pid;
	if (in != 0) {
		CHECK(dup2(in, 0));
		close(in);
	}
	if (out != 1) {
		CHECK(dup2(out, 1));
		close(out);
	}
	if (unused >= 0)
		close(unused);
	CHECK(execl(self, tool, (char *)NULL));
	return 0;
}

static int pipes(void)
{
	int in, out, p[2];
	pid_t a, b;

	CHECK(mkdir("dir", 0755));
	out = (int)CHECK(open("dir/in", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	put(out, "one\n");
	put(out, "two two\n");
	CHECK(fsync(out));
	close(out);
	/* cat <dir/in | count >dir/out */
	CHECK(pipe2(p, O_CLOEXEC));
	in = (int)CHECK(open("dir/in", O_RDONLY));
	out = (int)CHECK(open("dir/out", O_WRONLY | O_CREAT | O_EXCL, 0600));
	a = pipeline_part("cat", in, p[1], p[0]);
	b = pipeline_part("count", p[0], out, p[1]);
	close(in);
	close(out);
	close(p[0]);
	close(p[1]);
	wait_for(a, 0);
	wait_for(b, 3);
	/* a command that does not exist */
	a = (pid_t)CHECK(fork());
	if (!a) {
		execl("dir/missing", "missing", (char *)NULL);
		_exit(127);
	}
	wait_for(a, 127);
	/* one without permission */
	a = (pid_t)CHECK(fork());
	if (!a) {
		execl("dir/in", "in", (char *)NULL);
		_exit(126);
	}
	wait_for(a, 126);
	CHECK(rename("dir/out", "dir/new"));
	CHECK(symlink("new", "dir/link"));
	CHECK(link("dir/new", "dir/hard"));
	if (unlink("dir/out") != -1 || errno != ENOENT)
		return 97;
	if (open("dir/none", O_RDONLY) != -1 || open("dir/in/x", O_RDONLY) != -1)
		return 96;
	CHECK(unlink("dir/link"));
	CHECK(unlinkat(AT_FDCWD, "dir/hard", 0));
	CHECK(unlink("dir/new"));
	CHECK(unlink("dir/in"));
	CHECK(rmdir("dir"));
	if (rmdir("dir") != -1)
		return 95;
	return 7;
}

/* ---- a server with a thread for each client, over TCP, UDP and a UNIX socket ---- */

#define PORT 18417

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char buf[64];
	ssize_t n = CHECK(read(fd, buf, sizeof(buf)));

	CHECK(write(fd, buf, (size_t)n));
	n = CHECK(recv(fd, buf, sizeof(buf), 0));
	CHECK(send(fd, buf, (size_t)n, MSG_NOSIGNAL));
	if (recv(fd, buf, sizeof(buf), 0) != 0)
		_exit(90);
	close(fd);
	return NULL;
}

static void *client(void *arg)
{
	struct sockaddr_in to = loopback(PORT);
	int fd = (int)(long)arg;
	char buf[64];

	CHECK(connect(fd, (void *)&to, sizeof(to)));
	put(fd, "hello");
	if (CHECK(read(fd, buf, sizeof(buf))) != 5)
		_exit(91);
	CHECK(send(fd, "again", 5, 0));
	if (CHECK(recv(fd, buf, sizeof(buf), 0)) != 5)
		_exit(92);
	CHECK(shutdown(fd, SHUT_WR));
	close(fd);
	return NULL;
}

static void datagrams(void)
{
	struct sockaddr_in at = loopback(PORT + 1), from;
	socklen_t len = sizeof(from);
	int in = (int)CHECK(socket(AF_INET, SOCK_DGRAM, 0));
	int out = (int)CHECK(socket(AF_INET, SOCK_DGRAM, 0));
	struct iovec iov = { (void *)"three", 5 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char buf[64];

	CHECK(bind(in, (void *)&at, sizeof(at)));
	CHECK(sendto(out, "one", 3, 0, (void *)&at, sizeof(at)));
	CHECK(recvfrom(in, buf, sizeof(buf), 0, (void *)&from, &len));
	CHECK(connect(out, (void *)&at, sizeof(at)));
	CHECK(send(out, "two", 3, 0));
	CHECK(recv(in, buf, sizeof(buf), 0));
	CHECK(sendmsg(out, &msg, 0));
	CHECK(recvfrom(in, buf, sizeof(buf), 0, NULL, NULL));
	close(in);
	close(out);
}

static void local(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int s = (int)CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = (int)CHECK(socket(AF_UNIX, SOCK_STREAM, 0)), a, pair[2];
	char buf[64];

	CHECK(bind(s, (void *)&at, sizeof(at)));
	CHECK(listen(s, 4));
	CHECK(connect(c, (void *)&at, sizeof(at)));
	a = (int)CHECK(accept(s, NULL, NULL));
	put(c, "unix");
	CHECK(read(a, buf, sizeof(buf)));
	close(a);
	close(c);
	close(s);
	CHECK(unlink("socket"));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	put(pair[0], "pair");
	CHECK(read(pair[1], buf, sizeof(buf)));
	close(pair[0]);
	close(pair[1]);
}

static int server(void)
{
	struct sockaddr_in at = loopback(PORT), other = loopback(PORT + 2), peer;
	int fd = (int)CHECK(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)), one = 1, refused;
	socklen_t len = sizeof(peer);
	pthread_t c[2], s[2];

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	CHECK(bind(fd, (void *)&at, sizeof(at)));
	CHECK(listen(fd, 8));
	CHECK(getsockname(fd, (void *)&peer, &len));
	for (int i = 0; i < 2; i++) {
		/* made here, so that the number is the same each time */
		long conn, to = CHECK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

		if (pthread_create(&c[i], NULL, client, (void *)to))
			return 93;
		conn = CHECK(accept4(fd, (void *)&peer, &len, SOCK_CLOEXEC));
		if (pthread_create(&s[i], NULL, serve, (void *)conn))
			return 94;
		pthread_join(c[i], NULL);
		pthread_join(s[i], NULL);
	}
	close(fd);
	refused = (int)CHECK(socket(AF_INET, SOCK_STREAM, 0));
	if (connect(refused, (void *)&other, sizeof(other)) != -1 || errno != ECONNREFUSED)
		return 95;
	close(refused);
	if (connect(99, (void *)&other, sizeof(other)) != -1 || errno != EBADF)
		return 96;
	datagrams();
	local();
	return 0;
}

/* ---- a compiler driver: stages started by posix_spawn(), temporary files, a listing ---- */

static int stage(const char *in, const char *out)
{
	char buf[256];
	int from = (int)CHECK(open(in, O_RDONLY | O_NOCTTY));
	int to = (int)CHECK(openat(AT_FDCWD, out, O_RDWR | O_CREAT | O_TRUNC, 0666));
	struct stat st;
	struct iovec iov[2];
	ssize_t n;

	CHECK(fstat(from, &st));
	n = CHECK(read(from, buf, (size_t)st.st_size));
	if (CHECK(read(from, buf + n, sizeof(buf) - (size_t)n)) != 0)
		return 1;
	iov[0] = (struct iovec){ (void *)"stage ", 6 };
	iov[1] = (struct iovec){ buf, (size_t)n };
	CHECK(writev(to, iov, 2));
	CHECK(pwrite(to, "S", 1, 0));
	CHECK(lseek(to, 2, SEEK_SET));
	CHECK(pread(to, buf, 4, 1));
	CHECK(fdatasync(to));
	close(from);
	close(to);
	return 0;
}

static void run_stage(const char *in, const char *out)
{
	char *argv[] = { (char *)"stage", (char *)in, (char *)out, NULL };
	char *envp[] = { (char *)"LANG=C", NULL };
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, envp))
		_exit(80);
	wait_for(pid, 0);
}

static int stages(void)
{
	int fd = (int)CHECK(open("a.c", O_WRONLY | O_CREAT, 0644));
	struct stat st;
	struct statx stx;
	DIR *dir;

	put(fd, "int main(void) { return 0; }\n");
	close(fd);
	if (access("a.c", R_OK) || !access("a.h", R_OK) || !stat("b.c", &st))
		return 81;
	run_stage("a.c", "cc.s");
	run_stage("cc.s", "cc.o");
	CHECK(unlink("cc.s"));
	run_stage("cc.o", "a.out.tmp");
	CHECK(stat("a.out.tmp", &st));
	CHECK(lstat("a.out.tmp", &st));
	CHECK(statx(AT_FDCWD, "a.out.tmp", 0, STATX_BASIC_STATS, &stx));
	CHECK(chmod("a.out.tmp", 0755));
	CHECK(rename("a.out.tmp", "a.out"));
	CHECK(unlink("cc.o"));
	dir = opendir(".");
	if (!dir)
		return 82;
	while (readdir(dir))
		;
	closedir(dir);
	CHECK(unlink("a.out"));
	CHECK(unlink("a.c"));
	return 0;
}

/* ---- calls that ask and change, one after the other ---- */

static void attributes(int fd)
{
	char buf[64];

	CHECK(ftruncate(fd, 3));
	CHECK(truncate("f", 2));
	close((int)CHECK(open("f", O_WRONLY | O_TRUNC)));
	close((int)CHECK(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0600)));
	if (ftruncate(fd, -1) != -1 || truncate("none", 0) != -1)
		_exit(70);
	CHECK(fchmod(fd, 0600));
	CHECK(chmod("f", 0644));
	CHECK(fchown(fd, (uid_t)-1, getgid()));
	CHECK(chown("f", getuid(), (gid_t)-1));
	CHECK(symlink("f", "l"));
	CHECK(lchown("l", getuid(), getgid()));
	CHECK(readlink("l", buf, sizeof(buf)));
	if (readlink("f", buf, sizeof(buf)) != -1 || chmod("none", 0) != -1)
		_exit(71);
	CHECK(mknod("reg", S_IFREG | 0640, 0));
	CHECK(mknod("fifo", S_IFIFO | 0600, 0));
	if (mknod("reg", S_IFREG | 0600, 0) != -1)
		_exit(72);
	CHECK(unlink("reg"));
	CHECK(unlink("fifo"));
	CHECK(unlink("l"));
}

static void mappings(int fd)
{
	int memory = (int)CHECK(memfd_create("m", MFD_CLOEXEC));
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096), *q;

	if (p == MAP_FAILED)
		_exit(73);
	q = mmap(p, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (q != p || munmap(q, 4096))
		_exit(74);
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0) != MAP_FAILED ||
	    mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		_exit(75);
	CHECK(fallocate(memory, 0, 0, 8192));
	close(memory);
}

static void controls(int fd)
{
	struct flock l = { .l_type = F_WRLCK };
	int n, place = (int)CHECK(open("f", O_PATH));

	CHECK(fcntl(fd, F_GETFL));
	close((int)CHECK(fcntl(fd, F_DUPFD, 20)));
	CHECK(fcntl(fd, F_SETLK, &l));
	l.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLK, &l));
	CHECK(flock(fd, LOCK_EX | LOCK_NB));
	CHECK(flock(fd, LOCK_UN));
	CHECK(ioctl(fd, FIONREAD, &n));
	CHECK(fcntl(place, F_GETFD));
	if (fcntl(place, F_SETLK, &l) != -1 || ioctl(place, FIONREAD, &n) != -1 ||
	    fcntl(99, F_GETFD) != -1)
		_exit(76);
	close(place);
}

static int calls(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 };
	struct {
		uint32_t e, p, i;
	} none[2] = { { 0 } };
	struct sched_param param = { 0 };
	int fd = (int)CHECK(open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
	cpu_set_t cpus;

	put(fd, "hello");
	attributes(fd);
	mappings(fd);
	controls(fd);
	close(fd);
	CHECK(unlink("f"));
	CHECK(prctl(PR_GET_DUMPABLE));
	CHECK(prctl(PR_SET_NAME, "renamed"));
	if (prctl(PR_GET_KEEPCAPS) != 0 || prctl(12345) != -1)
		return 77;
	CHECK(getpgid(getpid()));
	CHECK(getpgid(0));
	CHECK(getsid(getpid()));
	CHECK(setpgid(0, 0));
	CHECK(sched_getscheduler(0));
	CHECK(sched_setscheduler(0, SCHED_OTHER, &param));
	CHECK(sched_getaffinity(0, sizeof(cpus), &cpus));
	/* nobody may mount, and all is seen up to there */
	CHECK(syscall(SYS_capset, &header, none));
	CHECK(mkdir("d", 0700));
	if (mount("none", "nowhere", "tmpfs", 0, NULL) != -1 || errno != ENOENT ||
	    mount("none", "d", "tmpfs", MS_MGC_VAL | MS_RDONLY, "size=1") != -1 || errno != EPERM ||
	    umount2("d", MNT_DETACH) != -1 || errno != EPERM || umount2("d", 1 << 20) != -1)
		return 78;
	CHECK(rmdir("d"));
	return 0;
}

/* ---- IPv6 ---- */

static int ipv6(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons(PORT + 3),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int in = (int)CHECK(socket(AF_INET6, SOCK_DGRAM, 0));
	int out = (int)CHECK(socket(AF_INET6, SOCK_DGRAM, 0)), s, c, a;
	char buf[64];

	CHECK(bind(in, (void *)&at, sizeof(at)));
	CHECK(sendto(out, "one", 3, 0, (void *)&at, sizeof(at)));
	CHECK(recvfrom(in, buf, sizeof(buf), 0, NULL, NULL));
	close(in);
	close(out);
	s = (int)CHECK(socket(AF_INET6, SOCK_STREAM, 0));
	c = (int)CHECK(socket(AF_INET6, SOCK_STREAM, 0));
	CHECK(bind(s, (void *)&at, sizeof(at)));
	CHECK(listen(s, 1));
	CHECK(connect(c, (void *)&at, sizeof(at)));
	a = (int)CHECK(accept(s, NULL, NULL));
	put(c, "six");
	CHECK(read(a, buf, sizeof(buf)));
	CHECK(send(a, "seven", 5, 0));
	CHECK(recv(c, buf, sizeof(buf), 0));
	CHECK(shutdown(c, SHUT_RDWR));
	close(c);
	close(a);
	close(s);
	return 0;
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], "cat"))
		return tool_cat();
	if (!strcmp(argv[0], "count"))
		return tool_count();
	if (!strcmp(argv[0], "stage") && argc == 3)
		return stage(argv[1], argv[2]);
	if (argc != 3 || argv[0][0] != '/')
		return 2;
	self = argv[0];
	CHECK(chdir(argv[2]));
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(argv[1], "pipes"))
		return pipes();
	if (!strcmp(argv[1], "server"))
		return server();
	if (!strcmp(argv[1], "calls"))
		return calls();
	if (!strcmp(argv[1], "ipv6"))
		return ipv6();
	if (!strcmp(argv[1], "stages"))
		return stages();
	return 2;
}
