/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_OBJ_GET_INFO_BY_FD of maps, links and BTF (Linux: bpf_map_get_info_by_fd() and
 * its neighbours); programs are in info_prog.c. The structures grew: how much of
 * one a kernel knows depends on the profile.
 */
#include <errno.h>
#include <string.h>

#include "btf/btf.h"
#include "command/command.h"
#include "isa/tag.h"
#include "object/map_array.h"
#include "object/token.h"

int info_put(const struct call *c, u64 uinfo, const void *info, u32 len)
{
	if (user_write(c->sys, uinfo, info, len))
		return -EFAULT;
	return ATTR_PUT(c, info.info_len, len);
}

/* The hash of an array's contents, for those who sign them (Linux: array_map_get_hash()). */
static int put_hash(const struct call *c, const struct bpf_map *map, u64 to, u32 size)
{
	const struct bpf_array *array = (const struct bpf_array *)map;
	u8 hash[SHA256_SIZE];

	if (!to)
		return size ? -EINVAL : 0;
	if (map->map_type != BPF_MAP_TYPE_ARRAY || size != SHA256_SIZE)
		return -EINVAL;
	sha256(hash, array->value, (u64)array->elem_size * map->max_entries);
	return user_write(c->sys, to, hash, sizeof(hash)) ? -EFAULT : 0;
}

int info_map(const struct call *c, struct map_object *m, u64 uinfo, u32 len)
{
	kver profile = c->sys->profile;
	u32 known = !visible(profile, KVER(5, 16)) ? offsetof(struct bpf_map_info, map_extra) :
		    !visible(profile, KVER(6, 18)) ? offsetofend(struct bpf_map_info, map_extra) :
						     sizeof(struct bpf_map_info);
	struct bpf_map_info info = { 0 };
	const struct bpf_map *map = m->map;
	int err;

	err = check_tail_zero(c->sys, uinfo, known, len);
	if (err)
		return err;
	len = min(len, known);
	if (known == sizeof(info)) {
		if (user_read(c->sys, &info, uinfo, len))
			return -EFAULT;
		err = put_hash(c, map, info.hash, info.hash_size);
		if (err)
			return err;
	}
	info.type = map->map_type;
	info.id = m->obj.id;
	info.key_size = map->key_size;
	info.value_size = map->value_size;
	info.max_entries = map->max_entries;
	info.map_flags = map->map_flags;
	info.map_extra = map->map_extra;
	memcpy(info.name, map->name, sizeof(info.name));
	if (m->btf) {
		info.btf_id = m->btf->obj.id;
		info.btf_key_type_id = m->btf_key_type_id;
		info.btf_value_type_id = m->btf_value_type_id;
	}
	info.btf_vmlinux_value_type_id = m->btf_vmlinux_value_type_id;
	if (map->map_type == BPF_MAP_TYPE_STRUCT_OPS && visible(c->sys->profile, KVER(6, 9))) {
		struct object_btf *kernel = system_vmlinux(c->sys);

		info.btf_vmlinux_id = kernel ? kernel->obj.id : 0;
	}
	return info_put(c, uinfo, &info, len);
}

int info_link(const struct call *c, struct link_object *l, u64 uinfo, u32 len)
{
	struct bpf_link_info info = { 0 };
	u32 known = sizeof(info);
	int err;

	if (!visible(c->sys->profile, KVER(6, 6)))
		known = 40;
	else if (!visible(c->sys->profile, KVER(7, 2)))
		known = min_t(u32, known, 64);
	err = check_tail_zero(c->sys, uinfo, known, len);
	if (err)
		return err;
	len = min(len, known);
	if (user_read(c->sys, &info, uinfo, len))
		return -EFAULT;
	info.type = l->type;
	info.id = l->obj.id;
	relock_take(&c->sys->lock);
	info.prog_id = l->prog ? l->prog->obj.id : 0;
	err = l->ops->fill_info ? l->ops->fill_info(l, &info) : 0;
	relock_give(&c->sys->lock);
	return err ? err : info_put(c, uinfo, &info, len);
}

int info_token(const struct call *c, const struct token_object *t, u64 uinfo, u32 len)
{
	const struct bpf_token_info info = {
		.allowed_cmds = t->allowed.mask[DELEGATE_CMDS],
		.allowed_maps = t->allowed.mask[DELEGATE_MAPS],
		.allowed_progs = t->allowed.mask[DELEGATE_PROGS],
		.allowed_attachs = t->allowed.mask[DELEGATE_ATTACHS],
	};

	return info_put(c, uinfo, &info, min_t(u32, len, sizeof(info)));
}

int info_btf(const struct call *c, struct object_btf *b, u64 uinfo, u32 len)
{
	struct bpf_btf_info info = { 0 };
	struct skep_system *sys = c->sys;
	u32 room, name_len = (u32)strlen(b->name), size;
	const void *data;
	int err = 0;

	err = check_tail_zero(sys, uinfo, sizeof(info), len);
	if (err)
		return err;
	len = min_t(u32, len, sizeof(info));
	if (user_read(sys, &info, uinfo, len))
		return -EFAULT;
	info.id = b->obj.id;
	data = btf_raw_data(b->btf, &size);
	if (user_write(sys, info.btf, data, min(size, info.btf_size)))
		return -EFAULT;
	info.btf_size = size;
	info.kernel_btf = b->kernel;
	room = info.name_len;
	if (!info.name != !room)
		return -EINVAL;
	info.name_len = name_len;
	if (info.name && room > name_len) {
		if (user_write(sys, info.name, b->name, name_len + 1))
			return -EFAULT;
	} else if (info.name) {
		if (user_write(sys, info.name, b->name, room - 1) ||
		    user_write(sys, info.name + room - 1, "", 1))
			return -EFAULT;
		err = -ENOSPC;
	}
	if (info_put(c, uinfo, &info, len))
		return -EFAULT;
	return err;
}

int command_obj_get_info_by_fd(struct call *c)
{
	u64 uinfo = c->attr->info.info;
	u32 len = c->attr->info.info_len;
	struct object *o;
	int err;

	objects_drain(c->sys, c->sys->inotify_fd < 0);
	o = object_get_any(c->sys, (int)c->attr->info.bpf_fd, &err);
	if (!o)
		return err == -EBADF ? -EBADFD : err; /* Linux's errno here, and only here */
	switch (o->kind) {
	case OBJECT_MAP:
		err = info_map(c, (struct map_object *)o, uinfo, len);
		break;
	case OBJECT_PROG:
		err = info_prog(c, (struct prog_object *)o, uinfo, len);
		break;
	case OBJECT_LINK:
		err = info_link(c, (struct link_object *)o, uinfo, len);
		break;
	case OBJECT_BTF:
		err = info_btf(c, (struct object_btf *)o, uinfo, len);
		break;
	case OBJECT_TOKEN:
		err = visible(c->sys->profile, KVER(6, 17)) ?
			      info_token(c, (struct token_object *)o, uinfo, len) :
			      -EINVAL;
		break;
	case OBJECT_PERF:
	case OBJECT_STATS:
	case OBJECT_FS_CONTEXT:
	case OBJECT_KINDS:
		err = -EINVAL;
		break;
	}
	object_put(o);
	return err;
}
