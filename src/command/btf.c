/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_BTF_LOAD, and BTF as an object (Linux: bpf_btf_load(), btf_new_fd() and
 * bpf_get_btf_vmlinux()).
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/command.h"
#include "object/kfunc.h"
#include "hook/functions.h"
#include "hook/points.h"
#include "object/record.h"

#define LOG_LEVELS 15U /* BPF_LOG_LEVEL1, _LEVEL2, _STATS, _FIXED */
#define LOG_FIXED  8U

static void btf_object_free(struct arena_retired *r)
{
	struct object_btf *b = (struct object_btf *)container_of(r, struct object, retired);

	btf_records_free(b);
	btf_free(b->btf);
	mem_free(b);
}

static void btf_object_destroy(struct object *o)
{
	object_forget_file(o);
	object_retire(o, btf_object_free);
}

/* Takes @btf over, also on failure. */
static struct object_btf *btf_object_new(struct skep_system *sys, struct btf *btf, bool kernel,
					 const char *name)
{
	struct object_btf *b = mem_zalloc(sizeof(*b));

	if (!b) {
		btf_free(btf);
		return NULL;
	}
	object_init(sys, &b->obj, OBJECT_BTF, btf_object_destroy);
	b->btf = btf;
	b->kernel = kernel;
	snprintf(b->name, sizeof(b->name), "%s", name);
	return b;
}

/* Publishes @b under an id that skep_system_new() kept free, whenever it is made. */
static struct object_btf *publish_as(struct skep_system *sys, struct object_btf *b, u32 id)
{
	u32 next = sys->tables[OBJECT_BTF].next_id;

	if (!b)
		return NULL;
	sys->tables[OBJECT_BTF].next_id = id;
	if (object_publish(&b->obj)) {
		object_put(&b->obj);
		b = NULL;
	}
	sys->tables[OBJECT_BTF].next_id = next;
	return b;
}

/*
 * The types of the kernel's modules: the other files of a directory that is as /sys/kernel/btf is.
 * What does not fit the kernel's is left out, as Linux does with a module built for another one.
 */
static void load_modules(struct skep_system *sys, struct object_btf *base)
{
	DIR *dir = sys->btf_path ? opendir(sys->btf_path) : NULL;
	struct object_btf *b;
	char path[PATH_MAX];
	struct dirent *d;
	struct btf *btf;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.' || !strcmp(d->d_name, "vmlinux") ||
		    strlen(d->d_name) >= sizeof(b->name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", sys->btf_path, d->d_name);
		if (btf_load_file(path, base->btf, &btf))
			continue;
		b = btf_object_new(sys, btf, true, d->d_name);
		if (b && object_publish(&b->obj)) {
			object_put(&b->obj);
			b = NULL;
		}
		if (!b)
			continue;
		b->module = true;
		b->next = sys->modules;
		sys->modules = b;
	}
	if (dir)
		closedir(dir);
}

struct object_btf *system_vmlinux(struct skep_system *sys)
{
	struct object_btf *b;
	struct btf *btf;

	relock_take(&sys->lock);
	if (!sys->vmlinux && !sys->vmlinux_tried) {
		sys->vmlinux_tried = true;
		b = btf_load_kernel(sys->btf_path, &btf, &sys->btf_origin) ?
			    NULL :
			    btf_object_new(sys, btf, true, "vmlinux");
		/* With the reference that keeps it. */
		sys->vmlinux = publish_as(sys, b, BTF_ID_VMLINUX);
		if (sys->vmlinux)
			load_modules(sys, sys->vmlinux);
	}
	b = sys->vmlinux;
	relock_give(&sys->lock);
	return b;
}

_Static_assert(BTF_FUNC_DECL_ARGS >= FUNCTION_ARGS_MAX,
	       "every function of the table can be declared");

static const struct {
	const char *name, *ret, *args[2 * BTF_FUNC_DECL_ARGS];
} kfunc_protos[] = {
#define KFUNC_PROTO(name, ret, ...) { #name, ret, { __VA_ARGS__ } },
#include "tables/kfunc_protos.def"
#undef KFUNC_PROTO
};

#define MAX_DECLS (FUNC_NAMED + ARRAY_SIZE(kfunc_protos))

/* Declarations of the kernel functions for programs that @base lacks: how many. */
static u32 missing_kfuncs(const struct skep_system *sys, const struct btf *base,
			  struct btf_func_decl *out)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(kfunc_protos); i++) {
		const char *const *args = kfunc_protos[i].args;
		struct bpf_kfunc k;

		if (!bpf_kfunc_find(kfunc_protos[i].name, &k) || !k.func ||
		    !visible(sys->profile, k.since) ||
		    btf_find_by_name_kind(base, k.name, BTF_KIND_FUNC) > 0)
			continue;
		out[n] = (struct btf_func_decl){ .name = k.name, .ret = kfunc_protos[i].ret };
		for (u32 a = 0; args[2 * a]; a++) {
			out[n].args[a].type = args[2 * a];
			out[n].args[a].name = args[2 * a + 1];
			out[n].nr_args++;
		}
		n++;
	}
	return n;
}

/* Declarations of the functions that @base lacks: how many. */
static u32 missing_functions(const struct skep_system *sys, const struct btf *base,
			     struct btf_func_decl *out)
{
	u32 n = 0;

	for (u32 row = 0; row < FUNC_NAMED; row++) {
		const struct function_info *f = function_info(row);

		if (!function_visible(sys->profile, f) ||
		    btf_find_by_name_kind(base, f->name, BTF_KIND_FUNC) > 0)
			continue;
		out[n] = (struct btf_func_decl){ .name = f->name,
						 .ret = f->ret,
						 .nr_args = f->nr_args };
		for (u32 i = 0; i < f->nr_args; i++) {
			out[n].args[i].type = f->args[i].type;
			out[n].args[i].name = f->args[i].name;
		}
		n++;
	}
	return n;
}

struct object_btf *system_functions(struct skep_system *sys)
{
	struct object_btf *base = system_vmlinux(sys), *b;
	struct btf_func_decl *decls;
	struct btf *btf = NULL;
	u32 n;

	relock_take(&sys->lock);
	if (!sys->functions && base) {
		decls = mem_calloc(MAX_DECLS, sizeof(*decls));
		n = decls ? missing_functions(sys, base->btf, decls) : 0;
		if (decls)
			n += missing_kfuncs(sys, base->btf, decls + n);
		b = !decls || btf_make_funcs(base->btf, decls, n, &btf) ?
			    NULL :
			    btf_object_new(sys, btf, true, "skep");
		mem_free(decls);
		sys->functions = publish_as(sys, b, BTF_ID_FUNCTIONS);
	}
	b = sys->functions;
	relock_give(&sys->lock);
	return b;
}

/* ---- the log ---- */

static bool log_attr_valid(const union bpf_attr *attr, kver profile)
{
	u32 level = attr->btf_log_level;

	if (!attr->btf_log_buf != !attr->btf_log_size)
		return false;
	if (attr->btf_log_buf && !level)
		return false;
	if (level & ~LOG_LEVELS || attr->btf_log_size > UINT32_MAX >> 2)
		return false;
	if (!visible(profile, KVER(6, 4)) && level &&
	    (attr->btf_log_size < 128 || !attr->btf_log_buf))
		return false;
	return true;
}

/* Copies the log out: its end, or with BPF_LOG_FIXED (and always before 6.4) its beginning. */
static int put_log(const struct call *c, const struct btf_log *log)
{
	const union bpf_attr *attr = c->attr;
	u32 size = attr->btf_log_size;
	u64 whole = log->len + 1, from = 0, n;
	bool fixed = attr->btf_log_level & LOG_FIXED || !visible(c->sys->profile, KVER(6, 4));

	if (!attr->btf_log_level || !attr->btf_log_buf)
		return 0;
	n = min_t(u64, whole, size) - 1;
	if (!fixed)
		from = log->len - n;
	if ((n && user_write(c->sys, attr->btf_log_buf, log->buf + from, n)) ||
	    user_write(c->sys, attr->btf_log_buf + n, "", 1))
		return -EFAULT;
	return whole > size ? -ENOSPC : 0;
}

static void remember(struct skep_system *sys, const struct btf_refusal *why)
{
	relock_take(&sys->lock);
	diag_from_btf(&sys->last, why);
	relock_give(&sys->lock);
}

int command_btf_load(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct skep_system *sys = c->sys;
	struct btf_log log = { .level = attr->btf_log_level };
	struct btf_parse_opts opts = { .profile = sys->profile, .log = &log };
	struct btf_refusal why = { .id = BTF_DIAG_NONE };
	struct btf *btf = NULL;
	struct object_btf *b;
	void *data = NULL;
	u32 true_size, caps;
	int err = 0, log_err;

	if (attr->btf_flags & ~(u32)BPF_F_TOKEN_FD)
		return -EINVAL;
	if (attr->btf_flags & BPF_F_TOKEN_FD)
		caps = caps_by_token(c, attr->btf_token_fd, BPF_BTF_LOAD, &err);
	else
		caps = system_caps(sys);
	if (err)
		return err;
	if (!(caps & BPF_CAP_BPF))
		return -EPERM;
	if (attr->btf_size > BTF_MAX_SIZE)
		return -E2BIG;
	if (!log_attr_valid(attr, sys->profile))
		return -EINVAL;
	data = mem_alloc(attr->btf_size);
	if (!data)
		return -ENOMEM;
	if (user_read(sys, data, attr->btf, attr->btf_size)) {
		err = -EFAULT;
		goto out;
	}
	err = btf_parse(data, attr->btf_size, &opts, &btf, &why);
	if (err)
		remember(sys, &why);
	log_err = put_log(c, &log);
	true_size = attr->btf_log_level ? (u32)log.len + 1 : 0;
	if (log_err)
		err = log_err;
	if (c->size >= offsetofend(union bpf_attr, btf_log_true_size) &&
	    visible(sys->profile, KVER(6, 4)) && ATTR_PUT(c, btf_log_true_size, true_size))
		err = -EFAULT;
	if (common_log_true_size(c, true_size))
		err = -EFAULT;
	if (err)
		goto out;
	b = btf_object_new(sys, btf, false, "");
	btf = NULL;
	err = -ENOMEM;
	if (!b)
		goto out;
	err = object_publish(&b->obj);
	if (!err)
		err = object_new_fd(&b->obj);
	object_put(&b->obj);
out:
	btf_free(btf);
	btf_log_free(&log);
	mem_free(data);
	return err;
}
