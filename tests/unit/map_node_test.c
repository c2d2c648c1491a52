/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* BPF_F_NUMA_NODE: a map's memory prefers its node; what is made in its place later prefers none. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "object/map.h"
#include "tests/lib/system_fixture.h"

/* MPOL_* of the page at @p; its nodes are *@nodes. */
static int policy_at(const void *p, unsigned long *nodes)
{
	unsigned long mask[16] = { 0 };
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, mask, 8 * sizeof(mask) + 1, p, MPOL_F_ADDR))
		return -errno;
	*nodes = mask[0];
	return mode;
}

static int create(struct skep_system *sys, u32 type, u32 flags, u32 node)
{
	union bpf_attr a = { .map_type = type,
			     .key_size = 4,
			     .value_size = 4096,
			     .max_entries = 8,
			     .map_flags = flags,
			     .numa_node = node };

	return skep_bpf(sys, BPF_MAP_CREATE, &a, sizeof(a));
}

static struct bpf_map *newest(struct skep_system *sys)
{
	const struct object_table *maps = &sys->tables[OBJECT_MAP];

	return ((struct map_object *)maps->by_id.v[maps->by_id.n - 1])->map;
}

static void test_node(void **state)
{
	static const u32 types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH,
				     BPF_MAP_TYPE_QUEUE };
	struct skep_system *sys = system_for("6.18");
	unsigned long nodes;
	struct bpf_map *map;
	u32 value[1024] = { 7 }, key = 0, got[1024];
	int fd;

	assert_non_null(sys);
	if (policy_at(sys->arena, &nodes) < 0) {
		print_message("# get_mempolicy(2) is not permitted here\n");
		skep_system_free(sys);
		skip();
	}
	for (u32 t = 0; t < 3; t++) {
		fd = create(sys, types[t], BPF_F_NUMA_NODE, 0);
		assert_true(fd >= 0);
		map = newest(sys);
		assert_int_equal(policy_at(map, &nodes), MPOL_PREFERRED);
		assert_int_equal(nodes, 1);
		assert_int_equal(sys_map_update(sys, fd, &key, value, 0), 0);
		assert_int_equal(sys_map_lookup(sys, fd, &key, got), 0);
		assert_memory_equal(value, got, sizeof(got));
		close(fd);
		objects_drain(sys, true);
		/* the same place, without a wish, or with that of -1 */
		for (u32 i = 0; i < 2; i++) {
			fd = create(sys, types[t], i ? BPF_F_NUMA_NODE : 0, i ? ~0U : 0);
			assert_true(fd >= 0);
			assert_ptr_equal(newest(sys), map);
			assert_int_equal(policy_at(map, &nodes), MPOL_DEFAULT);
			close(fd);
			objects_drain(sys, true);
		}
	}
	/* pages that clients map */
	fd = create(sys, BPF_MAP_TYPE_ARRAY, BPF_F_NUMA_NODE | BPF_F_MMAPABLE, 0);
	assert_true(fd >= 0);
	assert_int_equal(policy_at(newest(sys)->client, &nodes), MPOL_PREFERRED);
	close(fd);
	assert_int_equal(create(sys, BPF_MAP_TYPE_ARRAY, BPF_F_NUMA_NODE, 1000), -EINVAL);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_node) };

	return cmocka_run_group_tests_name("memory nodes of maps", tests, NULL, NULL);
}
