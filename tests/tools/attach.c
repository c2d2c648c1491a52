/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program: attaches programs of an object to interfaces, runs a command, prints
 * array "counts". Knows nothing of skep: it is the same on the kernel.
 *
 *   attach OBJECT ACTION… -- COMMAND…
 *   ACTION: xdp:PROG:IFACE[:skb|:drv]   by link      tp:PROG                tracepoint
 *           ingress:PROG:IFACE          by TCX link  egress:PROG:IFACE
 *           dev:MAP:KEY:IFACE[:PROG]    DEVMAP       cpu:MAP:KEY:QSIZE[:PROG]
 *           tail:MAP:KEY:PROG
 *           nf:PROG:4|6:HOOK:PRIORITY[:defrag]    netfilter, in the namespace we are in
 *           netns:PROG                  socket lookups and flow dissectors, there, too
 *           fd:MAP:KEY:FD               a descriptor that we were started with
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As newer headers have them. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

static struct bpf_object *obj;

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static struct bpf_program *program(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	if (!p)
		die(name);
	return p;
}

static int map(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(obj, name);

	if (fd < 0)
		die(name);
	return fd;
}

static int split(char *s, char **parts, int max)
{
	int n = 0;

	for (char *save, *p = strtok_r(s, ":", &save); p && n < max; p = strtok_r(NULL, ":", &save))
		parts[n++] = p;
	return n;
}

/* A descriptor keeps it. */
static void xdp_link(char **a, int n)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = n > 3 && !strcmp(a[3], "skb") ? XDP_FLAGS_SKB_MODE :
			     n > 3			   ? XDP_FLAGS_DRV_MODE :
							     0);

	if (bpf_link_create(bpf_program__fd(program(a[1])), (int)if_nametoindex(a[2]), BPF_XDP,
			    &opts) < 0)
		die("xdp");
}

static void tcx_link(char **a)
{
	enum bpf_attach_type type = *a[0] == 'i' ? TCX_INGRESS : TCX_EGRESS;

	if (bpf_link_create(bpf_program__fd(program(a[1])), (int)if_nametoindex(a[2]), type, NULL) <
	    0)
		die(a[0]);
}

static void netfilter_link(char **a, int n)
{
	/* As newer headers have it. */
	struct {
		__u32 prog_fd, target_fd, attach_type, flags;
		struct {
			__u32 pf, hooknum;
			__s32 priority;
			__u32 flags;
		} netfilter;
	} attr = { .prog_fd = (__u32)bpf_program__fd(program(a[1])), .attach_type = 45 };

	attr.netfilter.pf = atoi(a[2]) == 6 ? 10 : 2;
	attr.netfilter.hooknum = (__u32)atoi(a[3]);
	attr.netfilter.priority = atoi(a[4]);
	attr.netfilter.flags = n > 5;
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
		die("nf");
}

static void act(char *action)
{
	char *a[6] = { 0 };
	int n = split(action, a, 6);
	unsigned key;

	if (!strcmp(a[0], "tp")) {
		if (!bpf_program__attach(program(a[1])))
			die("tp");
	} else if (!strcmp(a[0], "xdp")) {
		xdp_link(a, n);
	} else if (!strcmp(a[0], "ingress") || !strcmp(a[0], "egress")) {
		tcx_link(a);
	} else if (!strcmp(a[0], "dev")) {
		struct bpf_devmap_val v = { .ifindex = if_nametoindex(a[3]) };

		v.bpf_prog.fd = a[4] ? bpf_program__fd(program(a[4])) : -1;
		key = (unsigned)atoi(a[2]);
		if (bpf_map_update_elem(map(a[1]), &key, &v, 0))
			die(action);
	} else if (!strcmp(a[0], "cpu")) {
		struct bpf_cpumap_val v = { .qsize = (unsigned)atoi(a[3]) };

		v.bpf_prog.fd = a[4] ? bpf_program__fd(program(a[4])) : -1;
		key = (unsigned)atoi(a[2]);
		if (bpf_map_update_elem(map(a[1]), &key, &v, 0))
			die(action);
	} else if (!strcmp(a[0], "tail")) {
		int fd = bpf_program__fd(program(a[3]));

		key = (unsigned)atoi(a[2]);
		if (bpf_map_update_elem(map(a[1]), &key, &fd, 0))
			die(action);
	} else if (!strcmp(a[0], "nf")) {
		netfilter_link(a, n);
	} else if (!strcmp(a[0], "netns")) {
		int ns = open("/proc/self/ns/net", O_RDONLY);

		if (!bpf_program__attach_netns(program(a[1]), ns))
			die(action);
	} else if (!strcmp(a[0], "fd")) {
		unsigned long long fd = (unsigned long long)atoi(a[3]);

		key = (unsigned)atoi(a[2]);
		if (bpf_map_update_elem(map(a[1]), &key, &fd, 0))
			die(action);
	} else {
		die("wrong usage");
	}
}

int main(int argc, char **argv)
{
	struct bpf_program *p;
	unsigned long long value;
	int i, fd, status = 0;

	obj = argc > 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!obj)
		die("object");
	bpf_object__for_each_program(p, obj) /* the library may be too old for the section */
		if (!strcmp(bpf_program__section_name(p), "netfilter"))
	{
		bpf_program__set_type(p, (enum bpf_prog_type)32);
		bpf_program__set_expected_attach_type(p, (enum bpf_attach_type)45);
	}
	if (bpf_object__load(obj))
		die("load");
	for (i = 2; i < argc && strcmp(argv[i], "--"); i++)
		act(argv[i]);
	fflush(stdout);
	if (!fork()) {
		execvp(argv[i + 1], argv + i + 1);
		_exit(127);
	}
	wait(&status);
	fd = map("counts");
	printf("counts:");
	for (unsigned k = 0; k < 32; k++)
		if (!bpf_map_lookup_elem(fd, &k, &value) && value)
			printf(" %u=%llu", k, value);
	printf("\n");
	return WEXITSTATUS(status);
}
