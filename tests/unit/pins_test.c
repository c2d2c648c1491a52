/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tree of pins: every operation is done on the running kernel's BPF file system, too, and the
 * results (0 or errno) are compared. Where there is none, what Linux gave is in the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/pins.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;
static char real_root[] = "/tmp/skep-pins-XXXXXX", real_folder[64];
static bool with_kernel;
static int maps[2], progs[2]; /* ours, the kernel's */

static int real_bpf(int which, int cmd, union bpf_attr *attr)
{
	return which ? kernel_bpf_raw(cmd, attr, sizeof(*attr)) :
		       skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static int map_new(int which, int type)
{
	union bpf_attr attr = { .map_type = (unsigned)type,
				.key_size = 4,
				.value_size = type == BPF_MAP_TYPE_PROG_ARRAY ? 4 : 8,
				.max_entries = 4 };

	return real_bpf(which, BPF_MAP_CREATE, &attr);
}

static int prog_new(int which)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 0 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (unsigned long)insns,
				.license = (unsigned long)"GPL" };

	return real_bpf(which, BPF_PROG_LOAD, &attr);
}

/* One step: operation, its arguments below the root, and what Linux says. */
enum op {
	MKDIR,
	RMDIR,
	UNLINK,
	RENAME,
	NOREPLACE,
	EXCHANGE,
	SYMLINK,
	LINK,
	STAT,
	LSTAT,
	PIN_MAP,
	PIN_PROG,
	GET,
	GET_RO,
	GET_BOTH,
	OPEN,
	CREATE,
	CHMOD0,
	CHMOD
};
static const struct step {
	enum op op;
	const char *a, *b;
	int expect;
} steps[] = {
	{ STAT, "", NULL, 0 },
	{ STAT, "maps.debug", NULL,
	  -ENOENT }, /* of the mount below /sys/fs/bpf alone, see check() */
	{ MKDIR, "dir", NULL, 0 },
	{ MKDIR, "dir", NULL, -EEXIST },
	{ MKDIR, "slash/", NULL, 0 },
	{ MKDIR, "dot.ted", NULL, -EPERM },
	{ MKDIR, "none/x", NULL, -ENOENT },
	{ STAT, "dot.ted", NULL, -EPERM },
	{ MKDIR, "dir/.", NULL, -EEXIST },
	{ MKDIR, "dir/..", NULL, -EEXIST },
	{ PIN_MAP, "dir/map", NULL, 0 },
	{ PIN_MAP, "dir/map", NULL, -EEXIST },
	{ PIN_MAP, "dir", NULL, -EEXIST },
	{ PIN_MAP, "dir/m.ap", NULL, -EPERM },
	{ PIN_MAP, "new/", NULL, -ENOENT },
	{ PIN_MAP, "none/map", NULL, -ENOENT },
	{ PIN_MAP, "dir/map/x", NULL, -ENOTDIR },
	{ PIN_PROG, "dir/prog", NULL, 0 },
	{ GET, "dir/map", NULL, 0 },
	{ GET, "dir/prog", NULL, 0 },
	{ GET_RO, "dir/map", NULL, 0 },
	{ GET_BOTH, "dir/map", NULL, -EINVAL },
	{ GET, "dir", NULL, -EACCES },
	{ GET, "dir/none", NULL, -ENOENT },
	{ GET, "dir/map/", NULL, -ENOTDIR },
	{ OPEN, "dir/map", NULL, -EIO },
	{ OPEN, "dir/prog", NULL, -EIO },
	{ CREATE, "dir/new", NULL, -EACCES },
	{ CREATE, "dir/map", NULL, -EEXIST },
	{ SYMLINK, "dir/map", "ln", 0 },
	{ SYMLINK, "x", "l.n", -EPERM },
	{ SYMLINK, "x", "dir", -EEXIST },
	{ SYMLINK, "loop", "loop", 0 },
	{ SYMLINK, "nothing", "dangling", 0 },
	{ GET, "ln", NULL, 0 },
	{ STAT, "ln", NULL, 0 },
	{ STAT, "loop", NULL, -ELOOP },
	{ LSTAT, "loop", NULL, 0 },
	{ STAT, "dangling", NULL, -ENOENT },
	{ PIN_MAP, "dangling", NULL, -EEXIST },
	{ LINK, "dir/map", "dir/hard", 0 },
	{ LINK, "dir", "dirlink", -EPERM },
	{ LINK, "none", "x", -ENOENT },
	{ LINK, "dir/map", "dir/prog", -EEXIST },
	{ UNLINK, "dir/map", NULL, 0 },
	{ GET, "dir/map", NULL, -ENOENT },
	{ GET, "dir/hard", NULL, 0 },
	{ UNLINK, "dir", NULL, -EISDIR },
	{ UNLINK, "dir/hard/", NULL, -ENOTDIR },
	{ UNLINK, "none", NULL, -ENOENT },
	{ UNLINK, "no.ne", NULL, -EPERM },
	{ RMDIR, "dir", NULL, -ENOTEMPTY },
	{ RMDIR, "dir/hard", NULL, -ENOTDIR },
	{ RMDIR, "none", NULL, -ENOENT },
	{ RMDIR, "dir/.", NULL, -EINVAL },
	{ RMDIR, "dir/..", NULL, -ENOTEMPTY },
	{ RENAME, "dir/hard", "dir/moved", 0 },
	{ RENAME, "dir/hard", "dir/x", -ENOENT },
	{ RENAME, "dir/moved", "dir/m.d", -EPERM },
	{ NOREPLACE, "dir/moved", "dir/prog", -EEXIST },
	{ RENAME, "dir/moved", "slash", -EISDIR },
	{ RENAME, "slash", "dir/moved", -ENOTDIR },
	{ RENAME, "dir", "dir/sub", -EINVAL },
	{ RENAME, "slash", "dir", -ENOTEMPTY },
	{ RENAME, "dir/moved", "none/x", -ENOENT },
	{ EXCHANGE, "dir/moved", "slash", 0 },
	{ GET, "slash", NULL, 0 },
	{ STAT, "dir/moved/.", NULL, 0 },
	{ EXCHANGE, "slash", "none", -ENOENT },
	{ RENAME, "slash", "dir/prog", 0 },
	{ GET, "dir/prog", NULL, 0 },
	{ RENAME, "dir", "dir", 0 },
	{ MKDIR, "other", NULL, 0 },
	{ RENAME, "dir", "other", 0 },
	{ STAT, "other/prog", NULL, 0 },
	{ CHMOD0, "other", NULL, 0 },
	{ STAT, "other/prog", NULL, 0 },
	{ STAT, "other/pr.og", NULL, -ENOENT }, /* a folder of mode 0 does not mind dots */
	{ CHMOD, "other", NULL, 0 },
	{ UNLINK, "other/prog", NULL, 0 },
	{ RMDIR, "other/moved", NULL, 0 },
	{ RMDIR, "other", NULL, 0 },
	{ UNLINK, "ln", NULL, 0 },
	{ UNLINK, "loop", NULL, 0 },
	{ UNLINK, "dangling", NULL, 0 },
};

static void join(char path[PATH_MAX], const char *root, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", root, name);
}

static int sys_result(long r)
{
	if (r >= 0)
		return 0;
	return -errno;
}

static int do_bpf(int which, const struct step *s, const char *path)
{
	union bpf_attr attr = { .pathname = (unsigned long)path };
	int err;

	switch (s->op) {
	case PIN_MAP:
	case PIN_PROG:
		attr.bpf_fd = (unsigned)(s->op == PIN_MAP ? maps[which] : progs[which]);
		return real_bpf(which, BPF_OBJ_PIN, &attr);
	case GET_RO:
		attr.file_flags = BPF_F_RDONLY;
		break;
	case GET_BOTH:
		attr.file_flags = BPF_F_RDONLY | BPF_F_WRONLY;
		break;
	default:
		break;
	}
	err = real_bpf(which, BPF_OBJ_GET, &attr);
	if (err >= 0)
		close(err);
	return err < 0 ? err : 0;
}

static int do_kernel(const struct step *s)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct stat st;
	int fd;

	join(a, real_folder, s->a);
	join(b, real_folder, s->b ? s->b : "");
	switch (s->op) {
	case MKDIR:
		return sys_result(mkdir(a, 0755));
	case RMDIR:
		return sys_result(rmdir(a));
	case UNLINK:
		return sys_result(unlink(a));
	case RENAME:
		return sys_result(renameat2(AT_FDCWD, a, AT_FDCWD, b, 0));
	case NOREPLACE:
		return sys_result(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE));
	case EXCHANGE:
		return sys_result(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
	case SYMLINK:
		return sys_result(symlink(s->a, b));
	case LINK:
		return sys_result(link(a, b));
	case STAT:
		return sys_result(stat(a, &st));
	case LSTAT:
		return sys_result(lstat(a, &st));
	case OPEN:
		fd = open(a, O_RDONLY);
		break;
	case CREATE:
		fd = open(a, O_RDWR | O_CREAT | O_EXCL, 0600);
		break;
	case CHMOD0:
		return sys_result(chmod(a, 0));
	case CHMOD:
		return sys_result(chmod(a, 0755));
	default:
		return do_bpf(1, s, a);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static const struct pin_who root_user = { .override = true, .umask = 022 };

static int do_ours(const struct step *s, const char *root, const struct pin_who *who)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct stat st;
	int fd;

	join(a, root, s->a);
	join(b, root, s->b ? s->b : "");
	switch (s->op) {
	case MKDIR:
		return pins_mkdir(sys, who, a, 0755);
	case RMDIR:
		return pins_rmdir(sys, who, a);
	case UNLINK:
		return pins_unlink(sys, who, a);
	case RENAME:
		return pins_rename(sys, who, a, b, 0);
	case NOREPLACE:
		return pins_rename(sys, who, a, b, RENAME_NOREPLACE);
	case EXCHANGE:
		return pins_rename(sys, who, a, b, RENAME_EXCHANGE);
	case SYMLINK:
		return pins_symlink(sys, who, s->a, b);
	case LINK:
		return pins_link(sys, who, a, b);
	case STAT:
		return pins_stat(sys, who, a, true, &st);
	case LSTAT:
		return pins_stat(sys, who, a, false, &st);
	case OPEN:
		fd = pins_open(sys, who, a, O_RDONLY);
		break;
	case CREATE:
		fd = pins_open(sys, who, a, O_RDWR | O_CREAT | O_EXCL);
		break;
	case CHMOD0:
		return pins_chmod(sys, who, a, 0);
	case CHMOD:
		return pins_chmod(sys, who, a, 0755);
	default:
		return do_bpf(0, s, a);
	}
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void every_step(void **state)
{
	int bad = 0;

	assert_int_equal(pins_mkdir(sys, &root_user, PINS_MOUNT "/t", 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct step *s = &steps[i];
		int ours = do_ours(s, PINS_MOUNT "/t", &root_user);
		int theirs = with_kernel ? do_kernel(s) : s->expect;

		/* Only the root of a mount has the kernel's own files. */
		if (!strcmp(s->a, "maps.debug")) {
			struct stat st;

			assert_int_equal(ours, -EPERM);
			assert_int_equal(
				pins_stat(sys, &root_user, PINS_MOUNT "/maps.debug", true, &st), 0);
			assert_int_equal(st.st_mode, S_IFREG | 0400);
			continue;
		}
		if (ours != s->expect || theirs != s->expect) {
			print_error("step %zu op %d %s %s: ours %d, kernel's %d, table %d\n", i,
				    s->op, s->a, s->b ? s->b : "", ours, theirs, s->expect);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	assert_int_equal(pins_rmdir(sys, &root_user, PINS_MOUNT "/t/slash"), -ENOENT);
	assert_int_equal(pins_rmdir(sys, &root_user, PINS_MOUNT "/t"), 0);
}

/* Another user's pins: what their modes let one do. */
static void permissions(void **state)
{
	const struct pin_who alice = { .uid = 1000, .gid = 1000, .umask = 022 };
	const struct pin_who bob = { .uid = 1001, .gid = 1001, .umask = 022 };
	const char *root = "/mnt/pins";
	char path[64];
	struct stat st;
	int err;

	assert_int_equal(pins_mount(sys, &alice, root, NULL), -EPERM);
	assert_int_equal(pins_mount(sys, &root_user, root, "mode=zzz"), -EINVAL);
	assert_int_equal(pins_mount(sys, &root_user, root, NULL), 0);
	assert_int_equal(pins_stat(sys, &alice, root, true, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | S_ISVTX | 0777);
	struct object *o = object_get_any(sys, maps[0], &err);

	assert_non_null(o);
	snprintf(path, sizeof(path), "%s/m", root);
	assert_int_equal(pins_pin(sys, &alice, path, o), 0);
	object_put(o);
	assert_int_equal(pins_stat(sys, &bob, path, true, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 1000);
	assert_null(pins_get(sys, &bob, path, O_RDONLY, &err));
	assert_int_equal(err, -EACCES);
	assert_int_equal(pins_unlink(sys, &bob, path), -EPERM); /* sticky */
	assert_int_equal(pins_chmod(sys, &bob, path, 0644), -EPERM);
	assert_int_equal(pins_chmod(sys, &alice, path, 0644), 0);
	assert_null(pins_get(sys, &bob, path, O_RDWR, &err));
	assert_int_equal(err, -EACCES);
	o = pins_get(sys, &bob, path, O_RDONLY, &err);
	assert_non_null(o);
	object_put(o);
	assert_int_equal(pins_chown(sys, &alice, path, 1001, -1), -EPERM);
	assert_int_equal(pins_chown(sys, &root_user, path, 1001, -1), 0);
	assert_int_equal(pins_unlink(sys, &bob, path), 0);
	assert_int_equal(pins_umount(sys, &alice, root), -EPERM);
	assert_int_equal(pins_umount(sys, &root_user, root), 0);
	assert_false(pins_cover(sys, root));
}

static u32 ids(enum object_kind kind)
{
	u32 id = 0, n = 0;

	objects_drain(sys, true);
	while (!object_next_id(sys, kind, id, &id))
		n++;
	return n;
}

/* A pin keeps its object without descriptors, and a prog array its elements. */
static void lifetime(void **state)
{
	u32 before = ids(OBJECT_MAP), zero = 0;
	union bpf_attr attr = { 0 };
	int fd = map_new(0, BPF_MAP_TYPE_PROG_ARRAY), prog = prog_new(0);

	assert_true(fd >= 0 && prog >= 0);
	attr.map_fd = (unsigned)fd;
	attr.key = (unsigned long)&zero;
	attr.value = (unsigned long)&prog;
	assert_int_equal(real_bpf(0, BPF_MAP_UPDATE_ELEM, &attr), 0);
	attr = (union bpf_attr){ .pathname = (unsigned long)PINS_MOUNT "/jump",
				 .bpf_fd = (unsigned)fd };
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), 0);
	close(fd);
	close(prog);
	assert_int_equal(ids(OBJECT_MAP), before + 1);
	attr.bpf_fd = 0;
	fd = real_bpf(0, BPF_OBJ_GET, &attr);
	assert_true(fd >= 0);
	attr = (union bpf_attr){ .map_fd = (unsigned)fd, .key = (unsigned long)&zero };
	attr.value = (unsigned long)&prog;
	assert_int_equal(real_bpf(0, BPF_MAP_LOOKUP_ELEM, &attr), 0);
	assert_true(prog > 0); /* an id */
	close(fd);
	assert_int_equal(pins_unlink(sys, &root_user, PINS_MOUNT "/jump"), 0);
	assert_int_equal(ids(OBJECT_MAP), before);
}

/* Descriptors of folders list the names, name things below, and follow changes. */
static void folders(void **state)
{
	union bpf_attr attr = { 0 };
	char path[PATH_MAX];
	struct stat st;
	int fd, got;

	assert_int_equal(pins_mkdir(sys, &root_user, PINS_MOUNT "/d", 0755), 0);
	assert_int_equal(pins_open(sys, &root_user, PINS_MOUNT "/d", O_RDWR), -EISDIR);
	fd = pins_open(sys, &root_user, PINS_MOUNT "/d", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(pins_path_of(sys, &st, path, sizeof(path)) > 0);
	assert_string_equal(path, PINS_MOUNT "/d");

	attr = (union bpf_attr){ .pathname = (unsigned long)"map",
				 .bpf_fd = (unsigned)maps[0],
				 .file_flags = BPF_F_PATH_FD,
				 .path_fd = fd };
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), 0);
	assert_int_equal(faccessat(fd, "map", F_OK, 0), 0); /* by the host's kernel */
	attr.bpf_fd = 0;
	got = real_bpf(0, BPF_OBJ_GET, &attr);
	assert_true(got >= 0);
	close(got);
	attr.file_flags = 0;
	assert_int_equal(real_bpf(0, BPF_OBJ_GET, &attr), -EINVAL);
	assert_int_equal(pins_rename(sys, &root_user, PINS_MOUNT "/d", PINS_MOUNT "/e", 0), 0);
	fd = (close(fd), pins_open(sys, &root_user, PINS_MOUNT "/e", O_RDONLY));
	assert_int_equal(faccessat(fd, "map", F_OK, 0), 0);
	assert_int_equal(pins_unlink(sys, &root_user, PINS_MOUNT "/e/map"), 0);
	assert_int_equal(faccessat(fd, "map", F_OK, 0), -1);
	close(fd);
	assert_int_equal(pins_rmdir(sys, &root_user, PINS_MOUNT "/e"), 0);
}

/* What is no pin, and tokens. */
static void elsewhere(void **state)
{
	union bpf_attr attr = { .pathname = (unsigned long)"/tmp/skep-no-such-pin" };

	assert_int_equal(real_bpf(0, BPF_OBJ_GET, &attr), -ENOENT);
	attr.bpf_fd = (unsigned)maps[0];
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), -EPERM);
	attr.pathname = (unsigned long)"/tmp";
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), -EEXIST);
	attr.pathname = (unsigned long)"/no/such/folder/x";
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), -ENOENT);
	attr.pathname = (unsigned long)"/etc/passwd";
	attr.bpf_fd = 0;
	assert_int_equal(real_bpf(0, BPF_OBJ_GET, &attr), -EACCES);
	attr.pathname = 1;
	assert_int_equal(real_bpf(0, BPF_OBJ_GET, &attr), -EFAULT);
	attr = (union bpf_attr){ .pathname = (unsigned long)PINS_MOUNT "/x", .bpf_fd = 9999 };
	assert_int_equal(real_bpf(0, BPF_OBJ_PIN, &attr), -EINVAL);

	attr = (union bpf_attr){ .token_create = { .bpffs_fd = 9999 } };
	assert_int_equal(real_bpf(0, BPF_TOKEN_CREATE, &attr), -EBADF);
	attr.token_create.bpffs_fd = (unsigned)maps[0];
	assert_int_equal(real_bpf(0, BPF_TOKEN_CREATE, &attr), -EINVAL);
	attr.token_create.bpffs_fd =
		(unsigned)pins_open(sys, &root_user, PINS_MOUNT, O_RDONLY | O_DIRECTORY);
	assert_int_equal(real_bpf(0, BPF_TOKEN_CREATE, &attr), -EOPNOTSUPP);
	close((int)attr.token_create.bpffs_fd);
}

static int setup(void **state)
{
	sys = skep_system_new(NULL);
	if (!sys)
		return -1;
	maps[0] = map_new(0, BPF_MAP_TYPE_ARRAY);
	progs[0] = prog_new(0);
	maps[1] = map_new(1, BPF_MAP_TYPE_ARRAY);
	progs[1] = prog_new(1);
	if (mkdtemp(real_root) && maps[1] >= 0 && progs[1] >= 0 &&
	    !mount("bpf", real_root, "bpf", 0, NULL)) {
		with_kernel = true;
		snprintf(real_folder, sizeof(real_folder), "%s/t", real_root);
		if (mkdir(real_folder, 0755))
			return -1;
	} else {
		print_message("no BPF file system of the kernel: recorded results only\n");
	}
	return maps[0] < 0 || progs[0] < 0;
}

static int teardown(void **state)
{
	if (with_kernel)
		umount2(real_root, MNT_DETACH);
	rmdir(real_root);
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step), cmocka_unit_test(permissions),
		cmocka_unit_test(lifetime),   cmocka_unit_test(folders),
		cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
