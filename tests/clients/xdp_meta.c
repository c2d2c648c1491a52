/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads tests/bpf/xdp_meta.bpf.c for one device, attaches it there and says what its functions answered for each of
 * the datagrams that came: "xdp_meta FILE DEVICE N [generic]". "ready" when it is attached.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#ifndef BPF_F_XDP_DEV_BOUND_ONLY
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)
#endif

struct seen {
	__u64 timestamp;
	__s32 timestamp_ret, hash_ret, tag_ret;
	__u32 hash, rss_type, frames, same_hash;
	__u16 vlan_proto, vlan_tci, eth_proto, len;
};

static void show(const struct seen *s)
{
	printf("%x, %u bytes: time %d %llu; hash %d %s type %u%s; tag %d %x %u\n",
	       __builtin_bswap16(s->eth_proto), s->len, s->timestamp_ret,
	       (unsigned long long)s->timestamp, s->hash_ret, s->hash ? "some" : "0", s->rss_type,
	       s->same_hash ? " as before" : "", s->tag_ret, __builtin_bswap16(s->vlan_proto),
	       s->vlan_tci);
}

int main(int argc, char **argv)
{
	struct bpf_object *o;
	struct bpf_program *p, *meta;
	struct bpf_map *bss;
	const struct timespec tick = { 0, 2000000 };
	unsigned ifindex, n, got = 0;
	int err, left = 5000;

	if (argc < 4)
		return 2;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	ifindex = if_nametoindex(argv[2]);
	n = (unsigned)atoi(argv[3]);
	o = bpf_object__open_file(argv[1], NULL);
	if (!o)
		return 1;
	meta = bpf_object__find_program_by_name(o, "meta");
	bpf_object__for_each_program(p, o) bpf_program__set_autoload(p, p == meta);
	bpf_program__set_ifindex(meta, ifindex);
	bpf_program__set_flags(meta, BPF_F_XDP_DEV_BOUND_ONLY);
	err = bpf_object__load(o);
	if (err) {
		fprintf(stderr, "load: %s\n", strerror(-err));
		return 1;
	}
	err = bpf_xdp_attach((int)ifindex, bpf_program__fd(meta), argc > 4 ? XDP_FLAGS_SKB_MODE : 0,
			     NULL);
	if (err) {
		fprintf(stderr, "attach: %s\n", strerror(-err));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	bss = bpf_object__find_map_by_name(o, "xdp_meta.bss");
	while (got < n && left-- > 0) {
		struct seen seen;
		__u32 key = 0;

		nanosleep(&tick, NULL);
		if (bpf_map_lookup_elem(bpf_map__fd(bss), &key, &seen))
			return 1;
		if (seen.frames == got)
			continue;
		got = seen.frames;
		show(&seen);
		fflush(stdout);
	}
	bpf_xdp_detach((int)ifindex, 0, NULL);
	bpf_object__close(o);
	return got == n ? 0 : 1;
}
