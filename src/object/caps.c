/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the caller of a command may do (Linux: bpf_capable(), perfmon_capable() and
 * sysctl_unprivileged_bpf_disabled).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "object/caller.h"
#include "object/system.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

/*
 * What processes have written: the file itself is the sysctl. DIFF(sysctl-write): a value that Linux refuses is
 * taken, and means nothing.
 */
static void take_written(struct skep_system *sys)
{
	char text[3] = "";
	ssize_t n = pread(sys->unpriv_file, text, sizeof(text) - 1, 0);

	if (n < 1 || text[0] < '0' || text[0] > '2' || (text[1] && text[1] != '\n'))
		return;
	if (READ_ONCE(sys->unpriv_disabled) != 1) /* which is for good */
		WRITE_ONCE(sys->unpriv_disabled, (s8)(text[0] - '0'));
}

int system_unpriv_open(struct skep_system *sys)
{
	char path[40], text[3];
	int fd, err = 0;

	if (!(system_caps(sys) & BPF_CAP_SYS_ADMIN))
		return -EACCES;
	relock_take(&sys->lock);
	snprintf(text, sizeof(text), "%d\n", system_unpriv_disabled(sys));
	if (!sys->unpriv_file) {
		fd = memfd_create("unprivileged_bpf_disabled", MFD_CLOEXEC);
		if (fd >= 0)
			WRITE_ONCE(sys->unpriv_file, fd);
		else
			err = -errno;
	}
	/* As it reads from now on, whatever has been written. */
	if (!err && (pwrite(sys->unpriv_file, text, 2, 0) != 2 || ftruncate(sys->unpriv_file, 2)))
		err = -EIO;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sys->unpriv_file);
	fd = err ? err : open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		fd = -errno;
	relock_give(&sys->lock);
	return fd;
}

int system_unpriv_disabled(struct skep_system *sys)
{
	char c = '2'; /* the default of every distribution */
	int fd;

	if (READ_ONCE(sys->unpriv_file))
		take_written(sys);
	if (READ_ONCE(sys->unpriv_disabled) >= 0)
		return READ_ONCE(sys->unpriv_disabled);
	fd = open("/proc/sys/kernel/unprivileged_bpf_disabled", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, &c, 1) != 1)
			c = '2';
		close(fd);
	}
	return c == '0' ? 0 : c == '1' ? 1 : 2;
}

u32 system_caps(struct skep_system *sys)
{
	u64 userns;

	if (sys->caps_mode == CAPS_FULL)
		return BPF_CAP_BPF | BPF_CAP_PERFMON | BPF_CAP_NET_ADMIN | BPF_CAP_SYS_ADMIN |
		       BPF_CAP_SYS_BOOT;
	/* What somebody may do in another user namespace counts by a token only: object/token.c. */
	userns = caller_userns();
	return system_caps_of(sys, !userns || userns == sys->userns ? caller_caps() : 0);
}

u32 system_caps_of(struct skep_system *sys, u64 effective)
{
	u32 caps = 0;

	if (effective & BIT_ULL(CAP_SYS_ADMIN))
		caps |= BPF_CAP_SYS_ADMIN | BPF_CAP_BPF | BPF_CAP_PERFMON | BPF_CAP_NET_ADMIN;
	if (effective & BIT_ULL(CAP_BPF))
		caps |= BPF_CAP_BPF;
	if (effective & BIT_ULL(CAP_PERFMON))
		caps |= BPF_CAP_PERFMON;
	if (effective & BIT_ULL(CAP_NET_ADMIN))
		caps |= BPF_CAP_NET_ADMIN;
	if (effective & BIT_ULL(CAP_SYS_BOOT))
		caps |= BPF_CAP_SYS_BOOT;
	if (!(caps & BPF_CAP_BPF) && system_unpriv_disabled(sys))
		caps |= BPF_UNPRIV_DISABLED;
	return caps;
}
