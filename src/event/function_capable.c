/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls whose first question is whether the task may make them at all (Linux: capable() and
 * ns_capable() in kernel/capability.c, which reach cap_capable() of security/commoncap.c).
 *
 * DIFF(capable): only these calls tell it. Linux asks in many more places, on the way to what a call does,
 * of which neither the call nor its result says whether it came there.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "event/function.h"

#define INIT_USER_NS	0xEFFFFFFDu /* PROC_USER_INIT_INO */
#define CAP_OPT_INSETID 4	    /* since 5.1 */

static u64 cred(struct call_model *m)
{
	return model_read(m, world_task(m->t), "cred");
}

static u64 user_ns(struct call_model *m)
{
	u64 of = cred(m);

	return of ? model_read(m, of, "user_ns") : 0;
}

/*
 * The question was asked, and of a namespace that we have: capable() asks of the first one, as do those whose
 * UTS or PID namespace belongs to it; a task in another one has that alone.
 */
static bool asked(struct call_model *m)
{
	u64 ns = user_ns(m);

	return m->ret != -ENOSYS && ns && (u32)model_read(m, ns, "ns.inum") == INIT_USER_NS;
}

/* Of its own identity Linux asks only for what the ids that it has do not allow: certain when it is refused. */
static bool refused(struct call_model *m)
{
	return m->ret == -EPERM && user_ns(m);
}

/* Nothing else in these calls gives EPERM. */
static u64 verdict(struct call_model *m)
{
	return (u64)(m->ret == -EPERM ? -EPERM : 0);
}

static u64 insetid(struct call_model *m)
{
	return CAP_OPT_INSETID;
}

static u64 none(struct call_model *m)
{
	return 0;
}

#define ASKS(cap, test, opts)                                                                      \
	static u64 cap##_number(struct call_model *m)                                              \
	{                                                                                          \
		return cap;                                                                        \
	}                                                                                          \
	static const struct step cap##_steps[] = {                                                 \
		STEP(cap_capable, 1, STEP_EXIT, test, verdict,                                     \
		     { cred, user_ns, cap##_number, opts }),                                       \
	};                                                                                         \
	static const struct call_path cap##_path = PATH(cap##_steps);
ASKS(CAP_SYS_ADMIN, asked, none)
ASKS(CAP_SYS_BOOT, asked, none)
ASKS(CAP_SYS_MODULE, asked, none)
ASKS(CAP_SYS_PACCT, asked, none)
ASKS(CAP_SYS_TTY_CONFIG, asked, none)
ASKS(CAP_SETUID, refused, insetid)
ASKS(CAP_SETGID, refused, insetid)
#undef ASKS

const struct call_path *capable_path(u32 nr)
{
	switch (nr) {
	case SYS_sethostname:
	case SYS_setdomainname:
	case SYS_swapoff:
		return &CAP_SYS_ADMIN_path;
	case SYS_reboot:
		return &CAP_SYS_BOOT_path;
	case SYS_init_module:
	case SYS_finit_module:
	case SYS_delete_module:
		return &CAP_SYS_MODULE_path;
	case SYS_acct:
		return &CAP_SYS_PACCT_path;
	case SYS_vhangup:
		return &CAP_SYS_TTY_CONFIG_path;
	case SYS_setuid:
	case SYS_setreuid:
	case SYS_setresuid:
		return &CAP_SETUID_path;
	case SYS_setgid:
	case SYS_setregid:
	case SYS_setresgid:
		return &CAP_SETGID_path;
	}
	return NULL;
}
