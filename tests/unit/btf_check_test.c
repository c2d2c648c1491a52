/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Validation of user BTF: blobs made by hand, each with the errno and message that it
 * must get; where the running kernel lets us, its verdict and its whole log must be
 * the same. Then mutations of real objects' BTF, compared the same way.
 */
#include "tests/lib/btf_blob.h"

#include <stdio.h>
#include <unistd.h>

#define N(i)			(0xabcd0000u | (i)) /* the i-th string, from 1 */
#define INFO(kind, kflag, vlen) ((u32)(kflag) << 31 | BTF_KIND_##kind << 24 | (vlen))
#define INT(name, size, off, bits, enc)                                                            \
	(name), INFO(INT, 0, 0), (size), (enc) << 24 | (off) << 16 | (bits)
#define I32				 INT(N(1), 4, 0, 32, BTF_INT_SIGNED)
#define T(name, kind, kflag, vlen, size) (name), INFO(kind, kflag, vlen), (size)
#define PTR(to)				 T(0, PTR, 0, 0, to)
#define ARRAY(elem, index, n)		 T(0, ARRAY, 0, 0, 0), (elem), (index), (n)
#define M(name, type, off)		 (name), (type), (off)
#define MB(name, type, bits, off)	 (name), (type), (bits) << 24 | (off)

#define WORDS(...) (const u32[]){ __VA_ARGS__ }, sizeof((const u32[]){ __VA_ARGS__ }) / 4

enum { MAGIC = 1, VERSION, FLAGS, HDR_LEN, TYPE_OFF, TYPE_LEN, STR_OFF, STR_LEN, CUT, TAIL, EXTRA };

/* clang-format off */
static const struct blob_case {
	const char *name;
	const u32 *words;
	size_t n;
	int err;	     /* positive errno; 0: accepted */
	const char *message; /* end of the refusal's text */
	int patch, value;    /* what to do to the header: see patch() */
	kver profile;	     /* 0: that of the running kernel */
} cases[] = {
	{"an int", WORDS(I32), 0},
	{"no types", NULL, 0, EINVAL, "No type found"},
	{"empty", WORDS(I32), EINVAL, "hdr_len not found", CUT, 0},
	{"cut in the header", WORDS(I32), EINVAL, "btf_header not found", CUT, 20},
	{"header only", WORDS(I32), EINVAL, "No data", CUT, 24},
	{"cut in the types", WORDS(I32), EINVAL, "Total section length too long", CUT, 30},
	{"magic", WORDS(I32), EINVAL, "Invalid magic", MAGIC, 0x9feb},
	{"version", WORDS(I32), 524, "Unsupported version", VERSION, 2},
	{"flags", WORDS(I32), 524, "Unsupported flags", FLAGS, 1},
	{"longer header with zeros", WORDS(I32), 0, NULL, EXTRA, 0},
	{"longer header with data", WORDS(I32), E2BIG, "Unsupported btf_header", EXTRA, 1},
	{"str_off beyond", WORDS(I32), EINVAL, "Invalid section offset", STR_OFF, 4096},
	{"type_off gap", WORDS(I32), EINVAL, "Unsupported section found", TYPE_OFF, 4},
	{"str_off overlaps", WORDS(I32), EINVAL, "Section overlap found", STR_OFF, -4},
	{"str_len too long", WORDS(I32), EINVAL, "Total section length too long", STR_LEN, 1},
	{"str_len too short", WORDS(I32), EINVAL, "Unsupported section found", STR_LEN, -1},
	{"bytes behind the strings", WORDS(I32), EINVAL, "Unsupported section found", TAIL, 4},
	{"huge type_len", WORDS(I32), EINVAL, "Total section length too long", TYPE_LEN, 0x7ffffff0},
	{"huge hdr_len", WORDS(I32), EINVAL, "btf_header not found", HDR_LEN, 0x7ffffff0},
	{"all ones", WORDS(0xffffffff, 0xffffffff, 0xffffffff), EINVAL, "[1] Invalid btf_info:ffffffff"},
	{"kind 0", WORDS(N(1), 0, 0), EINVAL, "[1] Invalid kind:0"},
	{"kind 20", WORDS(N(1), 20u << 24, 0), EINVAL, "[1] Invalid kind:20"},
	{"half a record", WORDS(I32, N(1)), EINVAL, "[2] meta_left:4 meta_needed:12"},
	{"int without data", WORDS(T(N(1), INT, 0, 0, 4)), EINVAL, "meta_left:0 meta_needed:4"},
	{"65535 members that are not there", WORDS(I32, T(0, STRUCT, 0, 0xffff, 4)), EINVAL,
	 "meta_left:0 meta_needed:786420"},
	{"name beyond the strings", WORDS(INT(4000, 4, 0, 32, 0)), EINVAL, "[1] Invalid name_offset:4000"},
	{"int with vlen", WORDS(N(1), INFO(INT, 0, 1), 4, 32), EINVAL, "vlen != 0"},
	{"int with kflag", WORDS(N(1), INFO(INT, 1, 0), 4, 32), EINVAL, "Invalid btf_info kind_flag"},
	{"int with reserved bits", WORDS(INT(N(1), 4, 0, 0x80000000u | 32, 0)), EINVAL,
	 "Invalid int_data:80000020"},
	{"int of 136 bits", WORDS(INT(N(1), 32, 8, 128, 0)), EINVAL, "nr_bits exceeds 128"},
	{"int larger than itself", WORDS(INT(N(1), 4, 0, 33, 0)), EINVAL, "nr_bits exceeds type_size"},
	{"int signed and bool", WORDS(INT(N(1), 4, 0, 32, 5)), 524, "Unsupported encoding"},
	{"pointer", WORDS(I32, PTR(1)), 0},
	{"pointer to void", WORDS(PTR(0)), 0},
	{"pointer to nothing", WORDS(I32, PTR(3)), EINVAL, "Invalid type_id"},
	{"pointer to itself", WORDS(PTR(1)), EEXIST, "Loop detected"},
	{"pointers in a circle", WORDS(PTR(2), PTR(1)), EEXIST, "Loop detected"},
	{"pointer with a name", WORDS(I32, T(N(1), PTR, 0, 0, 1)), EINVAL, "Invalid name"},
	{"pointer with an id that no type has", WORDS(I32, PTR(0x100000)), EINVAL, "Invalid type_id"},
	{"typedef", WORDS(I32, T(N(2), TYPEDEF, 0, 0, 1)), 0},
	{"typedef without a name", WORDS(I32, T(0, TYPEDEF, 0, 0, 1)), EINVAL, "Invalid name"},
	{"typedef with a bad name", WORDS(I32, T(N(6), TYPEDEF, 0, 0, 1)), EINVAL, "Invalid name"},
	{"typedef of itself", WORDS(T(N(2), TYPEDEF, 0, 0, 1)), EEXIST, "Loop detected"},
	{"const volatile circle", WORDS(T(0, CONST, 0, 0, 2), T(0, VOLATILE, 0, 0, 1)), EEXIST,
	 "Loop detected"},
	{"restrict with vlen", WORDS(I32, T(0, RESTRICT, 0, 1, 1)), EINVAL, "vlen != 0"},
	{"typedef of a section", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 0, 4,
				       T(N(2), TYPEDEF, 0, 0, 3)), EINVAL, "Invalid type_id"},
	{"fwd", WORDS(T(N(2), FWD, 0, 0, 0), T(N(3), FWD, 1, 0, 0), PTR(1)), 0},
	{"fwd with a type", WORDS(I32, T(N(2), FWD, 0, 0, 1)), EINVAL, "type != 0"},
	{"fwd without a name", WORDS(T(0, FWD, 0, 0, 0)), EINVAL, "Invalid name"},
	{"array", WORDS(I32, ARRAY(1, 1, 10)), 0},
	{"array of arrays", WORDS(I32, ARRAY(1, 1, 10), ARRAY(2, 1, 10)), 0},
	{"array of void", WORDS(I32, ARRAY(0, 1, 10)), EINVAL, "Invalid elem"},
	{"array without index", WORDS(I32, ARRAY(1, 0, 10)), EINVAL, "Invalid index"},
	{"array indexed by a pointer", WORDS(I32, PTR(1), ARRAY(1, 2, 10)), EINVAL, "Invalid index"},
	{"array of itself", WORDS(I32, ARRAY(2, 1, 1)), EEXIST, "Loop detected"},
	{"array of fwd", WORDS(I32, T(N(2), FWD, 0, 0, 0), ARRAY(2, 1, 1)), EINVAL, "Invalid elem"},
	{"array of odd ints", WORDS(I32, INT(N(2), 4, 0, 31, 0), ARRAY(2, 1, 1)), EINVAL,
	 "Invalid array of int"},
	{"array of 4 GiB", WORDS(I32, ARRAY(1, 1, 0x40000000)), EINVAL, "Array size overflows U32_MAX"},
	{"array with size", WORDS(I32, T(0, ARRAY, 0, 0, 4), 1, 1, 1), EINVAL, "size != 0"},
	{"struct", WORDS(I32, T(N(2), STRUCT, 0, 2, 8), M(N(3), 1, 0), M(N(4), 1, 32)), 0},
	{"struct with a bad name", WORDS(I32, T(N(6), STRUCT, 0, 0, 8)), EINVAL, "Invalid name"},
	{"member beyond", WORDS(I32, T(N(2), STRUCT, 0, 1, 8), M(N(3), 1, 96)), EINVAL,
	 "Member bits_offset exceeds its struct size"},
	{"member over the end", WORDS(I32, T(N(2), STRUCT, 0, 1, 6), M(N(3), 1, 32)), EINVAL,
	 "Member exceeds struct_size"},
	{"members out of order", WORDS(I32, T(N(2), STRUCT, 0, 2, 8), M(N(3), 1, 32), M(N(4), 1, 0)), EINVAL,
	 "Invalid member bits_offset"},
	{"member of void", WORDS(I32, T(N(2), STRUCT, 0, 1, 8), M(N(3), 0, 0)), EINVAL, "Invalid type_id"},
	{"member with a bad name", WORDS(I32, T(N(2), STRUCT, 0, 1, 8), M(N(6), 1, 0)), EINVAL,
	 "Invalid name"},
	{"member name beyond", WORDS(I32, T(N(2), STRUCT, 0, 1, 8), M(4000, 1, 0)), EINVAL,
	 "Invalid member name_offset:4000"},
	{"struct in itself", WORDS(T(N(2), STRUCT, 0, 1, 8), M(N(3), 1, 0)), EEXIST, "Loop detected"},
	{"struct with a pointer to itself", WORDS(T(N(2), STRUCT, 0, 1, 8), M(N(3), 2, 0), PTR(1)), 0},
	{"struct and array in each other", WORDS(I32, T(N(2), STRUCT, 0, 1, 4), M(N(3), 3, 0), ARRAY(2, 1, 1)),
	 EEXIST, "Loop detected"},
	{"member that is a function", WORDS(I32, T(0, FUNC_PROTO, 0, 0, 1), T(N(2), STRUCT, 0, 1, 8),
					    M(N(3), 2, 0)), EINVAL, "Invalid member"},
	{"unaligned pointer", WORDS(PTR(0), T(N(2), STRUCT, 0, 1, 16), M(N(3), 1, 3)), EINVAL,
	 "Member is not byte aligned"},
	{"bit-field", WORDS(I32, T(N(2), STRUCT, 1, 2, 4), MB(N(3), 1, 3, 0), MB(N(4), 1, 29, 3)), 0},
	{"bit-field too wide", WORDS(I32, T(N(2), STRUCT, 1, 1, 8), MB(N(3), 1, 33, 0)), EINVAL,
	 "Invalid member bitfield_size"},
	{"bit-field of a pointer", WORDS(PTR(0), T(N(2), STRUCT, 1, 1, 8), MB(N(3), 1, 3, 0)), EINVAL,
	 "Invalid member bitfield_size"},
	{"bit-field of an odd int", WORDS(INT(N(1), 4, 0, 31, 0), T(N(2), STRUCT, 1, 1, 8), MB(N(3), 1, 3, 0)),
	 EINVAL, "Invalid member base type"},
	{"bit-field over the end", WORDS(I32, T(N(2), STRUCT, 1, 1, 1), MB(N(3), 1, 7, 4)), EINVAL,
	 "Member exceeds struct_size"},
	{"kflag member at a bit", WORDS(I32, T(N(2), STRUCT, 1, 1, 8), MB(N(3), 1, 0, 4)), EINVAL,
	 "Invalid member offset"},
	{"union", WORDS(I32, T(N(2), UNION, 0, 2, 4), M(N(3), 1, 0), M(N(4), 1, 0)), 0},
	{"union with an offset", WORDS(I32, T(N(2), UNION, 0, 1, 8), M(N(3), 1, 32)), EINVAL,
	 "Invalid member bits_offset"},
	{"enum", WORDS(T(N(2), ENUM, 0, 2, 4), N(3), 1, N(4), 0xffffffff), 0},
	{"signed enum", WORDS(T(N(2), ENUM, 1, 1, 4), N(3), 0xffffffff), 0},
	{"signed enum before 6.0", WORDS(T(N(2), ENUM, 1, 1, 4), N(3), 0xffffffff), EINVAL,
	 "Invalid btf_info kind_flag", 0, 0, KVER(5, 15)},
	{"enum of 3 bytes", WORDS(T(N(2), ENUM, 0, 1, 3), N(3), 1), EINVAL, "Unexpected size"},
	{"enumerator without a name", WORDS(T(N(2), ENUM, 0, 1, 4), 0, 1), EINVAL, "Invalid name"},
	{"enumerator name beyond", WORDS(T(N(2), ENUM, 0, 1, 4), 4000, 1), EINVAL, "Invalid name_offset:4000"},
	{"enum64", WORDS(T(N(2), ENUM64, 0, 2, 8), N(3), 1, 2, N(4), 0xffffffff, 0xffffffff), 0},
	{"signed enum64", WORDS(T(N(2), ENUM64, 1, 1, 8), N(4), 0xfffffffe, 0xffffffff), 0},
	{"enum64 of 16 bytes", WORDS(T(N(2), ENUM64, 0, 1, 16), N(3), 1, 2), EINVAL, "Unexpected size"},
	{"enum64 before 6.0", WORDS(T(N(2), ENUM64, 0, 1, 8), N(3), 1, 2), EINVAL, "[1] Invalid kind:19", 0, 0,
	 KVER(5, 19)},
	{"enum64 member", WORDS(T(N(2), ENUM64, 0, 1, 8), N(3), 1, 2, T(N(4), STRUCT, 0, 1, 4), M(N(3), 1, 0)),
	 EINVAL, "Member exceeds struct_size"},
	{"function", WORDS(I32, T(0, FUNC_PROTO, 0, 1, 1), N(3), 1, T(N(4), FUNC, 0, 1, 2)), 0},
	{"vararg", WORDS(I32, T(0, FUNC_PROTO, 0, 2, 1), N(3), 1, 0, 0), 0},
	{"only a vararg", WORDS(I32, T(0, FUNC_PROTO, 0, 1, 1), 0, 0), 0},
	{"vararg with a name", WORDS(I32, T(0, FUNC_PROTO, 0, 2, 1), N(3), 1, N(4), 0), EINVAL,
	 "Invalid arg#2"},
	{"vararg in the middle", WORDS(I32, T(0, FUNC_PROTO, 0, 2, 1), 0, 0, N(3), 1), EINVAL, "Invalid arg#1"},
	{"function without parameter names", WORDS(I32, T(0, FUNC_PROTO, 0, 1, 1), 0, 1, T(N(4), FUNC, 0, 1, 2)),
	 EINVAL, "Invalid arg#1"},
	{"function of an int", WORDS(I32, T(N(4), FUNC, 0, 1, 1)), EINVAL, "Invalid type_id"},
	{"extern function", WORDS(I32, T(0, FUNC_PROTO, 0, 0, 1), T(N(4), FUNC, 0, 2, 2)), EINVAL,
	 "Invalid func linkage"},
	{"prototype with a name", WORDS(I32, T(N(2), FUNC_PROTO, 0, 0, 1)), EINVAL, "Invalid name"},
	{"returns a function", WORDS(I32, T(0, FUNC_PROTO, 0, 0, 2)), EINVAL, "Invalid return type"},
	{"returns what is not there", WORDS(I32, T(0, FUNC_PROTO, 0, 0, 9)), EINVAL, "Invalid return type"},
	{"parameter name beyond", WORDS(I32, T(0, FUNC_PROTO, 0, 1, 1), 4000, 1), EINVAL, "Invalid arg#1"},
	{"variable", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1), 0},
	{"extern variable", WORDS(I32, T(N(2), VAR, 0, 0, 1), 2), EINVAL, "Linkage not supported"},
	{"variable of void", WORDS(I32, T(N(2), VAR, 0, 0, 0), 1), EINVAL, "Invalid type_id"},
	{"variable of itself", WORDS(T(N(2), VAR, 0, 0, 1), 1), EINVAL, "Invalid type_id"},
	{"section", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 0, 4), 0},
	{"section of size 0", WORDS(I32, T(N(5), DATASEC, 0, 0, 0)), EINVAL, "size == 0"},
	{"section of an int", WORDS(I32, T(N(5), DATASEC, 0, 1, 4), 1, 0, 4), EINVAL, "Not a VAR kind member"},
	{"variable behind the section", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 4, 4),
	 EINVAL, "Invalid offset"},
	{"variable of size 0", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 0, 0), EINVAL,
	 "Invalid size"},
	{"variable over the end", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 2, 4), EINVAL,
	 "Invalid offset+size"},
	{"variable smaller than its type", WORDS(T(N(5), DATASEC, 0, 1, 4), 2, 0, 2, T(N(2), VAR, 0, 0, 3), 1, I32),
	 0}, /* the kernel does not look when it had to resolve the variable first */
	{"... resolved before", WORDS(I32, T(N(2), VAR, 0, 0, 1), 1, T(N(5), DATASEC, 0, 1, 4), 2, 0, 2), EINVAL,
	 "Invalid size"},
	{"float", WORDS(T(N(2), FLOAT, 0, 0, 8), T(N(3), STRUCT, 0, 1, 8), M(N(4), 1, 0)), 0},
	{"float of 3 bytes", WORDS(T(N(2), FLOAT, 0, 0, 3)), EINVAL, "Invalid type_size"},
	{"float member off", WORDS(T(N(2), FLOAT, 0, 0, 8), T(N(3), STRUCT, 0, 1, 12), M(N(4), 1, 32)), EINVAL,
	 "Member is not properly aligned"},
	{"float before 5.13", WORDS(T(N(2), FLOAT, 0, 0, 8)), EINVAL, "[1] Invalid kind:16", 0, 0, KVER(5, 10)},
	{"declaration tag", WORDS(I32, T(N(2), STRUCT, 0, 1, 4), M(N(3), 1, 0), T(N(4), DECL_TAG, 0, 0, 2), 0), 0},
	{"declaration tag of a member that is not there",
	 WORDS(I32, T(N(2), STRUCT, 0, 1, 4), M(N(3), 1, 0), T(N(4), DECL_TAG, 0, 0, 2), 1), EINVAL,
	 "Invalid component_idx"},
	{"declaration tag of an int", WORDS(I32, T(N(4), DECL_TAG, 0, 0, 1), -1), EINVAL, "Invalid type_id"},
	{"declaration tag -2", WORDS(I32, T(N(2), TYPEDEF, 0, 0, 1), T(N(4), DECL_TAG, 0, 0, 2), -2), EINVAL,
	 "Invalid component_idx"},
	{"declaration tag without text", WORDS(I32, T(N(2), TYPEDEF, 0, 0, 1), T(0, DECL_TAG, 0, 0, 2), -1), EINVAL,
	 "Invalid value"},
	{"attribute (kflag)", WORDS(I32, T(N(2), TYPEDEF, 0, 0, 1), T(N(4), DECL_TAG, 1, 0, 2), -1), 0},
	{"attribute before 6.15", WORDS(I32, T(N(2), TYPEDEF, 0, 0, 1), T(N(4), DECL_TAG, 1, 0, 2), -1), EINVAL,
	 "Invalid btf_info kind_flag", 0, 0, KVER(6, 12)},
	{"type tag", WORDS(I32, T(N(4), TYPE_TAG, 0, 0, 1), PTR(2)), 0},
	{"type attribute (kflag)", WORDS(I32, T(N(4), TYPE_TAG, 1, 0, 1), PTR(2)), 0},
	{"type tag without text", WORDS(I32, T(0, TYPE_TAG, 0, 0, 1), PTR(2)), EINVAL, "Invalid name"},
	{"type tag behind const", WORDS(I32, T(N(4), TYPE_TAG, 0, 0, 1), T(0, CONST, 0, 0, 2), PTR(3)), EINVAL,
	 "Type tags don't precede modifiers"},
	{"two locks", WORDS(I32, T(N(7), STRUCT, 0, 1, 4), M(N(3), 1, 0), T(N(2), STRUCT, 0, 2, 8), M(N(3), 2, 0),
			    M(N(4), 2, 32)), E2BIG, ""},
	{"a list without a lock",
	 WORDS(INT(N(1), 8, 0, 64, 0), T(N(8), STRUCT, 0, 2, 16), M(N(3), 1, 0), M(N(4), 1, 64),
	       T(N(2), STRUCT, 0, 1, 16), M(N(3), 2, 0)), EINVAL, ""},
};

/* clang-format on */
static const char strings[] = "\0int\0A\0b_1\0_c.d\0.data\0has space\0bpf_spin_lock\0bpf_list_head";

static u32 string_offset(u32 index)
{
	u32 off = 0;

	while (index--)
		off += strlen(strings + off) + 1;
	return off;
}

static u32 make(const struct blob_case *c, u8 *out)
{
	struct btf_header h = { BTF_MAGIC,     BTF_VERSION,    0, sizeof(h), 0, (u32)c->n * 4,
				(u32)c->n * 4, sizeof(strings) };
	u32 size, extra = c->patch == EXTRA ? 8 : 0;
	size_t i;

	switch (c->patch) {
	case MAGIC:
		h.magic = c->value;
		break;
	case VERSION:
		h.version = c->value;
		break;
	case FLAGS:
		h.flags = c->value;
		break;
	case HDR_LEN:
		h.hdr_len = c->value;
		break;
	case TYPE_OFF:
		h.type_off += c->value;
		break;
	case TYPE_LEN:
		h.type_len = c->value;
		break;
	case STR_OFF:
		h.str_off += c->value;
		break;
	case STR_LEN:
		h.str_len += c->value;
		break;
	case EXTRA:
		h.hdr_len += extra;
		break;
	}
	memcpy(out, &h, sizeof(h));
	memset(out + sizeof(h), 0, extra);
	if (extra)
		out[sizeof(h) + 4] = c->value;
	size = sizeof(h) + extra;
	for (i = 0; i < c->n; i++, size += 4) {
		u32 w = c->words[i];

		if ((w & 0xffff0000) == N(0))
			w = string_offset(w & 0xffff);
		memcpy(out + size, &w, 4);
	}
	memcpy(out + size, strings, sizeof(strings));
	size += sizeof(strings);
	if (c->patch == TAIL) {
		memset(out + size, 0, c->value);
		size += c->value;
	}
	return c->patch == CUT ? (u32)c->value : size;
}

static void test_crafted(void **state)
{
	static u8 blob[4096];
	u32 i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct blob_case *c = &cases[i];
		struct btf_parse_opts opts = { .profile = c->profile ? c->profile : KVER(6, 18) };
		struct btf_refusal why;
		struct btf *btf;
		char text[256];
		size_t len, want;
		int err = btf_parse(blob, make(c, blob), &opts, &btf, &why);

		btf_refusal_render(&why, text, sizeof(text));
		len = strlen(text);
		want = c->message ? strlen(c->message) : 0;
		if (err != -c->err || why.err != c->err || !btf != !!err || len < want ||
		    (want && strcmp(text + len - want, c->message))) {
			print_error("%s: %d \"%s\", expected %d \"%s\"\n", c->name, err, text,
				    -c->err, c->message ? c->message : "");
			failed++;
		}
		btf_free(btf);
	}
	assert_int_equal(failed, 0);
}

static void test_crafted_as_kernel(void **state)
{
	static u8 blob[4096];
	u32 i, failed = 0;

	skip_unless_kernel_loads(KVER(6, 18));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!cases[i].profile &&
		    !same_as_kernel(blob, make(&cases[i], blob), cases[i].name))
			failed++;
	assert_int_equal(failed, 0);
}

/* ---- mutations ---- */

#define MUTATIONS 3000

static const char *const objects[] = { "bpf/kinds.bpf.o", "gen/builtin_btf.o.bpf" };

static u64 rng_state;

static u64 rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static void mutate(u8 *data, u32 size)
{
	struct btf_header h;
	u32 *words = (u32 *)(data + sizeof(h)), n, at, what = rng() % 100;

	memcpy(&h, data, sizeof(h));
	n = min(h.type_len, size - (u32)sizeof(h)) / 4;
	if (!n)
		return;
	at = rng() % n;
	if (what < 3)
		data[rng() % sizeof(h)] = rng();
	else if (what < 6)
		data[rng() % size] = rng() % 3 ? rng() : 0;
	else if (what < 40)
		words[at] = rng() % 300;
	else if (what < 60)
		words[at] ^= 1U << rng() % 32;
	else if (what < 75)
		words[at] = (words[at] & 0xffffff) | (rng() % 21) << 24;
	else if (what < 85)
		words[at] = words[rng() % n];
	else if (what < 92)
		words[at] = 0;
	else
		words[at] += rng() % 2 ? 1 : -1;
}

static void mutations(bool with_kernel, u32 count)
{
	u32 failed = 0, accepted = 0, o, i, k;

	rng_state = 88172645463325252ULL;
	for (o = 0; o < ARRAY_SIZE(objects); o++) {
		u32 size;
		u8 *whole = loadable_btf(objects[o], &size), *data;

		assert_non_null(whole);
		data = test_malloc(size);
		for (i = 0; i < count / (o ? 30 : 1); i++) {
			struct btf_parse_opts trusted = { .trusted = true };
			struct btf *btf;

			memcpy(data, whole, size);
			for (k = i ? 1 + rng() % 3 : 0; k; k--)
				mutate(data, size);
			if (!btf_parse(data, size, NULL, &btf, NULL)) {
				accepted++;
				ask_everything(btf);
				btf_free(btf);
			}
			if (!btf_parse(data, size, &trusted, &btf, NULL)) {
				ask_everything(btf);
				btf_free(btf);
			}
			if (with_kernel && !same_as_kernel(data, size, objects[o]) && ++failed > 3)
				break;
		}
		test_free(data);
		mem_free(whole);
	}
	assert_int_equal(failed, 0);
	assert_true(accepted > count / 50);
}

static void test_mutations(void **state)
{
	mutations(false, MUTATIONS);
}

static void test_mutations_as_kernel(void **state)
{
	skip_unless_kernel_loads(KVER(6, 18));
	mutations(true, MUTATIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crafted),
		cmocka_unit_test(test_crafted_as_kernel),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_mutations_as_kernel),
	};

	return cmocka_run_group_tests_name("btf_check", tests, NULL, NULL);
}
