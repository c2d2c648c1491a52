/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Points: the tracepoints and kernel functions that programs can be attached to, by name (Linux:
 * the tracepoint sections, kallsyms). A row's hook is made when something is first attached to it
 * and stays, so sources may read it without a lock.
 */
#include "hook/points.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "hook/functions.h"
#include "hook/internal.h"

#define FUNCTION_SPACING 64		       /* bytes between the addresses of two functions */
#define KERNEL_TEXT	 0xffffffff81000000ULL /* x86-64: where the kernel begins */

static const struct {
	const char *name;
	u16 nr;
	kver since;
} syscalls[SYSCALL_ROWS] = {
#define SYSCALL(nr, name, since, ...) [SYSCALL_##name] = { #name, nr, since },
#include "tables/syscalls.def"
#undef SYSCALL
};

static const char *const tracepoint_names[TP_ROWS] = {
#define TRACEPOINT(category, name, ...) [TP_##name] = #category ":" #name,
#include "tables/tracepoints.def"
#define SYSCALL(nr, name, ...)                                                                     \
	[TP_NAMED + 2 * SYSCALL_##name] = "syscalls:sys_enter_" #name,                             \
			[TP_NAMED + 2 * SYSCALL_##name + 1] = "syscalls:sys_exit_" #name,
#include "tables/syscalls.def"
#undef SYSCALL
};

static const struct {
	const char *name, *args;
} raw_tracepoints[RAW_TP_ROWS] = {
#define RAW_TRACEPOINT(name, args, ...)		  [RAW_TP_##name] = { #name, args },
#define TRACEPOINT(category, name, id, args, ...) [RAW_TP_##name] = { #name, args },
#include "tables/tracepoints.def"
};

static const char *const function_names[FUNC_ROWS] = {
#define FUNCTION(id, name, ...) [FUNC_##id] = #name,
#include "tables/functions.def"
#undef FUNCTION
#define SYSCALL(nr, name, ...) [FUNC_NAMED + SYSCALL_##name] = "__x64_sys_" #name,
#include "tables/syscalls.def"
#undef SYSCALL
};

static const char *const lsm_names[LSM_ROWS] = {
#define LSM_HOOK(name, returns_nothing, when) [LSM_##name] = #name,
#define LSM_AT(function, name)
#include "tables/lsm.def"
};

static const bool lsm_voids[LSM_ROWS] = {
#define LSM_HOOK(name, returns_nothing, when) [LSM_##name] = returns_nothing,
#define LSM_AT(function, name)
#include "tables/lsm.def"
};

static bool has_syscall(const struct skep_system *sys, u32 row)
{
	return visible(sys->profile, syscalls[row].since);
}

int syscall_row(const struct skep_system *sys, u64 nr)
{
	u32 lo = 0, hi = SYSCALL_ROWS;

	while (lo < hi) { /* the table is sorted by number */
		u32 mid = (lo + hi) / 2;

		if (syscalls[mid].nr == nr)
			return has_syscall(sys, mid) ? (int)mid : -1;
		if (syscalls[mid].nr < nr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

u32 syscall_number(u32 row)
{
	return syscalls[row].nr;
}

const char *syscall_name(u32 row)
{
	return syscalls[row].name;
}

static const char *tracepoint_name(const struct skep_system *sys, u32 row)
{
	if (row >= TP_NAMED && !has_syscall(sys, (row - TP_NAMED) / 2))
		return NULL;
	return tracepoint_names[row];
}

static const char *raw_tp_name(const struct skep_system *sys, u32 row)
{
	return raw_tracepoints[row].name;
}

static const char *function_name(const struct skep_system *sys, u32 row)
{
	if (row >= FUNC_NAMED ? !has_syscall(sys, row - FUNC_NAMED) :
				!function_visible(sys->profile, function_info(row)))
		return NULL;
	return function_names[row];
}

static const char *lsm_name(const struct skep_system *sys, u32 row)
{
	return lsm_names[row];
}

static const struct hook_point_table tracepoint_table = { TP_ROWS, tracepoint_name };
static const struct hook_point_table raw_tp_table = { RAW_TP_ROWS, raw_tp_name };
static const struct hook_point_table function_table = { FUNC_ROWS, function_name };
static const struct hook_point_table lsm_table = { LSM_ROWS, lsm_name };

u64 function_ip(const struct skep_system *sys, u32 row)
{
	return KERNEL_TEXT + (u64)row * FUNCTION_SPACING;
}

int function_at(const struct skep_system *sys, u64 ip)
{
	u64 off = ip - function_ip(sys, 0);

	if (off % FUNCTION_SPACING || off / FUNCTION_SPACING >= FUNC_ROWS ||
	    !function_name(sys, (u32)(off / FUNCTION_SPACING)))
		return -ENOENT;
	return (int)(off / FUNCTION_SPACING);
}

int function_around(const struct skep_system *sys, u64 ip, u64 *offset, u64 *size)
{
	u64 off = ip - function_ip(sys, 0);

	*offset = off % FUNCTION_SPACING;
	*size = FUNCTION_SPACING;
	return function_at(sys, ip - *offset);
}

u64 function_address(struct skep_system *sys, const char *name, u32 id)
{
	int row = hook_point_row(sys, HOOK_KPROBE, name);

	return row >= 0 ? function_ip(sys, (u32)row) :
			  function_ip(sys, FUNC_ROWS + 1) + (u64)id * FUNCTION_SPACING;
}

const char *tracepoint_name_of(u32 row)
{
	return tracepoint_names[row];
}

const char *function_name_of(u32 row)
{
	return function_names[row];
}

/* ---- tables ---- */

int hook_points_add(struct skep_system *sys, enum hook_kind kind,
		    const struct hook_point_table *table)
{
	struct hook_points *p = &sys->hooks->points[kind];

	p->at = mem_zalloc(table->n * sizeof(*p->at));
	if (!p->at)
		return -ENOMEM;
	p->table = table;
	return 0;
}

struct hook *hook_at(const struct skep_system *sys, enum hook_kind kind, u32 row)
{
	const struct hook_points *p = &sys->hooks->points[kind];

	return p->table && row < p->table->n ? load_acquire(&p->at[row]) : NULL;
}

int hook_point_row(const struct skep_system *sys, enum hook_kind kind, const char *name)
{
	const struct hook_point_table *table = sys->hooks->points[kind].table;

	for (u32 i = 0; table && i < table->n; i++) {
		const char *have = table->name(sys, i);

		if (have && !strcmp(have, name))
			return (int)i;
	}
	return -ENOENT;
}

static u32 count_args(const char *args)
{
	u32 n = *args ? 1 : 0;

	while ((args = strchr(args, ','))) {
		args++;
		n++;
	}
	return n;
}

struct hook *hook_point_get(struct skep_system *sys, enum hook_kind kind, const char *name,
			    int *err)
{
	struct hook_points *p = &sys->hooks->points[kind];
	struct hook *h = NULL;
	int row;

	relock_take(&sys->lock);
	*err = row = hook_point_row(sys, kind, name);
	if (row < 0)
		goto out;
	h = p->at[row];
	*err = 0;
	if (h)
		goto out;
	h = hook_add(sys, kind, 0, name);
	if (!h) {
		*err = -ENOMEM;
		goto out;
	}
	h->row = (u32)row;
	if (kind == HOOK_RAW_TP)
		h->nr_args = count_args(raw_tracepoints[row].args);
	else if (kind == HOOK_LSM)
		h->returns_nothing = lsm_voids[row];
	else if (kind != HOOK_TRACEPOINT)
		h->func_ip = function_ip(sys, (u32)row);
	store_release(&p->at[row], h);
out:
	relock_give(&sys->lock);
	return h;
}

int points_start(struct skep_system *sys)
{
	static const enum hook_kind functions[] = { HOOK_FENTRY, HOOK_FEXIT, HOOK_FMOD_RET,
						    HOOK_KPROBE, HOOK_KRETPROBE };
	int err = hook_points_add(sys, HOOK_TRACEPOINT, &tracepoint_table);

	if (!err)
		err = hook_points_add(sys, HOOK_RAW_TP, &raw_tp_table);
	if (!err)
		err = hook_points_add(sys, HOOK_LSM, &lsm_table);
	for (size_t i = 0; i < ARRAY_SIZE(functions) && !err; i++)
		err = hook_points_add(sys, functions[i], &function_table);
	return err;
}

void points_stop(struct skep_system *sys)
{
	for (u32 k = 0; k < HOOK_KINDS; k++)
		mem_free(sys->hooks->points[k].at);
}

/* ---- all of them ---- */

int hooks_each(struct skep_system *sys, enum hook_kind kind, int (*fn)(struct hook *h, void *arg),
	       void *arg)
{
	int ret = 0;

	relock_take(&sys->lock);
	for (struct hook *h = sys->hooks->first, *next; h && !ret; h = next) {
		next = h->next;
		if (h->kind == kind && hook_active(h))
			ret = fn(h, arg);
	}
	relock_give(&sys->lock);
	return ret;
}

u64 hooks_revision(const struct skep_system *sys)
{
	return load_acquire(&sys->hooks->revision);
}

void hooks_notify(struct skep_system *sys, void (*fn)(void *arg), void *arg)
{
	relock_take(&sys->lock);
	sys->hooks->notify_arg = arg;
	sys->hooks->notify = fn;
	relock_give(&sys->lock);
}

void hooks_changed(struct skep_system *sys)
{
	struct hook_table *t = sys->hooks;

	store_release(&t->revision, t->revision + 1);
	if (t->notify)
		t->notify(t->notify_arg);
}

void hooks_touch(struct skep_system *sys)
{
	relock_take(&sys->lock);
	hooks_changed(sys);
	relock_give(&sys->lock);
}
