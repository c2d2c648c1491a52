/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Storages: values that hang on tasks, cgroups, inodes and sockets. By bpf(2) and by programs,
 * beside the running kernel.
 */
#include "base/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "map/storage.h"
#include "object/object.h"
#include "object/system.h"
#include "skep/skep.h"
#include "tests/bpf/storage.h"
#include "tests/lib/kernel.h"
#include "world/world.h"

static struct skep_system *sys;
static char object_file[4096];

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 144);
}

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

static int setup(void **state)
{
	struct utsname u;

	uname(&u);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = u.release });
	if (!sys)
		sys = skep_system_new(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

/* BTF with an int (1), and struct { struct bpf_spin_lock l; int v; } (3). */
static int load_btf(int side)
{
	static const char strings[] = "\0int\0bpf_spin_lock\0val\0l\0v\0s";
	static struct {
		struct btf_header h;
		u32 t[4 + 6 + 9];
		char s[sizeof(strings)];
	} b;
	u32 *t = b.t;
	union bpf_attr attr;

	memset(&b, 0, sizeof(b));
	b.h.magic = 0xeb9f;
	b.h.version = 1;
	b.h.hdr_len = sizeof(b.h);
	b.h.type_len = sizeof(b.t);
	b.h.str_off = sizeof(b.t);
	b.h.str_len = sizeof(strings);
	memcpy(b.s, strings, sizeof(strings));
	*t++ = 1, *t++ = BTF_KIND_INT << 24, *t++ = 4, *t++ = BTF_INT_SIGNED << 24 | 32;
	*t++ = 5, *t++ = BTF_KIND_STRUCT << 24 | 1, *t++ = 4, *t++ = 19, *t++ = 1, *t++ = 0;
	*t++ = 27, *t++ = BTF_KIND_STRUCT << 24 | 2, *t++ = 8;
	*t++ = 23, *t++ = 2, *t++ = 0;
	*t++ = 25, *t++ = 1, *t++ = 32;
	memset(&attr, 0, sizeof(attr));
	attr.btf = (u64)&b;
	attr.btf_size = sizeof(b.h) + sizeof(b.t) + sizeof(strings);
	return call(side, BPF_BTF_LOAD, &attr);
}

static int create(int side, u32 type, int btf, bool lock, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = lock ? 8 : 4;
	attr.map_flags = flags;
	attr.btf_fd = (u32)btf;
	attr.btf_key_type_id = 1;
	attr.btf_value_type_id = lock ? 3 : 1;
	return call(side, BPF_MAP_CREATE, &attr);
}

static int elem(int side, int cmd, int fd, const void *key, void *value, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)key;
	attr.value = (u64)value;
	attr.flags = flags;
	return call(side, cmd, &attr);
}

static bool kernel_permits(void)
{
	int fd = load_btf(KERNEL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!kernel_permits()) {                                                           \
			print_message("# the running kernel does not let us use bpf(2)\n");        \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* ---- bpf(2) ---- */

#define OWNERS 12

static pid_t child(int *pidfd)
{
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

static void test_commands(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_CGRP_STORAGE,
				     BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_SK_STORAGE };
	static const int cmds[] = { BPF_MAP_UPDATE_ELEM,  BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_LOOKUP_ELEM,  BPF_MAP_LOOKUP_ELEM,
				    BPF_MAP_DELETE_ELEM,  BPF_MAP_GET_NEXT_KEY,
				    BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	static const u64 flags[] = { 0, 0, 0, 1, 2, 3, BPF_F_LOCK, BPF_F_LOCK | 1, 8, 1ULL << 40 };
	int owner[OWNERS], pidfd[2], btf[2], self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	char path[] = "/tmp/skep-storage-XXXXXX";
	pid_t pid[2];

	NEED_KERNEL();
	srandom(1);
	for (int i = 0; i < 2; i++)
		pid[i] = child(&pidfd[i]);
	kill(pid[1], SIGKILL);
	waitpid(pid[1], NULL, 0); /* its descriptor is of nobody */
	owner[0] = self;
	owner[1] = pidfd[0];
	owner[2] = pidfd[1];
	owner[3] = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	owner[4] = open("/sys/fs/cgroup/cgroup.procs", O_RDONLY);
	owner[5] = open("/", O_RDONLY);
	owner[6] = mkstemp(path);
	owner[7] = dup(owner[6]);
	owner[8] = socket(AF_INET, SOCK_STREAM, 0);
	owner[9] = socket(AF_UNIX, SOCK_DGRAM, 0);
	owner[10] = 999;
	owner[11] = open(path, O_PATH);
	unlink(path);
	for (int side = 0; side < 2; side++)
		btf[side] = load_btf(side);
	for (u32 t = 0; t < 8; t++) {
		bool lock = t & 1;
		int fd[2];

		for (int side = 0; side < 2; side++)
			fd[side] = create(side, types[t / 2], btf[side], lock, BPF_F_NO_PREALLOC);
		assert_true(fd[0] >= 0 && fd[1] >= 0);
		for (u32 i = 0; i < 1500; i++) {
			int cmd = cmds[rnd(ARRAY_SIZE(cmds))], key = owner[rnd(OWNERS)], ret[2];
			u64 f = flags[rnd(ARRAY_SIZE(flags))], value[2] = { 0 };

			if (cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY)
				f = 0;
			if (cmd == BPF_MAP_LOOKUP_BATCH)
				f = 0;
			value[0] = value[1] = (u64)random() << 32 | (u32)random();
			if (lock)
				value[0] = value[1] &= ~0xffffffffULL;
			for (int side = 0; side < 2; side++)
				ret[side] =
					elem(side, cmd, fd[side], &key,
					     cmd == BPF_MAP_DELETE_ELEM ? NULL : &value[side], f);
			if (ret[0] != ret[1])
				fail_msg("type %u step %u command %d owner %d flags %llx: skep %d, "
					 "kernel %d",
					 types[t / 2], i, cmd, key, (unsigned long long)f, ret[0],
					 ret[1]);
			assert_int_equal(value[0], value[1]);
		}
		close(fd[0]);
		close(fd[1]);
	}
	kill(pid[0], SIGKILL);
	waitpid(pid[0], NULL, 0);
	for (u32 i = 0; i < OWNERS; i++)
		if (i != 10)
			close(owner[i]);
	close(btf[0]);
	close(btf[1]);
}

static u64 values_of(int fd)
{
	struct map_object *m;
	u64 n;
	int err;

	m = map_get_fd(sys, fd, &err);
	assert_non_null(m);
	assert_null(m->ops->check(m->map));
	n = htab_count((struct bpf_htab *)storage_table(m->map));
	object_put(&m->obj);
	return n;
}

/* What belongs to a task that is gone goes, at the latest with the next sweep. */
static void test_gone(void **state)
{
	int btf = load_btf(SKEP), fd = create(SKEP, BPF_MAP_TYPE_TASK_STORAGE, btf, false, 1);
	struct map_object *m;
	int err;
	u32 v = 5;

	assert_true(fd >= 0);
	for (u32 i = 0; i < 300; i++) {
		int pidfd;
		pid_t pid = child(&pidfd);

		assert_int_equal(elem(SKEP, BPF_MAP_UPDATE_ELEM, fd, &pidfd, &v, 0), 0);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(pidfd);
	}
	assert_true(values_of(fd) <= 300 - 256 + 1);
	m = map_get_fd(sys, fd, &err);
	world_owners_sweep(sys, m);
	object_put(&m->obj);
	assert_int_equal(values_of(fd), 0);
	close(fd);
	close(btf);
}

/* What belongs to a socket or an inode goes when it is gone, and not while somebody has it open. */
static void test_sockets_and_inodes(void **state)
{
	int btf = load_btf(SKEP), sockets = create(SKEP, BPF_MAP_TYPE_SK_STORAGE, btf, false, 1);
	int inodes = create(SKEP, BPF_MAP_TYPE_INODE_STORAGE, btf, false, 1), fd[40], copy[2];
	char path[] = "/tmp/skep-inode-XXXXXX", other[64];
	u32 v = 5;

	assert_true(sockets >= 0 && inodes >= 0);
	for (u32 i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = socket(i % 2 ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
		assert_true(fd[i] >= 0);
		assert_int_equal(elem(SKEP, BPF_MAP_UPDATE_ELEM, sockets, &fd[i], &v, 0), 0);
	}
	copy[0] = dup(fd[0]);
	for (u32 i = 0; i < 30; i++)
		close(fd[i]);
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, sockets, &fd[35], &v, 0), 0);
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, sockets, &copy[0], &v, 0), 0);
	assert_int_equal(values_of(sockets), 11); /* one is open yet */
	for (u32 i = 30; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
	close(copy[0]);

	fd[0] = mkstemp(path);
	assert_true(fd[0] >= 0);
	copy[0] = dup(fd[0]);
	assert_int_equal(elem(SKEP, BPF_MAP_UPDATE_ELEM, inodes, &fd[0], &v, 0), 0);
	snprintf(other, sizeof(other), "%s-2", path);
	assert_int_equal(rename(path, other), 0); /* not the file's end */
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, inodes, &fd[0], &v, 0), 0);
	unlink(other);
	close(fd[0]);
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, inodes, &copy[0], &v, 0), 0);
	assert_int_equal(values_of(inodes), 1);
	copy[1] = open("/dev/null", O_RDONLY);
	close(copy[0]);
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, inodes, &copy[1], &v, 0), -ENOENT);
	assert_int_equal(values_of(inodes), 0);
	assert_int_equal(elem(SKEP, BPF_MAP_LOOKUP_ELEM, sockets, &copy[1], &v, 0), -ENOTSOCK);
	assert_int_equal(values_of(sockets), 0);
	close(copy[1]);
	close(sockets);
	close(inodes);
	close(btf);
}

/* A supervised task's goes with it. */
static void test_supervised(void **state)
{
	int btf = load_btf(SKEP), fd = create(SKEP, BPF_MAP_TYPE_TASK_STORAGE, btf, false, 1);
	char *argv[] = { "sleep", "30", NULL }, error[256] = "";
	struct skep_process *p;
	int pid, pidfd, status;
	u32 v = 5;

	if (skep_spawn(sys, "sleep", argv, NULL, &p, error, sizeof(error))) {
		print_message("# no supervision here: %s\n", error);
		skip();
	}
	pid = skep_process_pid(p);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_int_equal(elem(SKEP, BPF_MAP_UPDATE_ELEM, fd, &pidfd, &v, 0), 0);
	assert_int_equal(values_of(fd), 1);
	kill(pid, SIGKILL);
	assert_int_equal(skep_process_wait(p, true, 5000, &status), 0);
	skep_process_free(p);
	for (u32 i = 0; i < 500 && values_of(fd); i++)
		usleep(10000);
	assert_int_equal(values_of(fd), 0);
	close(pidfd);
	close(fd);
	close(btf);
}

/* ---- programs ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static struct bpf_object *load(struct skep_system *s)
{
	struct bpf_object *obj;

	skep_front_use(s);
	libbpf_set_print(quiet);
	obj = bpf_object__open_file(object_file, NULL);
	assert_non_null(obj);
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}

static struct storage_answer ask(struct bpf_object *obj, const char *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_map *bss = bpf_object__find_map_by_name(obj, ".bss");
	struct storage_answer a;
	u32 zero = 0;
	int fd = bpf_program__fd(bpf_object__find_program_by_name(obj, prog));

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(opts.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &zero, &a), 0);
	return a;
}

static void play(struct bpf_object *obj, struct storage_answer *out)
{
	static const char *const progs[] = { "on_task",	  "on_task",   "off_task",  "on_task",
					     "on_cgroup", "on_cgroup", "off_cgroup" };
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int tasks = bpf_object__find_map_fd_by_name(obj, "of_task");
	struct storage_value v;

	for (u32 i = 0; i < ARRAY_SIZE(progs); i++) {
		out[i] = ask(obj, progs[i]);
		if (i < 4 && i != 2) {
			assert_int_equal(bpf_map_lookup_elem(tasks, &pidfd, &v), 0);
			assert_int_equal(v.count, out[i].after);
			assert_int_equal(v.last, (u64)getpid());
			v.count += 1000;
			assert_int_equal(bpf_map_update_elem(tasks, &pidfd, &v, 0), 0);
		}
	}
	close(pidfd);
}

#define RUNS 7

static void test_programs(void **state)
{
	struct storage_answer ours[RUNS], theirs[RUNS];
	struct bpf_object *obj;

	memset(ours, 0, sizeof(ours));
	memset(theirs, 0, sizeof(theirs));
	obj = load(sys);
	assert_non_null(obj);
	play(obj, ours);
	bpf_object__close(obj);
	assert_int_equal(ours[0].absent, 1);
	assert_int_equal(ours[0].before, 100);
	assert_int_equal(ours[1].before, 1101);
	assert_int_equal(ours[2].deleted, 0);
	assert_int_equal(ours[2].again, -ENOENT);
	obj = load(NULL);
	if (!obj) {
		print_message("# the running kernel does not load it\n");
		return;
	}
	play(obj, theirs);
	bpf_object__close(obj);
	assert_memory_equal(ours, theirs, sizeof(ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),	   cmocka_unit_test(test_gone),
		cmocka_unit_test(test_sockets_and_inodes), cmocka_unit_test(test_supervised),
		cmocka_unit_test(test_programs),
	};
	const char *o = getenv("O");

	snprintf(object_file, sizeof(object_file), "%s/bpf/storage.bpf.o", o ? o : "build");
	return cmocka_run_group_tests_name("map_storage", tests, setup, teardown);
}
