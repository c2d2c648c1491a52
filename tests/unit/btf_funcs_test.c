/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Split BTF of functions: types of C text are what the base calls them. */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "hook/functions.h"
#include "hook/points.h"

/* The type as C writes it. */
static void type_text(const struct btf *btf, u32 id, char *out, size_t size)
{
	const struct btf_type *t = btf_type_get(btf, id);
	char inner[128];

	switch (id ? btf_kind(t) : 0) {
	case 0:
		snprintf(out, size, "void");
		break;
	case BTF_KIND_PTR:
		type_text(btf, t->type, inner, sizeof(inner));
		snprintf(out, size, "%s *", inner);
		break;
	case BTF_KIND_CONST:
		type_text(btf, t->type, inner, sizeof(inner));
		snprintf(out, size, "%s const", inner);
		break;
	case BTF_KIND_STRUCT:
		snprintf(out, size, "struct %s", btf_type_name(btf, id));
		break;
	case BTF_KIND_FWD:
		snprintf(out, size, "missing %s", btf_type_name(btf, id));
		break;
	default:
		snprintf(out, size, "%s", btf_type_name(btf, id));
	}
}

static void func_text(const struct btf *btf, const char *name, char *out, size_t size)
{
	s32 id = btf_find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *proto;
	size_t len;

	*out = 0;
	if (id < 0)
		return;
	proto = btf_func_proto(btf, (u32)id, NULL);
	type_text(btf, proto->type, out, size);
	for (u32 i = 0; i < btf_vlen(proto); i++) {
		char type[128];

		type_text(btf, btf_params(proto)[i].type, type, sizeof(type));
		len = strlen(out);
		snprintf(out + len, size - len, ", %s:%s", type,
			 btf_str(btf, btf_params(proto)[i].name_off));
	}
}

static void test_types(void **state)
{
	static const struct btf_func_decl decls[] = {
		{ "one",
		  "int",
		  3,
		  { { "struct task_struct *", "task" },
		    { "const char *const *", "argv" },
		    { "unsigned long", "flags" } } },
		{ "two", "void", 0, { { 0 } } },
		{ "three", "long", 1, { { "no_such_type_t", "x" } } },
		{ "four", "const void *", 1, { { "struct no_such_struct *", "p" } } },
	};
	struct skep_system *sys = system_for("6.12");
	struct object_btf *base = system_vmlinux(sys);
	struct btf *btf;
	char text[512];

	assert_non_null(base);
	assert_int_equal(btf_make_funcs(base->btf, decls, 4, &btf), 0);
	assert_ptr_equal(btf_base(btf), base->btf);
	func_text(btf, "one", text, sizeof(text));
	assert_string_equal(text, "int, struct task_struct *:task, char const * const *:argv, "
				  "long unsigned int:flags");
	func_text(btf, "two", text, sizeof(text));
	assert_string_equal(text, "void");
	/* Of a function with an unknown type nothing is said. */
	func_text(btf, "three", text, sizeof(text));
	assert_string_equal(text, "");
	func_text(btf, "four", text, sizeof(text));
	assert_string_equal(text, "void const *, missing no_such_struct *:p");
	btf_free(btf);
	skep_system_free(sys);
}

/* What clients find: one more kernel BTF behind vmlinux, with what that lacks and only that. */
static void test_object(void **state)
{
	struct skep_system *sys = system_for("6.12");
	struct object_btf *base = system_vmlinux(sys), *mine = system_functions(sys);
	u32 n = 0;

	assert_non_null(mine);
	assert_true(mine->kernel);
	assert_string_equal(mine->name, "skep");
	assert_int_equal(mine->obj.id, base->obj.id + 1);
	for (u32 row = 0; row < FUNC_NAMED; row++) {
		const struct function_info *f = function_info(row);
		bool in_base = btf_find_by_name_kind(base->btf, f->name, BTF_KIND_FUNC) > 0;
		s32 id = btf_find_by_name_kind(mine->btf, f->name, BTF_KIND_FUNC);

		if (!function_visible(sys->profile, f))
			continue;
		if (in_base)
			assert_true(id < (s32)btf_start_id(mine->btf));
		else
			n += id >= (s32)btf_start_id(mine->btf);
	}
	assert_true(n > 0); /* do_execve is inlined everywhere */
	assert_true(btf_find_by_name_kind(mine->btf, "do_execve", BTF_KIND_FUNC) >=
		    (s32)btf_start_id(mine->btf));
	skep_system_free(sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
