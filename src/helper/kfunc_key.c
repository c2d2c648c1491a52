/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Keys and signatures (Linux: kernel/trace/bpf_trace.c; since 6.18 kernel/bpf/helpers.c). */
#include "helper/dynptr.h"
#include "helper/helper.h"

BPF_KFUNC(bpf_lookup_user_key)
{
	u64 args[] = { (u32)r1, r2 };

	return run->platform->kernel_call(run, KERNEL_CALL_KEY_LOOKUP, args);
}

BPF_KFUNC(bpf_lookup_system_key)
{
	return run->platform->kernel_call(run, KERNEL_CALL_KEY_SYSTEM, &r1);
}

/* Keys are the host kernel's, which keeps them as long as somebody can find them. */
BPF_KFUNC(bpf_key_put)
{
	return 0;
}

BPF_KFUNC(bpf_verify_pkcs7_signature)
{
	u32 data_len = dynptr_len(PTR(r1)), sig_len = dynptr_len(PTR(r2));
	u64 args[] = { (u64)dynptr_bytes(PTR(r1), data_len, run), data_len,
		       (u64)dynptr_bytes(PTR(r2), sig_len, run), sig_len, r3 };

	/* Bytes that are in pieces, or none at all: as a message that is cut. */
	if (!args[2] || !args[0])
		args[3] = 0;
	return INT(run->platform->kernel_call(run, KERNEL_CALL_KEY_VERIFY, args));
}
