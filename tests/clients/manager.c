/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * manager OBJ DIR COMMAND…: attaches all programs of an object with libbpf, pins their links in a folder of
 * the BPF file system, then becomes COMMAND. The first link's descriptor stays open: $LINK_FD. With
 * $BY_LINK_CREATE security modules are attached by that command, not as libbpf does it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Attaches and pins: a descriptor of the link, or -1 with errno. */
static int attach(struct bpf_program *prog, const char *pin)
{
	struct bpf_link *link;
	int fd;

	if (getenv("BY_LINK_CREATE")) {
		fd = bpf_link_create(bpf_program__fd(prog), 0, BPF_LSM_MAC, NULL);
		return fd >= 0 && bpf_obj_pin(fd, pin) ? -1 : fd;
	}
	link = bpf_program__attach(prog);
	return link && !bpf_link__pin(link, pin) ? dup(bpf_link__fd(link)) : -1;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	struct bpf_program *prog;
	char path[256], number[16] = "";

	if (argc < 4)
		return 2;
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj)) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	mkdir(argv[2], 0700);
	bpf_object__for_each_program(prog, obj)
	{
		int fd;

		snprintf(path, sizeof(path), "%s/%s", argv[2], bpf_program__name(prog));
		fd = attach(prog, path);
		if (fd < 0) {
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
			return 1;
		}
		if (!*number) {
			snprintf(number, sizeof(number), "%d", fd);
			setenv("LINK_FD", number, 1);
		}
	}
	execvp(argv[3], argv + 3);
	return 127;
}
