/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * manager OBJ DIR COMMAND…: attaches all programs of an object with libbpf, pins their links in a folder of
 * the BPF file system, then becomes COMMAND. The first link's descriptor stays open: $LINK_FD.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

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
		struct bpf_link *link = bpf_program__attach(prog);

		snprintf(path, sizeof(path), "%s/%s", argv[2], bpf_program__name(prog));
		if (!link || bpf_link__pin(link, path)) {
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
			return 1;
		}
		if (!*number) {
			snprintf(number, sizeof(number), "%d", dup(bpf_link__fd(link)));
			setenv("LINK_FD", number, 1);
		}
	}
	execvp(argv[3], argv + 3);
	return 127;
}
