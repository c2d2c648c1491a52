/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Numbers of the rows that hook_at() takes, made from the tables: for the sources that fire them.
 */
#ifndef SKEP_HOOK_POINTS_H
#define SKEP_HOOK_POINTS_H

#include "hook/hook.h"

/* Index of a system call in tables/syscalls.def, by the kernel's name: SYSCALL_newstat. */
enum syscall_row {
#define SYSCALL(nr, name, ...) SYSCALL_##name,
#include "tables/syscalls.def"
#undef SYSCALL
	SYSCALL_ROWS,
};

/* HOOK_TRACEPOINT: these, then two for each system call. */
enum tracepoint_row {
#define TRACEPOINT(category, name, ...) TP_##name,
#include "tables/tracepoints.def"
	TP_NAMED,
	TP_ROWS = TP_NAMED + 2 * SYSCALL_ROWS,
};

static inline u32 tp_sys_enter(u32 syscall_row)
{
	return TP_NAMED + 2 * syscall_row;
}

static inline u32 tp_sys_exit(u32 syscall_row)
{
	return TP_NAMED + 2 * syscall_row + 1;
}

/* HOOK_RAW_TP */
enum raw_tp_row {
#define RAW_TRACEPOINT(name, ...)	RAW_TP_##name,
#define TRACEPOINT(category, name, ...) RAW_TP_##name,
#include "tables/tracepoints.def"
	RAW_TP_ROWS,
};

/* HOOK_FENTRY, _FEXIT, _FMOD_RET, _KPROBE, _KRETPROBE: these, then __x64_sys_* of each system call. */
enum function_row {
#define FUNCTION(id, ...) FUNC_##id,
#include "tables/functions.def"
#undef FUNCTION
	FUNC_NAMED,
	FUNC_ROWS = FUNC_NAMED + SYSCALL_ROWS,
};

/* HOOK_LSM */
enum lsm_row {
#define LSM_HOOK(name, ...) LSM_##name,
#define LSM_AT(function, name)
#include "tables/lsm.def"
	LSM_ROWS,
};

/* Row of system call @nr of x86-64, or -1 when it has no row or the profile lacks it. */
int syscall_row(const struct skep_system *sys, u64 nr);
u32 syscall_number(u32 row);
/* "execve": the kernel's name of it. */
const char *syscall_name(u32 row);

/* Names of rows, whether or not the profile has them: "sched:sched_process_exec", "do_execve". */
const char *tracepoint_name_of(u32 row);
const char *function_name_of(u32 row);
/* For people: the row's arguments and result as C, and when it is reached. */
struct hook_point_text {
	const char *kind, *name, *what, *when, *ret;
};
/* Point @index of all that the profile has; -ENOENT behind the last. Strings as in skep_hook_point. */
int hook_point_text(struct skep_system *sys, u32 index, struct hook_point_text *out);
/*
 * The function's address, which run.func_ip and kallsyms tell. It lies where Linux's text does (clients
 * know a kernel's symbol by that, as libbcc), and nothing can be read there.
 */
u64 function_ip(const struct skep_system *sys, u32 row);
/* Row of the function at @ip exactly, or -ENOENT. */
int function_at(const struct skep_system *sys, u64 ip);
/* The one that @ip lies in: its row, and where in it; or -ENOENT. */
int function_around(const struct skep_system *sys, u64 ip, u64 *offset, u64 *size);

#endif
