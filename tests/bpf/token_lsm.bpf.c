// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-only OR BSD-2-Clause
/* Security hooks that bpf(2) asks: the caller's name says which of them refuses. See tests/script/token. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

/* What a program saw of its arguments, by hook. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static bool named(const char *name)
{
	char comm[16] = "";

	bpf_get_current_comm(comm, sizeof(comm));
	return !bpf_strncmp(comm, sizeof(comm), name);
}

static void saw(__u32 hook, __u64 what)
{
	bpf_map_update_elem(&seen, &hook, &what, BPF_ANY);
}

SEC("lsm/bpf_token_create")
int BPF_PROG(create_token, struct bpf_token *token, union bpf_attr *attr, const struct path *path)
{
	if (!named("deny-token"))
		return 0;
	saw(0, token->allowed_cmds);
	return -13;
}

SEC("lsm/bpf_token_capable") int BPF_PROG(capable, const struct bpf_token *token, int cap)
{
	if (cap == 39 && named("deny-bpf"))
		return -1;
	if (cap == 12 && named("deny-net"))
		return -2;
	return 0;
}

SEC("lsm/bpf_token_cmd")
int BPF_PROG(token_cmd, const struct bpf_token *token, enum bpf_cmd cmd)
{
	if (!named("deny-cmd") || cmd == BPF_BTF_LOAD)
		return 0;
	saw(2, token->allowed_maps);
	return -1;
}

SEC("lsm/bpf_map_create")
int BPF_PROG(create_map, struct bpf_map *map, union bpf_attr *attr, struct bpf_token *token)
{
	if (!named("deny-create"))
		return 0;
	saw(3, (__u64)map->map_type << 32 | map->max_entries << 8 | (token != 0));
	return -16;
}

SEC("lsm/bpf_prog_load")
int BPF_PROG(load_prog, struct bpf_prog *prog, union bpf_attr *attr, struct bpf_token *token)
{
	if (!named("deny-load"))
		return 0;
	saw(4, (__u64)prog->type << 32 | prog->len << 8 | (token != 0));
	return -17;
}

SEC("lsm/bpf_map") int BPF_PROG(map_fd, struct bpf_map *map, fmode_t fmode)
{
	if (!named("deny-map"))
		return 0;
	saw(5, (__u64)map->value_size << 32 | fmode);
	return -6;
}

SEC("lsm/bpf_prog") int BPF_PROG(prog_fd, struct bpf_prog *prog)
{
	if (!named("deny-prog"))
		return 0;
	saw(6, prog->expected_attach_type);
	return -7;
}
