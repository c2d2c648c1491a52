/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs of type syscall do in a process's place: loaders that bpftool generates (Linux:
 * bpf_sys_bpf() and its neighbours in kernel/bpf/syscall.c). The system does it.
 */
#include "helper/helper.h"

static bool may_be_called(u32 cmd)
{
	switch (cmd) {
	case BPF_MAP_CREATE:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		return true;
	}
	return false;
}

BPF_HELPER(sys_bpf)
{
	u64 args[] = { (u32)r1, r2, (u32)r3 };

	if (!may_be_called((u32)r1))
		return ERR(EINVAL);
	return run->platform->kernel_call(run, KERNEL_CALL_BPF, args);
}

BPF_HELPER(sys_close)
{
	u64 args[] = { (u32)r1 };

	return run->platform->kernel_call(run, KERNEL_CALL_CLOSE, args);
}

BPF_HELPER(kallsyms_lookup_name)
{
	const char *name = PTR(r1);
	u64 *res = PTR(r4), args[] = { r1 };
	u32 size = (u32)r2;

	*res = 0;
	if (unlikely(r3 || size <= 1 || name[size - 1]))
		return ERR(EINVAL);
	*res = run->platform->kernel_call(run, KERNEL_CALL_SYMBOL, args);
	return *res ? 0 : ERR(ENOENT);
}

/* r1, r2: name with its NUL, r3: kind, r4: flags */
BPF_HELPER(btf_find_by_name_kind)
{
	const char *name = PTR(r1);
	s32 size = (s32)r2;
	u64 args[] = { r1, (u32)r3 };

	if ((s32)r4 || size <= 1 || name[size - 1])
		return ERR(EINVAL);
	return run->platform->kernel_call(run, KERNEL_CALL_BTF, args);
}
