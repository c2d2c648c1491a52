/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The verifier's log, in the kernel's words and layout (Linux: kernel/bpf/log.c).
 * Text goes to one growing buffer; the truncation that the caller's buffer asks
 * for (keep the end, or with BPF_LOG_FIXED the beginning) is made at copy-out.
 * Formats are those of 6.18: registers carry no liveness marks.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "isa/disasm.h"
#include "object/helper.h"
#include "object/system.h"
#include "verifier/kfunc.h"

/* ---- the buffer ---- */

/* Rotating mode: the oldest bytes that the user cannot get are dropped now and then. */
static void drop_oldest(struct bpf_verifier_log *log)
{
	size_t keep = log->user_size, drop;

	if (log->level & BPF_LOG_FIXED || !keep || log->len < 2 * keep + (1 << 16))
		return;
	drop = log->len - keep;
	memmove(log->buf, log->buf + drop, keep);
	log->base += drop;
	log->len = keep;
}

static void log_write(struct bpf_verifier_log *log, const char *text, size_t n)
{
	if (log->len + n + 1 > log->cap) {
		size_t cap = log->cap ? log->cap * 2 : 4096;
		char *buf;

		while (cap < log->len + n + 1)
			cap *= 2;
		buf = mem_realloc(log->buf, cap);
		if (!buf) {
			log->failed = true;
			return;
		}
		log->buf = buf;
		log->cap = cap;
	}
	memcpy(log->buf + log->len, text, n);
	log->len += n;
	log->max_end = max(log->max_end, log->base + log->len);
	drop_oldest(log);
}

void log_reset(struct bpf_verifier_env *env, u64 pos)
{
	struct bpf_verifier_log *log = &env->log;

	if (pos < log->base) {
		log->base = pos;
		log->len = 0;
	} else if (pos - log->base < log->len) {
		log->len = (size_t)(pos - log->base);
	}
}

void log_free(struct bpf_verifier_env *env)
{
	mem_free(env->log.buf);
	env->log.buf = NULL;
	env->log.len = env->log.cap = 0;
}

void verbose(struct bpf_verifier_env *env, const char *fmt, ...)
{
	char line[1024]; /* Linux formats into as much */
	va_list ap;
	int n;

	if (!env->log.level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		log_write(&env->log, line, min_t(size_t, (size_t)n, sizeof(line) - 1));
}

int log_copy_out(struct bpf_verifier_env *env, u64 user_buf, u32 size, u32 *true_size)
{
	struct bpf_verifier_log *log = &env->log;
	u64 end = log->base + log->len;
	size_t n;

	*true_size = log->max_end ? (u32)(log->max_end + 1) : 0;
	if (!user_buf || !size)
		return log->level && log->failed ? -ENOMEM : 0;
	if (log->level & BPF_LOG_FIXED) {
		n = min_t(size_t, log->len, size - 1);
		if (user_write(env->sys, user_buf, log->buf ?: "", n))
			return -EFAULT;
	} else {
		n = min_t(size_t, (size_t)min_t(u64, end, size - 1), log->len);
		if (user_write(env->sys, user_buf, log->buf ? log->buf + log->len - n : "", n))
			return -EFAULT;
	}
	if (user_write(env->sys, user_buf + n, "", 1))
		return -EFAULT;
	return *true_size > size ? -ENOSPC : 0;
}

/* ---- source lines ---- */

/* The record that covers @insn_off: the last that does not start behind it. */
const struct bpf_line_info *find_linfo(const struct bpf_verifier_env *env, u32 insn_off)
{
	u32 lo = 0, hi = env->nr_linfo;

	if (!hi || insn_off >= env->len)
		return NULL;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (env->line_info[mid].insn_off <= insn_off)
			lo = mid;
		else
			hi = mid;
	}
	return &env->line_info[lo];
}

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *linfo_text(const struct bpf_verifier_env *env, u32 off)
{
	return btf_str(env->btf->btf, off) ?: "";
}

void verbose_linfo(struct bpf_verifier_env *env, u32 insn_off, const char *prefix)
{
	const struct bpf_line_info *prev = env->prev_linfo, *l;

	if (!env->log.level)
		return;
	l = find_linfo(env, insn_off);
	if (!l || l == prev || !env->btf)
		return;
	/* Two records of one line differ only in the column, which is not shown. */
	if (prev && l->file_name_off == prev->file_name_off &&
	    BPF_LINE_INFO_LINE_NUM(l->line_col) == BPF_LINE_INFO_LINE_NUM(prev->line_col))
		return;
	if (prefix)
		verbose(env, "%s", prefix);
	verbose(env, "%s", skip_blanks(linfo_text(env, l->line_off)));
	if (visible(env->profile, KVER(6, 9)))
		verbose(env, " @ %s:%u", file_name(linfo_text(env, l->file_name_off)),
			BPF_LINE_INFO_LINE_NUM(l->line_col));
	verbose(env, "\n");
	env->prev_linfo = l;
}

/* ---- refusals ---- */

static void diag_place(struct bpf_verifier_env *env)
{
	struct diag *d = &env->diag;
	const struct bpf_line_info *l = find_linfo(env, env->insn_idx);

	d->insn = (s32)env->insn_idx;
	snprintf(d->prog, sizeof(d->prog), "%s", env->prog ? env->prog->name : "");
	if (!l || !env->btf)
		return;
	snprintf(d->source, sizeof(d->source), "%s", skip_blanks(linfo_text(env, l->line_off)));
	snprintf(d->file, sizeof(d->file), "%s", file_name(linfo_text(env, l->file_name_off)));
	d->line = BPF_LINE_INFO_LINE_NUM(l->line_col);
	d->column = BPF_LINE_INFO_LINE_COL(l->line_col);
}

/*
 * Callers add what the failure means for them ("R1 offset is outside of the packet"):
 * the log gets every line, the diagnostic keeps the first, which names the cause.
 */
static int vrefuse(struct bpf_verifier_env *env, int err, enum diag_id id, va_list ap)
{
	struct diag later = { 0 }, *d = env->diag.id == DIAG_NONE ? &env->diag : &later;
	char line[1024];

	diag_vset(d, id, ap);
	if (err)
		d->err = err < 0 ? -err : err;
	if (d == &env->diag)
		diag_place(env);
	env->diag.err = d->err;
	if (env->log.level) {
		diag_render(d, line, sizeof(line));
		verbose(env, "%s\n", line);
	}
	return -d->err;
}

int refuse(struct bpf_verifier_env *env, enum diag_id id, ...)
{
	va_list ap;
	int err;

	va_start(ap, id);
	err = vrefuse(env, 0, id, ap);
	va_end(ap);
	return err;
}

int refuse_err(struct bpf_verifier_env *env, int err, enum diag_id id, ...)
{
	va_list ap;

	va_start(ap, id);
	err = vrefuse(env, err, id, ap);
	va_end(ap);
	return err;
}

/* ---- registers ---- */

static const char *const reg_type_names[] = {
	[NOT_INIT] = "?",
	[SCALAR_VALUE] = "scalar",
	[PTR_TO_CTX] = "ctx",
	[CONST_PTR_TO_MAP] = "map_ptr",
	[PTR_TO_MAP_VALUE] = "map_value",
	[PTR_TO_MAP_KEY] = "map_key",
	[PTR_TO_STACK] = "fp",
	[PTR_TO_PACKET_META] = "pkt_meta",
	[PTR_TO_PACKET] = "pkt",
	[PTR_TO_PACKET_END] = "pkt_end",
	[PTR_TO_FLOW_KEYS] = "flow_keys",
	[PTR_TO_SOCKET] = "sock",
	[PTR_TO_SOCK_COMMON] = "sock_common",
	[PTR_TO_TCP_SOCK] = "tcp_sock",
	[PTR_TO_TP_BUFFER] = "tp_buffer",
	[PTR_TO_XDP_SOCK] = "xdp_sock",
	[PTR_TO_BTF_ID] = "ptr_",
	[PTR_TO_MEM] = "mem",
	[PTR_TO_ARENA] = "arena",
	[PTR_TO_BUF] = "buf",
	[PTR_TO_FUNC] = "func",
	[PTR_TO_INSN] = "insn",
	[CONST_PTR_TO_DYNPTR] = "dynptr_ptr",
};

const char *reg_type_str(struct bpf_verifier_env *env, u32 type)
{
	bool btf_id = base_type(type) == PTR_TO_BTF_ID;
	const char *null = "";

	if (type & PTR_MAYBE_NULL)
		null = btf_id ? "or_null_" : "_or_null";
	snprintf(env->type_text, sizeof(env->type_text), "%s%s%s%s%s%s%s%s%s",
		 type & MEM_RDONLY ? "rdonly_" : "",
		 !(type & MEM_RINGBUF)		   ? "" :
		 visible(env->profile, KVER(6, 2)) ? "ringbuf_" :
						     "alloc_",
		 type & MEM_USER ? "user_" : "", type & MEM_PERCPU ? "percpu_" : "",
		 type & MEM_RCU ? "rcu_" : "", type & PTR_UNTRUSTED ? "untrusted_" : "",
		 type & PTR_TRUSTED ? "trusted_" : "", reg_type_names[base_type(type)], null);
	return env->type_text;
}

static void verbose_unum(struct bpf_verifier_env *env, u64 num)
{
	if (num <= UINT16_MAX)
		verbose(env, "%llu", (unsigned long long)num);
	else
		verbose(env, "%#llx", (unsigned long long)num);
}

static bool snum_is_short(s64 num)
{
	return num >= INT16_MIN && num <= INT16_MAX;
}

static void verbose_snum(struct bpf_verifier_env *env, s64 num)
{
	if (snum_is_short(num))
		verbose(env, "%lld", (long long)num);
	else
		verbose(env, "%#llx", (unsigned long long)num);
}

/* A 32-bit bound is sign-extended only where it prints in decimal; hex would mislead. */
static u64 s32_shown(s32 v)
{
	return snum_is_short(v) ? (u64)(s64)v : (u32)v;
}

/* Bounds that say something, equal ones of one signedness joined: "smin=umin=3". */
static void print_scalar_ranges(struct bpf_verifier_env *env, const struct bpf_reg_state *reg,
				const char **sep)
{
	struct bound {
		const char *name;
		u64 val;
		bool omit;
	} b[] = {
		{ "smin", (u64)reg->smin_value, reg->smin_value == INT64_MIN },
		{ "smax", (u64)reg->smax_value, reg->smax_value == INT64_MAX },
		{ "umin", reg->umin_value, reg->umin_value == 0 },
		{ "umax", reg->umax_value, reg->umax_value == UINT64_MAX },
		{ "smin32", s32_shown(reg->s32_min_value), reg->s32_min_value == INT32_MIN },
		{ "smax32", s32_shown(reg->s32_max_value), reg->s32_max_value == INT32_MAX },
		{ "umin32", reg->u32_min_value, reg->u32_min_value == 0 },
		{ "umax32", reg->u32_max_value, reg->u32_max_value == UINT32_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		bool negative = b[i].name[0] == 's' && (s64)b[i].val < 0;

		if (b[i].omit)
			continue;
		verbose(env, "%s%s=", *sep, b[i].name);
		*sep = ",";
		for (size_t j = i + 2; j < ARRAY_SIZE(b); j += 2) {
			if (b[j].omit || b[j].val != b[i].val ||
			    (b[j].name[0] == 's' && (s64)b[j].val < 0) != negative)
				continue;
			b[j].omit = true;
			verbose(env, "%s=", b[j].name);
		}
		if (b[i].name[0] == 's')
			verbose_snum(env, (s64)b[i].val);
		else
			verbose_unum(env, b[i].val);
	}
}

static void print_comma(struct bpf_verifier_env *env, const char **sep)
{
	verbose(env, "%s", *sep);
	*sep = ",";
}

static void print_reg_state(struct bpf_verifier_env *env, const struct bpf_func_state *state,
			    const struct bpf_reg_state *reg)
{
	u32 t = reg->type, base = base_type(t);
	const char *sep = "";

	if (t == SCALAR_VALUE && reg->precise)
		verbose(env, "P");
	if (t == SCALAR_VALUE && tnum_is_const(reg->var_off)) {
		verbose_snum(env, (s64)reg->var_off.value);
		return;
	}
	verbose(env, "%s", reg_type_str(env, t));
	if (t == PTR_TO_ARENA)
		return;
	if (t == PTR_TO_STACK) {
		if (state->frameno != reg->frameno)
			verbose(env, "[%u]", reg->frameno);
		if (tnum_is_const(reg->var_off)) {
			verbose_snum(env, (s64)reg->var_off.value + reg->off);
			return;
		}
	}
	if (base == PTR_TO_BTF_ID)
		verbose(env, "%s", btf_type_name(reg->btf, reg->btf_id));
	verbose(env, "(");
	if (reg->id) {
		print_comma(env, &sep);
		verbose(env, "id=%u", reg->id & ~BPF_ADD_CONST);
	}
	if (reg->id & BPF_ADD_CONST)
		verbose(env, "%+d", reg->off);
	if (reg->ref_obj_id) {
		print_comma(env, &sep);
		verbose(env, "ref_obj_id=%u", reg->ref_obj_id);
	}
	if (t & NON_OWN_REF) {
		print_comma(env, &sep);
		verbose(env, "non_own_ref");
	}
	if (base == CONST_PTR_TO_MAP || base == PTR_TO_MAP_KEY || base == PTR_TO_MAP_VALUE) {
		const struct bpf_map *map = reg->map->map;

		if (map->name[0] && reg->map->obj.id) { /* an inner map's template has no name */
			print_comma(env, &sep);
			verbose(env, "map=%s", map->name);
		}
		print_comma(env, &sep);
		verbose(env, "ks=%u,vs=%u", map->key_size, map->value_size);
	}
	if (t != SCALAR_VALUE && reg->off) {
		print_comma(env, &sep);
		verbose(env, "off=");
		verbose_snum(env, reg->off);
	}
	if (base == PTR_TO_PACKET || base == PTR_TO_PACKET_META) {
		print_comma(env, &sep);
		verbose(env, "r=");
		verbose_unum(env, (u64)reg->range);
	}
	if (base == PTR_TO_MEM) {
		print_comma(env, &sep);
		verbose(env, "sz=");
		verbose_unum(env, reg->mem_size);
	}
	if (t == CONST_PTR_TO_DYNPTR) {
		print_comma(env, &sep);
		verbose(env, "type=%s", dynptr_type_name(reg->dynptr.dynptr_type));
	}
	if (!tnum_is_const(reg->var_off)) {
		print_scalar_ranges(env, reg, &sep);
		if (~reg->var_off.mask) {
			print_comma(env, &sep);
			verbose(env, "var_off=(0x%llx; 0x%llx)",
				(unsigned long long)reg->var_off.value,
				(unsigned long long)reg->var_off.mask);
		}
	} else if (reg->var_off.value) {
		print_comma(env, &sep);
		verbose(env, "imm=");
		verbose_snum(env, (s64)reg->var_off.value);
	}
	verbose(env, ")");
}

/* ---- states ---- */

static const char slot_type_char[] = {
	[STACK_INVALID] = '?', [STACK_SPILL] = 'r', [STACK_MISC] = 'm',	    [STACK_ZERO] = '0',
	[STACK_DYNPTR] = 'd',  [STACK_ITER] = 'i',  [STACK_IRQ_FLAG] = 'f', [STACK_POISON] = 'p',
};

static const char *marks_text(const struct bpf_verifier_env *env, bool read, bool written)
{
	if (!logs_marks(env))
		return "";
	return read ? written ? "_rw" : "_r" : written ? "_w" : "";
}

static void print_stack_slot(struct bpf_verifier_env *env, const struct bpf_func_state *state,
			     u32 spi)
{
	const char *marks = marks_text(env, state->slots_read & BIT_ULL(spi),
				       state->slots_written & BIT_ULL(spi));
	const struct bpf_stack_state *slot = &state->stack[spi];
	const struct bpf_reg_state *reg = &slot->spilled_ptr;
	char types[BPF_REG_SIZE + 1] = "";
	int off = -(int)(spi + 1) * BPF_REG_SIZE;
	const char *sep = "";
	bool valid = false;

	for (int j = 0; j < BPF_REG_SIZE; j++) {
		types[j] = slot_type_char[slot->slot_type[j]];
		valid |= slot->slot_type[j] != STACK_INVALID;
	}
	if (!valid)
		return;
	switch (slot->slot_type[BPF_REG_SIZE - 1]) {
	case STACK_SPILL:
		/* a narrow spill: what lies beside it comes first */
		*strchr(types, 'r') = 0;
		verbose(env, " fp%d%s=%s", off, marks, types);
		print_reg_state(env, state, reg);
		return;
	case STACK_DYNPTR:
		verbose(env, " fp%d%s=dynptr_%s(", off, marks,
			dynptr_type_name(reg->dynptr.dynptr_type));
		if (reg->id) {
			print_comma(env, &sep);
			verbose(env, "id=%u", reg->id);
		}
		if (reg->ref_obj_id) {
			print_comma(env, &sep);
			verbose(env, "ref_id=%u", reg->ref_obj_id);
		}
		verbose(env, ")");
		return;
	case STACK_ITER:
		if (reg->ref_obj_id)
			verbose(env, " fp%d%s=iter_%s(ref_id=%u,state=%s,depth=%d)", off, marks,
				btf_type_name(reg->iter.btf, reg->iter.btf_id) +
					strlen("bpf_iter_"),
				reg->ref_obj_id,
				reg->iter.state == ITER_STATE_ACTIVE ? "active" : "drained",
				reg->iter.depth);
		return;
	default:
		verbose(env, " fp%d%s=%s", off, marks, types);
	}
}

void print_verifier_state(struct bpf_verifier_env *env, const struct bpf_verifier_state *st,
			  u32 frameno, bool print_all)
{
	const struct bpf_func_state *state = st->frame[frameno];
	struct bpf_func_state *copy = NULL;
	bool first = true;

	if (!env->log.level)
		goto clean;
	if (state->kept) {
		copy = new_func_state(env);
		if (!copy || copy_func_state(env, copy, state)) {
			env->log.failed = true;
			goto clean;
		}
		state = copy;
	}
	if (state->frameno)
		verbose(env, " frame%u:", state->frameno);
	for (u32 i = 0; i < MAX_BPF_REG; i++) {
		if (state->regs[i].type == NOT_INIT ||
		    (!print_all && !(env->scratched_regs & BIT(i))))
			continue;
		verbose(env, " R%u%s=", i,
			marks_text(env, state->regs_read & BIT(i), state->regs_written & BIT(i)));
		print_reg_state(env, state, &state->regs[i]);
	}
	for (u32 i = 0; i < state->allocated_stack / BPF_REG_SIZE; i++) {
		if (!print_all && !(env->scratched_stack_slots & BIT_ULL(i)))
			continue;
		/* of a dynptr's two slots the second, lower one is the main one */
		if (state->stack[i].slot_type[BPF_REG_SIZE - 1] == STACK_DYNPTR)
			i++;
		print_stack_slot(env, state, i);
	}
	for (u32 i = 0; i < st->acquired_refs; i++) {
		if (!st->refs[i].id)
			continue;
		verbose(env, first ? " refs=%u" : ",%u", st->refs[i].id);
		first = false;
	}
	if (state->in_callback_fn)
		verbose(env, " cb");
	if (state->in_async_callback_fn)
		verbose(env, " async_cb");
	verbose(env, "\n");
clean:
	free_func_state(env, copy);
	if (!print_all) {
		env->scratched_regs = 0;
		env->scratched_stack_slots = 0;
	}
}

void mark_reg_scratched(struct bpf_verifier_env *env, u32 regno)
{
	env->scratched_regs |= BIT(regno);
}

void mark_stack_slot_scratched(struct bpf_verifier_env *env, u32 spi)
{
	env->scratched_stack_slots |= BIT_ULL(spi);
}

/* What an instruction changed, behind it on its line when nothing was logged between. */
void print_insn_state(struct bpf_verifier_env *env, const struct bpf_verifier_state *st,
		      u32 frameno)
{
	u32 at = env->prev_insn_print_pos, column;

	if (env->prev_log_pos && env->prev_log_pos == log_pos(env)) {
		log_reset(env, env->prev_log_pos - 1); /* its newline */
		column = round_up(max_t(u32, at + 4, 40), 8) - at - 1;
		verbose(env, "%*c;", (int)column, ' ');
	} else {
		verbose(env, "%u:", env->insn_idx);
	}
	print_verifier_state(env, st, frameno, false);
}

/* ---- instructions ---- */

static const char *helper_name(void *arg, s32 id)
{
	const struct bpf_func_proto *fn = bpf_helper_proto((u32)id);
	struct bpf_verifier_env *env = arg;

	if (!fn)
		return NULL;
	snprintf(env->type_text, sizeof(env->type_text), "bpf_%s", fn->name);
	return env->type_text;
}

static const char *call_name(void *arg, const struct bpf_insn *insn)
{
	struct bpf_verifier_env *env = arg;
	const struct btf *types;
	int err;

	if (insn->src_reg != BPF_PSEUDO_KFUNC_CALL)
		return NULL;
	types = kfunc_types(env, insn, true, &err);
	return types ? btf_type_name(types, (u32)insn->imm) : NULL;
}

void insn_text(struct bpf_verifier_env *env, u32 idx, char *buf, size_t size)
{
	const struct disasm_names names = { .arg = env,
					    .helper = helper_name,
					    .call = call_name,
					    .hide_pointers = !env->allow_ptr_leaks };
	char text[160], *body;

	disasm_insn(text, sizeof(text), &env->insns[idx], &names);
	body = strchr(text, ' '); /* "(b7) r0 = 0" */
	snprintf(buf, size, "%s", body ? body + 1 : text);
}

void verbose_insn(struct bpf_verifier_env *env, u32 idx)
{
	const struct disasm_names names = { .arg = env,
					    .helper = helper_name,
					    .call = call_name,
					    .hide_pointers = !env->allow_ptr_leaks };
	char text[160];

	disasm_insn(text, sizeof(text), &env->insns[idx], &names);
	verbose(env, "%s\n", text);
}

void print_insn(struct bpf_verifier_env *env, u32 idx)
{
	verbose_linfo(env, idx, "; ");
	env->prev_log_pos = log_pos(env);
	verbose(env, "%u: ", idx);
	verbose_insn(env, idx);
	env->prev_insn_print_pos = (u32)(log_pos(env) - env->prev_log_pos);
	env->prev_log_pos = log_pos(env);
}

void print_verification_stats(struct bpf_verifier_env *env)
{
	if (env->log.level & BPF_LOG_STATS) {
		verbose(env, "verification time %llu usec\n",
			(unsigned long long)env->verification_ns / 1000);
		verbose(env, "stack depth ");
		for (u32 i = 0; i < env->subprog_cnt; i++)
			verbose(env, "%s%u", i ? "+" : "", env->subprog_info[i].stack_depth);
		verbose(env, "\n");
	}
	verbose(env,
		"processed %u insns (limit %u) max_states_per_insn %u total_states %u peak_states "
		"%u "
		"mark_read %u\n",
		env->insn_processed, env->insn_limit, env->max_states_per_insn, env->total_states,
		env->peak_states, env->longest_mark_read_walk);
}
