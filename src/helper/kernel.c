/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel objects in the hands of programs: paths and sockets (Linux: kernel/trace/bpf_trace.c,
 * net/core/filter.c). The objects are the world's; see object/run.h, enum world_op.
 */
#include "helper/bprintf.h"
#include "helper/helper.h"
#include "helper/probe.h"

BPF_HELPER(d_path)
{
	u64 args[] = { r1, r2, (u32)r3 };

	return run->platform->world(run, WORLD_D_PATH, args);
}

BPF_HELPER(snprintf_btf)
{
	u64 args[] = { r1, (u32)r2, r3, r5, (u64)(uintptr_t)probe_kernel };

	if (r5 & ~(u64)BTF_F_ALL || (u32)r4 != sizeof(struct btf_ptr))
		return ERR(EINVAL);
	return run->platform->world(run, WORLD_SHOW, args);
}

/* The program that is executed next is to run as one with privileges of its own does (AT_SECURE). */
BPF_HELPER(bprm_opts_set)
{
	u64 secure = r2 & BPF_F_BPRM_SECUREEXEC;
	u64 args[] = { r1, (u64)(uintptr_t) "secureexec", (u64)(uintptr_t)&secure, sizeof(secure) };

	if (unlikely(r2 & ~(u64)BPF_F_BPRM_SECUREEXEC))
		return ERR(EINVAL);
	run->platform->world(run, WORLD_PUT, args);
	return 0;
}

/* No policy measures anything: nothing is known of an inode. */
BPF_HELPER(ima_inode_hash)
{
	return ERR(EOPNOTSUPP);
}

/* A file is read and hashed when that is asked for, whatever the policy. */
BPF_HELPER(ima_file_hash)
{
	u64 args[] = { r1, r2, (u32)r3 };

	return run->platform->world(run, WORLD_FILE_HASH, args);
}

BPF_HELPER(sock_from_file)
{
	return run->platform->world(run, WORLD_SOCK_OF_FILE, &r1);
}

static u64 cast(struct bpf_run *run, u64 sk, const char *name, bool v6)
{
	u64 args[] = { sk, (u64)(uintptr_t)name, v6 };

	return sk ? run->platform->world(run, WORLD_SOCK_CAST, args) : 0;
}

BPF_HELPER(skc_to_tcp6_sock)
{
	return cast(run, r1, "tcp_sock", true);
}

BPF_HELPER(skc_to_tcp_sock)
{
	return cast(run, r1, "tcp_sock", false);
}

BPF_HELPER(skc_to_udp6_sock)
{
	return cast(run, r1, "udp_sock", true);
}

BPF_HELPER(skc_to_unix_sock)
{
	return cast(run, r1, "unix_sock", false);
}

/* Sockets of processes are whole ones: none of these is among them. */
BPF_HELPER(skc_to_tcp_timewait_sock)
{
	return cast(run, r1, "tcp_timewait_sock", false);
}

BPF_HELPER(skc_to_tcp_request_sock)
{
	return cast(run, r1, "tcp_request_sock", false);
}

BPF_HELPER(skc_to_mptcp_sock)
{
	return cast(run, r1, "mptcp_sock", false);
}
