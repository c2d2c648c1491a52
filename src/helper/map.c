/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers on maps, for every type alike (Linux: kernel/bpf/helpers.c). Where the
 * verifier knows the map, a program calls what the type's .helper() names instead.
 */
#include "helper/helper.h"
#include "object/fixup.h"
#include "object/map.h"

static inline const struct bpf_map_ops *ops(const struct bpf_map *map)
{
	return bpf_map_ops_of(map->map_type);
}

BPF_HELPER(map_lookup_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->lookup_elem(map, PTR(r2), run);
}

BPF_HELPER(map_update_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->update_elem(map, PTR(r2), PTR(r3), r4, run);
}

BPF_HELPER(map_delete_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->delete_elem(map, PTR(r2), run);
}

BPF_HELPER(map_lookup_percpu_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->lookup_percpu_elem(map, PTR(r2), (u32)r3);
}

struct callback {
	struct bpf_run *run;
	u64 func, ctx;
	bpf_helper_t native;
};

static long call_back(struct bpf_map *map, const void *key, void *value, void *arg)
{
	const struct callback *cb = arg;

	return (long)bpf_call_subprog(cb->run, cb->func, (u64)map, (u64)key, (u64)value, cb->ctx,
				      0);
}

static long call_native(struct bpf_map *map, const void *key, void *value, void *arg)
{
	const struct callback *cb = arg;

	return (long)cb->native((u64)map, (u64)key, (u64)value, cb->ctx, 0, cb->run);
}

BPF_HELPER(for_each_map_elem)
{
	struct callback cb = { run, r2, r3, bpf_subprog_native(run, r2) };
	struct bpf_map *map = PTR(r1);
	RUN_FRAME(frame, run);
	u64 ret = r4 ? ERR(EINVAL) :
		       (u64)ops(map)->for_each (map, cb.native ? call_native : call_back, &cb, run);

	run->frames = frame.prev;
	return ret;
}

/* Queue, stack and bloom filter. */
BPF_HELPER(map_push_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->push_elem(map, PTR(r2), r3, run);
}

BPF_HELPER(map_pop_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->pop_elem(map, PTR(r2), run);
}

BPF_HELPER(map_peek_elem)
{
	struct bpf_map *map = PTR(r1);

	return (u64)ops(map)->peek_elem(map, PTR(r2), run);
}

/* Never called: the fix-ups turn the call into an instruction of its own (object/fixup.h). */
BPF_HELPER(tail_call)
{
	return ERR(EINVAL);
}
