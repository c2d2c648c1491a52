/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Whatever is executed finds AT_SECURE set, as if it had privileges of its own. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define EINVAL 22

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(secure, struct linux_binprm *bprm)
{
	if (bpf_bprm_opts_set(bprm, 2) == -EINVAL)
		bpf_bprm_opts_set(bprm, BPF_F_BPRM_SECUREEXEC);
	return 0;
}

char _license[] SEC("license") = "GPL";
