/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls about which security modules are asked, in a folder of their own: one line each with what it
 * gave. tests/bpf/decisions.bpf.c refuses some of them; the lines are compared with those of a
 * kernel that has the same programs (tests/data/decisions-6.12.txt).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long ret)
{
	if (ret < 0)
		printf("%-32s %s\n", what, strerror(errno));
	else
		printf("%-32s ok\n", what);
	fflush(stdout);
}

#define SAY(call) say(#call, call)

/* The same, and the descriptor is closed. */
static void say_fd(const char *what, int fd)
{
	say(what, fd);
	if (fd >= 0)
		close(fd);
}

#define SAY_FD(call) say_fd(#call, call)

static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);

	if (fd < 0 || write(fd, "text", 4) != 4)
		exit(1);
	close(fd);
}

static int open_2(const char *name, int flags, int resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how));
}

static int inet(int (*fn)(int, const struct sockaddr *, socklen_t), int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), ret, err;

	ret = fn(fd, (struct sockaddr *)&a, sizeof(a));
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static int backlog(int n)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), ret = listen(fd, n), err = errno;

	close(fd);
	errno = err;
	return ret;
}

static int run(const char *path)
{
	int status, fds[2], err = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		execl(path, path, "again", NULL);
		err = errno;
		(void)!write(fds[1], &err, sizeof(err));
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], &err, sizeof(err)) <= 0)
		err = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	errno = err;
	return err ? -1 : 0;
}

static int forks(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static int copy(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			return -1;
	close(in);
	close(out);
	return in < 0 || out < 0 ? -1 : 0;
}

static void on_signal(int sig)
{
}

int main(int argc, char **argv)
{
	struct timeval times[2] = { { 1, 0 }, { 2, 0 } };
	char dir[] = "/tmp/decisions-XXXXXX", buf[64];
	struct stat st;
	int fd;

	if (argc > 1)
		return 0;
	/* Before a module is in force: what it is to refuse is there. */
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	umask(022);
	make("plain");
	SAY(mkdir("lsm-rmdir", 0755));
	SAY(rename("plain", "lsm-open-me"));
	SAY_FD(open("lsm-open-me", O_RDONLY));
	SAY_FD(open("lsm-open-me", O_RDONLY | O_TRUNC));
	SAY_FD(open("lsm-open-me", O_PATH));
	SAY_FD(open_2("lsm-open-me", O_RDONLY, RESOLVE_BENEATH));
	SAY(symlink("lsm-open-me", "link"));
	SAY_FD(open("link", O_RDONLY));
	SAY_FD(open("link", O_WRONLY | O_CREAT, 0644));
	SAY_FD(open("link", O_RDONLY | O_NOFOLLOW));
	SAY_FD(open("missing", O_RDONLY));
	SAY_FD(open("link/x", O_RDONLY));
	SAY_FD(open(".", O_RDONLY | O_DIRECTORY));
	SAY_FD(open(".", O_WRONLY));
	SAY_FD(open("new", O_CREAT | O_EXCL | O_WRONLY, 0666));
	SAY(stat("new", &st));
	printf("%-32s %o\n", "its mode", st.st_mode);
	SAY_FD(open("new", O_CREAT | O_EXCL | O_WRONLY, 0666));
	SAY_FD(open("lsm-create", O_CREAT | O_WRONLY, 0666));
	SAY_FD(open("lsm-mknod", O_CREAT | O_WRONLY, 0666));
	SAY(stat("lsm-mknod", &st));
	SAY_FD(open("lsm-open-new", O_CREAT | O_WRONLY, 0666));
	SAY(stat("lsm-open-new", &st)); /* made and not opened */
	SAY_FD(open_2("../../etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	SAY_FD(open_2("link", O_RDONLY, RESOLVE_NO_SYMLINKS));
	SAY_FD(open("/proc/self/status", O_RDONLY));
	SAY_FD(open("/dev/null", O_RDWR));
	fd = open("new", O_RDONLY);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	SAY_FD(open(buf, O_RDONLY));
	close(fd);
	SAY(rename("new", "lsm-write-2"));
	fd = open("lsm-write-2", O_RDWR);
	SAY(write(fd, "x", 1));
	SAY(read(fd, buf, 1));
	SAY(ioctl(fd, 0x5ce1));
	close(fd);
	make("lsm-unlink");
	SAY(unlink("lsm-unlink"));
	SAY(unlinkat(AT_FDCWD, "lsm-unlink", 0));
	SAY(unlink("lsm-write-2"));
	SAY(unlink("missing"));
	SAY(unlink("."));
	SAY(rmdir("lsm-rmdir"));
	SAY(rmdir("link"));
	SAY(mkdir("lsm-mkdir", 0755));
	SAY(mkdir("lsm-rmdir", 0755));
	SAY(mkdir("dir/", 0777));
	SAY(rmdir("dir/"));
	SAY(rmdir("."));
	SAY(mknod("lsm-mknod", S_IFIFO | 0644, 0));
	SAY(mknod("lsm-create", 0644, 0));
	SAY(symlink("x", "lsm-symlink"));
	SAY(symlink("x", "other"));
	make("lsm-link");
	SAY(link("lsm-link", "linked"));
	SAY(link("lsm-unlink", "linked"));
	SAY(link("link", "linked-link"));
	SAY(rename("linked", "lsm-rename"));
	SAY(rename("linked", "renamed"));
	SAY(rename("missing", "renamed"));
	make("file");
	SAY(chmod("file", 0641));
	SAY(chmod("file", 0600));
	SAY(chmod("missing", 0641));
	fd = open("file", O_RDWR);
	SAY(fchmod(fd, 0641));
	SAY(fchmod(fd, 0640));
	SAY(ftruncate(fd, 2));
	close(fd);
	make("lsm-chown");
	SAY(chown("lsm-chown", -1, -1));
	SAY(lchown("file", -1, -1));
	make("lsm-truncate");
	SAY(truncate("lsm-truncate", 1));
	SAY(truncate("file", 1));
	SAY(truncate(".", 1));
	SAY(stat("file", &st));
	printf("%-32s %ld, %o\n", "its size and mode", (long)st.st_size, st.st_mode);
	SAY(utimes("file", times));
	SAY(stat("file", &st));
	printf("%-32s %ld %ld\n", "its times", (long)st.st_atime, (long)st.st_mtime);
	SAY(rename("file", "lsm-stat"));
	SAY(stat("lsm-stat", &st));
	SAY(lstat("link", &st));
	SAY(symlink("there", "lsm-readlink"));
	SAY(readlink("lsm-readlink", buf, sizeof(buf)));
	SAY(readlink("link", buf, sizeof(buf)));
	SAY(readlink("lsm-link", buf, sizeof(buf)));
	SAY(copy("/proc/self/exe", "run"));
	SAY(run("./run"));
	SAY(rename("run", "lsm-exec"));
	SAY(run("./lsm-exec"));
	SAY(symlink("lsm-exec", "by-link"));
	SAY(run("./by-link"));
	fd = open("script", O_CREAT | O_WRONLY, 0755);
	(void)!dprintf(fd, "#!%s/lsm-exec\n", dir);
	close(fd);
	SAY(run("./script"));
	SAY(run("./lsm-link"));
	SAY(run("./missing"));
	signal(59, on_signal);
	signal(60, on_signal);
	SAY(kill(getpid(), 59));
	SAY(kill(getpid(), 60));
	SAY(forks());
	prctl(PR_SET_NAME, "lsm-fork");
	SAY(forks());
	prctl(PR_SET_NAME, "other");
	SAY_FD(socket(35, SOCK_DGRAM, 0));
	SAY_FD(socket(AF_INET, SOCK_DGRAM, 0));
	SAY(inet(bind, 59701));
	SAY(inet(bind, 59703));
	SAY(inet(connect, 59702));
	SAY(inet(connect, 59704));
	SAY(backlog(597));
	SAY(backlog(5));
	SAY(prctl(0x5ce1, 0, 0, 0, 0));
	SAY(prctl(0x5ce2, 0, 0, 0, 0));
	return 0;
}
