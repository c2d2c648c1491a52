/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the caller of a command may do (Linux: bpf_capable(), perfmon_capable() and
 * sysctl_unprivileged_bpf_disabled).
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "object/caller.h"
#include "object/system.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

int system_unpriv_disabled(const struct skep_system *sys)
{
	char c = '2'; /* the default of every distribution */
	int fd;

	if (sys->unpriv_disabled >= 0)
		return sys->unpriv_disabled;
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
		return BPF_CAP_BPF | BPF_CAP_PERFMON | BPF_CAP_NET_ADMIN | BPF_CAP_SYS_ADMIN;
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
	if (!(caps & BPF_CAP_BPF) && system_unpriv_disabled(sys))
		caps |= BPF_UNPRIV_DISABLED;
	return caps;
}
