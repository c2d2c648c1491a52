/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tests/lib/btf_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/lib/kernel.h"

static char kernel_log[4 << 20];

static int kernel_load(const void *data, u32 size)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)data;
	attr.btf_size = size;
	attr.btf_log_buf = (uintptr_t)kernel_log;
	attr.btf_log_size = sizeof(kernel_log);
	attr.btf_log_level = 1;
	kernel_log[0] = 0;
	fd = kernel_bpf(BPF_BTF_LOAD, &attr, offsetofend(union bpf_attr, btf_log_level));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

void skip_unless_kernel_loads(kver version)
{
	static const u32 tiny[] = {
		0x0001eb9f, 24,
		0,	    16,
		16,	    5, /* header */
		1,	    BTF_KIND_INT << 24,
		4,	    32, /* int */
		0x746e6900, 0,	/* "\0int\0" */
	};
	struct utsname uts;
	kver running = 0;

	uname(&uts);
	if (kver_parse(uts.release, &running) || running != version) {
		print_message("# SKIP the running kernel is not the one compared with\n");
		skip();
	}
	if (kernel_load(tiny, 24 + 16 + 5)) {
		print_message("# SKIP the running kernel does not load BTF for us\n");
		skip();
	}
}

static void print_difference(const char *name, int err, const char *log, int kernel_err)
{
	const char *a = log, *b = kernel_log;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	while (a > log && a[-1] != '\n') {
		a--;
		b--;
	}
	print_error("%s: %d, kernel %d\n  ours:   %.*s\n  kernel: %.*s\n", name, err, kernel_err,
		    (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

bool same_as_kernel(const void *data, u32 size, const char *name)
{
	struct btf_log log = { .level = 1 };
	struct btf_parse_opts opts = { .log = &log };
	struct utsname uts;
	struct btf *btf;
	int err, kernel_err;
	bool same;

	uname(&uts);
	kver_parse(uts.release, &opts.profile);
	err = btf_parse(data, size, &opts, &btf, NULL);
	kernel_err = kernel_load(data, size);
	same = err == kernel_err && !strcmp(log.buf ? log.buf : "", kernel_log);
	if (!same)
		print_difference(name, err, log.buf ? log.buf : "", kernel_err);
	btf_log_free(&log);
	btf_free(btf);
	return same;
}

char *build_path(const char *file)
{
	const char *o = getenv("O");

	return mem_printf("%s/%s", o ? o : "build", file);
}

u8 *loadable_btf(const char *object, u32 *size)
{
	char *path = build_path(object);
	const u8 *data;
	struct btf *btf;
	u8 *copy;
	u32 id, i;

	if (btf_load_file(path, NULL, &btf)) {
		mem_free(path);
		return NULL;
	}
	mem_free(path);
	data = btf_raw_data(btf, size);
	copy = mem_dup(data, *size);
	for (id = 1; copy && id < btf_nr_types(btf); id++) {
		const struct btf_type *t = btf_type_get(btf, id);
		struct btf_type *w = (void *)(copy + ((const u8 *)t - data));
		struct btf_var_secinfo *v = (void *)(w + 1);
		u32 off = 0;

		if (btf_kind(t) == BTF_KIND_FUNC && btf_vlen(t) == BTF_FUNC_EXTERN)
			w->info = BTF_KIND_FUNC << 24 | BTF_FUNC_GLOBAL;
		if (btf_kind(t) != BTF_KIND_DATASEC)
			continue;
		for (i = 0; i < btf_vlen(t); i++) {
			v[i].offset = off;
			v[i].size = 8;
			btf_type_size(btf, v[i].type, &v[i].size);
			off += v[i].size;
		}
		w->size = off;
	}
	btf_free(btf);
	return copy;
}

static int discard(void *arg, const char *text, size_t len)
{
	*(u64 *)arg += len;
	return 0;
}

static void ask_struct(struct btf *btf, u32 id, const struct btf_type *t)
{
	struct btf_field fields[BTF_FIELDS_MAX];
	struct btf_member_at at;
	struct btf_walk walk;
	u32 off;

	btf_member_find(btf, id, "no such member", &at);
	btf_find_fields(btf, id, BTF_FIELDS_ALL, t->size, fields);
	for (off = 0; off < t->size + 16 && off < 256; off += 1 + off / 16) {
		btf_member_at(btf, id, off, &at);
		btf_struct_access(btf, id, off, 1 << off % 4, off & 1, &walk);
		btf_struct_ids_match(btf, id, off, btf, id / 2, false);
	}
}

void ask_everything(struct btf *btf)
{
	struct btf_ctx_proto ctx;
	struct btf_ctx_arg arg;
	struct btf_refusal why;
	struct btf_sized sized;
	char text[256];
	u64 len = 0;
	u32 id, res;
	s64 value;
	int err;

	for (id = 0; id < btf_nr_types(btf) + 2; id++) {
		const struct btf_type *t = btf_type_get(btf, id);

		if (!t) {
			assert_true(id >= btf_nr_types(btf));
			continue;
		}
		assert_non_null(btf_type_name(btf, id));
		btf_type_skip_modifiers(btf, id, &res);
		btf_type_resolve_ptr(btf, id, &res);
		btf_type_resolve_func_ptr(btf, id, &res);
		btf_type_size(btf, id, &res);
		btf_resolve_size(btf, id, &sized);
		btf_enum_value(btf, id, "RED", &value);
		btf_enum_name(btf, id, 7);
		btf_func_proto(btf, id, &res);
		btf_datasec_at(btf, id, 4);
		btf_core_types_compat(btf, id, btf, (id + 1) % btf_nr_types(btf));
		if (btf_find_by_name_kind(btf, btf_type_name(btf, id), btf_kind(t)) > (s32)id)
			assert_string_equal(btf_type_name(btf, id), "(anon)");
		if (btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION)
			ask_struct(btf, id, t);
		err = btf_trace_proto_by_id(btf, id, &ctx);
		if (!err)
			for (res = 0; res < 64; res += 8)
				if (btf_ctx_access(&ctx, res, 8, &arg, &why))
					btf_refusal_render(&why, text, sizeof(text));
	}
	assert_int_equal(btf_dump_raw(btf, 0, 0, discard, &len), 0);
	assert_int_equal(btf_dump_json(btf, 0, 0, discard, &len), 0);
	assert_true(len > 0);
}
