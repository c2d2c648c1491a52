/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is known of a value, and what was needed, in words. See explain.c. */
#include <stdio.h>
#include <string.h>

#include "btf/btf.h"
#include "object/map.h"
#include "verifier/trail.h"

struct text {
	char *buf;
	size_t size, len;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = min(t->len + (size_t)n, t->size - 1);
}

static void put_unsigned(struct text *t, u64 v)
{
	if (v <= UINT32_MAX)
		put(t, "%llu", (unsigned long long)v);
	else
		put(t, "%#llx", (unsigned long long)v);
}

static void put_signed(struct text *t, s64 v)
{
	if (v >= INT32_MIN && v <= (s64)UINT32_MAX)
		put(t, "%lld", (long long)v);
	else
		put(t, "%#llx", (unsigned long long)v);
}

/* How often the low bits are all known to be 0. */
static u64 step_of(struct tnum v)
{
	u64 bits = v.value | v.mask;

	return bits ? bits & -bits : 1;
}

static void put_scalar(struct text *t, const struct bpf_reg_state *reg)
{
	u64 step = step_of(reg->var_off);
	bool bounded = true;

	if (tnum_is_const(reg->var_off)) {
		put_signed(t, (s64)reg->var_off.value);
		return;
	}
	if (reg->umin_value == 0 && reg->umax_value == UINT32_MAX) {
		put(t, "any 32-bit number");
	} else if (reg->umax_value != UINT64_MAX &&
		   (reg->umax_value <= INT64_MAX || reg->smin_value == INT64_MIN)) {
		put_unsigned(t, reg->umin_value);
		put(t, " to ");
		put_unsigned(t, reg->umax_value);
	} else if (reg->smin_value != INT64_MIN && reg->smax_value != INT64_MAX) {
		put_signed(t, reg->smin_value);
		put(t, " to ");
		put_signed(t, reg->smax_value);
	} else if (reg->smin_value != INT64_MIN) {
		put(t, "at least ");
		put_signed(t, reg->smin_value);
	} else if (reg->smax_value != INT64_MAX) {
		put(t, "at most ");
		put_signed(t, reg->smax_value);
		put(t, ", perhaps negative");
	} else if (reg->umin_value) {
		put(t, "any number but 0");
		if (reg->umin_value > 1) {
			put(t, " to ");
			put_unsigned(t, reg->umin_value - 1);
		}
	} else {
		put(t, "any number");
		bounded = false;
	}
	if (!bounded && (reg->u32_min_value || reg->u32_max_value != UINT32_MAX))
		put(t, " whose low 32 bits are %u to %u", reg->u32_min_value, reg->u32_max_value);
	if (step > 1 && step <= 1 << 30)
		put(t, ", a multiple of %llu", (unsigned long long)step);
}

static void put_offset(struct text *t, const struct bpf_reg_state *reg)
{
	s64 from, to;

	if (tnum_is_const(reg->var_off)) {
		from = reg->off + (s64)reg->var_off.value;
		if (from)
			put(t, ", at offset %lld", (long long)from);
		return;
	}
	if (reg->smin_value < -BPF_MAX_VAR_OFF || reg->smax_value > BPF_MAX_VAR_OFF) {
		put(t, ", at an offset %s",
		    reg->smin_value < 0 ? "that may be negative" : "without an upper bound");
		if (reg->smin_value >= 0)
			put(t, " (at least %lld)", (long long)(reg->off + reg->smin_value));
		return;
	}
	from = reg->off + reg->smin_value;
	to = reg->off + reg->smax_value;
	put(t, ", at offset %lld to %lld", (long long)from, (long long)to);
}

static void put_btf_type(struct text *t, const struct bpf_reg_state *reg)
{
	u32 type = reg->type;

	put(t, "%spointer to struct %s",
	    type & PTR_UNTRUSTED ? "untrusted " :
	    type & PTR_TRUSTED	 ? "trusted " :
	    type & MEM_RCU	 ? "RCU-protected " :
	    type & MEM_PERCPU	 ? "per-CPU " :
	    type & MEM_USER	 ? "user-space " :
				   "",
	    btf_type_name(reg->btf, reg->btf_id));
}

static void put_pointer(struct bpf_verifier_env *env, struct text *t,
			const struct bpf_reg_state *reg)
{
	switch (base_type(reg->type)) {
	case PTR_TO_CTX:
		put(t, "the context");
		break;
	case CONST_PTR_TO_MAP:
		put(t, "map %s", reg->map->map->name);
		return;
	case PTR_TO_MAP_VALUE:
		put(t, "pointer to a value of map %s (%u bytes)", reg->map->map->name,
		    reg->map->map->value_size);
		break;
	case PTR_TO_MAP_KEY:
		put(t, "pointer to a key of map %s (%u bytes)", reg->map->map->name,
		    reg->map->map->key_size);
		break;
	case PTR_TO_STACK:
		if (tnum_is_const(reg->var_off)) {
			put(t, "pointer to the stack, fp%+lld",
			    (long long)(reg->off + (s64)reg->var_off.value));
			return;
		}
		put(t, "pointer to the stack");
		break;
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		put(t, "pointer into the packet%s",
		    base_type(reg->type) == PTR_TO_PACKET ? "" : "'s metadata");
		put_offset(t, reg);
		put(t,
		    reg->range == 1 ? ", %d byte of it checked" :
		    reg->range > 0  ? ", %d bytes of it checked" :
				      ", nothing of it checked",
		    reg->range);
		return;
	case PTR_TO_PACKET_END:
		put(t, "the end of the packet");
		return;
	case PTR_TO_MEM:
		put(t, "pointer to %u bytes of %s", reg->mem_size,
		    reg->type & MEM_RINGBUF ? "a ring buffer's record" :
		    reg->type & MEM_RDONLY  ? "read-only memory" :
					      "memory");
		break;
	case PTR_TO_BTF_ID:
		put_btf_type(t, reg);
		break;
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
	case PTR_TO_XDP_SOCK:
		put(t, "pointer to a socket");
		break;
	case PTR_TO_FUNC:
		put(t, "a function");
		return;
	case CONST_PTR_TO_DYNPTR:
		put(t, "a dynptr");
		return;
	default:
		put(t, "pointer of type %s", reg_type_str(env, reg->type & ~PTR_MAYBE_NULL));
	}
	put_offset(t, reg);
	if (reg->type & PTR_MAYBE_NULL)
		put(t, ", or NULL");
}

static void put_slot(struct bpf_verifier_env *env, struct text *t, const struct trail_value *v)
{
	u32 written = 0;

	switch (v->slot_type[BPF_REG_SIZE - 1]) {
	case STACK_SPILL:
		if (v->reg.type == SCALAR_VALUE)
			put_scalar(t, &v->reg);
		else
			put_pointer(env, t, &v->reg);
		return;
	case STACK_DYNPTR:
		put(t, "a dynptr");
		return;
	case STACK_ITER:
		put(t, "an iterator");
		return;
	case STACK_IRQ_FLAG:
		put(t, "saved interrupt flags");
		return;
	}
	for (u32 i = 0; i < BPF_REG_SIZE; i++)
		written += v->slot_type[i] != STACK_INVALID && v->slot_type[i] != STACK_POISON;
	if (!written)
		put(t, "not initialised");
	else if (written < BPF_REG_SIZE)
		put(t, "initialised in %u of 8 bytes", written);
	else
		put(t, "any bytes");
}

void explain_value(struct bpf_verifier_env *env, const struct trail_value *v, u32 place, char *buf,
		   size_t size)
{
	struct text t = { .buf = buf, .size = size };

	buf[0] = 0;
	if (place >= MAX_BPF_REG)
		put_slot(env, &t, v);
	else if (v->reg.type == NOT_INIT)
		put(&t, "not initialised");
	else if (v->reg.type == SCALAR_VALUE)
		put_scalar(&t, &v->reg);
	else
		put_pointer(env, &t, &v->reg);
}

/* ---- what was needed ---- */

static const struct {
	enum diag_id id;
	const char *text; /* {0} is the message's first argument */
} needed[] = {
	{ DIAG_MAP_VALUE_BOUNDS,
	  "{2} bytes at offset {1} to lie in the value, which has {0} bytes" },
	{ DIAG_MAP_KEY_BOUNDS, "{2} bytes at offset {1} to lie in the key, which has {0} bytes" },
	{ DIAG_MEM_BOUNDS, "{2} bytes at offset {1} to lie in the memory, which has {0} bytes" },
	{ DIAG_PACKET_BOUNDS,
	  "a comparison with the packet's end that proves {1} bytes at offset {0}" },
	{ DIAG_PACKET_OUTSIDE, "a comparison with the packet's end that proves these bytes" },
	{ DIAG_MIN_NEGATIVE, "an offset that cannot be negative" },
	{ DIAG_MIN_OUTSIDE, "a smallest offset inside of the memory" },
	{ DIAG_MAX_OUTSIDE, "a largest offset inside of the memory" },
	{ DIAG_MEM_UNBOUNDED, "an offset with an upper bound" },
	{ DIAG_SIZE_NEGATIVE, "a size that cannot be negative" },
	{ DIAG_SIZE_ZERO, "a size above 0" },
	{ DIAG_SIZE_UNBOUNDED, "a size with an upper bound" },
	{ DIAG_ARG_NOT_CONST, "a size that is one constant" },
	{ DIAG_ARG_TYPE, "an argument of type {2}, not {1}" },
	{ DIAG_ARG_BTF_TYPE, "a pointer to {2}" },
	{ DIAG_ARG_MAYBE_NULL, "a pointer that was compared with NULL" },
	{ DIAG_KFUNC_MAYBE_NULL, "a pointer that was compared with NULL" },
	{ DIAG_GLOBAL_ARG_NULL, "a pointer that was compared with NULL" },
	{ DIAG_ALU_PTR_OR_NULL, "a pointer that was compared with NULL" },
	{ DIAG_ALU_PTR_UNBOUNDED, "an offset with a lower bound" },
	{ DIAG_ALU_PTR_FAR, "an offset of less than 512 MiB" },
	{ DIAG_STACK_UNBOUNDED, "an index with both bounds" },
	{ DIAG_STACK_OUT_OF_BOUNDS, "an access inside of the stack, fp-512 to fp-1" },
	{ DIAG_STACK_VAR_OUT_OF_BOUNDS, "an access inside of the stack whatever the index is" },
	{ DIAG_STACK_READ_UNINIT, "bytes that were written before, on every path to here" },
	{ DIAG_STACK_BUF_UNINIT, "bytes that were written before, on every path to here" },
	{ DIAG_STACK_VAR_BUF_UNINIT, "bytes that were written before, on every path to here" },
	{ DIAG_REG_UNREADABLE, "a value on every path that leads to here" },
	{ DIAG_REF_UNRELEASED, "its release on every path" },
	{ DIAG_RETVAL_RANGE, "a value from {3} to {4}" },
	{ DIAG_CALLBACK_RETURN, "a number" },
	{ DIAG_CTX_ACCESS,
	  "{1} bytes at offset {0} to be one field that programs of this type may use so" },
	{ DIAG_PTR_MODIFIED, "the pointer as it was given, at offset 0" },
	{ DIAG_PTR_VARIABLE, "a constant offset" },
	{ DIAG_BTF_VARIABLE, "a constant offset" },
};

static void put_arg(struct text *t, const struct diag_arg *a)
{
	if (a->kind == 's')
		put(t, "%s", a->text);
	else
		put(t, "%lld", (long long)a->num);
}

void explain_needed(const struct diag *d, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	buf[0] = 0;
	if (d->id == DIAG_MEM_ACCESS_INVALID && d->nargs > 1) {
		put(&t, strstr(d->args[1].text, "or_null") ?
				"a pointer that was compared with NULL" :
				"a pointer that may be followed");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (needed[i].id != d->id)
			continue;
		for (const char *p = needed[i].text; *p; p++) {
			u32 arg = p[0] == '{' ? (u32)(p[1] - '0') : DIAG_ARGS;

			if (arg < d->nargs) {
				put_arg(&t, &d->args[arg]);
				p += 2;
				if (d->args[arg].num == 1 && !strncmp(p + 1, " bytes", 6)) {
					put(&t, " byte");
					p += 6;
				}
			} else {
				put(&t, "%c", *p);
			}
		}
		return;
	}
}
