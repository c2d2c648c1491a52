/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* An LRU map whose values hold objects never holds more of them than it has elements. */
#include "base/uapi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "object/object.h"
#include "object/rt_heap.h"
#include "object/system.h"
#include "skep/skep.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static void test_eviction(void **state)
{
	struct skep_system *sys = skep_system_new(NULL);
	struct bpf_object *obj;
	const char *o = getenv("O");
	char path[256];
	int fd;

	assert_non_null(sys);
	skep_front_use(sys);
	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/bpf/lru_objects.bpf.o", o ? o : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	if (bpf_object__load(obj)) {
		print_message("# the kernel's BTF here has no CPU masks\n");
		bpf_object__close(obj);
		skep_front_use(NULL);
		skep_system_free(sys);
		skip();
	}
	fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "put"));
	for (u32 i = 1; i <= 40; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
		assert_int_equal(opts.retval, 0);
		assert_int_equal(heap_live(sys->arena), i < 4 ? i : 4);
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eviction),
	};

	return cmocka_run_group_tests_name("map_lru_objects", tests, NULL, NULL);
}
