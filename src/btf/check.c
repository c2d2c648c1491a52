/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * First pass over user BTF: each record on its own (Linux: btf_check_all_metas()
 * and the check_meta() of each kind, kernel/bpf/btf.c). Types referred to need not
 * have been seen yet: resolve.c does those.
 *
 * The order of the tests is the kernel's, for it decides which message a record
 * with several faults gets.
 */
#include "btf/internal.h"

#define KSYM_NAME_LEN	   512
#define INFO_MASK	   0x9f00ffff
#define INT_MASK	   0x0fffffff
#define BITS_U128	   128
#define KVER_ENUM_SIGN	   KVER(6, 0)
#define KVER_TAG_KFLAG	   KVER(6, 15) /* kflag of tags: an attribute other than btf_{type,decl}_tag */
#define KVER_SECTION_NAMES KVER(6, 12)
#define KVER_LONG_NAMES	   KVER(6, 1)

static bool kind_visible(kver profile, u32 kind)
{
	static const kver since[NR_BTF_KINDS] = {
#define BTF_KIND(value, name, since, ...) [value] = since,
#include "tables/btf_kinds.def"
#undef BTF_KIND
	};

	return kind < NR_BTF_KINDS && visible(profile, since[kind]);
}

/* ---- names ---- */

/* Linux's, which knows Latin-1 */
static bool is_alpha(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static size_t name_limit(const struct btf_check *c)
{
	return c->profile >= KVER_LONG_NAMES ? KSYM_NAME_LEN : 128;
}

/* C identifiers, with dots; @off must be valid. */
static bool identifier_ok(const struct btf_check *c, u32 off)
{
	const char *s = btf_str(c->btf, off);
	size_t i, limit = name_limit(c);

	for (i = 0; i == 0 || (i < limit && s[i]); i++)
		if (!is_alpha(s[i]) && s[i] != '_' && s[i] != '.' &&
		    !(i && s[i] >= '0' && s[i] <= '9'))
			return false;
	return !s[i];
}

/* Any printable characters. */
static bool section_name_ok(const struct btf_check *c, u32 off)
{
	const char *s = btf_str(c->btf, off);
	size_t i, limit = name_limit(c);

	if (c->profile < KVER_SECTION_NAMES)
		return identifier_ok(c, off);
	for (i = 0; i == 0 || (i < limit && s[i]); i++) {
		u8 ch = s[i];

		/* Linux's isprint() is Latin-1's */
		if (ch < 0x20 || (ch > 0x7e && ch < 0xa0))
			return false;
	}
	return !s[i];
}

static bool name_offset_ok(const struct btf_check *c, u32 off)
{
	return off <= BTF_MAX_NAME_OFFSET && btf_str(c->btf, off);
}

bool btf_param_name_ok(const struct btf_check *c, u32 off)
{
	return !off || (name_offset_ok(c, off) && identifier_ok(c, off));
}

static bool id_ok(u32 id)
{
	return id <= BTF_MAX_TYPE;
}

/* ---- each kind; all return 0 or -errno, their records being complete ---- */

static int no_vlen_no_kflag(struct btf_check *c, const struct btf_type *t)
{
	if (btf_vlen(t))
		return refuse_type(c, t, BTF_DIAG_BTF_VLEN);
	if (btf_kflag(t))
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	return 0;
}

static int check_int(struct btf_check *c, const struct btf_type *t)
{
	u32 data = btf_int_data(t), bits, enc;
	int err = no_vlen_no_kflag(c, t);

	if (err)
		return err;
	if (data & ~INT_MASK)
		return refuse_basic(c, t, BTF_DIAG_BTF_INT_DATA, data);
	bits = BTF_INT_BITS(data) + BTF_INT_OFFSET(data);
	if (bits > BITS_U128)
		return refuse_type(c, t, BTF_DIAG_BTF_INT_BITS, BITS_U128);
	if (bits_roundup_bytes(bits) > t->size)
		return refuse_type(c, t, BTF_DIAG_BTF_INT_SIZE);
	enc = BTF_INT_ENCODING(data);
	if (enc && enc != BTF_INT_SIGNED && enc != BTF_INT_CHAR && enc != BTF_INT_BOOL)
		return refuse_type(c, t, BTF_DIAG_BTF_INT_ENCODING);
	log_type(c, t);
	return 0;
}

/* Pointers, typedefs, qualifiers, type tags. */
static int check_ref(struct btf_check *c, const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	if (btf_vlen(t))
		return refuse_type(c, t, BTF_DIAG_BTF_VLEN);
	if (btf_kflag(t) && !(kind == BTF_KIND_TYPE_TAG && c->profile >= KVER_TAG_KFLAG))
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	if (!id_ok(t->type))
		return refuse_type(c, t, BTF_DIAG_BTF_TYPE_ID);
	if (kind == BTF_KIND_TYPEDEF) {
		if (!t->name_off || !identifier_ok(c, t->name_off))
			return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	} else if (kind == BTF_KIND_TYPE_TAG) {
		if (!*btf_str(c->btf, t->name_off))
			return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	} else if (t->name_off) {
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	}
	log_type(c, t);
	return 0;
}

static int check_fwd(struct btf_check *c, const struct btf_type *t)
{
	if (btf_vlen(t))
		return refuse_type(c, t, BTF_DIAG_BTF_VLEN);
	if (t->type)
		return refuse_type(c, t, BTF_DIAG_BTF_FWD_TYPE);
	if (!t->name_off || !identifier_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	log_type(c, t);
	return 0;
}

static int check_array(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_array *a = btf_array_of(t);
	int err;

	if (t->name_off)
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	err = no_vlen_no_kflag(c, t);
	if (err)
		return err;
	if (t->size)
		return refuse_type(c, t, BTF_DIAG_BTF_ARRAY_SIZE_FIELD);
	if (!a->type || !id_ok(a->type))
		return refuse_type(c, t, BTF_DIAG_BTF_ARRAY_ELEM);
	if (!a->index_type || !id_ok(a->index_type))
		return refuse_type(c, t, BTF_DIAG_BTF_ARRAY_INDEX);
	log_type(c, t);
	return 0;
}

static int check_struct(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);
	u32 n = btf_vlen(t), last = 0, i;

	if (t->name_off && !identifier_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	log_type(c, t);
	for (i = 0; i < n; i++, m++) {
		u32 off = btf_member_bit_offset(t, m);

		if (!name_offset_ok(c, m->name_off))
			return refuse_member(c, t, m, BTF_DIAG_BTF_MEMBER_NAME_OFFSET, m->name_off);
		if (m->name_off && !identifier_ok(c, m->name_off))
			return refuse_member(c, t, m, BTF_DIAG_BTF_NAME);
		if (!m->type || !id_ok(m->type))
			return refuse_member(c, t, m, BTF_DIAG_BTF_TYPE_ID);
		if ((btf_kind(t) == BTF_KIND_UNION && off) || off < last)
			return refuse_member(c, t, m, BTF_DIAG_BTF_MEMBER_OFFSET);
		if (bits_roundup_bytes(off) > t->size)
			return refuse_member(c, t, m, BTF_DIAG_BTF_MEMBER_BEYOND);
		log_member(c, t, m);
		last = off;
	}
	return 0;
}

static int check_enum(struct btf_check *c, const struct btf_type *t)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;
	const u32 *e = (const u32 *)(t + 1);
	u32 n = btf_vlen(t), i;

	if (btf_kflag(t) && c->profile < KVER_ENUM_SIGN)
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	if (t->size > 8 || !is_power_of_2(t->size))
		return refuse_type(c, t, BTF_DIAG_BTF_ENUM_SIZE);
	if (t->name_off && !identifier_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	log_type(c, t);
	for (i = 0; i < n; i++, e += wide ? 3 : 2) {
		const char *name;

		if (!name_offset_ok(c, e[0]))
			return refuse_whole(c, BTF_DIAG_BTF_ENUM_NAME_OFFSET, e[0]);
		if (!e[0] || !identifier_ok(c, e[0]))
			return refuse_type(c, t, BTF_DIAG_BTF_NAME);
		name = btf_str(c->btf, e[0]);
		if (wide && btf_kflag(t))
			btf_log_printf(c->log, "\t%s val=%lld\n", name,
				       (long long)((u64)e[2] << 32 | e[1]));
		else if (wide)
			btf_log_printf(c->log, "\t%s val=%llu\n", name,
				       (unsigned long long)((u64)e[2] << 32 | e[1]));
		else if (btf_kflag(t) || c->profile < KVER_ENUM_SIGN)
			btf_log_printf(c->log, "\t%s val=%d\n", name, (s32)e[1]);
		else
			btf_log_printf(c->log, "\t%s val=%u\n", name, e[1]);
	}
	return 0;
}

static int check_func_proto(struct btf_check *c, const struct btf_type *t)
{
	if (t->name_off)
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	if (btf_kflag(t))
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	log_type(c, t);
	return 0;
}

static int check_func(struct btf_check *c, const struct btf_type *t)
{
	if (!t->name_off || !identifier_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	if (btf_vlen(t) > BTF_FUNC_GLOBAL)
		return refuse_type(c, t, BTF_DIAG_BTF_FUNC_LINKAGE);
	if (btf_kflag(t))
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	log_type(c, t);
	return 0;
}

static int check_var(struct btf_check *c, const struct btf_type *t)
{
	int err = no_vlen_no_kflag(c, t);

	if (err)
		return err;
	if (!t->name_off || !identifier_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	if (!t->type || !id_ok(t->type))
		return refuse_type(c, t, BTF_DIAG_BTF_TYPE_ID);
	if (btf_linkage(t) != BTF_VAR_STATIC && btf_linkage(t) != BTF_VAR_GLOBAL_ALLOCATED)
		return refuse_type(c, t, BTF_DIAG_BTF_VAR_LINKAGE);
	log_type(c, t);
	return 0;
}

static int check_datasec(struct btf_check *c, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = btf_secinfos(t);
	u64 end = 0, sum = 0;
	u32 i;

	if (!t->size)
		return refuse_type(c, t, BTF_DIAG_BTF_SECTION_EMPTY);
	if (btf_kflag(t))
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	if (!t->name_off || !section_name_ok(c, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_NAME);
	log_type(c, t);
	for (i = 0; i < btf_vlen(t); i++, v++) {
		if (!v->type || !id_ok(v->type))
			return refuse_vsi(c, t, v, BTF_DIAG_BTF_TYPE_ID);
		if (v->offset < end || v->offset >= t->size)
			return refuse_vsi(c, t, v, BTF_DIAG_BTF_VAR_OFFSET);
		if (!v->size || v->size > t->size)
			return refuse_vsi(c, t, v, BTF_DIAG_BTF_VAR_SIZE);
		/* in 32 bits, as the kernel adds them */
		end = v->offset + v->size;
		if (end > t->size)
			return refuse_vsi(c, t, v, BTF_DIAG_BTF_VAR_END);
		log_vsi(c, t, v);
		sum += v->size;
	}
	if (t->size < sum)
		return refuse_type(c, t, BTF_DIAG_BTF_SECTION_SUM);
	return 0;
}

static int check_float(struct btf_check *c, const struct btf_type *t)
{
	int err = no_vlen_no_kflag(c, t);

	if (err)
		return err;
	if (t->size != 2 && t->size != 4 && t->size != 8 && t->size != 12 && t->size != 16)
		return refuse_type(c, t, BTF_DIAG_BTF_FLOAT_SIZE);
	log_type(c, t);
	return 0;
}

static int check_decl_tag(struct btf_check *c, const struct btf_type *t)
{
	if (!*btf_str(c->btf, t->name_off))
		return refuse_type(c, t, BTF_DIAG_BTF_TAG_VALUE);
	if (btf_vlen(t))
		return refuse_type(c, t, BTF_DIAG_BTF_VLEN);
	if (btf_kflag(t) && c->profile < KVER_TAG_KFLAG)
		return refuse_type(c, t, BTF_DIAG_BTF_KIND_FLAG);
	if (btf_component(t) < -1)
		return refuse_type(c, t, BTF_DIAG_BTF_TAG_COMPONENT);
	log_type(c, t);
	return 0;
}

static int check_kind(struct btf_check *c, const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return check_int(c, t);
	case BTF_KIND_ARRAY:
		return check_array(c, t);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return check_struct(c, t);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return check_enum(c, t);
	case BTF_KIND_FWD:
		return check_fwd(c, t);
	case BTF_KIND_FUNC:
		return check_func(c, t);
	case BTF_KIND_FUNC_PROTO:
		return check_func_proto(c, t);
	case BTF_KIND_VAR:
		return check_var(c, t);
	case BTF_KIND_DATASEC:
		return check_datasec(c, t);
	case BTF_KIND_FLOAT:
		return check_float(c, t);
	case BTF_KIND_DECL_TAG:
		return check_decl_tag(c, t);
	}
	return check_ref(c, t);
}

int btf_check_types(struct btf_check *c)
{
	struct btf *btf = c->btf;
	u32 off = 0, len = btf->hdr.type_len;
	int err;

	c->meta = true;
	c->log_id = btf->base ? btf->start_id : 1;
	for (; off < len; c->log_id++) {
		const struct btf_type *t = (const void *)(btf->types + off);
		u32 left = len - off, need, kind;

		if (left < sizeof(*t))
			return refuse_whole(c, BTF_DIAG_BTF_META_LEFT, c->log_id, left,
					    (u32)sizeof(*t));
		if (t->info & ~INFO_MASK)
			return refuse_whole(c, BTF_DIAG_BTF_INFO, c->log_id, t->info);
		kind = btf_kind(t);
		if (!kind_visible(c->profile, kind))
			return refuse_whole(c, BTF_DIAG_BTF_KIND, c->log_id, kind);
		if (!name_offset_ok(c, t->name_off))
			return refuse_whole(c, BTF_DIAG_BTF_NAME_OFFSET, c->log_id, t->name_off);
		left -= sizeof(*t);
		need = btf_record_size(t->info) - sizeof(*t);
		if (left < need)
			return refuse_basic(c, t, BTF_DIAG_BTF_TYPE_META_LEFT, left, need);
		err = check_kind(c, t);
		if (err)
			return err;
		err = btf_add(btf, off);
		if (err == -E2BIG)
			return refuse_whole(c, BTF_DIAG_BTF_TOO_MANY);
		if (err)
			return err;
		off += sizeof(*t) + need;
	}
	return 0;
}
