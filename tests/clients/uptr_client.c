/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program that shares memory of its own with a program at its system calls
 * (tests/bpf/uptr.bpf.c). Prints what the program left there: "23 ound it, more with each call".
 *   uptr_client OBJECT
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/uptr.h"

static struct {
	struct shared_in in;
	struct shared_out out;
} shared __attribute__((aligned(4096)));

int main(int argc, char **argv)
{
	struct {
		long plain;
		struct shared_in *in;
		struct shared_out *out[2];
	} value = { 0, &shared.in, { NULL, &shared.out } };
	volatile struct shared_out *out = &shared.out;
	struct bpf_object *obj = bpf_object__open_file(argv[1], NULL);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), map, runs, grew = 1;

	if (!obj || bpf_object__load(obj)) {
		printf("cannot load: %s\n", strerror(errno));
		return 77;
	}
	if (!bpf_program__attach(bpf_object__find_program_by_name(obj, "work"))) {
		perror("attach");
		return 77;
	}
	map = bpf_object__find_map_fd_by_name(obj, "storage");
	shared.in.a = 20;
	shared.in.b = 3;
	if (bpf_map_update_elem(map, &self, &value, 0)) {
		perror("update");
		return 1;
	}
	for (int i = 0; i < 20; i++) {
		runs = out->runs;
		syscall(SYS_getpgid, 0);
		grew &= out->runs > runs;
	}
	printf("%d %s, %s with each call\n", out->sum - 1000, shared.out.word + 1,
	       grew ? "more" : "not more");
	return 0;
}
