/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Loads and runs light.bpf.c by its light skeleton, without libbpf: what bpf(2) says is printed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "light.lskel.h"

int main(void)
{
	char packet[64] = { 0 };
	struct light_bpf *skel = light_bpf__open();
	union bpf_attr attr;
	unsigned key = 64;
	unsigned long long value = 0;
	int err;

	if (!skel)
		return 1;
	skel->rodata->step = 7;
	skel->data->runs = 100;
	err = light_bpf__load(skel);
	if (err) {
		printf("load: %d\n", err);
		return 1;
	}
	for (int i = 0; i < 3; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (unsigned)skel->progs.classify.prog_fd;
		attr.test.data_in = (unsigned long)packet;
		attr.test.data_size_in = sizeof(packet);
		err = (int)syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
		printf("run: %d, returned %u\n", err, attr.test.retval);
	}
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (unsigned)skel->maps.seen.map_fd;
	attr.key = (unsigned long)&key;
	attr.value = (unsigned long)&value;
	err = (int)syscall(__NR_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
	printf("seen: %d, %llu\n", err, value);
	printf("total %llu, runs %u\n", skel->bss->total, skel->data->runs);
	light_bpf__destroy(skel);
	return 0;
}
