/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that walk kernel objects (tests/bpf/world.bpf.c), run in this process by the running
 * kernel and by skep's two engines: what they find must be the same.
 */
#include "base/uapi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "btf/btf.h"
#include "btf/builtin.h"
#include "object/object.h"
#include "object/system.h"
#include "skep/skep.h"
#include "tests/bpf/world.h"

static struct world_ask ask;
static void (*before_run)(struct bpf_object *obj); /* or NULL */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

/* absolute: the test changes its directory */
static char object_file[4096], other_btf[2][4096];

/*
 * Runs @prog of the object by @sys (NULL: the running kernel). 0 and *@out, or -errno when it
 * cannot be loaded there.
 */
static int run(struct skep_system *sys, const char *prog, struct world_answer *out, int *retval)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_object *obj;
	struct bpf_program *p;
	struct bpf_map *bss;
	char value[sizeof(ask) + sizeof(*out) + 64];
	unsigned zero = 0;
	size_t size;
	int err;

	skep_front_use(sys);
	libbpf_set_print(quiet);
	obj = bpf_object__open_file(object_file, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), prog));
	err = bpf_object__load(obj);
	if (!err) {
		bss = bpf_object__find_map_by_name(obj, ".bss");
		size = bpf_map__value_size(bss);
		assert_true(size <= sizeof(value));
		assert_int_equal(sizeof(*out) % 8, 0);
		memset(value, 0, sizeof(value));
		memcpy(value + sizeof(*out), &ask, sizeof(ask)); /* clang puts them so */
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(bss), &zero, value, 0), 0);
		if (before_run)
			before_run(obj);
		p = bpf_object__find_program_by_name(obj, prog);
		err = bpf_prog_test_run_opts(bpf_program__fd(p), &opts);
		if (err)
			err = -errno;
		*retval = (int)opts.retval;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &zero, value), 0);
		memcpy(out, value, sizeof(*out));
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
	return err;
}

static struct skep_system *system_jit(const char *jit)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .jit = jit };
	struct skep_system *sys = skep_system_new(&opts);

	assert_non_null(sys);
	return sys;
}

static void print_line(void *arg, const char *line)
{
	print_message("# %s\n", line);
}

void world_report(struct skep_system *sys, void (*emit)(void *arg, const char *line), void *arg);

#define SAME(member)                                                                               \
	do {                                                                                       \
		if (memcmp(&a->member, &b->member, sizeof(a->member)))                             \
			fail_msg("%s: %llx, should be %llx (\"%.16s\", \"%.16s\")", #member,       \
				 *(unsigned long long *)&b->member &(                              \
					 sizeof(b->member) == 4 ? 0xffffffff : ~0ULL),             \
				 *(unsigned long long *)&a->member &(                              \
					 sizeof(a->member) == 4 ? 0xffffffff : ~0ULL),             \
				 (char *)&b->member, (char *)&a->member);                          \
	} while (0)

static void same_files(const struct world_file *a, const struct world_file *b)
{
	SAME(ino);
	SAME(i_mode);
	SAME(name_len);
	SAME(name);
	SAME(dir);
	SAME(pos);
	SAME(size);
	SAME(magic);
	SAME(blocksize);
	SAME(blocks);
	SAME(flags);
	SAME(mode);
	SAME(uid);
	SAME(nlink);
	SAME(rdev);
	SAME(blkbits);
	SAME(dev);
	SAME(blocksize_bits);
	SAME(same_inode);
	SAME(same_sb);
	SAME(fs);
	SAME(sb_id);
	SAME(mnt_id);
	SAME(mnt_flags);
	SAME(parent_mnt_id);
	SAME(devname);
	SAME(mountpoint);
}

static void same_socks(const struct world_sock *a, const struct world_sock *b)
{
	SAME(state);
	SAME(type);
	SAME(same_file);
	SAME(same_socket);
	SAME(family);
	SAME(sk_type);
	SAME(protocol);
	SAME(sk_state);
	SAME(dport);
	SAME(num);
	SAME(bound);
	SAME(reuse);
	SAME(reuseport);
	SAME(v6only);
	SAME(net);
	SAME(rcvbuf);
	SAME(sndbuf);
	SAME(rcvlowat);
	SAME(mark);
	SAME(priority);
	SAME(uid);
	SAME(daddr);
	SAME(saddr);
	SAME(inet_saddr);
	SAME(inet_sport);
	SAME(daddr6);
	SAME(saddr6);
	SAME(cwnd);
	SAME(mss);
	SAME(segs_out);
	SAME(bytes_sent);
	SAME(bytes_acked);
}

static unsigned long long distance(unsigned long long a, unsigned long long b)
{
	return a > b ? a - b : b - a;
}

static void same_answers(const struct world_answer *a, const struct world_answer *b)
{
	SAME(pid);
	SAME(tgid);
	SAME(parent_pid);
	SAME(parent_tgid);
	SAME(grandparent);
	SAME(leader);
	SAME(prio);
	SAME(static_prio);
	SAME(normal_prio);
	SAME(policy);
	SAME(rt_priority);
	SAME(exit_code);
	SAME(exit_signal);
	SAME(sessionid);
	SAME(loginuid);
	SAME(nr_cpus_allowed);
	SAME(uid);
	SAME(euid);
	SAME(gid);
	SAME(user_ns);
	SAME(uts_ns);
	SAME(ipc_ns);
	SAME(mnt_ns);
	SAME(pid_ns);
	SAME(net_ns);
	SAME(cgroup_ns);
	SAME(nr_threads);
	SAME(oom_score_adj);
	SAME(pid_nr);
	SAME(pgrp_nr);
	SAME(session_nr);
	SAME(cgroup_level);
	SAME(cgroup_id);
	SAME(cgroup_name);
	SAME(helper_cgroup_id);
	SAME(helper_root_id);
	SAME(umask);
	SAME(same_task);
	SAME(max_fds);
	SAME(nofile);
	SAME(stack_limit);
	SAME(root_ino);
	SAME(start_code);
	SAME(end_code);
	SAME(start_data);
	SAME(end_data);
	SAME(start_brk);
	SAME(start_stack);
	SAME(arg_start);
	SAME(arg_end);
	SAME(env_start);
	SAME(env_end);
	SAME(exe_ino);
	SAME(comm);
	SAME(parent_comm);
	SAME(exe_name);
	SAME(cwd);
	/* PF_FORKNOEXEC, PF_SUPERPRIV … are ours; PF_MEMALLOC_*, PF_NPX come and go */
	if ((a->flags ^ b->flags) & (0x40 | 0x100 | 0x200000))
		fail_msg("flags: %x, should be %x", b->flags, a->flags);
	/* /proc tells it in clock ticks */
	assert_true(distance(a->start_time, b->start_time) <= 20000000);
	assert_true(distance(a->start_boottime, b->start_boottime) <= 20000000);
	for (int i = 0; i < WORLD_FILES; i++)
		same_files(&a->file[i], &b->file[i]);
	for (int i = 0; i < WORLD_SOCKS; i++)
		same_socks(&a->sock[i], &b->sock[i]);
}

/* ---- what there is to see ---- */

static char dir_name[] = "/tmp/skep-world-XXXXXX";

static int open_things(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t size = sizeof(at);
	int fd, one = 1, p[2];

	memset(&ask, 0xff, sizeof(ask));
	ask.mounts = 1;
	assert_non_null(mkdtemp(dir_name));
	assert_int_equal(chdir(dir_name), 0);
	fd = open("a-file", O_RDWR | O_CREAT | O_APPEND, 0640);
	assert_int_equal(write(fd, "hello, world", 12), 12);
	fsync(fd); /* or its blocks would count where nobody has allocated them */
	ask.fd[0] = fd;
	ask.fd[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ask.fd[2] = open("/proc/self/status", O_RDONLY);
	ask.fd[3] = open("a-file-whose-name-is-too-long-to-be-kept-within-a-dentry",
			 O_RDONLY | O_CREAT | O_NONBLOCK, 0600);

	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 3), 0);
	ask.sock[0] = fd;
	getsockname(fd, (struct sockaddr *)&at, &size);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	usleep(10000); /* acknowledged */
	ask.sock[1] = fd;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&at6, sizeof(at6)))
		ask.sock[2] = fd;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p), 0);
	ask.sock[3] = p[0];
	return 0;
}

static int close_things(void **state)
{
	for (int i = 0; i < WORLD_FILES; i++)
		close(ask.fd[i]);
	for (int i = 0; i < WORLD_SOCKS; i++)
		close(ask.sock[i]);
	unlink("a-file");
	unlink("a-file-whose-name-is-too-long-to-be-kept-within-a-dentry");
	assert_int_equal(chdir("/"), 0);
	rmdir(dir_name);
	return 0;
}

/* ---- tests ---- */

static void test_look(void **state)
{
	static const char *const engines[] = { "on", "off" };
	struct world_answer kernel, ours;
	int retval, err;

	err = run(NULL, "look", &kernel, &retval);
	if (err || kernel.pid != (unsigned)getpid()) {
		print_message("# the running kernel does not let us: %d\n", err);
		skip();
	}
	for (int i = 0; i < 2; i++) {
		struct skep_system *sys = system_jit(engines[i]);

		err = run(sys, "look", &ours, &retval);
		assert_int_equal(err, 0);
		world_report(sys, print_line, NULL);
		same_answers(&kernel, &ours);
		skep_system_free(sys);
	}
}

/* Without a kernel to compare with. */
static void test_look_alone(void **state)
{
	static const char *const engines[] = { "on", "off" };
	struct world_answer ours;
	struct stat st;
	int retval;

	for (int i = 0; i < 2; i++) {
		struct skep_system *sys = system_jit(engines[i]);

		assert_int_equal(run(sys, "look", &ours, &retval), 0);
		assert_int_equal(ours.pid, getpid());
		assert_int_equal(ours.parent_tgid, getppid());
		assert_int_equal(ours.uid, getuid());
		assert_string_equal(ours.cwd, strrchr(dir_name, '/') + 1);
		assert_string_equal(ours.file[0].name, "a-file");
		assert_int_equal(fstat(ask.fd[0], &st), 0);
		assert_int_equal(ours.file[0].ino, st.st_ino);
		assert_int_equal(ours.file[0].pos, 12);
		assert_int_equal(ours.sock[1].sk_state, 1);
		assert_int_equal(ours.same_task, 1);
		skep_system_free(sys);
	}
}

/*
 * Where other kernels have the fields: tests/data/world-*.btf are the types of
 * tables/world.def as Debian's kernels of that release have them (tools/prune-btf.py).
 */
static void look_by(const char *btf, const struct world_answer *want)
{
	static const char *const engines[] = { "on", "off" };
	struct world_answer got;
	int retval;

	for (int i = 0; i < 2; i++) {
		struct skep_system_opts opts = { .sz = sizeof(opts),
						 .btf = btf,
						 .jit = engines[i] };
		struct skep_system *sys = skep_system_new(&opts);

		assert_non_null(sys);
		assert_int_equal(run(sys, "look", &got, &retval), 0);
		same_answers(want, &got);
		skep_system_free(sys);
	}
}

static void test_other_layouts(void **state)
{
	char builtin[] = "/tmp/skep-builtin-XXXXXX";
	struct skep_system *sys = system_jit("on");
	struct world_answer want;
	int retval, fd;

	assert_int_equal(run(sys, "look", &want, &retval), 0);
	skep_system_free(sys);
	look_by(other_btf[0], &want);
	look_by(other_btf[1], &want);
	fd = mkstemp(builtin);
	assert_int_equal(write(fd, skep_builtin_btf, skep_builtin_btf_size), skep_builtin_btf_size);
	close(fd);
	look_by(builtin, &want);
	unlink(builtin);
}

static void test_argument(void **state)
{
	static const char *const engines[] = { "on", "off" };
	struct world_answer out;
	int retval;

	for (int i = 0; i < 2; i++) {
		struct skep_system *sys = system_jit(engines[i]);

		assert_int_equal(run(sys, "compare_comm", &out, &retval), 0);
		assert_int_equal(retval, 0);
		skep_system_free(sys);
	}
}

static void test_pids(void **state)
{
	struct world_answer kernel, ours;
	struct skep_system *sys = system_jit("on");
	struct stat st;
	int retval;

	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	ask.ns_dev = st.st_dev;
	ask.ns_ino = st.st_ino;
	assert_int_equal(run(sys, "pids", &ours, &retval), 0);
	assert_int_equal(ours.ns_err, 0);
	assert_int_equal(ours.ns_pid, getpid());
	assert_int_equal(ours.ns_tgid, getpid());
	assert_int_equal((int)ours.ns_wrong, -EINVAL);
	if (!run(NULL, "pids", &kernel, &retval)) {
		assert_int_equal(kernel.ns_err, ours.ns_err);
		assert_int_equal(kernel.ns_pid, ours.ns_pid);
		assert_int_equal(kernel.ns_wrong, ours.ns_wrong);
	}
	skep_system_free(sys);
}

/* ---- bpf_snprintf_btf() ---- */

struct shower {
	struct skep_system *sys; /* NULL: the running kernel */
	struct bpf_object *obj;
	int prog, map;
};

static int shower_open(struct shower *s, const char *prog)
{
	struct bpf_program *p;
	int err;

	skep_front_use(s->sys);
	libbpf_set_print(quiet);
	s->obj = bpf_object__open_file(object_file, NULL);
	assert_non_null(s->obj);
	bpf_object__for_each_program(p, s->obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), prog));
	err = bpf_object__load(s->obj);
	if (!err) {
		s->prog = bpf_program__fd(bpf_object__find_program_by_name(s->obj, prog));
		s->map = bpf_object__find_map_fd_by_name(s->obj, "shown");
	}
	skep_front_use(NULL);
	return err;
}

static void shower_run(struct shower *s, struct world_show *v)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	unsigned zero = 0;

	skep_front_use(s->sys);
	assert_int_equal(bpf_map_update_elem(s->map, &zero, v, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(s->prog, &opts), 0);
	assert_int_equal(opts.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(s->map, &zero, v), 0);
	skep_front_use(NULL);
}

static void shower_close(struct shower *s)
{
	skep_front_use(s->sys);
	bpf_object__close(s->obj);
	skep_front_use(NULL);
}

/* Types of the running kernel with random contents, as the kernel shows them. */
static void test_show(void **state)
{
	static struct world_show ask_kernel, ask_ours;
	struct shower kernel = { NULL }, ours = { system_jit("on") };
	struct btf *types = system_vmlinux(ours.sys)->btf;
	unsigned seed = 1, compared = 0;

	if (shower_open(&kernel, "show")) {
		bpf_object__close(kernel.obj);
		skep_system_free(ours.sys);
		skip();
	}
	assert_int_equal(shower_open(&ours, "show"), 0);
	for (u32 id = 1; id < btf_nr_types(types) && compared < 1500;
	     id += 1 + (u32)rand_r(&seed) % 23) {
		const struct btf_type *t = btf_type_get(types, id);
		u32 size;

		/* Of variables Linux 6.18.44 shows nothing: it crashes. Nothing but plain values here. */
		if (!btf_is_struct(t) && !btf_is_enum(t) && btf_kind(t) != BTF_KIND_INT &&
		    btf_kind(t) != BTF_KIND_TYPEDEF)
			continue;
		t = btf_type_skip_modifiers(types, id, NULL);
		if (!t || (!btf_is_struct(t) && !btf_is_enum(t) && btf_kind(t) != BTF_KIND_INT) ||
		    btf_type_size(types, id, &size) || size > WORLD_BYTES)
			continue;
		memset(&ask_kernel, 0, sizeof(ask_kernel));
		for (int i = 0; i < WORLD_BYTES; i++) {
			int r = rand_r(&seed);

			/* many zeros, some letters: there is text in arrays of characters */
			if (r & 0x300)
				continue;
			ask_kernel.bytes[i] = (unsigned char)(r & 0x400 ? 'a' + r % 26 : r >> 11);
		}
		ask_kernel.type_id = id;
		ask_kernel.size = rand_r(&seed) % 4 ? 8191 : 100;
		ask_kernel.flags = (rand_r(&seed) & 0xb) | BTF_F_PTR_RAW;
		ask_ours = ask_kernel;
		shower_run(&kernel, &ask_kernel);
		shower_run(&ours, &ask_ours);
		compared++;
		if (ask_kernel.ret != ask_ours.ret ||
		    memcmp(ask_kernel.text, ask_ours.text, WORLD_TEXT))
			fail_msg("type %u (%s), flags %llx: %lld\n%s\nshould be %lld\n%s", id,
				 btf_type_name(types, id), ask_kernel.flags, ask_ours.ret,
				 ask_ours.text, ask_kernel.ret, ask_kernel.text);
	}
	assert_true(compared > 300);
	shower_close(&kernel);
	shower_close(&ours);
	skep_system_free(ours.sys);
}

/* Addresses are hidden unless they are asked for: here as in the kernel, and with any flag beside. */
static void test_show_pointers(void **state)
{
	struct shower side[2] = { { system_jit("on") }, { NULL } };
	struct btf *types = system_vmlinux(side[0].sys)->btf;
	s32 id = btf_find_by_name_kind(types, "list_head", BTF_KIND_STRUCT);
	u64 next = 0xffff888012345678;
	u32 n = 2;

	assert_true(id > 0);
	assert_int_equal(shower_open(&side[0], "show"), 0);
	if (shower_open(&side[1], "show"))
		n = 1;
	for (u32 i = 0; i < n; i++) {
		static struct world_show v;
		char raw[WORLD_TEXT], hidden[WORLD_TEXT];
		unsigned long long shown[2];

		for (u32 way = 0; way < 3; way++) {
			memset(&v, 0, sizeof(v));
			memcpy(v.bytes, &next, 8);
			memcpy(v.bytes + 8, &next, 8);
			v.type_id = (u32)id;
			v.size = 8191;
			v.flags = BTF_F_COMPACT | BTF_F_NONAME | (way ? 0 : BTF_F_PTR_RAW);
			shower_run(&side[i], &v);
			if (way == 2) /* the same once more */
				assert_string_equal(v.text, hidden);
			memcpy(way ? hidden : raw, v.text, WORLD_TEXT);
		}
		assert_string_equal(raw, "{0xffff888012345678,0xffff888012345678,}");
		assert_int_equal(sscanf(hidden, "{0x%llx,0x%llx,}", &shown[0], &shown[1]), 2);
		assert_true(shown[0] == shown[1] && shown[0] != next && !(shown[0] >> 32));
		assert_int_equal(strlen(hidden), strlen(raw));
	}
	if (n == 2)
		shower_close(&side[1]);
	else
		bpf_object__close(side[1].obj);
	shower_close(&side[0]);
	skep_system_free(side[0].sys);
}

static void test_show_task(void **state)
{
	static struct world_show v;
	struct shower ours = { system_jit("on") };
	char want[64];

	assert_int_equal(shower_open(&ours, "show_task"), 0);
	v.flags = BTF_F_COMPACT;
	shower_run(&ours, &v);
	assert_true(v.ret > 100);
	snprintf(want, sizeof(want), ".pid = (pid_t)%d,.tgid = (pid_t)%d,", getpid(), getpid());
	assert_non_null(strstr(v.text, want));
	assert_non_null(strstr(v.text, ".comm = (char[])['w','o','r','l','d','_','p',"));
	shower_close(&ours);
	skep_system_free(ours.sys);
}

/* ---- bpf_current_task_under_cgroup() ---- */

static int cgroup[3]; /* ours, that of all, another; -1 */
static char cgroup_dir[3][4096];

static bool write_pid(const char *dir)
{
	char path[4200], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY);
	n = snprintf(text, sizeof(text), "%d", getpid());
	n = fd >= 0 && write(fd, text, (size_t)n) == n;
	close(fd);
	return n;
}

/* Two new cgroups below ours, and us in the first. */
static bool enter_cgroup(void)
{
	char line[4096], mount[1024] = "", own[1024] = "";
	FILE *f = fopen("/proc/self/mountinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 "))
			sscanf(line, "%*s %*s %*s %*s %1023s", mount);
	fclose(f);
	f = fopen("/proc/self/cgroup", "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "0::%1023s", own);
	fclose(f);
	if (!*mount || !*own)
		return false;
	snprintf(cgroup_dir[1], sizeof(cgroup_dir[1]), "%s%s", mount, own);
	snprintf(cgroup_dir[0], sizeof(cgroup_dir[0]), "%s%s/skep-%d", mount, own, getpid());
	snprintf(cgroup_dir[2], sizeof(cgroup_dir[2]), "%s%s/skep-%d-other", mount, own, getpid());
	if (mkdir(cgroup_dir[0], 0755) || mkdir(cgroup_dir[2], 0755))
		return false;
	for (int i = 0; i < 3; i++)
		cgroup[i] = open(cgroup_dir[i], O_RDONLY | O_DIRECTORY);
	return write_pid(cgroup_dir[0]);
}

static void fill_cgroups(struct bpf_object *obj)
{
	int map = bpf_object__find_map_fd_by_name(obj, "cgroups"), here = open(".", O_RDONLY);

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bpf_map_update_elem(map, &i, &cgroup[i], 0), 0);
	assert_int_equal(bpf_map_update_elem(map, &(unsigned){ 3 }, &here, 0), -EBADF);
	assert_int_equal(bpf_map_update_elem(map, &(unsigned){ 4 }, &cgroup[0], 0), -E2BIG);
	assert_true(bpf_map_lookup_elem(map, &(unsigned){ 0 }, &(int){ 0 }) < 0);
	close(here);
}

static void test_under_cgroup(void **state)
{
	struct skep_system *sys = system_jit("on");
	struct world_answer kernel, ours;
	int retval;

	if (!enter_cgroup()) {
		rmdir(cgroup_dir[0]);
		rmdir(cgroup_dir[2]);
		skep_system_free(sys);
		print_message("# no cgroup that we may change\n");
		skip();
	}
	before_run = fill_cgroups;
	assert_int_equal(run(sys, "under", &ours, &retval), 0);
	assert_int_equal(ours.under[0], 1);
	assert_int_equal(ours.under[1], 1);
	assert_int_equal(ours.under[2], 0);
	assert_int_equal(ours.under[3], -EAGAIN);
	assert_int_equal(ours.under[4], -E2BIG);
	if (!run(NULL, "under", &kernel, &retval))
		assert_memory_equal(kernel.under, ours.under, sizeof(ours.under));
	before_run = NULL;
	for (int i = 0; i < 3; i++)
		close(cgroup[i]);
	assert_true(write_pid(cgroup_dir[1]));
	rmdir(cgroup_dir[0]);
	rmdir(cgroup_dir[2]);
	skep_system_free(sys);
}

/* ---- bpf_d_path() ---- */

static int load_only(const char *prog, char *log, size_t size)
{
	struct skep_system *sys = system_jit("on");
	struct bpf_object *obj;
	struct bpf_program *p;
	int err;

	skep_front_use(sys);
	libbpf_set_print(quiet);
	obj = bpf_object__open_file(object_file, NULL);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), prog));
	bpf_program__set_log_buf(bpf_object__find_program_by_name(obj, prog), log, size);
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	return err;
}

static void test_path_places(void **state)
{
	static char log[65536];

	assert_int_equal(load_only("path_allowed", log, sizeof(log)), 0);
	assert_int_equal(load_only("path_refused", log, sizeof(log)), -EINVAL);
	assert_non_null(strstr(log, "\nhelper call is not allowed in probe\n"));
}

static volatile int got_signal;

static void on_signal(int sig)
{
	got_signal = sig;
}

static void test_signal(void **state)
{
	struct skep_system *sys = system_jit("on");
	struct world_answer out;
	int retval;

	signal(SIGUSR1, on_signal);
	ask.signal = SIGUSR1;
	assert_int_equal(run(sys, "signal", &out, &retval), 0);
	assert_int_equal(retval, 0);
	assert_int_equal(got_signal, SIGUSR1);
	ask.signal = 65;
	assert_int_equal(run(sys, "signal", &out, &retval), 0);
	assert_int_equal(retval, -EINVAL);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_alone),    cmocka_unit_test(test_look),
		cmocka_unit_test(test_other_layouts), cmocka_unit_test(test_argument),
		cmocka_unit_test(test_pids),	      cmocka_unit_test(test_signal),
		cmocka_unit_test(test_under_cgroup),  cmocka_unit_test(test_path_places),
		cmocka_unit_test(test_show),	      cmocka_unit_test(test_show_pointers),
		cmocka_unit_test(test_show_task),
	};

	const char *o = getenv("O");
	char path[256];

	snprintf(path, sizeof(path), "%s/bpf/world.bpf.o", o ? o : "build");
	if (!realpath(path, object_file) || !realpath("tests/data/world-6.1.btf", other_btf[0]) ||
	    !realpath("tests/data/world-6.12.btf", other_btf[1]))
		return 1;
	return cmocka_run_group_tests(tests, open_things, close_things);
}
