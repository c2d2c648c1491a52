/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaches put_meta (XDP) and get_meta (TC ingress) of tests/bpf/xdp_pull.bpf.c to a device and says what came of
 * the first datagram for port 9: "skb_meta FILE DEVICE". "ready" when they are attached.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct meta {
	__u32 frames, size, direct;
	__s32 made, flags, read, write, write_flags, far;
	__u32 bytes, slice, again, rdonly;
};

int main(int argc, char **argv)
{
	static const char *const names[] = { "put_meta", "get_meta" };
	const struct timespec tick = { 0, 2000000 };
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, tc);
	struct bpf_program *p, *progs[2];
	struct bpf_object *o;
	struct meta m;
	int left = 5000, bss;

	if (argc < 3)
		return 2;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	o = bpf_object__open_file(argv[1], NULL);
	if (!o)
		return 1;
	bpf_object__for_each_program(p, o) bpf_program__set_autoload(p, false);
	for (int i = 0; i < 2; i++) {
		progs[i] = bpf_object__find_program_by_name(o, names[i]);
		bpf_program__set_autoload(progs[i], true);
	}
	if (bpf_object__load(o))
		return 1;
	hook.ifindex = (int)if_nametoindex(argv[2]);
	tc.prog_fd = bpf_program__fd(progs[1]);
	if (bpf_xdp_attach(hook.ifindex, bpf_program__fd(progs[0]), 0, NULL) ||
	    bpf_tc_hook_create(&hook) || bpf_tc_attach(&hook, &tc)) {
		perror("attach");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	bss = bpf_map__fd(bpf_object__find_map_by_name(o, "xdp_pull.bss"));
	do {
		__u32 key = 0;

		nanosleep(&tick, NULL);
		if (bpf_map_lookup_elem(bss, &key, &m))
			return 1;
	} while (!m.frames && left--);
	printf("made %d (with a flag %d), %u bytes, %u directly%s; read %d %x, too far %d; "
	       "write %d (with a flag %d), then %x; slice, then %x\n",
	       m.made, m.flags, m.size, m.direct, m.rdonly ? ", read-only" : "", m.read, m.bytes,
	       m.far, m.write, m.write_flags, m.slice, m.again);
	return m.frames ? 0 : 1;
}
