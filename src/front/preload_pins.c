/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libc's names for what is done to files, as far as they may be pins; see pins.c. */
#include <fcntl.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "front/preload.h"

SKEP_API int mkdir(const char *path, mode_t mode)
{
	CALL(int, front_mkdirat(r, AT_FDCWD, path, mode), mkdir(path, mode));
}

SKEP_API int mkdirat(int dirfd, const char *path, mode_t mode)
{
	CALL(int, front_mkdirat(r, dirfd, path, mode), mkdirat(dirfd, path, mode));
}

SKEP_API int unlink(const char *path)
{
	CALL(int, front_unlinkat(r, AT_FDCWD, path, 0), unlink(path));
}

SKEP_API int unlinkat(int dirfd, const char *path, int flags)
{
	CALL(int, front_unlinkat(r, dirfd, path, flags), unlinkat(dirfd, path, flags));
}

SKEP_API int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

SKEP_API int remove(const char *path)
{
	int err = unlink(path);

	return err && errno == EISDIR ? rmdir(path) : err;
}

SKEP_API int renameat2(int olddir, const char *old, int newdir, const char *new, unsigned flags)
{
	CALL(int, front_renameat2(r, olddir, old, newdir, new, flags),
	     renameat2(olddir, old, newdir, new, flags));
}

SKEP_API int renameat(int olddir, const char *old, int newdir, const char *new)
{
	return renameat2(olddir, old, newdir, new, 0);
}

SKEP_API int rename(const char *old, const char *new)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

SKEP_API int symlinkat(const char *target, int dirfd, const char *path)
{
	CALL(int, front_symlinkat(r, target, dirfd, path), symlinkat(target, dirfd, path));
}

SKEP_API int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

SKEP_API int fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
	CALL(int, front_fchmodat(r, dirfd, path, mode, flags), fchmodat(dirfd, path, mode, flags));
}

SKEP_API int chmod(const char *path, mode_t mode)
{
	return fchmodat(AT_FDCWD, path, mode, 0);
}

SKEP_API int fstatat64(int dirfd, const char *path, struct stat64 *st, int flags)
{
	CALL(int, front_fstatat(r, dirfd, path, (struct stat *)st, flags),
	     fstatat(dirfd, path, (struct stat *)st, flags));
}

SKEP_API int fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return fstatat64(dirfd, path, (struct stat64 *)st, flags);
}

SKEP_API int stat64(const char *path, struct stat64 *st)
{
	return fstatat64(AT_FDCWD, path, st, 0);
}

SKEP_API int stat(const char *path, struct stat *st)
{
	return fstatat64(AT_FDCWD, path, (struct stat64 *)st, 0);
}

SKEP_API int lstat64(const char *path, struct stat64 *st)
{
	return fstatat64(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

SKEP_API int lstat(const char *path, struct stat *st)
{
	return fstatat64(AT_FDCWD, path, (struct stat64 *)st, AT_SYMLINK_NOFOLLOW);
}

SKEP_API int statfs64(const char *path, struct statfs64 *buf)
{
	CALL(int, front_statfs(r, path, (struct statfs *)buf), statfs(path, (struct statfs *)buf));
}

SKEP_API int statfs(const char *path, struct statfs *buf)
{
	return statfs64(path, (struct statfs64 *)buf);
}

SKEP_API int fstatfs64(int fd, struct statfs64 *buf)
{
	CALL(int, front_fstatfs(r, fd, (struct statfs *)buf), fstatfs(fd, (struct statfs *)buf));
}

SKEP_API int fstatfs(int fd, struct statfs *buf)
{
	return fstatfs64(fd, (struct statfs64 *)buf);
}

static int openat_common(int dirfd, const char *path, int flags, mode_t mode)
{
	CALL(int, front_openat(r, dirfd, path, flags, mode), openat(dirfd, path, flags, mode));
}

SKEP_API int openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat_common(dirfd, path, flags, mode);
}

SKEP_API int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat_common(dirfd, path, flags, mode);
}

SKEP_API int mount(const char *source, const char *target, const char *type, unsigned long flags,
		   const void *data)
{
	CALL(int, front_mount(r, source, target, type, flags, data),
	     mount(source, target, type, flags, data));
}

SKEP_API int umount2(const char *target, int flags)
{
	CALL(int, front_umount2(r, target, flags), umount2(target, flags));
}

SKEP_API int umount(const char *target)
{
	return umount2(target, 0);
}

SKEP_API DIR *opendir(const char *path)
{
	CALL(DIR *, front_opendir(r, path), opendir(path));
}

SKEP_API int nftw64(const char *path, __nftw64_func_t fn, int fds, int flags)
{
	/* Not as the others: @fn is the client's, whose calls are answered. */
	return front_nftw(preload_libc(), path, (__nftw_func_t)(void *)fn, fds, flags);
}

SKEP_API int nftw(const char *path, __nftw_func_t fn, int fds, int flags)
{
	return nftw64(path, (__nftw64_func_t)(void *)fn, fds, flags);
}

SKEP_API FILE *setmntent(const char *path, const char *mode)
{
	CALL(FILE *, front_setmntent(r, path, mode), setmntent(path, mode));
}
