/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A descriptor is a real descriptor: an object lives exactly as long as somebody, in
 * whatever process and way, holds one; and what a client can do with the file.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "object/arena.h"
#include "object/lock.h"

static int setup(void **state)
{
	*state = system_for(NULL);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(*state);
	return 0;
}

static int maps(struct skep_system *sys)
{
	return count_ids(sys, BPF_MAP_GET_NEXT_ID);
}

static int hash(struct skep_system *sys)
{
	int fd = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 16, 0);

	assert_true(fd >= 0);
	return fd;
}

static void test_dup(void **state)
{
	struct skep_system *sys = *state;
	int a = hash(sys), b = dup(a), c;
	unsigned id = object_id(sys, a);
	char link[64] = "", path[64];

	assert_int_not_equal(id, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	assert_true(readlink(path, link, sizeof(link) - 1) > 0);
	assert_non_null(strstr(link, "bpf-map"));
	assert_int_equal(fcntl(a, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(a);
	assert_int_equal(maps(sys), 1);
	assert_int_equal(object_id(sys, b), id);
	c = fcntl(b, F_DUPFD_CLOEXEC, 50);
	close(b);
	assert_int_equal(object_id(sys, c), id);
	close(c);
	assert_int_equal(maps(sys), 0);
	assert_int_equal(fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, id), -ENOENT);
	a = hash(sys);
	assert_true(object_id(sys, a) > id);
	close(a);
}

static void test_second_open(void **state)
{
	struct skep_system *sys = *state;
	int a = hash(sys), b = fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, object_id(sys, a));

	assert_true(b >= 0);
	close(a);
	assert_int_equal(maps(sys), 1);
	close(b);
	assert_int_equal(maps(sys), 0);
}

static void test_not_ours(void **state)
{
	struct skep_system *sys = *state;
	int fd = open("/dev/null", O_RDONLY), key = 0;
	long value;

	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), -EINVAL);
	close(fd);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), -EBADF);
	fd = memfd_create("bpf-map", 0);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), -EINVAL);
	close(fd);
}

/* An open file's position tells its object at once; who moves it is still understood. */
static void test_position(void **state)
{
	struct skep_system *sys = *state;
	int a = hash(sys), b = hash(sys), c = dup(a), other;
	u32 id = object_id(sys, a);
	char byte;

	assert_int_not_equal(lseek(a, 0, SEEK_CUR), 0);
	assert_int_not_equal(lseek(a, 0, SEEK_CUR), lseek(b, 0, SEEK_CUR));
	assert_int_equal(read(a, &byte, 1), 0);
	assert_int_equal(object_id(sys, c), id);
	assert_int_equal(lseek(a, 0, SEEK_SET), 0);
	assert_int_equal(object_id(sys, a), id);
	assert_int_equal(object_id(sys, c), id);
	/* the number stands for something else now */
	assert_int_equal(dup2(b, c), c);
	assert_int_equal(object_id(sys, c), object_id(sys, b));
	other = memfd_create("other", 0);
	assert_int_equal(dup2(other, c), c);
	assert_int_equal(object_id(sys, c), 0);
	close(other);
	close(c);
	close(b);
	close(a);
	assert_int_equal(maps(sys), 0);
}

/* A child that holds what it inherited until it is told, or killed. */
static pid_t holder(int *tell)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) {
		char c;

		close(p[1]);
		(void)!read(p[0], &c, 1);
		_exit(0);
	}
	close(p[0]);
	*tell = p[1];
	return pid;
}

static void test_fork(void **state)
{
	struct skep_system *sys = *state;
	int fd = hash(sys), tell, status, key = 1;
	unsigned id = object_id(sys, fd);
	long value = 7;
	pid_t pid = holder(&tell);

	close(fd);
	assert_int_equal(maps(sys), 1);
	fd = fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, id);
	assert_true(fd >= 0);
	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
	close(fd);
	assert_int_equal(maps(sys), 1);
	close(tell);
	waitpid(pid, &status, 0);
	assert_int_equal(maps(sys), 0);
}

static void test_sigkill(void **state)
{
	struct skep_system *sys = *state;
	int fd = hash(sys), tell, status;
	pid_t pid = holder(&tell);

	close(fd);
	assert_int_equal(maps(sys), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(maps(sys), 0);
	close(tell);
}

static void test_in_flight(void **state)
{
	struct skep_system *sys = *state;
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = hash(sys), s[2];
	unsigned id = object_id(sys, fd);

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	assert_int_equal(sendmsg(s[0], &msg, 0), 1);
	close(fd);
	assert_int_equal(maps(sys), 1);
	assert_int_equal(recvmsg(s[1], &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	assert_int_equal(object_id(sys, fd), id);
	close(fd);
	assert_int_equal(maps(sys), 0);
	close(s[0]);
	close(s[1]);
}

static void test_mmap_outlives_close(void **state)
{
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 16, BPF_F_MMAPABLE), key = 3;
	unsigned long *p, value = 41;
	unsigned id = object_id(sys, fd);

	assert_true(fd >= 0);
	assert_int_equal(skep_mmap(sys, fd, 4096, PROT_READ | PROT_WRITE, 0), 0);
	assert_int_equal(skep_mmap(sys, fd, 8192, PROT_READ | PROT_WRITE, 0), -EINVAL);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
	assert_int_equal(p[3], 41);
	p[3]++;
	close(fd);
	assert_int_equal(maps(sys), 1);
	fd = fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, id);
	value = 0;
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), 0);
	assert_int_equal(value, 42);
	close(fd);
	assert_int_equal(maps(sys), 1);
	munmap(p, 4096);
	assert_int_equal(maps(sys), 0);
}

static void *close_it(void *fd)
{
	close((int)(long)fd);
	return NULL;
}

static void test_ten_closes(void **state)
{
	struct skep_system *sys = *state;
	pthread_t thread[10];
	int fd = hash(sys), fds[10];
	unsigned id = object_id(sys, fd);

	for (int i = 0; i < 10; i++) {
		fds[i] = i % 2 ? dup(fd) : fd_of_id(sys, BPF_MAP_GET_FD_BY_ID, id);
		assert_true(fds[i] >= 0);
	}
	close(fd);
	assert_int_equal(maps(sys), 1);
	for (int i = 0; i < 10; i++)
		pthread_create(&thread[i], NULL, close_it, (void *)(long)fds[i]);
	for (int i = 0; i < 10; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(maps(sys), 0);
}

static void test_seals(void **state)
{
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 16, BPF_F_MMAPABLE);

	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
	/* Without client pages there is nothing to see, and no room to write. */
	fd = hash(sys);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(skep_mmap(sys, fd, 4096, PROT_READ, 0), -ENOTSUPP);
	close(fd);
}

static void test_modes(void **state)
{
	struct skep_system *sys = *state;
	int ro = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_RDONLY), key = 1;
	int wo = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_WRONLY);
	long value = 1;

	assert_int_equal(sys_map_update(sys, ro, &key, &value, 0), -EPERM);
	assert_int_equal(sys_map_lookup(sys, ro, &key, &value), -ENOENT);
	assert_int_equal(sys_map_update(sys, wo, &key, &value, 0), 0);
	assert_int_equal(sys_map_lookup(sys, wo, &key, &value), -EPERM);
	assert_int_equal(
		sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_RDONLY | BPF_F_WRONLY),
		-EINVAL);
	assert_int_equal(maps(sys), 2);
	close(ro);
	close(wo);
	assert_int_equal(maps(sys), 0);
}

static void test_freeze(void **state)
{
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE), key = 0;
	union bpf_attr attr;
	long value = 9;
	void *p;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_int_equal(skep_bpf(sys, BPF_MAP_FREEZE, &attr, sizeof(attr)), -EBUSY);
	munmap(p, 4096);
	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
	assert_int_equal(skep_bpf(sys, BPF_MAP_FREEZE, &attr, sizeof(attr)), 0);
	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), -EPERM);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), 0);
	assert_int_equal(skep_mmap(sys, fd, 4096, PROT_READ | PROT_WRITE, 0), -EPERM);
	assert_int_equal(skep_mmap(sys, fd, 4096, PROT_READ, 0), 0);
	close(fd);
}

/* Contents that programs were verified with cannot be changed, whoever maps the file. */
static void test_freeze_constant(void **state)
{
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 1,
				BPF_F_MMAPABLE | BPF_F_RDONLY_PROG),
	    key = 0;
	union bpf_attr attr;
	long value = 9;
	void *p;

	assert_true(fd >= 0);
	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	assert_int_equal(skep_bpf(sys, BPF_MAP_FREEZE, &attr, sizeof(attr)), 0);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(fd, &key, 4, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(*(long *)p, 9);
	munmap(p, 4096);
	close(fd);
	assert_int_equal(maps(sys), 0);
}

/* Parent and child update one map at one address; no update is lost. */
static void test_two_processes(void **state)
{
	enum { ROUNDS = 20000 };
	struct skep_system *sys = *state;
	int fd = sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 64, 0), key = 5, err, status,
	    other = 6;
	struct map_object *m = map_get_fd(sys, fd, &err);
	struct bpf_run run = { 0 };
	unsigned long value = 0, *v;
	pid_t pid;

	assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
	pid = fork();
	slot_claim(sys->arena, sys->platform, &run);
	v = m->ops->lookup_elem(m->map, &key, &run);
	slot_release(&run);
	for (int i = 0; v && i < ROUNDS; i++)
		__atomic_fetch_add(v, 1, __ATOMIC_RELAXED);
	if (!pid) {
		value = (unsigned long)m->map;
		_exit(sys_map_update(sys, fd, &other, &value, 0) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(sys_map_lookup(sys, fd, &key, &value), 0);
	assert_int_equal(value, 2 * ROUNDS);
	/* The child saw it at the same address, and its insertion is here. */
	assert_int_equal(sys_map_lookup(sys, fd, &other, &value), 0);
	assert_ptr_equal((void *)value, m->map);
	object_put(&m->obj);
	close(fd);
	assert_int_equal(maps(sys), 0);
}

/* What a child makes is its own, and takes no pages that the parent has. */
static void test_child_makes_maps(void **state)
{
	struct skep_system *sys = *state;
	int first = hash(sys), status, fd, err;
	struct map_object *m;
	pid_t pid = fork();

	if (!pid) {
		fd = hash(sys);
		m = map_get_fd(sys, fd, &err);
		_exit(m && count_ids(sys, BPF_MAP_GET_NEXT_ID) == 2 ? 0 : 1);
	}
	fd = hash(sys);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(maps(sys), 2);
	close(fd);
	close(first);
	assert_int_equal(maps(sys), 0);
}

/* ---- frees under runs ---- */

static struct {
	struct skep_system *sys;
	struct bpf_map *map;
	bool stop;
	unsigned long torn;
} shared;

static void *reader(void *arg)
{
	struct skep_system *sys = shared.sys;

	while (!load_acquire(&shared.stop)) {
		struct bpf_run run = { 0 };
		struct bpf_map *map;
		unsigned key = 1;
		unsigned long *v;

		slot_claim(sys->arena, sys->platform, &run);
		map = load_acquire(&shared.map);
		for (int i = 0; i < 200; i++) {
			v = bpf_map_ops_of(BPF_MAP_TYPE_ARRAY)->lookup_elem(map, &key, &run);
			if (map->map_type != BPF_MAP_TYPE_ARRAY || !v || *v != 4711)
				__atomic_fetch_add(&shared.torn, 1, __ATOMIC_RELAXED);
		}
		slot_release(&run);
	}
	return arg;
}

static void test_free_under_runs(void **state)
{
	struct skep_system *sys = *state;
	pthread_t thread[4];
	int fd = -1, key = 1, old, err;
	long value = 4711;
	u64 before = arena_pages_used(sys->arena);

	shared = (__typeof__(shared)){ .sys = sys };
	for (int i = 0; i < 300; i++) {
		struct map_object *m;

		old = fd;
		fd = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
		assert_true(fd >= 0);
		assert_int_equal(sys_map_update(sys, fd, &key, &value, 0), 0);
		m = map_get_fd(sys, fd, &err);
		store_release(&shared.map, m->map);
		object_put(&m->obj);
		if (i)
			close(old);
		else
			for (int t = 0; t < 4; t++)
				pthread_create(&thread[t], NULL, reader, NULL);
		objects_drain(sys, false);
	}
	store_release(&shared.stop, true);
	for (int t = 0; t < 4; t++)
		pthread_join(thread[t], NULL);
	assert_int_equal(shared.torn, 0);
	close(fd);
	assert_int_equal(maps(sys), 0);
	objects_drain(sys, false);
	assert_null(sys->retired);
	assert_int_equal(arena_pages_used(sys->arena), before);
}

/* ---- owners that die ---- */

static void test_dead_owners(void **state)
{
	struct skep_system *sys = *state;
	u32 *lock = &sys->arena->lock;
	struct bpf_run run = { 0 };
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		/* Dies holding the allocator, and in the middle of a run. */
		*lock = (u32)getpid();
		for (u32 i = 0; i < sys->arena->nr_slots; i++)
			sys->arena->slots[i].owner = (u32)getpid();
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(*lock, pid);
	fd = hash(sys);
	slot_claim(sys->arena, sys->platform, &run);
	slot_release(&run);
	close(fd);
	assert_int_equal(maps(sys), 0);
}

/*
 * A client that closes every descriptor, as daemons do, and opens files of its own:
 * no number of ours may then be used on them.
 */
static void test_close_all(void **state)
{
	struct skep_system *sys = *state;
	int fd = hash(sys), key = 1, status;
	pid_t pid = fork();

	if (!pid) {
		char byte = 'x';
		struct rlimit limit;
		long value;
		int end;

		getrlimit(RLIMIT_NOFILE, &limit);
		end = limit.rlim_cur < 4096 ? (int)limit.rlim_cur - 8 : 4096;
		for (int i = 3; i < end + 8; i++)
			close(i);
		for (int i = 3; i < end; i++) /* take all the numbers again */
			if (memfd_create("mine", 0) != i || write(i, &byte, 1) != 1)
				_exit(2);
		if (sys_map_lookup(sys, fd, &key, &value) != -EINVAL)
			_exit(3);
		if (sys_map_create(sys, BPF_MAP_TYPE_HASH, 4, 8, 16, 0) >= 0)
			_exit(4);
		count_ids(sys, BPF_MAP_GET_NEXT_ID);
		for (int i = 3; i < end; i++) {
			struct stat st;

			if (fstat(i, &st) || st.st_size != 1 || pread(i, &byte, 1, 0) != 1)
				_exit(5);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(maps(sys), 1);
	close(fd);
}

static pthread_barrier_t held;

static void *lock_holder(void *arg)
{
	struct skep_system *sys = arg;

	relock_take(&sys->lock);
	pthread_barrier_wait(&held);
	pthread_barrier_wait(&held);
	relock_give(&sys->lock);
	return NULL;
}

/* fork() while another thread is in the middle of a command. */
/*
 * The file of a dead object serves the next one. A child that was forked between the two knows the
 * dead one by that file: handed a descriptor of the new one, it must not take it for the other.
 */
static void test_file_again(void **state)
{
	struct skep_system *sys = *state;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = hash(sys), pair[2], status;
	unsigned id = object_id(sys, fd);
	struct stat first, second;
	pid_t child;

	fstat(fd, &first);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	child = fork();
	if (!child) {
		close(fd);
		if (recvmsg(pair[1], &msg, 0) != 1)
			_exit(1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
		_exit(object_id(sys, fd) ? 2 : 0);
	}
	usleep(50000); /* the child has closed its copy */
	close(fd);
	assert_int_equal(maps(sys), 0);
	fd = hash(sys);
	fstat(fd, &second);
	assert_int_equal(second.st_ino, first.st_ino);
	assert_true(object_id(sys, fd) > id);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

static void test_fork_under_lock(void **state)
{
	struct skep_system *sys = *state;
	int fd = hash(sys), status;
	pthread_t thread;
	pid_t pid;

	pthread_barrier_init(&held, NULL, 2);
	pthread_create(&thread, NULL, lock_holder, sys);
	pthread_barrier_wait(&held);
	pid = fork();
	if (!pid) {
		alarm(20);
		_exit(maps(sys) == 1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	pthread_barrier_wait(&held);
	pthread_join(thread, NULL);
	assert_int_equal(status, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_position, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sigkill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mmap_outlives_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ten_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeze, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeze_constant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_child_makes_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork_under_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_under_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_owners, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
