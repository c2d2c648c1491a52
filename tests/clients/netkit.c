/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaches the programs of tests/bpf/netkit.bpf.c by links to the netkit device DEVICE and to its ingress, and says what
 * they saw when its input ends: "netkit FILE DEVICE". "ready" when they are attached.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { TCX_INGRESS = 46, NETKIT_PRIMARY = 54, NETKIT_PEER = 55, CREATE = 28 };

struct seen {
	__u32 ports[4], device, from_device, type, len;
};

struct values {
	struct seen by_primary, by_peer, behind;
	__u32 second, primary_ifindex;
};

/* libbpf 1.1 knows neither. */
static int link_to(struct bpf_object *o, const char *prog, unsigned ifindex, unsigned type)
{
	struct {
		__u32 prog_fd, target, attach_type, flags, more[12];
	} attr = { (__u32)bpf_program__fd(bpf_object__find_program_by_name(o, prog)),
		   ifindex,
		   type,
		   0,
		   { 0 } };
	long fd = syscall(SYS_bpf, CREATE, &attr, sizeof(attr));

	if (fd < 0)
		fprintf(stderr, "%s: %s\n", prog, strerror(errno));
	return (int)fd;
}

/* The other end's number may be the same as this one's: @ifindex 0 says nothing of it. */
static void show(const char *who, const struct seen *s, unsigned ifindex)
{
	printf("%s: %u passed on, %u dropped, %u redirected, %u passed; %u bytes, type %u", who,
	       s->ports[0], s->ports[1], s->ports[2], s->ports[3], s->len, s->type);
	if (ifindex)
		printf(", device %s", s->device == ifindex ? "here" : "there");
	printf(", from %s\n", !s->from_device		? "none" :
			      s->from_device == ifindex ? "here" :
							  "there");
}

int main(int argc, char **argv)
{
	struct bpf_object *o;
	struct bpf_map *bss;
	struct values v = { .second = 0 };
	unsigned ifindex;
	__u32 zero = 0;
	char c;

	if (argc < 3)
		return 2;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	ifindex = if_nametoindex(argv[2]);
	o = bpf_object__open_file(argv[1], NULL);
	if (!o || bpf_object__load(o))
		return 1;
	bss = bpf_object__find_map_by_name(o, "netkit.bss");
	if (bpf_map__value_size(bss) != sizeof(v))
		return 1;
	v.primary_ifindex = ifindex;
	bpf_map_update_elem(bpf_map__fd(bss), &zero, &v, 0);
	if (link_to(o, "primary", ifindex, NETKIT_PRIMARY) < 0 ||
	    link_to(o, "next", ifindex, NETKIT_PRIMARY) < 0 ||
	    link_to(o, "peer", ifindex, NETKIT_PEER) < 0 ||
	    link_to(o, "next", ifindex, NETKIT_PEER) < 0 ||
	    link_to(o, "ingress", ifindex, TCX_INGRESS) < 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) == 1)
		;
	bpf_map_lookup_elem(bpf_map__fd(bss), &zero, &v);
	show("primary", &v.by_primary, 0);
	show("peer", &v.by_peer, ifindex);
	show("ingress", &v.behind, ifindex);
	printf("second programs: %u\n", v.second);
	return 0;
}
