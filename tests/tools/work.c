/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the tools under test look at: a static program whose calls are the same on every
 * kernel. Errors are part of it and not looked at.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define USED __attribute__((unused))

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((in_port_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A listener, a connection, five bytes there and seven back, the client closes first. */
static void talk(void)
{
	struct sockaddr_in at = loopback(7777);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, server, datagrams;
	int one = 1;
	char buf[64];
	ssize_t n USED;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bind(listener, (struct sockaddr *)&at, sizeof(at));
	listen(listener, 3);
	client = socket(AF_INET, SOCK_STREAM, 0);
	connect(client, (struct sockaddr *)&at, sizeof(at));
	server = accept(listener, NULL, NULL);
	n = send(client, "hello", 5, 0);
	n = recv(server, buf, sizeof(buf), MSG_WAITALL & 0);
	n = send(server, "worlds!", 7, 0);
	n = recv(client, buf, sizeof(buf), 0);
	close(client);
	n = recv(server, buf, sizeof(buf), 0); /* its end */
	close(server);
	close(listener);
	datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	at = loopback(8888);
	bind(datagrams, (struct sockaddr *)&at, sizeof(at));
	close(datagrams);
}

static void touch_files(void)
{
	struct statfs fs;
	struct stat st;
	char buf[16];
	ssize_t n USED;
	int fd;

	fd = open("/tmp/work-file", O_CREAT | O_RDWR, 0644);
	n = write(fd, "abcd", 4);
	fsync(fd);
	lseek(fd, 0, SEEK_SET);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	unlink("/tmp/work-file");
	mknod("/tmp/work-node", S_IFREG | 0600, 0);
	unlink("/tmp/work-node");
	open("/nonexistent/file", O_RDONLY);
	stat("/nonexistent/file", &st);
	statfs("/nonexistent/file", &fs);
	mount("work", "/nonexistent/file", "tmpfs", 0, "");
	umount("/nonexistent/file");
	sync();
}

static void *thread(void *arg)
{
	return arg;
}

static void signal_somebody(void)
{
	sigset_t terminate, before;
	pid_t child;
	int status;

	/* Held back until the child waits for it, so that the child always makes the same calls. */
	sigemptyset(&terminate);
	sigaddset(&terminate, SIGTERM);
	sigprocmask(SIG_BLOCK, &terminate, &before);
	child = fork();
	if (!child) {
		sigsuspend(&before);
		_exit(1);
	}
	kill(getpid(), 0);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
}

int main(void)
{
	pthread_t t;

	talk();
	touch_files();
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	signal_somebody();
	return 3;
}
