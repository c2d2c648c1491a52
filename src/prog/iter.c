/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the arguments of iterator programs are (Linux: the ctx_arg_info of each target, in
 * kernel/bpf/task_iter.c, map_iter.c … net/ipv4/tcp_ipv4.c). The first is the session's, never
 * NULL; every other is NULL in the call that ends the walk.
 */
#include <string.h>

#include "prog/trace.h"

/* Targets whose object is trusted, as far as it is not NULL. */
static const struct {
	const char *target;
	kver since; /* between 6.1 and 6.12, where they are read: derived */
} trusted[] = {
	{ "bpf_iter_tcp", KVER(6, 5) },	     { "bpf_iter_udp", KVER(6, 5) },
	{ "bpf_iter_task", KVER(6, 8) },     { "bpf_iter_cgroup", KVER(6, 8) },
	{ "bpf_iter_bpf_map", KVER(6, 12) },
};

/* Targets that walk a map: the map is there always; bits of the arguments that are plain memory. */
static const struct {
	const char *target;
	u32 buffers;
} walks_map[] = {
	{ "bpf_iter_bpf_map_elem", BIT(2) | BIT(3) },
	{ "bpf_iter_sockmap", BIT(2) },
	{ "bpf_iter_bpf_sk_storage_map", BIT(3) },
};

void iter_arg(const char *target, u32 nr, struct bpf_insn_access_aux *info)
{
	bool trust = false;

	for (size_t i = 0; i < ARRAY_SIZE(walks_map); i++) {
		if (strcmp(target, walks_map[i].target))
			continue;
		if (nr == 1)
			return;
		if (walks_map[i].buffers & BIT(nr)) /* the key, then the value */
			info->reg_type = PTR_TO_BUF | PTR_MAYBE_NULL | (nr == 2 ? MEM_RDONLY : 0);
	}
	if (!nr || base_type(info->reg_type) != PTR_TO_BTF_ID)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(trusted); i++)
		trust |= !strcmp(target, trusted[i].target) &&
			 visible(info->profile, trusted[i].since);
	info->reg_type = PTR_TO_BTF_ID | PTR_MAYBE_NULL | (trust ? PTR_TRUSTED : 0);
}
