/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Structures of functions that programs implement: their maps' only element, registration,
 * links (Linux: kernel/bpf/bpf_struct_ops.c; net/ipv4/bpf_tcp_ca.c and tcp_cong.c for
 * what congestion control is registered).
 */
#include "command/struct_ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "hook/hook.h"

#define VALUE_PREFIX  "bpf_struct_ops_"
#define TCP_CONG_MASK 0x3 /* TCP_CONG_NON_RESTRICTED, TCP_CONG_NEEDS_ECN */
#define TCP_CA_NAME   16

/* ---- the types ---- */

/* The structure's type, and the value's, of which it is the member "data". */
struct types {
	const struct btf *btf;
	const struct btf_type *value, *t;
	u32 t_id;
};

static const char *name_of(const struct btf *btf, const struct btf_member *m)
{
	return btf_str(btf, m->name_off) ?: "";
}

static int types_of(struct skep_system *sys, const struct bpf_struct_ops_map *s, u32 value_id,
		    struct types *out)
{
	const struct object_btf *b = system_vmlinux(sys);
	const char *name;
	s32 id;

	if (!b)
		return -ENOTSUPP;
	out->btf = b->btf;
	out->value = btf_type_get(b->btf, value_id);
	name = out->value && btf_is_struct(out->value) ? btf_str(b->btf, out->value->name_off) :
							 NULL;
	if (!name || strncmp(name, VALUE_PREFIX, strlen(VALUE_PREFIX)))
		return -ENOTSUPP;
	id = btf_find_by_name_kind(b->btf, name + strlen(VALUE_PREFIX), BTF_KIND_STRUCT);
	if (id < 0)
		return -ENOTSUPP;
	out->t_id = (u32)id;
	out->t = btf_type_get(b->btf, out->t_id);
	return 0;
}

static int types_of_map(struct map_object *m, struct types *out)
{
	return types_of(m->obj.sys, to_struct_ops(m->map), m->btf_vmlinux_value_type_id, out);
}

int struct_ops_map_start(struct map_object *m, const union bpf_attr *attr)
{
	struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	const struct struct_ops_row *row;
	const struct btf_member *data;
	struct types t;
	int err;

	/* There are no modules, so no descriptor is the types of one. */
	if (attr->map_flags & BPF_F_VTYPE_BTF_OBJ_FD)
		return -EINVAL;
	err = types_of(m->obj.sys, s, attr->btf_vmlinux_value_type_id, &t);
	if (err)
		return err;
	row = struct_ops_find(btf_str(t.btf, t.t->name_off), m->obj.sys->profile);
	if (!row || btf_vlen(t.value) < 2 || btf_vlen(t.t) > STRUCT_OPS_MEMBERS_MAX)
		return -ENOTSUPP;
	if (row->absent && !m->obj.sys->verdict)
		return -ENOTSUPP;
	if (attr->value_size != t.value->size)
		return -EINVAL;
	data = &btf_members(t.value)[btf_vlen(t.value) - 1];
	s->id = struct_ops_number(row);
	s->data_off = btf_member_bit_offset(t.value, data) / 8;
	s->nr_members = btf_vlen(t.t);
	m->btf_vmlinux_value_type_id = attr->btf_vmlinux_value_type_id;
	return 0;
}

/* ---- updating ---- */

static bool is_zero(const u8 *p, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static int check_zero_holes(const struct btf *btf, const struct btf_type *t, const u8 *data)
{
	u32 end = 0;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		u32 off = btf_member_bit_offset(t, m) / 8;
		struct btf_sized size;

		if (off > end && !is_zero(data + end, off - end))
			return -EINVAL;
		if (btf_resolve_size(btf, m->type, &size))
			return -EINVAL;
		end = off + size.size;
	}
	return t->size > end && !is_zero(data + end, t->size - end) ? -EINVAL : 0;
}

static bool is_module(const struct btf *btf, u32 type)
{
	const struct btf_type *t = btf_type_skip_modifiers(btf, type, NULL);

	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return false;
	t = btf_type_skip_modifiers(btf, t->type, NULL);
	return t && btf_is_struct(t) && !strcmp(btf_str(btf, t->name_off) ?: "", "module");
}

static bool is_copied(enum struct_ops_id id, const char *member)
{
#define STRUCT_OPS(...)
#define STRUCT_OPS_NEED(...)
#define STRUCT_OPS_REFUSE(...)
#define STRUCT_OPS_SLEEP(...)
#define STRUCT_OPS_WRITE(...)
#define STRUCT_OPS_COPY(name, member_)                                                             \
	if (id == STRUCT_OPS_##name && !strcmp(member, #member_))                                  \
		return true;
#include "tables/struct_ops.def"
#undef STRUCT_OPS_COPY
	return false;
}

/* Linux's name rule (bpf_obj_name_cpy()), and no unknown flags. */
static int check_copied(const char *member, const u8 *data)
{
	if (!strcmp(member, "flags"))
		return *(const u32 *)data & ~(u32)TCP_CONG_MASK ? -EINVAL : 0;
	if (!strcmp(member, "name")) {
		char name[TCP_CA_NAME];

		return object_name_copy(name, (const char *)data, sizeof(name)) > 0 ? 0 : -EINVAL;
	}
	return 0;
}

/* The program that the member's word names by its descriptor. 0, or -errno; *out NULL: none. */
static int member_prog(struct map_object *m, const struct types *t, u32 member, u64 fd,
		       struct prog_object **out)
{
	struct prog_object *p;
	int err = 0;

	*out = NULL;
	if (!(int)fd)
		return 0;
	p = prog_get_runnable_fd(m->obj.sys, (int)fd, &err);
	if (!p)
		return err;
	if (p->prog->type != BPF_PROG_TYPE_STRUCT_OPS || p->attach_btf_id != t->t_id ||
	    p->prog->expected_attach_type != member) {
		object_put(&p->obj);
		return -EINVAL;
	}
	*out = p;
	return 0;
}

static int take_members(struct map_object *m, const struct types *t, u8 *data)
{
	struct bpf_struct_ops_map *s = to_struct_ops(m->map);

	for (u32 i = 0; i < btf_vlen(t->t); i++) {
		const struct btf_member *member = &btf_members(t->t)[i];
		u8 *at = data + btf_member_bit_offset(t->t, member) / 8;
		const char *name = name_of(t->btf, member);
		struct prog_object *p;
		struct btf_sized size;
		int err;

		if (is_module(t->btf, member->type)) {
			if (*(u64 *)at)
				return -EINVAL;
			continue;
		}
		if (is_copied(s->id, name)) {
			err = check_copied(name, at);
			if (err)
				return err;
			continue;
		}
		if (!btf_type_resolve_func_ptr(t->btf, member->type, NULL)) {
			if (btf_resolve_size(t->btf, member->type, &size) ||
			    !is_zero(at, size.size))
				return -EINVAL;
			continue;
		}
		err = member_prog(m, t, i, *(u64 *)at, &p);
		if (err)
			return err;
		if (!p)
			continue;
		s->progs[i] = p->prog; /* its reference is the map's now */
		*(u64 *)at = p->obj.id;
	}
	return 0;
}

static bool has_member(struct map_object *m, const char *names)
{
	const struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	char copy[64], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *n = strtok_r(copy, "|", &save); n; n = strtok_r(NULL, "|", &save)) {
		int i = struct_ops_member(m->obj.sys, s, n);

		if (i >= 0 && s->progs[i])
			return true;
	}
	return false;
}

/* Whether what must be there is there. */
static int validate(struct map_object *m)
{
#define STRUCT_OPS_COPY(...)
#undef STRUCT_OPS_NEED
#define STRUCT_OPS_NEED(name, members)                                                             \
	if (to_struct_ops(m->map)->id == STRUCT_OPS_##name && !has_member(m, members))             \
		return -EINVAL;
#include "tables/struct_ops.def"
#undef STRUCT_OPS
#undef STRUCT_OPS_COPY
#undef STRUCT_OPS_NEED
#undef STRUCT_OPS_REFUSE
#undef STRUCT_OPS_SLEEP
#undef STRUCT_OPS_WRITE
	return 0;
}

/* The congestion control's name as the map has it. */
static const char *tcp_name(struct map_object *m, const struct types *t)
{
	const struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	int i = struct_ops_member(m->obj.sys, s, "name");

	return i < 0 ? "" :
		       (const char *)s->value + s->data_off +
			       btf_member_bit_offset(t->t, &btf_members(t->t)[i]) / 8;
}

/* What every kernel has. */
static bool is_builtin(const char *name)
{
	return !strcmp(name, "reno") || !strcmp(name, "cubic");
}

/* Whether the map's structure can be registered now. */
static int can_register(struct map_object *m, const struct types *t)
{
	if (to_struct_ops(m->map)->id != STRUCT_OPS_tcp_congestion_ops)
		return -EOPNOTSUPP; /* bpf_dummy_ops is for test runs */
	if (is_builtin(tcp_name(m, t)) || struct_ops_find_tcp(m->obj.sys, tcp_name(m, t)))
		return -EEXIST;
	return 0;
}

int struct_ops_map_update(struct map_object *m, const void *key, const void *value, u64 flags)
{
	struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	const u32 *common = value;
	struct types t;
	int err;

	if (flags)
		return -EINVAL;
	if (*(const u32 *)key)
		return -E2BIG;
	err = types_of_map(m, &t);
	if (!err)
		err = check_zero_holes(t.btf, t.value, value);
	if (!err)
		err = check_zero_holes(t.btf, t.t, (const u8 *)value + s->data_off);
	if (err)
		return err;
	if (common[0] || common[1]) /* references, state */
		return -EINVAL;
	relock_take(&m->obj.sys->lock);
	err = -EBUSY;
	if (s->state != BPF_STRUCT_OPS_STATE_INIT)
		goto out;
	memcpy(s->value, value, m->map->value_size);
	err = s->id == STRUCT_OPS_bpf_dummy_ops ? -EOPNOTSUPP : /* its init_member() */
						  take_members(m, &t, s->value + s->data_off);
	if (!err)
		err = validate(m);
	if (!err && !(m->map->map_flags & BPF_F_LINK)) {
		err = can_register(m, &t);
		if (!err)
			object_get(&m->obj);
	}
	if (err) {
		struct_ops_put_progs(m);
		memset(s->value, 0, m->map->value_size);
	} else {
		store_release(&s->state, m->map->map_flags & BPF_F_LINK ?
						 BPF_STRUCT_OPS_STATE_READY :
						 BPF_STRUCT_OPS_STATE_INUSE);
	}
out:
	relock_give(&m->obj.sys->lock);
	return err;
}

int struct_ops_map_delete(struct map_object *m, const void *key)
{
	struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	int err = 0;

	(void)key; /* Linux does not look at it either */
	if (m->map->map_flags & BPF_F_LINK)
		return -EOPNOTSUPP;
	relock_take(&m->obj.sys->lock);
	switch (s->state) {
	case BPF_STRUCT_OPS_STATE_INUSE:
		store_release(&s->state, BPF_STRUCT_OPS_STATE_TOBEFREE);
		object_put(&m->obj); /* the caller has another */
		break;
	case BPF_STRUCT_OPS_STATE_TOBEFREE:
		err = -EINPROGRESS;
		break;
	default:
		err = -ENOENT;
		break;
	}
	relock_give(&m->obj.sys->lock);
	return err;
}

int struct_ops_map_lookup(struct map_object *m, const void *key, void *value)
{
	const struct bpf_struct_ops_map *s = to_struct_ops(m->map);
	u32 *common = value, state;

	if (*(const u32 *)key)
		return -ENOENT;
	relock_take(&m->obj.sys->lock);
	state = s->state;
	memset(value, 0, m->map->value_size);
	if (state != BPF_STRUCT_OPS_STATE_INIT) {
		memcpy(value, s->value, m->map->value_size);
		/* Who uses it, but for clients: the command that asks is one of them. */
		common[0] = m->obj.refs - 1 - m->obj.pins;
		common[1] = state;
	}
	relock_give(&m->obj.sys->lock);
	return 0;
}

void struct_ops_stop(struct skep_system *sys)
{
	struct object_table *t = &sys->tables[OBJECT_MAP];

	for (size_t i = t->by_id.n; i-- > 0;) {
		struct map_object *m = (struct map_object *)t->by_id.v[i];

		if (m->map && m->map->map_type == BPF_MAP_TYPE_STRUCT_OPS &&
		    to_struct_ops(m->map)->state == BPF_STRUCT_OPS_STATE_INUSE)
			struct_ops_map_delete(m, NULL);
		if (i > t->by_id.n)
			i = t->by_id.n;
	}
}

/* ---- links ---- */

struct struct_ops_link {
	struct link_object link;
	struct map_object *map; /* referenced; NULL: detached */
};

static int struct_ops_link_detach(struct link_object *l)
{
	struct struct_ops_link *s = container_of(l, struct struct_ops_link, link);

	if (!s->map)
		return 0;
	to_struct_ops(s->map->map)->linked--;
	object_put(&s->map->obj);
	s->map = NULL;
	return 0;
}

static void struct_ops_link_release(struct link_object *l)
{
	struct_ops_link_detach(l);
}

static int struct_ops_link_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct struct_ops_link *s = container_of(l, const struct struct_ops_link, link);

	info->struct_ops.map_id = s->map ? s->map->obj.id : 0;
	return 0;
}

static const struct bpf_link_ops struct_ops_link_ops = {
	.release = struct_ops_link_release,
	.detach = struct_ops_link_detach,
	.fill_info = struct_ops_link_fill_info,
};

static bool valid_to_reg(const struct map_object *m)
{
	return m->map->map_type == BPF_MAP_TYPE_STRUCT_OPS && m->map->map_flags & BPF_F_LINK &&
	       to_struct_ops(m->map)->state == BPF_STRUCT_OPS_STATE_READY;
}

struct link_object *attach_struct_ops(struct call *c, int *err)
{
	struct struct_ops_link *l = NULL;
	struct map_object *m;
	struct types t;

	m = map_get_fd(c->sys, (int)c->attr->link_create.map_fd, err);
	if (!m)
		return NULL;
	relock_take(&c->sys->lock);
	*err = -EINVAL;
	if (!valid_to_reg(m))
		goto out;
	*err = types_of_map(m, &t);
	if (!*err)
		*err = can_register(m, &t);
	if (*err)
		goto out;
	l = (struct struct_ops_link *)link_object_sized(
		c->sys, sizeof(*l), BPF_LINK_TYPE_STRUCT_OPS, BPF_STRUCT_OPS, &struct_ops_link_ops);
	*err = l ? 0 : -ENOMEM;
	if (l) {
		l->map = m;
		to_struct_ops(m->map)->linked++;
		m = NULL;
	}
out:
	relock_give(&c->sys->lock);
	object_put((struct object *)m);
	return l ? &l->link : NULL;
}

bool link_is_struct_ops(const struct link_object *l)
{
	return l->ops == &struct_ops_link_ops;
}

/* From the link's map to @to; sys->lock is held. */
static int replace_map(struct struct_ops_link *l, struct map_object *to,
		       struct map_object *expected)
{
	struct bpf_struct_ops_map *new = to_struct_ops(to->map), *old;
	struct types t;
	int err;

	if (!valid_to_reg(to))
		return -EINVAL;
	if (!struct_ops_replaces(new->id))
		return -EOPNOTSUPP;
	if (!l->map)
		return -ENOLINK;
	if (expected && l->map != expected)
		return -EPERM;
	old = to_struct_ops(l->map->map);
	if (old->id != new->id)
		return -EINVAL;
	err = types_of_map(to, &t);
	if (err)
		return err;
	/* Under the same name, which the old one must have registered. */
	if (strcmp(tcp_name(to, &t), tcp_name(l->map, &t)) ||
	    struct_ops_find_tcp(to->obj.sys, tcp_name(to, &t)) != l->map)
		return -EINVAL;
	object_get(&to->obj);
	new->linked++;
	old->linked--;
	object_put(&l->map->obj);
	l->map = to;
	return 0;
}

int struct_ops_link_update(struct call *c, struct link_object *link)
{
	const union bpf_attr *attr = c->attr;
	struct struct_ops_link *l = container_of(link, struct struct_ops_link, link);
	struct map_object *to, *expected = NULL;
	int err;

	to = map_get_fd(c->sys, (int)attr->link_update.new_map_fd, &err);
	if (!to)
		return err;
	if (attr->link_update.flags & BPF_F_REPLACE) {
		expected = map_get_fd(c->sys, (int)attr->link_update.old_map_fd, &err);
		if (!expected)
			goto out;
	} else if (attr->link_update.old_map_fd) {
		err = -EINVAL;
		goto out;
	}
	relock_take(&c->sys->lock);
	err = replace_map(l, to, expected);
	relock_give(&c->sys->lock);
out:
	object_put((struct object *)expected);
	object_put(&to->obj);
	return err;
}

/* ---- programs that work for what a map registers ---- */

/*
 * Kernel functions with an argument for the calling program can find its structure by this (Linux:
 * bpf_prog_assoc_struct_ops()). A program of the structure itself is associated by being in it.
 */
int command_prog_assoc_struct_ops(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m = NULL;
	struct prog_object *p;
	int err;

	if (attr->prog_assoc_struct_ops.flags)
		return -EINVAL;
	p = prog_get_fd(c->sys, (int)attr->prog_assoc_struct_ops.prog_fd, &err);
	if (!p)
		return err;
	err = -EINVAL;
	if (p->prog->type == BPF_PROG_TYPE_STRUCT_OPS)
		goto out;
	m = map_get_fd(c->sys, (int)attr->prog_assoc_struct_ops.map_fd, &err);
	if (!m)
		goto out;
	err = -EINVAL;
	if (m->map->map_type != BPF_MAP_TYPE_STRUCT_OPS)
		goto out;
	relock_take(&c->sys->lock);
	err = p->struct_ops && p->struct_ops != m ? -EBUSY : 0;
	if (!p->struct_ops) {
		p->struct_ops = m; /* its reference */
		m = NULL;
	}
	relock_give(&c->sys->lock);
out:
	object_put((struct object *)m);
	object_put(&p->obj);
	return err;
}
