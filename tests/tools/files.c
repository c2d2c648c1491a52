/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What tests/bpf/files.bpf.c is asked about: files "skep-?" in the folder that is named. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const names[] = { "skep-x", "skep-a", "skep-b", "skep-c" };

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]))
		return 1;
	for (int i = 0; i < 4; i++) {
		int fd;

		unlink(names[i]);
		fd = i ? creat(names[i], 0644) : -1;
		if (fd >= 0 && write(fd, "bytes\n", 6) != 6)
			return 1;
		close(fd);
	}
	if (setxattr("skep-a", "user.a", "12345678", 8, 0) ||
	    setxattr("skep-c", "user.a", "12345678", 8, 0)) {
		fprintf(stderr, "no attributes here: %s\n", strerror(errno));
		return 77;
	}
	chmod("skep-c", 0222);
	close(open("skep-a", O_RDONLY));
	close(open("skep-b", O_RDONLY));
	close(open("skep-c", O_WRONLY));
	chmod("skep-a", 0600);
	return rename("skep-a", "skep-x") != 0;
}
