/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Iterators, by libbpf: the same programs in a system and in the running kernel. What they
 * write must be the same where it is about the same things.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "skep/skep.h"

struct side {
	struct skep_system *sys; /* NULL: the kernel's */
	struct bpf_object *obj;
};

static struct skep_system *sys;
static bool with_kernel;
static int file;

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static void configure(struct bpf_object *obj, unsigned flood)
{
	struct {
		unsigned long long addr;
		unsigned fd, flood;
	} c = { (unsigned long)configure, (unsigned)file, flood };
	unsigned zero = 0;

	bpf_map_update_elem(map_fd(obj, "settings"), &zero, &c, 0);
}

static struct bpf_object *load(void)
{
	const char *o = getenv("O");
	char path[256];
	struct bpf_object *obj;

	snprintf(path, sizeof(path), "%s/bpf/iter.bpf.o", o ? o : "build");
	obj = bpf_object__open(path);
	if (!obj)
		return NULL;
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		return NULL;
	}
	configure(obj, 0);
	return obj;
}

static struct bpf_link *attach(struct bpf_object *obj, const char *prog,
			       union bpf_iter_link_info *info)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);

	opts.link_info = info;
	opts.link_info_len = info ? sizeof(*info) : 0;
	return bpf_program__attach_iter(bpf_object__find_program_by_name(obj, prog), &opts);
}

/* Whole text of an iterator: its length, or -errno. */
static int text_of(struct bpf_link *link, char *buf, size_t size)
{
	int fd = bpf_iter_create(bpf_link__fd(link)), n = 0, got = 0;

	if (fd < 0)
		return -errno;
	memset(buf, 0, size);
	while ((size_t)n < size - 1 && (got = (int)read(fd, buf + n, size - 1 - (size_t)n)) > 0)
		n += got;
	got = got < 0 ? -errno : n;
	close(fd);
	return got;
}

static int run(struct bpf_object *obj, const char *prog, union bpf_iter_link_info *info, char *buf,
	       size_t size)
{
	struct bpf_link *link = attach(obj, prog, info);
	int n;

	memset(buf, 0, size);
	if (!link)
		return -errno;
	n = text_of(link, buf, size);
	bpf_link__destroy(link);
	return n;
}

#define SIDES 2
static struct side sides[SIDES];

/* Makes @call on both sides; the texts must be the same. */
static void same(const char *prog, const char *map, unsigned pid, const char *contains)
{
	static char text[SIDES][65536];
	int n[SIDES];

	for (int i = 0; i < (with_kernel ? 2 : 1); i++) {
		union bpf_iter_link_info info = { 0 };

		skep_front_use(sides[i].sys);
		if (map)
			info.map.map_fd = (unsigned)map_fd(sides[i].obj, map);
		info.task.pid = map ? 0 : pid;
		if (map)
			memset((char *)&info + sizeof(info.map), 0,
			       sizeof(info) - sizeof(info.map));
		if (!map)
			info.task.tid = 0;
		n[i] = run(sides[i].obj, prog, &info, text[i], sizeof(text[i]));
	}
	skep_front_use(sys);
	if (n[0] < 0)
		print_error("%s: %d\n", prog, n[0]);
	if (contains)
		assert_non_null(memmem(text[0], sizeof(text[0]), contains, strlen(contains)));
	if (!with_kernel)
		return;
	if (n[0] != n[1] || memcmp(text[0], text[1], sizeof(text[0])))
		print_error("%s: ours %d:\n%s\nthe kernel's %d:\n%s\n", prog, n[0], text[0], n[1],
			    text[1]);
	assert_int_equal(n[0], n[1]);
	assert_memory_equal(text[0], text[1], sizeof(text[0]));
}

static void elements(void **state)
{
	for (int i = 0; i < (with_kernel ? 2 : 1); i++) {
		skep_front_use(sides[i].sys);
		for (unsigned k = 0; k < 5; k++) {
			unsigned v[2] = { k * 10, 7 };

			bpf_map_update_elem(map_fd(sides[i].obj, "numbers"), &k, v, 0);
		}
		for (unsigned long long k = 0; k < 50; k++) {
			unsigned long long v = k * k;

			bpf_map_update_elem(map_fd(sides[i].obj, "table"), &k, &v, 0);
		}
		for (unsigned k = 0; k < 3; k++) {
			unsigned long long v[1024];

			for (int c = 0; c < 1024; c++)
				v[c] = k + 40;
			bpf_map_update_elem(map_fd(sides[i].obj, "percpu"), &k, v, 0);
		}
	}
	same("each_number", "numbers", 0, "4: 4 = 40,7\n");
	same("each_number", "numbers", 0, "4: 4 = 40,80\n"); /* what the first one wrote */
	same("each_sum", "table", 0, "49 keys 1225 values 40425\n");
	same("each_cpu", "percpu", 0, "2: 42\n");
	(void)state;
}

static void tasks(void **state)
{
	unsigned pid = (unsigned)getpid();
	char want[64];
	struct stat st;

	snprintf(want, sizeof(want), "%u %u iter_test\nend 0\n", pid, pid);
	same("each_task", NULL, pid, want);
	fstat(file, &st);
	snprintf(want, sizeof(want), "%u %d %lu\n", pid, file, (unsigned long)st.st_ino);
	same("each_file", NULL, pid, want);
	same("each_area", NULL, pid, " 101\n");
	(void)state;
}

/* The system's own objects. */
static void objects(void **state)
{
	static char text[65536];
	struct bpf_map_info map = { 0 };
	struct bpf_prog_info prog = { 0 };
	struct bpf_link_info l = { 0 };
	char want[128], name[32];
	struct bpf_link *link;
	__u32 len = sizeof(map);

	skep_front_use(sys);
	bpf_obj_get_info_by_fd(map_fd(sides[0].obj, "numbers"), &map, &len);
	assert_true(run(sides[0].obj, "each_map", NULL, text, sizeof(text)) > 0);
	snprintf(want, sizeof(want), "%u numbers 4 8 5 2\n", map.id);
	assert_non_null(strstr(text, want));
	len = sizeof(prog);
	bpf_obj_get_info_by_fd(
		bpf_program__fd(bpf_object__find_program_by_name(sides[0].obj, "each_prog")), &prog,
		&len);
	assert_true(run(sides[0].obj, "each_prog", NULL, text, sizeof(text)) > 0);
	snprintf(want, sizeof(want), "%u each_prog 26\n", prog.id);
	assert_non_null(strstr(text, want));

	link = attach(sides[0].obj, "each_link", NULL);
	assert_non_null(link);
	len = sizeof(l);
	l.iter.target_name = (unsigned long)name;
	l.iter.target_name_len = sizeof(name);
	assert_int_equal(bpf_obj_get_info_by_fd(bpf_link__fd(link), &l, &len), 0);
	assert_int_equal(l.type, BPF_LINK_TYPE_ITER);
	assert_string_equal(name, "bpf_link");
	assert_int_equal(l.iter.target_name_len, strlen("bpf_link") + 1);
	l.iter.target_name = (unsigned long)name;
	l.iter.target_name_len = 4;
	assert_int_equal(bpf_obj_get_info_by_fd(bpf_link__fd(link), &l, &len), -ENOSPC);
	assert_string_equal(name, "bpf");
	assert_true(text_of(link, text, sizeof(text)) > 0);
	snprintf(want, sizeof(want), "%u 4 each_link\n", l.id);
	assert_non_null(strstr(text, want));

	/* Another program for the same target takes its place; one for another does not. */
	assert_int_equal(bpf_link_update(bpf_link__fd(link),
					 bpf_program__fd(bpf_object__find_program_by_name(
						 sides[0].obj, "each_map")),
					 NULL),
			 -EINVAL);
	assert_int_equal(bpf_link_detach(bpf_link__fd(link)), -EOPNOTSUPP);

	/* A pin of it is a file with the text. */
	assert_int_equal(bpf_obj_pin(bpf_link__fd(link), "/sys/fs/bpf/links"), 0);
	bpf_link__destroy(link);
	FILE *f = fopen64("/sys/fs/bpf/links", "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, want);
	fclose(f);
	assert_int_equal(unlink("/sys/fs/bpf/links"), 0);

	f = fopen64("/sys/fs/bpf/maps.debug", "r");
	assert_non_null(f);
	len = (__u32)fread(text, 1, sizeof(text) - 1, f);
	text[len] = 0;
	fclose(f);
	snprintf(want, sizeof(want), "%4u %-16s  %10d   %10d\n", map.id, "numbers", 5, 0);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "           50\n")); /* the elements of the hash table */
	(void)state;
}

/* Wrong arguments; a program that writes more than one object may. */
static void refused(void **state)
{
	static char text[65536];

	for (int i = 0; i < (with_kernel ? 2 : 1); i++) {
		union bpf_iter_link_info info = { 0 };

		skep_front_use(sides[i].sys);
		assert_int_equal(run(sides[i].obj, "each_number", NULL, text, sizeof(text)),
				 -EBADF);
		info.map.map_fd = (unsigned)map_fd(sides[i].obj, "numbers");
		assert_int_equal(run(sides[i].obj, "too_wide", &info, text, sizeof(text)), -EACCES);
		info.map.map_fd = 9999;
		assert_int_equal(run(sides[i].obj, "each_number", &info, text, sizeof(text)),
				 -EBADF);
		memset(&info, 0, sizeof(info));
		info.task.tid = info.task.pid = 1;
		assert_int_equal(run(sides[i].obj, "each_task", &info, text, sizeof(text)),
				 -EINVAL);
		assert_int_equal(bpf_iter_create(map_fd(sides[i].obj, "numbers")), -EINVAL);
		assert_int_equal(bpf_iter_create(9999), -EBADF);

		configure(sides[i].obj, 40000);
		memset(&info, 0, sizeof(info));
		info.map.map_fd = (unsigned)map_fd(sides[i].obj, "numbers");
		assert_int_equal(run(sides[i].obj, "each_flood", &info, text, sizeof(text)),
				 -E2BIG);
	}
	skep_front_use(sys);
	(void)state;
}

static int setup(void **state)
{
	libbpf_set_print(quiet);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	sys = skep_system_new(NULL);
	if (!sys)
		return -1;
	sides[0].sys = sys;
	skep_front_use(sys);
	sides[0].obj = load();
	skep_front_use(NULL);
	sides[1].obj = load();
	with_kernel = sides[1].obj != NULL;
	if (!with_kernel)
		print_message("the kernel takes no iterators: not compared\n");
	skep_front_use(sys);
	return sides[0].obj ? 0 : -1;
}

static int teardown(void **state)
{
	skep_front_use(sys);
	bpf_object__close(sides[0].obj);
	skep_front_use(NULL);
	bpf_object__close(sides[1].obj);
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements),
		cmocka_unit_test(tasks),
		cmocka_unit_test(objects),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
