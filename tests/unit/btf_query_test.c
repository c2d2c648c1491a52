/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Questions to BTF: the host's kernel types, the built-in ones, those of an object with
 * every kind; split BTF; hostile kernel BTF; running out of memory anywhere.
 */
#include "tests/lib/btf_blob.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "btf/builtin.h"

static struct btf *builtin(void)
{
	struct btf *btf;

	assert_int_equal(btf_parse_static(skep_builtin_btf, skep_builtin_btf_size, &btf), 0);
	return btf;
}

static struct btf *kinds(void)
{
	struct btf_refusal why;
	struct btf *btf;
	u32 size;
	u8 *data = loadable_btf("bpf/kinds.bpf.o", &size);

	assert_non_null(data);
	assert_int_equal(btf_parse(data, size, NULL, &btf, &why), 0);
	mem_free(data);
	return btf;
}

static u32 find(const struct btf *btf, const char *name, u32 kind)
{
	s32 id = btf_find_by_name_kind(btf, name, kind);

	if (id <= 0)
		print_error("no %s %s\n", btf_kind_name(kind), name);
	assert_true(id > 0);
	return id;
}

/* ---- kernel types ---- */

static const struct {
	const char *type, *member;
} needed[] = {
	{ "task_struct", "pid" },
	{ "task_struct", "tgid" },
	{ "task_struct", "comm" },
	{ "task_struct", "real_parent" },
	{ "task_struct", "group_leader" },
	{ "task_struct", "cred" },
	{ "task_struct", "mm" },
	{ "task_struct", "files" },
	{ "task_struct", "fs" },
	{ "task_struct", "nsproxy" },
	{ "task_struct", "signal" },
	{ "task_struct", "start_time" },
	{ "task_struct", "exit_code" },
	{ "task_struct", "__state" },
	{ "task_struct", "cgroups" },
	{ "task_struct", "thread_pid" },
	{ "task_struct", "start_boottime" },
	{ "task_struct", "flags" },
	{ "cred", "uid" },
	{ "cred", "cap_effective" },
	{ "mm_struct", "arg_start" },
	{ "mm_struct", "exe_file" },
	{ "file", "f_path" },
	{ "file", "f_inode" },
	{ "file", "f_flags" },
	{ "path", "dentry" },
	{ "dentry", "d_name" },
	{ "dentry", "d_parent" },
	{ "dentry", "d_inode" },
	{ "qstr", "name" },
	{ "inode", "i_ino" },
	{ "inode", "i_mode" },
	{ "inode", "i_sb" },
	{ "super_block", "s_dev" },
	{ "vm_area_struct", "vm_start" },
	{ "vm_area_struct", "vm_file" },
	{ "linux_binprm", "filename" },
	{ "filename", "name" },
	{ "nsproxy", "pid_ns_for_children" },
	{ "pid_namespace", "ns" },
	{ "ns_common", "inum" },
	{ "pid", "numbers" },
	{ "upid", "nr" },
	{ "cgroup", "kn" },
	{ "kernfs_node", "name" },
	{ "sock", "__sk_common" },
	{ "sock_common", "skc_daddr" },
	{ "sock_common", "skc_dport" },
	{ "sock_common", "skc_family" },
	{ "sock_common", "skc_v6_daddr" },
	{ "inet_sock", "inet_sport" },
	{ "tcp_sock", "srtt_us" },
	{ "socket", "sk" },
	{ "sk_buff", "len" },
	{ "sk_buff", "data" },
	{ "sk_buff", "network_header" },
	{ "net_device", "ifindex" },
	{ "net_device", "name" },
	{ "xdp_buff", "data" },
	{ "xdp_md", "data_end" },
	{ "__sk_buff", "mark" },
	{ "iphdr", "saddr" },
	{ "pt_regs", "sp" },
	{ "bpf_map", "id" },
	{ "bpf_prog", "aux" },
	{ "seq_file", "buf" },
	{ "bpf_iter__task", "task" },
	{ "trace_event_raw_sys_enter", "args" },
	{ "trace_event_raw_sched_switch", "prev_pid" },
	{ "trace_event_raw_sched_process_exec", "pid" },
};

static const char *const tracepoints[] = {
	"sys_enter",	      "sys_exit",	    "sched_switch", "sched_process_fork",
	"sched_process_exec", "sched_process_exit", "kfree_skb",    "inet_sock_set_state",
	"tcp_retransmit_skb",
};

static void check_kernel_types(struct btf *btf, const char *origin)
{
	struct btf_ctx_proto ctx;
	struct btf_member_at at;
	u32 i, id, size, missing = 0;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		s32 s = btf_find_by_name_kind(btf, needed[i].type, BTF_KIND_STRUCT);

		if (s < 0 || btf_member_find(btf, s, needed[i].member, &at)) {
			print_error("%s: no %s.%s\n", origin, needed[i].type, needed[i].member);
			missing++;
		} else {
			assert_int_equal(btf_type_size(btf, s, &size), 0);
			assert_true(at.bit_offset / 8 <=
				    size); /* flexible arrays begin at the end */
		}
	}
	for (i = 0; i < ARRAY_SIZE(tracepoints); i++)
		if (btf_trace_proto(btf, tracepoints[i], &ctx, &id)) {
			print_error("%s: no tracepoint %s\n", origin, tracepoints[i]);
			missing++;
		}
	assert_int_equal(missing, 0);
	/* uapi structs have one layout everywhere */
	assert_int_equal(btf_type_size(btf, find(btf, "__sk_buff", BTF_KIND_STRUCT), &size), 0);
	assert_int_equal(size, sizeof(struct __sk_buff));
	assert_int_equal(
		btf_member_find(btf, find(btf, "xdp_md", BTF_KIND_STRUCT), "data_end", &at), 0);
	assert_int_equal(at.bit_offset, 32);
}

static void test_builtin(void **state)
{
	struct btf *btf = builtin();

	check_kernel_types(btf, "built-in");
	ask_everything(btf);
	btf_free(btf);
}

static void test_host(void **state)
{
	const char *origin;
	struct btf *btf;

	if (access(BTF_HOST_PATH, R_OK)) {
		print_message("# SKIP the host shows no kernel types\n");
		skip();
	}
	assert_int_equal(btf_load_kernel(NULL, &btf, &origin), 0);
	assert_string_equal(origin, BTF_HOST_PATH);
	assert_true(btf_nr_types(btf) > 10000);
	check_kernel_types(btf, origin);
	btf_free(btf);
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

/* In a mount namespace where /sys/kernel/btf is empty, then where its file is rubbish. */
static int without_host(void)
{
	const char *origin;
	char uid[32], gid[32];
	struct btf *btf;

	snprintf(uid, sizeof(uid), "0 %u 1", geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", getegid());
	if (geteuid()) { /* root of a user namespace of one's own */
		if (unshare(CLONE_NEWUSER))
			return 77;
		put_file("/proc/self/setgroups", "deny");
		put_file("/proc/self/uid_map", uid);
		put_file("/proc/self/gid_map", gid);
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL))
		return 77;
	if (btf_load_kernel(NULL, &btf, &origin) || strcmp(origin, BTF_BUILTIN_ORIGIN))
		return 1;
	btf_free(btf);
	put_file(BTF_HOST_PATH, "rubbish");
	if (access(BTF_HOST_PATH, R_OK))
		return 2;
	if (btf_load_kernel(NULL, &btf, &origin) || strcmp(origin, BTF_BUILTIN_ORIGIN))
		return 3;
	btf_free(btf);
	return 0;
}

static void test_no_host(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(without_host());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# SKIP no mount namespace to hide the host's kernel types in\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_origins(void **state)
{
	char dir[] = "/tmp/skep-btf-XXXXXX", *raw, *elf = build_path("bpf/kinds.bpf.o");
	const char *origin = "unset";
	struct btf *btf, *again;
	const void *data;
	u32 size;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	raw = mem_printf("%s/raw", dir);
	assert_int_equal(btf_load_kernel(raw, &btf, &origin), -ENOENT);
	assert_null(btf);
	assert_null(origin);
	assert_int_equal(btf_load_kernel(elf, &btf, &origin), 0);
	assert_ptr_equal(origin, elf);
	data = btf_raw_data(btf, &size);
	f = fopen(raw, "w");
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
	assert_int_equal(btf_load_file(raw, NULL, &again), 0);
	assert_int_equal(btf_nr_types(again), btf_nr_types(btf));
	btf_free(again);
	btf_free(btf);

	assert_int_equal(truncate(raw, size - 1), 0);
	assert_int_equal(btf_load_file(raw, NULL, &btf), -EINVAL);
	assert_int_equal(truncate(raw, 0), 0);
	assert_int_equal(btf_load_file(raw, NULL, &btf), -EINVAL);
	assert_int_equal(btf_load_file(dir, NULL, &btf), -EISDIR);
	assert_int_equal(btf_load_file("/proc/self/exe", NULL, &btf), -ENODATA);
	/* an ELF header and nothing else */
	f = fopen(raw, "w");
	fwrite("\177ELF\2\1\1", 1, 8, f);
	fclose(f);
	assert_int_equal(btf_load_file(raw, NULL, &btf), -ENODATA);
	unlink(raw);
	rmdir(dir);
	mem_free(raw);
	mem_free(elf);
}

/* ---- types of an object ---- */

static void test_types(void **state)
{
	struct btf *btf = kinds();
	u32 outer = find(btf, "outer", BTF_KIND_STRUCT), id, size;
	const struct btf_type *t;
	struct btf_member_at at;
	struct btf_sized sized;
	struct btf_var_secinfo var;
	s64 value;
	int err;

	/* struct outer, laid out by the same compiler for the same sizes */
	assert_int_equal(btf_member_find(btf, outer, "inner", &at), 0);
	assert_int_equal(at.bit_offset, 24 * 8);
	assert_int_equal(btf_resolve_size(btf, at.type_id, &sized), 0);
	assert_int_equal(sized.size, 18);
	assert_int_equal(sized.nelems, 6);
	assert_string_equal(btf_type_name(btf, sized.elem_id), "inner");
	assert_int_equal(btf_kind(sized.type), BTF_KIND_ARRAY);
	/* in an unnamed union in an unnamed struct */
	assert_int_equal(btf_member_find(btf, outer, "z", &at), 0);
	assert_int_equal(btf_member_at(btf, outer, at.bit_offset / 8 + 4, &at), 0);
	assert_string_equal(btf_str(btf, at.member->name_off), "z");
	assert_int_equal(btf_member_find(btf, outer, "nothing", &at), -ENOENT);
	assert_int_equal(btf_member_find(btf, find(btf, "bits", BTF_KIND_STRUCT), "c", &at), 0);
	assert_int_equal(at.bits, 20);

	t = btf_type_skip_modifiers(btf, find(btf, "strange", BTF_KIND_TYPEDEF), &id);
	assert_int_equal(btf_kind(t), BTF_KIND_PTR);
	t = btf_type_resolve_ptr(btf, find(btf, "strange", BTF_KIND_TYPEDEF), &id);
	assert_int_equal(btf_kind(t), BTF_KIND_INT);
	assert_int_equal(btf_member_find(btf, outer, "fn", &at), 0);
	t = btf_type_resolve_func_ptr(btf, at.type_id, &id);
	assert_int_equal(btf_vlen(t), 3);
	assert_int_equal(btf_type_size(btf, find(btf, "fwd", BTF_KIND_FWD), &size), -EINVAL);
	assert_int_equal(btf_type_size(btf, 0, &size), -EINVAL);
	assert_null(btf_type_get(btf, btf_nr_types(btf)));

	id = find(btf, "color", BTF_KIND_ENUM);
	assert_int_equal(btf_enum_value(btf, id, "GREEN", &value), 0);
	assert_int_equal(value, 7);
	assert_string_equal(btf_enum_name(btf, id, 7), "GREEN");
	assert_null(btf_enum_name(btf, id, 8));
	assert_int_equal(btf_enum_value(btf, 0, "PLUS", &value), 0);
	assert_int_equal(value, 3);

	t = btf_func_proto(btf, find(btf, "helper", BTF_KIND_FUNC), &id);
	assert_int_equal(btf_vlen(t), 3);
	assert_null(btf_func_proto(btf, outer, &id));
	assert_string_equal(
		btf_decl_tag_value(btf, find(btf, "helper", BTF_KIND_FUNC), 1, "arg", &err),
		"ument");
	assert_null(btf_decl_tag_value(btf, outer, 0, "arg", &err));
	assert_int_equal(err, -ENOENT);

	assert_int_equal(btf_datasec_var(btf, 0, "initialised", &var), 0);
	assert_int_equal(var.size, 4);
	id = find(btf, ".data", BTF_KIND_DATASEC);
	assert_ptr_equal(btf_datasec_at(btf, id, var.offset + 3)->type, var.type);
	assert_null(btf_datasec_at(btf, id, 4000));
	assert_int_equal(btf_datasec_var(btf, 0, "uninitialised", &var), -ENOENT);

	assert_int_equal(btf_core_name_len("task_struct___old"), 11);
	assert_int_equal(btf_core_name_len("task_struct"), 11);
	assert_int_equal(btf_core_name_len("a____b"), 6);
	assert_int_equal(btf_core_types_compat(btf, outer, btf, outer), 1);
	assert_int_equal(btf_core_types_compat(btf, outer, btf, id), 0);
	ask_everything(btf);
	btf_free(btf);
}

static void test_fields(void **state)
{
	struct btf *btf = kinds();
	struct btf_field f[BTF_FIELDS_MAX];
	u32 value = find(btf, "value", BTF_KIND_STRUCT), size;

	assert_int_equal(btf_find_fields(btf, value, BTF_FIELDS_ALL, 24, f), 2);
	assert_int_equal(f[0].kind, BTF_FIELD_SPIN_LOCK);
	assert_int_equal(f[0].offset, 0);
	assert_int_equal(f[1].kind, BTF_FIELD_TIMER);
	assert_int_equal(f[1].offset, 8);
	assert_int_equal(f[1].size, 16);
	assert_int_equal(btf_find_fields(btf, value, BIT(BTF_FIELD_TIMER), 24, f), 1);
	assert_int_equal(btf_find_fields(btf, value, BTF_FIELDS_ALL, 20, f), -EFAULT);

	assert_int_equal(btf_find_fields(btf, find(btf, "container", BTF_KIND_STRUCT),
					 BTF_FIELDS_ALL & ~BTF_FIELDS_KPTR, 72, f),
			 3);
	assert_int_equal(f[1].kind, BTF_FIELD_LIST_HEAD);
	assert_string_equal(btf_type_name(btf, f[1].btf_id), "item");
	assert_int_equal(f[1].node_offset, 0);
	assert_int_equal(f[2].kind, BTF_FIELD_RB_ROOT);
	assert_int_equal(f[2].node_offset, 24);

	assert_int_equal(btf_find_fields(btf, find(btf, ".bss", BTF_KIND_DATASEC),
					 BIT(BTF_FIELD_SPIN_LOCK), 80, f),
			 1);
	/* a list needs a lock beside it */
	assert_int_equal(btf_find_fields(btf, find(btf, "container", BTF_KIND_STRUCT),
					 BIT(BTF_FIELD_LIST_HEAD), 72, f),
			 -EINVAL);
	assert_int_equal(
		btf_find_fields(btf, find(btf, "color", BTF_KIND_ENUM), BTF_FIELDS_ALL, 4, f),
		-EINVAL);
	/* bit-fields make Linux give up */
	assert_int_equal(btf_type_size(btf, find(btf, "outer", BTF_KIND_STRUCT), &size), 0);
	assert_int_equal(btf_find_fields(btf, find(btf, "outer", BTF_KIND_STRUCT),
					 BIT(BTF_FIELD_SPIN_LOCK), size, f),
			 -EINVAL);
	assert_int_equal(
		btf_find_fields(btf, find(btf, "inner", BTF_KIND_STRUCT), BTF_FIELDS_ALL, 3, f), 0);
	btf_free(btf);
}

/* ---- typed loads ---- */

static u32 offset_of(struct btf *btf, const char *type, const char *member)
{
	struct btf_member_at at;

	assert_int_equal(btf_member_find(btf, find(btf, type, BTF_KIND_STRUCT), member, &at), 0);
	return at.bit_offset / 8;
}

static void refused(const struct btf_refusal *why, const char *expected)
{
	char text[256];

	btf_refusal_render(why, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_walk(void **state)
{
	struct btf *btf = builtin();
	u32 task = find(btf, "task_struct", BTF_KIND_STRUCT), off, size;
	char text[128];
	struct btf_walk w;

	off = offset_of(btf, "task_struct", "pid");
	assert_int_equal(btf_struct_access(btf, task, off, 4, false, &w), 0);
	assert_int_equal(w.kind, BTF_WALK_SCALAR);
	assert_int_equal(btf_struct_access(btf, task, off + 1, 2, false, &w), 0);
	assert_int_equal(btf_struct_access(btf, task, off + 2, 4, false, &w), -EACCES);
	snprintf(text, sizeof(text),
		 "access beyond the end of member pid (mend:%u) in struct task_struct with off %u "
		 "size 4",
		 off + 4, off + 2);
	refused(&w.why, text);

	off = offset_of(btf, "task_struct", "real_parent");
	assert_int_equal(btf_struct_access(btf, task, off, 8, false, &w), 0);
	assert_int_equal(w.kind, BTF_WALK_PTR);
	assert_int_equal(w.btf_id, task);
	assert_ptr_equal(w.btf, btf);
	assert_string_equal(w.field, "real_parent");
	assert_int_equal(btf_struct_access(btf, task, off, 4, false, &w), -EACCES);
	snprintf(text, sizeof(text),
		 "cannot access ptr member real_parent with moff %u in struct task_struct with off "
		 "%u size 4",
		 off, off);
	refused(&w.why, text);
	/* an object of the program's own: pointers in it are numbers */
	assert_int_equal(btf_struct_access(btf, task, off, 8, true, &w), 0);
	assert_int_equal(w.kind, BTF_WALK_SCALAR);

	assert_int_equal(btf_type_size(btf, task, &size), 0);
	assert_int_equal(btf_struct_access(btf, task, size, 8, false, &w), -EACCES);
	snprintf(text, sizeof(text), "access beyond struct task_struct at off %u size 8", size);
	refused(&w.why, text);
	/* through embedded structs to a pointer: file.f_path.dentry */
	assert_int_equal(btf_struct_access(btf, find(btf, "file", BTF_KIND_STRUCT),
					   offset_of(btf, "file", "f_path") + 8, 8, false, &w),
			 0);
	assert_int_equal(w.kind, BTF_WALK_PTR);
	assert_string_equal(btf_type_name(btf, w.btf_id), "dentry");
	/* a union makes what it leads to untrusted */
	assert_int_equal(btf_struct_access(btf, find(btf, "sk_buff", BTF_KIND_STRUCT),
					   offset_of(btf, "sk_buff", "dev"), 8, false, &w),
			 0);
	assert_int_equal(w.kind, BTF_WALK_PTR);
	assert_int_equal(w.flags, BTF_WALK_UNTRUSTED);
	/* elements of the flexible array at the end of struct pid */
	assert_int_equal(btf_type_size(btf, find(btf, "pid", BTF_KIND_STRUCT), &size), 0);
	assert_int_equal(btf_struct_access(btf, find(btf, "pid", BTF_KIND_STRUCT), size + 16 + 8, 8,
					   false, &w),
			 0);
	assert_string_equal(btf_type_name(btf, w.btf_id), "pid_namespace");

	assert_true(btf_struct_ids_match(btf, find(btf, "tcp_sock", BTF_KIND_STRUCT), 0, btf,
					 find(btf, "sock", BTF_KIND_STRUCT), false));
	assert_false(btf_struct_ids_match(btf, find(btf, "tcp_sock", BTF_KIND_STRUCT), 0, btf,
					  find(btf, "sock", BTF_KIND_STRUCT), true));
	assert_false(btf_struct_ids_match(btf, find(btf, "tcp_sock", BTF_KIND_STRUCT), 8, btf,
					  find(btf, "sock", BTF_KIND_STRUCT), false));
	btf_free(btf);
}

static void test_context(void **state)
{
	struct btf *btf = builtin();
	struct btf_ctx_proto ctx;
	struct btf_ctx_arg arg;
	struct btf_refusal why;
	u32 id;

	assert_int_equal(btf_trace_proto(btf, "sched_switch", &ctx, &id), 0);
	assert_string_equal(btf_type_name(btf, id), "btf_trace_sched_switch");
	assert_int_equal(btf_ctx_access(&ctx, 0, 8, &arg, &why), 0);
	assert_false(arg.ptr);
	assert_int_equal(btf_ctx_access(&ctx, 8, 8, &arg, &why), 0);
	assert_true(arg.ptr);
	assert_false(arg.nullable);
	assert_string_equal(btf_type_name(btf, arg.btf_id), "task_struct");
	assert_int_equal(btf_ctx_access(&ctx, 8, 4, &arg, &why), -EACCES);
	refused(&why, "func 'sched_switch' size 4 must be 8");
	assert_int_equal(btf_ctx_access(&ctx, 4, 4, &arg, &why), -EACCES);
	refused(&why, "func 'sched_switch' offset 4 is not multiple of 8");
	assert_int_equal(btf_ctx_access(&ctx, 32, 8, &arg, &why), -EACCES);
	refused(&why, "func 'sched_switch' doesn't have 5-th argument");

	assert_int_equal(btf_trace_proto(btf, "kfree_skb", &ctx, NULL), 0);
	assert_int_equal(btf_ctx_access(&ctx, 8, 8, &arg, &why), 0);
	assert_false(arg.ptr); /* void * */
	assert_int_equal(btf_ctx_access(&ctx, 24, 8, &arg, &why), 0);
	assert_true(arg.ptr && arg.nullable);

	assert_int_equal(btf_trace_proto(btf, "no_such_event", &ctx, NULL), -ENOENT);
	assert_int_equal(
		btf_trace_proto_by_id(btf, find(btf, "task_struct", BTF_KIND_STRUCT), &ctx),
		-EINVAL);
	btf_free(btf);
}

/* ---- split BTF, the other byte order, hostile kernel BTF ---- */

struct blob {
	struct btf_header h;
	u32 words[32];
};

static struct btf *trusted(const struct blob *b, u32 size, struct btf *base)
{
	struct btf_parse_opts opts = { .trusted = true, .base = base };
	struct btf *btf;

	if (btf_parse(b, size, &opts, &btf, NULL))
		return NULL;
	return btf;
}

static void test_split(void **state)
{
	static const char names[8] = "split";
	struct btf *base = builtin(), *btf, *user;
	u32 task = find(base, "task_struct", BTF_KIND_STRUCT), n = btf_nr_types(base), base_strings;
	struct blob b = { { BTF_MAGIC, 1, 0, sizeof(b.h), 0, 24, 24, sizeof(names) } };
	struct btf_parse_opts opts = { .base = base };

	base_strings = ((const struct btf_header *)skep_builtin_btf)->str_len;
	memcpy(b.words,
	       (u32[]){ 0, BTF_KIND_PTR << 24, task, base_strings, BTF_KIND_TYPEDEF << 24, n }, 24);
	memcpy(b.words + 6, names, sizeof(names));
	btf = trusted(&b, sizeof(b.h) + 24 + sizeof(names), base);
	assert_non_null(btf);
	assert_ptr_equal(btf_base(btf), base);
	assert_int_equal(btf_start_id(btf), n);
	assert_int_equal(btf_nr_types(btf), n + 2);
	assert_int_equal(btf_find_by_name_kind(btf, "split", BTF_KIND_TYPEDEF), n + 1);
	assert_int_equal(btf_find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT), task);
	assert_int_equal(btf_find_by_name_kind(base, "split", BTF_KIND_TYPEDEF), -ENOENT);
	assert_ptr_equal(btf_type_resolve_ptr(btf, n + 1, NULL), btf_type_get(base, task));
	assert_true(btf_same_type(btf, task, base, task));
	ask_everything(btf);
	/* checked, too */
	assert_int_equal(btf_parse(&b, sizeof(b.h) + 24 + sizeof(names), &opts, &user, NULL), 0);
	btf_free(user);
	btf_free(btf);
	btf_free(base);
}

static void test_other_byte_order(void **state)
{
	struct btf *a = kinds(), *b;
	u32 size, i, id;
	const u8 *data = btf_raw_data(a, &size);
	u8 *swapped = mem_dup(data, size);
	struct btf_parse_opts opts = { .trusted = true };
	struct btf_header h;
	struct btf_refusal why;
	u32 *w = (u32 *)swapped;

	memcpy(&h, data, sizeof(h));
	for (i = 1; i < (h.hdr_len + h.type_len) / 4; i++)
		w[i] = __builtin_bswap32(w[i]);
	swapped[0] = 0xeb;
	swapped[1] = 0x9f;
	assert_int_equal(btf_parse(swapped, size, NULL, &b, &why), -EINVAL);
	refused(&why, "btf_header not found"); /* its length is read first */
	assert_int_equal(btf_parse(swapped, size, &opts, &b, NULL), 0);
	assert_int_equal(btf_nr_types(a), btf_nr_types(b));
	for (id = 1; id < btf_nr_types(a); id++) {
		const struct btf_type *x = btf_type_get(a, id), *y = btf_type_get(b, id);

		assert_int_equal(x->info, y->info);
		assert_int_equal(x->size, y->size);
		assert_string_equal(btf_type_name(a, id), btf_type_name(b, id));
	}
	ask_everything(b);
	btf_free(b);
	btf_free(a);
	mem_free(swapped);
}

/* Kernel BTF is trusted to mean something, not to be in bounds, and not to end. */
static void test_hostile(void **state)
{
	struct blob b = { { BTF_MAGIC, 1, 0, sizeof(b.h), 0, 0, 0, 4 } };
	static const struct {
		u32 words[16], n;
		bool opens;
	} cases[] = {
		{ { 0, BTF_KIND_PTR << 24, 1 }, 3, true },     /* points to itself */
		{ { 1, BTF_KIND_TYPEDEF << 24, 1 }, 3, true }, /* is itself */
		{ { 0, BTF_KIND_CONST << 24, 2, 0, BTF_KIND_VOLATILE << 24, 1 }, 6, true },
		{ { 0, BTF_KIND_ARRAY << 24, 0, 1, 1, 0xffffffff }, 6, true },
		{ { 1, BTF_KIND_STRUCT << 24 | 1, 8, 1, 1, 0 }, 6, true }, /* contains itself */
		{ { 0, BTF_KIND_STRUCT << 24 | 1, 8, 0, 1, 0 }, 6, true }, /* without names */
		{ { 1, BTF_KIND_UNION << 24 | 2, 8, 1, 1, 0, 1, 1, 0xffffffff }, 9, true },
		{ { 0, BTF_KIND_FUNC_PROTO << 24 | 1, 1, 1, 1 }, 5, true },
		{ { 1, BTF_KIND_VAR << 24, 1, 1 }, 4, true },
		{ { 1, BTF_KIND_DECL_TAG << 24, 1, 0 }, 4, true },
		{ { 0, BTF_KIND_PTR << 24, 2 }, 3, false },
		{ { 0, BTF_KIND_PTR << 24, 0xffffffff }, 3, false },
		{ { 9, BTF_KIND_STRUCT << 24, 8 }, 3, false },
		{ { 0xffffffff, BTF_KIND_STRUCT << 24, 8 }, 3, false },
		{ { 1, BTF_KIND_STRUCT << 24 | 0xffff, 8 }, 3, false },
		{ { 1, 31u << 24, 8 }, 3, false },
		{ { 1, BTF_KIND_STRUCT << 24 | 1, 8, 77, 1, 0 }, 6, false },
		{ { 1, BTF_KIND_ENUM << 24 | 1, 4, 77, 1 }, 5, false },
		{ { 0xffffffff, 0xffffffff, 0xffffffff }, 3, false },
	};
	struct btf *btf;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		b.h.type_len = b.h.str_off = cases[i].n * 4;
		memcpy(b.words, cases[i].words, b.h.type_len);
		memcpy(b.words + cases[i].n, "\0ab", 4);
		btf = trusted(&b, sizeof(b.h) + b.h.type_len + 4, NULL);
		if (!btf != !cases[i].opens)
			print_error("case %u\n", i);
		assert_int_equal(!btf, !cases[i].opens);
		if (btf)
			ask_everything(btf);
		btf_free(btf);
	}
	memset(&b, 0xff, sizeof(b));
	assert_null(trusted(&b, sizeof(b), NULL));
	memset(&b, 0, sizeof(b));
	assert_null(trusted(&b, sizeof(b), NULL));
}

/* 100 members of the struct before, which has 100 of the one before it ...: 100^20 in all. */
static void test_deep_nesting(void **state)
{
	enum { LEVELS = 20, MEMBERS = 100 };
	static const char names[] = "\0bpf_spin_lock\0top";
	static u32 words[8 + LEVELS * (3 + 3 * MEMBERS) + 16];
	struct btf_header h = { BTF_MAGIC, 1, 0, sizeof(h), 0, 0, 0, sizeof(names) };
	u32 n = 0, level, i, id = 1, at, size;
	struct btf_parse_opts opts = { .profile = KVER(6, 18) };
	struct btf_field fields[BTF_FIELDS_MAX];
	struct btf_refusal why;
	struct btf_member_at member;
	struct btf *btf;
	u8 *blob;

	words[n++] = 1; /* struct bpf_spin_lock {} of 4 bytes */
	words[n++] = BTF_KIND_STRUCT << 24;
	words[n++] = 4;
	for (level = 0; level < LEVELS; level++, id++) {
		words[n++] = 0;
		words[n++] = BTF_KIND_STRUCT << 24 | (level ? MEMBERS : 0);
		words[n++] = 0;
		for (i = 0; level && i < MEMBERS; i++) {
			words[n++] = 0;
			words[n++] = id;
			words[n++] = 0;
		}
	}
	at = n;
	words[n++] = 15; /* struct top: a lock and the last of them */
	words[n++] = BTF_KIND_STRUCT << 24 | 2;
	words[n++] = 4;
	memcpy(words + n, (u32[]){ 0, 1, 0, 0, id, 0 }, 24);
	n += 6;
	h.type_len = h.str_off = n * 4;
	size = sizeof(h) + n * 4 + sizeof(names);
	blob = mem_alloc(size);
	memcpy(blob, &h, sizeof(h));
	memcpy(blob + sizeof(h), words, n * 4);
	memcpy(blob + sizeof(h) + n * 4, names, sizeof(names));

	assert_int_equal(btf_parse(blob, size, &opts, &btf, &why), -E2BIG);
	/* without the lock there is no reason to look into it at load time */
	((u32 *)(blob + sizeof(h)))[at + 4] = 2;
	assert_int_equal(btf_parse(blob, size, &opts, &btf, &why), 0);
	assert_int_equal(btf_find_fields(btf, id + 1, BTF_FIELDS_ALL, 4, fields), -E2BIG);
	assert_int_equal(btf_member_find(btf, id + 1, "nothing", &member), -ENOENT);
	btf_free(btf);
	mem_free(blob);
}

/* ---- memory ---- */

static void test_allocation_failures(void **state)
{
	struct btf_log log = { .level = 1 };
	struct btf_parse_opts opts = { .log = &log };
	struct btf_field fields[BTF_FIELDS_MAX];
	struct btf *btf = NULL;
	u32 size, n;
	u8 *data = loadable_btf("bpf/kinds.bpf.o", &size);
	char *path = build_path("bpf/kinds.bpf.o");
	int err = -ENOMEM;

	assert_non_null(data);
	for (n = 1; err; n++) {
		assert_true(n < 10000);
		mem_fail_at(n, false);
		err = btf_parse(data, size, &opts, &btf, NULL);
		mem_fail_at(0, false);
		assert_true(!err || (err == -ENOMEM && !btf));
		/* a log that could not grow is no reason to refuse */
		btf_log_free(&log);
		if (!err && n < 5) {
			btf_free(btf);
			err = -ENOMEM;
		}
	}
	/* without memory for an index, names are found all the same */
	mem_fail_at(1, true);
	assert_true(btf_find_by_name_kind(btf, "outer", BTF_KIND_STRUCT) > 0);
	assert_int_equal(btf_find_by_name_kind(btf, "outer", BTF_KIND_UNION), -ENOENT);
	assert_int_equal(btf_find_fields(btf,
					 btf_find_by_name_kind(btf, "container", BTF_KIND_STRUCT),
					 BTF_FIELDS_ALL, 72, fields),
			 -ENOMEM);
	mem_fail_at(0, false);
	btf_free(btf);
	for (n = 1, err = -ENOMEM; err; n++) {
		assert_true(n < 100);
		mem_fail_at(n, false);
		err = btf_load_file(path, NULL, &btf);
		mem_fail_at(0, false);
		assert_true(!err || (err == -ENOMEM && !btf));
	}
	btf_free(btf);
	mem_free(path);
	mem_free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_other_byte_order),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_no_host),
		cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests_name("btf_query", tests, NULL, NULL);
}
