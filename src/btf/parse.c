/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Opening BTF: the header, where the sections lie, and the index of types (Linux:
 * btf_parse(), btf_parse_hdr(), btf_check_sec_info(), btf_parse_vmlinux() of
 * kernel/bpf/btf.c). What the types say is check.c's and resolve.c's business.
 *
 * All records consist of 32-bit words, so BTF of the other byte order, and types that
 * lie at an odd address, are copied word by word once; everything else reads native.
 *
 * DIFF(btf-7.2-layout): the header fields that 7.2 appends are refused when not zero,
 * as kernels before do.
 */
#include <sys/mman.h>

#include "btf/internal.h"

int btf_record_size(u32 info)
{
	u32 vlen = BTF_INFO_VLEN(info), size = sizeof(struct btf_type);

	switch (BTF_INFO_KIND(info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return size;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return size + 4;
	case BTF_KIND_ARRAY:
		return size + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return size + vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return size + vlen * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return size + vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return size + vlen * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return size + vlen * sizeof(struct btf_enum64);
	}
	return -EINVAL;
}

int btf_add(struct btf *btf, u32 off)
{
	if (btf->start_id + btf->n >= BTF_MAX_TYPE)
		return -E2BIG;
	if (vec_push(&btf->offs, off))
		return -ENOMEM;
	btf->n++;
	return 0;
}

struct btf *btf_new(struct btf *base)
{
	struct btf *btf = mem_zalloc(sizeof(*btf));

	if (!btf)
		return NULL;
	btf->base = base;
	btf->ptr_size = 8;
	if (base) {
		btf->start_id = base->start_id + base->n;
		btf->start_str = base->start_str + base->hdr.str_len;
	} else if (btf_add(btf, 0)) { /* void */
		mem_free(btf);
		return NULL;
	}
	return btf;
}

void btf_free(struct btf *btf)
{
	if (!btf)
		return;
	if (btf->index) {
		mem_free(btf->index->head);
		mem_free(btf->index->next);
		mem_free(btf->index);
	}
	vec_free(&btf->offs);
	mem_free(btf->native);
	switch (btf->own) {
	case BTF_DATA_BORROWED:
		break;
	case BTF_DATA_OWNED:
		mem_free((void *)btf->data);
		break;
	case BTF_DATA_MAPPED:
		munmap((void *)btf->data, btf->size);
		break;
	}
	mem_free(btf);
}

static void header_swap(struct btf_header *h)
{
	h->magic = __builtin_bswap16(h->magic);
	h->hdr_len = __builtin_bswap32(h->hdr_len);
	h->type_off = __builtin_bswap32(h->type_off);
	h->type_len = __builtin_bswap32(h->type_len);
	h->str_off = __builtin_bswap32(h->str_off);
	h->str_len = __builtin_bswap32(h->str_len);
}

static int check_header(struct btf *btf, struct btf_check *c, bool any_endian)
{
	struct btf_header *h = &btf->hdr;
	u32 hdr_len, i;
	u16 magic;

	if (btf->size < offsetofend(struct btf_header, hdr_len))
		return refuse_whole(c, BTF_DIAG_BTF_NO_HDR_LEN);
	memcpy(&magic, btf->data, sizeof(magic));
	btf->foreign = any_endian && magic == __builtin_bswap16(BTF_MAGIC);
	memcpy(&hdr_len, btf->data + offsetof(struct btf_header, hdr_len), sizeof(hdr_len));
	if (btf->foreign)
		hdr_len = __builtin_bswap32(hdr_len);
	if (btf->size < hdr_len)
		return refuse_whole(c, BTF_DIAG_BTF_NO_HEADER);
	for (i = sizeof(*h); i < hdr_len; i++)
		if (btf->data[i])
			return refuse_whole(c, BTF_DIAG_BTF_HEADER_UNSUPPORTED);
	memcpy(h, btf->data, min_t(u32, hdr_len, sizeof(*h)));
	if (btf->foreign)
		header_swap(h);
	btf_log_printf(c->log,
		       "magic: 0x%x\nversion: %u\nflags: 0x%x\nhdr_len: %u\ntype_off: %u\n"
		       "type_len: %u\nstr_off: %u\nstr_len: %u\nbtf_total_size: %u\n",
		       h->magic, h->version, h->flags, h->hdr_len, h->type_off, h->type_len,
		       h->str_off, h->str_len, btf->size);
	if (h->magic != BTF_MAGIC)
		return refuse_whole(c, BTF_DIAG_BTF_MAGIC);
	if (h->version != BTF_VERSION)
		return refuse_whole(c, BTF_DIAG_BTF_VERSION);
	if (h->flags)
		return refuse_whole(c, BTF_DIAG_BTF_FLAGS);
	if (!btf->base && btf->size == h->hdr_len)
		return refuse_whole(c, BTF_DIAG_BTF_NO_DATA);
	return 0;
}

/* The two sections fill what is behind the header, without gap or overlap, in any order. */
static int check_sections(struct btf *btf, struct btf_check *c)
{
	struct section {
		u32 off, len;
	} sec[2] = { { btf->hdr.type_off, btf->hdr.type_len },
		     { btf->hdr.str_off, btf->hdr.str_len } };
	u32 total = 0, room = btf->size - btf->hdr.hdr_len, i;
	s32 order = (s32)(sec[0].off - sec[1].off);

	if (!order)
		order = (s32)(sec[0].len - sec[1].len);
	if (order > 0) {
		struct section first = sec[1];

		sec[1] = sec[0];
		sec[0] = first;
	}
	for (i = 0; i < ARRAY_SIZE(sec); i++) {
		if (room < sec[i].off)
			return refuse_whole(c, BTF_DIAG_BTF_SECTION_OFFSET);
		if (total < sec[i].off)
			return refuse_whole(c, BTF_DIAG_BTF_SECTION_UNSUPPORTED);
		if (total > sec[i].off)
			return refuse_whole(c, BTF_DIAG_BTF_SECTION_OVERLAP);
		if (room - total < sec[i].len)
			return refuse_whole(c, BTF_DIAG_BTF_SECTION_LENGTH);
		total += sec[i].len;
	}
	if (room != total)
		return refuse_whole(c, BTF_DIAG_BTF_SECTION_UNSUPPORTED);
	return 0;
}

static int check_strings(struct btf *btf, struct btf_check *c)
{
	const struct btf_header *h = &btf->hdr;
	const char *s = (const char *)btf->data + h->hdr_len + h->str_off;

	if ((u64)h->hdr_len + h->str_off + h->str_len != btf->size)
		return refuse_whole(c, BTF_DIAG_BTF_STRINGS_END);
	btf->strings = s;
	if (btf->base && !h->str_len)
		return 0;
	if (!h->str_len || h->str_len - 1 > BTF_MAX_NAME_OFFSET || s[h->str_len - 1] ||
	    (!btf->base && s[0]))
		return refuse_whole(c, BTF_DIAG_BTF_STRINGS);
	return 0;
}

static int place_types(struct btf *btf)
{
	const u8 *types = btf->data + btf->hdr.hdr_len + btf->hdr.type_off;
	u32 len = btf->hdr.type_len, i, *words;

	btf->types = types;
	if (!btf->foreign && !((uintptr_t)types % 4))
		return 0;
	btf->native = mem_dup(types, len);
	if (!btf->native)
		return -ENOMEM;
	btf->types = btf->native;
	words = btf->native;
	for (i = 0; btf->foreign && i < len / 4; i++)
		words[i] = __builtin_bswap32(words[i]);
	return 0;
}

static int open_sections(struct btf_check *c, bool any_endian)
{
	struct btf *btf = c->btf;
	int err = check_header(btf, c, any_endian);

	if (!err)
		err = check_sections(btf, c);
	if (!err)
		err = check_strings(btf, c);
	if (err)
		return err;
	if (btf->hdr.type_off % 4)
		return refuse_whole(c, BTF_DIAG_BTF_TYPE_OFF);
	if (!btf->base && !btf->hdr.type_len)
		return refuse_whole(c, BTF_DIAG_BTF_NO_TYPES);
	return place_types(btf);
}

/* ---- trusted BTF: bounds only ---- */

static bool ref_ok(const struct btf *btf, u32 id)
{
	return id < btf->start_id + btf->n;
}

static bool name_ok(const struct btf *btf, u32 off)
{
	return off < btf->start_str + btf->hdr.str_len;
}

static bool bounds_ok(const struct btf *btf, const struct btf_type *t)
{
	const u32 *words = (const u32 *)(t + 1);
	u32 vlen = btf_vlen(t), i;

	if (!name_ok(btf, t->name_off))
		return false;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_FWD:
		return true;
	case BTF_KIND_ARRAY:
		return ref_ok(btf, words[0]) && ref_ok(btf, words[1]);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < vlen; i++)
			if (!name_ok(btf, words[3 * i]) || !ref_ok(btf, words[3 * i + 1]))
				return false;
		return true;
	case BTF_KIND_ENUM:
		for (i = 0; i < vlen; i++)
			if (!name_ok(btf, words[2 * i]))
				return false;
		return true;
	case BTF_KIND_ENUM64:
		for (i = 0; i < vlen; i++)
			if (!name_ok(btf, words[3 * i]))
				return false;
		return true;
	case BTF_KIND_FUNC_PROTO:
		for (i = 0; i < vlen; i++)
			if (!name_ok(btf, words[2 * i]) || !ref_ok(btf, words[2 * i + 1]))
				return false;
		return ref_ok(btf, t->type);
	case BTF_KIND_DATASEC:
		for (i = 0; i < vlen; i++)
			if (!ref_ok(btf, words[3 * i]))
				return false;
		return true;
	}
	return ref_ok(btf, t->type);
}

int btf_open_trusted(struct btf *btf)
{
	struct btf_check c = { .btf = btf };
	u32 off = 0, i;
	int err;

	btf->trusted = true;
	err = open_sections(&c, true);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	/* 24 bytes a type is typical; growth does the rest */
	err = vec_reserve(&btf->offs, btf->hdr.type_len / 24 + 16);
	while (!err && off < btf->hdr.type_len) {
		const struct btf_type *t = (const void *)(btf->types + off);
		u32 left = btf->hdr.type_len - off;
		int size;

		if (left < sizeof(*t))
			return -EINVAL;
		size = btf_record_size(t->info);
		if (size < 0 || size > left)
			return -EINVAL;
		err = btf_add(btf, off);
		off += size;
	}
	if (err)
		return err;
	for (i = !btf->base; i < btf->n; i++)
		if (!bounds_ok(btf, (const void *)(btf->types + btf->offs.v[i])))
			return -EINVAL;
	return 0;
}

/* ---- the two ways in ---- */

static int check_untrusted(struct btf_check *c)
{
	int err = open_sections(c, false);

	if (!err)
		err = btf_check_types(c);
	if (!err)
		err = btf_check_resolve(c);
	if (!err)
		err = btf_check_fields(c);
	mem_free(c->visit);
	mem_free(c->resolved_id);
	mem_free(c->resolved_size);
	return err;
}

int btf_parse(const void *data, u32 size, const struct btf_parse_opts *opts, struct btf **out,
	      struct btf_refusal *why)
{
	static const struct btf_parse_opts none;
	struct btf_check *c = NULL;
	struct btf *btf;
	int err;

	if (!opts)
		opts = &none;
	if (why)
		memset(why, 0, sizeof(*why));
	if (size > BTF_MAX_SIZE)
		return btf_refuse(why, BTF_DIAG_BTF_TOO_BIG, size, BTF_MAX_SIZE);
	err = -ENOMEM;
	btf = btf_new(opts->base);
	if (!btf)
		goto out;
	btf->data = mem_dup(data, size);
	btf->size = size;
	btf->own = BTF_DATA_OWNED;
	if (!btf->data)
		goto out;
	if (opts->trusted) {
		err = btf_open_trusted(btf);
		goto out;
	}
	c = mem_zalloc(sizeof(*c));
	if (!c)
		goto out;
	c->btf = btf;
	c->log = opts->log;
	c->why = why;
	c->profile = opts->profile ? opts->profile : KVER_NEWEST;
	err = check_untrusted(c);
out:
	mem_free(c);
	if (err) {
		if (why && !why->err)
			why->err = -err;
		btf_free(btf);
		btf = NULL;
	}
	*out = btf;
	return err;
}

int btf_parse_static(const void *data, u32 size, struct btf **out)
{
	struct btf *btf = btf_new(NULL);
	int err = -ENOMEM;

	*out = NULL;
	if (!btf)
		return err;
	btf->data = data;
	btf->size = size;
	err = btf_open_trusted(btf);
	if (err)
		btf_free(btf);
	else
		*out = btf;
	return err;
}
