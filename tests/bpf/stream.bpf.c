/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program that writes to its streams: tests/unit/stream_test.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

int bpf_stream_vprintk_impl(int id, const char *format, const void *args, __u32 size,
			    void *prog) __ksym;

char LICENSE[] SEC("license") = "GPL";

__u32 id;
__u32 times;
__u64 number;
int results[8];

SEC("syscall")
int write_stream(void *ctx)
{
	static const char format[] = "number %d, %s!\n";
	__u64 args[2] = { number, (__u64)(long)"words" };

	results[0] = bpf_stream_vprintk_impl((int)id, format, args, sizeof(args), 0);
	results[1] = bpf_stream_vprintk_impl((int)id, format, args, 7, 0);
	for (__u32 i = 0; i < 4096 && i < times; i++)
		results[2] = bpf_stream_vprintk_impl((int)id, "%100d", &args[0], 8, 0);
	return 0;
}
