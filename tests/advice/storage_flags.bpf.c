/* LOCAL_STORAGE_FLAGS */
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "advice.h"

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} storage SEC(".maps");

SEC("cgroup_skb/egress")
int prog(struct __sk_buff *skb)
{
#ifdef ADVICE
	u64 *value = bpf_get_local_storage(&storage, 0);
#else
	u64 *value = bpf_get_local_storage(&storage, 1);
#endif

	return *value & 1;
}
