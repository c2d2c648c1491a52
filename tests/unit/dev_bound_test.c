/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs for one device (BPF_F_XDP_DEV_BOUND_ONLY): how they are loaded, what they may be mixed with, where they
 * can be attached, what becomes of them when the device goes. Here, and in the running kernel on a veth pair in a
 * network namespace of our own: what both say is written down and compared.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hook/hook.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/system_fixture.h"

/* <bpf/btf.h>, which does not go with ours */
struct btf *btf__load_from_kernel_by_id(__u32 id);
__s32 btf__find_by_name_kind(const struct btf *btf, const char *name, __u32 kind);
void btf__free(struct btf *btf);

static struct skep_system *sys;
static u32 one, two;	     /* the devices, with the same numbers on both sides */
static bool kernel, extends; /* there is one to compare with, and it takes programs of type EXT */

struct side {
	bool kernel;
	FILE *said;
	char *text;
	size_t size;
};

static int call(const struct side *s, int cmd, union bpf_attr *attr)
{
	return s->kernel ? kernel_bpf_raw(cmd, attr, sizeof(*attr)) :
			   skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static void done(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Others, with the same names and numbers. */
static void replace_devices(const struct side *s)
{
	if (s->kernel) {
		assert_int_equal(system("${IP:-ip} link del one && ${IP:-ip} link add one index "
					"101 type veth "
					"peer name two index 102"),
				 0);
		return;
	}
	netdev_hooks_del(sys, one);
	netdev_hooks_del(sys, two);
	assert_int_equal(netdev_hooks_add(sys, one, "one"), 0);
	assert_int_equal(netdev_hooks_add(sys, two, "two"), 0);
}

/* 0 for a descriptor: its number means nothing. */
static int plain(int ret)
{
	return min(ret, 0);
}

static int load(const struct side *s, u32 type, u32 flags, u32 ifindex, u32 attach)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 2 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = type,
				.insn_cnt = 2,
				.insns = (u64)insns,
				.license = (u64) "GPL",
				.prog_flags = flags,
				.prog_ifindex = ifindex,
				.expected_attach_type = attach };

	return call(s, BPF_PROG_LOAD, &attr);
}

static int bound(const struct side *s, u32 ifindex, u32 flags)
{
	return load(s, BPF_PROG_TYPE_XDP, BPF_F_XDP_DEV_BOUND_ONLY | flags, ifindex, 0);
}

static void loading(struct side *s)
{
	static const u32 types[] = { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				     BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_ACT };
	static const u32 flags[] = { 0,
				     BPF_F_XDP_DEV_BOUND_ONLY,
				     BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_XDP_HAS_FRAGS,
				     BPF_F_XDP_HAS_FRAGS,
				     BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_TEST_RND_HI32,
				     BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_TEST_STATE_FREQ,
				     BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_SLEEPABLE,
				     BPF_F_TEST_RND_HI32 };
	const u32 devices[] = { 0, 1, one, two, 999, ~0U };

	for (size_t t = 0; t < ARRAY_SIZE(types); t++)
		for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
			for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
				int fd = load(s, types[t], flags[f], devices[d], 0);

				fprintf(s->said, "type %u flags %#x device %u: %d\n", types[t],
					flags[f], devices[d], plain(fd));
				done(fd);
			}
}

static void info(struct side *s, const char *what, int fd)
{
	struct bpf_prog_info i = { 0 };
	union bpf_attr attr = {
		.info = { .bpf_fd = (u32)fd, .info_len = sizeof(i), .info = (u64)&i }
	};
	int err = call(s, BPF_OBJ_GET_INFO_BY_FD, &attr);

	fprintf(s->said, "%s: info %d, device %u of %llu:%llu\n", what, err, i.ifindex,
		(unsigned long long)i.netns_dev, (unsigned long long)i.netns_ino);
}

static int new_map(const struct side *s, u32 type, u32 value)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = 4, .value_size = value, .max_entries = 4
	};

	return call(s, BPF_MAP_CREATE, &attr);
}

static void put(struct side *s, const char *what, int map, const void *value)
{
	u32 key = 0;
	union bpf_attr attr = { .map_fd = (u32)map, .key = (u64)&key, .value = (u64)value };

	fprintf(s->said, "%s: %d\n", what, call(s, BPF_MAP_UPDATE_ELEM, &attr));
}

/* Programs for a device and maps of programs. */
static void mixing(struct side *s)
{
	int p = bound(s, one, 0), array = new_map(s, BPF_MAP_TYPE_PROG_ARRAY, 4);
	int dev = new_map(s, BPF_MAP_TYPE_DEVMAP, 8), cpu = new_map(s, BPF_MAP_TYPE_CPUMAP, 8);
	int for_dev = load(s, BPF_PROG_TYPE_XDP, BPF_F_XDP_DEV_BOUND_ONLY, one, BPF_XDP_DEVMAP);
	int for_cpu = load(s, BPF_PROG_TYPE_XDP, BPF_F_XDP_DEV_BOUND_ONLY, one, BPF_XDP_CPUMAP);
	struct bpf_devmap_val d = { .ifindex = two, .bpf_prog.fd = for_dev };
	struct bpf_cpumap_val c = { .qsize = 8, .bpf_prog.fd = for_cpu };
	const struct bpf_insn tail[] = {
		{ .code = 0x18, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = array },
		{ 0 },
		{ .code = 0xb7, .dst_reg = 3 },
		{ .code = 0x85, .imm = BPF_FUNC_tail_call },
		{ .code = 0xb7, .imm = 2 },
		{ .code = 0x95 }
	};
	union bpf_attr load_tail = { .prog_type = BPF_PROG_TYPE_XDP,
				     .insn_cnt = ARRAY_SIZE(tail),
				     .insns = (u64)tail,
				     .license = (u64) "GPL",
				     .prog_flags = BPF_F_XDP_DEV_BOUND_ONLY,
				     .prog_ifindex = one };
	u8 packet[64] = { 0 };
	union bpf_attr run = { .test = { .prog_fd = (u32)p,
					 .data_in = (u64)packet,
					 .data_size_in = sizeof(packet) } };
	int caller = call(s, BPF_PROG_LOAD, &load_tail);

	fprintf(s->said, "for a device map %d, a CPU map %d; tail calls %d\n", plain(for_dev),
		plain(for_cpu), plain(caller));
	put(s, "into a program array", array, &p);
	put(s, "into a device map", dev, &d);
	put(s, "into a CPU map", cpu, &c);
	fprintf(s->said, "test run: %d\n", call(s, BPF_PROG_TEST_RUN, &run));
	run.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	fprintf(s->said, "live: %d\n", call(s, BPF_PROG_TEST_RUN, &run));
	info(s, "bound", p);
	for (int *fd = (int[]){ p, array, dev, cpu, for_dev, for_cpu, caller, -2 }; *fd != -2; fd++)
		done(*fd);
}

static int attach(struct side *s, const char *what, int prog, u32 ifindex, u32 flags)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (u32)prog,
						 .target_ifindex = ifindex,
						 .attach_type = BPF_XDP,
						 .flags = flags } };
	int fd = call(s, BPF_LINK_CREATE, &attr);

	fprintf(s->said, "attach %s: %d\n", what, plain(fd));
	return fd;
}

/*
 * No program is bound to the other device before: kernels without a late mend take any two devices that had some for
 * the same one.
 */
static void attaching(struct side *s)
{
	int p = bound(s, one, 0), again = bound(s, one, 0);
	int frags = bound(s, one, BPF_F_XDP_HAS_FRAGS), any = load(s, BPF_PROG_TYPE_XDP, 0, 0, 0);
	int for_dev = load(s, BPF_PROG_TYPE_XDP, BPF_F_XDP_DEV_BOUND_ONLY, one, BPF_XDP_DEVMAP);
	int link;

	done(attach(s, "elsewhere", p, two, 0));
	done(attach(s, "elsewhere, generic", p, two, XDP_FLAGS_SKB_MODE));
	done(attach(s, "generic", p, one, XDP_FLAGS_SKB_MODE));
	done(attach(s, "in hardware", p, one, XDP_FLAGS_HW_MODE));
	done(attach(s, "of a device map", for_dev, one, 0));
	done(attach(s, "of a device map elsewhere", for_dev, two, 0));
	done(attach(s, "natively", p, one, XDP_FLAGS_DRV_MODE));
	done(attach(s, "with fragments", frags, one, 0));
	link = attach(s, "there", p, one, 0);
	for (int *fd = (int[]){ again, frags, for_dev, any, p, p, -2 }; *fd != -2; fd++) {
		union bpf_attr attr = { .link_update = { .link_fd = (u32)link,
							 .new_prog_fd = (u32)*fd } };

		fprintf(s->said, "update: %d\n", call(s, BPF_LINK_UPDATE, &attr));
	}
	done(link);
	for (int *fd = (int[]){ p, again, frags, any, for_dev, -2 }; *fd != -2; fd++)
		done(*fd);
}

/* The verifier's words for functions of drivers, and programs that replace functions of others. */
static struct bpf_object *open_object(const struct side *s, const char *only, u32 ifindex,
				      char *log, size_t size)
{
	const char *out = getenv("O");
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log, .kernel_log_size = size);
	struct bpf_program *p;
	struct bpf_object *o;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/xdp_meta.bpf.o", out ? out : "build");
	skep_front_use(s->kernel ? NULL : sys);
	o = bpf_object__open_file(path, &opts);
	assert_non_null(o);
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), only));
	p = bpf_object__find_program_by_name(o, only);
	if (ifindex) {
		bpf_program__set_ifindex(p, ifindex);
		bpf_program__set_flags(p, BPF_F_XDP_DEV_BOUND_ONLY);
	}
	return o;
}

static int only_program(const struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

static void replacing(struct side *s)
{
	char *log = calloc(1, 1 << 16);
	struct bpf_object *unbound, *on[3], *ext[3];
	const u32 devices[3] = { one, two, 0 };
	int err;

	assert_non_null(log);
	unbound = open_object(s, "meta", 0, log, 1 << 16);
	err = bpf_object__load(unbound);
	fprintf(s->said, "without a device: %d, %s", err, log);
	bpf_object__close(unbound);
	for (int i = 0; i < 3; i++) {
		on[i] = open_object(s, i < 2 ? "meta" : "plain", devices[i], NULL, 0);
		fprintf(s->said, "target %d: %d\n", i, bpf_object__load(on[i]));
	}
	for (int i = 0; i < 3; i++) {
		struct bpf_program *p;

		log[0] = 0;
		ext[i] = open_object(s, "changed", 0, log, 1 << 16);
		p = bpf_object__find_program_by_name(ext[i], "changed");
		bpf_program__set_attach_target(p, only_program(on[i], i < 2 ? "meta" : "plain"),
					       "changeable");
		err = bpf_object__load(ext[i]);
		fprintf(s->said, "replacement for %d: %d\n", i, err);
		if (err && i == 2)
			fprintf(s->said, "%s", log);
	}
	/* What was made for one, for the others. */
	for (int i = 0; i < 2; i++)
		for (int t = 2; t >= 0; t--) {
			int target = only_program(on[t], t < 2 ? "meta" : "plain");
			LIBBPF_OPTS(bpf_link_create_opts, opts);
			struct bpf_prog_info pi = { 0 };
			u32 len = sizeof(pi), id = 0;
			struct btf *btf;
			int fd;

			assert_int_equal(bpf_obj_get_info_by_fd(target, &pi, &len), 0);
			btf = btf__load_from_kernel_by_id(pi.btf_id);
			assert_non_null(btf);
			id = (u32)btf__find_by_name_kind(btf, "changeable", BTF_KIND_FUNC);
			btf__free(btf);
			opts.target_btf_id = id;
			fd = bpf_link_create(only_program(ext[i], "changed"), target, 0, &opts);
			fprintf(s->said, "that for %d on %d: %d\n", i, t, plain(fd));
			done(fd);
		}
	for (int i = 0; i < 3; i++) {
		bpf_object__close(ext[i]);
		bpf_object__close(on[i]);
	}
	skep_front_use(NULL);
	free(log);
}

/* The device goes, and another one gets its number. */
static void leaving(struct side *s)
{
	struct bpf_object *target = open_object(s, "meta", one, NULL, 0), *ext;
	struct bpf_program *p;
	int prog, link, err;

	assert_int_equal(bpf_object__load(target), 0);
	skep_front_use(NULL);
	prog = bound(s, one, 0);
	link = attach(s, "before", prog, one, 0);
	replace_devices(s);
	info(s, "gone", prog);
	done(attach(s, "behind", prog, one, 0));
	skep_front_use(s->kernel ? NULL : sys);
	ext = open_object(s, "changed", 0, NULL, 0);
	p = bpf_object__find_program_by_name(ext, "changed");
	bpf_program__set_attach_target(p, only_program(target, "meta"), "changeable");
	err = bpf_object__load(ext);
	/* -EPERM: a kernel that refuses all of them */
	fprintf(s->said, "replacement refused: %d\n", err == -EINVAL || err == -EPERM);
	bpf_object__close(ext);
	bpf_object__close(target);
	skep_front_use(NULL);
	done(link);
	done(prog);
}

/* Line by line. */
static void agree(char *ours, char *kernels)
{
	char *a = strtok_r(ours, "\n", &ours), *b = strtok_r(kernels, "\n", &kernels);
	u32 bad = 0;

	for (; a && b; a = strtok_r(NULL, "\n", &ours), b = strtok_r(NULL, "\n", &kernels)) {
		if (!strcmp(a, b))
			continue;
		print_error("ours:   %s\nkernel: %s\n", a, b);
		bad++;
	}
	assert_true(!a && !b);
	assert_int_equal(bad, 0);
}

static void compare(void (*ask)(struct side *s))
{
	struct side s[2] = { { .kernel = false }, { .kernel = true } };

	for (int i = 0; i < 2; i++) {
		s[i].said = open_memstream(&s[i].text, &s[i].size);
		assert_non_null(s[i].said);
		replace_devices(&s[i]);
		ask(&s[i]);
		fclose(s[i].said);
	}
	agree(s[0].text, s[1].text);
	free(s[0].text);
	free(s[1].text);
}

#define COMPARED(name)                                                                             \
	static void both_##name(void **unused)                                                     \
	{                                                                                          \
		if (!kernel) {                                                                     \
			print_message("# no kernel with bpf(2) and veth devices here\n");          \
			skip();                                                                    \
		}                                                                                  \
		compare(name);                                                                     \
	}

COMPARED(loading)
COMPARED(mixing)
COMPARED(attaching)
COMPARED(leaving)

/* As Linux 6.12 says, which may be the running kernel; others refuse all replacements. */
static void both_replacing(void **unused)
{
	static const char expected[] =
		"without a device: -22, metadata kfuncs require device-bound program\n"
		"processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 "
		"peak_states 0 mark_read 0\n"
		"target 0: 0\ntarget 1: 0\ntarget 2: 0\n"
		"replacement for 0: 0\nreplacement for 1: 0\nreplacement for 2: -22\n"
		"metadata kfuncs require device-bound program\n"
		"processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 "
		"peak_states 0 mark_read 0\n"
		"that for 0 on 2: -22\nthat for 0 on 1: -22\nthat for 0 on 0: 0\n"
		"that for 1 on 2: -22\nthat for 1 on 1: 0\nthat for 1 on 0: -22\n";
	struct side s = { .kernel = false };

	s.said = open_memstream(&s.text, &s.size);
	assert_non_null(s.said);
	replace_devices(&s);
	replacing(&s);
	fclose(s.said);
	assert_string_equal(s.text, expected);
	free(s.text);
	if (kernel && extends)
		compare(replacing);
}

/* Without a kernel to compare with. */
static void ours(void **unused)
{
	struct side s = { .kernel = false };
	int p = bound(&s, one, 0);

	assert_true(p >= 0);
	assert_int_equal(bound(&s, 999, 0), -EINVAL);
	assert_int_equal(load(&s, BPF_PROG_TYPE_XDP, 0, one, 0), -EINVAL);
	close(p);
}

static int setup(void **unused)
{
	struct side k = { .kernel = true };
	int fd;

	sys = system_for(NULL);
	one = 101;
	two = 102;
	if (!sys || netdev_hooks_add(sys, one, "one") || netdev_hooks_add(sys, two, "two"))
		return -1;
	kernel = !unshare(CLONE_NEWNET) && !system("${IP:-ip} link add one index 101 type veth "
						   "peer name two index 102 2>/dev/null");
	fd = kernel ? bound(&k, one, 0) : -1;
	kernel = fd >= 0;
	done(fd);
	extends = load(&k, BPF_PROG_TYPE_EXT, 0, 0, 0) != -EPERM;
	return 0;
}

static int teardown(void **unused)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),		  cmocka_unit_test(both_loading),
		cmocka_unit_test(both_mixing),	  cmocka_unit_test(both_attaching),
		cmocka_unit_test(both_replacing), cmocka_unit_test(both_leaving),
	};

	libbpf_set_print(NULL);
	return cmocka_run_group_tests(tests, setup, teardown);
}
