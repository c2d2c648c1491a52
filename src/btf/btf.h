/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BTF: the types of programs, maps and the kernel (Linux: include/linux/btf.h,
 * kernel/bpf/btf.c). Includes only base; knows neither objects nor descriptors.
 *
 *   parse.c     opening a blob: header, sections, index of types; split BTF
 *   check.c     full validation of user BTF, record by record
 *   resolve.c   the same for references between types: cycles, sizes
 *   log.c       the log that BTF_LOAD writes, refusals
 *   load.c      the kernel's BTF: host, file, ELF section, built-in
 *   query.c     types by id and name, sizes, members, prototypes, tags
 *   walk.c      loads through pointers to kernel types; typed context arguments
 *   field.c     special fields of map values (locks, timers, kptrs, lists)
 *   core.c      CO-RE type compatibility
 *   core_relo.c CO-RE relocation of instructions
 *   raw.c       one line per type, as text or JSON
 *   funcs.c     split BTF of functions from their declarations
 *
 * A struct btf never changes after it was made, but for its lazily built name
 * index, which is published atomically: it may be read from several threads. Ids of
 * a split BTF continue those of its base, which must outlive it.
 *
 * Validated (user) BTF has no reference cycles that queries could follow for ever;
 * trusted (kernel) BTF is only bounds-checked, so every loop here is bounded anyway.
 */
#ifndef SKEP_BTF_BTF_H
#define SKEP_BTF_BTF_H

#include <stdarg.h>

#include "base/uapi.h"
#include "base/version.h"

struct btf;

#define BTF_MAX_SIZE	  (16 << 20)
#define BTF_RESOLVE_DEPTH 32

/* ---- refusals and log (log.c) ---- */

/* The rows of tables/diag/btf.def, numbered within that file: see diag_from_btf() of object/diag.h. */
enum btf_diag {
	BTF_DIAG_NONE,
#define DIAG(id, err, since, format, advice) BTF_DIAG_##id,
#include "tables/diag/btf.def"
#undef DIAG
	BTF_DIAG_MAX,
};

#define BTF_REFUSAL_ARGS 6

/* Why something was refused; the arguments are those of the row's format, laid out as in struct diag. */
struct btf_refusal {
	enum btf_diag id;
	int err; /* positive errno; it may differ from the row's when no row applies (id NONE) */
	u32 type_id; /* of the type at fault, or 0 */
	u32 nargs;
	struct btf_refusal_arg {
		char kind; /* 'd' signed, 'u' unsigned, 'x' hex, 's' string */
		s64 num;
		char text[96];
	} args[BTF_REFUSAL_ARGS];
};

/* Fills *@r (NULL is fine) and returns -errno of the row. */
int btf_refuse(struct btf_refusal *r, enum btf_diag id, ...);
int btf_vrefuse(struct btf_refusal *r, enum btf_diag id, va_list ap);
/* The kernel's line, without newline; length as snprintf gives it. */
int btf_refusal_render(const struct btf_refusal *r, char *buf, size_t size);

/* Everything that was logged. Grows; zero it first, btf_log_free() it. */
struct btf_log {
	u32 level; /* 0: nothing is kept */
	char *buf; /* NUL-terminated unless NULL */
	size_t len, cap;
	bool failed; /* out of memory: what follows was lost */
};
void btf_log_printf(struct btf_log *log, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void btf_log_vprintf(struct btf_log *log, const char *fmt, va_list ap);
void btf_log_free(struct btf_log *log);

/* ---- making and freeing (parse.c, check.c, load.c) ---- */

struct btf_parse_opts {
	kver profile;	     /* decides which kinds and rules exist; 0: the newest */
	struct btf *base;    /* split BTF over this one, or NULL; borrowed */
	struct btf_log *log; /* or NULL */
	bool trusted;	     /* bounds only, either byte order, no log; refuses with -EINVAL */
};

/*
 * BTF_LOAD's check of @size bytes at @data, which are copied. 0, or -errno as
 * Linux returns it with *@why (may be NULL) filled; @opts may be NULL.
 */
int btf_parse(const void *data, u32 size, const struct btf_parse_opts *opts, struct btf **out,
	      struct btf_refusal *why);
/* As with .trusted, but @data is borrowed until btf_free(). Native byte order. */
int btf_parse_static(const void *data, u32 size, struct btf **out);
void btf_free(struct btf *btf); /* NULL is fine */

/* From raw BTF or an ELF object's .BTF section; trusted. -ENOENT, -ENODATA (no BTF in it), -EINVAL ... */
int btf_load_file(const char *path, struct btf *base, struct btf **out);
/*
 * The kernel's BTF: of @path ("builtin": the built-in one; of a directory its file vmlinux); else the host's; else the built-in one when the host
 * has none or does not let us read it. *@origin (may be NULL) is set to a constant
 * string or to @path: where it came from.
 */
int btf_load_kernel(const char *path, struct btf **out, const char **origin);
#define BTF_HOST_PATH	   "/sys/kernel/btf/vmlinux"
#define BTF_BUILTIN_ORIGIN "built-in"

/* Split BTF over @base with FUNCs of these declarations. 0, -ENOMEM or what btf_parse() gives. */
#define BTF_FUNC_DECL_ARGS 7
struct btf_func_decl {
	const char *name, *ret; /* types as C writes them: "const char *const *" */
	u32 nr_args;
	struct {
		const char *type, *name;
	} args[BTF_FUNC_DECL_ARGS];
};
int btf_make_funcs(struct btf *base, const struct btf_func_decl *decls, u32 n, struct btf **out);

/* ---- the whole (query.c) ---- */

const struct btf *btf_base(const struct btf *btf);
u32 btf_nr_types(const struct btf *btf); /* base and void included: ids are 0 .. n-1 */
u32 btf_start_id(const struct btf *btf); /* first id of its own: 1 without base */
/* The bytes as they were given (byte order as given, too), for OBJ_GET_INFO_BY_FD. */
const void *btf_raw_data(const struct btf *btf, u32 *size);
bool btf_is_trusted(const struct btf *btf);
/* Bytes of a pointer of the target: 8 unless the BTF says otherwise. */
u32 btf_pointer_size(const struct btf *btf);

/* ---- types (query.c) ---- */

/* NULL when there is no such id. Id 0 is void (kind UNKN). */
const struct btf_type *btf_type_get(const struct btf *btf, u32 id);
const char *btf_str(const struct btf *btf, u32 offset); /* NULL when out of range */
/* Name of a type as the kernel prints it: "(anon)" without one. Never NULL. */
const char *btf_type_name(const struct btf *btf, u32 id);
const char *btf_kind_name(u32 kind); /* "INT", as the kernel's log names it */

static inline u32 btf_kind(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info);
}
static inline u32 btf_vlen(const struct btf_type *t)
{
	return BTF_INFO_VLEN(t->info);
}
static inline bool btf_kflag(const struct btf_type *t)
{
	return BTF_INFO_KFLAG(t->info);
}
static inline bool btf_is_struct(const struct btf_type *t) /* or union */
{
	return btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION;
}
static inline bool btf_is_enum(const struct btf_type *t) /* of either width */
{
	return btf_kind(t) == BTF_KIND_ENUM || btf_kind(t) == BTF_KIND_ENUM64;
}
static inline bool btf_is_modifier(const struct btf_type *t) /* a typedef, too */
{
	return (1U << btf_kind(t)) &
	       (BIT(BTF_KIND_TYPEDEF) | BIT(BTF_KIND_VOLATILE) | BIT(BTF_KIND_CONST) |
		BIT(BTF_KIND_RESTRICT) | BIT(BTF_KIND_TYPE_TAG));
}
/* What follows the type; valid for the matching kind only. */
static inline const struct btf_member *btf_members(const struct btf_type *t)
{
	return (const struct btf_member *)(t + 1);
}
static inline const struct btf_param *btf_params(const struct btf_type *t)
{
	return (const struct btf_param *)(t + 1);
}
static inline const struct btf_array *btf_array_of(const struct btf_type *t)
{
	return (const struct btf_array *)(t + 1);
}
static inline const struct btf_enum *btf_enums(const struct btf_type *t)
{
	return (const struct btf_enum *)(t + 1);
}
static inline const struct btf_enum64 *btf_enums64(const struct btf_type *t)
{
	return (const struct btf_enum64 *)(t + 1);
}
static inline const struct btf_var_secinfo *btf_secinfos(const struct btf_type *t)
{
	return (const struct btf_var_secinfo *)(t + 1);
}
static inline u32 btf_int_data(const struct btf_type *t)
{
	return *(const u32 *)(t + 1);
}
static inline u32 btf_linkage(const struct btf_type *t) /* of a VAR; of a FUNC it is btf_vlen() */
{
	return ((const struct btf_var *)(t + 1))->linkage;
}
static inline s32 btf_component(const struct btf_type *t) /* of a DECL_TAG */
{
	return ((const struct btf_decl_tag *)(t + 1))->component_idx;
}
static inline u32 btf_member_bit_offset(const struct btf_type *t, const struct btf_member *m)
{
	return btf_kflag(t) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}
static inline u32 btf_member_bits(const struct btf_type *t, const struct btf_member *m)
{
	return btf_kflag(t) ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0; /* 0: not a bit-field */
}

/* @id without its typedefs, qualifiers and type tags; *@res_id (may be NULL) is its id. NULL: bad id. */
const struct btf_type *btf_type_skip_modifiers(const struct btf *btf, u32 id, u32 *res_id);
/* What the pointer @id (after modifiers) points to, again without modifiers; NULL: no pointer. */
const struct btf_type *btf_type_resolve_ptr(const struct btf *btf, u32 id, u32 *res_id);
const struct btf_type *btf_type_resolve_func_ptr(const struct btf *btf, u32 id, u32 *res_id);
/*
 * Bytes of @id: 0 and *@size, or -EINVAL (void, fwd, function ...). A VAR has the size
 * of its type, a DATASEC its own.
 */
int btf_type_size(const struct btf *btf, u32 id, u32 *size);

/* As btf_type_size(), with arrays of arrays flattened. Ids are those of types without modifiers. */
struct btf_sized {
	const struct btf_type *type; /* the (outermost) array, or the type itself */
	u32 id;
	const struct btf_type *elem; /* innermost element; .type for anything else */
	u32 elem_id;
	u32 size, nelems; /* nelems is 1 for anything but an array */
};
int btf_resolve_size(const struct btf *btf, u32 id, struct btf_sized *out);

/* The lowest id of that name and kind, base first: or -ENOENT. */
s32 btf_find_by_name_kind(const struct btf *btf, const char *name, u32 kind);
/* The lowest such id greater than @after. */
s32 btf_find_next(const struct btf *btf, const char *name, u32 kind, u32 after);

/* Whether an integer (also enum) that fits a register: what may be passed as scalar. */
bool btf_is_small_int(const struct btf_type *t);
bool btf_int_is_regular(const struct btf_type *t);
/* Whether two ids mean one type: equal ids in one BTF or in the base that two share. */
bool btf_same_type(const struct btf *a, u32 a_id, const struct btf *b, u32 b_id);

/* Member @name of struct or union @id, looked for in its unnamed members, too. */
struct btf_member_at {
	const struct btf_type *parent; /* the (possibly unnamed) struct it is in */
	const struct btf_member *member;
	u32 parent_id;
	u32 bit_offset; /* from the start of @id */
	u32 bits;	/* of a bit-field, else 0 */
	u32 type_id;
};
int btf_member_find(const struct btf *btf, u32 id, const char *name, struct btf_member_at *out);
/* The innermost member that covers byte @off of @id. 0 or -ENOENT. */
int btf_member_at(const struct btf *btf, u32 id, u32 off, struct btf_member_at *out);

/* Value of enumerator @name of enum @id (0: of any enum). 0 or -ENOENT. */
int btf_enum_value(const struct btf *btf, u32 id, const char *name, s64 *value);
/* Name of @value in enum @id, or NULL. */
const char *btf_enum_name(const struct btf *btf, u32 id, s64 value);

/* The prototype of a FUNC, of a FUNC_PROTO itself, of a pointer or typedef to one; NULL: none of these. */
const struct btf_type *btf_func_proto(const struct btf *btf, u32 id, u32 *proto_id);
/* Variable @name of DATASEC @id (0: of any): 0 and *@out, or -ENOENT. */
int btf_datasec_var(const struct btf *btf, u32 id, const char *name, struct btf_var_secinfo *out);
/* The variable that covers byte @off of DATASEC @id, or NULL. */
const struct btf_var_secinfo *btf_datasec_at(const struct btf *btf, u32 id, u32 off);

/*
 * Declaration tags: the next DECL_TAG with id > @after on component @component
 * (-1: the type itself) of type @id whose text begins with @prefix; or -ENOENT.
 */
s32 btf_decl_tag_next(const struct btf *btf, u32 id, s32 component, const char *prefix, u32 after);
/* What follows @prefix in the only such tag; NULL with *err -ENOENT or -EEXIST (several). */
const char *btf_decl_tag_value(const struct btf *btf, u32 id, s32 component, const char *prefix,
			       int *err);
/* Whether the name of parameter @p ends in @suffix ("__nullable", "__sz" ...) and is longer. */
bool btf_param_suffix(const struct btf *btf, const struct btf_param *p, const char *suffix);

/* ---- loads through PTR_TO_BTF_ID (walk.c) ---- */

enum btf_walk_kind { BTF_WALK_SCALAR, BTF_WALK_PTR, BTF_WALK_STRUCT };

#define BTF_TAG_USER	   1 /* the pointer's type tags */
#define BTF_TAG_PERCPU	   2
#define BTF_TAG_RCU	   4
#define BTF_WALK_UNTRUSTED 8 /* reached through a union */

struct btf_walk {
	enum btf_walk_kind kind;
	struct btf *btf;   /* PTR: of .btf_id */
	u32 btf_id;	   /* PTR: the struct pointed to; STRUCT: the struct embedded there */
	u32 flags;	   /* BTF_TAG_* | BTF_WALK_UNTRUSTED */
	const char *field; /* PTR: name of the member */
	bool leaf;	   /* SCALAR: a whole pointer to something other than a struct */
	struct btf_refusal why;
};

/*
 * What a load of @size bytes at @off of struct @id yields: 0 with SCALAR or PTR, or
 * -EACCES, -EINVAL with w->why. @alloc: the object came from bpf_obj_new(): no flexible
 * arrays, special fields are out of bounds, and pointers are scalars.
 */
int btf_struct_access(struct btf *btf, u32 id, int off, int size, bool alloc, struct btf_walk *w);
/* Whether struct @id has, at @off, a struct that is @need_id (or is itself it when !@off). */
bool btf_struct_ids_match(struct btf *btf, u32 id, int off, struct btf *need, u32 need_id,
			  bool strict);

/* ---- typed arguments of tracing programs (walk.c) ---- */

struct btf_ctx_proto {
	struct btf *btf;
	const char *name;	      /* function or tracepoint, for messages */
	const struct btf_type *proto; /* NULL: five untyped u64 */
	bool trace;		      /* btf_trace_* typedef: the first parameter is skipped */
	enum { BTF_CTX_NO_RET, BTF_CTX_RET, BTF_CTX_RET_INT } ret; /* none; fexit, LSM; fmod_ret */
	const char *raw_tp; /* tracepoint name for what may be NULL; or NULL */
	kver profile;	    /* 0: the newest */
};

struct btf_ctx_arg {
	bool ptr;    /* false: a scalar */
	bool retval; /* the argument after the last: the return value */
	bool nullable;
	u32 flags;  /* BTF_TAG_* */
	u32 btf_id; /* of the struct pointed to */
	u32 arg;    /* its number, from 0 */
};

/* The tracepoint @name: its typedef's id and prototype. 0 or -ENOENT. */
int btf_trace_proto(struct btf *btf, const char *name, struct btf_ctx_proto *out, u32 *typedef_id);
/* From the id of such a typedef. 0, or -EINVAL when it is none. */
int btf_trace_proto_by_id(struct btf *btf, u32 typedef_id, struct btf_ctx_proto *out);
/* What a load of @size bytes at @off of the context yields: 0, or -EACCES with *@why. */
int btf_ctx_access(const struct btf_ctx_proto *p, int off, int size, struct btf_ctx_arg *out,
		   struct btf_refusal *why);

/* ---- special fields of map values (field.c) ---- */

/* Bits of struct btf_field.kind; the order of object/map.h's enum bpf_special_field. */
enum btf_field_kind {
	BTF_FIELD_SPIN_LOCK,
	BTF_FIELD_RES_SPIN_LOCK,
	BTF_FIELD_TIMER,
	BTF_FIELD_WORKQUEUE,
	BTF_FIELD_TASK_WORK,
	BTF_FIELD_KPTR_UNREF,
	BTF_FIELD_KPTR_REF,
	BTF_FIELD_KPTR_PERCPU,
	BTF_FIELD_UPTR,
	BTF_FIELD_LIST_HEAD,
	BTF_FIELD_LIST_NODE,
	BTF_FIELD_RB_ROOT,
	BTF_FIELD_RB_NODE,
	BTF_FIELD_REFCOUNT,
	BTF_FIELD_KINDS,
};

#define BTF_FIELDS_MAX 11
#define BTF_FIELDS_ALL ((1U << BTF_FIELD_KINDS) - 1)
#define BTF_FIELDS_KPTR                                                                            \
	(BIT(BTF_FIELD_KPTR_UNREF) | BIT(BTF_FIELD_KPTR_REF) | BIT(BTF_FIELD_KPTR_PERCPU) |        \
	 BIT(BTF_FIELD_UPTR))

struct btf_field {
	u32 kind; /* enum btf_field_kind */
	u32 offset, size;
	u32 btf_id; /* kptrs: struct pointed to (in this BTF); roots and heads: the node's struct */
	u32 node_offset; /* roots and heads: of the node in that struct */
};

/*
 * The special fields of struct or DATASEC @id, sorted by offset, into @out
 * [BTF_FIELDS_MAX]: their number, or -errno, which MAP_CREATE takes for "none" (a value
 * with bit-fields is -EINVAL, for one). Only kinds in @mask are looked for.
 */
/* In @mask: as until 6.1, "kptr" tags a pointer without reference and "kptr_ref" one with. */
#define BTF_FIELDS_OLD_KPTR BIT(30)
int btf_find_fields(const struct btf *btf, u32 id, u32 mask, u32 value_size, struct btf_field *out);
const char *btf_field_kind_name(u32 kind); /* "bpf_timer", "kptr" ... */

/* ---- CO-RE (core.c) ---- */

/* Whether types match as bpf_core_type_exists() would have it. 1, 0 or -errno. */
int btf_core_types_compat(const struct btf *local, u32 local_id, const struct btf *target,
			  u32 target_id);
/* The same for bpf_core_type_matches(); @level 2 as in Linux. */
int btf_core_types_match(const struct btf *local, u32 local_id, const struct btf *target,
			 u32 target_id, bool behind_ptr, int level);
/* Length of @name without its "___flavor". */
size_t btf_core_name_len(const char *name);

/* ---- text (raw.c) ---- */

/* Takes pieces of text; a non-zero result ends the dump and is returned. */
typedef int (*btf_emit_t)(void *arg, const char *text, size_t len);
/* `bpftool btf dump ... format raw`: ids [@from, @to), @to 0: to the end. */
int btf_dump_raw(const struct btf *btf, u32 from, u32 to, btf_emit_t emit, void *arg);
/* As bpftool's JSON: {"types":[...]} */
int btf_dump_json(const struct btf *btf, u32 from, u32 to, btf_emit_t emit, void *arg);

#endif
