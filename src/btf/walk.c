/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What loads through typed pointers yield: fields of kernel structs, arguments of
 * tracing programs (Linux: btf_struct_walk(), btf_struct_access(),
 * btf_struct_ids_match(), btf_ctx_access() of kernel/bpf/btf.c).
 *
 * DIFF(untrusted-mem): a pointer to no struct is a number, but w->leaf tells.
 * DIFF(raw-tp-null): what may be NULL may be so in every profile.
 *
 * Arguments that an iterator or struct_ops declares itself (ctx_arg_info) are the
 * caller's: it asks here only for the others.
 */
#include "btf/internal.h"

#define KVER_CONST_VOID KVER(6, 16)
#define KVER_UNION_ARG	KVER(6, 18)

/* ---- fields ---- */

struct walk {
	struct btf *btf;
	const struct btf_type *t; /* struct walked into */
	u32 off;
	int size;
	bool flex; /* flexible arrays may be walked into */
	struct btf_walk *w;
};

static u32 pointer_tags(const struct btf *btf, const struct btf_type *ptr)
{
	const struct btf_type *t = btf_type_get(btf, ptr->type);
	const char *tag;

	if (!t || btf_kind(t) != BTF_KIND_TYPE_TAG)
		return 0;
	tag = btf_name_or_anon(btf, t->name_off);
	if (!strcmp(tag, "user"))
		return BTF_TAG_USER;
	if (!strcmp(tag, "percpu"))
		return BTF_TAG_PERCPU;
	return strcmp(tag, "rcu") ? 0 : BTF_TAG_RCU;
}

/* Into the flexible array at the end: 0 with a new struct to walk, 1 a scalar, or -EACCES. */
static int walk_flex(struct walk *s)
{
	u32 vlen = btf_vlen(s->t), moff;
	const struct btf_member *m;
	const struct btf_type *t;

	if (!s->flex || !vlen)
		return -EACCES;
	m = btf_members(s->t) + vlen - 1;
	t = btf_type_skip_modifiers(s->btf, m->type, NULL);
	if (!t || btf_kind(t) != BTF_KIND_ARRAY || btf_array_of(t)->nelems)
		return -EACCES;
	moff = btf_member_bit_offset(s->t, m) / 8;
	if (s->off < moff)
		return -EACCES;
	t = btf_type_skip_modifiers(s->btf, btf_array_of(t)->type, NULL);
	if (t && btf_kind(t) == BTF_KIND_INT)
		return 1;
	if (!t || !btf_is_struct(t) || !t->size)
		return -EACCES;
	s->off = (s->off - moff) % t->size;
	s->t = t;
	return 0;
}

/* One member that covers s->off: a walk kind, or -errno, or -EAGAIN after descending into it. */
static int walk_member(struct walk *s, const struct btf_member *m, const struct btf_sized *sized,
		       u32 moff)
{
	const char *mname = btf_name_or_anon(s->btf, m->name_off);
	const char *tname = btf_name_or_anon(s->btf, s->t->name_off);
	u32 end = moff + sized->size, msize = sized->size, id;
	const struct btf_type *t = sized->elem;

	if (btf_kind(sized->type) == BTF_KIND_ARRAY) {
		/* As if its elements were members; but plain ones may be read across. */
		msize /= sized->nelems;
		moff += (s->off - moff) / msize * msize;
	}
	if (btf_is_struct(t)) {
		if (s->off == moff) {
			s->w->btf_id = sized->elem_id;
			return BTF_WALK_STRUCT;
		}
		s->off -= moff;
		s->t = t;
		return -EAGAIN;
	}
	if (btf_kind(t) == BTF_KIND_PTR) {
		const struct btf_type *to;

		if (msize != s->size || s->off != moff)
			return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_PTR, mname, moff, tname,
					  s->off, s->size);
		to = btf_type_skip_modifiers(s->btf, t->type, &id);
		if (to && btf_is_struct(to)) {
			s->w->btf_id = id;
			s->w->flags |= pointer_tags(s->btf, t);
			s->w->field = mname;
			return BTF_WALK_PTR;
		}
		s->w->leaf = true;
	}
	if (s->off + s->size > end && !(s->w->flags & BTF_WALK_UNTRUSTED))
		return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_MEMBER_END, mname, end, tname,
				  s->off, s->size);
	return BTF_WALK_SCALAR;
}

/* One struct: a walk kind, -EAGAIN (s->t and s->off have descended), or -errno. */
static int walk_struct(struct walk *s)
{
	const struct btf_type *t = s->t;
	const char *tname = btf_name_or_anon(s->btf, t->name_off);
	struct btf_sized sized;
	u32 i;
	int err;

	if (!btf_is_struct(t))
		return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_NOT_STRUCT, tname);
	if (btf_kind(t) == BTF_KIND_UNION && btf_vlen(t) != 1)
		s->w->flags |= BTF_WALK_UNTRUSTED;
	if ((u64)s->off + s->size > t->size) {
		err = walk_flex(s);
		if (err < 0)
			return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_BEYOND, tname, s->off,
					  s->size);
		return err ? BTF_WALK_SCALAR : -EAGAIN;
	}
	for (i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		u32 bit_off = btf_member_bit_offset(t, m), bits = btf_member_bits(t, m);
		u32 moff = bit_off / 8;

		if (s->off + s->size <= moff)
			break;
		if (bits) {
			if (s->off <= moff &&
			    bits_roundup_bytes(bit_off + bits) <= s->off + s->size)
				return BTF_WALK_SCALAR;
			continue; /* part of a bit-field: maybe a later member is meant */
		}
		if (s->off < moff)
			break;
		if (btf_resolve_size(s->btf, m->type, &sized))
			return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_NO_SIZE,
					  btf_name_or_anon(s->btf, m->name_off));
		if (s->off >= moff + sized.size)
			continue;
		return walk_member(s, m, &sized, moff);
	}
	return btf_refuse(&s->w->why, BTF_DIAG_BTF_WALK_NO_FIELD, tname, s->off);
}

/* Descends until there is an answer; STRUCT when a struct begins at the offset. */
static int walk(struct btf *btf, u32 id, u32 off, int size, bool flex, struct btf_walk *w)
{
	struct walk s = { btf, btf_type_skip_modifiers(btf, id, NULL), off, size, flex, w };
	u32 depth;
	int res = -EINVAL;

	w->btf = btf;
	for (depth = 0; s.t && depth < BTF_RESOLVE_DEPTH; depth++) {
		res = walk_struct(&s);
		if (res != -EAGAIN)
			return res;
	}
	return btf_refuse(&w->why, BTF_DIAG_BTF_WALK_NO_FIELD, btf_type_name(btf, id), off);
}

static int check_special(struct btf *btf, u32 id, int off, int size, struct btf_walk *w)
{
	const u32 mask = BTF_FIELDS_KPTR | BIT(BTF_FIELD_SPIN_LOCK) | BIT(BTF_FIELD_LIST_HEAD) |
			 BIT(BTF_FIELD_LIST_NODE) | BIT(BTF_FIELD_RB_ROOT) |
			 BIT(BTF_FIELD_RB_NODE) | BIT(BTF_FIELD_REFCOUNT) |
			 BIT(BTF_FIELD_RES_SPIN_LOCK);
	struct btf_field f[BTF_FIELDS_MAX];
	u32 bytes;
	int n, i;

	if (btf_type_size(btf, id, &bytes))
		return 0;
	n = btf_find_fields(btf, id, mask, bytes, f);
	for (i = 0; i < n; i++)
		if (off < (int)(f[i].offset + f[i].size) && (int)f[i].offset < off + size)
			return btf_refuse(&w->why, BTF_DIAG_BTF_WALK_SPECIAL,
					  btf_field_kind_name(f[i].kind));
	return 0;
}

int btf_struct_access(struct btf *btf, u32 id, int off, int size, bool alloc, struct btf_walk *w)
{
	u32 depth;
	int res;

	memset(w, 0, offsetof(struct btf_walk, why));
	if (alloc) {
		res = check_special(btf, id, off, size, w);
		if (res)
			return res;
	}
	/* A struct at the very offset is walked into from its start; flags are of the last walk. */
	for (depth = 0; depth < BTF_RESOLVE_DEPTH; depth++) {
		res = walk(btf, id, off, size, !alloc, w);
		if (res != BTF_WALK_STRUCT)
			break;
		id = w->btf_id;
		off = 0;
	}
	if (res < 0)
		return res;
	w->kind = res == BTF_WALK_PTR && !alloc ? BTF_WALK_PTR : BTF_WALK_SCALAR;
	if (w->kind == BTF_WALK_SCALAR)
		w->btf_id = 0;
	return 0;
}

bool btf_struct_ids_match(struct btf *btf, u32 id, int off, struct btf *need, u32 need_id,
			  bool strict)
{
	struct btf_walk w = { 0 };
	u32 depth;

	if (!off && btf_same_type(btf, id, need, need_id))
		return true;
	if (strict || off < 0)
		return false;
	for (depth = 0; depth < BTF_RESOLVE_DEPTH; depth++) {
		if (walk(btf, id, off, 1, true, &w) != BTF_WALK_STRUCT)
			return false;
		if (btf_same_type(btf, w.btf_id, need, need_id))
			return true;
		id = w.btf_id;
		off = 0;
	}
	return false;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	u64 mask;
} raw_tp_null[] = {
#define RAW_TP_NULL(name, mask) { #name, mask },
#include "tables/raw_tp_null.def"
#undef RAW_TP_NULL
};

static u32 raw_tp_arg(const char *tracepoint, u32 arg)
{
	u32 i;

	for (i = 0; tracepoint && arg < 16 && i < ARRAY_SIZE(raw_tp_null); i++)
		if (!strcmp(raw_tp_null[i].name, tracepoint))
			return raw_tp_null[i].mask >> (4 * arg) & 3;
	return 0;
}

int btf_trace_proto_by_id(struct btf *btf, u32 typedef_id, struct btf_ctx_proto *out)
{
	static const char prefix[] = "btf_trace_";
	const struct btf_type *t = btf_type_get(btf, typedef_id);
	const char *name;

	memset(out, 0, sizeof(*out));
	if (!t || btf_kind(t) != BTF_KIND_TYPEDEF)
		return -EINVAL;
	name = btf_name_or_anon(btf, t->name_off);
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return -EINVAL;
	t = btf_type_get(btf, t->type);
	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return -EINVAL;
	t = btf_type_get(btf, t->type);
	if (!t || btf_kind(t) != BTF_KIND_FUNC_PROTO)
		return -EINVAL;
	out->btf = btf;
	out->name = name + sizeof(prefix) - 1;
	out->raw_tp = out->name;
	out->proto = t;
	out->trace = true;
	return 0;
}

int btf_trace_proto(struct btf *btf, const char *name, struct btf_ctx_proto *out, u32 *typedef_id)
{
	char full[128];
	size_t n = strlen(name);
	s32 id;

	if (n > sizeof(full) - 11)
		return -ENOENT;
	memcpy(full, "btf_trace_", 10);
	memcpy(full + 10, name, n + 1);
	id = btf_find_by_name_kind(btf, full, BTF_KIND_TYPEDEF);
	if (id < 0)
		return id;
	if (typedef_id)
		*typedef_id = id;
	return btf_trace_proto_by_id(btf, id, out);
}

/* The number of the argument at @off: structs passed by value may take several words. */
static u32 arg_at(const struct btf_ctx_proto *p, u32 off)
{
	const struct btf_type *t;
	u32 at = 0, n, i;

	if (!p->proto)
		return off / 8;
	n = btf_vlen(p->proto);
	for (i = 0; i < n; i++) {
		t = btf_type_skip_modifiers(p->btf, btf_params(p->proto)[i].type, NULL);
		at += !t || btf_kind(t) == BTF_KIND_PTR ? 8 : round_up(t->size, 8);
		if (off < at)
			return i;
	}
	t = btf_type_skip_modifiers(p->btf, p->proto->type, NULL);
	at += !t || btf_kind(t) == BTF_KIND_PTR ? 8 : round_up(t->size, 8);
	return off < at ? n : n + 1;
}

static int access_ptr(const struct btf_ctx_proto *p, const struct btf_type *ptr,
		      const struct btf_param *param, struct btf_ctx_arg *out,
		      struct btf_refusal *why)
{
	const struct btf_type *t = btf_type_skip_modifiers(p->btf, ptr->type, &out->btf_id);
	u32 null = out->retval ? 0 : raw_tp_arg(p->raw_tp, out->arg);

	/* void *, int * are no more than numbers; const void * since 6.16. */
	if (!ptr->type || (t && btf_kind(t) == BTF_KIND_INT) ||
	    (t && btf_kind(t) == BTF_KIND_UNKN && (!p->profile || p->profile >= KVER_CONST_VOID))) {
		out->btf_id = 0;
		return 0;
	}
	if (!t || !btf_is_struct(t))
		return btf_refuse(why, BTF_DIAG_BTF_CTX_STRUCT, p->name, out->arg,
				  btf_kind_name(t ? btf_kind(t) : 0));
	if (null & 2) /* may be an error code: a number */
		return 0;
	out->ptr = true;
	out->flags = pointer_tags(p->btf, ptr) & ~BTF_TAG_RCU;
	out->nullable = (null & 1) || (param && btf_param_suffix(p->btf, param, "__nullable"));
	return 0;
}

int btf_ctx_access(const struct btf_ctx_proto *p, int off, int size, struct btf_ctx_arg *out,
		   struct btf_refusal *why)
{
	const struct btf_param *params = p->proto ? btf_params(p->proto) : NULL, *param = NULL;
	u32 n = p->proto ? btf_vlen(p->proto) : 5, arg;
	const struct btf_type *t;

	memset(out, 0, sizeof(*out));
	if (off % 8)
		return btf_refuse(why, BTF_DIAG_BTF_CTX_OFFSET, p->name, off);
	/* Offsets do not count the skipped parameter, which takes one word: as Linux has it. */
	arg = arg_at(p, off);
	out->arg = arg;
	if (p->trace && p->proto) {
		params++;
		n--;
	}
	if (arg > n || (arg == n && p->ret == BTF_CTX_NO_RET))
		return btf_refuse(why, BTF_DIAG_BTF_CTX_ARG, p->name, arg + 1);
	if (arg == n) {
		out->retval = true;
		if (!p->proto)
			return p->ret == BTF_CTX_RET_INT ?
				       btf_refuse(why, BTF_DIAG_BTF_CTX_ARG, p->name, arg + 1) :
				       0;
		t = btf_type_skip_modifiers(p->btf, p->proto->type, NULL);
		if (p->ret == BTF_CTX_RET_INT && (!t || !btf_is_small_int(t)))
			return btf_refuse(why, BTF_DIAG_BTF_CTX_RET,
					  btf_kind_name(t ? btf_kind(t) : 0));
	} else {
		if (!p->proto)
			return 0;
		param = &params[arg];
		t = btf_type_skip_modifiers(p->btf, param->type, NULL);
	}
	if (t && (btf_is_small_int(t) || btf_is_enum(t) || btf_kind(t) == BTF_KIND_STRUCT))
		return 0;
	if (t && btf_is_struct(t) && (!p->profile || p->profile >= KVER_UNION_ARG))
		return 0;
	if (!t || btf_kind(t) != BTF_KIND_PTR)
		return btf_refuse(why, BTF_DIAG_BTF_CTX_TYPE, p->name, arg,
				  t ? btf_name_or_anon(p->btf, t->name_off) : "(anon)",
				  btf_kind_name(t ? btf_kind(t) : 0));
	/* Of 6.1 even the last stable release loads half a pointer, and takes it for whole. */
	if (size != 8 && (!p->profile || visible(p->profile, KVER(6, 6))))
		return btf_refuse(why, BTF_DIAG_BTF_CTX_SIZE, p->name, size);
	return access_ptr(p, t, param, out, why);
}
