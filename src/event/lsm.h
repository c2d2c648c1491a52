/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Security hooks whose decision is about a path or an address: the supervisor makes the call itself, on
 * what it has asked about (docs/trust.md). lsm.c is told of calls by function.c; lsm_open.c and
 * lsm_name.c make them.
 */
#ifndef SKEP_EVENT_LSM_H
#define SKEP_EVENT_LSM_H

#include "event/decide.h"
#include "event/function.h"
#include "event/walk.h"

#define LSM_ASKS_MAX 10

/* A call that asks hooks of its own. */
struct lsm_call {
	u16 asks[LSM_ASKS_MAX]; /* LSM_* + 1; ends with 0 */
	/* Asks, and makes the call or refuses it: .skip and .ret, or a descriptor, or a work. */
	void (*make)(struct call_model *m);
	void (*exit)(struct call_model *m); /* at the end of a call that the task has made */
};

const struct lsm_call *lsm_open_call(u32 nr);
const struct lsm_call *lsm_name_call(u32 nr);
const struct lsm_call *lsm_exec_call(u32 nr);

bool lsm_call_active(const struct skep_system *sys, u32 nr);
void lsm_call_enter(struct call_model *m);
void lsm_call_exit(struct call_model *m);
void lsm_call_end(struct call_model *m);

/* What has been asked about in an execve (lsm_exec.c). */
void lsm_exec_checked(struct call_model *m, int fd);
/* At its end: what runs now, if it is something else, is asked about or ended. */
void lsm_exec_verify(struct call_model *m);
/* The program that @t has just executed, and not begun, finds AT_SECURE set. */
void lsm_exec_secure(struct task *t);

/* What bpf(2) asks in the midst of a command (lsm_bpf.c). */
int lsm_bpf_ask(struct skep_system *sys, const struct security_question *q);

/* The address of connect() or bind() that was asked about, as far as that was: then it is not read again. */
bool lsm_asked_address(struct task *t, void *to, u64 len);

/* ---- for calls ---- */

/* Asks hook LSM_##hook: 0, or what refuses. */
#define LSM_ASK(m, hook, ...)                                                                      \
	({                                                                                         \
		s32 asked_ = 0;                                                                    \
		if (lsm_active((m)->t->sys, LSM_##hook)) {                                         \
			decide_pause((m)->t);                                                      \
			asked_ = lsm_run((m)->t, LSM_##hook, (const u64[]){ __VA_ARGS__ },         \
					 sizeof((const u64[]){ __VA_ARGS__ }) / sizeof(u64));      \
			decide_unpause((m)->t);                                                    \
		}                                                                                  \
		asked_;                                                                            \
	})

/* Keeps descriptor @fd of ours until the call ends; the last one that was. 0, -ENOMEM; -1: none. */
int lsm_hold(struct call_model *m, int fd);
int lsm_held(const struct call_model *m);
int lsm_held_at(const struct call_model *m, u32 i); /* -1: there are no more */

/* A call that the task may make as it is. */
#define LSM_NATIVE (-100000L)

/* The call ends with @ret. */
void lsm_result(struct call_model *m, long ret);
/* Whether the path is shown by somebody else, who answers the call: true, and nothing is to be made. */
bool lsm_elsewhere(struct call_model *m, int dfd, u64 string);
/* String argument @at: 0, -EFAULT, -ENAMETOOLONG (with @size bytes). */
int lsm_string(struct call_model *m, u64 at, char *out, size_t size);
/* "/proc/self/fd/N" of ours. */
void lsm_own_path(int fd, char *out, size_t size);

#endif
