/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What happens to each libc call: bpf(2) and perf_event_open(2) go to the
 * system, and so does what is done to the descriptors they gave; paths under
 * which the kernel shows its types are answered from the system's; the rest is
 * the real function's.
 */
#include "front/front.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/uapi.h"
#include "btf/btf.h"
#include "object/system.h"

#define VMLINUX_BTF   "/sys/kernel/btf/vmlinux"
#define UNPRIV_SYSCTL "/proc/sys/kernel/unprivileged_bpf_disabled"

static struct skep_system *answering;
static bool chosen; /* by skep_front_use(), or by the first call that needed a system */

void skep_front_use(struct skep_system *sys)
{
	answering = sys;
	chosen = true;
}

static void start(void)
{
	struct skep_system *sys;

	if (chosen)
		return;
	sys = skep_system_new(NULL);
	if (!sys) {
		/* Going on would mean the kernel's answers, which nobody asked for. */
		dprintf(STDERR_FILENO,
			"skep: cannot start a system: %s (check SKEP_KERNEL, SKEP_BTF, SKEP_CAPS, "
			"SKEP_JIT, SKEP_VERDICT)\n",
			strerror(errno));
		_exit(125);
	}
	skep_front_use(sys);
}

/* The system for a call that only a system can answer; NULL: the kernel was chosen. */
static struct skep_system *system_wanted(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!chosen)
		pthread_once(&once, start);
	return answering;
}

static long from_errno(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

long front_syscall(const struct front_real *real, long nr, const long args[6])
{
	struct skep_system *sys = NULL;

	if (nr == SYS_bpf || nr == SYS_perf_event_open)
		sys = system_wanted();
	if (sys && nr == SYS_bpf)
		return from_errno(
			skep_bpf(sys, (int)args[0], (union bpf_attr *)args[1], (unsigned)args[2]));
	if (sys && nr == SYS_perf_event_open)
		return from_errno(skep_perf_event_open(sys, (void *)args[0], (int)args[1],
						       (int)args[2], (int)args[3],
						       (unsigned long)args[4]));
	return real->syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

void *front_mmap(const struct front_real *real, void *addr, size_t len, int prot, int flags, int fd,
		 off_t off)
{
	int err;

	if (answering && fd >= 0 && (flags & MAP_TYPE) != MAP_PRIVATE) {
		err = skep_mmap(answering, fd, len, prot, off);
		if (err < 0) {
			errno = -err;
			return MAP_FAILED;
		}
	}
	return real->mmap(addr, len, prot, flags, fd, off);
}

int front_ioctl(const struct front_real *real, int fd, unsigned long request, void *arg)
{
	int result = answering ? skep_ioctl(answering, fd, request, arg) : -ENOTTY;

	/* Not one of ours: the kernel knows what to do with it. */
	if (result == -ENOTTY || result == -EBADF)
		return real->ioctl(fd, request, arg);
	return (int)from_errno(result);
}

int front_epoll_ctl(const struct front_real *real, int epfd, int op, int fd,
		    struct epoll_event *event)
{
	/* epoll refuses a memfd: the eventfd that wakes its readers stands in for it. */
	int instead = answering ? skep_epoll_fd(answering, fd) : -EBADF;
	struct epoll_event edge;

	if (instead < 0)
		return real->epoll_ctl(epfd, op, fd, event);
	/* The eventfd stays readable: an edge tells what a ring's own poll would. */
	if (event) {
		edge = *event;
		edge.events |= EPOLLET;
		event = &edge;
	}
	return real->epoll_ctl(epfd, op, instead, event);
}

static bool shows_kernel_types(const char *path)
{
	return path && !strcmp(path, VMLINUX_BTF) && system_wanted();
}

/* A sealed file with these contents to read, or -1 and errno. */
static int open_contents(const char *name, const void *data, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n <= 0) {
			int err = n ? errno : EIO;

			close(fd);
			errno = err;
			return -1;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A descriptor to read the system's kernel BTF from, or -1 and errno. */
static int open_kernel_types(void)
{
	const struct object_btf *vmlinux = system_vmlinux(answering);
	const void *data;
	u32 size;

	data = vmlinux ? btf_raw_data(vmlinux->btf, &size) : NULL;
	if (!data) {
		errno = ENOENT;
		return -1;
	}
	return open_contents("vmlinux", data, size);
}

static bool shows_sysctl(const char *path)
{
	return path && !strcmp(path, UNPRIV_SYSCTL) && system_wanted();
}

static int open_sysctl(void)
{
	char text[4];
	int n = snprintf(text, sizeof(text), "%d\n", system_unpriv_disabled(answering));

	return open_contents("unprivileged_bpf_disabled", text, (size_t)n);
}

int front_open(const struct front_real *real, const char *path, int flags, mode_t mode)
{
	if (shows_kernel_types(path) && (flags & O_ACCMODE) == O_RDONLY)
		return open_kernel_types();
	if (shows_sysctl(path) && (flags & O_ACCMODE) == O_RDONLY)
		return open_sysctl();
	return real->open(path, flags, mode);
}

FILE *front_fopen(const struct front_real *real, const char *path, const char *mode)
{
	FILE *f;
	int fd;

	if (*mode == 'r' && !strchr(mode, '+') && shows_kernel_types(path))
		fd = open_kernel_types();
	else if (*mode == 'r' && !strchr(mode, '+') && shows_sysctl(path))
		fd = open_sysctl();
	else
		return real->fopen(path, mode);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, mode);
	if (!f)
		close(fd);
	return f;
}

int front_faccessat(const struct front_real *real, int dirfd, const char *path, int mode, int flags)
{
	if (shows_kernel_types(path)) {
		const struct object_btf *vmlinux = system_vmlinux(answering);

		if (vmlinux && !(mode & (W_OK | X_OK)))
			return 0;
		errno = vmlinux ? EACCES : ENOENT;
		return -1;
	}
	return real->faccessat(dirfd, path, mode, flags);
}

int front_setrlimit(const struct front_real *real, __rlimit_resource_t resource,
		    const struct rlimit *limit)
{
	/* Linux charges maps to memory cgroups since 5.11; so the limit plays no part here. */
	if (resource == RLIMIT_MEMLOCK && (answering || !chosen)) {
		real->setrlimit(resource, limit);
		return 0;
	}
	return real->setrlimit(resource, limit);
}

int front_uname(const struct front_real *real, struct utsname *buf)
{
	int err = real->uname(buf);

	/* The release follows the profile where one was asked for. */
	if (!err && answering && answering->profile_set)
		snprintf(buf->release, sizeof(buf->release), "%u.%u.0-skep",
			 KVER_MAJOR(answering->profile), KVER_MINOR(answering->profile));
	return err;
}
