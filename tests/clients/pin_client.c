/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program that pins: libbpf's own checks of the file system, reuse of pinned
 * maps by a second load, and (argument "files") the calls by which tools look at pins.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static int number, failed;

static void ok(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	failed |= !good;
}

static int pins;

static int count(const char *path, const struct stat *st, int type, struct FTW *where)
{
	if (type == FTW_F) {
		int fd = bpf_obj_get(path); /* as bpftool does in its callback */

		pins += fd >= 0 && strcmp(path + where->base, "map") == 0;
		close(fd);
	}
	return 0;
}

static void files(const char *dir)
{
	struct mntent *m;
	struct statfs fs;
	struct dirent *e;
	struct stat st;
	int seen = 0, fd;
	char path[64];
	DIR *d;
	FILE *f;

	ok(!statfs(dir, &fs) && fs.f_type == 0xcafe4a11, "statfs() says BPF file system");
	snprintf(path, sizeof(path), "%s/map", dir);
	ok(!stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600,
	   "stat() of a pin");
	ok(open(path, O_RDONLY) < 0 && errno == EIO, "a pin of no text cannot be opened");
	d = opendir(dir);
	while (d && (e = readdir(d)))
		seen += !strcmp(e->d_name, "map") || !strcmp(e->d_name, "prog");
	ok(seen == 2, "readdir() lists the pins");
	fd = d ? dirfd(d) : -1;
	ok(!fstatat(fd, "map", &st, 0) && (st.st_mode & 0777) == 0600, "fstatat() below a folder");
	if (d)
		closedir(d);
	ok(!nftw("/sys/fs/bpf", count, 16, FTW_PHYS) && pins == 1, "nftw() finds the pin");
	f = setmntent("/proc/mounts", "r");
	for (seen = 0; f && (m = getmntent(f));)
		seen += !strcmp(m->mnt_type, "bpf") && !strcmp(m->mnt_dir, "/sys/fs/bpf");
	if (f)
		endmntent(f);
	ok(seen == 1, "getmntent() shows the mount");
}

int main(int argc, char **argv)
{
	static const char dir[] = "/sys/fs/bpf/skep-client";
	struct bpf_insn insns[] = { { .code = 0xb7 }, { .code = 0x95 } };
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "kept", 4, 8, 1, NULL), prog, again;
	__u64 value = 42;
	__u32 zero = 0;
	char path[64];

	prog = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "kept", "GPL", insns, 2, NULL);
	ok(map >= 0 && prog >= 0, "map and program");
	ok(!mkdir(dir, 0700), "mkdir()");
	snprintf(path, sizeof(path), "%s/map", dir);
	ok(!bpf_obj_pin(map, path), "the map is pinned");
	ok(bpf_obj_pin(map, path) == -EEXIST, "once");
	bpf_map_update_elem(map, &zero, &value, 0);
	close(map);
	value = 0;
	again = bpf_obj_get(path);
	ok(again >= 0 && !bpf_map_lookup_elem(again, &zero, &value) && value == 42,
	   "its value is there when its descriptor is gone");
	snprintf(path, sizeof(path), "%s/prog", dir);
	ok(!bpf_obj_pin(prog, path), "the program is pinned");
	if (argc > 1)
		files(dir);
	ok(!unlink(path) && bpf_obj_get(path) == -ENOENT, "unlink()");
	printf("1..%d\n", number);
	return failed;
}
